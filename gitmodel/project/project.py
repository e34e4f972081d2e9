"""A project: repository, configuration, cache, work tree and remotes, opened once for each command.

Everything is found on first use, so that a hook with nothing to do pays for one git process and no
library that it does not need. The world around comes with the context, and is never read here.
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
    """One repository with gitmodel, as one command sees it; use as a context manager."""

    def __init__(self, repository: Repository, context: Context) -> None:
        self.repository = repository
        self.context = context
        self._stores: dict[str, ObjectStore] = {}
        self._ledgers: dict[str, Ledger] = {}

    @classmethod
    def open(cls, context: Context) -> Project:
        """Find the repository of the current folder.

        Raises:
            RepositoryError: There is none.
        """
        return cls(Repository.open(context.folder, environment=context.environment), context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened; idempotent."""
        while self._stores:
            self._stores.popitem()[1].close()
        for name in ("cache", "reader", "cached_history"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()

    @property
    def root(self) -> str:
        """The top of the work tree.

        Raises:
            RepositoryError: The repository is bare.
        """
        if self.repository.work_tree is None:
            raise RepositoryError(
                "this repository has no work tree", hint="run this in a clone with a work tree"
            )
        return self.repository.work_tree

    def typed(self, path: str) -> str:
        """A path of the work tree as the person types it from where they are, quoted for a shell.

        Hooks run at the top of the work tree, and Git says in which folder the command was typed.
        """
        import shlex

        return shlex.quote(os.path.join(self._to_the_top, path))

    @cached_property
    def _to_the_top(self) -> str:
        """The way from where the person is to the top of the work tree, empty where that is the top."""
        here = os.path.realpath(self.context.folder)
        top = os.path.realpath(self.root)
        if here == top:
            here = os.path.join(top, self.context.environment.get("GIT_PREFIX", ""))
        way = os.path.relpath(top, here)
        return "" if way == os.curdir else way

    @property
    def config_path(self) -> str:
        """Where `.gitmodel.yaml` lies."""
        return os.path.join(self.root, CONFIG_NAME)

    def is_set_up(self) -> bool:
        """Whether there is a `.gitmodel.yaml`."""
        return self.config_text() is not None

    def require_set_up(self) -> None:
        """Refuse to go on without `.gitmodel.yaml`.

        Raises:
            NotSetUpError: There is none.
            ConfigError: It cannot be accepted.
        """
        _ = self.config

    def require_config_text(self) -> str:
        """The text of `.gitmodel.yaml`; raises as `require_set_up`."""
        self.require_set_up()
        return self.config_text() or ""

    def use_config(self, config: Config) -> None:
        """Go on with a configuration that is about to be written; remotes are opened anew."""
        while self._stores:
            self._stores.popitem()[1].close()
        self._ledgers.clear()
        self.__dict__["config"] = config

    def forget_settings(self) -> None:
        """Read `git config gitmodel.*` again when it is next needed."""
        self.__dict__.pop("settings", None)

    def config_text(self) -> str | None:
        """The text of `.gitmodel.yaml`: of the work tree, else of HEAD (bare, sparse); or None."""
        if self.repository.work_tree is not None:
            try:
                # What is not UTF-8 is told by the parser, with its line.
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
        """The parsed configuration.

        Raises:
            NotSetUpError: There is none.
            ConfigError: It cannot be accepted.
        """
        from gitmodel.domain.config.repository import Config

        text = self.config_text()
        if text is None:
            raise NotSetUpError(
                f"this repository has no {CONFIG_NAME} yet", hint="gitmodel init [URL]"
            )
        return Config.from_text(text)

    @cached_property
    def settings(self) -> LocalSettings:
        """What `git config gitmodel.*` says in this clone."""
        from gitmodel.domain.config.repository import LocalSettings

        settings = LocalSettings.from_git_config(self.repository.settings())
        return settings.with_environment(self.context.environment)

    @property
    def may_ask_remotes(self) -> bool:
        """Whether a command that only looks something up may send a request to a remote."""
        return True

    @property
    def remote_root(self) -> str | None:
        """What a remote that is a relative path is relative to, None if nothing is."""
        return self.repository.work_tree

    @cached_property
    def cache_folder(self) -> str:
        """Where the cache lies: `git config gitmodel.cache`, else in the common git folder."""
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
        """The index that this commit uses."""
        from gitmodel.git.index import Index

        return Index(self.repository, self.context.environment)

    @cached_property
    def history(self) -> History:
        """Pointers along history."""
        from gitmodel.git.history.walk import History

        return History(self.repository)

    @cached_property
    def cached_history(self) -> CachedHistory:
        """Pointers on all refs, by an index of history."""
        from gitmodel.git.history.cached import CachedHistory

        return CachedHistory(self.repository)

    @cached_property
    def reader(self) -> ObjectReader:
        """Git objects."""
        from gitmodel.git.objects import open_reader

        return open_reader(self.repository)

    def remote_names(self) -> list[str]:
        """`primary`, then the mirrors."""
        return [PRIMARY, *self.config.mirrors]

    def committed_remote(self, name: str = PRIMARY) -> Remote:
        """The address as `.gitmodel.yaml` names it; the embedded default where it names none.

        Raises:
            UsageError: No remote is called that.
        """
        from gitmodel.domain.config.repository import Remote

        if name == PRIMARY:
            return self.config.remote or Remote(url=self.default_folder(), scheme="file")
        if name not in self.config.mirrors:
            raise UsageError(f"no remote is called {name!r}", hint="gitmodel remote list")
        return self.config.mirrors[name]

    def address(self, name: str = PRIMARY) -> Remote:
        """The address as this clone uses it, with its own endpoint and region on top."""
        from gitmodel.domain.config.repository import effective

        mirror = None if name == PRIMARY else name
        return effective(self.committed_remote(name), self.settings, mirror=mirror)

    def uses_default_folder(self) -> bool:
        """Whether the primary remote is the embedded default."""
        return self.config.remote is None

    def default_folder(self) -> str:
        """The embedded default remote: a folder in the user's data directory."""
        environment = self.context.environment
        home = environment.get("HOME") or os.path.expanduser("~")
        data = environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
        return os.path.join(
            data, "gitmodel", "stores", f"{self.config.project}-{self.config.project_id}"
        )

    def ledger(self, name: str = PRIMARY) -> Ledger:
        """What is known to be on a remote, without asking it."""
        from gitmodel.cache.push_ledger import Ledger

        if name not in self._ledgers:
            folder = os.path.join(self.cache_folder, "ledger")
            scope = f"{self.config.project}\n{self.address(name).fingerprint}"
            self._ledgers[name] = Ledger(folder, scope)
        return self._ledgers[name]

    def is_trusted(self, name: str = PRIMARY, *, upload: bool) -> bool:
        """Whether an address may be used so in this clone (DESIGN: Trust)."""
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
        """Open a remote; the same object for the same name.

        Args:
            name: `primary` or a mirror.
            upload: Something will be written, which needs the person's trust.
            chosen_now: The person has just named this address, which is their yes.

        Raises:
            UntrustedRemoteError: `upload` to an address that the person has not said yes to.
            ConfigError: The address cannot be used.
        """
        if upload and not chosen_now and not self.is_trusted(name, upload=True):
            raise self._untrusted(name, "uploaded to")
        readable = chosen_now or self.is_trusted(name, upload=False)
        if not readable and self.address(name).scheme == "file":
            raise self._untrusted(name, "read from")  # a share is told who asks
        if name not in self._stores:
            default = name == PRIMARY and self.uses_default_folder()
            address = self.address(name)
            self._stores[name] = self.open_store(address, trusted=readable, create_root=default)
        return self._stores[name]

    def open_store(self, address: Remote, *, trusted: bool, create_root: bool) -> ObjectStore:
        """Open the store at an address, which the caller closes; `open_backend` has arguments and errors."""
        from gitmodel.backends.open import open_backend
        from gitmodel.store.objects import ObjectStore

        backend = open_backend(
            address,
            trusted=trusted,
            profile=address.profile,
            root=self.remote_root,
            create_root=create_root,
            checks_folder=os.path.join(self.cache_folder, "ledger"),
            environment=self.context.environment,
            note=self.context.note,
        )
        return ObjectStore(backend)

    def _untrusted(self, name: str, verb: str) -> Exception:
        from gitmodel.errors import UntrustedRemoteError

        fingerprint = self.committed_remote(name).fingerprint
        return UntrustedRemoteError(
            f"nothing is {verb} {fingerprint} before you have said yes to it in this clone",
            hint=f"gitmodel remote trust {'' if name == PRIMARY else name}".rstrip(),
        )
