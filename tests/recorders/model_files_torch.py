"""Records what PyTorch, NumPy and joblib find in model files: `python tests/recorders/model_files_torch.py`.

Makes an environment with these libraries, writes small files with them, and records in
`tests/formats/recorded/` the files, the libraries' answers, and what `torch.load` is seen to do with the hostile
archives. The suite reads what was recorded, and needs none of these libraries but NumPy.

    --environments DIR   keep the environment in this folder, or use the one that is there
    --real DIR           also files of this folder, whose answers are recorded by their SHA-256:
                         PyTorch's files below it, at any depth. They come from strangers: TorchScript is
                         loaded (not called), all else is loaded as weights only

Needs access to a package registry. Run it in the root of the repository, with PYTHONPATH=. if gitmodel is not
installed from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.hostile_zips import TORCH

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
RECORDED = HERE.parent / "formats" / "recorded"
HOSTILE = HERE.parent / "support" / "load_hostile.py"
PACKAGES = ("torch==2.13.0", "numpy==2.4.6", "joblib==1.6.0")
ENDINGS = {".pt", ".pth", ".tar", ".jit", ".npz", ".npy"}


def environment(folder: Path) -> Path:
    """Make the environment if it is not there; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True)
    return python


def ask(python: Path, script: Path, *arguments: str, lines: Sequence[str]) -> list[str]:
    """Run a script in the environment; returns a line for each that it was given."""
    done = subprocess.run(
        [python, "-W", "ignore", script, *arguments],
        input="".join(f"{line}\n" for line in lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines), "an answer to each"
    return answers


def sha256(path: Path) -> str:
    """The file's, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        python = environment((options.environments or Path(scratch)) / "torch")
        written = Path(scratch, "written")
        written.mkdir()
        subprocess.run([python, HERE / "torch_files.py", "write", written], check=True)
        samples = sorted(written.iterdir())
        real = (
            sorted(p for p in options.real.rglob("*") if p.suffix in ENDINGS)
            if options.real
            else []
        )
        paths = [str(path) for path in [*samples, *real]]
        answers = ask(python, HERE / "torch_files.py", "read", lines=paths)
        known = dict(zip([*samples, *real], map(json.loads, answers), strict=True))
        cases = [f"torch {case.data.hex()}" for case in TORCH]
        seen = ask(python, HOSTILE, "torch", lines=cases)
        recorded: dict[str, Any] = {
            "packages": PACKAGES,
            "samples": {path.name: known[path] for path in samples},
            "real": {sha256(path): {"path": path.name} | known[path] for path in real},
            "hostile": {
                case.name: {"sha256": hashlib.sha256(case.data).hexdigest(), "seen": one.split()}
                for case, one in zip(TORCH, seen, strict=True)
            },
        }
        shutil.rmtree(RECORDED / "torch", ignore_errors=True)
        shutil.copytree(written, RECORDED / "torch")
    text = json.dumps(recorded, indent=1, sort_keys=True)
    (RECORDED / "torch.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
