"""What guards an excerpt: one process at a time, a folder of one's own, and an environment for git.

Guarantee: neither the URL nor a password in it is written to a file; git gets it from its
environment, as one more setting beside those that no configuration of the machine may change.
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
    # A server that sends nothing for a minute is not there: no job of a CI may wait for ever.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("protocol.version", "2"),  # older ones give out no single files
    ("fetch.prune", "false"),
    ("transfer.bundleURI", "false"),  # a server may not send us elsewhere
    ("core.hooksPath", os.devnull),
    ("gc.auto", "0"),  # commits that no ref names are kept
)
# Of a `git push` that we may run inside: objects must not end up in its quarantine.
_NOT_OURS = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the excerpt of a folder alone; another process waits. Freed however this one ends.

    Raises:
        RepositoryError: The folder above cannot be written.
    """
    try:
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
        descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RepositoryError(
            f"{folder} cannot be written: {error.strerror}", hint="name another cache: --cache DIR"
        ) from error
    try:
        with suppress(OSError):  # a file system without locks: Git's own keep refs whole
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refuse_foreign(folder: str) -> None:
    """Refuse a folder that another user made: its configuration could make Git run programs.

    Raises:
        RepositoryError: It is another user's.
    """
    if os.stat(folder).st_uid != os.geteuid():
        raise RepositoryError(
            f"{folder} belongs to another user", hint="name a cache of your own: --cache DIR"
        )


def environment_for(
    environment: Mapping[str, str], url: GitUrl, folder: str, server: str
) -> dict[str, str]:
    """What git is run with: the URL stands here and not in a file, since it may hold a password."""
    chosen = chosen_environment(environment)
    for name in _NOT_OURS:
        chosen.pop(name, None)
    count = chosen.get("GIT_CONFIG_COUNT", "0")
    number = int(count) if count.isdigit() else 0  # the person's own come first
    for key, value in (*_SETTINGS, (f"remote.{server}.url", url.url)):
        chosen[f"GIT_CONFIG_KEY_{number}"] = key
        chosen[f"GIT_CONFIG_VALUE_{number}"] = value
        number += 1
    chosen["GIT_CONFIG_COUNT"] = str(number)
    # What is missing is fetched all at once, by `fetch_objects`, and never one object at a time.
    chosen["GIT_NO_LAZY_FETCH"] = "1"
    chosen["GIT_DIR"] = folder
    return chosen
