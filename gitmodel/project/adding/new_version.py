"""A new version: store the weights in the cache, then make the pointer that names them.

Guarantee: packs and manifest are durable before the pointer is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.writer import Batch
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer, Previous
from gitmodel.domain.versions import next_version
from gitmodel.errors import UnsafePathError, WeightsError
from gitmodel.project.history.histories import Histories
from gitmodel.project.models import write_text_file, write_text_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import GitmodelError
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.metadata import Metadata
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Scan, Weights

_JOBS_AT_ONCE = 256
_BYTES_AT_ONCE = 256 << 20  # 256 MiB; the most that is stored again after a kill
_FILES_AT_ONCE = 128  # being written at the same time; each holds a descriptor


class Job(NamedTuple):
    """Weights to store."""

    name: str
    scan: Scan
    old: Pointer | None  # last version; chunks are shared with it, or stored as differences from it
    base: Pointer | None = None  # version of another model to use in the same way, after `old`


class Stored(NamedTuple):
    """The result of a job: its manifest and weights, both durable, or the error."""

    job: Job
    manifest: Manifest | None = None
    weights: Weights | None = None
    error: GitmodelError | None = None


def store_many(project: Project, jobs: Iterable[Job]) -> Iterator[list[Stored]]:
    """Store the weights of many models; yield them in groups, each once it is durable.

    A job whose files cannot be read, or change while they are read, gets an error; the other jobs
    continue. The caller starts the progress report. It also updates `have`, after it has written the
    pointer: in the reverse order, a kill between the two would make new weights look outdated.

    Raises NoSpaceError or StoreError if the cache cannot be written; the groups already yielded are
    durable.
    """
    waiting = iter(jobs)
    with Batch(project.cache, most=_FILES_AT_ONCE) as batch:
        while group := _store_group(project, batch, waiting):
            batch.flush()
            yield [_remembered(project, stored) for stored in group]


def _store_group(project: Project, batch: Batch, jobs: Iterator[Job]) -> list[Stored]:
    """Store jobs up to the limits of a group; empty if no jobs are left."""
    group: list[Stored] = []
    size = 0
    while len(group) < _JOBS_AT_ONCE and size < _BYTES_AT_ONCE:
        job = next(jobs, None)
        if job is None:
            break
        size += job.scan.size
        known = [project.cache.manifest(p.digest) for p in (job.old, job.base) if p is not None]
        try:
            manifest = batch.store(
                project.worktree.sources(job.scan),
                folder=job.scan.kind.value == "folder",
                reuse=[manifest for manifest in known if manifest is not None],
                progress=project.context.progress,
            )
        except (WeightsError, UnsafePathError) as error:
            group.append(Stored(job, error=error))
        else:
            group.append(Stored(job, manifest))
    return group


def _remembered(project: Project, stored: Stored) -> Stored:
    """Check that the files have not changed, and record their digests."""
    if stored.manifest is None:
        return stored
    job = stored.job
    try:
        weights = project.worktree.remember(job.name, job.scan, stored.manifest, as_have=False)
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
    """The pointer for weights that were just stored at a path, relative to the pointer's folder.

    Content of an earlier version gets the pointer of that version again, unchanged, to keep diffs small; with
    `format` if it had none.
    Other content gets the next number. Its metadata holds the new values only. It excludes what the
    current pointer does if `exclude` is None.
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
    if old is not None:  # fields that describe the model, not the weights of one version
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
    """The version numbers in history, and that of HEAD's pointer.

    History by name does not contain a pointer file that was renamed by hand.
    """
    numbers = history.numbers()
    if old is not None and old.version not in numbers:
        numbers |= histories.numbers_at_head(old.name)
    return numbers


def _previous(old: Pointer | None, committed: set[int]) -> Previous | None:
    """The previous version: the current pointer if it was committed, else the one before it."""
    if old is None:
        return None
    return Previous(old.version, old.digest) if old.version in committed else old.previous


def refuse_unwritable(name: str, old: Pointer | None, metadata: Metadata) -> None:
    """Raise PointerError for metadata that a pointer cannot hold, before the weights are read."""
    like = old or Pointer(name=name, version=1, digest=digest_of(b""), size=0, path="weights")
    _with_metadata(like, metadata).to_text()


def _with_metadata(pointer: Pointer, metadata: Metadata) -> Pointer:
    """A pointer with new metadata; fields without a new value stay.

    A metrics file replaces all metrics.
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
    if metadata.run:
        pointer = replace(pointer, run=metadata.run)
    if metadata.data:
        pointer = replace(pointer, data=metadata.data)
    if metadata.format and pointer.format is None:
        pointer = replace(pointer, format=metadata.format)
    return pointer


def dropped_metadata_warning(old: Pointer | None, new: Pointer, typed: str) -> str | None:
    """The warning about metadata that was not carried over, None if nothing was lost.

    An earlier version keeps its own metadata, so nothing is lost there. `typed` is the path of the
    weights.
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
    """Write a pointer file into the work tree atomically."""
    write_text_file(project.root, path, pointer.to_text())


def write_pointers(project: Project, pointers: Mapping[str, Pointer]) -> None:
    """Write pointer files by path, each atomically; waits for the disk once."""
    texts = {path: pointer.to_text() for path, pointer in pointers.items()}
    write_text_files(project.root, texts)
