"""Checksums that go with a body, and which of them a server compares.

A body that changes on its way, without TLS or behind the end of it, is stored as it arrives unless the
server has something to compare it with. SeaweedFS does not compare it with the hash that is signed: it
stored packs with a bit flipped by a proxy and answered 200 (measured). So a checksum of its own goes with
each body, where the library can send one. Not every server compares it either (moto and `rclone serve s3`
take a wrong one); a server is known to compare a kind of checksum once it has refused a wrong one.

What was found out is remembered in a small file of the clone; losing it costs one request.
"""

from __future__ import annotations

import base64
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
from gitmodel.domain.digest import digest_of
from gitmodel.files.safe_open import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from gitmodel.backends.cloud.retry import Retrier

MD5 = "md5"  # Content-MD5: RFC 1864, known to servers that know no other
SHA256 = "sha256"  # x-amz-checksum-sha256
PROBE_BYTES = 4096
# From so many bytes on it is asked: the answer costs up to 0.6 s, since it may need s3fs or adlfs.
WORTH_ASKING = 16 << 20


def md5_of(data: bytes) -> str:
    """The value of `Content-MD5`. It tells an accident, no attack. Most requests never come here."""
    import hashlib

    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def sha256_of(data: bytes) -> str:
    """The value of `x-amz-checksum-sha256`."""
    import hashlib

    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")


def checks_path(folder: str | None, url: str, server: str) -> str | None:
    """The file that remembers what one server compares.

    Args:
        folder: Where such files are; None remembers nothing.
        url: The remote.
        server: What else tells servers apart: address, account, profile.
    """
    if folder is None:
        return None
    name = digest_of(f"{url}\n{server}".encode()).hex[:32]
    return os.path.join(folder, f"{name}.checks")


class Prober(Protocol):
    """The part of a service that is needed to find out what its server compares."""

    def faults(self) -> AbstractContextManager[None]:
        """Turn the exceptions of the library into a fault."""

    def put_wrong(self, key: str, data: bytes, kind: str) -> None:
        """Write an object with a wrong checksum of this kind; the fault CHANGED refuses it."""


def refuses_wrong(service: Prober, retrier: Retrier, kind: str) -> tuple[str, bool] | None:
    """Send a body with a wrong checksum, and see what the server says.

    Returns:
        The object's key and whether it was refused; None if the server did not say.
    """
    key = f"gc/probes/{os.urandom(8).hex()}"
    body = os.urandom(PROBE_BYTES)

    def attempt() -> bool:
        try:
            with service.faults():
                service.put_wrong(key, body, kind)
        except RequestFailure as fault:
            if fault.kind is FaultKind.CHANGED:
                return True
            raise
        return False

    try:
        return key, retrier.run(attempt)
    except RequestFailure:
        return None


class ServerChecks:
    """Which kinds of checksums one server compares. Safe to use from several threads.

    Args:
        probe: Sends a wrong checksum of a kind; whether it was refused, None if that is not known.
        path: The file that remembers, or None.
    """

    def __init__(self, probe: Callable[[str], bool | None], path: str | None) -> None:
        self._probe = probe
        self._path = path
        self._lock = threading.Lock()
        self._found: dict[str, bool] | None = None
        self._doubtful: set[str] = set()
        self._sent = 0

    def knows(self, kind: str | None) -> bool:
        """Whether the server is known to compare this kind; sends nothing.

        Args:
            kind: `MD5` or `SHA256`; None where no checksum was sent.
        """
        with self._lock:
            return kind is not None and self._load().get(kind, False)

    def proves(self, kind: str | None, size: int) -> bool:
        """Whether the server compares this kind, found out now if that is not known yet.

        It is not found out for a few MiB: to read those back costs less.

        Args:
            kind: As above.
            size: Bytes of the body that was sent.
        """
        if kind is None:
            return False
        with self._lock:
            found = self._load()
            if kind not in found and kind not in self._doubtful:
                self._sent += size
                if self._sent < WORTH_ASKING:
                    return False
                self._ask(kind)
            return found.get(kind, False)

    def renew(self, kinds: tuple[str, ...]) -> dict[str, bool]:
        """Find out anew; kinds of which nothing could be found out are left out."""
        with self._lock:
            self._found = {}
            for kind in kinds:
                self._ask(kind)
            return dict(self._found)

    def _ask(self, kind: str) -> None:
        answer = self._probe(kind)
        found = self._load()
        if answer is None:
            self._doubtful.add(kind)  # not asked again by this process
            return
        found[kind] = answer
        if self._path is not None:
            lines = [f"{name} {'yes' if yes else 'no'}\n" for name, yes in sorted(found.items())]
            with suppress(OSError):  # it is asked again the next time
                replace_file(self._path, "".join(lines).encode("ascii"))

    def _load(self) -> dict[str, bool]:
        if self._found is None:
            self._found = {}
            if self._path is not None:
                with (
                    suppress(OSError),
                    open(self._path, encoding="ascii", errors="replace") as file,
                ):
                    for line in file:
                        kind, _, word = line.strip().partition(" ")
                        if word in {"yes", "no"}:
                            self._found[kind] = word == "yes"
        return self._found
