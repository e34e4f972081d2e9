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
    """Download the weights of versions (of every pointer of the work tree if none is named) into the cache.

    From one remote, or the primary, then the mirrors. Raises ObjectMissingError if no remote has a
    version, RemoteError if no remote can be used.
    """
    report = CheckoutReport()
    models = chosen_models(project, references)
    check_deprecated(project, models, "gitmodel fetch")
    fetch_models(project, models, report, remote)
    return report
