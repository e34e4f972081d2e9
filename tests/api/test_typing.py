"""A program that uses the whole interface passes mypy's strictest mode, and none of its expressions is Any."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import gitmodel

ROOT = Path(gitmodel.__file__).parents[1]

# Printed types are those of the comments.
PROGRAM = """\
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import numpy as np

import gitmodel

REPO = Path("models")
URL = "https://example.org/models.git"


def train() -> gitmodel.AddReport:
    report = gitmodel.add(
        REPO / "fraud.bin",
        metrics={"auc": 0.9, "eval": {"f1": 0.8}},
        params={"layers": [64, 64], "seed": None},
        run_id=UUID(int=1),
        name="fraud",
        exclude=["*.swp"],
        repo=REPO,
    )
    gitmodel.add("bert", exclude="optimizer*")
    number: int = report.version
    before: int | None = report.was
    told: tuple[str, ...] = report.warnings
    print(report.name, number, before, report.changed, told)
    return report


def read() -> bytes:
    place: str = gitmodel.path("fraud@production", repo=URL)
    stream: BinaryIO
    with gitmodel.open("bert", "config.json", repo=REPO) as stream:
        return Path(place).read_bytes() + stream.read(8)


def compute() -> np.ndarray[tuple[int, ...], np.dtype[np.generic[object]]]:
    tensor: gitmodel.Tensor = gitmodel.tensor("fraud@7", "w", "net.safetensors", repo=REPO)
    dtype: np.dtype[np.generic[object]] = tensor.dtype
    shape: tuple[int, ...] = tensor.shape
    stored: tuple[str | None, tuple[int, ...] | None] = tensor.stored_dtype, tensor.stored_shape
    data: memoryview = tensor.data
    print(tensor.name, dtype, shape, stored, data, tensor.nbytes, bytes(tensor))
    return np.asarray(tensor)


def refuse() -> int:
    try:
        print(train(), read(), compute().shape, gitmodel.__version__)
    except (gitmodel.RemoteError, gitmodel.StoreError) as error:
        hint: str | None = error.hint
        print(error.message, hint, error.model)
        return error.exit_code
    except gitmodel.GitmodelWarning as warning:
        print(warning)
    return 0


reveal_type(gitmodel.log)  # the earlier name of add
"""

WRONG = """\
import gitmodel

gitmodel.psth("fraud")
gitmodel.path(7)
gitmodel.open("fraud").write("text")
gitmodel.tensor("fraud")
gitmodel.add("fraud.bin", metric={"auc": 0.9})
gitmodel.tensor("fraud", "w").startswith(b"w")
try:
    pass
except gitmodel.GitmodelErorr:
    pass
"""


def checked(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What mypy says about a program outside the package and its settings."""
    folder.joinpath("program.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-pretty"]
    options = ["--disallow-any-expr", "--disallow-any-unimported", "--warn-unreachable"]
    return subprocess.run(
        [*command, *options, f"--cache-dir={ROOT / '.mypy_cache' / 'public'}", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_whole_interface_is_typed(tmp_path: Path) -> None:
    done = checked(PROGRAM, tmp_path)

    (revealed,) = [line for line in done.stdout.splitlines() if ": note: Revealed" in line]
    assert "Any" not in revealed
    assert "gitmodel.project.adding.report.AddReport" in revealed
    assert done.returncode == 0, done.stdout


def test_wrong_use_is_found(tmp_path: Path) -> None:
    done = checked(WRONG, tmp_path)

    lines = [line.split(":")[1] for line in done.stdout.splitlines() if ": error: " in line]
    assert sorted(set(lines)) == sorted(["3", "4", "5", "6", "7", "8", "11"]), done.stdout


def test_examples_of_the_pages_are_typed(tmp_path: Path) -> None:
    pages = [ROOT / "README.md", ROOT / "docs/python.md", ROOT / "docs/get.md"]
    blocks = [
        re.search(r"```python\n(import gitmodel\n.*?)```", page.read_text("utf-8"), re.DOTALL)
        for page in pages
    ]

    assert None not in blocks
    done = checked("\n".join(block[1] for block in blocks if block), tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_wheel_says_that_it_is_typed() -> None:
    files = [file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()]

    assert "gitmodel/py.typed" in files
    assert "gitmodel/formats/tensor.py" in files


@pytest.mark.parametrize("name", gitmodel.__all__)
def test_a_name_is_what_a_type_checker_sees(name: str) -> None:
    """Imports for type checkers and for the running program are two lists."""
    text = Path(gitmodel.__file__).read_text(encoding="utf-8")
    seen = text.partition("if TYPE_CHECKING:")[2].partition("__all__")[0]

    assert name == "__version__" or f"{name}," in seen or f"{name}\n" in seen or f"{name} " in seen
