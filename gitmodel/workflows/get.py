"""`gitmodel get`: download weights of versions from any repository, without a clone.

A cached clone resolves the references, and the remote in the repository's configuration has the weights. Both are
cached for all calls, so that a second call asks the Git server once and no remote. The cache can be deleted at any time.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import RemoteDeniedError, UnsafePathError, UsageError
from gitmodel.git.cached_clone.clone import CachedClone
from gitmodel.git.cached_clone.guard import locked
from gitmodel.git.url import GitUrl
from gitmodel.project.deprecated_versions import check_deprecated
from gitmodel.project.foreign.project import ForeignProject, cache_root
from gitmodel.project.foreign.references import Located, Locator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.metrics import Metric
    from gitmodel.project.context import Context
    from gitmodel.project.fetching.session import CheckoutReport


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOptions:
    """How a repository is asked."""

    offline: bool = False  # only what is cached
    # where excerpts and weights are kept, as typed; None for the usual place
    cache: str | None = None
    trust: Sequence[str] = ()  # addresses of remotes to which the person says yes for this call


@dataclass(frozen=True, slots=True)
class DownloadedVersion:
    """One version's part of the report."""

    name: str
    version: int
    digest: Digest  # of the weights
    path: str  # where they are now, absolute
    size: int  # bytes
    changed: bool  # whether anything had to be written
    commit: str  # one in which the pointer, or the alias that was asked for, stands
    # of the pointer, or of the alias that was asked for
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(slots=True)
class GetReport:
    """The result of a download."""

    url: str  # without user name and password
    placed: list[DownloadedVersion] = field(default_factory=list)  # in the order of the references
    fetched_packs: int = 0  # number of packs
    fetched_bytes: int = 0


def get(
    context: Context,
    url: str,
    references: Sequence[str],
    *,
    out: str,
    include: Sequence[str] = (),
    force: bool = False,
    asking: GetOptions | None = None,
) -> GetReport:
    """Bring weights out of a repository (its URL as typed) into a folder (as typed), verified.

    With `include` only files of folder models whose path matches one of these patterns; `force`
    overwrites other content that is there.

    Raises as `borrow`, UsageError if two references have one place, UntrustedRemoteError if the address is
    not trusted, UnsafePathError if the weights would be a hidden file,
    UnsavedWeightsError if other content is there, ObjectMissingError, DamagedObjectError or RemoteError
    if the weights cannot be had.
    """
    project, located = borrow(context, url, references, asking)
    with project:
        check_deprecated(
            project,
            [found.model for found in located],
            f"gitmodel get {shlex.quote(project.url.shown)}",
            options=f"--out {shlex.quote(out)}",
        )
        _refuse_places(located, out)
        try:
            report = _place(project, located, out, include, force=force)
        except RemoteDeniedError as error:
            project.explain_denied(error)
    return GetReport(
        url=project.url.shown,
        placed=[
            DownloadedVersion(
                name=one.name,
                version=one.version,
                digest=found.model.pointer.digest,
                path=one.path,
                size=one.size,
                changed=one.changed,
                commit=found.commit,
                metrics=found.model.pointer.metrics,
            )
            for one, found in zip(report.placed, located, strict=True)
        ],
        fetched_packs=report.fetched_packs,
        fetched_bytes=report.fetched_bytes,
    )


def borrow(
    context: Context, url: str, references: Sequence[str], asking: GetOptions | None = None
) -> tuple[ForeignProject, list[Located]]:
    """Open a foreign repository (its URL as typed), which the caller closes, and resolve references in order.

    Raises UsageError if the URL is none, ModelNameError or UnknownReferenceError if a reference means
    nothing, NotSetUpError or another RepositoryError if there is no project of gitmodel, GitCommandError
    if the server cannot be reached, and what is cached does not answer.
    """
    asking = asking or GetOptions()
    wanted = [Reference.parse(text) for text in references]
    address = GitUrl.parse(url, start=context.folder)
    root = cache_root(context, asking.cache)
    folder = os.path.join(root, "repositories", address.key)
    with locked(folder):
        clone = CachedClone(folder, address, start=context.folder, environment=context.environment)
        project = ForeignProject(
            clone.repository,
            context,
            url=address,
            cache=root,
            trusted=asking.trust,
            offline=asking.offline,
        )
        try:
            located = Locator(project, clone, offline=asking.offline).find(wanted)
            _ = project.settings  # the last read of the clone, which is locked
        except BaseException:
            project.close()
            raise
    return project, located


def _place(
    project: ForeignProject,
    located: Sequence[Located],
    out: str,
    include: Sequence[str],
    *,
    force: bool,
) -> CheckoutReport:
    models = [found.model for found in located]
    if include:
        from gitmodel.workflows.checkout_files import write_files

        return write_files(project, models, include, out=out, force=force)
    from gitmodel.project.fetching.materialize import checkout_elsewhere

    records = project.records_of(os.path.join(project.context.folder, out))
    return checkout_elsewhere(project, models, out, force=force, records=records)


def _refuse_places(located: Sequence[Located], out: str) -> None:
    """Refuse two versions of one file name, and names such as `.profile` that programs look for."""
    places: dict[str, Located] = {}
    for found in located:
        file = found.model.pointer.path.rpartition("/")[2]
        if file.startswith("."):
            raise UnsafePathError(
                f"{quote_text(file)} would be a hidden file",
                hint="git clone, and in it gitmodel checkout",
                model=found.model.name,
            )
        other = places.setdefault(file, found)
        one, two = other.model, found.model
        if (one.name, one.pointer.digest) != (two.name, two.pointer.digest):
            raise UsageError(
                f"{one.name}@{one.pointer.version} and {two.name}@{two.pointer.version} would both "
                f"be written to {os.path.join(out, file)}",
                hint="get them one by one, each with a --out of its own",
            )
