"""Instants and days that people type, in UTC and to the second, as Git keeps dates.

An instant names its zone: `2026-05-06T14:00:00Z`, `2026-05-06 16:00 +0200`. A date without a time is the whole
day in UTC. Fractions of a second are dropped. Unix time has no leap seconds: second 60 is the next minute.

Guarantee: any other text raises UsageError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import UsageError

_FORM = lazy_compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.ASCII,
)
_DAY = 86_400  # seconds
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one with a date of four digits


@dataclass(frozen=True, slots=True)
class When:
    """An instant, or a day in UTC; Unix seconds."""

    start: int
    end: int | None = None  # of a day: the first second after it; None for an instant

    @property
    def is_day(self) -> bool:
        """Whether it is a whole day."""
        return self.end is not None

    def __str__(self) -> str:
        text = instant_text(self.start)
        return text[:10] if self.is_day else text


def parse_when(text: str) -> When:
    """Return the instant or the day that a text names. Raises UsageError if it names none."""
    found = _FORM.fullmatch(text.strip()) if len(text) < 80 else None
    if found is None:
        raise _refusal(text, "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z")
    year, month, day, hour, minute, second, zone = found.groups()
    if hour is None:
        start = _seconds(text, year, month, day)
        return When(start, start + _DAY)
    if zone is None:
        raise _refusal(
            text, f"name the zone: {year}-{month}-{day}T{hour}:{minute}Z, or +02:00 for Z"
        )
    leap = int(second or 0) == 60
    start = _seconds(text, year, month, day, hour, minute, "59" if leap else second or "0")
    return When(start + int(leap) - _offset(text, zone))


def instant_text(seconds: int) -> str:
    """Return "2026-05-06T14:00:02Z" for Unix seconds; what has no date of four digits becomes the nearest one."""
    from datetime import UTC, datetime, timedelta

    start = datetime(1970, 1, 1, tzinfo=UTC)
    bounded = max(-62_135_596_800, min(seconds, LAST_SECOND))  # from the year 1 on
    text = (start + timedelta(seconds=bounded)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return text.rjust(20, "0")  # the C library does not pad early years everywhere


def is_when(text: str) -> bool:
    """Whether a text begins like a date, rather than naming a revision of Git."""
    return re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:$|[Tt ])", text) is not None


def _seconds(text: str, *words: str) -> int:
    from datetime import UTC, datetime

    try:
        moment = datetime(*map(int, words), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise _refusal(text, "use a day of the calendar, such as 2026-05-06") from error
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _offset(text: str, zone: str) -> int:
    """Seconds east of Greenwich."""
    if zone in ("Z", "z"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise _refusal(text, "use a zone such as Z, +02:00 or -0730")
    seconds = 3600 * hours + 60 * minutes
    return -seconds if zone[0] == "-" else seconds


def _refusal(text: str, hint: str) -> UsageError:
    return UsageError(f"{quote_text(text, limit=80)} is no date and no instant", hint=hint)
