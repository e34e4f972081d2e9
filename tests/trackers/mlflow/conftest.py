"""The recorded stores, unpacked once in a process: nothing writes to them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from tests.trackers.mlflow.recorded_stores import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trackers.mlflow.recorded_stores import Recorded


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Unpack the recorded store of a name; gives its folder, which must not be changed."""

    @functools.cache
    def folder(name: str) -> Path:
        path = tmp_path_factory.mktemp(name)
        unpack(name, path)
        return path

    return folder
