"""Putting a version's files in place: all checked first, then renamed.

Each file is written to a temporary name in the nearest folder that is there already, and checked
whole. Only when every file has passed, and everything in the way is known to be replaceable, are
names changed, so that a failure leaves the old weights as they were. `have` is recorded last; a kill
between two renames leaves a folder that `status` shows as changed, that `checkout` completes, and that
no commit takes for new weights.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.exclude import is_below_excluded
from gitmodel.domain.paths import safe_parts
from gitmodel.errors import GitmodelError, UnsavedWeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import NewFile, folder_handle
from gitmodel.worktree.records import CachedDigest, Record
from gitmodel.worktree.scan import EntryKind, Found, kind_at, walk
from gitmodel.worktree.symlinks import put_away, still_lead
from gitmodel.worktree.unfinished_folders import Unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.worktree.worktree import WorkTree


class _Staged(NamedTuple):
    """A checked file under its temporary name. No descriptor is kept: a folder has many files."""

    entry: FileEntry
    whole: tuple[str, ...]  # the final place
    folder: tuple[str, ...]  # where the temporary name is
    temporary: str
    stat: FileStat


def place(
    worktree: WorkTree,
    name: str,
    path: str,
    manifest: Manifest,
    write: Callable[[FileEntry, int], None],
    *,
    ready: Callable[[], None] = lambda: None,
    force: bool = False,
    exclude: tuple[str, ...] = (),
) -> None:
    """Bring the files of a manifest to a path, and remember them as `have`.

    A link that `add --follow` followed here makes way; what it leads to is not touched.

    Args:
        worktree: The work tree.
        name: The model, for its record; a folder's files that are not in the new version are
            removed only if they are unmodified files of `have` (or `force`).
        path: Relative to the root.
        manifest: What to place.
        write: Writes and checks one file of the manifest into an open file.
        ready: Called when all files are written and checked, before any takes its place; what it
            raises is raised.
        force: Replace and remove also what is in no version.
        exclude: Patterns of what is no part of the version: such files are not removed, not even by
            force.

    Raises:
        UnsafePathError: A link on the way, or a file that is not the model's where a folder is
            needed.
        UnsavedWeightsError: Something in the way is in no version; nothing has been changed then.
        DamagedObjectError: From `write`; nothing has been changed then.
        NoSpaceError: The work tree's file system is full; nothing has been changed then.
    """
    parts = safe_parts(path)
    record = worktree.records.read(path, name=name)
    # Of an earlier start of the machine, and not seen since: some may have lost their bytes.
    trusted = record.files if record.of_this_boot else {}
    known: dict[str, CachedDigest] = {}
    followed = record.links if still_lead(worktree.root, parts, record.links) else {}
    journals = worktree.records.journals
    with (
        disk_errors(worktree.root),
        Unfinished(journals, worktree.root) as unfinished,
        put_away(worktree.root, path, followed),
        _staging(worktree.root) as staged,
    ):
        for entry in manifest.files:
            whole = (*parts, *_parts_in(entry.path))
            kept = _keep(worktree.root, whole, trusted.get(entry.path), entry)
            if kept is not None:
                known[entry.path] = kept
            else:
                folder = _nearest_folder(worktree.root, parts, whole[:-1])
                unfinished.note(folder)
                staged.append(_stage(worktree.root, folder, whole, entry, write))
        ready()
        fresh = {file.entry.path for file in staged}
        with _marked(worktree, path, record, manifest):
            left_out = (*worktree.excluded(path), *exclude)
            _make_way(worktree, parts, manifest, fresh, record, left_out=left_out, force=force)
        while staged:
            status = _rename(worktree.root, staged[-1])
            file = staged.pop()
            if status == file.stat._replace(ctime_ns=status.ctime_ns):
                known[file.entry.path] = CachedDigest.placed(status, file.entry.digest)
    have_files = {entry.path: entry.digest for entry in manifest.files}
    record = Record(manifest.digest, have_files, known, exclude=exclude, name=name)
    worktree.records.write(path, record)
    worktree.exclude(path, exclude)


@contextmanager
def _marked(worktree: WorkTree, path: str, record: Record, manifest: Manifest) -> Iterator[None]:
    """Record that a folder's files are being replaced; the record is withdrawn where nothing changed.

    The mark goes with the record that is written when all are in place.
    """
    if manifest.kind != "folder":
        yield
        return
    worktree.records.write(path, replace(record, placing=manifest.digest))
    try:
        yield
    except GitmodelError:
        worktree.records.write(path, record)
        raise


def _keep(
    root: str, whole: tuple[str, ...], old: CachedDigest | None, entry: FileEntry
) -> CachedDigest | None:
    """The stat of a file that is there already with the right digest, None if it must be written."""
    if old is None or old.digest != entry.digest:
        return None
    with suppress(OSError, GitmodelError), folder_handle(root, whole[:-1]) as handle:
        now = os.stat(whole[-1], dir_fd=handle, follow_symlinks=False)
        if stat.S_ISREG(now.st_mode) and old.holds_for(FileStat.of(now)):
            return old
    return None


@contextmanager
def _staging(root: str) -> Iterator[list[_Staged]]:
    """Files waiting to be renamed; whatever is still in the list at the end is removed."""
    staged: list[_Staged] = []
    try:
        yield staged
    finally:
        for file in staged:
            with suppress(OSError, GitmodelError):
                _unlink(root, (*file.folder, file.temporary))


def _stage(
    root: str,
    folder: tuple[str, ...],
    whole: tuple[str, ...],
    entry: FileEntry,
    write: Callable[[FileEntry, int], None],
) -> _Staged:
    """Write and check one file under a temporary name."""
    with folder_handle(root, folder, create=True) as handle, NewFile(handle, whole[-1]) as file:
        write(entry, file.descriptor)
        status = FileStat.of(file.set_back())
        return _Staged(entry, whole, folder, file.keep(), status)


def _nearest_folder(root: str, parts: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The folder wanted, or the last one before a file of the model itself that is in the way.

    Raises:
        UnsafePathError: A link is in the way.
    """
    for count in range(len(parts), len(wanted) + 1):
        if kind_at(root, wanted[:count]) is EntryKind.FILE:
            return wanted[: count - 1]
    return wanted


def _rename(root: str, file: _Staged) -> FileStat:
    """Give a file its final name; what is there is replaced, a link itself and not its target."""
    with (
        folder_handle(root, file.folder) as source,
        folder_handle(root, file.whole[:-1], create=True) as target,
    ):
        name = file.whole[-1]
        os.rename(file.temporary, name, src_dir_fd=source, dst_dir_fd=target)
        return FileStat.of(os.stat(name, dir_fd=target, follow_symlinks=False))


def _make_way(
    worktree: WorkTree,
    parts: tuple[str, ...],
    manifest: Manifest,
    fresh: Collection[str],
    record: Record,
    *,
    left_out: tuple[str, ...],
    force: bool,
) -> None:
    """Remove what the new version does not have, after checking that all of it may be removed.

    Args:
        worktree: The work tree.
        parts: Where the model lies.
        manifest: The new version.
        fresh: Paths of its files that are about to be renamed into place.
        record: What is remembered of the model.
        left_out: Patterns of what is no part of the new version, or of the old one: it is not removed.
        force: Remove also what is in no version.
    """
    wanted = {entry.path for entry in manifest.files if manifest.kind == "folder"}
    replaced: set[tuple[str, ...]] = set()
    for file in _files_at(worktree.root, parts, folder_wanted=manifest.kind == "folder"):
        is_left_out = is_below_excluded(file.path.split("/"), left_out)
        if is_left_out and file.path in fresh:  # whoever looked at the weights did not look at it
            _refuse_replacing(worktree, parts, file, manifest, record, force=force)
        if is_left_out and file.path not in wanted and manifest.kind == "folder":
            continue
        if file.path not in wanted:
            _refuse_unsaved(worktree, parts, file, record, force=force)
            replaced.add(file.parts)
        elif file.path in fresh and "/".join(file.parts) != file.path:
            # The same file, but spelled in another form of Unicode, which rename(2) keeps apart.
            replaced.add(file.parts)
    emptied = {inner[:count] for inner in replaced for count in range(len(inner))}
    for path in fresh:
        emptied |= _folders_to_empty(worktree.root, parts, _parts_in(path), replaced)
    for inner in replaced:
        _unlink(worktree.root, (*parts, *inner))
    for inner in sorted(emptied, key=len, reverse=True):
        whole = (*parts, *inner)
        with suppress(OSError, GitmodelError), folder_handle(worktree.root, whole[:-1]) as handle:
            os.rmdir(whole[-1], dir_fd=handle)


def _files_at(root: str, parts: tuple[str, ...], *, folder_wanted: bool) -> list[Found]:
    """The model's files that are there, but for a single file that another one replaces."""
    top = os.path.join(root, *parts)
    there = kind_at(root, parts)
    if there is EntryKind.FOLDER:
        return list(walk(top))
    if there is EntryKind.FILE and folder_wanted:
        return [Found("", (), FileStat.of(os.stat(top, follow_symlinks=False)))]
    return []


def _refuse_unsaved(
    worktree: WorkTree, parts: tuple[str, ...], file: Found, record: Record, *, force: bool
) -> None:
    mine = record.have_files.get(file.path)
    if not force and (mine is None or worktree.hash(parts, file).digest != mine):
        raise UnsavedWeightsError(
            f"{'/'.join((*parts, *_parts_in(file.path)))} is in no version",
            hint="move it away, or use --force to remove it",
        )


def _refuse_replacing(
    worktree: WorkTree,
    parts: tuple[str, ...],
    file: Found,
    manifest: Manifest,
    record: Record,
    *,
    force: bool,
) -> None:
    """Refuse to replace a file that was left out of the weights so far, unless it is the same."""
    same = {entry.digest for entry in manifest.files if entry.path == file.path}
    if file.path in record.have_files:
        same.add(record.have_files[file.path])
    if not force and worktree.hash(parts, file).digest not in same:
        raise UnsavedWeightsError(
            f"{'/'.join((*parts, file.path))} is left out of the weights, and the version asked for "
            "has another file there",
            hint="move it away, or use --force to replace it",
        )


def _folders_to_empty(
    root: str, parts: tuple[str, ...], inner: tuple[str, ...], replaced: Collection[tuple[str, ...]]
) -> set[tuple[str, ...]]:
    """Folders that must go because a file gets the name of the outermost one.

    Raises:
        UnsavedWeightsError: It holds something that is never part of a model (a `.git`, say), so it
            is nobody's to remove, not even by force.
    """
    top = os.path.join(root, *parts, *inner)
    if os.path.islink(top) or not os.path.isdir(top):
        return set()
    folders = {inner}
    for folder, below, names in os.walk(top):
        here = (*inner, *os.path.relpath(folder, top).split(os.sep)) if folder != top else inner
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]
        for name in [*names, *links]:
            if (*here, name) not in replaced:
                raise UnsavedWeightsError(
                    f"{'/'.join((*parts, *here, name))} is not part of the model, and the version "
                    f"asked for has a file called {'/'.join((*parts, *inner))}",
                    hint="move it away",
                )
        folders |= {(*here, name) for name in below}
    return folders


def _unlink(root: str, whole: tuple[str, ...]) -> None:
    with folder_handle(root, whole[:-1]) as handle:
        os.unlink(whole[-1], dir_fd=handle)


def _parts_in(path: str) -> tuple[str, ...]:
    return safe_parts(path) if path else ()
