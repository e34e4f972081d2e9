"""A cache of claims: the owner of each version number, as this clone last read it on the remote.

It does not import `store/claims`, so commands that read history load no formats of the store.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.files.safe_open import remember_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.digest import Digest

_LINE = lazy_compile(r"([0-9]{1,18}) ([0-9a-f]{64}) (.+)")


class ClaimsSeen:
    """The claims that this clone has read, by model and number; `scope` is their project and remote.

    A clone does not propose a number that it knows is taken, and finds the content of a number without a
    request. If the file is lost, that costs a request or one refused push.
    """

    def __init__(self, cache_folder: str, scope: str) -> None:
        self._path = os.path.join(cache_folder, "claims", f"{digest_of(scope.encode()).hex[:16]}")
        self._state: tuple[int, ...] = ()
        self._owners: dict[str, dict[int, str]] = {}

    def names(self) -> list[str]:
        """The models with known claims."""
        return list(self._read())

    def greatest(self, name: str) -> int:
        """The greatest known number of a model, 0 if none is known."""
        return max(self.owners(name), default=0)

    def owners(self, name: str) -> Mapping[int, str]:
        """The known owner of each number of a model: hex of its digest."""
        return self._read().get(name, {})

    def all_owners(self) -> Mapping[str, Mapping[int, str]]:
        """As `owners`, of every model by name."""
        return self._read()

    def see_all(self, claims: Iterable[tuple[str, int, Digest]]) -> None:
        """Record owners of numbers: names, numbers and digests."""
        known = self._read()
        fresh = [
            f"{version} {digest.hex} {name}"
            for name, version, digest in claims
            if known.get(name, {}).get(version) != digest.hex
        ]
        if fresh:
            remember_lines(self._path, fresh)

    def _read(self) -> dict[str, dict[int, str]]:
        """Read the file if it has changed; the last line about a number counts."""
        try:
            found = os.stat(self._path)
            state = (found.st_ino, found.st_size, found.st_mtime_ns)
            if state != self._state:
                with open(self._path, encoding="utf-8", errors="replace") as stream:
                    lines = stream.read().split("\n")[:-1]
                self._owners = _owners_in(lines)
                self._state = state
        except OSError:  # missing, or readable for another user only
            self._owners, self._state = {}, ()
        return self._owners


def _owners_in(lines: Iterable[str]) -> dict[str, dict[int, str]]:
    owners: dict[str, dict[int, str]] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is not None:
            owners.setdefault(found[3], {})[int(found[1])] = found[2]
    return owners
