"""What a service is: one request to one kind of store, its exceptions turned into a `RequestFailure`.

`CloudClient` itself speaks the public interface of fsspec and so serves any of its file systems; `s3.py` and
`azure.py` do better where that interface costs requests or hides an answer.

fsspec's `get_file` and `put_file` are never used: a parallel download whose connection broke left a
file of the right size and the wrong bytes (measured).
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any, ClassVar

from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.event_loop import RequestLoop
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from gitmodel.backends.cloud.fast_path import Transport

Page = tuple[list[ObjectInfo], str | None]
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60


class TooLargeError(Exception):
    """An object is larger than the reader allows; nothing beyond the limit was read."""

    def __init__(self, size: int | None) -> None:
        super().__init__(size)
        self.size = size


class CloudClient:
    """One request at a time to one store, below one prefix.

    Args:
        filesystem: The fsspec file system.
        root: Bucket or container and prefix, without a slash at the end.
        url: The remote, for messages.
        endpoint: Address of the server, for messages.
    """

    # What the person's administrator has to grant, by verb of `CloudBackend`.
    permissions: ClassVar[dict[str, str]] = {}
    failures: ClassVar[tuple[type[Exception], ...]] = (OSError,)
    # Kinds of checksums that can go with a body, by its own way or a transport.
    kinds: ClassVar[tuple[str, ...]] = ()
    # The variable that names a file with the certificates of an organisation.
    certificates: ClassVar[str] = "SSL_CERT_FILE"
    address_setting: ClassVar[str] = "git config --get gitmodel.endpoint"

    def __init__(self, filesystem: Any, root: str, *, url: str, endpoint: str) -> None:
        self.filesystem = filesystem
        self.root = root
        self.url = url
        self._endpoint = endpoint

    @property
    def endpoint(self) -> str:
        """Address of the server, for messages; never with a secret in it."""
        return self._endpoint

    @property
    def place(self) -> str:
        """What holds the objects, for messages: "bucket models"."""
        return f"store {self.url}"

    def path(self, key: str) -> str:
        """Path of a key for the file system."""
        return f"{self.root}/{key}"

    @contextlib.contextmanager
    def faults(self) -> Iterator[None]:
        """Turn the exceptions of the library into a fault.

        Raises:
            RequestFailure: Whatever `failures` names.
        """
        try:
            yield
        except RequestFailure:  # said already; to look at `failures` would import the library
            raise
        except self.failures as error:
            raise self.fault(error) from error

    def fault(self, error: Exception) -> RequestFailure:
        """Classify an exception of the library; here by what fsspec promises."""
        match error:
            case FileNotFoundError():
                kind = FaultKind.MISSING
            case FileExistsError():
                kind = FaultKind.EXISTS
            case PermissionError():
                kind = FaultKind.DENIED
            case ConnectionRefusedError():
                kind = FaultKind.UNREACHABLE
            case TimeoutError() | ConnectionError() | OSError(errno=errno.EIO | errno.EBUSY):
                kind = FaultKind.BROKEN
            case _:
                kind = FaultKind.REFUSED
        return RequestFailure(kind, one_line(str(error) or type(error).__name__))

    def fetch(self, key: str, limit: int) -> bytes:
        """Return a whole object of at most `limit` bytes.

        Raises:
            RequestFailure: As for all requests.
            TooLargeError: It is larger.
        """
        # One byte more than allowed tells "too large" without reading the rest.
        data: bytes = self.filesystem.cat_file(self.path(key), start=0, end=limit + 1)
        if len(data) > limit:
            raise TooLargeError(None)
        return data

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, fewer only where the object ends."""
        data: bytes = self.filesystem.cat_file(self.path(key), start=start, end=start + size)
        return data

    def put(self, key: str, data: bytes, *, exclusive: bool) -> str | None:
        """Write an object whole; with `exclusive` only if the key is free (fault EXISTS).

        Returns:
            The kind of checksum that went with it (`checks.py`).
        """
        mode = "create" if exclusive else "overwrite"
        self.filesystem.pipe_file(self.path(key), data, mode=mode)
        return None

    def put_wrong(self, key: str, data: bytes, kind: str) -> None:
        """Write an object with a wrong checksum of this kind, which a server that looks refuses.

        Raises:
            RequestFailure: CHANGED, if it looks.
        """
        raise RequestFailure(FaultKind.REFUSED, f"{kind} is not sent to {key} ({len(data)} bytes)")

    def can_copy_from(self, source: CloudClient) -> bool:
        """Whether the store can copy objects of that service by itself; here it cannot."""
        del source
        return False

    def copy_from(self, source: CloudClient, key: str) -> None:
        """Let the store copy an object of another bucket or prefix, under the same key."""
        raise NotImplementedError(f"{source.url}/{key}")

    def stat(self, key: str) -> int:
        """Return the size of an object in bytes, or the fault MISSING."""
        size: int = self.filesystem.info(self.path(key))["size"]
        return size

    def page(self, prefix: str, token: str | None) -> Page:
        """Return objects whose key begins with `prefix`, and what to pass to get the next ones."""
        del token  # one page holds everything here
        folder = self.path(prefix).rpartition("/")[0]
        found: dict[str, dict[str, Any]] = self.filesystem.find(folder, detail=True)
        cut = len(self.filesystem._strip_protocol(self.root)) + 1  # noqa: SLF001 - a class method that fsspec documents
        infos = [
            ObjectInfo(name[cut:], int(entry["size"]), float(entry.get("created", 0)), "")
            for name, entry in found.items()
        ]
        return [info for info in infos if info.key.startswith(prefix)], None

    def object_name(self, key: str) -> str:
        """Name of a key for a transport."""
        return self.path(key)

    def open_transport(self) -> Transport | None:
        """Open a shorter way for packs; None as long as there is none, see `transport.Lane`."""
        return None

    def restoring(self, key: str) -> str:
        """The command that brings an archived object back."""
        return f"restore {self.path(key)}"

    def remove(self, key: str) -> None:
        """Delete an object; the fault MISSING if it is not there and the store says so."""
        self.filesystem.rm_file(self.path(key))

    def close(self) -> None:
        """Close connections; may be called more than once."""


class BucketService(CloudClient):
    """A service whose file system is opened by the first request that needs it.

    Args:
        open_filesystem: Imports and makes the file system.
        root: Bucket or container and prefix, without a slash at the end.
        url: The remote, for messages.
        endpoint: Address of the server, for messages, as long as nothing has been sent.

    Attributes:
        bucket: The bucket or container alone.
        prefix: What stands before each key in it, or "".
    """

    def __init__(
        self, open_filesystem: Callable[[], Any], root: str, *, url: str, endpoint: str
    ) -> None:
        super().__init__(None, root, url=url, endpoint=endpoint)
        self.bucket, _, self.prefix = root.partition("/")
        self._open_filesystem = open_filesystem
        self._requests = RequestLoop(self._open)

    def object_name(self, key: str) -> str:
        """See `CloudClient.object_name`: without the bucket."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def _open(self) -> asyncio.AbstractEventLoop:
        self.filesystem = self._open_filesystem()
        loop: asyncio.AbstractEventLoop = self.filesystem.loop
        return loop
