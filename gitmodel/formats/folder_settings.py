"""What the settings beside weights say: of Hugging Face's libraries, MLflow and Keras.

Sources: https://huggingface.co/docs/transformers/main/en/custom_models (`auto_map`),
https://huggingface.co/docs/transformers/main/en/chat_templating,
https://sbert.net/docs/sentence_transformer/usage/custom_models.html (`modules.json`),
https://huggingface.co/docs/diffusers/main/en/using-diffusers/loading (`model_index.json`) and
https://mlflow.org/docs/latest/ml/model/ (`MLmodel`).

Guarantee: at most 64 files of at most 2 MiB are read; a file that is larger, or is not what its name says, makes
`code` unknown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.formats.description import Code
    from gitmodel.formats.header import Read

_MAX_FILES: Final = 64
_MAX_BYTES: Final = 2 << 20  # 2 MiB; vocabularies are larger, and are no settings
_MAX_ARCH: Final = 200  # characters
_MLFLOW: Final = "MLmodel"
_KERAS_METADATA: Final = "keras_metadata.pb"
_MODULES: Final = "modules.json"
_PIPELINE: Final = "model_index.json"
_LIBRARIES: Final = frozenset({None, "diffusers", "transformers"})
_CODE: Final = ("auto_map", "auto_mapping", "chat_template", "custom_pipelines")  # unless null
_TEMPLATES: Final = ("chat_template.json",)


class Settings(NamedTuple):
    """What the settings of a folder say."""

    type: str | None
    arch: str | None
    code: Code


def judge(files: Sequence[tuple[str, int, Read]]) -> Settings:
    """Read the settings of a folder of these files: path, bytes and how to read each.

    Errors of reading are passed on; no content raises an error.
    """
    code: Code = "yes" if any(_is_program(path) for path, _, _ in files) else "none"
    kind = arch = None
    settings = [file for file in files if _is_settings(file[0])]
    for file in settings[:_MAX_FILES]:
        found = _read(*file)
        kind = kind or found.type
        arch = arch or found.arch
        code = _worse(code, found.code)
    if len(settings) > _MAX_FILES:
        code = _worse(code, "unknown")
    return Settings(kind, arch, code)


def _is_program(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.lower().endswith((".py", ".pyc", ".so", ".jinja")) or name in _TEMPLATES


def _is_settings(path: str) -> bool:
    name = path.rpartition("/")[2]
    is_json = name.endswith(".json") and ("config" in name or name in {_MODULES, _PIPELINE})
    return is_json or name in {_MLFLOW, _KERAS_METADATA}


def _read(path: str, size: int, read: Read) -> Settings:
    if size > _MAX_BYTES:
        return Settings(None, None, "unknown")
    raw = read(0, size)
    name = path.rpartition("/")[2]
    if name == _MLFLOW:
        return _mlflow(raw)
    if name == _KERAS_METADATA:
        is_lambda = b'"class_name": "Lambda"' in raw or b"__lambda__" in raw
        return Settings(None, None, "yes" if is_lambda else "unknown")
    return _json(path, raw)


def _json(path: str, raw: bytes) -> Settings:
    try:
        root = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return Settings(None, None, "unknown")
    name = path.rpartition("/")[2]
    if name == _MODULES:
        return Settings(None, None, _modules(root))
    if not isinstance(root, dict):
        return Settings(None, None, "none")
    if name == _PIPELINE:
        return Settings(None, None, _pipeline(root))
    has_code = any(root.get(key) is not None for key in _CODE)
    arch = _arch(root) if path == "config.json" else None
    return Settings(None, arch, "yes" if has_code else "none")


def _arch(config: dict[str, object]) -> str | None:
    """Return the architecture that a configuration of Hugging Face names."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named else config.get("model_type")
    return first[:_MAX_ARCH] if isinstance(first, str) and first else None


def _modules(root: object) -> Code:
    """Judge the modules of Sentence Transformers: classes that a loader imports."""
    if not isinstance(root, list):
        return "unknown"
    kinds = [one.get("type") if isinstance(one, dict) else None for one in root]
    is_own = all(
        isinstance(kind, str) and kind.startswith("sentence_transformers.") for kind in kinds
    )
    return "none" if is_own else "yes"


def _pipeline(root: dict[str, object]) -> Code:
    """Judge the parts of a pipeline of Diffusers: a library to import, and a class of it, for each."""
    parts = [value for value in root.values() if isinstance(value, list) and len(value) == 2]
    is_own = all(isinstance(one[0], str | None) and one[0] in _LIBRARIES for one in parts)
    return "none" if is_own and isinstance(root.get("_class_name"), str) else "yes"


def _mlflow(raw: bytes) -> Settings:
    from gitmodel.domain.yaml import reader
    from gitmodel.errors import TextError

    try:
        flavors = reader.parse(raw, what=_MLFLOW).get("flavors")
    except TextError:
        return Settings(None, None, "unknown")
    if not isinstance(flavors, dict):
        return Settings(None, None, "unknown")
    return Settings("mlflow", None, "yes" if "python_function" in flavors else "unknown")


def _worse(one: Code, other: Code) -> Code:
    from gitmodel.formats.description import CODES

    return max(one, other, key=CODES.index)
