"""The main job in one line: register, commit with the real hooks, push, and check out elsewhere.

What a kind of repository, or another tool beside us, must not break. Ana has a repository of that
kind with a Git remote `origin`; what she pushes must come back in a plain clone, byte for byte.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.support.models import model
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST, SECOND = model(seed=1), model(seed=2)
WEIGHTS = "fraud.safetensors"
POINTER = "fraud.model.yaml"


def new_server(folder: Path, *options: str) -> Repo:
    """A bare repository to push to."""
    return Repo.create(folder / "server.git", "--bare", *options)


def set_up(ana: Repo, store: Path, *, env: Mapping[str, str] | None = None) -> None:
    """`gitmodel init` and the first version of a model, pushed; hooks do the rest from here on."""
    ana.gitmodel("init", str(store), env=env)
    ana.write(WEIGHTS, FIRST)
    ana.gitmodel("add", WEIGHTS, env=env)
    ana.write("notes.txt", "one\n")
    ana.git("add", ".", env=env)
    ana.git("commit", "-qm", "fraud 1", env=env)
    ana.git("push", "-q", "-u", "origin", "HEAD:main", env=env)


def second_version(ana: Repo, *, env: Mapping[str, str] | None = None) -> str:
    """New weights, `git commit` and `git push`: what both said; the hooks make and send version 2."""
    ana.write(WEIGHTS, SECOND)
    ana.write("notes.txt", "two\n")
    committed = ana.git("commit", "-qam", "fraud 2", env=env)
    pushed = ana.git("push", "-q", "origin", "HEAD:main", env=env)
    assert version_at(ana, env=env) == 2, committed.stderr
    assert ana.git("status", "--porcelain", env=env).stdout == ""
    return committed.stderr + pushed.stderr


def check_out(clone: Repo, *, env: Mapping[str, str] | None = None) -> None:
    """A clone, set up, has the weights of version 2 and nothing changed."""
    clone.gitmodel("init", env=env)
    clone.gitmodel("checkout", env=env)
    assert clone.read(WEIGHTS) == SECOND
    assert clone.git("status", "--porcelain", env=env).stdout == ""


def restored(world: Path, *, versions: int = 2) -> Repo:
    """Ana, who has pushed so many versions to `server.git`; made once, then copied for each test.

    Args:
        world: A folder that the tests of one file share: the paths in it stay the same.
        versions: 1 or 2.
    """
    made = world.with_name("made")
    if not made.exists():
        server = new_server(world)
        server.git("config", "uploadpack.allowFilter", "true")
        server.git("config", "uploadpack.allowAnySHA1InWant", "true")
        ana = Repo.create(world / "ana")
        ana.git("remote", "add", "origin", server.path.as_uri())
        set_up(ana, world / "store")
        if versions == 2:
            second_version(ana)
        world.rename(made)
    shutil.rmtree(world, ignore_errors=True)
    shutil.copytree(made, world, symlinks=True)
    return Repo(world / "ana")


def main_job(ana: Repo, server: Repo, folder: Path) -> Repo:
    """All of it; returns the clone in which the weights arrived."""
    set_up(ana, folder / "store")
    second_version(ana)
    clone = server.clone(folder / "colleague")
    check_out(clone)
    return clone


def version_at(repo: Repo, revision: str = "HEAD", *, env: Mapping[str, str] | None = None) -> int:
    """The version that the committed pointer says."""
    text = repo.git("show", f"{revision}:{POINTER}", env=env).stdout
    found = re.search(r"^version: ([0-9]+)$", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1])
