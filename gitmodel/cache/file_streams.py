"""Files of a version as file objects, which read only the bytes that are requested.

Parts of packs come from the cache, or by range requests from a remote. A pack that is damaged in one source is
read from the next one.
"""

from __future__ import annotations

import io
import os
from threading import Lock
from typing import TYPE_CHECKING

from gitmodel.errors import (
    ChangedWhileReadError,
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteError,
)
from gitmodel.files.file_stat import FileStat
from gitmodel.store.layout import pack_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Buffer

    from gitmodel.cache.cache import Cache
    from gitmodel.cache.chunk_reader import FileView
    from gitmodel.store.objects import ObjectStore

_CACHE = 0  # the first source; the remotes follow


class PackSource:
    """A `PackReader` of the cache and of remotes, each opened if the sources before it lack a pack.

    Parts from a remote are not cached. The caller checks chunks by their hash, and calls `give_up` for a
    damaged pack.
    """

    def __init__(self, cache: Cache, remotes: Sequence[Callable[[], ObjectStore]]) -> None:
        self._cache = cache
        self._remotes = remotes
        self._lock = Lock()
        self._order = list(range(len(remotes) + 1))
        self._came_from: dict[str, int] = {}
        self._given_up: set[tuple[str, int]] = set()

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """See `PackReader.read_at`. Also raises DamagedObjectError and RemoteError."""
        errors: dict[int, GitmodelError] = {}
        for place in self._places(name):
            try:
                found = self._read(place, name, offset, size)
            except (ObjectMissingError, DamagedObjectError, RemoteError) as error:
                errors[place] = error
                if isinstance(error, RemoteError):
                    self._ask_last(place)
            else:
                with self._lock:
                    self._came_from[name] = place
                return found
        raise self._nowhere(name, errors)

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """See `PackReader.read_into`; raises as `read_at`."""
        from gitmodel.cache.chunk_reader import fill

        return fill(buffers, self.read_at(name, offset, sum(map(len, buffers))))

    def give_up(self, name: str) -> None:
        """Do not read a pack again from its current source."""
        with self._lock:
            self._given_up.add((name, self._came_from[name]))

    def _places(self, name: str) -> list[int]:
        with self._lock:
            return [place for place in self._order if (name, place) not in self._given_up]

    def _ask_last(self, place: int) -> None:
        """Move a remote that cannot be used to the end: its next answer would take as long."""
        with self._lock:
            self._order.remove(place)
            self._order.append(place)

    def _read(self, place: int, name: str, offset: int, size: int) -> bytes:
        if place == _CACHE:
            try:
                return self._cache.read_at(name, offset, size)
            except OSError as error:
                raise ObjectMissingError(
                    f"pack {name[:12]} in the cache cannot be read: {error.strerror}"
                ) from error
        remote = self._remote(place)
        try:
            return remote.backend.read_range(pack_key(name), offset, size)
        except ObjectMissingError as error:
            raise ObjectMissingError(
                f"pack {name[:12]} is missing on {remote.url}",
                hint="gitmodel push, in a clone that has the weights",
            ) from error

    def _remote(self, place: int) -> ObjectStore:
        with self._lock:
            return self._remotes[place - 1]()

    def _nowhere(self, name: str, errors: dict[int, GitmodelError]) -> GitmodelError:
        """The error for a pack that no source has; a later read tries all sources again."""
        said = {place: error for place, error in errors.items() if place != _CACHE} or errors
        with self._lock:
            damaged = sorted(place for pack, place in self._given_up if pack == name)
            self._given_up = {(pack, place) for pack, place in self._given_up if pack != name}
        if said and not (damaged and list(said) == [_CACHE]):
            return next(iter(said.values()))
        where = ["in the cache" if p == _CACHE else f"on {self._remote(p).url}" for p in damaged]
        return DamagedObjectError(
            f"pack {name[:12]} is damaged {' and '.join(where)}, or the manifest is wrong about it",
            hint="gitmodel push, in a clone that has the weights",
        )


class UnchangedFile(io.FileIO):
    """A file of the work tree; reading fails once the file has changed. Errors name the model."""

    def __init__(self, path: str, model: str) -> None:
        super().__init__(path)
        self._model = model
        self._stat = FileStat.of(os.fstat(self.fileno()))

    def is_at(self, path: str) -> bool:
        """Whether a path still is this file, unchanged since it was opened."""
        try:
            return FileStat.of(os.stat(path)) == self._stat
        except OSError:
            return False

    def readinto(self, buffer: Buffer, /) -> int | None:
        """Fill a buffer; returns the number of bytes. Raises ChangedWhileReadError."""
        count = super().readinto(buffer)
        self._refuse_changed()
        return count

    def readall(self) -> bytes:
        """Read to the end; raises as `readinto`."""
        found = super().readall()
        self._refuse_changed()
        return found or b""

    def _refuse_changed(self) -> None:
        now = os.fstat(self.fileno())
        # Not the change time: a new hard link or mode changes it as well.
        if (now.st_size, now.st_mtime_ns) != (self._stat.size, self._stat.mtime_ns):
            raise ChangedWhileReadError(
                "the weights were written to while they were read",
                hint="open them again: the version itself comes from the cache then",
                model=self._model,
            )


class FileStream(io.RawIOBase):
    """A `FileView` as a file object: binary, readable, seekable. Errors name the model.

    `views` are the same file by one manifest after the other; if one fails, the next is used. Raises
    GitmodelError if the first cannot be made. `close` is called once, when the stream is closed.
    """

    def __init__(self, views: Iterator[FileView], model: str, close: Callable[[], None]) -> None:
        super().__init__()
        self._views = views
        self._view = next(views)
        self._model = model
        self._position = 0
        self._failed: GitmodelError | None = None
        self._when_closed = close

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The current position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position, relative to start, position or end; returns the new one.

        Raises ValueError if it would be before the start.
        """
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._view.size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._position = start + offset
        self._failed = None
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill a buffer; returns the number of bytes, 0 at the end.

        An error is raised again until `seek`: a buffered reader around this stream has dropped bytes, and
        would skip them. Raises ObjectMissingError, DamagedObjectError or RemoteError if no source has the
        bytes.
        """
        target = memoryview(buffer).cast("B")
        found = self._read(len(target))
        target[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _read(self, size: int) -> bytes:
        while self._failed is None:
            try:
                return self._view.read_at(self._position, size)
            except GitmodelError as error:
                try:
                    self._view = next(self._views)
                except (GitmodelError, StopIteration):
                    self._failed = error.about(self._model)
        raise self._failed

    def close(self) -> None:
        """Close the stream and its sources."""
        if not self.closed:
            super().close()
            self._when_closed()
