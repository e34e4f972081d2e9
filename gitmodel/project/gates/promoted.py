"""Whether an alias that a request changes may mean its version at all, whatever the metrics are.

Guarantee: neither the network nor the store is used. What a clone without the whole history cannot decide is
noted, not passed over.
"""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, pointer_beside
from gitmodel.domain.yaml.key_order import comparable
from gitmodel.errors import AliasError, GitmodelError, UnknownReferenceError
from gitmodel.git.history.containing import is_ancestor, refs_containing
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.alias_history import alias_history
from gitmodel.project.history.missing_history import MissingHistory, find_missing_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import with_earlier_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer, Previous
    from gitmodel.project.gates.changed import ChangedAlias
    from gitmodel.project.gates.ci_base import Base
    from gitmodel.project.gates.commit_files import CommitFiles
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_SHOWN_REFS = 3  # in a message


class PromotionChecks:
    """Checks the aliases that one request changes; history is walked once for all, and only if it is needed.

    Args:
        project: The project.
        base: What the request is compared with.
        base_files: The files of the tip of the base.
        head_files: The files of the tip of the request.
        names: The models whose aliases are checked.
    """

    def __init__(
        self,
        project: Project,
        base: Base,
        base_files: CommitFiles,
        head_files: CommitFiles,
        names: Sequence[str],
    ) -> None:
        self._project = project
        self._base = base
        self._base_files = base_files
        self._head_files = head_files
        self._names = frozenset(names)

    def check(self, changed: ChangedAlias) -> tuple[str, ...]:
        """Check that an alias means a version of its model; returns what could not be checked.

        Raises:
            AliasError: Its model is not beside it, or no pointer of its version has its metrics, size or chunks.
            UnknownReferenceError: The history of the request has no such version.
            GitmodelError: The version is deprecated.
        """
        beside = pointer_beside(changed.path) or ""
        model = self._head_files.model_at(beside)
        alias = changed.after
        if model is None or model.name != alias.name:
            raise AliasError(
                f"{changed.path} is an alias of {alias.name}, whose pointer is not beside it",
                hint=f"git rm {shlex.quote(changed.path)}",
                model=alias.name,
            )
        notes = self._refuse_unknown(changed, model)
        before = pointer_beside(changed.path_before) or beside
        for deprecations in (
            self._base_files.deprecations(before),
            self._head_files.deprecations(beside),
        ):
            deprecation = deprecations.versions.get(alias.version)
            if deprecation is not None:
                other = deprecation.instead or "VERSION"
                raise GitmodelError(
                    f"{alias} means version {alias.version}, which is {deprecation.words()}",
                    hint=f"gitmodel promote {alias.name}@{other} {alias.alias}",
                    model=alias.name,
                )
        return notes

    def goes_back(self, changed: ChangedAlias, present: Alias | None) -> bool:
        """Whether an alias returns to what it meant earlier; `present` is what it means on the base.

        Raises GitmodelError if it does not, and was promoted from another value than `present`.
        """
        alias = changed.after
        if present is None or _key(alias.previous) == _key(present):
            return False
        if present.means(alias):
            if _key(alias.previous) != _key(present.previous):
                raise self._moved(changed, present)
            return False
        history = alias_history(
            self._project, changed.path_before, alias.alias, self._base.commit
        ).stack(alias.name)
        if len(history.moved(alias).entries) <= len(history.entries):
            return True
        raise self._moved(changed, present)

    @cached_property
    def _missing(self) -> MissingHistory | None:
        found = find_missing_history(self._project)
        if found is None and self._project.repository.is_partial_clone():
            return MissingHistory("this clone may lack pointers", "git fetch --refetch --no-filter")
        return found

    @cached_property
    def _pointers(self) -> dict[str, list[Pointer]]:
        """The pointers of these models in the history of the request. One process, and one for their content."""
        suffixes = {name.rpartition("/")[2] + POINTER_SUFFIX for name in self._names}
        head = self._head_files.commit
        changes = self._project.history.changes((head,), suffixes=tuple(sorted(suffixes)))
        paths = {change.oid: change.path for change in changes if change.oid is not None}
        found: dict[str, list[Pointer]] = {}
        for oid, raw in self._project.reader.blobs(paths).items():
            pointer = parsed_or_none(raw, paths[oid])
            if pointer is not None and pointer.name in self._names:
                found.setdefault(pointer.name, []).append(pointer)
        return found

    def _refuse_unknown(self, changed: ChangedAlias, model: Model) -> tuple[str, ...]:
        """Refuse a version that the request does not have; returns what could not be checked."""
        alias = changed.after
        if _has(alias, [model.pointer]) and _wrong_key(alias, [model.pointer]) is None:
            return ()
        same = [one for one in self._pointers.get(alias.name, ()) if one.digest == alias.digest]
        if not _has(alias, same) and self._missing is None:
            same = self._under_earlier_names(alias, model)
        if _has(alias, same):
            key = _wrong_key(alias, same)
            if key is None:
                return ()
            raise self._wrong(changed, key)
        if self._missing is not None:
            told = (
                f"{self._missing.reason}, so nothing says whether version {alias.version} is in it"
            )
            return (f"{told} ({self._missing.command})",)
        raise self._unknown(alias)

    def _under_earlier_names(self, alias: Alias, model: Model) -> list[Pointer]:
        """The pointers of an alias's weights in the request, also under earlier names of the model."""
        history = history_of(self._project, alias.name)
        found = with_earlier_names(self._project, history, model.pointer).seen
        return [
            entry.model.pointer
            for entry in found
            if entry.model.pointer.digest == alias.digest
            and is_ancestor(self._project.repository, entry.change.commit, self._head_files.commit)
        ]

    def _wrong(self, changed: ChangedAlias, key: str) -> GitmodelError:
        alias = changed.after
        if self._missing is not None:  # an older pointer may have them
            hint = self._missing.command
        else:
            hint = (
                f"git rm {shlex.quote(changed.path)}, and git commit, "
                f"then gitmodel promote {alias.name}@{alias.version} {alias.alias}"
            )
        return AliasError(
            f"{alias} has other {key} than any pointer of version {alias.version}",
            hint=hint,
            model=alias.name,
        )

    def _unknown(self, alias: Alias) -> GitmodelError:
        means = f"{alias} means version {alias.version} ({alias.digest.short})"
        seen = history_of(self._project, alias.name).seen
        entries = [entry for entry in seen if _has(alias, [entry.model.pointer])]
        refs: list[str] = []
        if entries:
            refs = refs_containing(self._project.repository, entries[-1].change.commit)
        if refs:
            return UnknownReferenceError(
                f"{means}, which is only on {', '.join(refs[:_SHOWN_REFS])}",
                hint=f"git merge {shlex.quote(refs[0])}",
                model=alias.name,
            )
        return UnknownReferenceError(
            f"{means}, and no commit of this request has such a version",
            hint=f"gitmodel promote {alias.name}@VERSION {alias.alias}",
            model=alias.name,
        )

    def _moved(self, changed: ChangedAlias, present: Alias) -> GitmodelError:
        """The error for an alias whose `previous` is not what the base has."""
        alias, name = changed.after, self._base.reference
        before = "nothing" if alias.previous is None else f"version {alias.previous.version}"
        message = (
            f"{alias} was promoted from {before}, but means version {present.version} on {name}"
        )
        if changed.before is not None and not changed.before.means(present):
            return GitmodelError(
                f"{message}: {name} has moved",
                hint=f"git merge {shlex.quote(name)}",
                model=alias.name,
            )
        hint = (
            f"git checkout {self._base.commit[:10]} -- {shlex.quote(changed.path)}, and git commit"
        )
        if present.means(alias):
            return GitmodelError(message, hint=hint, model=alias.name)
        hint += f", then gitmodel promote {alias.name}@{alias.version} {alias.alias}"
        if self._missing is not None:
            hint = f"if this is a roll-back: {self._missing.command}; or, if it is not: {hint}"
        return GitmodelError(message, hint=hint, model=alias.name)


def _key(version: Alias | Previous | None) -> tuple[int, Digest] | None:
    return None if version is None else (version.version, version.digest)


def _has(alias: Alias, pointers: Sequence[Pointer]) -> bool:
    """Whether one of these pointers is the version that an alias means."""
    key = (alias.name, alias.version, alias.digest)
    return any((one.name, one.version, one.digest) == key for one in pointers)


def _wrong_key(alias: Alias, pointers: Sequence[Pointer]) -> str | None:
    """What an alias says about its weights and none of their pointers does; None if all is right."""
    for key in ("size", "chunks", "metrics"):
        value = getattr(alias, key)
        if not value and key != "size":
            continue  # unknown, after a roll-back in a clone without history
        if not any(comparable(getattr(one, key)) == comparable(value) for one in pointers):
            return key
    return None
