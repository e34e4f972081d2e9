"""The pointers that revision ranges bring, for the check in CI: which, in which commit, and whose number.

A range is what git rev-list(1) reads: `origin/main..HEAD`, or a single revision, of which only the
tree counts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.domain.versions import numbers_of_two
from gitmodel.errors import GitmodelError, UnknownReferenceError, VersionTakenError
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.version_owners import known_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class IntroducedPointer:
    """One pointer file of a range.

    Attributes:
        blob: Its object id.
        path: Where it lies.
        commit: Which brought it; the tip, where that is older than the range.
        at_tip: Whether it is in the tree of a tip.
    """

    blob: str
    path: str
    commit: str
    at_tip: bool


@dataclass(slots=True)
class Ranges:
    """What several ranges bring.

    Attributes:
        pointers: Every pointer file, by blob.
        trees: Of each tip: path -> blob.
        start: Pointer files at the starts of the ranges, to compare numbers with; by blob.
    """

    pointers: dict[str, IntroducedPointer] = field(default_factory=dict)
    trees: list[dict[str, str]] = field(default_factory=list)
    start: dict[str, IntroducedPointer] = field(default_factory=dict)


def pointers_of(project: Project, ranges: Sequence[str]) -> Ranges:
    """Find every pointer at the tips and in the commits of revision ranges; reads none.

    Raises:
        UnknownReferenceError: Git knows no such revision.
    """
    found = Ranges()
    for text in ranges:
        first, dots, last = text.rpartition("..")
        tip = project.reader.resolve((last if dots else text) or "HEAD")
        below = project.reader.resolve(first.removesuffix(".") or "HEAD") if dots else None
        if tip is None or (dots and below is None):
            raise UnknownReferenceError(f"Git knows no revision {text!r}", hint="git log")
        brought = {}
        if below is not None:
            for change in project.history.changes((tip,), exclude=(below,)):
                if change.oid is not None:  # the oldest commit counts: it brought the pointer
                    brought[change.oid] = IntroducedPointer(
                        change.oid, change.path, change.commit, False
                    )
            for entry in project.reader.tree(below, POINTER_SUFFIX):
                found.start[entry.oid] = IntroducedPointer(entry.oid, entry.path, below, False)
        entries = project.reader.tree(tip, POINTER_SUFFIX)
        found.trees.append({entry.path: entry.oid for entry in entries})
        for entry in entries:
            commit = brought[entry.oid].commit if entry.oid in brought else tip
            found.pointers[entry.oid] = IntroducedPointer(entry.oid, entry.path, commit, True)
        for blob, one in brought.items():
            found.pointers.setdefault(blob, one)
    return found


def numbers_taken_twice(
    project: Project, found: Ranges, pointers: Sequence[tuple[Pointer, IntroducedPointer]]
) -> list[VersionTakenError]:
    """Report each number that names two contents, with the commits that say so.

    Args:
        project: The project.
        found: The ranges.
        pointers: Those of them that can be read.
    """
    blobs = project.reader.blobs([blob for blob in found.start if blob not in found.pointers])
    known = list(pointers)
    for blob, raw in blobs.items():
        pointer = parsed_or_none(raw, found.start[blob].path)
        if pointer is not None:
            known.append((pointer, found.start[blob]))
    by_name: dict[str, list[tuple[Pointer, IntroducedPointer]]] = {}
    for pointer, brought in known:
        by_name.setdefault(pointer.name, []).append((pointer, brought))
    problems = []
    for name, own in sorted(by_name.items()):
        doubles = numbers_of_two((pointer.version, pointer.digest) for pointer, _ in own)
        for number in sorted(doubles):
            owner = _owner(project, name, number)
            problems.append(_taken_twice(name, number, own, doubles[number], owner))
    return problems


def _owner(project: Project, name: str, number: int) -> str | None:
    """Who owns a number, as far as it can be said; the check itself needs no remote."""
    with suppress(GitmodelError):
        return known_owner(project, name, number)
    return None


def _taken_twice(
    name: str,
    number: int,
    own: Sequence[tuple[Pointer, IntroducedPointer]],
    contents: Sequence[Digest],
    owner: str | None,
) -> VersionTakenError:
    places: dict[Digest, IntroducedPointer] = {}
    tip = None
    for pointer, brought in own:
        if pointer.version == number:
            places.setdefault(pointer.digest, brought)
            tip = pointer.digest if brought.at_tip else tip
    said = [f"{digest.short} in commit {places[digest].commit[:10]}" for digest in contents]
    losers = [digest for digest in contents if digest.hex != owner]  # the owner keeps the number
    if tip in losers:
        hint = f"gitmodel renumber {name} --commit"
    else:
        hint = (
            f"gitmodel checkout {name}@blake3:{losers[0].short}, gitmodel renumber {name} --commit, "
            f"then gitmodel checkout {name}@VERSION, then git commit, to go back"
        )
    return VersionTakenError(
        f"version {number} names {'two' if len(said) == 2 else len(said)} contents: "
        + " and ".join(said),
        hint=hint,
        model=name,
    )
