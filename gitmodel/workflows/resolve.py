"""`gitmodel resolve`: end a conflict on a pointer by taking one side whole.

Sides are never mixed: a version of one side beside a digest of the other is a model that nobody
trained. "Ours" and "theirs" mean what they mean to `git checkout --ours`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.errors import UnknownReferenceError
from gitmodel.workflows.models import write_text_file
from gitmodel.workflows.references import history_of, next_number

if TYPE_CHECKING:
    from gitmodel.workflows.project import Project

Side = Literal["ours", "theirs"]
_STAGES: dict[Side, int] = {"ours": 2, "theirs": 3}


@dataclass(frozen=True, slots=True)
class ResolveReport:
    """What `resolve` did.

    Attributes:
        name: The model.
        path: Of its pointer, which is staged now.
        side: Which was taken.
        was: The number that this side had.
        version: The number that it has now; another one if the other side had the same.
    """

    name: str
    path: str
    side: Side
    was: int
    version: int


def resolve_conflict(project: Project, name: str, side: Side) -> ResolveReport:
    """Take one side of a conflicted pointer, and stage it.

    The weights are brought by `gitmodel checkout`, as after any change of a pointer.

    Raises:
        UnknownReferenceError: No pointer of that name is in conflict.
        PointerError: The side taken is broken itself.
    """
    sides = _conflicts(project).get(name)
    if sides is None or side not in sides:
        there = ", ".join(sorted(_conflicts(project)))
        raise UnknownReferenceError(
            f"no pointer of {name} is in conflict" + ("" if sides is None else f" with {side}"),
            hint=f"in conflict: {there}" if there else "git status",
        )
    path, pointer = sides[side]
    other = sides.get("theirs" if side == "ours" else "ours")
    version = pointer.version
    if other is not None and _takes_the_number(pointer, other[1]):
        version = max(next_number(project, history_of(project, name)), version + 1)
    taken = replace(pointer, version=version)
    write_text_file(project.root, path, taken.to_text())
    project.index.stage([path])
    return ResolveReport(name, path, side, pointer.version, version)


def _takes_the_number(one: Pointer, other: Pointer) -> bool:
    return one.version == other.version and one.digest != other.digest


def _conflicts(project: Project) -> dict[str, dict[Side, tuple[str, Pointer]]]:
    """Conflicted pointers by model name: side -> path and pointer. Unreadable sides are left out."""
    from gitmodel.workflows.committed import parsed_or_none

    entries = [e for e in project.index.entries(f"*{POINTER_SUFFIX}") if e.stage in (2, 3)]
    blobs = project.reader.blobs([entry.oid for entry in entries])
    found: dict[str, dict[Side, tuple[str, Pointer]]] = {}
    for side, stage in _STAGES.items():
        for entry in entries:
            if entry.stage == stage and entry.oid in blobs:
                pointer = parsed_or_none(blobs[entry.oid], entry.path)
                if pointer is not None:
                    found.setdefault(pointer.name, {})[side] = (entry.path, pointer)
    return found
