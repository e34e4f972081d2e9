"""What somebody who can write to a bucket may put in the place of two manifests: of a file and of a folder.

Seals are right, and names wherever an attacker can make them right.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.digest import ListedFile, folder_digest
from tests.support.manifests import (
    listing,
    lists_of,
    relisted,
    resized,
    sealed,
    with_chunks_of,
    with_hashes_swapped,
    with_places_swapped,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.doors import Registry

    Attack = Callable[["Registry"], tuple[bytes, bytes]]  # manifests of net@1 and of bert@1


def swap(lists: list[list[int]], one: tuple[int, int], two: tuple[int, int]) -> None:
    (i, j), (k, m) = one, two
    lists[i][j], lists[k][m] = lists[k][m], lists[i][j]


def another_version(registry: Registry) -> tuple[bytes, bytes]:
    one, two = registry.manifest("bert@1"), registry.manifest("bert@2")
    files = tuple(
        replace(file, digest=mine.digest) for mine, file in zip(one.files, two.files, strict=True)
    )
    net = with_chunks_of(registry.manifest("net@1"), registry.manifest("net@2"))
    return net.to_bytes(), sealed(two, digest=one.digest, files=files)


def another_file(registry: Registry) -> tuple[bytes, bytes]:
    """The list of the other shard, and for the file that of a shard."""
    bert = registry.manifest("bert@1")
    other = bert.files[2]
    net = registry.manifest("net@1")
    stolen = sealed(
        bert,
        digest=net.digest,
        kind="file",
        files=(replace(other, path="", digest=net.digest, first=0),),
        sequence=bert.chunks_of(other),
    )
    return stolen, relisted(bert, lambda lists: lists.__setitem__(1, lists[2]))


def reordered(registry: Registry) -> tuple[bytes, bytes]:
    net, bert = registry.manifest("net@1"), registry.manifest("bert@1")
    return (
        relisted(net, lambda lists: swap(lists, (0, -1), (0, -2))),
        relisted(bert, lambda lists: swap(lists, (1, -1), (1, -2))),
    )


def swapped_between_files(registry: Registry) -> tuple[bytes, bytes]:
    net, bert = registry.manifest("net@1"), registry.manifest("bert@1")
    return (
        relisted(net, lambda lists: swap(lists, (0, -1), (0, -3))),
        relisted(bert, lambda lists: swap(lists, (1, -1), (2, -1))),
    )


def duplicated(registry: Registry) -> tuple[bytes, bytes]:
    def change(lists: list[list[int]]) -> None:
        for numbers in lists:
            numbers[-1:] = numbers[-2:-1] or numbers[-1:]

    return relisted(registry.manifest("net@1"), change), relisted(
        registry.manifest("bert@1"), change
    )


def shortened(registry: Registry) -> tuple[bytes, bytes]:
    def change(lists: list[list[int]]) -> None:
        lists[-1].pop()

    return resized(registry.manifest("net@1"), change), resized(registry.manifest("bert@1"), change)


def lengthened(registry: Registry) -> tuple[bytes, bytes]:
    def change(lists: list[list[int]]) -> None:
        lists[-1].append(lists[-1][-1])

    return resized(registry.manifest("net@1"), change), resized(registry.manifest("bert@1"), change)


def unsound_lengths(registry: Registry) -> tuple[bytes, bytes]:
    """The sizes stay, and do not fit the chunks."""

    def change(lists: list[list[int]]) -> None:
        lists[-1].pop()

    return relisted(registry.manifest("net@1"), change), relisted(
        registry.manifest("bert@1"), change
    )


def shifted_to_the_neighbour(registry: Registry) -> tuple[bytes, bytes]:
    """A chunk of one shard belongs to the next one; all sizes fit, and the sum is what it was."""

    def change(lists: list[list[int]]) -> None:
        lists[-1].insert(0, lists[-2].pop())

    net = registry.manifest("net@1")
    return relisted(net, lambda lists: lists[0].reverse()), resized(
        registry.manifest("bert@1"), change
    )


def sound_digest_of_a_shifted_listing(registry: Registry) -> tuple[bytes, bytes]:
    """As before, under a listing that has the digest of what is listed: found under another name."""
    bert = registry.manifest("bert@1")
    files = list(bert.files)
    files[1], files[2] = (
        replace(files[1], digest=files[2].digest),
        replace(files[2], digest=files[1].digest),
    )
    digest = folder_digest(ListedFile(f.path, f.size, f.digest) for f in files)
    lists = lists_of(bert)
    lists[1], lists[2] = lists[2], lists[1]
    parts = listing(replace(bert, digest=digest, files=tuple(files)), lists)
    return registry.manifest("net@1").to_bytes(), sealed(bert, digest=digest, **parts)


def digests_swapped(registry: Registry) -> tuple[bytes, bytes]:
    """Two files of a folder have each other's digest and chunks."""
    bert = registry.manifest("bert@1")
    lists = lists_of(bert)
    lists[1], lists[2] = lists[2], lists[1]
    parts = listing(bert, lists)
    files = list(bert.files)
    files[1], files[2] = (
        replace(files[1], digest=bert.files[2].digest),
        replace(files[2], digest=bert.files[1].digest),
    )
    parts["files"] = tuple(
        replace(file, first=listed.first, count=listed.count)
        for file, listed in zip(files, parts["files"], strict=True)  # type: ignore[call-overload]
    )
    net = with_chunks_of(registry.manifest("net@1"), registry.manifest("net@2"))
    return net.to_bytes(), sealed(bert, **parts)


def another_kind(registry: Registry) -> tuple[bytes, bytes]:
    """The folder is said to be one file, whose digest nobody can compute."""
    bert = registry.manifest("bert@1")
    entry = replace(
        bert.files[0],
        path="",
        digest=bert.digest,
        size=bert.total_size,
        first=0,
        count=len(bert.sequence),
    )
    net = with_chunks_of(registry.manifest("net@1"), registry.manifest("net@2"))
    return net.to_bytes(), sealed(bert, kind="file", files=(entry,))


def wrong_places(registry: Registry) -> tuple[bytes, bytes]:
    """The list is that of the pointer, but its chunks lie elsewhere."""
    found = []
    for reference in ("net@1", "bert@1"):
        manifest = registry.manifest(reference)
        one, two = list(manifest.chunks_of(manifest.files[-1]))[-2:]
        found.append(with_places_swapped(manifest, one, two))
    return found[0], found[1]


def wrong_hashes(registry: Registry) -> tuple[bytes, bytes]:
    found = []
    for reference in ("net@1", "bert@1"):
        manifest = registry.manifest(reference)
        one, two = list(manifest.chunks_of(manifest.files[-1]))[-2:]
        found.append(with_hashes_swapped(manifest, one, two))
    return found[0], found[1]


ATTACKS = [
    another_version,
    another_file,
    reordered,
    swapped_between_files,
    duplicated,
    shortened,
    lengthened,
    unsound_lengths,
    shifted_to_the_neighbour,
    sound_digest_of_a_shifted_listing,
    digests_swapped,
    another_kind,
    wrong_places,
    wrong_hashes,
]
