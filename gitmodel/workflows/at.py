"""`gitmodel at`: what an alias meant on a branch at an instant, or on a day.

The answer is read from the dates of the commits that were the tip of the branch; see `domain.decisions`. What this
clone cannot know it does not guess: history that is cut off, the future, a file that does not parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.decisions import span_at, spans_during, spans_of
from gitmodel.domain.instant import When, instant_text, parse_when
from gitmodel.domain.reference import Reference, check_alias
from gitmodel.errors import GitmodelError, RepositoryError, UnknownReferenceError, UsageError
from gitmodel.project.history.alias_moves import AliasMoves
from gitmodel.project.history.audited_branch import audited_branch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.decisions import AliasSpan
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.history.audited_branch import AuditedBranch
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class AtValue:
    """What the alias meant for a time. Times are UTC, ISO 8601."""

    version: int | None  # None if the alias was removed, or its file did not parse
    digest: Digest | None
    is_unknown: bool  # the file did not parse
    start: str | None  # None: since before the history that this clone has
    until: str | None  # None: still so at the tip of the branch
    # author of the commit that brought the value; None, as the next two, if this clone lacks that commit
    by: str | None
    merged_by: str | None  # author of the merge, else committer of the commit
    commit: str | None  # of the branch
    why: str  # the reason in the file, else the subject of the commit
    clamped: bool  # the commit names an earlier time than one before it
    imported: Mapping[str, Value] | None  # another registry told the time


@dataclass(frozen=True, slots=True, kw_only=True)
class AtReport:
    """What an alias meant at an instant: one value; on a day: every value, oldest first."""

    name: str
    alias: str
    branch: str
    on: str
    is_day: bool
    values: tuple[AtValue, ...]


def at(project: Project, reference: str, on: str, *, branch: str | None = None) -> AtReport:
    """What NAME@ALIAS meant at an instant with a zone, or on a day in UTC.

    `branch` is a revision; by default it is the default branch of origin, else HEAD.

    Raises UsageError if the reference is not NAME@ALIAS or `on` is no date, UnknownReferenceError if the
    alias was not set then, RepositoryError if this clone lacks that history, and GitmodelError if the time
    is in the future, or the file did not parse then.
    """
    name, alias = _name_and_alias(reference)
    when = parse_when(on)
    _refuse_future(project, f"{name}@{alias}", when)
    found = audited_branch(project, branch)
    if found.cut_off_at is not None and when.start < found.line.oldest_time:
        raise RepositoryError(
            f"history is cut off at {instant_text(found.line.oldest_time)} here, so what "
            f"{name}@{alias} meant {_words(when)} is not known",
            hint="git fetch --unshallow",
            model=name,
        )
    moves = AliasMoves(project, found.line)
    spans = spans_of(moves.of(name, alias), cut_off_at=found.cut_off_at)
    if not spans:
        words = ", ".join(f"{name}@{word}" for word in moves.words(name))
        raise UnknownReferenceError(
            f"{name}@{alias} never existed on {found.name}",
            hint=f"there were {words}" if words else f"gitmodel log {name}",
            model=name,
        )
    chosen = _chosen(spans, when)
    if not any(span.move.alias is not None for span in chosen):
        raise _not_set(f"{name}@{alias}", found, when, spans, chosen)
    return AtReport(
        name=name,
        alias=alias,
        branch=found.name,
        on=str(when),
        is_day=when.is_day,
        values=tuple(_value(span) for span in chosen),
    )


def _name_and_alias(text: str) -> tuple[str, str]:
    reference = Reference.parse(text)
    if reference.kind != "word":
        raise UsageError(
            f"at takes NAME@ALIAS, not {text}",
            hint=f"gitmodel at {reference.name}@production --on 2026-05-06",
        )
    return reference.name, check_alias(reference.value)


def _refuse_future(project: Project, what: str, when: When) -> None:
    now = int(project.context.now().timestamp())
    if when.start > now:
        raise GitmodelError(
            f"{when} is in the future: what {what} will mean is not known",
            hint=f"gitmodel show {what}",
        )


def _words(when: When) -> str:
    return f"on {when}" if when.is_day else f"at {when}"


def _chosen(spans: Sequence[AliasSpan], when: When) -> list[AliasSpan]:
    if when.end is not None:
        return spans_during(spans, when.start, when.end)
    span = span_at(spans, when.start)
    return [] if span is None else [span]


def _not_set(
    what: str,
    branch: AuditedBranch,
    when: When,
    spans: Sequence[AliasSpan],
    chosen: Sequence[AliasSpan],
) -> GitmodelError:
    """The error for a time at which an alias, NAME@ALIAS, had no value."""
    name, _, alias = what.partition("@")
    unknown = [span for span in chosen if span.move.is_unknown]
    if unknown:
        commit = unknown[-1].move.decision.commit
        return GitmodelError(
            f"what {what} meant {_words(when)} is not known: its file did not parse since commit "
            f"{commit[:10]}",
            hint=f"git show {commit[:10]}",
            model=name,
        )
    set_ = [span for span in spans if span.move.alias is not None]
    if not set_:
        return GitmodelError(f"{what} never had a value on {branch.name}", model=name)
    first = instant_text(set_[0].start or branch.line.oldest_time)
    begins = f"the first time it was is {first}"
    if set_[0].start is None:
        begins = f"it was at {first}, and history is cut off before that"
    message = f"{what} was not set {_words(when)} on {branch.name}; {begins}"
    hint = f"gitmodel at {what} --on {first}"
    if chosen:
        move = chosen[-1].move
        removed = instant_text(chosen[-1].start or branch.line.oldest_time)
        how = "was removed"
        if move.renamed_to is not None:
            how = f"became {move.renamed_to}@{alias}"
            hint = f"gitmodel at {move.renamed_to}@{alias} --on {when}"
        message = (
            f"{what} was not set {_words(when)} on {branch.name}: it {how} at {removed}; {begins}"
        )
    return UnknownReferenceError(message, hint=hint, model=name)


def _value(span: AliasSpan) -> AtValue:
    move, decision = span.move, span.move.decision
    alias = move.alias
    # The oldest commit of a clone that is cut off has the value; it did not bring it.
    is_known = span.start is not None or span.is_imported
    return AtValue(
        version=None if alias is None else alias.version,
        digest=None if alias is None else alias.digest,
        is_unknown=move.is_unknown,
        start=None if span.start is None else instant_text(span.start),
        until=None if span.until is None else instant_text(span.until),
        by=decision.by if is_known else None,
        merged_by=decision.merged_by if is_known else None,
        commit=decision.commit if is_known else None,
        why=(None if alias is None else alias.why) or (decision.subject if is_known else ""),
        clamped=decision.clamped and not span.is_imported,
        imported=None if alias is None else alias.imported,
    )
