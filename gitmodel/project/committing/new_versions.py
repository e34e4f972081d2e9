"""The next versions of many models: store them in groups, and register each group once it is durable.

Git is queried once for all models, and each group waits for the disk once. Weights are durable before a
pointer names them, and `have` is updated after the pointer is staged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitmodelError, UnsafePathError, WeightsError
from gitmodel.project.adding.description import describe_weights
from gitmodel.project.adding.metadata import MetadataInput, collect_metadata
from gitmodel.project.adding.new_version import (
    Job,
    dropped_metadata_warning,
    next_pointer,
    store_many,
    write_pointers,
)
from gitmodel.project.adding.weight_checks import weight_warnings
from gitmodel.project.committing.commit_notes import changed_error
from gitmodel.project.committing.unstaged_fields import unstaged_fields
from gitmodel.project.gates.rejected import has_rejected
from gitmodel.project.git_files.weights_out_of_git import ignore_in_clone
from gitmodel.project.models import read_pointer_file
from gitmodel.project.project import CONFIG_NAME
from gitmodel.worktree.worktree import Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.committing.commit_gate import CommitGate
    from gitmodel.project.committing.version_decisions import Change
    from gitmodel.project.history.histories import Histories
    from gitmodel.project.metadata import Metadata
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project
    from gitmodel.project.runs.recorded import RecordedRun
    from gitmodel.worktree.worktree import Scan


class NewVersion(NamedTuple):
    """The result for one model."""

    model: Model  # before the commit
    pointer: Pointer | None = None  # staged, None if there is an error
    warnings: tuple[str, ...] = ()
    error: GitmodelError | None = None  # why the weights could not be stored, or the gate refuses
    refused: bool = False  # by a gate: the weights stay on disk, and the commit goes on


class _Known(NamedTuple):
    """A model to register: metadata and scan, before its weights are stored."""

    model: Model
    digest: Digest
    metadata: Metadata
    scan: Scan
    doubts: tuple[str, ...]
    forced: str | None = None  # why it is registered although the gate refuses


class _Durable(NamedTuple):
    """Weights whose manifest is durable."""

    known: _Known
    manifest: Manifest
    weights: Weights


def register_new_versions(
    project: Project, changes: Sequence[Change], histories: Histories
) -> list[NewVersion]:
    """Store the weights of many models, and stage their pointers.

    Weights that changed after they were hashed, or a metrics file that cannot be read, are an error of
    that model only. Raises NoSpaceError or StoreError if the cache cannot be written; earlier groups are
    registered.
    """
    found: list[NewVersion] = []
    known: dict[str, _Known] = {}
    gate = _gate(project)
    for change in changes:
        try:
            item = _look(project, change)
            if gate is None:
                known[change.model.weights] = item
                continue
            scanned = Weights(item.scan.kind, change.digest, item.scan.size)
            judged = gate.judge(change, scanned, item.metadata)
        except GitmodelError as error:
            found.append(NewVersion(change.model, error=error))
            continue
        if judged.refused is not None:
            found.append(
                NewVersion(
                    change.model,
                    warnings=(*item.doubts, *gate.kept(change, judged.refused)),
                    error=gate.error(change, judged.refused),
                    refused=True,
                )
            )
        else:
            doubts = tuple(f"{change.model.name}: {text}" for text in judged.data)
            known[change.model.weights] = item._replace(
                metadata=judged.metadata,
                forced=judged.forced,
                doubts=(*item.doubts, *doubts),
            )
    if not known:
        return found
    if gate is not None:
        first = next(iter(known))
        known[first] = known[first]._replace(doubts=(*known[first].doubts, *gate.notes))
    jobs = [Job(item.model.name, item.scan, item.model.pointer) for item in known.values()]
    progress = project.context.progress
    what = changes[0].model.name if len(changes) == 1 else f"{len(changes):,} models"
    progress.start(f"storing {what}", sum(job.scan.size for job in jobs))
    try:
        for group in store_many(project, jobs):
            ready = []
            for stored in group:
                item = known[stored.job.scan.path]
                weights = stored.weights
                if stored.manifest is None or weights is None or weights.digest != item.digest:
                    found.append(NewVersion(item.model, error=changed_error(item.model)))
                else:
                    ready.append(_Durable(item, stored.manifest, weights))
            found += _register(project, ready, histories)
    finally:
        progress.finish()
    return found


def _gate(project: Project) -> CommitGate | None:
    """The gate of the commit; None, without loading it, if HEAD has neither gates nor a policy and none ever refused."""
    head = project.reader.resolve("HEAD")
    raw = None if head is None else project.reader.text_at(head, CONFIG_NAME)
    # A key may also be written with escapes.
    said = raw is None or any(key in raw for key in (b"gates", b"policy", b"\\"))
    if not said and not has_rejected(project):
        return None
    from gitmodel.project.committing.commit_gate import CommitGate

    if raw is not None and not any(key in raw for key in (b"policy", b"\\")):
        return CommitGate(project, None)
    from gitmodel.project.adding.policy import PolicyCheck

    return CommitGate(project, PolicyCheck(project))


def _look(project: Project, change: Change) -> _Known:
    """Scan the weights and read the metrics of a model before the weights are stored."""
    model, digest = change.model, change.digest
    metadata = collect_metadata(project, MetadataInput(), model.pointer, _run(project, model))
    try:
        scan = project.worktree.scan(model.weights)
        doubts = (*weight_warnings(project, scan), *metadata.left_out)
        metadata = metadata._replace(format=describe_weights(project, scan))
    except (WeightsError, UnsafePathError) as error:
        raise changed_error(model) from error
    return _Known(model, digest, metadata, scan, tuple(f"{model.name}: {text}" for text in doubts))


def _run(project: Project, model: Model) -> RecordedRun | None:
    """What is recorded of the run that a local store named by `runs:` has for the weights."""
    text = project.config_text() or ""
    # A key may also be written with escapes.
    if ("runs" not in text and "\\" not in text) or "runs" not in project.config.unknown:
        return None
    from gitmodel.project.runs.find_run import RunFinder
    from gitmodel.project.runs.recorded import record_run

    found = RunFinder(project, model.name, model.weights).in_hook()
    return record_run(project, model.name, found)


def _register(
    project: Project, group: Sequence[_Durable], histories: Histories
) -> list[NewVersion]:
    """Write the pointers of durable weights, and stage them in the index of this commit."""
    if not group:
        return []
    pointers = {ready.known.model.path: _pointer(project, ready, histories) for ready in group}
    words = _unstaged(project, group, histories)
    write_pointers(
        project,
        {
            path: pointer
            for path, pointer in pointers.items()
            if read_pointer_file(project.root, path) != pointer.to_text().encode()
        },
    )
    project.index.stage(list(pointers))
    write_pointers(project, words)
    models = [ready.known.model for ready in group]
    for model, ready in zip(models, group, strict=True):
        project.worktree.set_have(model.name, model.weights, ready.weights)
    ignore_in_clone(project, [model.weights for model in models])
    return [_registered(project, ready.known, pointers[ready.known.model.path]) for ready in group]


def _registered(project: Project, known: _Known, pointer: Pointer) -> NewVersion:
    model = known.model
    warning = dropped_metadata_warning(model.pointer, pointer, project.typed(model.weights))
    warnings = known.doubts if warning is None else (*known.doubts, warning)
    return NewVersion(model, pointer, warnings)


def _unstaged(
    project: Project, group: Sequence[_Durable], histories: Histories
) -> dict[str, Pointer]:
    """New pointers with fields that the user has edited but not staged, by path."""
    found = {}
    for ready in group:
        model = ready.known.model
        edited = unstaged_fields(project, model.path, model.pointer, model.raw)
        if edited is not None:
            found[model.path] = _pointer(project, ready, histories, edited)
    return found


def _pointer(
    project: Project, ready: _Durable, histories: Histories, edited: Pointer | None = None
) -> Pointer:
    model = ready.known.model
    pointer = next_pointer(
        project,
        name=model.name,
        path=model.pointer.path,
        weights=ready.weights,
        manifest=ready.manifest,
        old=edited or model.pointer,
        metadata=ready.known.metadata,
        histories=histories,
    )
    forced = ready.known.forced
    return pointer if forced is None else replace(pointer, forced=forced)
