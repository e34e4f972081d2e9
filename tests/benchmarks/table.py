"""What the suite prints: the machine, and a table of ratios with the bar of each beside it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.support.repo import GIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measuring import Comparison

MIB = 2**20
Unit = Literal["ratio", "seconds", "MiB"]
HEAD = ("scenario", "step", "against", "gitmodel", "other", "result", "rounds", "bar", "peak MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        scenario: What was measured, and with which data.
        step: Of the job.
        against: What gitmodel was compared with.
        value: The result, in `unit`; None where there is none, and `note` says why.
        unit: Of the value and the bar.
        bar: The most that the design allows, None where it names nothing.
        comparison: Behind the value, if it was timed.
        peaks: Bytes of memory of gitmodel's largest process and of the other's.
        note: Anything else.
    """

    scenario: str
    step: str
    against: str
    value: float | None = None
    unit: Unit = "ratio"
    bar: float | None = None
    comparison: Comparison | None = None
    peaks: tuple[int, ...] = ()
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the value keeps to the bar; nothing fails when it does not."""
        if self.bar is None or self.value is None:
            return ""
        return "kept" if self.value <= self.bar else "over"

    @property
    def result(self) -> str:
        """The value as text."""
        return "" if self.value is None else _number(self.value, self.unit)

    def cells(self) -> tuple[str, ...]:
        """The texts of the line, in the order of `HEAD`."""
        timed = self.comparison
        bar = "" if self.bar is None else f"{_number(self.bar, self.unit)} {self.verdict}".strip()
        return (
            self.scenario,
            self.step,
            self.against,
            "" if timed is None else f"{timed.ours:.3f} s",
            "" if timed is None else f"{timed.theirs:.3f} s",
            self.result,
            "" if timed is None else f"{timed.lowest:.2f} to {timed.highest:.2f}",
            bar,
            " / ".join(f"{one / MIB:.0f}" for one in self.peaks),
        )


def _number(value: float, unit: Unit) -> str:
    if unit == "ratio":
        return f"{value:.4f}" if value < 0.1 else f"{value:.3f}"
    return f"{value:.3f} s" if unit == "seconds" else f"{value:.0f} MiB"


def markdown(rows: Sequence[Row]) -> str:
    """What has a bar, then everything by scenario, then what is missing.

    Aligned, so that it reads in a terminal and in a document.
    """
    barred = [row.cells() for row in rows if row.bar is not None and row.value is not None]
    parts = [_table(HEAD, barred)] if barred else []
    scenarios = dict.fromkeys(row.scenario for row in rows if row.value is not None and row.against)
    parts += [_overview([row for row in rows if row.scenario == name]) for name in scenarios]
    absent = dict.fromkeys(
        f"- {row.scenario}: {row.against}: {row.note}" for row in rows if row.note
    )
    if absent:
        parts.append("\n".join([*absent, ""]))
    return "\n".join(parts)


def _overview(rows: Sequence[Row]) -> str:
    """One scenario: a line for each step, a column for each that gitmodel was compared with."""
    rows = [row for row in rows if row.value is not None and row.against]
    others = list(dict.fromkeys(row.against for row in rows))
    lines = []
    for step in dict.fromkeys(row.step for row in rows):
        found = {row.against: row for row in rows if row.step == step}
        first = next(iter(found.values()))
        timed = "" if first.comparison is None else f"{first.comparison.ours:.3f} s"
        results = (found[one].result if one in found else "" for one in others)
        lines.append((step, timed, *results, f"{first.peaks[0] / MIB:.0f}" if first.peaks else ""))
    return _table((rows[0].scenario, "gitmodel", *others, "peak MiB"), lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    every = [head, *lines]
    widths = [max(len(line[column]) for line in every) for column in range(len(head))]
    made = [_line(line, widths) for line in every]
    made.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(made) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = (f" {cell:<{width}} " for cell, width in zip(cells, widths, strict=True))
    return "|" + "|".join(texts) + "|"


def machine(scratch: Path) -> dict[str, str]:
    """Describe what this runs on, as far as results depend on it."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "scratch": _file_system(scratch),
        "python": platform.python_version(),
        "git": _said(GIT, "--version").removeprefix("git version "),
        "load": f"{load} at the start",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _file_system(folder: Path) -> str:
    df = shutil.which("df")
    lines = _said(df, "--output=fstype", str(folder)).splitlines() if df else []
    return lines[-1] if len(lines) > 1 else "unknown"


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def as_json(rows: Sequence[Row], about: dict[str, str]) -> str:
    """Everything that was measured, for a program to read."""
    lines = [asdict(row) | {"verdict": row.verdict} for row in rows]
    return json.dumps({"machine": about, "rows": lines}, indent=2) + "\n"


def say(text: str) -> None:
    """Write to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def report(text: str) -> None:
    """Say on standard error what is going on."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
