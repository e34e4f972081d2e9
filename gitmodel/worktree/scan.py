"""Scans a path of the work tree: a file, a folder with its files, a link, or nothing.

Links are followed only with `add --follow`. Names that some file systems misread are refused.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.digest import MAX_FILES
from gitmodel.domain.exclude import is_excluded
from gitmodel.domain.paths import refuse_clashes, safe_parts, suggest_safe_name, to_nfc
from gitmodel.errors import ChangedWhileReadError, UnsafeNameError, UnsafePathError, WeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.safe_open import folder_handle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.domain.digest import Digest, ListedFile

_MAX_DEPTH = 64  # folders in folders
_LEFT_OUT = frozenset({".DS_Store", "__pycache__", ".ipynb_checkpoints"})


class EntryKind(StrEnum):
    """The kind of entry at the path of a model."""

    MISSING = "missing"
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"  # a symbolic link, which only `add --follow` follows


class Found(NamedTuple):
    """A listed file."""

    path: str  # in the model, with `/`, Unicode NFC; "" for a model that is one file
    parts: tuple[str, ...]  # of the path as spelled on disk
    stat: FileStat  # at that moment


class Weights(NamedTuple):
    """The weights at the path of a model.

    They are `damaged` if a file has the stat it had when it was hashed, and other bytes: the machine
    crashed before they were on disk.
    """

    kind: EntryKind
    # None if there is nothing, if it is changing, or if it was not hashed
    digest: Digest | None = None
    size: int = 0  # total bytes
    files: tuple[ListedFile, ...] = ()  # path "" for a single file
    changing: bool = False  # a file changed while it was hashed
    damaged: bool = False


class Scan(NamedTuple):
    """The files at a path at one moment, without their digests."""

    path: str
    kind: EntryKind
    files: tuple[Found, ...]
    at_ns: int  # unix nanoseconds, after the scan
    follow: bool

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.stat.size for file in self.files)


def kind_at(root: str, parts: tuple[str, ...], *, follow: bool = False) -> EntryKind:
    """The kind of entry at `root/parts`.

    Raises UnsafePathError if a folder of the path is a link, WeightsError for a device, a socket or the
    like.
    """
    if follow:
        full = os.path.realpath(os.path.join(root, *parts))
        if os.path.isdir(full):
            return EntryKind.FOLDER
        return EntryKind.FILE if os.path.isfile(full) else EntryKind.MISSING
    try:
        with folder_handle(root, parts[:-1]) as handle:
            mode = os.stat(parts[-1], dir_fd=handle, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return EntryKind.MISSING
    if stat.S_ISLNK(mode):
        return EntryKind.LINK
    if stat.S_ISDIR(mode):
        return EntryKind.FOLDER
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    raise WeightsError(f"{'/'.join(parts)} is neither a file nor a folder")


def list_files(
    root: str,
    parts: tuple[str, ...],
    kind: EntryKind,
    *,
    follow: bool = False,
    exclude: Sequence[str] = (),
) -> list[Found]:
    """The files of the model at `root/parts`, sorted by path.

    Raises UnsafePathError for a link, a name that file systems misread, or two names that clash,
    ChangedWhileReadError if it was removed since `kind_at`, WeightsError if the folder is empty, or has
    more files than a model can have.
    """
    top = os.path.join(root, *parts)
    if kind is EntryKind.FILE:
        try:
            return [Found("", (), FileStat.of(os.stat(top, follow_symlinks=follow)))]
        except FileNotFoundError as error:
            raise ChangedWhileReadError(f"{'/'.join(parts)} was removed meanwhile") from error
    # A wrong folder can have millions.
    try:
        some = list(islice(walk(top, follow=follow, exclude=exclude), MAX_FILES + 1))
    except _UnsafeFileError as error:
        raise _named("/".join(parts), error) from error
    found = sorted(some, key=lambda file: file.path.encode())
    if not found and exclude:
        from shlex import quote

        raise WeightsError(
            f"{'/'.join(parts)} has no file that its patterns do not exclude",
            hint=f"gitmodel add --no-exclude {quote('/'.join(parts))}",
        )
    if not found:
        raise WeightsError(f"{'/'.join(parts)} is an empty folder")
    if len(found) > MAX_FILES:
        raise WeightsError(
            f"{'/'.join(parts)} has more files than a model can have ({MAX_FILES:,})",
            hint="pack them into one archive, and add that",
        )
    refuse_clashes(file.path for file in found)
    return found


def walk(top: str, *, follow: bool = False, exclude: Sequence[str] = ()) -> Iterator[Found]:
    """The files of a model's folder, in no order; raises as `list_files`.

    Files and folders whose names match `exclude` do not belong to the model, and are not read.
    """
    return _walk(top, (), follow=follow, exclude=exclude)


def _walk(
    top: str,
    above: tuple[str, ...],
    *,
    follow: bool,
    exclude: Sequence[str],
    inside: tuple[tuple[int, int], ...] = (),
) -> Iterator[Found]:
    """As `walk`; `inside` has device and inode of the folders above, to detect a cycle."""
    if len(above) > _MAX_DEPTH:
        raise UnsafePathError(f"{'/'.join(above[:3])}/... is nested too deep")
    try:
        entries = list(os.scandir(os.path.join(top, *above)))
    except (FileNotFoundError, NotADirectoryError):  # removed or replaced during the walk
        return
    for item in entries:
        if _left_out(item.name, above):
            continue
        inner = (*above, item.name)
        path = to_nfc("/".join(inner))
        if exclude and is_excluded(path.split("/"), exclude):
            continue
        if item.is_symlink() and not follow:
            raise UnsafePathError(
                f"{path} is a symbolic link",
                hint="gitmodel add --follow PATH, which stores what links point to",
            )
        if item.is_dir(follow_symlinks=follow):
            here = _identity(item.path) if follow else (0, 0)
            if follow and (here in inside or here == _identity(top)):
                raise UnsafePathError(f"{path} is a link to a folder that it is in")
            deeper = (*inside, here)
            yield from _walk(top, inner, follow=follow, exclude=exclude, inside=deeper)
        elif item.is_file(follow_symlinks=follow):
            _refuse_unsafe_name(inner, path)
            with suppress(FileNotFoundError):  # removed during the walk
                status = item.stat(follow_symlinks=follow)
                yield Found(path, inner, FileStat.of(status))
        else:
            raise WeightsError(f"{path} is neither a file nor a folder")


def _refuse_unsafe_name(inner: tuple[str, ...], path: str) -> None:
    """Refuse a name that some systems misread."""
    try:
        safe_parts(path)
    except UnsafePathError as error:
        raise _UnsafeFileError(inner, error.message) from error


class _UnsafeFileError(UnsafeNameError):
    """Raised where the path of the model's folder is not known yet."""

    def __init__(self, inner: tuple[str, ...], reason: str) -> None:
        message = f"{'/'.join(inner)} is a name that not every system can have: {reason}"
        super().__init__(message, hint="rename that file")
        self.inner = inner
        self.reason = reason


def _named(folder: str, error: _UnsafeFileError) -> UnsafeNameError:
    """The error with a suggestion for another name."""
    from shlex import quote

    unsafe = next(part for part in error.inner if not _is_safe(part))
    at = "/".join((folder, *error.inner[: error.inner.index(unsafe)]))
    better = suggest_safe_name(unsafe)
    rename = ""
    if better is not None:
        one, other = (quote(f"{at}/{name}") for name in (unsafe, better))
        rename = f"rename it: mv {one} {other}; or "
    return UnsafeNameError(
        f"{folder} has a file with a name that not every system can have: {error.reason}",
        hint=f"{rename}leave it out: gitmodel add {quote(folder)} --exclude PATTERN",
    )


def _is_safe(part: str) -> bool:
    try:
        return bool(safe_parts(to_nfc(part)))
    except UnsafePathError:
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def is_left_out(path: str) -> bool:
    """Whether a path below a folder is never part of the model in that folder."""
    parts = tuple(path.split("/")) if path else ()
    return any(_left_out(name, parts[:depth]) for depth, name in enumerate(parts))


def _left_out(name: str, above: tuple[str, ...]) -> bool:
    """Whether a name is never part of a model (docs/format.md, Folders)."""
    cache = bool(above) and above[-1] == ".cache" and name == "huggingface"
    return name.startswith(".git") or name in _LEFT_OUT or cache  # our temporary names are .git*
