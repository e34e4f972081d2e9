"""Set and report the switch `--fsmonitor`, for `init`, `install` and `uninstall`."""

from __future__ import annotations

import sys
from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.cli.parsers import Parser
    from gitmodel.project.project import Project


def show_monitor_change(output: Output, project: Project, *, wanted: bool | None) -> bool:
    """Turn the switch on or off, or keep it current; returns whether something changed.

    `wanted` is what the person has just said; None keeps what was said before.
    """
    from gitmodel.githooks.fsmonitor import install_monitor

    change = install_monitor(project, sys.executable, wanted=wanted)
    match change.what:
        case "on":
            output.say("Git asks gitmodel for new weights before a commit (core.fsmonitor)")
        case "off":
            output.say("Git no longer asks gitmodel for new weights (core.fsmonitor)")
        case "edited":
            output.warn("core.fsmonitor, or the script behind it, was edited; it stays")
        case "refused":
            output.warn(f"--fsmonitor is not installed: {change.reason}")
            output.hint("commit nothing but weights by: gitmodel commit -am MESSAGE")
        case "unchanged" | "nothing":
            pass
    return change.what in {"on", "off"}


def remove_monitor(output: Output, project: Project) -> None:
    """Take the switch out."""
    from gitmodel.githooks import fsmonitor

    change = fsmonitor.remove_monitor(project, sys.executable)
    if change.what == "off":
        output.say("Git no longer asks gitmodel for new weights (core.fsmonitor)")
    elif change.what == "edited":
        output.warn("core.fsmonitor, or the script behind it, was edited; it stays")


def show_monitor(output: Output, project: Project) -> int:
    """Show the state of the switch; 1 if it was asked for and is not on."""
    from gitmodel.githooks.fsmonitor import MonitorState, look

    found = look(project, sys.executable)
    fine = found.state in {MonitorState.ON, MonitorState.EDITED} or not found.requested
    word = Paint(str(found.state), "good" if fine else "bad")
    output.table([["fsmonitor", word]])
    if not fine:
        output.hint("gitmodel install")
    return 0 if fine else 1


def add_fsmonitor_option(parser: Parser) -> None:
    """Add the option `--fsmonitor`."""
    parser.add_argument(
        "--fsmonitor",
        action=BooleanOptionalAction,
        default=None,
        help="let Git ask gitmodel for new weights, so that a commit of nothing else is one command",
    )
