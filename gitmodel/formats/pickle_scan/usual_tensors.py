"""A tensor as `torch.save` writes it, read at once: forty opcodes that are always the same.

Guarantee: what is read this way leaves memo, counts and result as the opcodes do, one by one. Anything else is
left to them, and nothing is changed but for what they would change first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.pickle_scan import allow_list
from gitmodel.formats.pickle_scan.values import Carrier, Mark, Storage

if TYPE_CHECKING:
    from gitmodel.formats.pickle_scan.findings import Findings
    from gitmodel.formats.pickle_scan.values import Tensor

_DOT_MATCHES_ALL: Final = 16  # re.DOTALL
_GET: Final = rb"(h.|j....)"
_PUT: Final = rb"(q.|r....)"
_LOCATION: Final = rb"(?:(h.|j....)|X(.)\0\0\0([a-z]{1,20}(?::[0-9]{1,4})?)(q.|r....))"
_NUMBER: Final = rb"(K.|M..|J...[\0-\x7f])"
_TUPLE: Final = rb"(\(?)((?:K.|M..|J...[\0-\x7f]){0,8})([t\x85-\x87)])((?:q.|r....)?)"
# The function; a storage: its class, key, location and length; offset, size, stride, hooks. The first byte of
# each alternative differs, so bytes match in one way.
_TENSOR: Final = lazy_compile(
    _GET + rb"\(\(" + _GET + _GET + rb"X(.)\0\0\0([0-9]{1,9})" + _PUT + _LOCATION + _NUMBER + b"t"
    + _PUT + b"Q" + _NUMBER + _TUPLE + _TUPLE + rb"\x89" + _GET + rb"\)R" + _PUT + b"t" + _PUT
    + b"R" + _PUT,
    _DOT_MATCHES_ALL,
)  # fmt: skip
_FUNCTION: Final = allow_list.named("torch._utils", "_rebuild_tensor_v2")
_HOOKS: Final = allow_list.named("collections", "OrderedDict")
OPCODES: Final = 40  # about as many as this stands for


def read_tensor(
    block: bytes, offset: int, memo: dict[int, object], findings: Findings
) -> tuple[Tensor, int] | None:
    """Return a tensor that begins at an offset, and the offset behind it; None if it is written otherwise."""
    found = _TENSOR.match(block, offset)
    if found is None:
        return None
    function, word, of, length, key, key_at, location, size, text, text_at, count, *rest = (
        found.groups()
    )
    identity_at, begin, *rest = rest
    hooks, *last_at = rest[8:]
    shape = _numbers(*rest[:3])
    stride = _numbers(*rest[4:7])
    places = [_index(at) for at in (key_at, text_at, identity_at, rest[3], rest[7], *last_at) if at]
    get = memo.get
    if (
        not _are_fresh(memo, places)
        or length[0] != len(key)
        or (text and size[0] != len(text))
        or shape is None
        or stride is None
        or get(_index(function)) is not _FUNCTION
        or get(_index(hooks)) is not _HOOKS
    ):
        return None
    name = key.decode("ascii")
    place = text.decode("ascii") if text else get(_index(location))
    identity = Carrier((get(_index(word)), get(_index(of)), name, place, _index(count)))
    storage = findings.persistent(identity)
    if not isinstance(storage, Storage):
        return None
    described = (storage, _index(begin), shape, stride)
    try:
        tensor = findings.tensors.add(described)
    except allow_list.RefusedError:
        return None
    arguments = (*described, False, Mark.ORDERED_DICT)
    memo.update(
        zip(
            places,
            (
                name,
                *((place,) if text_at else ()),
                identity,
                *((shape,) if rest[3] else ()),
                *((stride,) if rest[7] else ()),
                Mark.ORDERED_DICT,
                arguments,
                tensor,
            ),
            strict=True,
        )
    )
    return tensor, found.end()


def _are_fresh(memo: dict[int, object], places: list[int]) -> bool:
    """Whether these are new places in the memo, one after the other, as picklers take them.

    So no value is replaced between two opcodes that are read at once.
    """
    last = -1
    for place in places:
        if place <= last or place in memo:
            return False
        last = place
    return True


def _index(operation: bytes) -> int:
    """The argument of an opcode, without a sign: negative numbers become such as no tensor has."""
    return operation[1] if len(operation) == 2 else int.from_bytes(operation[1:], "little")


def _numbers(opened: bytes, numbers: bytes, closed: bytes) -> tuple[int, ...] | None:
    """A tuple of numbers; None if it is not written as picklers do."""
    found = []
    position = 0
    while position < len(numbers):
        width = 2 if numbers[position] == 0x4B else 3 if numbers[position] == 0x4D else 5
        found.append(_index(numbers[position : position + width]))
        position += width
    expected = b"t" if opened else b")\x85\x86\x87"[len(found) : len(found) + 1]
    return tuple(found) if closed == expected else None
