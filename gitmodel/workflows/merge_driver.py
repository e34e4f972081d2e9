"""The merge driver: take the file of one side, or write a conflict that names the command to resolve it.

Pointers, aliases and deprecations have rules of their own, in `domain/merge*.py`. The decision needs only the three texts, so it also works in a bare repository, in `git merge-tree`, and while
`.gitmodel.yaml` itself is in conflict.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.conflict_markers import resolve_hint
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import ALIAS_SUFFIX, DEPRECATED_SUFFIX, POINTER_SUFFIX, Pointer
from gitmodel.domain.reference import DEPRECATED
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitmodelError, MixedAliasError, MixedPointerError
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
    from collections.abc import Callable, Mapping

    from gitmodel.domain.conflict_text import Side
    from gitmodel.domain.merge import Decision
    from gitmodel.errors import TextError
    from gitmodel.project.context import Context
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What Git passes to a merge driver: files relative to the current folder, and more."""

    base: str  # the common ancestor, empty if there is none
    ours: str  # is to hold the result
    theirs: str
    marker_size: int  # length of a conflict marker
    path: str  # of the file that is merged, in the repository


class _Texts(NamedTuple):
    """The three versions of a file."""

    base: bytes
    ours: bytes
    theirs: bytes


class _Result(NamedTuple):
    """The result of a merge."""

    content: bytes  # of the file
    # the error that reports it; the file has both sides between markers
    conflict: TextError | None = None
    note: str | None = None  # what to tell about a merge without a conflict


def is_merged_here(path: str) -> bool:
    """Whether gitmodel merges a file. Git merges others line by line."""
    return path.endswith(tuple(_RULES))


def merge_file(context: Context, request: MergeRequest) -> str | None:
    """Write the result into the file of our side; returns a note to print, if any.

    If both sides changed it, the file holds both, between markers: raises MixedPointerError, or
    MixedAliasError for an alias, or deprecations.
    """
    texts = _Texts(
        *(read_side(context.folder, n) for n in (request.base, request.ours, request.theirs))
    )
    rule = next(rule for suffix, rule in _RULES.items() if request.path.endswith(suffix))
    result = rule(request, texts, _words(context))
    if result.content != texts.ours:
        write_result(context.folder, request.ours, result.content)
    if result.conflict is not None:
        raise result.conflict
    return result.note


def _merge_pointer(request: MergeRequest, texts: _Texts, words: Mapping[Side, str]) -> _Result:
    from gitmodel.domain.merge import conflict_text, decide, describe

    decision = decide(*texts)
    if decision.taken is not None:
        return _Result(getattr(texts, decision.taken), note=_left_out(decision))
    sides = _sides({side: describe(decision.pointer(side)) for side in words}, words)
    error = MixedPointerError(
        f"both sides changed {quote_text(request.path, limit=200)}: {sides}",
        hint=resolve_hint(decision.name),
        model=decision.name or None,
    )
    text = conflict_text(
        decision, texts.ours, texts.theirs, words=words, marker_size=request.marker_size
    )
    return _Result(text, error)


def _merge_alias(request: MergeRequest, texts: _Texts, words: Mapping[Side, str]) -> _Result:
    from gitmodel.domain.merge_aliases import alias_conflict_text, decide_alias, describe_alias

    decision = decide_alias(*texts, request.path)
    if decision.taken is not None:
        return _Result(getattr(texts, decision.taken))
    about = {side: describe_alias(decision.alias(side), request.path) for side in words}
    name, alias = decision.reference
    error = MixedAliasError(
        f"both sides changed {quote_text(request.path, limit=200)}: {_sides(about, words)}",
        hint=resolve_hint(name, alias),
        model=name or None,
    )
    text = alias_conflict_text(
        decision, texts.ours, texts.theirs, words=words, marker_size=request.marker_size
    )
    return _Result(text, error)


def _merge_deprecations(request: MergeRequest, texts: _Texts, words: Mapping[Side, str]) -> _Result:
    from gitmodel.domain.merge_deprecations import merge_deprecation_texts

    name = request.path.rpartition("/")[2].removesuffix(DEPRECATED_SUFFIX)
    content, contested = merge_deprecation_texts(
        *texts, name=name, words=words, marker_size=request.marker_size
    )
    if not contested:
        return _Result(content)
    error = MixedAliasError(
        f"both sides changed {quote_text(request.path, limit=200)}: {contested}",
        hint=resolve_hint(name, DEPRECATED),
        model=name,
    )
    return _Result(content, error)


_RULES: Mapping[str, Callable[[MergeRequest, _Texts, Mapping[Side, str]], _Result]] = {
    POINTER_SUFFIX: _merge_pointer,
    ALIAS_SUFFIX: _merge_alias,
    DEPRECATED_SUFFIX: _merge_deprecations,
}


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


def _sides(about: Mapping[Side, str], words: Mapping[Side, str]) -> str:
    return "; ".join(f"{side}, {words[side]}, is {about[side]}" for side in words)


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
