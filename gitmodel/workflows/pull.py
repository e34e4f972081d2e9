"""`gitmodel pull`: the weights of the work tree's pointers, for use after `git pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import UsageError
from gitmodel.workflows.checkout import checkout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.fetching.session import CheckoutReport
    from gitmodel.project.project import Project


def pull(project: Project, names: Sequence[str]) -> CheckoutReport:
    """Check out the versions that the pointers of the work tree name; the pointers stay as they are.

    No names mean all. Raises UsageError if a name has a version, otherwise as `checkout`.
    """
    for name in names:
        if "@" in name:
            raise UsageError(
                f"pull checks out the versions that the pointers name, not {name}",
                hint=f"gitmodel checkout {name}",
            )
    return checkout(project, names)
