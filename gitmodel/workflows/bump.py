"""What happens inside `git commit`: new weights become a version in that very commit.

For each pointer that the commit may touch three digests are compared: the file, what was last added
or checked out here (*have*), and the pointer. The table is `domain.versions.decide`. Nothing here
talks to the network, and no link is followed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
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
from gitmodel.store.listing import Kind
from gitmodel.workflows.committed import parsed_or_none
from gitmodel.workflows.edited import edited_by_hand, with_way_out
from gitmodel.workflows.kept_out import keep_ignored, refuse_weights_in_git
from gitmodel.workflows.metadata import Given, Metadata, gather
from gitmodel.workflows.model_history import history_of
from gitmodel.workflows.models import Model, blob_at, damaged_weights, read_pointer_file
from gitmodel.workflows.register import dropped, next_pointer, store_survey, write_pointer
from gitmodel.workflows.suspicious import warn_of
from gitmodel.workflows.verdict_words import changed, choice, stale
from gitmodel.workflows.verdicts import is_merging, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.domain.digest import Digest
    from gitmodel.git.index import IndexEntry
    from gitmodel.store.worktree import Weights
    from gitmodel.workflows.project import Project
    from gitmodel.workflows.verdicts import Judged


@dataclass(slots=True)
class CommitReport:
    """What a commit did about models.

    Attributes:
        bumped: (name, version before or None, version now) of pointers staged here.
        notes: What a person should know; the commit goes on.
        otherwise_empty: But for these pointers the commit has nothing in it, and Git, which looked
            before the hook ran, may say "nothing to commit".
        stale: Those of the notes that say that weights are older than their pointer.
        replaced: Path -> blob id of the entries that were staged anew, as they were before.
        models: Those of the index.
        unnamed: (weights, pointer) of models that `git commit PATH` does not name, and whose weights
            were written since their last version.
        advice: What to tell about a commit that has nothing else in it.
    """

    bumped: list[tuple[str, int | None, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    otherwise_empty: bool = False
    stale: list[str] = field(default_factory=list, compare=False)
    replaced: dict[str, str] = field(default_factory=dict, compare=False)
    models: list[Model] = field(default_factory=list, compare=False)
    unnamed: list[tuple[str, str]] = field(default_factory=list, compare=False)
    advice: list[str] = field(default_factory=list, compare=False)


def update_commit(
    project: Project, *, begun: Callable[[str | None], None] = lambda _: None
) -> CommitReport:
    """Bring the pointers of the commit under way up to the weights on disk.

    Args:
        project: The project.
        begun: Called with the name of a model before its changed weights are read, and with None
            where they turn out to be none that this commit is to have.

    Raises:
        StaleWeightsError: File, have and pointer all differ; a person has to choose.
        ChangedWhileReadError, WeightsError: The weights cannot be registered now.
        MixedPointerError: A pointer was merged line by line, or edited in version or digest.
    """
    report = CommitReport()
    entries = project.index.entries(f"*{POINTER_SUFFIX}")
    conflicted = {entry.path for entry in entries if entry.stage}
    entries = tuple(entry for entry in entries if entry.path not in conflicted)
    blobs = project.reader.blobs([entry.oid for entry in entries]) if entries else {}
    for entry in entries:
        raw = blobs.get(entry.oid)
        if raw is not None and not (raw == b"" and _is_only_intended(project, entry)):
            _update_model(project, entry, raw, report, begun)
    refuse_weights_in_git(project, report.models)
    if report.bumped:
        names = {entry.path for entry in entries}
        report.otherwise_empty = project.index.changed_since_head() <= names
    return report


def _update_model(
    project: Project,
    entry: IndexEntry,
    raw: bytes,
    report: CommitReport,
    begun: Callable[[str | None], None],
) -> None:
    pointer = _read_staged(project, entry, raw, report)
    model = Model(entry.path, pointer, raw)
    project.worktree.exclude(model.weights, pointer.exclude)
    report.models.append(model)
    if _is_clean(project, model):
        return
    if project.index.is_partial and not _named_by_commit(project, entry):
        if _may_be_read(project, model):
            report.unnamed.append((model.weights, entry.path))
        return
    to_read = _may_be_read(project, model)
    if to_read:
        begun(model.name)
    try:
        if _decide(project, model, report):
            report.replaced.setdefault(entry.path, entry.oid)
        elif to_read and not report.bumped:
            begun(None)
    except GitmodelError as error:
        raise error.about(pointer.name) from error


def _may_be_read(project: Project, model: Model) -> bool:
    """Whether there are weights that are not known to be the pointer's, or as they were left here."""
    seen = project.worktree.unchanged(model.name, model.weights)
    as_left = (model.pointer.digest, project.worktree.have(model.name, model.weights))
    if seen is not None and seen in as_left:
        return False
    return os.path.lexists(os.path.join(project.root, model.weights))


def _is_only_intended(project: Project, entry: IndexEntry) -> bool:
    """Whether `git add -N` made this empty entry: it is no part of the commit."""
    return entry.path not in project.index.changed_since_head([entry.path])


def _is_clean(project: Project, model: Model) -> bool:
    """Whether the weights are those of the pointer, by stat alone."""
    return (
        project.worktree.unchanged(model.name, model.weights) == model.pointer.digest
        and project.worktree.have(model.name, model.weights) == model.pointer.digest
        and model.pointer.is_text(model.raw)
    )


def _named_by_commit(project: Project, entry: IndexEntry) -> bool:
    """Whether `git commit PATH` was about this pointer: it differs from HEAD's."""
    head = blob_at(project, "HEAD", entry.path)
    return head != entry.oid


def _read_staged(project: Project, entry: IndexEntry, raw: bytes, report: CommitReport) -> Pointer:
    """The staged pointer; an edit by hand beside version and digest gets its check renewed.

    Raises:
        MixedPointerError: Version, digest or chunks are not those of HEAD, so it may be two sides mixed; or
            a merge is being concluded, which can leave a metric of the other side beside them.
    """
    try:
        return Pointer.from_text(raw, what=entry.path)
    except MixedPointerError as error:
        edited = edited_by_hand(project, entry.path, raw)
        if edited is None:
            raise with_way_out(project, entry.path, error) from None
        write_pointer(project, entry.path, edited)
        project.index.stage([entry.path])
        report.replaced[entry.path] = entry.oid
        return edited


def _decide(project: Project, model: Model, report: CommitReport) -> bool:
    """Compare the three and act; returns whether the pointer was staged anew.

    Training may write while the commit runs. That is its own business, unless the commit is about the
    model: it would then record metrics, or a pointer, of weights that are not there yet.
    """
    try:
        return _decide_now(project, model, report)
    except ChangedWhileReadError as error:
        if _is_about(project, model):
            raise
        report.notes.append(
            f"{model.name}: {error.message}, so this commit makes no version of {model.weights}; "
            "a later one does"
        )
        return False


def _is_about(project: Project, model: Model) -> bool:
    """Whether this commit has a change of the model's pointer, or of the file that its metrics are from."""
    source = model.pointer.metrics_from
    paths = [model.path] if source is None else [model.path, source.path]
    return bool(project.index.changed_since_head(paths))


def _decide_now(project: Project, model: Model, report: CommitReport) -> bool:
    try:
        weights = _observe(project, model)
    except UnsafeNameError as error:
        report.notes.append(
            f"{model.name}: {error.message}; so no version is made of the folder; {error.hint}"
        )
        return False
    except UnsafePathError as error:  # a link in a folder that was added with --follow
        report.notes.append(
            f"{model.name}: {error.message}, and hooks follow none; "
            f"run: gitmodel add --follow {project.typed(model.weights)}"
        )
        return False
    if weights.kind is Kind.LINK:
        report.notes.append(
            f"{model.name}: {model.weights} is a symbolic link, which hooks do not follow; "
            f"run: gitmodel add --follow {project.typed(model.weights)}"
        )
        return False
    if weights.damaged:  # no version, and none of this commit's business
        lost = damaged_weights(project, model.name, model.weights)
        report.notes.append(f"{model.name}: {lost.message}; run: {lost.hint}")
        return False
    if project.worktree.is_half_placed(model.name, model.weights, weights.digest):
        raise WeightsError(
            f"a checkout into {model.weights} was interrupted, so its files may be of two versions",
            hint=f"complete it: gitmodel checkout {model.name}; "
            f"or register what is there: gitmodel add {project.typed(model.weights)}",
        )
    judged = judge(project, model, weights)
    if judged.verdict is Verdict.STALE and _take_up(project, model, weights.digest, report):
        return True
    _act(project, model, weights, judged, report)
    return judged.verdict in {Verdict.BUMP, Verdict.KNOWN}


def _take_up(project: Project, model: Model, file: Digest | None, report: CommitReport) -> bool:
    """Stage the pointer of an earlier attempt that another hook, or an empty message, has ended.

    The version was made then, and its pointer is on disk: it is of these weights, follows the staged
    one, and is in no commit. After `git reset` it is in one, and the person decides.
    """
    if is_merging(project):
        return False
    raw = read_pointer_file(project.root, model.path)
    left = None if raw is None else parsed_or_none(raw, model.path)
    if left is None or left.digest != file or left.name != model.name or left.previous is None:
        return False
    staged = model.pointer
    if (left.previous.version, left.previous.digest) != (staged.version, staged.digest):
        return False
    if history_of(project, model.name).version_of(left.digest) is not None:
        return False
    project.index.stage([model.path])
    report.bumped.append((model.name, staged.version, left.version))
    return True


def _act(
    project: Project, model: Model, weights: Weights, judged: Judged, report: CommitReport
) -> None:
    match judged.verdict:
        case Verdict.CLEAN:
            if project.worktree.have(model.name, model.weights) != weights.digest:
                with suppress(OSError):  # a memory that cannot be written stops no commit
                    project.worktree.set_have(model.name, model.weights, weights)
        case Verdict.MISSING:
            pass
        case Verdict.STALE:
            report.stale.append(stale(project, model, weights.digest, judged.known))
            report.notes += report.stale[-1:]
        case Verdict.BUMP | Verdict.KNOWN:
            _bump(project, model, weights.digest, report)
        case Verdict.CHANGING:
            raise changed(model)
        case Verdict.CHOOSE:
            raise choice(project, model, judged, weights.digest)


def _observe(project: Project, model: Model) -> Weights:
    """Hash the weights if they have changed, within the limit for a commit.

    Raises:
        WeightsError: There is more to hash than `gitmodel.commitLimit`.
    """
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
        return project.worktree.observe(model.name, model.weights)
    finally:
        progress.finish()


def _metadata(project: Project, model: Model) -> Metadata:
    """What is new beside the weights; a metrics file that is half written is for a later commit.

    Raises:
        ChangedWhileReadError: It cannot be read, and this commit is not about the model.
        TextError: The same in a commit about the model.
    """
    try:
        return gather(project, Given(), model.pointer)
    except TextError as error:
        if _is_about(project, model):
            raise
        raise ChangedWhileReadError(error.message, hint=error.hint) from error


def _bump(project: Project, model: Model, seen: Digest | None, report: CommitReport) -> None:
    metadata = _metadata(project, model)
    try:
        survey = project.worktree.survey(model.weights)
        suspicious = [f"{model.name}: {text}" for text in warn_of(project, survey)]
        manifest, weights = store_survey(project, model.name, survey, old=model.pointer)
    except (WeightsError, UnsafePathError) as error:  # they were fine when they were hashed
        raise changed(model) from error
    if weights.digest != seen:  # what was decided was about other bytes
        raise changed(model)
    report.notes += suspicious
    report.notes += [f"{model.name}: {text}" for text in metadata.left_out]
    pointer = next_pointer(
        project,
        name=model.name,
        path=model.pointer.path,
        weights=weights,
        manifest=manifest,
        old=model.pointer,
        metadata=metadata,
    )
    _write_staged(project, model, pointer)
    project.worktree.set_have(model.name, model.weights, weights)
    keep_ignored(project, [model.weights])
    report.bumped.append((model.name, model.pointer.version, pointer.version))
    warning = dropped(model.pointer, pointer, project.typed(model.weights))
    if warning is not None:
        report.notes.append(warning)


def _write_staged(project: Project, model: Model, pointer: Pointer) -> None:
    """Write the pointer and stage it where this commit will find it."""
    on_disk = read_pointer_file(project.root, model.path)
    if on_disk != pointer.to_text().encode():
        write_pointer(project, model.path, pointer)
    project.index.stage([model.path])
