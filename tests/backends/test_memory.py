"""The cloud adapter over fsspec's public interface alone, with its file system in memory.

Proves that retries, read-back and errors owe nothing to S3 or Azure.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from gitmodel.backends.cloud.backend import CloudBackend
from gitmodel.backends.cloud.service import CloudClient
from gitmodel.errors import UntrustedRemoteError
from tests.backends.backend_suite import KEY, LIMIT, BackendSuite

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.backends.backend import Backend


class LockedMemory(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """fsspec's memory, whose objects are shared file objects with one position, one call at a time."""

    protocol = "gitmodel-test-memory"
    cachable = False

    def __init__(self) -> None:
        super().__init__(global_store=False)
        self._lock = threading.Lock()

    def cat_file(self, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            return super().cat_file(*arguments, **options)

    def pipe_file(self, *arguments: Any, **options: Any) -> None:
        with self._lock:
            super().pipe_file(*arguments, **options)


def opened(filesystem: MemoryFileSystem, *, writable: bool = True) -> CloudBackend:
    service = CloudClient(
        filesystem, "bucket/prefix", url="memory://bucket/prefix", endpoint="this process"
    )
    return CloudBackend(service, writable=writable)


class TestMemory(BackendSuite):
    @pytest.fixture
    def filesystem(self) -> MemoryFileSystem:
        return LockedMemory()

    @pytest.fixture
    def backend(self, filesystem: MemoryFileSystem) -> Backend:
        return opened(filesystem)

    @pytest.fixture
    def another(self, filesystem: MemoryFileSystem) -> Backend:
        return opened(filesystem)


@pytest.mark.parametrize(
    "call",
    [
        lambda backend: backend.create(KEY, b"x"),
        lambda backend: backend.write(KEY, b"x"),
        lambda backend: backend.delete(KEY),
    ],
    ids=["create", "write", "delete"],
)
def test_nothing_is_written_to_an_untrusted_address(call: Callable[[Backend], object]) -> None:
    filesystem = LockedMemory()
    opened(filesystem).write(KEY, b"there")
    backend = opened(filesystem, writable=False)

    with pytest.raises(UntrustedRemoteError) as caught:
        call(backend)

    assert caught.value.hint == "gitmodel remote trust"
    assert backend.read(KEY, limit=LIMIT) == b"there"


def test_objects_lie_below_the_prefix() -> None:
    filesystem = LockedMemory()

    opened(filesystem).write("a/b", b"x")

    assert filesystem.find("") == ["/bucket/prefix/a/b"]
