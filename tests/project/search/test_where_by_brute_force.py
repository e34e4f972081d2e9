"""Random expressions over random versions select what another evaluator selects, which knows no types.

It works on plain dictionaries and fractions, and on the tree that the expression's text was made of. With
GITMODEL_TESTS_LONG=1 a thousand expressions are compared, otherwise a hundred.
"""

from __future__ import annotations

import math
import os
import re
from datetime import UTC, datetime
from fractions import Fraction
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.deprecations import Deprecation
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import Pointer
from gitmodel.domain.query.evaluate import predicate
from gitmodel.domain.query.parser import parse
from gitmodel.git.history.walk import Change
from gitmodel.project.search.facts import facts_of
from gitmodel.project.search.version_row import VersionRow

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
EXPRESSIONS = 1000 if LONG else 100
ROWS = 25
Tree: TypeAlias = tuple[Any, ...]

HUGE = Fraction(10) ** 1000
KEYS = ["auc", "val/f1", "eval.auc", 'q"x', "mean loss", "状", "a.b.c"]
NUMBERS = [0, 1, -1, 2, 0.1, 0.3, 0.30000000000000004, 1e23, 10**23, 2**53 + 1, float(2**53), -0.0]
NUMBERS += [5e-324, 1.5, 1e308, math.inf, -math.inf, math.nan, 0.9999999999999999, 10**99, 100]
WORDS = ["", "a", "b", "prod", "Prod", "0.1", "true", "team/x", "it's", 'say "x"', "a\\b", "ü", "*"]
AUTHORS = ["Ana <ana@example.org>", "Bo", "Ada <x> <ada@example.org>"]
START = 1_777_593_600  # 2026-05-01T00:00:00Z

SCALARS = [*NUMBERS, *WORDS, True, False]


def random_row(random: Random) -> dict[str, Any]:
    """A version as a flat dictionary."""
    some = random.choice

    def maybe() -> str | None:
        return some([None, *WORDS])

    def nested(depth: int = 1) -> dict[str, Any]:
        kinds = [lambda: some(SCALARS)] * 4
        kinds += [lambda: None, lambda: random.choices(SCALARS, k=random.randrange(4))]
        kinds += [lambda: nested(0)] * (2 * depth)
        keys = random.sample([*KEYS, "eval", "a", "b", "c", "b.c"], random.randrange(6))
        return {key: some(kinds)() for key in keys}

    return {
        "name": some(["fraud", "team/fraud", "churn"]),
        "version": random.randrange(1, 5),
        "size": some([0, 99, 1000, 1024, 1_500_000, 2**62]),
        "run_id": maybe(),
        "license": maybe(),
        "base": maybe(),
        "tag": random.choices(WORDS, k=random.randrange(4)),
        "alias": random.choices(["prod", "a", "b"], k=random.randrange(3)),
        "author": some([None, *AUTHORS]),
        "at": START + some([-86_400, -1, 0, 1, 43_200, 86_399, 86_400, 10**7]),
        "deprecated": some([True, False]),
        "metrics": {key: some(SCALARS) for key in random.sample(KEYS, random.randrange(6))},
        "params": nested(),
        "format": some([None, {**nested(), "code": "none"}]),
        "data": [nested() for _ in range(random.randrange(3))],
        "run": some([None, nested()]),
    }


def product_row(row: dict[str, Any]) -> VersionRow:
    pointer = Pointer(
        name=row["name"],
        version=row["version"],
        digest=Digest("0" * 64),
        size=row["size"],
        path="weights.bin",
        run_id=row["run_id"],
        license=row["license"],
        base=row["base"],
        tags=tuple(row["tag"]),
        metrics=row["metrics"],
        params=row["params"],
        format=row["format"],
        data=tuple(row["data"]),
        run=row["run"],
    )
    registered = (
        Change("c" * 40, "x.yaml", None, row["author"], row["at"], "") if row["author"] else None
    )
    deprecation = Deprecation(why="leaked") if row["deprecated"] else None
    return VersionRow(facts_of(pointer), "x.yaml", tuple(row["alias"]), deprecation, registered)


words = st.sampled_from(WORDS)
# Trees: ("test", group, key or None, operator, kind, literal), ("set"|"nan"|"flag", group, key),
# ("not", tree), ("and"|"or", trees).
fields = st.tuples(
    st.sampled_from(["metrics", "metrics", "metrics", "params", "format", "data", "run"]),
    st.sampled_from([*KEYS, "code"]).map(lambda key: (key,))
    | st.lists(st.sampled_from(["eval", "auc", "a", "b", "c"]), min_size=2, max_size=3).map(tuple),
)
plain = st.sampled_from(["name", "run_id", "license", "base", "tag", "alias", "by", "code"])
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
NUMBER_TEXTS = [
    "0",
    "1",
    "-1",
    "0.1",
    ".3",
    "0.30000000000000004",
    "1e23",
    "1E+2",
    "9007199254740993",
    "-0",
    "9007199254740992",
    "inf",
    "-Infinity",
    "5e-324",
    "1e308",
    "1e99",
    "0.99999999999999990",
    "0.3000000000000000400000001",
    "1e400",
    "4e-324",
    "+1.50",
]
number_texts = st.sampled_from(NUMBER_TEXTS)
globs = st.sampled_from(["*", "a", "*a*", "team/*", "?", "[a-z]", "*'*", "", "*prod", "Ana", "*@*"])
dates = st.sampled_from(
    ["2026-05-01", "2026-05", "2026", "2026-05-01T12:00", "2026-04-30T23:59:59Z"]
)
by_words = st.sampled_from(["Ana", "ana@example.org", *AUTHORS, "Ada <x>", "b"])
tests = st.one_of(
    st.tuples(st.just("test"), fields, orders, st.just("number"), number_texts),
    st.tuples(st.just("test"), fields, orders, st.just("text"), words),
    st.tuples(
        st.just("test"), fields, st.sampled_from(["=", "!="]), st.just("bool"), st.booleans()
    ),
    st.tuples(st.just("test"), fields, st.just("~"), st.just("glob"), globs),
    st.tuples(st.just("test"), st.tuples(plain), orders, st.just("text"), words | by_words),
    st.tuples(st.just("test"), st.tuples(plain), st.just("~"), st.just("glob"), globs),
    st.tuples(
        st.just("test"),
        st.tuples(st.sampled_from(["version", "size"])),
        orders,
        st.just("number"),
        st.sampled_from(["2", "3.0", "1e3", "1024", "1.5e6"]),
    ),
    st.tuples(st.just("test"), st.tuples(st.just("at")), orders, st.just("date"), dates),
    st.tuples(st.sampled_from(["set", "nan"]), fields | st.tuples(plain)),
    st.tuples(st.just("flag"), fields | st.just(("deprecated",))),
)
trees = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


def quote(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def typed(tree: Tree) -> str:
    """The text of a tree, with parentheses around everything inside."""
    kind = tree[0]
    if kind == "not":
        return f"not ({typed(tree[1])})"
    if kind in {"and", "or"}:
        return f" {kind} ".join(f"({typed(part)})" for part in tree[1])
    field = field_text(tree[1])
    if kind != "test":
        return field if kind == "flag" else f"{field} is {kind}"
    _, _, operator, literal_kind, literal = tree
    value = quote(literal) if literal_kind in {"text", "glob"} else str(literal)
    return f"{field} {operator} {value.lower() if literal_kind == 'bool' else value}"


def field_text(field: Tree) -> str:
    if len(field) == 1:
        return str(field[0])
    parts = field[1] if len(field[1]) > 1 else [quote(field[1][0])]
    return ".".join((field[0], *parts))


def by_brute_force(tree: Tree, row: dict[str, Any]) -> bool:
    kind = tree[0]
    if kind == "not":
        return not by_brute_force(tree[1], row)
    if kind in {"and", "or"}:
        verdicts = [by_brute_force(part, row) for part in tree[1]]
        return min(verdicts) if kind == "and" else max(verdicts)
    found = looked_up(tree[1], row)
    if kind != "test":
        wanted = {
            "set": found,
            "nan": [one for one in found if type(one) is float and str(one) == "nan"],
            "flag": [one for one in found if one is True],
        }
        return len(wanted[kind]) > 0
    _, _, operator, literal_kind, literal = tree
    verdicts = [compared(one, operator, literal_kind, literal) for one in found]
    return len(verdicts) > 0 and (min if operator == "!=" else max)(verdicts)


def looked_up(field: Tree, row: dict[str, Any]) -> list[Any]:
    name = field[0]
    whole = row["author"]
    if name == "by":
        parts = re.fullmatch(r"(.*) <([^<]*)>", whole or "")
        return [one for one in (whole, *(parts.groups() if parts else ())) if one is not None]
    if name == "at":
        return [] if whole is None else [row["at"]]
    if name == "code":
        return looked_up(("format", ("code",)), row)
    value = row[name]
    if len(field) == 1:
        return value if isinstance(value, list) else [] if value is None else [value]
    found = [below(one, field[1]) for one in (value if isinstance(value, list) else [value])]
    flat = [item for one in found for item in (one if isinstance(one, list) else [one])]
    return [item for item in flat if item is not None and not isinstance(item, dict)]


def below(value: Any, key: tuple[str, ...]) -> Any:
    """What a key names in nested dictionaries: at each level the longest beginning that is there."""
    if not key or not isinstance(value, dict):
        return None if key else value
    joined = [(".".join(key[:count]), key[count:]) for count in range(1, len(key) + 1)]
    here = [(name, rest) for name, rest in joined if name in value]
    return below(value[here[-1][0]], here[-1][1]) if here else None


def compared(value: Any, operator: str, kind: str, literal: Any) -> bool:
    if type(value) is float and math.isnan(value):
        return False
    if kind == "glob":
        pattern = "".join(
            ".*" if one == "*" else "." if one == "?" else one if one in "[]-" else re.escape(one)
            for one in literal
        )
        # The only pattern with brackets is one class.
        return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None
    if kind == "date":
        return compared_date(value, operator, literal)
    sign = None
    if kind == "text" and isinstance(value, str):
        sign = (value > literal) - (value < literal)
    elif kind == "bool" and isinstance(value, bool):
        sign = int(value) - int(literal)
    elif kind == "number" and type(value) in {int, float}:
        sign = sign_of(str(value) if type(value) is int else repr(value), str(literal))
    if sign is None:
        return operator == "!="
    verdicts = {
        "=": sign == 0,
        "!=": sign != 0,
        "<": sign < 0,
        "<=": sign <= 0,
        ">": sign > 0,
        ">=": sign >= 0,
    }
    return bool(verdicts[operator])


def sign_of(left: str, right: str) -> int:
    """How two numbers compare as they are written; infinities are beyond all fractions."""
    one, other = (
        HUGE * (-1 if "-" in text else 1) if "inf" in text.lower() else Fraction(text)
        for text in (left, right)
    )
    return (one > other) - (one < other)


def compared_date(value: int, operator: str, literal: str) -> bool:
    """Compare what both print, cut to the same precision."""
    moment = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    cut, wanted = moment[: len(literal)], literal
    verdicts = {
        "=": cut == wanted,
        "!=": cut != wanted,
        "<": cut < wanted,
        "<=": cut <= wanted,
        ">": cut > wanted,
        ">=": cut >= wanted,
    }
    return verdicts[operator]


@settings(max_examples=EXPRESSIONS)
@given(trees, st.integers(0, 10**6))
def test_an_expression_selects_what_brute_force_selects(tree: Tree, seed: int) -> None:
    text = typed(tree)
    matches = predicate(parse(text))
    again = predicate(parse(str(parse(text))))
    random = Random(seed)  # noqa: S311  (rows of a test)
    for _ in range(ROWS):
        version = random_row(random)
        row = product_row(version)
        expected = by_brute_force(tree, version)

        assert matches(row) is expected, (text, version)
        assert again(row) is expected, (text, version)


@pytest.mark.parametrize("literal", NUMBER_TEXTS)
def test_every_number_is_compared_exactly(literal: str) -> None:
    version = random_row(Random(1))  # noqa: S311  (rows of a test)
    rows = [(one, product_row(version | {"metrics": {"auc": one}})) for one in SCALARS]
    for operator in ("=", "!=", "<", "<=", ">", ">="):
        matches = predicate(parse(f"metrics.auc {operator} {literal}"))
        for value, row in rows:
            expected = compared(value, operator, "number", literal)

            assert matches(row) is expected, (value, operator, literal)


def test_expressions_select_some_versions_and_not_others() -> None:
    """The comparison above means something: each kind of test was true and false."""
    random = Random(1)  # noqa: S311  (rows of a test)
    versions = [random_row(random) for _ in range(300)]
    for text in KINDS:
        verdicts = {predicate(parse(text))(product_row(version)) for version in versions}
        assert verdicts == {True, False}, text


KINDS = [
    "metrics.auc = 0.3",
    "metrics.auc != 0.3",
    "metrics.auc < 1e23",
    'metrics."val/f1" >= "a"',
    "metrics.auc is nan",
    "params.eval.auc is set",
    "params.a.b.c = true",
    "data.a ~ *o*",
    "tag != prod",
    "by = Ana",
    "at >= 2026-05-01",
    "deprecated",
    "code = none",
]
