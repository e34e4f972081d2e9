"""Protection of a cached clone: a lock, a check of its owner, and an environment for git.

Guarantee: neither the URL nor a password in it is written to a file. Git receives the URL through its
environment, with other settings that no configuration of the machine may override.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gitmodel.errors import RepositoryError
from gitmodel.git.program import chosen_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitmodel.git.url import GitUrl

_SETTINGS = (
    # A transfer that stalls for a minute is aborted, so that a CI job does not hang.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("protocol.version", "2"),  # older versions cannot send single files
    ("fetch.prune", "false"),
    ("transfer.bundleURI", "false"),  # a server may not redirect to other servers
    ("core.hooksPath", os.devnull),
    ("gc.auto", "0"),  # keep commits without a ref
)
# Variables of an enclosing `git push`: objects must not be written into its quarantine.
_NOT_OURS = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Lock a cached clone; other processes wait. The lock ends with the process.

    Raises RepositoryError if the parent folder cannot be written.
    """
    try:
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
        descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RepositoryError(
            f"{folder} cannot be written: {error.strerror}", hint="name another cache: --cache DIR"
        ) from error
    try:
        with suppress(OSError):  # on a file system without locks, Git's own locks protect the refs
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refuse_foreign(folder: str) -> None:
    """Raise RepositoryError for a folder of another user: its configuration could make Git run programs."""
    if os.stat(folder).st_uid != os.geteuid():
        raise RepositoryError(
            f"{folder} belongs to another user", hint="name a cache of your own: --cache DIR"
        )


def environment_for(
    environment: Mapping[str, str], url: GitUrl, folder: str, server: str
) -> dict[str, str]:
    """The environment for git, including the URL, which may contain a password."""
    chosen = chosen_environment(environment)
    for name in _NOT_OURS:
        chosen.pop(name, None)
    count = chosen.get("GIT_CONFIG_COUNT", "0")
    number = int(count) if count.isdigit() else 0  # after the user's own settings
    for key, value in (*_SETTINGS, (f"remote.{server}.url", url.url)):
        chosen[f"GIT_CONFIG_KEY_{number}"] = key
        chosen[f"GIT_CONFIG_VALUE_{number}"] = value
        number += 1
    chosen["GIT_CONFIG_COUNT"] = str(number)
    # Missing objects are fetched together, by `fetch_objects`, never one at a time.
    chosen["GIT_NO_LAZY_FETCH"] = "1"
    chosen["GIT_DIR"] = folder
    return chosen
