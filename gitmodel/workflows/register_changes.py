"""The hook pre-commit: register changed weights, so that the commit has their new versions.

For each pointer of the commit `domain.versions.decide` compares three digests: the weights on disk, the weights
last added or checked out (*have*), and the pointer. No network is used, and no symbolic link is followed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import BESIDE_SUFFIXES, POINTER_SUFFIX, Pointer
from gitmodel.domain.versions import Verdict
from gitmodel.errors import (
    ChangedWhileReadError,
    GitmodelError,
    MixedPointerError,
    TextError,
    UnsafeNameError,
    UnsafePathError,
    WeightsError,
)
from gitmodel.project.committing.abandoned_versions import pointer_of_failed_commit
from gitmodel.project.committing.commit_notes import (
    CommitReport,
    changed_error,
    choice_error,
    stale_note,
    unfollowed_note,
)
from gitmodel.project.committing.version_decisions import Change, decide_commit
from gitmodel.project.git_files.weights_out_of_git import refuse_weights_in_git
from gitmodel.project.models import Model, damaged_weights
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.git.index import Difference, IndexEntry
    from gitmodel.project.committing.version_decisions import CommitDecision
    from gitmodel.project.history.histories import Histories
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


def register_changes(
    project: Project, *, begun: Callable[[str | None], None] = lambda _: None
) -> CommitReport:
    """Register the changed weights of the pointers in the commit, and stage the new pointers.

    `begun` is called with the name of a model before its changed weights are read, and with None if the
    commit does not register them.

    Raises StaleWeightsError if weights, have and pointer all differ, so the user must choose,
    MixedPointerError if a pointer was merged line by line, or its version or digest was edited,
    AliasError if a changed alias file, or changed deprecations, do not parse, ChangedWhileReadError or
    WeightsError if weights cannot be registered now.
    """
    report = CommitReport()
    entries = project.index.entries(f"*{POINTER_SUFFIX}")
    conflicted = {entry.path for entry in entries if entry.stage}
    entries = tuple(entry for entry in entries if entry.path not in conflicted)
    blobs = project.reader.blobs([entry.oid for entry in entries]) if entries else {}
    named = project.index.changed_since_head() if project.index.is_partial else None
    changes = project.index.staged_changes()
    _refuse_broken_aliases(project, changes)
    candidates = []
    for entry in entries:
        raw = blobs.get(entry.oid)
        if raw is not None and not (raw == b"" and _is_only_intended(project, entry)):
            candidates += _changed(project, entry, raw, report, named)
    if candidates:
        _register_candidates(project, candidates, report, begun)
    refuse_weights_in_git(project, report.models, changes)
    if report.bumped:
        names = {entry.path for entry in entries}
        report.otherwise_empty = project.index.changed_since_head() <= names
    return report


def _register_candidates(
    project: Project,
    candidates: Sequence[Model],
    report: CommitReport,
    begun: Callable[[str | None], None],
) -> None:
    """Register those models whose weights changed; `begun` as in `register_changes`."""
    from gitmodel.project.history.histories import Histories

    histories = Histories(project, [model.name for model in candidates])
    new: list[Change] = []
    for model in candidates:
        to_read = _may_be_read(project, model)
        if to_read:
            begun(model.name)
        change = _change_to_register(project, model, report, histories)
        if change is not None:
            new.append(change)
        elif to_read and not new and not report.taken_up:
            begun(None)
    if report.taken_up:
        project.index.stage(report.taken_up)
    if new:
        begun(new[0].model.name if len(new) == 1 else f"{len(new):,} models")
        _register(project, new, report, histories)


def _refuse_broken_aliases(project: Project, changes: Sequence[Difference]) -> None:
    if any(change.path.endswith(BESIDE_SUFFIXES) for change in changes):
        from gitmodel.project.committing.staged_aliases import refuse_broken_aliases

        refuse_broken_aliases(project, changes)


def _changed(
    project: Project,
    entry: IndexEntry,
    raw: bytes,
    report: CommitReport,
    named: frozenset[str] | None,
) -> list[Model]:
    """The model of a staged pointer, if its weights may have changed and the commit includes the pointer.

    `git commit PATH` includes the pointers in `named`, which differ from HEAD.
    """
    pointer = _read_staged(project, entry, raw, report)
    model = Model(entry.path, pointer, raw)
    project.worktree.exclude(model.weights, pointer.exclude)
    report.models.append(model)
    if _is_clean(project, model):
        return []
    if named is not None and entry.path not in named:
        if _may_be_read(project, model):
            note = _refused_note(project, model)
            if note is None:
                report.unnamed.append((model.weights, entry.path))
            else:
                report.notes.append(note)
        return []
    return [model]


def _refused_note(project: Project, model: Model) -> str | None:
    """Why weights that a gate refused are not in a commit that leaves their pointer out; None for others."""
    digest = project.worktree.unchanged(model.name, model.weights)
    if digest is None:
        return None
    from gitmodel.project.gates.rejected import last_refusal, refused_words

    run = last_refusal(project, model.name, digest)
    return None if run is None else f"{model.name}: {refused_words(run.rules)}"


def _change_to_register(
    project: Project, model: Model, report: CommitReport, histories: Histories
) -> Change | None:
    """The weights to register; None if the commit registers none for this model."""
    try:
        return _decide(project, model, report, histories)
    except GitmodelError as error:
        raise error.about(model.name) from error


def _may_be_read(project: Project, model: Model) -> bool:
    """Whether the weights exist and are not known to equal the pointer or have."""
    seen = project.worktree.unchanged(model.name, model.weights)
    as_left = (model.pointer.digest, project.worktree.have(model.name, model.weights))
    if seen is not None and seen in as_left:
        return False
    return os.path.lexists(os.path.join(project.root, model.weights))


def _is_only_intended(project: Project, entry: IndexEntry) -> bool:
    """Whether `git add -N` made this empty entry, which is not part of the commit."""
    return entry.path not in project.index.changed_since_head([entry.path])


def _is_clean(project: Project, model: Model) -> bool:
    """Whether the weights equal the pointer, by stat data alone."""
    return (
        project.worktree.unchanged(model.name, model.weights) == model.pointer.digest
        and project.worktree.have(model.name, model.weights) == model.pointer.digest
        and model.pointer.is_text(model.raw)
    )


def _read_staged(project: Project, entry: IndexEntry, raw: bytes, report: CommitReport) -> Pointer:
    """The staged pointer. If only other fields than version and digest were edited, its check is renewed.

    Raises MixedPointerError if version, digest or chunks differ from HEAD, so the pointer may mix two
    sides; or if a merge is in progress, which can mix metrics of both sides.
    """
    try:
        return Pointer.from_text(raw, what=entry.path)
    except MixedPointerError as error:
        from gitmodel.project.committing.edited_pointers import edited_by_hand, with_restore_hint
        from gitmodel.project.committing.unstaged_fields import unstaged_fields

        edited = edited_by_hand(project, entry.path, raw)
        if edited is None:
            raise with_restore_hint(project, entry.path, error) from None
        from gitmodel.project.adding.new_version import write_pointer

        words = unstaged_fields(project, entry.path, edited, raw)
        write_pointer(project, entry.path, edited)
        project.index.stage([entry.path])
        if words is not None:
            write_pointer(project, entry.path, words)
        report.replaced[entry.path] = entry.oid
        return edited


def _decide(
    project: Project, model: Model, report: CommitReport, histories: Histories
) -> Change | None:
    """Compare the digests and note the result; returns the weights to register.

    Weights that change while they are read are left to a later commit. If this commit changes the pointer or
    the metrics of the model, they are an error, because the weights would not belong to them.
    """
    try:
        return _decide_now(project, model, report, histories)
    except ChangedWhileReadError as error:
        if _is_about(project, model):
            raise
        report.notes.append(_later(model, error))
        return None


def _later(model: Model, error: GitmodelError) -> str:
    return (
        f"{model.name}: {error.message}, so this commit makes no version of {model.weights}; "
        "a later one does"
    )


def _is_about(project: Project, model: Model) -> bool:
    """Whether this commit changes the model's pointer or the file that its metrics come from."""
    source = model.pointer.metrics_from
    paths = [model.path] if source is None else [model.path, source.path]
    return bool(project.index.changed_since_head(paths))


def _decide_now(
    project: Project, model: Model, report: CommitReport, histories: Histories
) -> Change | None:
    try:
        weights = _observe(project, model)
    except UnsafeNameError as error:
        report.notes.append(
            f"{model.name}: {error.message}; so the folder is not registered; {error.hint}"
        )
        return None
    except UnsafePathError as error:  # a link in a folder that was added with --follow
        report.notes.append(
            unfollowed_note(project, model, f"{error.message}, and hooks do not follow it")
        )
        return None
    if weights.kind is EntryKind.LINK:
        what = f"{model.weights} is a symbolic link, which hooks do not follow"
        report.notes.append(unfollowed_note(project, model, what))
        return None
    if weights.damaged:  # registered by no commit
        lost = damaged_weights(project, model.name, model.weights)
        report.notes.append(f"{model.name}: {lost.message}; run: {lost.hint}")
        return None
    if project.worktree.is_half_placed(model.name, model.weights, weights.digest):
        raise WeightsError(
            f"a checkout into {model.weights} was interrupted, so its files may be of two versions",
            hint=f"complete it: gitmodel checkout {model.name}; "
            f"or register what is there: gitmodel add {project.typed(model.weights)}",
        )
    judged = decide_commit(project, model, weights, histories)
    if judged.verdict is Verdict.STALE:
        left = pointer_of_failed_commit(project, model, weights.digest, histories)
        if left is not None:
            report.taken_up.append(model.path)
            report.replaced.setdefault(model.path, project.repository.blob_id(model.raw))
            report.bumped.append((model.name, model.pointer.version, left.version))
            return None
    _act(project, model, weights, judged, report)
    return _change(model, weights.digest, judged.verdict)


def _change(model: Model, digest: Digest | None, verdict: Verdict) -> Change | None:
    if digest is None or verdict not in {Verdict.BUMP, Verdict.KNOWN}:
        return None
    return Change(model, digest, verdict is Verdict.BUMP)


def _act(
    project: Project, model: Model, weights: Weights, judged: CommitDecision, report: CommitReport
) -> None:
    match judged.verdict:
        case Verdict.CLEAN:
            if project.worktree.have(model.name, model.weights) != weights.digest:
                with suppress(OSError):  # a record that cannot be written stops no commit
                    project.worktree.set_have(model.name, model.weights, weights)
        case Verdict.MISSING:
            pass
        case Verdict.STALE:
            report.stale.append(stale_note(project, model, weights.digest, judged.known))
            report.notes += report.stale[-1:]
        case Verdict.BUMP | Verdict.KNOWN:
            pass
        case Verdict.CHANGING:
            raise changed_error(model)
        case Verdict.CHOOSE:
            raise choice_error(project, model, judged, weights.digest)


def _observe(project: Project, model: Model) -> Weights:
    """Hash the weights if they have changed. More than `gitmodel.commitLimit` bytes are a WeightsError."""
    size = project.worktree.size_to_read(model.name, model.weights)
    if size > project.settings.commit_limit:
        raise WeightsError(
            f"{size:,} bytes of weights have changed, more than a commit should wait for",
            hint=f"gitmodel add {project.typed(model.weights)}, then commit again",
            model=model.name,
        )
    progress = project.context.progress
    progress.start(f"hashing {model.name}", size)
    try:
        return project.worktree.hash_weights(model.name, model.weights)
    finally:
        progress.finish()


def _register(
    project: Project, changes: Sequence[Change], report: CommitReport, histories: Histories
) -> None:
    from gitmodel.project.committing.new_versions import register_new_versions

    refused = []
    for new in register_new_versions(project, changes, histories):
        model = new.model
        if new.pointer is not None:
            report.replaced.setdefault(model.path, project.repository.blob_id(model.raw))
            report.bumped.append((model.name, model.pointer.version, new.pointer.version))
            report.notes += new.warnings
        elif new.refused and new.error is None:
            report.notes += new.warnings
        elif isinstance(new.error, ChangedWhileReadError | TextError) and not _is_about(
            project, model
        ):  # changed meanwhile: left to a later commit
            report.notes.append(_later(model, new.error))
        else:
            refused.append((new.error or changed_error(model)).about(model.name))
    if refused:
        raise refused[0]
