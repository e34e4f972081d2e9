"""A project that is somebody else's: its repository is an excerpt, its weights lie in a cache of ours.

Commands that use it read and never write: neither the repository nor its remotes. Trust is a
clone's in DESIGN; here there is no clone, so it is asked for once a call (`--trust`), or for good in
the person's own Git configuration. It is stricter in one point: a folder that the configuration
of a repository on the network names is not read before the person said yes. In a clone somebody
has looked at the repository; here a URL in a script is enough.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn, Self

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.errors import RemoteDeniedError, RemoteMissingError, UntrustedRemoteError, UsageError
from gitmodel.git.cached_clone.guard import refuse_foreign
from gitmodel.git.history.cached import CachedHistory
from gitmodel.git.history.walk import History
from gitmodel.git.objects import BLOB_LIMIT, open_reader
from gitmodel.project.project import PRIMARY, Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.domain.config.repository import LocalSettings
    from gitmodel.git.history.walk import Change
    from gitmodel.git.objects import ObjectReader, TreeEntry
    from gitmodel.git.repository import Repository
    from gitmodel.git.url import GitUrl
    from gitmodel.project.context import Context
    from gitmodel.store.objects import ObjectStore
    from gitmodel.worktree.records import Records


class BorrowedProject(Project):
    """Somebody's repository, read through an excerpt.

    Args:
        repository: The excerpt.
        context: What the front door knows.
        url: Where the repository is.
        cache: The root of the cache, from `cache_root`.
        trusted: Addresses to which the person said yes just now.
        offline: The Git server is not asked for files that are not here.

    Attributes:
        tips: Where the history begins that counts; `HEAD` if empty.
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
        """Shared by all repositories that are read so; what it holds is named by its content."""
        return os.path.join(self._cache, "weights")

    @cached_property
    def settings(self) -> LocalSettings:
        """The person's own, with what they said yes to just now."""
        own = super().settings
        return replace(own, trust=own.trust | self._trusted)

    @cached_property
    def reader(self) -> ObjectReader:
        """Git objects; files that the excerpt lacks are fetched."""
        return _Remembering(open_reader(self.repository, may_fetch=not self._offline))

    @property
    def history(self) -> History:
        """Pointers along the history of `tips`."""
        return _HistoryOf(self.repository, self.tips)

    @property
    def cached_history(self) -> CachedHistory:
        """The same without an index: it would be of all that this excerpt was ever asked for."""
        return CachedHistory(self.repository, history=self.history)

    @property
    def may_ask_remotes(self) -> bool:
        """Not offline."""
        return not self._offline

    @property
    def remote_root(self) -> str | None:
        """The repository itself if it is on this machine, as in a clone that lies there."""
        return self.url.folder

    def records_of(self, folder: str) -> Records:
        """What is remembered of a folder into which weights were placed before."""
        from gitmodel.worktree.records import Records

        name = digest_of(os.fsencode(os.path.realpath(folder))).hex[:32]
        return Records(os.path.join(self._cache, "placed", name))

    def forget(self, repository: Repository) -> None:
        """Read Git anew: the excerpt has changed."""
        self.repository = repository
        opened = self.__dict__.pop("reader", None)
        if opened is not None:
            opened.close()

    def is_trusted(self, name: str = PRIMARY, *, upload: bool) -> bool:
        """As in a clone, but no folder of this machine for a repository that is not on it."""
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

        Raises:
            UntrustedRemoteError: The person has not said yes to this address.
            RemoteMissingError: It is a folder beside a clone, and there is no clone.
        """
        remote = self.committed_remote(name)
        if remote.is_relative and self.url.folder is None:
            raise RemoteMissingError(
                f"{self.url.shown} keeps its weights in {remote.url}, counted from a clone, and "
                "there is none",
                hint=f"git clone {shlex.quote(self.url.shown)}, and in it gitmodel checkout",
            )
        return super().store(name, upload=upload, chosen_now=chosen_now)

    def explain_denied(self, error: RemoteDeniedError) -> NoReturn:
        """Raise an error of a remote again; where no credentials were sent, say how to trust it.

        Raises:
            RemoteDeniedError: Always.
        """
        for name in self.remote_names():
            if not self.is_trusted(name, upload=False):
                address = self.committed_remote(name).fingerprint
                raise RemoteDeniedError(
                    f"{error.message}; no credentials were sent: the repository names another "
                    "endpoint than the provider's own",
                    hint=_how_to_trust(address),
                    model=error.model,
                ) from error
        raise error

    def _untrusted(self, name: str, verb: str) -> Exception:
        address = self.committed_remote(name).fingerprint
        return UntrustedRemoteError(
            f"nothing is {verb} {address}, which {self.url.shown} names, before you have said yes",
            hint=_how_to_trust(address),
        )


class _Remembering:
    """A reader that asks Git for nothing twice: what an object id names does not change."""

    def __init__(self, reader: ObjectReader) -> None:
        self._reader = reader
        self._trees: dict[tuple[str, str], tuple[TreeEntry, ...]] = {}
        self._blobs: dict[str, bytes] = {}

    def resolve(self, revision: str) -> str | None:
        """See `ObjectReader`."""
        return self._reader.resolve(revision)

    def tree(self, commit: str, suffix: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`; what ends with a suffix also ends with every part of that suffix."""
        for (known, shorter), entries in self._trees.items():
            if known == commit and suffix.endswith(shorter):
                return tuple(entry for entry in entries if entry.path.endswith(suffix))
        found = self._reader.tree(commit, suffix)
        self._trees[commit, suffix] = found
        return found

    def blobs(self, oids: Iterable[str], *, limit: int = BLOB_LIMIT) -> dict[str, bytes]:
        """See `ObjectReader`; only what the usual limit lets through is remembered."""
        wanted = list(dict.fromkeys(oids))
        unknown = [oid for oid in wanted if oid not in self._blobs]
        if unknown:
            self._blobs |= self._reader.blobs(unknown, limit=min(limit, BLOB_LIMIT))
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
    """History of some commits only. `--all` would be whatever this excerpt was once asked for."""

    __slots__ = ("_tips",)

    def __init__(self, repository: Repository, tips: Sequence[str]) -> None:
        super().__init__(repository)
        self._tips = tips

    def all_refs_changes(self, file_name: str | None = None) -> list[Change]:
        """As `History.all_refs_changes`, of the tips. One process."""
        changes = self.changes(self._tips, suffix=file_name or POINTER_SUFFIX)
        return [c for c in changes if file_name in (None, c.path.rpartition("/")[2])]


def cache_root(context: Context, chosen: str | None) -> str:
    """Where excerpts and weights of other people's repositories are kept; made if it is not there.

    `--cache`, else GITMODEL_GET_CACHE, else `gitmodel` in the person's cache folder.

    Raises:
        UsageError: It cannot be made.
        RepositoryError: It belongs to another user.
    """
    root = next(path for path in _candidates(context, chosen) if path)
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{root} cannot be made: {error.strerror}", hint="name another place: --cache DIR"
        ) from error
    refuse_foreign(root)
    return root


def _candidates(context: Context, chosen: str | None) -> Iterator[str]:
    environment = context.environment
    for path in (chosen, environment.get("GITMODEL_GET_CACHE")):
        yield os.path.abspath(os.path.join(context.folder, path)) if path else ""
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the specification says: then it counts as not set
        base = os.path.join(environment.get("HOME") or os.path.expanduser("~"), ".cache")
    yield os.path.join(base, "gitmodel")


def _how_to_trust(address: str) -> str:
    quoted = shlex.quote(address)
    return f"--trust {quoted}, or for good: git config --global --add gitmodel.trust {quoted}"
