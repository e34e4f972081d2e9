"""Metrics from files and from the command line: what is taken, what is left out, what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.metrics import (
    MAX_FILE_BYTES,
    MAX_VALUES,
    MetricsRead,
    parse_assignment,
    read_metrics,
)
from gitmodel.errors import TextError, UsageError


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("metrics.json", b'{"auc": 0.93, "n": 7, "ok": true, "by": "x", "eval": {"f1": 2e-5}}'),
        (
            "METRICS.JSON",
            b'\xef\xbb\xbf{"auc": 0.93, "n": 7, "ok": true, "by": "x", "eval": {"f1": 2e-5}}\r\n',
        ),
        ("metrics.yaml", b"auc: 0.93\nn: 7\nok: true\nby: x\neval:\n  f1: 2e-5\n"),
        ("out/metrics.yml", b'auc: 0.93\r\nn: 7\r\nok: true\r\nby: "x"\r\neval: {f1: 2.0e-05}\r\n'),
        ("metrics.toml", b'auc = 0.93\nn = 7\nok = true\nby = "x"\n[eval]\nf1 = 2e-5\n'),
    ],
)
def test_three_formats_say_the_same(path: str, raw: bytes) -> None:
    metrics = read_metrics(raw, path=path).values

    assert metrics == {"auc": 0.93, "n": 7, "ok": True, "by": "x", "eval.f1": 2e-5}
    assert [type(value) for value in metrics.values()] == [float, int, bool, str, float]


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("m.json", b'{"a": NaN, "b": Infinity, "c": -Infinity}'),
        ("m.yaml", b"a: .nan\nb: .inf\nc: -.inf\n"),
        ("m.toml", b"a = nan\nb = inf\nc = -inf\n"),
    ],
)
def test_a_diverged_run_may_say_so(path: str, raw: bytes) -> None:
    metrics = read_metrics(raw, path=path).values

    assert math.isnan(metrics["a"])
    assert (metrics["b"], metrics["c"]) == (math.inf, -math.inf)


def test_what_is_left_out_has_its_reason() -> None:
    raw = json.dumps(
        {
            "auc": 0.9,
            "curve": [1, 2],
            "none": None,
            "big": 10**100,
            "small": -(2**63) + 1,
            "long": "x" * 1001,
            "": 1,
            "a\x1b": 1,
            "k" * 201: 1,
            "half": "\ud800",
            "deep": {"1": {"2": {"3": {"4": {"5": {"6": {"7": {"8": 1}}}}}}}},
        }
    ).encode()

    assert read_metrics(raw, path="m.json") == MetricsRead(
        {"auc": 0.9, "small": -(2**63) + 1},
        (
            ("curve", "a list cannot be recorded here"),
            ("none", "it has no value"),
            ("big", "an integer of more than 100 digits"),
            ("long", "text of more than 1000 characters"),
            ("", "its name is empty"),
            ("a\x1b", "its name has control or invisible characters"),
            ("k" * 200, "its name is longer than 200 characters"),
            ("half", "text that is not UTF-8"),
            ("deep.1.2.3.4.5.6.7", "more than 8 levels of nesting"),
        ),
    )


def test_dates_of_toml_are_text() -> None:
    read = read_metrics(b"day = 2024-01-01\n", path="m.toml")

    assert read == MetricsRead({"day": "2024-01-01"}, ())


def test_an_empty_file_has_no_metrics() -> None:
    assert read_metrics(b"{}", path="m.json").values == {}
    assert read_metrics(b"", path="m.yaml").values == {}
    assert read_metrics(b"", path="m.toml").values == {}


@pytest.mark.parametrize(
    ("path", "raw", "message"),
    [
        ("m.json", b"", "m.json: line 1: not JSON: Expecting value"),
        ("m.json", b'{\n"a": 1,}', "m.json: line 2: not JSON: "),
        ("m.json", b"[1]", 'm.json: the file must be an object such as {"auc": 0.93}'),
        ("m.json", b"0.93", 'm.json: the file must be an object such as {"auc": 0.93}'),
        ("m.json", b'{"a": 1, "a": 2}', 'm.json: "a" occurs twice'),
        ("m.json", b'{"x": {"a": 1, "a": 1}}', 'm.json: "a" occurs twice'),
        ("m.json", b'{"a.b": 1, "a": {"b": 2}}', 'm.json: "a.b" occurs twice, once with a dot'),
        ("m.json", b'{"a": "\xff"}', "m.json: line 1: not UTF-8"),
        ("m.json", "{}".encode("utf-16"), "m.json: line 1: not UTF-8"),
        ("m.json", b'{"a": \x00}', "m.json: line 1: the character U+0000 is not accepted"),
        pytest.param(
            "m.json",
            b'{"a":' * 100_000,
            "m.json: nested too deeply",
            id="m.json: nested too deeply",
        ),
        pytest.param(
            "m.json",
            b'{"a":' + b"[" * 100_000,
            "m.json: nested too deeply",
            id="m.json: lists nested too deeply",
        ),
        pytest.param(
            "m.json",
            b'{"a": ' + b"9" * 5000 + b"}",
            "m.json: a number has too many digits",
            id="m.json: a number has too many digits",
        ),
        pytest.param(
            "m.json",
            b" " * (MAX_FILE_BYTES + 1),
            "m.json: the file has 8388609 bytes",
            id="m.json: the file has 8388609 bytes",
        ),
        ("m.yaml", b"a: &x 1\n", "m.yaml: line 1: anchors"),
        ("m.yaml", b"a: !!python/name:os.system x\n", "m.yaml: line 1: tags"),
        ("m.yaml", b"- 1\n", "m.yaml: line 1: the file must be a mapping"),
        pytest.param(
            "m.yaml",
            b"#" * 65537,
            "m.yaml: the file has 65537 bytes",
            id="m.yaml: the file has 65537 bytes",
        ),
        ("m.toml", b"a = \n", "m.toml: not TOML: "),
        ("m.toml", b"a = 1\na = 2\n", "m.toml: not TOML: "),
        pytest.param(
            "m.toml",
            b"a = " + b"[" * 16_000,
            "m.toml: nested too deeply",
            id="m.toml: nested too deeply",
        ),
        pytest.param(
            "m.toml",
            b"a = " + b"9" * 5000,
            "m.toml: nested too deeply, or a number has too many",
            id="m.toml: nested too deeply, or a number has too many",
        ),
        pytest.param(
            "m.toml",
            b"a" + b".b" * 8000 + b"=1",
            "m.toml: nested too deeply",
            id="m.toml: long key",
        ),
        pytest.param(
            "m.toml",
            b"[" + b"a." * 8000 + b"b]",
            "m.toml: nested too deeply",
            id="m.toml: long heading",
        ),
        pytest.param("m.toml", b"#" * 16385, "m.toml: the file has 16385 bytes", id="m.toml: long"),
        ("m.csv", b"auc,0.9\n", "m.csv: metrics files must be .json, .yaml, .yml or .toml"),
        ("json", b"{}x", "json: line 1: not JSON"),
        ("metrics", b"{}", "metrics: metrics files must be"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(path: str, raw: bytes, message: str) -> None:
    with pytest.raises(TextError) as caught:
        read_metrics(raw, path=path)

    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "content",
    [
        {f"m{number}": number for number in range(MAX_VALUES + 1)},
        {f"m{number}": "x" * 1000 for number in range(40)},
    ],
)
def test_more_than_a_pointer_can_hold_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(TextError, match="a pointer stores at most") as caught:
        read_metrics(json.dumps(content).encode(), path="m.json")

    assert caught.value.hint == "write the important metrics to a separate file"


def test_a_million_unusable_values_are_not_remembered() -> None:
    raw = json.dumps({f"m{number}": None for number in range(100_000)}).encode()

    assert len(read_metrics(raw, path="m.json").skipped) == MAX_VALUES


keys = st.text(alphabet="abcxyz_-/ 0", min_size=1, max_size=6).filter(str.strip)
leaves = st.one_of(
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(alphabet="abc é:#", max_size=8),
)
trees = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=6)


def flattened(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        result |= flattened(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return result


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(keys, trees, max_size=3))
def test_every_value_of_a_file_is_found_under_its_path(tree: dict[str, Any]) -> None:
    read = read_metrics(json.dumps(tree).encode(), path="m.json")

    assert read.values == flattened(tree)
    assert read.skipped == ()


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60), st.text(alphabet='{}[]":,.=-a1\n ', max_size=40).map(str.encode)
    ),
    st.sampled_from(["json", "yaml", "toml"]),
)
def test_reading_anything_ends_with_metrics_or_a_text_error(raw: bytes, ending: str) -> None:
    try:
        metrics = read_metrics(raw, path=f"m.{ending}").values
    except TextError:
        return
    assert all(isinstance(value, int | float | str) for value in metrics.values())


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("auc=0.93", ("auc", 0.93)),
        ("n=7", ("n", 7)),
        ("lr=2e-5", ("lr", 2e-5)),
        (" eval.f1 = 0.5 ", ("eval.f1", 0.5)),
        ("ok=true", ("ok", True)),
        ("ok=no", ("ok", "no")),
        ("zip=017", ("zip", "017")),
        ("at=12:30", ("at", "12:30")),
        ("a=b=c", ("a", "b=c")),
        ('seed="7"', ("seed", "7")),
        ('empty=""', ("empty", "")),
        ("loss=inf", ("loss", math.inf)),
        ("loss=-Inf", ("loss", -math.inf)),
        ("by=Ana Müller", ("by", "Ana Müller")),
        ("url=http://x/?a=b#c", ("url", "http://x/?a=b#c")),
        ("x={a: 1}", ("x", "{a: 1}")),
    ],
)
def test_an_assignment_has_the_type_that_it_looks_like(
    text: str, metric: tuple[str, object]
) -> None:
    name, value = parse_assignment(text)

    assert (name, value) == metric
    assert type(value) is type(metric[1])


def test_nan_can_be_assigned() -> None:
    assert math.isnan(parse_assignment("loss=nan")[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auc",
        "=0.93",
        " =1",
        "auc=",
        "auc= ",
        "auc=null",
        "auc=~",
        "a\nb=1",
        "a\x1b[2J=1",
        "a\u202e=1",
        "x" * 201 + "=1",
        "a=" + "x" * 1001,
        "a=" + "x" * 2000,
        "a=\udc80",
    ],
)
def test_an_assignment_that_cannot_be_recorded_is_wrong_use(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_assignment(text)

    assert caught.value.exit_code == 2
    assert caught.value.hint == "write it as auc=0.93"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
