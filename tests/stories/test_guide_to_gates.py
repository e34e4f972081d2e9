"""The commands of docs/guides/gates.md print what the page shows, and its tables are complete.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gitmodel.domain.gates.config import _GATE_KEYS, _MLFLOW_KEYS, _RULE_KEYS

PAGE = Path(__file__).parents[2] / "docs/guides/gates.md"
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
END = "end of a command"
# Digests of weights differ with the version of numpy.
VARYING = re.compile(r"\b[0-9a-f]{12}\b|\b\d{4}-\d\d-\d\d \d\d:\d\d\b|\b[\d.]+ k?B\b")
TRAIN = """\
import json, pathlib, sys
import numpy as np

name, auc, logloss = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
pathlib.Path("models").mkdir(exist_ok=True)
np.savez(f"models/{name}.npz", head=np.full((64, 64), auc), bias=np.full(64, logloss))
pathlib.Path(f"{name}.json").write_text(json.dumps({"auc": auc, "logloss": logloss}))
"""
# Version 1 of two models; that of fraud serves.
SET_UP = """\
git init --quiet
gitmodel init --quiet ../weights
python train.py fraud 0.912 0.181
python train.py churn 0.702 0.431
gitmodel add --quiet models/fraud.npz --metrics fraud.json
gitmodel add --quiet models/churn.npz --metrics churn.json
git add --all
git commit --quiet -m "Register the models"
git init --quiet --bare ../server.git
git remote add origin ../server.git
git push --quiet -u origin main
gitmodel promote --quiet fraud@1 production --commit
cat gates.txt >> .gitmodel.yaml && rm gates.txt
git commit --quiet --all -m "Add a gate"
"""


def test_the_guide_to_gates_shows_what_is_printed(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "gates.txt").write_text(YAML.findall(page)[0], encoding="utf-8")
    (folder / "finish.py").write_text(PYTHON.findall(page)[0], encoding="utf-8")
    _output(["/bin/sh", "-ec", SET_UP], folder)
    commands = [
        [line[2:] for line in session.splitlines() if line.startswith("$ ")]
        for session in SESSION.findall(page)
    ]
    script = "".join(f"{command}\necho '{END}'\n" for some in commands for command in some)
    outputs = iter(_output(["/bin/sh", "-c", script], folder).split(f"{END}\n"))

    shown = ["".join(f"$ {command}\n{next(outputs)}" for command in some) for some in commands]

    if os.environ.get("GITMODEL_TESTS_UPDATE"):
        fresh = iter(shown)
        page = SESSION.sub(lambda _: f"```console\n{next(fresh)}```", page)
        PAGE.write_text(page, encoding="utf-8")
    assert [_fixed(text) for text in shown] == [_fixed(text) for text in SESSION.findall(page)]


def test_the_guide_to_gates_names_every_key() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    named = {key for row in rows for key in re.findall(r"`(\w+)[`:]", row.split(" | ")[0])}

    assert [k for k in (*_GATE_KEYS, *_RULE_KEYS, *_MLFLOW_KEYS) if k not in named] == []


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)


def _output(command: list[str], folder: Path) -> str:
    """What commands print; some of them are refused."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
