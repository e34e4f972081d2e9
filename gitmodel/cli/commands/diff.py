"""`gitmodel diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.reference_help import REFERENCES

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_DIFF = f"""\
One REF is compared with the version that the work tree's pointer names. NAME
alone means its version in production, or if that is the same version, the one
before. The second REF can be of another model; @7 is of the same one.

Weights are not fetched. Tensors are compared by the chunks that manifests
list; at most 1 % of the weights' bytes are fetched, for headers and for short
tensors that share a chunk.

{REFERENCES}"""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "diff",
        run,
        summary="Show what changed between two versions",
        description=_DIFF,
        json=True,
    )
    parser.add_argument("first", metavar="REF", help="the version to compare from")
    parser.add_argument("second", nargs="?", metavar="REF", help="the version to compare to")
    parser.add_argument(
        "--tensors",
        dest="with_tensors",
        action="store_true",
        help="list the tensors that differ; with --verbose all of them",
    )


def run(session: Session, *, first: str, second: str | None, with_tensors: bool) -> int:
    """Show what changed; the exit code is 0 whether something did or not."""
    from gitmodel.cli.diff_output import diff_document, say_diff
    from gitmodel.workflows.diff import diff

    with session.project() as project:
        report = diff(project, first, second)
    if session.output.as_json:
        session.output.json(diff_document(report))
    else:
        say_diff(session.output, report, with_tensors=with_tensors)
    return 0
