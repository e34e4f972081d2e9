"""Markdown for comments on requests, of texts that a request can choose.

Guarantee: a text in `code` is inside a code span that it cannot end, so it makes no link, no mention and no HTML, and
a row of a table stays one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 60_000  # of a comment; GitHub takes 65,536 characters
_LONGEST_TEXT = 300  # characters
# A code span is ended by a backtick, a cell by a bar; both have to stay one line.
_HARMLESS = str.maketrans({"`": "'", "|": "\u00a6", "<": "\u2039", ">": "\u203a"})


def code(text: str) -> str:
    """A text as a code span, in which nothing is Markdown, a mention or HTML; `-` for an empty one."""
    short = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    inner = escaped(short).translate(_HARMLESS).strip()
    return f"`{inner}`" if inner else "-"


def cut_lines(lines: Sequence[str], most: int) -> list[str]:
    """The first lines, up to a number of bytes, and how many were left out."""
    kept: list[str] = []
    for line in lines:
        most -= len(line.encode("utf-8", "replace")) + 1
        if most < 0:
            return [*kept, "", f"{len(lines) - len(kept):,} more are in the output of the job."]
        kept.append(line)
    return kept


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, most: int) -> list[str]:
    """A table of cells that are Markdown already; the rows after the first `most` are folded."""
    head = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return []
    shown = [*head, *lines[:most]]
    if len(lines) <= most:
        return shown
    fold = f"<details><summary>{len(lines) - most:,} more</summary>"
    return [*shown, "", fold, "", *head, *lines[most:], "", "</details>"]
