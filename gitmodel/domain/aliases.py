"""Aliases: movable names for versions of one model, such as `production` or `staging`.

An alias is a small file beside the model's pointer, `STEM.ALIAS.alias.yaml`. So two aliases never meet in a
merge, and a promotion can have its own code owners. The file contains size and metrics of the version: a clone
of depth 1 can show it, and the diff of a promotion shows what changes. Name, alias, version and digest are
neighbours, and the last line is a `check` as in pointers. Without them Git would merge a renamed alias with the
move of another one.

Guarantees: `Alias.from_text(a.to_text(), path) == a`; equal aliases have equal texts; unknown keys are kept;
invalid bytes raise AliasError or NewerFormatError only.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gitmodel.domain.conflict_markers import (
    FORMAT,
    check_as_written,
    check_of,
    refuse_conflict,
    refuse_newer,
    resolve_hint,
)
from gitmodel.domain.fields import Fields
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    EARLY_SUFFIX,
    HEADER,
    MAX_SIZE,
    POINTER_SUFFIX,
    Pointer,
    Previous,
    alias_path_for,
    previous_of,
    with_digest,
)
from gitmodel.domain.reference import MAX_VERSION, check_alias, check_name
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.key_order import file_body, first_difference
from gitmodel.domain.yaml.reader import decode, parse_decoded
from gitmodel.errors import (
    AliasError,
    MixedAliasError,
    ModelNameError,
    PointerError,
    TextError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.yaml.reader import Value, Writable


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """What one alias of a model means."""

    name: str
    alias: str
    version: int
    digest: Digest  # of the weights; it takes precedence over the number
    size: int  # of the weights, in bytes
    chunks: Digest | None = None  # as in the pointer; None if unknown
    metrics: Mapping[str, Metric] = field(default_factory=dict)  # copied from the version's pointer
    previous: Previous | None = None  # what roll-back returns to; None if unknown
    why: str | None = None  # the reason that was given for the promotion
    forced: str | None = None  # the reason that was given for overriding a gate
    imported: Mapping[str, Value] | None = None  # from where: `from`, `id`, `by`, `at`
    unknown: Mapping[str, Value] = field(default_factory=dict)  # kept unchanged

    @classmethod
    def of(cls, alias: str, pointer: Pointer, **keys: Previous | str | None) -> Self:
        """Return an alias that means the version of a pointer; `keys` are `previous`, `why` and `forced`."""
        return cls(
            name=pointer.name,
            alias=alias,
            version=pointer.version,
            digest=pointer.digest,
            size=pointer.size,
            chunks=pointer.chunks,
            metrics=pointer.metrics,
            **keys,  # type: ignore[arg-type]  # a mapping cannot have one type a key
        )

    def means(self, other: Alias) -> bool:
        """Whether both mean the same version."""
        return (self.version, self.digest) == (other.version, other.digest)

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}"

    def to_text(self) -> str:
        """Return the canonical text, with the check as its last line.

        Raises AliasError if `from_text` would not return an equal alias; the message names the key.
        """
        try:
            body = self.body()
        except PointerError as error:
            message = error.message.replace("the new pointer", "the new alias", 1)
            raise AliasError(message, hint=error.hint) from error
        text = f'{HEADER}\n{body}check: "{check_of(body)}"\n'
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise AliasError(
                f"the file of {self} would have {size} bytes; the maximum is {MAX_TEXT_BYTES}",
                hint="give a shorter reason",
                model=self.name,
            )
        path = alias_path_for(self.name.rpartition("/")[2] + POINTER_SUFFIX, self.alias)
        back = type(self).from_text(text, path, what="the new alias")
        if back != self and (key := first_difference(self, back)):
            raise AliasError(
                f"the new alias: {key} would not be read back unchanged", model=self.name
            )
        return text

    def body(self) -> str:
        """Return the canonical lines from `gitmodel:` to the one before `check:`."""
        previous = self.previous
        known: dict[str, Writable] = {
            "gitmodel": FORMAT,
            "name": self.name,
            "alias": self.alias,
            "version": self.version,
            "digest": str(self.digest),
            "size": self.size,
            "chunks": None if self.chunks is None else str(self.chunks),
            "metrics": self.metrics or None,
            "previous": None
            if previous is None
            else with_digest("version", previous.version, previous),
            "why": self.why,
            "forced": self.forced,
            "imported": self.imported,
        }
        return file_body(known, self.unknown)

    @classmethod
    def from_text(
        cls, raw: bytes | str, path: str, *, what: str | None = None, anywhere: bool = False
    ) -> Self:
        """Read an alias file, canonical or not; `what` begins every message, else `path`.

        Name and alias must fit the path; `anywhere` accepts the file of another alias or model, such as one
        side of a renamed file. Raises MixedAliasError if there are conflict markers, or the check is
        missing or wrong, AliasError if the alias is invalid otherwise, NewerFormatError if the format is a
        newer one.
        """
        what = path if what is None else what
        data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
        try:
            text = decode(data, what=what)
            refuse_newer(text, what)
            refuse_conflict(text, what)
            values = parse_decoded(text, what=what)
            check = values.pop("check", None)
            alias = cls._from_values(Fields(values, what, error=AliasError))
        except MixedAliasError:
            raise
        except TextError as error:
            raise AliasError(error.message, hint=_write_again(path)) from error
        if not anywhere:
            _refuse_other_place(alias, path, what)
        if (check is None or check != check_as_written(text)) and check != check_of(alias.body()):
            problem = "no check line" if check is None else "the check line does not match"
            raise MixedAliasError(
                f"{what}: {problem}: the file was merged line by line or edited by hand",
                hint=resolve_hint(alias.name, alias.alias),
                model=alias.name,
            )
        return alias

    @classmethod
    def _from_values(cls, fields: Fields) -> Self:
        if fields.take("gitmodel") != FORMAT:
            raise fields.wrong("gitmodel", f"must be {FORMAT}")
        return cls(
            name=fields.checked("name", check_name),
            alias=fields.checked("alias", check_alias),
            version=fields.number("version", least=1, most=MAX_VERSION),
            digest=fields.digest("digest"),
            size=fields.number("size", least=0, most=MAX_SIZE),
            chunks=fields.optional_digest("chunks"),
            metrics=fields.metrics("metrics"),
            previous=previous_of(fields.inner("previous")),
            why=fields.optional_text("why"),
            forced=fields.optional_text("forced"),
            imported=fields.optional_mapping("imported"),
            unknown=fields.rest(),
        )


def split_alias_path(path: str) -> tuple[str, str]:
    """Return the path of the pointer beside an alias file, and the alias that the path names.

    Raises AliasError if the path names no alias.
    """
    stem, dot, alias = path.removesuffix(ALIAS_SUFFIX).rpartition(".")
    problem = "the file name is not STEM.ALIAS.alias.yaml"
    if dot and path.endswith(ALIAS_SUFFIX) and stem.rpartition("/")[2]:
        try:
            return stem + POINTER_SUFFIX, check_alias(alias)
        except ModelNameError as error:
            problem = error.message
    raise AliasError(
        f"{quote_text(path, limit=200)} is not the path of an alias: {problem}",
        hint=f"git rm {shlex.quote(path)}, then gitmodel promote NAME@VERSION production",
    )


def early_file_error(path: str, name: str | None = None) -> AliasError:
    """Return the error for the alias file of an early build; the model is named by the file if None."""
    name = path.rpartition("/")[2].removesuffix(EARLY_SUFFIX) if name is None else name
    return AliasError(
        f"{path} is of an early build",
        hint=f"gitmodel promote {name}@VERSION production, the same for each alias in it, "
        f"then git rm {shlex.quote(path)}",
        model=name,
    )


def _write_again(path: str) -> str:
    """The commands that replace a file that does not parse; the one of the last commit may not parse either."""
    stem, _, alias = path.removesuffix(ALIAS_SUFFIX).rpartition(".")
    name = stem.rpartition("/")[2]
    return f"git rm -f {shlex.quote(path)}, then gitmodel promote {name}@VERSION {alias}"


def _refuse_other_place(alias: Alias, path: str, what: str) -> None:
    """Refuse a file that was renamed, or that Git merged into the file of another alias."""
    pointer_path, word = split_alias_path(path)
    stem = pointer_path.rpartition("/")[2].removesuffix(POINTER_SUFFIX)
    if (stem, word) == (alias.name.rpartition("/")[2], alias.alias):
        return
    hint = f"git rm {shlex.quote(path)}"
    if stem == alias.name.rpartition("/")[2]:
        right = alias_path_for(pointer_path, alias.alias)
        hint = f"git mv {shlex.quote(path)} {shlex.quote(right)}; or take a side: {resolve_hint(alias.name, word)}"
    raise MixedAliasError(
        f"{what} has the content of {alias}, which does not belong at this path",
        hint=hint,
        model=alias.name,
    )
