"""Compares the files of two stored versions: tensors by name where a header names them, else chunks.

Only manifests, headers and short chunks are read; see `BoundedPacks`. Files are compared by path.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from gitmodel.domain.tensor_changes import (
    ChunkSpans,
    TensorChange,
    compare_tensors,
    moved_names,
)
from gitmodel.encoding.chunking.content import CONTENT_CHUNKER
from gitmodel.errors import GitmodelError
from gitmodel.project.comparing.bounded_packs import OverBudgetError
from gitmodel.project.comparing.headers import Header, entry_offsets, read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.tensor_changes import Segment, TensorSpan
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.comparing.bounded_packs import BoundedPacks, Part

FileStatus: TypeAlias = Literal["same", "changed", "added", "removed"]
_BLOCK = 1 << 20  # bytes compared at a time


class ChunkCounts(NamedTuple):
    """Chunks of a file, each place counted, and how many of them only one version has."""

    same: int
    only_a: int
    only_b: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of two versions.

    Attributes:
        path: In the folder; "" for a model that is one file.
        format: Of the newer side; None if no header was recognized.
        tensors: None if the header of a side names none, or was not read.
        others: Named parts that are no tensors, such as `data.pkl`.
        renamed: Removed and added tensors that are one, as far as whole chunks tell: earlier and later name.
        chunks: What is counted where tensors are not known.
        problem: Why tensors were not looked at.
    """

    path: str
    status: FileStatus
    format: str | None = None
    tensors: tuple[TensorChange, ...] | None = None
    others: tuple[TensorChange, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    chunks: ChunkCounts | None = None
    problem: str | None = None


class Side(NamedTuple):
    """One file of one version."""

    manifest: Manifest
    entry: FileEntry


def compare_files(a: Manifest, b: Manifest, packs: BoundedPacks) -> list[FileChange]:
    """Compare all files of two versions, sorted by path. What differs is read before what is the same."""
    old = {entry.path: Side(a, entry) for entry in a.files}
    new = {entry.path: Side(b, entry) for entry in b.files}
    paths = sorted({*old, *new})
    same = {
        path
        for path in paths
        if path in old and path in new and old[path].entry.digest == new[path].entry.digest
    }
    found = {
        path: _compare(path, old.get(path), new.get(path), packs)
        for path in sorted(paths, key=lambda path: path in same)
    }
    return [found[path] for path in paths]


def _compare(path: str, a: Side | None, b: Side | None, packs: BoundedPacks) -> FileChange:
    status: FileStatus = "changed"
    if a is None or b is None:
        status = "added" if a is None else "removed"
    elif a.entry.digest == b.entry.digest:
        status = "same"
    chunks = _chunk_counts(a, b)
    try:
        old, new = _headers(a, b, packs, is_same=status == "same")
        if old is None or new is None or old.format != new.format:
            return FileChange(path, status, chunks=chunks, problem=_difference(old, new))
        comparison = _Comparison(a, b, packs)
        tensors = comparison.of(old.tensors, new.tensors)
        return FileChange(
            path,
            status,
            format=new.format,
            tensors=tensors,
            others=comparison.of(old.others, new.others),
            renamed=comparison.renamed(tensors),
        )
    except OverBudgetError:
        problem = "its header is longer than what a comparison fetches"
    except GitmodelError as error:
        problem = str(error)
    return FileChange(path, status, chunks=chunks, problem=problem)


def _difference(old: Header | None, new: Header | None) -> str | None:
    """Why tensors of two files have no common names; None if neither of the files names tensors."""
    if old is not None and new is not None:
        return f"the formats differ ({old.format} and {new.format})"
    found = old or new
    return None if found is None else f"only one of the files is {found.format}"


def _headers(
    a: Side | None, b: Side | None, packs: BoundedPacks, *, is_same: bool
) -> tuple[Header | None, Header | None]:
    """The headers of both sides; None for a file without tensors. A side that is not there has no tensors."""
    old = None if a is None else _header(a, packs)
    if is_same:
        old = None if old is None else old.named()
        return old, old
    new = None if b is None else _header(b, packs)
    if a is None and new is not None:
        old = Header(new.format, {}, {})
    if b is None and old is not None:
        new = Header(old.format, {}, {})
    if old is None or new is None:
        return old, new
    # Names of one file only would make every tensor of the other another one.
    known = [one.names is not None for one in (old, new) if one.tensors]
    return (old.named(), new.named()) if known and all(known) else (old, new)


def _header(side: Side, packs: BoundedPacks) -> Header | None:
    file = _OpenFile(side, packs)
    if side.entry.chunker.name == CONTENT_CHUNKER.name and file.parts([0]):
        return None  # when it was stored, no header was recognized: not worth a request
    with suppress(GitmodelError):  # what is not there is told by the reads that follow
        packs.fetch(file.parts(entry_offsets(file.view.read_at, file.view.size)))
    return read_header(file.view.read_at, file.view.size)


def _chunk_counts(a: Side | None, b: Side | None) -> ChunkCounts:
    old = [] if a is None else _spans(a).hashes
    new = [] if b is None else _spans(b).hashes
    known_old, known_new = set(old), set(new)
    only_b = sum(one not in known_old for one in new)
    only_a = sum(one not in known_new for one in old)
    return ChunkCounts(len(new) - only_b, only_a, only_b)


def _spans(side: Side) -> ChunkSpans:
    chunks = [side.manifest.chunk(number) for number in side.manifest.chunks_of(side.entry)]
    ends = list(accumulate(chunk.raw_size for chunk in chunks))
    return ChunkSpans(ends, [chunk.hash for chunk in chunks])


class _Comparison:
    """Compares named parts of two files."""

    def __init__(self, a: Side | None, b: Side | None, packs: BoundedPacks) -> None:
        self._packs = packs
        self._a, self._b = (None if side is None else _OpenFile(side, packs) for side in (a, b))

    def of(
        self, old: dict[str, TensorSpan], new: dict[str, TensorSpan]
    ) -> tuple[TensorChange, ...]:
        """Compare parts by name."""
        return tuple(compare_tensors(old, new, *self._spans(), self._answers))

    def renamed(self, changes: Iterable[TensorChange]) -> tuple[tuple[str, str], ...]:
        """Pairs of names of one tensor."""
        return tuple(moved_names(changes, *self._spans()))

    def _spans(self) -> tuple[ChunkSpans, ChunkSpans]:
        none = ChunkSpans((), ())
        a, b = self._a, self._b
        return none if a is None else a.spans, none if b is None else b.spans

    def _answers(self, questions: Sequence[Sequence[Segment]]) -> list[bool | None]:
        """Whether the bytes of each tensor are the same; None if they are not at hand and may not be fetched."""
        old, new = self._a, self._b
        if old is None or new is None:
            return [None] * len(questions)
        wanted = _Wanted(self._packs)
        may_be_read = [
            wanted.add(
                [*old.parts(one.a for one in segments), *new.parts(one.b for one in segments)]
            )
            for segments in questions
        ]
        with suppress(GitmodelError):  # what is not there is told by the reads that follow
            self._packs.fetch(list(wanted.parts))
        return [
            self._equal(old, new, segments) if is_possible else None
            for segments, is_possible in zip(questions, may_be_read, strict=True)
        ]

    @staticmethod
    def _equal(old: _OpenFile, new: _OpenFile, segments: Sequence[Segment]) -> bool | None:
        try:
            return all(
                old.view.read_at(one.a + done, min(_BLOCK, one.size - done))
                == new.view.read_at(one.b + done, min(_BLOCK, one.size - done))
                for one in segments
                for done in range(0, one.size, _BLOCK)
            )
        except (OverBudgetError, GitmodelError):
            return None


class _OpenFile:
    """One side of a comparison."""

    def __init__(self, side: Side, packs: BoundedPacks) -> None:
        self.spans = _spans(side)
        self.view = packs.view(*side)
        self._packs = packs
        self._manifest = side.manifest
        self._chunks = side.manifest.chunks_of(side.entry)

    def parts(self, offsets: Iterable[int]) -> list[Part]:
        """The parts of packs that have the chunks at these offsets, and their bases, if they must be fetched."""
        inside = (offset for offset in offsets if offset < self.view.size)
        numbers = {self._chunks[self.spans.at(offset)[0]] for offset in inside}
        return self._packs.parts(self._manifest, numbers)


class _Wanted:
    """Parts of packs to be fetched, as long as all together may be."""

    def __init__(self, packs: BoundedPacks) -> None:
        self._left = packs.left
        self.parts: dict[Part, None] = {}

    def add(self, parts: Iterable[Part]) -> bool:
        """Whether these may be fetched too; if not, none of them is added."""
        more = dict.fromkeys(part for part in parts if part not in self.parts)
        cost = sum(part.size for part in more)
        if cost > self._left:
            return False
        self._left -= cost
        self.parts |= more
        return True
