"""`gitmodel init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.fsmonitor_output import add_fsmonitor_option, show_monitor_change
from gitmodel.cli.hooks_output import has_changed, install_hooks, install_merge_driver
from gitmodel.cli.output import Paint
from gitmodel.cli.remote_options import add_remote_options, address_help, given_options
from gitmodel.project.clone import has_committed_hooks

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    init = verbs.add(
        "init",
        run,
        summary="Set up a repository: configuration, remote and hooks",
        description=f"A second run changes nothing.\n\n{address_help()}",
        json=True,
    )
    init.add_argument("url", nargs="?", metavar="URL", help="where weights go")
    init.add_argument(
        "--project", metavar="NAME", help="name of the project; by default the folder's"
    )
    init.add_argument(
        "--no-check", dest="check", action="store_false", help="do not test the remote"
    )
    init.add_argument("--no-hooks", dest="hooks", action="store_false", help="install no hooks")
    add_fsmonitor_option(init)
    add_remote_options(init)


def run(
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
        committed = has_committed_hooks(opened)
        driver = install_merge_driver(output, opened) if hooks else False
        monitor = show_monitor_change(output, opened, wanted=fsmonitor)
    output.say("project  ", Paint(report.project, "strong"))
    output.say("remote   ", Paint(report.remote, "strong"))
    for text in report.done:
        output.say(text)
    installed = (
        install_hooks(output, report.hooks_folder, top, committed=committed) if hooks else None
    )
    if not (report.done or driver or monitor or (installed is not None and has_changed(installed))):
        output.say("already set up")
    if report.default_folder:
        output.say("The remote is a folder on this machine, which nobody else can reach.")
    if output.as_json:
        output.json({"report": report, "hooks": installed})
    elif report.default_folder and not output.quiet:
        output.hint("gitmodel remote add s3://BUCKET/PREFIX moves to a bucket")
    return 0
