"""A project: repository, configuration, cache, work tree and remotes, opened once for each command.

Every part is opened on first use, so a hook without work starts one Git process and imports few
libraries. The environment comes from the context and is never read here.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Self

from gitmodel.errors import ConfigError, NotSetUpError, RepositoryError, UsageError
from gitmodel.files.shared_folders import share
from gitmodel.git.repository import Repository

if TYPE_CHECKING:
    from gitmodel.cache.cache import Cache
    from gitmodel.cache.push_ledger import Ledger
    from gitmodel.domain.config.repository import Config, LocalSettings, Remote
    from gitmodel.git.history.cached import CachedHistory
    from gitmodel.git.history.walk import History
    from gitmodel.git.index import Index
    from gitmodel.git.objects import ObjectReader
    from gitmodel.project.context import Context
    from gitmodel.store.objects import ObjectStore
    from gitmodel.worktree.worktree import WorkTree

CONFIG_NAME = ".gitmodel.yaml"
PRIMARY = "primary"


class Project:
    """One repository with gitmodel during one command; a context manager."""

    def __init__(self, repository: Repository, context: Context) -> None:
        self.repository = repository
        self.context = context
        self._stores: dict[str, ObjectStore] = {}
        self._ledgers: dict[str, Ledger] = {}

    @classmethod
    def open(cls, context: Context) -> Project:
        """Find the repository of the current folder. Raises RepositoryError if there is none."""
        return cls(Repository.open(context.folder, environment=context.environment), context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened; idempotent."""
        while self._stores:
            self._stores.popitem()[1].close()
        for name in ("cache", "reader", "cached_history"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @property
    def root(self) -> str:
        """The top of the work tree. Raises RepositoryError if the repository is bare."""
        if self.repository.work_tree is None:
            raise RepositoryError(
                "this repository has no work tree",
                hint="run the command in a clone with a work tree",
            )
        return self.repository.work_tree

    def typed(self, path: str) -> str:
        """A path of the work tree relative to the folder of the user, quoted for a shell.

        Hooks run at the top of the work tree; Git passes the user's folder in `GIT_PREFIX`.
        """
        import shlex

        return shlex.quote(os.path.join(self._path_to_top, path))

    @cached_property
    def _path_to_top(self) -> str:
        """The relative path from the user's folder to the top of the work tree; empty at the top."""
        here = os.path.realpath(self.context.folder)
        top = os.path.realpath(self.root)
        if here == top:
            here = os.path.join(top, self.context.environment.get("GIT_PREFIX", ""))
        path = os.path.relpath(top, here)
        return "" if path == os.curdir else path

    @property
    def config_path(self) -> str:
        """The path of `.gitmodel.yaml`."""
        return os.path.join(self.root, CONFIG_NAME)

    def is_set_up(self) -> bool:
        """Whether `.gitmodel.yaml` exists."""
        return self.config_text() is not None

    def require_set_up(self) -> None:
        """Raise NotSetUpError if there is no `.gitmodel.yaml`, ConfigError if it is not valid."""
        _ = self.config

    def require_config_text(self) -> str:
        """The text of `.gitmodel.yaml`; raises as `require_set_up`."""
        self.require_set_up()
        return self.config_text() or ""

    def use_config(self, config: Config) -> None:
        """Use a configuration that is about to be written; remotes are opened again."""
        while self._stores:
            self._stores.popitem()[1].close()
        self._ledgers.clear()
        self.__dict__["config"] = config

    def forget_settings(self) -> None:
        """Read `git config gitmodel.*` again when it is next needed."""
        self.__dict__.pop("settings", None)

    def config_text(self) -> str | None:
        """The text of `.gitmodel.yaml` in the work tree, else at HEAD; None if it does not exist."""
        if self.repository.work_tree is not None:
            try:
                # The parser reports bytes that are not UTF-8, with the line.
                with open(self.config_path, encoding="utf-8", errors="surrogateescape") as stream:
                    return stream.read(65537)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise ConfigError(f"{CONFIG_NAME} cannot be read: {error.strerror}") from error
        head = self.reader.resolve("HEAD")
        if head is None:
            return None
        for entry in self.reader.tree(head, CONFIG_NAME):
            if entry.path == CONFIG_NAME:
                return self.reader.blobs([entry.oid]).get(entry.oid, b"").decode(errors="replace")
        return None

    @cached_property
    def config(self) -> Config:
        """The parsed configuration; raises as `require_set_up`."""
        from gitmodel.domain.config.repository import Config

        text = self.config_text()
        if text is None:
            raise NotSetUpError(
                f"this repository has no {CONFIG_NAME} yet", hint="gitmodel init [URL]"
            )
        return Config.from_text(text)

    @cached_property
    def settings(self) -> LocalSettings:
        """The values of `git config gitmodel.*` in this clone."""
        from gitmodel.domain.config.repository import LocalSettings

        settings = LocalSettings.from_git_config(self.repository.settings())
        return settings.with_environment(self.context.environment)

    @property
    def may_ask_remotes(self) -> bool:
        """Whether a read-only command may send requests to a remote."""
        return True

    @property
    def remote_root(self) -> str | None:
        """The folder that relative remotes are resolved against, None if there is none."""
        return self.repository.work_tree

    @cached_property
    def cache_folder(self) -> str:
        """The cache folder: `git config gitmodel.cache`, else a folder in the common Git folder."""
        chosen = self.settings.cache
        if chosen:
            return os.path.join(self.repository.common_dir, os.path.expanduser(chosen))
        folder = os.path.join(self.repository.common_dir, "gitmodel")
        if self.settings.shared is not None:
            share(folder, self.settings.shared)
        return folder

    @cached_property
    def cache(self) -> Cache:
        """The local store."""
        from gitmodel.cache.cache import Cache

        cache = Cache(self.cache_folder)
        cache.tidy()
        return cache

    @cached_property
    def worktree(self) -> WorkTree:
        """The weights on disk."""
        from gitmodel.worktree.records import Records
        from gitmodel.worktree.unfinished_folders import sweep_unfinished
        from gitmodel.worktree.worktree import WorkTree

        records = Records(os.path.join(self.repository.git_dir, "gitmodel", "worktree"))
        sweep_unfinished(records.journals)
        return WorkTree(self.root, records)

    @cached_property
    def index(self) -> Index:
        """The index of the commit in progress."""
        from gitmodel.git.index import Index

        return Index(self.repository, self.context.environment)

    @cached_property
    def history(self) -> History:
        """Reads pointers along history."""
        from gitmodel.git.history.walk import History

        return History(self.repository)

    @cached_property
    def cached_history(self) -> CachedHistory:
        """Reads pointers on all refs through an on-disk index of history."""
        from gitmodel.git.history.cached import CachedHistory

        return CachedHistory(self.repository)

    @cached_property
    def reader(self) -> ObjectReader:
        """Reads Git objects."""
        from gitmodel.git.objects import open_reader

        return open_reader(self.repository)

    def remote_names(self) -> list[str]:
        """`primary`, then the mirrors."""
        return [PRIMARY, *self.config.mirrors]

    def committed_remote(self, name: str = PRIMARY) -> Remote:
        """The address in `.gitmodel.yaml`, the default folder if it names none.

        Raises UsageError if there is no remote of that name.
        """
        from gitmodel.domain.config.repository import Remote

        if name == PRIMARY:
            return self.config.remote or Remote(url=self.default_folder(), scheme="file")
        if name not in self.config.mirrors:
            raise UsageError(f"no remote is called {name!r}", hint="gitmodel remote list")
        return self.config.mirrors[name]

    def address(self, name: str = PRIMARY) -> Remote:
        """The address with this clone's endpoint and region."""
        from gitmodel.domain.config.repository import effective_remote

        mirror = None if name == PRIMARY else name
        return effective_remote(self.committed_remote(name), self.settings, mirror=mirror)

    def uses_default_folder(self) -> bool:
        """Whether the primary remote is the default folder."""
        return self.config.remote is None

    def default_folder(self) -> str:
        """The default remote: a folder in the user's data directory."""
        environment = self.context.environment
        home = environment.get("HOME") or os.path.expanduser("~")
        data = environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
        return os.path.join(
            data, "gitmodel", "stores", f"{self.config.project}-{self.config.project_id}"
        )

    def ledger(self, name: str = PRIMARY) -> Ledger:
        """The record of objects known to be on a remote."""
        from gitmodel.cache.push_ledger import Ledger

        if name not in self._ledgers:
            folder = os.path.join(self.cache_folder, "ledger")
            scope = f"{self.config.project}\n{self.address(name).fingerprint}"
            self._ledgers[name] = Ledger(folder, scope)
        return self._ledgers[name]

    def is_trusted(self, name: str = PRIMARY, *, upload: bool) -> bool:
        """Whether this clone trusts an address for downloads, or for uploads."""
        from gitmodel.domain.config.repository import needs_trust

        if name == PRIMARY and self.uses_default_folder():
            return True
        mirror = None if name == PRIMARY else name
        committed = self.committed_remote(name)
        return not needs_trust(committed, self.settings, upload=upload, mirror=mirror)

    def folder_of(self, address: Remote) -> str:
        """The absolute path of a remote that is a folder."""
        from gitmodel.backends.open import folder_of

        return folder_of(address, root=self.root)

    def store(
        self, name: str = PRIMARY, *, upload: bool = False, chosen_now: bool = False
    ) -> ObjectStore:
        """Open a remote (`primary` or a mirror); the same object for the same name.

        `upload` requires trust; `chosen_now` means that the user has just named this address and so
        trusts it. Raises UntrustedRemoteError if it is not trusted in this clone, ConfigError if it is
        not valid.
        """
        if upload and not chosen_now and not self.is_trusted(name, upload=True):
            raise self._untrusted(name, "nothing was uploaded")
        readable = chosen_now or self.is_trusted(name, upload=False)
        if not readable and self.address(name).scheme == "file":
            # Opening a network share would send the user's login to it.
            raise self._untrusted(name, "nothing was read")
        if name not in self._stores:
            default = name == PRIMARY and self.uses_default_folder()
            address = self.address(name)
            self._stores[name] = self.open_store(address, trusted=readable, create_root=default)
        return self._stores[name]

    def open_store(self, address: Remote, *, trusted: bool, create_root: bool) -> ObjectStore:
        """Open the store at an address, as `open_backend` does; the caller closes it."""
        from gitmodel.backends.open import open_backend
        from gitmodel.backends.open_options import OpenOptions
        from gitmodel.store.objects import ObjectStore

        options = OpenOptions(
            trusted=trusted,
            profile=address.profile,
            root=self.remote_root,
            create_root=create_root,
            checks_folder=os.path.join(self.cache_folder, "ledger"),
            environment=self.context.environment,
            note=self.context.note,
        )
        return ObjectStore(open_backend(address, options))

    def _untrusted(self, name: str, consequence: str) -> Exception:
        from gitmodel.errors import UntrustedRemoteError

        fingerprint = self.committed_remote(name).fingerprint
        return UntrustedRemoteError(
            f"{fingerprint} is not trusted in this clone, so {consequence}",
            hint=f"gitmodel remote trust {'' if name == PRIMARY else name}".rstrip(),
        )
