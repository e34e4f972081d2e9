"""Putting a version's files in place: all checked first, then renamed.

Each file is written to a temporary name beside its final one and checked whole. Only when every file
has passed are names changed, so that a failure leaves the old weights as they were. `have` is
recorded last; a kill between two renames leaves a folder that `status` shows as changed and that
`checkout` completes.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from gitmodel.domain.paths import safe_parts
from gitmodel.errors import GitmodelError, UnsavedWeightsError
from gitmodel.store.handles import NewFile, folder_handle, space_errors
from gitmodel.store.listing import Kind, kind_at, walk
from gitmodel.store.records import FileStat, Known, Record, now_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.encoding.manifest import FileEntry, Manifest
    from gitmodel.store.worktree import WorkTree


def place(
    worktree: WorkTree,
    name: str,
    path: str,
    manifest: Manifest,
    write: Callable[[FileEntry, int], None],
    *,
    force: bool = False,
) -> None:
    """Bring the files of a manifest to a path, and remember them as `have`.

    Args:
        worktree: The work tree.
        name: The model, for its record; a folder's files that are not in the new version are
            removed only if they are unmodified files of `have` (or `force`).
        path: Relative to the root.
        manifest: What to place.
        write: Writes and checks one file of the manifest into an open file.
        force: Replace and remove also what is in no version.

    Raises:
        UnsafePathError: A link or a file where a folder is needed.
        DamagedObjectError: From `write`; nothing has been renamed then.
        NoSpaceError: The work tree's file system is full; nothing has been renamed then.
    """
    parts = safe_parts(path)
    record = worktree.records.read(name)
    folder = manifest.kind == "folder"
    known: dict[str, Known] = {}
    with space_errors(worktree.root), ExitStack() as stack:
        new: list[tuple[FileEntry, NewFile]] = []
        for entry in manifest.files:
            whole = (*parts, *_parts_in(entry.path))
            kept = _keep(worktree.root, whole, record.files.get(entry.path), entry)
            if kept is not None:
                known[entry.path] = kept
                continue
            with folder_handle(worktree.root, whole[:-1], create=True) as handle:
                file = stack.enter_context(NewFile(handle, whole[-1]))
            write(entry, file.descriptor)
            file.set_back()
            new.append((entry, file))
        if folder:
            _remove_left_over(worktree, parts, manifest, record, force=force)
        else:
            _make_way(worktree.root, parts, force=force)
        for entry, file in new:
            status = FileStat.of(file.place())
            known[entry.path] = Known(status, now_ns(), entry.digest)
    have_files = {entry.path: entry.digest for entry in manifest.files}
    worktree.records.write(name, Record(manifest.digest, have_files, known))


def _keep(root: str, whole: tuple[str, ...], old: Known | None, entry: FileEntry) -> Known | None:
    """The stat of a file that is there already with the right digest, None if it must be written."""
    if old is None or old.digest != entry.digest:
        return None
    with suppress(OSError, GitmodelError), folder_handle(root, whole[:-1]) as handle:
        now = os.stat(whole[-1], dir_fd=handle, follow_symlinks=False)
        if stat.S_ISREG(now.st_mode) and old.holds_for(FileStat.of(now)):
            return old
    return None


def _make_way(root: str, parts: tuple[str, ...], *, force: bool) -> None:
    """A single file can't be renamed over a folder: refuse, or remove what is there."""
    if kind_at(root, parts) is not Kind.FOLDER:
        return
    top = os.path.join(root, *parts)
    if not force:
        raise UnsavedWeightsError(
            f"{'/'.join(parts)} is a folder, the version asked for is a file",
            hint="move it away, or use --force",
        )
    for file in list(walk(top)):
        _unlink(root, (*parts, *file.parts))
    _remove_empty_folders(top)


def _remove_left_over(
    worktree: WorkTree, parts: tuple[str, ...], manifest: Manifest, record: Record, *, force: bool
) -> None:
    top = os.path.join(worktree.root, *parts)
    wanted = {entry.path for entry in manifest.files}
    for file in list(walk(top)):
        if file.path in wanted:
            continue
        mine = record.have_files.get(file.path)
        if not force and (mine is None or worktree.hash(parts, file).digest != mine):
            raise UnsavedWeightsError(
                f"{'/'.join((*parts, file.path))} is in no version",
                hint="move it away, or use --force to remove it",
            )
        _unlink(worktree.root, (*parts, *file.parts))
    _remove_empty_folders(top)


def _unlink(root: str, whole: tuple[str, ...]) -> None:
    with folder_handle(root, whole[:-1]) as handle:
        os.unlink(whole[-1], dir_fd=handle)


def _parts_in(path: str) -> tuple[str, ...]:
    return safe_parts(path) if path else ()


def _remove_empty_folders(top: str) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)
