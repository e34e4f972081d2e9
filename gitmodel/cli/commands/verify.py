"""`gitmodel verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text, size_text
from gitmodel.cli.output import Paint
from gitmodel.cli.reference_help import REFERENCES
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.project import Project
    from gitmodel.workflows.verify import VerifyReport

_VERIFY = f"""\
Without options it checks the cache and the primary remote. --refs is for CI: it
checks every pointer in the commits of a range, whatever happened to the hooks.

{REFERENCES}"""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    verify = verbs.add(
        "verify",
        run,
        summary="Check that cache and remote have the weights of the pointers",
        description=_VERIFY,
        json=True,
    )
    verify.add_argument(
        "references", nargs="*", metavar="REF", help="models or versions; all if none"
    )
    verify.add_argument("--cache", action="store_true", help="only the cache: decode everything")
    verify.add_argument("--remote", metavar="NAME", help="only this remote")
    verify.add_argument(
        "--refs",
        action="append",
        default=[],
        dest="ranges",
        metavar="RANGE",
        help="Git revisions such as origin/main..HEAD; can be repeated",
    )
    verify.add_argument(
        "--full", action="store_true", help="read every pack of the remote and decode every version"
    )


def run(
    session: Session,
    *,
    references: list[str],
    cache: bool,
    remote: str | None,
    ranges: list[str],
    full: bool,
) -> int:
    """Check, and list what is wrong."""
    _refuse_mixtures(references, cache=cache, remote=remote, ranges=ranges, full=full)
    with session.project() as project:
        reports = _reports(
            project, references, cache=cache, remote=remote, ranges=ranges, full=full
        )
    output = session.output
    fine = all(report.ok for _, report in reports)
    if output.as_json:
        checks = [{"what": what, "ok": report.ok, "report": report} for what, report in reports]
        output.json({"ok": fine, "checks": checks})
        return 0 if fine else 1
    for what, report in reports:
        for problem in report.problems:
            output.error(problem)
        verdict = count_text(len(report.problems), "problem") if report.problems else "fine"
        output.say(
            f"{what}: {_looked_at(report)}: ", Paint(verdict, "good" if report.ok else "bad")
        )
    if fine and not full and any(report.packs for _, report in reports):
        output.say("this compared sizes, not bytes; to read the bytes: add --full")
    return 0 if fine else 1


def _looked_at(report: VerifyReport) -> str:
    """What was looked at, and how."""
    parts = [count_text(report.checked, "version")]
    if report.aliases:
        parts.append(f"{report.aliases:,} {'alias' if report.aliases == 1 else 'aliases'}")
    if report.packs:
        how = "" if report.bytes_read else " compared by size"
        parts.append(count_text(report.packs, "pack") + how)
    if report.bytes_read:
        parts.append(f"{size_text(report.bytes_read)} read")
    return ", ".join(parts)


def _refuse_mixtures(
    references: list[str], *, cache: bool, remote: str | None, ranges: list[str], full: bool
) -> None:
    wrong = None
    if ranges and (references or cache):
        wrong = "--refs goes with --remote and --full only"
    elif cache and (references or remote is not None or full):
        wrong = "--cache goes with nothing else"
    if wrong is not None:
        raise UsageError(f"gitmodel verify: {wrong}", hint="gitmodel verify --help")


def _reports(
    project: Project,
    references: list[str],
    *,
    cache: bool,
    remote: str | None,
    ranges: list[str],
    full: bool,
) -> list[tuple[str, VerifyReport]]:
    from gitmodel.workflows.verify import verify_cache, verify_refs, verify_remote

    name = remote or "primary"
    if ranges:
        checked = verify_refs(project, ranges, remote=name, full=full)
        return [(f"{' '.join(ranges)} on {name}", checked)]
    reports: list[tuple[str, VerifyReport]] = []
    if cache or not (references or remote):
        reports.append(("cache", verify_cache(project)))
    if not cache:
        checked = verify_remote(project, references, remote=name, full=full)
        reports.append((f"remote {name}", checked))
    return reports
