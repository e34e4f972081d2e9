"""The events of models on a branch, derived from its first-parent line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, split_alias_path
from gitmodel.domain.audit_events import (
    AuditEvent,
    alias_events,
    deprecation_events,
    in_order,
    pointer_events,
)
from gitmodel.domain.decisions import times_of_moves
from gitmodel.domain.pointer import DEPRECATED_SUFFIX, read_head
from gitmodel.errors import AliasError, GitmodelError
from gitmodel.git.history.line_file import stem_of
from gitmodel.git.history.line_log import ALIASES
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.alias_moves import AliasMoves
from gitmodel.project.history.historic_files import HistoricFiles
from gitmodel.project.history.pointer_states import PointerStates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.pointer import Pointer
    from gitmodel.git.history.line_log import LineRecord
    from gitmodel.project.history.audited_branch import AuditedBranch
    from gitmodel.project.project import Project


class BranchEvents:
    """The events of one branch; caches files."""

    def __init__(self, project: Project, branch: AuditedBranch) -> None:
        self._project = project
        self._branch = branch
        self._moves = AliasMoves(project, branch.line)
        self._pointers = PointerStates(project, branch.line)

    def of(self, name: str) -> list[AuditEvent] | None:
        """The events of a model in the order of the branch, also under earlier names.

        None if the branch never had a model or an alias of this name. What the oldest commit of a shallow
        clone has is no event. Raises RepositoryError if a partial clone lacks a file and cannot fetch it.
        """
        pointers, deprecations = self._pointers.of(name)
        found = list(pointer_events(pointers))
        digests = {
            one.pointer.version: str(one.pointer.digest)
            for one in pointers
            if one.pointer is not None
        }
        found += deprecation_events(deprecations, digests)
        cut_off_at = self._branch.cut_off_at
        is_known = bool(pointers)
        for alias in self._moves.words(name):
            moves = self._moves.of(name, alias)
            is_known = is_known or bool(moves)
            found += alias_events(
                alias, moves, times_of_moves(moves), is_cut_off=cut_off_at is not None
            )
        if not is_known:
            return None
        return in_order([one for one in found if one.decision.commit != cut_off_at])

    def of_all(self, least: int) -> list[AuditEvent]:
        """The events of the models that commits from a number on are about, in the order of the branch.

        An event of an earlier name is listed once. Raises as `of`.
        """
        found: dict[tuple[object, ...], AuditEvent] = {}
        for name in self._names(least):
            for event in self.of(name) or ():
                key = (event.decision.number, event.name, event.alias, event.kind, str(event.after))
                found.setdefault((*key, str(event.before)), event)
        return in_order(list(found.values()))

    def _names(self, least: int) -> list[str]:
        """The names of the models that commits from a number on are about.

        Pointers and aliases contain the name. For what was deleted, and for deprecations, the pointers at
        that place say it.
        """
        line = self._branch.line
        named, unnamed = [], set()
        for record in line.all(least):
            change = record.change
            if change.oid is None or change.path.endswith(DEPRECATED_SUFFIX):
                unnamed.add(_model_stem(record))
            else:
                named.append(record)
        for stem in unnamed:
            if stem is not None:
                named += [one for one in line.of_stem(stem) if one.change.oid is not None]
        return sorted(set(self._names_in(named)))

    def _names_in(self, records: Iterable[LineRecord]) -> Iterable[str]:
        changes = [record.change for record in records]
        files = HistoricFiles(self._project)
        files.read_all(changes)
        for change in changes:
            if change.path.endswith(DEPRECATED_SUFFIX):
                continue
            raw = files.raw(change.oid or "")
            head = read_head(raw)
            if head is not None:
                yield head.name
            elif (file := _parsed(raw, change.path)) is not None:
                yield file.name


def _parsed(raw: bytes, path: str) -> Pointer | Alias | None:
    with suppress(GitmodelError):
        return Alias.from_text(raw, path) if path.endswith(ALIASES) else parsed_or_none(raw, path)
    return None


def _model_stem(record: LineRecord) -> str | None:
    """The stem of the pointer that a changed file is or belongs to."""
    path = record.change.path
    if path.endswith(ALIASES):
        with suppress(AliasError):
            return stem_of(split_alias_path(path)[0])
        return None
    return stem_of(path)
