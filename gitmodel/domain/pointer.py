"""Pointers: the small YAML file that stands in Git for one version of a model.

A pointer names a model, its version, the digest of its weights and what is known about them. It has one
canonical text: fixed order of keys, lines ended by LF, strings quoted, so that the same state is the same bytes
and a diff shows only what changed. The last line is a `check` of the lines before it, because Git merges
two edits of different lines without asking: one branch bumps to version 5, another corrects a metric of
version 4, and the merge claims that version 5 had that metric. With a check such a merge is a conflict, and a
file mixed in any other way is refused here.

Guarantees: `Pointer.from_text(p.to_text()) == p`; equal pointers have equal texts; keys that this version
does not know are kept; whatever the bytes, only PointerError or NewerFormatError is raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from blake3 import blake3

from gitmodel.domain.conflict_markers import FORMAT, refuse_conflict, refuse_newer, resolve_hint
from gitmodel.domain.exclude import check_patterns
from gitmodel.domain.fields import Fields
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.reference import MAX_VERSION, check_name
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.limits import MAX_TEXT_BYTES
from gitmodel.domain.yaml.key_order import UNWRITABLE_HINT, first_difference, key_lines
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
HEADER = "# Written by gitmodel; unknown keys are kept, comments are not."
MAX_SIZE = 2**63 - 1  # bytes; what file systems and other languages' integers hold

# A key cannot occur twice, so what these lines say is said nowhere else.
_HEAD_LINES = lazy_compile(
    rb'(?:#[ -~]*\n)*gitmodel: 1\nname: "([a-z0-9._/-]{1,200})"\n'
    rb'version: ([1-9][0-9]{0,18})\ndigest: "blake3:([0-9a-f]{64})"\n'
)


class Head(NamedTuple):
    """What a pointer says first."""

    name: str
    version: int
    digest: str  # 64 hex digits


@dataclass(frozen=True, slots=True)
class Previous:
    """The version from which this one was made, as far as Git knows."""

    version: int
    digest: Digest
    unknown: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricsSource:
    """The file from which the metrics were read, and what it held then."""

    path: str
    digest: Digest
    unknown: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """One version of a model, as Git has it.

    Attributes:
        name: Name of the model, the whole of it.
        version: Positive number of the version.
        digest: Digest of the weights, a file or a folder.
        size: Length of the weights in bytes, all files together.
        chunks: Digest of the list of chunks that the weights were cut into (`Manifest.chunk_list`), so that a
            part of them can be checked; None where nobody wrote it.
        path: Where the weights lie, relative to the folder of the pointer, never outside of it.
        exclude: Patterns of files in the folder that are no part of the weights.
        run_id: Identity of the training run.
        run: Where the run is to be seen: `url`, `system`, `experiment`.
        metrics: How good these weights are; NaN is a value.
        params: What the run was given.
        previous: The version before.
        format: What the weights are: `type`, `tensors`, `parameters`, `dtypes`.
        metrics_from: The file the metrics came from.
        description: For people, in their words.
        license: SPDX expression or a name.
        tags: Words to find it by.
        data: What it was trained on, each with `name`, `uri`, `digest`.
        base: Reference of the model that it was fine-tuned from.
        unknown: Keys of a later gitmodel or of people; kept as they are.
    """

    name: str
    version: int
    digest: Digest
    size: int
    path: str
    chunks: Digest | None = None
    exclude: tuple[str, ...] = ()
    run_id: str | None = None
    run: Mapping[str, Value] | None = None
    metrics: Mapping[str, int | float | str | bool] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    previous: Previous | None = None
    format: Mapping[str, Value] | None = None
    metrics_from: MetricsSource | None = None
    description: str | None = None
    license: str | None = None
    tags: tuple[str, ...] = ()
    data: tuple[Mapping[str, Value], ...] = ()
    base: str | None = None
    unknown: Mapping[str, Value] = field(default_factory=dict)

    @property
    def head(self) -> Head:
        """What it says first."""
        return Head(self.name, self.version, self.digest.hex)

    def to_text(self) -> str:
        """Write the canonical text, with the check as its last line.

        The text is read back before it is returned, so that what `from_text` refuses is never written.

        Raises:
            PointerError: It could not be read again as what it is; the message names the key.
        """
        text = self._text()
        if (size := len(text.encode())) > MAX_TEXT_BYTES:
            raise PointerError(
                f"the pointer would have {size} bytes, at most {MAX_TEXT_BYTES} are read",
                hint="record fewer metrics and parameters, and keep long ones in a file",
                model=self.name,
            )
        try:
            back = type(self).from_text(text, what="the new pointer")
        except (PointerError, NewerFormatError) as error:
            raise PointerError(error.message, hint=UNWRITABLE_HINT) from error
        if back != self and (key := first_difference(self, back)):
            raise PointerError(
                f"the new pointer: {key} would be read as something else", hint=UNWRITABLE_HINT
            )
        return text

    def is_text(self, raw: bytes) -> bool:
        """Whether these are the bytes that `to_text` gives, for a pointer that was read from a file."""
        return self._text().encode() == raw

    def _text(self) -> str:
        try:
            body = self.body()
        except (TypeError, ValueError, AttributeError) as error:  # an array, say, as metrics
            message = "the new pointer: a value is of a type that cannot be recorded"
            raise PointerError(message, hint=UNWRITABLE_HINT) from error
        return f'{HEADER}\n{body}check: "{_check_of(body)}"\n'

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str, trust_edits: bool = False) -> Self:
        """Read a pointer, canonical or not.

        Args:
            raw: The bytes of the file.
            what: What is read (its path, or path and commit), the beginning of every message.
            trust_edits: Leave the check alone. Only for pre-commit, which compares version and digest with
                those at HEAD itself, and then writes the check anew.

        Raises:
            MixedPointerError: Conflict markers, no check, or one that does not match the rest.
            PointerError: Anything else that is wrong.
            NewerFormatError: Written by a gitmodel that changed the format.
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
        if not trust_edits and (check is None or check != _check_as_written(text)):
            # The lines may have been rearranged or commented without a change of what they say.
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
            previous=_previous(fields.inner("previous")),
            format=fields.optional_mapping("format"),
            metrics_from=_metrics_source(fields.inner("metrics_from")),
            description=fields.optional_text("description"),
            license=fields.optional_text("license"),
            tags=fields.texts("tags"),
            data=fields.mappings("data"),
            base=fields.optional_text("base"),
            unknown=fields.rest(),
        )

    def body(self) -> str:
        """Write the canonical lines from `gitmodel:` to the one before `check:`.

        Raises:
            PointerError: A value cannot be written as YAML.
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
            else _with_digest("version", previous.version, previous),
            "format": self.format,
            "metrics_from": None if source is None else _with_digest("path", source.path, source),
            "description": self.description,
            "license": self.license,
            "tags": self.tags or None,
            "data": self.data or None,
            "base": self.base,
        }
        lines: list[str] = []
        for name, value in known.items():
            if value is not None:
                lines += key_lines(name, value)
        for name in sorted(self.unknown):
            lines += key_lines(name, self.unknown[name], blocks=True)
        return "\n".join(lines) + "\n"


def read_head(raw: bytes) -> Head | None:
    """Read the first lines only, in a hundredth of the time; None if they are not as gitmodel writes them.

    Guarantee: a pointer that `from_text` reads from the same bytes has this name, version and digest.
    """
    found = _HEAD_LINES.match(raw)
    if found is None:
        return None
    name, version, digest = found.groups()
    return Head(name.decode(), int(version), digest.decode())


def pointer_path_for(weights_path: str, name: str) -> str:
    """Give the path of a model's pointer: beside its weights, called like the name's last part."""
    folder, slash, _ = weights_path.rpartition("/")
    return f"{folder}{slash}{name.rpartition('/')[2]}{POINTER_SUFFIX}"


def weights_path(pointer_path: str, pointer: Pointer) -> str:
    """Give the path of the weights, from where `pointer_path` starts (the root of the repository).

    Raises:
        UnsafePathError: The path as a whole is unsafe.
    """
    folder, slash, _ = pointer_path.rpartition("/")
    return "/".join(safe_parts(f"{folder}{slash}{pointer.path}"))


def _previous(fields: Fields | None) -> Previous | None:
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
    if path.lower().endswith((POINTER_SUFFIX, ".aliases.yaml")):
        # Weights written there would become the pointer of another model.
        raise UnsafePathError("weights cannot be a pointer or an alias file")
    return path


def _with_digest(
    name: str, value: Writable, of: Previous | MetricsSource
) -> Mapping[str, Writable]:
    return {name: value, "digest": str(of.digest), **of.unknown}


def _compare(pointer: Pointer, check: Value, what: str) -> None:
    # What was read can always be written again, so body() does not raise.
    if check is None or check != _check_of(pointer.body()):
        problem = "has no check line" if check is None else "does not match its check line"
        raise MixedPointerError(
            f"{what}: it {problem}: merged line by line, or edited by hand",
            hint=resolve_hint(pointer.name),
            model=pointer.name,
        )


def _check_of(body: str) -> str:
    """Sixteen hex digits of BLAKE3: enough against accidents, and no attacker is kept out by it."""
    return blake3(body.encode()).hexdigest()[:16]


def _check_as_written(text: str) -> str | None:
    """Compute the check of the lines as they stand, or None where they do not end in a check.

    A later gitmodel may order or write its keys in another way; its check still fits its own lines.
    """
    start = 0
    while text.startswith("#", start):
        start = text.find("\n", start) + 1 or len(text)
    end = text.rfind("\ncheck: ") + 1
    whole = text.startswith("gitmodel: ", start) and text.find("\n", end) == len(text) - 1
    return _check_of(text[start:end]) if 0 < start < end and whole else None
