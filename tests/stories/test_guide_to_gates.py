"""The commands of docs/guides/gates.md print what the page shows, and its tables are complete.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import re
from pathlib import Path

from gitmodel.domain.gates.config import _GATE_KEYS, _MLFLOW_KEYS, _RULE_KEYS
from tests.support.sessions import check_sessions, printed

PAGE = Path(__file__).parents[2] / "docs/guides/gates.md"
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
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
    printed(["/bin/sh", "-ec", SET_UP], folder)

    check_sessions(PAGE, lambda script: printed(["/bin/sh", "-c", script], folder), _fixed)


def test_the_guide_to_gates_names_every_key() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    named = {key for row in rows for key in re.findall(r"`(\w+)[`:]", row.split(" | ")[0])}

    assert [k for k in (*_GATE_KEYS, *_RULE_KEYS, *_MLFLOW_KEYS) if k not in named] == []


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)
