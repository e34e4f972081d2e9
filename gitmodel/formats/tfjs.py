"""What `model.json` of TensorFlow.js says about the model; its weights are in files beside it.

Source: https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts
Counted are the weights of the manifest, with their types as it names them: `float32`. `arch` is the class of a
layers model, a configuration of Keras. `code` is `unknown`: operators of a graph are not judged.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import Tally
from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from gitmodel.formats.description import Description
    from gitmodel.formats.header import HeaderReader

_MAX_SIZE: Final = 8 << 20  # 8 MiB
_MAX_TYPE: Final = 20  # characters
_MAX_ARCH: Final = 200


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a model of TensorFlow.js. Raises ValueError if it is none."""
    raw = source.take(0, source.size) if source.size <= _MAX_SIZE else b""
    if b'"weightsManifest"' not in raw or not raw.lstrip()[:1] == b"{":
        raise UnrecognizedFormatError("no model of TensorFlow.js")
    root = json.loads(raw.decode("utf-8"))
    tally = Tally()
    for group in root["weightsManifest"]:
        for weight in group["weights"]:
            sizes = weight["shape"]
            if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
                raise UnrecognizedFormatError("not a shape")
            tally.add(str(weight["dtype"])[:_MAX_TYPE], sizes)
    return tally.described("tfjs", arch=_arch(root), code="unknown")


def _arch(root: dict[str, object]) -> str | None:
    at: object = root
    for name in ("modelTopology", "model_config", "class_name"):
        at = at.get(name) if isinstance(at, dict) else None
    return at[:_MAX_ARCH] if isinstance(at, str) else None
