"""Frames give back their content, and no more than was asked for."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.zstd import CompressionLevel, compress, decompress
from gitmodel.errors import DamagedObjectError


@given(st.binary(max_size=2000), st.sampled_from(CompressionLevel))
@settings(deadline=None, max_examples=80)
def test_any_content_comes_back(data: bytes, level: CompressionLevel) -> None:
    frame = compress(data, level)

    assert decompress(memoryview(frame), len(data)) == data
    assert zstandard.decompress(frame) == data  # as any other reader sees it


@pytest.mark.parametrize("size", [0, 4, 6, 16 << 20])
def test_another_size_is_refused(size: int) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        decompress(compress(b"12345", CompressionLevel.FAST), size)

    assert str(caught.value) == "a chunk's compressed frame states another size than its header"


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(DamagedObjectError, match="a chunk does not decompress: "):
        decompress(b"not a frame at all", 18)
