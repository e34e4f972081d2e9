"""Read commits, trees and blobs: by the git program, or by libgit2 inside this process.

Two readers with the same answers, and the same tests. The program is the first choice: one process
of it takes 3 to 20 ms, importing pygit2 takes 110. libgit2 pays off in a long-lived Python process
and is all there is on machines without git; it cannot read SHA-256 repositories, reftables, or
what a partial clone left out, so `open_reader` takes the program there whatever was preferred.

Guarantee: a reader returns bytes of the object asked for or leaves it out; it changes nothing, and
reaches the network only where a partial clone left an object out and `may_fetch` was given.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.files.path_encoding import native
from gitmodel.git.cat_file import EMPTY_TREES, Batch, fetch_objects, present_objects
from gitmodel.git.object_id import is_oid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.repository import Repository

BLOB_LIMIT = 65536  # 64 KiB: the longest pointer
_FILE_MODES = frozenset({0o100644, 0o100755, 0o100664})  # the last one by Git of 2005


class TreeEntry(NamedTuple):
    """A plain file of a commit."""

    path: str
    oid: str


class ObjectReader(Protocol):
    """Reads objects of one repository; for one thread. Use as a context manager, or call `close`."""

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision means, through tags; None if it means none."""

    def tree(self, commit: str, suffix: str) -> tuple[TreeEntry, ...]:
        """Return all plain files of a commit whose path ends with `suffix`, sorted as bytes.

        Raises:
            RepositoryError: There is no such commit.
        """

    def blobs(self, oids: Iterable[str], *, limit: int = BLOB_LIMIT) -> dict[str, bytes]:
        """Return blobs by object id; missing ones and those over `limit` bytes are left out."""

    def close(self) -> None:
        """Give back what the reader holds. May be called twice."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def open_reader(
    repository: Repository,
    *,
    prefer: Literal["program", "library"] = "program",
    may_fetch: bool = False,
) -> ObjectReader:
    """Return a reader for this repository: the preferred one if it can read it, else the other.

    Args:
        repository: Where to read.
        prefer: "library" for long-lived processes.
        may_fetch: In a partial clone, whether objects left out are fetched from the Git remote.

    Raises:
        RepositoryError: libgit2 cannot read it and there is no git program.
    """
    if prefer == "program" and repository.has_program:
        return ProgramReader(repository, may_fetch=may_fetch)
    suits_library = repository.object_format == "sha1" and not repository.is_partial_clone()
    if suits_library or not repository.has_program:
        try:
            return LibraryReader(repository)
        except RepositoryError:  # reftable, or an extension that libgit2 does not know
            if not repository.has_program:
                raise
    return ProgramReader(repository, may_fetch=may_fetch)


class ProgramReader:
    """Reads by `git cat-file --batch`: one process for all of `resolve` and `blobs` together.

    `tree` runs one process of its own. The `cat-file` process starts on first use
    and ends with `close`.
    """

    def __init__(self, repository: Repository, *, may_fetch: bool = False) -> None:
        self._repository = repository
        self._is_partial = repository.is_partial_clone()
        self._may_fetch = may_fetch
        self._batch = Batch(repository, may_fetch=may_fetch)

    def resolve(self, revision: str) -> str | None:
        """See `ObjectReader`. No process beyond the shared one, but for what that one dies of."""
        if not revision or "\n" in revision or "\0" in revision:
            return None
        # `:/text` finds a commit by its message, and would take what we append for a part of it.
        peeled = revision if revision.startswith(":/") else f"{revision}^{{commit}}"
        try:
            answer = next(iter(self._batch.ask([peeled], limit=0)))
        except GitCommandError:  # `@{upstream}` ends it where no upstream is set
            code, output = self._repository.attempt(
                "rev-parse", "--verify", "--quiet", "--end-of-options", peeled, accept=(0, 1, 128)
            )
            return None if code else output.decode("ascii").strip()
        return answer.oid if answer is not None and answer.kind == "commit" else None

    def tree(self, commit: str, suffix: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`. One process."""
        _check_oid(commit)
        # A comparison with nothing is `ls-tree` with patterns: of 100,000 files only those that
        # match are written and read (37 ms instead of 82).
        output = self._repository.run(
            *("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"),
            *(EMPTY_TREES[self._repository.object_format], f"{commit}^{{commit}}"),
            *("--", f":(glob)**/*{_glob_escaped(suffix)}"),
        )
        found = []
        words = output.split(b"\0")[:-1]
        # A description such as ":000000 100644 <zeros> <oid> A" and a path take turns.
        for description, path in zip(words[::2], words[1::2], strict=True):
            _, mode, _, oid, _ = description.decode("ascii").split(" ")
            if mode.startswith("100"):
                found.append(TreeEntry(os.fsdecode(path), oid))
        return tuple(found)

    def blobs(self, oids: Iterable[str], *, limit: int = BLOB_LIMIT) -> dict[str, bytes]:
        """See `ObjectReader`. No process beyond the shared one; up to three more in a partial clone."""
        wanted = [oid for oid in dict.fromkeys(oids) if is_oid(oid)]
        if self._is_partial:
            wanted = self._here(wanted)
        found = {}
        for answer in self._batch.ask(wanted, limit=limit):
            if answer is not None and answer.kind == "blob" and answer.data is not None:
                found[answer.oid] = answer.data
        return found

    def _here(self, oids: list[str]) -> list[str]:
        """Return the blobs that are in this clone, after one fetch for all others if allowed."""
        present = present_objects(self._repository, oids)
        missing = [oid for oid in oids if oid not in present]
        if missing and self._may_fetch:
            fetch_objects(self._repository, missing)
            present |= present_objects(self._repository, missing)
        return [oid for oid in oids if oid in present]

    def close(self) -> None:
        """See `ObjectReader`."""
        self._batch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LibraryReader:
    """Reads by libgit2, without any process.

    Raises:
        RepositoryError: libgit2 cannot open the repository (SHA-256, reftable, ...).
    """

    def __init__(self, repository: Repository) -> None:
        import pygit2

        try:
            self._opened = pygit2.Repository(native(repository.git_dir))
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise RepositoryError(
                f"{repository.git_dir} cannot be read without the git program: {error}",
                hint="install Git",
            ) from error

    def resolve(self, revision: str) -> str | None:
        """See `ObjectReader`."""
        import pygit2

        if not revision or "\n" in revision or "\0" in revision:
            return None
        try:
            return str(self._opened.revparse_single(revision).peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):  # unknown, ambiguous, a blob or a tree
            return None

    def tree(self, commit: str, suffix: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`."""
        import pygit2

        _check_oid(commit)
        wanted = os.fsencode(suffix)
        found: list[tuple[bytes, str]] = []
        try:
            folders = [(b"", self._opened[commit].peel(pygit2.Commit).tree)]
            while folders:
                prefix, folder = folders.pop()
                for entry in folder:
                    path = prefix + (entry.raw_name or b"")
                    if isinstance(entry, pygit2.Tree):
                        folders.append((path + b"/", entry))
                    elif entry.filemode in _FILE_MODES and path.endswith(wanted):
                        found.append((path, str(entry.id)))
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise RepositoryError(f"{commit} cannot be read: {error}", hint="git fsck") from error
        return tuple(TreeEntry(os.fsdecode(path), oid) for path, oid in sorted(found))

    def blobs(self, oids: Iterable[str], *, limit: int = BLOB_LIMIT) -> dict[str, bytes]:
        """See `ObjectReader`."""
        import pygit2

        database = self._opened.odb
        found = {}
        for oid in dict.fromkeys(oids):
            try:
                kind, size = database.read_header(pygit2.Oid(hex=oid))
                if kind == pygit2.enums.ObjectType.BLOB and size <= limit:
                    found[oid] = database.read(pygit2.Oid(hex=oid))[1]
            except (KeyError, ValueError):  # not there, or not an object id
                continue
            except pygit2.GitError as error:
                raise RepositoryError(f"{oid} cannot be read: {error}", hint="git fsck") from error
        return found

    def close(self) -> None:
        """See `ObjectReader`."""
        self._opened.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_oid(commit: str) -> None:
    if not is_oid(commit):
        raise RepositoryError(f"{commit!r} is not the id of a commit")


def _glob_escaped(text: str) -> str:
    return "".join("\\" + letter if letter in "*?[\\" else letter for letter in text)
