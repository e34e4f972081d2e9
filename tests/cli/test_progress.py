"""Progress bars: late, with rates, from several threads, and never in a pipe."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gitmodel.cli.output import Output
from gitmodel.cli.progress import TerminalProgress
from gitmodel.cli.session import Session
from gitmodel.project.context import Silent
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from gitmodel.domain.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def progress(terminal: Terminal, clock: Clock) -> TerminalProgress:
    return TerminalProgress(terminal, clock=clock)


def test_it_is_a_progress(progress: TerminalProgress) -> None:
    listener: Progress = progress

    listener.finish()


def test_a_step_within_a_second_shows_nothing(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("hashing fraud", 100)
    clock.seconds += 0.9
    progress.advance(100)
    progress.finish()

    assert terminal.getvalue() == ""


def test_a_longer_step_shows_what_how_far_and_how_fast(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("hashing fraud", 4_000_000)
    clock.seconds += 1
    progress.advance(1_000_000)

    shown = terminal.getvalue()
    assert "hashing fraud  25%" in shown
    assert "1.00M/4.00M" in shown
    assert "MB/s" in shown
    progress.finish()


def test_the_rate_counts_from_the_start_of_the_step(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("fetching", 200_000_000)
    clock.seconds += 100
    progress.advance(100_000_000)
    progress.finish()

    rates = re.findall(r"([0-9.]+)([kM])B/s", terminal.getvalue())
    shown = [float(number) * (1 if unit == "M" else 0.001) for number, unit in rates]
    assert shown
    # 1 MB/s; the time that the test itself takes makes it a little less, never 100 MB/s
    assert all(0.5 < megabytes <= 1 for megabytes in shown)


def test_a_step_of_unknown_length_shows_no_percentage(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("checking packs", 0)
    clock.seconds += 2
    progress.advance(5_000)
    progress.finish()

    assert "checking packs 5.00k" in terminal.getvalue()
    assert "%" not in terminal.getvalue()


def test_nothing_stays_on_the_screen(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("fetching", 10)
    clock.seconds += 2
    progress.advance(5)
    progress.finish()

    assert "\n" not in terminal.getvalue()
    assert terminal.getvalue().rsplit("\r", 1)[-1].strip() == ""


def test_a_label_cannot_move_the_cursor(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("hashing \x1b[2J", 10)
    clock.seconds += 2
    progress.advance(5)
    progress.finish()

    assert "\x1b[2J" not in terminal.getvalue()
    assert r"\x1b[2J" in terminal.getvalue()


def test_several_threads_lose_no_byte(progress: TerminalProgress, clock: Clock) -> None:
    progress.start("fetching", 8 * 1000)
    clock.seconds += 2
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.advance, [1] * 8000))

    assert progress._done_bytes == 8000
    assert progress._bar.n == 8000
    progress.finish()


def test_finishing_twice_or_late_is_fine(progress: TerminalProgress) -> None:
    progress.start("fetching", 10)
    progress.finish()
    progress.finish()
    progress.advance(5)
    progress.clear()

    assert progress._bar is None


def test_a_step_that_begins_ends_the_one_before(
    progress: TerminalProgress, terminal: Terminal, clock: Clock
) -> None:
    progress.start("first", 10)
    clock.seconds += 2
    progress.advance(5)
    progress.start("second", 10)
    progress.advance(1)

    assert progress._bar is None  # the patience starts anew
    progress.finish()


def test_a_pipe_and_quiet_get_no_bars() -> None:
    pipe = Output({}, stdout=io.StringIO(), stderr=io.StringIO())
    quiet = Output({}, stdout=io.StringIO(), stderr=Terminal())
    quiet.quiet = True
    loud = Output({}, stdout=io.StringIO(), stderr=Terminal())

    kinds = [
        type(Session(output, environment={}, folder="/").context().progress)
        for output in (pipe, quiet, loud)
    ]

    assert kinds == [Silent, Silent, TerminalProgress]


def test_a_note_is_printed_on_a_line_of_its_own() -> None:
    stream = Terminal()
    output = Output({"NO_COLOR": "1"}, stdout=io.StringIO(), stderr=stream)
    context = Session(output, environment={}, folder="/").context()

    context.note("the pack was damaged")

    assert stream.getvalue() == "warning: the pack was damaged\n"


def test_tqdm_is_imported_when_a_bar_is_drawn_and_multiprocessing_never() -> None:
    script = (
        "import io, sys\n"
        "from gitmodel.cli.progress import TerminalProgress\n"
        "progress = TerminalProgress(io.StringIO(), patience_seconds=0.0)\n"
        "progress.start('x', 10)\n"
        "before = 'tqdm' in sys.modules\n"
        "progress.advance(5)\n"
        "progress.finish()\n"
        "print(before, 'tqdm' in sys.modules, 'multiprocessing' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PACKAGE_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False True False\n"
