"""Manifests: which chunks, in which packs, make up the files of one digest.

A manifest holds the place of each distinct chunk, and for every file the *sequence* of chunk numbers
that make it up. With it a fetch plans all its requests at once.

One thing is guaranteed: a manifest in memory is sound. Every number in it lies where it must, every
file is as long as its chunks together, every path is safe, and the files have the manifest's digest.
That the chunks are those of the files is not: a pointer's `chunks` says it, or the digest of a file.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.chunking.chunker import ChunkerId
from gitmodel.encoding.codecs.codec import HASH_SIZE, ByteBuffer, Codec
from gitmodel.encoding.manifest.chunk_list import chunk_list_digest
from gitmodel.encoding.manifest.chunk_table import (
    PLACE_ROW,
    ChunkLocation,
    PlaceCollector,
    PlaceTable,
)
from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter
from gitmodel.encoding.manifest.file_table import (
    FILE_ROW,
    MAX_FILES,
    FileEntry,
    ModelKind,
    check_digest,
    check_sequence,
    path_key,
    put_files,
    take_files,
)
from gitmodel.encoding.pack import HEADER_SIZE, PACK_MAX
from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.digest import Digest

__all__ = [
    "MAX_FILES",
    "MAX_MANIFEST",
    "ChunkLocation",
    "FileEntry",
    "Manifest",
    "ManifestBuilder",
    "ModelKind",
]

MAX_MANIFEST: Final = 256 << 20  # 256 MiB: what a store should read at most

_MAGIC: Final = b"gmm1"
_KINDS: Final[tuple[ModelKind, ...]] = ("file", "folder")
_REQUIRES: Final = {  # what a reader must know for a codec
    Codec.ZSTD: "zstd",
    Codec.PLANES: "planes",
    Codec.DELTA: "delta",
    Codec.SPARSE: "sparse",
}
_PACK_ROW: Final = HASH_SIZE + 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of one digest and where their bytes are.

    Args:
        digest: The digest of the file or folder.
        kind: `file` (one file with an empty path) or `folder`.
        files: Sorted by the UTF-8 bytes of their paths.
        packs: Names of the packs, 64 hex digits each.
        pack_sizes: Their lengths in bytes.
        places: The distinct chunks.
        sequence: Chunk numbers, file by file.
        requires: What a reader must know; one that does not refuses the whole.

    Raises:
        DamagedObjectError: The parts contradict each other.
        NewerFormatError: Something that is required is not known here.
        UnsafePathError: A path is unsafe, or two paths clash.
    """

    digest: Digest
    kind: ModelKind
    files: tuple[FileEntry, ...]
    packs: tuple[str, ...]
    pack_sizes: array[int]
    places: PlaceTable
    sequence: array[int]
    requires: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_requires(self.requires)
        _check_packs(self.packs, self.pack_sizes)
        self.places.check(self.pack_sizes)
        check_sequence(self.files, self.sequence, self.places.raw_sizes)
        check_digest(self.digest, self.kind, self.files)

    @property
    def chunk_count(self) -> int:
        """How many distinct chunks there are."""
        return len(self.places)

    @property
    def total_size(self) -> int:
        """Length of all files together in bytes."""
        return sum(file.size for file in self.files)

    @property
    def cutters(self) -> tuple[ChunkerId, ...]:
        """The rules that cut the files, each once."""
        return tuple(dict.fromkeys(file.chunker for file in self.files))

    def chunk(self, number: int) -> ChunkLocation:
        """Return the place of a chunk by its number, from 0."""
        return self.places[number]

    def chunks_of(self, file: FileEntry) -> array[int]:
        """Return the numbers of a file's chunks, in the order of its bytes."""
        return self.sequence[file.first : file.first + file.count]

    def chunk_list(self) -> Digest:
        """Compute the digest of the chunk list, which the pointer states as `chunks`.

        A sound manifest lists the files of its digest, but nothing in it says that these are their chunks.
        """
        return chunk_list_digest(self.files, self.sequence, self.places)

    def to_bytes(self) -> bytes:
        """Return the manifest as it is stored; `from_bytes` reads it back as an equal one."""
        cutters = self.cutters
        words = [*self.requires, *map(str, cutters), *(file.path for file in self.files)]
        text = "\0".join(words).encode()
        counts = _Counts(
            kind=_KINDS.index(self.kind),
            places=len(self.places),
            sequence=len(self.sequence),
            packs=len(self.packs),
            files=len(self.files),
            cutters=len(cutters),
            requires=len(self.requires),
            text_size=len(text),
        )
        columns = ColumnWriter()
        columns.put(_COUNTS.pack(*counts))
        columns.put(text)
        put_files(columns, self.files, cutters)
        columns.put(b"".join(map(bytes.fromhex, self.packs)))
        columns.put_numbers(self.pack_sizes)
        columns.put_numbers(self.sequence)
        self.places.put(columns)
        return columns.sealed(_MAGIC)

    @classmethod
    def from_bytes(cls, data: ByteBuffer, *, expected: Digest) -> Manifest:
        """Read a manifest.

        Args:
            data: The stored bytes, trusted in no way.
            expected: The digest under which they were found.

        Raises:
            DamagedObjectError: They are not a sound manifest of this digest.
            NewerFormatError: They need a later gitmodel.
            UnsafePathError: They are one, but name a path that must not be created.
        """
        what = f"manifest {expected.short}"
        if len(data) > MAX_MANIFEST:
            raise DamagedObjectError(f"{what} is larger than any is")
        columns = ColumnReader(data, magic=_MAGIC, what=what)
        counts = _take_counts(columns)
        words = iter(_take_words(columns, counts))
        requires = tuple(islice(words, counts.requires))
        _check_requires(requires)  # first: what follows may have a meaning not known here
        cutters = [_cutter_id(word) for word in islice(words, counts.cutters)]
        files = take_files(columns, list(words), cutters)
        packs = tuple(columns.take_hashes(counts.packs))
        pack_sizes = columns.take_numbers("I", counts.packs)
        sequence = columns.take_numbers("I", counts.sequence)
        places = PlaceTable.take(columns, counts.places)
        columns.end()
        return cls(
            digest=expected,
            kind=_KINDS[counts.kind],
            files=files,
            packs=packs,
            pack_sizes=pack_sizes,
            places=places,
            sequence=sequence,
            requires=requires,
        )


class ManifestBuilder:
    """Assembles a manifest. For one thread.

    Packs, chunks and files may come in any order, as long as a number is given out before it is used.
    """

    def __init__(self) -> None:
        self._packs: list[str] = []
        self._pack_sizes = array("I")
        self._places = PlaceCollector()
        self._numbers: dict[bytes, int] = {}
        self._files: list[tuple[bytes, FileEntry, array[int]]] = []

    def add_pack(self, name: str, size: int) -> int:
        """Add a pack by its name (64 hex digits) and size in bytes; returns its number.

        Raises:
            ValueError: The name is not one of a pack.
        """
        if len(bytes.fromhex(name)) != HASH_SIZE:
            raise ValueError(name)
        self._packs.append(name)
        self._pack_sizes.append(size)
        return len(self._packs) - 1

    def find(self, chunk_hash: bytes) -> int | None:
        """Return the number of the chunk with this hash, if it has been added."""
        return self._numbers.get(chunk_hash)

    def add_chunk(self, place: ChunkLocation) -> int:
        """Add a chunk, unless there is one with its hash already; returns the number of either."""
        number = self._numbers.setdefault(place.hash, len(self._places))
        if number == len(self._places):
            self._places.append(place)
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
        """Add a file: relative path (empty for a single file), size in bytes, and its chunks."""
        numbers = array("I", chunk_numbers)
        entry = FileEntry(
            path=path, size=size, digest=digest, first=0, count=len(numbers), chunker=chunker
        )
        self._files.append((path_key(path), entry, numbers))

    def build(self, digest: Digest, kind: ModelKind) -> Manifest:
        """Return the manifest, checked as one from a stranger is.

        Raises:
            DamagedObjectError: What was added contradicts itself or the digest.
            UnsafePathError: A path is unsafe, or two paths clash.
        """
        sequence = array("I")
        files = []
        for _, entry, numbers in sorted(self._files, key=lambda file: file[0]):
            files.append(replace(entry, first=len(sequence)))
            sequence.extend(numbers)
        used = self._places.codecs()
        return Manifest(
            digest=digest,
            kind=kind,
            files=tuple(files),
            packs=tuple(self._packs),
            pack_sizes=self._pack_sizes[:],
            places=self._places.table(),
            sequence=sequence,
            requires=tuple(sorted(word for codec, word in _REQUIRES.items() if codec in used)),
        )


class _Counts(NamedTuple):
    """What the columns begin with: how long each of them is."""

    kind: int
    places: int
    sequence: int
    packs: int
    files: int
    cutters: int
    requires: int
    text_size: int

    @property
    def size(self) -> int:
        """Length of all columns in bytes."""
        rows = self.places * PLACE_ROW + self.packs * _PACK_ROW + self.files * FILE_ROW
        return _COUNTS.size + self.text_size + rows + self.sequence * 4


_COUNTS: Final = Struct("<IIIIIHHI")


def _take_counts(columns: ColumnReader) -> _Counts:
    counts = _Counts(*_COUNTS.unpack(columns.take(_COUNTS.size)))
    if counts.kind >= len(_KINDS) or counts.size != columns.size:
        raise columns.damaged("has counts that do not fit its length")
    if counts.files > MAX_FILES:
        raise columns.damaged(f"lists more than {MAX_FILES:,} files")
    return counts


def _take_words(columns: ColumnReader, counts: _Counts) -> list[str]:
    """Take what is required, the cutters and the paths, which NUL separates."""
    count = counts.requires + counts.cutters + counts.files
    text = columns.take(counts.text_size)
    if text.count(b"\0") != max(0, count - 1):  # before a list of them is built
        raise columns.damaged("has too few or too many words")
    try:
        return text.decode().split("\0") if count else []
    except UnicodeDecodeError as error:
        raise columns.damaged("has a path that is not UTF-8") from error


def _cutter_id(text: str) -> ChunkerId:
    try:
        return ChunkerId.parse(text)
    except ValueError as error:
        raise DamagedObjectError("a manifest names a cutter that cannot be one") from error


def _check_requires(requires: Sequence[str]) -> None:
    unknown = sorted(set(requires) - set(_REQUIRES.values()))
    if unknown:
        raise NewerFormatError(
            f"a manifest requires what is not known here: {ascii(unknown[0])[:40]}",
            hint="upgrade gitmodel",
        )


def _check_packs(packs: Sequence[str], sizes: array[int]) -> None:
    if len(set(packs)) != len(packs) or len(packs) != len(sizes):
        raise DamagedObjectError("a manifest names a pack twice")
    if len(packs) and (min(sizes) <= HEADER_SIZE or max(sizes) > PACK_MAX):
        raise DamagedObjectError("a manifest has a pack of a size that no pack has")
