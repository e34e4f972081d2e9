"""The size limit of small text files: pointers, alias files, configurations, claims and markers."""

from __future__ import annotations

MAX_TEXT_BYTES = 65536  # 64 KiB
