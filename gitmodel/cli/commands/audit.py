"""`gitmodel audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_AUDIT = """\
Registrations, promotions, roll-backs, removals, deprecations, forced gates and
changed metrics, oldest first. Only commits that were the tip of the branch
count, by their dates; "by" is the author of the commit that brought the file,
"merged by" who merged it. "signed" is what Git says about the commit with the
keys of this machine."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "audit",
        run,
        summary="Show what happened to models on a branch, and who decided it",
        description=_AUDIT,
        json=True,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="which model; all if none")
    parser.add_argument(
        "--since",
        metavar="DATE|REV",
        help="only what came then or later (2026-05-06, or an instant with its zone), or what a "
        "revision does not have, for example the commit before a push",
    )
    parser.add_argument(
        "--branch",
        metavar="REV",
        help="the branch; by default that of origin/HEAD as last fetched, else HEAD",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="instead: compare history with the claims on the remote and with how the remote branch "
        "moved; exit with 1 if something is not explained",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--csv",
        dest="form",
        action="store_const",
        const="csv",
        help="print CSV; a text that begins like a formula gets an apostrophe",
    )
    form.add_argument(
        "--md", dest="form", action="store_const", const="md", help="print a table in Markdown"
    )


def run(
    session: Session,
    *,
    name: str | None,
    since: str | None,
    branch: str | None,
    check: bool,
    form: str | None,
) -> int:
    """Show the events."""
    if check:
        if since is not None or form is not None:
            raise UsageError(
                "--check looks at all of history, and prints text or JSON",
                hint="gitmodel audit --check",
            )
        return _check(session, name, branch)
    if session.output.as_json and form is not None:
        raise UsageError(f"use --json or --{form}, not both", hint="gitmodel audit --help")
    from gitmodel.cli.audit_output import (
        TABLE,
        audit_csv,
        audit_markdown,
        event_documents,
        table_row,
    )
    from gitmodel.workflows.audit import audit

    with session.project() as project:
        report = audit(project, name, since=since, branch=branch)
    output = session.output
    if output.as_json:
        events = event_documents(report.rows)
        output.json({"branch": report.branch, "events": events, "unexplained": None})
    elif form == "csv":
        output.verbatim(audit_csv(report.rows))
    elif form == "md":
        output.verbatim(audit_markdown(report))
    else:
        output.line(f"on {report.branch}, by the dates of its commits (UTC)")
        output.table([table_row(row) for row in report.rows], header=TABLE)
        if not report.rows:
            output.line("nothing happened")
    return 0


def _check(session: Session, name: str | None, branch: str | None) -> int:
    from gitmodel.cli.audit_output import say_check, unexplained_documents
    from gitmodel.workflows.audit import check

    with session.project() as project:
        report = check(project, name, branch=branch)
    output = session.output
    if output.as_json:
        for note in report.notes:
            output.warn(note)
        documents = unexplained_documents(report)
        output.json({"branch": report.branch, "events": None, "unexplained": documents})
    else:
        say_check(output, report)
    return 0 if report.is_explained else 1
