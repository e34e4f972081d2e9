"""The models of a commit, read from its pointer files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError
from gitmodel.project.models import Model, Models

if TYPE_CHECKING:
    from gitmodel.project.project import Project


class CommittedFile(NamedTuple):
    """An alias file, or a file of deprecations, in a commit whose tree has it."""

    path: str
    blob: str  # object id
    commit: str
    required: bool = True  # whether a push fails without its proof: the push introduces it


def parsed_or_none(raw: bytes, path: str) -> Pointer | None:
    """The pointer, None if the bytes do not parse; history may contain such files."""
    try:
        return Pointer.from_text(raw, what=path)
    except GitmodelError:
        return None


def find_in_tree(project: Project, commit: str, name: str) -> Model | None:
    """The model of that name in a commit, None if there is none.

    Raises GitmodelError if the only pointer file that can belong to it does not parse.
    """
    stem = name.rpartition("/")[2] + POINTER_SUFFIX
    entries = [
        entry
        for entry in project.reader.tree(commit, POINTER_SUFFIX)
        if entry.path.rpartition("/")[2] == stem
    ]
    blobs = project.reader.blobs([entry.oid for entry in entries])
    models = []
    broken: list[GitmodelError] = []
    for entry in entries:
        raw = blobs.get(entry.oid, b"")
        try:
            models.append(Model(entry.path, Pointer.from_text(raw, what=entry.path), raw))
        except GitmodelError as error:  # may belong to another model, in another folder
            broken.append(error)
    found = Models(tuple(models)).get(name)
    if found is None and broken:
        raise broken[0]
    return found


def models_in_tree(project: Project, commit: str) -> list[Model]:
    """All models of a commit whose pointers parse."""
    entries = project.reader.tree(commit, POINTER_SUFFIX)
    blobs = project.reader.blobs([entry.oid for entry in entries])
    models = []
    for entry in entries:
        pointer = parsed_or_none(blobs.get(entry.oid, b""), entry.path)
        if pointer is not None:
            models.append(Model(entry.path, pointer, blobs[entry.oid]))
    return models
