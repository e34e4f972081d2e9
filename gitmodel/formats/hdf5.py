"""What an HDF5 file says about itself; weights and models of Keras are such files.

Source: `hdf5_objects`; for Keras, https://github.com/keras-team/keras/blob/master/keras/src/legacy/saving/legacy_h5_format.py

Counted are all datasets that links lead to inside the file, each once, also those of an optimizer. The numbers
are None if a type or a group's links are stored in a way that is not read, or the bounds ended the reading.

The attributes `model_config` and `training_config` of the root are a model of Keras; `code` is what `keras_config`
says of them. Without them, `code` is `none` if everything was read and all datasets are numbers: a program that
reads numbers runs nothing. It is `unknown` for files of PyTables (which unpickles attributes), filters that a
program loads as plug-ins, links into other files, and whatever was not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats import hdf5_values
from gitmodel.formats.block_reader import BlockReader, Budget, Tally, TooMuchError
from gitmodel.formats.description import CODES, Description
from gitmodel.formats.hdf5_objects import LINK, LINK_INFO, SYMBOL_TABLE, Message, ObjectFile
from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from gitmodel.formats.description import Code
    from gitmodel.formats.header import HeaderReader

_MODEL: Final = b"model_config"
_TRAINING: Final = b"training_config"
_KERAS_NAMES: Final = frozenset(
    {_MODEL, b"keras_version", b"layer_names"}
)  # attributes of the root
_BUILT_IN_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})  # 32000: LZF, which h5py brings


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a file of HDF5. Raises ValueError if it is none."""
    return describe_part(source, Budget())


def describe_part(source: HeaderReader, budget: Budget) -> Description:
    """Describe a file of HDF5 that is a part of a model, within what is left of the bounds.

    Raises ValueError if it is none, or nothing is left.
    """
    reader = BlockReader(source, budget)
    file = ObjectFile(reader)
    walk = _Walk(file, reader)
    try:
        walk.read()
    except TooMuchError:
        walk.is_complete = walk.is_plain = False
    return _described(walk)


def _described(walk: _Walk) -> Description:
    kind = "keras" if walk.is_keras else "hdf5"
    arch: str | None = None
    codes: list[Code] = ["none" if walk.is_complete and walk.is_plain else "unknown"]
    if walk.configs:
        from gitmodel.formats import keras_config

        for name, config in walk.configs:
            found = keras_config.judge(config, is_model=name == _MODEL)
            arch = arch or found.arch
            codes.append(found.code)
    code = max(codes, key=CODES.index)
    if not walk.is_complete:
        return Description(kind, arch=arch, code=code)
    return walk.tally.described(kind, arch=arch, code=code)


class _Walk:
    """What was found in a file."""

    def __init__(self, file: ObjectFile, reader: BlockReader) -> None:
        self.tally = Tally()
        self.is_keras = False
        self.configs: list[tuple[bytes, bytes]] = []  # attributes of the root, by name; maybe twice
        self.is_complete = True  # every dataset is counted
        self.is_plain = True  # nothing but numbers was met
        self._file = file
        self._reader = reader

    def read(self) -> None:
        objects = [self._file.root]
        while objects:
            address = objects.pop()
            if self._file.is_new(address):
                self._object(address, objects)

    def _object(self, address: int, objects: list[int]) -> None:
        parts: dict[int, Message] = {}
        for message in self._file.messages(address):
            if message.kind == SYMBOL_TABLE:
                objects += self._file.symbol_table(message)
            elif message.kind == LINK:
                self._link(message, objects)
            elif message.kind == LINK_INFO:
                self._dense_links(message, objects)
            elif message.kind in {hdf5_values.DATASPACE, hdf5_values.DATATYPE, hdf5_values.FILTERS}:
                parts[message.kind] = message
            elif address == self._file.root:
                self._attribute(message)
        if hdf5_values.DATASPACE in parts and hdf5_values.DATATYPE in parts:
            self._dataset(parts)

    def _dense_links(self, message: Message, objects: list[int]) -> None:
        places = self._file.dense_places(message)
        if places is None:
            return
        from gitmodel.formats import hdf5_heap

        try:
            for link in hdf5_heap.dense_links(self._file, self._reader, *places):
                self._link(Message(LINK, is_shared=False, data=link), objects)
        except hdf5_heap.NotReadError:
            self.is_complete = False

    def _link(self, message: Message, objects: list[int]) -> None:
        try:
            found = self._file.link(message)
        except LookupError:
            self.is_plain = False
            return
        if found is not None:
            objects.append(found)

    def _dataset(self, parts: dict[int, Message]) -> None:
        if any(part.is_shared for part in parts.values()):  # a named type, kept elsewhere
            self.is_complete = False
            return
        name = hdf5_values.type_name(parts[hdf5_values.DATATYPE].data)
        sizes = hdf5_values.shape(parts[hdf5_values.DATASPACE].data, self._file.length_size)
        self.tally.add(name, sizes)
        filters = parts.get(hdf5_values.FILTERS)
        if not hdf5_values.is_number(name) or (filters and not _are_built_in(filters.data)):
            self.is_plain = False

    def _attribute(self, message: Message) -> None:
        if message.kind == hdf5_values.ATTRIBUTE_INFO:
            self.is_plain = self.is_plain and not self._has_dense_attributes(message)
        if message.kind != hdf5_values.ATTRIBUTE:
            return
        try:
            found = hdf5_values.attribute(message.data)
        except UnrecognizedFormatError:
            self.is_plain = False
            return
        if found.name == b"PYTABLES_FORMAT_VERSION" or message.is_shared:
            self.is_plain = False
        self.is_keras = self.is_keras or found.name in _KERAS_NAMES
        if found.name in {_MODEL, _TRAINING}:
            text = hdf5_values.text(found, self._file, self._reader)
            self.configs.append((found.name, text))

    def _has_dense_attributes(self, message: Message) -> bool:
        if len(message.data) < 2:
            raise UnrecognizedFormatError("a description of attributes is incomplete")
        return self._file.address(message.data, 2 + 2 * (message.data[1] & 1)) is not None


def _are_built_in(filters: bytes) -> bool:
    """Whether the library has all filters of a pipeline, and needs no plug-in."""
    if len(filters) < 2 or filters[0] not in {1, 2}:
        return False
    at = 8 if filters[0] == 1 else 2
    for _ in range(filters[1]):
        head = [
            int.from_bytes(filters[at + 2 * one : at + 2 * one + 2], "little") for one in range(4)
        ]
        if head[0] not in _BUILT_IN_FILTERS or at + 6 > len(filters):
            return False
        has_name = filters[0] == 1 or head[0] >= 256
        name = -(-head[1] // 8) * 8 if filters[0] == 1 else head[1]
        values = head[3] if has_name else head[2]
        at += (8 + name if has_name else 6) + 4 * values
        at += 4 * (values % 2) if filters[0] == 1 else 0
    return True
