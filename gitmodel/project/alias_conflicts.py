"""What an alias, or the deprecations of a model, become if a person takes one side of a conflict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, alias_path_for, split_alias_path
from gitmodel.domain.conflict_text import OTHER_SIDE
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.merge_aliases import fits, parsed_anywhere, taken_alias
from gitmodel.domain.merge_deprecations import merge_deprecations, parse
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.domain.reference import DEPRECATED
from gitmodel.errors import GitmodelError, MixedAliasError
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side
    from gitmodel.project.conflicts import Conflict
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSide:
    """The file after a side was taken.

    Attributes:
        name: The model.
        alias: The alias, or `deprecated`.
        path: Where the file belongs.
        text: Its content; None if the side removed it.
        version: What the alias means; None if it is removed.
        deprecated: The deprecated versions; None for an alias.
    """

    name: str
    alias: str
    path: str
    text: str | None
    version: int | None = None
    deprecated: tuple[int, ...] | None = None


def take_alias(project: Project, conflict: Conflict, side: Side) -> TakenSide:
    """Return the alias that a side has, at the path where it belongs.

    If Git followed a rename, a side may have another alias, or an alias of the model's earlier name. The alias then
    goes beside the pointer of its own model; if there is none, it becomes one of the model beside the conflict.

    Raises:
        AliasError: The alias of that side does not parse.
        GitmodelError: The pointer beside the alias does not parse.
    """
    raw = conflict.sides.get(side)
    if raw is None:
        name = min(conflict.names)
        return TakenSide(name=name, alias=conflict.word, path=conflict.path, text=None)
    try:
        alias = Alias.from_text(
            raw, conflict.path, what=f"{conflict.path} of {side}", anywhere=True
        )
    except GitmodelError as error:
        error.hint = f"take the other side: {_command(conflict, OTHER_SIDE[side])}"
        raise
    path = conflict.path
    if not fits(alias, path):
        path, name = _place(project, conflict, alias)
        alias = replace(alias, name=name)
    if side == "ours" and alias == parsed_anywhere(raw, path):
        text = raw.decode()
    else:
        before = _ours_at(project, conflict, path, alias)
        taken = taken_alias(before, alias, side) if side == "theirs" else alias
        text = (taken or alias).to_text()
    return TakenSide(
        name=alias.name, alias=alias.alias, path=path, text=text, version=alias.version
    )


def take_deprecations(project: Project, conflict: Conflict, side: Side) -> TakenSide:
    """Return the deprecations merged by version, with the entries of a side where both changed one.

    If the conflict is in the file only, the base is unknown, and the side is taken whole.

    Raises:
        AliasError: The file of that side does not parse.
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
    raise MixedAliasError(
        f"{conflict.path} is {alias}, and there is no pointer of that model",
        hint=f"take the other side: {_command(conflict, 'ours')}; or {_command(conflict, 'theirs')}",
        model=alias.name,
    )


def _ours_at(project: Project, conflict: Conflict, path: str, alias: Alias) -> Alias | None:
    """What the branch had at the path where the alias belongs; None if it had no such alias."""
    raw = conflict.sides.get("ours", b"")
    ours = parsed_anywhere(raw, conflict.path)
    if path != conflict.path:
        here = read_pointer_file(project.root, path)
        ours = None if here is None else parsed_anywhere(here, path)
    return ours if ours is not None and ours.alias == alias.alias else None


def _command(conflict: Conflict, side: Side) -> str:
    return conflict.command.replace("--ours|--theirs", f"--{side}")
