"""The index of history gives the answers of a walk, whatever was done to history or to the index."""

from __future__ import annotations

import os
import shutil
import threading
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.git.history.cached import CachedHistory
from gitmodel.git.history.walk import History
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.git.history.walk import Change

NAME = "a.model.yaml"


class Asked:
    """A repository asked through its index and without it."""

    def __init__(self, repo: Repo, *, small: int = 0, worth_keeping: int = 1) -> None:
        self.repository = Repository.open(str(repo.path), environment=os.environ)
        self.small = small
        self.worth_keeping = worth_keeping
        self.folder = Path(self.repository.common_dir, "gitmodel", "history", "1")

    def open(self) -> CachedHistory:
        return CachedHistory(
            self.repository,
            small=self.small,
            worth_keeping=self.worth_keeping,
            worth_ordering=self.worth_keeping,
        )

    def indexed(self, name: str = NAME) -> list[Change]:
        """The answer, which must be the one of a walk."""
        walked = self.open()
        try:
            answer = walked.named(name)
            assert walked.several([name, "none.model.yaml"]) == {
                name: answer,
                "none.model.yaml": [],
            }
            every, walk = walked.pointers(), History(self.repository).all_refs_changes()
            assert [change.commit for change in every] == [change.commit for change in walk]
            assert sorted(every, key=repr) == sorted(walk, key=repr)
        finally:
            walked.close()
        assert answer == History(self.repository).all_refs_changes(name)
        return answer

    def segments(self) -> list[Path]:
        return sorted(self.folder.glob("*.walk"))

    def comparisons(self) -> int:
        """How many processes compare commits for an answer."""
        with started_processes() as started, self.open().snapshot() as snapshot:
            snapshot.named(NAME)
        return sum("diff-tree" in command or "'log'" in command for command in started)


def grow(repo: Repo, *contents: str, path: str = NAME) -> None:
    for content in contents:
        repo.write(path, content)
        repo.commit(content)


@pytest.fixture
def asked(repo: Repo) -> Asked:
    """Three commits in the index."""
    grow(repo, "one", "two", "three")
    asked = Asked(repo)
    assert len(asked.indexed()) == 3
    assert len(asked.segments()) == 1
    return asked


def test_what_was_walked_is_not_compared_again(asked: Asked, repo: Repo) -> None:
    assert asked.comparisons() == 0
    grow(repo, "four")
    assert asked.comparisons() == 1
    assert asked.comparisons() == 0
    assert len(asked.indexed()) == 4


def test_many_names_take_as_many_processes_as_one(asked: Asked, repo: Repo) -> None:
    names = [f"{letter}.model.yaml" for letter in "abcdef"]
    for name in names:
        grow(repo, "five", "six", path=f"deep/{name}")
    expected = {name: History(asked.repository).all_refs_changes(name) for name in names}
    assert [len(changes) for changes in expected.values()] == [5, 2, 2, 2, 2, 2]
    for worth_keeping in (100, 1):  # all but three loose, and all in the index
        asked.worth_keeping = worth_keeping
        with started_processes() as commands:
            assert asked.open().several(names) == expected
        assert len(commands) <= 3
        found = asked.open().pointers()
        assert sorted(found, key=repr) == sorted(chain(*expected.values()), key=repr)
    small = CachedHistory(asked.repository)
    with started_processes() as commands:
        assert small.several(names) == expected
        assert small.several(names[:1]) == {names[0]: expected[names[0]]}
    assert len(commands) == 2


def test_as_long_as_no_ref_moves_history_is_not_walked_again(asked: Asked, repo: Repo) -> None:
    def started() -> int:
        walked = asked.open()
        with started_processes() as commands:
            walked.named(NAME)
        walked.close()
        return len(commands)

    assert started() == 1
    repo.git("branch", "other", "HEAD~1")
    assert started() == 2
    assert started() == 1
    repo.git("branch", "-D", "other")
    assert started() == 2


@pytest.mark.parametrize("place", [0, 20, 40, -1, None], ids=["magic", "tips", "sum", "id", "end"])
def test_a_damaged_order_counts_as_absent(asked: Asked, place: int | None) -> None:
    order = asked.folder / "order"
    data = bytearray(order.read_bytes())
    if place is None:
        del data[-20:]
    else:
        data[place] ^= 1
    order.write_bytes(data)

    assert len(asked.indexed()) == 3
    order.unlink()
    assert len(asked.indexed()) == 3


def test_a_small_repository_has_no_index_and_takes_one_process(repo: Repo) -> None:
    grow(repo, "one", "two")
    asked = Asked(repo, small=8000)

    assert len(asked.indexed()) == 2
    walked = asked.open()
    with started_processes() as started:
        walked.named(NAME)

    assert len(started) == 1
    assert not asked.folder.exists()


@pytest.mark.parametrize("packed", [True, False])
def test_a_repository_is_small_by_its_objects(repo: Repo, *, packed: bool) -> None:
    for number in range(300):
        repo.write(f"{number}.txt", f"{number}")
    grow(repo, "one")
    if packed:
        repo.git("gc", "-q")

    for small in (100, 100_000):
        asked = Asked(repo, small=small)
        assert len(asked.indexed()) == 1
        assert asked.folder.exists() == (small == 100)
        shutil.rmtree(asked.folder, ignore_errors=True)


def test_a_clone_that_borrows_objects_is_not_small(repo: Repo) -> None:
    grow(repo, "one")
    repo.git("clone", "-q", "--shared", ".", "../clone")
    asked = Asked(Repo(repo.path.parent / "clone"), small=8000)

    assert len(asked.indexed()) == 1
    assert len(asked.segments()) == 1


def test_few_new_commits_are_compared_each_time_and_not_written(repo: Repo) -> None:
    asked = Asked(repo, worth_keeping=3)
    grow(repo, "one", "two")
    assert len(asked.indexed()) == 2
    assert asked.segments() == []
    grow(repo, "three")
    assert len(asked.indexed()) == 3
    assert len(asked.segments()) == 1
    grow(repo, "four")
    assert len(asked.indexed()) == 4
    assert len(asked.segments()) == 1


def test_a_question_after_a_ref_has_moved_is_answered_anew(asked: Asked, repo: Repo) -> None:
    walked = asked.open()
    assert len(walked.named(NAME)) == 3
    with started_processes() as started:
        assert len(walked.named(NAME)) == 3
    assert len(started) == 1
    grow(repo, "four")
    assert len(walked.named(NAME)) == 4
    repo.git("reset", "-q", "--hard", "HEAD~2")
    assert len(walked.named(NAME)) == 2
    walked.close()


def test_a_snapshot_stays_as_it_is(asked: Asked, repo: Repo) -> None:
    with asked.open().snapshot() as snapshot:
        grow(repo, "four")
        for segment in asked.segments():
            segment.unlink()

        assert len(snapshot.named(NAME)) == 3
        assert snapshot.named("other.model.yaml") == []


def test_commits_that_nothing_reaches_any_more_are_gone(asked: Asked, repo: Repo) -> None:
    repo.git("commit", "-q", "--amend", "-m", "amended")
    assert [change.subject for change in asked.indexed()] == ["amended", "two", "one"]
    repo.git("reset", "-q", "--hard", "HEAD~2")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert [change.subject for change in asked.indexed()] == ["one"]


def test_commits_that_come_back_are_there_again(asked: Asked, repo: Repo) -> None:
    third = repo.head()
    repo.git("reset", "-q", "--hard", "HEAD~2")
    assert len(asked.indexed()) == 1
    repo.git("branch", "again", third)
    assert len(asked.indexed()) == 3


def test_an_orphaned_history_does_not_stay_in_the_index(asked: Asked, repo: Repo) -> None:
    repo.git("checkout", "-q", "--orphan", "fresh")
    grow(repo, "other")
    repo.git("branch", "-D", "main")

    assert len(asked.indexed()) == 1
    assert len(asked.indexed()) == 1
    assert len(asked.segments()) == 1


def test_many_updates_leave_few_segments(repo: Repo) -> None:
    asked = Asked(repo)
    for number in range(20):
        grow(repo, f"{number}")
        asked.indexed()

    assert len(asked.segments()) <= 5


def test_an_index_that_is_deleted_is_made_again(asked: Asked) -> None:
    [segment] = asked.segments()
    segment.unlink()
    assert len(asked.indexed()) == 3
    assert len(asked.segments()) == 1


@pytest.mark.parametrize("place", [0, 20, 100, -1], ids=["magic", "table", "check", "change"])
def test_a_damaged_segment_counts_as_absent(asked: Asked, place: int) -> None:
    [segment] = asked.segments()
    data = bytearray(segment.read_bytes())
    data[place] ^= 1
    segment.write_bytes(data)

    assert len(asked.indexed()) == 3
    assert len(asked.indexed()) == 3
    [fresh] = asked.segments()
    assert fresh != segment


@pytest.mark.parametrize("content", [b"", b"foreign", b"\0" * 10_000])
def test_a_foreign_file_counts_as_absent(asked: Asked, content: bytes) -> None:
    (asked.folder / "foreign.walk").write_bytes(content)
    (asked.folder / "README").write_bytes(content)

    assert len(asked.indexed()) == 3
    assert len(asked.segments()) == 1
    assert (asked.folder / "README").exists()


def test_a_damaged_segment_that_would_be_merged_counts_as_absent(asked: Asked, repo: Repo) -> None:
    [segment] = asked.segments()
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1  # in a bucket, which only merging or a question about its models reads
    segment.write_bytes(data)
    grow(repo, "four", "five")

    assert len(asked.indexed()) == 5
    assert segment not in asked.segments()


def test_a_segment_that_cannot_be_removed_is_not_believed(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    [segment] = asked.segments()
    segment.unlink()
    (asked.folder / "x.walk").mkdir()

    assert len(asked.indexed()) == 3

    for path in asked.segments():
        path.rmdir() if path.is_dir() else path.write_bytes(b"damaged")
    monkeypatch.setattr(os, "unlink", _refuse)
    assert len(asked.indexed()) == 3


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError


def test_where_nothing_can_be_written_the_answer_is_the_same(repo: Repo) -> None:
    grow(repo, "one", "two")
    asked = Asked(repo)
    asked.folder.parent.parent.mkdir(exist_ok=True)
    asked.folder.parent.write_text("a file where the folder would be")

    assert len(asked.indexed()) == 2


def test_what_a_kill_left_behind_is_swept_after_a_while(
    asked: Asked, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process sweeps a folder when it first writes there."""
    monkeypatch.setattr("gitmodel.files.temporary_folder._swept", set())
    old, new = (asked.folder / f".gitmodel-tmp-{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    grow(repo, "four")
    asked.indexed()

    assert (old.exists(), new.exists()) == (False, True)


def test_deepening_a_shallow_clone_shows_what_was_cut_off(repo: Repo) -> None:
    grow(repo, "one", "two", "three")
    clone = repo.clone("clone", "--depth=1")
    asked = Asked(clone)

    assert [change.subject for change in asked.indexed()] == ["three"]
    clone.git("fetch", "-q", "--depth=2")
    assert len(asked.indexed()) == 2
    assert asked.segments() == []
    clone.git("fetch", "-q", "--unshallow")
    assert len(asked.indexed()) == 3
    assert len(asked.segments()) == 1


def test_a_clone_that_becomes_shallow_leaves_its_index_alone(asked: Asked, repo: Repo) -> None:
    source = repo.clone("source.git", "--bare")
    repo.git("remote", "add", "origin", source.path.as_uri())
    repo.git("fetch", "-q", "--depth=1", "origin")

    assert len(asked.indexed()) == 1
    repo.git("fetch", "-q", "--unshallow", "origin")
    assert len(asked.indexed()) == 3


def test_grafts_and_replacements_do_not_enter_the_index(asked: Asked, repo: Repo) -> None:
    newest, middle, oldest = (change.commit for change in asked.indexed())
    repo.git("replace", "--graft", newest, oldest)
    # What a push sends is what we read; the replacement itself is on a ref as well.
    assert {newest, middle, oldest} < {change.commit for change in asked.indexed()}
    repo.git("replace", "-d", newest)
    grafts = repo.path / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{newest} {oldest}\n")
    assert len(asked.indexed()) == 2
    grafts.unlink()
    assert len(asked.indexed()) == 3


def test_a_blobless_clone_is_indexed_without_fetching(repo: Repo) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    grow(repo, "one", "two", "three")
    clone = repo.clone("clone", "--filter=blob:none", "--no-checkout")
    repo.path.rename(repo.path.with_name("away"))
    asked = Asked(clone)

    assert len(asked.indexed()) == 3
    assert asked.comparisons() == 0


def test_worktrees_share_an_index_and_see_each_others_heads(asked: Asked, repo: Repo) -> None:
    repo.git("worktree", "add", "-q", "--detach", "../linked")
    linked = Repo(repo.path.parent / "linked")
    grow(linked, "linked")
    beside = Asked(linked)

    assert len(beside.indexed()) == 4
    assert len(asked.indexed()) == 4
    assert beside.folder.samefile(asked.folder)


def test_a_commit_graph_changes_no_order(asked: Asked, repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side", "HEAD~1")
    grow(repo, "side one", "side two", path="sub/a.model.yaml")
    repo.git("merge", "-q", "-m", "merge", "main")
    before = asked.indexed()
    repo.git("commit-graph", "write", "--reachable", "--changed-paths")

    assert asked.indexed() == before
    assert len(before) == 5


def test_a_sha256_repository_has_an_index(make_repo: Callable[..., Repo]) -> None:
    repo = make_repo("wide", "--object-format=sha256")
    grow(repo, "one", "two")
    asked = Asked(repo)

    assert len(asked.indexed()) == 2
    assert asked.comparisons() == 0


def test_a_repository_without_a_commit_has_an_empty_answer(repo: Repo) -> None:
    asked = Asked(repo)

    assert asked.indexed() == []
    assert asked.segments() == []


def test_many_at_once_give_right_answers_and_a_sound_index(repo: Repo) -> None:
    grow(repo, *(f"{number}" for number in range(6)))
    asked = Asked(repo)
    expected = History(asked.repository).all_refs_changes(NAME)
    answers: list[list[Change]] = []

    def ask() -> None:
        for _ in range(4):
            walked = asked.open()
            answers.append(walked.named(NAME))
            walked.close()
            for segment in asked.segments()[:1]:
                segment.unlink(missing_ok=True)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [expected] * 16
    asked.indexed()
    assert len(asked.segments()) == 1
