"""Manifests: the chunks and packs of the files of one digest.

A manifest lists the location of each distinct chunk, and the chunk numbers of each file. A fetch plans
all its requests from it.

Guarantee: a `Manifest` is consistent. Its numbers are within bounds, each file is as long as its chunks,
all paths are safe, and the files have the manifest's digest. Only a pointer's `chunks` or the digest of
a file proves that the chunks are those of the file.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.digest import MAX_FILES
from gitmodel.encoding.chunking.chunker import ChunkerId
from gitmodel.encoding.codecs.codec import HASH_SIZE, ByteBuffer, Codec
from gitmodel.encoding.manifest.chunk_list import chunk_list_digest
from gitmodel.encoding.manifest.chunk_table import (
    CHUNK_ROW,
    ChunkLocation,
    ChunkTable,
    ChunkTableBuilder,
)
from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter
from gitmodel.encoding.manifest.file_table import (
    FILE_ROW,
    FileEntry,
    ModelKind,
    check_digest,
    check_sequence,
    path_key,
    read_files,
    write_files,
)
from gitmodel.encoding.pack import HEADER_SIZE, PACK_MAX
from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.digest import Digest

__all__ = ["MAX_MANIFEST", "ChunkLocation", "FileEntry", "Manifest", "ManifestBuilder", "ModelKind"]

MAX_MANIFEST: Final = 256 << 20  # 256 MiB: the largest manifest that is read

_MAGIC: Final = b"gmm1"
_KINDS: Final[tuple[ModelKind, ...]] = ("file", "folder")
_REQUIRES: Final = {  # the requirement that each codec puts into `requires`
    Codec.ZSTD: "zstd",
    Codec.PLANES: "planes",
    Codec.DELTA: "delta",
    Codec.SPARSE: "sparse",
}
_PACK_ROW: Final = HASH_SIZE + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of one digest and the locations of their chunks.

    Raises DamagedObjectError if the parts contradict each other, NewerFormatError if a requirement is
    unknown, UnsafePathError if a path is unsafe, or two paths clash.
    """

    digest: Digest
    kind: ModelKind  # `file` (one file with an empty path) or `folder`
    files: tuple[FileEntry, ...]  # sorted by the UTF-8 bytes of their paths
    packs: tuple[str, ...]  # names, 64 hex digits each
    pack_sizes: array[int]  # bytes
    chunk_table: ChunkTable  # the distinct chunks
    sequence: array[int]  # chunk numbers, file by file
    requires: tuple[str, ...]  # features that a reader must support

    def __post_init__(self) -> None:
        _check_requires(self.requires)
        _check_packs(self.packs, self.pack_sizes)
        self.chunk_table.check(self.pack_sizes)
        check_sequence(self.files, self.sequence, self.chunk_table.raw_sizes)
        check_digest(self.digest, self.kind, self.files)

    @property
    def sized_packs(self) -> list[tuple[str, int]]:
        """Name and size in bytes of each pack, by number."""
        return list(zip(self.packs, self.pack_sizes, strict=True))

    @property
    def chunk_count(self) -> int:
        """Number of distinct chunks."""
        return len(self.chunk_table)

    @property
    def total_size(self) -> int:
        """Total size of the files in bytes."""
        return sum(file.size for file in self.files)

    @property
    def chunkers(self) -> tuple[ChunkerId, ...]:
        """The chunkers of the files, each once."""
        return tuple(dict.fromkeys(file.chunker for file in self.files))

    def chunk(self, number: int) -> ChunkLocation:
        """Return the location of a chunk by its number, from 0."""
        return self.chunk_table[number]

    def chunks_of(self, file: FileEntry) -> array[int]:
        """Return the chunk numbers of a file, in order."""
        return self.sequence[file.first : file.first + file.count]

    def chunk_list(self) -> Digest:
        """Compute the digest of the chunk list, which a pointer states as `chunks`."""
        return chunk_list_digest(self.files, self.sequence, self.chunk_table)

    def to_bytes(self) -> bytes:
        """Return the stored form, which `from_bytes` reads as an equal manifest."""
        chunkers = self.chunkers
        words = [*self.requires, *map(str, chunkers), *(file.path for file in self.files)]
        text = "\0".join(words).encode()
        counts = _Counts(
            kind=_KINDS.index(self.kind),
            chunks=len(self.chunk_table),
            sequence=len(self.sequence),
            packs=len(self.packs),
            files=len(self.files),
            chunkers=len(chunkers),
            requires=len(self.requires),
            text_size=len(text),
        )
        columns = ColumnWriter()
        columns.write(_COUNTS.pack(*counts))
        columns.write(text)
        write_files(columns, self.files, chunkers)
        columns.write(b"".join(map(bytes.fromhex, self.packs)))
        columns.write_numbers(self.pack_sizes)
        columns.write_numbers(self.sequence)
        self.chunk_table.write(columns)
        return columns.sealed(_MAGIC)

    @classmethod
    def from_bytes(cls, data: ByteBuffer, *, expected: Digest) -> Manifest:
        """Read a manifest from untrusted bytes; `expected` is the digest in its key.

        Raises DamagedObjectError if the data are not a consistent manifest of this digest, NewerFormatError
        if a later gitmodel is required, UnsafePathError if a path must not be created.
        """
        what = f"manifest {expected.short}"
        if len(data) > MAX_MANIFEST:
            raise DamagedObjectError(f"{what} is larger than the limit")
        columns = ColumnReader(data, magic=_MAGIC, what=what)
        counts = _read_counts(columns)
        words = iter(_read_words(columns, counts))
        requires = tuple(islice(words, counts.requires))
        _check_requires(requires)  # first, because requirements may change the meaning of the rest
        chunkers = [_chunker_id(word) for word in islice(words, counts.chunkers)]
        files = read_files(columns, list(words), chunkers)
        packs = tuple(columns.read_hashes(counts.packs))
        pack_sizes = columns.read_numbers("I", counts.packs)
        sequence = columns.read_numbers("I", counts.sequence)
        chunk_table = ChunkTable.read(columns, counts.chunks)
        columns.end()
        return cls(
            digest=expected,
            kind=_KINDS[counts.kind],
            files=files,
            packs=packs,
            pack_sizes=pack_sizes,
            chunk_table=chunk_table,
            sequence=sequence,
            requires=requires,
        )


class ManifestBuilder:
    """Builds a manifest from packs, chunks and files. Not thread-safe."""

    def __init__(self) -> None:
        self._packs: list[str] = []
        self._pack_sizes = array("I")
        self._chunks = ChunkTableBuilder()
        self._numbers: dict[bytes, int] = {}
        self._files: list[tuple[bytes, FileEntry, array[int]]] = []

    def add_pack(self, name: str, size: int) -> int:
        """Add a pack by its name (64 hex digits) and size in bytes; returns its number.

        Raises ValueError if the name is invalid.
        """
        if len(bytes.fromhex(name)) != HASH_SIZE:
            raise ValueError(name)
        self._packs.append(name)
        self._pack_sizes.append(size)
        return len(self._packs) - 1

    def find(self, chunk_hash: bytes) -> int | None:
        """Return the number of the chunk with this hash, if any."""
        return self._numbers.get(chunk_hash)

    def add_chunk(self, location: ChunkLocation) -> int:
        """Add a chunk unless one has the same hash; returns the number of that hash."""
        number = self._numbers.setdefault(location.hash, len(self._chunks))
        if number == len(self._chunks):
            self._chunks.append(location)
        return number

    def add_file(
        self,
        path: str,
        size: int,
        digest: Digest,
        chunk_numbers: Iterable[int],
        *,
        chunker: ChunkerId,
    ) -> None:
        """Add a file; the path is relative, and empty for a single file."""
        numbers = array("I", chunk_numbers)
        entry = FileEntry(
            path=path, size=size, digest=digest, first=0, count=len(numbers), chunker=chunker
        )
        self._files.append((path_key(path), entry, numbers))

    def build(self, digest: Digest, kind: ModelKind) -> Manifest:
        """Return the manifest. Raises what `Manifest` raises."""
        sequence = array("I")
        files = []
        for _, entry, numbers in sorted(self._files, key=lambda file: file[0]):
            files.append(replace(entry, first=len(sequence)))
            sequence.extend(numbers)
        used = self._chunks.codecs()
        return Manifest(
            digest=digest,
            kind=kind,
            files=tuple(files),
            packs=tuple(self._packs),
            pack_sizes=self._pack_sizes[:],
            chunk_table=self._chunks.table(),
            sequence=sequence,
            requires=tuple(sorted(word for codec, word in _REQUIRES.items() if codec in used)),
        )


class _Counts(NamedTuple):
    """The first column: the lengths of the others."""

    kind: int
    chunks: int
    sequence: int
    packs: int
    files: int
    chunkers: int
    requires: int
    text_size: int

    @property
    def size(self) -> int:
        """Length of all columns in bytes."""
        rows = self.chunks * CHUNK_ROW + self.packs * _PACK_ROW + self.files * FILE_ROW
        return _COUNTS.size + self.text_size + rows + self.sequence * 4


_COUNTS: Final = Struct("<IIIIIHHI")


def _read_counts(columns: ColumnReader) -> _Counts:
    counts = _Counts(*_COUNTS.unpack(columns.read(_COUNTS.size)))
    if counts.kind >= len(_KINDS) or counts.size != columns.size:
        raise columns.damaged("has counts that do not match its length")
    if counts.files > MAX_FILES:
        raise columns.damaged(f"lists more than {MAX_FILES:,} files")
    return counts


def _read_words(columns: ColumnReader, counts: _Counts) -> list[str]:
    """Read requirements, chunkers and paths, which NUL separates."""
    count = counts.requires + counts.chunkers + counts.files
    text = columns.read(counts.text_size)
    if text.count(b"\0") != max(0, count - 1):  # before a long list is built
        raise columns.damaged("has too few or too many words")
    try:
        return text.decode().split("\0") if count else []
    except UnicodeDecodeError as error:
        raise columns.damaged("has a path that is not UTF-8") from error


def _chunker_id(text: str) -> ChunkerId:
    try:
        return ChunkerId.parse(text)
    except ValueError as error:
        raise DamagedObjectError("a manifest has an invalid chunker id") from error


def _check_requires(requires: Sequence[str]) -> None:
    unknown = sorted(set(requires) - set(_REQUIRES.values()))
    if unknown:
        raise NewerFormatError(
            f"a manifest requires an unsupported feature: {ascii(unknown[0])[:40]}",
            hint="upgrade gitmodel",
        )


def _check_packs(packs: Sequence[str], sizes: array[int]) -> None:
    if len(set(packs)) != len(packs) or len(packs) != len(sizes):
        raise DamagedObjectError("a manifest lists a pack twice")
    if len(packs) and (min(sizes) <= HEADER_SIZE or max(sizes) > PACK_MAX):
        raise DamagedObjectError("a manifest has a pack of an impossible size")
