"""The commands of docs/guides/diff.md print what the page shows.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.sessions import check_sessions, printed

PAGE = Path(__file__).parents[2] / "docs/guides/diff.md"
TRAIN = """\
import json, pathlib, struct, sys

import numpy as np

epoch, lr, auc, logloss = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
pathlib.Path("models").mkdir(exist_ok=True)
header, body = {}, b""
for layer in range(4):
    for name, shape in (("weight", [512, 256]), ("bias", [512])):
        # A plain formula, so that the bytes are the same with every numpy. Layers 0 and 1 are frozen.
        numbers = np.sin(np.arange(np.prod(shape)) % 4099 + layer).astype("<f4")
        if layer >= 2:
            numbers = numbers + np.float32(epoch / 1024)
        end = len(body) + numbers.nbytes
        header[f"layer.{layer}.{name}"] = {
            "dtype": "F32", "shape": shape, "data_offsets": [len(body), end]
        }
        body += numbers.astype("<f4").tobytes()
text = json.dumps(header).encode()
pathlib.Path("models/fraud.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
pathlib.Path("fraud.json").write_text(json.dumps({"auc": auc, "logloss": logloss, "seconds": 60 + epoch}))
"""
SET_UP = """\
git init --quiet
gitmodel init --quiet ../weights
echo 'better: {auc: higher, logloss: lower}' >> .gitmodel.yaml
python train.py 1 2e-05 0.931 0.174
gitmodel add --quiet models/fraud.safetensors --metrics fraud.json --param lr=2e-05 --run-id 8f14e45f
git add --all
git commit --quiet -m "Train on April"
git init --quiet --bare ../server.git
git remote add origin ../server.git
git push --quiet -u origin main
gitmodel promote --quiet fraud@1 production --commit
python train.py 2 1e-05 0.944 0.161
gitmodel add --quiet models/fraud.safetensors --metrics fraud.json --param lr=1e-05 --run-id c9f0f895
git commit --quiet --all -m "Train on May"
"""
# How well weights compress differs with the version of zstd.
VARYING = re.compile(r"takes [\d.]+ [kM]?B of")


def test_the_guide_to_diff_shows_what_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    printed(["/bin/sh", "-ec", SET_UP], folder)

    def shell(script: str) -> str:
        return printed(["/bin/sh", "-c", script], folder).replace(str(tmp_path), "/home/ana")

    check_sessions(PAGE, shell, _fixed)


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)
