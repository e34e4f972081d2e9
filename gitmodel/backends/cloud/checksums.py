"""Checksums that are sent with a body, and which of them a server compares.

Without a checksum, a server stores a body that changed in transit as it arrives. SeaweedFS does not compare the
hash in the signature: it stored packs with a flipped bit and answered 200 (measured). Each body is therefore sent
with a checksum, where the library supports one. Some servers ignore it (moto, `rclone serve s3`), so a kind of
checksum counts only after the server has refused a wrong one.

The results are recorded in a small file of the clone. Without it one more request is sent.
"""

from __future__ import annotations

import base64
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.domain.digest import digest_of
from gitmodel.files.safe_open import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from gitmodel.backends.cloud.retry import Retrier

MD5 = "md5"  # Content-MD5: RFC 1864, known to servers that know no other
SHA256 = "sha256"  # x-amz-checksum-sha256
PROBE_BYTES = 4096
# Uploaded bytes after which the server is probed. A probe costs up to 0.6 s, if it loads s3fs or adlfs.
PROBE_AFTER_BYTES = 16 << 20


def md5_of(data: bytes) -> str:
    """The value of `Content-MD5`. It detects accidents, not attacks."""
    import hashlib

    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def sha256_of(data: bytes) -> str:
    """The value of `x-amz-checksum-sha256`."""
    import hashlib

    return base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")


def checks_path(folder: str | None, url: str, server: str) -> str | None:
    """The file that records which checksums one server compares; None without a folder.

    `server` is its address, account or profile: what identifies it besides the remote's URL.
    """
    if folder is None:
        return None
    name = digest_of(f"{url}\n{server}".encode()).hex[:32]
    return os.path.join(folder, f"{name}.checks")


class Prober(Protocol):
    """The part of a `CloudClient` that a probe needs."""

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn the exceptions of the library into a failure."""

    def put_with_wrong_checksum(self, key: str, data: bytes, kind: str) -> None:
        """Write an object with a wrong checksum of this kind; the failure CHANGED refuses it."""


def refuses_wrong_checksum(service: Prober, retrier: Retrier, kind: str) -> tuple[str, bool] | None:
    """Send a body with a wrong checksum; returns the object's key and whether the server refused it.

    None if the server did not say.
    """
    key = f"gc/probes/{os.urandom(8).hex()}"
    body = os.urandom(PROBE_BYTES)

    def attempt() -> bool:
        try:
            with service.translate_errors():
                service.put_with_wrong_checksum(key, body, kind)
        except RequestFailure as failure:
            if failure.kind is FailureKind.CHANGED:
                return True
            raise
        return False

    try:
        return key, retrier.run(attempt)
    except RequestFailure:
        return None


class ChecksumSupport:
    """Which kinds of checksums one server compares. Thread-safe.

    `probe` sends a wrong checksum of a kind, and returns whether it was refused, None if that is unclear.
    `path` is the file of the results, or None.
    """

    def __init__(self, probe: Callable[[str], bool | None], path: str | None) -> None:
        self._probe = probe
        self._path = path
        self._lock = threading.Lock()
        self._found: dict[str, bool] | None = None
        self._unclear: set[str] = set()
        self._sent = 0

    def knows(self, kind: str | None) -> bool:
        """Whether the server is known to compare `MD5` or `SHA256` (None: no checksum); sends no request."""
        with self._lock:
            return kind is not None and self._load().get(kind, False)

    def proves(self, kind: str | None, size: int) -> bool:
        """Whether the server compares this kind; probes it once if that is unknown.

        A body of few MiB causes no probe, because reading it back costs less.
        """
        if kind is None:
            return False
        with self._lock:
            found = self._load()
            if kind not in found and kind not in self._unclear:
                self._sent += size
                if self._sent < PROBE_AFTER_BYTES:
                    return False
                self._probe_kind(kind)
            return found.get(kind, False)

    def renew(self, kinds: tuple[str, ...]) -> dict[str, bool]:
        """Probe these kinds again; the result omits kinds whose probe was unclear."""
        with self._lock:
            self._found = {}
            for kind in kinds:
                self._probe_kind(kind)
            return dict(self._found)

    def _probe_kind(self, kind: str) -> None:
        answer = self._probe(kind)
        found = self._load()
        if answer is None:
            self._unclear.add(kind)  # not probed again by this process
            return
        found[kind] = answer
        if self._path is not None:
            lines = [f"{name} {'yes' if yes else 'no'}\n" for name, yes in sorted(found.items())]
            with suppress(OSError):  # the next process probes again
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
