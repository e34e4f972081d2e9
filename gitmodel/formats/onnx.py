"""What an ONNX file says about itself.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
The file is one message, `ModelProto`, with tensors of any size inside it, which are passed over.

Counted are the initializers of the main graph, wherever their data is, also in other files. Not counted are
sparse initializers, initializers of subgraphs (bodies of `If` and `Loop`) and the values of `Constant` nodes.
Types are named as `TensorProto.DataType` names them. Neither the graph's name nor its producer is an
architecture, so there is none.

`code` is `yes` if a node of any graph or function has an operator that neither ONNX defines nor a function of
the file: a program that runs the model takes such an operator from a library. It is `none` if all nodes were
read and have none, and `unknown` if the bounds ended the reading before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import BlockReader, Tally, TooMuchError
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.message_walk import Field, integers, text, walk
from gitmodel.formats.protobuf import BYTES, VARINT, key

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader

# ModelProto
_IR_VERSION: Final = key(1, VARINT)
_GRAPH: Final = key(7, BYTES)
_TRAINING: Final = key(20, BYTES)  # TrainingInfoProto: two graphs
_TRAINING_GRAPHS: Final = (key(1, BYTES), key(2, BYTES))
_FUNCTION: Final = key(25, BYTES)
# GraphProto
_NODE: Final = key(1, BYTES)
_INITIALIZER: Final = key(5, BYTES)
# NodeProto
_OPERATOR: Final = key(4, BYTES)
_ATTRIBUTE: Final = key(5, BYTES)
_DOMAIN: Final = key(7, BYTES)
_SUBGRAPHS: Final = (key(6, BYTES), key(11, BYTES))  # of AttributeProto
# FunctionProto
_FUNCTION_NAME: Final = key(1, BYTES)
_FUNCTION_NODE: Final = key(7, BYTES)
_FUNCTION_ATTRIBUTE: Final = key(11, BYTES)
_FUNCTION_DOMAIN: Final = key(10, BYTES)
# TensorProto
_DIMS: Final = (key(1, VARINT), key(1, BYTES))
_DATA_TYPE: Final = key(2, VARINT)

_MAX_DEPTH: Final = 32  # graphs inside graphs
_STANDARD: Final = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"}
)
_TYPES: Final = (
    *("UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL"),
    *("FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"),
    *("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4"),
    *("FLOAT4E2M1", "FLOAT8E8M0", "UINT2", "INT2", "FLOAT6E2M3", "FLOAT6E3M2"),
)


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a file of ONNX. Raises ValueError if it is none."""
    model = _Model(BlockReader(source))
    try:
        model.read()
    except TooMuchError:
        if not model.has_version:
            raise
        return Description("onnx")
    if not model.has_version or not model.has_graph:
        raise UnrecognizedFormatError("no model of ONNX")
    return model.tally.described("onnx", code="yes" if model.has_foreign_operators() else "none")


class _Model:
    """What was found in a file."""

    def __init__(self, reader: BlockReader) -> None:
        self.tally = Tally()
        self.has_version = False
        self.has_graph = False
        self._reader = reader
        self._used: set[tuple[str, str]] = set()  # domain and operator, of domains that ONNX lacks
        self._functions: set[tuple[str, str]] = set()

    def read(self) -> None:
        for field in walk(self._reader, 0, self._reader.size):
            if field.key == _IR_VERSION:
                self.has_version = True
            elif field.key == _GRAPH:
                self.has_graph = True
                self._graph(field, depth=0, main=True)
            elif field.key == _FUNCTION:
                self._function(field)
            elif field.key == _TRAINING:
                for graph in walk(self._reader, field.start, field.end):
                    if graph.key in _TRAINING_GRAPHS:
                        self._graph(graph, depth=0)

    def has_foreign_operators(self) -> bool:
        """Whether an operator is neither of ONNX nor a function of the file."""
        return bool(self._used - self._functions)

    def _graph(self, place: Field, *, depth: int, main: bool = False) -> None:
        if depth > _MAX_DEPTH:
            raise TooMuchError("graphs are nested too deeply")
        for field in walk(self._reader, place.start, place.end):
            if field.key == _NODE:
                self._node(field, depth)
            elif field.key == _INITIALIZER and main:
                self._initializer(field)

    def _function(self, place: Field) -> None:
        name = domain = ""
        for field in walk(self._reader, place.start, place.end):
            if field.key == _FUNCTION_NAME:
                name = text(self._reader, field)
            elif field.key == _FUNCTION_DOMAIN:
                domain = text(self._reader, field)
            elif field.key == _FUNCTION_NODE:
                self._node(field, 0)
            elif field.key == _FUNCTION_ATTRIBUTE:
                self._attribute(field, 0)
        self._functions.add((domain, name))

    def _node(self, place: Field, depth: int) -> None:
        operator = domain = ""
        for field in walk(self._reader, place.start, place.end):
            if field.key == _OPERATOR:
                operator = text(self._reader, field)
            elif field.key == _DOMAIN:
                domain = text(self._reader, field)
            elif field.key == _ATTRIBUTE:
                self._attribute(field, depth)
        if domain not in _STANDARD:
            self._used.add((domain, operator))

    def _attribute(self, place: Field, depth: int) -> None:
        for field in walk(self._reader, place.start, place.end):
            if field.key in _SUBGRAPHS:
                self._graph(field, depth=depth + 1)

    def _initializer(self, place: Field) -> None:
        shape: list[int] = []
        data_type = 0
        for field in walk(self._reader, place.start, place.end):
            if field.key in _DIMS:
                shape += integers(self._reader, field)
            elif field.key == _DATA_TYPE:
                data_type = field.value
        known = data_type < len(_TYPES)
        self.tally.add(_TYPES[data_type] if known else f"{data_type}", shape)
