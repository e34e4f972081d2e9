"""Which files were read whole by a chunk list, and had their digest: they need not be read whole again.

A proof is for exactly one list, so that a manifest with another one is proven anew. Proofs lie in the folder of
this clone, also where its cache is shared: whoever may write to a shared cache has no say in them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest


class Proofs:
    """Proofs, each an empty file whose name says all.

    Args:
        folder: Where they lie; made for the first one.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def holds(self, digest: Digest, chunk_list: Digest, path: str) -> bool:
        """Whether a file was proven.

        Args:
            digest: Of the model.
            chunk_list: Of the manifest.
            path: Of the file in the model; empty for a single file.
        """
        return os.path.isfile(self._place(digest, chunk_list, path))

    def note(self, digest: Digest, chunk_list: Digest, path: str) -> None:
        """Remember that a file was proven; where that cannot be written, it is proven again next time."""
        place = self._place(digest, chunk_list, path)
        with suppress(OSError):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))

    def _place(self, digest: Digest, chunk_list: Digest, path: str) -> str:
        name = digest_of(digest.raw + chunk_list.raw + path.encode()).hex
        return os.path.join(self._folder, name[:2], name)
