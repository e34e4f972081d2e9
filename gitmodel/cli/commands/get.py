"""`gitmodel get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.checkout_output import show_checkout
from gitmodel.cli.format import values_text
from gitmodel.cli.reference_help import add_no_deprecated

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_SHOWN_METRICS = 3
_GET = """\
GIT_URL is what `git clone` takes: https://HOST/PATH, ssh://HOST/PATH,
HOST:PATH, or the path of a repository on this machine.

REF is one of
  NAME            the version on the default branch (also NAME@latest)
  NAME@7          version 7
  NAME@ALIAS      the version that an alias names
  NAME@REVISION   the version on a branch, at a tag or at a commit
                  (NAME@git:REVISION if an alias has that name)
  NAME@blake3:…   by the first 8 or more digits of its digest

Fetched repositories and weights stay in a cache (--cache DIR,
GITMODEL_GET_CACHE, by default ~/.cache/gitmodel). You can delete it any time."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    get = verbs.add(
        "get",
        run,
        summary="Download weights from any repository, without a clone",
        description=_GET,
        json=True,
    )
    get.add_argument("url", metavar="GIT_URL", help="the repository")
    get.add_argument("references", nargs="+", metavar="REF", help="which versions")
    get.add_argument("--out", metavar="DIR", required=True, help="write to this folder")
    get.add_argument(
        "--include",
        metavar="GLOB",
        action="append",
        default=[],
        help="only the matching files of a folder; can be repeated",
    )
    get.add_argument("--force", action="store_true", help="overwrite other content")
    get.add_argument(
        "--offline", action="store_true", help="ask no Git server: use the cached repository"
    )
    get.add_argument("--cache", metavar="DIR", help="folder of cached repositories and weights")
    get.add_argument(
        "--trust",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="trust this remote address for this call; can be repeated",
    )
    add_no_deprecated(get)


def run(
    session: Session,
    *,
    url: str,
    references: list[str],
    out: str,
    include: list[str],
    force: bool,
    offline: bool,
    cache: str | None,
    trust: list[str],
    no_deprecated: bool,
) -> int:
    """Download weights from a repository."""
    from gitmodel.workflows.get import GetOptions, get

    if no_deprecated:
        session.refuse_deprecated()
    report = get(
        session.context(),
        url,
        references,
        out=out,
        include=include,
        force=force,
        asking=GetOptions(offline=offline, cache=cache, trust=trust),
    )
    most = None if session.output.verbose else _SHOWN_METRICS
    return show_checkout(
        session,
        report,
        metrics={
            one.path: values_text(one.metrics, most=most) for one in report.placed if one.metrics
        },
    )
