"""A backend in a bucket or container: what S3 and Azure have in common.

Words: a *service* (`service.py`) makes one request and says how it failed; the `CloudBackend` around it
decides about the way a request takes, about trying again, about doubtful answers, and about what a person
is told.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gitmodel.backends.cloud.checksums import ServerChecks, refuses_wrong
from gitmodel.backends.cloud.errors import error_of
from gitmodel.backends.cloud.fast_path import FastPath
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure, Retrier
from gitmodel.backends.cloud.service import TooLargeError
from gitmodel.backends.cloud.slow_responses import Waits
from gitmodel.backends.keys import check_key, check_prefix
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteError,
    UntrustedRemoteError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.backends.backend import ObjectInfo
    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.cloud.service import CloudClient, Page

Result = TypeVar("Result")
# How often a key may be said to be taken and then be missing: deleted in between, or a broken store.
CREATE_ROUNDS = 3
# How often a small object that changed on its way is written again.
SETTLE_ROUNDS = 7
PACKS = "packs/"


class CloudBackend:
    """A backend over a service: retries, read-back, and errors for people.

    Args:
        service: Makes the requests.
        retrier: The only retry layer there is.
        writable: False where the person has not said yes to the address yet.
        checks_path: File in which is remembered which checksums the server compares, or None.
        open_transport: Opens a transport that needs nothing from the service, for all requests; or
            None, and large packs take the service's own.
        fast: Take a transport where there is one.
        note: Is told of long waits for the server; None is told nothing.
    """

    def __init__(
        self,
        service: CloudClient,
        *,
        retrier: Retrier | None = None,
        writable: bool = True,
        fast: bool = True,
        checks_path: str | None = None,
        open_transport: Callable[[], Transport | None] | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._service = service
        self._waits = None if note is None else Waits(lambda: service.endpoint, note)
        self._retrier = replace(retrier or Retrier(), waits=self._waits)
        self._writable = writable
        self._checks = ServerChecks(self._refuses_wrong, checks_path)
        if not fast:
            self._fast_path = FastPath(lambda: None)
        elif open_transport is not None:
            self._fast_path = FastPath(open_transport, everything=True)
        else:
            self._fast_path = FastPath(service.open_transport)

    @property
    def url(self) -> str:
        """The remote's URL."""
        return self._service.url

    def read(self, key: str, *, limit: int) -> bytes:
        """See `Backend.read`."""
        check_key(key)
        try:
            return self._run("read", key, lambda: self._fetch(key, limit))
        except TooLargeError as error:
            size = "more bytes" if error.size is None else f"{error.size:,} bytes"
            raise DamagedObjectError(
                f"{self._name(key)} has {size}, at most {limit:,} are possible"
            ) from error

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """See `Backend.read_range`."""
        check_key(key)
        if size == 0:  # no store has a notation for an empty range
            return b""
        data = self._run("read", key, lambda: self._fetch_range(key, start, size))
        if len(data) != size:
            raise DamagedObjectError(
                f"{self._name(key)} ended after {start + len(data):,} bytes, "
                f"{start + size:,} were expected"
            )
        return data

    def read_back(self, key: str, *, limit: int) -> bytes:
        """See `Backend.read_back`."""
        return self.read(key, limit=limit)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """See `Backend.create`."""
        check_key(key)
        self._require_writable(key)
        body = bytes(data)
        for _round in range(CREATE_ROUNDS):
            if not self._is_taken(key, body):
                return True
            # Taken, or ours from a try whose answer was lost: only the bytes can tell.
            with contextlib.suppress(ObjectMissingError):  # deleted meanwhile: free again
                return self._holds(key, body)
        raise RemoteError(
            f"{self._name(key)} is taken when we create it and not there when we read it",
            hint="gitmodel doctor",
        )

    def write(self, key: str, data: bytes | memoryview) -> bool:
        """See `Backend.write`."""
        check_key(key)
        self._require_writable(key)
        body = bytes(data)
        kind = self._run("write", key, lambda: self._put(key, body))
        if key.startswith(PACKS):
            return self._checks.proves(kind, len(body))
        if not self._is_settled(key, body, kind):
            raise self._changed("write", key)
        return True

    def prove_checks(self) -> dict[str, bool]:
        """See `Backend.prove_checks`."""
        return self._checks.renew(self._service.kinds)

    def can_copy_from(self, source: object) -> bool:
        """See `copying.CopyingBackend`."""
        if not (isinstance(source, CloudBackend) and source._writable and self._writable):  # noqa: SLF001
            return False
        return self._service.can_copy_from(source._service)  # noqa: SLF001 - one of our own kind

    def copy_from(self, source: object, key: str) -> None:
        """See `copying.CopyingBackend`."""
        check_key(key)
        self._require_writable(key)
        if not isinstance(source, CloudBackend):
            raise TypeError(source)
        other = source._service  # noqa: SLF001 - one of our own kind
        self._run("write", key, lambda: self._service.copy_from(other, key))

    def size(self, key: str) -> int | None:
        """See `Backend.size`."""
        check_key(key)
        try:
            return self._run("look for", key, lambda: self._stat(key))
        except ObjectMissingError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `Backend.list`."""
        check_prefix(prefix)
        token: str | None = None
        while True:
            infos, token = self._page(prefix, token)
            yield from infos
            if token is None:
                return

    def delete(self, key: str) -> None:
        """See `Backend.delete`."""
        check_key(key)
        self._require_writable(key)
        with contextlib.suppress(ObjectMissingError):
            self._run("delete", key, lambda: self._service.remove(key))

    def close(self) -> None:
        """See `Backend.close`."""
        if self._waits is not None:
            self._waits.close()
        self._fast_path.turn_off()
        self._service.close()

    def _fetch(self, key: str, limit: int) -> bytes:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            limit,
            lambda transport: transport.get(name, limit),
            lambda: self._service.fetch(key, limit),
        )

    def _fetch_range(self, key: str, start: int, size: int) -> bytes:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            size,
            lambda transport: transport.get_range(name, start, size),
            lambda: self._service.fetch_range(key, start, size),
        )

    def _put(self, key: str, body: bytes) -> str | None:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            len(body),
            lambda transport: transport.put(name, body),
            lambda: self._service.put(key, body, exclusive=False),
        )

    def _create(self, key: str, body: bytes) -> str | None:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            0,  # claims and manifests: never worth a transport of their own
            lambda transport: transport.create(name, body),
            lambda: self._service.put(key, body, exclusive=True),
        )

    def _stat(self, key: str) -> int:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            0,
            lambda transport: transport.size(name),
            lambda: self._service.stat(key),
        )

    def _page(self, prefix: str, token: str | None) -> Page:
        try:
            return self._run("list", prefix, lambda: self._service.page(prefix, token))
        except ObjectMissingError:
            return [], None

    def _is_taken(self, key: str, body: bytes) -> bool:
        """Try to create an object; whether the key is said to be taken."""

        def attempt() -> str | None:
            with self._service.faults():
                return self._create(key, body)

        try:
            kind = self._retrier.run(attempt)
        except RequestFailure as fault:
            if fault.kind is FaultKind.EXISTS:
                return True
            raise error_of(fault, self._service, verb="create", key=key) from fault
        if not self._is_settled(key, body, kind):
            # It is ours and damaged, and would be in everybody's way for ever.
            with contextlib.suppress(GitmodelError):
                self.delete(key)
            raise self._changed("create", key)
        return False

    def _is_settled(self, key: str, body: bytes, kind: str | None) -> bool:
        """Whether what we have just written is there; it is written again if it is not.

        Small objects are read back where the server is not known to have compared a checksum of this
        kind: to find that out costs more than to look.
        """
        if self._checks.knows(kind):
            return True
        for _ in range(SETTLE_ROUNDS):
            if self._arrived(key, body):
                return True
            self._run("write", key, lambda: self._put(key, body))
        return self._arrived(key, body)

    def _changed(self, verb: str, key: str) -> GitmodelError:
        fault = RequestFailure(FaultKind.CHANGED, "other bytes were there when it was read back")
        return error_of(fault, self._service, verb=verb, key=key)

    def _refuses_wrong(self, kind: str) -> bool | None:
        answer = refuses_wrong(self._service, self._retrier, kind)
        if answer is not None and not answer[1]:
            with contextlib.suppress(GitmodelError):  # pushing never needs the permission to delete
                self.delete(answer[0])
        return None if answer is None else answer[1]

    def _arrived(self, key: str, body: bytes) -> bool:
        try:
            return self._holds(key, body)
        except ObjectMissingError:
            return False

    def _holds(self, key: str, body: bytes) -> bool:
        try:
            return self.read(key, limit=len(body)) == body
        except DamagedObjectError:  # longer than ours, so it is not ours
            return False

    def _run(self, verb: str, key: str, request: Callable[[], Result]) -> Result:
        def attempt() -> Result:
            with self._service.faults():
                return request()

        try:
            return self._retrier.run(attempt)
        except RequestFailure as fault:
            raise error_of(fault, self._service, verb=verb, key=key) from fault

    def _name(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _require_writable(self, key: str) -> None:
        if not self._writable:
            raise UntrustedRemoteError(
                f"{self._name(key)} was not written: the repository names the address "
                f"{self._service.endpoint}, and you have not said yet that you trust it",
                hint="gitmodel remote trust",
            )
