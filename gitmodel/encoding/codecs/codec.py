"""Encodes and decodes single chunks: raw, compressed, as byte planes, or as a delta.

A chunk is named by its *chunk hash*, the BLAKE3 of its *raw* bytes. A chunk stored as a delta can only
be decoded with another chunk, its *base*. A base is never a delta itself.

    RAW     the raw bytes
    ZSTD    one zstd frame of them
    PLANES  the payload of byte_planes.py, elements of 1 to 16 bytes
    DELTA   the payload of byte_planes.py, of the difference to the base; elements are its lanes
    SPARSE  as DELTA, with at least one sparse plane

Guarantee: decoding never allocates more than the given raw size, at most 16 MiB, whatever the stored
bytes claim. All functions are thread-safe; zstandard, the kernels and BLAKE3 release the interpreter
lock.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs import byte_planes, kernels
from gitmodel.encoding.codecs.zstd import (
    MAX_CHUNK,
    ByteBuffer,
    CompressionLevel,
    compress,
    decompress,
)
from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    from gitmodel.encoding.codecs.sampling import EncodingPlan

__all__ = [
    "HASH_SIZE",
    "MAX_CHUNK",
    "ByteBuffer",
    "Codec",
    "Encoded",
    "check_codec",
    "chunk_hash",
    "decode",
    "decode_base",
    "decode_checked",
    "encode",
    "known_codec",
]

HASH_SIZE: Final = 32

_MAX_RATIO: Final = 0.97  # a gain under 3 % is not worth the time to decode it
_TEXT_RATIO: Final = 0.60  # for text and code zstd level 3 saves another tenth, for weights nothing
_MAX_DELTA_RATIO: Final = 0.80  # a delta that saves less than a fifth is not worth reading its base


class Codec(IntEnum):
    """The encoding of a stored chunk. Packs and manifests contain the numbers: never reuse one."""

    RAW = 0
    ZSTD = 1
    PLANES = 2
    DELTA = 3
    SPARSE = 4


_WIDTHS: Final = {
    Codec.RAW: frozenset({0}),
    Codec.ZSTD: frozenset({0}),
    Codec.PLANES: frozenset(range(1, kernels.MAX_WIDTH + 1)),
    Codec.DELTA: frozenset(kernels.LANES),
    Codec.SPARSE: frozenset(kernels.LANES),
}
_DELTA_CODECS: Final = (Codec.DELTA, Codec.SPARSE)


class Encoded(NamedTuple):
    """An encoded chunk."""

    codec: Codec
    parts: tuple[ByteBuffer, ...]  # the payload in parts, concatenated only in a pack
    width: int  # bytes of an element, 0 for codecs without elements
    uses_base: bool

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return sum(map(len, self.parts))


def known_codec(number: int) -> Codec:
    """Return the codec of a number read from a pack or manifest. Raises NewerFormatError."""
    try:
        return Codec(number)
    except ValueError as error:
        raise NewerFormatError(
            f"a chunk is stored with codec {number}, which this version of gitmodel does not support",
            hint="upgrade gitmodel",
        ) from error


def check_codec(codec: int, *, width: int, has_base: bool) -> Codec:
    """Return the codec of a number, checked against width and base.

    Raises DamagedObjectError if the codec does not allow them, NewerFormatError if it is unknown.
    """
    form = known_codec(codec)
    if width not in _WIDTHS[form]:
        raise DamagedObjectError(
            f"a chunk has {width}-byte elements, which its codec does not allow"
        )
    if has_base is not (form in _DELTA_CODECS):
        raise DamagedObjectError(
            "a chunk has a base, but its codec takes none"
            if has_base
            else "a chunk stored as a delta has no base"
        )
    return form


def chunk_hash(raw: ByteBuffer) -> bytes:
    """Return the BLAKE3 of a chunk's raw bytes."""
    from blake3 import blake3

    return blake3(raw).digest()


def encode(raw: ByteBuffer, *, width: int = 0, base: ByteBuffer | None = None) -> Encoded:
    """Encode a chunk of at most 16 MiB with the codec that is smallest for a sample of it.

    `width` is bytes of one element; 0 if unknown, then 1, 2, 4 and 8 are tried. The base, of a chunk that
    is stored without one, is ignored if its length differs or a delta would save less than a fifth. For
    `RAW` the only part of the result is `raw` itself, not a copy.
    """
    if len(raw) > MAX_CHUNK:
        raise ValueError(len(raw))
    if not raw:
        return Encoded(Codec.RAW, (), 0, uses_base=False)
    from gitmodel.encoding.codecs.sampling import (
        best_delta_plan,
        best_plan,
        read_sample,
        sample_spans,
    )

    spans = sample_spans(len(raw))
    sample = read_sample(raw, spans)
    alone = best_plan(sample, width)
    if base is not None and len(base) == len(raw):
        limit = _MAX_DELTA_RATIO * (alone.ratio if alone.ratio <= _MAX_RATIO else 1.0)
        plan = best_delta_plan(sample, read_sample(base, spans), width)
        if plan.ratio <= limit:
            parts, has_sparse = byte_planes.encode_planes(raw, plan.width, plan.levels, base)
            form = Codec.SPARSE if has_sparse else Codec.DELTA
            delta = Encoded(form, parts, plan.width, uses_base=True)
            if delta.size <= limit * len(raw):
                return delta
    return _encode_without_base(raw, alone)


def decode(
    codec: int,
    stored: ByteBuffer,
    *,
    raw_size: int,
    width: int = 0,
    base: ByteBuffer | byte_planes.Planes | None = None,
    out: memoryview | None = None,
) -> ByteBuffer:
    """Return the raw bytes of a stored chunk, exactly `raw_size`: the inverse of `encode`.

    Codec, sizes and stored bytes are untrusted. The base is its raw bytes, or the result of `decode_base`.
    The result is `out` if given; else, for `RAW`, `stored` itself, not a copy. Raises DamagedObjectError if
    the stored bytes do not decode to `raw_size` bytes (the content of `out` is then undefined),
    NewerFormatError if the codec is unknown.
    """
    form = _check_stored(codec, raw_size, width, has_base=base is not None)
    if form in (Codec.PLANES, *_DELTA_CODECS):
        raw = _output_buffer(raw_size, base, out)
        may_be_sparse = form is Codec.SPARSE
        byte_planes.decode_planes(
            stored, width=width, raw=raw, base=base, may_be_sparse=may_be_sparse
        )
        return raw
    content = decompress(stored, raw_size) if form is Codec.ZSTD else stored
    if len(content) != raw_size:
        raise DamagedObjectError(f"a chunk has {len(content)} bytes instead of {raw_size}")
    if out is None:
        return content
    out[:] = content
    return out


def decode_base(
    codec: int, stored: ByteBuffer, *, raw_size: int, width: int = 0
) -> ByteBuffer | byte_planes.Planes:
    """Decode a chunk for use as the `base` of `decode`; planes are not joined.

    Arguments and errors are those of `decode`.
    """
    if codec != Codec.PLANES:
        return decode(codec, stored, raw_size=raw_size, width=width)
    _check_stored(codec, raw_size, width, has_base=False)
    return byte_planes.read_planes(stored, width=width, raw_size=raw_size)


def decode_checked(
    codec: int,
    stored: ByteBuffer,
    *,
    raw_size: int,
    expected: bytes,
    width: int = 0,
    base: ByteBuffer | None = None,
) -> ByteBuffer:
    """Return the raw bytes of a stored chunk by `decode`, verified against its chunk hash of 32 bytes.

    Raises as `decode`, and DamagedObjectError if the hash differs.
    """
    raw = decode(codec, stored, raw_size=raw_size, width=width, base=base)
    if chunk_hash(raw) != expected:
        raise DamagedObjectError(f"a chunk does not match its hash {expected.hex()[:12]}")
    return raw


def _encode_without_base(raw: ByteBuffer, plan: EncodingPlan) -> Encoded:
    if plan.ratio <= _MAX_RATIO:
        if plan.width == 1:
            frame = compress(raw, _zstd_level(plan))
            encoded = Encoded(Codec.ZSTD, (frame,), 0, uses_base=False)
        else:
            parts, _ = byte_planes.encode_planes(raw, plan.width, plan.levels)
            encoded = Encoded(Codec.PLANES, parts, plan.width, uses_base=False)
        if encoded.size <= _MAX_RATIO * len(raw):
            return encoded
    return Encoded(Codec.RAW, (raw,), 0, uses_base=False)


def _zstd_level(plan: EncodingPlan) -> CompressionLevel:
    level = plan.levels[0] or CompressionLevel.ENTROPY
    if level is CompressionLevel.FAST and plan.ratio <= _TEXT_RATIO:
        return CompressionLevel.THOROUGH
    return level


def _check_stored(codec: int, raw_size: int, width: int, *, has_base: bool) -> Codec:
    form = check_codec(codec, width=width, has_base=has_base)
    if not 0 <= raw_size <= MAX_CHUNK:
        raise DamagedObjectError(f"a chunk claims {raw_size} bytes; the limit is {MAX_CHUNK}")
    return form


def _output_buffer(
    raw_size: int, base: ByteBuffer | byte_planes.Planes | None, out: memoryview | None
) -> memoryview:
    if base is not None:
        size = base.size if isinstance(base, byte_planes.Planes) else len(base)
        if size != raw_size:
            raise DamagedObjectError("a chunk stored as a delta has a base of another length")
    return kernels.allocate(raw_size) if out is None else out
