"""Hints as a person reads them: ways out, each of one or more commands, with words in capitals to be replaced.

    keep them: gitmodel add fraud.bin; or overwrite them: gitmodel checkout --force fraud
    git rm --cached fraud.bin, then gitmodel add fraud.bin
    gitmodel push, in a clone that has the weights

A command begins with a program and ends with a comma, a semicolon, a colon, a bracket, or the hint. Ways are
separated by `; or` or `, or`, the commands of one way by `, then`, `, and` or `, and in it`.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

PROGRAMS = (
    "gitmodel",
    "git",
    "touch",
    "pip",
    "aws",
    "az",
    "unset",
    "df",
    "ls",
    "timedatectl",
    "rm",
)
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_END = re.compile(r"[,;:]( |$)| \(|[)`\n]|$")
_WAYS = re.compile(r"[;,] or,? (?=.)|; (?!then )")
# A program at the beginning, or behind words; not inside a path or a name.
_PROGRAM = re.compile(rf"(?<![\w./~-])(?P<program>{'|'.join(PROGRAMS)}) (?=\S)")


class Command(NamedTuple):
    """A command in a hint.

    Attributes:
        words: Its words, the program first.
        start: Where it begins in the hint.
    """

    words: list[str]
    start: int


def commands_in(text: str) -> list[Command]:
    """All commands in a text, in their order."""
    found = []
    position = 0
    while match := _PROGRAM.search(text, position):
        end = _end_of(text, match.end())
        found.append(Command(shlex.split(text[match.start() : end]), match.start()))
        position = end
    return found


def ways_in(hint: str) -> list[list[list[str]]]:
    """The ways out that a hint names: of each, its commands."""
    ways = []
    for part in _split_ways(hint):
        commands = [command.words for command in commands_in(part)]
        if commands:
            ways.append(commands)
    return ways


def replaced(words: list[str], values: dict[str, str]) -> list[str]:
    """A command with its words in capitals replaced.

    Raises:
        KeyError: There is no value for one.
    """
    out = []
    for word in words:
        chosen = word.split("|")[0] if re.fullmatch(r"--?[\w|-]+", word) else word
        if chosen.startswith("[") and chosen.endswith("]"):
            continue
        out.append(
            re.sub(r"\b(?!HEAD\b)[A-Z][A-Z_]{2,}\b(?:\|[A-Z]+)?", lambda m: values[m[0]], chosen)
        )
    return out


def _end_of(text: str, start: int) -> int:
    position = start
    while True:
        end = _END.search(text, position)
        assert end is not None
        quoted = _QUOTED.search(text, position)
        if quoted is None or quoted.start() > end.start():
            return end.start()
        position = quoted.end()


def _split_ways(hint: str) -> list[str]:
    parts = []
    start = 0
    for match in _WAYS.finditer(hint):
        inside = any(q.start() < match.start() < q.end() for q in _QUOTED.finditer(hint))
        if not inside:
            parts.append(hint[start : match.start()])
            start = match.end()
    return [*parts, hint[start:]]
