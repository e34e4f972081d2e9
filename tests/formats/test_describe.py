"""A file is described from reading alone, and whatever its bytes, nothing but a description comes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import CODES, Description
from tests.support.formats import gguf_file, pread, pread_only, safetensors_file


def test_safetensors_are_counted_and_hold_no_code() -> None:
    data = safetensors_file({"a": bytes(8), "b": bytes(12)}, dtype="F32", metadata={"format": "pt"})

    assert describe_file("m.safetensors", pread(data), len(data)) == Description(
        "safetensors", 2, 5, {"F32": 2}, code="none"
    )


def test_a_format_is_told_by_the_bytes_not_by_the_name() -> None:
    data = safetensors_file({"a": bytes(8)}, dtype="F32")

    assert describe_file("weights", pread(data), len(data)).type == "safetensors"


@pytest.mark.parametrize("data", [b"", b"x", b"no weights at all", bytes(100)])
def test_code_of_an_unknown_format_is_unknown(data: bytes) -> None:
    assert describe_file("m.xyz", pread(data), len(data)) == Description()


def test_errors_of_reading_are_passed_on() -> None:
    data = gguf_file({"a": bytes(400)})

    with pytest.raises(LookupError):
        describe_file("m.gguf", pread_only(data, [(0, 32)]), len(data))


@settings(max_examples=300, deadline=None)
@given(
    start=st.sampled_from([b"", b"GGUF\3\0\0\0", b"PK\3\4", b"\x80\2", b"\x93NUMPY\1\0"]),
    rest=st.binary(max_size=300),
    name=st.sampled_from(["m", "m.pt", "m.safetensors", "m.onnx", "m.npz", "m.joblib", "m.keras"]),
)
def test_any_bytes_give_a_description(start: bytes, rest: bytes, name: str) -> None:
    data = start + rest

    assert describe_file(name, pread(data), len(data)).code in CODES
