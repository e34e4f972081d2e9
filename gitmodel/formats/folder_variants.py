"""Which files of a folder are weights, and which are the same weights again, told by their names alone.

Source of the names: https://huggingface.co/docs/diffusers/main/en/using-diffusers/loading#checkpoint-variants,
https://huggingface.co/docs/transformers/main/en/models#shard-checkpoints and the names that llama.cpp gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Mapping

# Text, settings, and images: what a loader reads of them is data. Settings are read by `folder_settings`.
_INERT_ENDINGS: Final = (
    *(
        ".txt",
        ".md",
        ".rst",
        ".json",
        ".jsonl",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".csv",
        ".tsv",
    ),
    *(
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".webp",
        ".pdf",
        ".html",
        ".log",
        ".lock",
        ".py",
        ".jinja",
    ),
)
_INERT_NAMES: Final = frozenset(
    {
        "LICENSE",
        "LICENCE",
        "NOTICE",
        "README",
        "MLmodel",
        "checkpoint",
        ".gitattributes",
        ".gitignore",
    }
    | {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "fingerprint.pb"}
)
# Values that a described file beside them counts: of ONNX, TensorFlow, TensorFlow.js, Core ML.
_DATA: Final = lazy_compile(
    r".*(?:\.onnx[._]data(?:_\d+)?|\.data-\d{5}-of-\d{5}|[-.]?shard\d+of\d+(?:\.bin)?|/weights/weight\.bin)"
)
_SHARD: Final = lazy_compile(r"(.+?)[-_.]\d{5}-of-\d{5}")
_VARIANT: Final = lazy_compile(
    r"(.+?)[-_.](?:fp16|fp32|bf16|f16|f32|fp8|half|non_ema|ema|quantized|u?int[48]|bnb4|q4f16|no_?ema"
    r"|i?q\d[a-z0-9_]*|o[1-4]|qint8[a-z0-9_]*|quint8[a-z0-9_]*)",
    2,  # in upper or lower case
)


def is_inert(path: str) -> bool:
    """Whether a file is no weights by its name; `model.json` of TensorFlow.js and XGBoost is weights."""
    name = path.rpartition("/")[2]
    if name.endswith(".json") and not _is_settings(name):
        return False
    return (
        name in _INERT_NAMES
        or name.lower().endswith(_INERT_ENDINGS)
        or _DATA.fullmatch(path) is not None
    )


def _is_settings(name: str) -> bool:
    words = (
        "config",
        "token",
        "vocab",
        "merges",
        "index",
        "modules",
        "metrics",
        "meta",
        "special",
        "params",
    )
    return any(word in name.lower() for word in words)


class _Name(NamedTuple):
    folder: str
    model: str  # without shard and variant
    is_variant: bool
    is_shard: bool
    group: str  # of the shards of one set


def main_files(sizes: Mapping[str, int]) -> list[str]:
    """Return which of these files of one format are to be counted, of path to size in bytes.

    In each folder: if a model is there in shards and in one file, the shards count. Of variants (`fp16`,
    `Q4_K_M`) of one name the one without a variant counts, else the largest.
    """
    sets: dict[tuple[str, str], dict[str, list[str]]] = {}
    names = {path: _parsed(path) for path in sizes}
    sharded = {name.folder for name in names.values() if name.is_shard}
    for path, name in names.items():
        if name.is_shard or name.folder not in sharded:
            key = (name.folder, name.model)
            sets.setdefault(key, {}).setdefault(name.group, []).append(path)
    chosen: list[str] = []
    for groups in sets.values():
        plain = [group for group in groups.values() if not names[group[0]].is_variant]
        chosen += (
            plain or [max(groups.values(), key=lambda group: sum(sizes[one] for one in group))]
        )[0]
    return sorted(chosen)


def _parsed(path: str) -> _Name:
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    shard = _SHARD.fullmatch(stem)
    group = shard[1] if shard else stem
    variant = _VARIANT.fullmatch(group)
    return _Name(
        folder, variant[1] if variant else group, variant is not None, shard is not None, group
    )
