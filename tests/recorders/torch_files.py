"""Writes model files with PyTorch, NumPy and joblib, and tells what these libraries find in files.

Run by `model_files_torch.py` in an environment that has them:

    torch_files.py write FOLDER     write the samples
    torch_files.py read             read paths from standard input; for each, write a line of JSON
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped, import-not-found, unused-ignore]
import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]

warnings.simplefilter("ignore")
internal: Any = np._core.multiarray  # type: ignore[attr-defined]
NUMPY = [
    *(np.dtype, np.ndarray, type(np.dtype("f8")), type(np.dtype("f4"))),
    *(internal.scalar, internal._reconstruct),
]


def trained() -> tuple[Any, Any]:
    """A small model and its optimizer, after one step."""
    torch.manual_seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def write(folder: Path) -> None:
    """Write one file of each kind."""
    model, optimizer = trained()
    state = model.state_dict()
    torch.save(state, folder / "state_dict.pt")
    torch.save(state, folder / "protocol_4.pt", pickle_protocol=4)
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(list(model.parameters()), folder / "parameters.pt")
    torch.save(model, folder / "whole_model.pt")
    checkpoint = {
        "model": state,
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "scores": np.arange(3.0),
        "best": np.float64(0.5),
        "random": torch.get_rng_state(),
    }
    torch.save(checkpoint, folder / "checkpoint.pt")
    shared = torch.arange(12.0).reshape(3, 4)
    torch.save(
        {"a": shared, "again": shared, "row": shared[1], "turned": shared.t(), "wide": shared[:1].expand(5, 4)},
        folder / "shared.pt",
    )  # fmt: skip
    types = {
        str(dtype): torch.ones(3, dtype=dtype)
        for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint64, torch.bfloat16, torch.float16, torch.float64, torch.complex64, torch.bool, torch.int8)
    }  # fmt: skip
    others = {"type": torch.float32, "device": torch.device("cpu"), "size": torch.Size([1, 2])}
    torch.save(
        {**types, **others, "number": torch.tensor(1.5), "none": torch.ones(0, 3)},
        folder / "types.pt",
    )
    per_channel = torch.quantize_per_channel(
        torch.ones(2, 3), torch.ones(2), torch.zeros(2), 0, torch.qint8
    )
    torch.save(
        {"a": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8), "b": per_channel},
        folder / "quantized.pt",
    )  # fmt: skip
    torch.save({"a": torch.ones(2, 2).to_sparse()}, folder / "sparse.pt")
    torch.jit.script(model.eval()).save(str(folder / "script.pt"))
    arrays = {
        "w": np.ones((3, 4), "f4"),
        "b": np.zeros(4, ">f8"),
        "n": np.array(3),
        "e": np.ones((0, 2)),
    }
    savez: Any = np.savez
    savez(folder / "arrays.npz", **arrays, text=np.array(["a", "bcd"]))
    compressed: Any = np.savez_compressed
    compressed(folder / "compressed.npz", **arrays)
    savez(folder / "objects.npz", **arrays, o=np.array([{"a": 1}, None], object))
    np.save(folder / "array.npy", np.ones((2, 5), "c8", order="F"))
    np.save(folder / "fields.npy", np.zeros(3, [("a", "<f4"), ("b", "<i8", (2,))]))
    np.save(folder / "objects.npy", np.array([1, None], object), allow_pickle=True)
    joblib.dump({"weights": np.ones((20, 30)), "names": ["a", "b"]}, folder / "arrays.joblib")
    joblib.dump({"weights": np.ones((20, 30))}, folder / "compressed.joblib", compress=3)


def tensors_of(value: object, found: dict[int, Any]) -> None:
    """Collect the tensors in dicts, lists and tuples, each once."""
    if isinstance(value, torch.Tensor):
        found[id(value)] = value
    elif isinstance(value, dict):
        for one in value.values():
            tensors_of(one, found)
    elif isinstance(value, list | tuple | set):
        for one in value:
            tensors_of(one, found)


def attributes_of(script: Any, found: dict[int, Any]) -> None:
    """Collect parameters, buffers and other tensors of a script's modules, of which some share nothing.

    Every access makes another object of Python, so that they are told apart by module and name.
    """
    for module in script.modules():
        listed = module._c.dump_to_str(False, True, True)
        for name in set(re.findall(r"(?m)^\s*(\w+) = ", listed)):
            if module._c.hasattr(name) and isinstance(module._c.getattr(name), torch.Tensor):
                found[len(found)] = module._c.getattr(name)


def answer(path: Path) -> dict[str, Any] | None:
    """What the library finds; None if it does not say."""
    if path.suffix in {".npz", ".npy"}:
        loaded = np.load(path, allow_pickle=path.name.startswith("objects"))
        arrays = list(loaded.values()) if path.suffix == ".npz" else [loaded]
        dtypes = Counter(array.dtype.str for array in arrays)
        return counted(len(arrays), sum(array.size for array in arrays), dtypes)
    if path.suffix == ".joblib":
        return None
    found: dict[int, Any] = {}
    if path.suffix == ".jit" or path.name == "script.pt":
        attributes_of(torch.jit.load(path, map_location="cpu"), found)
    elif path.name in {"whole_model.pt", "protocol_4.pt"}:  # written above
        loaded = torch.load(path, map_location="cpu", weights_only=False)
        is_model = isinstance(loaded, torch.nn.Module)
        tensors_of(dict(loaded.state_dict() if is_model else loaded), found)
    else:
        with torch.serialization.safe_globals(NUMPY if path.name == "checkpoint.pt" else []):
            tensors_of(torch.load(path, map_location="cpu", weights_only=True), found)
    dtypes = Counter(str(one.dtype).removeprefix("torch.") for one in found.values())
    return counted(len(found), sum(one.numel() for one in found.values()), dtypes)


def counted(tensors: int, parameters: int, dtypes: Counter[str]) -> dict[str, Any]:
    """An answer."""
    return {
        "tensors": tensors,
        "parameters": int(parameters),
        "dtypes": dict(sorted(dtypes.items())),
    }


if sys.argv[1] == "write":
    write(Path(sys.argv[2]))
else:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(Path(line.rstrip("\n")))) + "\n")
