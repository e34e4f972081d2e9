"""Output of `checkout`, `fetch`, `pull` and `get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text, size_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.cli.session import Session
    from gitmodel.project.fetching.session import CheckoutReport
    from gitmodel.workflows.get import GetReport


def show_checkout(
    session: Session,
    report: CheckoutReport | GetReport,
    *,
    placing: bool = True,
    metrics: Mapping[str, str] | None = None,
) -> int:
    """Print a report of weights that were fetched or, if `placing`, checked out.

    `metrics` has those of each version that has some, by the path of its weights.
    """
    output = session.output
    if output.as_json:
        output.json(report)
    else:
        changed = [placed for placed in report.placed if placed.changed]
        beside = metrics or {}
        rows: list[list[str | Paint]] = [
            [
                *(Paint(one.name, "strong"), f"v{one.version}", size_text(one.size), one.path),
                *([beside.get(one.path, "")] if beside else []),
            ]
            for one in (report.placed if output.verbose else changed)
        ]
        if not output.quiet:
            output.table(rows)
        if placing and not changed:
            output.say("already up to date")
        if report.fetched_packs:
            packs = count_text(report.fetched_packs, "pack")
            output.say(f"fetched {packs}, {size_text(report.fetched_bytes)}")
    return 0
