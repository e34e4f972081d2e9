"""Push intents and the sweep flag: their format, and that damage is never taken for "nothing"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import digest_of
from gitmodel.errors import DamagedObjectError, NewerFormatError, RemoteUnreachableError, StoreError
from gitmodel.store.objects import ObjectStore
from gitmodel.store.push_intents import NO_SWEEP, SWEEP_KEY, Sweep, read_sweep, write_intent
from tests.support.stores import WrappedBackend, files_below, remote_at

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = digest_of(b"1"), digest_of(b"2")
FLAG = {"format": 1, "epoch": "2026-01-01", "manifests": [ONE.hex], "packs": [TWO.hex]}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return remote_at(tmp_path / "remote")


def flag(**changes: object) -> bytes:
    return json.dumps({**FLAG, **changes}).encode()


def test_an_intent_names_what_it_relies_on(store: ObjectStore, tmp_path: Path) -> None:
    write_intent(
        store, "5d1c", digests=[TWO, ONE], packs=["ff" * 32, "00" * 32], at="2026-01-02T03:04:05Z"
    )

    assert files_below(tmp_path / "remote") == ["gc/intents/5d1c.json"]
    assert json.loads(store.backend.read("gc/intents/5d1c.json", limit=1000)) == {
        "format": 1,
        "at": "2026-01-02T03:04:05Z",
        "manifests": sorted([ONE.hex, TWO.hex]),
        "packs": ["00" * 32, "ff" * 32],
    }


def test_writing_an_intent_again_is_fine(store: ObjectStore) -> None:
    for packs in ([], ["ff" * 32]):
        write_intent(store, "5d1c", digests=[], packs=packs, at="")

    assert json.loads(store.backend.read("gc/intents/5d1c.json", limit=1000))["packs"] == [
        "ff" * 32
    ]


def test_an_intent_that_cannot_be_written_is_an_error(store: ObjectStore) -> None:
    """A push must not go on then."""

    def refuse(_method: str, _key: str) -> None:
        raise RemoteUnreachableError("no answer")

    with pytest.raises(RemoteUnreachableError):
        write_intent(
            ObjectStore(WrappedBackend(store.backend, refuse)), "x", digests=[], packs=[], at=""
        )


def test_without_a_flag_nothing_is_doomed(store: ObjectStore) -> None:
    assert read_sweep(store) is NO_SWEEP


def test_a_flag_says_what_is_doomed(store: ObjectStore) -> None:
    store.backend.write(SWEEP_KEY, flag(later="keys are ignored"))

    assert read_sweep(store) == Sweep("2026-01-01", frozenset({ONE.hex}), frozenset({TWO.hex}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        flag()[:-1],
        b"[" * 100_000,
        flag(manifests=None),
        flag(manifests=ONE.hex),
        flag(manifests={ONE.hex: 1}),
        flag(packs=["short"]),
        flag(packs=[TWO.hex.upper()]),
        flag(packs=[1]),
        flag(packs=[None]),
        flag(format="one"),
        json.dumps({key: FLAG[key] for key in ("epoch", "manifests", "packs")}).encode(),
    ],
)
def test_a_flag_that_cannot_be_read_is_an_error_and_never_nothing(
    store: ObjectStore, raw: bytes
) -> None:
    """Taken for "nothing is doomed", it would lose weights."""
    store.backend.write(SWEEP_KEY, raw)

    with pytest.raises(DamagedObjectError) as caught:
        read_sweep(store)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("delete that object, if nobody is collecting garbage")


def test_a_flag_of_a_later_gitmodel_is_an_error(store: ObjectStore) -> None:
    store.backend.write(SWEEP_KEY, flag(format=2))

    with pytest.raises(NewerFormatError):
        read_sweep(store)


@given(st.binary(max_size=50))
def test_only_store_errors_come_out_of_garbage(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    store = remote_at(tmp_path_factory.getbasetemp() / "intents-remote")
    store.backend.write(SWEEP_KEY, raw)

    with pytest.raises(StoreError):
        read_sweep(store)
