"""Event files that real writers wrote have the values that TensorBoard reads back.

`python tests/recorders/tensorboard.py` records them again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.recorded_events import differences, unpack

RECORDED = sorted((Path(__file__).parent / "recorded").glob("tensorboard-*.tar.xz"))


@pytest.mark.parametrize("archive", RECORDED, ids=lambda path: path.name)
def test_recorded_runs_have_the_values_of_tensorboard(archive: Path, tmp_path: Path) -> None:
    answers = unpack(archive, tmp_path)

    assert len(answers["runs"]) == 20
    assert differences(tmp_path, answers) == {}


def test_three_writers_are_recorded() -> None:
    assert [path.name.split("-")[1] for path in RECORDED] == ["tensorboardX", "tensorflow", "torch"]
