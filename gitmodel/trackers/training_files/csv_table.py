r"""Reads a log of metrics as CSV: one column a metric, one row a step; the last value of a column counts.

    delimiter   the only one of `,` `;` tab that the header has; a header with two of them is refused
    header      the first line; the same line again begins a new run, whose values replace the earlier ones;
                a line that repeats its names and adds some is the header from there on (Lightning before 2.0)
    cells       numbers, `nan` and infinities; an empty cell says nothing; other cells are text
    two columns named `metric` and `value` (or `name`, `key`) hold one metric a row

Guarantee: time and memory are linear in the bytes, which are limited, and only `TextError` is raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gitmodel.domain.metrics import MAX_FILE_BYTES, metrics_from_mapping
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.yaml.reader import decode
from gitmodel.errors import TextError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gitmodel.domain.metrics import MetricsRead

MAX_COLUMNS: Final = 500
MAX_ROWS: Final = 1_000_000
POSITIONS: Final = frozenset({"epoch", "step"})  # say when, not how good
_INTEGER = lazy_compile(r"[-+]?[0-9]{1,100}")
_FLOAT = lazy_compile(
    r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]{1,5})?|nan|[-+]?inf(?:inity)?", re.IGNORECASE
)
_MAX_CELL = 1000  # characters of a cell that is compared with the form of a number


@dataclass(frozen=True, slots=True)
class Table:
    """A file of CSV: names, and the rows below them.

    Attributes:
        names: The header, without spaces around the names; grown to its last form.
        rows: Cells by column. A row may be shorter than the header.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_table(raw: bytes, *, what: str) -> Table:
    """Read the rows of the last run of a file.

    Raises:
        TextError: The file is not CSV, has two delimiters or a name twice, or is too large.
    """
    # Editors on Windows add a byte order mark.
    text = decode(raw.removeprefix(b"\xef\xbb\xbf"), what=what, max_bytes=MAX_FILE_BYTES)
    names: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    for number, cells in enumerate(_lines(text, what), 1):
        if number > MAX_ROWS:
            raise TextError(f"{what}: the file has more than {MAX_ROWS:,} rows")
        if not names:
            names = _header(cells, what)
        elif cells == names:
            rows.clear()
        elif len(cells) > len(names) and set(names) <= set(cells):
            order = [cells.index(name) for name in names]
            if order != list(range(len(names))):
                raise TextError(f"{what}: a second header has the names in another order")
            names = _header(cells, what)
        else:
            rows.append(cells)
    return Table(names, tuple(rows))


def last_values(table: Table, *, what: str) -> MetricsRead:
    """Return the last value of each column but `epoch` and `step`.

    Columns whose last value is text are skipped, with the reason.

    Raises:
        TextError: A pointer cannot store so many values.
    """
    values: dict[str, object] = {}
    if tuple(map(str.lower, table.names)) in _PAIRS:
        pairs = ((row[0], row[1]) for row in table.rows if len(row) == 2)
        found: Mapping[str, str] = dict(pairs)
    else:
        found = _last_cells(table)
    text: list[tuple[str, str]] = []
    for name, cell in found.items():
        if name.lower() in POSITIONS:
            continue
        value = number_of(cell)
        if value is None:
            text.append(
                (name[:200], f"its last value {quote_text(cell, limit=20)} is not a number")
            )
        else:
            values[name] = value
    read = metrics_from_mapping(values, what=what)
    return type(read)(read.values, (*text, *read.skipped))


def number_of(cell: str) -> int | float | None:
    """Convert a cell; None if it is not a number."""
    if len(cell) > _MAX_CELL:
        return None
    if _INTEGER.fullmatch(cell):
        return int(cell)
    return float(cell) if _FLOAT.fullmatch(cell) else None


_PAIRS = {(name, "value") for name in ("metric", "metrics", "name", "key")}


def _lines(text: str, what: str) -> Iterator[tuple[str, ...]]:
    """The cells of each line that has some."""
    import csv  # takes 2 ms

    lines = text.split("\n")
    header = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=_delimiter(header, what))
    try:
        for cells in reader:
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped):
                yield stripped
    except csv.Error as error:
        raise TextError(f"{what}: line {reader.line_num}: not CSV: {error}") from error


def _delimiter(header: str, what: str) -> str:
    outside = re.sub(r'"[^"]*"', "", header)
    found = [delimiter for delimiter in ",;\t" if delimiter in outside]
    if len(found) > 1:
        raise TextError(
            f"{what}: the header has more than one of comma, semicolon and tab",
            hint="separate the columns by commas",
        )
    return found[0] if found else ","


def _header(cells: Sequence[str], what: str) -> tuple[str, ...]:
    if len(cells) > MAX_COLUMNS:
        raise TextError(f"{what}: the file has more than {MAX_COLUMNS} columns")
    seen: set[str] = set()
    for name in cells:
        if name and name in seen:
            raise TextError(f"{what}: the column {quote_text(name)} occurs twice")
        seen.add(name)
    if all(number_of(name) is not None for name in cells if name):
        raise TextError(
            f"{what}: the first line has no names", hint="write the names of the metrics there"
        )
    return tuple(cells)


def _last_cells(table: Table) -> dict[str, str]:
    """The last cell of each column that is not empty, from the end on."""
    wanted = {index for index, name in enumerate(table.names) if name}
    found: dict[int, str] = {}
    for row in reversed(table.rows):
        if not wanted:
            break
        for index, cell in enumerate(row):
            if cell and index in wanted:
                found[index] = cell
                wanted.discard(index)
    return {table.names[index]: found[index] for index in sorted(found)}
