"""No hostile archive is listed or without code, whatever its headers say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.formats.describe import describe_file
from tests.support.formats import pread
from tests.support.hostile_zips import (
    ARRAYS,
    GOOD,
    TENSOR,
    TWO_FORMATS,
    TWO_FORMATS_OLD,
    ZIPS,
    Part,
    torch,
)

if TYPE_CHECKING:
    from tests.support.hostile_pickles import Case

LOADER = Path(__file__).parents[1] / "support" / "load_hostile.py"


@pytest.mark.parametrize("case", ZIPS, ids=lambda case: case.name)
def test_a_hostile_archive_may_run_code(case: Case) -> None:
    """Under a name without an ending nobody may have looked."""
    for name in ("m.pt", "m.npz", "m"):
        found = describe_file(name, pread(case.data), len(case.data))

        unlooked = found.code == "unknown" and (case.event is None or name == "m")
        assert found.code == "yes" or unlooked


def test_the_arrays_are_hostile() -> None:
    """NumPy, in a process of its own, does what each of them is said to do."""
    lines = "".join(f"numpy {case.data.hex()}\n" for case in ARRAYS)
    done = subprocess.run(
        [sys.executable, LOADER], input=lines, capture_output=True, text=True, check=True
    )

    wrong = [
        (case.name, case.event, answer)
        for case, answer in zip(ARRAYS, done.stdout.splitlines(), strict=True)
        if (case.event not in answer.split() if case.event else answer)
    ]
    assert not wrong


def test_a_file_of_two_formats_may_run_code() -> None:
    """Safetensors to one loader, and a pickle to another."""
    found = describe_file("m.safetensors", pread(TWO_FORMATS.data), len(TWO_FORMATS.data))
    line = f"pickle {TWO_FORMATS.data.hex()}\n"
    done = subprocess.run(
        [sys.executable, LOADER], input=line, capture_output=True, text=True, check=True
    )

    assert found.code == "yes"
    assert done.stdout.split() == [TWO_FORMATS.event]


def test_a_file_that_may_be_read_as_a_pickle_may_run_code() -> None:
    data = TWO_FORMATS_OLD.data
    found = describe_file("m.safetensors", pread(data), len(data))

    assert (found.type, found.tensors, found.code) == ("safetensors", 1, "yes")


@pytest.mark.parametrize("method", [0, 8])
def test_an_archive_of_tensors_alone_is_listed(method: int) -> None:
    data = torch(Part(b"m/data/0", bytes(8)), pickle=TENSOR, method=method).data()
    found = describe_file("m.pt", pread(data), len(data))

    assert (found.type, found.tensors, found.parameters) == ("pytorch", 1, 2)
    assert (found.dtypes, found.code) == ({"float32": 1}, "listed")


def test_an_archive_with_a_descriptor_and_padding_is_listed() -> None:
    """As PyTorch writes it."""
    size = len(GOOD).to_bytes(4, "little")
    after = b"PK\x07\x08" + _checksum(GOOD) + size + size
    data = torch(flags=8, after=after, local_extra=b"FB\x04\x00ZZZZ").data()

    assert describe_file("m.pt", pread(data), len(data)).code == "listed"


def _checksum(data: bytes) -> bytes:
    import zlib

    return zlib.crc32(data).to_bytes(4, "little")
