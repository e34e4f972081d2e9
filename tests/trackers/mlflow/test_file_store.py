from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import NoSuchRunError, TrackerError
from gitmodel.trackers.mlflow.open import open_store
from gitmodel.trackers.run_metadata import DataVersion
from tests.trackers.mlflow.recorded_stores import answers, comparable, expected, names, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.trackers.mlflow.store import MlflowStore
    from tests.trackers.mlflow.recorded_stores import Recorded

STORES = names("files")
RUN = "0123456789abcdef0123456789abcdef"
META = f"""\
end_time: 2000
experiment_id: '1'
lifecycle_stage: active
run_id: {RUN}
run_name: one
start_time: 1000
status: 3
tags: []
"""


def opened(folder: Path) -> MlflowStore:
    return open_store("mlruns", folder=str(folder))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run in a store of one experiment."""
    folder = tmp_path / "mlruns" / "1" / RUN
    for name in ("metrics", "params", "tags"):
        (folder / name).mkdir(parents=True)
    (folder / "meta.yaml").write_text(META)
    (folder / "metrics" / "f1").write_text("1000 0.5 0\n")
    (folder.parent / "meta.yaml").write_text("name: fraud\n")
    return folder


def test_stores_of_three_releases_are_recorded() -> None:
    assert len(STORES) == 3


@pytest.mark.parametrize("name", STORES)
def test_every_run_is_as_the_client_of_mlflow_gives_it(name: str, recorded: Recorded) -> None:
    folder = recorded(name)
    read = answers(folder)
    store = opened(folder)

    for run_id in read["runs"]:
        wanted = expected(read, run_id, kind="files")
        assert comparable(store.run(run_id)) == comparable(wanted)


@pytest.mark.parametrize("name", STORES)
def test_recent_runs_are_those_that_the_client_finds(name: str, recorded: Recorded) -> None:
    folder = recorded(name)
    read = answers(folder)
    store = opened(folder)

    assert len(read["recent"]) >= 4
    for asked in read["recent"]:
        found = store.recent_runs(asked["experiment"], asked["since"], 1000)
        assert [run.run_id for run in found] == asked["ids"]


def test_a_store_is_not_written_to(tmp_path: Path) -> None:
    unpack(STORES[0], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    opened(tmp_path).recent_runs(None, 0, 10)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_unknown_run_is_named(run: Path, tmp_path: Path) -> None:
    for run_id in ("f" * 32, "metrics", "../1", ".", ""):
        with pytest.raises(NoSuchRunError, match="has no run"):
            opened(tmp_path).run(run_id)


def test_a_registered_model_is_no_run(run: Path, tmp_path: Path) -> None:
    model = tmp_path / "mlruns" / "models" / RUN.replace("0", "f")
    model.mkdir(parents=True)
    (model / "meta.yaml").write_text(META.replace("0", "f"))

    with pytest.raises(NoSuchRunError):
        opened(tmp_path).run(model.name)


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrackerError, match=r"mlruns.* cannot be read: No such file"):
        opened(tmp_path).run(RUN)
    with pytest.raises(TrackerError, match=r"mlruns.* cannot be read: No such file"):
        opened(tmp_path).recent_runs(None, 0, 10)


def test_an_experiment_is_named_by_name_or_id(run: Path, tmp_path: Path) -> None:
    store = opened(tmp_path)

    assert [found.run_id for found in store.recent_runs("fraud", 2, 10)] == [RUN]
    assert [found.run_id for found in store.recent_runs("1", 2, 10)] == [RUN]
    assert store.recent_runs("fraud", 2.001, 10) == []
    with pytest.raises(TrackerError, match='has no experiment "other"'):
        store.recent_runs("other", 0, 10)


@pytest.mark.parametrize("name", ["1e5", "12e45", "0o17", "0x1F", "007", "-.5", "+1"])
def test_names_that_look_like_numbers_stay_text(name: str, run: Path, tmp_path: Path) -> None:
    (run / "meta.yaml").write_text(META.replace("one", name))

    assert opened(tmp_path).run(RUN).name == name


def test_line_breaks_of_yaml_1_1_do_not_hide_a_run(run: Path, tmp_path: Path) -> None:
    (run / "meta.yaml").write_text(META.replace("one", "'a\u2028\n\n  b\x85c'"))

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.5}


def test_the_last_line_is_not_the_last_value(run: Path, tmp_path: Path) -> None:
    (run / "metrics" / "f1").write_text("1000 0.9 2\n1001 0.8 2\n1002 0.1 1\n")

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.8}


def test_the_name_of_a_data_set_may_contain_spaces(run: Path, tmp_path: Path) -> None:
    (run / "metrics" / "f1").write_text("1000 0.9 2 my train set 0a1b2c3d\n1000 0.1 1\n")

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.9}


def test_lines_that_are_not_readable_are_named(run: Path, tmp_path: Path) -> None:
    (run / "metrics" / "f1").write_text("1000 0.9 2\nnonsense\n\n1000\n1000 0.1 three\n")
    (run / "metrics" / "none").write_text("")
    found = opened(tmp_path).run(RUN)

    assert found.metrics == {"f1": 0.9}
    assert found.notes == (
        'left out lines of metrics that are not readable: "f1"',
        'left out metrics that are not numbers: "none"',
    )


def test_the_greatest_float_is_a_number_in_files(run: Path, tmp_path: Path) -> None:
    (run / "metrics" / "f1").write_text("1000 1.7976931348623157e+308 0\n")
    (run / "metrics" / "f2").write_text("1000 -inf 0\n")

    assert opened(tmp_path).run(RUN).metrics == {"f1": 1.7976931348623157e308, "f2": -math.inf}


def test_a_long_line_is_left_out_and_the_rest_is_read(run: Path, tmp_path: Path) -> None:
    (run / "metrics" / "f1").write_text(f"1000 0.9 2\n{'1' * 3_000_000}\n1001 0.8 3\n")

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.8}


def test_links_are_not_followed(run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "value").write_text("1000 0.9 2\n")
    (run / "metrics" / "file").symlink_to(outside / "value")
    (run / "metrics" / "folder").symlink_to(outside)
    (run / "params" / "file").symlink_to(outside / "value")
    os.mkfifo(run / "params" / "pipe")
    found = opened(tmp_path).run(RUN)

    assert (found.metrics, found.params) == ({"f1": 0.5}, {})
    assert found.notes == (
        'left out links and other files that are not plain: "file", "folder", "file" and 1 more',
    )


@pytest.mark.parametrize("kept", ["meta.yaml", "tags/mlflow.runName"])
def test_a_link_in_place_of_what_is_needed_is_refused(kept: str, run: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(META)
    (run / kept).unlink(missing_ok=True)
    (run / kept).symlink_to(tmp_path / "outside")

    with pytest.raises(TrackerError, match="is a symbolic link"):
        opened(tmp_path).run(RUN)


def test_an_experiment_that_is_a_link_is_not_searched(run: Path, tmp_path: Path) -> None:
    run.parent.rename(tmp_path / "elsewhere")
    (tmp_path / "mlruns" / "1").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(NoSuchRunError):
        opened(tmp_path).run(RUN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (META + "x: !!python/object:os.system {}\n", "tags .* are not accepted"),
        (META + "x: &a [1]\ny: *a\n", "anchors"),
        (META + "x: " + "[" * 100_000, "levels of nesting"),
        ("- one\n", "must be a mapping"),
    ],
)
def test_hostile_yaml_is_refused(text: str, reason: str, run: Path, tmp_path: Path) -> None:
    (run / "meta.yaml").write_text(text)

    with pytest.raises(TrackerError, match=reason):
        opened(tmp_path).run(RUN)


def test_a_deleted_run_is_named_as_deleted(run: Path, tmp_path: Path) -> None:
    (run / "meta.yaml").write_text(META.replace("active", "deleted"))

    assert opened(tmp_path).run(RUN).status == "deleted"
    assert opened(tmp_path).recent_runs(None, 0, 10) == []


def test_a_run_in_the_trash_is_found_by_its_id(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mlruns" / ".trash").mkdir()
    run.parent.rename(tmp_path / "mlruns" / ".trash" / "1")

    assert opened(tmp_path).run(RUN).experiment == "fraud"
    assert opened(tmp_path).recent_runs(None, 0, 10) == []


def test_a_data_set_that_cannot_be_read_is_named(run: Path, tmp_path: Path) -> None:
    for number, source in enumerate(("../../x", "missing", "there")):
        (run / "inputs" / str(number)).mkdir(parents=True)
        text = f"source_type: DATASET\nsource_id: {source}\n"
        (run / "inputs" / str(number) / "meta.yaml").write_text(text)
    (run.parent / "datasets" / "there").mkdir(parents=True)
    text = 'name: "train set"\ndigest: 12345678\nsource: \'{"uri": "https://u:p@host/x"}\'\n'
    (run.parent / "datasets" / "there" / "meta.yaml").write_text(text)
    found = opened(tmp_path).run(RUN)

    assert found.data == (DataVersion("train set", "12345678", "https://host/x"),)
    assert found.notes == ('left out data sets that cannot be read: "0", "1"',)


def test_a_reading_that_takes_long_ends(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitmodel.trackers.mlflow.folder_reader._MAX_SECONDS", -1)

    with pytest.raises(TrackerError, match="takes more than -1 seconds"):
        opened(tmp_path).run(RUN)


@pytest.mark.parametrize("limit", ["_MAX_BYTES", "_MAX_ENTRIES"])
def test_a_store_that_is_too_large_is_refused(
    limit: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"gitmodel.trackers.mlflow.folder_reader.{limit}", 1)

    with pytest.raises(TrackerError, match="is too large to be read"):
        opened(tmp_path).run(RUN)


def test_keys_are_as_deep_as_mlflow_permits(run: Path, tmp_path: Path) -> None:
    key = "a/" * 124 + "ab"
    (run / "params" / key).parent.mkdir(parents=True)
    (run / "params" / key).write_text("deep")

    assert opened(tmp_path).run(RUN).params == {key: "deep"}
