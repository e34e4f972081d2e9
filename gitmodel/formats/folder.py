"""What a folder of files says about the model that it is.

Its files are described one by one. Files of the same weights in several formats are not added up: the numbers are
those of one format, the first of `MAIN_TYPES` that a file of the folder has. Of that format all files count, so
the shards of a model and the parts of a pipeline are summed, but for other variants of the same weights in one
folder (`main_files` says which).

`code` is the worst of all files. A file of an unknown format counts as `unknown`, unless its name says that it is
text, settings or an image. It is `yes` with Python files, with settings that name code (`auto_map`, modules that a
loader imports, chat templates), and with the flavor `python_function` of MLflow.

Guarantee: at most 512 files are described and 32 MiB of them read; if a folder has more, its numbers are None and
`code` is `unknown` at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats import folder_settings
from gitmodel.formats.block_reader import combined
from gitmodel.formats.describe import describe_file
from gitmodel.formats.description import CODES, MAX_IMPORTS, Description
from gitmodel.formats.folder_variants import is_inert, main_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.formats.description import Code
    from gitmodel.formats.header import Read

MAX_FILES: Final = 512
MAX_READ: Final = 32 << 20  # 32 MiB; 163 shards with 90,000 tensors are 12 MiB
MAIN_TYPES: Final[tuple[str, ...]] = (
    *("safetensors", "pytorch", "torchscript", "gguf", "keras", "hdf5", "savedmodel"),
    *("tensorflow-checkpoint", "tfjs", "onnx", "tflite", "coreml", "xgboost", "lightgbm"),
    *("catboost", "mlnet"),
)


class FileOfFolder(NamedTuple):
    """A file: its path below the folder with `/`, its size in bytes, and how to read it."""

    path: str
    size: int
    read: Read


class _Found(NamedTuple):
    path: str
    size: int
    description: Description


class _TooMuchError(Exception):
    """The files have more to read than the bound permits."""


def describe_folder(files: Sequence[FileOfFolder]) -> Description:
    """Describe a folder of these files, in any order.

    Errors of reading are passed on; no content of a file raises an error.
    """
    ordered = sorted(files, key=lambda file: file.path)
    judged = folder_settings.judge(ordered)
    budget = _Budget(MAX_READ)
    candidates = [file for file in ordered if not is_inert(file.path)]
    described = (_described(file, budget) for file in candidates[:MAX_FILES])
    found = _saved_models([one for one in described if not _is_text(one)])
    codes = [judged.code, *(one.description.code for one in found)]
    if not found or len(candidates) > MAX_FILES or budget.is_spent:
        codes.append("unknown")
    main = _main(found)
    if len(candidates) > MAX_FILES or budget.is_spent:
        main = main._replace(tensors=None, parameters=None, dtypes={})
    imports = sorted({name for one in found for name in one.description.imports})
    return main._replace(
        type=judged.type or main.type,
        arch=judged.arch or main.arch,
        code=_worst(codes),
        imports=tuple(imports[:MAX_IMPORTS]),
    )


class _Budget:
    """Bytes that may still be read."""

    def __init__(self, left: int) -> None:
        self.is_spent = False
        self._left = left

    def spent(self, read: Read) -> Read:
        """Return a reader that takes what it reads from the budget."""

        def reading(offset: int, count: int) -> bytes:
            self._left -= count
            if self._left < 0:
                self.is_spent = True
                raise _TooMuchError
            return read(offset, count)

        return reading


def _described(file: FileOfFolder, budget: _Budget) -> _Found:
    try:
        description = describe_file(file.path, budget.spent(file.read), file.size)
    except _TooMuchError:
        description = Description()
    return _Found(file.path, file.size, description)


def _is_text(found: _Found) -> bool:
    """Whether a file is JSON and no model."""
    return found.description.type is None and found.path.endswith(".json")


def _saved_models(found: list[_Found]) -> list[_Found]:
    """Put the variables of each SavedModel in the place of its graph."""
    graphs = {
        one.path.removesuffix("saved_model.pb"): one
        for one in found
        if one.description.type == "savedmodel" and one.path.rpartition("/")[2] == "saved_model.pb"
    }
    if not graphs:
        return found
    merged: list[_Found] = []
    for one in found:
        graph = graphs.get(one.path.removesuffix("variables/variables.index"))
        if graph is None or one.description.type != "tensorflow-checkpoint":
            if one.path.removesuffix("saved_model.pb") not in graphs:
                merged.append(one)
            continue
        counted = one.description._replace(type="savedmodel", code=graph.description.code)
        merged.append(_Found(graph.path, graph.size, counted))
    has_variables = {one.path for one in merged}
    return merged + [graph for graph in graphs.values() if graph.path not in has_variables]


def _main(found: Iterable[_Found]) -> Description:
    """Return the numbers of the main format."""
    by_type: dict[str, dict[str, _Found]] = {}
    for one in found:
        if one.description.type is not None:
            by_type.setdefault(one.description.type, {})[one.path] = one
    kinds = [kind for kind in MAIN_TYPES if kind in by_type] or sorted(by_type)
    if not kinds:
        return Description()
    chosen = by_type[kinds[0]]
    names = main_files({path: one.size for path, one in chosen.items()})
    return combined(kinds[0], [chosen[name].description for name in names])


def _worst(codes: Iterable[Code]) -> Code:
    return max(codes, key=CODES.index)
