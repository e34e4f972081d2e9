"""Gates as a commit configures them.

The configuration comes from the branch that is changed, not from the work tree: a commit cannot lower its own bar.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.config.keys import other_keys
from gitmodel.domain.gates.config import Gates
from gitmodel.errors import ConfigError, GitmodelError
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
    known = project.reader.text_at(commit, CONFIG_NAME)
    if known is not None:
        with suppress(ConfigError):  # the target of a link, say: what follows tells it
            return other_keys(known, what=_name(commit))
    blob = blob_at(project, commit, CONFIG_NAME)
    if blob is None:
        _refuse_other_kind(project, commit)
        return {}
    raw = project.reader.blobs([blob]).get(blob)
    if raw is None:
        raise ConfigError(
            f"{_name(commit)} is not in this clone, or larger than it can be",
            hint="git fetch --refetch --no-filter",
        )
    return other_keys(raw, what=_name(commit))


def edited_settings(project: Project, before: str, after: str) -> list[str]:
    """The keys, of `gates` and `better`, that differ between two commits.

    Raises ConfigError if the later configuration is not valid; an earlier one that is not counts as empty.
    """
    if blob_at(project, before, CONFIG_NAME) == blob_at(project, after, CONFIG_NAME):
        return []
    new = settings_at(project, after)
    Gates.from_values(new, what=_name(after))
    old: Mapping[str, Value] = {}
    with suppress(GitmodelError):
        old = settings_at(project, before)
    return [key for key in ("gates", "better") if old.get(key) != new.get(key)]


def _refuse_other_kind(project: Project, commit: str) -> None:
    """Refuse a link or a folder in place of the configuration. One process."""
    if project.repository.run("ls-tree", "-z", commit, "--", CONFIG_NAME):
        raise ConfigError(
            f"{_name(commit)} is no plain file", hint=f"replace {CONFIG_NAME} by a plain file"
        )


def _name(commit: str) -> str:
    return f"{CONFIG_NAME} in commit {commit[:10]}"
