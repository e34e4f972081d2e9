"""`gitmodel diff` of pointers and weights that somebody made to mislead or to crash it."""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING

import pytest

from tests.support.formats import gguf_header, gguf_tensor, raw_safetensors, zip_file
from tests.support.models import safetensors

if TYPE_CHECKING:
    import subprocess

    from tests.support.desk import Desk

WAYS: tuple[tuple[str, ...], ...] = (
    ("--stats", "--verbose"),
    ("--md", "--tensors"),
    ("--json", "--stats"),
)
EVIL = [
    "\x1b[31mred",
    "a\nb",
    "\u202egnp.exe",
    "`code` [x](http://y) <b> | @team",
    "</details>",
    "x" * 1000,
    "%s%n{0}",
]


def told(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    done = desk.repo.gitmodel("diff", "net", *words)
    assert "Traceback" not in done.stderr
    text = done.stdout + done.stderr
    assert [one for one in text if not one.isprintable() and one != "\n"] == []
    return done


def versions(
    desk: Desk, contents: list[bytes], path: str = "net.safetensors", **options: object
) -> None:
    for content in contents:
        desk.version(content, path, **options)


def test_names_of_tensors_are_text(desk: Desk) -> None:
    versions(desk, [safetensors({n: struct.pack("<f", v) for n in EVIL}) for v in (1, 2)])

    for way in WAYS:
        told(desk, *way)
    outside = re.sub(r"`[^`\n]*`", "", told(desk, "--md", "--tensors").stdout)
    assert not [word for word in ("[x]", "<b>", "@team") if word in outside]
    assert outside.count("<details>") == outside.count("</details>")
    found = json.loads(told(desk, "--json").stdout)["tensors"]["list"]
    assert sorted(one["name"] for one in found) == sorted(EVIL)


HUGE = json.dumps({"w": {"dtype": "\x1b[2J", "shape": [10**18] * 20, "data_offsets": [0, 4]}})


@pytest.mark.parametrize(
    ("path", "contents"),
    [
        # A type that is not known, so its shape need not fit the bytes.
        ("net.safetensors", [raw_safetensors(HUGE, bytes([n] * 4)) for n in (1, 2)]),
        ("net.safetensors", [raw_safetensors('{"a":', b"1" * n) for n in (8, 9)]),
        ("net.safetensors", [b"\xff" * 7 + b"\x7f" + b"{" * n for n in (10, 20)]),
        (
            "net.gguf",
            [
                gguf_header([], [gguf_tensor("w", [2**62] * 8, 999, 0)]) + bytes([n] * 64)
                for n in (1, 2)
            ],
        ),
        ("net.gguf", [struct.pack("<4sIQQ", b"GGUF", 3, 2**60, 2**60) + b"x" * n for n in (1, 2)]),
        (
            "net.pt",
            [
                zip_file({"n/data.pkl": b"cos\nsystem\n" + b"." * n, "n/data/0": b"1"})
                for n in (1, 2)
            ],
        ),
        ("net.npz", [zip_file({"a.npy": b"\x93NUMPY\x01\0\xff\xff" + b"{" * n}) for n in (1, 99)]),
        ("net.bin", [b"", b"1"]),
    ],
    ids=["type", "json", "length", "shape", "counts", "pickle", "npy", "empty"],
)
def test_headers_that_lie_end_in_an_answer(desk: Desk, path: str, contents: list[bytes]) -> None:
    versions(desk, contents, path)

    for way in WAYS:
        assert told(desk, *way).returncode == 0


def test_numbers_that_are_none_have_no_difference(desk: Desk) -> None:
    first = [
        "nan=nan",
        "inf=inf",
        "big=1.7976931348623157e308",
        "tiny=1e-320",
        "text=good",
        "flag=true",
    ]
    second = [
        "nan=nan",
        "inf=-inf",
        "big=-1.7976931348623157e308",
        "tiny=2e-320",
        "text=bad",
        "flag=1",
    ]
    desk.version(b"1", "net.bin", metrics=first)
    desk.version(b"2", "net.bin", metrics=second)

    lines = told(desk).stdout.splitlines()
    rows = {line[9:].split()[0]: line.split()[-1] for line in lines[1:7]}
    document = json.loads(told(desk, "--json").stdout)

    assert max(map(len, lines)) < 150
    assert rows == {
        "big": "-3.595e+308",
        "flag": "1",
        "inf": "-inf",
        "nan": "same",
        "text": "bad",
        "tiny": "+1.000e-320",
    }
    assert [one["name"] for one in document["metrics"] if one["delta"] is None] == [
        *("flag", "inf", "nan", "text"),
    ]


def test_a_deprecated_version_is_compared_and_named(desk: Desk) -> None:
    versions(desk, [b"1", b"2"], "net.bin")
    desk.repo.gitmodel("deprecate", "net@1", "-m", "leaked \u202e labels")

    assert re.search(r"^note +v1 is deprecated since .*: leaked", told(desk).stdout, re.MULTILINE)
    assert "v1 is deprecated" in told(desk, "--md").stdout
    assert "leaked" in json.loads(told(desk, "--json").stdout)["a"]["deprecated"]


def test_another_format_is_said_and_not_guessed(desk: Desk) -> None:
    desk.version(safetensors({"w": bytes(400)}), "net.safetensors")
    archive = zip_file({"net/data.pkl": b".", "net/data/0": bytes(400)})
    desk.version(archive, "net.safetensors")

    words = "tensors not compared: the formats differ (safetensors and zip)"

    assert words in told(desk).stdout
