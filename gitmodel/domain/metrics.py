"""Reads metrics from files that training writes, or from `NAME=VALUE` on a command line.

A metric has a name and a value: a number, text or a boolean. Nested mappings become names with dots
(`eval.auc`). Lists, nulls and values that a pointer cannot store are skipped, with a reason for each.
Guarantee: reading returns values or raises `TextError`; the limits below bound time and memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from gitmodel.domain.python_values import to_builtin
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.reader import INTEGER_LIMIT, decode, flow, parse, resolve_scalar
from gitmodel.errors import TextError, UsageError

if TYPE_CHECKING:
    from decimal import Decimal

Metric: TypeAlias = int | float | str | bool

MAX_FILE_BYTES = 8 << 20  # 8 MiB: enough for a trainer_state.json with a log of each step
# tomllib takes quadratic time for a key of many parts: 20 s for 30,000 parts in 60 KiB (measured). Keys of
# more than 32 parts are refused first; quotes can hide one, which takes 0.2 s in 16 KiB (measured).
MAX_TOML_BYTES = 16 << 10
_MAX_DOTS = 32
MAX_DEPTH = 8
# A pointer has at most 64 KiB; metrics may take half of it.
MAX_VALUES = 500
MAX_TOTAL_CHARACTERS = 32 << 10
MAX_KEY_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 1000


class MetricsRead(NamedTuple):
    """The metrics or params of a file."""

    values: Mapping[str, Any]  # in the file's order
    skipped: tuple[tuple[str, str], ...]  # name and reason of each skipped value


def as_decimal(value: Metric | None) -> Decimal | None:
    """Return a finite number exactly as it is written; None for other values."""
    if value is None or isinstance(value, str | bool):
        return None
    from decimal import Decimal

    number = Decimal(repr(value))
    return number if number.is_finite() else None


def read_metrics(raw: bytes, *, path: str, lists: bool = False) -> MetricsRead:
    """Read a file of metrics: JSON, YAML (a subset) or TOML, by its extension.

    With `lists`, lists and null are accepted, as for params. Raises TextError if the extension is unknown,
    the file does not parse or is too large, a name occurs twice, or a pointer cannot store so many values.
    """
    ending = path.lower().rpartition(".")[2]
    match ending:
        case "json":
            content = _from_json(raw, path)
        case "yaml" | "yml":
            content = parse(raw, what=path, max_depth=MAX_DEPTH)
        case "toml":
            content = cast("dict[str, object]", to_builtin(_from_toml(raw, path)))  # it has dates
        case _:
            raise TextError(
                f"{path}: metrics files must be .json, .yaml, .yml or .toml",
                hint="gitmodel add PATH --metric NAME=VALUE",
            )
    return _Flattener(path, lists=lists).of(content)


def metrics_from_mapping(
    values: Mapping[str, object], *, what: str, lists: bool = False
) -> MetricsRead:
    """Convert Python values as `read_metrics` does those of a file.

    Raises TextError if a pointer cannot store so many values.
    """
    content = to_builtin(values)
    return _Flattener(what, lists=lists).of(content if isinstance(content, dict) else {})


def parse_assignment(text: str) -> tuple[str, Metric]:
    """Parse `NAME=VALUE`: "auc=0.93" is ("auc", 0.93).

    The value is a YAML 1.2 number or boolean, `nan`, `inf`, `-inf`, or else text. In double quotes it is
    always text. Raises UsageError if there is no `=` or no name, or a pointer cannot store the value.
    """
    name, equals, written = text.partition("=")
    name = name.strip()
    written = written.strip()
    value: object = written
    if len(written) > 1 and written[0] == written[-1] == '"':
        value = written[1:-1]
    elif written.lower() in {"nan", "inf", "+inf", "-inf", "infinity", "-infinity"}:
        value = float(written)
    elif written:
        value = resolve_scalar(written)
    problem = _key_problem(name) or _value_problem(value)
    if not equals or not written or not name:
        problem = "it is not NAME=VALUE"
    if problem or not isinstance(value, str | int | float):
        raise UsageError(
            f"{quote_text(text)} cannot be recorded: {problem}", hint="write it as auc=0.93"
        )
    return name, value


def _from_json(raw: bytes, path: str) -> Mapping[str, object]:
    # Editors on Windows add a byte order mark.
    text = decode(raw.removeprefix(b"\xef\xbb\xbf"), what=path, max_bytes=MAX_FILE_BYTES)
    try:
        content = json.loads(text, object_pairs_hook=lambda pairs: _unique_keys(pairs, path))
    except json.JSONDecodeError as error:
        raise TextError(f"{path}: line {error.lineno}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise TextError(f"{path}: nested too deeply") from error
    except ValueError as error:  # more digits than Python converts
        raise TextError(f"{path}: a number has too many digits") from error
    if not isinstance(content, dict):
        raise TextError(f'{path}: the file must be an object such as {{"auc": 0.93}}')
    return content


def _unique_keys(pairs: list[tuple[str, Any]], path: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise TextError(f"{path}: {quote_text(key)} occurs twice")
        result[key] = value
    return result


def _from_toml(raw: bytes, path: str) -> Mapping[str, object]:
    import tomllib  # 4 ms; TOML holds the params of torchtitan, sd-scripts and some DVC projects

    text = decode(raw, what=path, max_bytes=MAX_TOML_BYTES)
    if any(piece.count(".") > _MAX_DOTS for piece in re.split(r"[=,\[\]{}\n#]", text)):
        raise TextError(f"{path}: nested too deeply")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TextError(f"{path}: not TOML: {quote_text(str(error), limit=120)[1:-1]}") from error
    except (RecursionError, ValueError) as error:
        raise TextError(f"{path}: nested too deeply, or a number has too many digits") from error


class _Flattener:
    """Flattens the nested mappings of one file."""

    def __init__(self, path: str, *, lists: bool) -> None:
        self._path = path
        self._lists = lists
        self._values: dict[str, Any] = {}
        self._skipped: list[tuple[str, str]] = []
        self._characters = 0

    def of(self, content: Mapping[str, object]) -> MetricsRead:
        self._add(content, "", 1)
        return MetricsRead(self._values, tuple(self._skipped))

    def _add(self, content: Mapping[str, object], prefix: str, depth: int) -> None:
        for name, value in content.items():
            key = f"{prefix}{name}"
            problem = _key_problem(name) or _key_problem(key)
            if problem is None and isinstance(value, Mapping):
                if depth < MAX_DEPTH:
                    self._add(value, f"{key}.", depth + 1)
                    continue
                problem = f"more than {MAX_DEPTH} levels of nesting"
            if problem := problem or _value_problem(value, lists=self._lists):
                self._skip(key, problem)
            else:
                self._take(key, value)

    def _skip(self, key: str, reason: str) -> None:
        # Skipped values are limited too.
        if len(self._skipped) < MAX_VALUES:
            self._skipped.append((key[:MAX_KEY_CHARACTERS], reason))

    def _take(self, key: str, value: object) -> None:
        if key in self._values:
            raise TextError(
                f"{self._path}: {quote_text(key)} occurs twice, once with a dot in its name"
            )
        self._values[key] = value
        self._characters += len(key) + len(str(value))
        if len(self._values) > MAX_VALUES or self._characters > MAX_TOTAL_CHARACTERS:
            raise TextError(
                f"{self._path}: a pointer stores at most {MAX_VALUES} values and"
                f" {MAX_TOTAL_CHARACTERS} characters",
                hint="write the important metrics to a separate file",
            )


def _key_problem(key: str) -> str | None:
    if not key.strip():
        return "its name is empty"
    if len(key) > MAX_KEY_CHARACTERS:
        return f"its name is longer than {MAX_KEY_CHARACTERS} characters"
    if not key.isprintable():
        return "its name has control or invisible characters"
    return None


def _value_problem(value: object, *, lists: bool = False) -> str | None:
    if lists and (value is None or isinstance(value, list)):
        return _list_problem(value)
    problem = None
    match value:
        case bool() | float():
            pass
        case int():
            if abs(value) >= INTEGER_LIMIT:
                problem = "an integer of more than 100 digits"
        case str():
            if len(value) > MAX_TEXT_CHARACTERS:
                problem = f"text of more than {MAX_TEXT_CHARACTERS} characters"
            elif not _is_utf8(value):
                problem = "text that is not UTF-8"
        case None:
            problem = "it has no value"
        case list():
            problem = "a list cannot be recorded here"
        case _:
            problem = f"a value of the type {type(value).__name__} cannot be recorded"
    return problem


def _list_problem(value: list[Any] | None) -> str | None:
    try:
        written = flow(value)
    except TextError as error:
        return f"a list with {error.message.lower()}"
    return None if len(written) <= MAX_TEXT_CHARACTERS else "a list of too many characters"


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
