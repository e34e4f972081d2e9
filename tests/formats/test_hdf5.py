"""HDF5: whatever its addresses and counts say, reading ends, and what was not read is unknown."""

from __future__ import annotations

import itertools
import struct
import time

import pytest

from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import Description
from tests.formats.test_recorded_model_files import MADE
from tests.recorders.model_files import unpacked
from tests.support.formats import pread

HEADER = 96  # bytes of the superblock: the root's header is behind it
FLOAT32 = bytes([0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0])
TEXT = bytes([0x13, 0, 0, 0, 5, 0, 0, 0])


def superblock(root: int = HEADER, *, base: int = 0) -> bytes:
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0])
    undefined = (1 << 64) - 1
    return start + struct.pack("<6Q", base, undefined, 1 << 20, undefined, 0, root) + bytes(24)


def header(*messages: tuple[int, bytes]) -> bytes:
    """An object's header of version 1."""
    body = b""
    for kind, data in messages:
        padded = data + bytes(-len(data) % 8)
        body += struct.pack("<HHB3x", kind, len(padded), 0) + padded
    return struct.pack("<BxHII4x", 1, len(messages), 1, len(body)) + body


def dataset(shape: list[int], datatype: bytes = FLOAT32, *more: tuple[int, bytes]) -> bytes:
    space = struct.pack(f"<BBB5x{len(shape)}Q", 1, len(shape), 0, *shape)
    return header((1, space), (3, datatype), *more)


def attribute(name: bytes, value: bytes, *, end: bytes = b"\0") -> tuple[int, bytes]:
    datatype = struct.pack("<BBHI", 0x13, 0, 0, len(value))
    space = struct.pack("<BBB5x", 1, 0, 0)
    parts = [name + end, datatype, space]
    sizes = struct.pack("<BxHHH", 1, *(len(part) for part in parts))
    return 0x0C, sizes + b"".join(part + bytes(-len(part) % 8) for part in parts) + value


def describe(data: bytes) -> Description:
    data += bytes(64)
    started = time.process_time()

    found = describe_file("m.h5", pread(data), len(data))

    assert time.process_time() - started < 5
    return found


def group_file(tree: bytes) -> bytes:
    """A file whose root is a group with this node of names, at 200."""
    root = header((0x11, struct.pack("<QQ", 200, 0)))
    return (superblock() + root).ljust(200, b"\0") + tree


def test_a_dataset_is_counted() -> None:
    assert describe(superblock() + dataset([3, 4])) == Description(
        "hdf5", 1, 12, {"float32": 1}, code="none"
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (superblock() + dataset([2], TEXT), "unknown"),
        (
            superblock()
            + dataset([2], FLOAT32, (0x0B, b"\2\1" + struct.pack("<HHHH", 32015, 0, 0, 0))),
            "unknown",
        ),
        (
            superblock()
            + dataset([2], FLOAT32, (0x0B, b"\2\1" + struct.pack("<HHHI", 1, 0, 1, 4))),
            "none",
        ),
        (
            superblock() + dataset([2], FLOAT32, attribute(b"PYTABLES_FORMAT_VERSION", b"2.1")),
            "unknown",
        ),
        (superblock() + dataset([2], FLOAT32, attribute(b"TITLE", b"x")), "none"),
        (superblock() + dataset([2], FLOAT32, attribute(b"model_config", b"{")), "unknown"),
        (
            superblock()
            + dataset([2], FLOAT32, attribute(b"model_config", b'{"class_name": "Sequential"}')),
            "none",
        ),
        (
            superblock()
            + dataset(
                [2],
                FLOAT32,
                attribute(b"model_config", b'{"class_name": "Sequential"}'),
                attribute(b"model_config", b'{"class_name": "Lambda"}'),
            ),
            "yes",
        ),
        (
            superblock()
            + dataset(
                [2],
                FLOAT32,
                attribute(b"model_config", b'{"class_name": "Sequential"}'),
                attribute(b"training_config", b'{"loss": {"class_name": "mine>Loss"}}'),
            ),
            "yes",
        ),
    ],
    ids=["text", "plug-in", "deflate", "pytables", "title", "broken", "model", "twice", "training"],
)
def test_code_is_none_only_if_everything_was_read(data: bytes, code: str) -> None:
    assert describe(data).code == code


@pytest.mark.parametrize("end", [b"x", b"\0\0", b"\0 is another name\0", b""])
def test_a_name_that_hdf5_reads_in_another_way_is_unknown(end: bytes) -> None:
    config = attribute(b"model_config", b'{"class_name": "Lambda"}', end=end)

    assert describe(superblock() + dataset([2], FLOAT32, config)).code == "unknown"


@pytest.mark.parametrize(
    "tree",
    [
        b"TREE\0\1\1\0" + struct.pack("<5Q", 0, 0, 0, 200, 0),
        b"TREE\0\1\2\0" + struct.pack("<7Q", 0, 0, 0, 200, 0, 200, 0),
        b"SNOD\1\0\2\0" + struct.pack("<QQII16x", 0, HEADER, 0, 0) * 2,
    ],
    ids=["node of itself", "twice", "group of itself"],
)
def test_a_cycle_ends(tree: bytes) -> None:
    assert describe(group_file(tree)) == Description("hdf5", 0, 0, {}, code="none")


@pytest.mark.parametrize(
    "data",
    [
        superblock(),
        superblock(1 << 60),
        superblock(base=512) + dataset([3]),
        superblock() + dataset([1 << 62, 1 << 62]),
        superblock() + dataset([1 << 63]),
        superblock() + header((1, b"\1\xff" + bytes(6)), (3, FLOAT32)),
        superblock() + header((1, b"\3\0\0\0"), (3, FLOAT32)),
        superblock() + dataset([2], b"\x11"),
        superblock() + dataset([2], bytes([0x18, 0, 0, 0, 1, 0, 0, 0]) * 100),
        superblock() + struct.pack("<BxHII4x", 1, 65535, 1, (1 << 32) - 1),
        superblock() + header((0x10, struct.pack("<QQ", HEADER + 16, 1 << 62))),
        group_file(b"TREE\0\0\xff\xff" + bytes(100)),
        group_file(b"SNOD\1\0\xff\xff" + bytes(100)),
        group_file(b"NONE" + bytes(100)),
        superblock() + b"OHDR\2\xff" + b"\xff" * 60,
        b"\x89HDF\r\n\x1a\n\2\7\7\0" + bytes(100),
        b"\x89HDF\r\n\x1a\n\x09" + bytes(100),
    ],
    ids=itertools.count(),
)
def test_what_contradicts_the_format_is_of_an_unknown_format(data: bytes) -> None:
    assert describe(data) == Description()


def test_a_header_that_continues_in_itself_ends() -> None:
    root = header((0x10, struct.pack("<QQ", HEADER + 16, 24)))

    assert describe(superblock() + root) == Description("hdf5", 0, 0, {}, code="none")


def test_more_objects_than_the_bound_permits_are_not_counted() -> None:
    entries = 60_000
    names = b"SNOD\1\0" + struct.pack("<H", entries)
    objects = 240 + 8 + 40 * entries
    symbols = b"".join(
        struct.pack("<QQII16x", 0, objects + 4096 * at, 0, 0) for at in range(entries)
    )
    one = dataset([1]).ljust(4096, b"\0")
    head = group_file(names)[:240]
    head = (
        (superblock() + header((0x11, struct.pack("<QQ", 240, 0)))).ljust(240, b"\0")
        + names
        + symbols
    )

    def read(offset: int, count: int) -> bytes:
        """As of a sparse file of 245 MB."""
        if offset + count <= len(head):
            return head[offset : offset + count]
        at = (offset - objects) % 4096
        return (one * (count // 4096 + 2))[at : at + count]

    found = describe_file("m.h5", read, objects + 4096 * entries)

    assert found == Description("hdf5", code="unknown")


NEW = unpacked(MADE["tensorflow/none-new.hdf5"]["files"])["none-new.hdf5"]


def with_tree(depth: int, node: bytes) -> bytes:
    """The recorded file, whose first B-tree of links has this depth, and this node behind the file's end."""
    at = NEW.index(b"BTHD")
    root = struct.pack("<HBBQH", depth, 100, 40, len(NEW), 0)
    return NEW[: at + 12] + root + NEW[at + 12 + len(root) :] + node


def test_links_in_a_heap_are_followed() -> None:
    assert b"FRHP" in NEW
    assert b"BTLF" in NEW
    assert describe(NEW).tensors == MADE["tensorflow/none-new.hdf5"]["answer"]["tensors"]


@pytest.mark.parametrize(
    "data",
    [
        with_tree(2, b"BTIN\0\5" + struct.pack("<QBB", len(NEW), 0, 0) + bytes(500)),
        with_tree(1, b"BTIN\0\5" + struct.pack("<QB", 1 << 60, 9) + bytes(500)),
        with_tree(1, b"BTLF\0\5" + bytes(500)),
        with_tree(9, b"BTIN\0\5" + bytes(500)),
        NEW.replace(b"FRHP", b"FRHQ"),
        NEW.replace(b"BTLF", b"BTLG"),
    ],
    ids=["cycle", "outside", "level", "depth", "heap", "leaf"],
)
def test_a_heap_or_tree_that_contradicts_itself_is_of_an_unknown_format(data: bytes) -> None:
    assert describe(data) == Description()


def test_links_of_a_kind_that_is_not_read_are_not_counted() -> None:
    at = NEW.index(b"BTLF") + 6 + 4  # the first byte of the first link's place
    huge = NEW[:at] + b"\x10" + NEW[at + 1 :]

    assert describe(huge) == Description("hdf5", code="unknown")
