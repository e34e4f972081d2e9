"""What the stack machine keeps in place of the objects that an unpickler would make.

Integers, booleans, None and short text stand for themselves, tuples are tuples of these values. All else is one
of the marks and classes below, which tell no more than the rules of the allow-list ask for.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_KEYS: Final = 8  # of a dict whose keys are remembered


class Mark(Enum):
    """An object of which only the kind matters."""

    DATA = auto()  # a number with a fraction, or long; or another value without a rule
    TEXT = auto()  # long, or with escapes
    BYTES = auto()
    LIST = auto()
    SET = auto()
    ORDERED_DICT = auto()
    SCHEME = auto()  # of torch: how a tensor is quantised
    NDARRAY = auto()  # of numpy, with or without its state
    UNKNOWN = auto()  # made by something that the allow-list does not have


class OldText(str):
    """Text that Python 2 wrote as bytes. What it becomes depends on the reader, so it names no function."""

    __slots__ = ()


class Carrier(tuple[object, ...]):
    """A tuple that holds a function or class, at whatever depth."""

    __slots__ = ()


class Dict:
    """A dict of which a few keys are remembered: those that are text, up to `MAX_KEYS`."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: set[object] | None = set()  # None: too many, or not all are text

    def add(self, key: object) -> None:
        """Remember a key."""
        if type(key) is not str or self.keys is None or len(self.keys) == MAX_KEYS:
            self.keys = None
        else:
            self.keys.add(key)


class Global:
    """A function, class or other object that a pickle names."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class TorchDType:
    """A type of elements that a pickle names: `torch.float8_e5m2`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class StorageClass(Global):
    """A class of storages: `torch.FloatStorage`."""

    __slots__ = ("dtype", "width")

    def __init__(self, name: str, dtype: str | None, width: int) -> None:
        super().__init__("torch" if dtype else "torch.storage", name)
        self.dtype = dtype  # None: bytes, whose type the tensor says
        self.width = width  # bytes of an element


class Storage:
    """A storage of PyTorch, that a persistent id names."""

    __slots__ = ("dtype", "size")

    def __init__(self, dtype: str | None, size: int) -> None:
        self.dtype = dtype  # None: bytes, whose type the tensor says
        self.size = size  # bytes


class Tensor:
    """A tensor that a call rebuilds."""

    __slots__ = ("counted", "dtype", "elements")

    def __init__(self, dtype: str, elements: int) -> None:
        self.dtype = dtype
        self.elements = elements
        self.counted = True


class NumpyDType:
    """A type of numpy: `f8`, with or without its byte order."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


CARRIERS: Final = (Global, Carrier)


def made_tuple(items: Sequence[object]) -> tuple[object, ...]:
    """Return a tuple of these values, which tells whether there is a function in it."""
    for item in items:
        if isinstance(item, CARRIERS):
            return Carrier(items)
    return tuple(items)


def holds_function(value: object) -> bool:
    """Whether this is a function or class, or a tuple with one."""
    return isinstance(value, CARRIERS)
