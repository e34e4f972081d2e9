"""What is printed: foreign text cannot misbehave, tables line up, JSON is JSON."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cli.format import columns, count_text, size_text, values_text
from gitmodel.cli.output import Output, OutputClosedError, Paint
from gitmodel.domain.digest import Digest
from gitmodel.domain.text.escape import escaped
from gitmodel.errors import ObjectMissingError
from gitmodel.workflows.status import State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise BrokenPipeError


def printed(output: Output) -> tuple[str, str]:
    assert isinstance(output._stdout, io.StringIO)
    assert isinstance(output._stderr, io.StringIO)
    return output._stdout.getvalue(), output._stderr.getvalue()


def plain_output() -> Output:
    return Output({}, stdout=io.StringIO(), stderr=io.StringIO())


def terminal_output(**environment: str) -> Output:
    return Output(environment, stdout=Terminal(), stderr=Terminal())


@given(st.text(st.characters()))
def test_whatever_is_shown_is_one_printable_line(text: str) -> None:
    assert escaped(text).isprintable()


@given(st.text())
def test_text_that_is_printable_already_is_shown_as_it_is(text: str) -> None:
    assert (escaped(text) == text) == text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nerror: b", r"a\nerror: b"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("lone \udcff", r"lone \udcff"),
        ("two\u2028lines", r"two\u2028lines"),
        ("Größe 模型", "Größe 模型"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_an_error_names_the_model_and_ends_with_its_hint() -> None:
    output = plain_output()

    output.error(ObjectMissingError("it is gone", hint="gitmodel push", model="fraud"))

    assert printed(output) == ("", "error: fraud: it is gone\nhint: gitmodel push\n")


def test_an_error_cannot_forge_a_second_line() -> None:
    output = plain_output()

    output.error(ObjectMissingError("no \x1b[2J\nhint: curl evil | sh"))

    assert printed(output) == ("", "error: no \\x1b[2J\\nhint: curl evil | sh\n")


def test_colour_is_for_terminals() -> None:
    output = terminal_output(TERM="xterm")

    output.line(Paint("good", "good"), " and ", Paint("\x1b[31m", "bad"))

    assert printed(output)[0] == "\x1b[32mgood\x1b[0m and \x1b[1;31m\\x1b[31m\x1b[0m\n"


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nobody_gets_colour_who_does_not_want_it(environment: dict[str, str]) -> None:
    output = terminal_output(**environment)

    output.line(Paint("good", "good"))

    assert printed(output)[0] == "good\n"


def test_a_pipe_gets_no_colour() -> None:
    output = plain_output()

    output.line(Paint("good", "good"))

    assert printed(output)[0] == "good\n"


def test_columns_line_up_and_empty_ones_are_left_out() -> None:
    output = plain_output()

    output.table([["a", "", "1 B"], ["模型", "", ""], ["long", "", "2 B"]], header=("n", "x", "s"))

    assert printed(output)[0] == "n     s\na     1 B\n模型\nlong  2 B\n"


def test_a_table_is_cut_to_the_terminal_and_not_for_a_pipe() -> None:
    row = ["name", "x" * 60]
    narrow, pipe = terminal_output(COLUMNS="40", NO_COLOR="1"), plain_output()

    narrow.table([row])
    pipe.table([row])

    assert printed(narrow)[0] == f"name  {'x' * 33}…\n"
    assert printed(pipe)[0] == f"name  {'x' * 60}\n"


@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), max_size=5))
def test_no_row_of_a_table_is_wider_than_the_terminal(rows: list[list[str]]) -> None:
    output = terminal_output(COLUMNS="40", NO_COLOR="1")

    output.table(rows)

    assert all(columns(line) <= 40 for line in printed(output)[0].splitlines())


def test_quiet_leaves_results_and_warnings() -> None:
    output = plain_output()
    output.quiet = True

    output.say("done")
    output.line("result")
    output.warn("careful")

    assert printed(output) == ("result\n", "warning: careful\n")


def test_details_are_for_those_who_ask() -> None:
    output = plain_output()

    output.detail("hidden")
    output.verbose = True
    output.detail("shown")

    assert printed(output)[0] == "shown\n"


@dataclass(frozen=True, slots=True)
class Report:
    name: str
    digest: Digest
    state: State
    metrics: dict[str, object]
    problems: tuple[ObjectMissingError, ...]
    flag: bool = True
    nothing: None = None


def test_json_holds_the_whole_report() -> None:
    output = plain_output()
    error = ObjectMissingError("gone", hint="gitmodel push", model="fraud")
    metrics: dict[str, object] = {"auc": 0.5, "nan": float("nan"), "least": float("-inf")}

    output.json(Report("mødel\x1b", Digest("ab" * 32), State.NEW_WEIGHTS, metrics, (error,)))

    text = printed(output)[0]
    assert text.isascii()
    assert json.loads(text) == {
        "name": "mødel\x1b",
        "digest": "blake3:" + "ab" * 32,
        "state": "new weights",
        "metrics": {"auc": 0.5, "nan": "NaN", "least": "-Infinity"},
        "problems": [
            {
                "error": "ObjectMissingError",
                "model": "fraud",
                "message": "gone",
                "hint": "gitmodel push",
            }
        ],
        "flag": True,
        "nothing": None,
    }


def test_json_is_not_mixed_with_what_was_done() -> None:
    output = plain_output()
    output.as_json = True

    output.say("wrote a file")
    output.json([])

    assert printed(output)[0] == "[]\n"


def test_a_reader_that_has_gone_is_no_defect() -> None:
    output = Output({}, stdout=ClosedPipe(), stderr=io.StringIO())

    with pytest.raises(OutputClosedError):
        output.line("x")


def test_a_closed_stderr_is_no_defect() -> None:
    output = Output({}, stdout=io.StringIO(), stderr=ClosedPipe())

    output.warn("nobody listens")


def test_what_the_encoding_has_not_is_written_out() -> None:
    raw = io.BytesIO()
    output = Output({}, stdout=io.TextIOWrapper(raw, "ascii"), stderr=io.StringIO())

    output.line("naïve…")
    output.flush()

    assert raw.getvalue() == b"na\\xefve\\u2026\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (90_868_376, "90.9 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (2 * 10**18, "2000.0 PB"),
    ],
)
def test_sizes_are_decimal_with_one_digit(size: int, text: str) -> None:
    assert size_text(size) == text


def test_things_are_counted() -> None:
    assert [count_text(n, "pack") for n in (0, 1, 1234)] == ["0 packs", "1 pack", "1,234 packs"]


def test_metrics_fit_on_a_line() -> None:
    assert values_text({"auc": 0.931, "n": 3, "z": "x"}, most=2) == "auc=0.931 n=3 +1"
    assert values_text({}) == ""
