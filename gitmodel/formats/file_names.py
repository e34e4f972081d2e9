"""Which format the loader of a file expects, by the file's name.

Some loaders look for their format behind other bytes: Keras finds a zip archive at the end of a `.keras` file, and
HDF5 finds a superblock at 512 bytes. A file can so be safetensors for one program and a model of Keras for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gitmodel.formats.description import Description

_HDF5: Final = frozenset({"keras", "hdf5"})
_PICKLES: Final = frozenset({"pytorch", "torchscript", "pickle", "joblib"})
# Endings of names, in lower case, and the types of which a loader of such files takes one. The first row counts.
_EXPECTED: Final[tuple[tuple[tuple[str, ...], frozenset[str]], ...]] = (
    ((".keras",), _HDF5),
    ((".h5", ".hdf5"), _HDF5),
    ((".pt", ".pth", ".pth.tar", ".ckpt", ".bin", ".pkl", ".pickle", ".joblib", ".dill"), _PICKLES),
    ((".onnx",), frozenset({"onnx"})),
    ((".pb",), frozenset({"savedmodel"})),
    ((".npy",), frozenset({"npy"})),
    ((".npz",), frozenset({"npz"})),
    ((".gguf",), frozenset({"gguf"})),
    ((".tflite", ".lite"), frozenset({"tflite"})),
    ((".cbm",), frozenset({"catboost"})),
    ((".ubj",), frozenset({"xgboost"})),
    ((".mlmodel",), frozenset({"coreml"})),
    ((".tar", ".tar.gz", ".tgz", ".zip"), frozenset()),
)


def as_named(found: Description, name: str) -> Description:
    """Return the description of a file of this name: `code` is not known if the name is of another format."""
    if found.code not in {"none", "listed"}:
        return found
    lower = name.lower()
    expected = next((types for ends, types in _EXPECTED if lower.endswith(ends)), None)
    is_wrong = expected is not None and found.type not in expected
    return found._replace(code="unknown") if is_wrong else found
