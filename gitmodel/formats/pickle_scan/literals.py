"""Numbers, text and bytes that a pickle writes out, and the arguments of opcodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.pickle_scan.stack import Stack
from gitmodel.formats.pickle_scan.stream import BrokenPickleError, LineError
from gitmodel.formats.pickle_scan.values import Mark, OldText

if TYPE_CHECKING:
    import re

    from gitmodel.formats.pickle_scan.findings import Findings
    from gitmodel.formats.pickle_scan.stream import PickleStream

MAX_TEXT: Final = 1024  # bytes; longer text names nothing
_MAX_LINE: Final = 8 << 10
_MAX_INTEGER: Final = 16  # bytes
_INTEGER: Final = lazy_compile(rb"-?[0-9]{1,24}")
_INDEX: Final = lazy_compile(rb"[0-9]{1,9}")
_FLOAT: Final = lazy_compile(rb"-?(?:[0-9]{1,24}(?:\.[0-9]{0,24})?(?:e[+-]?[0-9]{1,3})?|inf)|nan")


class Literals(Stack):
    """Reads arguments from a stream and puts literals on the stack."""

    def __init__(self, stream: PickleStream, findings: Findings) -> None:
        super().__init__()
        self._stream = stream
        self._found = findings

    def _number(self, width: int) -> int:
        return int.from_bytes(self._stream.take(width), "little")

    def _line(self) -> bytes:
        try:
            return self._stream.line(_MAX_LINE)
        except LineError:
            if not self._stream.at_end():  # it may go on behind what is looked at
                self._found.leave()
            raise

    def _number_of(self, line: bytes, usual: re.Pattern[bytes]) -> int:
        """Read a number; one that picklers do not write so, but unpicklers may read, is refused."""
        if not usual.fullmatch(line):
            self._found.refuse()
        try:
            return int(line)
        except ValueError:
            pass
        try:
            return int(line, 0)  # as unpicklers do: 0x10
        except ValueError:
            self._found.leave()  # unpicklers in C may read it all the same
            raise BrokenPickleError("not an integer") from None

    def _index(self) -> int:
        return self._number_of(self._line(), _INDEX)

    def _integer_line(self) -> None:
        line = self._line()
        if line in {b"00", b"01"}:
            self._push(line == b"01")
        else:
            self._push(self._number_of(line, _INTEGER))

    def _long_line(self) -> None:
        self._push(self._number_of(self._line().removesuffix(b"L"), _INTEGER))

    def _float_line(self) -> None:
        if not _FLOAT.fullmatch(self._line()):
            self._found.refuse()
        self._push(Mark.DATA)

    def _float(self) -> None:
        self._stream.skip(8)
        self._push(Mark.DATA)

    def _signed(self) -> None:
        self._push(int.from_bytes(self._stream.take(4), "little", signed=True))

    def _long(self, width: int) -> None:
        size = self._number(width)
        if size > _MAX_INTEGER:
            self._stream.skip(size)
            self._push(Mark.DATA)
        else:
            self._push(int.from_bytes(self._stream.take(size), "little", signed=True))

    def _text(self, width: int) -> None:
        size = self._number(width)
        if size > MAX_TEXT:
            self._stream.skip(size)
            self._push(Mark.TEXT)
            return
        try:
            self._push(self._stream.take(size).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise BrokenPickleError("text that is not UTF-8") from None

    def _text_line(self) -> None:
        line = self._line()
        plain = b"\\" not in line and line.isascii()
        self._push(line.decode("ascii") if plain else Mark.TEXT)

    def _old_text(self, width: int) -> None:
        size = self._number(width)
        if size >= 1 << 31:
            raise BrokenPickleError("text of a negative length")
        if size > MAX_TEXT:
            self._stream.skip(size)
            self._push(Mark.TEXT)
        else:
            self._push(_old(self._stream.take(size)))

    def _old_text_line(self) -> None:
        line = self._line()
        if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[:1] != line[-1:]:
            raise BrokenPickleError("text without quotes")
        self._push(Mark.TEXT if b"\\" in line else _old(line[1:-1]))

    def _bytes(self, width: int) -> None:
        self._stream.skip(self._number(width))
        self._push(Mark.BYTES)


def _old(raw: bytes) -> object:
    return OldText(raw.decode("ascii")) if raw.isascii() else Mark.TEXT
