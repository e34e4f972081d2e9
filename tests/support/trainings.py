"""Writes files of trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder; weights may be empty, since no reader opens them."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def checkpoint_head(epoch: int, step: int, batches: int | None = None) -> bytes:
    """The first bytes of a Lightning checkpoint, as torch.save writes them."""
    pickled = (
        b"\x80\x02}q\x00(X\x05\x00\x00\x00epochq\x01K"
        + bytes([epoch])
        + b"X\x0b\x00\x00\x00global_stepq\x02J"
        + step.to_bytes(4, "little", signed=True)
        + b"X\x19\x00\x00\x00pytorch-lightning_versionq\x03X\x05\x00\x00\x002.6.6q\x04"
    )
    if batches is not None:
        counted = batches.to_bytes(2, "little")
        pickled += b"X\x15\x00\x00\x00_batches_that_steppedq+M" + counted
    name = b"archive/data.pkl"
    lengths = len(name).to_bytes(2, "little") + b"\x02\x00"
    return b"PK\x03\x04" + bytes(22) + lengths + name + b"ZZ" + pickled + b"s."
