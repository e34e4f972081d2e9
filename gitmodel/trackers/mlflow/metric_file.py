"""Finds the last value in a metric file of an MLflow file store.

A line is `milliseconds value [step [name and digest of a data set]]`. The last line is not the last value:
that is the one with the greatest step, then time, then value, as `MlflowClient` has it. The client itself
loses the step of a line with a data set, and raises where the data set's name contains a space; only the
first three fields are used here.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE = 4096  # bytes


class LastValue(NamedTuple):
    """The last value, None without a readable line, and how many lines were not readable."""

    value: float | None
    unreadable: int


def last_value(blocks: Iterable[bytes]) -> LastValue:
    """Find the last value in a file that is read in blocks.

    A line that is longer than `MAX_LINE` is not readable; the memory used does not depend on the file.
    """
    best: tuple[int, int, float] | None = None
    unreadable = 0
    rest = b""
    for block in chain(blocks, (b"\n",)):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            point = _point(line)
            if point is None:
                unreadable += bool(line.strip())
            # As max() of the client: equal, or not comparable (NaN), keeps the earlier line.
            elif best is None or point > best:
                best = point
        rest = rest[: MAX_LINE + 1]
    return LastValue(best[2] if best else None, unreadable)


def _point(line: bytes) -> tuple[int, int, float] | None:
    """Step, time and value of a line; None if it is not readable."""
    if len(line) > MAX_LINE:
        return None
    fields = line.strip().split(b" ", 3)
    try:
        step = int(fields[2]) if len(fields) > 2 else 0
        return step, int(fields[0]), float(fields[1])
    except (ValueError, IndexError):
        return None
