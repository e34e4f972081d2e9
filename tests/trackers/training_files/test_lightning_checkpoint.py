"""When a checkpoint of Lightning was saved: its name, its first bytes, and what they contradict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.errors import TrackerError
from gitmodel.trackers.training_files.lightning_checkpoint import Position, position_of, read_head
from tests.support.trainings import checkpoint_head


@pytest.mark.parametrize(
    "name",
    [
        "epoch=1-step=12.ckpt",
        "epoch=1-step=12-v3.ckpt",
        "best-epoch=1-step=12-val_loss=0.12.ckpt",
        "step=12-epoch=1.ckpt",
    ],
)
def test_the_name_says_epoch_and_step(name: str) -> None:
    assert position_of(name, b"") == Position(1, 12)


@pytest.mark.parametrize("name", ["last.ckpt", "epoch=1-step=12.ckpt", "best-epoch=1.ckpt"])
def test_the_first_bytes_say_it_for_any_name(name: str) -> None:
    assert position_of(name, checkpoint_head(1, 12)) == Position(1, 12)


@pytest.mark.parametrize(
    "name", ["last.ckpt", "epoch=1.ckpt", "step=12.ckpt", "train_epoch=1-train_step=12.ckpt"]
)
def test_nothing_is_known_without_both(name: str) -> None:
    with pytest.raises(TrackerError) as refused:
        position_of(name, b"PK\x03\x04")

    assert refused.value.message == (
        f'neither the name nor the first bytes of "{name}" say its epoch and step'
    )


@pytest.mark.parametrize(
    ("name", "where"),
    [("epoch=2-step=12.ckpt", "in epoch 1"), ("epoch=1-step=18.ckpt", "at step 12")],
)
def test_a_renamed_checkpoint_is_refused(name: str, where: str) -> None:
    with pytest.raises(TrackerError) as refused:
        position_of(name, checkpoint_head(1, 12))

    assert refused.value.message == f'"{name}" was saved {where}: its name is another\'s'


def test_names_before_1_6_count_steps_from_zero() -> None:
    assert position_of("epoch=1-step=11.ckpt", checkpoint_head(1, 12)) == Position(1, 12)


@pytest.mark.parametrize(
    ("step", "batches", "expected"),
    [
        (12, 12, Position(1, 12)),
        (12, 11, Position(1, 12, within_batch=True)),
        (12, 6, Position(1, 6)),
        (14, 6, Position(1, 7, within_batch=True)),
        (0, 0, Position(1, 0)),
    ],
)
def test_batches_count_where_each_takes_several_steps(
    step: int, batches: int, expected: Position
) -> None:
    assert position_of("a.ckpt", checkpoint_head(1, step, batches)) == expected


@pytest.mark.parametrize("batches", [1, 5])
def test_unclear_batches_are_refused(batches: int) -> None:
    with pytest.raises(TrackerError) as refused:
        position_of("a.ckpt", checkpoint_head(0, 4, batches))

    assert refused.value.message == (
        f'"a.ckpt" was saved after 4 steps in {batches} or {batches + 1} batches, so its rows in'
        " metrics.csv are not known"
    )


@given(st.binary(max_size=200), st.integers(0, 150))
def test_any_bytes_are_read_or_not(junk: bytes, at: int) -> None:
    head = checkpoint_head(1, 12, 6)

    for raw in (junk, b"PK\x03\x04" + junk, head[:at] + junk + head[at + len(junk) :]):
        found = read_head(raw)
        assert found is None or len(found) == 3
