"""Files of a version whose chunks are known to be their own, so that any part of them can be handed out.

A manifest comes from a store, and each of its chunks is checked by its hash. That these are the chunks of the
version is said by the pointer (`chunks`). Where it does not say it, or the manifest lists others (another cutter
made it, or somebody replaced it), the file is read whole and checked by its digest first; that is
remembered. Every way to a part of a file goes through `bound_files`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.file_objects import PackSource
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


class BoundFile(NamedTuple):
    """A file, and the chunks that are known to be its own."""

    manifest: Manifest
    entry: FileEntry
    source: PackSource  # of their packs


def bound_files(
    project: Project, model: Model, choose: Callable[[Manifest], FileEntry]
) -> Iterator[BoundFile]:
    """Find manifests whose chunks are those of a version's file: by the pointer, or by the file's digest.

    The first is enough, unless a chunk turns out not to be where it is placed. A later one replaces it in the
    cache.

    Args:
        project: The project.
        model: The version.
        choose: The file, of those that a manifest lists.

    Raises:
        ObjectMissingError, RemoteError: The version cannot be had.
        DamagedObjectError: No manifest of it is right, or a pack is damaged everywhere.
        GitmodelError: What `choose` raises.
    """
    errors: list[GitmodelError] = []
    doubtful: list[BoundFile] = []
    found = False
    for manifest in manifests_of(project, model, errors):
        stated = manifest.chunk_list() == model.pointer.chunks
        try:
            file = BoundFile(manifest, choose(manifest), _source(project))
        except GitmodelError as error:
            if stated:
                raise
            errors.append(error)  # what it says of files is doubtful then
            continue
        if not (stated or model.pointer.chunks is None or _is_cheap(project, file)):
            doubtful.append(file)  # another store may have the list that is stated
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


def _source(project: Project) -> PackSource:
    remotes = [partial(project.store, name) for name in project.remote_names()]
    return PackSource(project.cache, remotes)


def _is_cheap(project: Project, file: BoundFile) -> bool:
    """Whether a file can be proven without a remote."""
    here = not lacking_packs(project.cache, file.manifest, [file.entry])
    return here or _proofs(project).holds(*_named(file))


def _passes(project: Project, model: Model, file: BoundFile, errors: list[GitmodelError]) -> bool:
    """Whether the chunks of a file are its own, by its digest; if not, an error is added."""
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
    """Read a file whole and check its digest; a pack that is damaged in one place is had from another.

    Raises:
        WrongChunksError: The chunks are sound, and not those of the file.
        ObjectMissingError, DamagedObjectError, RemoteError: A chunk is nowhere to be had.
    """
    with suppress(StoreError):  # no space, or no permission: it is read without being kept
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
