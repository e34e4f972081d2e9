"""ONNX: the initializers of the main graph are counted, and an operator from elsewhere is code."""

from __future__ import annotations

import itertools

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import Description
from tests.support.formats import pread
from tests.support.wire import field, varint

CUSTOM = "com.example"


def describe(data: bytes) -> Description:
    return describe_file("m.onnx", pread(data), len(data))


def initializer(name: str, shape: list[int], data_type: int, raw: bytes = b"") -> bytes:
    dims = b"".join(field(1, size) for size in shape)
    return dims + field(2, data_type) + field(8, name) + field(9, raw)


def node(operator: str, domain: str = "", *graphs: bytes) -> bytes:
    attributes = b"".join(field(5, field(1, "body") + field(6, graph)) for graph in graphs)
    return field(1, "x") + field(2, "y") + field(4, operator) + attributes + field(7, domain)


def graph(*nodes: bytes, tensors: tuple[bytes, ...] = ()) -> bytes:
    return b"".join(field(1, one) for one in nodes) + b"".join(field(5, one) for one in tensors)


def model(*parts: bytes) -> bytes:
    return field(1, 8) + field(2, "pytest") + b"".join(parts) + field(8, field(2, 17))


def function(domain: str, name: str, *nodes: bytes) -> bytes:
    inside = b"".join(field(7, one) for one in nodes)
    return field(25, field(1, name) + inside + field(10, domain))


def test_initializers_are_counted_and_their_bytes_are_not_read() -> None:
    tensors = (
        initializer("w", [3, 1000, 1000], 1, bytes(12_000_000)),
        initializer("b", [7], 7, bytes(56)),
        initializer("s", [], 10, bytes(2)),
    )
    data = model(field(7, graph(node("Gemm"), tensors=tensors)))
    read: list[int] = []

    def counting(offset: int, count: int) -> bytes:
        read.append(count)
        return data[offset : offset + count]

    found = describe_file("m.onnx", counting, len(data))

    assert found == Description(
        "onnx", 3, 3_000_008, {"FLOAT": 1, "INT64": 1, "FLOAT16": 1}, code="none"
    )
    assert sum(read) < 10_000


def test_dimensions_may_be_packed() -> None:
    packed = field(1, varint(5) + varint(300)) + field(2, 1)

    assert describe(model(field(7, graph(tensors=(packed,))))).parameters == 1500


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((field(7, graph(node("Gemm"), node("Scaler", "ai.onnx.ml"))),), "none"),
        ((field(7, graph(node("Gelu", "com.microsoft"))),), "yes"),
        ((field(7, graph(node("If", "", graph(node("Evil", CUSTOM))))),), "yes"),
        ((field(7, graph(node("Mine", CUSTOM))), function(CUSTOM, "Mine", node("Add"))), "none"),
        ((field(7, graph(node("Other", CUSTOM))), function(CUSTOM, "Mine", node("Add"))), "yes"),
        ((field(7, graph()), function(CUSTOM, "Mine", node("Evil", "elsewhere"))), "yes"),
        ((field(7, graph()), field(20, field(2, graph(node("Evil", CUSTOM))))), "yes"),
        ((field(7, graph()), field(7, graph(node("Evil", CUSTOM)))), "yes"),
    ],
    ids=["standard", "vendor", "subgraph", "function", "other", "inside", "training", "twice"],
)
def test_an_operator_that_neither_onnx_nor_the_file_defines_is_code(
    parts: tuple[bytes, ...], code: str
) -> None:
    assert describe(model(*parts)).code == code


def test_graphs_in_graphs_without_end_are_unknown() -> None:
    inner = graph(node("Add"))
    for _ in range(200):
        inner = graph(node("If", "", inner))

    assert describe(model(field(7, inner))) == Description("onnx", code="unknown")


@pytest.mark.parametrize(
    "data",
    [
        field(1, 8),
        field(7, graph(node("Add"))),
        model(field(7, graph(node("Add"))))[:-3],
        model(field(7, graph(tensors=(initializer("w", [-1], 1),)))),
        model(field(7, graph(tensors=(initializer("w", [1 << 62] * 3, 1),)))),
        model(field(7, b"\x0a\xff\xff\xff\xff\x0f")),
    ],
    ids=itertools.count(),
)
def test_what_is_no_model_is_of_an_unknown_format(data: bytes) -> None:
    assert describe(data) == Description()


def test_reading_ends_at_the_bound() -> None:
    nodes = graph(*[node("Add")] * 20) * 10_000  # 200,000 nodes

    assert describe(model(field(7, nodes))) == Description("onnx", code="unknown")
