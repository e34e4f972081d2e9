"""Stack, marks and memo of an unpickler."""

from __future__ import annotations

from gitmodel.formats.pickle_scan.stream import BrokenPickleError


class Stack:
    """Values above marks, and the memo. What an unpickler cannot do raises BrokenPickleError."""

    def __init__(self) -> None:
        self._stack: list[object] = []  # above the last mark
        self._below: list[list[object]] = []  # what was on the stack at each mark
        self._memo: dict[int, object] = {}

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        if not self._stack:
            raise BrokenPickleError("nothing on the stack")
        return self._stack.pop()

    def _top(self) -> object:
        if not self._stack:
            raise BrokenPickleError("nothing on the stack")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[object]:
        if not self._below:
            raise BrokenPickleError("no mark on the stack")
        items = self._stack
        self._stack = self._below.pop()
        return items

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _pop_any(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_to_mark()

    def _drop_to_mark(self) -> None:
        self._pop_to_mark()

    def _duplicate(self) -> None:
        self._push(self._top())

    def _put(self, index: int) -> None:
        self._memo[index] = self._top()

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise BrokenPickleError("no such value in the memo")
        self._push(self._memo[index])
