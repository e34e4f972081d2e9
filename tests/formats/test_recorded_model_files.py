"""Gitmodel says of a model what the library of its format says, and nothing of a damaged one raises an error.

`tests/recorders/model_files_*.py` wrote the models and the libraries' answers. With GITMODEL_TESTS_LONG=1 all
published models of the tests' cache are compared, otherwise the smaller ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.formats.block_reader import MAX_READ
from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import CODES, Description
from gitmodel.formats.folder import FileOfFolder, describe_folder
from tests.recorders.model_files import describe, differences, unpacked
from tests.support.formats import pread
from tests.support.more_models import MORE_MODELS
from tests.support.real_models import REAL_MODELS, fetch_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
RECORDS = {
    path.stem.removeprefix("model_files_"): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(HERE.glob("recorded/model_files_*.json"))
}
MADE = {
    f"{kind}/{name}": one
    for kind, record in RECORDS.items()
    for name, one in record["made"].items()
}
REAL = {digest: one for record in RECORDS.values() for digest, one in record["real"].items()}
# Of published models, all versions: those that are small, and those of other formats too.
SMALL = ("silero-vad", "rapidocr", "basic-pitch")
FILES = {
    name: next(iter(one["files"].items())) for name, one in MADE.items() if len(one["files"]) == 1
}


def described(files: Mapping[str, bytes]) -> Description:
    if len(files) == 1:
        name, data = next(iter(files.items()))
        return describe_file(name, pread(data), len(data))
    return describe_folder(
        [FileOfFolder(name, len(data), pread(data)) for name, data in files.items()]
    )


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_model_is_what_its_library_says(name: str) -> None:
    one = MADE[name]

    found = described(unpacked(one["files"]))

    assert differences(name.partition("/")[2], one["answer"], found) == []


def test_published_models_are_what_their_libraries_say() -> None:
    entries = [entry for entry in REAL_MODELS if LONG or entry.name in SMALL]
    entries += MORE_MODELS if LONG else ()
    cache = fetch_entries(entries)
    paths = {
        cache / entry.name / entry.version / path: REAL[digest]["answer"]
        for entry in entries
        for path, digest in entry.files.items()
        if digest in REAL
    }

    wrong = {str(path): differences("", answer, describe(path)) for path, answer in paths.items()}

    compared = {digest for entry in entries for digest in entry.files.values()} & REAL.keys()
    assert compared == REAL.keys() if LONG else len(compared) >= 8
    assert {name: problems for name, problems in wrong.items() if problems} == {}


@given(name=st.sampled_from(sorted(FILES)), draw=st.data())
def test_of_a_damaged_file_there_is_a_description_within_the_bounds(
    name: str, draw: st.DataObject
) -> None:
    path, packed = FILES[name]
    data = bytearray(unpacked({path: packed})[path])
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=5))
    whole = bytes(
        data[: draw.draw(st.integers(0, len(data)))] if draw.draw(st.booleans()) else data
    )
    read: list[int] = []

    def counting(offset: int, count: int) -> bytes:
        assert offset >= 0
        assert 0 <= count <= 16 << 20
        read.append(count)
        return whole[offset : offset + count]

    found = describe_file(path, counting, len(whole))

    assert found.code in CODES
    assert sum(read) <= 3 * MAX_READ


AUDIT = """
import json, sys
from tests.formats.test_recorded_model_files import MADE, described
from tests.recorders.model_files import unpacked

events = []
listening = False
# `open` is left to imports of gitmodel's own modules, which the first pass does.
WATCHED = ("import", "exec", "compile", "open", "marshal.", "pickle.", "subprocess.", "os.", "ctypes.", "code.", "socket.")

def hook(event, arguments):
    if listening and event.startswith(WATCHED):
        events.append([event, repr(arguments)[:200]])

sys.addaudithook(hook)
models = [unpacked(one["files"]) for one in MADE.values()]
before = set(sys.modules)
for model in models:
    described(model)
imported = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
listening = True
for model in models:
    described(model)
found = list(events)
compile("1", "the hook is there", "eval")
assert len(events) == len(found) + 1
listening = False
print(json.dumps([imported, found]))
"""


def test_a_description_imports_runs_and_unpickles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AUDIT],
        check=True,
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), *sys.path])},
    )
    imported, events = json.loads(done.stdout)

    assert events == []
    assert set(imported) <= sys.stdlib_module_names | {"gitmodel", "yaml"}
