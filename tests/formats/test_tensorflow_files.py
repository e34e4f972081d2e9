"""TensorFlow's files: a graph that calls Python is code, and no table or offset leads anywhere unbounded."""

from __future__ import annotations

import itertools
import json
import struct
import time
from typing import TYPE_CHECKING

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import Description
from tests.formats.test_recorded_model_files import MADE
from tests.recorders.model_files import unpacked
from tests.support.formats import pread
from tests.support.wire import field, varint

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"


def describe(name: str, data: bytes) -> Description:
    started = time.process_time()

    found = describe_file(name, pread(data), len(data))

    assert time.process_time() - started < 5
    return found


def saved_model(*graphs: bytes, version: int = 1) -> bytes:
    return field(1, version) + b"".join(field(2, field(2, graph)) for graph in graphs)


def node(operator: str) -> bytes:
    return field(1, "n") + field(2, operator)


def library(*operators: str) -> bytes:
    nodes = b"".join(field(3, node(operator)) for operator in operators)
    return field(2, field(1, field(1, field(1, "f")) + nodes))


@pytest.mark.parametrize(
    ("graph", "code"),
    [
        (field(1, node("MatMul")), "unknown"),
        (field(1, node("PyFunc")), "yes"),
        (field(1, node("MatMul")) + library("EagerPyFunc"), "yes"),
        (library("PyFuncStateless") + field(1, node("MatMul")), "yes"),
        (field(1, field(1, "PyFunc") + field(2, "MatMul")), "unknown"),
        (field(1, node("MatMul")) * 300_000, "unknown"),
    ],
    ids=["plain", "node", "function", "before", "name", "too many"],
)
def test_a_graph_that_calls_python_is_code(graph: bytes, code: str) -> None:
    found = describe("saved_model.pb", saved_model(graph))

    assert (found.type, found.tensors, found.code) == ("savedmodel", None, code)


def test_every_graph_is_looked_at() -> None:
    data = saved_model(field(1, node("MatMul")), field(1, node("PyFunc")))

    assert describe("saved_model.pb", data).code == "yes"


@pytest.mark.parametrize("data", [b"", field(1, 1), saved_model(b"", version=2), b"\xff" * 100])
def test_what_is_no_saved_model_is_of_an_unknown_format(data: bytes) -> None:
    assert describe("saved_model.pb", data) == Description()


def block(entries: Sequence[tuple[bytes, bytes]], *, compression: int = 0) -> bytes:
    body = b"".join(
        varint(0) + varint(len(name)) + varint(len(value)) + name + value for name, value in entries
    )
    return body + struct.pack("<II", 0, 1) + bytes([compression]) + bytes(4)


def table(entries: Sequence[tuple[bytes, bytes]], *, handles: Sequence[bytes] = ()) -> bytes:
    """A table of one block, or with these places of its blocks."""
    data = block(entries)
    place = varint(0) + varint(len(data) - 5)
    index = block([(b"z%d" % at, handle) for at, handle in enumerate(handles or [place])])
    footer = varint(len(data)) + varint(0) + varint(len(data)) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + MAGIC


def variable(data_type: int, *shape: int) -> bytes:
    return field(1, data_type) + field(2, b"".join(field(2, field(1, size)) for size in shape))


HEADER = (b"", field(1, 1))


def test_variables_are_counted_and_strings_are_not() -> None:
    entries = [HEADER, (b"_OBJECTS", variable(7)), (b"a", variable(1, 3, 4)), (b"b", variable(9))]

    assert describe("variables.index", table(entries)) == Description(
        "tensorflow-checkpoint", 2, 13, {"DT_FLOAT": 1, "DT_INT64": 1}, code="none"
    )


@pytest.mark.parametrize(
    "data",
    [
        table([(b"a", variable(1, 3))]),
        table([HEADER, (b"a", variable(1, -1))]),
        table([HEADER, (b"a", variable(1, 1 << 40, 1 << 40))]),
        table([HEADER], handles=[varint(0) + varint(1 << 62)]),
        table([HEADER], handles=[varint(1 << 62) + varint(16)]),
        table([HEADER], handles=[varint(0) + varint(len(block([HEADER])) - 5)] * 1000),
        table([HEADER]).replace(MAGIC, bytes(8)),
        bytes(40) + MAGIC,
        b"\xff" * 40 + MAGIC,
    ],
    ids=itertools.count(),
)
def test_a_table_that_contradicts_itself_is_of_an_unknown_format(data: bytes) -> None:
    assert describe("variables.index", data) == Description()


TFLITE = unpacked(MADE["tensorflow/none-float.tflite"]["files"])["none-float.tflite"]


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0TFL3",
        struct.pack("<I", 0xFFFFFFFF) + b"TFL3" + bytes(100),
        struct.pack("<I", 8) + b"TFL3" + struct.pack("<i", -8) * 30,
        struct.pack("<I", 8) + b"TFL3" + struct.pack("<i", 0) * 30,
        TFLITE[:200],
    ],
    ids=itertools.count(),
)
def test_offsets_that_lead_nowhere_are_of_an_unknown_format(data: bytes) -> None:
    assert describe("m.tflite", data).tensors in {None, 0}
    assert describe("m.tflite", data).code in {"none", "unknown"}


def test_a_vector_that_claims_more_than_the_bound_is_not_counted() -> None:
    """A root whose vector of buffers has 2^30 elements, in a file that is as long."""
    root = struct.pack("<HHHHHHH", 14, 8, 0, 0, 0, 0, 4)  # names of fields: only the buffers, at 4
    head = struct.pack("<I", 24) + b"TFL3" + root.ljust(16, b"\0")
    head += struct.pack("<iI", 16, 4) + struct.pack("<I", 1 << 30)
    size = len(head) + (4 << 30)

    def read(offset: int, count: int) -> bytes:
        return (
            (head + bytes(count))[offset : offset + count] if offset < len(head) else bytes(count)
        )

    assert describe_file("m.tflite", read, size).tensors is None


def tfjs(weights: object) -> bytes:
    root = {"modelTopology": {}, "weightsManifest": [{"paths": ["a.bin"], "weights": weights}]}
    return json.dumps(root).encode()


def test_weights_of_a_manifest_are_counted() -> None:
    weights = [{"name": "a", "shape": [2, 3], "dtype": "float32"}, {"shape": [], "dtype": "int32"}]

    assert describe("model.json", tfjs(weights)) == Description(
        "tfjs", 2, 7, {"float32": 1, "int32": 1}, code="unknown"
    )


@pytest.mark.parametrize(
    "data",
    [
        tfjs(7),
        tfjs([{"shape": 3, "dtype": "float32"}]),
        tfjs([{"shape": [-1], "dtype": "float32"}]),
        tfjs([{"shape": [True], "dtype": "float32"}]),
        b'{"weightsManifest"',
        b'{"weightsManifest": ' + b"[" * 100_000,
        b'{"weightsManifest": []' + b" " * (9 << 20) + b"}",
        b"{}",
    ],
    ids=itertools.count(),
)
def test_what_is_no_manifest_is_of_an_unknown_format(data: bytes) -> None:
    assert describe("model.json", data) == Description()
