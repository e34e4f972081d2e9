"""Gates as a commit configures them.

The configuration comes from the branch that is changed, not from the work tree: a commit cannot lower its own bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Config
from gitmodel.domain.gates.config import Gates
from gitmodel.project.models import text_at
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def gates_at(project: Project, commit: str | None) -> Gates:
    """The gates of a commit; of the work tree if None.

    Raises ConfigError if the configuration is not valid, GateConfigError if its gates are not.
    """
    if commit is None:
        return Gates.from_values(project.config.unknown, what=CONFIG_NAME)
    raw = text_at(project, commit, CONFIG_NAME)
    if raw is None:
        return Gates()
    what = f"{CONFIG_NAME} in commit {commit[:10]}"
    return Gates.from_values(Config.from_text(raw, what=what).unknown, what=what)
