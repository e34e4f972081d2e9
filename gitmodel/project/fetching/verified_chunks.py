"""Files whose chunks are verified to belong to a version, so that any part of them can be read alone.

A manifest comes from a store; its chunks are checked by their hashes. The pointer's `chunks` field proves that
they are the chunks of the version. Without that field, or with a manifest from another chunker, the whole file
is read and checked by its digest once, and the result is cached. All reads of parts use `bound_files`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.file_streams import PackSource
from gitmodel.cache.reader import DamagedPackError, Reader, WrongChunksError
from gitmodel.cache.verified_files import Proofs
from gitmodel.errors import GitmodelError, StoreError
from gitmodel.project.fetching.partial_fetch import (
    fetch_files,
    keep_manifest,
    lacking_packs,
    manifests_of,
    wrong_chunks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


class UnverifiedChunksError(StoreError):
    """Only all the weights of a version could prove which chunks they have."""


class BoundFile(NamedTuple):
    """A file and its verified chunks."""

    manifest: Manifest
    entry: FileEntry
    source: PackSource  # of the packs with its chunks


def bound_files(
    project: Project, model: Model, choose: Callable[[Manifest], FileEntry]
) -> Iterator[BoundFile]:
    """Find manifests whose chunks are verified for a file, by the pointer or by the file's digest.

    `choose` selects the file among those of a manifest. Callers use the first one, and the next only if a
    chunk is not at its offset. A later manifest replaces the earlier one in the cache.

    Raises ObjectMissingError or RemoteError if the version cannot be fetched, DamagedObjectError if no
    manifest of it is valid or a pack is damaged on every remote, and what `choose` raises.
    """
    errors: list[GitmodelError] = []
    doubtful: list[BoundFile] = []
    found = False
    for manifest in manifests_of(project, model, errors):
        stated = manifest.chunk_list() == model.pointer.chunks
        try:
            file = BoundFile(manifest, choose(manifest), pack_source(project))
        except GitmodelError as error:
            if stated:
                raise
            errors.append(error)  # the file list of this manifest is not verified
            continue
        if not (stated or model.pointer.chunks is None or _is_cheap(project, file)):
            doubtful.append(file)  # another remote may have the manifest that the pointer states
        elif stated or _passes(project, model, file, errors):
            found = True
            keep_manifest(project, manifest)
            yield file
    for file in doubtful:
        if _passes(project, model, file, errors):
            found = True
            keep_manifest(project, file.manifest)
            yield file
    if not found:
        raise errors[0].about(model.name)


def manifest_without_weights(
    project: Project, model: Model, *, known_failure: GitmodelError | None = None
) -> Manifest:
    """A manifest whose chunks are verified for every file, without fetching any weights.

    With the `known_failure` of an earlier request no remote is asked, and it is raised if the cache has no
    manifest. Raises ObjectMissingError or RemoteError if there is none, UnverifiedChunksError if only all
    the weights could verify it.
    """
    errors: list[GitmodelError] = [] if known_failure is None else [known_failure]
    is_doubtful = False
    only_cache = known_failure is not None
    for manifest in manifests_of(project, model, errors, only_cache=only_cache):
        stated = manifest.chunk_list() == model.pointer.chunks
        source = pack_source(project)
        files = [BoundFile(manifest, entry, source) for entry in manifest.files]
        if stated or all(
            _is_cheap(project, file) and _passes(project, model, file, errors) for file in files
        ):
            keep_manifest(project, manifest)
            return manifest
        is_doubtful = True
    if not is_doubtful:
        raise errors[0].about(model.name)
    version = f"{model.name}@{model.pointer.version}"
    raise UnverifiedChunksError(
        f"nothing but all the weights of {version} proves which chunks they have",
        hint=f"gitmodel fetch {version}",
        model=model.name,
    )


def pack_source(project: Project) -> PackSource:
    """Packs of the cache, and of the remotes for parts that the cache lacks."""
    remotes = [partial(project.store, name) for name in project.remote_names()]
    return PackSource(project.cache, remotes)


def _is_cheap(project: Project, file: BoundFile) -> bool:
    """Whether a file can be verified without a remote."""
    is_cached = not lacking_packs(project.cache, file.manifest, [file.entry])
    return is_cached or _proofs(project).holds(*_named(file))


def _passes(project: Project, model: Model, file: BoundFile, errors: list[GitmodelError]) -> bool:
    """Whether the file has its digest; if not, an error is appended."""
    proofs = _proofs(project)
    if not proofs.holds(*_named(file)):
        try:
            _prove(project, model, file)
        except GitmodelError as error:
            errors.append(error)
            return False
        proofs.note(*_named(file))
    return True


def _prove(project: Project, model: Model, file: BoundFile) -> None:
    """Read a whole file and check its digest; a damaged pack is read from another remote.

    Raises WrongChunksError if the chunks are intact, but are not those of the file.
    """
    with suppress(StoreError):  # without space or permission the file is read uncached
        fetch_files(project, file.manifest, [file.entry])
    reader = Reader(file.source)
    progress = project.context.progress
    while True:
        progress.start(f"checking {model.name}", file.entry.size)
        try:
            reader.check_file(file.manifest, file.entry, progress=progress)
        except DamagedPackError as error:
            file.source.give_up(error.pack)
        except WrongChunksError as error:
            raise wrong_chunks(project, model, file.manifest, error) from error
        else:
            return
        finally:
            progress.finish()


def _proofs(project: Project) -> Proofs:
    return Proofs(os.path.join(project.repository.common_dir, "gitmodel", "proofs"))


def _named(file: BoundFile) -> tuple[Digest, Digest, str]:
    return file.manifest.digest, file.manifest.chunk_list(), file.entry.path
