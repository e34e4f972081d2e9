"""What a file of gitmodel looks like that this version must not read: newer, or in the middle of a merge.

Both are looked for before the text is parsed: a newer format may be outside today's subset of YAML, and
conflict markers are no YAML at all.
"""

from __future__ import annotations

import re

from gitmodel.domain.reference import check_name
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import MixedPointerError, ModelNameError, NewerFormatError

FORMAT = 1

_FORMAT_LINE = lazy_compile(r"^gitmodel: *0*([0-9]+) *$", re.MULTILINE)
# Longer ones too: people can set `conflict-marker-size` in .gitattributes.
_CONFLICT = lazy_compile(r"^<{7,}(?: |$)", re.MULTILINE)
_NAME_LINE = lazy_compile(r'^name: "([a-z0-9._/-]{1,200})"$', re.MULTILINE)
_VERSION_LINE = lazy_compile(r"^version: ([0-9]{1,9})$", re.MULTILINE)
_DIGEST_LINE = lazy_compile(r'^digest: "blake3:([0-9a-f]{12})[0-9a-f]{52}"$', re.MULTILINE)


def refuse_newer(text: str, what: str) -> None:
    """Check that a text says no greater `gitmodel: FORMAT` than this version knows.

    Raises:
        NewerFormatError: It does.
    """
    # Before the text is parsed: a newer format may be outside today's subset of YAML.
    if (found := _FORMAT_LINE.search(text)) and (len(found[1]) > 1 or int(found[1]) > FORMAT):
        raise NewerFormatError(
            f"{what}: written in format {found[1][:9]} by a newer gitmodel, this one knows {FORMAT}",
            hint="pip install --upgrade gitmodel",
        )


def refuse_conflict(text: str, what: str) -> None:
    """Check that a pointer's text has no conflict markers.

    Raises:
        MixedPointerError: It has; the message says which versions the two sides are, if it shows.
    """
    sides = conflict_sides(text)
    if sides is None:
        return
    ours, theirs = sides
    name = _NAME_LINE.search(ours)
    raise MixedPointerError(
        f"{what}: a merge left a conflict: ours is {_version_in(ours)}, theirs is {_version_in(theirs)}",
        hint=resolve_hint(name[1] if name else ""),
    )


def conflict_sides(text: str) -> tuple[str, str] | None:
    """Take the two texts of a file with conflict markers apart (with or without the base's).

    None where it has no markers. Lines outside of them count for both sides, so a text may be one
    that nobody wrote: whether a side is whole, its check says.
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


def resolve_hint(name: str) -> str:
    """Give the command that ends a conflict of this model, with NAME where the name cannot be trusted."""
    try:
        check_name(name)
    except ModelNameError:
        # A hint is a command that people paste: nothing unchecked goes into it.
        name = "NAME"
    return f"gitmodel resolve {name} --ours|--theirs"
