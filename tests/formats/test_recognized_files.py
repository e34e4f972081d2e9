"""Formats that are recognized and not read: their type is told, and nothing is said of their code."""

from __future__ import annotations

import itertools

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import Description
from tests.support.formats import pread, zip_file
from tests.support.wire import field

COREML = field(1, 7) + field(2, b"interface")


def describe(name: str, data: bytes) -> Description:
    return describe_file(name, pread(data), len(data))


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("m.cbm", b"CBM1" + bytes(100), Description("catboost")),
        ("m.mlmodel", COREML + field(500, b"network"), Description("coreml")),
        ("m.mlmodel", COREML + field(555, b"custom"), Description("coreml", code="yes")),
        ("m.mlmodel", COREML, Description()),
        (
            "m.zip",
            zip_file({"TrainingInfo/Version.txt": b"2.0", "TransformerChain/Model.key": b"x"}),
            Description("mlnet"),
        ),
        (
            "m.zip",
            zip_file({"TrainingInfo\\Version.txt": b"2.0", "TransformerChain\\Model.key": b"x"}),
            Description("mlnet"),
        ),
        ("m.zip", zip_file({"a.txt": b"text"}), Description()),
        ("landmarks.dat", b"\x01\x01\x02\x80" * 100, Description()),
    ],
    ids=["catboost", "coreml", "custom", "no coreml", "mlnet", "backslash", "zip", "dlib"],
)
def test_only_the_type_is_told(name: str, data: bytes, expected: Description) -> None:
    assert describe(name, data) == expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m.json", b'{"learner":{"a":1},"version":[3,0]}'),
        ("m.json", b'{"learner":{"a":1}}'),
        ("m.json", b'{"other":{},"version":[3,0,0]}'),
        ("m.json", b'{"learner":{"' + b" " * 200_000 + b'","version":[1,2,x]}'),
        ("m.ubj", b"{L\0\0\0\0\0\0\0\7learner{L\0\0\0\0\0\0\0\5"),
        ("m.txt", b"tree\nversion=v4 is a text about trees"),
        ("m.txt", b"tree"),
    ],
    ids=itertools.count(),
)
def test_what_only_looks_like_trees_is_of_an_unknown_format(name: str, data: bytes) -> None:
    assert describe(name, data) == Description()
