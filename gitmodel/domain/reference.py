"""Parses model names, aliases and references, which people type to select a version.

A *name* has parts joined by `/`; an *alias* is one word. A *reference* is a name, or a name, `@` and a
selector: `fraud`, `fraud@7`, `fraud@production`, `fraud@blake3:9f2c41aa`, `fraud@git:v1.2`.

Guarantee: a checked name or alias is the same file name on every file system, a safe part of a store key,
and never an option of Git or of a shell command.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import ModelNameError, UnknownReferenceError

if TYPE_CHECKING:
    from collections.abc import Iterable

ReferenceKind = Literal["latest", "version", "digest", "word", "git", "run"]

MAX_PART_BYTES = 100
MAX_NAME_BYTES = 200
# Nine digits fit into 32-bit integers and every JSON reader.
MAX_VERSION = 999_999_999
MAX_RUN_CHARACTERS = 200
DEPRECATED = "deprecated"  # no alias: `gitmodel resolve NAME@deprecated` means the deprecations

_PART = lazy_compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
_ALIAS = lazy_compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_VERSION = lazy_compile(r"v?([0-9]+)", re.ASCII)
_DIGEST = lazy_compile(r"blake3:([0-9a-f]{8,64})", re.ASCII)
# Windows ignores everything after the first dot: "con.model.yaml" is a device too.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in range(10)]
)
# Extensions of weights, removed when a name is derived from a path. An unknown extension is kept:
# "llama-3.1" is a whole name.
_ENDINGS = lazy_compile(
    r"7z|bin|bz2|cbm|ckpt|gguf|ggml|gz|h5|hdf5|joblib|keras|mar|mlmodel|mlpackage|model|msgpack|npy"
    r"|npz|nemo|onnx|params|pb|pdparams|pickle|pkl|pmml|pt|pt2|pte|pth|rds|safetensors|sav|tar"
    r"|tflite|tgz|torchscript|txt|ubj|xgb|xz|zip|zst",
    re.ASCII | re.IGNORECASE,
)


def check_name(name: str) -> str:
    """Return `name` if it is a valid model name.

    Parts are joined by `/`, each `[a-z0-9][a-z0-9._-]*`, with at most 100 bytes a part and 200 in all. No
    part ends with a dot or is a device name of Windows. Raises ModelNameError, whose hint suggests a valid
    name.
    """
    problem = _name_problem(name)
    if problem is None:
        return name
    raise ModelNameError(
        f"{quote_text(name)} is not a model name: {problem}", hint=f"use {_suggestion(name)}"
    )


def check_alias(alias: str) -> str:
    """Return `alias` if it is valid: `[a-z0-9][a-z0-9_-]{0,62}`, and not reserved.

    `latest`, `none`, `deprecated` and version numbers such as `7` and `v7` are reserved. An alias has no
    dot, because the name of its file is `STEM.ALIAS.alias.yaml`. Raises ModelNameError.
    """
    problem = None
    if not _ALIAS.fullmatch(alias):
        problem = "1 to 63 of a-z, 0-9, '_' and '-' are allowed, and a letter or digit comes first"
    elif alias in ("latest", "none", DEPRECATED) or _VERSION.fullmatch(alias):
        problem = "it is reserved"
    if problem is None:
        return alias
    raise ModelNameError(
        f"{quote_text(alias, limit=80)} is not a valid alias: {problem}",
        hint="use one word in lower case, such as production or staging",
    )


def name_from_path(path: str) -> str:
    """Return a valid model name for weights at `path`: "weights/Fraud Model.safetensors" is "fraud-model".

    It is the last part in lower case, without extensions of weights and accents; other invalid characters
    become `-`.
    """
    parts = [part for part in re.split(r"[/\\]", path) if part.strip(". ")]
    stem = parts[-1] if parts else ""
    while "." in stem:
        rest, _, ending = stem.rpartition(".")
        if not rest.strip(".") or not _ENDINGS.fullmatch(ending):
            break
        stem = rest
    return _part_from_text(stem)


def has_weights_ending(path: str) -> bool:
    """Whether a file has an extension of weights."""
    return _ENDINGS.fullmatch(path.rpartition(".")[2]) is not None


class Reference(NamedTuple):
    """A parsed reference to a version: `Reference.parse(str(reference)) == reference`.

    The kinds are `latest` (the pointer at HEAD), `version`, `digest` (a prefix), `git` (a revision), `run`
    (a run id, or its beginning), and `word`: an alias if the model has it, else a Git revision.
    """

    name: str  # of the model
    kind: ReferenceKind
    value: str = ""  # number, 8 to 64 hex digits, word, revision or id; "" for `latest`

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse NAME, NAME@latest, NAME@7, NAME@v7, NAME@blake3:HEX, NAME@git:REV, NAME@run:ID or NAME@WORD.

        Raises ModelNameError if the part before the first `@` is not a model name, UnknownReferenceError if
        the part after it is not a selector.
        """
        name, at, wanted = text.partition("@")
        check_name(name)
        if not at or wanted == "latest":
            return cls(name, "latest")
        if number := _VERSION.fullmatch(wanted):
            return cls(name, "version", _version(name, number[1]))
        if wanted.startswith("blake3:"):
            return cls(name, "digest", _digest_prefix(name, wanted))
        if wanted.startswith("git:"):
            return cls(name, "git", _revision(name, wanted.removeprefix("git:")))
        if wanted.startswith("run:"):
            return cls(name, "run", _run(name, wanted.removeprefix("run:")))
        return cls(name, "word", _revision(name, wanted))

    @property
    def number(self) -> int:
        """The version number; only for kind `version`."""
        if self.kind != "version":
            raise ValueError(self.kind)
        return int(self.value)

    def __str__(self) -> str:
        if self.kind == "latest":
            return self.name
        mark = {"digest": "blake3:", "git": "git:", "run": "run:"}.get(self.kind, "")
        return f"{self.name}@{mark}{self.value}"


def similar_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """Return up to `limit` known names that are similar to a mistyped one, best first.

    Names with the same last part come first ("fraud" for "team/fraud"), then similar spellings.
    """
    import difflib  # takes 5 ms, and is needed for errors only

    wanted = name[:MAX_NAME_BYTES].lower()
    names = sorted(set(known))
    tail = wanted.rpartition("/")[2]
    found = [other for other in names if tail and other.rpartition("/")[2] == tail]
    found += difflib.get_close_matches(wanted, names, n=limit, cutoff=0.6)
    return list(dict.fromkeys(found))[:limit]


def _name_problem(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    for part in name.split("/"):
        if not part:
            return "a part between two / is empty"
        if problem := _part_problem(part):
            return problem
    return None


def _part_problem(part: str) -> str | None:
    # After the first test the part is ASCII: characters are bytes.
    if not _PART.fullmatch(part):
        return "only a-z, 0-9, '.', '_' and '-' are allowed, and a letter or digit comes first"
    if len(part) > MAX_PART_BYTES:
        return f"a part is longer than {MAX_PART_BYTES} bytes"
    if part.endswith("."):
        return "a part ends with a dot"
    if part.partition(".")[0] in _DEVICES:
        return f"{part.partition('.')[0]} is a device on Windows"
    return None


def _suggestion(name: str) -> str:
    """Return a valid name similar to an invalid one, with its valid parts."""
    parts = [_part_from_text(part) for part in re.split(r"[/\\]", name[:1000]) if part.strip(". ")]
    suggestion = "/".join(parts)
    return (
        suggestion if suggestion and len(suggestion) <= MAX_NAME_BYTES else (parts or ["model"])[-1]
    )


def _part_from_text(text: str) -> str:
    # NFKD separates accents and full-width forms, so that "Modèle" keeps its letters.
    plain = unicodedata.normalize("NFKD", text[: 4 * MAX_PART_BYTES]).encode("ascii", "ignore")
    part = re.sub(r"[^a-z0-9._-]+", "-", plain.decode("ascii").lower())
    part = part.strip("._-")[: MAX_PART_BYTES - len("-model")].rstrip("._-")
    if not part:
        return "model"
    return part if part.partition(".")[0] not in _DEVICES else f"model-{part}"


def _version(name: str, digits: str) -> str:
    if digits.startswith("0") or len(digits) > len(str(MAX_VERSION)):
        raise UnknownReferenceError(
            f"{quote_text(digits)} is not a version number",
            hint=f"gitmodel log {name}",
            model=name,
        )
    return digits


def _digest_prefix(name: str, wanted: str) -> str:
    if digest := _DIGEST.fullmatch(wanted):
        return digest[1]
    raise UnknownReferenceError(
        f"{quote_text(wanted, limit=80)} is not a digest: write blake3: and 8 to 64 hex digits",
        hint=f"gitmodel log {name}",
        model=name,
    )


def _run(name: str, run_id: str) -> str:
    if run_id and len(run_id) <= MAX_RUN_CHARACTERS and run_id.isprintable() and " " not in run_id:
        return run_id
    raise UnknownReferenceError(
        f"{quote_text(run_id, limit=80)} is not a run id", hint=f"gitmodel log {name}", model=name
    )


def _revision(name: str, text: str) -> str:
    """Check a revision before it is passed to Git: no option, no range, no path in a tree."""
    unsafe = text.startswith(("-", "^", ":")) or ".." in text or ":" in text or "\\" in text
    if text and len(text) <= 250 and not unsafe and text.isprintable() and " " not in text:
        return text
    raise UnknownReferenceError(
        f"{quote_text(text)} is not a version, an alias or a Git revision",
        hint=f"gitmodel log {name}",
        model=name,
    )
