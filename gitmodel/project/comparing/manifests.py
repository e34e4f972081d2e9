"""Manifests of versions to be compared: from the cache, else from remotes, many at a time.

A remote that fails once is not asked again, so without a network every comparison but the first is quick.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, RemoteError
from gitmodel.project.fetching.session import Remotes
from gitmodel.project.fetching.verified_chunks import manifest_without_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


class ManifestReader:
    """Reads manifests whose chunks are verified, without fetching weights."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._failure: RemoteError | None = None

    def prefetch(self, models: Sequence[Model]) -> None:
        """Fetch the manifests of many versions into the cache, several at a time; never fails."""
        cache = self._project.cache
        wanted = [model for model in models if cache.manifest(model.pointer.digest) is None]
        remotes = Remotes(self._project, self._project.remote_names())
        for some in (wanted[:1], wanted[1:]):  # one, which says whether a remote answers at all
            try:
                found = remotes.manifests(some)
            except RemoteError as error:
                self._failure = error
                return
            except GitmodelError:
                return  # one of them is missing; each is asked for again
            with suppress(GitmodelError):
                for model, (manifest, _) in zip(some, found, strict=True):
                    if manifest.chunk_list() == model.pointer.chunks:
                        cache.write_manifest(manifest)

    def of(self, model: Model) -> Manifest:
        """The manifest of a version. Raises as `manifest_without_weights` does."""
        try:
            return manifest_without_weights(self._project, model, known_failure=self._failure)
        except RemoteError as error:
            self._failure = error
            raise
