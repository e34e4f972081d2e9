"""What an alias, or the deprecations of a model, become if a person takes one side of a conflict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, split_alias_path
from gitmodel.domain.conflict_text import OTHER_SIDE
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.merge_aliases import fits, parsed_anywhere
from gitmodel.domain.merge_deprecations import merge_deprecations, parse
from gitmodel.domain.pointer import ALIAS_SUFFIX, POINTER_SUFFIX, Pointer, alias_path_for
from gitmodel.domain.reference import DEPRECATED
from gitmodel.errors import GitmodelError
from gitmodel.project.conflicts import REVISIONS
from gitmodel.project.history.alias_history import promoted_value
from gitmodel.project.models import blob_at, read_pointer_file

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side
    from gitmodel.project.conflicts import Conflict
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSide:
    """The file after a side was taken."""

    name: str
    alias: str  # or `deprecated`
    path: str  # where the file belongs
    text: str | None  # None if the side removed it
    version: int | None = None  # what the alias means; None if it is removed
    deprecated: tuple[int, ...] | None = None  # the deprecated versions; None for an alias


def take_alias(project: Project, conflict: Conflict, side: Side) -> TakenSide:
    """Return the alias that a side has, at the path where it belongs.

    If Git followed a rename, a side may have another alias, or an alias of the model's earlier name. The
    alias then goes beside the pointer of its own model; if there is none, it becomes one of the model
    beside the conflict. Raises AliasError if the alias of that side does not parse, or the side itself has
    it at a wrong path, GitmodelError if the pointer beside the alias does not parse.
    """
    raw = conflict.sides.get(side)
    if raw is None:
        name = min(conflict.names)
        return TakenSide(name=name, alias=conflict.word, path=conflict.path, text=None)
    followed = _is_of_renamed_file(project, conflict, side, raw)
    try:
        what = f"{conflict.path} of {side}"
        alias = Alias.from_text(raw, conflict.path, what=what, anywhere=followed)
    except GitmodelError as error:
        remove = f"git rm -f {project.typed(conflict.path)}"
        error.hint = f"take the other side: {_command(conflict, OTHER_SIDE[side])}; or {remove}"
        raise
    path, text = conflict.path, raw.decode()
    if not fits(alias, path):
        path, name = _place(project, conflict, alias)
        alias = replace(alias, name=name)
        text = alias.to_text()
    if side == "theirs":
        text = _moved_to(project, conflict, path, alias).to_text()
    return TakenSide(
        name=alias.name, alias=alias.alias, path=path, text=text, version=alias.version
    )


def _is_of_renamed_file(project: Project, conflict: Conflict, side: Side, raw: bytes) -> bool:
    """Whether the text of a side is at this path only because the other side renamed the file.

    Then the common ancestor is the same alias. A side that has the file at this path itself has renamed it by
    `git mv` alone: nobody can tell what it was to mean.
    """
    if not conflict.in_index or raw == conflict.base:
        return False
    base, one = (parsed_anywhere(text, conflict.path) for text in (conflict.base, raw))
    if base is None or one is None or (base.name, base.alias) != (one.name, one.alias):
        return False
    blob = project.repository.blob_id(raw)
    return all(blob_at(project, rev, conflict.path) != blob for rev in REVISIONS[side])


def take_deprecations(project: Project, conflict: Conflict, side: Side) -> TakenSide:
    """Return the deprecations merged by version, with the entries of a side where both changed one.

    If the conflict is in the file only, the base is unknown, and the side is taken whole. Raises AliasError
    if the file of that side does not parse.
    """
    del project
    raw = conflict.sides.get(side, b"")
    try:
        taken = Deprecations.from_text(raw, what=f"{conflict.path} of {side}") if raw else None
    except GitmodelError as error:
        error.hint = f"take the other side: {_command(conflict, OTHER_SIDE[side])}"
        raise
    merged = taken or Deprecations()
    if conflict.in_index:
        merged = _merged(conflict, side, merged)
    removed = taken is None and not merged.versions and not merged.unknown
    return TakenSide(
        name=min(conflict.names),
        alias=DEPRECATED,
        path=conflict.path,
        text=None if removed else merged.to_text(),
        deprecated=tuple(sorted(merged.versions)),
    )


def _merged(conflict: Conflict, side: Side, taken: Deprecations) -> Deprecations:
    """All three texts merged; the side taken if another text does not parse."""
    try:
        texts = (conflict.base, conflict.sides.get("ours", b""), conflict.sides.get("theirs", b""))
        return merge_deprecations(*(parse(text) for text in texts)).taking(side)
    except GitmodelError:
        return taken


def _place(project: Project, conflict: Conflict, alias: Alias) -> tuple[str, str]:
    """Where an alias belongs whose file is at the path of another one, and the name of the model there."""
    beside, _ = split_alias_path(conflict.path)
    folder, slash, _ = beside.rpartition("/")
    own = f"{folder}{slash}{alias.name.rpartition('/')[2]}{POINTER_SUFFIX}"
    for pointer_path in (own, beside):
        raw = read_pointer_file(project.root, pointer_path)
        if raw is not None:
            name = Pointer.from_text(raw, what=pointer_path).name
            return alias_path_for(pointer_path, alias.alias), name
    return alias_path_for(own, alias.alias), alias.name  # the model itself was removed


def _moved_to(project: Project, conflict: Conflict, path: str, theirs: Alias) -> Alias:
    """Theirs as a move of what the branch had: `previous` is what roll-back then returns to."""
    head = project.reader.resolve("HEAD")
    at_head = path
    raw = conflict.sides.get("ours")
    if head is not None and raw is not None:
        blob = project.repository.blob_id(raw)
        entries = project.reader.tree(head, f".{theirs.alias}{ALIAS_SUFFIX}")
        # Another path if theirs renamed the model.
        paths = [entry.path for entry in entries if entry.oid == blob]
        at_head = path if path in paths or not paths else paths[0]
    return promoted_value(project, at_head, head, theirs)


def _command(conflict: Conflict, side: Side) -> str:
    return conflict.command.replace("--ours|--theirs", f"--{side}")
