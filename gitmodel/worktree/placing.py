"""A version's files on disk: all are written and checked, then renamed into place.

Each file is written to a temporary name in the nearest folder that exists, and its digest is checked. Names
change only after every file has passed and everything in the way may be replaced, so a failure leaves
the old weights as they were. `have` is recorded last. A kill between two renames leaves a folder that `status`
shows as changed, that `checkout` completes, and that no commit registers as new weights.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
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

    from gitmodel.domain.digest import Digest
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
    """Write the files of a manifest to a path, and record them as `have`.

    A link that `add --follow` followed here is replaced; its target is not touched. A folder's files that
    are not in the new version are removed only if they are unmodified files of `have`; with `force` also
    files that are in no version are replaced and removed, but never those that `exclude` matches.

    `write` writes and checks one file into an open file. `ready` is called when all are written, before
    the first is renamed; its errors are raised.

    Raises UnsafePathError if a folder of the path is a link, or a file that is not the model's. After
    UnsavedWeightsError (a file in the way is in no version), NoSpaceError (the work tree's file system is
    full) and the DamagedObjectError of `write` nothing was changed.
    """
    parts = safe_parts(path)
    record = worktree.records.read(path, name=name)
    # After a crash of the machine a file may have lost bytes though its stat is unchanged.
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
            _Replacement(worktree, parts, record, manifest, fresh, left_out, force).make_way()
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
    """Record that a folder's files are being replaced; after an error the old record is restored.

    The record that `place` writes at its end has no such mark.
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
    """The record of a file that has the right digest already, None if it must be written."""
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
    with folder_handle(root, folder, create=True) as handle, NewFile(handle, whole[-1]) as file:
        write(entry, file.descriptor)
        status = FileStat.of(file.set_back())
        return _Staged(entry, whole, folder, file.keep(), status)


def _nearest_folder(root: str, parts: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The folder `wanted`, or the last one above it that is not below a file of the model."""
    for count in range(len(parts), len(wanted) + 1):
        if kind_at(root, wanted[:count]) is EntryKind.FILE:
            return wanted[: count - 1]
    return wanted


def _rename(root: str, file: _Staged) -> FileStat:
    """Give a file its final name; a link that has the name is replaced, not its target."""
    with (
        folder_handle(root, file.folder) as source,
        folder_handle(root, file.whole[:-1], create=True) as target,
    ):
        name = file.whole[-1]
        os.rename(file.temporary, name, src_dir_fd=source, dst_dir_fd=target)
        return FileStat.of(os.stat(name, dir_fd=target, follow_symlinks=False))


@dataclass(frozen=True, slots=True)
class _Replacement:
    """Clears the path of a model for the files of a new version."""

    worktree: WorkTree
    parts: tuple[str, ...]
    record: Record  # the model's record
    manifest: Manifest  # the new version
    fresh: Collection[str]  # paths of its files that are about to be renamed into place
    # patterns of files that are no part of the new version, or of the old one; not removed
    left_out: tuple[str, ...]
    force: bool  # remove also files that are in no version

    def make_way(self) -> None:
        """Remove what is in the way of the new version, after checking that all of it may be removed.

        Raises UnsavedWeightsError if something may not be removed; then nothing was.
        """
        root = self.worktree.root
        removed = self._files_to_remove()
        folders = {inner[:count] for inner in removed for count in range(len(inner))}
        for path in self.fresh:
            folders |= self._folders_to_remove(_parts_in(path), removed)
        for inner in removed:
            _unlink(root, (*self.parts, *inner))
        for inner in sorted(folders, key=len, reverse=True):  # those that are empty now
            whole = (*self.parts, *inner)
            with suppress(OSError, GitmodelError), folder_handle(root, whole[:-1]) as handle:
                os.rmdir(whole[-1], dir_fd=handle)

    def _files_to_remove(self) -> set[tuple[str, ...]]:
        is_folder = self.manifest.kind == "folder"
        wanted = {entry.path for entry in self.manifest.files if is_folder}
        removed: set[tuple[str, ...]] = set()
        for file in _files_at(self.worktree.root, self.parts, folder_wanted=is_folder):
            is_left_out = is_below_excluded(file.path.split("/"), self.left_out)
            if is_left_out and file.path in self.fresh:  # it was not compared with the old version
                self._refuse_replacing(file)
            if file.path not in wanted:
                if not (is_left_out and is_folder):
                    self._refuse_unsaved(file)
                    removed.add(file.parts)
            elif file.path in self.fresh and "/".join(file.parts) != file.path:
                # The same file, but spelled in another form of Unicode, which rename(2) keeps apart.
                removed.add(file.parts)
        return removed

    def _folders_to_remove(
        self, inner: tuple[str, ...], removed: Collection[tuple[str, ...]]
    ) -> set[tuple[str, ...]]:
        """The folder that has the name of a new file, if there is one, and all folders in it.

        It may not hold anything that is never part of a model, such as a `.git`: even force leaves that.
        """
        model = os.path.join(self.worktree.root, *self.parts)
        top = os.path.join(model, *inner)
        if os.path.islink(top) or not os.path.isdir(top):
            return set()
        folders = set()
        for folder, below, names in os.walk(top):
            here = () if folder == model else tuple(os.path.relpath(folder, model).split(os.sep))
            folders.add(here)
            links = [name for name in below if os.path.islink(os.path.join(folder, name))]
            for name in [*names, *links]:
                if (*here, name) not in removed:
                    raise UnsavedWeightsError(
                        f"{self._shown(*here, name)} is not part of the model, and the version asked "
                        f"for has a file called {self._shown(*inner)}",
                        hint="move it away",
                    )
        return folders

    def _refuse_unsaved(self, file: Found) -> None:
        if not self._has_digest(file, {self.record.have_files.get(file.path)}):
            raise UnsavedWeightsError(
                f"{self._shown(*_parts_in(file.path))} is in no version",
                hint="move it away, or use --force to remove it",
            )

    def _refuse_replacing(self, file: Found) -> None:
        """Refuse to replace an excluded file, unless it has the same content."""
        same = {entry.digest for entry in self.manifest.files if entry.path == file.path}
        if not self._has_digest(file, {*same, self.record.have_files.get(file.path)}):
            raise UnsavedWeightsError(
                f"{self._shown(file.path)} is left out of the weights, and the version asked for has "
                "another file there",
                hint="move it away, or use --force to replace it",
            )

    def _has_digest(self, file: Found, digests: set[Digest | None]) -> bool:
        """Whether a file is one of these, or is replaced anyway."""
        if self.force:
            return True
        expected = digests - {None}
        return bool(expected) and self.worktree.hash(self.parts, file).digest in expected

    def _shown(self, *inner: str) -> str:
        return "/".join((*self.parts, *inner))


def _files_at(root: str, parts: tuple[str, ...], *, folder_wanted: bool) -> list[Found]:
    """The model's files on disk, without a single file that another single file replaces."""
    top = os.path.join(root, *parts)
    there = kind_at(root, parts)
    if there is EntryKind.FOLDER:
        return list(walk(top))
    if there is EntryKind.FILE and folder_wanted:
        return [Found("", (), FileStat.of(os.stat(top, follow_symlinks=False)))]
    return []


def _unlink(root: str, whole: tuple[str, ...]) -> None:
    with folder_handle(root, whole[:-1]) as handle:
        os.unlink(whole[-1], dir_fd=handle)


def _parts_in(path: str) -> tuple[str, ...]:
    return safe_parts(path) if path else ()
