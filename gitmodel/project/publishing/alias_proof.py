"""Proves that aliases mean versions whose weights are on the primary remote.

An alias can be written by hand, or by a program that does not run the hooks. So pre-push and `verify --refs` look
at the alias files of commits: the file must parse and belong to the model beside it; number and digest must be one
version, with the size, the chunk list and the metrics that some pointer of it has; and the primary must have the
weights, and the claim of that number for them.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, early_file_error
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.pointer import (
    DEPRECATED_SUFFIX,
    EARLY_SUFFIX,
    POINTER_SUFFIX,
    alias_path_for,
    pointer_beside,
    read_head,
)
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import (
    AliasError,
    GitmodelError,
    ObjectMissingError,
    RemoteError,
    VersionTakenError,
)
from gitmodel.git.cat_file import present_objects
from gitmodel.project.committed_models import CommittedFile, find_in_tree
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.model_history import histories_of
from gitmodel.project.history.renames import EarlierNames
from gitmodel.project.project import PRIMARY
from gitmodel.project.publishing.on_primary import owner_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.project import Project


class AliasProof:
    """Proves alias files of commits.

    `problems` has an error for each file that is not proven. `parsed_only` has the files of deprecations
    that parse: there is nothing else to prove.
    """

    def __init__(self, project: Project) -> None:
        self.problems: list[tuple[CommittedFile, GitmodelError]] = []
        self.parsed_only: list[CommittedFile] = []
        self._project = project
        self._parsed: list[tuple[CommittedFile, Alias]] = []
        self._histories: dict[str, ModelHistory] = {}
        self._earlier_names = EarlierNames(project)
        self._names_at: dict[str, dict[str, str | None]] = {}

    def read(self, files: Sequence[CommittedFile]) -> None:
        """Parse files, and compare aliases with the pointers in Git's history.

        The network is used only for the message about weights that no commit names.
        """
        found = self._sound(files)
        self.look_up({alias.name for _, alias in found})
        for file, alias in found:
            try:
                self._refuse_without_model(file, alias)
                self.check(alias, file.path)
                self._parsed.append((file, alias))
            except GitmodelError as error:
                self.problems.append((file, error))

    def parse(self, files: Sequence[CommittedFile]) -> None:
        """Only parse files that a commit below a tip introduced; one of an early build was removed in time."""
        before = len(self.problems)
        self._sound([file for file in files if not file.path.endswith(EARLY_SUFFIX)])
        for file, error in self.problems[before:]:
            error.hint = (
                f"remove it from history before you push: git rebase -i {file.commit[:10]}^"
            )

    def look_up(self, names: Collection[str]) -> None:
        """Read the pointers of models in history, in one walk for all."""
        self._histories |= {
            name: self._earlier_names.joined(history)
            for name, history in histories_of(self._project, names).items()
        }

    def _sound(self, files: Sequence[CommittedFile]) -> list[tuple[CommittedFile, Alias]]:
        """The aliases that parse, with their files."""
        raws = self._project.reader.blobs([file.blob for file in files])
        found = []
        for file in files:
            try:
                alias = self._parse(file, raws.get(file.blob))
            except GitmodelError as error:
                self.problems.append((file, error))
                continue
            if alias is None:
                self.parsed_only.append(file)
            else:
                found.append((file, alias))
        return found

    @property
    def has_required(self) -> bool:
        """Whether `read` found a sound file that the push introduces."""
        return any(file.required for file, _ in self._parsed)

    @property
    def aliases(self) -> list[Alias]:
        """The aliases that `read` found to be sound."""
        return [alias for _, alias in self._parsed]

    def prove(self, published: Collection[str] = ()) -> list[tuple[CommittedFile, Alias]]:
        """Look for the weights and claims of the aliases on the primary; returns those that are proven.

        `published` are digests, as hex, whose weights this push has just seen on the primary. Raises
        RemoteError if the primary cannot be asked.
        """
        from gitmodel.store.parallel import for_each

        lacking: dict[str, GitmodelError | None] = dict.fromkeys(published)
        wanted = {alias.digest.hex: alias.digest for _, alias in self._parsed}

        def look(digest_hex: str) -> None:
            lacking[digest_hex] = self._lack(wanted[digest_hex])

        for_each(look, [hex_ for hex_ in wanted if hex_ not in lacking])
        proven = []
        for file, alias in self._parsed:
            try:
                self._refuse_missing(alias, lacking[alias.digest.hex], file.path)
                self.refuse_other_owner(alias)
                proven.append((file, alias))
            except GitmodelError as error:
                if not _is_about_the_object(error):
                    raise
                self.problems.append((file, error))
        ledger = self._project.ledger(PRIMARY)
        whole = {a.digest for _, a in proven}  # of a known hole, the manifest is no news
        ledger.note_whole(digest for digest in whole if not ledger.has_hole(digest))
        return proven

    def _lack(self, digest: Digest) -> GitmodelError | None:
        """Why the primary does not have weights; None if it has them. One request.

        Raises RemoteError if the primary cannot be asked.
        """
        try:
            there = self._project.store().manifest(digest) is not None
        except GitmodelError as error:
            if not _is_about_the_object(error):
                raise
            return error
        return None if there else ObjectMissingError("")

    def _parse(self, file: CommittedFile, raw: bytes | None) -> Alias | None:
        """The alias; None for a file of deprecations, which is only parsed."""
        where = f"{quote_text(file.path, limit=200)[1:-1]} in commit {file.commit[:10]}"
        if raw is None and self._is_partial() and not self._is_here(file.blob):
            raise ObjectMissingError(
                f"{where} is not in this clone", hint="git fetch --refetch --no-filter"
            )
        if raw is None:
            raise AliasError(
                f"{where} is larger than an alias can be",
                hint=f"git rm {shlex.quote(file.path)}",
            )
        if file.path.endswith(EARLY_SUFFIX):
            raise early_file_error(file.path)
        if file.path.endswith(DEPRECATED_SUFFIX):
            Deprecations.from_text(raw, what=where)
            return None
        return Alias.from_text(raw, file.path, what=where)

    def _refuse_without_model(self, file: CommittedFile, alias: Alias) -> None:
        """Refuse an alias whose model has no pointer beside it in that commit."""
        if self._names(file.commit).get(pointer_beside(file.path) or "") == alias.name:
            return
        model = find_in_tree(self._project, file.commit, alias.name)
        if model is not None and model.path == pointer_beside(file.path):
            return
        if model is None:
            raise AliasError(
                f"{file.path} is an alias of {alias.name}, and there is no such model",
                hint=f"git rm {shlex.quote(file.path)}",
                model=alias.name,
            )
        right = alias_path_for(model.path, alias.alias)
        raise AliasError(
            f"{file.path} is not beside {model.path}, whose alias it is",
            hint=f"git mv {shlex.quote(file.path)} {shlex.quote(right)}",
            model=alias.name,
        )

    def _names(self, commit: str) -> dict[str, str | None]:
        """The model of each pointer of a commit, by path; None if the pointer is not canonical. One process."""
        if commit not in self._names_at:
            entries = self._project.reader.tree(commit, POINTER_SUFFIX)
            raws = self._project.reader.blobs([entry.oid for entry in entries])
            heads = {entry.path: read_head(raws.get(entry.oid, b"")) for entry in entries}
            self._names_at[commit] = {
                path: None if head is None else head.name for path, head in heads.items()
            }
        return self._names_at[commit]

    def check(self, alias: Alias, path: str) -> None:
        """Refuse a number, size, chunk list or metrics that no pointer of these weights has or had.

        A clone that lacks history does not judge what the missing pointers may say. Raises AliasError if
        there is no such pointer, ObjectMissingError if neither a commit nor the primary has these weights.
        """
        pointers = self._pointers(alias)
        may_lack = find_missing_history(self._project) is not None or self._is_partial()
        if not pointers and may_lack:
            return
        if not pointers:
            self._refuse_unknown(alias, path)
        numbers = sorted({pointer.version for pointer in pointers})
        if alias.version not in numbers and not may_lack:
            number = self._histories[alias.name].naming.number_of(alias.digest.hex) or numbers[-1]
            raise AliasError(
                f"{alias} means version {alias.version} ({alias.digest.short}), "
                f"but these weights are version {number}",
                hint=_other(alias, number),
                model=alias.name,
            )
        for key in ("size", "chunks", "metrics"):
            value = getattr(alias, key)
            if key != "size" and not value:
                continue  # unknown: a clone without history rolled back to a version that it has no pointer of
            if key != "size" and may_lack:
                continue  # the size is one of the weights, the others may differ between pointers
            if not any(_same(value, getattr(pointer, key)) for pointer in pointers):
                raise AliasError(
                    f"{alias} has other {key} than any pointer of version {alias.version}",
                    hint=_other(alias, alias.version),
                    model=alias.name,
                )

    def _refuse_unknown(self, alias: Alias, path: str) -> None:
        """Refuse an alias of weights that no commit names; the primary decides what is said about them."""
        with suppress(RemoteError):
            self._refuse_missing(alias, self._lack(alias.digest), path)
        raise AliasError(
            f"{alias} means version {alias.version} ({alias.digest.short}), "
            "and no commit has such a version",
            hint=_other_or_none(alias, path),
            model=alias.name,
        )

    def _pointers(self, alias: Alias) -> list[Pointer]:
        """The pointers with the digest of an alias, under this or an earlier name of the model."""
        if alias.name not in self._histories:
            self.look_up({alias.name})
        seen = self._histories[alias.name].entries_of(alias.digest)
        return [entry.model.pointer for entry in seen]

    def _is_partial(self) -> bool:
        return self._project.repository.is_partial_clone()

    def _is_here(self, blob: str) -> bool:
        return bool(present_objects(self._project.repository, [blob]))

    def _refuse_missing(self, alias: Alias, lack: GitmodelError | None, path: str) -> None:
        if lack is None:
            return
        url = self._project.address().url
        what = (
            f"whose manifest on {url} is damaged"
            if lack.message
            else f"whose weights are not on {url}"
        )
        raise ObjectMissingError(
            f"{alias} means version {alias.version} ({alias.digest.short}), {what}",
            hint=_other_or_none(alias, path),
            model=alias.name,
        )

    def refuse_other_owner(self, alias: Alias) -> None:
        """Refuse a number that the primary has for other content, or for none.

        Raises VersionTakenError if other content has the number, ObjectMissingError if nobody has claimed
        it, RemoteError if the primary cannot be asked.
        """
        owner = owner_of(self._project, alias.name, alias.version, alias.digest)
        if owner == alias.digest.hex:
            return
        url = self._project.address().url
        means = f"{alias} means version {alias.version} ({alias.digest.short}), "
        known = self._histories.get(alias.name)
        number = None if known is None else known.naming.number_of(alias.digest.hex)
        if number is not None and number != alias.version:
            raise VersionTakenError(
                f"{means}but these weights have become version {number}",
                hint=_other(alias, number),
                model=alias.name,
            )
        if owner is None:
            raise ObjectMissingError(
                f"{means}which nobody has claimed on {url}",
                hint="gitmodel push, in a clone that has the weights",
                model=alias.name,
            )
        raise VersionTakenError(
            f"{means}but version {alias.version} is other content on {url}",
            hint=_other(alias),
            model=alias.name,
        )


def _other(alias: Alias, version: int | None = None) -> str:
    return f"gitmodel promote {alias.name}@{version or 'VERSION'} {alias.alias}"


def _other_or_none(alias: Alias, path: str) -> str:
    return f"{_other(alias)}, or git rm {shlex.quote(path)}"


def _is_about_the_object(error: GitmodelError) -> bool:
    """Whether an error says what is wrong with a version, not that the remote cannot be asked."""
    from gitmodel.errors import DamagedObjectError, NewerFormatError

    return isinstance(
        error, ObjectMissingError | VersionTakenError | DamagedObjectError | NewerFormatError
    )


def _same(one: object, other: object) -> bool:
    from gitmodel.domain.yaml.key_order import comparable

    return comparable(one) == comparable(other)
