"""A stack machine that walks a pickle as an unpickler does, and makes nothing but marks.

Every opcode of the protocols 0 to 5 has a row in the table. What an unpickler refuses, and what the usual
picklers never write (a frame that does not end with an opcode, an opcode of a later protocol than the pickle
names, values left on the stack), is broken or refused here, so the machine does not depend on how an unpickler
reads it. Sources: Lib/pickle.py and Modules/_pickle.c of CPython.

Guarantee: at most `budget` opcodes are walked. Nothing is imported, called or unpickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.pickle_scan import allow_list
from gitmodel.formats.pickle_scan.stream import BrokenPickleError
from gitmodel.formats.pickle_scan.usual_opcodes import UsualOpcodes
from gitmodel.formats.pickle_scan.values import (
    Dict,
    Mark,
    holds_function,
    made_tuple,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.formats.pickle_scan.findings import Findings
    from gitmodel.formats.pickle_scan.stream import PickleStream

_STOP: Final = 0x2E
_PROTO: Final = 0x80


class Machine(UsualOpcodes):
    """Walks one pickle of a stream. Several pickles of a file share a stream and the findings."""

    def __init__(self, stream: PickleStream, findings: Findings) -> None:
        super().__init__(stream, findings)
        self._protocol = 1  # a pickle of the protocols 0 and 1 does not name it
        self._frame_end = 0  # position; 0 outside frames
        self._start = stream.position

    def run(self) -> object:
        """Walk to the end of the pickle; returns what stands for the object.

        Raises BrokenPickleError where an unpickler would raise an error, and if the budget is used up. What
        was found until then is in the findings.
        """
        stream = self._stream
        while True:
            if self._protocol > 1 and not self._frame_end:
                self._walk_usual()
            code = stream.take(1)[0]
            if self._frame_end and stream.position > self._frame_end:
                self._leave_frame(stream.position - 1)
            if code == _STOP:
                return self._result()
            operation = _OPERATIONS[code]
            if operation is None:
                raise BrokenPickleError("an unknown opcode")
            self._found.step()
            if self._protocol < _SINCE[code] and code != _PROTO:
                self._found.refuse()
            operation(self)

    def _result(self) -> object:
        if self._frame_end and self._stream.position != self._frame_end:
            self._found.refuse()
        result = self._pop()
        if self._stack or self._below or holds_function(result):
            self._found.refuse()
        return result

    def _leave_frame(self, position: int) -> None:
        if position != self._frame_end:  # an opcode is partly in the frame
            self._found.refuse()
        self._frame_end = 0

    # containers

    def _tuple(self, items: list[object]) -> None:
        self._push(made_tuple(items))

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise BrokenPickleError("nothing on the stack")
        items = self._stack[-count:]
        del self._stack[-count:]
        self._tuple(items)

    def _list(self) -> None:
        self._hold(self._pop_to_mark())
        self._push(Mark.LIST)

    def _dict(self) -> None:
        items = self._pop_to_mark()
        self._push(Dict())
        self._set_items(items)

    def _frozen_set(self) -> None:
        self._hold(self._pop_to_mark())
        self._push(Mark.DATA)

    def _append(self, items: list[object], kind: Mark) -> None:
        if self._top() is not kind:
            self._found.refuse()
        self._hold(items)

    def _append_one(self) -> None:
        item = self._pop()
        self._append([item], Mark.LIST)

    def _set_item(self) -> None:
        value = self._pop()
        self._set_items([self._pop(), value])

    def _set_items(self, items: list[object]) -> None:
        target = self._top()
        if len(items) % 2:
            raise BrokenPickleError("a key without a value")
        if isinstance(target, Dict):
            for key in items[::2]:
                target.add(key)
        elif target is not Mark.ORDERED_DICT:
            self._found.refuse()
        self._hold(items)

    def _hold(self, items: list[object]) -> None:
        """Refuse functions and classes as data: weights have none, and a program might call them."""
        for item in items:
            if holds_function(item):
                self._found.refuse()

    # functions

    def _global_lines(self) -> tuple[str, str]:
        try:
            return self._line().decode("utf-8"), self._line().decode("utf-8")
        except UnicodeDecodeError:
            self._found.refuse()
            return "", ""

    def _global(self) -> None:
        self._push(self._found.name(*self._global_lines()))

    def _stack_global(self) -> None:
        name = self._pop()
        module = self._pop()
        if type(name) is str and type(module) is str:
            self._push(self._found.name(module, name))
        else:
            self._found.refuse()
            self._push(Mark.UNKNOWN)

    def _reduce(self) -> None:
        arguments = self._pop()
        function = self._pop()
        try:
            self._push(allow_list.called(function, arguments, self._found.tensors))
        except allow_list.RefusedError:
            self._found.refuse()
            self._push(Mark.UNKNOWN)

    def _build(self) -> None:
        state = self._pop()
        if not allow_list.built(self._top(), state):
            self._found.refuse()

    def _instance(self) -> None:
        self._found.name(*self._global_lines())
        self._pop_to_mark()
        self._refused()

    def _object(self) -> None:
        if not self._pop_to_mark():
            raise BrokenPickleError("nothing on the stack")
        self._refused()

    def _new_object(self, count: int) -> None:
        for _ in range(count):
            self._pop()
        self._refused()

    def _extension(self, width: int) -> None:
        self._stream.skip(width)
        self._push(self._found.name("copyreg", "_inverted_registry"))

    def _refused(self) -> None:
        """Refuse, and go on with a value of which nothing is known."""
        self._found.refuse()
        self._push(Mark.UNKNOWN)

    def _identity(self) -> None:
        self._push(self._found.persistent(self._pop()))

    def _identity_line(self) -> None:
        self._line()
        self._refused()

    def _read_only(self) -> None:
        self._top()
        self._found.refuse()

    # the pickle itself

    def _proto(self) -> None:
        self._protocol = self._number(1)
        if self._protocol > 5:
            raise BrokenPickleError("an unknown protocol")
        if self._stream.position != self._start + 2:
            self._found.refuse()

    def _frame(self) -> None:
        size = self._number(8)
        if self._frame_end:
            self._found.refuse()
        self._frame_end = self._stream.position + size

    # Opcode, protocol that has it first, and what it does. Source: Lib/pickletools.py
    ROWS: Final[tuple[tuple[bytes, int, Callable[[Machine], None]], ...]] = (
        (b"(", 0, lambda self: self._mark()),
        (b"0", 0, lambda self: self._pop_any()),
        (b"1", 1, lambda self: self._drop_to_mark()),
        (b"2", 0, lambda self: self._duplicate()),
        (b"F", 0, lambda self: self._float_line()),
        (b"I", 0, lambda self: self._integer_line()),
        (b"J", 1, lambda self: self._signed()),
        (b"K", 1, lambda self: self._push(self._number(1))),
        (b"L", 0, lambda self: self._long_line()),
        (b"M", 1, lambda self: self._push(self._number(2))),
        (b"N", 0, lambda self: self._push(None)),
        (b"P", 0, _identity_line),
        (b"Q", 1, _identity),
        (b"R", 0, _reduce),
        (b"S", 0, lambda self: self._old_text_line()),
        (b"T", 1, lambda self: self._old_text(4)),
        (b"U", 1, lambda self: self._old_text(1)),
        (b"V", 0, lambda self: self._text_line()),
        (b"X", 1, lambda self: self._text(4)),
        (b"a", 0, _append_one),
        (b"b", 0, _build),
        (b"c", 0, _global),
        (b"d", 0, _dict),
        (b"}", 1, lambda self: self._push(Dict())),
        (b"e", 1, lambda self: self._append(self._pop_to_mark(), Mark.LIST)),
        (b"g", 0, lambda self: self._get(self._index())),
        (b"h", 1, lambda self: self._get(self._number(1))),
        (b"i", 0, _instance),
        (b"j", 1, lambda self: self._get(self._number(4))),
        (b"l", 0, _list),
        (b"]", 1, lambda self: self._push(Mark.LIST)),
        (b"o", 1, _object),
        (b"p", 0, lambda self: self._put(self._index())),
        (b"q", 1, lambda self: self._put(self._number(1))),
        (b"r", 1, lambda self: self._put(self._number(4))),
        (b"s", 0, _set_item),
        (b"t", 0, lambda self: self._tuple(self._pop_to_mark())),
        (b")", 1, lambda self: self._push(())),
        (b"u", 1, lambda self: self._set_items(self._pop_to_mark())),
        (b"G", 1, lambda self: self._float()),
        (b"\x80", 2, _proto),
        (b"\x81", 2, lambda self: self._new_object(2)),
        (b"\x82", 2, lambda self: self._extension(1)),
        (b"\x83", 2, lambda self: self._extension(2)),
        (b"\x84", 2, lambda self: self._extension(4)),
        (b"\x85", 2, lambda self: self._tuple_of(1)),
        (b"\x86", 2, lambda self: self._tuple_of(2)),
        (b"\x87", 2, lambda self: self._tuple_of(3)),
        (b"\x88", 2, lambda self: self._push(True)),
        (b"\x89", 2, lambda self: self._push(False)),
        (b"\x8a", 2, lambda self: self._long(1)),
        (b"\x8b", 2, lambda self: self._long(4)),
        (b"B", 3, lambda self: self._bytes(4)),
        (b"C", 3, lambda self: self._bytes(1)),
        (b"\x8c", 4, lambda self: self._text(1)),
        (b"\x8d", 4, lambda self: self._text(8)),
        (b"\x8e", 4, lambda self: self._bytes(8)),
        (b"\x8f", 4, lambda self: self._push(Mark.SET)),
        (b"\x90", 4, lambda self: self._append(self._pop_to_mark(), Mark.SET)),
        (b"\x91", 4, _frozen_set),
        (b"\x92", 4, lambda self: self._new_object(3)),
        (b"\x93", 4, _stack_global),
        (b"\x94", 4, lambda self: self._put(len(self._memo))),
        (b"\x95", 4, _frame),
        (b"\x96", 5, lambda self: self._bytes(8)),
        (b"\x97", 5, _refused),
        (b"\x98", 5, _read_only),
    )


_OPERATIONS: Final[list[Callable[[Machine], None] | None]] = [None] * 256
_SINCE: Final = bytearray(256)
for _code, _first_protocol, _operation in Machine.ROWS:
    _OPERATIONS[_code[0]] = _operation
    _SINCE[_code[0]] = _first_protocol
