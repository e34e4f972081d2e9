"""Which versions have aliases and which are deprecated: all models of the work tree or of a commit at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, early_file_error
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    BESIDE_SUFFIXES,
    DEPRECATED_SUFFIX,
    POINTER_SUFFIX,
    pointer_beside,
)
from gitmodel.errors import GitmodelError
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class VersionMarks:
    """Aliases and deprecations by the path of the pointer that they are beside."""

    aliases: dict[str, list[Alias]] = field(default_factory=dict)  # sorted by name
    deprecations: dict[str, Deprecations] = field(default_factory=dict)
    # files that do not parse, by path
    broken: list[tuple[str, GitmodelError]] = field(default_factory=list)

    def aliases_of(self, pointer_path: str) -> list[Alias]:
        """The aliases of the model with this pointer."""
        return self.aliases.get(pointer_path, [])

    def naming(self, pointer_path: str, version: int, digest_hex: str) -> list[str]:
        """The aliases that mean a version."""
        found = self.aliases_of(pointer_path)
        return [a.alias for a in found if (a.version, a.digest.hex) == (version, digest_hex)]

    def deprecation(self, pointer_path: str, version: int) -> Deprecation | None:
        """The deprecation of a version, None if it is not deprecated."""
        found = self.deprecations.get(pointer_path)
        return None if found is None else found.versions.get(version)


def current_marks(project: Project) -> VersionMarks:
    """Those of the work tree, or of HEAD in a bare repository."""
    if project.repository.work_tree is not None:
        return marks_in_work_tree(project)
    return marks_at(project, "HEAD")


def marks_in_work_tree(project: Project) -> VersionMarks:
    """Those of the files that the index names. One Git process."""
    entries = project.index.entries(*(f"*{suffix}" for suffix in BESIDE_SUFFIXES))
    marks = VersionMarks()
    for path in sorted({entry.path for entry in entries}):
        try:
            raw = read_pointer_file(project.root, path)
        except GitmodelError as error:
            marks.broken.append((path, error))
        else:
            _take(marks, [] if raw is None else [(path, raw)])
    return marks


def marks_at(project: Project, revision: str) -> VersionMarks:
    """Those of a revision; none if Git knows no such revision."""
    commit = project.reader.resolve(revision)
    entries = () if commit is None else project.reader.tree(commit, *BESIDE_SUFFIXES)
    blobs = project.reader.blobs([entry.oid for entry in entries])
    marks = VersionMarks()
    _take(marks, sorted((e.path, blobs[e.oid]) for e in entries if e.oid in blobs))
    return marks


def _take(marks: VersionMarks, files: Iterable[tuple[str, bytes]]) -> None:
    for path, raw in files:
        try:
            if path.endswith(ALIAS_SUFFIX):
                alias = Alias.from_text(raw, path)
                marks.aliases.setdefault(pointer_beside(path) or "", []).append(alias)
            elif path.endswith(DEPRECATED_SUFFIX):
                beside = path.removesuffix(DEPRECATED_SUFFIX) + POINTER_SUFFIX
                marks.deprecations[beside] = Deprecations.from_text(raw, what=path)
            else:
                raise early_file_error(path)
        except GitmodelError as error:
            marks.broken.append((path, error))
