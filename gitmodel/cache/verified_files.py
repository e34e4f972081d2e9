"""Records which files were restored from a chunk list and had the right digest, to skip that check later.

A proof holds for one chunk list: a manifest with another list is verified again. Proofs are in the folder of
this clone even if its cache is shared, because other users can write to a shared cache.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest


class Proofs:
    """Proofs, each an empty file whose name holds all data."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def holds(self, digest: Digest, chunk_list: Digest, path: str) -> bool:
        """Whether a file (path "" for a single one) of a model and a manifest's chunk list was verified."""
        return os.path.isfile(self._place(digest, chunk_list, path))

    def note(self, digest: Digest, chunk_list: Digest, path: str) -> None:
        """Record that a file was verified; errors are ignored."""
        place = self._place(digest, chunk_list, path)
        with suppress(OSError):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))

    def _place(self, digest: Digest, chunk_list: Digest, path: str) -> str:
        name = digest_of(digest.raw + chunk_list.raw + path.encode()).hex
        return os.path.join(self._folder, name[:2], name)
