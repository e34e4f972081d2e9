"""Expressions of `list --where` mean what they say, and mistakes are shown where they are."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.query.expression import Comparison, Number, Period
from gitmodel.domain.query.fields import FIELDS, GROUPS
from gitmodel.domain.query.parser import MAX_DEPTH, parse
from gitmodel.domain.query.scanner import MAX_CHARACTERS
from gitmodel.domain.query.sorting import parse_sort_key
from gitmodel.errors import QueryError

# What is typed, and its canonical form.
SAME = {
    "metrics.auc > 0.9": "metrics.auc > 0.9",
    "  metrics.auc>=.5  ": "metrics.auc >= 0.5",
    "deprecated": "deprecated",
    "name = fraud or name = churn and not deprecated": (
        'name = "fraud" or name = "churn" and not deprecated'
    ),
    "(name = a or name = b) and version < 3": '(name = "a" or name = "b") and version < 3',
    "not (deprecated and tag = x)": 'not (deprecated and tag = "x")',
    "not deprecated and tag = x": 'not deprecated and tag = "x"',
    "not not deprecated": "not not deprecated",
    "((deprecated))": "deprecated",
    "(deprecated and tag = a) and tag = b": 'deprecated and tag = "a" and tag = "b"',
    "NOT deprecated AND alias IS SET": "not deprecated and alias is set",
    "alias is not set": "not alias is set",
    "metrics.auc is not nan": "not metrics.auc is nan",
    "metrics.'val/f1' = 1": 'metrics."val/f1" = 1',
    'metrics."a\\"b\\\\c" = 1': 'metrics."a\\"b\\\\c" = 1',
    "params.optimizer.lr < 1e-4": "params.optimizer.lr < 0.0001",
    "metrics.recall-macro > -inf": "metrics.recall-macro > -Infinity",
    "version = v7": "version = 7",
    "run_id = 0123456789": 'run_id = "0123456789"',
    "base = meta-llama/Llama-3.1-8B": 'base = "meta-llama/Llama-3.1-8B"',
    "params.shuffle = true": "params.shuffle = true",
    'params.shuffle = "true"': 'params.shuffle = "true"',
    "params.flag": "params.flag",
    "size > 1.5GB": "size > 1500000000.0",
    "size <= 1KiB": "size <= 1024",
    "at < 2026-05-01": "at < 2026-05-01",
    "at = 2026-05-01T12:00+02:00": "at = 2026-05-01T12:00+02:00",
    "at = '2026-05-01 12:00'": 'at = "2026-05-01 12:00"',
    "name ~ [!a-c]*": 'name ~ "[!a-c]*"',
    'tag = "it\'s"': 'tag = "it\'s"',
}

# What is typed, the column, and the beginning of the message and of the hint.
REFUSED = {
    "": (1, "the expression is empty", "write for example"),
    "metrics.auc >": (14, "a value is missing after >", None),
    "metrics.auc > and deprecated": (15, "a value is missing after >", 'write "and"'),
    "metrics.auc > 0.8 > 0.7": (19, "comparisons cannot be chained", "write metrics.auc > "),
    "0.8 < metrics.auc": (1, "a field is expected on the left side", "write the field first"),
    "metric.auc > 1": (1, '"metric" is not a field', "did you mean metrics.auc?"),
    'metrix."val/f1" > 1': (1, '"metrix" is not a field', 'did you mean metrics."val/f1"?'),
    "verson = 1": (1, '"verson" is not a field', "did you mean version?"),
    "metrics > 1": (1, "metrics needs a name, such as metrics.auc", None),
    "metrics.val/f1 > 1": (1, "a name with other characters", 'write metrics."val/f1"'),
    "metrics. > 1": (9, "a name is expected after the dot", "write for example"),
    "name.x = 1": (1, "name has no parts", "write name"),
    "name": (1, "name is compared with nothing", "write name = VALUE"),
    "(deprecated": (1, "this parenthesis is not closed", None),
    "deprecated)": (11, "this parenthesis was not opened", None),
    'name = "x': (8, 'the closing " is missing', None),
    'metrics."x > 1': (9, 'the closing " is missing', None),
    "metrics.auc == 1": (13, "== is not an operator", "write ="),
    "deprecated && tag = a": (12, "&& is not an operator", "write and"),
    "!deprecated": (1, "! is not an operator", "write not"),
    "> 3": (1, "a field is expected before >", "write for example"),
    "metrics.a > metrics.b": (13, "two fields cannot be compared", 'write "metrics.b" in quotes'),
    "metrics.a > O.9": (13, '"O.9" is not a number', "write it in quotes"),
    "metrics.a > 1e99999": (13, '"1e99999" is not a number', "write it in quotes"),
    "metrics.a = nan": (13, "nothing is equal to nan", "write is nan"),
    "metrics.a > true": (13, '"true" is not a number', "write it in quotes"),
    "version = new": (11, "version is a number", "write version = 7"),
    'version = "7"': (11, "version is a number, not a text", None),
    "version ~ 1*": (11, "~ compares texts, and version is a number", None),
    "size > 10parsecs": (8, "size is a number", "write size > 100MB"),
    "at ~ 2026*": (6, "~ compares texts, and at is a time", "write at >= "),
    "at < yesterday": (6, '"yesterday" is not a date', "write 2026-05-01"),
    "at < 2026-02-30": (6, '"2026-02-30" is not a date', "write 2026-05-01"),
    "deprecated is set": (15, "deprecated is true or false", "write deprecated"),
    "deprecated > true": (14, "deprecated is true or false", "write deprecated"),
    "alias is there": (10, "set or nan is expected after is", "write alias is set"),
    "name = a b": (10, "and, or or the end is expected here", "a text with spaces"),
    "deprecated or": (14, "a field is expected, and the expression ends here", "fields are"),
    "deprecated and or tag = a": (16, "a field is expected, not the word or", "fields are"),
    '"auc" > 1': (1, "a field is expected here, not a text in quotes", "fields are"),
}


@pytest.mark.parametrize("typed", SAME)
def test_an_expression_has_one_canonical_form(typed: str) -> None:
    assert str(parse(typed)) == SAME[typed]


@pytest.mark.parametrize("typed", REFUSED)
def test_a_mistake_is_shown_at_its_column(typed: str) -> None:
    column, message, hint = REFUSED[typed]

    with pytest.raises(QueryError) as caught:
        parse(typed)

    error = caught.value
    assert str(error).startswith(f"--where, column {column}: {message}")
    assert error.exit_code == 2
    assert (error.hint or "").startswith(hint or "")
    assert (error.hint is None) == (hint is None)
    assert error.excerpt == (typed, " " * (column - 1) + "^")


def test_the_caret_is_below_the_mistake_in_wide_and_long_texts() -> None:
    with pytest.raises(QueryError) as wide:
        parse('name = "漢字" + 1')
    with pytest.raises(QueryError) as long:
        parse(" or ".join(["name = fraud"] * 50) + " or nme = fraud" + " or name = x" * 50)

    assert wide.value.excerpt == ('name = "漢字" + 1', "              ^")
    shown, caret = long.value.excerpt
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert shown[len(caret) - 1 :].startswith("nme = fraud")


def test_limits_are_errors_too() -> None:
    parse("(" * MAX_DEPTH + "deprecated" + ")" * MAX_DEPTH)
    for typed in ("(" * 100_000, "not " * 2000 + "deprecated", "(" * (MAX_DEPTH + 1) + "name"):
        with pytest.raises(QueryError, match=r"levels|longer"):
            parse(typed)
    with pytest.raises(QueryError, match="longer than 10,000 characters"):
        parse("name = " + "x" * MAX_CHARACTERS)
    with pytest.raises(QueryError, match="at most 16 parts"):
        parse("metrics" + ".a" * 17 + " > 1")


@pytest.mark.parametrize("letter", ["(", "not ", '"', "\\", "a.", ">", "9", "[", "*", "\t"])
def test_the_longest_expressions_take_no_time(letter: str) -> None:
    begin = time.process_time()
    for start in ("", "name ~ ", "metrics.a = ", 'name = "', "at < ", "size > "):
        try:
            parse((start + letter * MAX_CHARACTERS)[:MAX_CHARACTERS])
        except QueryError:
            continue

    assert time.process_time() - begin < 1


_PIECES = st.sampled_from(
    [
        *(*FIELDS, *(f"{group}.x" for group in GROUPS), 'metrics."val/f1"', "x y"),
        *"().,\"'\\&|!=<>~ \n*/e🙂\x1b\ud800",
        *[
            "not",
            "and",
            "or",
            "is",
            "set",
            "nan",
            "true",
            "0.9",
            "1e5",
            "-inf",
            "2026-05-01",
            "100MB",
            "v7",
            "!=",
            "<=",
            ">=",
            "[a-",
        ],
    ]
)


@given(st.lists(_PIECES | st.text(max_size=5), max_size=25).map(" ".join) | st.text(max_size=60))
def test_a_parser_raises_only_its_own_error_and_prints_what_it_read(text: str) -> None:
    for read in (parse, parse_sort_key):
        found: object = None
        excerpt: tuple[str, ...] = ()
        try:
            found = read(text)
        except QueryError as error:
            excerpt = error.excerpt
        assert all(line.isprintable() for line in excerpt)
        assert found is None or (read(str(found)), str(read(str(found)))) == (found, str(found))


@given(st.decimals(allow_nan=False) | st.floats(allow_nan=False).map(lambda x: Decimal(repr(x))))
def test_a_number_is_read_as_it_is_written(number: Decimal) -> None:
    try:
        found = parse(f"metrics.x = {number}")
    except QueryError:
        assert abs(number.adjusted()) > 4999
        return

    assert isinstance(found, Comparison)
    assert found.operand == Number(number)


def _period(text: str) -> tuple[int, int]:
    found = parse(f"at = '{text}'")
    assert isinstance(found, Comparison)
    assert isinstance(found.operand, Period)
    return found.operand.start, found.operand.end - found.operand.start


def test_a_date_is_a_period_of_utc() -> None:
    may = 1_777_593_600  # 2026-05-01T00:00:00Z

    assert _period("2026-05-01") == (may, 86_400)
    assert _period("2026-05") == (may, 31 * 86_400)
    assert _period("2026") == (may - 120 * 86_400, 365 * 86_400)
    assert _period("2024-02") == (1_706_745_600, 29 * 86_400)
    assert _period("2026-05-01T12:00") == (may + 43_200, 60)
    assert _period("2026-05-01 12:00:07Z") == (may + 43_207, 1)
    assert _period("2026-05-01T02:00:00+02:00") == (may, 1)
    assert _period("2026-04-30T19:00-05:00") == (may, 60)
