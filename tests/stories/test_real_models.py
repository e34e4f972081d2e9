"""Weights that packages ship go in by add, commit, push on each remote and come out byte for byte."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from tests.support.models import real_models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Team

# ONNX, TorchScript, safetensors; a SavedModel folder; PyTorch checkpoints; ONNX of two versions
NAMES = ("silero-vad", "basic-pitch", "chgnet", "rapidocr")


def contents(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_real_models_come_back_byte_for_byte(team_anywhere: Team) -> None:
    team = team_anywhere
    source = real_models(NAMES)
    ana = team.members["ana"]
    for name in NAMES:
        for version in sorted((source / name).iterdir()):
            place = ana.path / "models" / name
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(version, place)
            ana.gitmodel("add", f"models/{name}", "--run-id", version.name)
            ana.git("commit", "-q", "--allow-empty", "-m", f"{name} {version.name}")
    ana.git("push", "-q")

    ben = team.join("ben")
    ben.gitmodel("checkout")

    assert ben.git("status", "--porcelain").stdout == ""
    for name in NAMES:
        newest = max((source / name).iterdir())
        assert contents(ben.path / "models" / name) == contents(newest)
    ben.gitmodel("checkout", "rapidocr@1")
    assert contents(ben.path / "models/rapidocr") == contents(min((source / "rapidocr").iterdir()))
    ben.gitmodel("checkout", "rapidocr@2")
    ben.gitmodel("verify", "--full")
    ben.gitmodel("verify", "--refs", "HEAD")
