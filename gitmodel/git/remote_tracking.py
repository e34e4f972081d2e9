"""The remote-tracking branches of this clone, as last fetched or pushed; nothing here contacts a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.git.repository import Repository


def tracking_tips(repository: Repository, remote: str) -> tuple[str, ...]:
    """The commits of the remote-tracking branches of a Git remote. One process."""
    output = repository.run(
        "for-each-ref", "--format=%(objecttype) %(objectname)", f"refs/remotes/{remote}/"
    )
    words = [line.split(" ") for line in output.decode("ascii").splitlines()]
    return tuple(dict.fromkeys(oid for kind, oid in words if kind == "commit"))


def upstream(repository: Repository) -> str | None:
    """The commit of the upstream branch, None without one. One process.

    `git cat-file --batch` is not used, because it ends at `@{upstream}` without an upstream.
    """
    return repository.oid_of("@{upstream}^{commit}")
