r"""Paths that strangers wrote: which are safe, and which name the same file somewhere.

A path from a pointer or a manifest is used to create files, so it is taken apart here first, and only an
allow-list of parts passes. `normpath` plus `commonpath` let 29 of 32 hostile spellings through, libgit2 five
of ten: names are an attack language. What is refused is refused everywhere, since a repository made on
Linux is cloned on Windows and macOS:

    leaves the folder     absolute, `..`, `.`, empty parts, backslash, drive, UNC
    Git's own files       `.git` and whatever begins so, also as `.GIT`, `.g<U+200C>it`, `.git.`, `.git `,
                          `.git::$INDEX_ALLOCATION`, `git~1` (a committed hook or config runs code)
    devices of Windows    `nul`, `con.txt`, `COM1`; streams (`:`), short names (`ABCDEF~1`)
    other on other disks  trailing dot or space, not NFC, too long, controls, not UTF-8

Guarantee: `"/".join(safe_parts(path)) == path`, and every part is a plain file name on every system.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PART_BYTES = 255
MAX_PATH_BYTES = 4096

_HINT = "use plain names joined by '/', relative to the folder, such as models/fraud.safetensors"
_DEVICE = r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|com[0-9]|lpt[0-9])"
# Nearly every part of nearly every path; all rules below agree with it, and a test holds them to it.
_ORDINARY = lazy_compile(
    rf"(?!{_DEVICE}(?:\.|\Z))[A-Za-z0-9_](?:[A-Za-z0-9._-]{{0,253}}[A-Za-z0-9_-])?", re.IGNORECASE
)
_DEVICE_NAME = lazy_compile(rf"{_DEVICE} *(?:\..*)?", re.DOTALL)
_SHORT_NAME = lazy_compile(r"[^.~]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?", re.DOTALL)
# Controls (C0, C1), line and paragraph separators, and characters that turn the direction of text.
_CONTROL = lazy_compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SURROGATE = lazy_compile("[\ud800-\udfff]")
# Not seen, and skipped by file systems of macOS when they compare names.
_IGNORABLE = lazy_compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def safe_parts(path: str) -> tuple[str, ...]:
    """Take a relative path with `/` apart, if every part is safe on every system.

    Raises:
        UnsafePathError: It is not; the message shows the path with everything invisible escaped.

    Source: the research on reliability and security, section 3, rows 1 and 2; Git's `verify_path`.
    """
    parts = tuple(path.split("/"))
    if len(path) <= MAX_PATH_BYTES and path.isascii() and all(map(_ORDINARY.fullmatch, parts)):
        return parts
    unusual = (part for part in parts if not _ORDINARY.fullmatch(part))
    reason = _path_problem(path) or next(filter(None, map(_part_problem, unusual)), None)
    if reason is not None:
        raise UnsafePathError(f"unsafe path {quote_text(path)}: {reason}", hint=_HINT)
    return parts


def suggest_safe_name(name: str) -> str | None:
    """A file name near to one that is not safe, and that is; None where there is none near."""
    kept = _IGNORABLE.sub("", re.sub(r"[\\:]", "-", _CONTROL.sub("-", _SURROGATE.sub("-", name))))
    kept = unicodedata.normalize("NFC", kept).rstrip(". ")
    for other in (kept, f"{kept}_", f"_{kept}"):
        if other and _path_problem(other) is None and _part_problem(other) is None:
            return other
    return None


def refuse_clashes(paths: Iterable[str]) -> None:
    """Check that no two paths name one file on a file system that folds case or Unicode.

    Paths are equal after NFC and case folding, with invisible characters left out; a path that is a file
    and also the folder of another one clashes too, as does a path given twice.

    Raises:
        UnsafePathError: Two paths clash; the message names both.
    """
    files: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in files:
            raise _clash(files[folded], path)
        files[folded] = path
    _refuse_folder_clashes(files)


def find_clash(path: str, others: Iterable[str]) -> str | None:
    """Find a path that names the same file as `path` on a file system that folds case or Unicode."""
    folded = _folded(path)
    return next((other for other in others if _folded(other) == folded), None)


def to_nfc(path: str) -> str:
    """Give a path in the composed form of Unicode (NFC), in which all paths are recorded."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _path_problem(path: str) -> str | None:
    """Say what is wrong with a path as a whole, or nothing."""
    checks: tuple[tuple[object, str], ...] = (
        (not path, "it is empty"),
        (_SURROGATE.search(path), "it is not UTF-8"),
        (_CONTROL.search(path), "it has a control character"),
        (path.startswith("/"), "it is absolute"),
        ("\\" in path, "it has a backslash"),
        (":" in path, "it has a colon, which is a drive or a stream on Windows"),
        (
            not unicodedata.is_normalized("NFC", path),
            "it is not in the composed form of Unicode (NFC)",
        ),
        (
            len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES,
            f"it is longer than {MAX_PATH_BYTES} bytes",
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _part_problem(part: str) -> str | None:
    """Say what is wrong with one part of a path, or nothing; `_path_problem` was asked before."""
    # What Git, HFS+, APFS and NTFS may take the name for: compatibility forms composed, case folded,
    # invisible characters gone.
    folded = _IGNORABLE.sub("", unicodedata.normalize("NFKC", part).casefold())
    checks: tuple[tuple[object, str], ...] = (
        (not part, "it has an empty part"),
        (folded in {"", ".", ".."} or re.search(r"[/\\]", folded), "it leaves its folder"),
        (folded.startswith(".git"), "names that begin with .git belong to Git"),
        (part.endswith((".", " ")), "a part ends in a dot or space, which Windows drops"),
        (_DEVICE_NAME.fullmatch(folded), "it names a device of Windows"),
        (_SHORT_NAME.fullmatch(folded), "it looks like a short name of Windows"),
        (
            len(part.encode("utf-8")) > MAX_PART_BYTES,
            f"a part is longer than {MAX_PART_BYTES} bytes",
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _folded(path: str) -> str:
    """Give the key under which file systems that fold case and Unicode find a path."""
    if path.isascii():
        return path.lower()
    return _IGNORABLE.sub(
        "", unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
    )


def _refuse_folder_clashes(files: dict[str, str]) -> None:
    """Check each folder once: it is no file, and it is spelled in one way only."""
    seen: set[str] = set()
    folders: dict[str, str] = {}
    for path in files.values():
        folder = path.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            folded = _folded(folder)
            if folded in files:
                raise _clash(files[folded], path)
            if (other := folders.setdefault(folded, folder)) != folder:
                raise _clash(other, folder)
            folder = folder.rpartition("/")[0]


def _clash(one: str, other: str) -> UnsafePathError:
    if one == other:
        return UnsafePathError(f"{quote_text(one)} is listed twice", hint="list each file once")
    return UnsafePathError(
        f"{quote_text(one)} and {quote_text(other)} are the same file on some systems",
        hint="rename one of the two",
    )
