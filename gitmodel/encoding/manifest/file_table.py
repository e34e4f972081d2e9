"""The files of a manifest: their paths, sizes and digests, and which chunks make them up.

The *sequence* is one long column of chunk numbers; each file owns a run of it, in the order of the
listing. A folder's files are sorted by the UTF-8 bytes of their paths, so that one folder has one
listing; a single file has the empty path.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gitmodel.domain.digest import Digest, ListedFile, folder_digest
from gitmodel.encoding.codecs.codec import HASH_SIZE
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.chunking.chunker import ChunkerId
    from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter

ModelKind: TypeAlias = Literal["file", "folder"]

MAX_FILES: Final = 100_000  # a model folder has a few; a hostile listing must not fill the memory
FILE_ROW: Final = HASH_SIZE + 8 + 4 + 2  # bytes a file besides its path, before compression


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file.

    Args:
        path: Relative to the folder; empty for a single file.
        size: Length in bytes.
        digest: Digest of the file's bytes.
        first: Where its chunk numbers begin in the manifest's sequence.
        count: How many there are.
        cutter: The rule that cut it.
    """

    path: str
    size: int
    digest: Digest
    first: int
    count: int
    chunker: ChunkerId


def path_key(path: str) -> bytes:
    """Return what listings are sorted by."""
    return path.encode("utf-8", "surrogatepass")  # what is not UTF-8 is refused by folder_digest


def put_files(
    columns: ColumnWriter, files: Sequence[FileEntry], cutters: Sequence[ChunkerId]
) -> None:
    """Write everything but the paths and the cutters, which are text; `take_files` reads it back."""
    numbers = {chunker: number for number, chunker in enumerate(cutters)}
    columns.put(b"".join(file.digest.raw for file in files))
    columns.put_numbers(array("Q", [file.size for file in files]))
    columns.put_numbers(array("I", [file.count for file in files]))
    columns.put_numbers(array("H", [numbers[file.chunker] for file in files]))


def take_files(
    columns: ColumnReader, paths: Sequence[str], cutters: Sequence[ChunkerId]
) -> tuple[FileEntry, ...]:
    """Read the columns of the files with these paths, unchecked but for their cutters.

    Raises:
        DamagedObjectError: There are fewer, or a file names no cutter.
    """
    digests = columns.take_hashes(len(paths))
    sizes = columns.take_numbers("Q", len(paths))
    counts = columns.take_numbers("I", len(paths))
    rules = columns.take_numbers("H", len(paths))
    if len(paths) and max(rules) >= len(cutters):
        raise columns.damaged("has a file whose cutter it does not name")
    files = []
    first = 0
    for path, digest, size, count, rule in zip(paths, digests, sizes, counts, rules, strict=True):
        files.append(
            FileEntry(
                path=path,
                size=size,
                digest=Digest(digest),
                first=first,
                count=count,
                chunker=cutters[rule],
            )
        )
        first += count
    return tuple(files)


def check_sequence(files: Sequence[FileEntry], sequence: array[int], raw_sizes: array[int]) -> None:
    """Check that every file is as long as its chunks, and the sequence as long as all files need.

    Raises:
        DamagedObjectError: It is not so.
    """
    if len(sequence) and max(sequence) >= len(raw_sizes):
        raise DamagedObjectError("a manifest has a file with a chunk that it does not place")
    end = 0
    for file in files:
        numbers = sequence[end : end + file.count]
        size = sum(map(raw_sizes.__getitem__, numbers))
        if (file.first, file.count, file.size) != (end, len(numbers), size):
            raise DamagedObjectError("a manifest has a file of another length than its chunks")
        end += file.count
    if end != len(sequence):
        raise DamagedObjectError("a manifest has chunks that belong to no file")


def check_digest(digest: Digest, kind: ModelKind, files: Sequence[FileEntry]) -> None:
    """Check that these are the files that the digest names.

    Raises:
        DamagedObjectError: They are not, or not listed as they should be.
        UnsafePathError: A path is unsafe, or two paths clash.
    """
    if len(files) > MAX_FILES:
        raise DamagedObjectError(f"a manifest lists more than {MAX_FILES:,} files")
    if kind == "file":
        fits = len(files) == 1 and (files[0].path, files[0].digest) == ("", digest)
    else:
        keys = [path_key(file.path) for file in files]
        listing = [ListedFile(file.path, file.size, file.digest) for file in files]
        fits = all(a < b for a, b in pairwise(keys)) and folder_digest(listing) == digest
    if not fits:
        raise DamagedObjectError(f"a manifest does not list the files of {digest.short}")
