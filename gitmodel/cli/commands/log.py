"""`gitmodel log` and `show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.commands.checkout import REFERENCES
from gitmodel.cli.format import count_text, size_text, values_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.log import LogEntry, ShowReport

_HEADER = ("model", "version", "date", "by", "metrics", "run", "commit", "subject")
_SHOWN_METRICS = 3
_SHOWN_FILES = 20


def add_parser(verbs: Verbs) -> None:
    """Describe the verbs."""
    log = verbs.add(
        "log",
        run_log,
        summary="Show the versions of a model, who made them and how good they are",
        json=True,
    )
    log.add_argument("name", nargs="?", metavar="NAME", help="which model; all if none")
    show = verbs.add(
        "show",
        run_show,
        summary="Show everything that is known of a version",
        description=REFERENCES,
        json=True,
    )
    show.add_argument("reference", metavar="REF", help="which version")


def run_log(session: Session, *, name: str | None) -> int:
    """List versions, newest first."""
    from gitmodel.workflows.log import log

    with session.project() as project:
        entries = log(project, name)
    output = session.output
    if output.as_json:
        output.json({"versions": entries})
        return 0
    most = None if output.verbose else _SHOWN_METRICS
    output.table([_row(entry, most, named=name is None) for entry in entries], header=_HEADER)
    if not entries:
        output.line("no versions yet")
    return 0


def _row(entry: LogEntry, most: int | None, *, named: bool) -> list[str | Paint]:
    version = f"v{entry.version}{' *' if entry.current else ''}"
    if entry.taken:  # what the number means has a line of its own
        version += " taken" if entry.renumbered is None else f" now v{entry.renumbered}"
    return [
        entry.name if named else "",
        Paint(version, "strong" if entry.current else "plain"),
        entry.at[:10],
        entry.author.partition(" <")[0],
        values_text(entry.metrics, most=most),
        entry.run_id or "",
        Paint(entry.commit[:10], "quiet"),
        entry.subject,
    ]


def run_show(session: Session, *, reference: str) -> int:
    """Show one version."""
    from gitmodel.workflows.log import show

    with session.project() as project:
        report = show(project, reference)
    output = session.output
    if output.as_json:
        output.json(_document(report))
        return 0
    pointer = report.model.pointer
    output.line(Paint(f"{pointer.name} v{pointer.version}", "strong"))
    output.table([[Paint(title, "quiet"), text] for title, text in _facts(report)])
    shown = report.files if output.verbose else report.files[:_SHOWN_FILES]
    output.table([["", size_text(size), path] for path, size, _ in shown])
    if len(shown) < len(report.files):
        output.line(f"  and {len(report.files) - len(shown):,} more, with --verbose")
    return 0


def _facts(report: ShowReport) -> Iterator[tuple[str, str]]:
    pointer = report.model.pointer
    yield "digest", str(pointer.digest)
    yield "size", f"{size_text(pointer.size)} ({pointer.size:,} bytes)"
    yield "weights", report.model.weights
    yield "pointer", report.model.path
    yield from _people_say(report)
    if pointer.format:
        yield "format", _flat(pointer.format)
    if report.first is not None:
        yield "registered", f"{report.first.at} by {report.first.author}"
        yield "", f"{report.first.commit[:10]} {report.first.subject}".strip()
    if pointer.previous is not None:
        yield "previous", f"v{pointer.previous.version}"
    yield "cache", "here" if report.in_cache else "not here; gitmodel fetch brings it"
    if report.stored is not None:
        yield "stored", size_text(report.stored)
    if report.files:
        yield "files", count_text(len(report.files), "file")


def _people_say(report: ShowReport) -> Iterator[tuple[str, str]]:
    """What people and their tools wrote into the pointer."""
    pointer = report.model.pointer
    texts = (
        ("description", pointer.description),
        ("license", pointer.license),
        ("tags", ", ".join(pointer.tags)),
        ("base", pointer.base),
        ("run", pointer.run_id),
    )
    yield from ((title, text) for title, text in texts if text)
    for title, values in (("metrics", pointer.metrics), ("params", pointer.params)):
        for number, (name, value) in enumerate(values.items()):
            yield title if number == 0 else "", f"{name} {value}"


def _flat(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _document(report: ShowReport) -> dict[str, object]:
    pointer = report.model.pointer
    return {
        "pointer_path": report.model.path,
        "weights_path": report.model.weights,
        "pointer": pointer,
        "first": report.first,
        "in_cache": report.in_cache,
        "stored": report.stored,
        "files": [{"path": p, "size": size, "digest": digest} for p, size, digest in report.files],
    }
