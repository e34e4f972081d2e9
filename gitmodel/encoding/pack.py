"""Packs: many encoded chunks in one immutable object.

A pack is a sequence of *records*. Each has a header and a *payload*, the stored bytes of one chunk:

    magic "gmc1" | codec u8 | width u8 | flags u16 | raw size u32 | stored size u32 | chunk hash 32
    | base hash 32, if flag 1 is set | payload

Numbers are little endian. Headers make a pack readable without its manifest. A pack is named by the
BLAKE3 of all its bytes (`pack_name`), which is checked before `read_pack`.

Guarantee: reading never leaves the given bytes; invalid bytes raise `DamagedObjectError` or
`NewerFormatError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.digest import FileHasher
from gitmodel.encoding.codecs.codec import (
    HASH_SIZE,
    MAX_CHUNK,
    ByteBuffer,
    Codec,
    check_codec,
    chunk_hash,
    decode_checked,
)
from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACK_TARGET: Final = 8 << 20  # 8 MiB: large enough for full transfer speed
PACK_MAX: Final = 16 << 20  # 16 MiB: the readers' limit

_FAMILY: Final = b"gmc"
_MAGIC: Final = b"gmc1"
_FIELDS: Final = struct.Struct("<4sBBHII32s")
_HAS_BASE: Final = 1
_KNOWN: Final = frozenset(map(int, Codec))

HEADER_SIZE: Final = _FIELDS.size  # 48 bytes without a base
BASED_HEADER_SIZE: Final = HEADER_SIZE + HASH_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHeader:
    """The header of a record; an unknown codec fails only when the chunk is decoded.

    Raises DamagedObjectError if a size is out of bounds, a raw chunk has two sizes, or a known codec does
    not allow the width or the base.
    """

    codec: int
    raw_size: int  # bytes the chunk decodes to, 1 to 16 MiB
    stored_size: int  # bytes of the payload, at least 1
    hash: bytes  # the chunk hash, 32 bytes
    width: int = 0  # bytes of one element for codecs that work on elements, else 0
    base: bytes | None = None  # chunk hash of the base, for codecs that need one

    def __post_init__(self) -> None:
        if not 1 <= self.raw_size <= MAX_CHUNK:
            raise DamagedObjectError(f"a chunk's header claims {self.raw_size} raw bytes")
        if not 1 <= self.stored_size <= PACK_MAX - self.size:
            raise DamagedObjectError(f"a chunk's header claims {self.stored_size} stored bytes")
        if self.codec == Codec.RAW and self.stored_size != self.raw_size:
            raise DamagedObjectError("a chunk stored raw has two sizes")
        if self.codec in _KNOWN:
            check_codec(self.codec, width=self.width, has_base=self.base is not None)

    @property
    def size(self) -> int:
        """Length of this header in bytes."""
        return HEADER_SIZE if self.base is None else BASED_HEADER_SIZE

    def to_bytes(self) -> bytes:
        """Return the header's bytes, which `from_bytes` reads as an equal header."""
        flags = 0 if self.base is None else _HAS_BASE
        fields = _FIELDS.pack(
            _MAGIC, self.codec, self.width, flags, self.raw_size, self.stored_size, self.hash
        )
        return fields + (self.base or b"")

    @classmethod
    def from_bytes(cls, data: ByteBuffer) -> ChunkHeader:
        """Read the header at the start of `data`.

        Raises DamagedObjectError if it is incomplete or invalid, NewerFormatError if it is of a later
        format.
        """
        if len(data) < HEADER_SIZE:
            raise DamagedObjectError("a pack ends inside a chunk's header")
        magic, codec, width, flags, raw_size, stored_size, name = _FIELDS.unpack_from(data)
        _check_magic(magic, flags)
        base = bytes(data[HEADER_SIZE:BASED_HEADER_SIZE]) if flags & _HAS_BASE else None
        if base is not None and len(base) < HASH_SIZE:
            raise DamagedObjectError("a pack ends inside a chunk's header")
        return cls(
            codec=codec,
            raw_size=raw_size,
            stored_size=stored_size,
            hash=name,
            width=width,
            base=base,
        )

    def decode(self, payload: ByteBuffer, *, base: ByteBuffer | None = None) -> ByteBuffer:
        """Return the raw bytes of the payload, verified against the chunk hash.

        The base is the raw bytes of the chunk with the hash `self.base`, if any. Raises DamagedObjectError
        if the payload does not decode or the hash differs, NewerFormatError if the codec is unknown.
        """
        return decode_checked(
            self.codec,
            payload,
            raw_size=self.raw_size,
            expected=self.hash,
            width=self.width,
            base=base,
        )


class Record(NamedTuple):
    """One chunk in a pack."""

    offset: int  # of the payload in the pack, in bytes
    header: ChunkHeader
    payload: memoryview


class PackBuilder:
    """Assembles one pack in a buffer of at least 16 MiB, allocated by default. Not thread-safe."""

    def __init__(self, buffer: memoryview | None = None) -> None:
        self._buffer = memoryview(bytearray(PACK_MAX)) if buffer is None else buffer
        self._hasher = FileHasher()  # hashes each chunk while it is still in the CPU cache
        self.size = 0

    @property
    def is_full(self) -> bool:
        """Whether the pack has reached 8 MiB and should be finished."""
        return self.size >= PACK_TARGET

    def fits(self, header: ChunkHeader) -> bool:
        """Whether this chunk still fits; every chunk fits into an empty pack."""
        return self.size + header.size + header.stored_size <= PACK_MAX

    def add(self, header: ChunkHeader, *parts: ByteBuffer) -> int:
        """Append a copy of a chunk, whose payload is the parts; returns the offset of its payload in bytes.

        Raises ValueError if the payload has another length than the header states, or does not fit.
        """
        if sum(map(len, parts)) != header.stored_size or not self.fits(header):
            raise ValueError(header)
        offset = end = self.size + header.size
        self._buffer[self.size : offset] = header.to_bytes()
        for part in parts:
            self._buffer[end : end + len(part)] = part
            end += len(part)
        self._hasher.update(self._buffer[self.size : end])
        self.size = end
        return offset

    def finish(self) -> memoryview:
        """Return the bytes of the pack, a view of the builder's buffer. Raises ValueError without a chunk."""
        if not self.size:
            raise ValueError(self.size)
        return self._buffer[: self.size]

    @property
    def name(self) -> str:
        """The `pack_name` of the chunks so far."""
        return self._hasher.result().hex


def pack_name(data: ByteBuffer) -> str:
    """Return the name of a pack: 64 hex digits."""
    return chunk_hash(data).hex()


def read_pack(data: ByteBuffer) -> Iterator[Record]:
    """Yield the records of a pack in order, as views of `data`.

    Raises DamagedObjectError if the rest of the pack is incomplete or invalid, NewerFormatError if a record
    is of a later format.
    """
    view = memoryview(data)
    if not 0 < len(view) <= PACK_MAX:
        raise DamagedObjectError(f"a pack cannot have {len(view)} bytes")
    position = 0
    while position < len(view):
        header = ChunkHeader.from_bytes(view[position : position + BASED_HEADER_SIZE])
        offset = position + header.size
        position = offset + header.stored_size
        if position > len(view):
            raise DamagedObjectError("a pack ends inside a chunk")
        yield Record(offset, header, view[offset:position])


def _check_magic(magic: bytes, flags: int) -> None:
    if not magic.startswith(_FAMILY):
        raise DamagedObjectError("a pack has bytes that are not a chunk")
    if magic != _MAGIC or flags & ~_HAS_BASE:
        raise NewerFormatError(
            "a pack has a later format than this version of gitmodel supports",
            hint="upgrade gitmodel",
        )
