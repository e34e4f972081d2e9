"""The roots of history for a garbage collection: every digest that a file of gitmodel in Git names.

Pointers and aliases name the digest of their version and of `previous`, which a roll-back returns to. Other roots
(index, stashes of other clones, records of work trees, ...) are not in the history of refs.

Guarantee: a digest that any reader of these files can resolve is among them. A file that does not parse names every
digest in its text, because a person may still repair it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import ALIAS_SUFFIX, EARLY_SUFFIX, POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError, RepositoryError
from gitmodel.git.cat_file import present_objects
from gitmodel.project.history.all_versions import fetched_blobs, stashes
from gitmodel.project.history.missing_history import find_missing_history

if TYPE_CHECKING:
    from gitmodel.project.project import Project

_DIGEST = re.compile(rb"blake3:([0-9a-f]{64})")


def historic_roots(project: Project) -> frozenset[Digest]:
    """The digests that pointers, aliases and their `previous` name, on all refs, HEADs and stashes.

    Fetches files that a partial clone lacks. Raises RepositoryError if this clone lacks old commits or
    files. Then nothing may be deleted.
    """
    lack = find_missing_history(project)
    if lack is not None:
        raise RepositoryError(
            f"{lack.reason}, so what must be kept is not known", hint=lack.command
        )
    tips = project.history.tips().decode("ascii").split()
    suffixes = (POINTER_SUFFIX, ALIAS_SUFFIX, EARLY_SUFFIX)
    changes = project.history.changes([*tips, *stashes(project)], suffixes=suffixes)
    paths = {change.oid: change.path for change in changes if change.oid is not None}
    blobs = fetched_blobs(project, list(paths))
    unread = [oid for oid in paths if oid not in blobs]
    # What is here and was not read is larger than gitmodel's files can be.
    if len(present_objects(project.repository, unread)) < len(unread):
        raise RepositoryError(
            "this clone lacks files of history, so what must be kept is not known",
            hint="git fetch --refetch --no-filter",
        )
    return frozenset(digest for oid, raw in blobs.items() for digest in _named(raw, paths[oid]))


def _named(raw: bytes, path: str) -> set[Digest]:
    """The digests that one file names."""
    with suppress(GitmodelError):
        file: Pointer | Alias | None = None
        if path.endswith(POINTER_SUFFIX):
            file = Pointer.from_text(raw, what=path)
        elif path.endswith(ALIAS_SUFFIX):
            file = Alias.from_text(raw, path, anywhere=True)
        if file is not None:
            before = () if file.previous is None else (file.previous.digest,)
            return {file.digest, *before}
    return {Digest(found.decode()) for found in _DIGEST.findall(raw)}
