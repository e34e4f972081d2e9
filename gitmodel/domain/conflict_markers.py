"""Detects pointers and aliases that were merged line by line: by conflict markers, and by their check line.

Markers and newer formats are detected before a file is parsed, because neither needs to be the supported subset
of YAML. The check is the last line of a file: a hash of the lines before it. It does not detect attacks.
"""

from __future__ import annotations

import re

from blake3 import blake3

from gitmodel.domain.reference import DEPRECATED, check_alias, check_name
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import (
    MixedAliasError,
    MixedPointerError,
    ModelNameError,
    NewerFormatError,
    TextError,
)

FORMAT = 1

_FORMAT_LINE = lazy_compile(r"^gitmodel: *0*([0-9]+) *$", re.MULTILINE)
# Also longer ones: `conflict-marker-size` in .gitattributes sets their length.
_CONFLICT = lazy_compile(r"^<{7,}(?: |$)", re.MULTILINE)
_NAME_LINE = lazy_compile(r'^name: "([a-z0-9._/-]{1,200})"$', re.MULTILINE)
_ALIAS_LINE = lazy_compile(r'^alias: "([a-z0-9_-]{1,63})"$', re.MULTILINE)
_VERSION_LINE = lazy_compile(r"^version: ([0-9]{1,9})$", re.MULTILINE)
_DIGEST_LINE = lazy_compile(r'^digest: "blake3:([0-9a-f]{12})[0-9a-f]{52}"$', re.MULTILINE)


def refuse_newer(text: str, what: str) -> None:
    """Check the line `gitmodel: FORMAT` of a text; NewerFormatError if it is newer than `FORMAT`."""
    if (found := _FORMAT_LINE.search(text)) and (len(found[1]) > 1 or int(found[1]) > FORMAT):
        raise NewerFormatError(
            f"{what}: this version of gitmodel supports format {FORMAT}, not {found[1][:9]}",
            hint="pip install --upgrade gitmodel",
        )


def refuse_conflict(text: str, what: str) -> None:
    """Check that the text of a pointer or an alias has no conflict markers.

    Raises MixedPointerError or MixedAliasError if it has; the message names the versions of both sides.
    """
    sides = conflict_sides(text)
    if sides is None:
        return
    ours, theirs = sides
    name, alias = _NAME_LINE.search(ours), _ALIAS_LINE.search(ours)
    error: type[TextError] = MixedPointerError if alias is None else MixedAliasError
    raise error(
        f"{what}: unresolved merge conflict: ours is {_version_in(ours)}, theirs is {_version_in(theirs)}",
        hint=resolve_hint(name[1] if name else "", alias[1] if alias else ""),
    )


def conflict_sides(text: str) -> tuple[str, str] | None:
    """Return both sides of a text with conflict markers; None without markers.

    Lines outside the markers belong to both sides, so a side may be a mixture. The check line of a pointer
    detects that.
    """
    if not _CONFLICT.search(text):
        return None
    sides: tuple[list[str], list[str]] = ([], [])
    taking = {0, 1}
    for line in text.split("\n"):
        match line[:7]:
            case "<<<<<<<":
                taking = {0}
            case "|||||||":
                taking = set()
            case "=======":
                taking = {1}
            case ">>>>>>>":
                taking = {0, 1}
            case _:
                for side in taking:
                    sides[side].append(line)
    return "\n".join(sides[0]), "\n".join(sides[1])


def _version_in(side: str) -> str:
    version, digest = _VERSION_LINE.search(side), _DIGEST_LINE.search(side)
    written = f"version {version[1]}" if version else "an unknown version"
    return f"{written} ({digest[1]})" if digest else written


def resolve_hint(name: str, alias: str = "") -> str:
    """Return the command that resolves a conflict of a model or an alias, with NAME for an invalid name.

    The alias may be `deprecated`, which stands for the deprecations of the model.
    """
    try:
        check_name(name)
        at = f"@{alias if alias == DEPRECATED else check_alias(alias)}" if alias else ""
    except ModelNameError:
        # People paste hints into a shell.
        name, at = "NAME", "@ALIAS" if alias else ""
    return f"gitmodel resolve {name}{at} --ours|--theirs"


def check_of(body: str) -> str:
    """Return 16 hex digits of BLAKE3, which detect accidents but not attacks."""
    return blake3(body.encode()).hexdigest()[:16]


def check_as_written(text: str) -> str | None:
    """Return the check of the unchanged lines, or None if they do not end with a check.

    A later gitmodel may order its keys differently; its check still matches its own lines.
    """
    start = 0
    while text.startswith("#", start):
        start = text.find("\n", start) + 1 or len(text)
    end = text.rfind("\ncheck: ") + 1
    whole = text.startswith("gitmodel: ", start) and text.find("\n", end) == len(text) - 1
    return check_of(text[start:end]) if 0 < start < end and whole else None
