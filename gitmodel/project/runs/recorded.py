"""What a pointer records of a run.

Of more than 50 metrics only those are recorded that gates or `better:` name, or `metrics_keep:`. Params are numbers
or booleans only where YAML spells them so.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from gitmodel.domain.config.runs import metrics_to_keep
from gitmodel.domain.gates.config import Gates
from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.domain.text.secrets import find_secret, is_secret_name
from gitmodel.domain.yaml.reader import resolve_scalar
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.project import Project
    from gitmodel.project.runs.find_run import FoundRun
    from gitmodel.trackers.run_metadata import RunMetadata

MOST_METRICS = 50
_MOST_DATA = 20
_MOST_NAMED = 5
_MOST_TEXT = 500  # characters of a field of `run` and `data`


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """The parts of a run that go into a pointer; metrics and params are not checked yet."""

    metrics: Mapping[str, object]
    params: Mapping[str, object]
    run_id: str | None
    run: Mapping[str, Value]
    data: tuple[Mapping[str, Value], ...]
    notes: tuple[str, ...]


def record_run(project: Project, name: str, found: FoundRun) -> RecordedRun:
    """Choose what the pointer of a model records of a run.

    Raises ConfigError if the configuration is not valid.
    """
    run = found.run
    if run is None:
        return RecordedRun({}, {}, None, {}, (), found.notes)
    metrics, left_out = run.metrics, 0
    if len(run.metrics) > MOST_METRICS:
        patterns = _wanted_metrics(project, name)
        metrics = {
            key: value
            for key, value in run.metrics.items()
            if any(key == pattern or fnmatchcase(key, pattern) for pattern in patterns)
        }
        left_out = len(run.metrics) - len(metrics)
    notes = [*found.notes, *run.notes]
    if left_out:
        notes.append(
            f"{left_out:,} of {len(run.metrics):,} metrics of the run are not recorded; name those to keep "
            f"in {CONFIG_NAME}: metrics_keep"
        )
    params, secret = _without_secrets(run.params)
    if secret:
        notes.append(f"params that look like secrets are not recorded: {', '.join(secret)}")
    if run.status not in ("finished", "unknown"):
        notes.append(f"the run is {run.status}, so its metrics may not describe these weights")
    return RecordedRun(
        metrics=metrics,
        params={key: _param(value) for key, value in params.items()},
        run_id=run.run_id,
        run=_run(run),
        data=_data(run),
        notes=tuple(notes),
    )


def _wanted_metrics(project: Project, name: str) -> set[str]:
    values = project.config.unknown
    gates = Gates.from_values(values, what=CONFIG_NAME)
    wanted = {*gates.better, *metrics_to_keep(values, what=CONFIG_NAME)}
    gate = gates.gate_of(name)
    if gate is not None:
        rules = [*gate.register, *(rule for rules in gate.promote.values() for rule in rules)]
        wanted |= {rule.metric for rule in rules}
    return wanted


def _without_secrets(params: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """The params without those that look like secrets, and the names of these."""
    secret = [
        key
        for key, value in params.items()
        if is_secret_name(key.replace("/", ".").rpartition(".")[2])
        or (isinstance(value, str) and find_secret(value))
    ]
    shown = [quote_text(key, limit=80) for key in secret[:_MOST_NAMED]]
    more = [f"{len(secret) - _MOST_NAMED} more"] if len(secret) > _MOST_NAMED else []
    return {key: value for key, value in params.items() if key not in secret}, [*shown, *more]


def _param(value: object) -> Any:
    if not isinstance(value, str):
        return value
    plain = resolve_scalar(value) if value else value
    return plain if isinstance(plain, int | float | bool) else value


def _run(run: RunMetadata) -> dict[str, Value]:
    fields: dict[str, str | None] = {
        "url": None if run.url is None else without_user_info(run.url),
        "system": run.system,
        "experiment": run.experiment,
        "name": run.name,
        "status": None if run.status == "unknown" else run.status,
        "code": run.code,
    }
    return {key: _text(value) for key, value in fields.items() if value}


def _data(run: RunMetadata) -> tuple[dict[str, Value], ...]:
    found: list[dict[str, Value]] = []
    for data in run.data[:_MOST_DATA]:
        entry: dict[str, Value] = {"name": _text(data.name)}
        if data.uri:
            entry["uri"] = _text(without_user_info(data.uri))
        if data.digest:
            entry["digest"] = _text(data.digest)
        found.append(entry)
    return tuple(found)


def _text(value: str) -> str:
    """Text that a pointer can hold: printable UTF-8 of a bounded length."""
    shown = "".join(
        c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "\ufffd" for c in value
    )
    return shown[:_MOST_TEXT]
