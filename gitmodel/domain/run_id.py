"""The id of a run, as a caller has it: text, a number, a UUID or bytes, recorded as text.

Trackers name runs in many ways, and a pointer holds text only: a number would read back as a number, and be
refused. Guarantee: the result is text that a pointer can hold, or there is a UsageError.
"""

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
    """Return the id as text; None for none, and for text with nothing in it (an unset variable of a shell).

    Raises:
        UsageError: It is of another type, not UTF-8, or longer than an id is.
    """
    if isinstance(value, Enum):
        return run_id_text(value.value)
    if value is None:
        return None
    text = _text(value)
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"the run id has {len(text):,} characters, at most {MAX_CHARACTERS:,} are recorded",
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
    except ValueError as error:  # more digits than Python writes
        raise UsageError("the run id has too many digits", hint="record a shorter id") from error
    from uuid import UUID  # 3 ms, and hardly anybody comes this far

    if isinstance(value, UUID):
        return str(value)
    raise UsageError(
        f"the run id is of the type {type(value).__name__}, and only text, a number or a UUID is one",
        hint="record the id as text: run_id=str(ID)",
    )
