"""The models of a work tree, read from their pointer files."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, weights_path
from gitmodel.domain.reference import similar_names
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.errors import (
    GitmodelError,
    ModelNameError,
    PointerError,
    UnknownReferenceError,
    WeightsError,
)
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import NewFile, folder_handle, open_file, write_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.project.project import Project

_AT_ONCE = 128  # small files being written at the same time; each holds two descriptors


class Model(NamedTuple):
    """A pointer and its path."""

    path: str  # of the pointer file, relative to the top of the tree
    pointer: Pointer
    raw: bytes  # its bytes in the file

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.pointer.name

    @property
    def weights(self) -> str:
        """Path of the weights, relative to the top of the tree."""
        return weights_path(self.path, self.pointer)


class Models(NamedTuple):
    """The models of a work tree, and the pointer files that do not parse."""

    models: tuple[Model, ...]
    broken: tuple[tuple[str, GitmodelError], ...] = ()

    def names(self) -> list[str]:
        """All names, in the order of their paths."""
        return [model.name for model in self.models]

    def get(self, name: str) -> Model | None:
        """The model of that name, None if there is none. Raises ModelNameError if two pointers have it."""
        found = [model for model in self.models if model.name == name]
        if len(found) > 1:
            import shlex

            both = " and ".join(model.path for model in found[:2])
            raise ModelNameError(
                f"two pointers are called {name}: {both}",
                hint=f"gitmodel mv --pointer {shlex.quote(found[1].path)} NEW_NAME",
            )
        return found[0] if found else None

    def require(self, name: str) -> Model:
        """The model of that name.

        Raises UnknownReferenceError if there is none (the hint names similar ones), GitmodelError if its
        pointer does not parse.
        """
        found = self.get(name)
        if found is not None:
            return found
        for path, error in self.broken:
            if _belongs_to(path, name):
                raise error
        raise unknown_model(name, self.names())

    def breaks(self, name: str) -> bool:
        """Whether a pointer file that does not parse may belong to the model."""
        return any(_belongs_to(path, name) for path, _ in self.broken)

    def at(self, path: str) -> Model | None:
        """The model whose pointer or weights are at a path."""
        for model in self.models:
            if path in (model.path, model.weights):
                return model
        return None


def _belongs_to(path: str, name: str) -> bool:
    """Whether a pointer file has the file name that this model's pointer would have."""
    return path.rpartition("/")[2] == name.rpartition("/")[2] + POINTER_SUFFIX


def unknown_model(name: str, known: Iterable[str]) -> UnknownReferenceError:
    """The error for a name that no model has."""
    names = list(known)
    close = similar_names(name, names)
    if close:
        hint = f"did you mean {', '.join(close)}?"
    elif names:
        hint = "gitmodel list"
    else:
        hint = "gitmodel add PATH"
    return UnknownReferenceError(f"no model is called {name!r}", hint=hint)


def read_models(
    project: Project, paths: Iterable[str] | None = None, *, name: str | None = None
) -> Models:
    """Read the pointer files of the work tree (those that the index names, or `paths`).

    A pointer that does not parse is reported in `broken`, so that other models keep working. Files that
    cannot have the model `name` are skipped, because parsing is slow.
    """
    root = project.root
    if paths is None:
        paths = sorted({entry.path for entry in project.index.entries(f"*{POINTER_SUFFIX}")})
    models = []
    broken: list[tuple[str, GitmodelError]] = []
    with _PointerFiles(root) as files:
        for path in paths:
            try:
                raw = files.read(path)
                if raw is None or (name is not None and not _may_be(raw, path, name)):
                    continue
                model = Model(path, Pointer.from_text(raw, what=path), raw)
                safe_parts(model.weights)
                models.append(model)
                if project.repository.work_tree is not None:
                    project.worktree.exclude(model.weights, model.pointer.exclude)
            except GitmodelError as error:
                broken.append((path, error))
    return Models(tuple(models), tuple(broken))


def require_model(project: Project, name: str) -> Model:
    """The model of the work tree that has this name; raises as `Models.require`."""
    found = read_models(project, name=name)
    if found.get(name) is None and not found.breaks(name):
        found = read_models(project)  # the error names similar models
    return found.require(name)


def _may_be(raw: bytes, path: str, name: str) -> bool:
    """Whether a pointer file may have this name, judged by its bytes; YAML escapes count as a match."""
    return name.encode() in raw or b"\\" in raw or _belongs_to(path, name)


class _PointerFiles:
    """Reads pointer files of a work tree; keeps the folder open between files of one folder."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._stack = ExitStack()
        self._folder: str | None = None
        self._handle = -1

    def read(self, path: str) -> bytes | None:
        folder, _, name = path.rpartition("/")
        try:
            if folder != self._folder:
                self._folder = None
                self._stack.close()
                above = folder.split("/") if folder else []
                self._handle = self._stack.enter_context(folder_handle(self._root, above))
                self._folder = folder
            descriptor = open_file(self._handle, name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            raw = _read_all(descriptor, MAX_TEXT_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(raw) > MAX_TEXT_BYTES:
            raise PointerError(f"{path} is larger than a pointer can be (64 KiB)")
        return raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _read_all(descriptor: int, limit: int) -> bytes:
    """Read to the end of a file, at most `limit` bytes."""
    raw = b""
    while len(raw) < limit and (more := os.read(descriptor, limit - len(raw))):
        raw += more
    return raw


def read_pointer_file(root: str, path: str) -> bytes | None:
    """The bytes of a pointer file, None if it does not exist.

    Raises PointerError if it is too large for a pointer, UnsafePathError if it or a folder above it is a
    link.
    """
    with _PointerFiles(root) as files:
        return files.read(path)


def blob_at(project: Project, revision: str, path: str) -> str | None:
    """The blob id of a file at a revision, None if the file or revision does not exist."""
    commit = project.reader.resolve(revision)
    name = path.rpartition("/")[2]
    entries = () if commit is None else project.reader.tree(commit, name)
    return next((entry.oid for entry in entries if entry.path == path), None)


def text_at(project: Project, revision: str, path: str) -> bytes | None:
    """The bytes of a small file at a revision, None if there is no such file or it is over 64 KiB."""
    blob = blob_at(project, revision, path)
    return None if blob is None else project.reader.blobs([blob]).get(blob)


def damaged_weights(project: Project, name: str, path: str) -> WeightsError:
    """The error for weights whose content does not match their record although their stat does."""
    return WeightsError(
        f"{path} is corrupt: the machine crashed before it was fully written to disk",
        hint=f"gitmodel checkout --force {name}; or, if its content is right: touch "
        f"{project.typed(path)}",
        model=name,
    )


def write_text_file(root: str, path: str, text: str) -> None:
    """Replace a small text file of the work tree atomically; never writes through a link."""
    *above, name = path.split("/")
    with (
        disk_errors(root),
        folder_handle(root, above, create=True) as handle,
        NewFile(handle, name) as file,
    ):
        write_all(file.descriptor, text.encode())
        os.fsync(file.descriptor)
        file.place()


def write_text_files(root: str, texts: Mapping[str, str]) -> None:
    """Replace small text files as `write_text_file` does, with one wait for the disk."""
    from gitmodel.files.write_back import in_parallel, start_writing

    waiting = list(texts.items())
    for start in range(0, len(waiting), _AT_ONCE):
        with disk_errors(root), ExitStack() as stack:
            files = []
            for path, text in waiting[start : start + _AT_ONCE]:
                *above, name = path.split("/")
                with folder_handle(root, above, create=True) as handle:
                    file = stack.enter_context(NewFile(handle, name))
                write_all(file.descriptor, text.encode())
                start_writing(file.descriptor)
                files.append(file)
            in_parallel(os.fsync, [file.descriptor for file in files])
            for file in files:
                file.place()


def delete_file(root: str, path: str) -> None:
    """Delete a file of the work tree if it exists; never deletes through a link."""
    *above, name = safe_parts(path)
    with suppress(FileNotFoundError), folder_handle(root, above) as handle:
        os.unlink(name, dir_fd=handle)
