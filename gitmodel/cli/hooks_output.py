"""Installing, removing and showing hooks and the merge driver."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.githooks.install import InstallReport
    from gitmodel.project.project import Project


def install_hooks(output: Output, folder: str, top: str, *, committed: bool) -> InstallReport:
    """Install the hooks and report what changed."""
    from gitmodel.githooks.install import install

    report = install(folder, interpreter=sys.executable, work_tree=top)
    if report.written or report.upgraded:
        names = ", ".join([*report.written, *report.upgraded])
        output.say(f"installed hooks in {short_folder(folder, top)}")
        output.detail(f"  {names}")
        if committed:
            output.warn(
                f"{short_folder(folder, top)} is part of the repository, but these hooks contain the path of this machine's Python"
            )
            output.hint(
                "gitmodel uninstall, then write this line into your own hooks there: "
                'gitmodel hook NAME "$@"'
            )
    if report.chained and has_changed(report):
        output.say(f"hooks that were there run first: {', '.join(report.chained)}")
    if report.edited:
        output.say(f"kept your edits in {', '.join(report.edited)}")
    return report


def install_merge_driver(output: Output, project: Project) -> bool:
    """Let Git merge pointers by gitmodel; returns whether that is new."""
    from gitmodel.githooks.merge_driver import install_driver

    result = install_driver(project, sys.executable)
    if result == "written":
        output.say("Git merges pointers by gitmodel in this clone")
    elif result == "edited":
        output.say("kept your own merge driver")
    return result == "written"


def remove_merge_driver(output: Output, project: Project) -> None:
    """Remove the merge driver from the configuration of this clone."""
    from gitmodel.githooks.merge_driver import DriverState, remove_driver

    state = remove_driver(project)
    if state is DriverState.OURS:
        output.say("removed the merge driver")
    elif state is DriverState.EDITED:
        output.warn("merge.gitmodel.driver in the configuration of this clone was edited; it stays")


def has_changed(report: InstallReport) -> bool:
    """Whether any hook was written or upgraded."""
    return bool(report.written or report.upgraded)


def show_hooks(output: Output, folder: str, top: str) -> int:
    """Print the state of each hook; returns the exit code."""
    from gitmodel.githooks.install import HookState, inspect

    found = inspect(folder, work_tree=top)
    runs = {HookState.OURS, HookState.EDITED, HookState.BEHIND_PRE_COMMIT, HookState.DELEGATED}
    rows: list[list[str | Paint]] = []
    for name, state in found.states.items():
        word = f"{state}, of {found.makers[name]}" if name in found.makers else str(state)
        rows.append([name, Paint(word, "good" if state in runs else "bad")])
    output.line(folder)
    output.table(rows)
    if all(state in runs for state in found.states.values()):
        return 0
    output.hint("gitmodel install")
    return 1


def show_merge_driver(output: Output, project: Project) -> int:
    """Print the state of the merge driver; returns the exit code."""
    from gitmodel.githooks.merge_driver import DriverState, driver_state, is_outdated

    state, old = driver_state(project), is_outdated(project)
    there = state is not DriverState.ABSENT and not old
    word = "outdated" if old else str(state)
    output.table([["merge driver", Paint(word, "good" if there else "bad")]])
    if not there:
        output.hint("gitmodel install")
    return 0 if there else 1


def short_folder(folder: str, top: str) -> str:
    """The folder relative to the top of the work tree, if it is inside."""
    inside = os.path.relpath(folder, top)
    return folder if inside.startswith(os.pardir) else inside
