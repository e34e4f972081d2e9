"""Records event files of TensorBoard with real writers: `python tests/recorders/tensorboard.py`.

Makes an environment for each of PyTorch, tensorboardX and TensorFlow, writes random runs, also torn,
damaged and killed ones, and records them in `tests/trackers/recorded/` with what TensorBoard's
own `EventAccumulator` reads back. The suite reads what was recorded, and needs none of these.

    --environments DIR   keep the environments in this folder, or use those that are there
    --compare RUNS       record nothing; write so many runs with each, and compare the reader of
                         gitmodel with the answers, live
    --seed NUMBER        other random runs

Needs the test dependencies of gitmodel and access to a package registry. Run it in the root of the
repository, with PYTHONPATH=. if gitmodel is not installed from there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
RECORDED = HERE.parent / "trackers" / "recorded"
WRITERS = {
    "tensorboardX": ("tensorboardX==2.6.5", "tensorboard==2.21.0"),
    "torch": ("torch==2.13.0", "tensorboard==2.21.0"),
    "tensorflow": ("tensorflow-cpu==2.21.0", "tensorboard==2.21.0"),
}
RUNS = 20  # of each writer, recorded


def environment(writer: str, environments: Path) -> Path:
    """Make the environment of a writer if it is not there; returns its Python."""
    python = environments / writer / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environments / writer], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *WRITERS[writer]]
        subprocess.run(install, check=True)
    return python


@contextlib.contextmanager
def written(
    writer: str, environments: Path, *, seed: int, count: int
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Write runs; gives their folder and the answers."""
    python = environment(writer, environments)
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = [str(python), "-P", str(HERE / "tensorboard_runs.py"), writer, str(seed), str(count)]
    with tempfile.TemporaryDirectory() as place:
        process = subprocess.run(
            program,
            check=False,
            cwd=place,
            stderr=subprocess.PIPE,
            env=variables | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        )
        if process.returncode:
            raise SystemExit(process.stderr.decode())
        answers = json.loads((Path(place) / "answers.json").read_text("utf-8"))
        yield Path(place), answers


def record(environments: Path, seed: int) -> None:
    """Rewrite all recorded runs."""
    RECORDED.mkdir(exist_ok=True)
    for old in RECORDED.glob("tensorboard-*.tar.xz"):
        old.unlink()
    for writer in WRITERS:
        with written(writer, environments, seed=seed, count=RUNS) as (folder, answers):
            release = answers["versions"][writer].partition("+")[0]
            pack(folder, RECORDED / f"tensorboard-{writer}-{release}.tar.xz")


def pack(folder: Path, archive: Path) -> None:
    """Pack runs; neither the archive nor a file's name has the name of a user or of this machine."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        entry.name = entry.name.replace(f".{os.uname().nodename}", ".host")
        return entry

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, path.name, filter=plain)
    print(f"{archive.name}: {archive.stat().st_size:,} bytes")  # noqa: T201


def compare(environments: Path, seed: int, count: int) -> bool:
    """Compare the reader of gitmodel with TensorBoard, run by run; whether all are equal."""
    from tests.support.recorded_events import differences

    same = True
    for writer in WRITERS:
        with written(writer, environments, seed=seed, count=count) as (folder, answers):
            wrong = differences(folder, answers)
            text = f"{answers['versions']}: {len(answers['runs'])} runs, wrong: {wrong}"
            print(text, flush=True)  # noqa: T201
            same = same and not wrong
    return same


def main() -> None:
    """Run as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--compare", type=int)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = chosen.environments or stack.enter_context(tempfile.TemporaryDirectory())
        environments = Path(folder).resolve()
        if chosen.compare:
            sys.exit(not compare(environments, chosen.seed, chosen.compare))
        record(environments, chosen.seed)


if __name__ == "__main__":
    main()
