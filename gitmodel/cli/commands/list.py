"""`gitmodel list`."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gitmodel.cli.format import size_text, values_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.search.committed_versions import Scope
    from gitmodel.workflows.list import Listed

_HEADER = ("model", "version", "size", "aliases", "run", "metrics", "path")
_VERSIONS = ("model", "version", "date", "by", "aliases", "metrics", "run", "commit", "on")
_SHOWN_METRICS = 3
_SHOWN_REFS = 2

_LIST = """\
EXPR selects what is listed:
  metrics.auc > 0.9 and not deprecated
  name ~ team/* and (tag = prod or at >= 2026-05-01)
  metrics."val/f1" is nan or license is not set

Tests are joined by and, or, not and parentheses. Operators are = != < <= > >=,
and ~ for a pattern with * and ?. Fields: name version size run_id license tag
alias by at deprecated base code, and a NAME of metrics.NAME params.NAME
format.NAME data.NAME run.NAME. Texts with spaces and odd names need quotes.
An absent field makes a test false, as does NaN but for `is nan`. Dates are UTC."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    listing = verbs.add(
        "list", run, summary="List the models of the work tree", description=_LIST, json=True
    )
    listing.add_argument("revision", nargs="?", metavar="REV", help="of a Git revision instead")
    listing.add_argument("--where", metavar="EXPR", help="only those that match")
    listing.add_argument(
        "--sort",
        metavar="KEY",
        help="by a field, such as name, or -metrics.auc for the greatest first",
    )
    listing.may_be_dashed = ("--sort",)
    scope = listing.add_mutually_exclusive_group()
    scope.add_argument(
        "--versions",
        dest="scope",
        action="store_const",
        const="head",
        help="every version in the history of HEAD, or of REV",
    )
    scope.add_argument(
        "--all",
        dest="scope",
        action="store_const",
        const="all",
        help="every version of all branches and tags",
    )


def run(
    session: Session,
    *,
    revision: str | None,
    where: str | None,
    sort: str | None,
    scope: Scope | None,
) -> int:
    """List the models of a tree, or the versions of history."""
    from gitmodel.project.search.query import Query
    from gitmodel.workflows.list import list_models, list_versions

    output = session.output
    query = Query.parse(where, sort)
    with session.project() as project:
        if scope is None:
            report = list_models(project, revision, query=query, with_authors=output.as_json)
        else:
            with _without_garbage_collection():
                report = list_versions(project, scope, revision, query=query)
    most = None if output.verbose else _SHOWN_METRICS
    if output.as_json:
        output.json(report)
    elif scope is None:
        output.table([_model(row, most) for row in report.models], header=_HEADER)
    else:
        output.table([_version(row, most) for row in report.models], header=_VERSIONS)
    if not report.models and not report.broken and not output.as_json:
        what = "models" if scope is None else "versions"
        yet = "" if revision or where else " yet"
        output.line(f"no {what} match" if where else f"no {what}{yet}")
    for error in report.broken:
        output.error(error)
    return 1 if report.broken else 0


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """100,000 rows are no garbage; looking through them for cycles takes a seventh of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _model(row: Listed, most: int | None) -> list[str | Paint]:
    return [
        Paint(row.name, "strong"),
        f"v{row.version}" if row.deprecated is None else f"v{row.version} deprecated",
        size_text(row.size),
        " ".join(f"{one.alias}=v{one.version}" for one in row.aliases),
        row.run_id or "",
        values_text(row.metrics, most=most),
        row.path,
    ]


def _version(row: Listed, most: int | None) -> list[str | Paint]:
    version = f"v{row.version}"
    if row.taken:
        version += " taken"
    if row.deprecated is not None:
        version += " deprecated"
    return [
        Paint(row.name, "strong"),
        version,
        (row.at or "")[:10],
        (row.by or "").partition(" <")[0],
        " ".join(one.alias for one in row.aliases),
        values_text(row.metrics, most=most),
        row.run_id or "",
        Paint((row.commit or "")[:10], "quiet"),
        _refs(row.refs or ()),
    ]


def _refs(refs: Sequence[str]) -> str:
    """The first refs, and how many besides."""
    left = len(refs) - _SHOWN_REFS
    return " ".join([*refs[:_SHOWN_REFS], *([f"+{left}"] if left > 0 else [])])
