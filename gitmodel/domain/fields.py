"""Typed access to the keys of a parsed file, for pointers and alias files.

Each method takes a key out of the mapping; the remaining keys are unknown ones. An error names the file and
the key, but not the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest
from gitmodel.errors import GitmodelError, PointerError, TextError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.domain.yaml.reader import Value

_HINT = "correct that line, or restore the file with git checkout HEAD -- FILE"


class Fields:
    """The keys of one mapping, which is copied; `inside` is its key in the file `what`, "" for the root.

    A method raises `error`, whose message begins with `what`, if the value is invalid or has another type,
    or if it is missing and the method does not say that it is optional.
    """

    __slots__ = ("_error", "_inside", "_values", "_what")

    def __init__(
        self,
        values: Mapping[str, Value],
        what: str,
        *,
        inside: str = "",
        error: type[TextError] = PointerError,
    ) -> None:
        self._values = dict(values)
        self._what = what
        self._inside = inside
        self._error = error

    @property
    def what(self) -> str:
        """The file, as in messages."""
        return self._what

    def names(self) -> tuple[str, ...]:
        """Return the remaining keys."""
        return tuple(self._values)

    def wrong(self, name: str, problem: str) -> TextError:
        """Return an error `FILE: NAME PROBLEM` for the caller to raise."""
        where = f"{self._inside}.{name}" if self._inside else name
        return self._error(f"{self._what}: {where} {problem}", hint=_HINT)

    def take(self, name: str) -> Value:
        """Take a value of any type; None if it is missing or null."""
        return self._values.pop(name, None)

    def rest(self) -> dict[str, Value]:
        """Take all remaining keys."""
        rest, self._values = self._values, {}
        return rest

    def text(self, name: str) -> str:
        """Take a string."""
        if (value := self.optional_text(name)) is None:
            raise self.wrong(name, "is missing")
        return value

    def optional_text(self, name: str) -> str | None:
        """Take an optional string."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise self.wrong(name, "must be a string, in double quotes")
        return value

    def checked(self, name: str, check: Callable[[str], str]) -> str:
        """Take a string that passes `check`."""
        value = self.text(name)
        try:
            return check(value)
        except GitmodelError as error:
            raise self.wrong(name, f"is refused: {error.message}") from error

    def checked_all(
        self, name: str, check: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """Take a list of strings that passes `check`; empty if it is missing."""
        values = self.texts(name)
        try:
            return check(values)
        except GitmodelError as error:
            raise self.wrong(name, f"is refused: {error.message}") from error

    def digest(self, name: str) -> Digest:
        """Take a digest."""
        value = self.text(name)
        try:
            return Digest.parse(value)
        except PointerError as error:
            raise self.wrong(name, "must be blake3: and 64 lower-case hex digits") from error

    def optional_digest(self, name: str) -> Digest | None:
        """Take an optional digest."""
        return self.digest(name) if self._values.get(name) is not None else None

    def number(self, name: str, *, least: int, most: int) -> int:
        """Take an integer in a range, both ends included."""
        if (value := self.optional_number(name, least=least, most=most)) is None:
            raise self.wrong(name, "is missing")
        return value

    def optional_number(self, name: str, *, least: int, most: int) -> int | None:
        """Take an optional integer in a range."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, f"must be a whole number from {least} to {most}")
        return value

    def optional_mapping(self, name: str) -> dict[str, Value] | None:
        """Take an optional mapping."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, "must be a mapping")
        return value

    def inner(self, name: str) -> Fields | None:
        """Take an optional mapping, for access to its keys."""
        value = self.optional_mapping(name)
        if value is None:
            return None
        inside = f"{self._inside}.{name}" if self._inside else name
        return Fields(value, self._what, inside=inside, error=self._error)

    def metrics(self, name: str) -> dict[str, int | float | str | bool]:
        """Take a mapping to numbers, strings and booleans; empty if it is missing."""
        result: dict[str, int | float | str | bool] = {}
        for key, value in (self.optional_mapping(name) or {}).items():
            if value is None or isinstance(value, list | dict):
                raise self.wrong(name, "must contain only numbers, strings and booleans")
            result[key] = value
        return result

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of strings; empty if it is missing."""
        items = self._list(name)
        texts = tuple(item for item in items if isinstance(item, str))
        if len(texts) < len(items):
            raise self.wrong(name, "must be a list of strings, in double quotes")
        return texts

    def mappings(self, name: str) -> tuple[dict[str, Value], ...]:
        """Take a list of mappings; empty if it is missing."""
        items = self._list(name)
        mappings = tuple(item for item in items if isinstance(item, dict))
        if len(mappings) < len(items):
            raise self.wrong(name, "must be a list of mappings")
        return mappings

    def _list(self, name: str) -> list[Value]:
        value = self.take(name)
        if value is not None and not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        return value or []
