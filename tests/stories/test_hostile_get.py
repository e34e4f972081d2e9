"""`gitmodel get` from a stranger's repository: nothing runs, nothing leaks, nothing lies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.pointer import Pointer
from tests.stories.conftest import build_team
from tests.stories.test_hostile_clone import (
    CREDENTIALS,
    ESCAPES,
    NOTHING_THERE,
    PROGRAMS,
    SECRET,
)
from tests.support.kept import Kept
from tests.support.models import model
from tests.support.repo import PACKAGE_ROOT, TIMEOUT_SECONDS
from tests.support.scripted_server import ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.repo import Repo

REFERENCES = ("fraud", "fraud@1", "fraud@production", "fraud@git:main", "fraud@main~1")


def build(folder: Path) -> Repo:
    stranger = build_team(folder)
    sprung = folder / "sprung"
    sprung.mkdir()
    stranger.write("fraud.bin", model(seed=1))
    stranger.gitmodel("add", "fraud.bin", "-m", "fraud 1")
    for name in (*PROGRAMS, "yaml.py", "gitmodel/__init__.py", "hooks/post-checkout"):
        stranger.write(name, f"#!/bin/sh\ntouch {sprung}/trap\n").chmod(0o755)
    stranger.write(".gitattributes", "* filter=trap diff=trap merge=trap\n")
    stranger.write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% x\n')
    stranger.write(".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:9/\n")
    stranger.git("add", "-A")
    stranger.git("commit", "-qm", "traps", "--no-verify")
    stranger.git("push", "-q")
    hook = folder / "server.git/hooks/post-upload-pack"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {sprung}/trap\n")
    hook.chmod(0o755)
    (folder / "victim").mkdir()
    return stranger


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "stranger", tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Repo:
    """Their clone; what they push is what the victim reads. Everything in it is a trap."""
    return KEPT.repo()


def publish(stranger: Repo, path: str, text: str) -> None:
    stranger.write(path, text)
    stranger.git("add", "-A")
    stranger.git("commit", "-qm", "more", "--no-verify")
    stranger.git("push", "-q", "--no-verify")


def get(
    stranger: Repo, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it as a careless person would, with `.` first in PATH."""
    folder = stranger.path.parent
    search = os.pathsep.join((".", "", os.environ.get("PATH", os.defpath)))
    return subprocess.run(
        [sys.executable, "-P", "-m", "gitmodel", "get", str(folder / "server.git"), *arguments],
        cwd=folder / "victim",
        env=os.environ | {"PATH": search, "PYTHONPATH": str(PACKAGE_ROOT)} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("reference", REFERENCES)
def test_nothing_of_the_repository_runs(reference: str, stranger: Repo) -> None:
    """Not even where the person stands in a folder of the same programs, with `.` first in PATH."""
    folder = stranger.path.parent
    for name in PROGRAMS:
        shutil.copy(stranger.path / name, folder / "victim" / name)
    publish(
        stranger,
        "fraud.production.alias.yaml",
        Alias.of("production", pointer(stranger)).to_text(),
    )

    done = get(stranger, reference, "--out", "o")

    assert done.returncode == 0, done.stderr
    assert (folder / "victim/o/fraud.bin").read_bytes() == model(seed=1)
    assert list((folder / "sprung").iterdir()) == []
    assert sorted(os.listdir(folder / "victim")) == sorted([*PROGRAMS, "o"])


def pointer(stranger: Repo) -> Pointer:
    return Pointer.from_text(stranger.read("fraud.model.yaml"), what="fraud")


@pytest.mark.parametrize(
    "path",
    ["../fraud.bin", "/etc/passwd", ".git/hooks/post-checkout", "..", "a/../../b", ".profile"],
)
def test_weights_stay_below_the_folder_that_was_named(path: str, stranger: Repo) -> None:
    text = pointer(stranger).to_text().replace('path: "fraud.bin"', f'path: "{path}"')
    text = "".join(line + "\n" for line in text.splitlines() if not line.startswith("check:"))
    publish(stranger, "fraud.model.yaml", text)

    done = get(stranger, "fraud", "--out", "o/deep", "--force")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert "hint: " in done.stderr
    victim = stranger.path.parent / "victim"
    assert [p for p in victim.rglob("*") if p.is_file()] == []


def test_a_link_at_the_place_is_not_followed(stranger: Repo) -> None:
    victim = stranger.path.parent / "victim"
    (victim / "mine").write_text("mine")
    (victim / "o").mkdir()
    os.symlink(victim / "mine", victim / "o/fraud.bin")

    assert get(stranger, "fraud", "--out", "o").returncode == 1
    get(stranger, "fraud", "--out", "o", "--force")

    assert (victim / "mine").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["fraud.model.yaml", ".gitmodel.yaml", "fraud.production.alias.yaml"]
)
def test_a_link_in_git_is_no_file(name: str, stranger: Repo, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password: hunter2\n")
    (stranger.path / name).unlink(missing_ok=True)
    os.symlink(secret, stranger.path / name)
    stranger.git("add", "-A")
    stranger.git("commit", "-qm", "link", "--no-verify")
    stranger.git("push", "-q", "--no-verify")

    done = get(stranger, "fraud@production", "--out", "o")

    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_what_strangers_write_cannot_paint_the_terminal(stranger: Repo) -> None:
    painted = replace(
        pointer(stranger), description=ESCAPES, run_id=ESCAPES, metrics={ESCAPES: 1.0}
    )
    publish(stranger, "fraud.model.yaml", painted.to_text())
    publish(stranger, f"x{ESCAPES}/spam.model.yaml", "\x1b[2J nothing\n")
    publish(stranger, "fraud.production.alias.yaml", f"gitmodel: 1\n{ESCAPES!r}: 1\n")

    for reference in ("fraud", "fraud@production", "spam", "nothing", f"fraud@{ESCAPES}"):
        done = get(stranger, reference, "--out", "o")
        assert "Traceback" not in done.stderr
        said = done.stdout + done.stderr
        assert not {c for c in said if not c.isprintable() and c not in "\n\t"}


@pytest.fixture
def endpoint() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.script = lambda _asked: NOTHING_THERE
        yield server


@pytest.mark.s3
def test_a_foreign_endpoint_gets_no_credentials(stranger: Repo, endpoint: ScriptedServer) -> None:
    kept = [
        line
        for line in stranger.read(".gitmodel.yaml").decode().splitlines()
        if not line.startswith(("remote:", " "))
    ]
    remote = f'remote: {{url: "s3://models/x", endpoint: "{endpoint.url}"}}'
    publish(stranger, ".gitmodel.yaml", "\n".join([*kept, remote]) + "\n")

    done = get(stranger, "fraud", "--out", "o", env=CREDENTIALS)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert endpoint.asked
    for asked in endpoint.asked:
        assert asked.method in ("GET", "HEAD")
        assert "authorization" not in asked.headers
        assert SECRET not in f"{asked.path}\n{asked.headers}\n{asked.body!r}"
