"""One file of a version, opened for reading: in the work tree if it is checked out, else in the store."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, Final

from gitmodel.domain.paths import safe_parts
from gitmodel.errors import GitmodelError, UnknownReferenceError, WeightsError
from gitmodel.files.path_encoding import native

if TYPE_CHECKING:
    from gitmodel.cache.file_streams import FileStream
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_NAMED_FILES: Final = 5
_BUFFER: Final = 1 << 20  # bytes read ahead


def open_file(project: Project, model: Model, reference: str, file: str | None) -> BinaryIO:
    """Open one file of a version for reading: the one named, or None for a model that is one file.

    The project is closed at once if the file is in the work tree, and with the stream otherwise.

    Raises WeightsError if the model is a folder and no file was named, or the other way round,
    UnknownReferenceError if the folder has no such file, ObjectMissingError, DamagedObjectError or
    RemoteError if the version cannot be fetched.
    """
    opened = _open_checked_out(project, model, reference, file)
    if opened is not None:
        project.close()
        return opened
    return io.BufferedReader(_open_stored(project, model, file), _BUFFER)


def checked_out_path(project: Project, model: Model) -> str | None:
    """Return the path of the weights in the work tree; None if they are not those of the version."""
    if project.repository.work_tree is None:
        return None
    try:
        project.worktree.exclude(model.weights, model.pointer.exclude)
        seen = project.worktree.hash_weights(model.name, model.weights)
    except (GitmodelError, OSError):  # a folder of links, say; the cache has what was stored
        return None
    if seen.digest != model.pointer.digest:
        return None
    return os.path.join(project.root, *model.weights.split("/"))


def _open_checked_out(
    project: Project, model: Model, reference: str, file: str | None
) -> BinaryIO | None:
    """Open a file of checked-out weights; None if they are not those of the version."""
    from gitmodel.cache.file_streams import UnchangedFile

    weights = checked_out_path(project, model)
    if weights is None:
        return None
    path = native(_file_in(weights, reference, file))
    try:
        opened = UnchangedFile(path, model.name)
    except OSError:
        return None
    # A checkout may have replaced the file after it was hashed and before it was opened.
    if checked_out_path(project, model) is None or not opened.is_at(path):
        opened.close()
        return None
    return io.BufferedReader(opened, _BUFFER)


def _file_in(weights: str, reference: str, file: str | None) -> str:
    """Return the path of a file of checked-out weights."""
    if not os.path.isdir(weights):
        if file is not None:
            raise WeightsError(f"{reference} is one file, so it has no file {file}")
        return weights
    if file is None:
        raise WeightsError(
            f"{reference} is a folder; name one of its files", hint=_first_files(weights)
        )
    path = os.path.join(weights, *safe_parts(file))
    if not os.path.isfile(path):
        raise UnknownReferenceError(f"{reference} has no file {file}", hint=_first_files(weights))
    return path


def _first_files(folder: str) -> str:
    """A hint that lists the first files of a folder."""
    found: list[str] = []
    for path, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(os.path.join(path, name), folder) for name in sorted(names)]
        if len(found) >= _NAMED_FILES:
            break
    return _there_are(found)


def _open_stored(project: Project, model: Model, file: str | None) -> FileStream:
    """Open one file of a version in the store; the stream closes the project."""
    from gitmodel.cache.chunk_reader import FileView
    from gitmodel.cache.file_streams import FileStream
    from gitmodel.project.fetching.verified_chunks import bound_files

    files = bound_files(project, model, lambda manifest: _entry(model, manifest, file))
    views = (
        FileView(source.read_at, manifest, entry, give_up=source.give_up)
        for manifest, entry, source in files
    )
    return FileStream(views, model.name, project.close)


def _entry(model: Model, manifest: Manifest, file: str | None) -> FileEntry:
    if manifest.kind == "file":
        if file is not None:
            raise WeightsError(f"{model.name} is one file, so it has no file {file}")
        return manifest.files[0]
    if file is None:
        raise WeightsError(
            f"{model.name} is a folder; name one of its files", hint=file_list_hint(manifest)
        )
    for entry in manifest.files:
        if entry.path == file:
            return entry
    raise UnknownReferenceError(f"{model.name} has no file {file}", hint=file_list_hint(manifest))


def file_list_hint(manifest: Manifest) -> str:
    """A hint that lists the first files of a manifest."""
    return _there_are([entry.path for entry in manifest.files[:_NAMED_FILES]])


def _there_are(paths: list[str]) -> str:
    return f"there are {', '.join(paths[:_NAMED_FILES])}"
