"""PyTorch's, NumPy's and joblib's own files are described as these libraries read them.

`tests/recorders/model_files_torch.py` has written the files and recorded what the libraries say.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gitmodel.formats.describe import describe_file
from tests.support.formats import pread
from tests.support.hostile_zips import TORCH
from tests.support.real_models import cache_folder, fetch_real_models

RECORDED = Path(__file__).parent / "recorded"
ANSWERS: dict[str, dict[str, Any]] = json.loads((RECORDED / "torch.json").read_text("utf-8"))
LISTED = {"checkpoint.pt", "legacy.pth", "parameters.pt", "protocol_4.pt", "quantized.pt", "shared.pt", "state_dict.pt", "types.pt"}  # fmt: skip
NONE = {"array.npy", "arrays.npz", "compressed.npz", "fields.npy"}
REAL = ("chgnet", "silero-vad")


@pytest.mark.parametrize("name", sorted(ANSWERS["samples"]))
def test_a_file_is_described_as_its_library_reads_it(name: str) -> None:
    data = (RECORDED / "torch" / name).read_bytes()
    found = describe_file(name, pread(data), len(data))
    answer = ANSWERS["samples"][name]

    if answer is not None and name != "sparse.pt":  # what is not listed is not counted
        counted = {"tensors": found.tensors, "parameters": found.parameters}
        assert {**counted, "dtypes": dict(found.dtypes)} == answer
    assert found.code == ("listed" if name in LISTED else "none" if name in NONE else "yes")


def test_real_files_are_described_as_pytorch_reads_them() -> None:
    """Those that are in the cache, also of models that are not fetched by default."""
    fetch_real_models(REAL)
    known = ANSWERS["real"]
    compared = 0
    for path in sorted(cache_folder().rglob("*")):
        if path.suffix not in {".pth", ".tar", ".jit"}:
            continue
        data = path.read_bytes()
        answer = known.get(hashlib.sha256(data).hexdigest())
        if answer is not None:
            found = describe_file(path.name, pread(data), len(data))
            counted = {"tensors": found.tensors, "parameters": found.parameters}
            assert {**counted, "dtypes": dict(found.dtypes)} == {
                key: answer[key] for key in ("tensors", "parameters", "dtypes")
            }
            assert found.code == ("yes" if path.suffix == ".jit" else "listed")
            compared += 1
    assert compared >= 4


@pytest.mark.parametrize("case", TORCH, ids=lambda case: case.name)
def test_pytorch_was_seen_to_load_the_hostile_archive(case: Any) -> None:
    """What a case is said to do is what was recorded of these very bytes."""
    recorded = ANSWERS["hostile"][case.name]

    assert recorded["sha256"] == hashlib.sha256(case.data).hexdigest()
    assert recorded["seen"] == ([] if case.event is None else [case.event])
