"""Records models of ONNX with the real library: `python tests/recorders/model_files_onnx.py`.

Writes `tests/formats/recorded/model_files_onnx.json`. Options: see `model_files.py`.
Needs access to a package registry. Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.recorders.model_files import Answer, Library

if TYPE_CHECKING:
    import random
    from pathlib import Path

TYPES = (
    "FLOAT",
    "INT64",
    "FLOAT16",
    "DOUBLE",
    "INT8",
    "UINT8",
    "BOOL",
    "INT32",
    "BFLOAT16",
    "INT4",
)


def make(folder: Path, chance: random.Random) -> None:
    """Graphs with initializers inline and elsewhere, subgraphs, functions and operators of others."""
    import onnx  # type: ignore[import-not-found]
    from onnx import helper

    for kind in ("none-plain", "none-function", "none-subgraph", "yes-custom", "yes-inside"):
        tensors = [_tensor(f"w{number}", chance) for number in range(chance.randint(0, 9))]
        nodes = [helper.make_node("Relu", ["x"], ["y"])]
        functions = []
        if kind == "none-function":
            body = [helper.make_node("Relu", ["a"], ["b"])]
            opsets = [helper.make_opsetid("", 17)]
            functions = [helper.make_function("mine", "Relu6", ["a"], ["b"], body, opsets)]
            nodes = [helper.make_node("Relu6", ["x"], ["y"], domain="mine")]
        elif kind == "yes-custom":
            nodes = [helper.make_node("Special", ["x"], ["y"], domain="com.example")]
        elif kind in {"none-subgraph", "yes-inside"}:
            domain = "com.example" if kind == "yes-inside" else ""
            inner = [helper.make_node("Relu", ["x"], ["z"], domain=domain)]
            branch = helper.make_graph(inner, "branch", [], [_value("z")], [_tensor("v", chance)])
            nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
        graph = helper.make_graph(nodes, "main", [_value("x"), _value("c")], [_value("y")], tensors)
        opsets = [helper.make_opsetid(name, 17) for name in ("", "mine", "com.example")]
        model = helper.make_model(graph, functions=functions, opset_imports=opsets)
        if chance.random() < 0.3:
            onnx.external_data_helper.convert_model_to_external_data(
                model, location=f"{kind}.onnx_data", size_threshold=16
            )
        onnx.save(model, folder / f"{kind}.onnx")


def _value(name: str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"])


def _tensor(name: str, chance: random.Random) -> Any:
    from onnx import TensorProto, helper

    shape = [chance.randint(0, 6) for _ in range(chance.randint(0, 4))]
    kind = TensorProto.DataType.Value(chance.choice(TYPES))
    values = [chance.randint(0, 1) for _ in range(math.prod(shape))]
    return helper.make_tensor(name, kind, shape, values)


def answer(path: Path) -> Answer | None:
    """The initializers of the main graph."""
    import onnx

    if path.suffix != ".onnx":
        return None
    tensors = onnx.load(path, load_external_data=False).graph.initializer
    names = (onnx.TensorProto.DataType.Name(one.data_type) for one in tensors)
    return {
        "tensors": len(tensors),
        "parameters": sum(math.prod(one.dims) for one in tensors),
        "dtypes": dict(Counter(names)),
    }


if __name__ == "__main__":
    Library("onnx", ("onnx", "numpy"), make, answer, (".onnx",)).main()
