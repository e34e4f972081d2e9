"""The files of a manifest: paths, sizes, digests and chunk numbers.

The *sequence* is one column with the chunk numbers of all files, in the order of the files. A folder's
files are sorted by the UTF-8 bytes of their paths, so the list is unique. A single file has the
empty path.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gitmodel.domain.digest import MAX_FILES, Digest, ListedFile, folder_digest
from gitmodel.encoding.codecs.codec import HASH_SIZE
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.chunking.chunker import ChunkerId
    from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter

ModelKind: TypeAlias = Literal["file", "folder"]

FILE_ROW: Final = HASH_SIZE + 8 + 4 + 2  # bytes a file without its path, before compression


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file.

    Its chunk numbers are `count` numbers from index `first` of the manifest's sequence.
    """

    path: str  # relative to the folder; empty for a single file
    size: int  # bytes
    digest: Digest  # of the file's bytes
    first: int
    count: int
    chunker: ChunkerId  # the rule that split it


def path_key(path: str) -> bytes:
    """Return the sort key of paths."""
    return path.encode("utf-8", "surrogatepass")  # folder_digest refuses surrogates


def write_files(
    columns: ColumnWriter, files: Sequence[FileEntry], chunkers: Sequence[ChunkerId]
) -> None:
    """Write all columns except paths and chunkers, which are text."""
    numbers = {chunker: number for number, chunker in enumerate(chunkers)}
    columns.write(b"".join(file.digest.raw for file in files))
    columns.write_numbers(array("Q", [file.size for file in files]))
    columns.write_numbers(array("I", [file.count for file in files]))
    columns.write_numbers(array("H", [numbers[file.chunker] for file in files]))


def read_files(
    columns: ColumnReader, paths: Sequence[str], chunkers: Sequence[ChunkerId]
) -> tuple[FileEntry, ...]:
    """Read the columns of the files with these paths, and check their chunkers only.

    Raises DamagedObjectError if there are fewer, or a chunker is out of range.
    """
    digests = columns.read_hashes(len(paths))
    sizes = columns.read_numbers("Q", len(paths))
    counts = columns.read_numbers("I", len(paths))
    rules = columns.read_numbers("H", len(paths))
    if len(paths) and max(rules) >= len(chunkers):
        raise columns.damaged("has a file whose chunker it does not list")
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
                chunker=chunkers[rule],
            )
        )
        first += count
    return tuple(files)


def check_sequence(files: Sequence[FileEntry], sequence: array[int], raw_sizes: array[int]) -> None:
    """Check that the size of each file is that of its chunks, and that files cover the sequence.

    Raises DamagedObjectError if a size or count is wrong.
    """
    if len(sequence) and max(sequence) >= len(raw_sizes):
        raise DamagedObjectError("a manifest has a file with a chunk that it does not list")
    end = 0
    for file in files:
        numbers = sequence[end : end + file.count]
        size = sum(map(raw_sizes.__getitem__, numbers))
        if (file.first, file.count, file.size) != (end, len(numbers), size):
            raise DamagedObjectError("a manifest has a file whose chunks do not add up to its size")
        end += file.count
    if end != len(sequence):
        raise DamagedObjectError("a manifest has chunks that belong to no file")


def check_digest(digest: Digest, kind: ModelKind, files: Sequence[FileEntry]) -> None:
    """Check the list of files against the digest.

    Raises DamagedObjectError if the files have another digest or are not sorted, UnsafePathError if a path
    is unsafe, or two paths clash.
    """
    if len(files) > MAX_FILES:
        raise DamagedObjectError(f"a manifest lists more than {MAX_FILES:,} files")
    if kind == "file":
        matches = len(files) == 1 and (files[0].path, files[0].digest) == ("", digest)
    else:
        keys = [path_key(file.path) for file in files]
        listing = [ListedFile(file.path, file.size, file.digest) for file in files]
        matches = all(a < b for a, b in pairwise(keys)) and folder_digest(listing) == digest
    if not matches:
        raise DamagedObjectError(f"a manifest does not list the files of {digest.short}")
