"""`gitmodel init`, `install` and `uninstall`."""

from __future__ import annotations

import os
import sys
from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING

from gitmodel.cli.fsmonitor_output import remove_monitor, show_monitor, show_monitor_change
from gitmodel.cli.output import Paint
from gitmodel.cli.remote_options import ADDRESSES, add_remote_options, given_options

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.cli.parsers import Parser, Verbs
    from gitmodel.cli.session import Session
    from gitmodel.githooks.install import InstallReport
    from gitmodel.project.project import Project

_INSTALL = """\
Hooks are not part of what Git clones, so everybody runs this once in a clone.
It also counts as your yes to uploading to the remote that it shows. Hooks that
are there already keep running."""


def add_parser(verbs: Verbs) -> None:
    """Describe the verbs."""
    init = verbs.add(
        "init",
        run_init,
        summary="Set up a repository: configuration, remote and hooks",
        description=f"Run again, it changes nothing.\n\n{ADDRESSES}",
        json=True,
    )
    init.add_argument("url", nargs="?", metavar="URL", help="where weights go")
    init.add_argument(
        "--project", metavar="NAME", help="name of the project; by default the folder's"
    )
    init.add_argument(
        "--no-check", dest="check", action="store_false", help="do not look at the remote"
    )
    init.add_argument("--no-hooks", dest="hooks", action="store_false", help="install no hooks")
    _add_fsmonitor(init)
    add_remote_options(init)
    install = verbs.add(
        "install", run_install, summary="Install the hooks in this clone", description=_INSTALL
    )
    install.add_argument("--check", action="store_true", help="change nothing, show their state")
    _add_fsmonitor(install)
    verbs.add(
        "uninstall", run_uninstall, summary="Remove the hooks and put back what was there before"
    )


def _add_fsmonitor(parser: Parser) -> None:
    parser.add_argument(
        "--fsmonitor",
        action=BooleanOptionalAction,
        default=None,
        help="let Git ask gitmodel for new weights, so that a commit of nothing else is one command",
    )


def run_init(
    session: Session,
    *,
    url: str | None,
    project: str | None,
    check: bool,
    hooks: bool,
    fsmonitor: bool | None,
    **options: str | bool | None,
) -> int:
    """Set up the repository of the current folder."""
    from gitmodel.workflows.init import init

    output = session.output
    with session.project() as opened:
        report = init(opened, url, options=given_options(options), name=project, check=check)
        top = opened.root
        committed = _is_committed(opened, report.hooks_folder)
        driver = _install_driver(output, opened) if hooks else False
        monitor = show_monitor_change(output, opened, wanted=fsmonitor)
    output.say("project  ", Paint(report.project, "strong"))
    output.say("remote   ", Paint(report.remote, "strong"))
    for text in report.done:
        output.say(text)
    installed = _install(output, report.hooks_folder, top, committed=committed) if hooks else None
    if not (report.done or driver or monitor or (installed is not None and _changed(installed))):
        output.say("everything was set up already")
    if report.default_folder:
        output.say("Weights go to a folder on this machine, which nobody else can reach.")
    if output.as_json:
        output.json({"report": report, "hooks": installed})
    elif report.default_folder and not output.quiet:
        output.hint("gitmodel remote add s3://BUCKET/PREFIX moves to a bucket")
    return 0


def run_install(session: Session, *, check: bool, fsmonitor: bool | None) -> int:
    """Install the hooks, or show their state."""
    output = session.output
    with session.project() as project:
        folder = project.repository.hooks_folder()
        top = project.repository.work_tree or project.repository.git_dir
        if check:
            shown = _show_hooks(output, folder, top)
            shown = _show_driver(output, project) or shown
            return show_monitor(output, project) or shown
        _install_driver(output, project)  # first: hooks are refused in a folder of husky's
        show_monitor_change(output, project, wanted=fsmonitor)
        _renew(output, project)
        report = _install(output, folder, top, committed=_is_committed(project, folder))
        if not _changed(report):
            output.say(f"hooks are installed in {_short(folder, top)}")
        if project.is_set_up():
            _trust(output, project)
    return 0


def _renew(output: Output, project: Project) -> None:
    """Bring the files of an earlier gitmodel up to date, where there is a work tree with any."""
    from gitmodel.workflows.init import renew

    if project.repository.work_tree is None or not project.is_set_up():
        return
    added = renew(project)
    if added:
        output.say(f"added to .gitattributes: {', '.join(added)}")
        output.hint('commit it for everybody: git commit -m "Update attributes" .gitattributes')


def run_uninstall(session: Session) -> int:
    """Remove the hooks."""
    from gitmodel.githooks.install import uninstall

    output = session.output
    with session.project() as project:
        folder = project.repository.hooks_folder()
        _remove_driver(output, project)
        remove_monitor(output, project)
    report = uninstall(folder)
    if report.removed:
        output.say(f"removed {', '.join(report.removed)}")
    if report.restored:
        output.say(f"put back what was there before: {', '.join(report.restored)}")
    for name in report.left:
        output.warn(f"{os.path.join(folder, name)} was edited, or chains another hook; it stays")
    if not report.removed and not report.left:
        output.say("there were no hooks of gitmodel")
    return 0


def _is_committed(project: Project, folder: str) -> bool:
    """Whether hooks lie among the files that people commit (`core.hooksPath=.githooks`)."""
    top = project.repository.work_tree
    if top is None or not folder.startswith(os.path.join(top, "")):
        return False
    inside = os.path.relpath(folder, top).replace(os.sep, "/")
    return ".git" not in inside.split("/") and not project.repository.is_ignored(f"{inside}/x")


def _install(output: Output, folder: str, top: str, *, committed: bool) -> InstallReport:
    from gitmodel.githooks.install import install

    report = install(folder, interpreter=sys.executable, work_tree=top)
    if report.written or report.upgraded:
        names = ", ".join([*report.written, *report.upgraded])
        output.say(f"installed hooks in {_short(folder, top)}")
        output.detail(f"  {names}")
        if committed:
            output.warn(
                f"{_short(folder, top)} is committed, and these name the Python of this machine"
            )
            output.hint(
                "gitmodel uninstall, then write this line into your own hooks there: "
                'gitmodel hook NAME "$@"'
            )
    if report.chained and _changed(report):
        output.say(f"hooks that were there run first: {', '.join(report.chained)}")
    if report.edited:
        output.say(f"kept your edits in {', '.join(report.edited)}")
    return report


def _install_driver(output: Output, project: Project) -> bool:
    """Let Git merge pointers by gitmodel; returns whether that is new."""
    from gitmodel.githooks.merge_driver import install_driver

    result = install_driver(project, sys.executable)
    if result == "written":
        output.say("Git merges pointers by gitmodel in this clone")
    elif result == "edited":
        output.say("kept your own merge driver")
    return result == "written"


def _remove_driver(output: Output, project: Project) -> None:
    from gitmodel.githooks.merge_driver import DriverState, remove_driver

    state = remove_driver(project)
    if state is DriverState.OURS:
        output.say("removed the merge driver")
    elif state is DriverState.EDITED:
        output.warn("merge.gitmodel.driver in the configuration of this clone was edited; it stays")


def _changed(report: InstallReport) -> bool:
    return bool(report.written or report.upgraded)


def _show_hooks(output: Output, folder: str, top: str) -> int:
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


def _show_driver(output: Output, project: Project) -> int:
    from gitmodel.githooks.merge_driver import DriverState, driver_state, is_outdated

    state, old = driver_state(project), is_outdated(project)
    there = state is not DriverState.ABSENT and not old
    word = "outdated" if old else str(state)
    output.table([["merge driver", Paint(word, "good" if there else "bad")]])
    if not there:
        output.hint("gitmodel install")
    return 0 if there else 1


def _trust(output: Output, project: Project) -> None:
    """Show where this clone uploads to; by running this command the person says yes to it."""
    from gitmodel.workflows.remote import trust_remote

    for name in project.remote_names():
        address, new = trust_remote(project, name)
        if new:
            output.say("this clone may upload to ", Paint(address, "strong"))
        else:
            output.detail("this clone uploads to ", Paint(address, "strong"))


def _short(folder: str, top: str) -> str:
    """The folder as seen from the top of the work tree, where it lies in it."""
    inside = os.path.relpath(folder, top)
    return folder if inside.startswith(os.pardir) else inside
