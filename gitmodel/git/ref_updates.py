"""How a remote-tracking branch of this clone was moved, by its reflog; nothing here contacts a remote."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.git.cat_file import present_objects
from gitmodel.git.history.containing import is_ancestor
from gitmodel.git.objects import is_oid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.repository import Repository

_MOST_BYTES = 16 << 20  # 16 MiB of a reflog, the newest; about 100,000 updates
_MOST_QUESTIONS = 1000  # updates that Git is asked about, the newest


class RefUpdate(NamedTuple):
    """One line of a reflog."""

    old: str
    new: str
    when: int  # Unix seconds, by the clock of this machine


def forced_updates(repository: Repository, ref: str) -> list[RefUpdate] | None:
    """The updates of a ref after which it did not contain the commit that it had before, oldest first.

    None if this clone keeps no reflog of the ref. An old commit that is gone from this clone counts as not
    contained. Two processes, and one for each update that git-fetch has not called a fast-forward.
    """
    place = ("rev-parse", "--path-format=absolute", "--git-path", f"logs/{ref}")
    updates = _read(os.fsdecode(repository.run(*place)).rstrip("\n"))
    if updates is None:
        return None
    moved = [one for one in updates if set(one.old) != {"0"} and set(one.new) != {"0"}]
    asked = [one for one in moved if one.old != one.new][-_MOST_QUESTIONS:]
    present = present_objects(repository, {oid for one in asked for oid in one[:2]}, commits=True)
    return [one for one in asked if not _is_forward(repository, one, present)]


def _is_forward(repository: Repository, update: RefUpdate, present: Iterable[str]) -> bool:
    if update.old not in present or update.new not in present:
        return False
    return is_ancestor(repository, update.old, update.new)


def _read(path: str) -> list[RefUpdate] | None:
    r"""The lines "<old> <new> Ana <ana@example.org> 1750000000 +0000\tfetch: ..."."""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _MOST_BYTES))
            lines = stream.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        head, _, message = line.partition("\t")
        if message.endswith(": fast-forward"):  # git-fetch looked
            continue
        old, _, rest = head.partition(" ")
        new, _, who = rest.partition(" ")
        when = who.rsplit(" ", 2)[-2:-1]
        if is_oid(old) and is_oid(new):
            found.append(RefUpdate(old, new, int(when[0]) if when and when[0].isdecimal() else 0))
    return found
