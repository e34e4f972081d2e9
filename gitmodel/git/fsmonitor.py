"""The one slot that Git has for a file system monitor: `core.fsmonitor`, in each scope.

Source: git-config(1), githooks(5) under fsmonitor-watchman.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitmodel.git.repository import Repository

MONITOR_KEY = "core.fsmonitor"
_WISH_KEY = "gitmodel.fsmonitor"
# Git looks at each entry of the index again after the answer "every file".
_MOST_ENTRIES = 50_000


class ScopedValue(NamedTuple):
    """A value of a key and where it stands: "system", "global", "local" or "worktree"."""

    scope: str
    value: str


def monitors(repository: Repository) -> tuple[ScopedValue, ...]:
    """Return every value of `core.fsmonitor`; the last one counts. One process.

    What `git -c` says for one command is left out.
    """
    _, output = repository.attempt(
        "config", "--show-scope", "-z", "--get-all", MONITOR_KEY, accept=(0, 1)
    )
    words = output.decode("utf-8", "surrogateescape").split("\0")[:-1]
    pairs = zip(words[::2], words[1::2], strict=True)
    return tuple(ScopedValue(scope, value) for scope, value in pairs if scope != "command")


def set_monitor(repository: Repository, value: str) -> None:
    """Write `core.fsmonitor` into the clone's configuration. One process."""
    repository.set_config(MONITOR_KEY, value)


def unset_monitor(repository: Repository) -> None:
    """Remove `core.fsmonitor` from the clone's configuration. One process."""
    repository.unset_config(MONITOR_KEY)


def is_wished(repository: Repository) -> bool:
    """Whether `gitmodel.fsmonitor` asks for the switch, in any scope. One process."""
    return _is_true(repository, _WISH_KEY)


def set_wish(repository: Repository, *, wished: bool) -> None:
    """Remember in this clone whether the switch is asked for. Up to three processes."""
    if wished:
        repository.set_config(_WISH_KEY, "true")
        return
    repository.unset_config(_WISH_KEY)
    if is_wished(repository):  # the person's own configuration asks for it in every clone
        repository.set_config(_WISH_KEY, "false")


def obstacle(repository: Repository) -> str | None:
    """Return why Git cannot have a monitor of ours here, None where it can. Up to three processes."""
    if repository.work_tree is None:
        return "a bare repository has no work tree"
    for key in ("core.untrackedCache", "feature.manyFiles"):
        if _is_true(repository, key):
            return f"{key} is on, and Git would miss new files"
    count = repository.run("ls-files", "-z").count(b"\0")
    if count >= _MOST_ENTRIES:
        return f"the index has {count:,} files, and each git status would take longer"
    return None


def monitor_folder(repository: Repository) -> str:
    """Return where the script of the monitor lies, absolute: all work trees share it."""
    return os.path.join(repository.common_dir, "gitmodel")


def _is_true(repository: Repository, key: str) -> bool:
    """Whether a key is a true value of Git's; `keep` and any other word is none."""
    code, output = repository.attempt("config", "--type=bool", "--get", key, accept=(0, 1, 128))
    return code == 0 and output.strip() == b"true"
