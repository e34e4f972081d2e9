"""Objects of an HDF5 file: their headers as messages, and the objects that a group names.

Source: HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
Read are superblocks 0 to 3 at the file's start, object headers 1 and 2, groups that are symbol tables, and
groups whose links are in their header; `hdf5_heap` reads those that are in a heap.

Guarantee: no place of the file is followed twice, so cycles end; each step counts in the reader's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.block_reader import BlockReader

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
LINK_INFO: Final = 0x02
LINK: Final = 0x06
CONTINUATION: Final = 0x10
SYMBOL_TABLE: Final = 0x11
_SHARED: Final = 0x02  # flag of a message that is elsewhere


class Message(NamedTuple):
    """A message of an object header."""

    kind: int
    is_shared: bool  # the data is a reference to a message elsewhere
    data: bytes


class ObjectFile:
    """Reads objects of one file by their addresses."""

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader
        self._seen: set[tuple[str, int]] = set()
        start = reader.take(0, 9)
        if not start.startswith(SIGNATURE) or start[8] > 3:
            raise UnrecognizedFormatError("no superblock of HDF5")
        is_old = start[8] < 2
        sizes = reader.take(13 if is_old else 9, 2)
        self.address_size, self.length_size = sizes
        if not {self.address_size, self.length_size} <= {4, 8}:
            raise UnrecognizedFormatError("addresses of an unusual size")
        # Behind base, free space, end and driver an old superblock has the name of the root; a new one has
        # the root as its fourth address.
        first = (28 if start[8] == 1 else 24) if is_old else 12
        if self.number(reader.take(first, self.address_size)) != 0:
            raise UnrecognizedFormatError("a file that begins inside another one")
        place = first + self.address_size * (5 if is_old else 3)
        self.root = self.number(reader.take(place, self.address_size))

    @staticmethod
    def number(raw: bytes) -> int:
        """Return the integer that these bytes are."""
        return int.from_bytes(raw, "little")

    def address(self, data: bytes, at: int) -> int | None:
        """Return the address at an offset of these bytes; None if it is undefined."""
        raw = data[at : at + self.address_size]
        if len(raw) < self.address_size:
            raise UnrecognizedFormatError("an address is incomplete")
        return None if raw == b"\xff" * self.address_size else self.number(raw)

    def messages(self, address: int) -> Iterator[Message]:
        """Yield the messages of the object whose header is at an address."""
        prefix = self._reader.take(address, 16)
        if prefix.startswith(b"OHDR"):
            yield from self._new_messages(address, prefix)
        elif prefix[0] == 1:
            size = self.number(prefix[8:12])
            blocks = [(address + 16, size)]
            while blocks:
                yield from self._old_block(*blocks.pop(), blocks)
        else:
            raise UnrecognizedFormatError("no header of an object")

    def _old_block(self, start: int, size: int, blocks: list[tuple[int, int]]) -> Iterator[Message]:
        data = self._reader.take(start, size)
        position = 0
        while position + 8 <= size:
            kind, length = (
                self.number(data[position : position + 2]),
                self.number(data[position + 2 : position + 4]),
            )
            begin = position + 8
            position = begin + length
            message = Message(
                kind, bool(data[begin - 4] & _SHARED), self._inside(data, begin, position)
            )
            yield from self._followed(message, blocks)

    def _new_messages(self, address: int, prefix: bytes) -> Iterator[Message]:
        flags = prefix[5]
        width = 1 << (flags & 3)
        at = 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
        size = self.number(self._reader.take(address + at, width))
        blocks = [(address + at + width, size)]
        first = True
        while blocks:
            start, size = blocks.pop()
            if not first:  # a signature before, and a checksum behind
                if size < 8 or self._reader.take(start, 4) != b"OCHK":
                    raise UnrecognizedFormatError("a header does not continue where it says")
                start, size = start + 4, size - 8
            first = False
            yield from self._new_block(start, size, 4 + 2 * bool(flags & 0x04), blocks)

    def _new_block(
        self, start: int, size: int, head: int, blocks: list[tuple[int, int]]
    ) -> Iterator[Message]:
        data = self._reader.take(start, size)
        position = 0
        while position + head <= size:
            length = self.number(data[position + 1 : position + 3])
            begin = position + head
            kind, flags = data[position], data[position + 3]
            position = begin + length
            message = Message(kind, bool(flags & _SHARED), self._inside(data, begin, position))
            yield from self._followed(message, blocks)

    def _followed(self, message: Message, blocks: list[tuple[int, int]]) -> Iterator[Message]:
        self._reader.step()
        if message.kind != CONTINUATION:
            yield message
            return
        place = self.address(message.data, 0)
        end = self.address_size + self.length_size
        if place is not None and self.is_new(place, "block"):
            blocks.append((place, self.number(message.data[self.address_size : end])))

    @staticmethod
    def _inside(data: bytes, begin: int, end: int) -> bytes:
        if end > len(data):
            raise UnrecognizedFormatError("a message is longer than its header")
        return data[begin:end]

    def is_new(self, address: int, role: str = "object") -> bool:
        """Whether this place was not met in this role before; from now on it was."""
        if (role, address) in self._seen:
            return False
        self._seen.add((role, address))
        return True

    def symbol_table(self, message: Message) -> Iterator[int]:
        """Yield the addresses of the objects that a symbol table names."""
        nodes = [self.address(message.data, 0)]
        while nodes:
            node = nodes.pop()
            if node is None or not self.is_new(node, "node"):
                continue
            head = self._reader.take(node, 8)
            count = self.number(head[6:8])
            if head.startswith(b"TREE") and head[4] == 0:
                begin = node + 8 + 2 * self.address_size
                pair = self.length_size + self.address_size
                data = self._reader.take(begin, count * pair)
                nodes += [self.address(data, at * pair + self.length_size) for at in range(count)]
            elif head.startswith(b"SNOD"):
                yield from self._symbols(node + 8, count)
            else:
                raise UnrecognizedFormatError("no node of a group")

    def _symbols(self, start: int, count: int) -> Iterator[int]:
        entry = 2 * self.address_size + 24
        data = self._reader.take(start, count * entry)
        for at in range(0, count * entry, entry):
            self._reader.step()
            found = self.address(data, at + self.address_size)
            kind = at + 2 * self.address_size
            link = self.number(data[kind : kind + 4]) == 2  # symbolic
            if found is not None and not link:
                yield found

    def link(self, message: Message) -> int | None:
        """Return the address that a link names; None if it names no object of this file.

        Raises LookupError if it leads into another file.
        """
        data = message.data
        if len(data) < 4:
            raise UnrecognizedFormatError("a link is incomplete")
        flags = data[1]
        at = 2
        kind = 0
        if flags & 0x08:
            kind = data[at]
            at += 1
        at += 8 * bool(flags & 0x04) + bool(flags & 0x10)
        width = 1 << (flags & 3)
        at += width + self.number(data[at : at + width])
        if kind > 1:
            raise LookupError("a link into another file")
        return self.address(data, at) if kind == 0 else None

    def dense_places(self, message: Message) -> tuple[int, int] | None:
        """Return the places of the heap and the tree that have a group's links; None if its header has them."""
        if len(message.data) < 2:
            raise UnrecognizedFormatError("a group's description is incomplete")
        at = 2 + 8 * (message.data[1] & 1)
        heap = self.address(message.data, at)
        tree = self.address(message.data, at + self.address_size) if heap is not None else None
        return None if heap is None or tree is None else (heap, tree)
