"""The index of a first-parent line gives the changes that Git gives, whatever was done to history or to the index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.git.history.first_parent import FirstParentHistory
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.git.history.line_log import LineChange

NAME = "a.production.alias.yaml"


def indexed(repo: Repo, revision: str = "HEAD") -> list[LineChange]:
    """The changes by the index, which must be those without it."""
    repository = Repository.open(str(repo.path), environment=os.environ)
    tip = repo.head(revision)
    found = FirstParentHistory(repository, worth_writing=1, is_small=False).changes(tip)
    assert found == FirstParentHistory(repository, is_small=True).changes(tip)
    return found


def grow(repo: Repo, *contents: str, path: str = NAME) -> None:
    for content in contents:
        repo.write(path, content)
        repo.commit(content)


def merge(repo: Repo, branch: str, *options: str) -> None:
    repo.git("merge", "-q", "--no-ff", "-m", f"merge {branch}", *options, branch)


def file_of(repo: Repo) -> Path:
    return repo.path / ".git/gitmodel/history/first-parent-2"


@pytest.mark.parametrize("merges", [None, "off", "combined", "separate"])
def test_a_merge_is_one_change_and_its_branch_is_none(repo: Repo, merges: str | None) -> None:
    if merges is not None:
        repo.git("config", "log.diffMerges", merges)
    grow(repo, "one")
    repo.git("switch", "-qc", "side")
    grow(repo, "two", "three")
    repo.git("switch", "-q", "main")
    merge(repo, "side")
    repo.git("rm", "-q", NAME)
    repo.git("commit", "-qm", "gone")

    found = indexed(repo)

    assert [(one.subject, one.is_merge, one.oid is None) for one in found] == [
        ("gone", False, True),
        ("merge side", True, False),
        ("one", False, False),
    ]


def test_a_merge_that_takes_the_older_value_of_a_branch_is_a_change(repo: Repo) -> None:
    grow(repo, "one")
    repo.git("branch", "side")
    grow(repo, "two")
    repo.git("switch", "-q", "side")
    grow(repo, "anything", path="notes.txt")
    repo.git("switch", "-q", "main")
    merge(repo, "side", "--no-commit")
    repo.git("checkout", "-q", "side", "--", NAME)
    repo.git("commit", "-qm", "take theirs")

    assert [one.subject for one in indexed(repo)] == ["take theirs", "two", "one"]


def test_the_index_follows_the_tip(repo: Repo) -> None:
    grow(repo, "one", "two")
    indexed(repo)
    first = file_of(repo).read_bytes()

    grow(repo, "three")
    indexed(repo)
    assert file_of(repo).read_bytes() != first

    repository = Repository.open(str(repo.path), environment=os.environ)
    with started_processes() as commands:
        FirstParentHistory(repository, is_small=False).changes(repo.head())
    assert not [command for command in commands if "'log'" in command or "rev-list" in command]


def test_other_branches_and_rewritten_history(repo: Repo) -> None:
    grow(repo, "one", "two", "three")
    indexed(repo)
    repo.git("switch", "-qc", "other", "HEAD~1")
    grow(repo, "four")
    assert [one.subject for one in indexed(repo)] == ["four", "two", "one"]

    repo.git("reset", "-q", "--hard", "HEAD~2")
    assert [one.subject for one in indexed(repo)] == ["one"]

    repo.git("checkout", "-q", "--orphan", "fresh")
    repo.git("commit", "-qm", "fresh")
    assert [one.subject for one in indexed(repo)] == ["fresh"]
    assert [one.subject for one in indexed(repo, "main")] == ["three", "two", "one"]


def test_a_tip_that_the_line_has_merged_has_a_line_of_its_own(repo: Repo) -> None:
    grow(repo, "one")
    repo.git("switch", "-qc", "side")
    grow(repo, "two")
    repo.git("switch", "-q", "main")
    merge(repo, "side")
    indexed(repo)

    assert [one.subject for one in indexed(repo, "side")] == ["two", "one"]


def test_the_index_of_an_earlier_build_is_neither_read_nor_kept(repo: Repo) -> None:
    grow(repo, "one", "two")
    earlier = file_of(repo).with_name("first-parent-1")
    repo.write(".git/gitmodel/history/first-parent-1", b"gitmodel line 1\n" + bytes(100))

    assert len(indexed(repo)) == 2

    assert not earlier.exists()
    assert file_of(repo).read_bytes().startswith(b"gitmodel line 2\n")


def test_the_changes_from_a_commit_on_are_those_of_all(repo: Repo) -> None:
    grow(repo, "one", "two")
    grow(repo, "three", path="a.model.yaml")
    indexed(repo)
    grow(repo, "four", path="b.model.yaml")
    repository = Repository.open(str(repo.path), environment=os.environ)

    for is_small in (True, False):
        line = FirstParentHistory(repository, is_small=is_small).line(repo.head())
        subjects = [one.change.subject for one in line.all()]
        assert subjects == ["four", "three", "two", "one"]
        assert line.count == 4
        for number, record in enumerate(reversed(line.all())):
            assert record.number == number
            assert [one.change.subject for one in line.all(number)] == subjects[: 4 - number]
            assert line.first_at(record.time) == number
        assert line.first_at(line.tip_time + 1) == 4
        assert [one.change.subject for one in line.of_stem("b")] == ["four"]
        assert [one.change.subject for one in line.aliases()] == ["two", "one"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "folder"])
def test_a_damaged_index_is_none(repo: Repo, damage: str) -> None:
    grow(repo, "one", "two")
    indexed(repo)
    file = file_of(repo)
    data = file.read_bytes()
    match damage:
        case "cut":
            file.write_bytes(data[:-3])
        case "flipped":
            file.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
        case "empty":
            file.write_bytes(b"")
        case _:
            file.unlink()
            file.mkdir()

    assert len(indexed(repo)) == 2


def test_odd_paths_and_names_come_back(repo: Repo) -> None:
    grow(repo, "one", path="mödels/ä b.production.alias.yaml")
    grow(repo, "two", path="models/line\nbreak.production.alias.yaml")
    repo.git(
        "commit", "-q", "--allow-empty", "--author=Zoë <z@x>", "-m", "", "--allow-empty-message"
    )

    for _ in range(2):
        assert len(indexed(repo)) == 2


def test_in_a_shallow_clone_nothing_is_written(repo: Repo, tmp_path: Path) -> None:
    grow(repo, "one", "two", "three")
    shallow = Repo(tmp_path / "shallow")
    repo.git("clone", "-q", "--depth", "2", f"file://{repo.path}", str(shallow.path))

    assert [one.subject for one in indexed(shallow)] == ["three", "two"]
    assert not file_of(shallow).exists()


def test_ids_of_sha256(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "sha256", "--object-format=sha256")
    grow(repo, "one", "two")

    for _ in range(2):
        assert len(indexed(repo)) == 2
