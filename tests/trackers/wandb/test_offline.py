"""Offline runs of W&B, from records as the SDK writes them; real files are in `test_recorded.py`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.wandb import offline, records, values
from gitmodel.trackers.wandb.offline import offline_runs, read_offline
from tests.support.wire import BLOCK, field, wandb_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

T = 1700000000
COMMIT = "3845cb261cce561e28ad63a646977d4bd221a48e"


def items(number: int, by_name: Mapping[str, object]) -> bytes:
    """Items by name; a name with `/` is a nested key."""
    return b"".join(field(number, item(name, json.dumps(value))) for name, value in by_name.items())


def item(name: str, value: str) -> bytes:
    if "/" in name:
        return b"".join(field(2, part) for part in name.split("/")) + field(16, value)
    return field(1, name) + field(16, value)


def summary(**by_name: object) -> bytes:
    return field(3, items(1, by_name))


def config(**by_name: object) -> bytes:
    return field(5, items(1, by_name))


def history(**by_name: object) -> bytes:
    return field(2, items(1, by_name))


def run(**by_name: object) -> bytes:
    start = field(1, T) + field(2, 500_000_000)
    texts = field(1, "ab12cd34") + field(2, "team") + field(3, "fraud") + field(8, "näme")
    git = field(1, "https://example.com/a.git") + field(2, COMMIT)
    return field(17, texts + field(4, items(1, by_name)) + field(17, start) + field(21, git))


def exit_(code: int = 0, *, runtime: int = 0) -> bytes:
    return field(18, (field(1, code) if code else b"") + field(2, runtime))


def write(folder: Path, *found: bytes, run_id: str = "ab12cd34", version: int = 0) -> str:
    place = folder / f"offline-run-20260131_120000-{run_id}"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"run-{run_id}.wandb").write_bytes(wandb_file(found, version=version))
    return str(place)


def test_a_finished_run_has_everything(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        run(lr=0.1, _wandb={}),
        summary(loss=0.5, _step=0),
        summary(loss=0.25, _step=1, _timestamp=T + 9.75),
        exit_(runtime=7),
    )

    assert read_offline(folder) == RunMetadata(
        system="wandb",
        run_id="ab12cd34",
        experiment="fraud",
        name="näme",
        status="finished",
        code=COMMIT,
        metrics={"loss": 0.25},
        params={"lr": 0.1},
        started=T + 0.5,
        ended=T + 9.75,
    )


def test_a_run_file_is_named_too(tmp_path: Path) -> None:
    folder = write(tmp_path, run(), exit_())

    assert read_offline(f"{folder}/run-ab12cd34.wandb") == read_offline(folder)


def test_later_keys_win_and_removed_ones_are_gone(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        run(lr=0.1, depth={"a": 1, "b": {"c": "x"}}, gone=1),
        config(lr=0.2),
        field(5, items(1, {"depth/b/c": "y"}) + items(2, {"gone": None})),
        summary(acc={"max": 0.5}, best=1, out={"x": {"y": 1}}),
        field(3, items(1, {"acc/max": 0.75, "out/x/y": 2, "out/z": 3})),
        field(3, items(1, {"best/deep": 2}) + items(2, {"out/x": None})),
        summary(acc={"min": 0.25}),
        exit_(),
    )

    found = read_offline(folder)

    assert found.params == {"depth.a": 1, "depth.b.c": "y", "lr": 0.2}
    assert found.metrics == {"out.z": 3, "best.deep": 2, "acc.min": 0.25}


def test_only_values_are_metrics(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        run(hidden=[1, None]),
        summary(
            nan=float("nan"),
            inf=float("-inf"),
            text="é",
            flag=True,
            big=10**20,
            none=None,
            listed=[1],
            image={"_type": "image-file", "size": 3},
            _runtime=5,
        ),
        exit_(),
    )

    found = read_offline(folder)

    assert str(found.metrics) == (
        "{'nan': nan, 'inf': -inf, 'text': 'é', 'flag': True, 'big': 100000000000000000000}"
    )
    assert found.params == {"hidden": [1, None]}


@pytest.mark.parametrize(
    "value",
    ["{", "", "[" * 5000, "9" * 2000, "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")],
)
def test_json_that_does_not_parse_is_left_out(tmp_path: Path, value: str) -> None:
    folder = write(tmp_path, run(), field(3, field(1, item("bad", value))), summary(a=1), exit_())

    assert read_offline(folder).metrics == {"a": 1}


def test_values_nested_too_deeply_are_left_out(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(40):
        deep = {"a": deep}
    folder = write(tmp_path, run(), summary(deep=deep, a=1), exit_())

    assert read_offline(folder).metrics == {"a": 1}


def test_a_run_that_failed_is_failed(tmp_path: Path) -> None:
    assert read_offline(write(tmp_path, run(), exit_(3))).status == "failed"
    assert read_offline(write(tmp_path, run(), exit_(-9))).status == "failed"


def test_a_run_without_exit_goes_on_or_was_killed(tmp_path: Path) -> None:
    found = read_offline(write(tmp_path, run(), summary(a=1)))

    assert (found.status, found.ended) == ("running", None)
    assert found.notes == ("the run has no exit record: it goes on, or was killed",)


def test_a_run_that_is_to_be_continued_has_no_end(tmp_path: Path) -> None:
    paused = field(18, field(3, 1))

    assert read_offline(write(tmp_path, run(), paused)).status == "running"


def test_without_a_summary_the_last_logged_values_are_metrics(tmp_path: Path) -> None:
    """As SDK 0.16 leaves a run that was killed: it wrote the summary at the end."""
    folder = write(
        tmp_path, run(), summary(_runtime=1), history(a=1, b=2, _step=0), history(a=3, _step=1)
    )

    found = read_offline(folder)

    assert found.metrics == {"b": 2, "a": 3}
    assert found.notes[1] == "the run has no summary: its metrics are the last logged values"


def test_a_file_that_holds_no_run_yet_gives_its_id(tmp_path: Path) -> None:
    """As SDK 0.31 leaves a run that was killed before it had logged 32 KiB."""
    found = read_offline(write(tmp_path))

    assert (found.run_id, found.status, found.metrics) == ("ab12cd34", "unknown", {})
    assert found.notes == (
        "the file has no run yet: the run goes on, or was killed before it was written",
    )


def test_another_version_gives_the_id_only(tmp_path: Path) -> None:
    folder = write(tmp_path, run(), exit_(), version=1)

    assert read_offline(folder) == RunMetadata(
        system="wandb",
        run_id="ab12cd34",
        notes=(
            (
                f'"{folder}/run-ab12cd34.wandb" has the unknown version 1 of the format:'
                " only its id was taken"
            ),
        ),
    )


def test_a_torn_block_is_noted(tmp_path: Path) -> None:
    found = [run(), summary(a=1), summary(b="x" * BLOCK), exit_()]
    folder = write(tmp_path)
    file = tmp_path / os.path.basename(folder) / "run-ab12cd34.wandb"
    file.write_bytes(wandb_file(found)[:BLOCK])

    read = read_offline(folder)

    assert (read.metrics, read.status) == ({"a": 1}, "running")
    assert read.notes[0] == (
        f'"{file}": the last record is incomplete; the records before it were read'
    )


@pytest.mark.parametrize("raw", [b"", b":W&B", b"PK\x03\x04aaaa", b":W&B\xe1\xbf\x00"])
def test_what_is_no_run_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "run-a.wandb").write_bytes(raw)

    with pytest.raises(TrackerError, match="not a run file of W&B"):
        read_offline(str(tmp_path))


@pytest.mark.parametrize("count", [0, 2])
def test_a_folder_has_one_run_file(tmp_path: Path, count: int) -> None:
    for number in range(count):
        (tmp_path / f"run-{number}.wandb").write_bytes(wandb_file([]))

    with pytest.raises(TrackerError, match=f"has {count} run files of W&B instead of one"):
        read_offline(str(tmp_path))


def test_a_run_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, run())
    link = tmp_path / "run-x.wandb"
    link.symlink_to(f"{folder}/run-ab12cd34.wandb")

    with pytest.raises(TrackerError, match="is a symbolic link"):
        read_offline(str(link))


@pytest.mark.parametrize("limit", ["_MAX_KEYS", "_MAX_BYTES", "_MAX_PARTS"])
def test_what_exceeds_a_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    folder = write(tmp_path, run(), field(3, items(1, {"a/b": 1, "c/d": 2})))
    monkeypatch.setattr(records, limit, 1)

    with pytest.raises(TrackerError, match="has more than"):
        read_offline(folder)


def test_values_that_were_replaced_count_for_no_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_MAX_BYTES", 40)
    folder = write(tmp_path, run(), *(summary(a=f"{number:30}") for number in range(9)), exit_())

    assert read_offline(folder).metrics == {"a": f"{8:30}"}


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_MAX_BYTES", 10)

    with pytest.raises(TrackerError, match="has more than"):
        read_offline(write(tmp_path, run()))


def test_the_offline_runs_since_a_time(tmp_path: Path) -> None:
    for number, run_id in enumerate(["aa", "bb", "cc"]):
        folder = write(tmp_path, field(17, field(1, run_id)), exit_(), run_id=run_id)
        os.utime(f"{folder}/run-{run_id}.wandb", (T + number, T + number))
    (tmp_path / "run-20260131_120000-dd").mkdir()
    (tmp_path / "latest-run").symlink_to(tmp_path / "offline-run-20260131_120000-cc")
    (tmp_path / "offline-run-20260131_120000-empty").mkdir()

    assert [found.run_id for found in offline_runs(str(tmp_path), T + 1)] == ["bb", "cc"]
    assert offline_runs(str(tmp_path / "missing"), 0) == []


def test_an_offline_run_that_cannot_be_read_has_a_note(tmp_path: Path) -> None:
    folder = write(tmp_path, b"\xff")

    assert offline_runs(str(tmp_path), 0) == [
        RunMetadata(
            system="wandb",
            run_id="ab12cd34",
            notes=(
                (
                    f'"{folder}/run-ab12cd34.wandb": not a message of Protocol Buffers:'
                    " the last field is incomplete"
                ),
            ),
        )
    ]
    with pytest.raises(TrackerError):
        read_offline(folder)


def test_too_many_offline_runs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "_MAX_RUNS", 1)
    write(tmp_path, run(), run_id="aa")
    write(tmp_path, run(), run_id="bb")

    with pytest.raises(TrackerError, match="has more than 1 offline runs that new"):
        offline_runs(str(tmp_path), 0)


def test_a_name_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path, run(), summary(a={"n" * 1000: {"b": 1}}, c=1), exit_())

    assert read_offline(folder).metrics == {"c": 1}


@pytest.mark.parametrize("limit", ["values", "records"])
def test_too_many_values_or_records_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    module = {"values": values, "records": offline}[limit]
    monkeypatch.setattr(module, f"_MAX_{limit.upper()}", 1)

    with pytest.raises(TrackerError, match=f"has more than 1 {limit}"):
        read_offline(write(tmp_path, run(), summary(a={"b": 1, "c": 2})))


def test_text_that_is_not_unicode_is_left_out(tmp_path: Path) -> None:
    lone = chr(0xD800)
    given = {"value": lone, lone: 1, "listed": [lone], "a": 1}
    folder = write(tmp_path, run(), field(3, _json("summary", given)), _config(given), exit_())

    found = read_offline(folder)

    assert found.metrics == {"summary.a": 1}
    assert found.params == {"config.a": 1}


def _json(name: str, value: object) -> bytes:
    return field(1, item(name, json.dumps(value)))


def _config(value: object) -> bytes:
    return field(5, _json("config", value))


def test_a_file_name_that_is_not_unicode_is_still_an_id(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/run-a\xff.wandb"
    with open(raw, "wb") as stream:
        stream.write(wandb_file([]))

    assert read_offline(str(tmp_path)).run_id == "a?"


@pytest.mark.parametrize("depth", [10, 900, 960, 990, 1200])
def test_a_list_nested_deeply_is_taken_or_left_out(tmp_path: Path, depth: int) -> None:
    nested = field(5, field(1, item("deep", "[" * depth + "]" * depth)))

    found = read_offline(write(tmp_path, run(), nested, config(a=1), exit_()))

    assert found.params["a"] == 1
    assert ("deep" in found.params) == (depth < 900) or 900 <= depth < 1000
