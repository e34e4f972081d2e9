"""Parses the command line of `git commit` and `git add`: which tracked files will be staged.

Guarantee: an option that is not in the tables below gives None. A value of an unknown option could be
mistaken for a path, and weights would be registered by accident.
Source: git(1), git-commit(1), git-add(1), of Git 2.31 to 2.55.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Staging:
    """The tracked files that a command stages.

    The paths are pathspecs, relative to the current folder of the caller; every tracked file if empty.
    """

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GitCommand:
    """A parsed command line of Git: a verb such as "commit", and the words after it."""

    verb: str
    arguments: tuple[str, ...]


class _Grammar(NamedTuple):
    """The options of one verb, without dashes."""

    flags: frozenset[str]  # options without a value that do not affect staging
    values: frozenset[str]  # options whose value is attached or the next word
    optional: frozenset[str]  # options whose value is attached or missing
    scopes: dict[str, str]  # options that select the staged files, with a common name for synonyms


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
    """Parse the command line of a process; None if it is not a known Git command.

    The words are program, global options, verb and arguments.
    """
    if not words:
        return None
    program, *rest = words
    name = program.rpartition("/")[2]
    if name.startswith("git-"):  # Git before 2.26 starts its own commands in this form
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
    """Return the tracked files that a command stages; None for none, or if unknown."""
    if command.verb == "commit":
        return commit_staging(command.arguments)
    if command.verb == "add":
        return add_staging(command.arguments)
    return None


def commit_staging(arguments: Sequence[str]) -> Staging | None:
    """Return the tracked files that `git commit` with these arguments stages.

    None for a plain commit, a dry run, `--patch`, `--no-verify`, or arguments that Git refuses.
    """
    options = _read(arguments, _COMMIT)
    if options is None:
        return None
    scopes, paths = options
    if scopes == {"all"} and not paths:
        return Staging()
    return Staging(paths) if paths and "all" not in scopes and len(scopes) <= 1 else None


def add_staging(arguments: Sequence[str]) -> Staging | None:
    """Return the tracked files that `git add` with these arguments stages."""
    options = _read(arguments, _ADD)
    if options is None:
        return None
    scopes, paths = options
    return Staging(paths) if (scopes or paths) and len(scopes) <= 1 else None


def _read(words: Sequence[str], grammar: _Grammar) -> tuple[set[str], tuple[str, ...]] | None:
    """Return scopes and paths; None if an option is unknown."""
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
        word_scopes = read(word, rest, grammar)
        if word_scopes is None:
            return None
        scopes.update(word_scopes)
    return scopes, tuple(paths)


def _read_long(word: str, rest: list[str], grammar: _Grammar) -> list[str] | None:
    """Read a long option, such as `--all`."""
    name, equals, value = word[2:].partition("=")
    if name in grammar.values:
        if not equals and not rest:
            return None
        value = value if equals else rest.pop(0)
        # `--fixup=reword:` commits no files; Git refuses it together with paths or scopes.
        return None if name == "fixup" and value.startswith("reword:") else []
    if name in grammar.optional:
        return []
    if equals or len(name) < 2:
        return None
    if name in grammar.scopes:
        return [grammar.scopes[name]]
    return [] if name in grammar.flags else None


def _read_short(word: str, rest: list[str], grammar: _Grammar) -> list[str] | None:
    """Read short options, such as `-am`."""
    scopes: list[str] = []
    for position, letter in enumerate(word[1:], start=1):
        if letter in grammar.optional:
            break  # the rest is its value
        if letter in grammar.values:
            if position == len(word) - 1:
                if not rest:
                    return None
                rest.pop(0)
            break
        if letter in grammar.scopes:
            scopes.append(grammar.scopes[letter])
        elif letter not in grammar.flags:
            return None
    return scopes
