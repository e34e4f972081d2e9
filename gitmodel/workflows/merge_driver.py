"""The merge driver: take the pointer of one side, or write a conflict that names the command to resolve it.

The decision needs only the three texts, so it also works in a bare repository, in `git merge-tree`, and while
`.gitmodel.yaml` itself is in conflict.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.conflict_markers import resolve_hint
from gitmodel.domain.digest import digest_of
from gitmodel.domain.merge import Side, conflict_text, decide, describe
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitmodelError, MixedPointerError
from gitmodel.git.merge_driver import (
    driver_command,
    is_rebasing,
    merged_names,
    read_side,
    set_driver,
    try_driver,
    unset_driver,
    write_result,
)
from gitmodel.git.repository import Repository

if TYPE_CHECKING:
    from gitmodel.domain.merge import Decision
    from gitmodel.project.context import Context
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What Git passes to a merge driver.

    Attributes:
        base: File with the common ancestor, empty if there is none; relative to the current folder.
        ours: File with ours, which is to hold the result.
        theirs: File with theirs.
        marker_size: Length of a conflict marker.
        path: The file that is merged, in the repository.
    """

    base: str
    ours: str
    theirs: str
    marker_size: int
    path: str

    @property
    def is_pointer(self) -> bool:
        """Whether the file is a pointer. Git merges alias files line by line."""
        return self.path.endswith(POINTER_SUFFIX)


def merge_pointer(context: Context, request: MergeRequest) -> str | None:
    """Write the result into the file of our side; returns a note to print, if any.

    Raises:
        MixedPointerError: Both sides changed the pointer; the file holds both, between markers.
    """
    texts = [read_side(context.folder, name) for name in (request.base, request.ours)]
    base, ours = texts
    theirs = read_side(context.folder, request.theirs)
    decision = decide(base, ours, theirs)
    if decision.taken is None:
        words = _words(context)
        conflict = conflict_text(
            decision, ours, theirs, words=words, marker_size=request.marker_size
        )
        write_result(context.folder, request.ours, conflict)
        raise _conflict(decision, request.path, words)
    if decision.taken == "theirs":
        write_result(context.folder, request.ours, theirs)
    return _left_out(decision)


def clone_driver(project: Project) -> str | None:
    """The command of the driver in the clone's own configuration, None if there is none."""
    return driver_command(project.repository, own=True)


def write_driver(project: Project, command: str) -> None:
    """Put a driver into the clone's configuration."""
    set_driver(project.repository, command)


def erase_driver(project: Project) -> None:
    """Take the driver out of the clone's configuration."""
    unset_driver(project.repository)


def driver_problem(project: Project) -> str | None:
    """Run the driver that Git would take here on two versions; returns what went wrong."""
    command = driver_command(project.repository)
    if command is None:
        return "Git merges pointers line by line: merge.gitmodel.driver is not set in this clone"
    base, ours, theirs = (_sample(number) for number in (1, 2, 3))
    path = f"doctor{POINTER_SUFFIX}"
    try:
        code, result = try_driver(
            project.repository, command, base=base, ours=ours, theirs=theirs, path=path
        )
    except GitmodelError as error:
        return error.message
    if code == 1 and b"gitmodel resolve doctor --theirs" in result:
        return None
    return f"the merge driver of this clone does not start gitmodel (it ended with {code})"


def _sample(number: int) -> bytes:
    digest = digest_of(b"%d" % number)
    pointer = Pointer(name="doctor", version=number, digest=digest, size=1, path="doctor.bin")
    return pointer.to_text().encode()


def _words(context: Context) -> dict[Side, str]:
    """What the sides are, in words that hold in a merge, a rebase and everything else."""
    names = merged_names(context.environment)
    ours, theirs = "what is checked out", "what comes in"
    if len(names) == 1:
        theirs = f"what comes in from {quote_text(names[0])}"
    elif _in_rebase(context):
        ours = "what is checked out (of a rebase: the branch rebased onto)"
        theirs = "what comes in (of a rebase: your own commit)"
    return {"ours": ours, "theirs": theirs}


def _in_rebase(context: Context) -> bool:
    with suppress(GitmodelError):
        return is_rebasing(Repository.open(context.folder, environment=context.environment))
    return False


def _conflict(decision: Decision, path: str, words: dict[Side, str]) -> MixedPointerError:
    sides = "; ".join(
        f"{side}, {words[side]}, is {describe(decision.pointer(side))}" for side in words
    )
    return MixedPointerError(
        f"both sides changed {quote_text(path, limit=200)}: {sides}",
        hint=resolve_hint(decision.name),
        model=decision.name or None,
    )


def _left_out(decision: Decision) -> str | None:
    if decision.taken is None or not decision.left_out:
        return None
    other = "theirs" if decision.taken == "ours" else "ours"
    taken = decision.pointer(decision.taken)
    what = " and ".join(decision.left_out)
    version = "" if taken is None else f"version {taken.version} of "
    return (
        f"{decision.name}: {version}{decision.taken} is taken whole; {what} as {other} had it "
        "is not in it: write it into the pointer again if it should stay"
    )
