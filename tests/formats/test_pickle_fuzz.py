"""Random and mutated pickles: the walk agrees with CPython's unpicklers, and with itself.

With GITMODEL_TESTS_LONG=1 tens of thousands are made, otherwise some; GITMODEL_TESTS_SEED chooses others.
"""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import CODES, Description
from gitmodel.formats.header import HeaderReader, UnrecognizedFormatError
from gitmodel.formats.pickle_scan import allow_list
from gitmodel.formats.pickle_scan.findings import Findings
from gitmodel.formats.pickle_scan.machine import Machine
from gitmodel.formats.pickle_scan.stream import PickleStream, StoredBlocks
from tests.support.formats import pread
from tests.support.hostile_pickles import CASES, name, name4, text, text2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
PICKLES = 40_000 if LONG else 2_500
FILES = 20_000 if LONG else 400
WALKER = Path(__file__).parents[1] / "support" / "walk_inert.py"
RECORDED = sorted((Path(__file__).parent / "recorded" / "torch").iterdir())


class Slow(Machine):
    """Walks each opcode by its row."""

    def _walk_usual(self) -> None:
        pass


class Found(NamedTuple):
    """What a walk finds."""

    code: str
    imports: tuple[str, ...]
    tensors: int
    parameters: int
    dtypes: dict[str, int]
    storages: dict[str, int]
    end: int


def walk(data: bytes, kind: type[Machine] = Machine) -> Found:
    """Walk one pickle as `data.pkl` is."""
    findings = Findings(persistent_ids=True)
    stream = PickleStream(StoredBlocks(HeaderReader(pread(data), len(data)), 0, len(data)))
    end = -1
    try:
        kind(stream, findings).run()
        end = stream.position
    except UnrecognizedFormatError:
        findings.refuse()
    found = findings.tensors
    counted = (found.tensors, found.parameters, found.dtypes, found.storages)
    return Found(findings.code, findings.imports, *counted, end)


def real_pickles() -> list[bytes]:
    """The pickles of PyTorch's own files."""
    found = []
    for path in RECORDED:
        if path.suffix == ".pt":
            with zipfile.ZipFile(path) as archive:
                found += [
                    archive.read(one) for one in archive.namelist() if one.endswith("data.pkl")
                ]
    return found


NAMES = (
    *sorted(allow_list.ALLOWED),
    *(("os", "system"), ("builtins", "eval"), ("collections", "OrderedDict.fromkeys"), ("torch", "load")),
)  # fmt: skip


def literal(chance: random.Random) -> bytes:
    """Push one value that is not named."""
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: b"K" + chance.randbytes(1),
        lambda: b"J" + chance.randbytes(4),
        lambda: b"M" + chance.randbytes(2),
        lambda: chance.choice((b"N", b"\x88", b"\x89", b")", b"]", b"}", b"\x8f", b"(", b"G" + bytes(8))),
        lambda: text(chance.choice(("storage", "cpu", "0", "latin1", "_metadata", "f8", "os", "b"))),
        lambda: text2(chance.choice(("storage", "cpu", "system", "torch", "<", "__reduce__"))),
        lambda: b"U\x02os",
        lambda: b"I%d\n" % chance.randrange(-9, 99),
        lambda: b"Vcollections\n",
        lambda: b"C\x01b",
        lambda: b"\x8a\x01\x07",
    )  # fmt: skip
    return chance.choice(choices)()


def operation(chance: random.Random) -> bytes:
    """An opcode that works on what is there."""
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: literal(chance),
        lambda: chance.choice((name, name4))(*chance.choice(NAMES)),
        lambda: name("collections", "OrderedDict") + b")R",
        lambda: b"R",
        lambda: b")R",
        lambda: chance.choice((b"\x85", b"\x86", b"\x87", b"t", b"l", b"d")),
        lambda: chance.choice((b"a", b"e", b"s", b"u", b"\x90", b"b")),
        lambda: chance.choice((b"0", b"1", b"2", b"Q", b"\x93", b"\x94")),
        lambda: chance.choice((b"q", b"h")) + bytes([chance.randrange(6)]),
        lambda: chance.choice((b"o", b"\x81", b"\x92", b"\x82\x01", b"\x98")),
    )
    return chance.choice(choices)()


def made(chance: random.Random) -> bytes:
    """A pickle of random opcodes, most of which find what they need."""
    out = bytearray(b"\x80" + bytes([chance.choice((2, 2, 4, 4, 3, 5, 0))]))
    for _ in range(chance.randrange(1, 14)):
        out += literal(chance) if chance.random() < 0.4 else operation(chance)
    return bytes(out) + b"."


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The same with some bytes, opcodes or parts changed."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(out))
        way = chance.randrange(5)
        if way == 0:
            out[at] = chance.randrange(256)
        elif way == 1:
            out[at] ^= 1 << chance.randrange(8)
        elif way == 2:
            out[at:at] = operation(chance)
        elif way == 3:
            del out[at : at + chance.choice((1, 2, 5, 40))]
        else:
            begin = chance.randrange(len(out))
            out[at:at] = out[begin : begin + chance.randrange(60)]
        if not out:
            return data
    return bytes(out)


def pickles() -> list[bytes]:
    """Random ones, and mutated real and hostile ones."""
    chance = random.Random(SEED)  # noqa: S311 - the same each time
    real = real_pickles()
    hostile = [case.data for case in CASES if len(case.data) < 10_000]
    found = [*real, *hostile]
    while len(found) < PICKLES:
        way = chance.randrange(4)
        if way == 0:
            found.append(made(chance))
        else:
            found.append(mutated(chance, chance.choice(real if way < 3 else hostile)))
    return found


def asked_for(listed: Sequence[bytes]) -> list[list[list[str]]]:
    """The names that CPython's unpicklers ask for, which are given nothing but stand-ins."""
    lines = "".join(f"{one.hex()}\n" for one in listed)
    done = subprocess.run(
        [sys.executable, WALKER], input=lines, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_listed_names_nothing_else_to_an_unpickler() -> None:
    """And the walk finds the same with and without its fast ways."""
    listed = []
    for data in pickles():
        found = walk(data)
        assert found == walk(data, Slow)
        if found.code == "listed":
            listed.append(data[: found.end])
    answers = asked_for(listed)

    assert len(answers) == len(listed) > PICKLES // 50
    assert sum(map(bool, answers)) > PICKLES // 100
    for data, answer in zip(listed, answers, strict=True):
        assert {tuple(one) for one in answer} <= allow_list.ALLOWED, data


def test_mutated_files_give_a_description() -> None:
    chance = random.Random(SEED)  # noqa: S311 - the same each time
    files = [(path.name, path.read_bytes()) for path in RECORDED]
    for _ in range(FILES):
        file, data = chance.choice(files)
        changed = mutated(chance, data)
        found = describe_file(file, pread(changed), len(changed))

        assert isinstance(found, Description)
        assert found.code in CODES


def test_a_payload_is_skipped_without_reading_it() -> None:
    """Ten thousand arrays of 100 kB, a gigabyte, of which less than 2 % are read."""
    payload = 100_000
    unit = b"B" + struct.pack("<I", payload) + bytes(payload) + b"0"
    size = 2 + 10_000 * len(unit) + 2
    taken = 0

    def read(offset: int, count: int) -> bytes:
        nonlocal taken
        taken += count
        if offset + count > size - 2:
            return (unit + b"N.")[-(size - offset) :][:count]
        if offset < 2:
            return (b"\x80\x03" + unit)[offset : offset + count]
        begin = (offset - 2) % len(unit)
        return (unit + unit)[begin : begin + count]

    found = describe_file("m.pkl", read, size)

    assert (found.type, found.code) == ("pickle", "listed")
    assert taken < size // 50


def test_a_pickle_of_too_many_opcodes_is_unknown() -> None:
    data = b"\x80\x02N" + b"2" * 550_000 + b"."

    assert describe_file("m.pkl", pread(data), len(data)).code == "unknown"


def test_nothing_is_unpickled() -> None:
    """Python's audit events tell: no name is looked up, nothing is imported, run or opened."""
    program = """
import sys
from gitmodel.formats.describe import describe_file
from tests.formats.test_pickle_fuzz import RECORDED
from tests.support.formats import pread
from tests.support.hostile_pickles import CASES
from tests.support.hostile_zips import ZIPS
files = [(path.name, path.read_bytes()) for path in RECORDED]
hostile = [("m.pt", case.data) for case in (*CASES, *ZIPS)]
for name, data in files:
    describe_file(name, pread(data), len(data))
"".encode("unicode_escape")  # escapes names for output: Python imports the codec
seen = set()
sys.addaudithook(lambda event, arguments: seen.add(event))
for name, data in (*files, *hostile):
    describe_file(name, pread(data), len(data))
found = seen - {"compile"}  # the fields of an array's type are parsed, and not run
sys.exit(f"seen: {found}" if found else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_value_that_is_replaced_between_two_opcodes_is_seen() -> None:
    """The place of a tensor's name in the memo is that of the function which makes its hooks."""
    names = (
        name("collections", "OrderedDict")
        + b"q\x00"
        + name("torch._utils", "_rebuild_tensor_v2")
        + b"q\x01"
    )
    start = names + text2("storage") + b"q\x02" + name("torch", "FloatStorage") + b"q\x030000"
    tensor = (
        b"h\x01((h\x02h\x03"
        + text2("0")
        + b"q%c"
        + text2("cpu")
        + b"q\x05K\x02tq\x06QK\x00K\x02\x85q\x07K\x01\x85q\x08\x89h\x00)Rq\x09tq\x0aRq\x0b."
    )
    usual = b"\x80\x02" + start + tensor % 4 + bytes(16)
    replaced = b"\x80\x02" + start + tensor % 0 + bytes(16)

    assert walk(usual) == walk(usual, Slow)
    assert walk(usual).code == "listed"
    assert walk(replaced) == walk(replaced, Slow)
    assert walk(replaced).code == "yes"
