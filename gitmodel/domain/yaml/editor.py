"""Edits single lines of a YAML file that people write, and keeps comments, order and quoting.

`edit` compares the values in the file with the wanted ones and rewrites the lines that differ. It refuses
layouts that it cannot edit.

Guarantee: the result parses to exactly the wanted values. Other lines, their comments, and comments on
lines of their own are unchanged.
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
    """Return `text` with the fewest changes after which it parses to `wanted`, the whole new mapping.

    A new key is inserted after the key that precedes it in `wanted`; `what` is the file's path, for
    messages. Raises TextError if `text` does not parse, or its layout cannot be edited line by line.
    """
    present = _parse(text, what)
    if _same(present, wanted):
        return text
    ending = "\r\n" if re.match(r"[^\n]*\r\n", text) else "\n"
    lines = [f"{line}\n" for line in text.split("\n")]
    # The last line has no line feed, or is empty.
    lines[-1:] = [lines[-1][:-1]] if lines[-1] != "\n" else []
    result = "".join(_edit_mapping(lines, present, wanted, ending))
    if not _parses_to(result, wanted, what):
        raise TextError(
            f"{what}: its layout cannot be edited line by line",
            hint=f"edit it by hand: {_difference(present, wanted)}",
        )
    return result


@dataclass(frozen=True, slots=True)
class _Entry:
    """The lines `first` to `last` (exclusive) of one key in a block mapping."""

    key: str
    first: int
    last: int
    colon: int


def _parse(text: str, what: str) -> dict[str, Value]:
    # The parser refuses surrogates, with a line number.
    return parse(text.encode("utf-8", "surrogatepass"), what=what)


def _same(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    # In JSON 1, 1.0, true and "1" differ, and NaN equals NaN.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parses_to(text: str, wanted: Mapping[str, Value], what: str) -> bool:
    try:
        return _same(_parse(text, what), wanted)
    except TextError:
        return False


def _difference(present: Mapping[str, Value], wanted: Mapping[str, Value]) -> str:
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    removed = [key for key in present if key not in wanted]
    return f"write {flow(changed)}" if changed else f"remove {', '.join(removed)}"


def _edit_mapping(
    lines: list[str], present: Mapping[str, Value], wanted: Mapping[str, Value], ending: str
) -> list[str]:
    """Edit the lines of one block mapping: remove keys, then change or insert each wanted key."""
    # Measured before keys are removed, in case all keys of a nested mapping are replaced.
    indent = min((_indent(lines[entry.first]) for entry in _entries(lines).values()), default=0)
    for key in present:
        if key not in wanted:
            lines = _remove(lines, key)
    entries = _entries(lines)
    previous: str | None = None
    for key, value in wanted.items():
        if key not in entries:
            new = [f"{line}{ending}" for line in block({key: value}, indent)]
            lines = _insert(lines, new, after=previous, ending=ending)
            entries = _entries(lines)
        elif not _same({key: present.get(key)}, {key: value}):
            entry = entries[key]
            new = _edit_entry(lines, entry, present.get(key), value, ending)
            lines = lines[: entry.first] + new + lines[entry.last :]
            entries = _entries(lines)
        previous = key
    return lines


def _remove(lines: list[str], key: str) -> list[str]:
    """Remove an entry, but not its comments on lines of their own."""
    entry = _entries(lines).get(key)
    if entry is None:
        return lines
    comments = [line for line in lines[entry.first + 1 : entry.last] if _is_comment(line)]
    return lines[: entry.first] + comments + lines[entry.last :]


def _edit_entry(
    lines: list[str], entry: _Entry, present: Value, value: Value, ending: str
) -> list[str]:
    """Return the lines of an entry with another value; nested block mappings are edited recursively."""
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
    """Insert lines after an entry, or before the first one."""
    entries = _entries(lines)
    if after in entries:
        index = entries[after].last
    else:
        index = min((entry.first for entry in entries.values()), default=len(lines))
    before = lines[:index]
    if before and not before[-1].endswith("\n"):
        before[-1] += ending
    return before + new + lines[index:]


def _entries(lines: list[str]) -> dict[str, _Entry]:
    """Find the entries of the block mapping in `lines`."""
    result: dict[str, _Entry] = {}
    indent: int | None = None
    current: _Entry | None = None
    for number, line in enumerate(lines):
        if not line.strip() or re.match(r"---\s*$", line):
            continue
        if _is_comment(line):
            # A comment with a deeper indentation than the key belongs to its entry.
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
    """Return the index of a line's comment, including white space before it, or of the line's end."""
    position = start
    while position < len(line):
        # A quote opens only at the beginning of a value: "it's" is a plain scalar.
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
