"""The state of the fsmonitor hook in this clone, and changes to its configuration.

The text of the script and of the configuration value belongs to `githooks`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.git.fsmonitor import (
    ScopedValue,
    is_requested,
    monitor_folder,
    monitors,
    obstacle,
    set_monitor,
    set_requested,
    unset_monitor,
)
from gitmodel.project.fsmonitor.seen_weights import SCRIPT, remove_notes

if TYPE_CHECKING:
    from gitmodel.project.project import Project

_OWN_SCOPE = "local"


@dataclass(frozen=True, slots=True)
class MonitorConfig:
    """The configuration of the fsmonitor hook."""

    script: str  # absolute path
    own: str | None  # value of `core.fsmonitor` in the clone's configuration
    others: tuple[ScopedValue, ...]  # values in other scopes, weakest first
    effective: str | None  # value that Git uses here
    requested: bool  # whether `gitmodel.fsmonitor` is set to true


def monitor_config(project: Project) -> MonitorConfig:
    """Read the configuration of the fsmonitor hook."""
    repository = project.repository
    found = monitors(repository)
    own = [value for scope, value in found if scope == _OWN_SCOPE]
    return MonitorConfig(
        script=os.path.join(monitor_folder(repository), SCRIPT),
        own=own[-1] if own else None,
        others=tuple(value for value in found if value.scope != _OWN_SCOPE),
        effective=found[-1].value if found else None,
        requested=is_requested(repository),
    )


def reason_against(project: Project) -> str | None:
    """Why the hook cannot be installed here, None if it can."""
    if sys.platform != "darwin" and not os.path.exists("/proc/self/cmdline"):
        return "this system does not show the command line of a process (/proc)"
    return obstacle(project.repository)


def write_monitor(project: Project, value: str) -> None:
    """Write the command into the clone's configuration, and record the user's choice."""
    set_monitor(project.repository, value)
    set_requested(project.repository, requested=True)


def remove_monitor_config(project: Project) -> None:
    """Remove the command from the clone's configuration, and delete the script's notes."""
    unset_monitor(project.repository)
    remove_notes(project)


def record_opt_out(project: Project) -> None:
    """Record that the user does not want the hook."""
    set_requested(project.repository, requested=False)
