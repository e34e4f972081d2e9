"""Runs a library of a model format in an environment of its own, and compares its answers with gitmodel's.

A recorder (`model_files_onnx.py`, `model_files_keras.py`, ...) is started twice: once as the program that the
developer calls, and once by the Python of the environment. It writes models with the library, and records them
with what the library says of them in `tests/formats/recorded/`. Of real model files, which are not kept in the
repository, it records the SHA-256 and the library's answer.

    --environments DIR   keep the environment in this folder, or use the one that is there
    --models DIR         real model files, in any folder below; without it, those of the tests' cache
    --compare RUNS       record nothing; compare the models of so many random runs, live
    --seed NUMBER        other random models

A made model's name begins with the `code` that its maker knows it has: `yes-lambda.keras`.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "formats" / "recorded"

# What a library says of a model: {"tensors": 2, "parameters": 9, "dtypes": {"F32": 2}, "arch": "gbtree"}
Answer = dict[str, Any]


@dataclass(frozen=True)
class Library:
    """A library, and how it makes and reads models.

    Args:
        name: The recorder's name, without `model_files_`.
        packages: What is installed, and whose versions are recorded.
        make: Writes models into an empty folder: files, or folders as SavedModel.
        answer: Reads a model; None if it is none of this library's.
        endings: Of the names of real files that the library reads.
    """

    name: str
    packages: tuple[str, ...]
    make: Callable[[Path, random.Random], None]
    answer: Callable[[Path], Answer | None]
    endings: tuple[str, ...]

    def main(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--environments", type=Path)
        parser.add_argument("--models", type=Path)
        parser.add_argument("--compare", type=int, metavar="RUNS")
        parser.add_argument("--seed", default="1")
        parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
        given = parser.parse_args()
        runs = given.compare or 1
        if given.inside:
            self._inside(given.inside, given.models, runs, given.seed)
            return
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "models"
            python = self._environment(given.environments or Path(scratch) / "environments")
            models = given.models or _cache()
            arguments = ["--inside", folder, "--compare", runs, "--seed", given.seed]
            arguments += ["--models", models]
            program = [python, Path(__file__).with_name(f"model_files_{self.name}.py"), *arguments]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run([str(word) for word in program], check=True, env=environment)
            found = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
            report(folder, found)
            if not given.compare:
                self._record(folder, found)

    def _environment(self, folder: Path) -> Path:
        python = folder / self.name / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder / self.name], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *self.packages], check=True)
        return python

    def _inside(self, folder: Path, models: Path | None, runs: int, seed: str) -> None:
        made: dict[str, Answer] = {}
        for run in range(runs):
            place = folder / str(run)
            place.mkdir(parents=True)
            self.make(place, random.Random(f"{seed} {run}"))  # noqa: S311 - no secret
            for path in sorted(place.iterdir()):
                answer = self.answer(path)
                if answer is not None:
                    made[f"{run}/{path.name}"] = answer
        real = {}
        paths = sorted(models.rglob("*")) if models else []
        for path in paths:
            if path.is_file() and path.name.endswith(self.endings):
                answer = self.answer(path)
                if answer is not None:
                    real[sha256(path)] = {"name": path.name, "path": str(path), "answer": answer}
        versions = {name: metadata.version(name) for name in self.packages}
        found = {"versions": versions, "made": made, "real": real}
        (folder / "answers.json").write_text(json.dumps(found), encoding="utf-8")

    def _record(self, folder: Path, found: dict[str, Any]) -> None:
        made = {
            name.partition("/")[2]: {"files": packed(folder / name), "answer": answer}
            for name, answer in found["made"].items()
        }
        for one in found["real"].values():
            del one["path"]
        content = {
            "versions": found["versions"],
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "made": made,
            "real": found["real"],
        }
        RECORDED.mkdir(exist_ok=True)
        text = json.dumps(content, indent=1) + "\n"
        (RECORDED / f"model_files_{self.name}.json").write_text(text, encoding="utf-8")


def _cache() -> Path:
    from tests.support.real_models import cache_folder

    return cache_folder()


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def packed(path: Path) -> dict[str, str]:
    """The files of a model, compressed, by their paths below it; of a file, by its own name."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    top = path.parent if path.is_file() else path
    return {
        one.relative_to(top).as_posix(): base64.b64encode(
            zlib.compress(one.read_bytes(), 9)
        ).decode()
        for one in files
    }


def unpacked(files: dict[str, str]) -> dict[str, bytes]:
    """The files that `packed` returned."""
    return {name: zlib.decompress(base64.b64decode(data)) for name, data in files.items()}


def describe(path: Path) -> Any:
    """Gitmodel's description of a file or folder."""
    from gitmodel.formats.describe import describe_file
    from gitmodel.formats.folder import FileOfFolder, describe_folder

    def reader(one: Path) -> Callable[[int, int], bytes]:
        def read(offset: int, count: int) -> bytes:
            with one.open("rb") as stream:
                stream.seek(offset)
                return stream.read(count)

        return read

    if path.is_file():
        return describe_file(path.name, reader(path), path.stat().st_size)
    files = [one for one in path.rglob("*") if one.is_file()]
    return describe_folder(
        [
            FileOfFolder(one.relative_to(path).as_posix(), one.stat().st_size, reader(one))
            for one in files
        ]
    )


def differences(name: str, answer: Answer, found: Any) -> list[str]:
    """What gitmodel says else than the library: of each of the library's fields, and of `code`."""
    expected = dict(answer)
    code = name.partition("-")[0]
    if code in {"none", "yes", "unknown"}:
        expected["code"] = code
    says = {field: getattr(found, field) for field in expected}
    if "dtypes" in says:
        says["dtypes"] = dict(says["dtypes"])
    return [
        f"{field}: {says[field]!r} is not {value!r}"
        for field, value in expected.items()
        if says[field] != value
    ]


def report(folder: Path, found: dict[str, Any]) -> None:
    """Print of how many models gitmodel says what the library says, and each difference."""
    pairs: list[tuple[str, Path, Answer]] = [
        (name.partition("/")[2], folder / name, answer) for name, answer in found["made"].items()
    ]
    pairs += [("", Path(one["path"]), one["answer"]) for one in found["real"].values()]
    counts: Counter[str] = Counter()
    for name, path, answer in pairs:
        wrong = differences(name, answer, describe(path))
        kind = "real" if not name else f"made {path.suffix}"
        counts[f"{kind}: {'different' if wrong else 'equal'}"] += 1
        if wrong:
            print(f"{path}: {wrong}")  # noqa: T201
    print_counts(sorted(counts.items()))


def print_counts(counts: Iterable[tuple[str, int]]) -> None:
    for text, count in counts:
        print(f"{count:6}  {text}")  # noqa: T201
