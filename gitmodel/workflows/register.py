"""A new version: weights into the cache, then the pointer that names them.

The order is the promise: packs and manifest are durable before the pointer is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer, Previous
from gitmodel.domain.versions import next_version
from gitmodel.store.writer import store_weights
from gitmodel.workflows.model_history import ModelHistory, history_of, next_number
from gitmodel.workflows.models import write_text_file
from gitmodel.workflows.references import models_at

if TYPE_CHECKING:
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.worktree import Survey, Weights
    from gitmodel.workflows.metadata import Metadata
    from gitmodel.workflows.project import Project


def store_survey(
    project: Project,
    name: str,
    survey: Survey,
    *,
    old: Pointer | None,
    base: Pointer | None = None,
) -> tuple[Manifest, Weights]:
    """Store the files of a survey.

    They are not `have` yet: that comes after the pointer. Were it the other way round, a kill between
    the two would leave new weights that look like those of a version left behind, and no later commit
    would make a version of them.

    Args:
        project: The project.
        name: The model.
        survey: What lies at its path.
        old: Its last version, whose chunks are not stored again, and against which others are stored.
        base: Another model's version to be used in the same way, after `old`.

    Raises:
        ChangedWhileReadError: The files changed meanwhile; nothing is remembered then.
        NoSpaceError: The cache is full.
    """
    progress = project.context.progress
    progress.start(f"storing {name}", survey.size)
    try:
        known = [project.cache.manifest(p.digest) for p in (old, base) if p is not None]
        manifest = store_weights(
            project.cache,
            project.worktree.sources(survey),
            folder=survey.kind.value == "folder",
            reuse=[manifest for manifest in known if manifest is not None],
            progress=progress,
        )
    finally:
        progress.finish()
    return manifest, project.worktree.remember(name, survey, manifest, as_have=False)


def next_pointer(
    project: Project,
    *,
    name: str,
    path: str,
    weights: Weights,
    manifest: Manifest,
    old: Pointer | None,
    metadata: Metadata,
) -> Pointer:
    """The pointer for weights that were just stored.

    Content of a known version gets that version's pointer again, also where that does not state the chunks:
    a pointer that changes for nothing is a line in somebody's diff. Other content gets the next
    number; its metadata is what is new, and nothing of the old.

    Args:
        project: The project.
        name: The model.
        path: Of the weights, relative to the pointer's folder.
        weights: What was stored.
        manifest: Of it.
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
    committed = _committed(project, old, history)
    fresh = Pointer(
        name=name,
        version=max(next_number(project, history), next_version(committed)),
        digest=weights.digest,
        size=weights.size,
        chunks=manifest.chunk_list(),
        path=path,
        previous=_previous(old, committed),
    )
    if old is not None:  # what people wrote about the model, not about one version's weights
        fresh = replace(
            fresh,
            description=old.description,
            license=old.license,
            tags=old.tags,
            base=old.base,
            unknown=old.unknown,
            metrics_from=old.metrics_from,
        )
    return _with_metadata(fresh, metadata)


def _committed(project: Project, old: Pointer | None, history: ModelHistory) -> set[int]:
    """The numbers in history, and that of HEAD's pointer.

    A pointer file that was renamed by hand has a past that its name does not lead to.
    """
    numbers = history.numbers()
    if old is not None and old.version not in numbers and project.reader.resolve("HEAD"):
        at_head = models_at(project, "HEAD")
        numbers |= {model.pointer.version for model in at_head if model.name == old.name}
    return numbers


def _previous(old: Pointer | None, committed: set[int]) -> Previous | None:
    """The version before: the pointer so far if it was ever committed, else the one before that."""
    if old is None:
        return None
    return Previous(old.version, old.digest) if old.version in committed else old.previous


def refuse_unwritable(name: str, old: Pointer | None, metadata: Metadata) -> None:
    """Refuse what no pointer can hold before the weights are read, which may take an hour.

    Raises:
        PointerError: The pointer would be too long, or could not be read again.
    """
    like = old or Pointer(name=name, version=1, digest=digest_of(b""), size=0, path="weights")
    _with_metadata(like, metadata).to_text()


def _with_metadata(pointer: Pointer, metadata: Metadata) -> Pointer:
    """Lay what is new over a pointer; what is not said again stays as it is.

    A metrics file speaks for all metrics at once.
    """
    if metadata.metrics:
        kept = {} if metadata.source is not None else pointer.metrics
        pointer = replace(pointer, metrics={**kept, **metadata.metrics})
    if metadata.source is not None:
        pointer = replace(pointer, metrics_from=metadata.source)
    if metadata.params:
        pointer = replace(pointer, params={**pointer.params, **metadata.params})
    if metadata.run_id is not None:
        pointer = replace(pointer, run_id=metadata.run_id)
    return pointer


def dropped(old: Pointer | None, new: Pointer, weights: str) -> str | None:
    """What to tell a person about metadata that was not carried over, None if nothing was lost.

    Going back to an earlier version loses nothing: it has its own.
    """
    if old is None or old.digest == new.digest or new.version < old.version or new.metrics:
        return None
    pairs = {
        "metrics": (old.metrics, new.metrics),
        "params": (old.params, new.params),
        "run id": (old.run_id, new.run_id),
    }
    lost = [name for name, (before, now) in pairs.items() if before and not now]
    if not lost:
        return None
    do, were = ("does", "was") if lost == ["run id"] else ("do", "were")
    *more, last = lost
    names = f"{', '.join(more)} and {last}" if more else last
    return (
        f"{new.name}: the {names} of version {old.version} {do} not describe the new weights and "
        f"{were} dropped; add new ones with: gitmodel add {weights} -M NAME=VALUE"
    )


def write_pointer(project: Project, path: str, pointer: Pointer) -> None:
    """Write a pointer file into the work tree, whole or not at all."""
    write_text_file(project.root, path, pointer.to_text())
