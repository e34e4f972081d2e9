"""The project of another repository, read through a cached partial clone.

Commands that use it only read: neither the repository nor its remotes are written. Trust belongs to a clone;
without a clone it is given for each call (`--trust`) or in the user's Git configuration. One rule is stricter
than in a clone: a local folder named by a repository on the network is not read without trust, because nobody
has reviewed that repository.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, Self

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.errors import RemoteDeniedError, RemoteMissingError, UntrustedRemoteError, UsageError
from gitmodel.git.cached_clone.guard import refuse_foreign
from gitmodel.git.history.cached import CachedHistory
from gitmodel.git.history.walk import History
from gitmodel.git.objects import open_reader
from gitmodel.project.project import PRIMARY, Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.config.repository import LocalSettings
    from gitmodel.git.history.walk import Change
    from gitmodel.git.objects import ObjectReader, TreeEntry
    from gitmodel.git.repository import Repository
    from gitmodel.git.url import GitUrl
    from gitmodel.project.context import Context
    from gitmodel.store.objects import ObjectStore
    from gitmodel.worktree.records import Records


class ForeignProject(Project):
    """Another repository, read through a cached clone.

    `cache` is the root from `cache_root`. `trusted` are addresses that the user trusts for this call.
    With `offline` nothing is fetched from the Git server. `tips` are the commits whose history is read;
    `HEAD` if empty.
    """

    def __init__(
        self,
        repository: Repository,
        context: Context,
        *,
        url: GitUrl,
        cache: str,
        trusted: Sequence[str] = (),
        offline: bool = False,
    ) -> None:
        super().__init__(repository, context)
        self.url = url
        self.tips: Sequence[str] = ()
        self._cache = cache
        self._trusted = frozenset(trusted)
        self._offline = offline

    @cached_property
    def cache_folder(self) -> str:
        """The folder for weights, shared by all repositories; its contents are named by digest."""
        return os.path.join(self._cache, "weights")

    @cached_property
    def settings(self) -> LocalSettings:
        """The user's settings, with the addresses trusted for this call."""
        own = super().settings
        return replace(own, trust=own.trust | self._trusted)

    @cached_property
    def reader(self) -> ObjectReader:
        """Reads Git objects; fetches files that the cached clone lacks."""
        return _CachingReader(open_reader(self.repository, may_fetch=not self._offline))

    @property
    def history(self) -> History:
        """Reads pointers along the history of `tips`."""
        return _HistoryOf(self.repository, self.tips)

    @property
    def cached_history(self) -> CachedHistory:
        """The same without an on-disk index, which would cover unrelated earlier requests."""
        return CachedHistory(self.repository, history=self.history)

    @property
    def may_ask_remotes(self) -> bool:
        """False with `--offline`."""
        return not self._offline

    @property
    def remote_root(self) -> str | None:
        """The repository itself if it is on this machine, as in a clone."""
        return self.url.folder

    def records_of(self, folder: str) -> Records:
        """The recorded digests of a folder that weights were written to."""
        from gitmodel.worktree.records import Records

        name = digest_of(os.fsencode(os.path.realpath(folder))).hex[:32]
        return Records(os.path.join(self._cache, "placed", name))

    def forget(self, repository: Repository) -> None:
        """Use a repository that has changed; closes the object reader."""
        self.repository = repository
        opened = self.__dict__.pop("reader", None)
        if opened is not None:
            opened.close()

    def is_trusted(self, name: str = PRIMARY, *, upload: bool) -> bool:
        """As in a clone, but a repository on the network may not name a local folder."""
        if upload:
            return False
        remote = self.committed_remote(name)
        if remote.scheme == "file" and self.url.folder is None:
            return remote.fingerprint in self.settings.trust
        return super().is_trusted(name, upload=False)

    def store(
        self, name: str = PRIMARY, *, upload: bool = False, chosen_now: bool = False
    ) -> ObjectStore:
        """Open a remote for reading.

        Raises UntrustedRemoteError, or RemoteMissingError if it is relative to a clone, and there is
        none.
        """
        remote = self.committed_remote(name)
        if remote.is_relative and self.url.folder is None:
            raise RemoteMissingError(
                f"{self.url.shown} stores its weights in {remote.url}, which is relative to a "
                "clone, and there is no clone",
                hint=f"git clone {shlex.quote(self.url.shown)}, and in it gitmodel checkout",
            )
        return super().store(name, upload=upload, chosen_now=chosen_now)

    def explain_denied(self, error: RemoteDeniedError) -> NoReturn:
        """Raise the error again; if no credentials were sent, with the hint how to trust the address."""
        for name in self.remote_names():
            if not self.is_trusted(name, upload=False):
                address = self.committed_remote(name).fingerprint
                raise RemoteDeniedError(
                    f"{error.message}; no credentials were sent, because the repository names a "
                    "custom endpoint",
                    hint=_how_to_trust(address),
                    model=error.model,
                ) from error
        raise error

    def _untrusted(self, name: str, consequence: str) -> Exception:
        address = self.committed_remote(name).fingerprint
        return UntrustedRemoteError(
            f"{address}, named by {self.url.shown}, is not trusted, so {consequence}",
            hint=_how_to_trust(address),
        )


class _CachingReader:
    """A reader that caches objects; the object of an id never changes."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._trees: dict[tuple[str, tuple[str, ...]], tuple[TreeEntry, ...]] = {}
        self._blobs: dict[str, bytes] = {}

    def resolve(self, revision: str) -> str | None:
        """See `ObjectReader`."""
        return self._reader.resolve(revision)

    def tree(self, commit: str, *suffixes: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`; a cached listing for shorter suffixes is filtered."""
        for (known, shorter), entries in self._trees.items():
            if known == commit and all(suffix.endswith(shorter) for suffix in suffixes):
                return tuple(entry for entry in entries if entry.path.endswith(suffixes))
        found = self._reader.tree(commit, *suffixes)
        self._trees[commit, suffixes] = found
        return found

    def text_at(self, commit: str, path: str) -> bytes | None:
        """See `ObjectReader`."""
        return self._reader.text_at(commit, path)

    def lacks(self, commit: str, path: str) -> bool:
        """See `ObjectReader`."""
        return self._reader.lacks(commit, path)

    def blobs(self, oids: Iterable[str], *, limit: int = MAX_TEXT_BYTES) -> dict[str, bytes]:
        """See `ObjectReader`; caches blobs up to the usual limit."""
        wanted = list(dict.fromkeys(oids))
        unknown = [oid for oid in wanted if oid not in self._blobs]
        if unknown:
            self._blobs |= self._reader.blobs(unknown, limit=min(limit, MAX_TEXT_BYTES))
        return {
            oid: self._blobs[oid]
            for oid in wanted
            if oid in self._blobs and len(self._blobs[oid]) <= limit
        }

    def close(self) -> None:
        """See `ObjectReader`."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _HistoryOf(History):
    """History of some commits only; `--all` would include unrelated earlier requests."""

    __slots__ = ("_tips",)

    def __init__(self, repository: Repository, tips: Sequence[str]) -> None:
        super().__init__(repository)
        self._tips = tips

    def all_refs_changes(self, file_name: str | None = None) -> list[Change]:
        """As `History.all_refs_changes`, for the tips. One process."""
        changes = self.changes(self._tips, suffixes=(file_name or POINTER_SUFFIX,))
        return [c for c in changes if file_name in (None, c.path.rpartition("/")[2])]


def cache_root(context: Context, chosen: str | None) -> str:
    """The folder for cached clones and weights, created if it does not exist.

    `--cache`, else GITMODEL_GET_CACHE, else `gitmodel` in the user's cache folder. Raises UsageError if
    it cannot be created, RepositoryError if it belongs to another user.
    """
    path = chosen or context.environment.get("GITMODEL_GET_CACHE")
    root = os.path.abspath(os.path.join(context.folder, path)) if path else context.user_cache
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{root} cannot be created: {error.strerror}", hint="name another folder: --cache DIR"
        ) from error
    refuse_foreign(root)
    return root


def _how_to_trust(address: str) -> str:
    quoted = shlex.quote(address)
    return f"--trust {quoted}, or for good: git config --global --add gitmodel.trust {quoted}"
