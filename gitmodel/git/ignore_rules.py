"""Lines of `.gitignore` and `.gitattributes`: how a name is written there, and adding a line.

Both files belong to people: lines are only appended, once, and nothing else in them changes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.errors import RepositoryError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_SPECIAL = frozenset("\\*?[")


def ignore_line(name: str) -> str:
    """Return the line of `.gitignore` that means exactly this name in the same folder.

    The slash in front anchors it and takes the meaning from a leading `#` or `!`. A line end cannot
    be written in this format (gitignore(5)), so it becomes `?`, which stands for any one character.
    """
    text = "".join("\\" + letter if letter in _SPECIAL else letter for letter in name)
    text = text.replace("\n", "?").replace("\r", "?")
    kept = text.rstrip(" ")
    return "/" + kept + "\\ " * (len(text) - len(kept))


def is_shared_rule(source: str, rule: str) -> bool:
    """Whether a rule ignores something for everyone who clones, not for one person alone.

    Args:
        source: File that the rule stands in, as `git check-ignore` says it: relative to the work
            tree for a `.gitignore`, unlike `info/exclude` and `core.excludesFile`.
        rule: The rule; with `!` it keeps instead.
    """
    is_shared = not os.path.isabs(source) and os.path.basename(source) == ".gitignore"
    return is_shared and not rule.startswith("!")


def deciding_rules(output: str) -> dict[str, tuple[str, str]]:
    """Read what `git check-ignore -z --verbose` writes: path -> where its rule stands, and the rule."""
    words = output.split("\0")[:-1]
    answers = zip(words[::4], words[2::4], words[3::4], strict=True)
    return {path.removeprefix("./"): (source, rule) for source, rule, path in answers}


def lines_to_ignore(
    paths: Iterable[str], rules: Mapping[str, tuple[str, str]]
) -> dict[str, list[str]]:
    """Return the lines that `.gitignore` files lack for these paths, by folder; `rules` are the present ones."""
    lines: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if path not in rules or not is_shared_rule(*rules[path]):
            lines.setdefault(folder, []).append(ignore_line(name))
    return lines


def at_or_above(files: Iterable[str], wanted: Collection[str]) -> set[str]:
    """Return which of the wanted paths are among these files or among the folders above them."""
    found: set[str] = set()
    seen: set[str] = set()
    for file in files:
        path = file
        while path and path not in seen:
            seen.add(path)
            if path in wanted:
                found.add(path)
            path = path.rpartition("/")[0]
    return found


def folder_within(top: str, folder: str) -> str:
    """Return the absolute path of a folder of the work tree, which no symbolic link leads away.

    Raises:
        UnsafePathError: One does, or the path has `..` in it.
    """
    top = os.path.realpath(top)
    target = os.path.join(top, folder) if folder else top
    if os.path.realpath(target) != target:
        raise UnsafePathError(f"{folder} leads out of its place, by a symbolic link or by ..")
    return target


def append_missing(path: str, lines: Sequence[str]) -> bool:
    """Append the lines that a file does not have yet; returns whether it changed. No process.

    The file's own line ends are followed. One write at the end: two runs at the same time may add
    a line twice, which both files allow, but never damage one.

    Raises:
        RepositoryError: The file is a symbolic link, which Git does not read either, or cannot be
            written.
    """
    try:
        old = _read(path)
        present = {line.rstrip("\r") for line in old.split("\n")}
        missing = [line for line in dict.fromkeys(lines) if line not in present]
        if not missing:
            return False
        end = "\r\n" if "\r\n" in old else "\n"
        gap = end if old and not old.endswith("\n") else ""
        text = gap + "".join(line + end for line in missing)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags, 0o666)  # less the umask
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(text))
    except OSError as error:
        raise RepositoryError(f"{path} cannot be changed: {error.strerror}") from error
    return True


def _read(path: str) -> str:
    if os.path.islink(path):
        raise RepositoryError(
            f"{path} is a symbolic link, which Git does not read", hint="make it a plain file"
        )
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read())
    except FileNotFoundError:
        return ""
