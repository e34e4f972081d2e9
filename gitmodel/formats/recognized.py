"""Formats that are recognized and not read: CatBoost, Core ML, ML.NET.

Only the type is told, and `code` is `unknown`. CatBoost: the file's first bytes. Core ML: the numbers of the
message's fields, https://apple.github.io/coremltools/mlmodel/Format/Model.html; a model with custom code of an
application (`customModel`) is `yes`. ML.NET: a zip archive with the names that its writer gives,
https://github.com/dotnet/machinelearning/blob/main/src/Microsoft.ML.Core/Data/Repository.cs. Such a file names
the .NET assemblies that load it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import BlockReader
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.message_walk import walk
from gitmodel.formats.protobuf import BYTES, VARINT, key

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader

CATBOOST_START: Final = b"CBM1"
_VERSION: Final = key(1, VARINT)  # of Core ML's Model
_INTERFACE: Final = key(2, BYTES)
_CUSTOM_MODEL: Final = key(555, BYTES)
_FIRST_TYPE, _LAST_TYPE = 200, 3000  # numbers of the kinds of model
_MLNET_FOLDERS: Final = ("TransformerChain/", "TrainingInfo/", "DataLoaderModel/", "Predictor/")


def describe_catboost(source: HeaderReader, _name: str) -> Description:
    """Describe a model of CatBoost. Raises ValueError if it is none."""
    if source.take(0, 4) != CATBOOST_START:
        raise UnrecognizedFormatError("no model of CatBoost")
    return Description("catboost")


def describe_coreml(source: HeaderReader, _name: str) -> Description:
    """Describe a model of Core ML. Raises ValueError if it is none."""
    reader = BlockReader(source)
    found = {field.key for field in walk(reader, 0, reader.size)}
    has_type = any(_FIRST_TYPE <= one >> 3 <= _LAST_TYPE and one & 7 == BYTES for one in found)
    if not {_VERSION, _INTERFACE} <= found or not has_type:
        raise UnrecognizedFormatError("no model of Core ML")
    return Description("coreml", code="yes" if _CUSTOM_MODEL in found else "unknown")


def describe_mlnet(source: HeaderReader, _name: str) -> Description:
    """Describe a model of ML.NET. Raises ValueError if it is none."""
    from gitmodel.formats.zip_members import ZipMembers

    names = [name.replace("\\", "/") for name in ZipMembers(source).names]
    has_key = any(name.endswith("Model.key") for name in names)
    if not has_key or not any(name.startswith(_MLNET_FOLDERS) for name in names):
        raise UnrecognizedFormatError("no model of ML.NET")
    return Description("mlnet")
