r"""Checks untrusted paths: whether they are safe, and whether two paths are one file on some system.

Files are created at paths from pointers and manifests. `normpath` with `commonpath` accepted 29 of 32
hostile spellings, libgit2 five of ten. A repository made on Linux may be cloned on Windows or macOS, so
these paths are refused on every system:

    outside the folder    absolute, `..`, `.`, empty parts, backslash, drive, UNC
    Git's own files       `.git` and names that begin with it, also as `.GIT`, `.g<U+200C>it`, `.git.`,
                          `.git `, `.git::$INDEX_ALLOCATION`, `git~1` (a committed hook or config runs code)
    devices of Windows    `nul`, `con.txt`, `COM1`; streams (`:`), short names (`ABCDEF~1`)
    not portable          trailing dot or space, not NFC, too long, control characters, not UTF-8

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
# A fast check for most names; a test compares it with the rules below.
_ORDINARY = lazy_compile(
    rf"(?!{_DEVICE}(?:\.|\Z))[A-Za-z0-9_](?:[A-Za-z0-9._-]{{0,253}}[A-Za-z0-9_-])?", re.IGNORECASE
)
_DEVICE_NAME = lazy_compile(rf"{_DEVICE} *(?:\..*)?", re.DOTALL)
_SHORT_NAME = lazy_compile(r"[^.~]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?", re.DOTALL)
# Controls (C0, C1), line and paragraph separators, and characters that change the direction of text.
_CONTROL = lazy_compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SURROGATE = lazy_compile("[\ud800-\udfff]")
# Invisible characters, which file systems of macOS ignore when they compare names.
_IGNORABLE = lazy_compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def safe_parts(path: str) -> tuple[str, ...]:
    """Split a relative path at `/`, if every part is safe on every system.

    Raises UnsafePathError for an unsafe part; the message escapes invisible characters.
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
    """Return a safe file name similar to an unsafe one, or None."""
    safe = _IGNORABLE.sub("", re.sub(r"[\\:]", "-", _CONTROL.sub("-", _SURROGATE.sub("-", name))))
    safe = unicodedata.normalize("NFC", safe).rstrip(". ")
    for candidate in (safe, f"{safe}_", f"_{safe}"):
        if candidate and _path_problem(candidate) is None and _part_problem(candidate) is None:
            return candidate
    return None


def refuse_clashes(paths: Iterable[str]) -> None:
    """Raise UnsafePathError if two paths are one file on a file system that folds case or Unicode.

    A path also clashes if it is a file and the folder of another path, or if it occurs twice.
    """
    files: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in files:
            raise _clash(files[folded], path)
        files[folded] = path
    _refuse_folder_clashes(files)


def find_clash(path: str, others: Iterable[str]) -> str | None:
    """Return a path that is the same file as `path` on a file system that folds case or Unicode."""
    folded = _folded(path)
    return next((other for other in others if _folded(other) == folded), None)


def to_nfc(path: str) -> str:
    """Return a path in Unicode NFC, the form of all recorded paths."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _path_problem(path: str) -> str | None:
    """Return the problem of a path as a whole, or None."""
    checks: tuple[tuple[object, str], ...] = (
        (not path, "it is empty"),
        (_SURROGATE.search(path), "it is not UTF-8"),
        (_CONTROL.search(path), "it has a control character"),
        (path.startswith("/"), "it is absolute"),
        ("\\" in path, "it has a backslash"),
        (":" in path, "it has a colon, which Windows reads as a drive or stream"),
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
    """Return the problem of one part of a path that has no `_path_problem`, or None."""
    # As Git, HFS+, APFS and NTFS may read the name: NFKC, case folded, without invisible characters.
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
    """Return the form of a path that is compared by file systems that fold case and Unicode."""
    if path.isascii():
        return path.lower()
    return _IGNORABLE.sub(
        "", unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
    )


def _refuse_folder_clashes(files: dict[str, str]) -> None:
    """Check that no folder is also a file, and that all paths spell a folder in the same way."""
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
