"""The values of one alias as a stack, so that roll-back goes down and never see-saws.

The values are those that the commits of one branch had, oldest first. The rules:

- A move to the value directly beneath the top *pops*. `gitmodel rollback`, `git revert`, the button "Revert" of a
  forge, and promoting the value before are all such moves. So 4, 5, 6 rolled back twice gives 5, then 4.
- A move to a value deeper in the stack pops everything above it, if the file says so: its `previous` is the value
  that is beneath it there, or it has none. `gitmodel rollback --to`, two roll-backs in one commit, and the revert
  of several moves write that. A promotion writes what the alias meant before, so it *pushes*.
- Any other move pushes.
- The same value again, with other metrics or another reason, replaces the top.
- A removed alias keeps its stack. Roll-back then returns to the top: it undoes the removal, and never removes an
  alias. A value after the removal moves as if the alias had never been removed.

Where history is cut off, the `previous` of the oldest known value takes the place of the values beneath it.

Guarantees: neighbours in the stack differ. `previous` of an entry names the entry beneath it. Moving to what
`back` returns makes the stack smaller, unless the alias was removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from gitmodel.domain.pointer import Previous

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.aliases import Alias


@dataclass(frozen=True, slots=True)
class AliasStack:
    """The values that roll-back can return to."""

    entries: tuple[Alias, ...] = ()  # the top last; `previous` of each is the value beneath it
    is_removed: bool = False  # whether the alias is removed at present
    is_cut_off: bool = False  # whether there may be older values than those that are known

    @classmethod
    def of(cls, values: Iterable[Alias | None], *, is_cut_off: bool = False) -> Self:
        """Return the stack of values, oldest first; None where the alias was removed.

        Files that do not parse are no values: leave them out.
        """
        stack = cls(is_cut_off=is_cut_off)
        for value in values:
            stack = stack.moved(value)
        return stack

    @property
    def top(self) -> Alias | None:
        """What the alias means, or meant when it was removed; None if it never had a value."""
        return self.entries[-1] if self.entries else None

    def moved(self, value: Alias | None) -> Self:
        """Return the stack after a move to a value; None removes the alias."""
        if value is None:
            return replace(self, is_removed=bool(self.entries))
        entries = self.entries
        top = self.top
        if top is None:
            first = value if self.is_cut_off else replace(value, previous=None)
            return self._with((first,))
        if top.means(value):
            return self._with((*entries[:-1], replace(value, previous=top.previous)))
        if len(entries) == 1 and _is(top.previous, value):  # beneath what is known of the history
            own = None if _is(value.previous, top) else value.previous
            return self._with((replace(value, previous=own),))
        depth = self._depth(value)
        if depth is None:
            return self._with((*entries, replace(value, previous=_key(top))))
        there = entries[depth]
        return self._with((*entries[:depth], replace(value, previous=there.previous)))

    def _with(self, entries: tuple[Alias, ...]) -> Self:
        return replace(self, entries=entries, is_removed=False)

    def _depth(self, value: Alias) -> int | None:
        """The index of the entry that a move to `value` returns to, None if the move pushes."""
        beneath = len(self.entries) - 2
        for index in range(beneath, -1, -1):
            entry = self.entries[index]
            if entry.means(value):
                is_return = value.previous is None or _same(value.previous, entry.previous)
                if index == beneath or is_return:
                    return index
        return None

    def returns_to(self, value: Alias) -> bool:
        """Whether a move to `value` takes the alias back, as roll-back would; else it is a promotion."""
        top = self.top
        if top is None:
            return False
        if top.means(value):
            return self.is_removed
        return len(self.moved(value).entries) <= len(self.entries)

    def back(self) -> Alias | Previous | None:
        """What roll-back returns to.

        An entry of the stack; or, beneath what is known of the history, only number and digest; None at the
        bottom.
        """
        top = self.top
        if top is None or self.is_removed:
            return top
        return self.entries[-2] if len(self.entries) > 1 else top.previous

    def find(self, version: int) -> Alias | None:
        """The highest entry with this number, None if there is none."""
        return next((one for one in reversed(self.entries) if one.version == version), None)

    def beneath(self, value: Alias | Previous) -> tuple[Alias, ...]:
        """The entries beneath the highest one like `value`, the highest first; all if there is none like it."""
        downwards = self.entries[::-1]
        keys = [(one.version, one.digest) for one in downwards]
        key = (value.version, value.digest)
        return downwards[keys.index(key) + 1 :] if key in keys else downwards


def _key(alias: Alias) -> Previous:
    return Previous(alias.version, alias.digest)


def _is(previous: Previous | None, alias: Alias) -> bool:
    return previous is not None and _same(previous, _key(alias))


def _same(one: Previous | None, other: Previous | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.version, one.digest) == (other.version, other.digest)
