"""Edits to a YAML file that belongs to people: only the lines that must change do.

A loader and a writer would lose comments, order and quoting. `edit` compares what the file says
with what it shall say and rewrites single lines. It understands the layouts that people write; for
anything stranger it changes nothing and says so.

Guarantee: the result, parsed, is exactly what was asked for (checked before it is returned), every
comment of a kept line and every comment that has a line to itself is still there, and lines that
say nothing different are the same byte for byte.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.yaml.reader import block, flow, parse
from gitmodel.errors import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

_KEY = lazy_compile(
    r"""(?P<indent>[ ]*)(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#\[\]{},&*!|>%@`][^#:\r\n]*?)[ \t]*:(?=[\s]|$)"""
)
_QUOTED = lazy_compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")


def edit(text: str, wanted: Mapping[str, Value], *, what: str) -> str:
    """Return `text` changed as little as possible so that it says `wanted`.

    Keys that are new come behind the key that precedes them in `wanted`.

    Args:
        text: The file as it is.
        wanted: The whole mapping that the file shall hold.
        what: What is edited (a path), for messages.

    Raises:
        TextError: `text` does not parse, or its layout is none that can be edited by lines.
    """
    present = _parse(text, what)
    if _same(present, wanted):
        return text
    ending = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
    lines = [f"{line}\n" for line in text.split("\n")]
    # What follows the last line feed is a line without one, or nothing.
    lines[-1:] = [lines[-1][:-1]] if lines[-1] != "\n" else []
    result = "".join(_edit_mapping(lines, present, wanted, ending))
    if not _parses_to(result, wanted, what):
        raise TextError(
            f"{what}: its layout cannot be edited line by line",
            hint=f"edit it by hand, so that it says {_difference(present, wanted)}",
        )
    return result


@dataclass(frozen=True, slots=True)
class _Entry:
    """One `key: value` of a block mapping, lines `first` up to but without `last`."""

    key: str
    first: int
    last: int
    colon: int


def _parse(text: str, what: str) -> dict[str, Value]:
    # A surrogate passes here so that it is the parser that refuses it, with its line.
    return parse(text.encode("utf-8", "surrogatepass"), what=what)


def _same(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    # As JSON, 1, 1.0, true and "1" differ, and NaN is NaN.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parses_to(text: str, wanted: Mapping[str, Value], what: str) -> bool:
    try:
        return _same(_parse(text, what), wanted)
    except TextError:
        return False


def _difference(present: Mapping[str, Value], wanted: Mapping[str, Value]) -> str:
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    removed = [key for key in present if key not in wanted]
    return flow(changed) if changed else f"nothing about {', '.join(removed)}"


def _edit_mapping(
    lines: list[str], present: Mapping[str, Value], wanted: Mapping[str, Value], ending: str
) -> list[str]:
    """Edit the lines of one block mapping, from `present` to `wanted`."""
    entries = _entries(lines)
    # Taken before anything is removed: what replaces all keys of a nested mapping stays nested.
    indent = min((_indent(lines[entry.first]) for entry in entries.values()), default=0)
    for key in present:
        if key not in wanted and (entry := entries.get(key)):
            kept = [line for line in lines[entry.first + 1 : entry.last] if _is_comment(line)]
            lines = lines[: entry.first] + kept + lines[entry.last :]
            entries = _entries(lines)
    previous: str | None = None
    for key, value in wanted.items():
        entry = entries.get(key)
        if entry is None:
            new = [f"{line}{ending}" for line in block({key: value}, indent)]
            lines = _insert(lines, new, after=previous, ending=ending)
            entries = _entries(lines)
        elif not _same({key: present.get(key)}, {key: value}):
            new = _edit_entry(lines, entry, present.get(key), value, ending)
            lines = lines[: entry.first] + new + lines[entry.last :]
            entries = _entries(lines)
        previous = key
    return lines


def _edit_entry(
    lines: list[str], entry: _Entry, present: Value, value: Value, ending: str
) -> list[str]:
    head, *rest = lines[entry.first : entry.last]
    comment = _comment_at(head, entry.colon + 1)
    in_block = not head[entry.colon + 1 : comment].strip()
    if in_block and isinstance(present, dict) and isinstance(value, dict) and value:
        return [head, *_edit_mapping(rest, present, value, ending)]
    tail = head[comment:].rstrip("\r\n")
    end = head[len(head.rstrip("\r\n")) :]
    kept = [line for line in rest if _is_comment(line)]
    return [f"{head[: entry.colon + 1]} {flow(value)}{tail}{end or ending * bool(kept)}", *kept]


def _insert(lines: list[str], new: list[str], *, after: str | None, ending: str) -> list[str]:
    entries = _entries(lines)
    if after in entries:
        place = entries[after].last
    else:
        place = min((entry.first for entry in entries.values()), default=len(lines))
    before = lines[:place]
    if before and not before[-1].endswith("\n"):
        before[-1] += ending
    return before + new + lines[place:]


def _entries(lines: list[str]) -> dict[str, _Entry]:
    """Find the entries of the block mapping that `lines` hold, each with all of its own lines."""
    result: dict[str, _Entry] = {}
    indent: int | None = None
    current: _Entry | None = None
    for number, line in enumerate(lines):
        if not line.strip() or re.match(r"---\s*$", line):
            continue
        if _is_comment(line):
            # A comment indented more deeply than the key belongs to what the key holds.
            if current is None or indent is None or _indent(line) <= indent:
                continue
        elif (found := _KEY.match(line)) and indent in (None, len(found["indent"])):
            indent = len(found["indent"])
            current = _Entry(_unquote_key(found["key"]), number, number + 1, found.end() - 1)
        if current is not None:
            current = _Entry(current.key, current.first, number + 1, current.colon)
            result[current.key] = current
    return result


def _unquote_key(written: str) -> str:
    if written[0] not in "\"'":
        return written
    return next(iter(parse(f"{written}: 0".encode(), what="key")))


def _comment_at(line: str, start: int) -> int:
    """Return where the comment of a line begins, white space before it included, or its end."""
    position = start
    while position < len(line):
        # A quote opens only where a value can begin: "it's" is a plain scalar.
        opens = line[start:position].rstrip()[-1:] in {"", ",", "[", "{", ":"}
        if opens and (found := _QUOTED.match(line, position)):
            position = found.end()
        elif line[position] == "#" and line[position - 1] in " \t":
            return len(line[:position].rstrip())
        else:
            position += 1
    return len(line.rstrip())


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
