"""Offline runs that the real wandb wrote, and what was logged in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitmodel.trackers.wandb.offline import read_offline

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.trackers.run_metadata import RunMetadata


def differences(folder: Path, answers: dict[str, Any]) -> dict[str, str]:
    """Read the offline runs of a folder; returns those that do not have what was logged."""
    wrong = {}
    places = (folder / "wandb").glob("offline-run-*")
    runs = {run.run_id: run for run in map(read_offline, map(str, places))}
    for run_id, answer in answers["runs"].items():
        run = runs.pop(run_id)
        right = (
            _killed_is_right(run) if answer["status"] == "running" else _wrong(run, answer) == {}
        )
        if not right:
            wrong[run_id] = f"{run.notes} {_wrong(run, answer)}"
    return wrong | {str(run_id): "was not written" for run_id in runs}


def _wrong(run: RunMetadata, answer: dict[str, Any]) -> dict[str, Any]:
    """Return found and wanted for whatever differs."""
    recent = run.ended is not None and 0 <= run.ended - (run.started or 0) < 600
    found = {name: getattr(run, name) for name in answer} | {
        "ended": recent,
        "code": run.code is not None and len(run.code) == 40,
        "notes": run.notes,
    }
    wanted = answer | {"ended": True, "code": True, "notes": ()}
    pairs = {name: (_plain(found[name]), _plain(wanted[name])) for name in wanted}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _killed_is_right(run: RunMetadata) -> bool:
    """The last values are those of one step, as far as they were written."""
    step = run.metrics.get("step")
    whole = isinstance(step, int) and run.metrics.get("square") == step * step
    return whole and run.status == "running" and len(run.notes) in (1, 2, 3)


def _plain(value: Any) -> Any:
    """The value with each number as text, so that NaN equals NaN; 1 and 1.0 are the same in JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return repr(float(value))
