"""Aliases and deprecated versions of models, as the work tree or a commit has them.

The work tree decides for a model whose pointer it has, HEAD for the others. The files are beside the pointer,
with its stem.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, early_file_error, split_alias_path
from gitmodel.domain.deprecations import Deprecations, deprecations_path_for
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    DEPRECATED_SUFFIX,
    EARLY_SUFFIX,
    POINTER_SUFFIX,
    alias_path_for,
    pointer_beside,
)
from gitmodel.errors import AliasError, GitmodelError
from gitmodel.project.committed_models import find_in_tree
from gitmodel.project.models import (
    delete_file,
    read_models,
    read_pointer_file,
    text_at,
    write_text_file,
)
from gitmodel.worktree.move import move_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class AliasFile:
    """An alias, and the path and bytes of its file."""

    path: str
    alias: Alias
    raw: bytes


@dataclass(frozen=True, slots=True)
class ModelAliases:
    """The aliases of models, by path, and the alias files that do not parse."""

    files: tuple[AliasFile, ...] = ()
    broken: tuple[tuple[str, GitmodelError], ...] = ()

    def get(self, name: str, alias: str) -> AliasFile | None:
        """The alias of a model, None if there is none."""
        return next((f for f in self.files if (f.alias.name, f.alias.alias) == (name, alias)), None)

    def naming(self, name: str, digest_hex: str) -> list[str]:
        """The aliases that mean a version of a model, sorted."""
        found = (f.alias for f in self.files if f.alias.name == name)
        return sorted(alias.alias for alias in found if alias.digest.hex == digest_hex)


def find_alias(project: Project, name: str, alias: str) -> AliasFile | None:
    """The alias of a model, None if the model has no such alias.

    Raises AliasError if its file does not parse, or if the model has an alias file of an early build.
    """
    pointer_path, commit = _place(project, name)
    if pointer_path is None:
        return None
    path = alias_path_for(pointer_path, alias)
    raw = _read(project, commit, [path, _early_path(pointer_path)])
    if path not in raw and raw:
        raise early_file_error(_early_path(pointer_path), name)
    if path in raw:
        return _parsed(path, raw[path], name)
    _refuse_other_kind(project, commit, path, name)
    return None


def aliases_of(project: Project, name: str) -> ModelAliases:
    """All aliases of one model; an alias file of an early build is one that does not parse."""
    pointer_path, commit = _place(project, name)
    if pointer_path is None:
        return ModelAliases()
    if commit is not None:
        return _aliases_in_tree(project, commit, pointer_path, name)
    paths = alias_paths_beside(project.root, pointer_path)
    return _collect(_read(project, None, paths).items(), name)


def alias_at(project: Project, commit: str | None, path: str) -> Alias | None:
    """What the alias file at a path means in a commit; None without that file, or without a commit.

    Raises AliasError if it does not parse.
    """
    raw = None if commit is None else text_at(project, commit, path)
    return None if raw is None else Alias.from_text(raw, path)


def _aliases_in_tree(project: Project, commit: str, pointer_path: str, name: str) -> ModelAliases:
    entries = [
        entry
        for entry in project.reader.tree(commit, ALIAS_SUFFIX, EARLY_SUFFIX)
        if pointer_beside(entry.path) == pointer_path
    ]
    blobs = project.reader.blobs([entry.oid for entry in entries])
    found = ((entry.path, blobs[entry.oid]) for entry in entries if entry.oid in blobs)
    return _collect(found, name)


def deprecations_of(project: Project, name: str) -> Deprecations:
    """The deprecated versions of a model.

    Raises AliasError if their file does not parse.
    """
    pointer_path, commit = _place(project, name)
    if pointer_path is None:
        return Deprecations()
    path = deprecations_path_for(pointer_path)
    raw = _read(project, commit, [path]).get(path)
    if raw is None:
        _refuse_other_kind(project, commit, path, name)
        return Deprecations()
    return Deprecations.from_text(raw, what=path)


def _refuse_other_kind(project: Project, commit: str | None, path: str, name: str) -> None:
    """Refuse a link, a folder or a submodule where a file should be, instead of taking it for no file.

    NAME@ALIAS would mean a branch of that name, and a deprecated version would count as sound. One Git process
    for a commit.
    """
    if commit is None:
        is_there = os.path.lexists(os.path.join(project.root, path))
    else:
        is_there = bool(project.repository.run("ls-tree", "-z", commit, "--", path))
    if is_there:
        raise AliasError(f"{path} is no file", hint=f"git rm -r {shlex.quote(path)}", model=name)


def alias_paths_beside(root: str, pointer_path: str) -> list[str]:
    """The paths of a model's alias files in the work tree, sorted, also one of an early build."""
    folder, slash, _ = pointer_path.rpartition("/")
    names: list[str] = []
    with suppress(FileNotFoundError, NotADirectoryError):
        names = os.listdir(os.path.join(root, folder))
    paths = sorted(
        f"{folder}{slash}{name}" for name in names if name.endswith((ALIAS_SUFFIX, EARLY_SUFFIX))
    )
    return [path for path in paths if pointer_beside(path) == pointer_path]


def refuse_broken_aliases(project: Project, pointer_path: str) -> None:
    """Make sure that the aliases beside a pointer can be moved. Raises AliasError."""
    for path in alias_paths_beside(project.root, pointer_path):
        if not path.endswith(EARLY_SUFFIX):
            Alias.from_text(read_pointer_file(project.root, path) or b"", path)


def move_aliases(project: Project, old_pointer: str, new_pointer: str, name: str) -> list[str]:
    """Move aliases and deprecations of a model beside its new pointer; returns the changed paths.

    `name` is that of the model from now on, which alias files contain.
    """
    changed: list[str] = []
    for old in alias_paths_beside(project.root, old_pointer):
        if old.endswith(EARLY_SUFFIX):
            continue
        raw = read_pointer_file(project.root, old)
        _, word = split_alias_path(old)
        new = alias_path_for(new_pointer, word)
        alias = Alias.from_text(raw or b"", old)
        if new != old or alias.name != name:
            write_text_file(project.root, new, replace(alias, name=name).to_text())
            if new != old:
                delete_file(project.root, old)
            changed += [old, new]
    old, new = deprecations_path_for(old_pointer), deprecations_path_for(new_pointer)
    if old != new and os.path.lexists(os.path.join(project.root, old)):
        move_entry(project.root, old, new)
        changed += [old, new]
    return changed


def _place(project: Project, name: str) -> tuple[str | None, str | None]:
    """The path of a model's pointer, and the commit that has it if the work tree does not."""
    if project.repository.work_tree is not None:
        model = read_models(project, name=name).get(name)
        if model is not None:
            return model.path, None
    head = project.reader.resolve("HEAD")
    found = None if head is None else find_in_tree(project, head, name)
    return (None, None) if found is None else (found.path, head)


def _read(project: Project, commit: str | None, paths: Iterable[str]) -> dict[str, bytes]:
    """The files that exist, by path, in the work tree or in a commit."""
    if commit is None:
        read = {path: read_pointer_file(project.root, path) for path in paths}
        return {path: raw for path, raw in read.items() if raw is not None}
    wanted = set(paths)
    suffixes = {
        s for s in (ALIAS_SUFFIX, EARLY_SUFFIX, DEPRECATED_SUFFIX) for p in wanted if p.endswith(s)
    }
    entries = project.reader.tree(commit, *sorted(suffixes)) if suffixes else ()
    oids = {entry.path: entry.oid for entry in entries if entry.path in wanted}
    blobs = project.reader.blobs(oids.values())
    return {path: blobs[oid] for path, oid in oids.items() if oid in blobs}


def _collect(files: Iterable[tuple[str, bytes]], name: str) -> ModelAliases:
    """The aliases of one model, from its files."""
    found: list[AliasFile] = []
    broken: list[tuple[str, GitmodelError]] = []
    for path, raw in files:
        try:
            if path.endswith(EARLY_SUFFIX):
                raise early_file_error(path)
            found.append(_parsed(path, raw, name))
        except GitmodelError as error:
            broken.append((path, error))
    return ModelAliases(tuple(sorted(found, key=lambda file: file.path)), tuple(sorted(broken)))


def _parsed(path: str, raw: bytes, name: str) -> AliasFile:
    """The alias, which must be one of the model beside it."""
    alias = Alias.from_text(raw, path)
    if alias.name != name:
        raise AliasError(
            f"{path} has an alias of {alias.name}, but the pointer beside it is {name}",
            hint=f"gitmodel promote {name}@VERSION {alias.alias}",
            model=name,
        )
    return AliasFile(path, alias, raw)


def _early_path(pointer_path: str) -> str:
    return pointer_path.removesuffix(POINTER_SUFFIX) + EARLY_SUFFIX
