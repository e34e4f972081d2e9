"""How one chunk's bytes are stored: as they are, or compressed.

A *codec* names the stored form; `encode` picks the smallest, `decode` brings back the *raw* bytes.
A chunk is named by its *chunk hash*, the BLAKE3 of its raw bytes.

One thing is guaranteed: decoding never yields more than the raw size it was told, which is at most
16 MiB, whatever the stored bytes claim. All functions may be called from several threads at once;
zstandard and BLAKE3 do their work without the interpreter lock.
"""

from __future__ import annotations

import threading
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    import zstandard

Octets: TypeAlias = bytes | memoryview  # views are contiguous and of format "B"

MAX_CHUNK: Final = 16 << 20  # 16 MiB of raw bytes; cutters stay below, readers accept no more
HASH_SIZE: Final = 32

_SAMPLE: Final = (
    16 << 10
)  # smaller ones pay for their Huffman tables: 4 KiB of bf16 looks 2 % worse
_WORTHWHILE: Final = 0.97  # a gain under 3 % is not worth its decoding
_REPETITIVE: Final = 0.60  # text and code: level 3 saves another tenth there, on weights nothing


class Codec(IntEnum):
    """The stored form of a chunk. The numbers are in packs and manifests: never reuse one.

    2 (byte planes) and 3 (delta against a base) are taken by forms to come.
    """

    RAW = 0
    ZSTD = 1


def known_codec(number: int) -> Codec:
    """Return the codec of a number read from a pack or manifest.

    Raises:
        NewerFormatError: No such codec is known here.
    """
    try:
        return Codec(number)
    except ValueError as error:
        raise NewerFormatError(
            f"a chunk is stored with codec {number}, which is not known here",
            hint="upgrade gitmodel",
        ) from error


def chunk_hash(raw: Octets) -> bytes:
    """Return the 32 bytes that name a chunk with these raw bytes."""
    from blake3 import blake3

    return blake3(raw).digest()


def encode(raw: Octets) -> tuple[Codec, Octets]:
    """Return the smallest stored form of a chunk's raw bytes.

    A sample decides whether to compress at all, so bytes that do not compress cost little more
    than the sample.

    Args:
        raw: At most 16 MiB.

    Returns:
        The codec and the stored bytes. For `RAW` these are `raw` itself, not a copy.
    """
    if len(raw) > MAX_CHUNK:
        raise ValueError(len(raw))
    view = memoryview(raw)
    sample = _sample(view)
    likely = len(_local.fast.compress(sample)) / max(1, len(sample))
    if likely <= _WORTHWHILE:
        compressor = _local.thorough if likely <= _REPETITIVE else _local.fast
        stored = compressor.compress(view)
        if len(stored) <= _WORTHWHILE * len(raw):
            return Codec.ZSTD, stored
    return Codec.RAW, raw


def decode(codec: int, stored: Octets, *, raw_size: int) -> Octets:
    """Return the raw bytes of a stored chunk.

    `decode(*encode(raw), raw_size=len(raw))` equals `raw`.

    Args:
        codec: A number from a chunk's header or a manifest, of any value.
        stored: The stored bytes, trusted in no way.
        raw_size: Length of the result in bytes, from the header or manifest.

    Returns:
        Exactly `raw_size` bytes. For `RAW` these are `stored` itself, not a copy.

    Raises:
        DamagedObjectError: The stored bytes do not decode to `raw_size` bytes.
        NewerFormatError: The codec is not known here.
    """
    form = known_codec(codec)
    if not 0 <= raw_size <= MAX_CHUNK:
        raise DamagedObjectError(
            f"a chunk claims to hold {raw_size} bytes, more than any chunk does"
        )
    raw = stored if form is Codec.RAW else _decompress(stored, raw_size)
    if len(raw) != raw_size:
        raise DamagedObjectError(f"a chunk holds {len(raw)} bytes where {raw_size} belong")
    return raw


def decode_checked(codec: int, stored: Octets, *, raw_size: int, expected: bytes) -> Octets:
    """Return the raw bytes of a stored chunk, which are those that its chunk hash names.

    Args:
        codec: As for `decode`.
        stored: As for `decode`.
        raw_size: As for `decode`.
        expected: The chunk hash, 32 bytes.

    Raises:
        DamagedObjectError: The stored bytes do not decode, or to other bytes.
        NewerFormatError: The codec is not known here.
    """
    raw = decode(codec, stored, raw_size=raw_size)
    if chunk_hash(raw) != expected:
        raise DamagedObjectError(f"a chunk does not match its hash {expected.hex()[:12]}")
    return raw


def _sample(view: memoryview) -> Octets:
    """Return 16 KiB each of the start, the middle and the end, or all of a short chunk."""
    if len(view) <= 4 * _SAMPLE:
        return view
    middle = (len(view) - _SAMPLE) // 2
    return b"".join([view[:_SAMPLE], view[middle : middle + _SAMPLE], view[-_SAMPLE:]])


def _decompress(stored: Octets, raw_size: int) -> bytes:
    import zstandard

    try:
        # The frame must say how long its content is, and truly: then the buffer allocated for it
        # is the one we expect, and nothing can be written beyond.
        if zstandard.get_frame_parameters(stored).content_size != raw_size:
            raise DamagedObjectError("a chunk's compressed frame disagrees with its header on size")
        return _local.decompressor.decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise DamagedObjectError(f"a chunk does not decompress: {error}") from error


class _Local(threading.local):
    """One set of zstandard objects a thread, made on first use: no two threads may use one at once."""

    @cached_property
    def fast(self) -> zstandard.ZstdCompressor:
        import zstandard

        return zstandard.ZstdCompressor(level=1)

    @cached_property
    def thorough(self) -> zstandard.ZstdCompressor:
        import zstandard

        return zstandard.ZstdCompressor(level=3)

    @cached_property
    def decompressor(self) -> zstandard.ZstdDecompressor:
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=MAX_CHUNK)


_local: Final = _Local()
