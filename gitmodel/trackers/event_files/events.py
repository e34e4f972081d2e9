"""Events of one event file of TensorBoard, whoever wrote it: TensorFlow, PyTorch or tensorboardX.

An event has a time, a step, which is left out if it is 0, and either the version of the file, a summary of
tagged values, or the start of a session. Field numbers:
https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto

Guarantee: a value is a scalar only as TensorBoard takes it for one: a `simple_value`, or a tensor of one
element whose tag belongs to the plugin `scalars`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.trackers.event_files.tensors import Number, read_scalar
from gitmodel.trackers.protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    double,
    fields,
    key,
    signed,
    single,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WALL_TIME, _STEP = key(1, FIXED64), key(2, VARINT)
_SUMMARY, _SESSION = key(5, BYTES), key(7, BYTES)
_VALUE: Final = key(1, BYTES)
_TAG, _SIMPLE, _TENSOR, _METADATA = key(1, BYTES), key(2, FIXED32), key(8, BYTES), key(9, BYTES)
_PLUGIN: Final = key(1, BYTES)
_PLUGIN_NAME, _PLUGIN_CONTENT = key(1, BYTES), key(2, BYTES)
_SESSION_STATUS: Final = key(1, VARINT)
_START: Final = 1


class Value(NamedTuple):
    """A tagged value of an event.

    Attributes:
        tag: Its name.
        number: The scalar; None for images, histograms and whatever else is no scalar.
        plugin: The plugin that the event names for the tag; empty if it names none.
        content: The plugin's own bytes.
    """

    tag: str
    number: Number | None
    plugin: str
    content: bytes


class Event(NamedTuple):
    """One event.

    Attributes:
        wall_time: Seconds since 1970, UTC.
        step: Step of the training.
        values: Tagged values.
        restart: A session starts at this step: values of earlier files from this step on are void.
    """

    wall_time: float
    step: int
    values: tuple[Value, ...]
    restart: bool


def read_events(records: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of the records of one file.

    Raises:
        TrackerError: A record is not an event.
    """
    scalar_tags: set[str] = set()
    for record in records:
        wall_time, step, restart = 0.0, 0, False
        values: list[Value] = []
        for found, integer, raw in fields(record):
            if found == _WALL_TIME:
                wall_time = double(raw)
            elif found == _STEP:
                step = signed(integer)
            elif found == _SUMMARY:
                values.extend(
                    _value(inner, scalar_tags) for one, _, inner in fields(raw) if one == _VALUE
                )
            elif found == _SESSION:
                restart = any(
                    one == _SESSION_STATUS and status == _START for one, status, _ in fields(raw)
                )
        yield Event(wall_time, step, tuple(values), restart)


def _value(message: bytes, scalar_tags: set[str]) -> Value:
    """Return a value; `scalar_tags` are those that belong to the plugin `scalars` so far."""
    tag, plugin, content = "", "", b""
    number: Number | None = None
    tensor: bytes | None = None
    for found, _, raw in fields(message):
        if found == _TAG:
            tag = text(raw)
        elif found == _SIMPLE:
            number, tensor = Number(single(raw), single=True), None
        elif found == _TENSOR:
            number, tensor = None, raw
        elif found == _METADATA:
            plugin, content = _plugin(raw)
    # A writer names the plugin with the first value of a tag, and may leave it out after that.
    if plugin == "scalars":
        scalar_tags.add(tag)
    if tensor is not None and tag in scalar_tags:
        number = read_scalar(tensor)
    return Value(tag, number, plugin, content)


def _plugin(metadata: bytes) -> tuple[str, bytes]:
    """Return name and bytes of the plugin."""
    name, content = "", b""
    for found, _, raw in fields(metadata):
        if found == _PLUGIN:
            for inner, _, value in fields(raw):
                if inner == _PLUGIN_NAME:
                    name = text(value)
                elif inner == _PLUGIN_CONTENT:
                    content = value
    return name, content
