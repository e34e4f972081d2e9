"""What was found in the pickles of one file: names, tensors, and whether all of it is on the allow-list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.escape import escaped
from gitmodel.formats.description import MAX_IMPORTS
from gitmodel.formats.pickle_scan import allow_list
from gitmodel.formats.pickle_scan.stream import BrokenPickleError
from gitmodel.formats.pickle_scan.values import Mark

if TYPE_CHECKING:
    from gitmodel.formats.description import Code

_MAX_NAME: Final = 200  # characters of an import that are kept
BUDGET: Final = 2_000_000  # opcodes of a file: about 40,000 tensors, and three seconds


class TooLongError(BrokenPickleError):
    """The budget is used up."""


class Findings:
    """Collects; the machine reports to it.

    `persistent_ids` says whether the file's loader knows persistent ids: those of PyTorch do, and `views`
    whether they end with a view, as before the zip format.

    Attributes:
        tensors: Those that are rebuilt.
        complete: Whether all was looked at.
    """

    def __init__(self, *, persistent_ids: bool, views: bool = False, budget: int = BUDGET) -> None:
        self.tensors = allow_list.Tensors()
        self._persistent_ids = persistent_ids
        self._views = views
        self._left = budget
        self._refused = False
        self.complete = True
        self._names: set[str] = set()

    @property
    def code(self) -> Code:
        """`listed`, or `yes` if anything was refused, or `unknown` if not all was looked at."""
        if self._refused:
            return "yes"
        return "listed" if self.complete else "unknown"

    @property
    def has_names(self) -> bool:
        """Whether anything names a function or class, on the list or not."""
        return bool(self._names)

    @property
    def imports(self) -> tuple[str, ...]:
        """The names of functions and classes, sorted; the first that were found if they are many."""
        return tuple(sorted(self._names))

    def include(self, other: Findings) -> None:
        """Take over the names and refusals of another pickle of the file, which needs none."""
        self._names |= other._names
        self._refused |= other._refused or other.has_names
        self.complete &= other.complete

    def refuse(self) -> None:
        """Note something that is not on the list."""
        self._refused = True

    def leave(self) -> None:
        """Note that the rest was not looked at."""
        self.complete = False

    def step(self, count: int = 1) -> None:
        """Count opcodes. Raises TooLongError if there are too many."""
        self._left -= count
        if self._left < 0:
            raise TooLongError("more opcodes than are looked at")

    def name(self, module: str, name: str) -> object:
        """Return what stands for a function or class, which is refused unless it is on the list."""
        known = allow_list.named(module, name)
        if len(self._names) < MAX_IMPORTS:
            self._names.add(escaped(f"{module}.{name}"[:_MAX_NAME]))
        if known is None:
            self._refused = True
            return Mark.UNKNOWN
        return known

    def persistent(self, identity: object) -> object:
        """Return what stands for the object of a persistent id, which is refused unless it is a storage."""
        if self._persistent_ids:
            try:
                return self.tensors.storage(identity, views=self._views)
            except allow_list.RefusedError:
                pass
        self._refused = True
        return Mark.UNKNOWN
