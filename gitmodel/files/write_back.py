"""Flushes many files to disk, and gives each its name afterwards.

A flush right after each write would wait for the disk once a file. Here the system begins to write a file
at once, and the flush comes later, when the bytes are on disk already: 100 packs of 10 MiB take 0.47 s
instead of 0.6 to 0.97 s (measured, ext4).

Small files are flushed by several threads, so that flushes share a commit of the file system's journal: 256
files of 20 kB take 0.1 to 0.3 s instead of 0.9 to 1.2 s (measured, ext4).
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.files.safe_open import PendingFile

_MOST = 16  # files in the queue: each holds a descriptor
_WORTH_THREADS = 4  # files
_THREADS = 16  # they only wait
_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin, and do not wait


class WriteBackQueue:
    """A queue of at most `most` files that are being flushed, for several threads; close it.

    A file's descriptor stays open: one opened later might not report a failed write.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._files: deque[PendingFile] = deque()
        self._most = most

    def begin(self, file: PendingFile) -> None:
        """Begin to write a file to disk; the queue commits or discards it.

        Raises OSError if an earlier file could not be written.
        """
        start_writing(file.descriptor)
        self._files.append(file)
        if len(self._files) > self._most:
            if self._most > _MOST:
                self.wait()
            else:
                self._name_one()

    def wait(self) -> None:
        """Flush all files and give them their names; the names themselves are not flushed.

        Raises OSError if a file could not be written.
        """
        in_parallel(lambda _: self._name_one(), range(len(self._files)))
        while self._files:
            self._name_one()

    def close(self) -> None:
        """Discard the files that are still in the queue."""
        while self._files:
            self._files.popleft().discard()

    def _name_one(self) -> None:
        try:
            file = self._files.popleft()
        except IndexError:  # another thread took it
            return
        file.commit(durable=True)


def in_parallel(wait: Callable[[int], object], values: Sequence[int]) -> None:
    """Call a function that waits for the disk with each value; many values are shared by threads.

    Raises OSError if a call failed, after all calls have ended.
    """
    if len(values) < _WORTH_THREADS:
        for value in values:
            wait(value)
        return
    from concurrent.futures import ThreadPoolExecutor  # 6 ms, and idle hooks do not need it

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gitmodel-flush") as threads:
        done = [threads.submit(wait, value) for value in values]
    for one in done:
        one.result()


def start_writing(descriptor: int) -> None:
    """Begin to write a file's dirty pages, if the system has sync_file_range(2)."""
    call = _sync_file_range()
    if call is not None:
        call(descriptor, 0, 0, _WRITE)  # to the end; a failure is reported by fsync


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)  # on Linux only
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call
