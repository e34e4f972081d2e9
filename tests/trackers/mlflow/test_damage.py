"""Random damage to stores of each kind: the only errors are those of trackers, and reading ends.

With GITMODEL_TESTS_LONG=1 each kind of store is damaged for 200 seconds, otherwise a few dozen times. A failure names
its damage; GITMODEL_TESTS_SEED chooses others.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.errors import NoSuchRunError, TrackerError
from gitmodel.trackers.mlflow.open import open_store
from tests.support.scripted_server import Answer, scripted_server
from tests.trackers.mlflow.recorded_stores import answers, names, unpack
from tests.trackers.mlflow.test_sqlite import RUN, small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.trackers.mlflow.store import MlflowStore
    from gitmodel.trackers.run_metadata import RunMetadata
    from tests.trackers.mlflow.recorded_stores import Recorded

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
LONG_SECONDS = 200
LIMIT_SECONDS = 40  # more than any reader permits itself
TOKENS = (
    *(b"\n", b" ", b":", b"'", b'"', b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!x", b"- ", b"? "),
    *(
        b"%TAG",
        b"---\n",
        b"...\n",
        b"<<: ",
        b"|\n",
        b">\n",
        b"#",
        b"\\",
        b"\0",
        b"\xff",
        b"\xe2\x80",
    ),
    *(b"null", b"true", b"1e999", b"-1", b"9" * 400, b"nan", b".inf", b"\t", b"\r", b"\x85", b","),
)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0.5, 10**400, 1e308, "", "x", "NaN", "\ud800", "x" * 70_000, [], {}),
    *([[[]]], {"a": {}}, ["x"], 2**63),
)


class Damage(random.Random):
    """Random numbers of one damage."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def damages(few: int, *, seconds: int = LONG_SECONDS) -> Iterator[Damage]:
    """Random numbers for each damage."""
    end = time.monotonic() + seconds
    first = SEED * 1_000_000
    for number in itertools.count(first):
        if time.monotonic() > end if LONG else number - first >= few:
            sys.stdout.write(f"{number - first:,} damages\n")
            return
        yield Damage(number)


def damaged(data: bytes, chance: random.Random, tokens: tuple[bytes, ...] = ()) -> bytes:
    """Change a few places of some bytes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5 if tokens else 4):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                length = chance.choice((1, 4, 100, 4096))
                changed[at : at + length] = chance.randbytes(length)
            case 2:
                other = chance.randrange(len(changed) + 1)
                changed[at : at + 500] = changed[other : other + 500]
            case 3 if chance.random() < 0.1:
                del changed[at:]
            case _:
                changed[at:at] = chance.choice(tokens or (b"\0",))
    return bytes(changed)


def read_all(store: MlflowStore, ids: list[str], chance: Damage) -> None:
    """Read runs in each way; only errors of trackers are permitted, and each call ends."""
    started = time.monotonic()
    try:
        for run_id in ids:
            with contextlib.suppress(TrackerError, NoSuchRunError):
                assert well_formed(store.run(run_id))
        for experiment in (None, "fraud detection"):
            with contextlib.suppress(TrackerError):
                assert all(well_formed(run) for run in store.recent_runs(experiment, 0, 3))
        assert time.monotonic() - started < LIMIT_SECONDS
    except BaseException as error:
        error.add_note(f"damage {chance.number}")
        raise


def well_formed(run: RunMetadata) -> bool:
    """Whether every value has its type, and every text can be written as UTF-8."""
    texts: list[object] = [
        run.run_id,
        run.name,
        run.experiment,
        run.code,
        run.parent,
        run.url,
        *run.notes,
    ]
    texts += [*run.metrics, *run.params, *run.params.values()]
    texts += [text for data in run.data for text in data]
    for text in texts:
        assert text is None or (isinstance(text, str) and text.encode() is not None)
    numbers = [*run.metrics.values(), run.started or 0.0, run.ended or 0.0]
    return all(type(number) is float for number in numbers)


DATABASES = [*names("sqlite"), "small"]


@pytest.mark.parametrize("name", DATABASES)
def test_a_damaged_database(name: str, tmp_path: Path) -> None:
    if name == "small":
        small(tmp_path).close()
        ids = [RUN]
    else:
        unpack(name, tmp_path)
        ids = list(answers(tmp_path)["runs"])[:2]
    path = tmp_path / "mlflow.db"
    whole = path.read_bytes()
    store = open_store("sqlite:///mlflow.db", folder=str(tmp_path))
    assert well_formed(store.run(ids[0]))
    for chance in damages(30, seconds=LONG_SECONDS // len(DATABASES)):
        path.write_bytes(damaged(whole, chance))
        read_all(store, ids, chance)


def test_damaged_files(tmp_path: Path) -> None:
    unpack(names("files")[-1], tmp_path)
    read = answers(tmp_path)
    store = open_store("mlruns", folder=str(tmp_path))
    for chance in damages(60):
        run_id = chance.choice(list(read["runs"]))
        (folder,) = (tmp_path / "mlruns").rglob(run_id)
        near = [path for path in folder.rglob("*") if path.is_file()]
        near += [path for path in folder.parent.glob("*/*/meta.yaml") if "datasets" in path.parts]
        near += [folder / "meta.yaml", folder.parent / "meta.yaml"] * 5
        path = chance.choice(near)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, chance, TOKENS))
        read_all(store, [run_id], chance)
        path.write_bytes(whole)


def test_damaged_responses(recorded: Recorded) -> None:
    folder = recorded(names("rest")[0])
    read = answers(folder)
    responses = json.loads((folder / "responses.json").read_text("utf-8"))
    bodies = [body.encode() for status, body in responses.values() if status == 200]
    with scripted_server() as server:
        store = open_store(server.url, folder=".")
        for chance in damages(60):
            run_id = chance.choice(list(read["runs"]))
            body = chance.choice([bodies, [responses[f"runs/get?run_id={run_id}"][1].encode()]])
            one = chance.choice(body)
            if chance.random() < 0.5:
                one = damaged(one, chance, TOKENS)
            else:
                one = json.dumps(replaced(json.loads(one), chance)).encode()
            server.answers(Answer(chance.choice((200, 200, 200, 404, 500)), one))
            read_all(store, [run_id], chance)


def replaced(value: Any, chance: random.Random) -> Any:
    """Replace some values of a JSON text by others."""
    if chance.random() < 0.03:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        return {key: replaced(inner, chance) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, chance) for inner in value]
    return value
