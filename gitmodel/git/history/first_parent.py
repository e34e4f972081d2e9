r"""What the first-parent line of a commit did to alias files, with an on-disk index in large repositories.

The first-parent line of a branch is the commits that were its tip, if people merge into it. A merge counts as one
change: what it made of its first parent. Which changes a line has is a function of its tip, so an index is never
stale. `git log --first-parent` takes 250 ms for 12,000 commits.

The index is one file, `<common folder>/gitmodel/history/first-parent-1`: the ids of one whole line, and its
changes. A line with another tip is read from Git down to the first commit that the file has. It is not used in
shallow or grafted clones, where commits have other parents than they name.

Layout: 16 bytes b"gitmodel line 1\n"; 16 bytes of the BLAKE3 of all that follows; u32, little-endian, number of
ids; the ids, newest first; zlib of eight texts a change, NUL between all.

Guarantee: with and without the index the changes are the same. A file that cannot be read, or is damaged, is
treated as missing.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.files.safe_open import replace_file
from gitmodel.git.history.cached import has_few_objects
from gitmodel.git.history.segment import CHECK, check_of, split_ids
from gitmodel.git.history.walk import History, read_raw_log, seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.git.repository import Repository

_FILE = ("gitmodel", "history", "first-parent-1")
_MAGIC = b"gitmodel line 1\n"
_COUNT = struct.Struct("<I")
_FIELDS = 8
_SUFFIXES = (".alias.yaml",)
_WORTH_WRITING = 512  # new commits; Git walks this many in 10 ms
_FORMAT = "--format=%H%n%P%n%ct%n%at%n%an <%ae>%n%s"
_LOG = (
    # The user's `log.diffMerges` would change what `-m` shows.
    *("-c", "log.follow=false", "-c", "log.diffMerges=first-parent"),
    *("log", "--first-parent", "-m", "--raw", "-z", "--root"),
    *("--no-renames", "--no-abbrev", _FORMAT, "--no-mailmap", "--no-show-signature"),
    *("--no-ext-diff", "--no-color", "--no-notes", "--ignore-submodules=all", "--encoding=UTF-8"),
)


class LineChange(NamedTuple):
    """One file that one commit of the line introduced, changed or deleted, compared with its first parent.

    Author ("Ana <ana@example.org>") and subject, the first line of the message, are not escaped. Times are
    Unix seconds.
    """

    commit: str
    path: str  # relative to the top of the work tree
    oid: str | None  # its blob after the commit; None if it was deleted or is not a plain file now
    committed: int  # committer time: when the commit was made, merged or rebased
    when: int  # author time
    author: str
    subject: str
    is_merge: bool


class _Line(NamedTuple):
    ids: list[str]
    changes: list[LineChange]


class FirstParentHistory:
    """First-parent lines of one repository.

    The index is written for at least `worth_writing` new commits. With `is_small` Git is read without an
    index; None decides by the number of objects.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        worth_writing: int = _WORTH_WRITING,
        is_small: bool | None = None,
    ) -> None:
        self._repository = repository
        self._worth_writing = worth_writing
        self._is_small = is_small
        self._path = os.path.join(repository.common_dir, *_FILE)
        self._oid_length = 32 if repository.object_format == "sha256" else 20

    def changes(self, tip: str, suffix: str = _SUFFIXES[0]) -> list[LineChange]:
        """The changes of a commit and its first parents to files whose path ends with `suffix`, newest first.

        The tip is an object id; the suffix must end with that of alias files. One process in a small
        repository, none if the index ends with this tip, else two.
        """
        history = History(self._repository)
        if history.is_altered() or history.lacks_trees() or self._few_objects():
            return self._log((tip,), (suffix,))
        line = self._line(tip)
        return [change for change in line.changes if change.path.endswith(suffix)]

    def _few_objects(self) -> bool:
        return has_few_objects(self._repository) if self._is_small is None else self._is_small

    def _line(self, tip: str) -> _Line:
        stored = self._read()
        if stored is not None and stored.ids[0] == tip:
            return stored
        new = self._ids(tip, None if stored is None else stored.ids[0])
        line = None if stored is None else self._joined(tip, new, stored)
        if line is None:
            if stored is not None:
                new = self._ids(tip, None)
            ids = [oid for oid, _ in new]
            line = _Line(ids, self._log((tip,), _SUFFIXES))
        if len(new) >= self._worth_writing:
            self._write(line)
        return line

    def _joined(self, tip: str, new: Sequence[tuple[str, str]], stored: _Line) -> _Line | None:
        """The line of `tip`, whose commits above the stored line are `new`; None if it does not meet that."""
        meets = new[-1][1] if new else tip
        try:
            start = stored.ids.index(meets)
        except ValueError:
            return None
        ids = [oid for oid, _ in new]
        kept = set(stored.ids[:start])
        older = [change for change in stored.changes if change.commit not in kept]
        added = self._log((tip, f"^{meets}"), _SUFFIXES) if ids else []
        return _Line(ids + stored.ids[start:], added + older)

    def _ids(self, tip: str, above: str | None) -> list[tuple[str, str]]:
        """The commits of a line from its tip, newest first, each with its first parent ("" without one).

        What is reachable from `above` is left out.
        """
        data = f"{tip}\n" if above is None else f"{tip}\n^{above}\n"
        output = self._repository.run(
            *("rev-list", "--first-parent", "--parents", "--stdin"), input_bytes=data.encode()
        )
        lines = (line.split(" ") for line in output.decode("ascii").splitlines())
        return [(words[0], words[1] if len(words) > 1 else "") for words in lines]

    def _log(self, revisions: Sequence[str], suffixes: Sequence[str]) -> list[LineChange]:
        data = "".join(f"{revision}\n" for revision in revisions).encode("ascii")
        pathspecs = (f"*{suffix}" for suffix in suffixes)
        output = self._repository.run(*_LOG, "--stdin", "--", *pathspecs, input_bytes=data)
        found: list[LineChange] = []
        for head, files in read_raw_log(output, 6):
            commit, parents, committed, when, author, subject = head
            found += [
                LineChange(
                    commit=commit,
                    path=path,
                    oid=oid,
                    committed=seconds_of(committed),
                    when=seconds_of(when),
                    author=author,
                    subject=subject,
                    is_merge=" " in parents,
                )
                for path, oid in files
            ]
        return found

    def _read(self) -> _Line | None:
        try:
            with open(self._path, "rb") as stream:
                data = stream.read()
        except OSError:
            return None
        start = len(_MAGIC) + CHECK
        body = data[start:]
        if data[:start] != _MAGIC + check_of(body) or len(body) < _COUNT.size:
            return None
        (count,) = _COUNT.unpack_from(body)
        end = _COUNT.size + count * self._oid_length
        if not count or len(body) < end:
            return None
        fields = iter(zlib.decompress(body[end:]).split(b"\0")) if len(body) > end else iter(())
        records = zip(*[fields] * _FIELDS, strict=True)
        return _Line(
            split_ids(body[_COUNT.size : end], self._oid_length), [_change(one) for one in records]
        )

    def _write(self, line: _Line) -> None:
        ids = bytes.fromhex("".join(line.ids))
        records = b"\0".join(b"\0".join(_record(change)) for change in line.changes)
        body = _COUNT.pack(len(line.ids)) + ids + (zlib.compress(records, 1) if records else b"")
        with suppress(OSError):  # a full disk or a read-only repository
            replace_file(self._path, _MAGIC + check_of(body) + body)


def _record(change: LineChange) -> tuple[bytes, ...]:
    return (
        change.commit.encode(),
        os.fsencode(change.path),
        (change.oid or "").encode(),
        b"%d" % change.committed,
        b"%d" % change.when,
        change.author.encode(),
        change.subject.encode(),
        b"merge" if change.is_merge else b"",
    )


def _change(record: tuple[bytes, ...]) -> LineChange:
    commit, path, oid, committed, when, author, subject, merge = record
    return LineChange(
        commit=commit.decode(),
        path=os.fsdecode(path),
        oid=oid.decode() or None,
        committed=int(committed),
        when=int(when),
        author=author.decode(),
        subject=subject.decode(),
        is_merge=bool(merge),
    )
