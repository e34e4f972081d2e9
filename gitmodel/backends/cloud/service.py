"""Clients that send single requests to a store and classify their exceptions as a `RequestFailure`.

`CloudClient` uses the public interface of fsspec and works with any of its file systems. The clients of S3 and
Azure override requests for which that interface costs more requests or hides the response.

fsspec's `get_file` and `put_file` are not used: a parallel download whose connection broke left a file of the
right size and the wrong bytes (measured).
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any, ClassVar

from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.cloud.errors import error_text
from gitmodel.backends.cloud.event_loop import RequestLoop
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from gitmodel.backends.cloud.fast_path import Transport

Page = tuple[list[ObjectInfo], str | None]
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60


class TooLargeError(Exception):
    """An object is larger than allowed; reading stopped at the limit."""

    def __init__(self, size: int | None) -> None:
        super().__init__(size)
        self.size = size


class CloudClient:
    """Sends requests for objects below one prefix.

    `root` is bucket or container and prefix, without a slash at the end. The remote's URL and the server's
    address (`endpoint`) are for messages.
    """

    # The permission that each verb of `CloudBackend` needs.
    permissions: ClassVar[dict[str, str]] = {}
    failures: ClassVar[tuple[type[Exception], ...]] = (OSError,)
    # Kinds of checksums that it or a transport can send with a body.
    kinds: ClassVar[tuple[str, ...]] = ()
    # The variable for a file with certificates of an organisation.
    certificates: ClassVar[str] = "SSL_CERT_FILE"
    address_command: ClassVar[str] = "git config --get gitmodel.endpoint"

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
    def bucket_label(self) -> str:
        """The bucket or container, for messages: "bucket models"."""
        return f"store {self.url}"

    def path(self, key: str) -> str:
        """Path of a key for the file system."""
        return f"{self.root}/{key}"

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn exceptions of `failures` into a RequestFailure, classified."""
        try:
            yield
        except RequestFailure:  # `failures` imports the library, so it is evaluated last
            raise
        except self.failures as error:
            raise self.classify(error) from error

    def classify(self, error: Exception) -> RequestFailure:
        """Classify an exception of the library; here by the exceptions that fsspec documents."""
        match error:
            case FileNotFoundError():
                kind = FailureKind.MISSING
            case FileExistsError():
                kind = FailureKind.EXISTS
            case PermissionError():
                kind = FailureKind.DENIED
            case ConnectionRefusedError():
                kind = FailureKind.UNREACHABLE
            case TimeoutError() | ConnectionError() | OSError(errno=errno.EIO | errno.EBUSY):
                kind = FailureKind.BROKEN
            case _:
                kind = FailureKind.REFUSED
        return RequestFailure(kind, error_text(error))

    def fetch(self, key: str, limit: int) -> bytes:
        """Return a whole object.

        Raises TooLargeError if it has more than `limit` bytes, RequestFailure if the request failed.
        """
        # One byte more than allowed shows that the object is too large.
        data: bytes = self.filesystem.cat_file(self.path(key), start=0, end=limit + 1)
        if len(data) > limit:
            raise TooLargeError(None)
        return data

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, fewer only where the object ends."""
        data: bytes = self.filesystem.cat_file(self.path(key), start=start, end=start + size)
        return data

    def put(self, key: str, data: bytes, *, exclusive: bool) -> str | None:
        """Write an object whole; with `exclusive` only if the key is free (failure EXISTS).

        Returns the kind of checksum that was sent with it.
        """
        mode = "create" if exclusive else "overwrite"
        self.filesystem.pipe_file(self.path(key), data, mode=mode)
        return None

    def put_with_wrong_checksum(self, key: str, data: bytes, kind: str) -> None:
        """Write an object with a wrong checksum of this kind; failure CHANGED if the server compares it."""
        raise RequestFailure(
            FailureKind.REFUSED, f"{kind} is not sent to {key} ({len(data)} bytes)"
        )

    def can_copy_from(self, source: CloudClient) -> bool:
        """Whether the store can copy objects of that client server-side; here it cannot."""
        del source
        return False

    def copy_from(self, source: CloudClient, key: str) -> None:
        """Copy an object of another bucket or prefix server-side, to the same key."""
        raise NotImplementedError(f"{source.url}/{key}")

    def stat(self, key: str) -> int:
        """Return the size of an object in bytes, or the failure MISSING."""
        size: int = self.filesystem.info(self.path(key))["size"]
        return size

    def page(self, prefix: str, token: str | None) -> Page:
        """Return objects whose key begins with `prefix`, and the token of the next page."""
        del token  # there is one page
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
        """Open a transport for packs; None if there is none yet (`FastPath`)."""
        return None

    def restore_command(self, key: str) -> str:
        """The command that restores an archived object."""
        return f"restore {self.path(key)}"

    def remove(self, key: str) -> None:
        """Delete an object; the failure MISSING if the store reports that it does not exist."""
        self.filesystem.rm_file(self.path(key))

    def close(self) -> None:
        """Close connections; may be called more than once."""


class BucketService(CloudClient):
    """A client whose file system is opened by the first request that needs it.

    `bucket` is the bucket or container alone, `prefix` the path below which the keys are, or "". `endpoint`
    is for messages before the first request.
    """

    def __init__(
        self, open_filesystem: Callable[[], Any], root: str, *, url: str, endpoint: str
    ) -> None:
        super().__init__(None, root, url=url, endpoint=endpoint)
        self.bucket, _, self.prefix = root.partition("/")
        self._open_filesystem = open_filesystem
        self._requests = RequestLoop(self._open)

    def object_name(self, key: str) -> str:
        """The name of an object without the bucket."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def _open(self) -> asyncio.AbstractEventLoop:
        self.filesystem = self._open_filesystem()
        loop: asyncio.AbstractEventLoop = self.filesystem.loop
        return loop
