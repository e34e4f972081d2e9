"""Fetch the manifests of a version, and the packs of some of its files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.cache.reader import WrongChunksError
from gitmodel.cache.transfer import PackDownload, Plan
from gitmodel.errors import DamagedObjectError, RemoteError, StoreError, UnsafePathError
from gitmodel.files.safe_open import require_space
from gitmodel.project.fetching.session import Remotes, check_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.cache.cache import Cache
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.errors import GitmodelError
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


def manifests_of(
    project: Project,
    model: Model,
    errors: list[GitmodelError],
    *,
    remote: str | None = None,
    only_cache: bool = False,
) -> Iterator[Manifest]:
    """The distinct manifests of a version: of the cache, then of each remote, or only of `remote`.

    Their chunks are not yet checked against the pointer. Each remote is contacted only when the caller
    needs another manifest; its error is appended to `errors`.
    """
    seen: list[Manifest] = []
    cached = project.cache.manifest(model.pointer.digest)
    if cached is not None:
        try:
            check_size(model, cached)
        except DamagedObjectError as error:
            errors.append(error)
        else:
            seen.append(cached)
            yield cached
    if only_cache:
        return
    for name in [remote] if remote is not None else project.remote_names():
        try:
            [(found, _)] = Remotes(project, [name]).manifests([model])
        except (RemoteError, StoreError, UnsafePathError) as error:
            errors.append(error)
        else:
            if found not in seen:
                seen.append(found)
                yield found


def lacking_packs(
    cache: Cache, manifest: Manifest, files: Sequence[FileEntry]
) -> list[tuple[str, int]]:
    """The packs (name, size in bytes) that some files of a manifest need and the cache lacks."""
    numbers: set[int] = set()
    for entry in files:
        for number in manifest.chunks_of(entry):
            chunk = manifest.chunk(number)
            numbers.add(chunk.pack)
            if chunk.base >= 0:
                numbers.add(manifest.chunk(chunk.base).pack)
    packs = [(manifest.packs[number], manifest.pack_sizes[number]) for number in sorted(numbers)]
    return [pack for pack in packs if not cache.has_pack(*pack)]


def fetch_files(
    project: Project,
    manifest: Manifest,
    files: Sequence[FileEntry],
    *,
    remote: str | None = None,
) -> Plan:
    """Fetch the packs of some files into the cache, each from the first remote that has it; returns them.

    Raises NoSpaceError or StoreError if the cache cannot be written, ObjectMissingError,
    DamagedObjectError or RemoteError if a pack cannot be fetched.
    """
    plan = Plan(tuple(lacking_packs(project.cache, manifest, files)))
    if plan.packs:
        remotes = Remotes(project, [remote] if remote is not None else project.remote_names())
        require_space(project.cache_folder, plan.total_bytes)
        progress = project.context.progress
        progress.start("fetching", plan.total_bytes)
        try:
            with PackDownload(remotes.pack, project.cache, plan, progress=progress) as arriving:
                arriving.wait()
        finally:
            progress.finish()
    return plan


def keep_manifest(project: Project, manifest: Manifest) -> None:
    """Write a manifest to the cache, so that a later version can share its chunks."""
    if not project.cache.has_manifest(manifest):
        with suppress(StoreError):  # reading works without a writable cache
            project.cache.write_manifest(manifest)


def wrong_chunks(
    project: Project, model: Model, manifest: Manifest, error: WrongChunksError
) -> WrongChunksError:
    """Remove a manifest from the cache whose chunks are not those of the version; returns the error."""
    project.cache.set_manifest_aside(manifest)
    pointer = model.pointer
    return WrongChunksError(
        f"the manifest of version {pointer.version} ({pointer.digest.short}) does not match the "
        f"version: {error.message}",
        hint="gitmodel push, in a clone that has the weights",
        model=model.name,
    )
