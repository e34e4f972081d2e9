"""A file that an unpickler reads in another way than its format does is neither `none` nor `listed`."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.folder import FileOfFolder, describe_folder

if TYPE_CHECKING:
    from gitmodel.formats.description import Description

PROGRAM = b"cposix\nsystem\n(S'true'\ntR."
# Five pickles and no storage, as torch.save wrote before it used zip.
MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
LEGACY = b"".join(
    (b"\x80\x02M\xe9\x03.", b"\x80\x02}q\x00.", b"\x80\x02}q\x00.", b"\x80\x02]q\x00.")
)


def described(name: str, raw: bytes) -> Description:
    return describe_file(name, lambda offset, count: raw[offset : offset + count], len(raw))


def safetensors_of(length: int, data: bytes) -> bytes:
    """A file with a header of this length, and one tensor."""
    tensor = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    header = json.dumps({"t": tensor}).encode().ljust(length)
    assert len(header) == length
    return struct.pack("<Q", length) + header + data


def test_what_a_legacy_file_of_pytorch_does_before_its_magic_number_counts() -> None:
    sound = described("a.pt", b"\x80\x02" + MAGIC + LEGACY)
    hostile = described("a.pt", b"\x80\x02" + PROGRAM[:-1] + b"0" + MAGIC + LEGACY)

    assert (sound.type, sound.code) == ("pytorch", "listed")
    assert (hostile.type, hostile.code) == ("pytorch", "yes")
    assert "posix.system" in hostile.imports


@pytest.mark.parametrize(
    "number", [b"I0x10\n", b"I0b1\n", b"I0o7\n", b"L0x10L\n", b"I010\n", b"I 7\n"]
)
def test_integers_that_only_unpicklers_read_hide_no_program(number: bytes) -> None:
    raw = described("model.ckpt", number + b"0" + PROGRAM)

    assert raw.code not in {"none", "listed"}


@pytest.mark.parametrize(
    ("hidden", "code"),
    [
        pytest.param(b"V" + b"x" * 200_000 + b"\n0" + PROGRAM, "unknown", id="a long line"),
        pytest.param(b"I0x10\n0" + PROGRAM, "yes", id="a number in hex"),
        pytest.param(b"I1\n0" * 300_000 + PROGRAM, "unknown", id="many opcodes"),
        pytest.param(b"I010\n0" + PROGRAM, "yes", id="a number with a zero"),
        pytest.param(b"not a pickle", "none", id="nothing"),
    ],
)
def test_tensors_hide_no_pickle(hidden: bytes, code: str) -> None:
    # An unpickler reads the header as a line of text: its length begins with V, and a tensor with a line feed.
    raw = safetensors_of(ord("V") + 256, b"\n0" + hidden)

    found = described("model.safetensors", raw)

    assert (found.type, found.code) == ("safetensors", code)


@pytest.mark.parametrize("ending", ["npy", "npz", "gguf", "tflite", "cbm", "ubj", "mlmodel", "tar"])
def test_safetensors_under_the_name_of_another_format_is_not_known(ending: str) -> None:
    raw = safetensors_of(256, bytes(8))

    assert described("model.safetensors", raw).code == "none"
    assert described(f"model.{ending}", raw).code == "unknown"


def test_templates_of_a_folder_are_code_wherever_they_are() -> None:
    raw = safetensors_of(256, bytes(8))
    files = {"model.safetensors": raw, "additional_chat_templates/a.jinja": b"{{ 1 }}"}

    found = describe_folder(
        [
            FileOfFolder(path, len(text), lambda o, n, text=text: text[o : o + n])  # type: ignore[misc]
            for path, text in files.items()
        ]
    )

    assert found.code == "yes"
