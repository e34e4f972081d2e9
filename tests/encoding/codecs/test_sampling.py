"""A few small spans tell how a chunk is best stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.sampling import (
    STORE_RAW,
    best_delta_plan,
    best_plan,
    read_sample,
    sample_spans,
)
from gitmodel.encoding.codecs.zstd import MAX_CHUNK, CompressionLevel
from tests.support.noise import noise


def numbers(dtype: str, count: int = 4096, seed: int = 1) -> bytes:
    """Weights as training leaves them: normally distributed, small."""
    values = np.random.default_rng(seed).normal(scale=0.03, size=count)
    if dtype == "bf16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype(dtype).tobytes()


@given(st.integers(0, MAX_CHUNK))
@settings(deadline=None, max_examples=200)
def test_spans_lie_in_the_chunk_and_are_few(size: int) -> None:
    where = sample_spans(size)

    assert sum(span.stop - span.start for span in where) <= max(32 << 10, size // 100 + (32 << 10))
    assert all(0 <= span.start <= span.stop <= size for span in where)
    assert all(span.start % 48 == 0 for span in where)
    assert len(where) == 1 or len(read_sample(bytes(size), where)) >= 7 << 10


@pytest.mark.parametrize(
    ("dtype", "width", "ratio"),
    [("bf16", 2, 0.70), ("<f4", 4, 0.86), ("<f2", 2, 0.88), ("<f8", 8, 0.95)],
)
def test_the_width_of_weights_is_found(dtype: str, width: int, ratio: float) -> None:
    for known in (0, width):
        plan = best_plan(numbers(dtype), known)

        assert plan.width == width
        assert plan.ratio < ratio
        assert plan.levels[-1] is CompressionLevel.ENTROPY
        assert plan.levels[0] is None


@pytest.mark.parametrize("width", [0, 1, 2, 3, 4, 8, 16, 17, 34, 255])
def test_noise_is_left_as_it_is(width: int) -> None:
    sample = noise(8192)
    plan = best_plan(sample, width)

    assert plan.ratio == 1.0
    assert best_delta_plan(sample, noise(8192, 2), width).ratio == 1.0


def test_an_unknown_width_costs_no_more_than_a_look() -> None:
    assert best_plan(noise(8192), 34) is STORE_RAW


def test_text_is_for_plain_zstd() -> None:
    text = b"".join(f'{{"layer": {n}, "bias": false}}\n'.encode() for n in range(300))
    plan = best_plan(text, 0)

    assert (plan.width, plan.levels) == (1, (CompressionLevel.FAST,))
    assert plan.ratio < 0.3


@pytest.mark.parametrize(("dtype", "width"), [("bf16", 2), ("<f4", 4), ("<f8", 8)])
def test_lanes_of_a_delta_are_found(dtype: str, width: int) -> None:
    base = numbers(dtype)
    step = np.frombuffer(numbers(dtype, seed=2), f"<u{width}") % 1000
    raw = (np.frombuffer(base, f"<u{width}") + step).tobytes()
    for known in (0, width):
        plan = best_delta_plan(raw, base, known)

        assert plan.width == width
        assert plan.ratio < 0.8


def test_a_sample_shorter_than_an_element_is_left() -> None:
    assert best_plan(bytes(3), 16).ratio == 1.0
