"""Records offline runs of W&B with its real releases: `python tests/recorders/wandb.py`.

Makes an environment for each release, writes random offline runs, also failed and killed ones, and
records them in `tests/trackers/recorded/` with what was logged. The suite reads what was recorded, and
needs no wandb.

    --environments DIR   keep the environments in this folder, or use those that are there
    --compare RUNS       record nothing; write so many runs with each release, and compare the
                         reader of gitmodel with what was logged, live
    --seed NUMBER        other random runs

Needs the test dependencies of gitmodel and access to a package registry, and no account of W&B: nothing is
sent. Run it in the root of the repository, with PYTHONPATH=. if gitmodel is not installed from there.
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
# 0.16 writes the file in Python and the summary at the end, 0.19 and 0.31 in Go and after each step.
RELEASES = {
    "0.31.0": ("wandb==0.31.0",),
    "0.19.11": ("wandb==0.19.11",),
    "0.16.6": ("wandb==0.16.6", "setuptools<81"),
}
RUNS = 20  # of each release, recorded


def environment(release: str, environments: Path) -> Path:
    """Make the environment of a release if it is not there; returns its Python."""
    python = environments / release / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environments / release], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *RELEASES[release]]
        subprocess.run(install, check=True)
    return python


@contextlib.contextmanager
def written(
    release: str, environments: Path, *, seed: int, count: int
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Write runs in a Git repository; gives its folder and the answers."""
    python = environment(release, environments)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    kept.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as place:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        git = ("git", "-C", place)
        subprocess.run([*git, "init", "--quiet"], check=True)
        commit = ("commit", "--quiet", "--allow-empty", "--message=code")
        subprocess.run([*git, *identity, *commit], check=True)
        process = subprocess.run(
            [str(python), "-P", str(HERE / "wandb_runs.py"), str(seed), str(count)],
            check=False,
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=kept | {"WANDB_SILENT": "true", "HOME": place},
        )
        if process.returncode:
            raise SystemExit(process.stderr.decode())
        answers = json.loads((Path(place) / "answers.json").read_text("utf-8"))
        yield Path(place), answers


def record(environments: Path, seed: int) -> None:
    """Rewrite all recorded runs."""
    RECORDED.mkdir(exist_ok=True)
    for old in RECORDED.glob("wandb-*.tar.xz"):
        old.unlink()
    for release in RELEASES:
        with written(release, environments, seed=seed, count=RUNS) as (folder, answers):
            pack(folder, RECORDED / f"wandb-{answers['version']}.tar.xz")


def pack(folder: Path, archive: Path) -> None:
    """Pack the run files and the answers; the archive has no names of users and no times."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in [folder / "answers.json", *sorted(folder.glob("wandb/offline-run-*/*.wandb"))]:
            packed.add(path, path.relative_to(folder), filter=plain)
    print(f"{archive.name}: {archive.stat().st_size:,} bytes")  # noqa: T201


def compare(environments: Path, seed: int, count: int) -> bool:
    """Compare the reader of gitmodel with what was logged, run by run; whether all are equal."""
    from tests.support.recorded_wandb import differences

    same = True
    for release in RELEASES:
        with written(release, environments, seed=seed, count=count) as (folder, answers):
            wrong = differences(folder, answers)
            text = f"{answers['version']}: {len(answers['runs'])} runs, wrong: {wrong}"
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
