"""Proves that aliases mean versions whose weights are on the primary remote.

An alias can be written by hand, or by a program that does not run the hooks. So pre-push and `verify --refs` look
at the alias files of commits: the file must parse and belong to the model beside it; number and digest must be one
version, with the size, the chunk list and the metrics that some pointer of it has; and the primary must have the
weights, and the claim of that number for them.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import (
    Alias,
    alias_path_for,
    early_file_error,
    pointer_beside,
)
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.pointer import DEPRECATED_SUFFIX, EARLY_SUFFIX
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import AliasError, GitmodelError, ObjectMissingError, VersionTakenError
from gitmodel.project.committed_models import CommittedFile, find_in_tree
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import with_earlier_names
from gitmodel.project.project import PRIMARY
from gitmodel.project.publishing.on_primary import owner_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.project import Project


class AliasProof:
    """Proves alias files of commits.

    Args:
        project: The project.

    Attributes:
        problems: An error for each file that is not proven, with the file.
    """

    def __init__(self, project: Project) -> None:
        self.problems: list[tuple[CommittedFile, GitmodelError]] = []
        self._project = project
        self._parsed: list[tuple[CommittedFile, Alias]] = []
        self._histories: dict[str, ModelHistory] = {}

    def read(self, files: Sequence[CommittedFile]) -> None:
        """Parse files, and compare aliases with the pointers in Git's history. No network."""
        raws = self._project.reader.blobs([file.blob for file in files])
        for file in files:
            try:
                alias = self._parse(file, raws.get(file.blob))
                if alias is not None:
                    self._refuse_without_model(file, alias)
                    self.check(alias)
                    self._parsed.append((file, alias))
            except GitmodelError as error:
                self.problems.append((file, error))

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

        Args:
            published: Digests, as hex, whose weights this push has just seen on the primary.

        Raises:
            RemoteError: The primary cannot be asked.
        """
        from gitmodel.store.parallel import for_each

        lacking: dict[str, GitmodelError | None] = dict.fromkeys(published)

        def look(digest_hex: str) -> None:
            alias = next(a for _, a in self._parsed if a.digest.hex == digest_hex)
            try:
                there = self._project.store().manifest(alias.digest) is not None
                lacking[digest_hex] = None if there else ObjectMissingError("")
            except (ObjectMissingError, GitmodelError) as error:
                if not _is_about_the_object(error):
                    raise
                lacking[digest_hex] = error

        wanted = dict.fromkeys(alias.digest.hex for _, alias in self._parsed)
        for_each(look, [hex_ for hex_ in wanted if hex_ not in lacking])
        proven = []
        for file, alias in self._parsed:
            try:
                self._refuse_missing(alias, lacking[alias.digest.hex], file)
                self._refuse_other_owner(alias)
                proven.append((file, alias))
            except GitmodelError as error:
                if not _is_about_the_object(error):
                    raise
                self.problems.append((file, error))
        self._project.ledger(PRIMARY).note_whole({alias.digest for _, alias in proven})
        return proven

    def _parse(self, file: CommittedFile, raw: bytes | None) -> Alias | None:
        """The alias; None for a file of deprecations, which is only parsed."""
        where = f"{quote_text(file.path, limit=200)[1:-1]} in commit {file.commit[:10]}"
        if raw is None:
            raise AliasError(
                f"{where} cannot be read: it is larger than an alias can be, or not in this clone",
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

    def check(self, alias: Alias) -> None:
        """Refuse a number, size, chunk list or metrics that no pointer of these weights has or had.

        Raises AliasError. In a clone without those pointers nothing is refused.
        """
        pointers = self._pointers(alias)
        if not pointers:
            if find_missing_history(self._project) is None and not self._is_partial():
                raise AliasError(
                    f"{alias} means version {alias.version} ({alias.digest.short}), "
                    "and no commit has such a version",
                    hint=_other(alias),
                    model=alias.name,
                )
            return
        numbers = sorted({pointer.version for pointer in pointers})
        if alias.version not in numbers:
            raise AliasError(
                f"{alias} means version {alias.version} ({alias.digest.short}), "
                f"but these weights are version {numbers[-1]}",
                hint=_other(alias, numbers[-1]),
                model=alias.name,
            )
        for key in ("size", "chunks", "metrics"):
            value = getattr(alias, key)
            if key == "chunks" and value is None:
                continue  # unknown
            if not any(_same(value, getattr(pointer, key)) for pointer in pointers):
                raise AliasError(
                    f"{alias} has other {key} than any pointer of version {alias.version}",
                    hint=_other(alias, alias.version),
                    model=alias.name,
                )

    def _pointers(self, alias: Alias) -> list[Pointer]:
        """The pointers with the digest of an alias, under this or an earlier name of the model."""
        if alias.name not in self._histories:
            history = history_of(self._project, alias.name)
            self._histories[alias.name] = with_earlier_names(self._project, history)
        seen = self._histories[alias.name].seen
        return [i.model.pointer for i in seen if i.model.pointer.digest == alias.digest]

    def _is_partial(self) -> bool:
        return self._project.repository.is_partial_clone()

    def _refuse_missing(
        self, alias: Alias, lack: GitmodelError | None, file: CommittedFile
    ) -> None:
        if lack is None:
            return
        url = self._project.address().url
        what = f"is damaged on {url}" if lack.message else f"whose weights are not on {url}"
        raise ObjectMissingError(
            f"{alias} means version {alias.version} ({alias.digest.short}), {what}",
            hint=f"{_other(alias)}, or git rm {shlex.quote(file.path)}",
            model=alias.name,
        )

    def _refuse_other_owner(self, alias: Alias) -> None:
        owner = owner_of(self._project, alias.name, alias.version, alias.digest)
        if owner == alias.digest.hex:
            return
        url = self._project.address().url
        means = f"{alias} means version {alias.version} ({alias.digest.short}), "
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


def _is_about_the_object(error: GitmodelError) -> bool:
    """Whether an error says what is wrong with a version, not that the remote cannot be asked."""
    from gitmodel.errors import DamagedObjectError, NewerFormatError

    return isinstance(
        error, ObjectMissingError | VersionTakenError | DamagedObjectError | NewerFormatError
    )


def _same(one: object, other: object) -> bool:
    from gitmodel.domain.yaml.key_order import comparable

    return comparable(one) == comparable(other)
