"""Which versions and aliases a request changes: pointers and alias files that differ between its base and its tip.

What the tip of the base has as well is no change of the request. A pointer is followed by the name of its model,
and by its weights if the model was renamed.

Guarantee: one comparison of trees for each last common commit, and one more if the base has moved since. Only
files that differ are read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.aliases import Alias, early_file_error
from gitmodel.domain.pointer import ALIAS_SUFFIX, EARLY_SUFFIX, POINTER_SUFFIX, Pointer
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.key_order import comparable
from gitmodel.errors import AliasError, GitmodelError, ObjectMissingError, PointerError
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.models import Model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gitmodel.project.gates.ci_base import Base
    from gitmodel.project.project import Project

_SUFFIXES = (POINTER_SUFFIX, ALIAS_SUFFIX, EARLY_SUFFIX)
_JUDGED = ("version", "digest", "size", "chunks", "metrics", "previous")  # keys of an alias
_AT_ONCE = 500  # blobs in memory, of at most 64 KiB


@dataclass(frozen=True, slots=True)
class ChangedPointer:
    """A pointer that a request adds or changes; `before` may have another path or name."""

    before: Model | None
    after: Model

    @property
    def is_candidate(self) -> bool:
        """Whether it names other weights than before, or other metrics of them."""
        if self.before is None:
            return True
        old, new = self.before.pointer, self.after.pointer
        return old.digest != new.digest or comparable(old.metrics) != comparable(new.metrics)


@dataclass(frozen=True, slots=True)
class ChangedAlias:
    """An alias file that a request adds or changes; `path_before` differs if it was moved."""

    path: str
    path_before: str
    before: Alias | None
    after: Alias

    @property
    def is_candidate(self) -> bool:
        """Whether it means another version than before, or says something else about it or the one before."""
        old, new = self.before, self.after
        return old is None or any(
            comparable(getattr(old, key)) != comparable(getattr(new, key)) for key in _JUDGED
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """What a request changes.

    Attributes:
        pointers: The pointers that it adds or changes.
        aliases: The alias files that it adds or changes.
        removed: Names of models, and aliases such as `fraud@staging`, that it removes.
        broken: An error for each file at its tip that cannot be read.
    """

    pointers: tuple[ChangedPointer, ...]
    aliases: tuple[ChangedAlias, ...]
    removed: tuple[str, ...]
    broken: tuple[GitmodelError, ...]


class _Difference(NamedTuple):
    """The blobs of a file in two commits; None if it does not exist or is no plain file."""

    before: str | None
    after: str | None
    is_other: bool  # whether there is something else than a plain file afterwards

    @property
    def is_removed(self) -> bool:
        return self.after is None and not self.is_other


def changes_of(project: Project, base: Base, head: str) -> Changes:
    """What the request with this tip changes. Raises RepositoryError if Git cannot compare the trees."""
    found: dict[str, _Difference] = {}
    for start in base.merge_bases:
        for path, difference in _compared(project, start, head).items():
            found.setdefault(path, difference)
    if base.commit not in base.merge_bases:
        now = _compared(project, base.commit, head)
        found = {path: difference for path, difference in found.items() if path in now}
    broken: list[GitmodelError] = [
        _not_a_file(path, head) for path, d in found.items() if d.is_other
    ]
    pointers, gone = _pointers(project, found, head, broken)
    aliases, gone_aliases = _aliases(project, found, head, pointers, broken)
    return Changes(pointers, aliases, (*gone, *gone_aliases), tuple(broken))


def _compared(project: Project, start: str, head: str) -> dict[str, _Difference]:
    """The files of gitmodel that differ between two commits, by path. One process."""
    output = project.repository.run(
        *("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"),
        *("--ignore-submodules=none", f"{start}^{{commit}}", f"{head}^{{commit}}", "--"),
        *(f":(glob)**/*{suffix}" for suffix in _SUFFIXES),
    )
    words = output.split(b"\0")[:-1]
    found = {}
    # Descriptions such as ":100644 100644 <old> <new> M" and paths alternate.
    for description, path in zip(words[::2], words[1::2], strict=True):
        old_mode, mode, old, new, _ = description.decode("ascii").removeprefix(":").split(" ")
        found[os.fsdecode(path)] = _Difference(
            old if old_mode.startswith("100") else None,
            new if mode.startswith("100") else None,
            is_other=not mode.startswith(("100", "000")),
        )
    return found


def _pointers(
    project: Project, found: Mapping[str, _Difference], head: str, broken: list[GitmodelError]
) -> tuple[tuple[ChangedPointer, ...], list[str]]:
    """The changed pointers, and the names of removed models."""
    files = {path: d for path, d in found.items() if path.endswith(POINTER_SUFFIX)}
    old: dict[str, Model] = {}
    for path, raw in _texts(project, {path: d.before for path, d in files.items()}):
        pointer = parsed_or_none(raw or b"", path)
        if pointer is not None and raw is not None:
            old[pointer.name] = Model(path, pointer, raw)
    new: list[Model] = []
    for path, raw in _texts(project, {path: d.after for path, d in files.items()}):
        where = f"{path} in commit {head[:10]}"
        try:
            present = _present(raw, where)
            new.append(Model(path, Pointer.from_text(present, what=where), present))
        except GitmodelError as error:
            broken.append(error)
    names = {model.name for model in new}
    gone = {name: model for name, model in old.items() if name not in names}
    changed = [
        ChangedPointer(old.get(model.name) or _renamed_from(model, gone), model) for model in new
    ]
    renamed = {one.before.name for one in changed if one.before is not None}
    return tuple(changed), sorted(
        name for name, model in gone.items() if name not in renamed and files[model.path].is_removed
    )


def _renamed_from(model: Model, gone: Mapping[str, Model]) -> Model | None:
    """The removed model that has this one's weights, or those of its version before."""
    pointer = model.pointer
    before = None if pointer.previous is None else pointer.previous.digest
    for digest in (pointer.digest, before):
        for other in gone.values():
            if digest is not None and other.pointer.digest == digest:
                return other
    return None


def _aliases(
    project: Project,
    found: Mapping[str, _Difference],
    head: str,
    pointers: Sequence[ChangedPointer],
    broken: list[GitmodelError],
) -> tuple[tuple[ChangedAlias, ...], list[str]]:
    """The changed aliases, and the removed ones."""
    files = {path: d for path, d in found.items() if path.endswith(ALIAS_SUFFIX)}
    broken += [
        early_file_error(p) for p, d in found.items() if p.endswith(EARLY_SUFFIX) and d.after
    ]
    old: dict[tuple[str, str], tuple[str, Alias]] = {}
    for path, raw in _texts(project, {path: d.before for path, d in files.items()}):
        try:
            alias = Alias.from_text(raw or b"", path)
        except GitmodelError:
            continue
        old[alias.name, alias.alias] = (path, alias)
    earlier = {one.after.name: one.before.name for one in pointers if one.before is not None}
    changed = []
    for path, raw in _texts(project, {path: d.after for path, d in files.items()}):
        where = f"{path} in commit {head[:10]}"
        try:
            alias = Alias.from_text(_present(raw, where), path, what=where)
        except GitmodelError as error:
            broken.append(error)
            continue
        key = (alias.name, alias.alias)
        if key not in old:
            key = (earlier.get(alias.name, alias.name), alias.alias)
        path_before, before = old.pop(key, (path, None))
        changed.append(ChangedAlias(path, path_before, before, alias))
    gone = [str(alias) for path, alias in old.values() if files[path].is_removed]
    return tuple(changed), sorted(gone)


def _texts(project: Project, blobs: Mapping[str, str | None]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the paths of files that exist with their content; None if it is missing here, or too large."""
    there = [(path, oid) for path, oid in blobs.items() if oid is not None]
    for start in range(0, len(there), _AT_ONCE):
        some = there[start : start + _AT_ONCE]
        read = project.reader.blobs(oid for _, oid in some)
        for path, oid in some:
            yield path, read.get(oid)


def _present(raw: bytes | None, where: str) -> bytes:
    if raw is None:
        raise ObjectMissingError(
            f"{where} is not in this clone, or larger than it can be",
            hint="git fetch --refetch --no-filter",
        )
    return raw


def _not_a_file(path: str, head: str) -> GitmodelError:
    kind = AliasError if path.endswith(ALIAS_SUFFIX) else PointerError
    return kind(f"{quote_text(path, limit=200)[1:-1]} in commit {head[:10]} is no plain file")
