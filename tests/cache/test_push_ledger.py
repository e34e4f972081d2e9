"""What is known to be on a remote: believed only for that very store, and never half a line."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cache.push_ledger import Ledger
from gitmodel.domain.digest import digest_of
from tests.support.stores import files_below

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BLOBS = [f"{number:040x}" for number in range(10)]


def ledger(folder: Path, remote: str = "s3://bucket/prefix") -> Ledger:
    return Ledger(str(folder / "ledgers"), remote)


def the_file(folder: Path) -> Path:
    (name,) = files_below(folder / "ledgers")
    return folder / "ledgers" / name


def test_what_was_confirmed_is_known_to_the_next_process(tmp_path: Path) -> None:
    first = ledger(tmp_path)
    assert not first.knows(BLOBS[0])
    first.belongs_to("store-1")
    first.confirm(BLOBS[:2])

    for book in (first, ledger(tmp_path)):
        assert [book.knows(blob) for blob in BLOBS[:3]] == [True, True, False]


def test_looking_writes_nothing(tmp_path: Path) -> None:
    ledger(tmp_path).knows(BLOBS[0])
    ledger(tmp_path).confirm([])
    ledger(tmp_path).journal().clear()

    assert ledger(tmp_path).journal().packs() == frozenset()
    assert files_below(tmp_path) == []


def test_remotes_have_ledgers_of_their_own(tmp_path: Path) -> None:
    ledger(tmp_path, "s3://one").confirm(BLOBS)

    assert not ledger(tmp_path, "s3://two").knows(BLOBS[0])


def test_another_store_at_the_same_address_forgets(tmp_path: Path) -> None:
    """A bucket that was emptied and set up anew must not be believed to hold anything."""
    book = ledger(tmp_path)
    book.belongs_to("store-1")
    book.confirm(BLOBS[:2])
    book.belongs_to("store-1")
    assert book.knows(BLOBS[0])
    book.belongs_to("store-2")
    book.confirm(BLOBS[5:6])

    for seen in (book, ledger(tmp_path)):
        seen.belongs_to("store-2")
        assert [seen.knows(blob) for blob in (BLOBS[0], BLOBS[5])] == [False, True]


def test_going_back_to_the_first_store_does_not_bring_its_lines_back(tmp_path: Path) -> None:
    for store_id, blob in (("store-1", BLOBS[0]), ("store-2", BLOBS[1]), ("store-1", BLOBS[2])):
        book = ledger(tmp_path)
        book.belongs_to(store_id)
        book.confirm([blob])
    book = ledger(tmp_path)
    book.belongs_to("store-1")

    assert [book.knows(blob) for blob in BLOBS[:3]] == [False, False, True]


def test_a_torn_last_line_is_ignored(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.belongs_to("store-1")
    book.confirm(BLOBS[:2])
    path = the_file(tmp_path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        seen = ledger(tmp_path)
        known = [blob for blob in BLOBS if seen.knows(blob)]
        assert known == BLOBS[: max(0, whole[:end].count(b"\n") - 1)]


@given(st.data())
def test_after_any_tear_nothing_is_known_that_was_not_confirmed_on_this_store(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Kills cut the file anywhere, another process goes on, stores come and go."""
    folder = tmp_path_factory.mktemp("ledger")
    confirmed: dict[str, set[str]] = {"store-1": set(), "store-2": set()}
    for _ in range(data.draw(st.integers(1, 5))):
        store_id = data.draw(st.sampled_from(sorted(confirmed)))
        book = ledger(folder)
        book.belongs_to(store_id)
        for blob in BLOBS:
            assert not book.knows(blob) or blob in confirmed[store_id]
        blobs = data.draw(st.lists(st.sampled_from(BLOBS), max_size=3))
        book.confirm(blobs)
        confirmed[store_id].update(blobs)
        if files_below(folder / "ledgers"):
            path = the_file(folder)
            raw = path.read_bytes()
            path.write_bytes(raw[: data.draw(st.integers(max(0, len(raw) - 60), len(raw)))])


def test_garbage_is_nothing_known(tmp_path: Path) -> None:
    ledger(tmp_path).confirm(BLOBS[:1])
    the_file(tmp_path).write_bytes(b"\x00\xff\n" * 50 + b"store \n\n")

    assert not ledger(tmp_path).knows(BLOBS[0])


def test_what_a_fetch_found_is_not_what_a_push_confirmed(tmp_path: Path) -> None:
    """Weights that are there may still want their version claimed."""
    digest = digest_of(b"weights")
    book = ledger(tmp_path)
    book.note_whole([digest])

    assert ledger(tmp_path).has_stored(digest)
    assert not ledger(tmp_path).knows(digest.hex)
    assert not ledger(tmp_path).has_stored(digest_of(b"others"))
    book.belongs_to("another store")
    assert not ledger(tmp_path).has_stored(digest)


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    for _ in range(50):
        book.confirm(BLOBS[:1] * 3)
        ledger(tmp_path).confirm(BLOBS[:1])

    assert the_file(tmp_path).read_text() == f"{BLOBS[0]}\n"


class TestJournal:
    def test_packs_that_arrived_are_known_to_the_next_push(self, tmp_path: Path) -> None:
        journal = ledger(tmp_path).journal()
        threads = [
            threading.Thread(target=lambda number=number: journal.arrived(f"{number:064x}"))
            for number in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ledger(tmp_path).journal().packs() == {f"{number:064x}" for number in range(40)}

    def test_a_torn_last_line_is_ignored(self, tmp_path: Path) -> None:
        journal = ledger(tmp_path).journal()
        journal.arrived("ab" * 32)
        path = the_file(tmp_path)
        path.write_bytes(path.read_bytes() + b"cd" * 20)

        assert journal.packs() == {"ab" * 32}

    def test_it_is_empty_after_the_push(self, tmp_path: Path) -> None:
        journal = ledger(tmp_path).journal()
        journal.arrived("ab" * 32)
        journal.clear()
        journal.clear()

        assert journal.packs() == frozenset()

    def test_it_does_not_disturb_the_ledger(self, tmp_path: Path) -> None:
        book = ledger(tmp_path)
        book.confirm(BLOBS[:1])
        book.journal().arrived(BLOBS[1])

        assert not ledger(tmp_path).knows(BLOBS[1])
        assert ledger(tmp_path).knows(BLOBS[0])


def test_commits_that_were_walked_are_remembered_for_that_store_only(tmp_path: Path) -> None:
    first = ledger(tmp_path)
    first.belongs_to("store-1")
    first.note_walked(BLOBS[:2])

    assert ledger(tmp_path).walked() == frozenset(BLOBS[:2])
    assert not first.knows(BLOBS[0]), "a commit is no pointer"
    first.belongs_to("store-2")
    assert ledger(tmp_path).walked() == frozenset()


def test_a_hole_is_no_longer_known_and_no_commit_counts_as_walked(tmp_path: Path) -> None:
    digest = digest_of(b"weights")
    book = ledger(tmp_path)
    book.belongs_to("store-1")
    book.confirm(BLOBS[:2])
    book.note_whole([digest])
    book.note_walked(BLOBS[3:5])
    book.note_hole(BLOBS[0], digest, "team/fräud@3")

    for seen in (book, ledger(tmp_path)):
        assert [seen.knows(blob) for blob in BLOBS[:2]] == [False, True]
        assert not seen.has_stored(digest)
        assert seen.walked() == frozenset()
        assert seen.holes() == ["team/fräud@3"]


def test_what_was_seen_whole_is_no_hole_any_more(tmp_path: Path) -> None:
    one, two = digest_of(b"one"), digest_of(b"two")
    book = ledger(tmp_path)
    book.note_hole(BLOBS[0], one, "fraud@1")
    book.note_hole(BLOBS[1], two, "fraud@2")
    book.note_whole([one])

    for seen in (book, ledger(tmp_path)):
        assert seen.holes() == ["fraud@2"]
        assert seen.has_stored(one)


def test_bad_packs_are_remembered_until_they_are_good(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.note_bytes(bad=["ab" * 32, "cd" * 32])
    book.note_bytes(good=["ab" * 32, "ef" * 32])

    assert book.bad() == ledger(tmp_path).bad() == {"cd" * 32}
    book.belongs_to("another store")
    assert ledger(tmp_path).bad() == frozenset()


def test_what_is_taken_back_can_be_confirmed_again(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    for _ in range(3):
        book.confirm(BLOBS[:1])
        assert ledger(tmp_path).knows(BLOBS[0])
        book.note_hole(BLOBS[0], digest_of(b"weights"), "fraud@1")
        assert not ledger(tmp_path).knows(BLOBS[0])
