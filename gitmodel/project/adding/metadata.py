"""Where the metrics, params and run id of a new version come from.

Metrics describe weights. When the weights change and nothing new is said about them, the old
metrics are dropped, never carried over: a number beside weights that it does not belong to is worse
than none. A metrics file that the last version was read from is read again, and counts as new only
if its bytes have changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitmodel.domain.digest import digest_of
from gitmodel.domain.metrics import given_values, parse_assignment, read_metrics
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import MetricsSource, Pointer
from gitmodel.domain.run_id import run_id_text
from gitmodel.domain.text.escape import shown
from gitmodel.errors import UsageError
from gitmodel.files.safe_open import folder_handle, open_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.metrics import MetricsRead
    from gitmodel.domain.run_id import RunId
    from gitmodel.project.project import Project

Number = int | float | str | bool
NOT_RECORDED = "not recorded of"
_NAMED = 5  # of the values that are not recorded
_LIMIT = 2**20  # bytes of a metrics file


@dataclass(frozen=True, slots=True)
class MetadataInput:
    """What the person said on the command line or in Python.

    Attributes:
        metrics: `auc=0.93`, each.
        params: `lr=2e-5`, each.
        metrics_file: Path as typed, relative to the current folder.
        params_file: The same.
        run_id: The run that made the weights, as its tracker names it.
        metric_values: Metrics that are values already (from Python), of any type.
        param_values: The same for params.
    """

    metrics: Sequence[str] = ()
    params: Sequence[str] = ()
    metrics_file: str | None = None
    params_file: str | None = None
    run_id: RunId | None = None
    metric_values: Mapping[str, object] = field(default_factory=dict)
    param_values: Mapping[str, object] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether nothing was said."""
        return self == MetadataInput()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is new about a version's metadata; empty where nothing is."""

    metrics: Mapping[str, Number] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    source: MetricsSource | None = None
    left_out: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing new."""
        return not self.metrics and not self.params and self.run_id is None


def collect_metadata(project: Project, given: MetadataInput, old: Pointer | None) -> Metadata:
    """What is new: what was given, else what the metrics file of the last version says now.

    Raises:
        UsageError: A file that was named is not there.
        TextError: A file cannot be read as metrics, or more was given than a pointer can hold.
    """
    metrics: dict[str, Number] = {}
    left_out: list[str] = []
    source = None
    named = given.metrics_file
    remembered = old.metrics_from.path if old is not None and old.metrics_from else None
    said = bool(given.metrics or given.metric_values)
    if named is not None:
        raw = _read_named(project, named)
        metrics.update(_taken(read_metrics(raw, path=named), named, left_out))
        inside = path_inside(project, named)
        source = None if inside is None else MetricsSource(inside, digest_of(raw))
    elif remembered is not None:
        again, source = _again(project, remembered, old, left_out)
        # Metrics that were said take the file's place, and yet what the file holds is of this
        # version from now on, and not news for the next.
        metrics = {} if said else again
    read = given_values(given.metric_values, what="the metrics")
    metrics.update(_taken(read, "the metrics", left_out))
    metrics.update(parse_assignment(text) for text in given.metrics)
    params: dict[str, Any] = {}
    if given.params_file is not None:
        raw = _read_named(project, given.params_file)
        read = read_metrics(raw, path=given.params_file, lists=True)
        params.update(_taken(read, given.params_file, left_out))
    read = given_values(given.param_values, what="the params", lists=True)
    params.update(_taken(read, "the params", left_out))
    params.update(parse_assignment(text) for text in given.params)
    return Metadata(metrics, params, run_id_text(given.run_id), source, tuple(left_out))


def _taken(read: MetricsRead, where: str, left_out: list[str]) -> Mapping[str, Any]:
    """What was read; what no pointer can hold is noted in words."""
    if read.skipped:
        named = [f"{shown(key)} ({reason})" for key, reason in read.skipped[:_NAMED]]
        more = f" and {len(read.skipped) - _NAMED} more" if len(read.skipped) > _NAMED else ""
        left_out.append(f"{NOT_RECORDED} {where}: {', '.join(named)}{more}")
    return read.values


def _again(
    project: Project, path: str, old: Pointer | None, left_out: list[str]
) -> tuple[dict[str, Number], MetricsSource | None]:
    """The metrics file of the last version, if it is there and has changed."""
    raw = _read(project, path)
    if raw is None or old is None or old.metrics_from is None:
        return {}, None
    digest = digest_of(raw)
    if digest == old.metrics_from.digest:
        return {}, None
    values = dict(_taken(read_metrics(raw, path=path), path, left_out))
    return values, MetricsSource(path, digest)


def path_inside(project: Project, path: str) -> str | None:
    """A path as typed, relative to the top of the work tree with `/`; None if it is not inside.

    Links in the folders above it are followed, as a shell does; the last part is not.
    """
    full = os.path.normpath(os.path.join(project.context.folder, path))
    real = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    top = os.path.realpath(project.root)
    if real == top or os.path.commonpath([top, real]) != top:
        return None
    return os.path.relpath(real, top).replace(os.sep, "/")


def _read_named(project: Project, path: str) -> bytes:
    """The bytes of a file that the person named, wherever it is."""
    try:
        with open(os.path.join(project.context.folder, path), "rb") as stream:
            return _bounded(stream.read(_LIMIT + 1), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _read(project: Project, path: str) -> bytes | None:
    """The bytes of a file that a pointer names, below the top of the work tree; None if missing."""
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
        raise UsageError(f"{path} is larger than a metrics file can be (1 MiB)")
    return raw
