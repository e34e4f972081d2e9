"""Converts run ids of trackers (text, numbers, UUIDs, bytes) to the text that a pointer stores."""

from __future__ import annotations

import numbers
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from uuid import UUID

RunId: TypeAlias = "str | int | bytes | UUID"
MAX_CHARACTERS = 1000


def run_id_text(value: RunId | Enum | None) -> str | None:
    """Return the id as text; None for None and for blank text, such as an unset shell variable.

    Raises UsageError if the id has another type, is not UTF-8, or is too long.
    """
    if isinstance(value, Enum):
        return run_id_text(value.value)
    if value is None:
        return None
    text = _text(value)
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"the run id has {len(text):,} characters; the maximum is {MAX_CHARACTERS:,}",
            hint="record a shorter id, and the rest in a file",
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"the run id {quote_text(text)} is not UTF-8", hint="record it in hex")
    return text or None


def _text(value: object) -> str:
    try:
        if isinstance(value, str):
            return str.__str__(value).strip()
        if isinstance(value, bytes | bytearray):
            return bytes(value).decode().strip()
        if isinstance(value, int | numbers.Integral) and not isinstance(value, bool):
            return str(int(value))
    except UnicodeDecodeError as error:
        hint = "record it in hex: run_id=value.hex()"
        raise UsageError("the run id is bytes that are not UTF-8", hint=hint) from error
    except ValueError as error:  # more digits than Python converts
        raise UsageError("the run id has too many digits", hint="record a shorter id") from error
    from uuid import UUID  # takes 3 ms, and is rarely needed

    if isinstance(value, UUID):
        return str(value)
    raise UsageError(
        f"the run id has the type {type(value).__name__}; it must be text, an integer or a UUID",
        hint="record the id as text: run_id=str(ID)",
    )
