"""Tensors of stored files are compared exactly, as numpy does with the files whole, whatever their format.

`GITMODEL_TESTS_LONG=1` compares 2,000 pairs of files instead of 40; `GITMODEL_TESTS_SEED` chooses others.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gitmodel.project.comparing.bounded_packs import BoundedPacks
from gitmodel.project.comparing.stored_files import compare_files
from tests.support.formats import gguf_header, gguf_tensor
from tests.support.stores import store_bytes
from tests.support.torch_zip import Saved, state_dict, torch_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from tests.support.desk import Desk

    Array = np.ndarray[Any, np.dtype[Any]]
    Arrays = dict[str, Array]

PAIRS = 2000 if os.environ.get("GITMODEL_TESTS_LONG") == "1" else 40
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
# Elements of 4 bytes: some share a chunk, some have one of their own, some have several.
COUNTS = (0, 1, 7, 400, 9_000, 40_000, 66_000, 90_000)
MANY = 2_500_000
TYPES = ("<f4", "<i4")


def write_safetensors(arrays: Arrays) -> bytes:
    header, body = {}, b""
    for name, array in arrays.items():
        dtype = {"<f4": "F32", "<i4": "I32"}[array.dtype.str]
        end = len(body) + array.nbytes
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(body), end],
        }
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def read_safetensors(data: bytes) -> Arrays:
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(
            data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]],
            {"F32": "<f4", "I32": "<i4"}[entry["dtype"]],
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }


def write_gguf(arrays: Arrays) -> bytes:
    described, body = [], b""
    for name, array in arrays.items():
        kind = {"<f4": 0, "<i4": 26}[array.dtype.str]
        described.append(gguf_tensor(name, array.shape[::-1], kind, len(body)))
        body += array.tobytes()
        body += bytes(-len(body) % 32)
    header = gguf_header([], described)
    return header + bytes(-len(header) % 32) + body


def read_gguf(data: bytes) -> Arrays:
    """As the format's description says, without our reader."""
    count = struct.unpack_from("<Q", data, 8)[0]
    at, found = 24, []
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", data, at)
        name = data[at + 8 : at + 8 + length].decode()
        at += 8 + length
        (dimensions,) = struct.unpack_from("<I", data, at)
        shape = struct.unpack_from(f"<{dimensions}Q", data, at + 4)
        kind, offset = struct.unpack_from("<IQ", data, at + 4 + 8 * dimensions)
        at += 16 + 8 * dimensions
        found.append((name, shape[::-1], {0: "<f4", 26: "<i4"}[kind], offset))
    start = at + -at % 32
    return {
        name: np.frombuffer(data, dtype, int(np.prod(shape)), start + offset).reshape(shape)
        for name, shape, dtype, offset in found
    }


def write_npz(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def read_npz(data: bytes) -> Arrays:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def write_torch(arrays: Arrays) -> bytes:
    """Storages are numbered in the order of the file, so their numbers move."""
    saved, storages = [], {}
    for number, (name, array) in enumerate(arrays.items()):
        kind = {"<f4": "FloatStorage", "<i4": "IntStorage"}[array.dtype.str]
        saved.append((name, Saved(str(number), kind, array.size, array.shape)))
        storages[str(number)] = array.tobytes()
    return torch_zip(state_dict(saved), storages)


SAVED = re.compile(
    rb"X....(t[0-9]+)ctorch\._utils.*?ctorch\n(\w+)Storage\nX....([0-9]+)X.*?tQJ....\(((?:J....)*)t",
    re.DOTALL,
)


def read_torch(data: bytes) -> Arrays:
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name, kind, key, shape in SAVED.findall(archive.read("net/data.pkl")):
            dtype = {b"Float": "<f4", b"Int": "<i4"}[kind]
            sizes = [
                int.from_bytes(shape[at + 1 : at + 5], "little") for at in range(0, len(shape), 5)
            ]
            content = archive.read(f"net/data/{key.decode()}")
            found[name.decode()] = np.frombuffer(content, dtype).reshape(sizes)
    return found


FORMATS: dict[str, tuple[Callable[[Arrays], bytes], Callable[[bytes], Arrays]]] = {
    "safetensors": (write_safetensors, read_safetensors),
    "gguf": (write_gguf, read_gguf),
    "npz": (write_npz, read_npz),
    "pytorch": (write_torch, read_torch),
}


def random_arrays(chance: np.random.Generator) -> Arrays:
    arrays = {}
    for number in range(chance.integers(1, 14)):
        count = MANY if chance.random() < 0.02 else int(chance.choice(COUNTS))
        arrays[f"t{number}"] = random_array(chance, count)
    return arrays


def random_array(chance: np.random.Generator, count: int) -> Array:
    dtype = str(chance.choice(TYPES))
    array = chance.integers(0, 2**31 - 1, count, dtype="<i4").view(dtype)
    return array.reshape(2, -1) if count % 2 == 0 and chance.random() < 0.5 else array


def edited(chance: np.random.Generator, arrays: Arrays) -> Arrays:
    """Another version: elements, shapes and types change, names change, tensors come, go and move."""
    names = list(arrays)
    found: Arrays = {}
    for name in names:
        array = arrays[name]
        match chance.choice(
            ["keep", "keep", "keep", "one", "all", "type", "shape", "name", "gone"]
        ):
            case "one" if array.size:
                array = array.copy()
                bits = array.view("<u4").reshape(-1)
                bits[chance.integers(bits.size)] ^= 1
            case "all":
                array = random_array(chance, array.size)
            case "type":
                array = array.view("<i4" if array.dtype.kind == "f" else "<f4")
            case "shape":
                array = array.reshape(-1)[: array.size // 2]
            case "name":
                name = f"t{chance.integers(100, 200)}"  # noqa: PLW2901
            case "gone":
                continue
            case _:
                pass
        found[name] = array
    if chance.random() < 0.5:
        found[f"t{chance.integers(200, 300)}"] = random_array(chance, int(chance.choice(COUNTS)))
    if chance.random() < 0.3:
        found = dict(sorted(found.items(), key=lambda _: chance.random()))
    return found or {"t0": random_array(chance, 5)}


def by_numpy(old: Arrays, new: Arrays) -> dict[str, str]:
    """Every tensor of two files, with its bits compared."""
    found = {name: "removed" for name in old if name not in new}
    for name, array in new.items():
        before = old.get(name)
        if before is None:
            found[name] = "added"
        else:
            same = (before.dtype, before.shape) == (array.dtype, array.shape) and np.array_equal(
                before.reshape(-1).view("u1"), array.reshape(-1).view("u1")
            )
            found[name] = "same" if same else "changed"
    return found


@pytest.mark.parametrize("format_name", FORMATS)
def test_tensors_are_compared_as_numpy_compares_the_files(
    format_name: str, desk: Desk, tmp_path: Path
) -> None:
    write, read = FORMATS[format_name]
    told: Counter[str] = Counter()
    for seed in range(SEED, SEED + PAIRS // len(FORMATS)):
        chance = np.random.default_rng(seed)
        arrays = random_arrays(chance)
        after = edited(chance, arrays)
        if not all(any(one.nbytes for one in some.values()) for some in (arrays, after)):
            continue  # a file of safetensors without data is not recognized
        contents = write(arrays), write(after)
        truth = by_numpy(*map(read, contents))
        with desk.open() as project:
            first = store_bytes(project.cache, contents[0], tmp_path)
            second = store_bytes(project.cache, contents[1], tmp_path, [first])
            whole = BoundedPacks(project, (first, second), 0)  # all is in the cache
            [file] = compare_files(first, second, whole)
            # As if nothing were in the cache, with a limit that is often too low.
            some = BoundedPacks(project, (), int(chance.choice([0, 20_000, 1_000_000, 5_000_000])))
            [partly] = compare_files(first, second, some)

        found = {one.name: one.status for one in file.tensors or ()}
        assert found == truth, seed
        for one in partly.tensors or ():
            assert one.status in (truth[one.name], "undecided"), seed
        told.update(found.values())
        told.update(f"partly {one.status}" for one in partly.tensors or ())
    words = {"same", "changed", "added", "removed"}
    assert words | {"partly same", "partly changed"} <= told.keys()


def test_a_limit_is_kept(desk: Desk, tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    arrays = {f"t{number}": random_array(chance, 9_000) for number in range(30)}
    contents = write_safetensors(arrays), write_safetensors(edited(chance, arrays))
    with desk.open() as project:
        manifests = [store_bytes(project.cache, content, tmp_path) for content in contents]
        packs = BoundedPacks(project, (), 300_000)
        [file] = compare_files(manifests[0], manifests[1], packs)

    assert 0 <= packs.left < 300_000
    assert any(one.status == "undecided" for one in file.tensors or ())


def test_nothing_is_fetched_of_files_without_tensors(desk: Desk, tmp_path: Path) -> None:
    contents = [b"words " * 30_000 + end for end in (b"one", b"two")]
    with desk.open() as project:
        first, second = (store_bytes(project.cache, content, tmp_path) for content in contents)
        packs = BoundedPacks(project, (), 300_000)
        [file] = compare_files(first, second, packs)

    assert packs.left == 300_000
    assert (file.tensors, file.problem) == (None, None)
    assert file.chunks is not None
    assert file.chunks.only_a == file.chunks.only_b == 1
