"""The values that one alias had on the first-parent line of a branch, newest first.

Only that line counts: the merge of a promotion is the promotion. The alias is followed through `gitmodel mv`: when
its file appears in a commit that removes the file of an alias of the same name and the same version, the history of
that file continues it. A file that does not parse is an unknown value: it is listed, and nothing returns to it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import TYPE_CHECKING

from gitmodel.domain.alias_stack import AliasStack
from gitmodel.domain.aliases import Alias
from gitmodel.domain.pointer import ALIAS_SUFFIX, Previous
from gitmodel.errors import GitmodelError
from gitmodel.project.history.historic_files import HistoricFiles
from gitmodel.project.history.missing_history import MissingHistory, find_missing_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.git.history.line_log import LineChange
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class AliasValue:
    """What an alias meant from one commit of the line on.

    For a merge `change` is the merge.
    """

    alias: Alias | None  # as its file had it; None if the file was removed, or does not parse
    is_unknown: bool  # whether there is a file that does not parse
    change: LineChange  # the commit, its dates and author, and the path of the file


@dataclass(frozen=True, slots=True)
class AliasHistory:
    """The values of one alias on one line."""

    # newest first; neighbours may mean the same version, with other metrics or another reason
    values: tuple[AliasValue, ...]
    missing: MissingHistory | None  # why older values may be missing in this clone

    def stack(self, name: str) -> AliasStack:
        """The values as a stack, under the present name of the model."""
        known = [value for value in reversed(self.values) if not value.is_unknown]
        values = (v.alias if v.alias is None else replace(v.alias, name=name) for v in known)
        return AliasStack.of(values, is_cut_off=self.missing is not None)


def alias_history(project: Project, path: str, alias: str, tip: str | None) -> AliasHistory:
    """The values of an alias on the first-parent line of a commit, at which its file has this path.

    Two processes in a small repository or if the index has the tip; more in a partial clone. `tip` is
    None before the first commit.
    """
    if tip is None:
        return AliasHistory((), None)
    missing = find_missing_history(project)
    files = AliasFiles(project)
    changes = _follow(_changes_of_alias(project, alias, tip), path, files)
    files.read(changes)
    values = []
    for change in changes:
        # What is older would look as if it came directly before what is newer.
        if files.lacks(change):
            missing = MissingHistory("older files of the alias cannot be fetched", "git fetch")
            break
        value = files.alias(change)
        is_unknown = value is None and change.oid is not None
        values.append(AliasValue(value, is_unknown, change))
    return AliasHistory(tuple(values), missing)


class AliasFiles(HistoricFiles):
    """Alias files of history."""

    def alias(self, change: LineChange) -> Alias | None:
        """The value after a change; None if the file was removed, or does not parse."""
        if change.oid is None:
            return None
        self.read([change])
        with suppress(GitmodelError):
            return Alias.from_text(self.raw(change.oid), change.path)
        return None


def _changes_of_alias(project: Project, alias: str, tip: str) -> list[LineChange]:
    """The changes to the alias files of this alias, of all models."""
    from gitmodel.git.history.first_parent import FirstParentHistory
    from gitmodel.git.history.line_log import LineChange

    suffix = f".{alias}{ALIAS_SUFFIX}"
    if not project.history.lacks_trees():
        return FirstParentHistory(project.repository).changes(tip, suffix)
    # Without trees Git would fetch each commit's: only the tip counts.
    return [
        LineChange(tip, entry.path, entry.oid, 0, 0, "", "", is_merge=False, committer="")
        for entry in project.reader.tree(tip, suffix)
    ]


def _follow(changes: Sequence[LineChange], path: str, files: AliasFiles) -> list[LineChange]:
    """The changes of one file, and before a rename those of the file that it was."""
    by_commit: dict[str, list[LineChange]] = {}
    for change in changes:
        by_commit.setdefault(change.commit, []).append(change)
    found: list[LineChange] = []
    for together in by_commit.values():
        for change in together:
            if change.path != path:
                continue
            if change.oid is None and _is_moved_away(changes, change, together, files):
                return found  # what is older belongs to the renamed model
            found.append(change)
            path = _path_before(changes, change, together, files)
            break
    return found


def _is_moved_away(
    changes: Sequence[LineChange],
    gone: LineChange,
    together: Sequence[LineChange],
    files: AliasFiles,
) -> bool:
    """Whether the commit that removed a file wrote its value to another one."""
    before = _last_before(changes, gone.commit, gone.path)
    value = None if before is None else files.alias(before)
    written = (files.alias(change) for change in together if change.oid is not None)
    return value is not None and any(one is not None and one.means(value) for one in written)


def _path_before(
    changes: Sequence[LineChange],
    new: LineChange,
    together: Sequence[LineChange],
    files: AliasFiles,
) -> str:
    """The path of a changed file before its commit: another one if the commit renamed it."""
    gone = [change.path for change in together if change.oid is None]
    value = files.alias(new) if gone else None
    existed = _last_before(changes, new.commit, new.path)
    if value is None or (existed is not None and existed.oid is not None):
        return new.path
    for path in gone:
        before = _last_before(changes, new.commit, path)
        old = None if before is None else files.alias(before)
        if old is not None and old.means(value):
            return path
    return new.path


def _last_before(changes: Sequence[LineChange], commit: str, path: str) -> LineChange | None:
    older = dropwhile(lambda change: change.commit != commit, changes)
    return next((one for one in older if one.commit != commit and one.path == path), None)


def promoted_value(project: Project, path: str, tip: str | None, value: Alias) -> Alias:
    """A value that an alias is promoted to, whose `previous` is what roll-back returns to from it.

    That is what the alias means or meant last, at the tip that the value is to follow; for the value
    before, promoted again, what is beneath that.
    """
    stack = alias_history(project, path, value.alias, tip).stack(value.name)
    top = stack.top
    before = None if top is None else Previous(top.version, top.digest)
    return stack.moved(replace(value, previous=before)).top or value
