"""The metrics, params and run id of a new version.

Metrics describe weights. If the weights change and no metrics are given, the old metrics are dropped, because
they describe other weights. The metrics file of the last version is read again; its values are used only if the
file has changed.
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gitmodel.domain.digest import digest_of
from gitmodel.domain.metrics import (
    MAX_FILE_BYTES,
    metrics_from_mapping,
    parse_assignment,
    read_metrics,
)
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import MetricsSource, Pointer
from gitmodel.domain.run_id import run_id_text
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError
from gitmodel.files.safe_open import folder_handle, open_file
from gitmodel.project.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.metrics import Metric, MetricsRead
    from gitmodel.domain.run_id import RunId
    from gitmodel.project.project import Project
    from gitmodel.project.runs.find_run import FoundRun
    from gitmodel.project.runs.recorded import RecordedRun

_RUN_VARIABLES = ("MLFLOW_RUN_ID", "WANDB_RUN_ID", "CLEARML_TASK_ID")
_NAMED = 5  # values named in a note about values that are not recorded
_LIMIT = MAX_FILE_BYTES
# Ends of the names of files that training libraries write.
_OF_LIBRARIES = (".csv", ".tsv", "_results.json", "trainer_state.json")


class MetadataInput(NamedTuple):
    """Metadata given on the command line or in Python."""

    metrics: Sequence[str] = ()  # assignments such as `auc=0.93`
    params: Sequence[str] = ()  # assignments such as `lr=2e-5`
    metrics_file: str | None = None  # as typed, relative to the current folder
    params_file: str | None = None
    run_id: RunId | None = None  # of the training run in its tracker
    run: str | None = None  # `mlflow:ID`, `wandb:ID`, `auto` or `none`
    active: FoundRun | None = None  # the run that is active in this process
    metric_values: Mapping[str, object] = MappingProxyType({})  # Python values of any type
    param_values: Mapping[str, object] = MappingProxyType({})

    @property
    def nothing(self) -> bool:
        """Whether no metadata was given."""
        return self == MetadataInput()


def names_run(project: Project) -> bool:
    """Whether the environment names a training run; see `RunFinder.of_environment`."""
    return any(project.context.environment.get(name) for name in _RUN_VARIABLES)


def collect_metadata(
    project: Project,
    given: MetadataInput,
    old: Pointer | None,
    run: RecordedRun | None = None,
) -> Metadata:
    """Collect the given metadata, and read the last version's metrics file again if none is named.

    Given values count before those of `run`. Raises UsageError if a named file does not exist, TextError if a file cannot be parsed or a pointer
    cannot hold the metadata.
    """
    metrics: dict[str, Metric] = {}
    left_out: list[str] = []
    source = None
    named = given.metrics_file
    remembered = old.metrics_from.path if old is not None and old.metrics_from else None
    has_given_metrics = bool(given.metrics or given.metric_values)
    if run is not None:
        left_out += run.notes
        read = metrics_from_mapping(run.metrics, what="the run's metrics")
        metrics.update(_taken(read, "the run's metrics", left_out))
    if named is not None and os.path.isdir(os.path.join(project.context.folder, named)):
        metrics.update(_of_event_files(project, named, left_out))
    elif named is not None:
        raw = _read_named(project, named)
        metrics.update(_taken(_parse(raw, named), named, left_out))
        inside = path_inside(project, named)
        source = None if inside is None else MetricsSource(inside, digest_of(raw))
    elif remembered is not None:
        reread, source = _again(project, remembered, old, left_out)
        # Given metrics replace those of the file. The file's digest is recorded all the same, so that
        # the next version does not take its values for new ones.
        metrics.update({} if has_given_metrics else reread)
    read = metrics_from_mapping(given.metric_values, what="the metrics")
    metrics.update(_taken(read, "the metrics", left_out))
    metrics.update(parse_assignment(text) for text in given.metrics)
    params: dict[str, Any] = {}
    if run is not None:
        read = metrics_from_mapping(run.params, what="the run's params", lists=True)
        params.update(_taken(read, "the run's params", left_out))
    if given.params_file is not None:
        raw = _read_named(project, given.params_file)
        read = read_metrics(raw, path=given.params_file, lists=True)
        params.update(_taken(read, given.params_file, left_out))
    read = metrics_from_mapping(given.param_values, what="the params", lists=True)
    params.update(_taken(read, "the params", left_out))
    params.update(parse_assignment(text) for text in given.params)
    run_id = run_id_text(given.run_id)
    if run is None:
        return Metadata(metrics, params, run_id, source, tuple(left_out))
    run_id = run_id or run_id_text(run.run_id)
    return Metadata(metrics, params, run_id, source, tuple(left_out), run.run, run.data)


def _parse(raw: bytes, path: str) -> MetricsRead:
    """Read a file of metrics: one that a training library wrote, or one that the user wrote."""
    if path.lower().endswith(_OF_LIBRARIES) or "dvclive/" in path:
        from gitmodel.trackers.training_files.named import read_named_metrics  # 10 ms

        found = read_named_metrics(raw, path)
        if found is not None:
            return found
    return read_metrics(raw, path=path)


def _of_event_files(project: Project, folder: str, left_out: list[str]) -> Mapping[str, Any]:
    """The last values in TensorBoard's files of a folder."""
    from gitmodel.trackers.tensorboard import read_run

    found = read_run(os.path.join(project.context.folder, folder))
    left_out += found.notes
    read = metrics_from_mapping(found.metrics, what=folder)
    return _taken(read, folder, left_out)


def _taken(read: MetricsRead, where: str, left_out: list[str]) -> Mapping[str, Any]:
    """The values that a pointer can hold; adds a note about the others."""
    if read.skipped:
        named = [f"{quote_text(key)} ({reason})" for key, reason in read.skipped[:_NAMED]]
        more = f" and {len(read.skipped) - _NAMED} more" if len(read.skipped) > _NAMED else ""
        left_out.append(f"not recorded of {where}: {', '.join(named)}{more}")
    return read.values


def _again(
    project: Project, path: str, old: Pointer | None, left_out: list[str]
) -> tuple[dict[str, Metric], MetricsSource | None]:
    """The values of the last version's metrics file, if the file exists and has changed."""
    raw = _read(project, path)
    if raw is None or old is None or old.metrics_from is None:
        return {}, None
    digest = digest_of(raw)
    if digest == old.metrics_from.digest:
        return {}, None
    values = dict(_taken(_parse(raw, path), path, left_out))
    return values, MetricsSource(path, digest)


def path_inside(project: Project, path: str) -> str | None:
    """A path relative to the top of the work tree, with `/`; None if it is outside.

    Resolves links in the parent folders, as a shell does, but not in the last part.
    """
    full = os.path.normpath(os.path.join(project.context.folder, path))
    real = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    top = os.path.realpath(project.root)
    if real == top or os.path.commonpath([top, real]) != top:
        return None
    return os.path.relpath(real, top).replace(os.sep, "/")


def _read_named(project: Project, path: str) -> bytes:
    """Read a file named by the user, inside or outside the work tree."""
    try:
        with open(os.path.join(project.context.folder, path), "rb") as stream:
            return _bounded(stream.read(_LIMIT + 1), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _read(project: Project, path: str) -> bytes | None:
    """Read a file named by a pointer, inside the work tree; None if it does not exist."""
    parts = safe_parts(path)
    try:
        with folder_handle(project.root, parts[:-1]) as handle:
            descriptor = open_file(handle, parts[-1])
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return _bounded(stream.read(_LIMIT + 1), path)


def _bounded(raw: bytes, path: str) -> bytes:
    if len(raw) > _LIMIT:
        raise UsageError(f"{path} is larger than a metrics file can be (8 MiB)")
    return raw
