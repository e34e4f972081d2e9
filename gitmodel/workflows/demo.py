"""`gitmodel demo`: the whole job in a scratch folder, each command shown before it runs.

A model is trained twice, versioned, pushed, and fetched by a colleague who compares the bytes. Every
command is a real child process with the real hooks, so the output can be typed again by a reader.

Guarantee: nothing outside the scratch folder is written, and no Git configuration of the person is
read: the processes get an environment in which every such place lies in that folder.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gitmodel.errors import GitmodelError, RepositoryError, UsageError
from gitmodel.git.program import find_program
from gitmodel.project.demo_training import METRICS_NAME, TRAINING_SCRIPT, WEIGHTS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.project.context import Context

MODEL = "moons"
_SERVER = "server.git"
_COLLEAGUE = "colleague"
_FIRST = "first-version"

# What Git needs to know of a person; their own file may sign commits, or have hooks for all
# repositories, and a machine on which Git was never configured refuses to commit without a name.
_GIT_CONFIG = """\
[user]
\tname = Ana
\temail = ana@example.org
[init]
\tdefaultBranch = main
[advice]
\tdetachedHead = false
"""


class Run(Protocol):
    """How a front door runs a command for the demo."""

    def __call__(self, arguments: list[str], folder: str, environment: Mapping[str, str], /) -> int:
        """Run a command in its whole environment, with its output shown; returns its exit code."""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo did."""

    folder: str  # absolute
    kept: bool  # whether it is still there
    commands: int  # how many were run; all of them succeeded
    compared: int  # files whose bytes were compared with those that were trained; all were the same


def run_demo(
    context: Context,
    *,
    folder: str | None,
    keep: bool,
    say: Callable[[str], None],
    run: Run,
) -> DemoReport:
    """Show the whole job.

    A `folder` must be empty or not there yet, and is kept; a temporary one only with `keep`. What `say`
    prints must be out before a command that `run` starts writes.

    Raises UsageError if the folder has something in it, RepositoryError if there is no git program,
    GitmodelError if a command failed, or bytes came back that were not those that went in.
    """
    scratch = _make_scratch(context, folder)
    kept = keep or folder is not None
    try:
        if find_program(scratch, context.environment) is None:
            raise RepositoryError("there is no git program on PATH", hint="install Git")
        demo = _Demo(scratch, _closed_environment(context.environment, scratch), say, run)
        demo.show()
    finally:
        if kept:
            say("")
            say(f"Everything is in {scratch} for you to look at.")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    if not kept:
        say(
            "The folder of this demo is removed. gitmodel demo --keep leaves it for you to look at."
        )
    return DemoReport(scratch, kept, demo.commands, demo.compared)


def _make_scratch(context: Context, folder: str | None) -> str:
    """Make the folder; its name is without links, so that it reads the same in every output."""
    if folder is None:
        chosen = context.environment.get("TMPDIR") or None
        return os.path.realpath(tempfile.mkdtemp(prefix="gitmodel-demo-", dir=chosen))
    path = os.path.realpath(os.path.join(context.folder, folder))
    try:
        os.makedirs(path, exist_ok=True)
        if os.listdir(path):
            raise UsageError(f"{path} is not empty", hint="gitmodel demo --folder NEW_FOLDER")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be used: {error.strerror}", hint="gitmodel demo --folder NEW_FOLDER"
        ) from error
    return path


def _closed_environment(environment: Mapping[str, str], scratch: str) -> dict[str, str]:
    """The person's environment, with every place that Git or gitmodel may look at in the scratch.

    `HOME` stays: Python finds packages below it that were installed with `pip install --user`.
    """
    private = os.path.join(scratch, ".settings")
    os.mkdir(private)
    config = os.path.join(private, "gitconfig")
    with open(config, "w", encoding="utf-8") as stream:
        stream.write(_GIT_CONFIG)
    closed = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("GIT_", "GITMODEL_")) or name == "GIT_EXEC_PATH"
    }
    for kind in ("CONFIG", "CACHE", "DATA", "STATE"):
        closed[f"XDG_{kind}_HOME"] = os.path.join(private, kind.lower())
    return closed | {
        "GIT_CONFIG_GLOBAL": config,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",  # a template folder may bring hooks
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "PAGER": "cat",
    }


class _Demo:
    """The steps, in order; the first that fails ends the demo."""

    def __init__(
        self, scratch: str, environment: Mapping[str, str], say: Callable[[str], None], run: Run
    ) -> None:
        self.commands = 0
        self.compared = 0
        self._scratch = scratch
        self._here = scratch
        self._environment = environment
        self._say = say
        self._run = run

    def show(self) -> None:
        self._say(f"This demo works in {self._scratch} and touches nothing else.")
        self._set_up()
        first = self._first_version()
        second = self._second_version()
        self._colleague(second)
        self._older_version(first)
        self._aliases()
        self._say("")
        self._say("That is all: train, git commit, git push; and gitmodel checkout to get weights.")

    def _set_up(self) -> None:
        self._step("A server for code. Yours is GitHub, GitLab or the like.")
        self._git("init", "--quiet", "--bare", _SERVER)
        self._step("Ana's repository, with that server as its remote.")
        self._git("init", "--quiet", MODEL)
        self._enter(MODEL)
        self._git("remote", "add", "origin", f"../{_SERVER}")
        self._step(
            "Set up gitmodel, once: hooks, and where weights go. Yours is s3://bucket/prefix or az://."
        )
        self._gitmodel("init", "../weights")

    def _first_version(self) -> str:
        with open(self._path("train.py"), "w", encoding="utf-8") as stream:
            stream.write(TRAINING_SCRIPT)
        self._step("Train a small model. train.py is plain Python that this demo has put here.")
        self._python("train.py", "--epochs", "1")
        self._step("Register the weights: they are stored, and a small pointer file is for Git.")
        self._gitmodel("add", WEIGHTS_NAME, "--metrics", METRICS_NAME)
        self._step("The code and the metrics go into Git as ever.")
        self._git("add", "train.py", METRICS_NAME)
        self._step("Commit. From here on, two habits are enough: git commit and git push.")
        self._git("commit", "--quiet", "--message", "First model")
        self._step("Push. A hook uploads the weights first; only then does Git move the branch.")
        self._git("push", "--quiet", "--set-upstream", "origin", "main")
        return self._checksum(WEIGHTS_NAME)

    def _second_version(self) -> str:
        self._step("Train longer. The script overwrites weights and metrics.")
        self._python("train.py", "--epochs", "40")
        self._step("Commit. A hook sees the new weights and puts version 2 into this very commit.")
        self._git("commit", "--quiet", "--all", "--message", "Train longer")
        self._step("What that changed in the pointer: who, what and how good, as lines of a diff.")
        self._git("show", "--format=%an: %s", "HEAD", "--", f"{MODEL}.model.yaml")
        self._step("Push. Only what is new is uploaded.")
        self._git("push", "--quiet")
        return self._checksum(WEIGHTS_NAME)

    def _colleague(self, trained: str) -> None:
        self._step("A colleague clones the repository. The weights are not in it.")
        self._enter("..")
        self._git("clone", "--quiet", _SERVER, _COLLEAGUE)
        self._enter(_COLLEAGUE)
        self._step("Hooks are never part of a clone, so each clone asks for them once.")
        self._gitmodel("install")
        self._step("Bring the weights. They are verified before they get their name.")
        self._gitmodel("checkout")
        self._compare(WEIGHTS_NAME, trained, "the file that Ana trained")
        self._step("The model works here as it did there.")
        self._python("train.py", "--evaluate", WEIGHTS_NAME)

    def _older_version(self, trained: str) -> None:
        self._step("Which versions there are, and how good each one is.")
        self._gitmodel("log", MODEL)
        self._step("Bring version 1, beside the current one.")
        self._gitmodel("checkout", f"{MODEL}@1", "--out", _FIRST)
        self._compare(f"{_FIRST}/{WEIGHTS_NAME}", trained, "the first file that Ana trained")

    def _aliases(self) -> None:
        self._step("Say which version serves: an alias is one more small file in Git.")
        self._gitmodel("promote", f"{MODEL}@1", "production", "--commit")
        self._step(
            "Promote the better one. The metrics of both are shown, and stand in the commit."
        )
        self._gitmodel("promote", f"{MODEL}@2", "production", "-m", "May hold-out", "--commit")
        self._step("It drifts. Go back to what the alias meant before.")
        self._gitmodel("rollback", MODEL, "production", "-m", "drift", "--commit")
        self._step("The history of the alias: who, when and why.")
        self._git("log", "--format=%an: %s", "--", f"{MODEL}.production.alias.yaml")
        self._step("Push. A hook makes sure that the weights of the alias are on the remote.")
        self._git("push", "--quiet")

    def _step(self, text: str) -> None:
        self._say("")
        self._say(text)

    def _enter(self, folder: str) -> None:
        self._say(f"$ cd {folder}")
        self._here = os.path.normpath(os.path.join(self._here, folder))

    def _git(self, *arguments: str) -> None:
        program = find_program(self._here, self._environment) or "git"
        self._command("git", [program], arguments)

    def _gitmodel(self, *arguments: str) -> None:
        # -P: the repository's own files are not importable, as in the hooks.
        self._command("gitmodel", [sys.executable, "-P", "-m", "gitmodel"], arguments)

    def _python(self, *arguments: str) -> None:
        self._command("python", [sys.executable], arguments)

    def _command(self, shown: str, start: list[str], arguments: tuple[str, ...]) -> None:
        """Show a command as a person types it, and run it."""
        line = shlex.join([shown, *arguments])
        self._say(f"$ {line}")
        code = self._run([*start, *arguments], self._here, self._environment)
        if code:
            raise GitmodelError(
                f"the demo stopped: `{line}` ended with exit code {code}; it says why above",
                hint="gitmodel doctor; or gitmodel demo --keep, to look into its folder",
            )
        self.commands += 1

    def _compare(self, name: str, expected: str, what: str) -> None:
        """Say that a file holds the bytes that it should."""
        if not os.path.isfile(self._path(name)):
            found = "there is no such file"
        elif self._checksum(name) != expected:
            found = f"its {os.path.getsize(self._path(name)):,} bytes differ"
        else:
            self.compared += 1
            size = os.path.getsize(self._path(name))
            self._say(f"{name}: {size:,} bytes, the same, byte for byte, as {what}.")
            return
        raise GitmodelError(
            f"{name} is not {what}: {found}",
            hint="this is a defect of gitmodel; please report it with this output",
            model=MODEL,
        )

    def _checksum(self, name: str) -> str:
        """SHA-256 of a file: not gitmodel's own hash, so that the comparison stands alone."""
        with open(self._path(name), "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _path(self, name: str) -> str:
        return os.path.join(self._here, name)
