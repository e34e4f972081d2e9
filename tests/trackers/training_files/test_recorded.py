"""Trainings that the real libraries wrote: what gitmodel says about each weights is what the library said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gitmodel.trackers.training_files.find import read_beside
from tests.recorders.trainings import RECORDED, judge, write_files

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

# Answers of each kind: as the library says, and nothing because the files leave a doubt.
EXPECTED: dict[str, dict[str, int]] = {
    "dvclive": {"exact": 6},
    "lightning": {"exact": 34, "nothing": 2},
    "transformers": {"exact": 23, "nothing": 6},
}


def recorded(library: str) -> Any:
    return json.loads((RECORDED / f"{library}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("library", EXPECTED)
def test_each_weights_have_the_metrics_of_their_step(library: str, tmp_path: Path) -> None:
    verdicts: dict[str, int] = {}
    for number, training in enumerate(recorded(library)["trainings"]):
        write_files(training["files"], tmp_path / str(number))
        for answer in training["answers"]:
            weights = tuple(answer["weights"].split("/"))
            verdict = judge(answer, read_beside(str(tmp_path / str(number)), weights))
            verdicts[verdict] = verdicts.get(verdict, 0) + 1

    assert verdicts == EXPECTED[library]


def test_what_is_recorded_stays_small() -> None:
    sizes = {path.name: path.stat().st_size for path in RECORDED.iterdir()}

    assert sizes.keys() == {"dvclive.json", "lightning.json", "transformers.json"}
    assert sum(sizes.values()) < 200_000
