"""The backend of a bucket or container, common to S3 and Azure.

A `CloudClient` sends one request and classifies its failure. `CloudBackend` adds the fast path, retries,
read-back after unclear responses, and error messages.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gitmodel.backends.cloud.checksums import ChecksumSupport, refuses_wrong_checksum
from gitmodel.backends.cloud.errors import describe_failure
from gitmodel.backends.cloud.fast_path import FastPath
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, Retrier
from gitmodel.backends.cloud.service import TooLargeError
from gitmodel.backends.cloud.slow_responses import SilenceWatcher
from gitmodel.backends.keys import PACKS, check_key, check_prefix
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
# Attempts to create a key that the store reports as existing and then as missing.
MAX_CREATE_TRIES = 3
# Attempts to write a small object whose content changed in transit.
MAX_REWRITES = 7


class CloudBackend:
    """A backend over a `CloudClient`; only `retrier` retries its requests.

    An address that is not trusted is not `writable`. `checks_path` is a file that records which checksums
    the server compares. `open_transport` opens a transport from static settings for all requests; without
    it, large packs use that of the client, if `fast`. `note` receives a line when the server is slow to
    respond.
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
        self._waits = None if note is None else SilenceWatcher(lambda: service.endpoint, note)
        self._retrier = replace(retrier or Retrier(), waits=self._waits)
        self._writable = writable
        self._checks = ChecksumSupport(self._probe_checksum, checks_path)
        if not fast:
            self._fast_path = FastPath(lambda: None)
        elif open_transport is not None:
            self._fast_path = FastPath(open_transport, all_requests=True)
        else:
            self._fast_path = FastPath(service.open_transport)

    @property
    def url(self) -> str:
        """The remote's URL."""
        return self._service.url

    def read(self, key: str, *, limit: int) -> bytes:
        check_key(key)
        try:
            return self._run("read", key, lambda: self._fetch(key, limit))
        except TooLargeError as error:
            size = "more bytes" if error.size is None else f"{error.size:,} bytes"
            raise DamagedObjectError(
                f"{self._name(key)} has {size}, at most {limit:,} are possible"
            ) from error

    def read_range(self, key: str, start: int, size: int) -> bytes:
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
        return self.read(key, limit=limit)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        check_key(key)
        self._require_writable(key)
        body = bytes(data)
        for _round in range(MAX_CREATE_TRIES):
            if not self._is_taken(key, body):
                return True
            # The key exists. It may be from an earlier attempt whose response was lost, so compare the content.
            # If it was deleted in the meantime, create it again.
            with contextlib.suppress(ObjectMissingError):
                return self._holds(key, body)
        raise RemoteError(
            f"{self._name(key)} exists when it is created and is missing when it is read",
            hint="gitmodel doctor",
        )

    def write(self, key: str, data: bytes | memoryview) -> bool:
        check_key(key)
        self._require_writable(key)
        body = bytes(data)
        kind = self._run("write", key, lambda: self._put(key, body))
        if key.startswith(PACKS):
            return self._checks.proves(kind, len(body))
        if not self._ensure_written(key, body, kind):
            raise self._changed("write", key)
        return True

    def prove_checks(self) -> dict[str, bool]:
        return self._checks.renew(self._service.kinds)

    def can_copy_from(self, source: object) -> bool:
        if not (isinstance(source, CloudBackend) and source._writable and self._writable):  # noqa: SLF001
            return False
        return self._service.can_copy_from(source._service)  # noqa: SLF001 - the same class

    def copy_from(self, source: object, key: str) -> None:
        check_key(key)
        self._require_writable(key)
        if not isinstance(source, CloudBackend):
            raise TypeError(source)
        other = source._service  # noqa: SLF001 - the same class
        self._run("write", key, lambda: self._service.copy_from(other, key))

    def size(self, key: str) -> int | None:
        check_key(key)
        try:
            return self._run("look for", key, lambda: self._stat(key))
        except ObjectMissingError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        token: str | None = None
        while True:
            infos, token = self._page(prefix, token)
            yield from infos
            if token is None:
                return

    def delete(self, key: str) -> None:
        check_key(key)
        self._require_writable(key)
        with contextlib.suppress(ObjectMissingError):
            self._run("delete", key, lambda: self._service.remove(key))

    def close(self) -> None:
        if self._waits is not None:
            self._waits.close()
        self._fast_path.turn_off()
        self._service.close()

    def _fetch(self, key: str, limit: int) -> bytes:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key, limit, lambda fast: fast.get(name, limit), lambda: self._service.fetch(key, limit)
        )

    def _fetch_range(self, key: str, start: int, size: int) -> bytes:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            size,
            lambda fast: fast.get_range(name, start, size),
            lambda: self._service.fetch_range(key, start, size),
        )

    def _put(self, key: str, body: bytes) -> str | None:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            len(body),
            lambda fast: fast.put(name, body),
            lambda: self._service.put(key, body, exclusive=False),
        )

    def _create(self, key: str, body: bytes) -> str | None:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key,
            0,  # claims and manifests are small
            lambda fast: fast.create(name, body),
            lambda: self._service.put(key, body, exclusive=True),
        )

    def _stat(self, key: str) -> int:
        name = self._service.object_name(key)
        return self._fast_path.request(
            key, 0, lambda fast: fast.size(name), lambda: self._service.stat(key)
        )

    def _page(self, prefix: str, token: str | None) -> Page:
        try:
            return self._run("list", prefix, lambda: self._service.page(prefix, token))
        except ObjectMissingError:
            return [], None

    def _is_taken(self, key: str, body: bytes) -> bool:
        """Try to create an object; returns whether the store reports that the key exists."""
        try:
            kind = self._retried(lambda: self._create(key, body))
        except RequestFailure as failure:
            if failure.kind is FailureKind.EXISTS:
                return True
            raise describe_failure(failure, self._service, verb="create", key=key) from failure
        if not self._ensure_written(key, body, kind):
            # The damaged object would block the key for everyone.
            with contextlib.suppress(GitmodelError):
                self.delete(key)
            raise self._changed("create", key)
        return False

    def _ensure_written(self, key: str, body: bytes, kind: str | None) -> bool:
        """Read a written object back, and write it again if it differs; returns whether it is stored.

        An object whose checksum the server compared is not read back.
        """
        if self._checks.knows(kind):
            return True
        for _ in range(MAX_REWRITES):
            if self._is_stored(key, body):
                return True
            self._run("write", key, lambda: self._put(key, body))
        return self._is_stored(key, body)

    def _changed(self, verb: str, key: str) -> GitmodelError:
        failure = RequestFailure(FailureKind.CHANGED, "the object that was read back differs")
        return describe_failure(failure, self._service, verb=verb, key=key)

    def _probe_checksum(self, kind: str) -> bool | None:
        answer = refuses_wrong_checksum(self._service, self._retrier, kind)
        if answer is not None and not answer[1]:
            with contextlib.suppress(GitmodelError):  # a push works without permission to delete
                self.delete(answer[0])
        return None if answer is None else answer[1]

    def _is_stored(self, key: str, body: bytes) -> bool:
        try:
            return self._holds(key, body)
        except ObjectMissingError:
            return False

    def _holds(self, key: str, body: bytes) -> bool:
        try:
            return self.read(key, limit=len(body)) == body
        except DamagedObjectError:  # longer, so it is another object
            return False

    def _run(self, verb: str, key: str, request: Callable[[], Result]) -> Result:
        try:
            return self._retried(request)
        except RequestFailure as failure:
            raise describe_failure(failure, self._service, verb=verb, key=key) from failure

    def _retried(self, request: Callable[[], Result]) -> Result:
        def attempt() -> Result:
            with self._service.translate_errors():
                return request()

        return self._retrier.run(attempt)

    def _name(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _require_writable(self, key: str) -> None:
        if not self._writable:
            raise UntrustedRemoteError(
                f"{self._name(key)} was not written: {self._service.endpoint} is not "
                "trusted in this clone",
                hint="gitmodel remote trust",
            )
