from __future__ import annotations

import json
import math

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.collected import Collected
from gitmodel.trackers.mlflow.store import run_status, seconds
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata

LONG = "x" * 65_537


def finished(collected: Collected) -> RunMetadata:
    return collected.finish(
        run_id="r", status="finished", name=None, experiment=None, started=None, ended=None
    )


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ({"uri": "s3://bucket/x"}, "s3://bucket/x"),
        ({"url": "https://me:pw@host/x?a=b"}, "https://host/x?a=b"),
        ({"path": "glue", "config_name": "sst2"}, "glue"),
        ({"table_name": "warehouse.x"}, "warehouse.x"),
        ({"delta_table_name": "a.b", "delta_table_version": 3}, "a.b"),
        ({"tags": {"a": "b"}}, None),
        ({"uri": 3}, None),
        ({"uri": "\ud800"}, None),
        ([], None),
        (None, None),
    ],
)
def test_the_address_of_data_is_found_in_its_source(source: object, address: str | None) -> None:
    collected = Collected(database=True)
    collected.add_data("train", "0a1b", json.dumps(source))

    assert finished(collected).data == (DataVersion("train", "0a1b", address),)


def test_an_address_that_contains_a_secret_is_left_out() -> None:
    collected = Collected(database=True)
    collected.add_data("train", "", '{"uri": "s3://b/x?key=AKIAABCDEFGHIJKLMNOP"}')
    found = finished(collected)

    assert found.data == (DataVersion("train", None, None),)
    assert found.notes == ('left out addresses of data sets that contain a secret: "train"',)


def test_texts_that_cannot_be_written_are_left_out_and_named() -> None:
    collected = Collected(database=True)
    for key in ("ok", LONG, "\ud800", b"bytes", None):
        collected.add_metric(key, 1.0)
        collected.add_param(key, "v")
        collected.add_data(key, None, None)
    collected.add_param("long", LONG)
    found = finished(collected)

    assert (found.metrics, found.params) == ({"ok": 1.0}, {"ok": "v"})
    assert found.data == (DataVersion("ok"),)
    shown = f'"{"x" * 60}…", "\\ud800", one without a name'
    assert found.notes == (
        f"left out metrics that are not numbers: {shown} and 1 more",
        f"left out params that are too long or not text: {shown} and 2 more",
        f"left out data sets without a readable name: {shown} and 1 more",
    )


@pytest.mark.parametrize("value", [None, True, "5", "nan", [], {}, 10**400, b"1"])
def test_what_is_no_number_is_left_out(value: object) -> None:
    collected = Collected(database=True)
    collected.add_metric("f1", value)

    assert finished(collected).metrics == {}


def test_the_greatest_float_is_infinity_in_databases_only() -> None:
    greatest = 1.7976931348623157e308
    for database, value in ((True, math.inf), (False, greatest)):
        collected = Collected(database=database)
        collected.add_metric("f1", greatest)
        assert finished(collected).metrics == {"f1": value}


def test_lists_are_bounded() -> None:
    collected = Collected(database=True)
    for number in range(10_005):
        collected.add_metric(f"m{number}", number)
        collected.add_param(f"p{number}", "v")
        collected.add_data(f"d{number}", None, None)
    found = finished(collected)

    assert (len(found.metrics), len(found.params), len(found.data)) == (10_000, 10_000, 1000)
    assert found.notes == (
        "the run has more than 1,000 data sets; the others were left out",
        "the run has more than 10,000 metrics; the others were left out",
        "the run has more than 10,000 params; the others were left out",
    )


def test_a_run_of_many_mebibytes_is_refused() -> None:
    collected = Collected(database=True)
    for number in range(139):
        collected.add_param(f"p{number}", "x" * 60_000)

    with pytest.raises(TrackerError, match="more than 8 MiB of names and values"):
        collected.add_param("last", "x" * 60_000)


def test_only_known_tags_count() -> None:
    collected = Collected(database=True)
    collected.add_tag("mlflow.source.git.commit", "c0ffee")
    collected.add_tag("mlflow.note.content", LONG * 200)
    collected.add_tag(None, "x")

    assert finished(collected) == RunMetadata(
        system="mlflow", run_id="r", status="finished", code="c0ffee"
    )


@pytest.mark.parametrize(
    ("status", "lifecycle", "word"),
    [
        *(("FINISHED", "active", "finished"), ("failed", None, "failed"), (5, None, "killed")),
        *((3, "deleted", "deleted"), (2, "active", "scheduled"), ("RUNNING", 7, "running")),
        *(
            (True, None, "unknown"),
            (99, None, "unknown"),
            ("x", None, "unknown"),
            ([], {}, "unknown"),
        ),
    ],
)
def test_the_status_is_a_word_or_a_number(status: object, lifecycle: object, word: str) -> None:
    assert run_status(status, lifecycle) == word


@pytest.mark.parametrize(
    ("milliseconds", "wanted"),
    [(1500, 1.5), (0, None), (-1, None), (True, None), ("1", None), (2.5, None), (1 << 60, None)],
)
def test_times_are_seconds(milliseconds: object, wanted: float | None) -> None:
    assert seconds(milliseconds) == wanted
