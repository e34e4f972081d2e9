"""Manifests as somebody makes them who can write to a store: sound, sealed, and not what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.encoding.manifest import Manifest


def with_chunks_of(one: Manifest, two: Manifest) -> Manifest:
    """The manifest of a file, with the chunk list of another file of the same length."""
    return replace(two, digest=one.digest, files=(replace(two.files[0], digest=one.digest),))
