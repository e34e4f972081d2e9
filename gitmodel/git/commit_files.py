"""Commits made from texts: a parent, the files that change, a message.

Only the trees on the paths of these files are read and written, and no file is read, so a clone without files
fetches nothing. The texts are stored as given: no filter, attribute or line-end rule applies.

Guarantee: index, HEAD, refs and work tree stay as they are. The new objects belong to no ref until the caller
names or pushes them.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitCommandError, RepositoryError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.git.repository import Repository

_FILE_MODES = frozenset({"100644", "100755", "100664"})  # the last one was written by Git in 2005
_UNKNOWN = ("AUTHOR", "COMMITTER")
_IDENTITY_HINT = (
    'git config --global user.name "Your Name", and git config --global user.email you@example.org'
)
_SIGNING_HINT = (
    "commit.gpgSign is on, so Git signs with a key of yours; to see which: "
    "git config user.signingKey"
)

# A folder of changes: a text, None for a file to remove, or another folder.
_Changes = dict[str, "str | _Changes | None"]


class _Entry(NamedTuple):
    """One entry of a tree."""

    mode: str
    kind: str
    oid: str


def write_tree(repository: Repository, commit: str, changes: Mapping[str, str | None]) -> str:
    """Write the tree of a commit with these texts; returns its id, that of the commit's tree if none differs.

    Text None removes a file, if it exists. Paths are with `/`, from the top of the repository, which may be
    bare. An existing file keeps its mode; a folder without a file is removed. Raises UnsafePathError if a
    path is not inside the repository or is the folder of another, RepositoryError if one is a folder, a
    link or a submodule in the commit.
    """
    top: _Changes = {}
    for path, text in changes.items():
        _insert(top, path, text)
    return _changed_tree(repository, tree_of(repository, commit), top, "") or _store_tree(
        repository, {}
    )


def tree_of(repository: Repository, commit: str) -> str:
    """The id of a commit's tree. One process."""
    output = repository.run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
    return output.decode("ascii").strip()


def commit_tree(repository: Repository, tree: str, parent: str, message: str) -> str:
    """Make a commit of a tree; returns its id. Two processes.

    Author, committer and signature are as for `git commit`. Raises RepositoryError if Git does not know who
    the author is, GitCommandError if the commit cannot be signed or written.
    """
    asked = ("config", "--type=bool", "--get", "commit.gpgSign")
    _, output = repository.attempt(*asked, accept=(0, 1))
    signed = output.strip() == b"true"
    try:
        written = repository.run(
            # Another encoding would be stated in the commit, and the message is UTF-8.
            *("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *(("-S",) if signed else ())),
            *("-p", parent, "-F", "-", tree),
            input_bytes=(message.strip() + "\n").encode("utf-8", "surrogateescape"),
        )
    except GitCommandError as error:
        _require_identity(repository)
        if signed and error.hint is None:
            error.hint = _SIGNING_HINT
        raise
    return written.decode("ascii").strip()


def _require_identity(repository: Repository) -> None:
    """Raise if Git does not know who makes the commit. Two processes."""
    for who in _UNKNOWN:
        if not repository.succeeded("var", f"GIT_{who}_IDENT"):
            raise RepositoryError(
                f"Git does not know who the {who.lower()} of the commit is", hint=_IDENTITY_HINT
            )


def _insert(top: _Changes, path: str, text: str | None) -> None:
    *folders, name = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in (*folders, name)):
        raise UnsafePathError(
            f"{quote_text(path)} is not the path of a file in a commit",
            hint="use names joined by '/', such as models/fraud.model.yaml",
        )
    inner = top
    for folder in folders:
        below = inner.setdefault(folder, {})
        if not isinstance(below, dict):
            raise _both(path)
        inner = below
    if name in inner:
        raise _both(path)
    inner[name] = text


def _both(path: str) -> UnsafePathError:
    return UnsafePathError(
        f"{quote_text(path)} and another path of the commit are file and folder in one",
        hint="rename one of the two",
    )


def _changed_tree(
    repository: Repository, tree: str | None, changes: _Changes, folder: str
) -> str | None:
    """The tree with the changes, None if nothing is left in it. One process, and one to write it."""
    before = {} if tree is None else _entries(repository, tree)
    entries = dict(before)
    for name, change in changes.items():
        path = f"{folder}{name}"
        entry = entries.pop(name, None)
        if isinstance(change, dict):
            _require_kind(entry, path, is_folder=True)
            below = None if entry is None else entry.oid
            oid = _changed_tree(repository, below, change, f"{path}/")
            if oid is not None:
                entries[name] = _Entry("040000", "tree", oid)
            continue
        _require_kind(entry, path, is_folder=False)
        if change is not None:
            mode = "100644" if entry is None else entry.mode
            entries[name] = _Entry(mode, "blob", _store_text(repository, change))
    if not entries:
        return None
    return tree if entries == before else _store_tree(repository, entries)


def _require_kind(entry: _Entry | None, path: str, *, is_folder: bool) -> None:
    """Raise if an entry exists that is not a folder, or not a plain file."""
    if entry is None or (entry.kind == "tree" if is_folder else entry.mode in _FILE_MODES):
        return
    kinds = {"tree": "a folder", "commit": "a submodule"}
    found = "a link" if entry.mode == "120000" else kinds.get(entry.kind, "a file")
    wanted = "a folder" if is_folder else "a file"
    raise RepositoryError(
        f"{path} is {found} in the commit before, and not {wanted}",
        hint=f"git log -- {shlex.quote(path)}, for the commit that made it so",
    )


def _entries(repository: Repository, tree: str) -> dict[str, _Entry]:
    """The entries of a tree by name. One process."""
    found = {}
    for item in os.fsdecode(repository.run("ls-tree", "-z", tree)).split("\0")[:-1]:
        description, _, name = item.partition("\t")
        mode, kind, oid = description.split(" ")
        found[name] = _Entry(mode, kind, oid)
    return found


def _store_text(repository: Repository, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    stored = repository.run("hash-object", "-w", "--no-filters", "--stdin", input_bytes=data)
    return stored.decode("ascii").strip()


def _store_tree(repository: Repository, entries: Mapping[str, _Entry]) -> str:
    lines = (f"{mode} {kind} {oid}\t{name}\0" for name, (mode, kind, oid) in entries.items())
    # `--missing`: a partial clone would fetch each file of the folder.
    stored = repository.run("mktree", "-z", "--missing", input_bytes=os.fsencode("".join(lines)))
    return stored.decode("ascii").strip()
