"""Open a file of a version for reading without a checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import UnknownReferenceError, WeightsError

if TYPE_CHECKING:
    from gitmodel.cache.file_objects import FileStream, UnchangedFile
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_NAMED_FILES = 5


def open_stream(project: Project, model: Model, file: str | None) -> FileStream:
    """Open one file of a version for reading; closing the stream closes the project.

    Args:
        project: The project, owned by the stream from now on.
        model: The version.
        file: The file within a folder; None for a model that is one file.

    Raises:
        WeightsError: The model is a folder and no file was named, or the other way round.
        UnknownReferenceError: The folder has no such file.
        ObjectMissingError, DamagedObjectError, RemoteError: The version cannot be fetched.
    """
    from gitmodel.cache.chunk_reader import FileView
    from gitmodel.cache.file_objects import FileStream
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


def open_unchanged(path: str, model: Model) -> UnchangedFile:
    """Open a file of checked-out weights; reads fail if the file changes meanwhile.

    Raises:
        OSError: The file cannot be opened.
    """
    from gitmodel.cache.file_objects import UnchangedFile

    return UnchangedFile(path, model.name)


def file_list_hint(manifest: Manifest) -> str:
    """A hint that lists the first files of a manifest."""
    return f"there are {', '.join(entry.path for entry in manifest.files[:_NAMED_FILES])}"
