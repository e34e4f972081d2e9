"""Chooses the encoding of a chunk by compressing a sample of it.

A sample is 8 to 32 KiB, in eight spans across the chunk. Compressing it takes under a hundredth of the
time to store the chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs import kernels
from gitmodel.encoding.codecs.zstd import ByteBuffer, CompressionLevel, compress

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPAN_COUNT: Final = 8
_MIN_SAMPLE: Final = 8 << 10  # 8 KiB show that a chunk under 1 MiB does not compress
_MAX_SAMPLE: Final = 32 << 10  # 32 KiB: Huffman tables are 2 % of one of its eight planes
_MAX_RATIO: Final = 0.97
_MAX_SAMPLE_RATIO: Final = (
    0.985  # the ratio of the smallest sample of a chunk that compresses to 0.97
)
_PLANES_GAIN: Final = 0.98  # planes take time: they must save 2 % more than plain zstd
_WIDTH_GAIN: Final = 0.99  # each plane takes a table and a call: more planes must save 1 %
_FAST_GAIN: Final = 0.98  # level 1 takes three times as long as ENTROPY: it must save 2 %


class EncodingPlan(NamedTuple):
    """How to encode a chunk: as planes of elements of `width` bytes; width 1 is plain zstd."""

    ratio: float  # expected stored size by raw size
    width: int
    levels: tuple[CompressionLevel | None, ...]  # of each plane; None: stored raw


STORE_RAW: Final = EncodingPlan(1.0, 1, (None,))


def sample_spans(size: int) -> list[slice]:
    """Return the spans of a chunk of `size` bytes to be sampled.

    They start at multiples of 48, so that elements of 2, 3, 4, 6, 8, 12 and 16 bytes stay whole.
    """
    wanted = max(_MIN_SAMPLE, min(_MAX_SAMPLE, size // 128))
    if size <= 4 * wanted:
        return [slice(0, size)]
    span = wanted // _SPAN_COUNT // 48 * 48
    starts = (
        (size - span) * number // (_SPAN_COUNT - 1) // 48 * 48 for number in range(_SPAN_COUNT)
    )
    return [slice(start, start + span) for start in starts]


def read_sample(raw: ByteBuffer, spans: list[slice]) -> ByteBuffer:
    """Return the concatenated spans of a chunk."""
    return raw if len(spans) == 1 else b"".join([raw[span] for span in spans])


def best_plan(sample: ByteBuffer, width: int) -> EncodingPlan:
    """Return the best encoding of a chunk without a base, by its sample.

    The width is bytes of an element; 0 if unknown.
    """
    fast = _compressed_ratio(sample, CompressionLevel.FAST)
    if 0 < width <= kernels.MAX_WIDTH:
        candidates = [_SampledPlanes.of(sample, part) for part in sorted({1, width})]
    else:
        # Planes of width 4 also compress if the elements have two or eight bytes.
        four = _SampledPlanes.of(sample, 4)
        if min(fast, four.ratio) > _MAX_SAMPLE_RATIO:
            return STORE_RAW
        candidates = [_SampledPlanes.of(sample, 1), _SampledPlanes.of(sample, 2), four]
        if _smallest(candidates) is four:
            candidates.append(_SampledPlanes.of(sample, 8))
    plan = _plan_planes(_smallest(candidates))
    return (
        plan
        if plan.ratio < _PLANES_GAIN * fast
        else EncodingPlan(fast, 1, (CompressionLevel.FAST,))
    )


def best_delta_plan(sample: ByteBuffer, base: ByteBuffer, width: int) -> EncodingPlan:
    """Return the best encoding of a chunk as a difference; its `width` is that of the lanes.

    Both samples have the same spans. The width is bytes of an element; 0 if unknown.
    """
    if width in kernels.LANES:
        return _plan_planes(_SampledPlanes.of(sample, width, base))
    candidates = [_SampledPlanes.of(sample, lane, base) for lane in (1, 4)]
    if min(planes.ratio for planes in candidates) > _MAX_SAMPLE_RATIO:
        return STORE_RAW
    candidates += [_SampledPlanes.of(sample, lane, base) for lane in (2, 8)]
    return _plan_planes(_smallest(candidates))


class _SampledPlanes(NamedTuple):
    """The planes of a sample, and the ratio of each after Huffman coding."""

    planes: Sequence[ByteBuffer]
    ratios: list[float]

    @classmethod
    def of(cls, sample: ByteBuffer, width: int, base: ByteBuffer | None = None) -> _SampledPlanes:
        """Split a sample, or its difference to a base, into planes."""
        whole = len(sample) // width * width
        planes = kernels.split(sample[:whole], width, None if base is None else base[:whole])
        return cls(planes, [_compressed_ratio(plane, CompressionLevel.ENTROPY) for plane in planes])

    @property
    def ratio(self) -> float:
        return sum(self.ratios) / len(self.ratios)


def _smallest(candidates: list[_SampledPlanes]) -> _SampledPlanes:
    """Return the candidate that compresses best; if ratios hardly differ, the one with fewest planes."""
    fewest_first = sorted(candidates, key=lambda candidate: len(candidate.planes))
    best = fewest_first[0]
    for candidate in fewest_first[1:]:
        if candidate.ratio < _WIDTH_GAIN * best.ratio:
            best = candidate
    return best


def _plan_planes(sampled: _SampledPlanes) -> EncodingPlan:
    """Choose the compression level of each plane."""
    width = len(sampled.planes)
    levels: list[CompressionLevel | None] = []
    ratios = []
    for plane, entropy in zip(sampled.planes, sampled.ratios, strict=True):
        # A plane that Huffman coding does not shrink could only contain repetitions, and plain
        # zstd of the whole sample finds those too.
        fast = _compressed_ratio(plane, CompressionLevel.FAST) if entropy <= _MAX_RATIO else 1.0
        ratio = min(entropy, fast)
        ratios.append(ratio)
        if ratio > _MAX_RATIO:
            levels.append(None)
        else:
            levels.append(
                CompressionLevel.FAST if fast < _FAST_GAIN * entropy else CompressionLevel.ENTROPY
            )
    return EncodingPlan(sum(ratios) / width, width, tuple(levels))


def _compressed_ratio(plane: ByteBuffer, level: CompressionLevel) -> float:
    return min(1.0, len(compress(plane, level)) / max(1, len(plane)))
