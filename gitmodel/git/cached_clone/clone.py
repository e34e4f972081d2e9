"""An excerpt: as little of somebody's repository as is needed, bare, in a folder of our own.

Words: the *server* is where the repository is; the *base* is the commit at the tip of its default
branch, `refs/gitmodel/default` here. A new excerpt holds the base alone, without its files (depth 1,
blobless); history and single files are fetched when something asks for them. Where a server does
not know filters, or gives no single files, all files come along. Losing an excerpt costs only time.

What is fetched is hostile. Nothing is ever checked out, so no filter, attribute, submodule or link
of it means anything; there are no hooks; neither URL nor password is written to the excerpt.

Guarantee: after a method returned, what it names is here in full, or it raised.
"""

from __future__ import annotations

import os
import shlex
import shutil
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.text.lazy_regex import pattern
from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.cached_clone.guard import environment_for, refuse_foreign
from gitmodel.git.cat_file import present_objects
from gitmodel.git.discovery import ask_program
from gitmodel.git.object_id import is_oid
from gitmodel.git.program import GitProgram, find_program, raise_for
from gitmodel.git.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.git.url import GitUrl

BASE = "refs/gitmodel/default"

_SERVER = "gitmodel-server"  # people have settings for every `origin` in their own configuration
_MOST_PACKS = 50  # as many as Git itself would leave (gc.autoPackLimit)

_WHOLE = 2147483647  # what `git fetch --unshallow` means, but also fine where nothing is cut
_REF = pattern(r"(?!.*(?:\.\.|//|@\{))(?![-/.])[^\x00-\x20~^:?*\[\\\x7f]{1,200}")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
_FILTER = "--filter=blob:none"
_WITH_FILES = "gitmodel-with-files"  # a file of this name in an excerpt that is not blobless
# Where another process of ours was killed, or a disk lost what it had: words of git about that.
_BROKEN = (
    *(".lock'", "corrupt", "bad object", "error in object"),
    *("did not send all necessary objects", "cannot lock ref"),
)


class CachedClone:
    """The excerpt of one repository; use it inside `locked`.

    Args:
        folder: Where it is, or will be made.
        url: Of the server.
        start: The folder in which the person stands; no git program below its repository is run.
        environment: `os.environ` of the caller.

    Attributes:
        url: Of the server.
        repository: The excerpt itself.

    Raises:
        GitCommandError: There is no git program.
        RepositoryError: The folder belongs to another user.
    """

    def __init__(
        self, folder: str, url: GitUrl, *, start: str, environment: Mapping[str, str]
    ) -> None:
        path = find_program(start, environment)
        if path is None:
            raise GitCommandError("there is no git program on PATH", hint="install Git")
        self.url = url
        self._folder = folder
        self._was_made_anew = False
        self._program = GitProgram(path, environment_for(environment, url, folder, _SERVER))
        self.repository = self._opened()

    def _opened(self) -> Repository:
        """Open what is there, or make it anew where there is nothing that Git can use."""
        if os.path.isdir(self._folder):
            refuse_foreign(self._folder)
            with suppress(RepositoryError):
                places = ask_program(self._program, self._folder)
                return Repository(
                    places, program=self._program, environment=self._program.environment
                )
        return self._made("sha1")

    @property
    def has_files(self) -> bool:
        """Whether files are fetched with their commits, and not when something asks for them."""
        return os.path.exists(os.path.join(self._folder, _WITH_FILES))

    def _made(self, object_format: str, *, with_files: bool = False) -> Repository:
        """Make an empty excerpt in place of what is there."""
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
        places = ask_program(self._program, self._folder)
        return Repository(places, program=self._program, environment=self._program.environment)

    def _call(self, *arguments: str, folder: str) -> None:
        """Run git in an excerpt that is being made."""
        done = self._program.call(arguments, folder=folder, extra={"GIT_DIR": folder})
        if done.returncode:
            raise_for(done, arguments, folder=folder)

    def ask(self, words: list[str]) -> dict[str, str]:
        """Ask the server once: the objects of its HEAD, and of branches and tags of these names.

        Args:
            words: What may be the name of a branch or a tag; what cannot be one is not asked about.

        Returns:
            Object id by full name of the ref.

        Raises:
            GitCommandError: The server cannot be reached, or refuses.
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
        """Make sure that the base is here, and is this commit or a newer one."""
        object_format = "sha1" if len(oid) == 40 else "sha256"
        if object_format != self.repository.object_format:
            self.repository = self._made(object_format)
        named = self.oid_of(BASE)
        if named is not None and not self.has_commit(named):
            self.repository = self._made(object_format)  # a disk lost what the ref names
            named = None
        if named != oid:
            self._fetch(f"+HEAD:{BASE}", depth=1)
            self._tidy()

    def fetch_with_files(self) -> None:
        """Begin anew with files: from a server that leaves them out but does not give single ones.

        So do those of the oldest protocol, unless `uploadpack.allowAnySHA1InWant` is set there.
        """
        self.repository = self._made(self.repository.object_format, with_files=True)
        self._fetch(f"+HEAD:{BASE}", depth=1)

    def fetch_ref(self, name: str, oid: str) -> None:
        """Make sure that a branch or tag of this full name is here, and names this object."""
        if self.oid_of(name) != oid:
            self._fetch(f"+{name}:{name}", depth=1)

    def fetch_commit(self, oid: str) -> None:
        """Fetch one commit; no ref names it then, so it is part of no history.

        Servers of forges also give out commits of forks, which nobody of the project has seen.
        """
        self._fetch(oid, depth=1)

    def fetch_history(self, name: str = "HEAD") -> None:
        """Make sure that the history of the base, or of a branch or tag, is here in full."""
        if self.is_cut():
            self._fetch(f"+{name}:{BASE if name == 'HEAD' else name}", depth=_WHOLE)

    def fetch_all(self) -> None:
        """Fetch all branches and tags with their history, and forget those that are gone."""
        self._fetch(
            "--prune",
            f"+HEAD:{BASE}",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
            depth=_WHOLE,
        )

    def is_cut(self) -> bool:
        """Whether history is cut off here. No process."""
        return self.repository.is_shallow()

    def oid_of(self, ref: str) -> str | None:
        """The object that a ref of the excerpt names, None if there is no such ref. One process."""
        code, output = self.repository.attempt(
            "rev-parse", "--verify", "--quiet", "--end-of-options", ref, accept=(0, 1, 128)
        )
        return None if code else output.decode("ascii").strip()

    def has_any(self, oids: Sequence[str]) -> bool:
        """Whether one of these files is here. One process."""
        return bool(present_objects(self.repository, oids))

    def has_commit(self, oid: str) -> bool:
        """Whether the excerpt holds this commit. One process."""
        return oid in present_objects(self.repository, [oid], commits=True)

    def tips(self) -> tuple[str, ...]:
        """All branches and tags that are here, as object ids. One process."""
        output = self.repository.run(
            "for-each-ref", "--format=%(objectname)", "--", BASE, "refs/heads", "refs/tags"
        )
        return tuple(dict.fromkeys(output.decode("ascii").split()))

    def _fetch(self, *what: str, depth: int) -> None:
        """Fetch; an excerpt that Git turns out to be unable to use is made anew, once.

        History that is here is not cut off again: then only what is missing is fetched.
        """
        cut = self.is_cut() or self.oid_of(BASE) is None
        filters = () if self.has_files else (_FILTER,)
        options = (*filters, *(word for word in what if word.startswith("--")))
        specs = tuple(word for word in what if not word.startswith("--"))
        limit = (f"--depth={depth}",) if cut else ()
        try:
            self._on_server(*_FETCH, *options, *limit, "--", _SERVER, *specs)
        except GitCommandError as error:
            if self._was_made_anew or not any(words in error.message for words in _BROKEN):
                raise
            self._was_made_anew = True
            self.repository = self._made(self.repository.object_format, with_files=self.has_files)
            specs = tuple(dict.fromkeys([f"+HEAD:{BASE}", *specs]))
            self._on_server(*_FETCH, *options, f"--depth={depth}", "--", _SERVER, *specs)

    def _tidy(self) -> None:
        """Make one pack of many; what no ref names is kept (git-repack on promised objects)."""
        folder = os.path.join(self._folder, "objects", "pack")
        if sum(name.endswith(".pack") for name in os.listdir(folder)) > _MOST_PACKS:
            with suppress(GitCommandError):  # the disk is full, say: many packs work as well
                self.repository.run("repack", "-a", "-d", "-q")

    def _on_server(self, *arguments: str) -> bytes:
        """Run a git that speaks with the server; what it says names no password."""
        try:
            return self.repository.run(*arguments)
        except GitCommandError as error:
            said = error.message.partition(" failed: ")[2] or error.message
            words = self.url.without_secrets(said)
            raise GitCommandError(
                f"{self.url.shown} cannot be read: {words}", hint=_hint(words, self.url)
            ) from None  # the cause has the words as Git wrote them


def ref_names(word: str) -> tuple[str, ...]:
    """The full names that a word may be short for, in Git's order; none if it can be no ref."""
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
    return f"{look} says more; --offline uses what is cached"
