"""The digests of files and folders: BLAKE3, written `blake3:<64 hex>`.

Paths in the store contain digests. A `Digest` is always 64 lower-case hex digits, so such a path cannot
leave its folder (as in CVE-2024-37032 and CVE-2026-7020).

Guarantees: `Digest.parse(str(digest)) == digest`; the digest of a folder does not depend on the order of
its files, and different folders are hashed as different bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from blake3 import blake3

from gitmodel.domain.paths import refuse_clashes, safe_parts
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import PointerError

if TYPE_CHECKING:
    from collections.abc import Iterable

ALGORITHM = "blake3"
FOLDER_CONTEXT = "gitmodel 2026 folder v1"
# Shorter data are hashed before other threads have started.
_MIN_THREADED_BYTES = 1 << 20  # 1 MiB

MAX_FILES = 100_000  # of a model; protects memory from hostile manifests and wrong folders
_HEX = lazy_compile("[0-9a-f]{64}")
_DIGEST = lazy_compile("blake3:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The BLAKE3 of a file's bytes, or of the list of a folder's files, as 64 lower-case hex digits.

    Raises PointerError if they are not.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise PointerError("a digest is 64 lower-case hex digits")

    def __str__(self) -> str:
        return f"{ALGORITHM}:{self.hex}"

    @property
    def short(self) -> str:
        """The first 12 hex digits, for messages only."""
        return self.hex[:12]

    @property
    def raw(self) -> bytes:
        """The digest as 32 bytes."""
        return bytes.fromhex(self.hex)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `blake3:<64 hex>`. Raises PointerError, also for upper case or another algorithm."""
        if not (found := _DIGEST.fullmatch(text)):
            raise PointerError("a digest is written blake3:<64 lower-case hex digits>")
        return cls(found[1])

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Parse 64 hex digits without the algorithm. Raises PointerError if they are not in lower case."""
        return cls(text)


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """Compute the digest of bytes in memory."""
    threads = blake3.AUTO if len(data) >= _MIN_THREADED_BYTES else 1
    return Digest(blake3(data, max_threads=threads).hexdigest())


class FileHasher:
    """Computes the digest of a file incrementally, in one thread."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = blake3(max_threads=1)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Hash the next bytes of the file."""
        self._state.update(data)

    def result(self) -> Digest:
        """Return the digest of all bytes so far; more may follow."""
        return Digest(self._state.hexdigest())


class ListedFile(NamedTuple):
    """One file of a folder."""

    path: str  # relative to the folder, parts joined by `/`, Unicode NFC
    size: int  # bytes
    digest: Digest  # of its bytes


def folder_digest(files: Iterable[ListedFile]) -> Digest:
    r"""Compute the digest of a folder from its files, in any order.

    Each file is a line `<path>\0<size>\0<hex>\n`. Lines are sorted by the UTF-8 bytes of their paths and
    hashed by BLAKE3 in derive-key mode. Paths contain neither NUL nor line feed, so the lines are
    unambiguous. Raises UnsafePathError if a path is unsafe, listed twice, or clashes with another one,
    PointerError if a size is negative.
    """
    listing = sorted((file.path.encode("utf-8", "surrogatepass"), file) for file in files)
    refuse_clashes(file.path for _, file in listing)
    state = blake3(derive_key_context=FOLDER_CONTEXT)
    for path, file in listing:
        safe_parts(file.path)
        if file.size < 0:
            raise PointerError("a size in bytes is negative")
        state.update(b"%s\0%d\0%s\n" % (path, file.size, file.digest.hex.encode("ascii")))
    return Digest(state.hexdigest())
