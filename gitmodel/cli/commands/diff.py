"""`gitmodel diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.reference_help import REFERENCES
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.project import Project
    from gitmodel.workflows.diff import Differences

_DIFF = f"""\
One REF is compared with the version that the work tree's pointer names. NAME
alone means its version in production, or if that is the same version, the one
before. The second REF can be of another model; @7 is of the same one, or of
the only one.

Without REF the models of the work tree are compared with HEAD. In CI, or with
--base, HEAD is compared with the branch that a request is for: new versions,
and what aliases mean.

Weights are not fetched. Tensors are compared by the chunks that manifests
list; at most 1 % of the weights' bytes are fetched (or 256 kB), for headers and
for short tensors that share a chunk. --stats reads the tensors that differ,
from the cache or the remote.

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
    parser.add_argument(
        "references", nargs="*", metavar="REF", help="the version to compare, and with which one"
    )
    parser.add_argument("--base", metavar="REV", help="compare what HEAD changes with this")
    parser.add_argument(
        "--tensors",
        dest="with_tensors",
        action="store_true",
        help="list the tensors that differ; with --verbose all of them",
    )
    parser.add_argument(
        "--stats",
        dest="with_stats",
        action="store_true",
        help="read the tensors that differ, and say how far they moved",
    )
    parser.add_argument(
        "--md", action="store_true", help="print Markdown for a comment on a request"
    )


def run(
    session: Session,
    *,
    references: list[str],
    base: str | None,
    with_tensors: bool,
    with_stats: bool,
    md: bool,
) -> int:
    """Show what changed; the exit code is 0 whether something did or not."""
    from gitmodel.cli.diff_markdown import change_markdown, differences_markdown
    from gitmodel.cli.diff_output import (
        change_document,
        differences_document,
        say_change,
        say_differences,
    )
    from gitmodel.workflows.diff import diff

    output = session.output
    with_tensors = with_tensors or with_stats
    _refuse_mixtures(references, base, md=md, as_json=output.as_json)
    with session.project() as project:
        if references:
            change = diff(project, *references, with_stats=with_stats)
            if output.as_json:
                output.json(change_document(change))
            elif md:
                output.verbatim(change_markdown(change, with_tensors=with_tensors))
            else:
                say_change(output, change, with_tensors=with_tensors)
            return 0
        found = _differences(project, base, with_stats=with_stats)
    if output.as_json:
        output.json(differences_document(found))
    elif md:
        output.verbatim(differences_markdown(found, with_tensors=with_tensors))
    else:
        say_differences(output, found, with_tensors=with_tensors)
    return 0


def _differences(project: Project, base: str | None, *, with_stats: bool) -> Differences:
    from gitmodel.workflows.diff import changed_models, is_request, requested_changes

    if base is not None or is_request(project):
        return requested_changes(project, base, with_stats=with_stats)
    return changed_models(project, with_stats=with_stats)


def _refuse_mixtures(references: list[str], base: str | None, *, md: bool, as_json: bool) -> None:
    wrong = None
    if len(references) > 2:
        wrong = "give one or two versions"
    elif base is not None and references:
        wrong = "--base goes without versions"
    elif md and as_json:
        wrong = "give --md or --json"
    if wrong is not None:
        raise UsageError(f"gitmodel diff: {wrong}", hint="gitmodel diff --help")
