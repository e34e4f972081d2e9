"""Reads the alias files that changes of a first-parent line left, each once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.git.history.line_log import LineChange
    from gitmodel.project.project import Project


class AliasFiles:
    """Alias files of history."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._raw: dict[str, bytes] = {}

    def alias(self, change: LineChange) -> Alias | None:
        """The value after a change; None if the file was removed, or does not parse."""
        if change.oid is None:
            return None
        if change.oid not in self._raw:
            self.read([change])
        with suppress(GitmodelError):
            return Alias.from_text(self._raw.get(change.oid, b""), change.path)
        return None

    def lacks(self, change: LineChange) -> bool:
        """Whether this clone lacks a file that was read."""
        return change.oid is not None and change.oid not in self._raw

    def read(self, changes: Sequence[LineChange]) -> None:
        """Read the files of changes; a partial clone fetches those it lacks, in one connection."""
        project = self._project
        oids = [change.oid for change in changes if change.oid not in (None, *self._raw)]
        wanted = [oid for oid in oids if oid is not None]
        self._raw |= project.reader.blobs(wanted)
        lacking = [oid for oid in wanted if oid not in self._raw]
        if lacking and project.repository.is_partial_clone():
            from gitmodel.git.objects import open_reader

            with (
                suppress(GitmodelError),  # no network
                open_reader(project.repository, may_fetch=True) as reader,
            ):
                self._raw |= reader.blobs(lacking)
