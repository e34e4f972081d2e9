"""Read commits, trees and blobs with the git program, or with libgit2 in this process.

Both readers give the same results and share their tests. The program is used if there is one: a process takes
3 to 20 ms, importing pygit2 takes 110, and libgit2 cannot read SHA-256 repositories or reftables.

Guarantee: a reader returns the bytes of the requested object or omits it. It changes nothing, and uses the
network only in a partial clone with `may_fetch`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.cat_file import EMPTY_TREES, Batch, fetch_objects, present_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.git.cat_file import Object
    from gitmodel.git.repository import Repository

_MAX_KNOWN = 16  # files of 64 KiB at most
_FILE_MODES = frozenset({0o100644, 0o100755, 0o100664})  # the last one was written by Git in 2005


class TreeEntry(NamedTuple):
    """A plain file in a commit."""

    path: str
    oid: str


class ObjectReader(Protocol):
    """Reads objects of one repository; for one thread; a context manager."""

    def resolve(self, revision: str) -> str | None:
        """The commit of a revision, through tags; None if there is none."""

    def tree(self, commit: str, *suffixes: str) -> tuple[TreeEntry, ...]:
        """All plain files of a commit whose path ends with one of `suffixes`, sorted as bytes.

        Raises RepositoryError if there is no such commit.
        """

    def text_at(self, commit: str, path: str) -> bytes | None:
        """The blob at a path of a commit, also the target of a link; the fast way to a file known to be there.

        None may mean that it is missing in a partial clone, or over 64 KiB: `tree` and `blobs` decide.
        """

    def lacks(self, commit: str, path: str) -> bool:
        """Whether a commit has nothing at a path; False may also mean that it is not known."""

    def blobs(self, oids: Iterable[str], *, limit: int = MAX_TEXT_BYTES) -> dict[str, bytes]:
        """Blobs by object id; omits missing ones and those over `limit` bytes."""

    def close(self) -> None:
        """Close the reader; idempotent."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def open_reader(repository: Repository, *, may_fetch: bool = False) -> ObjectReader:
    """A reader for this repository: libgit2 if there is no git program.

    With `may_fetch` missing objects of a partial clone are fetched from the Git remote. Raises
    RepositoryError if libgit2 cannot read the repository and there is no git program.
    """
    if repository.has_program:
        return ProgramReader(repository, may_fetch=may_fetch)
    return LibraryReader(repository)


class ProgramReader:
    """Reads with one `git cat-file --batch` process for `resolve` and `blobs`; `tree` starts another."""

    def __init__(self, repository: Repository, *, may_fetch: bool = False) -> None:
        self._repository = repository
        self._is_partial = repository.is_partial_clone()
        self._may_fetch = may_fetch
        self._batch = Batch(repository, may_fetch=may_fetch)
        self._known: dict[str, Object] = {}  # by revision and path

    def resolve(self, revision: str) -> str | None:
        """See `ObjectReader`. No extra process, unless the shared one ends."""
        if not revision or "\n" in revision or "\0" in revision:
            return None
        # `:/text` finds a commit by its message and would include the suffix in the text.
        peeled = revision if revision.startswith(":/") else f"{revision}^{{commit}}"
        try:
            answer = next(iter(self._batch.ask([peeled], limit=0)))
        except GitCommandError:  # `@{upstream}` ends the process if there is no upstream
            return self._repository.oid_of(peeled)
        return answer.oid if answer is not None and answer.kind == "commit" else None

    def tree(self, commit: str, *suffixes: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`. One process."""
        _check_oid(commit)
        # Several patterns cost Git more than the entries that only their common end lets through (measured).
        end = _common_end(suffixes)
        # A comparison with the empty tree is `ls-tree` with patterns: of 100,000 files only the
        # matching ones are written and read (37 ms instead of 82).
        output = self._repository.run(
            *("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev"),
            *(EMPTY_TREES[self._repository.object_format], f"{commit}^{{commit}}"),
            *("--", f":(glob)**/*{_glob_escaped(end)}"),
        )
        found = []
        words = output.split(b"\0")[:-1]
        # Descriptions such as ":000000 100644 <zeros> <oid> A" and paths alternate.
        for description, path in zip(words[::2], words[1::2], strict=True):
            _, mode, _, oid, _ = description.decode("ascii").split(" ")
            name = os.fsdecode(path)
            if mode.startswith("100") and name.endswith(suffixes):
                found.append(TreeEntry(name, oid))
        return tuple(found)

    def text_at(self, commit: str, path: str) -> bytes | None:
        """See `ObjectReader`. No extra process."""
        answer = self._at(commit, path)
        return answer.data if answer is not None and answer.kind == "blob" else None

    def lacks(self, commit: str, path: str) -> bool:
        """See `ObjectReader`. No extra process."""
        _check_oid(commit)
        if self._is_partial or "\n" in path:
            return False
        tree, there = self._batch.ask([f"{commit}^{{tree}}", f"{commit}:{path}"], limit=0)
        return tree is not None and there is None

    def _at(self, commit: str, path: str) -> Object | None:
        """What a commit has at a path; remembered, because a hook asks for a few files several times."""
        _check_oid(commit)
        if self._is_partial or "\n" in path:
            return None
        name = f"{commit}:{path}"
        answer = self._known.get(name) or next(iter(self._batch.ask([name], limit=MAX_TEXT_BYTES)))
        if answer is not None and len(self._known) < _MAX_KNOWN:
            self._known[name] = answer
        return answer

    def blobs(self, oids: Iterable[str], *, limit: int = MAX_TEXT_BYTES) -> dict[str, bytes]:
        """See `ObjectReader`. No extra process; up to three in a partial clone."""
        wanted = [oid for oid in dict.fromkeys(oids) if is_oid(oid)]
        if self._is_partial:
            wanted = self._here(wanted)
        found = {}
        for answer in self._batch.ask(wanted, limit=limit):
            if answer is not None and answer.kind == "blob" and answer.data is not None:
                found[answer.oid] = answer.data
        return found

    def _here(self, oids: list[str]) -> list[str]:
        """The blobs present in this clone; fetches the others at once if allowed."""
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

    Raises RepositoryError if libgit2 cannot open the repository (SHA-256, reftable, ...).
    """

    def __init__(self, repository: Repository) -> None:
        import pygit2

        try:
            from gitmodel.files.path_encoding import native

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

    def tree(self, commit: str, *suffixes: str) -> tuple[TreeEntry, ...]:
        """See `ObjectReader`."""
        import pygit2

        _check_oid(commit)
        wanted = tuple(os.fsencode(suffix) for suffix in suffixes)
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

    def text_at(self, commit: str, path: str) -> bytes | None:
        """See `ObjectReader`."""
        import pygit2

        _check_oid(commit)
        try:
            entry = self._opened[commit].peel(pygit2.Commit).tree[path]
        except (KeyError, ValueError, pygit2.GitError):
            return None
        if not isinstance(entry, pygit2.Blob) or entry.size > MAX_TEXT_BYTES:
            return None
        return entry.data

    def lacks(self, commit: str, path: str) -> bool:
        """See `ObjectReader`."""
        import pygit2

        _check_oid(commit)
        try:
            return path not in self._opened[commit].peel(pygit2.Commit).tree
        except (KeyError, ValueError, pygit2.GitError):
            return False

    def blobs(self, oids: Iterable[str], *, limit: int = MAX_TEXT_BYTES) -> dict[str, bytes]:
        """See `ObjectReader`."""
        import pygit2

        database = self._opened.odb
        found = {}
        for oid in dict.fromkeys(oids):
            try:
                kind, size = database.read_header(pygit2.Oid(hex=oid))
                if kind == pygit2.enums.ObjectType.BLOB and size <= limit:
                    found[oid] = database.read(pygit2.Oid(hex=oid))[1]
            except (KeyError, ValueError):  # missing, or not an object id
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


def _common_end(texts: Sequence[str]) -> str:
    """The longest end that all texts have."""
    last = texts[0]
    while not all(text.endswith(last) for text in texts):
        last = last[1:]
    return last


def _check_oid(commit: str) -> None:
    if not is_oid(commit):
        raise RepositoryError(f"{commit!r} is not a commit id")


def _glob_escaped(text: str) -> str:
    return "".join("\\" + letter if letter in "*?[\\" else letter for letter in text)


_HEX_DIGITS = frozenset("0123456789abcdef")


def is_oid(text: str) -> bool:
    """Whether a text is a full object id."""
    return len(text) in {40, 64} and not set(text) - _HEX_DIGITS
