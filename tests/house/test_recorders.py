"""Each recorder of fixtures is run by the job that writes them again."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Programs that run inside the environment of a library, and what recorders share.
INSIDE = {
    "mlflow_runs",
    "wandb_runs",
    "tensorboard_runs",
    "trainings",
    "model_files",
    "torch_files",
}


def test_the_job_runs_every_recorder() -> None:
    job = (ROOT / ".ci/record").read_text(encoding="utf-8")
    found = re.search(r"recorders=\(([a-z_\s]+)\)", job)
    recorders = {path.stem for path in (ROOT / "tests/recorders").glob("*.py")} - INSIDE

    assert found is not None
    assert set(found[1].split()) == recorders - {"__init__"}
