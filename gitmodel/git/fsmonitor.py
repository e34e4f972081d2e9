"""The configuration of Git's file system monitor, `core.fsmonitor`, in each scope.

Source: git-config(1), githooks(5) under fsmonitor-watchman.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitmodel.git.repository import Repository

MONITOR_KEY = "core.fsmonitor"
_REQUEST_KEY = "gitmodel.fsmonitor"
# After the answer "every file" Git checks each entry of the index again.
_MOST_ENTRIES = 50_000


class ScopedValue(NamedTuple):
    """A configuration value and its scope: "system", "global", "local" or "worktree"."""

    scope: str
    value: str


def monitors(repository: Repository) -> tuple[ScopedValue, ...]:
    """All values of `core.fsmonitor`; the last one is effective. One process.

    Values of `git -c` are not included.
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


def is_requested(repository: Repository) -> bool:
    """Whether `gitmodel.fsmonitor` is true, in any scope. One process."""
    return _is_true(repository, _REQUEST_KEY)


def set_requested(repository: Repository, *, requested: bool) -> None:
    """Record in this clone whether the user wants the hook. Up to three processes."""
    if requested:
        repository.set_config(_REQUEST_KEY, "true")
        return
    repository.unset_config(_REQUEST_KEY)
    if is_requested(repository):  # the user's global configuration enables it for every clone
        repository.set_config(_REQUEST_KEY, "false")


def obstacle(repository: Repository) -> str | None:
    """Why the fsmonitor hook cannot be used here, None if it can. Up to three processes."""
    if repository.work_tree is None:
        return "a bare repository has no work tree"
    for key in ("core.untrackedCache", "feature.manyFiles"):
        if _is_true(repository, key):
            return f"{key} is on, so Git would miss new files"
    count = repository.run("ls-files", "-z").count(b"\0")
    if count >= _MOST_ENTRIES:
        return f"the index has {count:,} files, so each git status would take longer"
    return None


def monitor_folder(repository: Repository) -> str:
    """The folder of the hook's script, absolute and shared by all work trees."""
    return os.path.join(repository.common_dir, "gitmodel")


def _is_true(repository: Repository, key: str) -> bool:
    """Whether a key has a true value; words other than booleans count as false."""
    code, output = repository.attempt("config", "--type=bool", "--get", key, accept=(0, 1, 128))
    return code == 0 and output.strip() == b"true"
