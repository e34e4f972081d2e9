"""Weights as plain files shared by all later calls, for versions that are not checked out.

Copies are stored in the cache by digest, written once and then only read. If the cache is read-only, new copies
are written into the clone or into the user's cache folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, StoreError
from gitmodel.files.os_errors import nearest
from gitmodel.project.fetching.materialize import checkout_elsewhere
from gitmodel.worktree.records import Records
from gitmodel.worktree.worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


def shared_copy(project: Project, model: Model) -> str:
    """The path of a verified copy; one that was changed, or lost bytes in a crash, is written again.

    Raises GitmodelError if the weights cannot be fetched, or no folder is writable.
    """
    name = model.pointer.path.rpartition("/")[2]
    folders = [
        os.path.join(parent, "placed", model.pointer.digest.hex)
        for parent in _parent_folders(project)
    ]
    for folder in folders:
        if _holds(folder, model, name):
            return os.path.join(folder, name)
    folder = next(filter(_is_writable, folders), folders[0])
    try:
        checkout_elsewhere(project, [model], folder, force=True, records=_records(folder))
    except OSError as error:
        raise StoreError(
            f"version {model.pointer.version} cannot be written to {folder}: {error.strerror}",
            hint="git config gitmodel.cache DIR, or gitmodel.open, which reads without a folder",
            model=model.name,
        ) from error
    return os.path.join(folder, name)


def _parent_folders(project: Project) -> Iterator[str]:
    """Folders for copies: the cache, the clone, and the user's cache folder."""
    yield project.cache_folder
    yield os.path.join(project.repository.common_dir, "gitmodel")
    yield project.context.user_cache


def _holds(folder: str, model: Model, name: str) -> bool:
    with suppress(GitmodelError, OSError):  # the folder of another user may be unreadable
        seen = WorkTree(folder, _records(folder)).hash_weights(model.name, name)
        return seen.digest == model.pointer.digest
    return False


def _is_writable(folder: str) -> bool:
    return os.access(nearest(folder), os.W_OK | os.X_OK)


def _records(folder: str) -> Records:
    return Records(os.path.join(folder, ".known"))
