"""What the bytes of a model say about it: type, tensors, parameters, architecture, and code.

Guarantee: a description comes from reading alone. Nothing of a file is unpickled, imported or executed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_IMPORTS: Final = 20

# What a program that loads the model might run: nothing; only functions that rebuild tensors, of a fixed
# list; other code; or nobody looked. In the order in which files of a folder are combined, worst last.
Code: TypeAlias = Literal["none", "listed", "unknown", "yes"]
CODES: Final[tuple[Code, ...]] = ("none", "listed", "unknown", "yes")


class Description(NamedTuple):
    """What is known of a file or a folder. None means: the format does not say, or the reader does not."""

    type: str | None = (
        None  # `safetensors`, `gguf`, `onnx`, `pytorch`, ...; None for an unknown format
    )
    tensors: int | None = None
    parameters: int | None = None  # elements of all tensors
    dtypes: Mapping[str, int] = MappingProxyType(
        {}
    )  # tensors by type, named as the format names it
    arch: str | None = None  # architecture, as the file names it: `llama`, `BertModel`
    code: Code = "unknown"
    imports: tuple[
        str, ...
    ] = ()  # what a pickle names, `module.name`; sorted, at most `MAX_IMPORTS`
