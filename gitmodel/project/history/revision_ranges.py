"""The pointers that revision ranges introduce, for the check in CI.

A range is written as for git-rev-list(1), such as `origin/main..HEAD`. Of a single revision only the tree
counts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import BESIDE_SUFFIXES, POINTER_SUFFIX
from gitmodel.domain.versions import ambiguous_numbers
from gitmodel.errors import GitmodelError, UnknownReferenceError, VersionTakenError
from gitmodel.project.committed_models import CommittedFile, parsed_or_none
from gitmodel.project.history.version_owners import known_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class IntroducedPointer:
    """A pointer file in a range."""

    blob: str  # object id
    path: str
    commit: str  # that introduced it; the tip if that commit is older than the range
    at_tip: bool  # whether it is in the tree of a tip


@dataclass(slots=True)
class Ranges:
    """The pointers of several ranges."""

    # every pointer file, by blob
    pointers: dict[str, IntroducedPointer] = field(default_factory=dict)
    trees: list[dict[str, str]] = field(default_factory=list)  # of each tip: path -> blob
    # pointer files at the starts of the ranges, by blob; their version numbers are taken
    start: dict[str, IntroducedPointer] = field(default_factory=dict)
    # files of aliases and deprecations at the tips
    beside: list[CommittedFile] = field(default_factory=list)
    # those that the commits of the ranges introduce, at the tips or not
    beside_below: list[CommittedFile] = field(default_factory=list)


def pointers_of(project: Project, ranges: Sequence[str]) -> Ranges:
    """Find the pointers at the tips and in the commits of revision ranges, without parsing them.

    Raises UnknownReferenceError if there is no such revision.
    """
    found = Ranges()
    for text in ranges:
        start, tip = _ends(project, text)
        introduced = {} if start is None else _introduced(project, start, tip, found)
        if start is not None:
            found.start |= {
                entry.oid: IntroducedPointer(entry.oid, entry.path, start, at_tip=False)
                for entry in project.reader.tree(start, POINTER_SUFFIX)
            }
        files = project.reader.tree(tip, POINTER_SUFFIX, *BESIDE_SUFFIXES)
        entries = [entry for entry in files if entry.path.endswith(POINTER_SUFFIX)]
        found.beside += [
            CommittedFile(entry.path, entry.oid, tip)
            for entry in files
            if entry.path.endswith(BESIDE_SUFFIXES)
        ]
        found.trees.append({entry.path: entry.oid for entry in entries})
        for entry in entries:
            commit = introduced[entry.oid].commit if entry.oid in introduced else tip
            found.pointers[entry.oid] = IntroducedPointer(
                entry.oid, entry.path, commit, at_tip=True
            )
        for blob, pointer in introduced.items():
            found.pointers.setdefault(blob, pointer)
    return found


def _ends(project: Project, text: str) -> tuple[str | None, str]:
    """The start of a range, None for a single revision, and its tip."""
    first, dots, last = text.rpartition("..")
    tip = project.reader.resolve((last if dots else text) or "HEAD")
    start = project.reader.resolve(first.removesuffix(".") or "HEAD") if dots else None
    if tip is None or (dots and start is None):
        raise UnknownReferenceError(f"Git knows no revision {text!r}", hint="git log")
    return start, tip


def _introduced(
    project: Project, start: str, tip: str, found: Ranges
) -> dict[str, IntroducedPointer]:
    """The pointers that commits after `start` introduce, by blob, each with its oldest commit.

    The files beside pointers are added to `found`.
    """
    suffixes = (POINTER_SUFFIX, *BESIDE_SUFFIXES)
    pointers = {}
    for path, blob, commit in (
        (change.path, change.oid, change.commit)
        for change in project.history.changes((tip,), exclude=(start,), suffixes=suffixes)
        if change.oid is not None  # newest first
    ):
        if path.endswith(POINTER_SUFFIX):
            pointers[blob] = IntroducedPointer(blob, path, commit, at_tip=False)
        else:
            found.beside_below.append(CommittedFile(path, blob, commit))
    return pointers


def reused_numbers(
    project: Project, found: Ranges, pointers: Sequence[tuple[Pointer, IntroducedPointer]]
) -> list[VersionTakenError]:
    """Find version numbers that name two contents, among the pointers of the ranges that parse."""
    blobs = project.reader.blobs([blob for blob in found.start if blob not in found.pointers])
    known = list(pointers)
    for blob, raw in blobs.items():
        pointer = parsed_or_none(raw, found.start[blob].path)
        if pointer is not None:
            known.append((pointer, found.start[blob]))
    by_name: dict[str, list[tuple[Pointer, IntroducedPointer]]] = {}
    for pointer, introduced in known:
        by_name.setdefault(pointer.name, []).append((pointer, introduced))
    problems = []
    for name, own in sorted(by_name.items()):
        reused = ambiguous_numbers((pointer.version, pointer.digest) for pointer, _ in own)
        for number in sorted(reused):
            owner = _owner(project, name, number)
            problems.append(_reused_number(name, number, own, reused[number], owner))
    return problems


def _owner(project: Project, name: str, number: int) -> str | None:
    """The digest that owns a number; None if the remote cannot be read, because the check needs no remote."""
    with suppress(GitmodelError):
        return known_owner(project, name, number)
    return None


def _reused_number(
    name: str,
    number: int,
    own: Sequence[tuple[Pointer, IntroducedPointer]],
    contents: Sequence[Digest],
    owner: str | None,
) -> VersionTakenError:
    first_of: dict[Digest, IntroducedPointer] = {}
    tip = None
    for pointer, introduced in own:
        if pointer.version == number:
            first_of.setdefault(pointer.digest, introduced)
            tip = pointer.digest if introduced.at_tip else tip
    named = [f"{digest.short} in commit {first_of[digest].commit[:10]}" for digest in contents]
    losers = [digest for digest in contents if digest.hex != owner]  # the owner keeps the number
    if tip in losers:
        hint = f"gitmodel renumber {name} --commit"
    else:
        hint = (
            f"gitmodel checkout {name}@blake3:{losers[0].short}, gitmodel renumber {name} --commit, "
            f"then to go back: gitmodel checkout {name}@VERSION, then git commit"
        )
    return VersionTakenError(
        f"version {number} names {'two' if len(named) == 2 else len(named)} contents: "
        + " and ".join(named),
        hint=hint,
        model=name,
    )
