"""The switch that lets Git ask gitmodel before it decides whether there is something to commit.

What may be installed where; the text of script and configuration is the business of `githooks`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.git.fsmonitor import (
    ScopedValue,
    is_wished,
    monitor_folder,
    monitors,
    obstacle,
    set_monitor,
    set_wish,
    unset_monitor,
)
from gitmodel.project.fsmonitor.seen_weights import SCRIPT, remove_notes

if TYPE_CHECKING:
    from gitmodel.project.project import Project

_OWN_SCOPE = "local"


@dataclass(frozen=True, slots=True)
class MonitorPlace:
    """What stands where the monitor belongs.

    Attributes:
        script: Absolute path of the script.
        own: Value of `core.fsmonitor` in the clone's configuration, None if there is none.
        others: The values in other scopes, weakest first.
        effective: The value that counts for Git here, None if there is none.
        wished: `gitmodel.fsmonitor` asks for the switch.
    """

    script: str
    own: str | None
    others: tuple[ScopedValue, ...]
    effective: str | None
    wished: bool


def monitor_place(project: Project) -> MonitorPlace:
    """Look where the monitor belongs."""
    repository = project.repository
    found = monitors(repository)
    own = [value for scope, value in found if scope == _OWN_SCOPE]
    return MonitorPlace(
        script=os.path.join(monitor_folder(repository), SCRIPT),
        own=own[-1] if own else None,
        others=tuple(value for value in found if value.scope != _OWN_SCOPE),
        effective=found[-1].value if found else None,
        wished=is_wished(repository),
    )


def reason_against(project: Project) -> str | None:
    """Why no monitor can be installed here, None where it can."""
    if sys.platform != "darwin" and not os.path.exists("/proc/self/cmdline"):
        return "this system does not tell the words of a command (/proc)"
    return obstacle(project.repository)


def write_monitor(project: Project, value: str) -> None:
    """Put the command into the clone's configuration, and remember that the person asked for it."""
    set_monitor(project.repository, value)
    set_wish(project.repository, wished=True)


def erase_monitor(project: Project) -> None:
    """Take the command out of the clone's configuration, and remove what its script needed."""
    unset_monitor(project.repository)
    remove_notes(project)


def forget_wish(project: Project) -> None:
    """Remember that the person does not want the switch."""
    set_wish(project.repository, wished=False)
