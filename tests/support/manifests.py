"""Manifests as somebody makes them who can write to a store: sealed, and not what they say."""

from __future__ import annotations

from array import array
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from gitmodel.encoding.manifest.chunk_table import ChunkTable
from gitmodel.encoding.manifest.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.encoding.manifest.manifest import FileEntry


def with_chunks_of(one: Manifest, two: Manifest) -> Manifest:
    """The manifest of a file, with the chunk list of another file of the same length."""
    return replace(two, digest=one.digest, files=(replace(two.files[0], digest=one.digest),))


def sealed(manifest: Manifest, **changes: object) -> bytes:
    """The bytes of a manifest with other parts, whether they fit each other or not."""
    forged = object.__new__(Manifest)
    for field in fields(Manifest):
        value = changes.get(field.name, getattr(manifest, field.name))
        object.__setattr__(forged, field.name, value)
    return forged.to_bytes()


def listing(manifest: Manifest, lists: Sequence[Sequence[int]]) -> dict[str, object]:
    """The parts of a manifest whose files are made of these chunks; sizes and digests stay."""
    sequence = array("I")
    files: list[FileEntry] = []
    for file, numbers in zip(manifest.files, lists, strict=True):
        files.append(replace(file, first=len(sequence), count=len(numbers)))
        sequence.extend(numbers)
    return {"files": tuple(files), "sequence": sequence}


def lists_of(manifest: Manifest) -> list[list[int]]:
    """The chunk numbers of each file."""
    return [list(manifest.chunks_of(file)) for file in manifest.files]


def relisted(manifest: Manifest, change: Callable[[list[list[int]]], None]) -> bytes:
    """A manifest with other chunk lists; the sizes of the files stay, whether they fit or not."""
    lists = lists_of(manifest)
    change(lists)
    return sealed(manifest, **listing(manifest, lists))


def resized(manifest: Manifest, change: Callable[[list[list[int]]], None]) -> bytes:
    """A manifest with other chunk lists, whose files say that they are as long as those."""
    lists = lists_of(manifest)
    change(lists)
    parts = listing(manifest, lists)
    sizes = [sum(manifest.chunk(number).raw_size for number in numbers) for numbers in lists]
    files = zip(manifest.files, lists, sizes, strict=True)
    first = 0
    entries = []
    for file, numbers, size in files:
        entries.append(replace(file, first=first, count=len(numbers), size=size))
        first += len(numbers)
    return sealed(manifest, **parts | {"files": tuple(entries)})


def with_places_swapped(manifest: Manifest, one: int, two: int) -> bytes:
    """The list is right, but two chunks of one length lie where the other one lies."""
    table = manifest.chunk_table
    columns = {}
    for name in ("stored_sizes", "packs", "offsets", "bases"):
        column = getattr(table, name)[:]
        column[one], column[two] = column[two], column[one]
        columns[name] = column
    for name in ("codecs", "widths"):
        values = bytearray(getattr(table, name))
        values[one], values[two] = values[two], values[one]
        columns[name] = bytes(values)
    places = ChunkTable(hashes=table.hashes, raw_sizes=table.raw_sizes, **columns)
    return sealed(manifest, places=places)


def with_hashes_swapped(manifest: Manifest, one: int, two: int) -> bytes:
    """Two chunks of one length have each other's name, so that the list reads as it did."""
    hashes = bytearray(manifest.chunk_table.hashes)
    first, second = (slice(32 * number, 32 * number + 32) for number in (one, two))
    hashes[first], hashes[second] = hashes[second], hashes[first]
    return sealed(manifest, places=replace(manifest.chunk_table, hashes=bytes(hashes)))
