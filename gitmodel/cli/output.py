"""The one place that prints: results and JSON on stdout; errors, warnings and hints on stderr.

Much of what is shown comes from files and from other people's commits. It could move the cursor,
reverse the reading direction or colour itself as an error of ours, so every text is escaped on its
way out, here and nowhere else; a line that is printed stays one line. Colour is added after that,
only on a terminal, and not where `NO_COLOR` is set.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

    from gitmodel.errors import GitmodelError

Style = Literal["plain", "strong", "good", "bad", "doubt", "quiet"]

_CODES: Mapping[str, str] = {
    "strong": "1",
    "good": "32",
    "bad": "1;31",
    "doubt": "33",
    "quiet": "2",
}
_ASCII = frozenset({"ascii", "us-ascii", "ANSI_X3.4-1968", "646"})  # as systems call it
_LEAST_WIDTH = 40  # columns; below that a table is not cut, for nothing would be left of it


class Paint(NamedTuple):
    """A piece of text with a meaning that is shown as colour."""

    text: str
    style: Style = "plain"


class OutputClosedError(Exception):
    """Whoever read our stdout has gone, as in `gitmodel list | head -1`; nothing failed."""


class _Nowhere(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)


class Output:
    """Where one command prints to. `environment` is for `NO_COLOR`, `TERM` and `COLUMNS`.

    `quiet` leaves out what only says that something was done; `verbose` says more. With `as_json` the
    command prints its report as JSON instead.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.quiet = False
        self.verbose = False
        self.as_json = False
        # Python has no stream where the parent closed it (`gitmodel push >&-`).
        self._stdout = stdout or sys.stdout or _Nowhere()
        self._stderr = stderr or sys.stderr or _Nowhere()
        self._environment = environment
        for stream in (self._stdout, self._stderr):
            _never_fail_to_encode(stream)

    @property
    def stderr(self) -> TextIO:
        """The stream of errors, for progress bars."""
        return self._stderr

    def line(self, *parts: str | Paint) -> None:
        """Print a line of a result on stdout; its parts follow each other without a space."""
        self._write(self._line(self._stdout, parts))

    def say(self, *parts: str | Paint) -> None:
        """Print what was done on stdout; not under `--quiet`, and not where JSON is printed."""
        if not self.quiet and not self.as_json:
            self.line(*parts)

    def detail(self, *parts: str | Paint) -> None:
        """Print what few people want to know; only under `--verbose`."""
        if self.verbose:
            self.say(*parts)

    def verbatim(self, text: str) -> None:
        """Print a text of our own on stdout as it is: help, a completion script."""
        self._write(text if text.endswith("\n") else text + "\n")

    def json(self, value: object) -> None:
        """Print a value on stdout as one JSON document, in ASCII."""
        from gitmodel.cli.json_output import document

        self._write(document(value))

    def table(self, rows: Sequence[Sequence[str | Paint]], *, header: Sequence[str] = ()) -> None:
        """Print rows of the same length on stdout with aligned columns, cut to the width of a terminal.

        Columns that are empty in every row are left out. `header` has a title for each column, or none.
        """
        from gitmodel.cli.format import columns

        cells = [[_paint(cell) for cell in row] for row in rows]
        if not cells:
            return
        used = [n for n in range(len(cells[0])) if any(row[n].text for row in cells)]
        if header:
            cells.insert(0, [Paint(title, "quiet") for title in header])
        kept = [[row[n] for n in used] for row in cells]
        widths = [max(columns(row[n].text) for row in kept) for n in range(len(used))]
        limit = self._width()
        if limit is None and not self._has_colour(self._stdout):
            for row in kept:
                self._write(_plain_line(row, widths))
            return
        for row in kept:
            self._write(self._coloured(self._stdout, _cut(_aligned(row, widths), limit)) + "\n")

    def note(self, text: str) -> None:
        """Print one line on stderr: what a hook did."""
        self._complain(text)

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        self._complain(Paint("warning: ", "doubt"), text)

    def hint(self, text: str) -> None:
        """Print on stderr what to run next."""
        self._complain(Paint("hint: ", "quiet"), text)

    def error(self, error: GitmodelError) -> None:
        """Print on stderr what happened and what to run next."""
        self.failure(str(error), hint=error.hint, excerpt=error.excerpt)

    def failure(
        self, message: str, *, hint: str | None = None, excerpt: Sequence[str] = ()
    ) -> None:
        """Print a message as an error, with lines of what was typed, and its hint."""
        self._complain(Paint("error: ", "bad"), message)
        for line in excerpt:
            self._complain("  ", line)
        if hint is not None:
            self.hint(hint)

    def flush(self) -> None:
        """Hand everything to the system. Raises OutputClosedError if the reader has gone."""
        try:
            self._stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosedError from error

    def _complain(self, *parts: str | Paint) -> None:
        try:
            self._stderr.write(self._line(self._stderr, parts))
            self._stderr.flush()
        except (OSError, ValueError):
            pass  # stderr is closed; the exit code still reports the failure

    def _write(self, text: str) -> None:
        try:
            self._stdout.write(text)
        except BrokenPipeError as error:
            raise OutputClosedError from error

    def _line(self, stream: TextIO, parts: Iterable[str | Paint]) -> str:
        return self._coloured(stream, [_paint(part) for part in parts]) + "\n"

    def _coloured(self, stream: TextIO, parts: Iterable[Paint]) -> str:
        if not self._has_colour(stream):
            return "".join(part.text for part in parts)
        return "".join(
            f"\x1b[{_CODES[part.style]}m{part.text}\x1b[0m" if part.style in _CODES else part.text
            for part in parts
        )

    def _has_colour(self, stream: TextIO) -> bool:
        # https://no-color.org: any value that is not empty
        wanted = not self._environment.get("NO_COLOR") and self._environment.get("TERM") != "dumb"
        return wanted and stream.isatty()

    def _width(self) -> int | None:
        """Columns of the terminal; None where stdout is none, so that nothing is cut for a pipe."""
        if not self._stdout.isatty():
            return None
        try:
            width = os.get_terminal_size(self._stdout.fileno()).columns
        except (OSError, ValueError):
            width = 0
        chosen = self._environment.get("COLUMNS", "")
        width = int(chosen) if chosen.isascii() and chosen.isdigit() else width
        return width if width >= _LEAST_WIDTH else None


def _paint(part: str | Paint) -> Paint:
    paint = part if isinstance(part, Paint) else Paint(part)
    if paint.text.isprintable():
        return paint
    from gitmodel.domain.text.escape import escaped

    return Paint(escaped(paint.text), paint.style)


def _plain_line(row: Sequence[Paint], widths: Sequence[int]) -> str:
    """The line of `_aligned` without colour, in a third of the time: a table may have 100,000 rows."""
    from gitmodel.cli.format import columns

    line = ""
    width = 0  # of the cells before
    shown = 0
    for (text, _), own in zip(row, widths, strict=True):
        if text:
            line += " " * (width - shown) + text
            shown = width + (len(text) if text.isascii() else columns(text))
        width += own + 2
    return line + "\n"


def _aligned(row: Sequence[Paint], widths: Sequence[int]) -> list[Paint]:
    """The row as parts with two spaces between columns and none at the end."""
    from gitmodel.cli.format import columns

    parts: list[Paint] = []
    pending = 0
    for cell, width in zip(row, widths, strict=True):
        if cell.text:
            parts += [Paint(" " * pending), cell]
            pending = 0
        pending += width - columns(cell.text) + 2
    return parts


def _cut(parts: Sequence[Paint], limit: int | None) -> list[Paint]:
    """The parts as far as they fit into so many columns, with an ellipsis where they do not."""
    from gitmodel.cli.format import columns

    if limit is None or sum(columns(part.text) for part in parts) <= limit:
        return list(parts)
    kept: list[Paint] = []
    left = limit - 1
    for part in parts:
        text = ""
        for one in part.text:
            left -= columns(one)
            if left < 0:
                return [*kept, Paint(text + "…", part.style)]
            text += one
        kept.append(part)
    return kept


def _never_fail_to_encode(stream: TextIO) -> None:
    r"""Show what the terminal's encoding has not as `\u2026` instead of failing.

    In UTF-8 mode a terminal keeps the encoding of its locale. ASCII says nothing about a terminal: Python
    writes UTF-8 there, and so does Git. What is no terminal gets UTF-8, as Git writes it.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return
    reconfigure(errors="backslashreplace")
    if sys.flags.utf8_mode and stream.encoding == "utf-8" and stream.isatty():
        reconfigure(encoding="locale", errors="backslashreplace")
        if stream.encoding in _ASCII:
            reconfigure(encoding="utf-8", errors="backslashreplace")
