"""The largest text that is read: a pointer, aliases, configuration, a claim, a marker."""

from __future__ import annotations

MAX_TEXT_BYTES = 65536  # 64 KiB
