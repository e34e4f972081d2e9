"""Cached facts are those that the parser of pointers reads, or they are read again."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.pointer import Pointer
from gitmodel.git.history.segment import DamagedSegmentError
from gitmodel.git.repository import Repository
from gitmodel.project.search import facts_segment
from gitmodel.project.search.committed_versions import committed_versions
from gitmodel.project.search.facts import PointerFacts, facts_of
from gitmodel.project.search.facts_cache import FactsCache
from gitmodel.project.search.facts_segment import FactsSegment, to_bytes
from gitmodel.project.search.query import Query
from gitmodel.workflows.list import list_versions
from tests.support.desk import Desk, digest
from tests.support.strategies import pointers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

ALL = PointerFacts._fields


def oid(number: int) -> str:
    return f"{number:040x}"


def facts(number: int) -> PointerFacts:
    pointer = Pointer(
        name="fraud",
        version=number,
        digest=digest(b"%d" % number),
        size=number,
        path="fraud.bin",
        metrics={"auc": number / 7, "big": 10**90 + number, "nan": float("nan")},
        tags=("a", "ü"),
        format={"type": "safetensors", "dtypes": {"F32": 3}},
    )
    return facts_of(Pointer.from_text(pointer.to_text(), what="x"))


def printed(value: object) -> str:
    """A text that differs where values differ, for NaN is not equal to itself."""
    return json.dumps(value)


@given(st.lists(pointers, min_size=1, max_size=5))
def test_what_is_cached_is_what_the_parser_reads(some: list[Pointer]) -> None:
    read = [facts_of(Pointer.from_text(pointer.to_text(), what="x")) for pointer in some]
    rows: dict[str, PointerFacts | None] = {oid(n): one for n, one in enumerate(read)}
    rows[oid(99)] = None

    segment = FactsSegment(BytesIO(to_bytes(rows, oid_length=20)), "x", oid_length=20)
    found = segment.rows(ALL)

    assert segment.count == len(rows)
    assert list(found) == list(rows)
    assert [printed(found[one]) for one in rows] == [printed(rows[one]) for one in rows]
    some_fields = segment.rows({"name", "version", "metrics"})
    for one, expected in rows.items():
        shown = some_fields[one]
        assert (shown is None) == (expected is None)
        if shown is not None and expected is not None:
            assert shown.key == expected.key
            assert printed(shown.metrics) == printed(expected.metrics)
            assert (shown.params, shown.run, shown.tags) == ({}, None, ())


def test_a_flipped_bit_is_noticed() -> None:
    rows = {oid(number): facts(number) for number in range(1, 9)}
    data = to_bytes(rows, oid_length=20)
    random = Random(7)  # noqa: S311  (places of bits)

    for place in [0, 20, len(data) - 1, *random.sample(range(len(data)), 200)]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << random.randrange(8)
        with pytest.raises(DamagedSegmentError):
            FactsSegment(BytesIO(damaged), "x", oid_length=20).rows(ALL)
    for length in (0, 10, 200, len(data) - 1):
        with pytest.raises(DamagedSegmentError):
            FactsSegment(BytesIO(data[:length]), "x", oid_length=20).rows(ALL)
    with pytest.raises(DamagedSegmentError):
        FactsSegment(BytesIO(data), "x", oid_length=32)


class Asked:
    """The cache of a repository, which keeps every pointer."""

    def __init__(self, repo: Repo) -> None:
        self.cache = FactsCache(Repository.open(str(repo.path), environment={}), worth_keeping=1)
        self.folder: Path = repo.path / ".git/gitmodel/facts/1"

    def numbers(self) -> list[int]:
        found = self.cache.read(ALL)
        assert all(printed(found[oid(n)]) == printed(facts(n)) for n in map(_number, found))
        return sorted(map(_number, found))

    def write(self, numbers: range, wanted: range) -> None:
        new = {oid(number): facts(number) for number in numbers}
        self.cache.write(new, {oid(number) for number in wanted})

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*"))


def _number(text: str) -> int:
    return int(text, 16)


def test_small_segments_are_merged_and_old_blobs_dropped(repo: Repo) -> None:
    asked = Asked(repo)
    assert asked.numbers() == []

    asked.write(range(1, 9), range(1, 9))
    asked.write(range(9, 11), range(1, 11))
    assert asked.numbers() == list(range(1, 11))
    assert len(asked.files()) == 2, "the first is more than twice as large"
    asked.write(range(11, 14), range(5, 14))
    assert len(asked.files()) == 1
    assert asked.numbers() == list(range(5, 14))


def test_few_new_pointers_are_not_written(repo: Repo) -> None:
    asked = Asked(repo)
    asked.cache = FactsCache(Repository.open(str(repo.path), environment={}))

    asked.write(range(1, 200), range(1, 200))
    assert asked.files() == []


def test_damaged_and_foreign_files_are_removed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(repo)
    asked.write(range(1, 9), range(1, 9))
    (file,) = asked.files()
    data = file.read_bytes()
    for damaged in (data[:-1], b"", data[:300] + b"x" + data[301:]):
        file.write_bytes(damaged)
        assert asked.numbers() == []
        assert asked.files() == []
    file.write_bytes(data)
    assert asked.numbers() == list(range(1, 9))
    file.write_bytes(data.replace(facts_segment._MAGIC, facts_segment._MAGIC[:-2] + b"9\n"))
    assert asked.numbers() == []
    (asked.folder / "folder.facts").mkdir()
    assert asked.numbers() == []


def test_a_folder_that_cannot_be_written_is_no_error(repo: Repo) -> None:
    asked = Asked(repo)
    repo.write(".git/gitmodel/facts", "a file in its place")

    asked.write(range(1, 9), range(1, 9))
    assert asked.numbers() == []


def test_versions_are_the_same_with_and_without_the_cache(desk: Desk) -> None:
    """300 pointers, more than are parsed again each time; one was edited by hand."""
    base = Pointer(name="x", version=1, digest=digest(b"x"), size=1, path="x.bin")
    for number in range(300):
        name = f"m{number:03d}"
        pointer = replace(base, name=name, path=f"{name}.bin", metrics={"auc": number / 300})
        text = pointer.to_text()
        desk.repo.write(
            f"{name}.model.yaml", text.replace("version: 1", "version: 2") if number == 7 else text
        )
    desk.repo.commit("import")
    query = Query.parse("metrics.auc >= 0.99 or name = m007", None)

    def listed() -> list[str]:
        with desk.open() as project:
            report = list_versions(project, "head", query=query)
        return [f"{row.name} {row.metrics}" for row in report.models]

    first = listed()
    (file,) = (desk.repo.path / ".git/gitmodel/facts/1").glob("*")
    kept = file.read_bytes()
    assert len(first) == 3
    assert listed() == first
    assert file.read_bytes() == kept
    file.write_bytes(kept[:-100] + bytes(100))
    assert listed() == first
    with desk.open() as project:
        assert len(FactsCache(project.repository).read(ALL)) == 300
        assert len(committed_versions(project, "all").versions) == 299
