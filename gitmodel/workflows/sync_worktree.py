"""Check out the weights of pointers that Git changed, from the cache.

Only weights that equal the last registered or checked out version (have) are replaced. Errors become notes, so
that the exit status of Git does not change. The hooks post-checkout, post-merge and post-rewrite run this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.git_files.weights_out_of_git import ignore_leftovers
from gitmodel.project.models import Model, read_models
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.project.project import Project


@dataclass(slots=True)
class SyncReport:
    """The result of a sync."""

    # (name, version) of the weights that were checked out
    placed: list[tuple[str, int]] = field(default_factory=list)
    to_fetch: list[str] = field(default_factory=list)  # models whose weights are not in the cache
    notes: list[str] = field(default_factory=list)  # errors and other notes to print


def comes_later(project: Project) -> bool:
    """Whether a rebase is in progress; post-rewrite syncs the weights once at its end."""
    from gitmodel.git.discovery import rebase_has_steps

    return rebase_has_steps(project.repository.git_dir)


def sync_worktree(project: Project, paths: Iterable[str] | None = None) -> SyncReport:
    """Check out cached weights for all pointers (or those of `paths`) whose weights are out of date."""
    report = SyncReport()
    models = read_models(project, paths)
    for path, error in models.broken:
        told = error.message.startswith(path)
        report.notes.append(error.message if told else f"{path}: {error.message}")
    for model in models.models:
        try:
            _sync_model(project, model, report)
        except (GitmodelError, OSError) as error:
            report.notes.append(str(error))
    note_seen(project, {model.weights for model in models.models})
    if paths is None:
        ignore_leftovers(project, {model.weights for model in models.models})
    return report


def _sync_model(project: Project, model: Model, report: SyncReport) -> None:
    wanted = model.pointer.digest
    if project.worktree.unchanged(model.name, model.weights) == wanted:
        return
    weights = project.worktree.hash_weights(model.name, model.weights)
    if weights.digest == wanted:
        return
    if weights.kind is EntryKind.MISSING:
        if not _is_used_here(project, model):
            return  # never checked out here
    elif weights.digest != project.worktree.have(model.name, model.weights):
        return  # unregistered weights
    manifest = project.cache.manifest(wanted)
    if manifest is None or project.cache.missing_packs(manifest):
        report.to_fetch.append(model.name)
        return
    from gitmodel.workflows.checkout import checkout

    checkout(project, [model.name], ask=False)
    report.placed.append((model.name, model.pointer.version))


def _is_used_here(project: Project, model: Model) -> bool:
    """Whether the model was added or checked out in this work tree, at this path or an earlier one."""
    if project.worktree.have(model.name, model.weights) is not None:
        return True
    return model.name in project.worktree.records.models()
