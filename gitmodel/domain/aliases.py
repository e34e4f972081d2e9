"""Aliases: movable names for versions of one model, such as `production` or `staging`.

`NAME.aliases.yaml` is a file beside the pointer, so a promotion can have its own pull request and code owners. Each
alias is one line with number and digest, so a merge by lines cannot mix two aliases. A clone of depth 1 can resolve
an alias, and roll it back to `was`.

Guarantees: `Aliases.from_text(a.to_text()) == a`; equal values have equal texts; unknown keys are kept; invalid bytes
raise TextError or NewerFormatError only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gitmodel.domain.conflict_markers import refuse_newer
from gitmodel.domain.fields import Fields
from gitmodel.domain.pointer import HEADER, POINTER_SUFFIX
from gitmodel.domain.reference import MAX_VERSION, check_alias
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.limits import MAX_TEXT_BYTES
from gitmodel.domain.yaml.key_order import sort_keys
from gitmodel.domain.yaml.reader import block, decode, entry, parse_decoded, quoted
from gitmodel.errors import ModelNameError, TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.yaml.reader import Value

ALIASES_SUFFIX = ".aliases.yaml"

_NUMBER = lazy_compile("[1-9][0-9]{0,8}")
_CONFLICT = lazy_compile(r"^(?:<{7,}|>{7,})(?: |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Alias:
    """The version of one alias.

    Attributes:
        version: Number of the version.
        digest: Digest of its weights, which takes precedence over the number.
        was: The previous number, if the alias was moved.
        unknown: Unknown keys, kept unchanged.
    """

    version: int
    digest: Digest
    was: int | None = None
    unknown: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aliases:
    """All aliases of one model, and its deprecated versions.

    Attributes:
        aliases: The aliases by name.
        deprecated: Reasons of deprecated versions, by number.
        unknown: Unknown keys, kept unchanged.
    """

    aliases: Mapping[str, Alias] = field(default_factory=dict)
    deprecated: Mapping[int, str] = field(default_factory=dict)
    unknown: Mapping[str, Value] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the canonical text, with aliases sorted by name and deprecated versions by number.

        Raises:
            TextError: The text would be too long, or `from_text` would refuse it.
        """
        lines = [HEADER, "aliases:" if self.aliases else "aliases: {}"]
        for name in sorted(self.aliases):
            alias = self.aliases[name]
            values: dict[str, Value] = {"version": alias.version, "digest": str(alias.digest)}
            if alias.was is not None:
                values["was"] = alias.was
            lines.append(entry(name, {**values, **sort_keys(alias.unknown)}, 2))
        if self.deprecated:
            lines.append("deprecated:")
            lines += [
                f"  {number}: {quoted(self.deprecated[number])}"
                for number in sorted(self.deprecated)
            ]
        lines += block(sort_keys(self.unknown))
        text = "\n".join(lines) + "\n"
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise TextError(
                f"the alias file would have {size} bytes; the maximum is {MAX_TEXT_BYTES}",
                hint="remove unused aliases",
            )
        self.from_text(text, what="the new alias file")
        return text

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str) -> Self:
        """Read an alias file, canonical or not; an empty file has no aliases.

        Args:
            raw: The bytes of the file.
            what: Path of the file, the beginning of every message.

        Raises:
            TextError: The file has conflict markers or is invalid otherwise.
            NewerFormatError: The format is a newer one.
        """
        data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
        text = decode(data, what=what)
        refuse_newer(text, what)
        if _CONFLICT.search(text):
            raise TextError(
                f"{what}: unresolved merge conflict",
                hint="keep one line for each alias, remove the markers, then git add FILE",
            )
        fields = Fields(parse_decoded(text, what=what), what, error=TextError)
        aliases = _aliases(fields.inner("aliases") or Fields({}, what))
        deprecated = _deprecated(fields.inner("deprecated") or Fields({}, what))
        return cls(aliases, deprecated, fields.rest())


def aliases_path_for(pointer_path: str) -> str:
    """Return the path of a pointer's alias file: beside it, with the same stem."""
    return pointer_path.removesuffix(POINTER_SUFFIX) + ALIASES_SUFFIX


def _aliases(fields: Fields) -> dict[str, Alias]:
    aliases: dict[str, Alias] = {}
    for name in fields.names():
        try:
            check_alias(name)
        except ModelNameError as error:
            raise TextError(f"{fields.what}: {error.message}", hint=error.hint) from error
        values = fields.inner(name)
        if values is None:
            raise fields.wrong(name, "is empty")
        aliases[name] = Alias(
            version=values.number("version", least=1, most=MAX_VERSION),
            digest=values.digest("digest"),
            was=values.optional_number("was", least=1, most=MAX_VERSION),
            unknown=values.rest(),
        )
    return aliases


def _deprecated(fields: Fields) -> dict[int, str]:
    deprecated: dict[int, str] = {}
    for name in fields.names():
        if not _NUMBER.fullmatch(name):
            raise fields.wrong(quote_text(name), "is not a version number")
        deprecated[int(name)] = fields.text(name)
    return deprecated
