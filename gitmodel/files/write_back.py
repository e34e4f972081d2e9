"""Files that are written, on their way to the disk, and named when they are there.

A flush of each file as soon as it is written waits for the disk once a file, and commits the file
system's journal as often. So the system is asked to begin with a file at once, and is waited for much
later, when the bytes are there: 100 packs of 10 MiB take 0.47 s instead of 0.6 to 0.97 s (measured, ext4).

Small files are waited for by several threads: their flushes share a commit of the journal. 256 files of 20 kB
take 0.1 to 0.3 s so, and 0.9 to 1.2 s one after the other (measured, ext4).
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.files.safe_open import PendingFile

_MOST = 16  # files on their way: each holds a descriptor, and a kill leaves it without a name
_WORTH_THREADS = 4  # files
_THREADS = 16  # they only wait
_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin, and do not wait


class WriteBackQueue:
    """Files on their way. Safe to use from several threads; close it.

    A descriptor is kept for each: one opened later might not be told that a write has failed.

    Args:
        most: Files on their way at a time.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._files: deque[PendingFile] = deque()
        self._most = most

    def begin(self, file: PendingFile) -> None:
        """Have the system begin to flush a file, which is this object's from now on.

        Raises:
            OSError: An earlier file could not be written.
        """
        start_writing(file.descriptor)
        self._files.append(file)
        if len(self._files) > self._most:
            if self._most > _MOST:
                self.wait()
            else:
                self._name_one()

    def wait(self) -> None:
        """Return when all are on the disk and have their names; those may not be there yet.

        Raises:
            OSError: One could not be written.
        """
        in_parallel(lambda _: self._name_one(), range(len(self._files)))
        while self._files:
            self._name_one()

    def close(self) -> None:
        """Drop what has not been waited for."""
        while self._files:
            self._files.popleft().discard()

    def _name_one(self) -> None:
        try:
            file = self._files.popleft()
        except IndexError:  # another thread took it
            return
        file.commit(durable=True)


def in_parallel(wait: Callable[[int], object], values: Sequence[int]) -> None:
    """Call a function that waits for the disk with each value, several at a time where that is faster.

    Raises:
        OSError: One call did; all have ended.
    """
    if len(values) < _WORTH_THREADS:
        for value in values:
            wait(value)
        return
    from concurrent.futures import ThreadPoolExecutor  # 6 ms, and no idle hook comes here

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="gitmodel-flush") as threads:
        done = [threads.submit(wait, value) for value in values]
    for one in done:
        one.result()


def start_writing(descriptor: int) -> None:
    """Begin to write a file's dirty pages, where the system has a call for it: sync_file_range(2)."""
    call = _sync_file_range()
    if call is not None:
        call(descriptor, 0, 0, _WRITE)  # to the end; a failure shows when it is waited for


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)  # on Linux only
    if call is not None:
        call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return call
