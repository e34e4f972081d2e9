"""Hyperparameters of a run, as the hparams plugin of TensorBoard writes them into an event.

The start of a session has a mapping from names to values of `google.protobuf.Value`, which knows numbers
as doubles only. A whole number is returned as an integer: `batch_size` was 32 and not 32.0. Source:
https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto
"""

from __future__ import annotations

from typing import Final

from gitmodel.errors import TrackerError
from gitmodel.trackers.protobuf import BYTES, FIXED64, VARINT, double, fields, key, text

SESSION_START: Final = "_hparams_/session_start_info"
_START: Final = key(3, BYTES)
_HPARAM: Final = key(1, BYTES)
_NAME, _VALUE = key(1, BYTES), key(2, BYTES)
_NUMBER, _STRING, _BOOL = key(2, FIXED64), key(3, BYTES), key(4, VARINT)
_MAX_HPARAMS: Final = 10_000
_EXACT: Final = 1 << 53  # below it a double stands for one integer


def read_hparams(content: bytes) -> dict[str, object]:
    """Return the hyperparameters of the plugin's data at the start of a session.

    Raises:
        TrackerError: The bytes are not a message, or have too many hyperparameters.
    """
    params: dict[str, object] = {}
    for found, _, start in fields(content):
        if found != _START:
            continue
        for inner, _, entry in fields(start):
            if inner == _HPARAM:
                name, value = _entry(entry)
                params[name] = value
                if len(params) > _MAX_HPARAMS:
                    raise TrackerError(f"a session has more than {_MAX_HPARAMS} hyperparameters")
    return params


def _entry(entry: bytes) -> tuple[str, object]:
    name, value = "", b""
    for found, _, raw in fields(entry):
        if found == _NAME:
            name = text(raw)
        elif found == _VALUE:
            value = raw
    return name, _value(value)


def _value(message: bytes) -> object:
    """Return number, text or boolean; None for an empty value, a list or a mapping."""
    result: object = None
    for found, integer, raw in fields(message):
        if found == _NUMBER:
            number = double(raw)
            whole = number.is_integer() and abs(number) < _EXACT
            result = int(number) if whole else number
        elif found == _STRING:
            result = text(raw)
        elif found == _BOOL:
            result = bool(integer)
    return result
