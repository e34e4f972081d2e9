"""Reads the files that changes of a first-parent line left, each once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, RepositoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.git.history.line_log import LineChange
    from gitmodel.project.project import Project


class HistoricFiles:
    """Files of history, by the id of their blob."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._raw: dict[str, bytes] = {}

    def raw(self, oid: str) -> bytes:
        """The bytes of a blob that was read; empty if this clone lacks it."""
        return self._raw.get(oid, b"")

    def lacks(self, change: LineChange) -> bool:
        """Whether this clone lacks a file that was read."""
        return change.oid is not None and change.oid not in self._raw

    def read_all(self, changes: Sequence[LineChange]) -> None:
        """Read the files of changes. Raises RepositoryError if a partial clone lacks one and cannot fetch it."""
        self.read(changes)
        if any(self.lacks(change) for change in changes):
            raise RepositoryError(
                "this clone lacks older files of the models, and they cannot be fetched",
                hint="git fetch --refetch --no-filter",
            )

    def read(self, changes: Iterable[LineChange]) -> None:
        """Read the files of changes; a partial clone fetches those it lacks, in one connection."""
        project = self._project
        oids = (change.oid for change in changes)
        wanted = [oid for oid in dict.fromkeys(oids) if oid is not None and oid not in self._raw]
        if not wanted:
            return
        self._raw |= project.reader.blobs(wanted)
        lacking = [oid for oid in wanted if oid not in self._raw]
        if lacking and project.repository.is_partial_clone():
            from gitmodel.git.objects import open_reader

            with (
                suppress(GitmodelError),  # no network
                open_reader(project.repository, may_fetch=True) as reader,
            ):
                self._raw |= reader.blobs(lacking)
