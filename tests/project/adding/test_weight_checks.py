"""What looks like weights by its name and is something else is not registered without a word."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.errors import WeightsError
from gitmodel.formats.misnamed_files import by_head, external_files, safetensors_cut_short
from gitmodel.workflows.add import add, add_many
from gitmodel.workflows.register_changes import register_changes
from tests.support.desk import Desk, refusal
from tests.support.models import write_folder

if TYPE_CHECKING:
    from gitmodel.workflows.add import AddReport

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1000000\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>"
DENIED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>'
DVC = b"outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: clf.bin\n"
ANNEX = b"/annex/objects/SHA256E-s1048576--abc.bin\n"


def safetensors(*, cut: int = 0) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [25], "data_offsets": [0, 100]}}).encode()
    whole = struct.pack("<Q", len(header)) + header + bytes(100)
    return whole[: len(whole) - cut]


def onnx(location: str) -> bytes:
    raw = location.encode()
    return b"\x08\x08\x12\x07pytorch" + b"\x6a\x20\x0a\x08location\x12" + bytes([len(raw)]) + raw


@pytest.mark.parametrize(
    ("name", "content", "words", "hint"),
    [
        ("clf.bin", LFS, "is the text that Git LFS keeps", "git lfs pull --include clf.bin"),
        ("clf.bin", ANNEX, "is the text that git-annex keeps", "git annex get clf.bin"),
        ("clf.bin.dvc", DVC, "is a file of DVC", "dvc pull clf.bin.dvc, then register the weights: gitmodel add PATH"),
        ("clf.bin", PAGE, "is a page of a web server", "download it again: curl --fail"),
        ("clf.bin", DENIED, "is a page of a web server", "download it again: curl --fail"),
        ("clf.safetensors", safetensors(cut=1), "is cut short: it has", "write or download it again"),
        ("clf.safetensors", safetensors(cut=120), "is cut short: it has", "write or download it again"),
    ],
)  # fmt: skip
def test_what_is_certainly_no_weights_is_refused_with_what_helps(
    desk: Desk, name: str, content: bytes, words: str, hint: str
) -> None:
    message, told = refusal(WeightsError, lambda: desk.add(name, content))

    assert message.startswith(f"{name} {words}")
    assert told == hint
    assert desk.staged() == []
    write_folder({name: content, "config.json": b"{}"}, desk.repo.path / "folder")
    assert refusal(WeightsError, lambda: desk.add("folder"))[0].startswith(f"folder/{name} {words}")


def warnings(desk: Desk, name: str, content: bytes) -> str:
    return "\n".join(desk.add(name, content).warnings)


def test_what_may_be_wrong_is_registered_with_a_warning(desk: Desk) -> None:
    assert "empty.bin is empty" in warnings(desk, "empty.bin", b"")
    assert "clf.bin.part is called as an unfinished download" in warnings(
        desk, "clf.bin.part", b"half"
    )
    assert "is cut short: it has 1 bytes" in warnings(desk, "clf.safetensors", b"1")
    told = warnings(desk, "graph.onnx", onnx("clf.onnx_data"))
    assert 'graph.onnx has its weights in "clf.onnx_data", which is not part of the model' in told
    assert "copy both files into one folder" in told


def test_a_folder_with_the_external_data_of_onnx_is_fine(desk: Desk) -> None:
    def added(files: dict[str, bytes]) -> AddReport:
        write_folder(files, desk.repo.path / "clf")
        with desk.open() as project:
            return add(project, "clf")

    lacking = added({"model.onnx": onnx("model.onnx_data"), "__init__.py": b""})
    assert "model.onnx has its weights in" in lacking.warnings[0]
    assert added({"model.onnx_data": b"data"}).warnings == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.safetensors", safetensors()),
        ("b.safetensors", b"not safetensors at all, and longer than eight bytes"),
        ("c.bin", b"version https://git-lfs.github.com/spec/v1\n" + b"x" * 2000),
        ("d.html", PAGE),
        ("e.pmml", b'<?xml version="1.0"?><PMML version="4.4"></PMML>'),
        ("f.onnx", b"\x08\x08\x12\x07pytorch location"),
    ],
)
def test_other_files_are_taken_at_their_word(desk: Desk, name: str, content: bytes) -> None:
    assert warnings(desk, name, content) == ""


def test_one_such_file_among_many_stops_them_all(desk: Desk) -> None:
    desk.repo.write("a.bin", b"weights")
    desk.repo.write("b.bin", LFS)

    with desk.open() as project, pytest.raises(WeightsError, match=r"nothing was added: b\.bin"):
        add_many(project, ["a.bin", "b.bin"])
    assert desk.staged() == []


def test_a_commit_says_so_too_and_goes_on(desk: Desk) -> None:
    desk.version(b"weights")
    desk.repo.write("fraud.bin", PAGE)

    with desk.open() as project:
        notes = register_changes(project).notes

    assert any("fraud.bin is a page of a web server" in note for note in notes)


@given(st.binary(max_size=60), st.integers(0, 2**64))
def test_whatever_the_bytes_looking_ends(raw: bytes, size: int) -> None:
    by_head("x.bin", raw, size)
    safetensors_cut_short(raw, size)
    safetensors_cut_short(struct.pack("<Q", max(len(raw) - 8, 0)) + raw, size)
    external_files(raw + onnx("y")[:-1] + raw)
