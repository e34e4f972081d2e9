"""What this clone believes Git remotes have: their branches as they were last fetched or pushed.

Guarantee: nothing here asks a remote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.git.repository import Repository


def tracking_tips(repository: Repository, remote: str) -> tuple[str, ...]:
    """Return the commits that the branches of a Git remote are believed to be at. One process."""
    output = repository.run(
        "for-each-ref", "--format=%(objecttype) %(objectname)", f"refs/remotes/{remote}/"
    )
    words = [line.split(" ") for line in output.decode("ascii").splitlines()]
    return tuple(dict.fromkeys(oid for kind, oid in words if kind == "commit"))


def upstream(repository: Repository) -> str | None:
    """Return the commit that the followed branch is believed to be at, None without one.

    One process; `git cat-file --batch` would end at `@{upstream}` where there is none.
    """
    code, output = repository.attempt(
        "rev-parse", "--verify", "--quiet", "@{upstream}^{commit}", accept=(0, 1, 128)
    )
    return None if code else output.decode("ascii").strip()
