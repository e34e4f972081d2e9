"""How one chunk's bytes are stored: as they are, compressed, by planes, or as a delta.

A *codec* names the stored form; `encode` picks the smallest, `decode` brings back the *raw* bytes.
A chunk is named by its *chunk hash*, the BLAKE3 of its raw bytes. A chunk stored as a delta needs
another, its *base*, to be decoded; a base is never a delta itself.

    RAW     the raw bytes
    ZSTD    one zstd frame of them
    PLANES  the payload of byte_planes.py, elements of 1 to 16 bytes
    DELTA   the payload of byte_planes.py, of the difference to the base; elements are its lanes
    SPARSE  the same, with planes of which some are sparse

One thing is guaranteed: decoding never yields more than the raw size it was told, which is at most
16 MiB, whatever the stored bytes claim. All functions may be called from several threads at once;
zstandard, the kernels and BLAKE3 do their work without the interpreter lock.
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
    from gitmodel.encoding.codecs.sampling import Plan

__all__ = [
    "HASH_SIZE",
    "MAX_CHUNK",
    "ByteBuffer",
    "Codec",
    "Encoded",
    "check_form",
    "chunk_hash",
    "decode",
    "decode_base",
    "decode_checked",
    "encode",
    "known_codec",
]

HASH_SIZE: Final = 32

_WORTHWHILE: Final = 0.97  # a gain under 3 % is not worth its decoding
_REPETITIVE: Final = 0.60  # text and code: level 3 saves another tenth there, on weights nothing
_DELTA_WORTHWHILE: Final = 0.80  # a delta that wins less than a fifth is not worth its base


class Codec(IntEnum):
    """The stored form of a chunk. The numbers are in packs and manifests: never reuse one."""

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
_BASED: Final = (Codec.DELTA, Codec.SPARSE)  # they have a base


class Encoded(NamedTuple):
    """A chunk as it is to be stored."""

    codec: Codec
    parts: tuple[ByteBuffer, ...]  # the payload, in pieces that are copied once, into a pack
    width: int  # bytes of an element, 0 for codecs that have none
    uses_base: bool

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return sum(map(len, self.parts))


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


def check_form(codec: int, *, width: int, has_base: bool) -> Codec:
    """Return the codec of a number, which takes such a width and such a base.

    Raises:
        DamagedObjectError: It takes others.
        NewerFormatError: No such codec is known here.
    """
    form = known_codec(codec)
    if width not in _WIDTHS[form]:
        raise DamagedObjectError(f"a chunk has elements of {width} bytes, which its codec lacks")
    if has_base is not (form in _BASED):
        raise DamagedObjectError(
            "a chunk has a base for a codec that takes none"
            if has_base
            else "a chunk stored as a delta has no base"
        )
    return form


def chunk_hash(raw: ByteBuffer) -> bytes:
    """Return the 32 bytes that name a chunk with these raw bytes."""
    from blake3 import blake3

    return blake3(raw).digest()


def encode(raw: ByteBuffer, *, width: int = 0, base: ByteBuffer | None = None) -> Encoded:
    """Return the smallest stored form of a chunk's raw bytes.

    A sample decides what to try, so bytes that do not compress cost little more than the sample.

    Args:
        raw: At most 16 MiB.
        width: Bytes of one element where they are known, else 0: then 1, 2, 4 and 8 are considered.
        base: Raw bytes of a chunk stored without a base, that these may be stored against. One of
            another length is not used, nor one that saves less than a fifth.

    Returns:
        The codec, what to store, and what decoding needs. For `RAW` the one part is `raw` itself,
        not a copy.
    """
    if len(raw) > MAX_CHUNK:
        raise ValueError(len(raw))
    if not raw:
        return Encoded(Codec.RAW, (), 0, uses_base=False)
    from gitmodel.encoding.codecs.sampling import best_delta_plan, best_plan, read_sample, spans

    where = spans(len(raw))
    sample = read_sample(raw, where)
    alone = best_plan(sample, width)
    if base is not None and len(base) == len(raw):
        limit = _DELTA_WORTHWHILE * (alone.ratio if alone.ratio <= _WORTHWHILE else 1.0)
        plan = best_delta_plan(sample, read_sample(base, where), width)
        if plan.ratio <= limit:
            parts, has_sparse = byte_planes.to_payload(raw, plan.width, plan.efforts, base)
            form = Codec.SPARSE if has_sparse else Codec.DELTA
            delta = Encoded(form, parts, plan.width, uses_base=True)
            if delta.size <= limit * len(raw):
                return delta
    return _encode_alone(raw, alone)


def decode(
    codec: int,
    stored: ByteBuffer,
    *,
    raw_size: int,
    width: int = 0,
    base: ByteBuffer | byte_planes.Planes | None = None,
    out: memoryview | None = None,
) -> ByteBuffer:
    """Return the raw bytes of a stored chunk.

    They are those that `encode` was given, if this is given what `encode` returned.

    Args:
        codec: A number from a chunk's header or a manifest, of any value.
        stored: The stored bytes, trusted in no way.
        raw_size: Length of the result in bytes, from the header or manifest.
        width: Bytes of one element, from the header or manifest.
        base: Raw bytes of the base, for codecs that have one, or what `decode_base` returned.
        out: Memory of `raw_size` bytes to decode into.

    Returns:
        Exactly `raw_size` bytes: `out`, if that was given. Without it they are `stored` itself for
        `RAW`, not a copy.

    Raises:
        DamagedObjectError: The stored bytes do not decode to `raw_size` bytes; `out` then holds
            anything.
        NewerFormatError: The codec is not known here.
    """
    form = _bounded_form(codec, raw_size, width, has_base=base is not None)
    if form in (Codec.PLANES, *_BASED):
        raw = _room_for(raw_size, base, out)
        may_be_sparse = form is Codec.SPARSE
        byte_planes.from_payload(
            stored, width=width, raw=raw, base=base, may_be_sparse=may_be_sparse
        )
        return raw
    content = decompress(stored, raw_size) if form is Codec.ZSTD else stored
    if len(content) != raw_size:
        raise DamagedObjectError(f"a chunk holds {len(content)} bytes where {raw_size} belong")
    if out is None:
        return content
    out[:] = content
    return out


def decode_base(
    codec: int, stored: ByteBuffer, *, raw_size: int, width: int = 0
) -> ByteBuffer | byte_planes.Planes:
    """Return a chunk as `decode` takes it for a base: where it is stored by planes, those.

    So they need not be put together first. Arguments and errors are those of `decode`.
    """
    if codec != Codec.PLANES:
        return decode(codec, stored, raw_size=raw_size, width=width)
    _bounded_form(codec, raw_size, width, has_base=False)
    return byte_planes.open_payload(stored, width=width, raw_size=raw_size)


def decode_checked(
    codec: int,
    stored: ByteBuffer,
    *,
    raw_size: int,
    expected: bytes,
    width: int = 0,
    base: ByteBuffer | None = None,
) -> ByteBuffer:
    """Return the raw bytes of a stored chunk, which are those that its chunk hash names.

    Args:
        codec: As for `decode`.
        stored: As for `decode`.
        raw_size: As for `decode`.
        expected: The chunk hash, 32 bytes.
        width: As for `decode`.
        base: As for `decode`.

    Raises:
        DamagedObjectError: The stored bytes do not decode, or to other bytes.
        NewerFormatError: The codec is not known here.
    """
    raw = decode(codec, stored, raw_size=raw_size, width=width, base=base)
    if chunk_hash(raw) != expected:
        raise DamagedObjectError(f"a chunk does not match its hash {expected.hex()[:12]}")
    return raw


def _encode_alone(raw: ByteBuffer, plan: Plan) -> Encoded:
    if plan.ratio <= _WORTHWHILE:
        if plan.width == 1:
            frame = compress(raw, _plain_effort(plan))
            found = Encoded(Codec.ZSTD, (frame,), 0, uses_base=False)
        else:
            parts, _ = byte_planes.to_payload(raw, plan.width, plan.efforts)
            found = Encoded(Codec.PLANES, parts, plan.width, uses_base=False)
        if found.size <= _WORTHWHILE * len(raw):
            return found
    return Encoded(Codec.RAW, (raw,), 0, uses_base=False)


def _plain_effort(plan: Plan) -> CompressionLevel:
    effort = plan.efforts[0] or CompressionLevel.ENTROPY
    if effort is CompressionLevel.FAST and plan.ratio <= _REPETITIVE:
        return CompressionLevel.THOROUGH
    return effort


def _bounded_form(codec: int, raw_size: int, width: int, *, has_base: bool) -> Codec:
    """Return the codec, once nothing that was read speaks against decoding."""
    form = check_form(codec, width=width, has_base=has_base)
    if not 0 <= raw_size <= MAX_CHUNK:
        raise DamagedObjectError(
            f"a chunk claims to hold {raw_size} bytes, more than any chunk does"
        )
    return form


def _room_for(
    raw_size: int, base: ByteBuffer | byte_planes.Planes | None, out: memoryview | None
) -> memoryview:
    """Memory to decode planes into, against the base if there is one."""
    if base is not None:
        size = base.size if isinstance(base, byte_planes.Planes) else len(base)
        if size != raw_size:
            raise DamagedObjectError("a chunk stored as a delta has a base of another length")
    return kernels.allocate(raw_size) if out is None else out
