"""Query many objects with one `git cat-file --batch` process.

The process stays open for further queries. A huge object ends it; the next query starts another one. In a
partial clone a query would open one connection for each missing object, so `present_objects` and
`fetch_objects` handle them together.

Guarantee: no content over the limit is ever held in memory.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitCommandError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.git.repository import Repository

# The empty tree, for comparisons before the first commit; Git knows it without storing it.
EMPTY_TREES = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
_SKIP_LIMIT = 4 * 1024 * 1024  # 4 MiB: reading past a larger object costs more than a new process
_BATCH = 200  # object ids written before reading: about 13 KiB, less than any pipe holds


class Object(NamedTuple):
    """One object; `data` is None if it exceeds the limit."""

    oid: str
    kind: str
    data: bytes | None


class Batch:
    """One `git cat-file --batch`, started on first use; for one thread.

    With `may_fetch` a partial clone may fetch missing objects (Git before 2.45 always may).
    """

    def __init__(self, repository: Repository, *, may_fetch: bool = False) -> None:
        self._repository = repository
        self._extra = {} if may_fetch else {"GIT_NO_LAZY_FETCH": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, names: Sequence[str], *, limit: int) -> Iterator[Object | None]:
        """Yield one answer for each name, in order; None if the object does not exist.

        The names are object ids or revisions, without line ends; contents of more than `limit` bytes are
        not read. Raises GitCommandError if the git process has ended.
        """
        done = 0
        while done < len(names):
            for answer in self._some(names[done : done + _BATCH], limit):
                done += 1
                yield answer

    def _some(self, names: Sequence[str], limit: int) -> Iterator[Object | None]:
        """Yield answers for the first names, at least one; a huge object ends the process."""
        requests, answers = self._pipes()
        try:
            requests.write(os.fsencode("".join(name + "\n" for name in names)))
            requests.flush()
        except OSError as error:
            self.close()
            raise GitCommandError(f"git cat-file ended: {error}", hint="git fsck") from error
        for _ in names:
            yield self._answer(answers, limit)
            if self._process is None:
                return

    def _answer(self, answers: IO[bytes], limit: int) -> Object | None:
        header = answers.readline()
        if not header:
            self.close()
            raise GitCommandError("git cat-file ended before it answered", hint="git fsck")
        # "<oid> blob 123", or "<name> missing", or "<name> ambiguous"
        words = header.split()
        if len(words) != 3 or not words[2].isdigit():
            return None
        oid, kind, size = words[0].decode("ascii"), words[1].decode("ascii"), int(words[2])
        if size > max(limit, _SKIP_LIMIT):
            self.close()
            return Object(oid, kind, None)
        data = answers.read(size + 1)[:size]
        return Object(oid, kind, data if size <= limit else None)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = self._repository.start("cat-file", "--batch", extra=self._extra)
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None  # noqa: S101  (both are pipes: `start` says so)
        assert answers is not None  # noqa: S101
        return requests, answers

    def close(self) -> None:
        """End the process, if it runs; idempotent."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it may be writing a huge object
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # the process has ended
                pipe.close()
    process.wait()


def sizes_of(repository: Repository, oids: Iterable[str]) -> dict[str, int]:
    """The sizes in bytes of the objects that exist. One process, none without ids."""
    data = "".join(oid + "\n" for oid in dict.fromkeys(oids)).encode("ascii")
    if not data:
        return {}
    format_ = "--batch-check=%(objectname) %(objectsize)"
    output = repository.run("cat-file", format_, input_bytes=data).decode("ascii")
    pairs = (line.split(" ") for line in output.splitlines())
    return {oid: int(size) for oid, size in pairs if size != "missing"}


def head_of_blob(repository: Repository, oid: str, size: int) -> bytes:
    """The first bytes of a blob, which may be huge. One process."""
    process = repository.start("cat-file", "blob", oid)
    try:
        return b"" if process.stdout is None else process.stdout.read(size)
    finally:
        _end(process)


def present_objects(
    repository: Repository, oids: Iterable[str], *, commits: bool = False
) -> frozenset[str]:
    """The objects that are present in this clone, without fetching any. One process.

    The ids are of blobs; or, with `commits`, of commits and tags, which a partial clone may not find.
    """
    if not repository.is_partial_clone():
        return frozenset(sizes_of(repository, oids))
    data = "".join(oid + "\n" for oid in oids).encode("ascii")
    if not data:
        return frozenset()
    # `cat-file` would fetch missing objects; `rev-list` does not (tested with Git 2.39). With
    # `--objects` a commit lists its whole tree; without it blobs are not listed.
    kind = () if commits else ("--objects",)
    options = ("--no-walk", "--ignore-missing", "--missing=allow-any", "--stdin")
    output = repository.run("rev-list", *kind, *options, input_bytes=data)
    return frozenset(line.split(b" ")[0].decode("ascii") for line in output.splitlines())


def fetch_objects(repository: Repository, oids: Sequence[str]) -> None:
    """Fetch objects that a partial clone lacks, in one connection for each remote.

    Objects that no reachable remote has stay missing. Two processes or more.
    """
    _, output = repository.attempt(
        "config", "--name-only", "--get-regexp", r"^remote\..*\.promisor$", accept=(0, 1)
    )
    for key in output.decode("utf-8", "surrogateescape").splitlines():
        _fetch_from(repository, key.removeprefix("remote.").removesuffix(".promisor"), oids)


def _fetch_from(repository: Repository, remote: str, oids: Sequence[str]) -> None:
    """Fetch from one remote; if it refuses because it lacks an object, retry each half."""
    arguments = (
        *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags"),
        *("--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"),
    )
    data = "".join(oid + "\n" for oid in oids).encode("ascii")
    try:
        repository.run(*arguments, "--", remote, input_bytes=data)
    except GitCommandError as error:
        if "not our ref" in error.message and len(oids) > 1:
            half = len(oids) // 2
            _fetch_from(repository, remote, oids[:half])
            _fetch_from(repository, remote, oids[half:])
