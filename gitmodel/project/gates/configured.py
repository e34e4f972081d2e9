"""Gates as a commit configures them.

The configuration comes from the branch that is changed, not from the work tree: a commit cannot lower its own bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Config
from gitmodel.domain.gates.config import Gates
from gitmodel.errors import ConfigError
from gitmodel.project.models import blob_at
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.project import Project


def gates_at(project: Project, commit: str | None) -> Gates:
    """The gates of a commit; of the work tree if None.

    Raises ConfigError if the configuration is not valid, GateConfigError if its gates are not.
    """
    if commit is None:
        return Gates.from_values(project.config.unknown, what=CONFIG_NAME)
    return Gates.from_values(settings_at(project, commit), what=_name(commit))


def settings_at(project: Project, commit: str) -> Mapping[str, Value]:
    """The keys of a commit's configuration that are not about remotes; none if it has no configuration.

    Raises ConfigError if the configuration is not valid or cannot be read, which must not open a gate.
    """
    blob = blob_at(project, commit, CONFIG_NAME)
    if blob is None:
        _refuse_other_kind(project, commit)
        return {}
    raw = project.reader.blobs([blob]).get(blob)
    if raw is None:
        raise ConfigError(
            f"{_name(commit)} is not in this clone, or larger than it can be",
            hint="git fetch --refetch",
        )
    return Config.from_text(raw, what=_name(commit)).unknown


def _refuse_other_kind(project: Project, commit: str) -> None:
    """Refuse a link or a folder in place of the configuration. One process."""
    if project.repository.run("ls-tree", "-z", commit, "--", CONFIG_NAME):
        raise ConfigError(
            f"{_name(commit)} is no plain file", hint=f"replace {CONFIG_NAME} by a plain file"
        )


def _name(commit: str) -> str:
    return f"{CONFIG_NAME} in commit {commit[:10]}"
