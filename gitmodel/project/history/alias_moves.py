"""What the aliases of a model meant along the first-parent line of a branch, with the time of each move."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, split_alias_path
from gitmodel.domain.decisions import AliasMove
from gitmodel.domain.pointer import ALIAS_SUFFIX, POINTER_SUFFIX
from gitmodel.errors import AliasError, GitmodelError
from gitmodel.project.history.audited_branch import decision_of
from gitmodel.project.history.replay import Companion, Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.git.history.first_parent import Line
    from gitmodel.git.history.line_log import LineRecord
    from gitmodel.project.project import Project


class AliasMoves:
    """The moves of aliases on one line; caches files."""

    def __init__(self, project: Project, line: Line) -> None:
        self._project = project
        self._line = line
        self._replays: dict[str, _AliasReplay] = {}

    def of(self, name: str, alias: str) -> list[AliasMove]:
        """The moves of an alias, oldest first, also under earlier names of the model.

        Raises RepositoryError if a partial clone lacks a file and cannot fetch it.
        """
        if alias not in self._replays:
            self._replays[alias] = _AliasReplay(self._project, self._line, alias)
        return [
            AliasMove(
                decision=decision_of(step.record),
                alias=step.value,
                is_unknown=step.is_unknown,
                renamed_to=step.renamed_to,
            )
            for step in self._replays[alias].steps(name)
        ]

    def words(self, name: str) -> list[str]:
        """The aliases that a model of this name, or of the same last part, ever had; sorted."""
        return sorted(self._words.get(name.rpartition("/")[2], ()))

    @cached_property
    def _words(self) -> dict[str, set[str]]:
        """The aliases by the last part of the names of their models."""
        found: dict[str, set[str]] = {}
        for path in {record.change.path for record in self._line.aliases()}:
            with suppress(AliasError):
                pointer_path, alias = split_alias_path(path)
                stem = pointer_path.rpartition("/")[2].removesuffix(POINTER_SUFFIX)
                found.setdefault(stem, set()).add(alias)
        return found


class _AliasReplay(Replay[Alias]):
    """The files of one alias of all models on a line."""

    def __init__(self, project: Project, line: Line, alias: str) -> None:
        super().__init__(project)
        self._ending = f".{alias}{ALIAS_SUFFIX}"
        self._by_file_name: dict[str, list[LineRecord]] = {}
        self._by_path: dict[str, list[LineRecord]] = {}
        self._by_commit: dict[str, list[LineRecord]] = {}
        for record in reversed(line.aliases()):
            change = record.change
            if change.path.endswith(self._ending):
                file_name = change.path.rpartition("/")[2]
                self._by_file_name.setdefault(file_name, []).append(record)
                self._by_path.setdefault(change.path, []).append(record)
                self._by_commit.setdefault(change.commit, []).append(record)

    def records(self, name: str) -> Sequence[LineRecord]:
        return self._by_file_name.get(name.rpartition("/")[2] + self._ending, ())

    def companions(self, record: LineRecord) -> Iterable[Companion[Alias]]:
        path = record.change.path
        # A commit may rename thousands of models; most keep the last part of the name.
        together = self._by_commit[record.change.commit]
        for one in sorted(together, key=lambda other: other.change.path != path):
            older = [r for r in self._by_path[one.change.path] if r.number < one.number]
            before = self.value(older[-1].change) if older else None
            yield Companion(before, self.value(one.change))

    def parsed(self, raw: bytes, path: str) -> Alias | None:
        with suppress(GitmodelError):
            return Alias.from_text(raw, path)
        return None

    def is_same(self, one: Alias, other: Alias) -> bool:
        return one.means(other)
