"""`gitmodel uninstall`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.cli.fsmonitor_output import remove_monitor
from gitmodel.cli.hooks_output import remove_merge_driver
from gitmodel.project.clone import hooks_folder_of

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    verbs.add("uninstall", run, summary="Remove the hooks and put back what was there before")


def run(session: Session) -> int:
    """Remove the hooks."""
    from gitmodel.githooks.install import uninstall

    output = session.output
    with session.project() as project:
        folder = hooks_folder_of(project)
        remove_merge_driver(output, project)
        remove_monitor(output, project)
    report = uninstall(folder)
    if report.removed:
        output.say(f"removed {', '.join(report.removed)}")
    if report.restored:
        output.say(f"put back what was there before: {', '.join(report.restored)}")
    for name in report.left:
        output.warn(f"{os.path.join(folder, name)} was edited, or chains another hook; it stays")
    if not report.removed and not report.left:
        output.say("no hooks of gitmodel were installed")
    return 0
