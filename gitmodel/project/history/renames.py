"""The history of a renamed model under its earlier names.

History is looked up by name, so a renamed model has its earlier versions under another name. They are found
through `previous`: if a pointer's previous version is not in the history of its own name, the commit that
introduced the pointer also changed or removed the pointer it was renamed from.

A model that was never renamed costs nothing here, in a clone without gaps.

Guarantee: a version found under an earlier name has a number up to the one that the rename kept.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, read_head
from gitmodel.domain.versions import VersionNumbers
from gitmodel.errors import GitmodelError
from gitmodel.project.history.model_history import ModelHistory, history_of
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.models import Model, read_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitmodel.domain.pointer import Head, Pointer
    from gitmodel.project.project import Project

_MOST_NAMES = 50  # of one model; more would only slow the search down


class EarlierNames:
    """Finds earlier names; caches Git queries for many models of one commit."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._replaced: dict[str, list[Head]] = {}  # by commit; "" is the uncommitted change

    def joined(self, history: ModelHistory, current: Pointer | None = None) -> ModelHistory:
        """A history extended by the history under earlier names.

        `current` is the pointer of the work tree, whose rename may not be committed yet.
        """
        names = {history.name}
        while len(names) < _MOST_NAMES:
            earlier = self._earlier(history, current, names)
            if earlier is None:
                break
            names.add(earlier.name)
            history = self._together(history, earlier)
        return history

    def _earlier(
        self, history: ModelHistory, current: Pointer | None, names: set[str]
    ) -> Head | None:
        """The head of the pointer that this history was renamed from, None if there is none."""
        for commit, wanted in _beginnings(history, current):
            heads = [head for head in self._replaced_by(commit) if head.name not in names]
            for digest in wanted:
                found = next((head for head in heads if head.digest == digest), None)
                if found is not None:
                    return found
        return None

    def _replaced_by(self, commit: str) -> list[Head]:
        """The heads of pointers whose names a commit removed; "" is the uncommitted change."""
        if commit not in self._replaced:
            self._replaced[commit] = []
            if self._project.history.lacks_trees():  # each tree would be fetched separately
                return self._replaced[commit]
            with suppress(GitmodelError):  # a partial clone may lack trees and blobs
                before, after = self._not_committed() if not commit else self._of_commit(commit)
                self._replaced[commit] = self._gone(before, after)
        return self._replaced[commit]

    def _of_commit(self, commit: str) -> tuple[str | None, dict[str, str | None]]:
        """A commit's parent, and the blobs of the pointers that the commit changed. Two processes."""
        changes = dict(self._project.history.introduced([commit])).get(commit, [])
        after = {change.path: change.oid for change in changes}
        return self._project.reader.resolve(f"{commit}^"), after

    def _not_committed(self) -> tuple[str | None, dict[str, str | None]]:
        """HEAD, and the blobs of the pointers that are changed in the index. Two processes."""
        index = self._project.index
        changed = [path for path in index.changed_since_head() if path.endswith(POINTER_SUFFIX)]
        staged = {entry.path: entry.oid for entry in index.entries()} if changed else {}
        return self._project.reader.resolve("HEAD"), {path: staged.get(path) for path in changed}

    def _gone(self, before: str | None, after: Mapping[str, str | None]) -> list[Head]:
        """The heads of changed pointers before a commit whose names do not exist after it."""
        if before is None or not after:
            return []
        entries = self._project.reader.tree(before, POINTER_SUFFIX)
        old = self._heads(entry.oid for entry in entries if entry.path in after)
        new = {head.name for head in self._heads(oid for oid in after.values() if oid)}
        return [head for head in old if head.name not in new]

    def _heads(self, oids: Iterable[str]) -> list[Head]:
        heads = (read_head(raw) for raw in self._project.reader.blobs(oids).values())
        return [head for head in heads if head is not None]

    def _together(self, history: ModelHistory, earlier: Head) -> ModelHistory:
        """A history with that of an earlier name appended, up to a number and under the current name."""
        older = history_of(self._project, earlier.name)
        kept = [
            item._replace(model=_renamed(item.model, history.name))
            for item in older.seen
            if item.model.pointer.version <= earlier.version
        ]
        seen = (*history.seen, *kept)
        claims = claims_seen(self._project)
        owners = {
            number: owner
            for number, owner in claims.owners(earlier.name).items()
            if number <= earlier.version
        }
        return ModelHistory(
            history.name,
            seen,
            VersionNumbers(
                ((i.model.pointer.version, i.model.pointer.digest.hex) for i in seen),
                {**owners, **claims.owners(history.name)},
            ),
            complete=history.complete and older.complete,
        )


def with_earlier_names(
    project: Project, history: ModelHistory, current: Pointer | None = None
) -> ModelHistory:
    """As `EarlierNames.joined`, for one model."""
    return EarlierNames(project).joined(history, current)


def whole_history(project: Project, name: str) -> ModelHistory:
    """The history of a model under all its names, also if its rename is not committed yet."""
    current = None
    if project.repository.work_tree is not None:
        current = read_models(project, name=name).get(name)
    pointer = None if current is None else current.pointer
    return with_earlier_names(project, history_of(project, name), pointer)


def _beginnings(
    history: ModelHistory, current: Pointer | None
) -> Iterator[tuple[str, Iterable[str]]]:
    """Commits that may have renamed the model, with the digests that its earlier pointer may have."""
    known = {item.model.pointer.digest for item in history.seen}
    if current is not None and current.digest not in known:
        yield "", _digests(current)
    for item in history.seen:
        before = item.model.pointer.previous
        if before is not None and before.digest not in known:
            yield item.change.commit, _digests(item.model.pointer)


def _digests(pointer: Pointer) -> list[str]:
    """The digest of a pointer, and of its previous version."""
    before = [] if pointer.previous is None else [pointer.previous.digest.hex]
    return [pointer.digest.hex, *before]


def _renamed(model: Model, name: str) -> Model:
    return Model(model.path, replace(model.pointer, name=name), model.raw)
