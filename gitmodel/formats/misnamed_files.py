"""Detects files that have names of weights and contain something else.

Examples are the text that Git LFS keeps in place of weights, an error page, and a truncated download. If such
a file is registered, the mistake appears when the version is needed. A finding that is certain refuses the
file; any other is a warning.
"""

from __future__ import annotations

import json
import struct
from typing import NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile

HEAD = 1024  # bytes that are read of every file
MAX_HEADER = 16 << 20  # of safetensors, 16 MiB; a longer one is not read
MAX_GRAPH = 64 << 20  # of ONNX, 64 MiB; a graph with its weights in other files is smaller
_LFS = b"version https://git-lfs.github.com/spec/"
_HTML = lazy_compile(rb"\s*(?:<!doctype html|<html|<head)", 2)  # 2 is re.IGNORECASE
_STORE_ERROR = lazy_compile(rb"\s*(?:<\?xml[^>]*>\s*)?<Error>\s*<Code>")
_UNFINISHED = lazy_compile(
    r".*\.(?:part|partial|incomplete|crdownload|download|aria2|filepart|tmp)"
)
_DVC = lazy_compile(rb"(?:.*\n)*outs:\n")
# StringStringEntryProto {key: "location", value: ...} of a tensor: Source: onnx.proto, external_data
_LOCATION = lazy_compile(rb"\x0a\x08location\x12([\x01-\x7f])([^\x00-\x1f]{1,127})")


class Suspicion(NamedTuple):
    """A reason why a file may not be weights."""

    what: str  # a sentence without its subject: "is the text that Git LFS keeps in place of a file"
    hint: str  # what to run or do; `{path}` stands for the file
    certain: bool  # whether the file cannot be weights


def by_name(name: str) -> Suspicion | None:
    """Check the name of a file."""
    if _UNFINISHED.fullmatch(name.lower()):
        return Suspicion(
            "is called as an unfinished download is", "rename it when it is finished", certain=False
        )
    return None


def by_head(name: str, head: bytes, size: int) -> Suspicion | None:
    """Check the first `HEAD` bytes of a file of `size` bytes."""
    ending = name.lower().rpartition(".")[2]
    if size == 0:
        return Suspicion("is empty", "look whether it was written to its end", certain=False)
    if head.startswith(_LFS) and size <= HEAD:
        return Suspicion(
            "is the text that Git LFS keeps in place of the file",
            "git lfs pull --include {path}",
            certain=True,
        )
    if size <= HEAD and head.startswith((b"/annex/objects/", b".git/annex/objects/")):
        return Suspicion(
            "is the text that git-annex keeps in place of the file",
            "git annex get {path}",
            certain=True,
        )
    if ending == "dvc" and _DVC.match(head):
        return Suspicion(
            "is a file of DVC that names weights",
            "dvc pull {path}, then register the weights: gitmodel add PATH",
            certain=True,
        )
    if ending not in {"html", "htm", "xml"} and (_HTML.match(head) or _STORE_ERROR.match(head)):
        return Suspicion(
            "is a page of a web server, such as an error, and no weights",
            "download it again: curl --fail",
            certain=True,
        )
    return None


def safetensors_cut_short(header: bytes, size: int) -> Suspicion | None:
    """Whether a file of safetensors, of `size` bytes, ends before its tensors do.

    `header` is its first bytes, at least its whole header if that is at most `MAX_HEADER`.
    """
    if len(header) < 8:
        return _cut_short(size, 8)._replace(certain=False)  # or the file is not safetensors
    (length,) = struct.unpack("<Q", header[:8])
    if 8 + length > size and length <= MAX_HEADER:
        return _cut_short(size, 8 + length) if header[8:9] == b"{" else None
    if 8 + length > len(header):
        return None
    try:
        values = json.loads(header[8 : 8 + length])
        ends = [v["data_offsets"][1] for k, v in values.items() if k != "__metadata__"]
        wanted = 8 + length + max((int(end) for end in ends), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None
    return _cut_short(size, wanted) if wanted > size else None


def external_files(graph: bytes) -> list[str]:
    """The files that a graph of ONNX names for its weights, without duplicates."""
    found = []
    for length, text in _LOCATION.findall(graph):
        raw = text[: length[0]]
        if len(raw) == length[0]:
            found.append(raw.decode("utf-8", "replace"))
    return list(dict.fromkeys(found))


def _cut_short(size: int, wanted: int) -> Suspicion:
    return Suspicion(
        f"is cut short: it has {size:,} bytes, and its header says {wanted:,}",
        "write or download it again",
        certain=True,
    )
