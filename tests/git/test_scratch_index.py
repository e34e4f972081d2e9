from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.git.index import Index
from gitmodel.git.repository import Repository
from gitmodel.git.scratch_index import scratch_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

pytestmark = pytest.mark.slow

HOLD = """\
import os, sys
from gitmodel.git.repository import Repository
from gitmodel.git.scratch_index import scratch_index
with scratch_index(Repository.open(sys.argv[1], environment=os.environ), ["a.model.yaml"]) as index:
    print(index.file, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def committed(repo: Repo) -> Repo:
    repo.write("a.model.yaml", "a\n")
    repo.write("b.model.yaml", "b\n")
    repo.commit("both")
    return repo


def opened(repo: Repo) -> Repository:
    return Repository.open(str(repo.path), environment=os.environ)


def left(repo: Repo) -> list[Path]:
    return [path for path in (repo.path / ".git/gitmodel/scratch-index").iterdir() if path.is_dir()]


def test_it_holds_the_named_files_as_they_are_on_disk_and_git_keeps_its_own(
    committed: Repo,
) -> None:
    before = committed.git("ls-files", "--stage").stdout
    committed.write("a.model.yaml", "changed\n")
    repository = opened(committed)
    with scratch_index(repository, ["a.model.yaml", "gone.model.yaml"]) as index:
        found = index.entries()

    blob = committed.git("hash-object", "a.model.yaml").stdout.strip()
    assert [(entry.path, entry.oid) for entry in found] == [("a.model.yaml", blob)]
    assert committed.git("ls-files", "--stage").stdout == before
    assert left(committed) == []


def test_it_works_while_git_holds_the_lock_of_its_own_index(committed: Repo) -> None:
    committed.write(".git/index.lock", "")

    with scratch_index(opened(committed), ["a.model.yaml"]) as index:
        assert len(index.entries()) == 1


def test_what_a_killed_process_left_is_removed_and_what_another_uses_stays(
    committed: Repo,
) -> None:
    def hold() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(committed.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    killed, left_by_it = hold()
    alive, in_use = hold()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert os.path.exists(left_by_it)

    with scratch_index(opened(committed), ["b.model.yaml"]):
        assert not os.path.exists(left_by_it)
        assert os.path.exists(in_use)

    alive.communicate("")
    assert alive.returncode == 0
    assert left(committed) == []


def test_pathspecs_are_those_of_the_folder_of_the_caller(committed: Repo) -> None:
    committed.write("sub/c.model.yaml", "c\n")
    committed.write("sub/star*.model.yaml", "d\n")
    committed.commit("more")
    repository = opened(committed)

    def named(*pathspecs: str, **environment: str) -> frozenset[str]:
        return Index(repository, environment).paths_at(pathspecs, prefix="sub")

    assert named(".") == {"sub/c.model.yaml", "sub/star*.model.yaml"}
    assert named("../a.model.yaml", "c*") == {"a.model.yaml", "sub/c.model.yaml"}
    assert named(":/", ":(top,exclude)sub") == {"a.model.yaml", "b.model.yaml"}
    literally = named("c*", "star*.model.yaml", GIT_LITERAL_PATHSPECS="1")
    assert literally == {"sub/star*.model.yaml"}
