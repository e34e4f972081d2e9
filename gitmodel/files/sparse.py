"""Reads and writes files with holes: runs of zeros that a file system does not store.

A checkpoint of a sparse optimizer, or weights made by truncate(2), may be a hundred times larger than its
blocks on disk. The bytes are always those of read(2): a hole is sampled before it is trusted, because
file systems have reported holes in data that was not yet on disk (OpenZFS before 2.2.2).
"""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import ChangedWhileReadError
from gitmodel.files.safe_open import write_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest

_BLOCK = 512  # bytes that st_blocks counts. Source: stat(2)
_PAGE = 4096  # the smallest hole that file systems keep
_ZEROS = 1 << 20
_STORED_FEW = 256  # a chunk of zeros takes fewer bytes in a pack, whatever its size
_SAMPLES = 4
_ZERO_PAGES = lazy_compile(rb"\x00+")


class SparseReader:
    """Reads a file from its start, where its descriptor must be, to its end, and skips holes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self._is_sparse = found.st_blocks * _BLOCK < found.st_size - found.st_size // 8
        self._position = 0

    def read_into(self, view: memoryview) -> int:
        """Fill a part of a buffer; returns the number of bytes, 0 at the end of the file.

        Raises ChangedWhileReadError if data was written into a hole meanwhile.
        """
        if not self._is_sparse:
            return os.readv(self._descriptor, [view])
        hole = self._hole_ahead()
        if hole is None:
            self._is_sparse = False
            os.lseek(self._descriptor, self._position, os.SEEK_SET)
            return os.readv(self._descriptor, [view])
        count = min(hole, len(view))
        if count:
            _clear(view[:count])
            self._check_hole(count)
        else:
            count = os.preadv(self._descriptor, [view], self._position)
        self._position += count
        return count

    def _hole_ahead(self) -> int | None:
        """Bytes of a hole that begins here; 0 in data, None if the file system does not report holes."""
        try:
            data = os.lseek(self._descriptor, self._position, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                return None
            data = os.fstat(self._descriptor).st_size  # a hole up to the end
        return max(0, data - self._position)

    def _check_hole(self, count: int) -> None:
        """Read samples of a hole, among them both ends."""
        for number in range(_SAMPLES + 1):
            offset = self._position + max(0, (count - _BLOCK) * number // _SAMPLES)
            if not _is_clear(os.pread(self._descriptor, _BLOCK, offset)):
                raise ChangedWhileReadError(
                    "a file changed while it was read: it has data where its file system reported a hole",
                    hint="run the same command again",
                )


def write_sparse(descriptor: int, data: memoryview, offset: int) -> None:
    """Write bytes at an offset of an empty file that has its full size; pages of zeros stay holes."""
    written = 0
    for start, end in _clear_runs(data):
        write_at(descriptor, data[written:start], offset + written)
        written = end
    write_at(descriptor, data[written:], offset + written)


def _clear_runs(data: memoryview) -> Iterator[tuple[int, int]]:
    """Start and end of each run of whole pages of zeros."""
    for found in _ZERO_PAGES.finditer(bytes(data[::_PAGE])):
        first, last = found.span()
        if _is_clear(data[first * _PAGE : last * _PAGE]):
            yield first * _PAGE, min(last * _PAGE, len(data))
            continue
        for page in range(first, last):
            if _is_clear(data[page * _PAGE : (page + 1) * _PAGE]):
                yield page * _PAGE, min((page + 1) * _PAGE, len(data))


def bytes_of_holes(manifest: Manifest, files: Iterable[FileEntry]) -> int:
    """Bytes of repeated chunks of zeros in some files."""
    return sum(_zeros_in(manifest, file) for file in files)


def _zeros_in(manifest: Manifest, file: FileEntry) -> int:
    numbers = manifest.chunks_of(file)
    different = set(numbers)
    if len(different) == len(numbers):  # as in nearly every file
        return 0
    zeros = {
        number: manifest.chunk(number).raw_size
        for number in different
        if _is_zero(manifest, number)
    }
    return sum(zeros.get(number, 0) for number in numbers) if zeros else 0


def _is_zero(manifest: Manifest, number: int) -> bool:
    chunk = manifest.chunk(number)
    few = chunk.stored_size <= min(_STORED_FEW, chunk.raw_size)
    return few and chunk.raw_size >= _PAGE and chunk.hash == _hash_of_zeros(chunk.raw_size)


@cache
def _hash_of_zeros(size: int) -> bytes:
    return digest_of(bytes(size)).raw


@cache
def _zeros() -> bytes:
    return bytes(_ZEROS)


def _clear(view: memoryview) -> None:
    for start in range(0, len(view), _ZEROS):
        part = view[start : start + _ZEROS]
        part[:] = memoryview(_zeros())[: len(part)]


def _is_clear(view: bytes | memoryview) -> bool:
    parts = (bytes(view[start : start + _ZEROS]) for start in range(0, len(view), _ZEROS))
    return all(_zeros().startswith(part) for part in parts)
