"""`gitmodel show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text, size_text
from gitmodel.cli.output import Paint
from gitmodel.cli.reference_help import REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.domain.aliases import Alias
    from gitmodel.workflows.show import ShowReport


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "show",
        run,
        summary="Show all details of a version",
        description=REFERENCES,
        json=True,
    )
    parser.add_argument(
        "reference", metavar="REF", help="which version; also a run id or a commit alone"
    )


_SHOWN_FILES = 20


def run(session: Session, *, reference: str) -> int:
    """Show one version."""
    from gitmodel.workflows.show import show

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
    if report.aliases:
        yield "aliases", " ".join(report.aliases)
    if report.alias is not None:
        yield from _promotion(report.alias)
    if report.deprecated is not None:
        yield "deprecated", report.deprecated.words().removeprefix("deprecated ")
    yield from _people_say(report)
    yield from _format(pointer.format or {})
    if report.first is not None:
        yield "registered", f"{report.first.at} by {report.first.author}"
        yield "", f"{report.first.commit[:10]} {report.first.subject}".strip()
    if pointer.previous is not None:
        yield "previous", f"v{pointer.previous.version}"
    yield "cache", "yes" if report.in_cache else "no; to fetch it: gitmodel fetch"
    if report.stored is not None:
        yield "stored", size_text(report.stored)
    if report.files:
        yield "files", count_text(len(report.files), "file")


def _format(about: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What the weights are, and what a program that loads them might run."""
    known = {key: value for key, value in about.items() if key not in {"code", "imports"}}
    if known:
        yield "format", _flat(known)
    if "code" in about:
        yield "code", str(about["code"])
    if imports := about.get("imports"):
        yield "imports", ", ".join(map(str, imports)) if isinstance(imports, list) else str(imports)


def _promotion(alias: Alias) -> Iterator[tuple[str, str]]:
    """What an alias says of its promotion."""
    if alias.why is not None:
        yield "why", alias.why
    if alias.forced is not None:
        yield "forced", alias.forced
    if alias.previous is not None:
        yield "before", f"{alias} was v{alias.previous.version}"


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
    run = pointer.run or {}
    if run.get("url"):
        yield "" if pointer.run_id else "run", str(run["url"])
    if about := _flat({key: value for key, value in run.items() if key != "url"}):
        yield "" if pointer.run_id or run.get("url") else "run", about
    for number, data in enumerate(pointer.data):
        yield "data" if number == 0 else "", " ".join(str(value) for value in data.values())
    if pointer.forced is not None:
        yield "forced", pointer.forced
    for title, values in (("metrics", pointer.metrics), ("params", pointer.params)):
        for number, (name, value) in enumerate(values.items()):
            yield title if number == 0 else "", f"{name} {value}"


def _flat(values: Mapping[str, object]) -> str:
    """Values on a line, those of a mapping by their own names: `type gguf, dtypes F32 3 Q4_K 100`."""
    return ", ".join(
        f"{name} {' '.join(f'{key} {one}' for key, one in value.items())}"
        if isinstance(value, dict)
        else f"{name} {value}"
        for name, value in values.items()
    )


def _document(report: ShowReport) -> dict[str, object]:
    pointer = report.model.pointer
    return {
        "pointer_path": report.model.path,
        "weights_path": report.model.weights,
        "pointer": pointer,
        "first": report.first,
        "in_cache": report.in_cache,
        "stored": report.stored,
        "alias": report.alias,
        "aliases": report.aliases,
        "deprecated": report.deprecated,
        "files": [{"path": p, "size": size, "digest": digest} for p, size, digest in report.files],
    }
