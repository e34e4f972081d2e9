"""The switch `gitmodel install --fsmonitor`: a script and one key of the clone's configuration.

Git runs the command of `core.fsmonitor` by `sh` at the top of the work tree, whenever it reads the
index for a work tree. The command finds the Git folder of this work tree and runs the script there.

The command runs only a script in that Git folder, never a file of the work tree. Without a script it prints
nothing, and Git checks every file. If `core.fsmonitor` has another value in any scope, nothing is installed.
`remove_monitor` removes only what `install_monitor` wrote.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from gitmodel.errors import RepositoryError
from gitmodel.githooks.install import write_script
from gitmodel.githooks.scripts import HookText, check_of, interpreter_in, recognise, script_text
from gitmodel.githooks.third_party import read_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.project.fsmonitor.switch import MonitorConfig
    from gitmodel.project.project import Project

SCRIPT_NAME: Final = "fsmonitor"

# The running shell sources the script: a second shell would cost 1 ms. The arguments are kept.
# GIT_DIR has priority: with `git --git-dir=A/.git --work-tree=B` the folder .git of B is the wrong one.
# A linked work tree and a submodule have a file .git; a linked work tree shares the script.
_COMMAND: Final = (
    "d=${GIT_DIR:-.git}; "
    'if [ -z "${GIT_DIR-}" ] && [ -f .git ]; then read -r _ d <.git; fi; '
    'if [ -f "$d/commondir" ]; then read -r c <"$d/commondir"; '
    "case $c in /*) d=$c ;; *) d=$d/$c ;; esac; fi; "
    '[ -f "$d/gitmodel/fsmonitor" ] && [ -x "$d/gitmodel/fsmonitor" ] '
    '&& . "$d/gitmodel/fsmonitor"; exit 1'
)
# Git appends "$@", which becomes part of the comment.
_MARK = " # gitmodel-fsmonitor: 1 "


class MonitorState(StrEnum):
    """The state of the switch in this clone."""

    OFF = "off"
    ON = "on"
    OUTDATED = "outdated"  # ours, but of another gitmodel or for another Python
    EDITED = "edited"  # script or key is ours and was edited by a user
    BROKEN = "broken"  # the key is ours and the script is missing
    TAKEN = "taken"  # the key has a value that is not ours


@dataclass(frozen=True, slots=True)
class Monitor:
    """The switch."""

    state: MonitorState
    requested: bool  # whether the user asked for it
    config: MonitorConfig  # of the hook


@dataclass(frozen=True, slots=True)
class MonitorChange:
    """How the switch was changed."""

    # "nothing" if there is no switch and none was requested
    what: Literal["on", "unchanged", "off", "refused", "edited", "nothing"]
    reason: str = ""  # why it was refused


def command_text() -> str:
    """The value of `core.fsmonitor`."""
    return _COMMAND + _MARK + check_of(_COMMAND.encode()).decode()


def is_ours(command: str) -> bool:
    """Whether gitmodel wrote this value of `core.fsmonitor`."""
    body, mark, check = command.rpartition(_MARK)
    plain = body.encode("utf-8", "surrogateescape")
    return bool(mark) and check == check_of(plain).decode()


def look(project: Project, interpreter: str) -> Monitor:
    """The state of script and key."""
    from gitmodel.project.fsmonitor.switch import monitor_config

    config = monitor_config(project)
    return Monitor(_state(config, interpreter), config.requested, config)


def _state(config: MonitorConfig, interpreter: str) -> MonitorState:
    if config.own is None:
        return MonitorState.TAKEN if config.others else MonitorState.OFF
    if not is_ours(config.own):
        return MonitorState.EDITED if _MARK in config.own else MonitorState.TAKEN
    text = read_hook(config.script)
    kind = recognise(SCRIPT_NAME, text)
    if kind is HookText.FOREIGN:
        return MonitorState.EDITED if os.path.lexists(config.script) else MonitorState.BROKEN
    if kind is HookText.EDITED:
        return MonitorState.EDITED
    current = kind is HookText.CURRENT and os.access(config.script, os.X_OK)
    if current and interpreter_in(text) == interpreter and config.own == command_text():
        return MonitorState.ON
    return MonitorState.OUTDATED


def install_monitor(
    project: Project, interpreter: str, *, wanted: bool | None = None
) -> MonitorChange:
    """Turn the switch on or off, or keep it current (`wanted` is None); idempotent.

    The script starts the Python of the absolute path `interpreter`. Raises RepositoryError if the Git
    folder cannot be written.
    """
    found = look(project, interpreter)
    if wanted is None and not found.requested:
        return MonitorChange("nothing")
    if wanted is False:
        return remove_monitor(project, interpreter)
    reason = _reason_against(project, found)
    if reason is not None:
        if found.state in {MonitorState.ON, MonitorState.OUTDATED, MonitorState.BROKEN}:
            remove_monitor(project, interpreter)
        return MonitorChange("refused", reason)
    if found.state is MonitorState.EDITED:
        return MonitorChange("edited")
    if found.state is MonitorState.ON and found.requested:
        return MonitorChange("unchanged")
    _write(project, found.config.script, interpreter)
    return MonitorChange("on")


def _write(project: Project, script: str, interpreter: str) -> None:
    from gitmodel.project.fsmonitor.switch import write_monitor

    with _explained(script):
        os.makedirs(os.path.dirname(script), exist_ok=True)
        write_script(script, script_text(SCRIPT_NAME, interpreter=interpreter))
    write_monitor(project, command_text())


def _reason_against(project: Project, found: Monitor) -> str | None:
    from gitmodel.project.fsmonitor.switch import reason_against

    if found.state is MonitorState.TAKEN:
        scope, value = found.config.others[-1] if found.config.others else ("local", "")
        own = found.config.own
        return f"core.fsmonitor is set already ({scope}: {value if own is None else own})"
    if found.config.others:
        scope, value = found.config.others[-1]
        return f"core.fsmonitor is set already ({scope}: {value})"
    return reason_against(project)


def remove_monitor(project: Project, interpreter: str) -> MonitorChange:
    """Remove script and key, unless a person edited them; idempotent. Raises as `install_monitor`."""
    from gitmodel.project.fsmonitor.switch import record_opt_out, remove_monitor_config

    found = look(project, interpreter)
    if found.requested:
        record_opt_out(project)
    script = found.config.script
    kind = recognise(SCRIPT_NAME, read_hook(script))
    if found.state is MonitorState.EDITED:
        return MonitorChange("edited")
    key_is_ours = found.config.own is not None and is_ours(found.config.own)
    if key_is_ours:
        remove_monitor_config(project)
    script_is_ours = kind in {HookText.CURRENT, HookText.OTHER_VERSION}
    if script_is_ours:
        with _explained(script):
            os.unlink(script)
    return MonitorChange("off" if key_is_ours or script_is_ours else "nothing")


@contextlib.contextmanager
def _explained(script: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RepositoryError(
            f"{script} cannot be written: {error.strerror or error}",
            hint="make that folder writable, and run it again",
        ) from error
