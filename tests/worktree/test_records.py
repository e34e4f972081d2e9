"""What is remembered: a memory that may be lost, never one that is wrong."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import digest_of
from gitmodel.files.file_stat import FileStat
from gitmodel.worktree.records import CachedDigest, Record, Records
from tests.support.stores import files_below
from tests.support.strategies import digests, names, paths

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = digest_of(b"weights")
SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND + 123_456_789  # a file system that counts nanoseconds
stats = st.builds(FileStat, *(st.integers(0, 2**63) for _ in range(4)))
records = st.builds(
    Record,
    have=st.none() | digests,
    have_files=st.dictionaries(paths | st.just(""), digests, max_size=3),
    files=st.dictionaries(
        paths | st.just(""),
        st.builds(CachedDigest, stats, st.integers(0, 2**63), digests),
        max_size=3,
    ),
)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.dictionaries(st.sampled_from(["have", "files", "have_files", ""]), inner, max_size=3)
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "worktree"


@given(records)
def test_a_record_reads_back_as_it_was_written(record: Record) -> None:
    assert Record.from_bytes(record.to_bytes()) == record


@given(st.binary(max_size=60) | jsons.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_an_empty_memory(raw: bytes) -> None:
    assert isinstance(Record.from_bytes(raw), Record)


@pytest.mark.parametrize(
    "row",
    [
        [1, 2, 3, float("inf"), 5, DIGEST.hex],
        [1, 2, 3, 4, float("nan"), DIGEST.hex],
        [1, 2, 3, 4, 5, "../../etc/passwd"],
        [1, 2, 3, 4, 5],
        [1, 2],
        {"0": 1},
        "123456",
        None,
    ],
)
def test_a_row_that_is_not_one_forgets_the_record(row: object) -> None:
    raw = json.dumps({"have": DIGEST.hex, "have_files": {}, "files": {"": row}}).encode()

    assert Record.from_bytes(raw) == Record()


def test_a_record_nested_to_absurdity_is_an_empty_memory() -> None:
    assert Record.from_bytes(b"[" * 200_000) == Record()


def test_every_torn_prefix_of_a_record_is_an_empty_memory() -> None:
    raw = Record(
        DIGEST, {"": DIGEST}, {"": CachedDigest(FileStat(1, 2, 3, 4), 5, DIGEST)}
    ).to_bytes()

    assert {Record.from_bytes(raw[:end]).have for end in range(len(raw))} == {None}


@given(paths, paths)
def test_two_paths_never_share_a_record(one: str, other: str) -> None:
    shelf = Records("/nowhere")

    assert (shelf._file(one) == shelf._file(other)) == (one == other)


@given(paths, names)
def test_the_record_of_a_path_is_none_that_an_earlier_build_kept_for_a_model(
    path: str, name: str
) -> None:
    shelf = Records("/nowhere")

    assert shelf._file(path) != shelf._file_of_model(name)


@given(paths)
def test_a_record_lies_directly_in_its_folder_under_a_name_that_fits(path: str) -> None:
    file = Records("/nowhere")._file(path)

    assert os.path.dirname(file) == "/nowhere"
    assert len(os.path.basename(file)) <= 255


@given(st.text("aZ9-._~/ %é\U0001f40d", max_size=16))
def test_a_record_is_called_as_its_path_percent_encoded(path: str) -> None:
    file = Records("/nowhere")._file(path)

    assert os.path.basename(file) == f"@{quote(path, safe='')}.json"


def test_the_longest_paths_have_records(folder: Path) -> None:
    shelf = Records(str(folder))
    long_paths = ["/".join(["a"] * 100), "/".join(["b"] * 100), "c" * 100]
    for number, path in enumerate(long_paths):
        shelf.write(path, Record(digest_of(str(number).encode())))

    assert [shelf.read(path).have for path in long_paths] == [
        digest_of(str(number).encode()) for number in range(3)
    ]
    assert sorted(record.path for record in shelf.all()) == long_paths


def test_a_record_is_kept_replaced_moved_and_removed(folder: Path) -> None:
    shelf = Records(str(folder))
    kept = Record(DIGEST, name="team/fraud")
    assert shelf.read("team/fraud.bin") == Record()
    shelf.write("team/fraud.bin", Record(digest_of(b"first"), name="team/fraud"))
    shelf.write("team/fraud.bin", kept)
    assert shelf.models() == {"team/fraud"}
    shelf.move("team/fraud.bin", "prod/f.bin", was="team/fraud", name="fraud")
    assert shelf.read("team/fraud.bin") == Record()
    assert shelf.read("prod/f.bin") == Record(DIGEST, name="fraud")
    assert shelf.models() == {"fraud"}
    shelf.remove("prod/f.bin", name="fraud")
    shelf.remove("prod/f.bin", name="fraud")
    shelf.move("prod/f.bin", "nothing", was="fraud", name="fraud")

    assert files_below(folder) == []


def test_a_record_for_another_path_is_none(folder: Path) -> None:
    shelf = Records(str(folder))
    shelf.write("fraud.bin", Record(DIGEST, name="fraud"))

    assert shelf.read("prod/fraud.bin", name="fraud") == Record()


def test_the_record_of_an_earlier_build_goes_with_the_first_that_has_a_path(folder: Path) -> None:
    earlier = json.dumps({"have": DIGEST.hex, "have_files": {}, "files": {}, "boot": "b"})
    folder.mkdir()
    (folder / "team%2Ffraud.json").write_text(earlier, encoding="utf-8")
    shelf = Records(str(folder))
    assert shelf.models() == {"team/fraud"}
    found = shelf.read("fraud.bin", name="team/fraud")
    assert (found.have, found.path) == (DIGEST, "")
    shelf.write("fraud.bin", Record(name="team/fraud"))

    assert shelf.read("prod/fraud.bin", name="team/fraud") == Record()
    assert files_below(folder) == ["@fraud.bin.json"]


def test_records_of_nothing_remember_nothing() -> None:
    """`checkout --out` looks at a folder afresh."""
    shelf = Records(None)
    shelf.write("fraud", Record(DIGEST))
    shelf.move("fraud", "other", was="fraud", name="other")
    shelf.remove("fraud", name="fraud")

    assert shelf.read("fraud") == Record()
    assert shelf.all() == []


def test_writers_at_once_leave_one_whole_record(folder: Path) -> None:
    shelf = Records(str(folder))
    choices = [digest_of(str(number).encode()) for number in range(8)]
    gate = threading.Barrier(8)

    def write(number: int) -> None:
        gate.wait()
        for _ in range(20):
            shelf.write("fraud", Record(choices[number]))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shelf.read("fraud").have in choices
    assert files_below(folder) == ["@fraud.json"]


@pytest.mark.parametrize(
    ("written_ago_ns", "offset", "trusted"),
    [
        (10_000_000, 0, False),  # 10 ms before hashing began: the same tick may hide a write
        (60_000_000, 0, True),
        (2 * SECOND, -NOW % SECOND, False),  # a file system that counts seconds, in steps of two
        (4 * SECOND, -NOW % SECOND, True),
        (-SECOND, 0, False),  # from the future
    ],
)
def test_a_file_written_in_the_tick_of_its_hashing_is_not_trusted(
    written_ago_ns: int, offset: int, trusted: bool
) -> None:
    then, hashed, long_ago = NOW + offset - written_ago_ns, NOW + offset, NOW - 10**15
    plain = FileStat(1, then, then, 7)
    set_back = FileStat(1, long_ago, then, 7)

    assert CachedDigest(plain, hashed, DIGEST).holds_for(plain) is trusted
    assert CachedDigest(set_back, hashed, DIGEST).holds_for(set_back) is trusted


def test_a_file_that_we_placed_is_trusted_at_once() -> None:
    for then in (NOW, NOW // SECOND * SECOND):
        status = FileStat(1, then - 3 * SECOND, then, 7)

        assert CachedDigest.placed(status, DIGEST).holds_for(status)


@pytest.mark.parametrize("field", FileStat._fields)
def test_any_other_stat_means_changed(field: str) -> None:
    status = FileStat(1, NOW, NOW, 7)
    known = CachedDigest(status, NOW + SECOND, DIGEST)
    other = status._replace(**{field: getattr(status, field) + 1})

    assert known.holds_for(status)
    assert not known.holds_for(other)
