"""`gitmodel resolve`: replace a conflicted pointer by the pointer of one side.

Sides are never mixed: the version of one side beside the digest of the other names a model that does not
exist. "Ours" and "theirs" mean the same as in `git checkout --ours`. The sides come from the index. If the
conflict was staged or committed unresolved, they come from the conflict markers in the file. If a server mixed
two sides in a merge, they come from the parents of that merge.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.conflict_markers import conflict_sides, resolve_hint
from gitmodel.domain.merge import describe
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, weights_path
from gitmodel.errors import GitmodelError, MixedPointerError, ModelNameError, UnknownReferenceError
from gitmodel.git.merge_driver import is_rebasing, last_change
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.model_history import history_of, next_number, published_contents
from gitmodel.project.history.version_owners import known_owner
from gitmodel.project.models import blob_at, delete_file, read_pointer_file, write_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitmodel.domain.conflict_text import Side
    from gitmodel.project.project import Project

_SIDES: tuple[Side, Side] = ("ours", "theirs")
_OTHER: Mapping[Side, Side] = {"ours": "theirs", "theirs": "ours"}
_STAGES: Mapping[int, Side] = {2: "ours", 3: "theirs"}  # of the index


@dataclass(frozen=True, slots=True)
class ResolveReport:
    """What `resolve` did.

    Attributes:
        name: The model.
        path: The path of its pointer, which is staged.
        side: The side that was taken.
        was: The version number of this side; None if it had removed the pointer.
        version: The version number now, which differs if the other side has the same one. None if the pointer
            is removed.
        in_line: Whether the weights on disk are those of the pointer.
        next_command: The command to run when the weights are in sync.
    """

    name: str
    path: str
    side: Side
    was: int | None
    version: int | None
    in_line: bool
    next_command: str


@dataclass(frozen=True, slots=True)
class _Conflict:
    """One pointer file in conflict.

    Attributes:
        path: The path of the file.
        sides: The text of each side, valid or not. A side without the file has no entry.
        names: The models that the texts name.
        in_index: Whether the index has the conflict. If not, a side without an entry is unknown.
    """

    path: str
    sides: Mapping[Side, bytes]
    names: frozenset[str]
    in_index: bool


def resolve_conflict(project: Project, name: str, side: Side) -> ResolveReport:
    """Replace a conflicted pointer by the pointer of one side, and stage it.

    If that side removed the pointer, the pointer is removed and the weights on disk stay. Otherwise the
    weights are checked out from the cache, if it has them and no unregistered weights would be lost.

    Raises:
        UnknownReferenceError: No pointer of that name is in conflict.
        ModelNameError: The side has two pointers of that name.
        PointerError: The pointer of that side does not parse.
    """
    found = _conflicts_of(project, name)
    taken = _conflict_with(name, side, found)
    if taken is None:
        _remove(project, [conflict.path for conflict in found])
        return ResolveReport(
            name, found[0].path, side, None, None, in_line=True, next_command=_next(project)
        )
    pointer = _parsed(taken, side)
    path = _path_on_side(project, taken, side)
    version = _number(project, pointer, found, _OTHER[side])
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


def _conflicts_of(project: Project, name: str) -> list[_Conflict]:
    """The conflicts on pointers of a model: those in the index, else those in files.

    Raises:
        UnknownReferenceError: There are none.
    """
    in_index = _conflicts(project)
    found = [conflict for conflict in in_index if name in conflict.names]
    found = found or _conflicts_in_files(project, name)
    if not found:
        raise _no_conflict(name, in_index)
    return found


def _remove(project: Project, paths: Sequence[str]) -> None:
    """Remove pointer files from the work tree and the index."""
    for path in paths:
        delete_file(project.root, path)
    project.index.remove(paths)


def conflicts(project: Project) -> list[MixedPointerError]:
    """One error for each pointer that is in conflict in the index. Starts two Git processes."""
    return [
        MixedPointerError(
            f"{found.path}: unresolved merge conflict: "
            + "; ".join(f"{side} {_verb(found, side)}" for side in _SIDES),
            hint=resolve_hint(min(found.names)),
        )
        for found in _conflicts(project)
    ]


def _verb(conflict: _Conflict, side: Side) -> str:
    raw = conflict.sides.get(side)
    if raw is None:
        return "has removed it"
    return f"is {describe(parsed_or_none(raw, conflict.path))}"


def _conflict_with(name: str, side: Side, found: list[_Conflict]) -> _Conflict | None:
    """The conflict in which a side has a file; None if that side removed the pointer.

    Raises:
        ModelNameError: The side has two pointers of that name.
        UnknownReferenceError: The pointer of that side is unknown.
    """
    # If both sides moved the pointer, each side has its own path.
    having = [conflict for conflict in found if side in conflict.sides]
    if len(having) > 1:
        other = shlex.quote(f":/{having[1].path}")  # relative to the top of the work tree
        raise ModelNameError(
            f"two pointers are called {name}: {having[0].path} and {having[1].path}",
            hint=f"git checkout --{side} -- {other}, then git add {other}, then run this again",
        )
    if not having and not found[0].in_index:
        raise _unknown_side(name, found[0].path, side)
    return having[0] if having else None


def _parsed(conflict: _Conflict, side: Side) -> Pointer:
    try:
        return Pointer.from_text(conflict.sides[side], what=f"{conflict.path} of {side}")
    except GitmodelError as error:
        error.hint = f"take the other side: gitmodel resolve {min(conflict.names)} --{_OTHER[side]}"
        raise


def _path_on_side(project: Project, conflict: _Conflict, side: Side) -> str:
    """The path of the pointer on this side. If one side moved it, Git puts the conflict at the new path."""
    blob = project.repository.blob_id(conflict.sides[side])
    revisions = ("HEAD",) if side == "ours" else ("MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD")
    for revision in revisions if conflict.in_index else ():
        commit = project.reader.resolve(revision)
        entries = () if commit is None else project.reader.tree(commit, POINTER_SUFFIX)
        paths = [entry.path for entry in entries if entry.oid == blob]
        if paths:
            return conflict.path if conflict.path in paths else paths[0]
    return conflict.path


def _number(project: Project, pointer: Pointer, found: list[_Conflict], other: Side) -> int:
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
    left = _conflicts(project)
    if left:
        return f"gitmodel resolve {min(left[0].names)} --ours|--theirs"
    if project.index.has_conflicts():
        return "git status, which names the other files in conflict"
    what = project.repository.in_progress()
    if what == "rebase":
        return f"git {'rebase' if is_rebasing(project.repository) else 'am'} --continue"
    if what in {"cherry-pick", "revert"}:
        # `--continue` refuses an empty commit.
        return f"git {what} {'--continue' if project.index.changed_since_head() else '--skip'}"
    return "git commit" if what == "merge" else "git status, then git commit"


def _unknown_side(name: str, path: str, side: Side) -> UnknownReferenceError:
    return UnknownReferenceError(
        f"what {path} was on the side of {side} cannot be told from the commit that mixed it",
        hint=f"gitmodel resolve {name} --{_OTHER[side]}, "
        f"or a version by its number: gitmodel checkout {name}@NUMBER",
        model=name,
    )


def _no_conflict(name: str, others: Iterable[_Conflict]) -> UnknownReferenceError:
    names = ", ".join(sorted({other for conflict in others for other in conflict.names}))
    return UnknownReferenceError(
        f"no pointer of {name} is in conflict",
        hint=f"in conflict: {names}" if names else "git status",
    )


def _conflicts(project: Project) -> list[_Conflict]:
    """All pointer files that are in conflict in the index."""
    entries = [e for e in project.index.entries(f"*{POINTER_SUFFIX}") if e.stage]
    blobs = project.reader.blobs([entry.oid for entry in entries])
    by_path: dict[str, dict[int, bytes]] = {}
    for entry in entries:
        by_path.setdefault(entry.path, {})[entry.stage] = blobs.get(entry.oid, b"")
    found = []
    for path, stages in by_path.items():
        sides = {_STAGES[stage]: raw for stage, raw in stages.items() if stage in _STAGES}
        found.append(_Conflict(path, sides, _names(path, stages.values()), in_index=True))
    return found


def _conflicts_in_files(project: Project, name: str) -> list[_Conflict]:
    """Pointer files of that name that contain two sides although the index has no conflict."""
    found = []
    for entry in project.index.entries(name.rpartition("/")[2] + POINTER_SUFFIX):
        sides = _sides_of_file(project, entry.path)
        names = _names(entry.path, sides.values())
        if sides and name in names:
            found.append(_Conflict(entry.path, sides, names, in_index=False))
    return found


def _names(path: str, texts: Iterable[bytes]) -> frozenset[str]:
    pointers = [parsed_or_none(raw, path) for raw in texts]
    names = {pointer.name for pointer in pointers if pointer is not None}
    return frozenset(names or {path.rpartition("/")[2].removesuffix(POINTER_SUFFIX)})


def _sides_of_file(project: Project, path: str) -> Mapping[Side, bytes]:
    """The sides in a pointer file that has no conflict in the index; empty if the file is valid."""
    raw = read_pointer_file(project.root, path)
    if raw is None:
        return {}
    try:
        Pointer.from_text(raw, what=path)
    except MixedPointerError:
        between = conflict_sides(raw.decode("utf-8", "replace"))
        if between is not None:
            return dict(zip(_SIDES, [text.encode() for text in between], strict=True))
        return _sides_of_merge(project, path, raw)
    except GitmodelError:
        pass
    return {}


def _sides_of_merge(project: Project, path: str, raw: bytes) -> Mapping[Side, bytes]:
    """The texts of the commits that were mixed: HEAD and MERGE_HEAD, or the parents of the last change."""
    others = project.index.other_heads()
    if others:
        return _sides_at(project, path, ("HEAD", others[0]))
    change = last_change(project.repository, path)
    if change is None or blob_at(project, change[0], path) != project.repository.blob_id(raw):
        return {}  # edited after the commit; pre-commit checks such files
    return _sides_at(project, path, change[1][:2])


def _sides_at(project: Project, path: str, commits: Sequence[str]) -> Mapping[Side, bytes]:
    blobs = {s: blob_at(project, commit, path) for s, commit in zip(_SIDES, commits, strict=False)}
    texts = project.reader.blobs([blob for blob in blobs.values() if blob is not None])
    return {side: texts[blob] for side, blob in blobs.items() if blob is not None and blob in texts}
