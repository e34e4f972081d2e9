"""Links of a large HDF5 group, which newer files keep in a fractal heap with a B-tree of their places.

Source: HDF5 File Format Specification 3.0, sections III.A.2 and III.G,
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
Read are heaps whose blocks are named by the root block alone, about 17,000 links; larger ones, and those with
filters, are not.

Guarantee: no node is visited twice, and each step counts in the reader's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.block_reader import BlockReader
    from gitmodel.formats.hdf5_objects import ObjectFile

_BY_NAME: Final = 5  # type of a B-tree: the links of a group, by the hash of their names
_HASH: Final = 4  # bytes before the place of a link
_MANAGED: Final = 0x30  # bits of a place's first byte, 0 for a link inside the heap's blocks
_MAX_DEPTH: Final = 8
_NODE_HEAD: Final = 6  # bytes: signature, version, type
_NODE_REST: Final = 10  # with the checksum behind


class NotReadError(Exception):
    """The heap or tree is of a kind that is not read."""


def dense_links(file: ObjectFile, reader: BlockReader, heap: int, tree: int) -> Iterator[bytes]:
    """Yield the links, as messages of an object's header have them.

    Raises NotReadError, and ValueError if the heap or tree contradicts itself.
    """
    found = _heap(file, reader, heap)
    for place in _places(file, reader, tree):
        yield found.read(reader, place)


class _Heap(NamedTuple):
    offset_size: int  # bytes of a place's fields
    length_size: int
    blocks: list[tuple[int, int, int]]  # offset in the heap, bytes, and offset in the file

    def read(self, reader: BlockReader, place: bytes) -> bytes:
        """Return the object at a place."""
        if not place or place[0] & _MANAGED:
            raise NotReadError
        end = 1 + self.offset_size
        offset = int.from_bytes(place[1:end], "little")
        length = int.from_bytes(place[end : end + self.length_size], "little")
        for start, size, address in self.blocks:
            if start <= offset <= offset + length <= start + size:
                return reader.take(address + offset - start, length)
        raise UnrecognizedFormatError("a link outside its heap")


def _heap(file: ObjectFile, reader: BlockReader, address: int) -> _Heap:
    offsets, lengths = file.address_size, file.length_size
    counts = 14 + 3 * offsets + 12 * lengths  # of bytes before the table of blocks
    data = reader.take(address, counts + 2 + 2 * lengths + 4 + offsets + 2)
    if not data.startswith(b"FRHP"):
        raise UnrecognizedFormatError("no heap of links")
    if file.number(data[7:9]):  # filters
        raise NotReadError
    at = 14 + 2 * offsets + 10 * lengths
    width, at = file.number(data[at : at + 2]), at + 2
    first, at = file.number(data[at : at + lengths]), at + lengths
    largest, at = file.number(data[at : at + lengths]), at + lengths
    bits, at = file.number(data[at : at + 2]), at + 4  # and the rows at first
    root, rows = file.address(data, at), file.number(data[at + offsets : at + offsets + 2])
    limit = min(file.number(data[10:14]), largest)
    if root is None or not 0 < first <= largest or not 0 < width <= 64 or bits > 64:
        raise UnrecognizedFormatError("a heap without blocks, or of odd ones")
    heap = _Heap(-(-bits // 8), -(-limit.bit_length() // 8), [])
    if not rows:
        heap.blocks.append((0, first, root))
        return heap
    head = 5 + offsets + heap.offset_size
    if not reader.take(root, head).startswith(b"FHIB") or rows > 64:
        raise UnrecognizedFormatError("no block of a heap")
    _add_blocks(
        file, reader.take(root + head, width * rows * offsets), (width, rows, first, largest), heap
    )
    return heap


def _add_blocks(
    file: ObjectFile, addresses: bytes, table: tuple[int, int, int, int], heap: _Heap
) -> None:
    """Add the blocks of a table: rows of `width` blocks, whose size doubles from the second row on."""
    width, rows, first, largest = table
    offset = 0
    for row in range(rows):
        size = first << max(0, row - 1)
        for column in range(width):
            address = file.address(addresses, (row * width + column) * file.address_size)
            if address is not None:
                if size > largest:  # a block of blocks
                    raise NotReadError
                heap.blocks.append((offset, size, address))
            offset += size


class _Tree(NamedTuple):
    node_size: int  # bytes
    width: int  # of a record, bytes
    depth: int
    root: int | None
    records: int  # of the root


def _tree(file: ObjectFile, reader: BlockReader, address: int) -> _Tree:
    data = reader.take(address, 16 + file.address_size + 2)
    if not data.startswith(b"BTHD") or data[5] != _BY_NAME:
        raise UnrecognizedFormatError("no tree of links")
    tree = _Tree(
        file.number(data[6:10]),
        file.number(data[10:12]),
        file.number(data[12:14]),
        file.address(data, 16),
        file.number(data[16 + file.address_size :]),
    )
    is_usual = _HASH < tree.width <= 64 and 64 <= tree.node_size <= 1 << 16
    if not is_usual or tree.depth > _MAX_DEPTH:
        raise UnrecognizedFormatError("a tree of odd nodes")
    return tree


def _places(file: ObjectFile, reader: BlockReader, address: int) -> Iterator[bytes]:
    """Yield the places of the links that a B-tree names."""
    tree = _tree(file, reader, address)
    pointers = _pointer_sizes(tree.node_size, tree.width, tree.depth, file.address_size)
    nodes = [] if tree.root is None else [(tree.root, tree.records, tree.depth)]
    while nodes:
        place, count, level = nodes.pop()
        if not file.is_new(place, "tree"):
            raise UnrecognizedFormatError("a tree that comes back to a node")
        size, count_size = pointers[level]
        behind = _NODE_HEAD + count * tree.width
        length = behind + (count + 1) * size
        if length > tree.node_size:
            raise UnrecognizedFormatError("a node with too many links")
        node = reader.take(place, length)
        if not node.startswith(b"BTIN" if level else b"BTLF"):
            raise UnrecognizedFormatError("no node of a tree")
        for at in range(_NODE_HEAD, behind, tree.width):
            reader.step()
            yield node[at + _HASH : at + tree.width]
        nodes += _children(file, node[behind:], (size, count_size), level - 1)


def _children(
    file: ObjectFile, pointers: bytes, sizes: tuple[int, int], level: int
) -> Iterator[tuple[int, int, int]]:
    """Yield place, number of links and level of each child; a leaf has none."""
    size, count_size = sizes
    for at in range(0, len(pointers), size or 1):
        child = file.address(pointers, at)
        if child is None:
            raise UnrecognizedFormatError("a node without a place")
        begin = at + file.address_size
        yield child, file.number(pointers[begin : begin + count_size]), level


def _pointer_sizes(node_size: int, width: int, depth: int, offsets: int) -> list[tuple[int, int]]:
    """For each level, the bytes of a pointer to a child, and of the number of links in it."""
    most = (node_size - _NODE_REST) // width  # links of a leaf
    count_size = total_size = 0
    total = most
    sizes = [(0, 0)]  # of a leaf
    for level in range(1, depth + 1):
        count_size = -(-most.bit_length() // 8)
        total_size = -(-total.bit_length() // 8) if level > 1 else 0
        pointer = offsets + count_size + total_size
        sizes.append((pointer, count_size))
        most = (node_size - _NODE_REST - pointer) // (width + pointer)
        total = (most + 1) * total + most
    return sizes
