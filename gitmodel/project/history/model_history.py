"""Every pointer of one model in history, and the content that each version number names.

The history of a model is every pointer of that name on any ref: branches, remote-tracking branches, tags and
HEAD. The file name of a pointer is the last part of the model's name, so the walk is limited to files of that
name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, read_head
from gitmodel.domain.versions import VersionNumbers, next_version
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from gitmodel.cache.claims_seen import ClaimsSeen
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Head
    from gitmodel.git.history.cached import Snapshot
    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project

_MOST_BLOBS = 100_000  # pointers of one name; far more than any real model has


class HistoryEntry(NamedTuple):
    """One pointer in history, and the commit that introduced it."""

    model: Model
    change: Change
    blob: str


class ModelHistory(NamedTuple):
    """Every pointer of one name, newest first."""

    name: str
    seen: tuple[HistoryEntry, ...]  # the pointers that were requested
    naming: VersionNumbers[str]  # the content of each number, as hex digest; from all pointers
    complete: bool = True  # a partial clone may lack some pointers

    def numbers(self) -> set[int]:
        """All version numbers."""
        return {item.model.pointer.version for item in self.seen}

    def knows(self, digest: Digest) -> bool:
        """Whether any version has, or had, this content."""
        return any(item.model.pointer.digest == digest for item in self.seen)

    def entries_of(self, digest: Digest) -> list[HistoryEntry]:
        """The pointers with this content, newest first."""
        return [item for item in self.seen if item.model.pointer.digest == digest]

    def version_of(self, digest: Digest) -> Pointer | None:
        """The pointer of the version with this content, None if the content owns no number."""
        number = self.naming.number_of(digest.hex)
        pointers = (item.model.pointer for item in self.entries_of(digest))
        return next((pointer for pointer in pointers if pointer.version == number), None)

    def with_prefix(self, prefix: str) -> list[Model]:
        """The contents with this digest prefix, newest first, each with its own number."""
        found = [i.model for i in self.seen if i.model.pointer.digest.hex.startswith(prefix)]
        own = {hex_: self.naming.number_of(hex_) for hex_ in {m.pointer.digest.hex for m in found}}
        named = [m for m in found if own[m.pointer.digest.hex] in (None, m.pointer.version)]
        return _distinct(named)


def _distinct(models: Iterable[Model]) -> list[Model]:
    """The first model of each content."""
    found: dict[str, Model] = {}
    for model in models:
        found.setdefault(model.pointer.digest.hex, model)
    return list(found.values())


def history_of(
    project: Project,
    name: str,
    snapshot: Snapshot | None = None,
    *,
    only: Callable[[Head], bool] | None = None,
) -> ModelHistory:
    """Every pointer of a name in the history of all refs; two or three Git processes.

    `snapshot` has the changes on all refs, for callers that query many names. `only` selects pointers by
    their first lines. The others are not parsed, so finding one of 10,000 versions is fast.
    """
    asked = project.cached_history if snapshot is None else snapshot
    changes = asked.named(pointer_file(name))[:_MOST_BLOBS]
    blobs = project.reader.blobs(_oids(changes))
    return _history(project, name, changes, blobs, claims=claims_seen(project), only=only)


def histories_of(
    project: Project, names: Collection[str], *, only: Callable[[Head], bool] | None = None
) -> dict[str, ModelHistory]:
    """As `history_of`, for many names in one walk; two or three Git processes in all."""
    by_file = project.cached_history.several({pointer_file(name) for name in names})
    changes = {file: found[:_MOST_BLOBS] for file, found in by_file.items()}
    blobs = project.reader.blobs([oid for found in changes.values() for oid in _oids(found)])
    seen = claims_seen(project)
    return {
        name: _history(project, name, changes[pointer_file(name)], blobs, claims=seen, only=only)
        for name in names
    }


def pointer_file(name: str) -> str:
    """The file name of a model's pointers, in any folder."""
    return name.rpartition("/")[2] + POINTER_SUFFIX


def _oids(changes: Iterable[Change]) -> list[str]:
    return list(dict.fromkeys(change.oid for change in changes if change.oid is not None))


def _history(
    project: Project,
    name: str,
    changes: Sequence[Change],
    blobs: Mapping[str, bytes],
    *,
    claims: ClaimsSeen,
    only: Callable[[Head], bool] | None = None,
) -> ModelHistory:
    """The history of a name, from changes to files with its file name."""

    def wanted(head: Head) -> bool:
        return head.name == name and (only is None or only(head))

    heads: list[Head] = []
    seen = _seen(changes, blobs, wanted, heads)
    naming = VersionNumbers(
        ((head.version, head.digest) for head in heads if head.name == name), claims.owners(name)
    )
    models = tuple(item for item in seen if item.model.name == name)
    complete = not project.repository.is_partial_clone() or all(
        oid in blobs for oid in _oids(changes)
    )
    return ModelHistory(name, models, naming, complete=complete)


def _seen(
    changes: Iterable[Change],
    blobs: Mapping[str, bytes],
    wanted: Callable[[Head], bool],
    heads: list[Head],
) -> list[HistoryEntry]:
    """The wanted pointers; appends the head of every pointer to `heads`."""
    parsed: dict[str, Pointer | None] = {}
    found = []
    for change in changes:
        if change.oid is None or change.oid not in blobs:
            continue
        raw = blobs[change.oid]
        if change.oid not in parsed:
            head = read_head(raw)
            skip = head is not None and not wanted(head)
            read = None if skip else parsed_or_none(raw, change.path)
            parsed[change.oid] = read
            known = read.head if read is not None else head if skip else None
            heads += [] if known is None else [known]
        pointer = parsed[change.oid]
        if pointer is not None:
            found.append(HistoryEntry(Model(change.path, pointer, raw), change, change.oid))
    return found


def next_number(project: Project, history: ModelHistory) -> int:
    """1 + the greatest number in history and in the known claims."""
    return next_version([*history.numbers(), claims_seen(project).greatest(history.name)])


def published_contents(project: Project, name: str, number: int) -> set[str]:
    """The contents of a number on remote-tracking branches, as hex digests."""
    listed = project.repository.run("for-each-ref", "--format=%(objectname)", "refs/remotes")
    tips = list(dict.fromkeys(listed.decode("ascii").split()))
    stem = name.rpartition("/")[2] + POINTER_SUFFIX
    changes = project.history.changes(tips, suffixes=(stem,))
    blobs = project.reader.blobs([change.oid for change in changes if change.oid is not None])
    heads = [read_head(raw) for raw in blobs.values()]
    return {h.digest for h in heads if h is not None and (h.name, h.version) == (name, number)}
