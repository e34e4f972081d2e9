"""The versions of a model, each with the commit that registered it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.models import Model


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A version, the commit that introduced it, and its current metadata.

    The number is `taken` if it belongs to other content, according to history and the claims that this
    clone has read. A reference by that number means the other content, and `renumbered` is this content's
    new number.
    """

    name: str
    version: int
    digest: str  # of the weights
    size: int  # bytes
    run_id: str | None  # of the training run
    metrics: dict[str, object]
    commit: str  # id, "" while it is not committed
    author: str  # "Ana <ana@example.org>"
    at: str  # author time, UTC, ISO 8601; "" for an invalid date
    subject: str  # first line of the commit's message
    current: bool  # whether the work tree's pointer is this version
    taken: bool = False
    renumbered: int | None = None
    aliases: tuple[str, ...] = ()  # those in the work tree, or at HEAD of a bare repository
    deprecated: Deprecation | None = None  # why it should no longer be used


def versions_of(history: ModelHistory, current: Model | None) -> list[LogEntry]:
    """The versions in a history, newest first; `current` is the pointer of the work tree."""
    entries: dict[tuple[int, str], LogEntry] = {}
    newest: dict[tuple[int, str], Pointer] = {}
    if current is not None:
        newest[current.pointer.version, current.pointer.digest.hex] = current.pointer
    # Newest first, so the first commit wins at the end.
    for item in history.seen:
        pointer = item.model.pointer
        key = pointer.version, pointer.digest.hex
        entries[key] = _entry(
            newest.setdefault(key, pointer),  # metrics may have been added or corrected since
            current,
            commit=item.change.commit,
            author=item.change.author,
            at=date_text(item.change.when),
            subject=item.change.subject,
        )
    if current is not None and (current.pointer.version, current.pointer.digest.hex) not in entries:
        entries[current.pointer.version, current.pointer.digest.hex] = _entry(
            current.pointer, current
        )
    for (number, content), entry in entries.items():
        if history.naming.is_lost(number, content):
            own = history.naming.number_of(content)
            entries[number, content] = replace(entry, taken=True, renumbered=own)
    return sorted(entries.values(), key=lambda entry: entry.version, reverse=True)


def date_text(seconds: int) -> str:
    """Unix seconds as UTC, ISO 8601; "" for what no calendar has: Git keeps any number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"
    except (ValueError, OverflowError, OSError):
        return ""


def _entry(
    pointer: Pointer,
    current: Model | None,
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
        current=current is not None
        and (current.pointer.version, current.pointer.digest) == (pointer.version, pointer.digest),
    )
