"""`gitmodel fetch`: download the weights of versions from a remote into the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.project.deprecated_versions import check_deprecated
from gitmodel.project.fetching.session import CheckoutReport, chosen_models, fetch_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.project import Project


def fetch(
    project: Project, references: Sequence[str] = (), *, remote: str | None = None
) -> CheckoutReport:
    """Download the weights of versions into the cache.

    Args:
        project: The project.
        references: The versions; every pointer of the work tree if empty.
        remote: Name of the remote; the primary, then the mirrors, if not given.

    Raises:
        ObjectMissingError: No remote has a version.
        RemoteError: No remote can be used.
    """
    report = CheckoutReport()
    models = chosen_models(project, references)
    check_deprecated(project, models, "gitmodel fetch")
    fetch_models(project, models, report, remote)
    return report
