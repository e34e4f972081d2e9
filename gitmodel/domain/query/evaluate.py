"""Evaluates an expression for many rows.

Rules: an absent field makes every test false. NaN does too, except `is nan` and `is set`. Numbers are compared
exactly as they are written (0.1 is one tenth); a number is never equal to a text or a boolean. Of several values,
such as tags, one is enough; `!=` needs all of them to differ.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeAlias, assert_never

from gitmodel.domain.query.expression import (
    Boolean,
    Comparison,
    Expression,
    Field,
    Flag,
    Junction,
    Negation,
    Number,
    Operand,
    Operator,
    Period,
    Presence,
    Text,
)
from gitmodel.domain.query.glob import matcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.domain.query.fields import Values

    Value: TypeAlias = int | float | str | bool
    Test: TypeAlias = Callable[[Value], bool]


class Row(Protocol):
    """One version."""

    def values(self, field: Field) -> Values:
        """Return the values of a field: none if it is absent, several for tags and lists.

        `at` is in Unix seconds, `size` in bytes; `deprecated` is one boolean.
        """


def predicate(expression: Expression) -> Callable[[Row], bool]:
    """Return a function that says whether a row matches."""
    if isinstance(expression, Negation):
        inner = predicate(expression.inner)
        return lambda row: not inner(row)
    if isinstance(expression, Junction):
        parts = [predicate(part) for part in expression.parts]
        if expression.word == "and":
            return lambda row: all(part(row) for part in parts)
        return lambda row: any(part(row) for part in parts)
    return _of_field(expression)


def _of_field(expression: Comparison | Presence | Flag) -> Callable[[Row], bool]:
    field = expression.field
    test: Test
    if isinstance(expression, Presence):
        test = is_nan if expression.what == "nan" else _is_anything
    elif isinstance(expression, Flag):
        test = _is_true
    else:
        test = _test(expression.operator, expression.operand)
        if expression.operator == "!=":
            return lambda row: bool(found := row.values(field)) and all(map(test, found))
    return lambda row: any(map(test, row.values(field)))


def _is_anything(_value: Value) -> bool:
    return True


def _is_true(value: Value) -> bool:
    return value is True


def fields_of(expression: Expression) -> set[Field]:
    """The fields that an expression reads."""
    match expression:
        case Negation(inner):
            return fields_of(inner)
        case Junction(_, parts):
            return set().union(*(fields_of(part) for part in parts))
        case Comparison(field) | Presence(field) | Flag(field):
            return {field}
        case _:
            assert_never(expression)


def is_nan(value: Value) -> bool:
    """Whether a value is NaN."""
    return value != value  # noqa: PLR0124  (only NaN differs from itself)


def decimal_of(value: Value) -> Decimal | None:
    """A number exactly as it is written, also infinite; None for NaN and everything else."""
    if isinstance(value, str | bool) or is_nan(value):
        return None
    return Decimal(repr(value))


def _test(operator: Operator, operand: Operand) -> Test:
    if operator == "~":
        matches = matcher(operand.text if isinstance(operand, Text) else str(operand))
        return lambda value: isinstance(value, str) and matches(value)
    compare = _order(operand)
    if operator == "!=":
        return lambda value: not is_nan(value) and compare(value) != 0
    if operator == "=":
        return lambda value: compare(value) == 0
    accepted = _ACCEPTED[operator]
    return lambda value: compare(value) in accepted


_ACCEPTED = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}


def _order(operand: Operand) -> Callable[[Value], int | None]:
    """A function for where a value stands to the operand: -1, 0 or 1; None if it is of another type."""
    match operand:
        case Number(number):
            return _number_order(number)
        case Text(text):
            return lambda value: (value > text) - (value < text) if isinstance(value, str) else None
        case Boolean(wanted):
            return lambda value: int(value is not wanted) if isinstance(value, bool) else None
        case Period(_, start, end):
            return lambda value: (
                None if isinstance(value, str | bool) else (value >= end) - (value < start)
            )
        case _:
            assert_never(operand)


def _number_order(number: Decimal) -> Callable[[Value], int | None]:
    close = _as_float(number)

    def order(value: Value) -> int | None:
        if close is not None and type(value) is float:
            return None if is_nan(value) else (value > close) - (value < close)
        exact = decimal_of(value)
        return None if exact is None else (exact > number) - (exact < number)

    return order


def _as_float(number: Decimal) -> float | None:
    """The float that stands to other floats as the number stands to what they print; None if there is none.

    Up to 15 digits survive a conversion to a float and back, so the float prints as the number; and what floats
    print has their order. In this way 100,000 values are compared without converting them.
    """
    if not number.is_finite() or len(number.as_tuple().digits) > 15:
        return None
    if number and not -290 < number.adjusted() < 290:
        return None
    return float(number)
