"""Parses expressions such as `metrics.auc > 0.9 and not deprecated`.

    expression = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term = "not" term | "(" expression ")" | test
    test = field ( operator value | "is" ["not"] ("set" | "nan") | nothing )

`not` binds most tightly, then `and`, then `or`. Comparisons are not chained. Words are accepted in any case.

Guarantee: `parse` returns an expression or raises QueryError, in time linear in the length; expressions are
limited to `MAX_CHARACTERS`, and parentheses and `not` to `MAX_DEPTH` levels.
"""

from __future__ import annotations

from typing import Literal, cast

from gitmodel.domain.query.expression import (
    Comparison,
    Expression,
    Field,
    Flag,
    Junction,
    Negation,
    Operator,
    Presence,
)
from gitmodel.domain.query.fields import read_field, type_of
from gitmodel.domain.query.operands import read_operand
from gitmodel.domain.query.scanner import Scanner

MAX_DEPTH = 50
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", "~"})
_INSTEAD = {
    "==": "write =",
    "<>": "write !=",
    "!": "write not",
    "!~": "write not FIELD ~ VALUE",
    "=~": "write ~",
    "=<": "write <=",
    "=>": "write >=",
    "&": "write and",
    "&&": "write and",
    "|": "write or",
    "||": "write or",
}


def parse(source: str, *, what: str = "--where") -> Expression:
    """Parse an expression; `what`, the name of the option, begins every message.

    Raises QueryError with the column, counted in characters from 1.
    """
    return _Parser(Scanner(source, what=what)).whole()


class _Parser:
    __slots__ = ("_scanner",)

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    def whole(self) -> Expression:
        scanner = self._scanner
        scanner.skip_space()
        if not scanner.next:
            raise scanner.error(
                "the expression is empty", hint="write for example metrics.auc > 0.9"
            )
        found = self._either(0)
        scanner.skip_space()
        if scanner.next:
            raise self._rest()
        return found

    def _either(self, depth: int) -> Expression:
        return self._joined("or", depth)

    def _joined(self, word: Literal["and", "or"], depth: int) -> Expression:
        parts: list[Expression] = []
        while True:
            part = self._joined("and", depth) if word == "or" else self._term(depth)
            # (a and b) and c is a and b and c.
            is_same = isinstance(part, Junction) and part.word == word
            parts += part.parts if is_same and isinstance(part, Junction) else [part]
            if self._scanner.peek_word() != word:
                return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))
            self._scanner.name()

    def _term(self, depth: int) -> Expression:
        scanner = self._scanner
        word = scanner.peek_word()
        if depth >= MAX_DEPTH and (word == "not" or scanner.next == "("):
            raise scanner.error(f"more than {MAX_DEPTH} levels of parentheses and not")
        if word == "not":
            scanner.name()
            return Negation(self._term(depth + 1))
        if scanner.next != "(":
            return self._test()
        opened = scanner.index
        scanner.index += 1
        inner = self._either(depth + 1)
        scanner.skip_space()
        if scanner.next != ")":
            if scanner.next:
                raise self._rest()
            raise scanner.error("this parenthesis is not closed", at=opened)
        scanner.index += 1
        return inner

    def _test(self) -> Expression:
        scanner = self._scanner
        start = scanner.index
        if scanner.next and scanner.next in "!&|=<>~":
            raise self._wrong_operator(scanner.operator(), start)
        field = read_field(scanner)
        if scanner.peek_word() == "is":
            scanner.name()
            return self._presence(field)
        at = scanner.index
        operator = scanner.operator()
        if not operator:
            if type_of(field) in {"flag", "any"}:
                return Flag(field)
            message = f"{field} is compared with nothing"
            hint = f"write {field} = VALUE, or {field} is set"
            raise scanner.error(message, at=start, hint=hint)
        if operator not in _OPERATORS:
            raise self._wrong_operator(operator, at)
        operand = read_operand(scanner, field, cast("Operator", operator))
        scanner.skip_space()
        if scanner.next and scanner.next in "=<>!~":
            message = "comparisons cannot be chained"
            raise scanner.error(message, hint=f"write {field} {operator} ... and {field} ...")
        return Comparison(field, cast("Operator", operator), operand)

    def _presence(self, field: Field) -> Expression:
        scanner = self._scanner
        is_not = scanner.peek_word() == "not"
        if is_not:
            scanner.name()
        what = scanner.peek_word()
        if what not in {"set", "nan"}:
            raise scanner.error("set or nan is expected after is", hint=f"write {field} is set")
        if type_of(field) == "flag":
            raise scanner.error(f"{field} is true or false", hint=f"write {field}, or not {field}")
        scanner.name()
        found = Presence(field, "set" if what == "set" else "nan")
        return Negation(found) if is_not else found

    def _wrong_operator(self, operator: str, at: int) -> Exception:
        message = f"{operator[:10]} is not an operator"
        hint = _INSTEAD.get(operator, "operators are = != < <= > >= ~")
        if operator in _OPERATORS:
            message = f"a field is expected before {operator}"
            hint = f"write for example version {operator.replace('~', '=')} 3"
        return self._scanner.error(message, at=at, hint=hint)

    def _rest(self) -> Exception:
        scanner = self._scanner
        if scanner.next == ")":
            return scanner.error("this parenthesis was not opened")
        if scanner.next in "&|":
            return self._wrong_operator(scanner.operator(), scanner.index - 1)
        hint = "a text with spaces needs quotes"
        return scanner.error("and, or or the end is expected here", hint=hint)
