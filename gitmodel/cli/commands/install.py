"""`gitmodel install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.fsmonitor_output import add_fsmonitor_option, show_monitor, show_monitor_change
from gitmodel.cli.hooks_output import (
    has_changed,
    install_hooks,
    install_merge_driver,
    short_folder,
    show_hooks,
    show_merge_driver,
)
from gitmodel.cli.output import Paint
from gitmodel.project.clone import git_folder_of, has_committed_hooks, hooks_folder_of, work_tree_of

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.project import Project


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "install", run, summary="Install the hooks in this clone", description=_INSTALL
    )
    parser.add_argument("--check", action="store_true", help="change nothing, show their state")
    add_fsmonitor_option(parser)


_INSTALL = """\
Hooks are not part of what Git clones, so everybody runs this once in a clone.
It also trusts the remotes that it shows for uploads. Hooks that are installed
already keep running."""


def run(session: Session, *, check: bool, fsmonitor: bool | None) -> int:
    """Install the hooks, or show their state."""
    output = session.output
    with session.project() as project:
        folder = hooks_folder_of(project)
        top = work_tree_of(project) or git_folder_of(project)
        if check:
            shown = show_hooks(output, folder, top)
            shown = show_merge_driver(output, project) or shown
            return show_monitor(output, project) or shown
        install_merge_driver(output, project)  # first: hooks are refused in a folder of husky's
        show_monitor_change(output, project, wanted=fsmonitor)
        _renew(output, project)
        report = install_hooks(output, folder, top, committed=has_committed_hooks(project))
        if not has_changed(report):
            output.say(f"hooks are installed in {short_folder(folder, top)}")
        if project.is_set_up():
            _trust(output, project)
    return 0


def _renew(output: Output, project: Project) -> None:
    """Update the files of an earlier gitmodel in the work tree."""
    from gitmodel.workflows.install import renew

    if work_tree_of(project) is None or not project.is_set_up():
        return
    added = renew(project)
    if added:
        output.say(f"added to .gitattributes: {', '.join(added)}")
        output.hint('commit it for everybody: git commit -m "Update attributes" .gitattributes')


def _trust(output: Output, project: Project) -> None:
    """Trust the remotes of this clone, and print their addresses."""
    from gitmodel.workflows.remote import trust_remote

    for name in project.remote_names():
        address, new = trust_remote(project, name)
        if new:
            output.say("this clone may upload to ", Paint(address, "strong"))
        else:
            output.detail("this clone uploads to ", Paint(address, "strong"))
