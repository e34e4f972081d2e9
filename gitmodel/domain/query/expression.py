"""The parts of a parsed expression. Each prints itself in canonical form.

Guarantee: `parse(str(expression)) == expression` for everything that `parse` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from decimal import Decimal

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~"]

_BARE_KEY = lazy_compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Field:
    """What a comparison reads of a version: `version`, or a key of a group, `metrics.auc`."""

    name: str  # of the field or of the group
    key: tuple[str, ...] = ()  # parts of the key in the group

    def __str__(self) -> str:
        parts = (part if _BARE_KEY.fullmatch(part) else quoted(part) for part in self.key)
        return ".".join((self.name, *parts))


@dataclass(frozen=True, slots=True)
class Text:
    """A text to compare with."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class Number:
    """A number to compare with, exactly as it was written; may be infinite."""

    number: Decimal

    def __str__(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Period:
    """A year, month, day, minute or second of UTC: Unix seconds from `start` to before `end`."""

    text: str  # as it was written
    start: int
    end: int

    def __str__(self) -> str:
        return quoted(self.text) if " " in self.text else self.text


Operand: TypeAlias = Text | Number | Boolean | Period


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a value."""

    field: Field
    operator: Operator
    operand: Operand

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {self.operand}"


@dataclass(frozen=True, slots=True)
class Presence:
    """`FIELD is set`, or `FIELD is nan`."""

    field: Field
    what: Literal["set", "nan"]

    def __str__(self) -> str:
        return f"{self.field} is {self.what}"


@dataclass(frozen=True, slots=True)
class Flag:
    """A field alone, such as `deprecated`: whether it is true."""

    field: Field

    def __str__(self) -> str:
        return str(self.field)


@dataclass(frozen=True, slots=True)
class Negation:
    """`not` before an expression."""

    inner: Expression

    def __str__(self) -> str:
        inner = f"({self.inner})" if isinstance(self.inner, Junction) else str(self.inner)
        return f"not {inner}"


@dataclass(frozen=True, slots=True)
class Junction:
    """Two or more expressions joined by `and` or by `or`; none is a junction by the same word."""

    word: Literal["and", "or"]
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        inside = "or" if self.word == "and" else None  # `and` binds more tightly
        return f" {self.word} ".join(
            f"({part})" if isinstance(part, Junction) and part.word == inside else str(part)
            for part in self.parts
        )


Expression: TypeAlias = Comparison | Presence | Flag | Negation | Junction


def quoted(text: str) -> str:
    r"""A text in double quotes; `"` and `\` inside it get a backslash."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
