"""Unpickles with inert stand-ins in place of all that is named, and tells what was named: a program.

Reads pickles in hexadecimal, one a line; writes a line of JSON for each: the names that CPython's unpicklers, the
one in C and the one in Python, asked for. No function of a pickle is imported or called.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle  # noqa: TID251 - to compare with
import sys
from typing import Any


class Inert:
    """Takes whatever an unpickler does to an object, and does nothing."""

    def __init__(self, *_arguments: Any, **_more: Any) -> None:
        pass

    def __call__(self, *_arguments: Any, **_more: Any) -> Inert:
        return Inert()

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    append = extend = add = __setstate__


def names(unpickler: Any, data: bytes) -> list[list[str]]:
    """What an unpickler asks for."""
    found: list[list[str]] = []

    class Recorder(unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            found.append([module, name])
            return Inert()

        def persistent_load(self, _identity: Any) -> Any:
            return Inert()

    with contextlib.suppress(Exception):
        Recorder(io.BytesIO(data)).load()
    return found


for line in sys.stdin:
    raw = bytes.fromhex(line)
    both = names(pickle.Unpickler, raw) + names(pickle._Unpickler, raw)
    sys.stdout.write(json.dumps(both) + "\n")
