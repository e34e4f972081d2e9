"""The words of a `git commit` or `git add`: which tracked files the command takes from the work tree.

Words: the *arguments* are what follows the verb; a *staging* says which files Git is about to stage.

Guarantee: an option that is not in the tables below gives None, never a guess: Git may add options,
and a value that is taken for a flag would register weights that nobody asked for.
Source: git(1), git-commit(1), git-add(1), of Git 2.31 to 2.55.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Staging:
    """Which tracked files a command takes from the work tree.

    Attributes:
        paths: Pathspecs, relative to the folder of the caller; every tracked file if empty.
    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitCommand:
    """A command line of Git, taken apart.

    Attributes:
        verb: Such as "commit".
        arguments: What follows the verb.
    """

    verb: str
    arguments: tuple[str, ...]


class _Grammar(NamedTuple):
    """The options of one verb; those of one letter without dash, the others without their two.

    Attributes:
        flags: Options without a value that change nothing about what is staged.
        values: Options whose value is attached or the next word.
        optional: Options whose value is attached or missing.
        scopes: Options that say what is staged, by the name under which they are counted.
    """

    flags: frozenset[str]
    values: frozenset[str]
    optional: frozenset[str]
    scopes: dict[str, str]


_COMMIT: Final = _Grammar(
    flags=frozenset(
        {
            *("q", "v", "s", "e", "quiet", "verbose", "signoff", "no-signoff", "edit", "no-edit"),
            *("status", "no-status", "reset-author", "amend", "allow-empty", "verify"),
            *("allow-empty-message", "no-post-rewrite", "no-gpg-sign", "no-verbose", "no-quiet"),
        }
    ),
    values=frozenset(
        {
            *("m", "F", "C", "c", "t", "message", "file", "reuse-message", "reedit-message"),
            *("template", "author", "date", "fixup", "squash", "trailer", "cleanup"),
        }
    ),
    optional=frozenset({"S", "u", "gpg-sign", "untracked-files"}),
    scopes=dict.fromkeys(("a", "all"), "all")
    | dict.fromkeys(("i", "include"), "include")
    | dict.fromkeys(("o", "only"), "only"),
)
_ADD: Final = _Grammar(
    flags=frozenset(
        {
            *("v", "f", "verbose", "force", "ignore-errors", "sparse", "no-warn-embedded-repo"),
            *("ignore-removal", "no-all", "no-ignore-removal"),
        }
    ),
    values=frozenset(),
    optional=frozenset(),
    scopes={"A": "all", "all": "all", "u": "update", "update": "update"},
)
_GLOBAL_FLAGS: Final = frozenset(
    {
        *("-p", "--paginate", "-P", "--no-pager", "--no-replace-objects", "--bare"),
        *("--literal-pathspecs", "--glob-pathspecs", "--noglob-pathspecs", "--icase-pathspecs"),
        *("--no-optional-locks", "--no-lazy-fetch", "--no-advice"),
    }
)
_GLOBAL_VALUES: Final = frozenset(
    {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env", "--attr-source"}
)


def read_git_command(words: Sequence[str]) -> GitCommand | None:
    """Take the command line of a process apart; None where it is no command of Git that is known.

    Args:
        words: As the process was started: the program, global options, the verb, its arguments.
    """
    if not words:
        return None
    program, *rest = words
    name = program.rpartition("/")[2]
    if name.startswith("git-"):  # as Git before 2.26 starts its own commands
        return GitCommand(name[4:], tuple(rest))
    if name != "git":
        return None
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in _GLOBAL_VALUES and rest:
            rest.pop(0)
        elif option not in _GLOBAL_FLAGS and (
            option.partition("=")[0] not in {*_GLOBAL_VALUES, "--exec-path"} or "=" not in option
        ):
            return None
    return GitCommand(rest[0], tuple(rest[1:])) if rest else None


def staging_of(command: GitCommand) -> Staging | None:
    """What a command stages of the work tree, None where that is nothing or not known."""
    if command.verb == "commit":
        return commit_staging(command.arguments)
    if command.verb == "add":
        return add_staging(command.arguments)
    return None


def commit_staging(arguments: Sequence[str]) -> Staging | None:
    """What `git commit` with these arguments stages of the work tree before it makes the commit.

    Nothing for a plain `git commit`, which takes what is staged already; for one that only shows
    what it would do, asks for each change, or runs no pre-commit; and for one that Git refuses.
    """
    read = _read(arguments, _COMMIT)
    if read is None:
        return None
    scopes, paths = read
    if scopes == {"all"} and not paths:
        return Staging()
    return Staging(paths) if paths and "all" not in scopes and len(scopes) <= 1 else None


def add_staging(arguments: Sequence[str]) -> Staging | None:
    """What `git add` with these arguments stages of the work tree."""
    read = _read(arguments, _ADD)
    if read is None:
        return None
    scopes, paths = read
    return Staging(paths) if (scopes or paths) and len(scopes) <= 1 else None


def _read(words: Sequence[str], grammar: _Grammar) -> tuple[set[str], tuple[str, ...]] | None:
    """The options that say what is staged, and the paths; None for an option that is not known."""
    scopes: set[str] = set()
    paths: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            paths += rest
            break
        if word == "-" or not word.startswith("-"):
            paths.append(word)
            continue
        read = _read_long if word.startswith("--") else _read_short
        found = read(word, rest, grammar)
        if found is None:
            return None
        scopes.update(found)
    return scopes, tuple(paths)


def _read_long(word: str, rest: list[str], grammar: _Grammar) -> list[str] | None:
    """One word that starts with two dashes."""
    name, equals, value = word[2:].partition("=")
    if name in grammar.values:
        if not equals and not rest:
            return None
        value = value if equals else rest.pop(0)
        # It makes a commit of no files, and Git refuses it beside all that stages some.
        return None if name == "fixup" and value.startswith("reword:") else []
    if name in grammar.optional:
        return []
    if equals or len(name) < 2:
        return None
    if name in grammar.scopes:
        return [grammar.scopes[name]]
    return [] if name in grammar.flags else None


def _read_short(word: str, rest: list[str], grammar: _Grammar) -> list[str] | None:
    """One word of options of one letter, such as `-am`."""
    scopes: list[str] = []
    for place, letter in enumerate(word[1:], start=1):
        if letter in grammar.optional:
            break  # what follows is its value
        if letter in grammar.values:
            if place == len(word) - 1:
                if not rest:
                    return None
                rest.pop(0)
            break
        if letter in grammar.scopes:
            scopes.append(grammar.scopes[letter])
        elif letter not in grammar.flags:
            return None
    return scopes
