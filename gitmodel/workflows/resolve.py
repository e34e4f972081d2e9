"""`gitmodel resolve`: end a conflict on a pointer by taking one side whole.

Sides are never mixed: a version of one side beside a digest of the other is a model that nobody
trained. "Ours" and "theirs" mean what they mean to `git checkout --ours`. What the sides are is told
by the index; where a conflict was added or committed as it stood, by the markers in the file; where a
server mixed two sides in a merge, by the parents of that merge.
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

    from gitmodel.domain.merge import Side
    from gitmodel.project.project import Project

_SIDES: tuple[Side, Side] = ("ours", "theirs")
_STAGES: Mapping[int, Side] = {2: "ours", 3: "theirs"}  # of the index


@dataclass(frozen=True, slots=True)
class ResolveReport:
    """What `resolve` did.

    Attributes:
        name: The model.
        path: Of its pointer, which is staged now.
        side: Which was taken.
        was: The number that this side had; None if it had removed the pointer.
        version: The number that it has now; another one if the other side had the same. None if the
            pointer is removed.
        in_line: Whether the weights on disk are those of the pointer.
        next_command: What to run when the weights are in line.
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
        path: Of the file.
        sides: What each side has there, whether it can be read or not; nothing where it has no file.
        names: The models that it may be about.
        in_index: Whether the index says so; only then a side without a text has no file there.
    """

    path: str
    sides: Mapping[Side, bytes]
    names: frozenset[str]
    in_index: bool


def resolve_conflict(project: Project, name: str, side: Side) -> ResolveReport:
    """Take one side of a conflicted pointer, and stage it; weights come from the cache, if they are there.

    A side that removed the pointer is taken by removing it; the weights on disk stay.

    Raises:
        UnknownReferenceError: No pointer of that name is in conflict.
        ModelNameError: The side has two pointers of that name.
        PointerError: The side taken is broken itself.
    """
    there = _conflicts(project)
    found = [conflict for conflict in there if name in conflict.names]
    found = found or _conflicts_in_files(project, name)
    if not found:
        raise _no_conflict(name, there)
    taken = _side_of(name, side, found)
    pointer = None if taken is None else _readable(taken, side)
    place = None if taken is None else _place(project, taken, side)
    version, in_line = None, True
    if place is not None and pointer is not None:
        version = _number(project, pointer, found, "theirs" if side == "ours" else "ours")
        write_text_file(project.root, place, replace(pointer, version=version).to_text())
        project.index.stage([place])
        in_line = _bring_in_line(project, place, pointer)
    others = [conflict.path for conflict in found if conflict.path != place]
    for path in others:  # after the side taken is safe
        delete_file(project.root, path)
    project.index.remove(others)
    return ResolveReport(
        name=name if pointer is None else pointer.name,
        path=place or found[0].path,
        side=side,
        was=None if pointer is None else pointer.version,
        version=version,
        in_line=in_line,
        next_command=_next(project),
    )


def conflicts(project: Project) -> list[MixedPointerError]:
    """What the index has in conflict, an error for each pointer; two processes."""
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


def _side_of(name: str, side: Side, found: list[_Conflict]) -> _Conflict | None:
    """The file that a side has; None if it has removed it.

    Raises:
        ModelNameError: It has two of that name.
        UnknownReferenceError: Nothing says what it was.
    """
    # Where both sides renamed the pointer, each has it at a path of its own.
    having = [conflict for conflict in found if side in conflict.sides]
    if len(having) > 1:
        other = shlex.quote(f":/{having[1].path}")  # from the top, wherever the person is
        raise ModelNameError(
            f"two pointers are called {name}: {having[0].path} and {having[1].path}",
            hint=f"git checkout --{side} -- {other}, then git add {other}, then run this again",
        )
    if not having and not found[0].in_index:
        raise _unknown_side(name, found[0].path, side)
    return having[0] if having else None


def _readable(conflict: _Conflict, side: Side) -> Pointer:
    try:
        return Pointer.from_text(conflict.sides[side], what=f"{conflict.path} of {side}")
    except GitmodelError as error:
        other: Side = "theirs" if side == "ours" else "ours"
        error.hint = f"take the other side: gitmodel resolve {min(conflict.names)} --{other}"
        raise


def _place(project: Project, conflict: _Conflict, side: Side) -> str:
    """Where the side has its pointer: Git merges at the new place what only one side renamed."""
    blob = project.repository.blob_id(conflict.sides[side])
    revisions = ("HEAD",) if side == "ours" else ("MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD")
    for revision in revisions if conflict.in_index else ():
        commit = project.reader.resolve(revision)
        entries = () if commit is None else project.reader.tree(commit, POINTER_SUFFIX)
        places = [entry.path for entry in entries if entry.oid == blob]
        if places:
            return conflict.path if conflict.path in places else places[0]
    return conflict.path


def _number(project: Project, pointer: Pointer, found: list[_Conflict], other: Side) -> int:
    """The number of the side taken, or the next free one if it belongs to what the other side has.

    Where both sides have the number for other content, its claim says whose it is. Unclaimed, it stays
    with the side that is not taken: that side's history may be on its way to the remote.
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
    """Another number that the content has in history, else the next free one."""
    history = history_of(project, pointer.name)
    content = pointer.digest.hex
    has = history.naming.number_of(content)
    if has is not None and has != pointer.version and history.naming.meaning(has) == content:
        return has
    return max(next_number(project, history), pointer.version + 1)


def _owns_number(project: Project, pointer: Pointer, against: Pointer) -> bool:
    """Whether the claim of the number that two pointers have names the content of the first.

    Where the remote cannot be asked, the content that alone is on a branch of a Git remote counts as the
    owner: it passed a push, which claims numbers.
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


def _bring_in_line(project: Project, path: str, pointer: Pointer) -> bool:
    """Bring the weights from the cache where that loses nothing; whether they are the pointer's now."""
    from gitmodel.workflows.sync_worktree import sync_worktree

    for note in sync_worktree(project, [path]).notes:
        project.context.note(note)
    place = weights_path(path, pointer)
    return project.worktree.unchanged(pointer.name, place) == pointer.digest


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
        # Git stops once more where the commit would be empty.
        return f"git {what} {'--continue' if project.index.changed_since_head() else '--skip'}"
    return "git commit" if what == "merge" else "git status, then git commit"


def _unknown_side(name: str, path: str, side: Side) -> UnknownReferenceError:
    return UnknownReferenceError(
        f"what {path} was on the side of {side} cannot be told from the commit that mixed it",
        hint=f"gitmodel resolve {name} --{'theirs' if side == 'ours' else 'ours'}, "
        f"or a version by its number: gitmodel checkout {name}@NUMBER",
        model=name,
    )


def _no_conflict(name: str, there: Iterable[_Conflict]) -> UnknownReferenceError:
    names = ", ".join(sorted({other for conflict in there for other in conflict.names}))
    return UnknownReferenceError(
        f"no pointer of {name} is in conflict",
        hint=f"in conflict: {names}" if names else "git status",
    )


def _conflicts(project: Project) -> list[_Conflict]:
    """All pointer files that the index has in conflict."""
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
    """Pointer files of that name that hold two sides though the index has no conflict."""
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
    """The sides of a pointer file that the index takes for settled; nothing if it is sound."""
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
    """What the commits had that Git mixed: HEAD and the other side of a merge, or a commit's parents."""
    others = project.index.other_heads()
    if others:
        return _sides_at(project, path, ("HEAD", others[0]))
    change = last_change(project.repository, path)
    if change is None or blob_at(project, change[0], path) != project.repository.blob_id(raw):
        return {}  # edited since it was committed, which is what pre-commit looks after
    return _sides_at(project, path, change[1][:2])


def _sides_at(project: Project, path: str, commits: Sequence[str]) -> Mapping[Side, bytes]:
    blobs = {s: blob_at(project, commit, path) for s, commit in zip(_SIDES, commits, strict=False)}
    texts = project.reader.blobs([blob for blob in blobs.values() if blob is not None])
    return {side: texts[blob] for side, blob in blobs.items() if blob is not None and blob in texts}
