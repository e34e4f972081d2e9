"""A new version: weights into the cache, then the pointer that names them.

The order is the promise: packs and manifest are durable before the pointer is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer, Previous
from gitmodel.store.writer import store_weights
from gitmodel.workflows.models import write_text_file
from gitmodel.workflows.references import ModelHistory, history_of, next_number

if TYPE_CHECKING:
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.worktree import Survey, Weights
    from gitmodel.workflows.metadata import Metadata
    from gitmodel.workflows.project import Project


def store_survey(
    project: Project, name: str, survey: Survey, *, old: Pointer | None
) -> tuple[Manifest, Weights]:
    """Store the files of a survey and remember them as `have`.

    Args:
        project: The project.
        name: The model.
        survey: What lies at its path.
        old: Its last version, whose chunks are not stored again.

    Raises:
        ChangedWhileReadError: The files changed meanwhile; nothing is remembered then.
        NoSpaceError: The cache is full.
    """
    progress = project.context.progress
    progress.start(f"storing {name}", survey.size)
    try:
        before = None if old is None else project.cache.manifest(old.digest)
        manifest = store_weights(
            project.cache,
            project.worktree.sources(survey),
            folder=survey.kind.value == "folder",
            reuse=() if before is None else (before,),
            progress=progress,
        )
    finally:
        progress.finish()
    return manifest, project.worktree.remember(name, survey, manifest)


def next_pointer(
    project: Project,
    *,
    name: str,
    path: str,
    weights: Weights,
    old: Pointer | None,
    metadata: Metadata,
) -> Pointer:
    """The pointer for weights that were just stored.

    Content of a known version gets that version's pointer again. Other content gets the next
    number; its metadata is what is new, and nothing of the old.

    Args:
        project: The project.
        name: The model.
        path: Of the weights, relative to the pointer's folder.
        weights: What was stored.
        old: The pointer so far, if there is one.
        metadata: What is new.
    """
    if weights.digest is None:
        raise ValueError("weights without a digest")
    if old is not None and old.digest == weights.digest:
        return _with_metadata(replace(old, path=path), metadata)
    history = history_of(project, name)
    known = history.version_of(weights.digest)
    if known is not None:
        return _with_metadata(replace(known, path=path), metadata)
    fresh = Pointer(
        name=name,
        version=next_number(project, history),
        digest=weights.digest,
        size=weights.size,
        path=path,
        previous=_previous(old, history),
    )
    if old is not None:  # what people wrote about the model, not about one version's weights
        fresh = replace(
            fresh,
            description=old.description,
            license=old.license,
            tags=old.tags,
            unknown=old.unknown,
            metrics_from=old.metrics_from,
        )
    return _with_metadata(fresh, metadata)


def _previous(old: Pointer | None, history: ModelHistory) -> Previous | None:
    """The version before: the pointer so far if it was ever committed, else the one before that."""
    if old is None:
        return None
    if old.version in history.numbers():
        return Previous(old.version, old.digest)
    return old.previous


def _with_metadata(pointer: Pointer, metadata: Metadata) -> Pointer:
    """Lay what is new over a pointer; a group that has nothing new stays as it is."""
    if metadata.metrics:
        pointer = replace(pointer, metrics=metadata.metrics)
    if metadata.source is not None:
        pointer = replace(pointer, metrics_from=metadata.source)
    if metadata.params:
        pointer = replace(pointer, params=metadata.params)
    if metadata.run_id is not None:
        pointer = replace(pointer, run_id=metadata.run_id)
    return pointer


def dropped(old: Pointer | None, new: Pointer, weights: str) -> str | None:
    """What to tell a person about metadata that was not carried over, None if nothing was lost."""
    if old is None or old.digest == new.digest or new.metrics or not old.metrics:
        return None
    return (
        f"{new.name}: the metrics of version {old.version} do not describe the new weights and were "
        f"dropped; add new ones with: gitmodel add {weights} -M NAME=VALUE"
    )


def write_pointer(project: Project, path: str, pointer: Pointer) -> None:
    """Write a pointer file into the work tree, whole or not at all."""
    write_text_file(project.root, path, pointer.to_text())
