"""The branch whose history an audit reads: the default branch of the remote as last fetched, else HEAD."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.decisions import Decision
from gitmodel.domain.instant import instant_text
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import RepositoryError, UnknownReferenceError
from gitmodel.project.history.missing_history import find_missing_history

if TYPE_CHECKING:
    from gitmodel.git.history.first_parent import Line
    from gitmodel.git.history.line_log import LineRecord
    from gitmodel.project.project import Project

_DEFAULT = "refs/remotes/origin/HEAD"


@dataclass(frozen=True, slots=True)
class AuditedBranch:
    """A branch, and its first-parent line as this clone has it."""

    name: str  # "origin/main", "main", "HEAD", or the revision as it was given
    ref: str | None  # its full name, None for a revision that is no branch
    tip: str
    line: Line
    cut_off_at: str | None  # the oldest commit that a shallow clone has of it; None if it has all


def audited_branch(project: Project, revision: str | None = None) -> AuditedBranch:
    """The branch of a revision, else the default branch of origin, else HEAD.

    Raises UnknownReferenceError if there is no such revision, RepositoryError if there is no commit yet or
    this clone lacks the trees of old commits.
    """
    name, ref, tip = _found(project, revision)
    missing = find_missing_history(project)
    if missing is not None and project.history.lacks_trees():
        raise RepositoryError(
            f"{missing.reason}, so what {name} had then is not known", hint=missing.command
        )
    from gitmodel.git.history.first_parent import FirstParentHistory

    line = FirstParentHistory(project.repository).line(tip)
    is_cut_off = line.oldest in project.repository.shallow_commits()
    _note_late_clock(project, name, line)
    return AuditedBranch(name, ref, tip, line, line.oldest if is_cut_off else None)


def decision_of(record: LineRecord) -> Decision:
    """Who decided a change of the line, and when."""
    change, number, time, origin = record
    return Decision(
        commit=change.commit,
        number=number,
        time=time,
        committed=change.committed,
        by=origin.author,
        by_time=origin.when,
        merged_by=change.author if change.is_merge else change.committer,
        subject=origin.subject,
    )


def _found(project: Project, revision: str | None) -> tuple[str, str | None, str]:
    repository = project.repository
    if revision is not None:
        tip = project.reader.resolve(revision)
        if tip is None:
            raise UnknownReferenceError(
                f"Git knows no revision {quote_text(revision)}", hint="git branch --all"
            )
        ref = _full_name(project, revision)
        return revision, ref, tip
    code, output = repository.attempt("symbolic-ref", "--quiet", _DEFAULT, accept=(0, 1, 128))
    ref = "" if code else os.fsdecode(output).strip()
    tip = project.reader.resolve(ref) if ref.startswith("refs/remotes/") else None
    if tip is not None:
        return ref.removeprefix("refs/remotes/"), ref, tip
    tip = project.reader.resolve("HEAD")
    if tip is None:
        raise RepositoryError("there is no commit yet", hint="git commit")
    branch = repository.branch()
    return branch or "HEAD", None if branch is None else f"refs/heads/{branch}", tip


def _full_name(project: Project, revision: str) -> str | None:
    """The ref that a revision names, None if it names none."""
    code, output = project.repository.attempt(
        *("rev-parse", "--verify", "--quiet", "--symbolic-full-name", "--end-of-options", revision),
        accept=(0, 1, 128),
    )
    lines = os.fsdecode(output).splitlines()
    return lines[-1] if not code and lines and lines[-1].startswith("refs/") else None


def _note_late_clock(project: Project, name: str, line: Line) -> None:
    now = int(project.context.now().timestamp())
    if line.tip_time > now:
        project.context.note(
            f"a commit of {name} is dated {instant_text(line.tip_time)}, which is in the future: it and "
            "the commits after it count as made then"
        )
