"""`gitmodel remote copy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitmodel.cli.format import count_text
from gitmodel.cli.output import Paint
from gitmodel.cli.parsers import finish

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.cli.session import Session
    from gitmodel.workflows.remote_copy import CopyReport

_COPY = """\
Copy every version in the history of this clone's refs (local and remote-
tracking branches, tags, stashes) with the claims of the project from one remote
to another. Packs are copied unchanged. Objects that the target has are not
copied again, so repeat the command after an interruption. Versions that the
source lacks are taken from this clone's cache.

An end is the name of a remote, or its address as `gitmodel remote list` shows
it. Without --to, that is the primary remote. Without --from, it is the address
that .gitmodel.yaml named as primary remote before, in Git's history."""


def add_copy_parser(below: Any) -> None:
    """Add the parser."""
    copy = below.add_parser(
        "copy",
        help="Copy every version to another remote",
        description=f"Copy every version to another remote\n\n{_COPY}",
    )
    copy.add_argument("--from", dest="source", metavar="NAME|URL", help="where from")
    copy.add_argument("--to", dest="target", metavar="NAME|URL", help="where to")
    copy.add_argument("--dry-run", action="store_true", help="only count what would be copied")
    copy.add_argument(
        "--verify",
        action="store_true",
        help="read and check each pack, also where one store could copy it by itself",
    )
    finish(copy, run_copy, json=True)


def run_copy(
    session: Session, *, source: str | None, target: str | None, dry_run: bool, verify: bool
) -> int:
    """Copy versions, and print what was copied and what is missing."""
    from gitmodel.workflows.remote_copy import copy_remote

    with session.project() as project:
        report = copy_remote(project, source=source, target=target, dry_run=dry_run, verify=verify)
    if session.output.as_json:
        session.output.json(report)
    else:
        _say(session.output, report)
    return 0 if report.is_complete else 1


def _say(output: Output, report: CopyReport) -> None:
    output.say("from  ", Paint(report.source, "strong"))
    output.say("to    ", Paint(report.target, "strong"))
    would = "would be " if report.dry_run else ""
    output.say(
        f"{count_text(report.versions, 'version')}: {report.copied} {would}copied, "
        f"{report.present} were there, {len(report.missing)} missing"
    )
    output.say(
        f"{count_text(report.packs, 'pack')}, {report.pack_bytes:,} bytes {would}sent{_how(report)}"
    )
    output.say(
        f"{count_text(report.claims, 'claim')} {would}copied, {report.claims_present} were there"
    )
    for missing in report.missing:
        output.line(
            Paint(f"missing  {missing.name}@{missing.version}", "bad"), f"  {missing.reason}"
        )
    for conflict in report.conflicts:
        output.line(
            Paint(f"conflict {conflict.name}@{conflict.version}", "bad"),
            f"  is {conflict.source} on the source and {conflict.target} on the target; both claims "
            "stay as they are",
        )
    for damaged in report.damaged_claims:
        output.line(Paint("damaged ", "bad"), f" {damaged}")
    _say_what_next(output, report)


def _how(report: CopyReport) -> str:
    """What was not read here, and what did not come from the source."""
    words = []
    if report.by_store:
        words.append(
            f"{report.by_store} by the store itself, checked by size; --verify reads their bytes"
        )
    if report.from_cache:
        words.append(f"{report.from_cache} from this clone's cache")
    return f" ({'; '.join(words)})" if words else ""


def _say_what_next(output: Output, report: CopyReport) -> None:
    if report.unknown:
        names = ", ".join(report.unknown[:5]) + (", ..." if len(report.unknown) > 5 else "")
        output.say(
            f"{len(report.unknown)} more are claimed on the source, which no ref of this clone has: "
            f"{names}; for these: git fetch --all --tags, then run this again"
        )
    if report.missing:
        output.say("run gitmodel push in the clones that have the missing versions in their cache")
