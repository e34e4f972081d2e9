"""A conflict as text: both sides between Git's markers, and how messages describe a side.

It is the same for pointers, aliases and deprecations. *Ours* and *theirs* are Git's terms, in a rebase too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from gitmodel.domain.conflict_markers import resolve_hint
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.metrics import Metric

Side = Literal["ours", "theirs"]

SIDES: tuple[Side, Side] = ("ours", "theirs")
OTHER_SIDE: Mapping[Side, Side] = {"ours": "theirs", "theirs": "ours"}
MARKER_SIZE = 7  # the default of Git, and the minimum that `conflict_markers` detects
_MAX_METRICS = 5  # of one side, in a label
_PLAIN = lazy_compile(r"[A-Za-z0-9_.@/+-]{1,40}")


class Version(Protocol):
    """A pointer, or an alias."""

    @property
    def version(self) -> int:
        """The version number."""

    @property
    def digest(self) -> Digest:
        """Of the weights."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Of the weights."""


def describe_version(one: Version) -> str:
    """Describe a version in one line: number, digest and metrics."""
    parts = [f"version {one.version} ({one.digest.short})"]
    named = sorted(one.metrics.items())
    parts += [
        f"{_escape_unusual(name)} {_escape_unusual(str(value))}"
        for name, value in named[:_MAX_METRICS]
    ]
    if len(named) > _MAX_METRICS:
        parts.append("…")
    return ", ".join(parts)


def take_command(side: Side, name: str, alias: str = "") -> str:
    """Return the command that takes one side of a model or an alias."""
    return resolve_hint(name, alias).replace("--ours|--theirs", f"--{side}")


def label(side: Side, *, words: str, about: str, command: str) -> str:
    """Return what stands behind a marker: the side and its `words`, such as "what is checked out".

    `about` is what the side has, `command` the one that takes it.
    """
    return f"{side}, {words}: {about}; to take it: {command}"


def between_markers(
    ours: bytes, theirs: bytes, labels: Mapping[Side, str], *, marker_size: int = MARKER_SIZE
) -> bytes:
    """Return both sides whole between Git's conflict markers of at least seven characters, with labels."""
    size = max(MARKER_SIZE, marker_size)
    return b"".join(
        [
            f"{'<' * size} {labels['ours']}\n".encode(),
            _with_line_end(ours),
            b"=" * size + b"\n",
            _with_line_end(theirs),
            f"{'>' * size} {labels['theirs']}\n".encode(),
        ]
    )


def _escape_unusual(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_text(text, limit=40)


def _with_line_end(text: bytes) -> bytes:
    return text if text.endswith(b"\n") or not text else text + b"\n"
