"""The versions of a model, each with the commit that registered it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.models import Model


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One version: the commit that brought it first, and what is said of it by now.

    Attributes:
        name: The model.
        version: The number.
        digest: Of the weights.
        size: Bytes.
        run_id: The run that made it.
        metrics: How good it is.
        commit: Commit id, "" while it is not committed.
        author: "Ana <ana@example.org>".
        at: When that was written, UTC, ISO 8601; "" where no calendar has that date.
        subject: First line of the commit's message.
        current: Whether the work tree's pointer is this version.
        taken: Whether the number belongs to other content, so that a reference by it means that one; as
            far as history and the claims say that this clone has read.
        renumbered: The number that the content has instead.
    """

    name: str
    version: int
    digest: str
    size: int
    run_id: str | None
    metrics: dict[str, object]
    commit: str
    author: str
    at: str
    subject: str
    current: bool
    taken: bool = False
    renumbered: int | None = None


def versions_of(history: ModelHistory, here: Model | None) -> list[LogEntry]:
    """The versions in a history, newest first; `here` is the pointer of the work tree."""
    entries: dict[tuple[int, str], LogEntry] = {}
    newest: dict[tuple[int, str], Pointer] = {}
    if here is not None:
        newest[here.pointer.version, here.pointer.digest.hex] = here.pointer
    # Newest first, so the first commit wins at the end.
    for item in history.seen:
        pointer = item.model.pointer
        key = pointer.version, pointer.digest.hex
        entries[key] = _entry(
            newest.setdefault(key, pointer),  # metrics may have been added or corrected since
            here,
            commit=item.change.commit,
            author=item.change.author,
            at=_date(item.change.when),
            subject=item.change.subject,
        )
    if here is not None and (here.pointer.version, here.pointer.digest.hex) not in entries:
        entries[here.pointer.version, here.pointer.digest.hex] = _entry(here.pointer, here)
    for (number, content), entry in entries.items():
        if history.naming.is_lost(number, content):
            own = history.naming.number_of(content)
            entries[number, content] = replace(entry, taken=True, renumbered=own)
    return sorted(entries.values(), key=lambda entry: entry.version, reverse=True)


def _date(seconds: int) -> str:
    """Unix seconds as UTC, "" for what no calendar has: Git keeps any number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _entry(
    pointer: Pointer,
    here: Model | None,
    *,
    commit: str = "",
    author: str = "",
    at: str = "",
    subject: str = "(not committed yet)",
) -> LogEntry:
    return LogEntry(
        name=pointer.name,
        version=pointer.version,
        digest=str(pointer.digest),
        size=pointer.size,
        run_id=pointer.run_id,
        metrics=dict(pointer.metrics),
        commit=commit,
        author=author,
        at=at,
        subject=subject,
        current=here is not None
        and (here.pointer.version, here.pointer.digest) == (pointer.version, pointer.digest),
    )
