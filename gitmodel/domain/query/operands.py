"""The values that a field is compared with: texts, numbers, sizes, times.

A field of text takes every bare text, also `7`. The others take what they can be compared with; anything else is
refused, because it would never match.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from gitmodel.domain.query.expression import Boolean, Number, Period, Text
from gitmodel.domain.query.fields import FIELDS, GROUPS, type_of
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.domain.query.expression import Field, Operand, Operator
    from gitmodel.domain.query.fields import FieldType
    from gitmodel.domain.query.scanner import Scanner

_NUMBER = lazy_compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
_MAX_DIGITS = 300
_MAX_EXPONENT = 5000
_INFINITY = lazy_compile(r"([-+]?)(?:inf|infinity)")
_SIZE = lazy_compile(r"([0-9]{1,30}(?:\.[0-9]{1,30})?)([kmgtp]?i?b)")
_TIME = lazy_compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(Z|[-+][0-9]{2}:[0-9]{2})?)?)?)?",
)
_KEYWORDS = frozenset({"and", "or", "not", "is"})
_BOOLEANS = frozenset({"true", "false"})
_ORDERING = frozenset({"<", "<=", ">", ">="})
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def read_operand(scanner: Scanner, field: Field, operator: Operator) -> Operand:
    """Take the value after an operator.

    Raises QueryError if there is none, or no value of this field can be compared with it.
    """
    scanner.skip_space()
    start = scanner.index
    is_quoted = scanner.next != "" and scanner.next in "\"'"
    text = scanner.quoted() if is_quoted else scanner.bare()
    if not is_quoted and (not text or text.lower() in _KEYWORDS):
        hint = None if not text else f'write "{text}" in quotes for the text'
        raise scanner.error(f"a value is missing after {operator}", at=start, hint=hint)
    try:
        if is_quoted:
            return _quoted(field, operator, text)
        return _READERS[type_of(field)](field, operator, text)
    except _RefusedError as refused:
        raise scanner.error(refused.message, at=start, hint=refused.hint) from None


class _RefusedError(Exception):
    """A field cannot be compared with this value; the hint says what can be written."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _quoted(field: Field, operator: Operator, text: str) -> Operand:
    """A text in quotes, which is a date for a time."""
    kind = type_of(field)
    if kind in {"text", "any"}:
        return Text(text)
    if kind == "time":
        return _time(field, operator, text)
    raise _RefusedError(
        f"{field} is {'true or false' if kind == 'flag' else 'a number'}, not a text"
    )


def _text(_field: Field, _operator: Operator, text: str) -> Operand:
    return Text(text)


def _flag(field: Field, operator: Operator, text: str) -> Operand:
    word = text.lower()
    if word not in _BOOLEANS or operator not in {"=", "!="}:
        raise _RefusedError(f"{field} is true or false", f"write {field}, or not {field}")
    return Boolean(word == "true")


def _time(field: Field, operator: Operator, text: str) -> Operand:
    if operator == "~":
        hint = f"write {field} >= 2026-05-01 and {field} < 2026-06-01"
        raise _RefusedError(f"~ compares texts, and {field} is a time", hint)
    if (found := _period(text)) is None:
        message = f"{quote_text(text, limit=40)} is not a date"
        raise _RefusedError(message, "write 2026-05-01 or 2026-05-01T12:00Z; UTC is meant")
    return found


def _version(field: Field, operator: Operator, text: str) -> Operand:
    return _required(field, operator, _number(text.removeprefix("v")), "7")


def _bytes(field: Field, operator: Operator, text: str) -> Operand:
    return _required(field, operator, _number(text) or _size(text), "100MB")


def _required(field: Field, operator: Operator, number: Number | None, example: str) -> Number:
    if operator == "~":
        raise _RefusedError(f"~ compares texts, and {field} is a number")
    if number is None:
        raise _RefusedError(f"{field} is a number", f"write {field} {operator} {example}")
    return number


def _any(_field: Field, operator: Operator, text: str) -> Operand:
    if operator == "~":
        return Text(text)
    word, shown = text.lower(), quote_text(text, limit=40)
    if word == "nan":
        raise _RefusedError("nothing is equal to nan", "write is nan")
    if (text.partition(".")[0] in GROUPS and "." in text) or text in FIELDS:
        hint = f"write {shown} in quotes if the text is meant"
        raise _RefusedError("two fields cannot be compared", hint)
    number = _number(text)
    if number is None and operator in _ORDERING:
        hint = "write it in quotes to compare with a text"
        raise _RefusedError(f"{shown} is not a number", hint)
    return number or (Boolean(word == "true") if word in _BOOLEANS else Text(text))


_READERS: Mapping[FieldType, Callable[[Field, Operator, str], Operand]] = {
    "text": _text,
    "number": _version,
    "size": _bytes,
    "time": _time,
    "flag": _flag,
    "any": _any,
}


def _number(text: str) -> Number | None:
    if found := _INFINITY.fullmatch(text.lower()):
        return Number(Decimal(f"{found[1]}Infinity"))
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    # What is printed can be read again within the same limits.
    is_usual = abs(number.adjusted()) <= _MAX_EXPONENT
    return Number(number) if is_usual and len(number.as_tuple().digits) <= _MAX_DIGITS else None


def _size(text: str) -> Number | None:
    found = _SIZE.fullmatch(text.lower())
    if found is None:
        return None
    unit = found[2].removesuffix("b")
    base = 1024 if unit.endswith("i") else 1000
    if unit == "i":
        return None
    power = " kmgtp".index(unit[:1]) if unit else 0
    whole, _, fraction = found[1].partition(".")
    # Exact in integers, because decimal arithmetic rounds.
    digits = int(whole + fraction) * base**power
    return Number(Decimal(f"{digits}e-{len(fraction)}"))


def _period(text: str) -> Period | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    parts = [int(part) if part else None for part in found.groups()[:6]]
    year, month, day, hour, minute, second = parts
    try:
        start = datetime(
            year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC
        )
        end = _end(start, parts)
        offset = _offset(found[7])
    except (ValueError, OverflowError):
        return None
    return Period(text, _seconds(start) - offset, _seconds(end) - offset)


def _end(start: datetime, parts: list[int | None]) -> datetime:
    """The first moment after the year, month, day, minute or second."""
    given = sum(part is not None for part in parts)
    if given == 1:
        return start.replace(year=start.year + 1)
    if given == 2:
        return (start + timedelta(days=31)).replace(day=1)
    length = {3: 86_400, 5: 60, 6: 1}[given]
    return start + timedelta(seconds=length)


def _offset(zone: str | None) -> int:
    """Seconds that a zone is ahead of UTC."""
    if zone in {None, "Z"}:
        return 0
    assert zone is not None  # noqa: S101  (for mypy: the line above)
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError(zone)
    return (3600 * hours + 60 * minutes) * (-1 if zone[0] == "-" else 1)


def _seconds(moment: datetime) -> int:
    return (moment - _ZERO) // timedelta(seconds=1)
