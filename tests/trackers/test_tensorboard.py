"""Event files of TensorBoard: last values, parts of a run, and what is left out."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers import run_folder, tensorboard
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.tensorboard import read_run
from tests.support.wire import (
    event,
    event_file,
    field,
    restart,
    scalar,
    single,
    tensor_scalar,
    tfrecord,
)

if TYPE_CHECKING:
    from pathlib import Path

T = 1700000000.0


def write(folder: Path, *events: bytes, name: str = "events.out.tfevents.1.host") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(event_file(*events))
    return str(folder)


def hparams(**values: bytes) -> bytes:
    entries = [field(1, field(1, name) + field(2, value)) for name, value in values.items()]
    content = field(3, b"".join(entries))
    metadata = field(9, field(1, field(1, "hparams") + field(2, content)))
    return event(T, 0, field(1, "_hparams_/session_start_info") + metadata)


def test_a_run_is_the_last_value_of_each_tag(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "exp1",
        event(T + 1, 0, scalar("loss", 0.9), scalar("lr", 1e-3)),
        event(T + 2, 1, scalar("loss", 0.1)),
    )

    assert read_run(folder) == RunMetadata(
        system="tensorboard",
        name="exp1",
        metrics={"loss": 0.1, "lr": 0.001},
        started=T,
        ended=T + 2,
    )


def test_the_greatest_step_is_the_last_then_the_latest_time(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        event(T + 1, 7, scalar("a", 0.25)),
        event(T + 9, 3, scalar("a", 0.5)),
        event(T + 5, 2, scalar("b", 0.25)),
        event(T + 4, 2, scalar("b", 0.5)),
        event(T + 5, 2, scalar("c", 0.25)),
        event(T + 5, 2, scalar("c", 0.75)),
        event(T + 6, -1, scalar("c", 0.5)),
    )

    assert read_run(folder).metrics == {"a": 0.25, "b": 0.25, "c": 0.75}


@pytest.mark.parametrize("value", [0.9, 1e-45, 1.1754944e-38, 3.4028235e38, -0.0, 16777216.0, 0.1])
def test_a_float_of_32_bits_is_its_shortest_decimal(tmp_path: Path, value: float) -> None:
    folder = write(tmp_path, event(T, 0, scalar("a", value)))

    assert repr(read_run(folder).metrics["a"]) == repr(value)


def test_infinities_and_nan_are_kept(tmp_path: Path) -> None:
    values = {"p": math.inf, "m": -math.inf, "n": math.nan}
    folder = write(tmp_path, event(T, 0, *(scalar(tag, value) for tag, value in values.items())))

    assert str(read_run(folder).metrics) == "{'p': inf, 'm': -inf, 'n': nan}"


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (field(1, 1) + field(4, struct.pack("<f", 0.9)), 0.9),
        (field(1, 1) + single(5, 0.9), 0.9),
        (field(1, 1) + field(5, struct.pack("<f", 0.9)), 0.9),
        (field(1, 2) + field(4, struct.pack("<d", 0.1)), 0.1),
        (field(1, 2) + field(6, 0.1), 0.1),
        (field(1, 3) + field(7, -5), -5),
        (field(1, 9) + field(10, b"\x07"), 7),
        (field(1, 9) + field(4, struct.pack("<q", -7)), -7),
        (field(1, 9) + field(10, 0), 0),
        (field(1, 23) + field(4, struct.pack("<Q", 9)), 9),
    ],
)
def test_a_tensor_of_one_element_is_a_scalar(tmp_path: Path, tensor: bytes, value: float) -> None:
    folder = write(tmp_path, event(T, 0, tensor_scalar("a", tensor)))

    assert read_run(folder).metrics == {"a": value}


@pytest.mark.parametrize(
    "tensor",
    [
        field(1, 1) + field(4, bytes(8)),
        field(1, 1) + field(5, bytes(8)),
        field(1, 9) + field(10, b"\x01\x02"),
        field(1, 9) + field(10, b""),
        field(1, 7) + field(8, "text"),
        field(1, 1),
        b"",
    ],
)
def test_other_tensors_are_no_scalars(tmp_path: Path, tensor: bytes) -> None:
    folder = write(tmp_path, event(T, 0, tensor_scalar("a", tensor)))

    assert read_run(folder).metrics == {}


def test_a_tensor_is_a_scalar_if_its_tag_belongs_to_the_plugin_scalars(tmp_path: Path) -> None:
    tensors = [field(1, 1) + single(5, value) for value in (0.25, 0.5, 0.75)]
    folder = write(
        tmp_path,
        event(T, 1, tensor_scalar("a", tensors[0]), tensor_scalar("h", tensors[0], plugin=None)),
        event(T, 2, tensor_scalar("a", tensors[1], plugin=None)),
        event(T, 2, tensor_scalar("t", tensors[2], plugin="text")),
    )

    assert read_run(folder).metrics == {"a": 0.5}


def test_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, event(T, 5, scalar("a", 0.25)), name="events.out.tfevents.2.host")
    folder = write(tmp_path, event(T, 5, scalar("a", 0.5)), name="events.out.tfevents.1.host")
    (tmp_path / "notes.txt").write_text("no events")

    assert read_run(folder).metrics == {"a": 0.25}


def test_a_restart_voids_later_steps_of_earlier_files(tmp_path: Path) -> None:
    """A training that crashed at step 9 and went on from a checkpoint of step 5."""
    write(
        tmp_path,
        event(T, 4, scalar("loss", 0.5), scalar("early", 0.25)),
        event(T, 9, scalar("loss", 0.125)),
        name="events.out.tfevents.1.host",
    )
    folder = write(
        tmp_path,
        restart(T, 5),
        event(T, 6, scalar("loss", 0.375)),
        name="events.out.tfevents.2.host",
    )

    assert read_run(folder).metrics == {"loss": 0.375, "early": 0.25}


def test_a_restart_without_a_mark_is_noted(tmp_path: Path) -> None:
    write(tmp_path, event(T, 9, scalar("loss", 0.125), scalar("acc", 0.5)), name="1.tfevents")
    later = [event(T + 1, 6, scalar("loss", 0.5), scalar("acc", 0.25))]
    folder = write(tmp_path, *later, event(T + 2, 10, scalar("acc", 0.75)), name="2.tfevents")

    run = read_run(folder)

    assert run.metrics == {"loss": 0.125, "acc": 0.75}
    assert run.notes == (
        (
            "1 metrics were last written at an earlier step, as after a restart;"
            " the value of the greatest step is taken"
        ),
    )


def test_hyperparameters_come_from_the_sub_folder_of_add_hparams(tmp_path: Path) -> None:
    write(tmp_path, event(T, 3, scalar("loss", 0.5)))
    write(
        tmp_path / "1700000000.5",
        hparams(
            lr=field(2, 0.1), batch=field(2, 32.0), opt=field(3, "adam"), amp=field(4, 1), none=b""
        ),
        event(T, 0, scalar("hparam/acc", 0.75)),
    )

    run = read_run(str(tmp_path))

    assert run.params == {"lr": 0.1, "batch": 32, "opt": "adam", "amp": True, "none": None}
    assert repr(run.params["batch"]) == "32"
    assert run.metrics == {"loss": 0.5, "hparam/acc": 0.75}


def test_the_runs_of_a_search_are_not_mixed(tmp_path: Path) -> None:
    """The tuner of Keras writes a folder for each set of hyperparameters."""
    folder = write(tmp_path, event(T, 3, scalar("loss", 0.5)))
    for number in range(2):
        values = event(T, 9, scalar("loss", 0.75), scalar("acc", 0.25))
        write(tmp_path / f"run-{number}", hparams(lr=field(2, 0.1 * number)), values)

    run = read_run(folder)

    assert (run.metrics, run.params) == ({"loss": 0.5}, {})
    assert run.notes == ("2 sub-folders with event files are other runs, and were not read",)


def test_add_hparams_may_be_called_twice(tmp_path: Path) -> None:
    folder = write(tmp_path, event(T, 3, scalar("loss", 0.5)))
    write(tmp_path / "1700000000.5", hparams(lr=field(2, 0.5), depth=field(2, 3.0)))
    write(tmp_path / "1700000001.25", hparams(lr=field(2, 0.25)))

    assert read_run(folder).params == {"lr": 0.25, "depth": 3}


@pytest.mark.parametrize("limit", ["_MAX_TAGS", "_MAX_PARAMS_BYTES"])
def test_too_many_hyperparameters_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    folder = write(tmp_path, hparams(lr=field(2, 0.1), batch=field(2, 32.0)))
    monkeypatch.setattr(tensorboard, limit, 1)

    with pytest.raises(TrackerError, match="hyperparameters"):
        read_run(folder)


def test_parts_of_keras_belong_to_the_run_and_other_runs_do_not(tmp_path: Path) -> None:
    write(tmp_path / "train", event(T, 1, scalar("loss", 0.25)))
    write(tmp_path / "validation", event(T, 1, scalar("loss", 0.5)))
    write(tmp_path / "exp2", event(T, 1, scalar("loss", 0.75)))
    (tmp_path / "empty").mkdir()

    run = read_run(str(tmp_path))

    assert run.metrics == {"train/loss": 0.25, "validation/loss": 0.5}
    assert run.notes == ("1 sub-folders with event files are other runs, and were not read",)


def test_a_torn_last_record_is_noted(tmp_path: Path) -> None:
    raw = event_file(event(T, 1, scalar("a", 0.5)), event(T, 2, scalar("a", 0.25)))
    (tmp_path / "tfevents.1").write_bytes(raw[:-3])

    run = read_run(str(tmp_path))

    assert run.metrics == {"a": 0.5}
    assert run.notes == (
        '"tfevents.1": the last record is incomplete; the events before it were read',
    )


def test_a_wrong_checksum_ends_reading_and_is_noted(tmp_path: Path) -> None:
    first = event_file(event(T, 1, scalar("a", 0.5)))
    raw = bytearray(first + tfrecord(event(T, 2, scalar("a", 0.25))) * 2)
    raw[len(first) + 20] ^= 1
    (tmp_path / "tfevents.1").write_bytes(raw)

    run = read_run(str(tmp_path))

    assert run.metrics == {"a": 0.5}
    problem = f"a checksum does not match at byte {len(first)}"
    assert run.notes == (f'"tfevents.1": {problem}; the events before it were read',)


def test_long_records_are_counted_in_a_note(tmp_path: Path) -> None:
    image = b"\x22" + b"\xff\xff\x7f" + bytes((1 << 21) - 1)
    write(tmp_path, event(T, 1, scalar("a", 0.5)))
    with (tmp_path / "events.out.tfevents.1.host").open("ab") as stream:
        stream.write(framed_without_checksum(field(1, T) + field(5, field(1, image))))

    run = read_run(str(tmp_path))

    assert run.metrics == {"a": 0.5}
    assert run.notes == ("1 records of more than 1 MiB were not read; they hold no scalars",)


def framed_without_checksum(record: bytes) -> bytes:
    """A record whose checksum takes long to compute here, and is not read."""
    length = struct.pack("<Q", len(record))
    return tfrecord(length)[12:20] + tfrecord_head(length) + record + bytes(4)


def tfrecord_head(length: bytes) -> bytes:
    """The checksum of a length: that of the data of a record which is this length."""
    return tfrecord(length)[20:24]


def test_a_folder_without_event_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrackerError) as caught:
        read_run(str(tmp_path))

    assert caught.value.message == f'no event files of TensorBoard in "{tmp_path}"'
    assert caught.value.hint is None


def test_a_folder_of_many_runs_is_refused_with_a_hint(tmp_path: Path) -> None:
    write(tmp_path / "exp1", event(T, 1, scalar("loss", 0.75)))

    with pytest.raises(TrackerError) as caught:
        read_run(str(tmp_path))

    assert caught.value.hint == "name the folder of one run"


@pytest.mark.parametrize("name", ["missing", "a\0b", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(TrackerError):
        read_run(f"{tmp_path}/{name}")


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", event(T, 1, scalar("secret", 0.5)))
    run = tmp_path / "run"
    write(run, event(T, 1, scalar("a", 0.5)), name="events.out.tfevents.1")
    (run / "events.out.tfevents.2").symlink_to(f"{outside}/events.out.tfevents.1.host")
    (run / "train").symlink_to(outside)

    assert read_run(str(run)).metrics == {"a": 0.5}


def test_a_record_that_is_no_event_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, b"\xff")

    with pytest.raises(TrackerError) as caught:
        read_run(folder)

    assert caught.value.message == (
        f'"{folder}/events.out.tfevents.1.host": not a message of Protocol Buffers:'
        " the last field is incomplete"
    )


def test_another_run_beside_may_be_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, event(T, 1, scalar("a", 0.5)))
    write(tmp_path / "damaged", b"\xff")
    monkeypatch.setattr(run_folder, "MAX_ENTRIES", 3)
    for number in range(4):
        write(tmp_path / "many", name=f"tfevents.{number}")

    run = read_run(folder)

    assert run.metrics == {"a": 0.5}
    assert run.notes == ("1 sub-folders with event files are other runs, and were not read",)


def test_sub_folders_beyond_the_limit_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "_MAX_FOLDERS", 1)
    write(tmp_path / "a")
    write(tmp_path / "b")
    folder = write(tmp_path)

    assert read_run(folder).notes[-1] == "only the first 1 sub-folders were looked into"


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("_MAX_TAGS", "tags"),
        ("_MAX_TAG", "tag"),
        ("_MAX_COUNT", "events"),
        ("_MAX_FILES", "files"),
    ],
)
def test_what_exceeds_a_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, message: str
) -> None:
    write(
        tmp_path, event(T, 1, scalar("ab", 0.5)), event(T, 1, scalar("abc", 0.5)), name="1tfevents"
    )
    folder = write(tmp_path, event(T, 1, scalar("abc", 0.5)), name="2tfevents")
    monkeypatch.setattr(tensorboard, limit, 1)

    with pytest.raises(TrackerError, match=f"more than 1 .*{message}|tag of more than 1"):
        read_run(folder)
