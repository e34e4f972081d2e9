"""Pointers: small YAML files in Git, each for one version of a model.

A pointer contains the model's name, its version, the digest of its weights, and metadata. Its canonical text
has a fixed order of keys, LF line ends and quoted strings. The last line is a `check`, a hash of the lines
before it. Without it Git could merge version 5 of one branch with a corrected metric of version 4 from
another branch. With it, such a merge is a conflict, and any other mixture is refused.

Guarantees: `Pointer.from_text(p.to_text()) == p`; equal pointers have equal texts; unknown keys are kept;
invalid bytes raise PointerError or NewerFormatError only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Self

from gitmodel.domain.conflict_markers import (
    FORMAT,
    check_as_written,
    check_of,
    refuse_conflict,
    refuse_newer,
    resolve_hint,
)
from gitmodel.domain.exclude import check_patterns
from gitmodel.domain.fields import Fields
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.reference import MAX_VERSION, check_name
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.yaml.key_order import UNWRITABLE_HINT, file_body, first_difference
from gitmodel.domain.yaml.reader import decode, parse_decoded
from gitmodel.errors import (
    MixedPointerError,
    NewerFormatError,
    PointerError,
    TextError,
    UnsafePathError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.yaml.reader import Value, Writable

POINTER_SUFFIX = ".model.yaml"
# Of the files beside a pointer.
ALIAS_SUFFIX = ".alias.yaml"
DEPRECATED_SUFFIX = ".deprecated.yaml"
EARLY_SUFFIX = ".aliases.yaml"  # one file for all aliases of a model, in early builds
BESIDE_SUFFIXES = (ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX)
HEADER = "# Written by gitmodel; unknown keys are kept, comments are not."
MAX_SIZE = 2**63 - 1  # bytes; the limit of file systems and of integers in other languages

# Keys are unique, so later lines cannot contradict these.
_HEAD_LINES = lazy_compile(
    rb'(?:#[ -~]*\n)*gitmodel: 1\nname: "([a-z0-9._/-]{1,200})"\n'
    rb'version: ([1-9][0-9]{0,18})\ndigest: "blake3:([0-9a-f]{64})"\n'
)


class Head(NamedTuple):
    """The first keys of a pointer."""

    name: str
    version: int
    digest: str  # 64 hex digits


class Previous(NamedTuple):
    """The version before this one."""

    version: int
    digest: Digest
    unknown: Mapping[str, Value] = MappingProxyType({})


class MetricsSource(NamedTuple):
    """The file from which the metrics were read, and its digest."""

    path: str
    digest: Digest
    unknown: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One version of a model."""

    name: str  # full name of the model
    version: int  # positive
    digest: Digest  # of the weights, a file or a folder
    size: int  # total size of the weights in bytes
    path: str  # of the weights inside the folder of the pointer
    chunks: Digest | None = None  # of `Manifest.chunk_list`, to verify parts; None if unknown
    exclude: tuple[str, ...] = ()  # patterns of files in the folder that are not weights
    run_id: str | None = None  # of the training run
    run: Mapping[str, Value] | None = None  # links to the run: `url`, `system`, `experiment`
    metrics: Mapping[str, int | float | str | bool] = field(default_factory=dict)  # may be NaN
    params: Mapping[str, Value] = field(default_factory=dict)  # of the training
    previous: Previous | None = None  # the version before
    format: Mapping[str, Value] | None = None  # `type`, `tensors`, `parameters`, `dtypes`
    metrics_from: MetricsSource | None = None  # the file from which the metrics were read
    description: str | None = None
    license: str | None = None  # an SPDX expression or a name
    tags: tuple[str, ...] = ()  # free keywords
    data: tuple[Mapping[str, Value], ...] = ()  # of the training: `name`, `uri`, `digest`
    base: str | None = None  # reference of the model that was fine-tuned
    forced: str | None = None  # why the version was registered although its gate refused it
    unknown: Mapping[str, Value] = field(default_factory=dict)  # kept unchanged

    @property
    def head(self) -> Head:
        """The first keys."""
        return Head(self.name, self.version, self.digest.hex)

    def to_text(self) -> str:
        """Return the canonical text, with the check as its last line.

        Raises PointerError if `from_text` would not return an equal pointer; the message names the key.
        """
        text = self._text()
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise PointerError(
                f"the pointer would have {size} bytes; the maximum is {MAX_TEXT_BYTES}",
                hint="record fewer metrics and parameters, and keep long ones in a file",
                model=self.name,
            )
        try:
            back = type(self).from_text(text, what="the new pointer")
        except (PointerError, NewerFormatError) as error:
            raise PointerError(error.message, hint=UNWRITABLE_HINT) from error
        if back != self and (key := first_difference(self, back)):
            raise PointerError(
                f"the new pointer: {key} would not be read back unchanged", hint=UNWRITABLE_HINT
            )
        return text

    def is_text(self, raw: bytes) -> bool:
        """Whether `to_text` returns these bytes, for a pointer that was read from a file."""
        return self._text().encode() == raw

    def _text(self) -> str:
        try:
            body = self.body()
        except (TypeError, ValueError, AttributeError) as error:  # an array, say, as metrics
            message = "the new pointer: a value has an unsupported type"
            raise PointerError(message, hint=UNWRITABLE_HINT) from error
        return f'{HEADER}\n{body}check: "{check_of(body)}"\n'

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str, trust_edits: bool = False) -> Self:
        """Read a pointer, canonical or not; `what`, a path with or without a commit, begins every message.

        `trust_edits` ignores the check, only for pre-commit, which compares version and digest with HEAD
        and writes a new check. Raises MixedPointerError if there are conflict markers, or the check is
        missing or wrong, PointerError if the pointer is invalid otherwise, NewerFormatError if the format
        is a newer one.
        """
        data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
        try:
            text = decode(data, what=what)
            refuse_newer(text, what)
            refuse_conflict(text, what)
            values = parse_decoded(text, what=what)
        except PointerError:
            raise
        except TextError as error:
            raise PointerError(error.message, hint=error.hint) from error
        check = values.pop("check", None)
        pointer = cls._from_values(Fields(values, what))
        if not trust_edits and (check is None or check != check_as_written(text)):
            # Lines may have been reordered or commented without a change of their values.
            _compare(pointer, check, what)
        return pointer

    @classmethod
    def _from_values(cls, fields: Fields) -> Self:
        if fields.take("gitmodel") != FORMAT:
            raise fields.wrong("gitmodel", f"must be {FORMAT}")
        return cls(
            name=fields.checked("name", check_name),
            version=fields.number("version", least=1, most=MAX_VERSION),
            digest=fields.digest("digest"),
            size=fields.number("size", least=0, most=MAX_SIZE),
            chunks=fields.optional_digest("chunks"),
            path=fields.checked("path", _checked_path),
            exclude=fields.checked_all("exclude", check_patterns),
            run_id=fields.optional_text("run_id"),
            run=fields.optional_mapping("run"),
            metrics=fields.metrics("metrics"),
            params=fields.optional_mapping("params") or {},
            previous=previous_of(fields.inner("previous")),
            format=fields.optional_mapping("format"),
            metrics_from=_metrics_source(fields.inner("metrics_from")),
            description=fields.optional_text("description"),
            license=fields.optional_text("license"),
            tags=fields.texts("tags"),
            data=fields.mappings("data"),
            base=fields.optional_text("base"),
            forced=fields.optional_text("forced"),
            unknown=fields.rest(),
        )

    def body(self) -> str:
        """Return the canonical lines from `gitmodel:` to the one before `check:`.

        Raises PointerError if a value cannot be written as YAML.
        """
        previous, source = self.previous, self.metrics_from
        known: dict[str, Writable] = {
            "gitmodel": FORMAT,
            "name": self.name,
            "version": self.version,
            "digest": str(self.digest),
            "size": self.size,
            "chunks": None if self.chunks is None else str(self.chunks),
            "path": self.path,
            "exclude": self.exclude or None,
            "run_id": self.run_id,
            "run": self.run,
            "metrics": self.metrics or None,
            "params": self.params or None,
            "previous": None
            if previous is None
            else with_digest("version", previous.version, previous),
            "format": self.format,
            "metrics_from": None if source is None else with_digest("path", source.path, source),
            "description": self.description,
            "license": self.license,
            "tags": self.tags or None,
            "data": self.data or None,
            "base": self.base,
            "forced": self.forced,
        }
        return file_body(known, self.unknown)


def read_head(raw: bytes) -> Head | None:
    """Read only name, version and digest, in a hundredth of the time; None if the text is not canonical.

    Guarantee: if `from_text` accepts the same bytes, it returns the same name, version and digest.
    """
    found = _HEAD_LINES.match(raw)
    if found is None:
        return None
    name, version, digest = found.groups()
    return Head(name.decode(), int(version), digest.decode())


def pointer_beside(path: str) -> str | None:
    """Return the path of the pointer that an alias file belongs to; None for a file of another kind."""
    if path.endswith(EARLY_SUFFIX):
        return path.removesuffix(EARLY_SUFFIX) + POINTER_SUFFIX
    stem, dot, _ = path.removesuffix(ALIAS_SUFFIX).rpartition(".")
    return stem + POINTER_SUFFIX if dot and path.endswith(ALIAS_SUFFIX) else None


def pointer_path_for(weights_path: str, name: str) -> str:
    """Return the path of a model's pointer: beside its weights, named after the last part of the name."""
    folder, slash, _ = weights_path.rpartition("/")
    return f"{folder}{slash}{name.rpartition('/')[2]}{POINTER_SUFFIX}"


def alias_path_for(pointer_path: str, alias: str) -> str:
    """Return the path of an alias: beside the pointer, with the same stem."""
    return f"{pointer_path.removesuffix(POINTER_SUFFIX)}.{alias}{ALIAS_SUFFIX}"


def weights_path(pointer_path: str, pointer: Pointer) -> str:
    """Return the path of the weights, relative to the same folder as `pointer_path`.

    Raises UnsafePathError if the whole path is unsafe.
    """
    folder, slash, _ = pointer_path.rpartition("/")
    return "/".join(safe_parts(f"{folder}{slash}{pointer.path}"))


def previous_of(fields: Fields | None) -> Previous | None:
    """Read the version before, in a pointer or an alias."""
    if fields is None:
        return None
    version = fields.number("version", least=1, most=MAX_VERSION)
    return Previous(version, fields.digest("digest"), fields.rest())


def _metrics_source(fields: Fields | None) -> MetricsSource | None:
    if fields is None:
        return None
    path = fields.checked("path", lambda path: "/".join(safe_parts(path)))
    return MetricsSource(path, fields.digest("digest"), fields.rest())


def _checked_path(path: str) -> str:
    safe_parts(path)
    if path.lower().endswith((POINTER_SUFFIX, *BESIDE_SUFFIXES)):
        # Weights there would be read as the pointer of another model.
        raise UnsafePathError("weights cannot be a pointer or an alias file")
    return path


def with_digest(name: str, value: Writable, of: Previous | MetricsSource) -> Mapping[str, Writable]:
    """The mapping of a version before or of a source: a key, the digest, unknown keys."""
    return {name: value, "digest": str(of.digest), **of.unknown}


def _compare(pointer: Pointer, check: Value, what: str) -> None:
    # A parsed pointer can always be written, so body() does not raise.
    if check is None or check != check_of(pointer.body()):
        problem = "no check line" if check is None else "the check line does not match"
        raise MixedPointerError(
            f"{what}: {problem}: the file was merged line by line or edited by hand",
            hint=resolve_hint(pointer.name),
            model=pointer.name,
        )
