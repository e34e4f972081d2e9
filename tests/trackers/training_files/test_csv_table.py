"""Logs of metrics as CSV: which value of a column counts, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.metrics import MAX_FILE_BYTES, MetricsRead
from gitmodel.errors import TextError
from gitmodel.trackers.training_files import csv_table
from gitmodel.trackers.training_files.csv_table import MAX_COLUMNS, last_values, read_table


def read(text: str | bytes) -> MetricsRead:
    raw = text.encode() if isinstance(text, str) else text
    return last_values(read_table(raw, what="m.csv"), what="m.csv")


@pytest.mark.parametrize(
    "text",
    [
        "epoch,step,loss,val_loss\n0,9,0.5,\n0,9,,0.4\n1,19,0.25,\n",
        b"\xef\xbb\xbfepoch,step,loss,val_loss\r\n0,9,0.5,\r\n0,9,,0.4\r\n1,19,0.25,\r\n\r\n",
        "Epoch;Step;loss;val_loss\n1;19;0.25;0.4",
        "epoch\tstep\tloss\tval_loss\n1\t19\t0.25\t0.4\n",
        "  epoch,  loss,  val_loss\n  1,  0.25,  0.4\n",
        'epoch,"loss","val_loss"\n1,"0.25","0.4"\n',
    ],
)
def test_the_last_value_of_each_column_counts(text: str | bytes) -> None:
    assert read(text) == MetricsRead({"loss": 0.25, "val_loss": 0.4}, ())


def test_numbers_keep_their_kind() -> None:
    metrics = read("a,b,c,d,e,f\n7,-0.5,2E-5,nan,-inf,.5\n").values

    assert [metrics[name] for name in "abcef"] == [7, -0.5, 2e-5, -math.inf, 0.5]
    assert math.isnan(metrics["d"])
    assert isinstance(metrics["a"], int)


def test_a_column_of_text_is_skipped_with_its_reason() -> None:
    assert read("run,auc,long\nblue,0.9,0_1\n") == MetricsRead(
        {"auc": 0.9},
        (
            ("run", 'its last value "blue" is not a number'),
            ("long", 'its last value "0_1" is not a number'),
        ),
    )


def test_a_header_that_occurs_again_begins_a_new_run() -> None:
    assert read("loss,val\n0.5,0.9\nloss,val\n0.25,\n").values == {"loss": 0.25}


def test_a_header_that_grows_goes_on_with_the_same_run() -> None:
    assert read("loss,val\n0.5,0.9\nloss,val,auc\n0.25,,0.7\n").values == {
        "loss": 0.25,
        "val": 0.9,
        "auc": 0.7,
    }


def test_a_row_may_be_shorter_or_longer_than_the_header() -> None:
    assert read("a,b\n1,2\n3\n4,,9\n").values == {"a": 4, "b": 2}


def test_an_index_without_a_name_is_left_out() -> None:
    assert read(",auc\n0,0.8\n1,0.9\n") == MetricsRead({"auc": 0.9}, ())


@pytest.mark.parametrize("header", ["metric,value", "Name,Value", "key\tvalue"])
def test_a_table_of_names_and_values_has_a_metric_in_each_row(header: str) -> None:
    delimiter = "\t" if "\t" in header else ","
    rows = [header, "auc,0.93", "f1,0.8", "step,3"]

    assert read("\n".join(row.replace(",", delimiter) for row in rows)).values == {
        "auc": 0.93,
        "f1": 0.8,
    }


def test_a_file_without_rows_has_no_metrics() -> None:
    assert (read(""), read("loss\n")) == (MetricsRead({}, ()), MetricsRead({}, ()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b;c\n1,2\n", "m.csv: the header has more than one of comma, semicolon and tab"),
        ("a,a\n1,2\n", 'm.csv: the column "a" occurs twice'),
        ("0.5,0.4\n", "m.csv: the first line has no names"),
        ("a,b\n1,2\nb,a,c\n", "m.csv: a second header has the names in another order"),
        (",".join(map(str, range(501))), f"m.csv: the file has more than {MAX_COLUMNS} columns"),
        ("a\n" + "x" * 131_073, "m.csv: line 2: not CSV: field larger than field limit (131072)"),
        ("a\n\x00", "m.csv: line 2: the character U+0000 is not accepted"),
        (b"a\n\xff", "m.csv: line 2: not UTF-8"),
        (
            "a" * (MAX_FILE_BYTES + 1),
            f"m.csv: the file has {MAX_FILE_BYTES + 1} bytes; the maximum is {MAX_FILE_BYTES}",
        ),
    ],
)
def test_other_files_are_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(TextError) as refused:
        read(text)

    assert refused.value.message == message


def test_rows_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "MAX_ROWS", 1000)

    assert read("a\n" + "1\n" * 999).values == {"a": 1}
    with pytest.raises(TextError, match="more than 1,000 rows"):
        read("a\n" + "1\n" * 1000)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c d", 'e"f']), st.floats())))
def test_what_python_wrote_is_read_again(rows: list[dict[str, float]]) -> None:
    import csv
    import io

    stream = io.StringIO()
    writer = csv.DictWriter(stream, ["step", "a", "b", "c d", 'e"f'])
    writer.writeheader()
    writer.writerows([{"step": step, **row} for step, row in enumerate(rows)])
    expected: dict[str, float] = {}
    for row in rows:
        expected.update(row)

    assert repr(sorted(read(stream.getvalue()).values.items())) == repr(sorted(expected.items()))
