"""A cached clone: the needed part of another repository, in a bare repository of our own.

Words: the *server* has the original repository; the *base* is the commit at the tip of its default branch,
stored as `refs/gitmodel/default`. A new cached clone has the base alone, without its files (depth 1, blobless).
History and single files are fetched on request. If a server knows no filters, or does not send single files,
all files are fetched. A cached clone can be deleted at any time.

Fetched data is untrusted. Nothing is ever checked out, so filters, attributes, submodules and links have no
effect. There are no hooks, and neither URL nor password is written to the clone.

Guarantee: a fetch method either fetches everything that it names, or raises an error.
"""

from __future__ import annotations

import os
import shlex
import shutil
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.cached_clone.guard import environment_for, refuse_foreign
from gitmodel.git.cat_file import present_objects
from gitmodel.git.discovery import find_with_git
from gitmodel.git.objects import is_oid
from gitmodel.git.program import GitProgram, find_program, raise_for
from gitmodel.git.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.git.url import GitUrl

BASE = "refs/gitmodel/default"

_SERVER = "gitmodel-server"  # many users configure `origin` globally, so another name is used
_MOST_PACKS = 50  # the limit of Git itself (gc.autoPackLimit)

_WHOLE = 2147483647  # as `git fetch --unshallow`, but valid for a full clone too
_REF = lazy_compile(r"(?!.*(?:\.\.|//|@\{))(?![-/.])[^\x00-\x20~^:?*\[\\\x7f]{1,200}")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
_FILTER = "--filter=blob:none"
_WITH_FILES = "gitmodel-with-files"  # marker file in a cached clone that is not blobless
# Git's messages about a repository damaged by a killed process or a disk failure.
_BROKEN = (
    *(".lock'", "corrupt", "bad object", "error in object"),
    *("did not send all necessary objects", "cannot lock ref"),
)


class CachedClone:
    """The cached clone of one repository; use it inside `locked`. Its folder is created if missing.

    No git program inside the repository of `start`, the user's current folder, is run. Raises
    GitCommandError if there is no git program, RepositoryError if the folder belongs to another user.
    """

    def __init__(
        self, folder: str, url: GitUrl, *, start: str, environment: Mapping[str, str]
    ) -> None:
        path = find_program(start, environment)
        if path is None:
            raise GitCommandError("there is no git program on PATH", hint="install Git")
        self.url = url
        self._folder = folder
        self._was_recreated = False
        self._program = GitProgram(path, environment_for(environment, url, folder, _SERVER))
        self.repository = self._open_or_create()

    def _open_or_create(self) -> Repository:
        """Open the cached clone, or create it again if Git cannot read it."""
        if os.path.isdir(self._folder):
            refuse_foreign(self._folder)
            with suppress(RepositoryError):
                return self._opened()
        return self._create("sha1")

    def _opened(self) -> Repository:
        folders = find_with_git(self._program, self._folder)
        return Repository(folders, program=self._program, environment=self._program.environment)

    @property
    def has_files(self) -> bool:
        """Whether files are fetched together with their commits."""
        return os.path.exists(os.path.join(self._folder, _WITH_FILES))

    def _create(self, object_format: str, *, with_files: bool = False) -> Repository:
        """Create an empty cached clone, replacing an existing one."""
        above = os.path.dirname(self._folder)
        os.makedirs(above, exist_ok=True)
        fresh = os.path.join(above, f".{uuid.uuid4().hex}")
        try:
            os.mkdir(fresh, mode=0o700)
            self._call(
                *("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}"),
                *("--", fresh),
                folder=fresh,
            )
            self._call("symbolic-ref", "HEAD", BASE, folder=fresh)
            if with_files:
                with open(os.path.join(fresh, _WITH_FILES), "xb"):
                    pass
            else:
                self._call("config", f"remote.{_SERVER}.promisor", "true", folder=fresh)
                self._call(
                    "config", f"remote.{_SERVER}.partialclonefilter", "blob:none", folder=fresh
                )
            if os.path.lexists(self._folder):
                os.rename(self._folder, f"{fresh}.old")
            os.rename(fresh, self._folder)
        finally:
            for left in (fresh, f"{fresh}.old"):
                shutil.rmtree(left, ignore_errors=True)
        return self._opened()

    def _call(self, *arguments: str, folder: str) -> None:
        """Run git in a cached clone that is being created."""
        done = self._program.call(arguments, folder=folder, extra={"GIT_DIR": folder})
        if done.returncode:
            raise_for(done, arguments, folder=folder)

    def query_refs(self, words: list[str]) -> dict[str, str]:
        """Query the refs of the server once: HEAD, and branches and tags of these names.

        Returns object ids by the full name of the ref. Invalid names are skipped. Raises GitCommandError if
        the server cannot be reached, or refuses.
        """
        names = ["HEAD", *(name for word in words for name in ref_names(word))]
        output = self._on_server("ls-remote", "--", _SERVER, *names).decode("utf-8", "replace")
        found = {}
        for line in output.splitlines():
            oid, _, name = line.partition("\t")
            if name in names and is_oid(oid):
                found[name] = oid
        return found

    def fetch_base(self, oid: str) -> None:
        """Fetch the base, unless it is this commit already."""
        object_format = "sha1" if len(oid) == 40 else "sha256"
        if object_format != self.repository.object_format:
            self.repository = self._create(object_format)
        named = self.oid_of(BASE)
        if named is not None and not self.has_commit(named):
            self.repository = self._create(object_format)  # the object that the ref names was lost
            named = None
        if named != oid:
            self._fetch(f"+HEAD:{BASE}", depth=1)
            self._tidy()

    def fetch_with_files(self) -> None:
        """Create the clone again with all files, for a server that does not send single files.

        That applies to servers with the oldest protocol, unless they set `uploadpack.allowAnySHA1InWant`.
        """
        self.repository = self._create(self.repository.object_format, with_files=True)
        self._fetch(f"+HEAD:{BASE}", depth=1)

    def fetch_ref(self, name: str, oid: str) -> None:
        """Fetch a branch or tag by its full name, unless it names this object already."""
        if self.oid_of(name) != oid:
            self._fetch(f"+{name}:{name}", depth=1)

    def fetch_commit(self, oid: str) -> None:
        """Fetch one commit without a ref, so it belongs to no history.

        Servers of forges also send commits of forks, which no member of the project has reviewed.
        """
        self._fetch(oid, depth=1)

    def fetch_history(self, name: str = "HEAD") -> None:
        """Fetch the full history of the base, or of a branch or tag."""
        if self.is_shallow():
            self._fetch(f"+{name}:{BASE if name == 'HEAD' else name}", depth=_WHOLE)

    def fetch_all(self) -> None:
        """Fetch all branches and tags with their history, and delete those that no longer exist."""
        self._fetch(
            "--prune",
            f"+HEAD:{BASE}",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
            depth=_WHOLE,
        )

    def is_shallow(self) -> bool:
        """Whether the history is shallow. No process."""
        return self.repository.is_shallow()

    def oid_of(self, ref: str) -> str | None:
        """The object that a ref names, None if there is no such ref. One process."""
        return self.repository.oid_of(ref)

    def has_any(self, oids: Sequence[str]) -> bool:
        """Whether any of these blobs is present. One process."""
        return bool(present_objects(self.repository, oids))

    def has_commit(self, oid: str) -> bool:
        """Whether this commit is present. One process."""
        return oid in present_objects(self.repository, [oid], commits=True)

    def tips(self) -> tuple[str, ...]:
        """The object ids of all fetched branches and tags. One process."""
        output = self.repository.run(
            "for-each-ref", "--format=%(objectname)", "--", BASE, "refs/heads", "refs/tags"
        )
        return tuple(dict.fromkeys(output.decode("ascii").split()))

    def _fetch(self, *what: str, depth: int) -> None:
        """Fetch; create the clone again, once, if Git finds it damaged.

        A full history is never made shallow again.
        """
        cut = self.is_shallow() or self.oid_of(BASE) is None
        filters = () if self.has_files else (_FILTER,)
        options = (*filters, *(word for word in what if word.startswith("--")))
        specs = tuple(word for word in what if not word.startswith("--"))
        limit = (f"--depth={depth}",) if cut else ()
        try:
            self._on_server(*_FETCH, *options, *limit, "--", _SERVER, *specs)
        except GitCommandError as error:
            if self._was_recreated or not any(words in error.message for words in _BROKEN):
                raise
            self._was_recreated = True
            self.repository = self._create(self.repository.object_format, with_files=self.has_files)
            specs = tuple(dict.fromkeys([f"+HEAD:{BASE}", *specs]))
            self._on_server(*_FETCH, *options, f"--depth={depth}", "--", _SERVER, *specs)

    def _tidy(self) -> None:
        """Combine many packs into one; keeps unreferenced objects, because they are promised."""
        folder = os.path.join(self._folder, "objects", "pack")
        if sum(name.endswith(".pack") for name in os.listdir(folder)) > _MOST_PACKS:
            with suppress(GitCommandError):  # for example on a full disk; many packs work too
                self.repository.run("repack", "-a", "-d", "-q")

    def _on_server(self, *arguments: str) -> bytes:
        """Run a git command that contacts the server; removes passwords from its messages."""
        try:
            return self.repository.run(*arguments)
        except GitCommandError as error:
            message = error.message.partition(" failed: ")[2] or error.message
            words = self.url.without_secrets(message)
            raise GitCommandError(
                f"{self.url.shown} cannot be read: {words}", hint=_hint(words, self.url)
            ) from None  # the original error may contain a password


def ref_names(word: str) -> tuple[str, ...]:
    """The full ref names that a word may abbreviate, in Git's order; empty for an invalid name."""
    if not _REF.fullmatch(word) or word.endswith((".lock", "/", ".")):
        return ()
    if word.startswith("refs/"):
        return (word,) if word.startswith(("refs/heads/", "refs/tags/")) else ()
    return (f"refs/tags/{word}", f"refs/heads/{word}")


def _hint(words: str, url: GitUrl) -> str:
    if "terminal prompts disabled" in words or "Authentication failed" in words:
        return "Git asks for a password: set up a credential helper, or use ssh"
    look = f"git ls-remote {shlex.quote(url.shown)}"
    if "not our ref" in words or "remote ref" in words:
        return look
    return f"for details: {look}; or use the cached state: --offline"
