"""The fixed list of functions that rebuild tensors and arrays, and the arguments that their writers give them.

A function is here because loading weights needs it and because it does nothing else with such arguments:

- `torch._utils._rebuild_tensor`, `_rebuild_tensor_v2`, `_rebuild_tensor_v3`, `_rebuild_qtensor`: make a tensor of
  a storage, numbers, and an empty dict of hooks. The numbers must lie inside the storage.
- `torch._utils._rebuild_parameter`: marks a tensor as a parameter.
- classes of storages: only inside the persistent id of a storage, which PyTorch maps to bytes of the file.
- `torch.Size`, `torch.device`, types of elements, ways to quantise: values of a name or of numbers.
- `collections.OrderedDict`: an empty dict in order, or one of a list.
- `numpy.dtype` of a number's type, `_reconstruct` of `numpy.ndarray` and of no other class, and `scalar`: arrays
  of numbers. Types with fields or objects are not listed.
- `_codecs.encode` of text as `latin1`: how a pickle of protocol 2 writes the bytes of an array.

A call with any other arguments is refused, and so is a name that only looks alike: names are compared whole.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.pickle_scan.values import (
    Dict,
    Global,
    Mark,
    NumpyDType,
    Storage,
    StorageClass,
    Tensor,
    TorchDType,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias, TypeGuard

    Arguments: TypeAlias = tuple[object, ...]

_NUMBERS: Final = lazy_compile(r"[biufc][0-9]{1,2}|[SU][0-9]{1,9}")
_LOCATION: Final = lazy_compile(r"[a-z]{1,20}(?::[0-9]{1,4})?")
# Bytes of an element. The names are those of attributes of torch.
_DTYPES: Final = {
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
    **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "uint32", "float32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
    **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), 1),
    **dict.fromkeys(("float8_e8m0fnu", "qint8", "quint8"), 1),
    **dict.fromkeys(("qint32", "complex32"), 4),
    "complex128": 16,
}
_STORAGES: Final = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "QInt32Storage": "qint32",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "ShortStorage": "int16",
}
_PER_TENSOR: Final = ("per_tensor_affine", "per_tensor_symmetric")
_PER_CHANNEL: Final = ("per_channel_affine", "per_channel_symmetric")


class RefusedError(ValueError):
    """The arguments are not those that a writer of weights gives."""


class Tensors:
    """The tensors that a pickle rebuilds, counted; a tensor that it refers to again counts once."""

    def __init__(self) -> None:
        self.tensors = 0
        self.parameters = 0  # elements of all tensors
        self.dtypes: dict[str, int] = {}
        self.storages: dict[str, int] = {}  # bytes of each, by its key

    def storage(self, identity: object, *, views: bool) -> Storage:
        """Return the storage that a persistent id names. Raises RefusedError if it is another id.

        With `views` it ends with a view of a part of the storage, as files before the zip format do; only
        None is known.
        """
        if not isinstance(identity, tuple) or len(identity) != 5 + views:
            raise RefusedError
        kind, of, key, location, count = identity[:5]
        _ensure(kind == "storage" and (not views or identity[5] is None))
        if not (isinstance(of, StorageClass) and isinstance(key, str) and _is_size(count)):
            raise RefusedError
        _ensure(key.isascii() and key.isdigit())
        _ensure(isinstance(location, str) and _LOCATION.fullmatch(location) is not None)
        size = count * of.width
        _ensure(self.storages.setdefault(str(key), size) == size)
        return Storage(of.dtype, size)

    def add(self, described: Arguments, dtype: str | None = None) -> Tensor:
        """Count a tensor: storage, offset, size and stride, in elements.

        Raises RefusedError if it does not lie inside its storage.
        """
        storage, offset, size, stride = described
        if not (isinstance(storage, Storage) and _is_size(offset)):
            raise RefusedError
        if not (_are_sizes(size) and _are_sizes(stride) and len(size) == len(stride)):
            raise RefusedError
        known = dtype or storage.dtype
        if known is None:
            raise RefusedError
        elements = math.prod(size)
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        _ensure(elements == 0 or (last + 1) * _DTYPES[known] <= storage.size)
        _ensure(_is_size(elements))
        self.tensors += 1
        self.parameters += elements
        self.dtypes[known] = self.dtypes.get(known, 0) + 1
        return Tensor(known, elements)

    def remove(self, tensor: Tensor) -> None:
        """Do not count a tensor after all."""
        if not tensor.counted:
            return
        tensor.counted = False
        self.tensors -= 1
        self.parameters -= tensor.elements
        self.dtypes[tensor.dtype] -= 1
        if not self.dtypes[tensor.dtype]:
            del self.dtypes[tensor.dtype]


def _ensure(condition: bool) -> None:
    if not condition:
        raise RefusedError


def _is_size(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 62


def _are_sizes(value: object) -> TypeGuard[tuple[int, ...]]:
    if not isinstance(value, tuple) or len(value) > 64:
        return False
    for one in value:  # noqa: SIM110 - twice as fast as a generator
        if not _is_size(one):
            return False
    return True


def _ensure_hooks(requires_grad: object, hooks: object) -> None:
    _ensure(type(requires_grad) is bool and hooks is Mark.ORDERED_DICT)


def _is_metadata(value: object) -> bool:
    """Whether these are the two bits of a tensor that PyTorch keeps in a dict, or none."""
    return value is None or (
        isinstance(value, Dict) and value.keys is not None and value.keys <= {"conj", "neg"}
    )


def _tensor(arguments: Arguments, tensors: Tensors) -> object:
    _ensure(len(arguments) == 4)
    return tensors.add(arguments)


def _tensor_v2(arguments: Arguments, tensors: Tensors) -> object:
    _ensure(len(arguments) == 6 or (len(arguments) == 7 and _is_metadata(arguments[6])))
    _ensure_hooks(arguments[4], arguments[5])
    return tensors.add(arguments[:4])


def _tensor_v3(arguments: Arguments, tensors: Tensors) -> object:
    _ensure(len(arguments) == 7 or (len(arguments) == 8 and _is_metadata(arguments[7])))
    _ensure_hooks(arguments[4], arguments[5])
    dtype = arguments[6]
    if not isinstance(dtype, TorchDType):
        raise RefusedError
    return tensors.add(arguments[:4], dtype.name)


def _qtensor(arguments: Arguments, tensors: Tensors) -> object:
    _ensure(len(arguments) == 7)
    _ensure_hooks(arguments[5], arguments[6])
    scheme = arguments[4]
    if not isinstance(scheme, tuple) or scheme[:1] != (Mark.SCHEME,):
        raise RefusedError
    if len(scheme) == 3:
        _ensure(scheme[1] is Mark.DATA and type(scheme[2]) is int)
    else:
        _ensure(len(scheme) == 4 and scheme[1] is not scheme[2])
        size, axis = arguments[2], scheme[3]
        if not _are_sizes(size) or not _is_size(axis) or axis >= len(size):
            raise RefusedError
        for part in scheme[1:3]:  # scales and zero points, which are no weights
            # PyTorch has not always checked how many there are.
            if not isinstance(part, Tensor) or part.elements != size[axis]:
                raise RefusedError
            tensors.remove(part)
    return tensors.add(arguments[:4])


def _parameter(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) == 3 and isinstance(arguments[0], Tensor))
    _ensure_hooks(arguments[1], arguments[2])
    return arguments[0]


def _size(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) == 1 and _are_sizes(arguments[0]))
    return Mark.DATA


def _device(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) in {1, 2} and isinstance(arguments[0], str))
    _ensure(len(arguments) == 1 or _is_size(arguments[1]))
    return Mark.DATA


def _ordered_dict(arguments: Arguments, _: Tensors) -> object:
    _ensure(arguments == () or (len(arguments) == 1 and arguments[0] is Mark.LIST))
    return Mark.ORDERED_DICT


def _numpy_dtype(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) in {1, 3} and all(type(one) in {bool, int} for one in arguments[1:]))
    name = arguments[0]
    if type(name) is not str or not _NUMBERS.fullmatch(name):
        raise RefusedError
    return NumpyDType(name)


def _numpy_array(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) == 3 and arguments[0] is _NDARRAY and _are_sizes(arguments[1]))
    _ensure(arguments[2] is Mark.BYTES or arguments[2] == "b")
    return Mark.NDARRAY


def _numpy_scalar(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) == 2 and isinstance(arguments[0], NumpyDType))
    _ensure(arguments[1] is Mark.BYTES)
    return Mark.DATA


def _encoded(arguments: Arguments, _: Tensors) -> object:
    _ensure(len(arguments) == 2 and arguments[1] == "latin1")
    _ensure(type(arguments[0]) is str or arguments[0] is Mark.TEXT)
    return Mark.BYTES


_NDARRAY: Final = Global("numpy", "ndarray")
_FUNCTIONS: Final[dict[tuple[str, str], Callable[[Arguments, Tensors], object]]] = {
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor_v2,
    ("torch._utils", "_rebuild_tensor_v3"): _tensor_v3,
    ("torch._utils", "_rebuild_qtensor"): _qtensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): _size,
    ("torch", "device"): _device,
    ("collections", "OrderedDict"): _ordered_dict,
    ("numpy", "dtype"): _numpy_dtype,
    ("numpy.core.multiarray", "_reconstruct"): _numpy_array,
    ("numpy._core.multiarray", "_reconstruct"): _numpy_array,
    ("numpy.core.multiarray", "scalar"): _numpy_scalar,
    ("numpy._core.multiarray", "scalar"): _numpy_scalar,
    ("_codecs", "encode"): _encoded,
}
_VALUES: Final[dict[tuple[str, str], object]] = {
    **{("torch", name): TorchDType(name) for name in _DTYPES},
    **{("torch", name): Mark.SCHEME for name in (*_PER_TENSOR, *_PER_CHANNEL)},
    **{
        ("torch", name): StorageClass(name, dtype, _DTYPES[dtype])
        for name, dtype in _STORAGES.items()
    },
    ("torch.storage", "UntypedStorage"): StorageClass("UntypedStorage", None, 1),
    ("numpy", "ndarray"): _NDARRAY,
    **{names: Global(*names) for names in _FUNCTIONS},
}

ALLOWED: Final = frozenset(_VALUES)  # module and name of each


def named(module: str, name: str) -> object | None:
    """Return what stands for an object that a pickle names; None if it is not on the list."""
    return _VALUES.get((module, name))


def called(function: object, arguments: object, tensors: Tensors) -> object:
    """Return what stands for the result of a call.

    Raises RefusedError if the function is not one of the list, or the arguments are not those that its
    writer gives it.
    """
    rule = _FUNCTIONS.get((function.module, function.name)) if type(function) is Global else None
    if rule is None or not isinstance(arguments, tuple):
        raise RefusedError
    return rule(arguments, tensors)


def built(target: object, state: object) -> bool:
    """Whether giving an object this state does no more than to fill an array or name a dict's origin."""
    if target is Mark.ORDERED_DICT:  # torch.nn.Module.state_dict: versions of modules
        return isinstance(state, Dict) and state.keys == {"_metadata"}
    if not isinstance(state, tuple):
        return False
    if target is Mark.NDARRAY:
        return _is_array_state(state)
    return isinstance(target, NumpyDType) and _is_type_state(target.name, state)


def _is_array_state(state: tuple[object, ...]) -> bool:
    """Version, shape, type, whether the first index varies fastest, elements."""
    return (
        len(state) == 5
        and state[0] == 1
        and _are_sizes(state[1])
        and isinstance(state[2], NumpyDType)
        and type(state[3]) in {bool, int}
        and state[4] is Mark.BYTES
    )


def _is_type_state(name: str, state: tuple[object, ...]) -> bool:
    """Version, byte order, no part of another type, no names, no fields, size, alignment, flags.

    The last three are those of the type: with other flags, numpy takes numbers for addresses.
    """
    kind, width = name[0], int(name[1:])
    expected = {"S": (width, 1, 0), "U": (4 * width, 4, 8)}.get(kind, (-1, -1, 0))
    return (
        len(state) == 8
        and state[0] == 3
        and isinstance(state[1], str)
        and state[1] in {"<", ">", "|", "="}
        and all(one is None for one in state[2:5])
        and all(type(one) is int for one in state[5:])
        and state[5:] == expected
    )
