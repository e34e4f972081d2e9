"""A new version: weights into the cache, then the pointer that names them.

The order is the promise: packs and manifest are durable before the pointer is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.writer import Batch
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer, Previous
from gitmodel.domain.versions import next_version
from gitmodel.errors import UnsafePathError, WeightsError
from gitmodel.project.adding.next_numbers import Histories
from gitmodel.project.models import write_text_file, write_text_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import GitmodelError
    from gitmodel.project.adding.metadata import Metadata
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Scan, Weights

_JOBS_AT_ONCE = 256
_BYTES_AT_ONCE = 256 << 20  # 256 MiB; as much is stored again at most after a kill
_FILES_AT_ONCE = 128  # on their way to the disk; each holds a descriptor


class Job(NamedTuple):
    """Weights to be stored.

    Attributes:
        name: The model.
        survey: What was found at its path.
        old: Its last version, whose chunks are not stored again, and against which others are stored.
        base: Another model's version to be used in the same way, after `old`.
    """

    name: str
    survey: Scan
    old: Pointer | None
    base: Pointer | None = None


class Stored(NamedTuple):
    """What became of a job: its manifest, durable, and its weights; or the error."""

    job: Job
    manifest: Manifest | None = None
    weights: Weights | None = None
    error: GitmodelError | None = None


def store_survey(
    project: Project,
    name: str,
    survey: Scan,
    *,
    old: Pointer | None,
    base: Pointer | None = None,
) -> tuple[Manifest, Weights]:
    """Store the files of a survey, as `store_many` does; arguments are those of `Job`.

    Raises:
        ChangedWhileReadError: The files changed meanwhile; nothing is remembered then.
        NoSpaceError: The cache is full.
    """
    progress = project.context.progress
    progress.start(f"storing {name}", survey.size)
    try:
        [[stored]] = store_many(project, [Job(name, survey, old, base)])
    finally:
        progress.finish()
    if stored.error is not None:
        raise stored.error
    if stored.manifest is None or stored.weights is None:
        raise ValueError("neither stored nor refused")
    return stored.manifest, stored.weights


def store_many(project: Project, jobs: Iterable[Job]) -> Iterator[list[Stored]]:
    """Store weights of many models, and yield them in groups, each when its group is durable.

    The disk is waited for once a group. A job whose files cannot be read, or change meanwhile, has an
    error, and the others go on. Progress is told about bytes, and started by the caller.

    What was stored is not `have` yet: that comes after the pointer. Were it the other way round, a kill
    between the two would leave new weights that look like those of a version left behind, and no later
    commit would make a version of them.

    Raises:
        NoSpaceError, StoreError: The cache cannot be written; groups that were yielded are durable.
    """
    waiting = iter(jobs)
    with Batch(project.cache, most=_FILES_AT_ONCE) as batch:
        while group := _store_group(project, batch, waiting):
            batch.flush()
            yield [_remembered(project, stored) for stored in group]


def _store_group(project: Project, batch: Batch, jobs: Iterator[Job]) -> list[Stored]:
    """Store jobs until it is time to wait for the disk; none where there are no more."""
    group: list[Stored] = []
    size = 0
    while len(group) < _JOBS_AT_ONCE and size < _BYTES_AT_ONCE:
        job = next(jobs, None)
        if job is None:
            break
        size += job.survey.size
        known = [project.cache.manifest(p.digest) for p in (job.old, job.base) if p is not None]
        try:
            manifest = batch.store(
                project.worktree.sources(job.survey),
                folder=job.survey.kind.value == "folder",
                reuse=[manifest for manifest in known if manifest is not None],
                progress=project.context.progress,
            )
        except (WeightsError, UnsafePathError) as error:
            group.append(Stored(job, error=error))
        else:
            group.append(Stored(job, manifest))
    return group


def _remembered(project: Project, stored: Stored) -> Stored:
    """Take a last look at the files, and remember their digests."""
    if stored.manifest is None:
        return stored
    job = stored.job
    try:
        weights = project.worktree.remember(job.name, job.survey, stored.manifest, as_have=False)
    except (WeightsError, UnsafePathError) as error:
        return Stored(job, error=error)
    return stored._replace(weights=weights)


def next_pointer(
    project: Project,
    *,
    name: str,
    path: str,
    weights: Weights,
    manifest: Manifest,
    old: Pointer | None,
    metadata: Metadata,
    histories: Histories | None = None,
    exclude: tuple[str, ...] | None = None,
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
        histories: What history says of many models, for who makes pointers of many.
        exclude: What was left out of the weights; as in the pointer so far if None.
    """
    if exclude is None:
        exclude = () if old is None else old.exclude
    if weights.digest is None:
        raise ValueError("weights without a digest")
    if old is not None and old.digest == weights.digest:
        return _with_metadata(replace(old, path=path, exclude=exclude), metadata)
    histories = histories or Histories(project, [name])
    history = histories.of(name)
    known = history.version_of(weights.digest)
    if known is None:
        history = histories.joined(history, old)
        known = history.version_of(weights.digest)
    if known is not None:
        return _with_metadata(replace(known, path=path, exclude=exclude), metadata)
    committed = _committed(histories, old, history)
    fresh = Pointer(
        name=name,
        version=max(histories.next_number(history), next_version(committed)),
        digest=weights.digest,
        size=weights.size,
        chunks=manifest.chunk_list(),
        path=path,
        exclude=exclude,
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


def _committed(histories: Histories, old: Pointer | None, history: ModelHistory) -> set[int]:
    """The numbers in history, and that of HEAD's pointer.

    A pointer file that was renamed by hand has a past that its name does not lead to.
    """
    numbers = history.numbers()
    if old is not None and old.version not in numbers:
        numbers |= histories.numbers_at_head(old.name)
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


def dropped(old: Pointer | None, new: Pointer, typed: str) -> str | None:
    """What to tell a person about metadata that was not carried over, None if nothing was lost.

    Going back to an earlier version loses nothing: it has its own.

    Args:
        old: The pointer so far.
        new: The pointer now.
        typed: Path of the weights, as a person types it.
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
        f"{were} dropped; add new ones with: gitmodel add {typed} -M NAME=VALUE"
    )


def write_pointer(project: Project, path: str, pointer: Pointer) -> None:
    """Write a pointer file into the work tree, whole or not at all."""
    write_text_file(project.root, path, pointer.to_text())


def write_pointers(project: Project, pointers: Mapping[str, Pointer]) -> None:
    """Write pointer files by path, each whole or not at all; the disk is waited for once."""
    texts = {path: pointer.to_text() for path, pointer in pointers.items()}
    write_text_files(project.root, texts)
