"""What a file of weights is: a table of formats, each with a describer that is imported when a file needs it.

A row names what files of the format begin with, or the endings of their names where the bytes do not say. The
first row whose describer accepts the file answers. Files that no row accepts are of an unknown format.

Guarantee: no content of a file raises an error, and none of it is unpickled, imported or executed. A describer
reads through `HeaderReader` alone: headers, directories and pickles, never the bytes of tensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gitmodel.formats.description import Description
from gitmodel.formats.file_names import as_named
from gitmodel.formats.header import HeaderReader

if TYPE_CHECKING:
    from gitmodel.formats.header import Read

_START: Final = 16  # bytes that a row may look at


class Describer(Protocol):
    """Describes a file of one format."""

    def __call__(self, source: HeaderReader, name: str, /) -> Description:
        """Return what the file says about itself; `name` is its name, with or without folders.

        Raises ValueError if the file is not of this format, and what `source` raises if bytes are not at
        hand.
        """


class Row(NamedTuple):
    """A format: how its files are recognized, and who describes them. One of both conditions is enough."""

    describe: Describer
    starts: tuple[bytes, ...] = ()  # the first bytes of its files, at most `_START`
    endings: tuple[str, ...] = ()  # of their names, in lower case: `.onnx`


def _gguf(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import gguf

    return gguf.describe(source, name)


def _safetensors(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import safetensors

    return safetensors.describe(source, name)


def _onnx(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import onnx

    return onnx.describe(source, name)


def _hdf5(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import hdf5

    return hdf5.describe(source, name)


def _keras_zip(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import keras_zip

    return keras_zip.describe(source, name)


def _saved_model(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import saved_model

    return saved_model.describe(source, name)


def _bundle_index(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import bundle_index

    return bundle_index.describe(source, name)


def _tflite(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import tflite

    return tflite.describe(source, name)


def _tfjs(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import tfjs

    return tfjs.describe(source, name)


def _xgboost_json(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import boosted_trees

    return boosted_trees.describe_xgboost_json(source, name)


def _xgboost_ubjson(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import boosted_trees

    return boosted_trees.describe_xgboost_ubjson(source, name)


def _lightgbm(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import boosted_trees

    return boosted_trees.describe_lightgbm(source, name)


def _catboost(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import recognized

    return recognized.describe_catboost(source, name)


def _coreml(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import recognized

    return recognized.describe_coreml(source, name)


def _mlnet(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import recognized

    return recognized.describe_mlnet(source, name)


def _zip(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import pytorch_zip

    return pytorch_zip.describe_zip(source, name)


def _npy(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import numpy_files

    return numpy_files.describe_npy(source, name)


def _pickle(source: HeaderReader, name: str) -> Description:
    from gitmodel.formats import pickles

    return pickles.describe_pickle(source, name)


_PICKLES: Final = (
    *(
        ".pkl",
        ".pickle",
        ".joblib",
        ".pt",
        ".pth",
        ".ckpt",
        ".bin",
        ".pth.tar",
        ".dill",
        ".sav",
        ".p",
    ),
    *(
        ".pkl.gz",
        ".pkl.bz2",
        ".pkl.xz",
        ".pkl.z",
        ".joblib.gz",
        ".joblib.z",
        ".joblib.xz",
        ".joblib.bz2",
    ),
    *(".joblib.lz4", ".pkl.lz4", ".cloudpickle", ".pt2", ".model", ".th"),
)
# Opcodes of pickles: bytes of the argument of each, and those with an argument of any length.
_WIDTHS: Final = {
    **{
        bytes([code]): 0
        for code in b"()012NQRabdeltosu]}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"
    },
    **{bytes([code]): 1 for code in b"Khq\x80\x82"},
    **{bytes([code]): 2 for code in b"M\x83"},
    **{bytes([code]): 4 for code in b"Jjr\x84"},
}
_READING_ON: Final = frozenset(
    bytes([code]) for code in b"BCFGILPSTUVXcgip\x8a\x8b\x8c\x8d\x8e\x95\x96"
)
# In this order. Formats that a file's bytes tell stand before those that only its name tells.
ROWS: Final[tuple[Row, ...]] = (
    Row(_keras_zip, endings=(".keras",)),  # Keras finds the archive behind other bytes
    Row(_gguf, starts=(b"GGUF",)),
    Row(_zip, starts=(b"PK\x03\x04",)),
    Row(_npy, starts=(b"\x93NUMPY",)),
    Row(_pickle, starts=(b"\x80",), endings=_PICKLES),
    Row(_hdf5, starts=(b"\x89HDF\r\n\x1a\n",)),
    Row(_keras_zip, starts=(b"PK\x03\x04",)),
    Row(_mlnet, starts=(b"PK\x03\x04",)),
    Row(_catboost, starts=(b"CBM1",)),
    Row(_xgboost_ubjson, starts=(b"{L\0\0\0\0\0\0\0\7learn",)),
    Row(_xgboost_json, starts=(b"{",)),
    Row(_lightgbm, starts=(b"tree\nversion=v", b"tree\r\nversion=v")),
    Row(_tfjs, endings=(".json",)),
    Row(_onnx, endings=(".onnx",)),
    Row(_tflite, endings=(".tflite", ".lite")),
    Row(_saved_model, endings=(".pb",)),
    Row(_bundle_index, endings=(".index",)),
    Row(_coreml, endings=(".mlmodel",)),
    # Its first bytes are the length of a header: any file may begin so, therefore it is tried last.
    Row(_safetensors, starts=(b"",)),
)


def describe_file(name: str, read: Read, size: int) -> Description:
    """Describe a file of `size` bytes; of an unknown format, with `code` unknown.

    `name` is the file's name, with or without folders. `read(offset, count)` returns bytes of the file as
    pread does, fewer at its end. Its errors are passed on; no content of the file raises an error.
    """
    watched = _Watched(read)
    source = HeaderReader(watched, size)
    try:
        start = source.take(0, min(size, _START))
    except ValueError:  # the file became shorter
        return Description()
    lower = name.lower()
    for row in ROWS:
        if start.startswith(row.starts) or (row.endings and lower.endswith(row.endings)):
            try:
                return as_named(_checked(row.describe(source, name), source, start), name)
            except Exception as error:  # noqa: BLE001 - the bytes are not what a describer expects
                watched.pass_on(error)
    return Description()


def _checked(found: Description, source: HeaderReader, start: bytes) -> Description:
    """Say `yes` or `unknown` of a file that needs no code, if a loader of pickles might run code of it."""
    if found.code == "none" and _may_be_opcodes(start):
        from gitmodel.formats import pickles

        return found._replace(code=pickles.code_as_pickle(source))
    return found


def _may_be_opcodes(start: bytes) -> bool:
    """Whether an unpickler reads on behind the first bytes of a file; cheap, for almost every file."""
    position = 0
    while position < len(start):
        code = start[position : position + 1]
        if code in _READING_ON:
            return True
        if code not in _WIDTHS:
            return False
        position += 1 + _WIDTHS[code]
    return True


class _Watched:
    """Reads a file and remembers its errors, to tell them from those of a describer."""

    __slots__ = ("_error", "_read")

    def __init__(self, read: Read) -> None:
        self._read = read
        self._error: Exception | None = None

    def __call__(self, offset: int, count: int) -> bytes:
        try:
            return self._read(offset, count)
        except Exception as error:
            self._error = error
            raise

    def pass_on(self, error: Exception) -> None:
        """Raise the error if reading raised it."""
        if error is self._error:
            raise error
