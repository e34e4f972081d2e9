"""Which tensors differ between two files, from their chunks, and from bytes only where chunks do not tell.

Chunks have the hash of their bytes. Two tensors are the same if the same chunks hold them at the same
offsets, and different if one of two chunks that lie wholly in them, at the same offset, has another hash. In all
other cases, such as a small tensor in a chunk with others, bytes are needed: `read` is asked for them once, for all
tensors, and it may refuse.

Guarantee: `same` and `changed` are exact, byte by byte and with type, shape and order. What was not looked at is
`undecided`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_SHORT: Final = 256 << 10  # bytes; a longer tensor is in chunks of its own

Status: TypeAlias = Literal["same", "changed", "undecided", "added", "removed"]


class TensorSpan(NamedTuple):
    """A tensor in a file: where its bytes are, and what the header says of it."""

    name: str
    offset: int  # bytes
    size: int  # bytes
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    order: str = "C"

    @property
    def kind(self) -> tuple[int, str | None, tuple[int, ...] | None, str]:
        """What is the same for tensors whose bytes can be compared."""
        return self.size, self.dtype, self.shape, self.order


@dataclass(frozen=True, slots=True)
class ChunkSpans:
    """The chunks of a file in order: the offset at which each ends, in bytes, and its hash."""

    ends: Sequence[int]
    hashes: Sequence[bytes]

    def at(self, offset: int) -> tuple[int, int, int]:
        """The chunk that has the byte at an offset: number, start and end."""
        number = bisect_right(self.ends, offset)
        return number, self.ends[number - 1] if number else 0, self.ends[number]


class Segment(NamedTuple):
    """Bytes of a tensor that lie in one chunk of each file, from offsets in the files."""

    a: int
    b: int
    size: int


class TensorChange(NamedTuple):
    """A tensor of two files; `a` and `b` are None where it is not."""

    name: str
    status: Status
    a: TensorSpan | None
    b: TensorSpan | None


# read(tensors) -> of each, given as its segments, whether all bytes are the same; None if they may not be read.
Read: TypeAlias = "Callable[[Sequence[Sequence[Segment]]], Sequence[bool | None]]"


def compare_tensors(
    a: Mapping[str, TensorSpan],
    b: Mapping[str, TensorSpan],
    chunks_a: ChunkSpans,
    chunks_b: ChunkSpans,
    read: Read,
) -> list[TensorChange]:
    """Compare the tensors of two files by name: those of `b` in its order, then those only in `a`.

    `read` gets short parts first, each in the order of the file.
    """
    status: dict[str, Status] = {}
    open_questions: list[tuple[int, int, str, list[Segment]]] = []
    for name, new in b.items():
        old = a.get(name)
        if old is None:
            status[name] = "added"
        elif old.kind != new.kind:
            status[name] = "changed"
        else:
            known, segments = _by_chunks(old, new, chunks_a, chunks_b)
            status[name] = known
            if known == "undecided":
                size = sum(one.size for one in segments)
                # The order of the file, so that a chunk is decoded once; long parts last.
                open_questions.append((size // _SHORT, new.offset, name, segments))
    open_questions.sort()
    answers = read([segments for *_, segments in open_questions]) if open_questions else ()
    for (_, _, name, _), equal in zip(open_questions, answers, strict=True):
        if equal is not None:
            status[name] = "same" if equal else "changed"
    changes = [TensorChange(name, status[name], a.get(name), new) for name, new in b.items()]
    return changes + [
        TensorChange(name, "removed", old, None) for name, old in a.items() if name not in b
    ]


def moved_names(
    changes: Iterable[TensorChange], chunks_a: ChunkSpans, chunks_b: ChunkSpans
) -> list[tuple[str, str]]:
    """Pairs of a removed and an added tensor that are one, by the chunks that hold them: earlier and later name.

    Tensors that share a chunk with others are left out, and bytes that several tensors have.
    """
    old: dict[tuple[object, ...], list[str]] = {}
    new: dict[tuple[object, ...], list[str]] = {}
    for change in changes:
        sides = ((change.a, chunks_a, old), (change.b, chunks_b, new))
        if change.status in ("removed", "added"):
            for span, chunks, found in sides:
                key = None if span is None else _whole_chunks(span, chunks)
                if key is not None:
                    found.setdefault(key, []).append(change.name)
    return [
        (old[key][0], names[0])
        for key, names in new.items()
        if len(names) == len(old.get(key, ())) == 1
    ]


def _whole_chunks(span: TensorSpan, chunks: ChunkSpans) -> tuple[object, ...] | None:
    """Type, shape and chunks of a tensor that no other tensor shares a chunk with; None for others."""
    if span.size == 0:
        return None
    first, start, _ = chunks.at(span.offset)
    last, _, end = chunks.at(span.offset + span.size - 1)
    if (start, end) != (span.offset, span.offset + span.size):
        return None
    return (*span.kind, *chunks.hashes[first : last + 1])


def _by_chunks(
    old: TensorSpan, new: TensorSpan, chunks_a: ChunkSpans, chunks_b: ChunkSpans
) -> tuple[Status, list[Segment]]:
    """What the chunks alone say, and the bytes that they do not say it of."""
    segments: list[Segment] = []
    for segment, equal in _segments(old, new, chunks_a, chunks_b):
        if equal is False:
            return "changed", []
        if equal is None:
            segments.append(segment)
    return ("undecided" if segments else "same"), segments


def _segments(
    old: TensorSpan, new: TensorSpan, chunks_a: ChunkSpans, chunks_b: ChunkSpans
) -> Iterator[tuple[Segment, bool | None]]:
    """The bytes of a tensor by chunks of both files, each with whether they are the same, None if unknown."""
    done = 0
    while done < new.size:
        at_a, at_b = old.offset + done, new.offset + done
        number_a, start_a, end_a = chunks_a.at(at_a)
        number_b, start_b, end_b = chunks_b.at(at_b)
        size = min(end_a - at_a, end_b - at_b, new.size - done)
        equal: bool | None = None
        if at_a - start_a == at_b - start_b:
            if chunks_a.hashes[number_a] == chunks_b.hashes[number_b]:
                equal = True
            elif (size, at_a) == (end_a - start_a, start_a) and size == end_b - start_b:
                equal = False  # two whole chunks of one length
        yield Segment(at_a, at_b, size), equal
        done += size


def counts(changes: Iterable[TensorChange]) -> dict[Status, int]:
    """How many tensors have each status."""
    found: dict[Status, int] = dict.fromkeys(
        ("same", "changed", "undecided", "added", "removed"), 0
    )
    for change in changes:
        found[change.status] += 1
    return found
