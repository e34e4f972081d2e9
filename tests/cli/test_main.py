"""The command line: which verb runs with what, and what every end looks like."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.cli.main import main
from gitmodel.cli.parsers import GROUPS, VERBS
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a run in this process."""
    code = main(arguments)
    output, errors = capsys.readouterr()
    return code, output, errors


def modules_after(*arguments: str, folder: Path) -> set[str]:
    """What a fresh interpreter has imported after a run."""
    script = (
        "import sys\n"
        "from gitmodel.cli.main import main\n"
        f"main({list(arguments)!r})\n"
        "print()\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "--version") == (0, f"gitmodel {gitmodel.__version__}\n", "")


def test_alone_it_prints_help_with_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = ended(capsys)

    assert (code, errors) == (0, "")
    assert re.findall(r"^  ([a-z]+) +[A-Z]", output, re.MULTILINE) == [
        verb for group in GROUPS.values() for verb in group
    ]


def test_help_is_the_same_however_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys) == ended(capsys, "--help") == ended(capsys, "-h") == ended(capsys, "help")
    assert ended(capsys, "add", "--help") == ended(capsys, "help", "add")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_fits_into_80_columns(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = ended(capsys, verb, "--help")

    assert (code, errors) == (0, "")
    assert output.startswith(f"usage: gitmodel {verb}")
    assert max(len(line) for line in output.splitlines()) <= 80


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (
            ["stauts"],
            "error: gitmodel has no command 'stauts'\nhint: gitmodel status\n",
        ),
        (
            ["zzzzz"],
            "error: gitmodel has no command 'zzzzz'\nhint: gitmodel --help\n",
        ),
        (
            ["\x1b[2J"],
            "error: gitmodel has no command '\\x1b[2J'\nhint: gitmodel --help\n",
        ),
        (
            ["--loud", "list"],
            "error: gitmodel: there is no option --loud\nhint: gitmodel --help\n",
        ),
        (["-C"], "error: gitmodel: -C needs a folder\nhint: gitmodel --help\n"),
        (
            ["add"],
            (
                "error: gitmodel add: the following arguments are required: PATH\n"
                "hint: gitmodel add --help\n"
            ),
        ),
        (
            ["add", "w", "--metri", "a=1"],
            "error: gitmodel add does not know --metri\nhint: gitmodel add --help\n",
        ),
        (
            ["pull", "fraud@2"],
            (
                "error: pull checks out the versions that the pointers name, not fraud@2\n"
                "hint: gitmodel checkout fraud@2\n"
            ),
        ),
        (
            ["verify", "--refs", "HEAD", "--cache"],
            (
                "error: gitmodel verify: --refs goes with --remote and --full only\n"
                "hint: gitmodel verify --help\n"
            ),
        ),
        (
            ["verify", "--cache", "fraud"],
            "error: gitmodel verify: --cache goes with nothing else\nhint: gitmodel verify --help\n",
        ),
        (
            ["hook"],
            (
                "error: gitmodel hook: which hook is missing\n"
                "hint: gitmodel install, which lets Git run it\n"
            ),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_says_what_is_right(
    words: list[str], errors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(capsys, *words) == (2, "", errors)


def test_without_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code, output, errors = ended(capsys, "status")

    assert (code, output) == (1, "")
    assert re.fullmatch(r"error: .*repository.*\nhint: git init.*\n", errors)


def test_before_init_it_says_what_to_run(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = ended(capsys, "-C", str(repo.path), "status")

    assert (code, output) == (1, "")
    assert errors == (
        "error: this repository has no .gitmodel.yaml yet\nhint: gitmodel init [URL]\n"
    )


def test_another_folder_is_worked_in_without_going_there(
    repo: Repo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (repo.path / "below").mkdir()
    assert ended(capsys, "-q", "-C", repo.path.name, "-C", "below", "init", "--no-check")[0] == 0
    capsys.readouterr()

    code, output, _ = ended(capsys, "-C", str(repo.path), "status", "--json")

    assert (code, json.loads(output)["models"]) == (0, [])
    assert os.getcwd() == str(tmp_path)


def test_a_folder_that_is_not_there_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "-C", "/nowhere/at/all", "status") == (
        2,
        "",
        "error: there is no folder /nowhere/at/all\nhint: gitmodel -C DIR COMMAND\n",
    )


def test_init_says_how_to_move_to_a_bucket(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, errors = ended(capsys, "-C", str(repo.path), "init")

    assert code == 0
    assert "installed hooks in .git/hooks\n" in output
    assert errors == "hint: gitmodel remote add s3://BUCKET/PREFIX moves to a bucket\n"


def test_a_hook_that_gitmodel_does_not_have_lets_git_go_on(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = ended(capsys, "-C", str(repo.path), "hook", "sendemail-validate")

    assert (code, output) == (0, "")
    assert "sendemail-validate" in errors


def test_a_shell_completes_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    code, script, _ = ended(capsys, "completion", "bash")

    assert code == 0
    assert f"_shtab_gitmodel_subparsers=({' '.join(VERBS)})" in script
    assert "_shtab_compgen_files" in script


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_every_shell_has_a_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, script, errors = ended(capsys, "completion", shell)

    assert (code, errors) == (0, "")
    assert "gitmodel" in script


def test_the_process_ends_with_everything_said_and_its_code(tmp_path: Path) -> None:
    """It ends without taking the interpreter apart; what others registered for the end is done."""
    code = (
        "import atexit, sys; from gitmodel.cli.main import run; "
        "atexit.register(print, 'the end'); sys.argv = ['gitmodel', *sys.argv[1:]]; run(); print('never')"
    )
    for words, expected, last in (
        (["--version"], 0, f"gitmodel {gitmodel.__version__}\nthe end\n"),
        (["completion", "bash"], 0, "the end\n"),
        (["frobnicate"], 2, "the end\n"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.endswith(last)) == (expected, True)


SLOW = {"argparse", "yaml", "pygit2", "fsspec", "s3fs", "adlfs", "numpy", "tqdm", "shtab"}


def test_the_version_costs_no_library(tmp_path: Path) -> None:
    imported = modules_after("--version", folder=tmp_path)

    assert not imported & (SLOW | {"dataclasses", "subprocess", "json", "gitmodel.errors"})


@pytest.mark.parametrize(
    "hook", ["pre-commit", "post-commit", "pre-push", "post-checkout", "post-rewrite"]
)
def test_an_idle_hook_costs_no_library(repo: Repo, hook: str) -> None:
    repo.gitmodel("init")
    repo.commit("set up")

    imported = modules_after("hook", hook, folder=repo.path)

    assert not imported & SLOW


def test_status_costs_argparse_and_one_module_of_verbs(repo: Repo) -> None:
    repo.gitmodel("init")

    imported = modules_after("status", folder=repo.path)

    assert not imported & (SLOW - {"argparse"})
    assert {name for name in imported if name.startswith("gitmodel.cli.commands.")} == {
        "gitmodel.cli.commands.status"
    }


@pytest.mark.parametrize("words", [["--help"], ["completion", "bash"]], ids=" ".join)
def test_help_and_completion_import_no_workflow(words: list[str], tmp_path: Path) -> None:
    imported = modules_after(*words, folder=tmp_path)

    assert not [
        name for name in imported if name.startswith(("gitmodel.workflows", "gitmodel.git."))
    ]
