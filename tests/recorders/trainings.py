"""Runs a training library in an environment of its own, and compares its answers with gitmodel's readers.

A recorder (`transformers.py`, `lightning.py`, `dvclive.py`) is started twice: once as the program that the
developer calls, and once by the Python of the environment, with `-P` because its name is the library's.
"""

from __future__ import annotations

import argparse
import base64
import datetime
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
    from collections.abc import Callable, Mapping

    from gitmodel.trackers.run_metadata import RunMetadata

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "trackers" / "training_files" / "recorded"
# Files that the readers read. Weights are recorded by name, checkpoints with their first bytes.
READ = (".csv", ".json", ".yaml")
HEAD = 4096  # bytes

# What a training says about weights: {"weights": path, "metrics": {...}, "params": {...}}
Answer = dict[str, Any]


@dataclass(frozen=True)
class Library:
    """A library, its recorder and one random training with it.

    Args:
        name: The library's and the recorder's name.
        packages: What is installed, and whose versions are recorded.
        train: Trains in the current, empty folder; returns what the library says about each weights.
        recorded: How many trainings are recorded.
        seed: Of these trainings: some have weights whose files leave a doubt.
    """

    name: str
    packages: tuple[str, ...]
    train: Callable[[random.Random], list[Answer]]
    recorded: int
    seed: str

    def main(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--environments", type=Path, help="keep the environments here")
        parser.add_argument("--compare", type=int, metavar="RUNS", help="record nothing")
        parser.add_argument("--seed", default=self.seed, help="other random trainings")
        parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
        given = parser.parse_args()
        runs = given.compare or self.recorded
        if given.inside:
            self._inside(given.inside, runs, given.seed)
            return
        with tempfile.TemporaryDirectory() as scratch:
            python = self._environment(given.environments or Path(scratch) / "environments")
            folder = Path(scratch) / "trainings"
            arguments = ["--inside", folder, "--compare", runs, "--seed", given.seed]
            recorder = Path(__file__).with_name(f"{self.name}.py")
            subprocess.run(
                [python, "-P", recorder, *map(str, arguments)],
                check=True,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "PYTHONWARNINGS": "ignore",
                    "DVC_NO_ANALYTICS": "1",
                },
            )
            trainings = [json.loads((folder / f"{run}.json").read_text()) for run in range(runs)]
            report(folder, trainings)
            if not given.compare:
                self._record(folder, trainings)

    def _environment(self, folder: Path) -> Path:
        python = folder / self.name / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder / self.name], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *self.packages], check=True)
        return python

    def _inside(self, folder: Path, runs: int, seed: str) -> None:
        for run in range(runs):
            place = folder / str(run)
            place.mkdir(parents=True)
            os.chdir(place)
            answers = self.train(random.Random(f"{seed} {run}"))  # noqa: S311 - no secret
            (folder / f"{run}.json").write_text(json.dumps(answers), encoding="utf-8")
        names = [package.partition("=")[0] for package in self.packages]
        versions = {name: metadata.version(name) for name in names}
        (folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")

    def _record(self, folder: Path, trainings: list[list[Answer]]) -> None:
        content = {
            "versions": json.loads((folder / "versions.json").read_text()),
            "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "trainings": [
                {"files": files_of(folder / str(run)), "answers": answers}
                for run, answers in enumerate(trainings)
            ],
        }
        RECORDED.mkdir(exist_ok=True)
        text = json.dumps(content, indent=1) + "\n"
        (RECORDED / f"{self.name}.json").write_text(text, encoding="utf-8")


def files_of(folder: Path) -> dict[str, Any]:
    """The files of a training: text, or the first bytes of weights, and seconds since the first file."""
    from gitmodel.formats.weight_files import has_name

    found: dict[str, Any] = {}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    begin = min((path.stat().st_mtime for path in paths), default=0.0)
    for path in paths:
        name = path.relative_to(folder).as_posix()
        file: dict[str, Any] = {"modified": round(path.stat().st_mtime - begin, 3)}
        if path.suffix == ".ckpt":
            head = zlib.compress(path.read_bytes()[:HEAD], 9)
            file["head"] = base64.b64encode(head).decode()
        elif path.suffix in READ and path.name != "config.json" and "plots" not in path.parts:
            file["text"] = path.read_text(encoding="utf-8")
        elif not has_name(name):
            continue
        found[name] = file
    return found


def write_files(files: Mapping[str, Any], folder: Path) -> None:
    """Write recorded files again; weights are empty, but for the head of a checkpoint."""
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "head" in file:
            path.write_bytes(zlib.decompress(base64.b64decode(file["head"])))
        else:
            path.write_text(file.get("text", ""), encoding="utf-8")
        modified = 1_800_000_000 + file["modified"]
        os.utime(path, (modified, modified))


def judge(answer: Answer, run: RunMetadata | None) -> str:
    """Compare one answer of the library with gitmodel's: `exact`, `nothing`, or what differs.

    `empty` means that the library has no metrics either.
    """
    if run is None or not (run.metrics or run.params):
        return "nothing" if answer["metrics"] or answer.get("params") else "empty"
    wrong = differences(run.params, answer.get("params", {}))
    if not run.metrics and answer["metrics"]:
        return f"wrong: {wrong}" if wrong else "nothing"
    earlier = answer.get("when saved", {})
    same = {name for name in earlier if repr(run.metrics.get(name)) == repr(earlier[name])}
    wrong += differences(without(run.metrics, same), without(answer["metrics"], same))
    for name, value in answer.get("measured", {}).items():  # again, with the weights on disk
        if name in run.metrics and abs(float(str(run.metrics[name])) - value) > 1e-5 * abs(value):
            wrong.append(f"{name}: {run.metrics[name]} is not {value} as measured again")
    return f"wrong: {wrong}" if wrong else "exact"


def without(values: Mapping[str, object], names: set[str]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}


def differences(got: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    names = sorted(got.keys() | expected.keys())
    return [
        f"{name}: {got.get(name)!r} is not {expected.get(name)!r}"
        for name in names
        if repr(got.get(name)) != repr(expected.get(name))
    ]


def report(folder: Path, trainings: list[list[Answer]]) -> None:
    """Print how often gitmodel says what the library says, and each difference."""
    from gitmodel.trackers.training_files.find import read_beside

    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for run, answers in enumerate(trainings):
        for answer in answers:
            read = read_beside(str(folder / str(run)), tuple(answer["weights"].split("/")))
            verdict = judge(answer, read)
            counts[f"{answer.get('kind', 'weights')}: {verdict.partition(':')[0]}"] += 1
            if verdict.startswith("wrong"):
                print(f"training {run}, {answer['weights']}: {verdict}")  # noqa: T201
            if verdict == "nothing" and read is not None:
                reasons[f"{answer.get('kind', 'weights')}: {read.notes[-1]}"] += 1
    for text, count in [*sorted(counts.items()), *reasons.most_common(12)]:
        print(f"{count:6}  {text}")  # noqa: T201
