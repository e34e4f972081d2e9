"""What the aliases of a model meant along the first-parent line of a branch, with the time of each move.

An alias belongs to the model that its file names, whatever its folder. A model that was renamed had its aliases under
another name: if a commit gives an alias to a name that had none, and takes the same alias with the same version from
another name, then the moves of that name come before. A file that does not parse is an unknown value of the name that
it had before, else of the name that it has next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, split_alias_path
from gitmodel.domain.decisions import AliasMove
from gitmodel.domain.pointer import ALIAS_SUFFIX, POINTER_SUFFIX
from gitmodel.errors import AliasError, RepositoryError
from gitmodel.project.history.alias_files import AliasFiles
from gitmodel.project.history.audited_branch import decision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gitmodel.git.history.first_parent import Line
    from gitmodel.git.history.line_log import LineRecord
    from gitmodel.project.project import Project

_UNKNOWN = "unknown"  # a file that does not parse
_MOST_NAMES = 50  # of one model; more would only slow the search down


class AliasMoves:
    """The moves of aliases on one line; caches files."""

    def __init__(self, project: Project, line: Line) -> None:
        self._files = AliasFiles(project)
        self._line = line
        self._lines: dict[str, _OneAlias] = {}

    def of(self, name: str, alias: str) -> list[AliasMove]:
        """The moves of an alias, oldest first, also under earlier names of the model.

        Raises RepositoryError if a partial clone lacks a file and cannot fetch it.
        """
        if alias not in self._lines:
            ending = f".{alias}{ALIAS_SUFFIX}"
            records = [r for r in self._line.aliases() if r.change.path.endswith(ending)]
            self._lines[alias] = _OneAlias(alias, records, self._files)
        return self._lines[alias].moves(name)

    def words(self, name: str) -> list[str]:
        """The aliases that a file of a model of this name, or of the same last part, ever had; sorted."""
        start = name.rpartition("/")[2] + "."
        found = set()
        for record in self._line.aliases():
            file_name = record.change.path.rpartition("/")[2]
            if file_name.startswith(start):
                try:
                    pointer_path, alias = split_alias_path(record.change.path)
                except AliasError:
                    continue
                if pointer_path.rpartition("/")[2] == name.rpartition("/")[2] + POINTER_SUFFIX:
                    found.add(alias)
        return sorted(found)


class _OneAlias:
    """The files of one alias of all models on a line."""

    def __init__(self, alias: str, newest_first: Sequence[LineRecord], files: AliasFiles) -> None:
        self._alias = alias
        self._files = files
        self._commits: list[list[LineRecord]] = []  # the changes of each commit, oldest first
        self._by_path: dict[str, list[tuple[int, LineRecord]]] = {}
        for record in reversed(newest_first):
            last = self._commits[-1][0].change.commit if self._commits else None
            if record.change.commit != last:
                self._commits.append([])
            self._commits[-1].append(record)
            at = len(self._commits) - 1
            self._by_path.setdefault(record.change.path, []).append((at, record))

    def moves(self, name: str) -> list[AliasMove]:
        return self._moves(name, len(self._commits), frozenset())

    def _moves(self, name: str, end: int, later_names: frozenset[str]) -> list[AliasMove]:
        """The moves of a name before a commit."""
        names = later_names | {name}
        found: list[AliasMove] = []
        state = _State(name, self._first_owners(name))
        for at, together in self._touching(name, end):
            before = state.value
            cause = state.after(together, self._alias_of)
            if state.value == before:
                continue
            renamed_to = None
            if isinstance(before, Alias) and state.value is None:
                renamed_to = self._new_name(at, before, names)
            if before is None and isinstance(state.value, Alias) and len(names) < _MOST_NAMES:
                earlier = self._old_name(at, state.value, names)
                if earlier is not None:
                    found = self._moves(earlier, at, names)
            value = state.value if isinstance(state.value, Alias) else None
            found.append(
                AliasMove(
                    decision=decision_of(cause),
                    alias=value,
                    is_unknown=state.value == _UNKNOWN,
                    renamed_to=renamed_to,
                )
            )
        return found

    def _touching(self, name: str, end: int) -> Iterable[tuple[int, list[LineRecord]]]:
        """The commits that changed files of a name or of a name with the same last part, oldest first."""
        found: dict[int, list[LineRecord]] = {}
        for path in self._paths(name):
            for at, record in self._by_path[path]:
                if at < end:
                    found.setdefault(at, []).append(record)
        self._read([record for together in found.values() for record in together])
        return sorted(found.items())

    def _paths(self, name: str) -> list[str]:
        file_name = f"{name.rpartition('/')[2]}.{self._alias}{ALIAS_SUFFIX}"
        return [path for path in self._by_path if path.rpartition("/")[2] == file_name]

    def _first_owners(self, name: str) -> dict[str, str]:
        """By path the first name that its file had."""
        owners: dict[str, str] = {}
        for path in self._paths(name):
            self._read([record for _, record in self._by_path[path]])
            values = (self._alias_of(record) for _, record in self._by_path[path])
            owners[path] = next((one.name for one in values if one is not None), name)
        return owners

    def _old_name(self, at: int, value: Alias, names: frozenset[str]) -> str | None:
        """The name that had the value before a commit, and lost it in that commit."""
        for record in self._commits[at]:
            before = self._before(record, at)
            if before is None or before.name in names or not before.means(value):
                continue
            after = self._alias_of(record)
            if after is None or after.name != before.name:
                return before.name
        return None

    def _new_name(self, at: int, value: Alias, names: frozenset[str]) -> str | None:
        """The name that got the value in a commit."""
        written = (self._alias_of(record) for record in self._commits[at])
        found = (one for one in written if one is not None and one.name not in names)
        return next((one.name for one in found if one.means(value)), None)

    def _before(self, record: LineRecord, at: int) -> Alias | None:
        older = [one for then, one in self._by_path[record.change.path] if then < at]
        return self._alias_of(older[-1]) if older else None

    def _alias_of(self, record: LineRecord) -> Alias | None:
        alias = self._files.alias(record.change)
        self._refuse_lack([record])
        return alias

    def _read(self, records: Sequence[LineRecord]) -> None:
        self._files.read([record.change for record in records])
        self._refuse_lack(records)

    def _refuse_lack(self, records: Iterable[LineRecord]) -> None:
        if any(self._files.lacks(record.change) for record in records):
            raise RepositoryError(
                "this clone lacks older files of the alias, and they cannot be fetched",
                hint="git fetch --refetch",
            )


class _State:
    """What the files of an alias say about one name while commits are applied."""

    def __init__(self, name: str, owners: dict[str, str]) -> None:
        self.value: Alias | str | None = None
        self._name = name
        self._owners = owners
        self._files: dict[str, Alias | str] = {}

    def after(
        self, together: Sequence[LineRecord], alias_of: Callable[[LineRecord], Alias | None]
    ) -> LineRecord:
        """Apply the changes of a commit; returns the one that decided the value."""
        cause = together[0]
        for record in together:
            path = record.change.path
            alias = alias_of(record)
            concerned = self._owners[path] == self._name
            if alias is not None:
                self._owners[path] = alias.name
                self._files[path] = alias
            elif record.change.oid is None:
                self._files.pop(path, None)
            else:
                self._files[path] = _UNKNOWN
            if concerned or self._owners[path] == self._name:
                cause = record
        self.value = self._current()
        return cause

    def _current(self) -> Alias | str | None:
        own = [file for path, file in self._files.items() if self._owners[path] == self._name]
        known = [file for file in own if isinstance(file, Alias)]
        return known[-1] if known else own[-1] if own else None
