"""What a chunk's bytes are like, found from a few small spans of them.

A *plan* says how to store a chunk (width of elements, effort for each plane) and what share of the
raw size that would probably take. Plans come from compressing a sample, 8 to 32 KiB in eight spans
across the chunk, so finding that nothing helps takes well under a hundredth of storing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs import kernels
from gitmodel.encoding.codecs.zstd import ByteBuffer, CompressionLevel, compress

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPANS: Final = 8
_SMALL: Final = 8 << 10  # 8 KiB of a chunk under 1 MiB: enough to see that nothing helps
_LARGE: Final = 32 << 10  # 32 KiB at most: Huffman tables weigh 2 % in a plane of an eighth
_WORTHWHILE: Final = 0.97
_HOPELESS: Final = 0.985  # what the smallest sample shows where a full one would show 0.97
_CLEARLY: Final = 0.98  # planes cost work: they must win 2 % over plain zstd
_MORE_PLANES: Final = 0.99  # and each takes a table and a call: more of them must win 1 %
_REPEATS: Final = 0.98  # level 1 is a third as fast as ENTROPY: it must win 2 %


class Plan(NamedTuple):
    """How to store a chunk: as planes of elements of `width` bytes; one of width 1 is plain zstd."""

    ratio: float  # stored size to raw size, probably
    width: int
    efforts: tuple[CompressionLevel | None, ...]  # for each plane; None: as it is


AS_IT_IS: Final = Plan(1.0, 1, (None,))


def spans(size: int) -> list[slice]:
    """Return where to sample a chunk of `size` bytes: all of a short one.

    The starts are multiples of 48, so that elements of 2, 3, 4, 6, 8, 12 and 16 bytes stay whole.
    """
    wanted = max(_SMALL, min(_LARGE, size // 128))
    if size <= 4 * wanted:
        return [slice(0, size)]
    span = wanted // _SPANS // 48 * 48
    starts = ((size - span) * number // (_SPANS - 1) // 48 * 48 for number in range(_SPANS))
    return [slice(start, start + span) for start in starts]


def read_sample(raw: ByteBuffer, where: list[slice]) -> ByteBuffer:
    """Return the sample of these bytes."""
    return raw if len(where) == 1 else b"".join([raw[span] for span in where])


def best_plan(sample: ByteBuffer, width: int) -> Plan:
    """Return the best way to store a chunk by itself.

    Args:
        sample: Bytes of the chunk.
        width: Bytes of an element where that is known, else 0.
    """
    fast = _share(sample, CompressionLevel.FAST)
    if 0 < width <= kernels.MAX_WIDTH:
        candidates = [_Planes.of(sample, part) for part in sorted({1, width})]
    else:
        # Planes of four show that something helps also where elements have two bytes or eight.
        four = _Planes.of(sample, 4)
        if min(fast, four.ratio) > _HOPELESS:
            return AS_IT_IS
        candidates = [_Planes.of(sample, 1), _Planes.of(sample, 2), four]
        if _narrow(candidates) is four:
            candidates.append(_Planes.of(sample, 8))
    plan = _plan(_narrow(candidates))
    return plan if plan.ratio < _CLEARLY * fast else Plan(fast, 1, (CompressionLevel.FAST,))


def best_delta_plan(sample: ByteBuffer, base: ByteBuffer, width: int) -> Plan:
    """Return the best way to store a chunk as a difference; its `width` is also that of the lanes.

    Args:
        sample: Bytes of the chunk.
        base: The bytes of the base at the same places.
        width: Bytes of an element where that is known, else 0.
    """
    if width in kernels.LANES:
        return _plan(_Planes.of(sample, width, base))
    candidates = [_Planes.of(sample, lane, base) for lane in (1, 4)]
    if min(planes.ratio for planes in candidates) > _HOPELESS:
        return AS_IT_IS
    candidates += [_Planes.of(sample, lane, base) for lane in (2, 8)]
    return _plan(_narrow(candidates))


class _Planes(NamedTuple):
    """The planes of a sample, and what share of each Huffman coding leaves."""

    rows: Sequence[ByteBuffer]
    shares: list[float]

    @classmethod
    def of(cls, sample: ByteBuffer, width: int, base: ByteBuffer | None = None) -> _Planes:
        """Split a sample into planes, or its difference to that of a base."""
        whole = len(sample) // width * width
        rows = kernels.split(sample[:whole], width, None if base is None else base[:whole])
        return cls(rows, [_share(row, CompressionLevel.ENTROPY) for row in rows])

    @property
    def ratio(self) -> float:
        return sum(self.shares) / len(self.shares)


def _narrow(candidates: list[_Planes]) -> _Planes:
    """Return the planes that get smallest; of such that hardly differ the fewest."""
    fewest_first = sorted(candidates, key=lambda planes: len(planes.shares))
    best = fewest_first[0]
    for planes in fewest_first[1:]:
        if planes.ratio < _MORE_PLANES * best.ratio:
            best = planes
    return best


def _plan(planes: _Planes) -> Plan:
    """Return the plan for these planes, each with the effort that suits it."""
    width = len(planes.shares)
    efforts: list[CompressionLevel | None] = []
    shares = []
    for row, entropy in zip(planes.rows, planes.shares, strict=True):
        # In a plane that Huffman coding leaves as it is, only repetition could be found; where
        # there is any, plain zstd sees it too.
        fast = _share(row, CompressionLevel.FAST) if entropy <= _WORTHWHILE else 1.0
        share = min(entropy, fast)
        shares.append(share)
        if share > _WORTHWHILE:
            efforts.append(None)
        else:
            efforts.append(
                CompressionLevel.FAST if fast < _REPEATS * entropy else CompressionLevel.ENTROPY
            )
    return Plan(sum(shares) / width, width, tuple(efforts))


def _share(plane: ByteBuffer, effort: CompressionLevel) -> float:
    return min(1.0, len(compress(plane, effort)) / max(1, len(plane)))
