"""Bytes for tests that no codec makes smaller."""

from __future__ import annotations

import hashlib


def noise(size: int, seed: int = 1) -> bytes:
    """Incompressible bytes that are the same on every machine and in every version of Python."""
    return hashlib.shake_256(f"gitmodel {seed}".encode()).digest(size)
