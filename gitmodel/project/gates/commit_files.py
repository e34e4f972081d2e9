"""The pointers of one commit, and the aliases and deprecations beside them, for many models.

Guarantee: the commit's tree is read once, however many models are asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecations, deprecations_path_for
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    DEPRECATED_SUFFIX,
    POINTER_SUFFIX,
    Pointer,
    read_head,
)
from gitmodel.errors import GitmodelError, ObjectMissingError
from gitmodel.project.models import Model, Models

if TYPE_CHECKING:
    from gitmodel.project.project import Project


class CommitFiles:
    """The files of gitmodel in a commit."""

    def __init__(self, project: Project, commit: str) -> None:
        self.commit = commit
        self._project = project
        self._models: dict[str, list[Model]] = {}  # by file name
        self._broken: dict[str, GitmodelError] = {}  # by file name

    def model(self, name: str) -> Model | None:
        """The model of that name, None if there is none.

        Raises GitmodelError if the only file that can be its pointer does not parse, ModelNameError if two
        pointers have the name.
        """
        file_name = name.rpartition("/")[2] + POINTER_SUFFIX
        if file_name not in self._models:
            self._read(file_name)
        found = Models(tuple(self._models[file_name])).get(name)
        if found is None and file_name in self._broken:
            raise self._broken[file_name]
        return found

    def names(self) -> list[str]:
        """The names of all models whose pointers parse, for messages."""
        found = []
        for path in sorted(path for paths in self._paths.values() for path in paths):
            head = read_head(self._raw(path) or b"")
            found += [] if head is None else [head.name]
        return found

    def model_at(self, path: str) -> Model | None:
        """The model whose pointer is at a path. Raises GitmodelError if it does not parse."""
        raw = self._raw(path)
        return None if raw is None else self._parsed(path, raw)

    def alias(self, path: str) -> Alias | None:
        """What the alias file at a path means. Raises AliasError if it does not parse."""
        raw = self._raw(path)
        return None if raw is None else Alias.from_text(raw, path, what=self.where(path))

    def deprecations(self, pointer_path: str) -> Deprecations:
        """The deprecated versions of the model with this pointer. Raises AliasError if they do not parse."""
        path = deprecations_path_for(pointer_path)
        raw = self._raw(path)
        return Deprecations() if raw is None else Deprecations.from_text(raw, what=path)

    def where(self, path: str) -> str:
        """A file in this commit, for messages."""
        return f"{path} in commit {self.commit[:10]}"

    @cached_property
    def _blobs(self) -> dict[str, str]:
        """Blob ids by path. One process."""
        suffixes = (POINTER_SUFFIX, ALIAS_SUFFIX, DEPRECATED_SUFFIX)
        return dict(self._project.reader.tree(self.commit, *suffixes))

    def _raw(self, path: str) -> bytes | None:
        blob = self._blobs.get(path)
        if blob is None:
            return None
        raw = self._project.reader.blobs([blob]).get(blob)
        if raw is None:
            raise ObjectMissingError(
                f"{self.where(path)} is not in this clone, or larger than it can be",
                hint="git fetch --refetch --no-filter",
            )
        return raw

    def _read(self, file_name: str) -> None:
        self._models[file_name] = []
        for path in self._paths.get(file_name, ()):
            try:
                raw = self._raw(path)
                if raw is not None:
                    self._models[file_name].append(self._parsed(path, raw))
            except GitmodelError as error:  # it may be the pointer of another model
                self._broken[file_name] = error

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        """Paths of pointers by file name."""
        found: dict[str, list[str]] = {}
        for path in self._blobs:
            if path.endswith(POINTER_SUFFIX):
                found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    def _parsed(self, path: str, raw: bytes) -> Model:
        return Model(path, Pointer.from_text(raw, what=self.where(path)), raw)
