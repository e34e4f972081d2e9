"""A stranger's repository runs nothing, gets no credentials, sends nothing, and paints no terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from tests.stories.conftest import start_team
from tests.support.models import model
from tests.support.repo import GIT, PACKAGE_ROOT, TIMEOUT_SECONDS, Repo
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READING = [
    ("status",),
    ("list",),
    ("log",),
    ("log", "fraud"),
    ("show", "fraud"),
    ("checkout",),
    ("fetch",),
    ("doctor",),
    ("verify",),
    ("remote", "list"),
]
# What Python or a careless program would pick up from the folder it stands in.
MODULES = (
    *("yaml", "blake3", "zstandard", "fsspec", "s3fs", "pygit2", "pyfastcdc", "argparse", "json"),
    *("sitecustomize", "usercustomize", "tqdm", "shtab", "encodings"),
)
PROGRAMS = ("git", "gpg", "ssh", "python", "python3", "less", "sh")
SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - what must not be seen
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAVICTIM",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
}
NOTHING_THERE = Answer(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>")


_built: list[Path] = []


@pytest.fixture
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once: a stranger's repository full of traps, and a clone of it."""
    if not _built:
        folder = tmp_path_factory.mktemp("hostile")
        build(folder)
        _built.append(folder)
    return _built[0]


def build(folder: Path) -> None:
    traps = folder / "sprung"
    traps.mkdir()
    stranger = start_team(folder, str(folder / "store")).members["ana"]
    stranger.write("fraud.bin", model(seed=1))
    stranger.gitmodel("add", "fraud.bin", "-m", "fraud 1")
    for name in MODULES:
        stranger.write(f"{name}.py", f"open({str(traps / name)!r}, 'w')\nraise SystemExit(77)\n")
    for name in ("__init__.py", "__main__.py", "cli/__init__.py", "cli/main.py"):
        stranger.write(f"gitmodel/{name}", f"open({str(traps / 'gitmodel')!r}, 'w')\n")
    for name in PROGRAMS:
        program = stranger.write(name, f"#!/bin/sh\ntouch {traps / name}\nexit 77\n")
        program.chmod(0o755)
    stranger.git("add", "-A")
    stranger.git("commit", "-qm", "traps", "--no-verify")
    stranger.git("push", "-q")
    Repo(folder / "server.git").clone(folder / "victim")


@pytest.fixture
def traps(built: Path) -> Path:
    """Where everything of the stranger's that is run leaves its name."""
    folder = built / "sprung"
    for left in folder.iterdir():
        left.unlink()
    return folder


@pytest.fixture
def clone(tmp_path: Path, built: Path) -> Repo:
    """A clone of the stranger's repository; nobody has set anything up in it."""
    return Repo(shutil.copytree(built / "victim", tmp_path / "victim", symlinks=True))


def run(
    clone: Repo, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run gitmodel as a careless person would: standing in the clone, with `.` first in PATH."""
    search = os.pathsep.join((".", "", str(clone.path), os.environ.get("PATH", os.defpath)))
    return subprocess.run(
        [sys.executable, "-P", "-m", "gitmodel", *arguments],
        cwd=clone.path,
        env=os.environ | {"PATH": search, "PYTHONPATH": str(PACKAGE_ROOT)} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def sprung(traps: Path) -> list[str]:
    return sorted(path.name for path in traps.iterdir())


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_reading_commands_run_nothing_of_the_repository(
    arguments: tuple[str, ...], clone: Repo, traps: Path
) -> None:
    done = run(clone, *arguments)

    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    assert sprung(traps) == []


def test_hooks_run_nothing_of_the_repository(clone: Repo, traps: Path) -> None:
    """With `PYTHONPATH=.`, which `-P` alone would let in."""
    assert run(clone, "init").returncode == 0
    clone.write("fraud.bin", model(seed=2))
    environment = {"PYTHONPATH": ".", "PYTHONSTARTUP": str(clone.path / "yaml.py")}

    committed = clone.git("commit", "--allow-empty", "-qam", "train", env=environment)
    clone.git("push", "-q", env=environment)

    assert "fraud is v2" in committed.stderr
    assert sprung(traps) == []


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_programs_that_the_clones_git_config_names_are_not_run(
    arguments: tuple[str, ...], clone: Repo, traps: Path
) -> None:
    """`core.fsmonitor` is run by any git command that looks at the index, unless told not to."""
    trap = clone.path / "gpg"
    for key in ("core.fsmonitor", "core.pager", "core.editor", "diff.external", "core.askPass"):
        clone.git("config", key, str(trap))
    subprocess.run([GIT, "status"], cwd=clone.path, capture_output=True, check=False, timeout=60)
    assert sprung(traps) == ["gpg"], "the trap works"
    (traps / "gpg").unlink()

    run(clone, *arguments)

    assert sprung(traps) == []


@pytest.fixture
def strangers_server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.script = lambda _asked: NOTHING_THERE
        yield server


@pytest.fixture
def lured(clone: Repo, strangers_server: ScriptedServer) -> Repo:
    """The committed configuration names the stranger's own server as endpoint."""
    text = clone.read(".gitmodel.yaml").decode().splitlines()
    kept = [line for line in text if not line.startswith("remote:") and not line.startswith(" ")]
    remote = f'remote: {{url: "s3://models/x", endpoint: "{strangers_server.url}"}}'
    clone.write(".gitmodel.yaml", "\n".join([*kept, remote]) + "\n")
    clone.git("commit", "-qam", "lure", "--no-verify")
    return clone


@pytest.mark.s3
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_foreign_endpoint_gets_no_credentials_and_no_upload(
    arguments: tuple[str, ...], lured: Repo, strangers_server: ScriptedServer
) -> None:
    done = run(lured, *arguments, env=CREDENTIALS)

    assert "Traceback" not in done.stderr
    assert set(strangers_server.methods) <= {"GET", "HEAD"}
    assert strangers_server.asked or arguments[0] not in ("checkout", "fetch"), done.stderr
    for asked in strangers_server.asked:
        assert "authorization" not in asked.headers
        seen = f"{asked.path}\n{asked.headers}\n{asked.body!r}"
        assert SECRET not in seen
        assert "AKIAVICTIM" not in seen


@pytest.mark.parametrize("verb", ["push", "git push"])
def test_nothing_is_sent_to_a_foreign_endpoint_before_one_says_yes(
    verb: str, lured: Repo, strangers_server: ScriptedServer, built: Path
) -> None:
    lured.write("mine.bin", model(seed=5))
    assert run(lured, "add", "mine.bin", "-m", "mine").returncode == 0

    if verb == "push":
        done = run(lured, "push", env=CREDENTIALS)
    else:
        update = f"refs/heads/main {lured.head()} refs/heads/main {lured.head('origin/main')}\n"
        url = str(built / "server.git")
        done = lured.gitmodel(
            "hook", "pre-push", "origin", url, check=False, env=CREDENTIALS, input_text=update
        )

    assert done.returncode in (1, 10)
    assert "gitmodel remote trust" in done.stderr
    assert strangers_server.asked == []


ESCAPES = "\x1b[2J\x1b]0;pwned\x07\x1b[31m\u202egnp.exe\u200b\x9b1m"


@pytest.mark.parametrize(
    "arguments",
    [*READING, ("list", "--json"), ("show", "fraud", "--json"), ("status", "--json")],
    ids=" ".join,
)
def test_what_strangers_write_cannot_paint_the_terminal(
    arguments: tuple[str, ...], clone: Repo
) -> None:
    pointer = Pointer.from_text(clone.read("fraud.model.yaml"), what="fraud")
    painted = replace(
        pointer,
        run_id=ESCAPES,
        description=ESCAPES,
        license=ESCAPES,
        tags=(ESCAPES,),
        metrics={ESCAPES: 1.0, "auc": ESCAPES},
        params={ESCAPES: ESCAPES},
    )
    clone.write("fraud.model.yaml", painted.to_text())
    clone.write("ev\x1b[2Jil.model.yaml", pointer.to_text().replace('name: "fraud"', 'name: "x"'))
    clone.write(
        ".gitmodel.yaml", clone.read(".gitmodel.yaml") + f'# {ESCAPES}\nx: "\\e[2J"\n'.encode()
    )
    clone.git("config", "user.name", f"Eve {ESCAPES}")
    clone.git("add", "-A")
    clone.git("commit", "-qm", f"subject {ESCAPES}", "--no-verify")

    done = run(clone, *arguments)

    assert "Traceback" not in done.stderr
    strange = {c for c in done.stdout + done.stderr if not c.isprintable() and c not in "\n\t"}
    assert not strange


_ALIAS = 'gitmodel: 1\nname: "fraud"\nalias: "production"\nversion: 1\ndigest: "blake3:%s"\n' % (
    "0" * 64
)


@pytest.mark.parametrize(
    "text",
    [
        _ALIAS.replace("0" * 64, "../../../etc/passwd"),
        _ALIAS.replace('"production"', '"latest"'),
        _ALIAS.replace("version: 1", "version: -1"),
        _ALIAS.replace("version: 1", "version: 1e400"),
        _ALIAS.replace('"production"', '"--upload-pack=touch x"'),
        _ALIAS.replace('"production"', '"\\e[2J"'),
        _ALIAS.replace('"fraud"', '"../fraud"'),
        _ALIAS + "size: 1\n",
        _ALIAS + "size: -1\n",
        "name: &a fraud\nalias: *a\n",
        "alias: !!python/object/apply:os.system [id]\n",
        "metrics: " + "[" * 50_000,
        "\x1b[2J",
        "alias: 7\n",
    ],
)
def test_an_alias_file_with_tricks_is_refused_in_one_line(text: str, clone: Repo) -> None:
    clone.write("fraud.production.alias.yaml", text)
    clone.git("add", "-A")
    clone.git("commit", "-qm", "aliases", "--no-verify")

    done = run(clone, "show", "fraud@production")

    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert "hint: " in done.stderr
    assert "\x1b" not in done.stderr
    assert run(clone, "checkout", "fraud").returncode == 0


def test_a_link_for_a_pointer_or_a_configuration_is_not_followed(
    clone: Repo, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password: hunter2\n")
    for name in ("fraud.model.yaml", ".gitmodel.yaml"):
        kept = clone.path / f"{name}.kept"
        shutil.move(clone.path / name, kept)
        os.symlink(secret, clone.path / name)
        for arguments in (("status",), ("checkout",), ("show", "fraud")):
            done = run(clone, *arguments)
            assert "hunter2" not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
        (clone.path / name).unlink()
        shutil.move(kept, clone.path / name)
