"""`gitmodel resolve`: replace a conflicted pointer or alias by that of one side.

Sides are never mixed: the version of one side beside the digest of the other names a model that does not
exist. "Ours" and "theirs" mean the same as in `git checkout --ours`. Deprecations are merged by version; the side
decides about versions that both sides changed.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.conflict_text import OTHER_SIDE
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, weights_path
from gitmodel.domain.reference import DEPRECATED, check_alias, check_name
from gitmodel.errors import GitmodelError, ModelNameError, UnknownReferenceError
from gitmodel.git.merge_driver import is_rebasing
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.conflicts import REVISIONS, conflicts_in_index, conflicts_of
from gitmodel.project.history.model_history import history_of, next_number, published_contents
from gitmodel.project.history.version_owners import known_owner
from gitmodel.project.models import delete_file, write_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.conflict_text import Side
    from gitmodel.project.conflicts import Conflict
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class ResolveReport:
    """What `resolve` did. Both versions are None for deprecations."""

    name: str
    path: str  # of the file that was in conflict, or that the side has; it is staged
    side: Side
    was: int | None  # the version of this side; None if it had removed the file
    version: int | None  # now; differs if the other side has the same; None if removed
    in_line: bool  # whether the weights on disk are the pointer's; true without one
    next_command: str  # to run when the weights are in sync
    alias: str | None = None  # as the side names it, or `deprecated`; None for a pointer
    deprecated: tuple[int, ...] | None = None  # after that; None for pointers and aliases


def resolve(project: Project, reference: str, side: Side) -> ResolveReport:
    """End the conflict of NAME, NAME@ALIAS or NAME@deprecated by taking a side.

    Raises ModelNameError if the reference is not one of these, or the side has two files for it,
    UnknownReferenceError if nothing of that name is in conflict, TextError if the file of that side does
    not parse.
    """
    name, at, word = reference.partition("@")
    check_name(name)
    if not at:
        return resolve_conflict(project, name, side)
    from gitmodel.project.alias_conflicts import take_alias, take_deprecations

    take = take_deprecations if word == DEPRECATED else take_alias
    found = _conflicts_of(project, name, word if word == DEPRECATED else check_alias(word))
    conflict = _conflict_with(reference, side, found)
    taken = take(project, conflict or found[0], side)
    if taken.text is not None:
        write_text_file(project.root, taken.path, taken.text)
        project.index.stage([taken.path])
    kept = None if taken.text is None else taken.path
    _remove(project, [one.path for one in found if one.path != kept])
    return ResolveReport(
        *(taken.name, taken.path, side, taken.version, taken.version),
        in_line=True,
        next_command=_next(project),
        alias=taken.alias,
        deprecated=taken.deprecated,
    )


def resolve_conflict(project: Project, name: str, side: Side) -> ResolveReport:
    """Replace a conflicted pointer by the pointer of one side, and stage it.

    If that side removed the pointer, the pointer is removed and the weights on disk stay. Otherwise the
    weights are checked out from the cache, if it has them and no unregistered weights would be lost. Raises
    UnknownReferenceError if no pointer of that name is in conflict, ModelNameError if the side has two,
    PointerError if the one of that side does not parse.
    """
    found = _conflicts_of(project, name, "")
    taken = _conflict_with(name, side, found)
    if taken is None:
        _remove(project, [conflict.path for conflict in found])
        return ResolveReport(
            name, found[0].path, side, None, None, in_line=True, next_command=_next(project)
        )
    pointer = _parsed(taken, side)
    path = _path_on_side(project, taken, side)
    version = _number(project, pointer, found, OTHER_SIDE[side])
    write_text_file(project.root, path, replace(pointer, version=version).to_text())
    project.index.stage([path])
    in_line = _sync_weights(project, path, pointer)
    _remove(project, [conflict.path for conflict in found if conflict.path != path])
    return ResolveReport(
        name=pointer.name,
        path=path,
        side=side,
        was=pointer.version,
        version=version,
        in_line=in_line,
        next_command=_next(project),
    )


def _conflicts_of(project: Project, name: str, word: str) -> list[Conflict]:
    """The conflicts on the pointers of a model, or on one of its aliases.

    Raises UnknownReferenceError if there are none.
    """
    in_index = conflicts_in_index(project)
    found = conflicts_of(project, name, word, in_index)
    if not found:
        raise _no_conflict(name, word, in_index)
    return found


def _remove(project: Project, paths: Sequence[str]) -> None:
    """Remove pointer files from the work tree and the index."""
    for path in paths:
        delete_file(project.root, path)
    project.index.remove(paths)


def _conflict_with(reference: str, side: Side, found: list[Conflict]) -> Conflict | None:
    """The conflict in which a side has a file; None if that side removed the file.

    Raises ModelNameError if the side has two files for the reference, UnknownReferenceError if what that
    side has is unknown.
    """
    # If both sides moved the pointer, each side has its own path.
    having = [conflict for conflict in found if side in conflict.sides]
    if len(having) > 1:
        what = "files are of" if found[0].word else "pointers are called"
        other = shlex.quote(f":/{having[1].path}")  # relative to the top of the work tree
        raise ModelNameError(
            f"two {what} {reference}: {having[0].path} and {having[1].path}",
            hint=f"git checkout --{side} -- {other}, then git add {other}, then run this again",
        )
    if not having and not found[0].in_index:
        raise _unknown_side(reference, found[0], side)
    return having[0] if having else None


def _parsed(conflict: Conflict, side: Side) -> Pointer:
    try:
        return Pointer.from_text(conflict.sides[side], what=f"{conflict.path} of {side}")
    except GitmodelError as error:
        error.hint = (
            f"take the other side: gitmodel resolve {min(conflict.names)} --{OTHER_SIDE[side]}"
        )
        raise


def _path_on_side(project: Project, conflict: Conflict, side: Side) -> str:
    """The path of the pointer on this side. If one side moved it, Git puts the conflict at the new path."""
    blob = project.repository.blob_id(conflict.sides[side])
    for revision in REVISIONS[side] if conflict.in_index else ():
        commit = project.reader.resolve(revision)
        entries = () if commit is None else project.reader.tree(commit, POINTER_SUFFIX)
        paths = [entry.path for entry in entries if entry.oid == blob]
        if paths:
            return conflict.path if conflict.path in paths else paths[0]
    return conflict.path


def _number(project: Project, pointer: Pointer, found: list[Conflict], other: Side) -> int:
    """The version number for the side taken: its own, or another if the number belongs to the other side.

    If both sides use the number for different content, the claim names the owner. An unclaimed number stays
    with the side not taken, because that side may be pushed later.
    """
    for conflict in found:
        raw = conflict.sides.get(other)
        against = None if raw is None else parsed_or_none(raw, conflict.path)
        if (
            against is not None
            and against.version == pointer.version
            and against.digest != pointer.digest
        ):
            if _owns_number(project, pointer, against):
                return pointer.version
            return _other_number(project, pointer)
    return pointer.version


def _other_number(project: Project, pointer: Pointer) -> int:
    """Another number of the same content in history, or the next free one."""
    history = history_of(project, pointer.name)
    content = pointer.digest.hex
    has = history.naming.number_of(content)
    if has is not None and has != pointer.version and history.naming.meaning(has) == content:
        return has
    return max(next_number(project, history), pointer.version + 1)


def _owns_number(project: Project, pointer: Pointer, against: Pointer) -> bool:
    """Whether the claim on the number that both pointers use names the content of the first one.

    If the remote cannot be reached, the content that was pushed to a branch of a Git remote is the owner,
    because each push claims its numbers. If both or neither were pushed, the answer is no.
    """
    try:
        owner = known_owner(project, pointer.name, pointer.version)
    except GitmodelError as error:
        project.context.note(
            f"{pointer.name}: the owner of version {pointer.version} cannot be asked: {error}"
        )
        published = published_contents(project, pointer.name, pointer.version)
        return pointer.digest.hex in published and against.digest.hex not in published
    return owner == pointer.digest.hex


def _sync_weights(project: Project, path: str, pointer: Pointer) -> bool:
    """Check out cached weights if nothing would be lost. Returns whether the weights match the pointer."""
    from gitmodel.workflows.sync_worktree import sync_worktree

    for note in sync_worktree(project, [path]).notes:
        project.context.note(note)
    weights = weights_path(path, pointer)
    return project.worktree.unchanged(pointer.name, weights) == pointer.digest


def _next(project: Project) -> str:
    left = conflicts_in_index(project)
    if left:
        return left[0].command
    if project.index.has_conflicts():
        return "git status, which names the other files in conflict"
    what = project.repository.in_progress()
    if what == "rebase":
        return f"git {'rebase' if is_rebasing(project.repository) else 'am'} --continue"
    if what in {"cherry-pick", "revert"}:
        # `--continue` refuses an empty commit.
        return f"git {what} {'--continue' if project.index.changed_since_head() else '--skip'}"
    return "git commit" if what == "merge" else "git status, then git commit"


def _unknown_side(reference: str, conflict: Conflict, side: Side) -> UnknownReferenceError:
    name = min(conflict.names)
    by_number = f"gitmodel checkout {name}@NUMBER"
    if conflict.word:
        by_number = f"gitmodel promote {name}@NUMBER {conflict.word}"
    return UnknownReferenceError(
        f"what {conflict.path} was on the side of {side} cannot be told from the commit that mixed it",
        hint=f"gitmodel resolve {reference} --{OTHER_SIDE[side]}, or a version by its number: {by_number}",
        model=name,
    )


def _no_conflict(name: str, word: str, others: Sequence[Conflict]) -> UnknownReferenceError:
    what = f"{name}@{word} is not" if word else f"no pointer of {name} is"
    same = [conflict for conflict in others if name in conflict.names]
    if same:
        named = ", ".join(conflict.reference for conflict in same)
        return UnknownReferenceError(
            f"{what} in conflict, but {named} {'is' if len(same) == 1 else 'are'}",
            hint=same[0].command,
        )
    names = ", ".join(sorted({conflict.reference for conflict in others}))
    return UnknownReferenceError(
        f"{what} in conflict", hint=f"in conflict: {names}" if names else "git status"
    )
