r"""Finds out after how many steps a checkpoint of Lightning was saved, from its name and its first bytes.

A `.ckpt` is a zip archive whose first entry, `data.pkl`, is a pickle of a dictionary that begins with
`epoch`, `global_step` and `pytorch-lightning_version`. These bytes are compared with that one form; nothing
is unpickled. The name `epoch=E-step=S.ckpt` has the same two numbers. Measured with Lightning 2.6.6:

    S                       optimizer steps taken; GANs take several for each batch
    _batches_that_stepped   batches whose step was taken: S, or S - 1 if the checkpoint was saved within one
    step in metrics.csv     counts batches from 0, so that rows before S belong to the checkpoint; but an
                            evaluation between the batches of one accumulated step has the number S too

Guarantee: numbers are returned only if name and bytes agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TrackerError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD_BYTES: Final = 8 << 20  # 8 MiB: data.pkl of a model with 50,000 tensors

_EPOCH = lazy_compile(r"(?<![A-Za-z_])epoch=([0-9]{1,9})(?!\.?[0-9])")
_STEP = lazy_compile(r"(?<![A-Za-z_])step=([0-9]{1,15})(?!\.?[0-9])")
_INTEGER = rb"(K.|M..|J....)"  # opcodes of one, two and four bytes
# \x80 protocol, an empty dictionary, then keys and values; q is the place in the memo.
_PICKLE = lazy_compile(
    rb"\x80[\x02-\x05]\}q\x00\(X\x05\x00\x00\x00epochq\x01" + _INTEGER
    + rb"X\x0b\x00\x00\x00global_stepq\x02" + _INTEGER
    + rb"X\x19\x00\x00\x00pytorch-lightning_versionq\x03",
    re.DOTALL,
)  # fmt: skip
_BATCHES = lazy_compile(
    rb"X\x15\x00\x00\x00_batches_that_stepped(?:q.|r....)" + _INTEGER, re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Position:
    """When a checkpoint was saved.

    Attributes:
        epoch: Its epoch, from 0.
        step: Batches whose optimizer step was taken.
        within_batch: Whether the first bytes say that the checkpoint was saved right after a step.
    """

    epoch: int
    step: int
    within_batch: bool = False


def position_of(name: str, head: bytes) -> Position:
    """Find the position of a checkpoint.

    Args:
        name: Its file name.
        head: Its first `HEAD_BYTES`.

    Raises:
        TrackerError: Neither says it, or they differ.
    """
    epoch, step = _EPOCH.search(name), _STEP.search(name)
    inside = read_head(head)
    if inside is None:
        if epoch is None or step is None:
            raise TrackerError(
                f"neither the name nor the first bytes of {quote_text(name)} say its epoch and step"
            )
        return Position(int(epoch[1]), int(step[1]))
    at_epoch, at_step, batches = inside
    if epoch is not None and int(epoch[1]) != at_epoch:
        raise TrackerError(
            f"{quote_text(name)} was saved in epoch {at_epoch}: its name is another's"
        )
    # Before 1.6 names count steps from 0.
    if step is not None and int(step[1]) not in {at_step, at_step - 1}:
        raise TrackerError(f"{quote_text(name)} was saved at step {at_step}: its name is another's")
    if batches is None:
        return Position(at_epoch, at_step)
    taken = _batches(at_step, batches, name)
    return Position(at_epoch, taken, within_batch=taken == batches + 1)


def read_head(head: bytes) -> tuple[int, int, int | None] | None:
    """Read epoch, global step and batches of a checkpoint's first bytes; None if it has another form."""
    if not head.startswith(b"PK\x03\x04"):
        return None
    name_length = int.from_bytes(head[26:28], "little")
    start = 30 + name_length + int.from_bytes(head[28:30], "little")
    found = _PICKLE.match(head, start)
    if not head[30 : 30 + name_length].endswith(b"/data.pkl") or found is None:
        return None
    batches = {_integer(one[1]) for one in _BATCHES.finditer(head, found.end())}
    return _integer(found[1]), _integer(found[2]), batches.pop() if len(batches) == 1 else None


def _integer(opcode: bytes) -> int:
    return int.from_bytes(opcode[1:], "little", signed=opcode[:1] == b"J")


def _batches(step: int, batches: int, name: str) -> int:
    """Batches whose step was taken, where each batch may have taken several."""
    if batches in {step, step - 1}:
        return step
    fits: Sequence[int] = [one for one in (batches, batches + 1) if one > 0 and step % one == 0]
    if len(fits) != 1:
        raise TrackerError(
            f"{quote_text(name)} was saved after {step} steps in {batches} or {batches + 1} batches,"
            " so its rows in metrics.csv are not known"
        )
    return fits[0]
