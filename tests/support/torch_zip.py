"""Files as `torch.save` writes them for a dict of tensors, without PyTorch."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from tests.support.formats import zip_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Saved(NamedTuple):
    """A tensor of a state dict: elements of a storage."""

    key: str
    storage: str  # a class of torch
    elements: int  # of the storage
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None = None  # None: contiguous
    offset: int = 0


def torch_zip(data: bytes, storages: Mapping[str, bytes]) -> bytes:
    """An archive with this pickle and these storages."""
    entries = {f"net/data/{key}": content for key, content in storages.items()}
    return zip_file({"net/data.pkl": data, **entries, "net/version": b"3\n"})


def state_dict(tensors: Iterable[tuple[str, Saved]]) -> bytes:
    """The pickle of an ordered dict, by protocol 2."""
    return b"\x80\x02" + ordered_dict(tensors) + b"."


def ordered_dict(tensors: Iterable[tuple[str, Saved]]) -> bytes:
    items = b"".join(_text(name) + _tensor(saved) for name, saved in tensors)
    return b"ccollections\nOrderedDict\n)R(" + items + b"u"


def nested(dicts: Mapping[str, bytes]) -> bytes:
    """The pickle of a dict of values."""
    items = b"".join(_text(name) + value for name, value in dicts.items())
    return b"\x80\x02}(" + items + b"u."


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The stride of a tensor whose last index varies fastest."""
    stride, step = [], 1
    for length in reversed(shape):
        stride.append(step)
        step *= length
    return tuple(reversed(stride))


def _tensor(saved: Saved) -> bytes:
    storage = f"ctorch\n{saved.storage}\n".encode()
    identity = b"(" + _text("storage") + storage + _text(saved.key) + _text("cpu")
    stride = contiguous(saved.shape) if saved.stride is None else saved.stride
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + identity
        + _number(saved.elements)
        + b"tQ"
        + _number(saved.offset)
        + _numbers(saved.shape)
        + _numbers(stride)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _number(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _numbers(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, numbers)) + b"t"
