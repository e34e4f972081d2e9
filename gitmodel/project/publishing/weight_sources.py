"""Sources for weights that a remote has lost: cache, work tree, another remote."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import weights_path
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError, StoreError

if TYPE_CHECKING:
    from gitmodel.cache.chunk_reader import PackReader
    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing

_WORKERS = 4  # few, because each holds packs from the remote in memory


def lists_same_chunks(on_remote: Manifest, pointer: Pointer, cached: Manifest | None) -> bool:
    """Whether a remote's manifest lists the pointer's chunks, or the cache's if the pointer states none.

    A manifest made by another chunker differs and may still be valid, so it must be verified.
    """
    if pointer.chunks is not None:
        return on_remote.chunk_list() == pointer.chunks
    return cached is None or on_remote.chunk_list() == cached.chunk_list()


def decodes_to_digest(project: Project, manifest: Manifest) -> bool:
    """Whether the cache's packs decode to the digest of a manifest; reads all of them.

    A damaged pack is removed from the cache.
    """
    from gitmodel.cache.chunk_reader import DamagedPackError

    error = decoding_error(project, manifest, project.cache)
    if isinstance(error, DamagedPackError):
        project.cache.set_aside(error.pack)
    return error is None


def decoding_error(project: Project, manifest: Manifest, packs: PackReader) -> StoreError | None:
    """Decode weights from packs; the error, None if they have the manifest's digest."""
    from gitmodel.cache.reader import Reader

    progress = project.context.progress
    progress.start(f"checking {manifest.digest.short}", manifest.total_size)
    try:
        for entry in manifest.files:
            Reader(packs, workers=_WORKERS).check_file(manifest, entry, progress=progress)
    except StoreError as error:
        return error
    finally:
        progress.finish()
    return None


def fetch_whole(project: Project, manifest: Manifest, remote: str) -> bool:
    """Fetch every pack of a manifest into the cache; False if one is missing or damaged.

    Raises RemoteError if the remote cannot be used.
    """
    from gitmodel.cache.transfer import plan_fetch
    from gitmodel.project.fetching.session import run_plan

    try:
        run_plan(project, remote, plan_fetch(project.cache, [manifest]))
    except (ObjectMissingError, DamagedObjectError):
        return False
    return True


def store_again(project: Project, item: Outgoing) -> Manifest | None:
    """Store the weights of the work tree again; None if they are missing or have other content.

    Chunks that the cache has are not stored twice. Links are not followed.
    """
    if project.repository.work_tree is None:
        return None
    path = weights_path(item.path, item.pointer)
    left_out = project.worktree.excluded(path)
    try:
        project.worktree.exclude(path, item.pointer.exclude)
        scan = project.worktree.scan(path)
        if scan.size != item.pointer.size:
            return None
        if project.worktree.hash_weights(item.pointer.name, path).digest != item.pointer.digest:
            return None
        return _store(project, item, path)
    except (GitmodelError, OSError):
        return None
    finally:  # restore the patterns of the work tree's own pointer
        project.worktree.exclude(path, left_out)


def _store(project: Project, item: Outgoing, path: str) -> Manifest | None:
    from gitmodel.cache.writer import store_weights

    before = item.pointer.previous
    known = [item.pointer.digest, *(() if before is None else (before.digest,))]
    scan = project.worktree.scan(path)
    progress = project.context.progress
    progress.start(f"storing {item.pointer.name} again", scan.size)
    try:
        manifest = store_weights(
            project.cache,
            project.worktree.sources(scan),
            folder=scan.kind.value == "folder",
            reuse=[m for m in map(project.cache.manifest, known) if m is not None],
            progress=progress,
        )
    finally:
        progress.finish()
    return manifest if manifest.digest == item.pointer.digest else None


def fetch_from_another_remote(project: Project, item: Outgoing, remote: str) -> Manifest | None:
    """Fetch a version from another remote of this project into the cache; its manifest, None if no remote has it."""
    for name in project.remote_names():
        if name == remote:
            continue
        with suppress(GitmodelError):
            manifest = project.store(name).manifest(item.pointer.digest)
            if manifest is None or manifest.total_size != item.pointer.size:
                continue
            if fetch_whole(project, manifest, name) and decodes_to_digest(project, manifest):
                project.cache.write_manifest(manifest)
                return manifest
    return None
