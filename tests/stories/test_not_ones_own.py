"""Repositories that one may only read, or that belong to somebody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.job import SECOND, WEIGHTS, restored, version_at
from tests.support.models import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.repo import Repo

THIRD = model(seed=3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("owned") / "world"


@pytest.fixture
def ana(world: Path) -> Repo:
    return restored(world)


SETPRIV = shutil.which("setpriv")
# root may write everywhere, unless it has given up its capabilities
UNPRIVILEGED = (
    [SETPRIV or "", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
)


@pytest.fixture
def read_only(ana: Repo, world: Path) -> Iterator[Repo]:
    """As on a read-only file system: nothing of repository and store can be written."""
    folders = [f for top in (ana.path, world / "store") for f, _, _ in os.walk(top)]
    for folder in folders:
        Path(folder).chmod(0o555)
    yield ana
    for folder in folders:
        Path(folder).chmod(0o755)


def unprivileged(repo: Repo, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-P", "-m", "gitmodel", *words],
        cwd=repo.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() == 0 and SETPRIV is None, reason="root may write everywhere")
class TestReadOnly:
    @pytest.mark.parametrize(
        "verb",
        ["status", "list", "log", "show fraud", "verify", "verify --cache", "verify --refs HEAD"],
    )
    def test_it_is_read(self, read_only: Repo, verb: str) -> None:
        done = unprivileged(read_only, *verb.split())

        assert (done.returncode, done.stderr) == (0, "")

    def test_weights_come_out_of_it(self, read_only: Repo, tmp_path: Path) -> None:
        done = unprivileged(read_only, "checkout", "fraud", "--out", str(tmp_path / "copy"))

        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "copy" / WEIGHTS).read_bytes() == SECOND

    @pytest.mark.parametrize("verb", ["add", "checkout --force", "install", "init"])
    def test_what_must_write_fails_without_a_traceback(self, read_only: Repo, verb: str) -> None:
        if verb == "add":
            read_only.write(WEIGHTS, THIRD)
            verb = f"add {WEIGHTS}"

        done = unprivileged(read_only, *verb.split())

        assert "Traceback" not in done.stderr
        assert "defect" not in done.stderr
        if verb in ("install", "init"):  # already up to date
            assert done.returncode == 0
        elif verb.startswith("add"):
            assert done.returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_works_once_git_is_told_to_trust_it(
    ana: Repo, home: Path
) -> None:
    for folder, folders, names in os.walk(ana.path):
        for name in (*folders, *names, "."):
            os.chown(os.path.join(folder, name), 65534, 65534, follow_symlinks=False)
    refused = ana.gitmodel("status", check=False)
    assert refused.returncode == 1
    assert "belongs to another user" in refused.stderr
    assert f"git config --global --add safe.directory {ana.path}" in refused.stderr

    ana.git("config", "--global", "--add", "safe.directory", str(ana.path))

    ana.write(WEIGHTS, THIRD)
    ana.write("notes.txt", "three\n")
    ana.git("commit", "-qam", "fraud 3")
    ana.git("push", "-q", "origin", "HEAD:main")
    assert version_at(ana) == 3
    assert "v3" in ana.gitmodel("list").stdout
