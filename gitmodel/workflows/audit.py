"""`gitmodel audit`: what happened to models on a branch, who decided it, and what Git cannot explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.instant import instant_text, is_when, parse_when
from gitmodel.domain.reference import check_name
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import RepositoryError, UnknownReferenceError
from gitmodel.git.history.line_log import line_length
from gitmodel.git.signatures import signatures_of
from gitmodel.project.committed_models import models_in_tree
from gitmodel.project.history.audited_branch import audited_branch
from gitmodel.project.history.branch_events import BranchEvents
from gitmodel.project.models import unknown_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.audit_events import AuditEvent, VersionId
    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.history.audited_branch import AuditedBranch
    from gitmodel.project.history.unexplained import Unexplained
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One event. The time is UTC, ISO 8601."""

    time: str
    event: str
    name: str  # of the model at that time
    alias: str | None
    before: VersionId | None
    after: VersionId | None
    by: str  # author of the commit that brought it, "Ana <ana@example.org>"
    merged_by: str  # author of the merge, else committer of the commit
    signed: str  # of the commit: good, unknown-key, none, bad or unchecked
    commit: str  # of the branch
    why: str  # the reason in the file, else the subject of the commit
    imported: Mapping[str, Value] | None  # another registry told the time


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The events on a branch, oldest first."""

    branch: str
    rows: tuple[AuditRow, ...]


def audit(
    project: Project,
    name: str | None = None,
    *,
    since: str | None = None,
    branch: str | None = None,
) -> AuditReport:
    """The events of a model, or of all, on the default branch of origin, else HEAD.

    `since` is a date, an instant, or a revision: then the commits that it has are left out. `branch` is a
    revision.

    Raises UsageError if a date is no date, ModelNameError if the name is not valid, UnknownReferenceError
    if there is no such model or revision, RepositoryError if this clone lacks that history.
    """
    if name is not None:
        check_name(name)
    found = audited_branch(project, branch)
    least = _since(project, found, since)
    events = BranchEvents(project, found)
    if name is None:
        wanted = events.of_all(least)
    else:
        of_name = events.of(name)
        if of_name is None:
            names = [model.name for model in models_in_tree(project, found.tip)]
            error = unknown_model(name, names)
            raise UnknownReferenceError(f"{error.message} on {found.name}", hint=error.hint)
        wanted = of_name
    shown = [one for one in wanted if one.decision.number >= least]
    signed = signatures_of(project.repository, {one.decision.commit for one in shown})
    return AuditReport(
        found.name,
        tuple(_row(one, signed.get(one.decision.commit, "unchecked")) for one in shown),
    )


def _since(project: Project, branch: AuditedBranch, since: str | None) -> int:
    """The number of the oldest commit of the branch that is to be shown."""
    cut_off = instant_text(branch.line.oldest_time) if branch.cut_off_at is not None else None
    if since is None:
        if cut_off is not None:
            project.context.note(
                f"history is cut off at {cut_off} here, so older events are not known; to fetch "
                "all: git fetch --unshallow"
            )
        return 0
    if is_when(since):
        start = parse_when(since).start
        if cut_off is not None and start < branch.line.oldest_time:
            raise RepositoryError(
                f"history is cut off at {cut_off} here, so what happened since {since} is not known",
                hint="git fetch --unshallow",
            )
        return branch.line.first_at(start)
    if since and not set(since) - {"0"} and len(since) in (40, 64):
        return 0  # what a forge names before a branch exists
    before = project.reader.resolve(since)
    if before is None:
        raise UnknownReferenceError(
            f"Git knows no revision {quote_text(since)}, and it is no date such as 2026-05-06",
            hint="git fetch, or git fetch --unshallow",
        )
    # What the revision has of the line is the oldest part of it.
    return branch.line.count - line_length(project.repository, branch.tip, before)


def _row(event: AuditEvent, signed: str) -> AuditRow:
    decision = event.decision
    return AuditRow(
        time=instant_text(event.time),
        event=event.kind,
        name=event.name,
        alias=event.alias,
        before=event.before,
        after=event.after,
        by=decision.by,
        merged_by=decision.merged_by,
        signed=signed,
        commit=decision.commit,
        why=event.why or decision.subject,
        imported=event.imported,
    )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the history of a branch does not explain."""

    branch: str
    unexplained: tuple[Unexplained, ...]
    claims: int  # how many claims were compared
    updates_known: bool  # whether this clone has a record of how the remote branch moved
    notes: tuple[str, ...]

    @property
    def is_explained(self) -> bool:
        """Whether there is nothing but versions that were probably squashed."""
        return not any(one.is_alarm for one in self.unexplained)


def check(project: Project, name: str | None = None, *, branch: str | None = None) -> CheckReport:
    """Compare the history of a branch with what Git does not own: claims, and moves of the remote branch.

    Of a model, or of all. Claims that this clone has not read are read from the primary remote, if no ref
    has their version.

    Raises ModelNameError if the name is not valid, UnknownReferenceError if there is no such branch,
    RepositoryError if this clone lacks old commits, and NotSetUpError without `.gitmodel.yaml`.
    """
    from gitmodel.project.history.unexplained import find_unexplained

    if name is not None:
        check_name(name)
    project.require_set_up()
    found = audited_branch(project, branch)
    witnesses = find_unexplained(project, found, name)
    return CheckReport(
        found.name,
        witnesses.unexplained,
        witnesses.claims,
        witnesses.updates_known,
        witnesses.notes,
    )
