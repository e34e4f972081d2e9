"""Offline runs that real releases of wandb wrote have what was logged in them.

`python tests/recorders/wandb.py` records them again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.recorded_events import unpack
from tests.support.recorded_wandb import differences

RECORDED = sorted((Path(__file__).parents[1] / "recorded").glob("wandb-*.tar.xz"))


@pytest.mark.parametrize("archive", RECORDED, ids=lambda path: path.name)
def test_recorded_runs_have_what_was_logged(archive: Path, tmp_path: Path) -> None:
    answers = unpack(archive, tmp_path)

    assert len(answers["runs"]) == 20
    assert differences(tmp_path, answers) == {}


def test_three_releases_are_recorded() -> None:
    assert [path.name.split("-")[1] for path in RECORDED] == [
        "0.16.6.tar.xz",
        "0.19.11.tar.xz",
        "0.31.0.tar.xz",
    ]
