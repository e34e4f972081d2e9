"""Deprecated versions of one model: `STEM.deprecated.yaml`, beside the pointer, with one line a version.

Guarantees: `Deprecations.from_text(d.to_text()) == d`; equal values have equal texts; unknown keys are kept;
invalid bytes raise AliasError or NewerFormatError only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gitmodel.domain.conflict_markers import (
    FORMAT,
    conflict_sides,
    refuse_newer,
    resolve_hint,
)
from gitmodel.domain.fields import Fields
from gitmodel.domain.pointer import DEPRECATED_SUFFIX, HEADER, POINTER_SUFFIX
from gitmodel.domain.reference import DEPRECATED, MAX_VERSION
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.yaml.key_order import sort_keys
from gitmodel.domain.yaml.reader import block, decode, entry, parse_decoded
from gitmodel.errors import AliasError, TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

_NUMBER = lazy_compile("[1-9][0-9]{0,8}")
_DATE = lazy_compile("[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Why a version should no longer be used. Dates are in UTC, `YYYY-MM-DD`."""

    why: str
    since: str | None = None
    until: str | None = None  # after it nobody should depend on the version any more
    instead: int | None = None  # number of the version to use
    unknown: Mapping[str, Value] = field(default_factory=dict)

    def words(self) -> str:
        """Return "deprecated since 2026-11-28 (until 2027-01-31): leaked labels"."""
        since = f" since {self.since}" if self.since else ""
        until = f" (until {self.until})" if self.until else ""
        return f"deprecated{since}{until}: {quote_text(self.why, limit=200)[1:-1]}"


@dataclass(frozen=True, slots=True)
class Deprecations:
    """The deprecated versions of a model, by number."""

    versions: Mapping[int, Deprecation] = field(default_factory=dict)
    unknown: Mapping[str, Value] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the canonical text, sorted by number.

        Raises AliasError if the text would be too long, or `from_text` would refuse it.
        """
        lines = [HEADER, f"gitmodel: {FORMAT}"]
        lines.append("deprecated:" if self.versions else "deprecated: {}")
        try:
            for number in sorted(self.versions):
                one = self.versions[number]
                values: dict[str, Value] = {"why": one.why}
                for key in ("since", "until", "instead"):
                    if (value := getattr(one, key)) is not None:
                        values[key] = value
                line = entry(str(number), {**values, **sort_keys(one.unknown)}, 2)
                lines.append(line.replace(f'"{number}"', str(number), 1))
            lines += block(sort_keys(self.unknown))
        except TextError as error:
            raise AliasError(f"the new deprecations: {error.message}", hint=error.hint) from error
        text = "\n".join(lines) + "\n"
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise AliasError(
                f"the file would have {size} bytes; the maximum is {MAX_TEXT_BYTES}",
                hint="give a shorter reason",
            )
        self.from_text(text, what="the new deprecations")
        return text

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str) -> Self:
        """Read a file of deprecations, canonical or not; `what`, its path, begins every message.

        Raises AliasError if the file has conflict markers or is invalid otherwise, NewerFormatError if the
        format is a newer one.
        """
        data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
        try:
            text = decode(data, what=what)
            refuse_newer(text, what)
            in_conflict = conflict_sides(text) is not None
            values = {} if in_conflict else parse_decoded(text, what=what)
        except TextError as error:
            raise AliasError(error.message, hint=error.hint) from error
        if in_conflict:
            stem = what.rpartition("/")[2].removesuffix(DEPRECATED_SUFFIX)
            raise AliasError(
                f"{what}: unresolved merge conflict", hint=resolve_hint(stem, DEPRECATED)
            )
        fields = Fields(values, what, error=AliasError)
        if fields.take("gitmodel") != FORMAT:
            raise fields.wrong("gitmodel", f"must be {FORMAT}")
        inner = fields.inner("deprecated") or Fields({}, what, error=AliasError)
        versions: dict[int, Deprecation] = {}
        for name in inner.names():
            keys = inner.inner(name) if _NUMBER.fullmatch(name) else None
            if keys is None:
                raise inner.wrong(quote_text(name), "is not a version number with a reason")
            versions[int(name)] = Deprecation(
                why=keys.text("why"),
                since=_date(keys, "since"),
                until=_date(keys, "until"),
                instead=keys.optional_number("instead", least=1, most=MAX_VERSION),
                unknown=keys.rest(),
            )
        return cls(versions, fields.rest())


def deprecations_path_for(pointer_path: str) -> str:
    """Return the path of a model's deprecations: beside its pointer, with the same stem."""
    return pointer_path.removesuffix(POINTER_SUFFIX) + DEPRECATED_SUFFIX


def check_date(text: str) -> str | None:
    """Return `text` if it is a date `YYYY-MM-DD`, else None."""
    return text if _DATE.fullmatch(text) else None


def _date(fields: Fields, name: str) -> str | None:
    text = fields.optional_text(name)
    if text is not None and check_date(text) is None:
        raise fields.wrong(name, "must be a date such as 2027-01-31")
    return text
