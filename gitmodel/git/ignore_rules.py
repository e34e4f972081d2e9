"""Which paths Git tracks and ignores; read and append lines of `.gitignore` and `.gitattributes`.

Both files belong to users: lines are only appended, once, and nothing else is changed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from gitmodel.errors import RepositoryError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_SPECIAL = frozenset("\\*?[")
_FEW = 100  # above this number, filtering here is faster than Git's pathspecs


class Git(Protocol):
    """The methods of `Repository` used here."""

    @property
    def top(self) -> str:
        """The work tree."""

    def run(self, *arguments: str) -> bytes:
        """Run git and return its stdout."""

    def attempt(
        self, *arguments: str, accept: tuple[int, ...], input_bytes: bytes | None = None
    ) -> tuple[int, bytes]:
        """Run git if several exit codes are valid results."""


def tracked_paths(repository: Git, paths: Collection[str]) -> set[str]:
    """The paths that are in the index, or that contain an entry which may belong to a model. One process."""
    wanted = set(paths)
    if not wanted:
        return wanted
    few = ("--", *sorted(wanted)) if len(wanted) <= _FEW else ()
    output = repository.run("--literal-pathspecs", "ls-files", "-z", *few)
    files = os.fsdecode(output).split("\0")
    return at_or_above((f for f in files if not f.rpartition("/")[2].startswith(".git")), wanted)


def add_ignores(repository: Git, paths: Collection[str]) -> set[str]:
    """Add each path to the `.gitignore` beside it; returns the changed `.gitignore` files. One process.

    Nothing is added if a `.gitignore` already covers the path. Raises UnsafePathError if a folder is a
    symbolic link that leads elsewhere.
    """
    folders = {path.rpartition("/")[0] for path in paths}
    inside = {folder: folder_within(repository.top, folder) for folder in folders}
    lines = lines_to_ignore(paths, ignore_rules(repository, paths))
    files = {folder: os.path.join(inside[folder], ".gitignore") for folder in lines}
    changed = [folder for folder in lines if append_missing(files[folder], lines[folder])]
    return {f"{folder}/.gitignore" if folder else ".gitignore" for folder in changed}


def ignore_rules(repository: Git, paths: Collection[str]) -> dict[str, tuple[str, str]]:
    """The rule for each path that matches one: its file and its pattern. One process.

    For example ".gitignore" and "*.bin".
    """
    arguments = ("check-ignore", "--verbose", "--no-index", "-z", "--stdin")
    # `check-ignore` takes no literal pathspecs; a leading ./ disables pathspec magic.
    data = os.fsencode("".join(f"./{path}\0" for path in paths))
    _, output = repository.attempt(*arguments, accept=(0, 1), input_bytes=data)
    return deciding_rules(os.fsdecode(output))


def ignore_line(name: str) -> str:
    """The line of `.gitignore` that matches exactly this name in the same folder.

    The leading slash anchors it and disables a leading `#` or `!`. The format has no escape for line ends
    (gitignore(5)), so they become `?`, which matches any one character.
    """
    text = "".join("\\" + letter if letter in _SPECIAL else letter for letter in name)
    text = text.replace("\n", "?").replace("\r", "?")
    kept = text.rstrip(" ")
    return "/" + kept + "\\ " * (len(text) - len(kept))


def is_shared_rule(source: str, rule: str) -> bool:
    """Whether a rule ignores a path for everyone who clones, not only for this user.

    `source` is the rule's file as `git check-ignore` prints it: relative for a `.gitignore`, absolute for
    `info/exclude` and `core.excludesFile`. A leading `!` negates the rule.
    """
    is_shared = not os.path.isabs(source) and os.path.basename(source) == ".gitignore"
    return is_shared and not rule.startswith("!")


def deciding_rules(output: str) -> dict[str, tuple[str, str]]:
    """Parse `git check-ignore -z --verbose` output: path -> (file of the rule, pattern)."""
    words = output.split("\0")[:-1]
    answers = zip(words[::4], words[2::4], words[3::4], strict=True)
    return {path.removeprefix("./"): (source, rule) for source, rule, path in answers}


def lines_to_ignore(
    paths: Iterable[str], rules: Mapping[str, tuple[str, str]]
) -> dict[str, list[str]]:
    """The lines missing from `.gitignore` files for these paths, by folder; `rules` are the existing ones."""
    lines: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if path not in rules or not is_shared_rule(*rules[path]):
            lines.setdefault(folder, []).append(ignore_line(name))
    return lines


def at_or_above(files: Iterable[str], wanted: Collection[str]) -> set[str]:
    """The wanted paths that are one of these files or a parent folder of one."""
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
    """The absolute path of a folder inside the work tree.

    Raises UnsafePathError if a symbolic link or `..` leads out of the work tree.
    """
    top = os.path.realpath(top)
    target = os.path.join(top, folder) if folder else top
    if os.path.realpath(target) != target:
        raise UnsafePathError(
            f"{folder} is outside the work tree, because of a symbolic link or of .."
        )
    return target


def append_missing(path: str, lines: Sequence[str]) -> bool:
    """Append the lines that a file lacks; returns whether it changed. No process.

    Keeps the file's line ends. Two concurrent runs may add a line twice, which both formats allow. Raises
    RepositoryError if the file is a symbolic link, which Git does not read, or cannot be written.
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
        descriptor = os.open(path, flags, 0o666)  # minus the umask
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.fsencode(text))
    except OSError as error:
        raise RepositoryError(f"{path} cannot be changed: {error.strerror}") from error
    return True


def _read(path: str) -> str:
    if os.path.islink(path):
        raise RepositoryError(
            f"{path} is a symbolic link, which Git does not read",
            hint="replace the link with a plain file",
        )
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read())
    except FileNotFoundError:
        return ""
