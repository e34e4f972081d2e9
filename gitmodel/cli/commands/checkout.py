"""`gitmodel checkout`, `fetch` and `pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text, size_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.fetching.session import CheckoutReport

REFERENCES = """\
REF is one of
  NAME            the version that the work tree's pointer names
  NAME@7          version 7
  NAME@ALIAS      the version that an alias names
  NAME@REVISION   the version at a Git revision (NAME@git:REVISION if both)
  NAME@blake3:…   by the first 8 or more digits of its digest"""
_CHECKOUT = f"""\
Without REF it brings the weights of every pointer in the work tree. NAME@REF
brings that version's pointer as well. Weights that are in no store are never
overwritten without --force.

{REFERENCES}"""


def add_parser(verbs: Verbs) -> None:
    """Describe the verbs."""
    checkout = verbs.add(
        "checkout",
        run_checkout,
        summary="Bring weights into the work tree, verified",
        description=_CHECKOUT,
        json=True,
    )
    checkout.add_argument("references", nargs="*", metavar="REF", help="which; all if none")
    checkout.add_argument("--out", metavar="DIR", help="write there, leave the work tree alone")
    checkout.add_argument(
        "--force", action="store_true", help="overwrite weights that are in no store"
    )
    checkout.add_argument("--remote", metavar="NAME", help="from this remote only")
    checkout.add_argument(
        "--include",
        metavar="GLOB",
        action="append",
        default=[],
        help="only such files of a folder, and only what they need; with --out; can be repeated",
    )
    fetch = verbs.add(
        "fetch",
        run_fetch,
        summary="Bring weights into the cache only",
        description=REFERENCES,
        json=True,
    )
    fetch.add_argument("references", nargs="*", metavar="REF", help="which; all if none")
    fetch.add_argument("--remote", metavar="NAME", help="from this remote only")
    pull = verbs.add(
        "pull",
        run_pull,
        summary="Fetch and check out what the work tree's pointers name",
        description="It is for after `git pull`. The pointers stay as they are.",
        json=True,
    )
    pull.add_argument("references", nargs="*", metavar="NAME", help="which; all if none")


def run_checkout(
    session: Session,
    *,
    references: list[str],
    out: str | None,
    force: bool,
    remote: str | None,
    include: list[str],
) -> int:
    """Place weights."""
    from gitmodel.workflows.checkout import checkout

    if include:
        return _checkout_files(session, references, include, out=out, force=force, remote=remote)
    with session.project() as project:
        report = checkout(project, references, out=out, force=force, remote=remote)
    return _show(session, report)


def _checkout_files(
    session: Session,
    references: list[str],
    include: list[str],
    *,
    out: str | None,
    force: bool,
    remote: str | None,
) -> int:
    from gitmodel.errors import UsageError
    from gitmodel.workflows.checkout_files import checkout_files

    if out is None or not references:
        raise UsageError(
            "--include needs a reference and --out: a part of a model in its own place would look "
            "like a new version",
            hint="gitmodel checkout NAME --include GLOB --out DIR",
        )
    with session.project() as project:
        report = checkout_files(project, references, include, out=out, force=force, remote=remote)
    return _show(session, report)


def run_fetch(session: Session, *, references: list[str], remote: str | None) -> int:
    """Fill the cache."""
    from gitmodel.workflows.fetch import fetch

    with session.project() as project:
        report = fetch(project, references, remote=remote)
    if not session.output.as_json and not report.fetched_packs:
        session.output.say("everything is in the cache already")
    return _show(session, report, placing=False)


def run_pull(session: Session, *, references: list[str]) -> int:
    """Place the weights of the pointers as they are."""
    from gitmodel.workflows.checkout import checkout

    _refuse_versions(references)
    with session.project() as project:
        report = checkout(project, references)
    return _show(session, report)


def _refuse_versions(references: list[str]) -> None:
    from gitmodel.errors import UsageError

    for reference in references:
        if "@" in reference:
            raise UsageError(
                f"pull brings what the pointers name, not {reference}",
                hint=f"gitmodel checkout {reference}",
            )


def _show(session: Session, report: CheckoutReport, *, placing: bool = True) -> int:
    output = session.output
    if output.as_json:
        output.json(report)
    else:
        changed = [placed for placed in report.placed if placed.changed]
        rows: list[list[str | Paint]] = [
            [Paint(one.name, "strong"), f"v{one.version}", size_text(one.size), one.path]
            for one in (report.placed if output.verbose else changed)
        ]
        if not output.quiet:
            output.table(rows)
        if placing and not changed:
            output.say("the weights are those of the pointers already")
        if report.fetched_packs:
            packs = count_text(report.fetched_packs, "pack")
            output.say(f"fetched {packs}, {size_text(report.fetched_bytes)}")
    return 0
