"""Conflicts on pointers, aliases and deprecations: which files have one, and what each side has.

The sides come from the index. If the conflict was staged or committed unresolved, they come from the conflict
markers in the file. If a server mixed two sides in a merge, they come from the parents of that merge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.conflict_markers import conflict_sides, resolve_hint
from gitmodel.domain.conflict_text import SIDES
from gitmodel.domain.merge import describe
from gitmodel.domain.merge_aliases import describe_alias, fits, named_by, parsed_anywhere
from gitmodel.domain.merge_deprecations import merge_deprecations, parse
from gitmodel.domain.pointer import ALIAS_SUFFIX, DEPRECATED_SUFFIX, POINTER_SUFFIX, Pointer
from gitmodel.domain.reference import DEPRECATED
from gitmodel.errors import GitmodelError, MixedAliasError, MixedPointerError
from gitmodel.git.merge_driver import last_change
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.models import blob_at, read_pointer_file, text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitmodel.domain.conflict_text import Side
    from gitmodel.project.project import Project

SUFFIXES = (POINTER_SUFFIX, ALIAS_SUFFIX, DEPRECATED_SUFFIX)
REVISIONS: Mapping[Side, tuple[str, ...]] = {
    "ours": ("HEAD",),
    "theirs": ("MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD"),
}
_STAGES: Mapping[int, Side] = {2: "ours", 3: "theirs"}  # of the index


@dataclass(frozen=True, slots=True)
class Conflict:
    """One file in conflict."""

    path: str
    # the text of each side, valid or not; a side without the file has no entry
    sides: Mapping[Side, bytes]
    names: frozenset[str]  # models that the texts name; those of an alias fit the path if any does
    word: str  # the alias; `deprecated` for deprecations, "" for a pointer
    base: bytes  # text of the common ancestor; empty if there is none, or if it is unknown
    in_index: bool  # whether the index has the conflict; if not, a side without an entry is unknown

    @property
    def command(self) -> str:
        """The command that ends the conflict, with both sides."""
        return resolve_hint(min(self.names), self.word)

    @property
    def reference(self) -> str:
        """The model, or NAME@ALIAS."""
        return f"{min(self.names)}@{self.word}" if self.word else min(self.names)


def conflicts_in_index(project: Project) -> list[Conflict]:
    """All files that are in conflict in the index. One process, two if there are any."""
    entries = [e for e in project.index.entries(*(f"*{end}" for end in SUFFIXES)) if e.stage]
    blobs = project.reader.blobs([entry.oid for entry in entries]) if entries else {}
    by_path: dict[str, dict[int, bytes]] = {}
    for entry in entries:
        by_path.setdefault(entry.path, {})[entry.stage] = blobs.get(entry.oid, b"")
    found = []
    for path, stages in by_path.items():
        sides = {
            _STAGES[stage]: _whole_side(project, path, _STAGES[stage], raw)
            for stage, raw in stages.items()
            if stage in _STAGES
        }
        names, word = _names(path, [*sides.values(), stages.get(1, b"")])
        found.append(Conflict(path, sides, names, word, stages.get(1, b""), in_index=True))
    return found


def _whole_side(project: Project, path: str, side: Side, raw: bytes) -> bytes:
    """The text of a side as its commit has it.

    If both sides renamed a file, Git merges the texts and gives the result to both, with markers or mixed
    (measured with Git 2.39).
    """
    if path.endswith(DEPRECATED_SUFFIX) or not _is_mixed(path, raw):
        return raw
    for revision in REVISIONS[side]:
        text = text_at(project, revision, path)
        if text is not None and not _is_mixed(path, text):
            return text
    between = conflict_sides(raw.decode("utf-8", "replace"))
    return raw if between is None else between[SIDES.index(side)].encode()


def _is_mixed(path: str, raw: bytes) -> bool:
    """Whether a text has markers or a wrong check, or belongs to another path."""
    try:
        _parse(path, raw)
    except (MixedPointerError, MixedAliasError):
        return True
    except GitmodelError:
        pass
    return False


def conflicts_of(
    project: Project, name: str, word: str, in_index: Sequence[Conflict]
) -> list[Conflict]:
    """The conflicts of a model or alias (`word` as in `Conflict`): those in the index, else those in files.

    An alias that one side renamed is found by the path of its file first, then by what a side names.
    """
    stem = name.rpartition("/")[2]
    kind = [conflict for conflict in in_index if bool(conflict.word) == bool(word)]
    by_path = [c for c in kind if c.word == word and c.names & {name, _stem_if_only(c, stem)}]
    by_content = [c for c in kind if word not in ("", DEPRECATED) and _mentions(c, name, word)]
    return by_path or by_content or _conflicts_in_files(project, name, word)


def _stem_if_only(conflict: Conflict, stem: str) -> str:
    """The stem of a name, if deprecations or an alias without a valid side are known by it."""
    return stem if conflict.word else ""


def _mentions(conflict: Conflict, name: str, word: str) -> bool:
    found = [parsed_anywhere(raw, conflict.path) for raw in conflict.sides.values()]
    return any((one.name, one.alias) == (name, word) for one in found if one is not None)


def conflict_errors(project: Project) -> list[MixedPointerError | MixedAliasError]:
    """One error for each file that is in conflict in the index. Starts two Git processes."""
    return [_error_of(conflict) for conflict in conflicts_in_index(project)]


def _error_of(conflict: Conflict) -> MixedPointerError | MixedAliasError:
    error = MixedAliasError if conflict.word else MixedPointerError
    return error(
        f"{conflict.path}: unresolved merge conflict: {describe_conflict(conflict)}",
        hint=conflict.command,
    )


def mixed_in_merge(project: Project, path: str) -> Conflict | None:
    """The two sides of the merge in progress for a file that mixes them; None if one does not have the file."""
    sides = _sides_at(project, path, ("HEAD", *project.index.other_heads()[:1]))
    if len(sides) < len(SIDES):
        return None
    names, word = _names(path, sides.values())
    return Conflict(path, sides, names, word, b"", in_index=False)


def describe_conflict(conflict: Conflict) -> str:
    """What each side has, in words."""
    if conflict.word == DEPRECATED and set(conflict.sides) == set(SIDES):
        try:
            texts = (conflict.base, conflict.sides["ours"], conflict.sides["theirs"])
            merged = merge_deprecations(*(parse(text) for text in texts))
        except GitmodelError:
            return "a side does not parse"
        # Git without the driver also reports neighbours.
        return f"both sides changed {merged.what or 'neighbouring lines'}"
    return "; ".join(f"{side} {_verb(conflict, side)}" for side in SIDES)


def _verb(conflict: Conflict, side: Side) -> str:
    raw = conflict.sides.get(side)
    if raw is None:
        return "has removed it"
    if conflict.word == DEPRECATED:
        return "has changed it"
    if conflict.word:
        return f"is {describe_alias(parsed_anywhere(raw, conflict.path), conflict.path)}"
    return f"is {describe(parsed_or_none(raw, conflict.path))}"


def _conflicts_in_files(project: Project, name: str, word: str) -> list[Conflict]:
    """Files of that name that contain two sides although the index has no conflict."""
    found = []
    stem = name.rpartition("/")[2]
    ending = {"": POINTER_SUFFIX, DEPRECATED: DEPRECATED_SUFFIX}.get(word, f".{word}{ALIAS_SUFFIX}")
    for entry in project.index.entries(stem + ending):
        sides = _sides_of_file(project, entry.path)
        names, _ = _names(entry.path, sides.values())
        if sides and (name in names or (word and stem in names)):
            found.append(Conflict(entry.path, sides, names, word, b"", in_index=False))
    return found


def _names(path: str, texts: Iterable[bytes]) -> tuple[frozenset[str], str]:
    """The models that a file in conflict is of, and the word of its path."""
    if path.endswith(DEPRECATED_SUFFIX):
        return frozenset([path.rpartition("/")[2].removesuffix(DEPRECATED_SUFFIX)]), DEPRECATED
    if path.endswith(ALIAS_SUFFIX):
        sides = [parsed_anywhere(raw, path) for raw in texts]
        name, word = named_by(path, ())
        names = {side.name for side in sides if side is not None and fits(side, path)}
        return frozenset(names or {name}), word or "alias"
    pointers = [parsed_or_none(raw, path) for raw in texts]
    names = {pointer.name for pointer in pointers if pointer is not None}
    return frozenset(names or {path.rpartition("/")[2].removesuffix(POINTER_SUFFIX)}), ""


def _sides_of_file(project: Project, path: str) -> Mapping[Side, bytes]:
    """The sides in a file that has no conflict in the index; empty if the file is valid."""
    raw = read_pointer_file(project.root, path)
    if raw is None:
        return {}
    try:
        _parse(path, raw)
    except GitmodelError as error:
        between = conflict_sides(raw.decode("utf-8", "replace"))
        if between is not None:
            return dict(zip(SIDES, [text.encode() for text in between], strict=True))
        if isinstance(error, MixedPointerError | MixedAliasError):
            return _sides_of_merge(project, path, raw)
    return {}


def _parse(path: str, raw: bytes) -> None:
    if path.endswith(ALIAS_SUFFIX):
        Alias.from_text(raw, path)
    elif path.endswith(POINTER_SUFFIX):
        Pointer.from_text(raw, what=path)
    else:
        parse(raw)


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
    blobs = {s: blob_at(project, commit, path) for s, commit in zip(SIDES, commits, strict=False)}
    texts = project.reader.blobs([blob for blob in blobs.values() if blob is not None])
    return {side: texts[blob] for side, blob in blobs.items() if blob is not None and blob in texts}
