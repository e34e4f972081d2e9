"""Where a file falls into chunks.

A *cutter* is fed windows of one file, in order, and says how long the chunks at the start of a
window are. What it leaves over, the caller puts at the start of the next window. A *cutter id*
(name and parameters) is kept in the manifest, because two versions share chunks only when the same
rule cut them.

One thing is guaranteed: the cuts depend on the file's bytes and the cutter's id, never on how the
caller chose the windows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

from gitmodel.errors import NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_CUT: Final = 8 << 20  # 8 MiB: with its header a chunk always fits into one pack

_CONTENT: Final = "fastcdc-v1"
_FIXED: Final = "fixed-v1"
_WRITTEN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}(?: (?:0|[1-9][0-9]{0,11})){0,8}")


@dataclass(frozen=True, slots=True)
class CutterId:
    """Which rule cut a file: enough to cut the next version in the same places.

    Args:
        name: The rule, such as `fastcdc-v1`.
        parameters: Its numbers, in bytes: shortest, usual and longest chunk of `fastcdc-v1`, the
            one length of `fixed-v1`.
    """

    name: str
    parameters: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join([self.name, *map(str, self.parameters)])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cutter id, known here or not: `CutterId.parse(str(cutter_id)) == cutter_id`.

        Raises:
            ValueError: The text is written in another way.
        """
        if not _WRITTEN.fullmatch(text):
            raise ValueError(text)
        name, *parameters = text.split(" ")
        return cls(name, tuple(map(int, parameters)))


CONTENT_CUTTER: Final = CutterId(_CONTENT, (64 << 10, 256 << 10, 1 << 20))
FIXED_CUTTER: Final = CutterId(_FIXED, (4 << 20,))


class Cutter(Protocol):
    """Cuts one file. Not for two files, nor for two threads, at the same time."""

    @property
    def id(self) -> CutterId:
        """The rule and its parameters."""
        ...

    @property
    def longest(self) -> int:
        """Length in bytes of the longest chunk: a window this long always holds a whole one."""
        ...

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """Return the lengths of the complete chunks at the start of a window.

        The bytes behind them begin the next window. A window shorter than `longest` may hold no
        complete chunk, unless it is the final one; longer windows only cost fewer bytes seen
        twice.

        Args:
            window: Contiguous bytes, starting at the end of the last chunk returned.
            final: The window ends where the file ends, so all of it is cut.

        Returns:
            Lengths in bytes, each at least 1 and at most `longest`; their sum is at most
            `len(window)`, and exactly that when final.
        """
        ...


def content_cutter() -> Cutter:
    """Cut where the content says so: an insertion moves few cuts (FastCDC 2020, see `cutter_for`)."""
    return cutter_for(CONTENT_CUTTER)


def fixed_cutter(size: int = 4 << 20) -> Cutter:
    """Cut every `size` bytes, from 1 byte to 8 MiB."""
    return cutter_for(CutterId(_FIXED, (size,)))


def cutter_for(cutter_id: CutterId) -> Cutter:
    """Return a new cutter for one file.

    Reading never needs this: a manifest lists the chunks themselves. It is for cutting a new
    version as the version before it was cut.

    Raises:
        NewerFormatError: The rule or its parameters are not known here.
    """
    make = _CUTTERS.get(cutter_id.name)
    try:
        if make is not None:
            return make(cutter_id)
    except ValueError:
        pass  # parameters outside what the rule accepts: not ours, so as unknown as the name
    raise NewerFormatError(
        f"the file was cut by a rule that is not known here: {str(cutter_id)!r}",
        hint="upgrade gitmodel",
    )


class _ContentCutter:
    """FastCDC 2020 by pyfastcdc, whose cuts are those of nlfiedler/fastcdc-rs.

    Two libraries with the same parameters share 1 cut in 25 (measured), hence the `v1`: it means
    this gear table and these masks, pinned by test vectors.
    """

    def __init__(self, cutter_id: CutterId) -> None:
        from pyfastcdc import FastCDC

        shortest, usual, longest = cutter_id.parameters
        if longest > LONGEST_CUT:
            raise ValueError(longest)
        self.id = cutter_id
        self.longest = longest
        self._chunker = FastCDC(usual, min_size=shortest, max_size=longest)

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        lengths = [chunk.length for chunk in self._chunker.cut_buf(window)]
        # A cut found before the end of the window depends on the bytes before it alone, so it
        # stands. Only the last chunk may have been ended by the window and not by its content.
        if lengths and not final and lengths[-1] < self.longest:
            lengths.pop()
        return lengths


class _FixedCutter:
    """Cuts at multiples of one length."""

    def __init__(self, cutter_id: CutterId) -> None:
        (size,) = cutter_id.parameters
        if not 1 <= size <= LONGEST_CUT:
            raise ValueError(size)
        self.id = cutter_id
        self.longest = size

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        whole, rest = divmod(len(window), self.longest)
        lengths = [self.longest] * whole
        if final and rest:
            lengths.append(rest)
        return lengths


_CUTTERS: Final[dict[str, Callable[[CutterId], Cutter]]] = {
    _CONTENT: _ContentCutter,
    _FIXED: _FixedCutter,
}
