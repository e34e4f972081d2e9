"""What `saved_model.pb` of a TensorFlow SavedModel says about itself.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/saved_model.proto
The file has the graph; variables are in files beside it, which `bundle_index` counts.

`code` is `yes` if a graph or one of its functions has an operator that calls Python (`PyFunc` and its like), and
else `unknown`: operators of TensorFlow itself read and write files, and any operator may come from a library, so
no list of operators tells what a graph runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import BlockReader, TooMuchError
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.message_walk import Field, text, walk
from gitmodel.formats.protobuf import BYTES, VARINT, key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.header import HeaderReader

_VERSION: Final = key(1, VARINT)
_META_GRAPH: Final = key(2, BYTES)
_GRAPH: Final = key(2, BYTES)  # of MetaGraphDef
_NODE: Final = key(1, BYTES)  # of GraphDef
_LIBRARY: Final = key(2, BYTES)
_FUNCTION: Final = key(1, BYTES)  # of FunctionDefLibrary
_FUNCTION_NODE: Final = key(3, BYTES)
_OPERATOR: Final = key(2, BYTES)  # of NodeDef
_PYTHON: Final = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc", "FlexPyFunc"})


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe the graph of a SavedModel. Raises ValueError if it is none."""
    reader = BlockReader(source)
    has_version = False
    graphs: list[Field] = []
    for field in walk(reader, 0, reader.size):
        if field.key == _VERSION:
            has_version = field.value == 1
        elif field.key == _META_GRAPH:
            graphs.append(field)
    if not has_version or not graphs:
        raise UnrecognizedFormatError("no SavedModel")
    try:
        calls_python = any(
            name in _PYTHON for graph in graphs for name in _operators(reader, graph)
        )
    except TooMuchError:
        calls_python = False
    return Description("savedmodel", code="yes" if calls_python else "unknown")


def _operators(reader: BlockReader, meta_graph: Field) -> Iterator[str]:
    """Yield the operator of each node, of the graph and of its functions."""
    for graph in _inside(reader, meta_graph, _GRAPH):
        for node in _inside(reader, graph, _NODE):
            yield from _operator(reader, node)
        for library in _inside(reader, graph, _LIBRARY):
            for function in _inside(reader, library, _FUNCTION):
                for node in _inside(reader, function, _FUNCTION_NODE):
                    yield from _operator(reader, node)


def _operator(reader: BlockReader, node: Field) -> Iterator[str]:
    for field in _inside(reader, node, _OPERATOR):
        yield text(reader, field)


def _inside(reader: BlockReader, place: Field, wanted: int) -> Iterator[Field]:
    for field in walk(reader, place.start, place.end):
        if field.key == wanted:
            yield field
