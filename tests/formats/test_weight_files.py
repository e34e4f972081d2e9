"""Names and first bytes of weights, as the formats' own libraries write them."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import pytest

from gitmodel.formats.weight_files import HEAD_SIZE, has_head, has_name


@pytest.mark.parametrize(
    "path",
    [
        *("m.safetensors", "M.SAFETENSORS", "deep/er/m.BIN", "a.ubj", "a.cbm", "a.onnx_data"),
        *("__0_0.distcp", "model.pth.tar", "backup.tar", "m.bin.gz", "m.pt.tmp", "m.safetensors.1"),
        *("model.ckpt-1000.data-00000-of-00001", "variables.data-00001-of-00002", "m.onnx.data"),
        *("pytorch_model.bin.index", "m.gguf.part2", "a.b.c.Keras", "x.pkl.bak"),
    ],
)
def test_names_of_weights(path: str) -> None:
    assert has_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "bin",
        "bin/tool",
        "photo.jpeg",
        "data.csv.gz",
        "x.json",
        "a.tar.bz2.txt",
        "pt",
        "",
    ],
)
def test_other_names(path: str) -> None:
    assert not has_name(path)


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"x" * 100)
    return stream.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 4


@pytest.mark.parametrize(
    "content",
    [
        safetensors(),
        zipped("archive/data.pkl"),
        zipped("weights.npy"),
        b"GGUF\x03\0\0\0",
        b"\x89HDF\r\n\x1a\n" + b"\0" * 40,
        b"\x93NUMPY\x01\0",
        b"\x1c\0\0\0TFL3",
        b"CBM1" + b"\0" * 20,
        b"\x80\x02}q\x00X\x07\x00\x00\x00weights",  # a pickled dict, protocol 2
        b"\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00}",  # and protocol 4
    ],
)
def test_heads_of_weights(content: bytes) -> None:
    assert has_head(content[:HEAD_SIZE])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a": 1}\n' * 100,
        zipped("word/document.xml"),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"%PDF-1.7\n",
        b"\x7fELF" + b"\0" * 100,
        b"\0" * 600,
        b"PK",
        "ünïcödé ".encode() * 80,
    ],
)
def test_other_heads(content: bytes) -> None:
    assert not has_head(content[:HEAD_SIZE])
