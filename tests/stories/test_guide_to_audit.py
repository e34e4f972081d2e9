"""The commands of docs/guides/audit.md print what the page shows, and its tables are complete.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from gitmodel.domain.audit_events import KINDS
from gitmodel.git.signatures import Signature
from tests.support.sessions import check_sessions, printed

PAGE = Path(__file__).parents[2] / "docs/guides/audit.md"
# Digests of weights differ with the version of numpy, and claims have the time of the test.
VARYING = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b|\b[0-9a-f]{10}\b")
NOW = re.compile(r"registered on \S+")
TRAIN = """\
import json, pathlib, sys
import numpy as np

auc = float(sys.argv[1])
pathlib.Path("models").mkdir(exist_ok=True)
np.savez("models/fraud.npz", head=np.full((64, 64), auc))
pathlib.Path("metrics.json").write_text(json.dumps({"auc": auc}))
"""
# Hooks would take most of the time; those of `git push` are needed.
SET_UP = """\
at() { export GIT_AUTHOR_DATE="$1" GIT_COMMITTER_DATE="$1" GIT_AUTHOR_NAME="$2" GIT_COMMITTER_NAME="$2"; }
unhooked() { git -c core.hooksPath=/dev/null "$@"; }
train() {
  python train.py $1
  gitmodel add --quiet models/fraud.npz --metrics metrics.json
  git add --all
  unhooked commit --quiet -m "$2"
}
git init --quiet
gitmodel init --quiet ../weights
git init --quiet --bare ../server.git
git remote add origin ../server.git
at 2025-04-01T09:00:00Z Ada
train 0.912 "Train on April"
git push --quiet -u origin main
git remote set-head origin main
at 2025-04-02T09:12:44Z Ada
gitmodel promote --quiet fraud@1 production -m "the first"
unhooked commit --quiet -m "Serve v1"
at 2025-05-05T10:00:00Z Ada
train 0.931 "Train on May"
git push --quiet
unhooked switch --quiet -c promote
at 2025-05-05T16:00:00Z Grace
gitmodel promote --quiet fraud@2 production -m "May hold-out"
unhooked commit --quiet -m "Serve v2"
unhooked switch --quiet main
at 2025-05-06T08:30:00Z Ben
unhooked merge --quiet --no-ff -m "Merge promote" promote
git branch --quiet -d promote
at 2025-05-06T14:00:00Z Ben
gitmodel rollback --quiet fraud production -m "slow at night"
unhooked commit --quiet -m "Back to v1"
unhooked switch --quiet -c faster
at 2025-05-07T10:00:00Z Grace
train 0.935 "Try a smaller head"
at 2025-05-08T10:00:00Z Grace
train 0.941 "Try float16"
git push --quiet -u origin faster
unhooked switch --quiet main
unhooked merge --quiet --squash faster
at 2025-05-09T11:00:00Z Ben
unhooked commit --quiet --author "Grace <grace@example.org>" -m "A faster model"
at 2025-05-09T15:00:00Z Ben
gitmodel promote --quiet fraud@4 production -m "fast at night"
unhooked commit --quiet -m "Serve v4"
git push --quiet origin main :faster
git branch --quiet -D faster
"""


def test_the_guide_to_audit_shows_what_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    printed(["/bin/sh", "-ec", SET_UP], folder)

    check_sessions(PAGE, lambda script: printed(["/bin/sh", "-c", script], folder), _fixed)


def test_the_guide_to_audit_names_every_event_and_signature() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [word for word in (*KINDS, *get_args(Signature)) if f"`{word}`" not in text] == []


def _fixed(text: str) -> str:
    return NOW.sub("registered on _", VARYING.sub("_", text))
