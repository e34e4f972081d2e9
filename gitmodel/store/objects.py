"""A store: packs, manifests and claims in one layout (docs/format.md), on any backend.

A cache and a remote have the same layout; only the backend differs. Guarantee: bytes that this module
returns match the name of their object, or it raises an error.

    gitmodel.json                            {"format": 1, "id": "..."}
    packs/ab/<BLAKE3 of the pack>
    manifests/ab/<hex of the digest>
    versions/<project>/<name>@<number>.yaml
    projects/<project>/<id>/<hash of the Git URL>.json
    gc/intents/<id>.json, gc/sweep.json
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.encoding.manifest.manifest import MAX_MANIFEST, Manifest
from gitmodel.encoding.pack import PACK_MAX
from gitmodel.errors import (
    DamagedObjectError,
    NewerFormatError,
    ObjectMissingError,
    RemoteError,
    WeakRemoteError,
)
from gitmodel.store.layout import manifest_key, pack_key

if TYPE_CHECKING:
    from gitmodel.backends.backend import Backend

FORMAT = 1
MARKER_KEY = "gitmodel.json"


class Marker(NamedTuple):
    """The content of `gitmodel.json` at the root of a store."""

    format: int
    store_id: str  # random; a store that was emptied and made anew has another one

    def to_bytes(self) -> bytes:
        """The only encoding of a marker."""
        return json.dumps({"format": self.format, "id": self.store_id}).encode() + b"\n"

    @classmethod
    def from_bytes(cls, raw: bytes, *, url: str) -> Marker:
        """Parse a marker.

        Raises NewerFormatError if the store's format is not known, DamagedObjectError if it is no marker.
        """
        try:
            value = json.loads(raw)
            marker = cls(format=int(value["format"]), store_id=str(value.get("id", "")))
        except (
            ValueError,
            OverflowError,
            RecursionError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            raise DamagedObjectError(
                f"{url}/{MARKER_KEY} is not a gitmodel marker",
                hint="gitmodel push, in a clone that has pushed there",
            ) from error
        if marker.format > FORMAT:
            raise NewerFormatError(
                f"{url} has store format {marker.format}, this gitmodel knows {FORMAT}",
                hint="pip install --upgrade gitmodel",
            )
        return marker


class ObjectStore:
    """Objects of one store, verified after each read. For several threads."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.url = backend.url

    def close(self) -> None:
        """Close the backend; idempotent."""
        self.backend.close()

    def marker(self) -> Marker | None:
        """Read the store's marker, None if there is no store yet."""
        try:
            raw = self.backend.read(MARKER_KEY, limit=MAX_TEXT_BYTES)
        except ObjectMissingError:
            return None
        return Marker.from_bytes(raw, url=self.url)

    def ensure_marker(self, store_id: str) -> Marker:
        """Return the store's marker; creates it with `store_id` if it is missing. Race-free."""
        found = self.marker()
        if found is not None:
            return found
        mine = Marker(FORMAT, store_id)
        if self.backend.create(MARKER_KEY, mine.to_bytes()):
            return mine
        return self.marker() or mine

    def replace_marker(self, store_id: str) -> Marker:
        """Overwrite a damaged marker; the caller must know that this is a store."""
        mine = Marker(FORMAT, store_id)
        self.backend.write(MARKER_KEY, mine.to_bytes())
        return mine

    def manifest(self, digest: Digest) -> Manifest | None:
        """Read the manifest of a digest, None if this store does not have it.

        One GET; a damaged manifest is read a second time. Raises DamagedObjectError if the object is
        not a manifest of this digest.
        """
        key = manifest_key(digest)
        for last in (False, True):
            try:
                raw = self.backend.read(key, limit=MAX_MANIFEST)
            except ObjectMissingError:
                return None
            try:
                return Manifest.from_bytes(raw, expected=digest)
            except DamagedObjectError as error:
                if last:
                    raise DamagedObjectError(
                        f"the manifest of {digest.short} on {self.url} is damaged: {error.message}",
                        hint="gitmodel push, in a clone that has the weights",
                    ) from error
        return None

    def create_manifest(self, manifest: Manifest) -> bool:
        """Create a manifest; call it only after all its packs are stored.

        Returns False if the store has another manifest of this digest, which is equally valid.
        """
        return self.backend.create(manifest_key(manifest.digest), manifest.to_bytes())

    def replace_manifest(self, manifest: Manifest) -> None:
        """Write a manifest, also over one that is damaged or marked for deletion."""
        self.backend.write(manifest_key(manifest.digest), manifest.to_bytes())

    def pack(self, name: str, size: int) -> bytes:
        """Read a whole pack, and check its name (hex of its BLAKE3); a damaged one is read a second time.

        The size in bytes is that of a manifest. Raises ObjectMissingError if the store does not have the
        pack, DamagedObjectError if its bytes do not match its name.
        """
        problem = ""
        for _ in range(2):
            try:
                raw = self.backend.read(pack_key(name), limit=min(size, PACK_MAX))
            except ObjectMissingError as error:
                raise ObjectMissingError(
                    f"pack {name[:12]} is missing on {self.url}",
                    hint="gitmodel push, in a clone that has the weights",
                ) from error
            except DamagedObjectError as error:
                problem = error.message
                continue
            if len(raw) != size:
                problem = f"expected {size:,} bytes, got {len(raw):,}"
            elif digest_of(raw).hex != name:
                problem = "its bytes do not match its name"
            else:
                return raw
        raise DamagedObjectError(
            f"pack {name[:12]} on {self.url} is damaged: {problem}",
            hint="gitmodel push --full, in a clone that has the weights",
        )

    def put_pack(self, name: str, data: bytes) -> bool:
        """Write a pack; idempotent, replaces a damaged one.

        Returns whether the store has confirmed these bytes; if not, `pack_upload` checks them.
        """
        return self.backend.write(pack_key(name), data)

    def pack_size(self, name: str) -> int | None:
        """Size in bytes of a pack, None if the store does not have it."""
        return self.backend.size(pack_key(name))


def check_exclusive_creation(store: ObjectStore, probe: str) -> None:
    """Create one object twice, to check that the store refuses the second create.

    Version numbers are unique only on such a store. `probe` is a random name for the object, which is
    deleted if the permissions allow it; writing must be allowed. Raises WeakRemoteError if both creates
    succeeded.
    """
    key = f"gc/probes/{probe}"
    first = store.backend.create(key, b"first\n")
    second = store.backend.create(key, b"second\n")
    found = store.backend.read(key, limit=MAX_TEXT_BYTES)
    with suppress(RemoteError):  # a push needs no permission to delete
        store.backend.delete(key)
    if not first or second or found != b"first\n":
        raise WeakRemoteError(
            f"{store.url} lets two writers create the same object, "
            "so two people could publish different weights under one version",
            hint="use a store with conditional writes (AWS S3, SeaweedFS, MinIO, Azure Blob, "
            "or a folder)",
        )
