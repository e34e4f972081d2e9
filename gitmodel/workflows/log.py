"""`gitmodel log` and `show`: which versions there were, who registered them, how good they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.project.history.missing_history import note_gaps
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import EarlierNames, with_earlier_names
from gitmodel.project.models import Model, Models, read_models, require_model
from gitmodel.project.references import models_at, resolve

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.project import Project


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


def log(project: Project, name: str | None = None) -> list[LogEntry]:
    """The versions of a model (of all models), newest first.

    Raises:
        UnknownReferenceError: No model was ever called that.
    """
    if name is None:
        return _log_of_all(project)
    here = _current_models(project, name).get(name)
    pointer = None if here is None else here.pointer
    found = _versions(with_earlier_names(project, history_of(project, name), pointer), here)
    if not found:
        _refuse_unknown(project, name)
    note_gaps(project, name, {entry.version for entry in found})
    return found


def _log_of_all(project: Project) -> list[LogEntry]:
    current = _current_models(project)
    by_name = {model.name: model for model in current.models}
    if len(by_name) < len(current.models):
        for name in by_name:
            current.get(name)  # refuses the one that two pointers have
    entries: list[LogEntry] = []
    earlier = EarlierNames(project)
    with project.cached_history.snapshot() as snapshot:
        for name, here in by_name.items():
            history = earlier.joined(history_of(project, name, snapshot), here.pointer)
            found = _versions(history, here)
            note_gaps(project, name, {entry.version for entry in found})
            entries.extend(found)
    return sorted(entries, key=lambda entry: entry.at or "9", reverse=True)


def _current_models(project: Project, name: str | None = None) -> Models:
    """The models of the work tree, at least the one of a name; those of HEAD where there is none."""
    if project.repository.work_tree is not None:
        return read_models(project, name=name)
    head = project.reader.resolve("HEAD")
    return Models(() if head is None else tuple(models_at(project, head)))


def _refuse_unknown(project: Project, name: str) -> None:
    if project.repository.work_tree is not None:
        require_model(project, name)
    _current_models(project).require(name)


def _versions(history: ModelHistory, here: Model | None) -> list[LogEntry]:
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


@dataclass(frozen=True, slots=True)
class ShowReport:
    """Everything that is known of one version without asking the remote."""

    model: Model
    first: LogEntry | None
    in_cache: bool
    stored: (
        int | None
    )  # bytes of the packs that its manifest needs, if the manifest is in the cache
    files: tuple[tuple[str, int, str], ...]  # of a folder: path, bytes, digest


def show(project: Project, reference: str) -> ShowReport:
    """One version.

    Raises:
        UnknownReferenceError: The reference means nothing.
    """
    model = resolve(project, Reference.parse(reference))
    same = history_of(project, model.name, only=lambda head: head == model.pointer.head)
    if not same.seen:
        same = with_earlier_names(project, history_of(project, model.name), model.pointer)
    first = None
    for entry in _versions(same, None):
        if (entry.version, entry.digest) == (model.pointer.version, str(model.pointer.digest)):
            first = entry
    manifest = project.cache.manifest(model.pointer.digest)
    return ShowReport(
        model=model,
        first=first,
        in_cache=manifest is not None and not project.cache.missing_packs(manifest),
        stored=None if manifest is None else sum(manifest.pack_sizes),
        files=()
        if manifest is None or manifest.kind == "file"
        else tuple((entry.path, entry.size, str(entry.digest)) for entry in manifest.files),
    )
