"""The fields of a version that an expression can name, and how a key is found in a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from gitmodel.domain.query.expression import Field

if TYPE_CHECKING:
    from gitmodel.domain.query.scanner import Scanner

FieldType = Literal["text", "number", "size", "time", "flag", "any"]
Values: TypeAlias = "tuple[int | float | str | bool, ...]"

FIELDS: Mapping[str, FieldType] = {
    "name": "text",
    "version": "number",
    "size": "size",
    "run_id": "text",
    "license": "text",
    "tag": "text",
    "alias": "text",
    "by": "text",
    "at": "time",
    "deprecated": "flag",
    "base": "text",
    "code": "text",
}
GROUPS = ("metrics", "params", "format", "data", "run")
MAX_PARTS = 16  # of a key

_WORDS = ("and", "or", "not", "is", "nan", "set", "true", "false")


def type_of(field: Field) -> FieldType:
    """What values a field has; `any` for keys of groups."""
    return "any" if field.key else FIELDS[field.name]


def read_field(scanner: Scanner) -> Field:
    """Take a field. Raises QueryError if there is none, or it is not known."""
    start = scanner.index
    name = scanner.name()
    if not name:
        raise _no_field(scanner)
    key: list[str] = []
    while scanner.next == ".":
        scanner.index += 1
        key.append(_key_part(scanner))
    if scanner.next and scanner.next not in " \t\r\n()=<>!~&|,\"'" and not scanner.next.isspace():
        whole = f'{name}."{".".join(key) or "..."}{scanner.bare()}"'
        message = "a name with other characters than letters, digits, - and _ needs quotes"
        raise scanner.error(message, at=start, hint=f"write {whole}" if key else None)
    if name in GROUPS:
        if not key:
            message = f"{name} needs a name, such as {name}.{_EXAMPLES[name]}"
            raise scanner.error(message, at=start)
        if len(key) > MAX_PARTS:
            raise scanner.error(f"a name has at most {MAX_PARTS} parts", at=start)
        return Field(name, tuple(key))
    if name not in FIELDS or key:
        raise _unknown(scanner, start, name, key)
    return Field(name)


_EXAMPLES = {
    "metrics": "auc",
    "params": "lr",
    "format": "type",
    "data": "name",
    "run": "system",
}


def _key_part(scanner: Scanner) -> str:
    if scanner.next in {'"', "'"} and scanner.next:
        return scanner.quoted()
    part = scanner.name()
    if not part:
        message = "a name is expected after the dot; odd names need quotes"
        raise scanner.error(message, hint='write for example metrics."val/f1"')
    return part


def _no_field(scanner: Scanner) -> Exception:
    if scanner.next in {'"', "'"} and scanner.next:
        return scanner.error("a field is expected here, not a text in quotes", hint=_known())
    if not scanner.next:
        return scanner.error("a field is expected, and the expression ends here", hint=_known())
    return scanner.error("a field is expected here", hint=_known())


def _unknown(scanner: Scanner, start: int, name: str, key: list[str]) -> Exception:
    import difflib  # 5 ms, for errors only

    from gitmodel.domain.text.escape import escaped, quote_text

    if name in FIELDS:
        return scanner.error(f"{name} has no parts", at=start, hint=f"write {name}")
    if name.lower() in _WORDS:
        return scanner.error(f"a field is expected, not the word {name}", at=start, hint=_known())
    if name[:1].isdigit() or name[:1] == "-":
        hint = "write the field first, such as metrics.auc > 0.9"
        return scanner.error("a field is expected on the left side", at=start, hint=hint)
    close = difflib.get_close_matches(name[:40].lower(), [*FIELDS, *GROUPS], n=1, cutoff=0.6)
    meant = Field(close[0], tuple(key) if close[0] in GROUPS else ()) if close else None
    hint = f"did you mean {escaped(str(meant)[:80])}?" if meant else _known()
    return scanner.error(f"{quote_text(name, limit=40)} is not a field", at=start, hint=hint)


def _known() -> str:
    groups = " ".join(f"{group}.NAME" for group in GROUPS)
    return f"fields are {' '.join(FIELDS)} {groups}"


def find_key(values: object, key: tuple[str, ...]) -> Values:
    """The values at a key: none, one, or those of a list.

    A key of several parts is one name with dots if there is one, as for `eval.auc`; else the longest beginning
    that is a name leads to a mapping, in which the rest is looked for. Nulls and mappings are no values.
    """
    if len(key) == 1 and type(values) is dict:  # nearly always, and 100,000 times
        return _plain(values.get(key[0]))
    while isinstance(values, Mapping):
        for count in range(len(key), 0, -1):
            name = ".".join(key[:count])
            if name in values:
                values, key = values[name], key[count:]
                break
        else:
            return ()
        if not key:
            return _plain(values)
    return ()


def _plain(value: object) -> Values:
    if isinstance(value, _SCALARS):
        return (value,)
    if isinstance(value, _LISTS):
        return tuple(item for item in value if isinstance(item, _SCALARS))
    return ()


_SCALARS = (int, float, str)
_LISTS = (list, tuple)
