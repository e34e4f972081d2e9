"""What `gitmodel doctor` says of the switch `--fsmonitor`: it lets Git run the script to know."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import printable
from gitmodel.githooks.fsmonitor import SCRIPT_NAME, MonitorState, command_text, look
from gitmodel.githooks.probe import VARIABLE, answer
from gitmodel.project.clone import run_git

if TYPE_CHECKING:
    from gitmodel.githooks.fsmonitor import Monitor
    from gitmodel.project.project import Project

_LONGEST_ANSWER = 200  # characters of what a broken script says
_IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "gitmodel"), ("EMAIL", "gitmodel@invalid"))
}
_COMMIT = ("-c", f"core.hooksPath={os.devnull}", "commit", "-q", "-a", "--no-gpg-sign", "-m", "x")
_WITHOUT = "has to be repeated, or typed as gitmodel commit"


@dataclass(frozen=True, slots=True)
class MonitorCheck:
    """What was found."""

    ok: bool  # the switch does what the person asked for
    detail: str  # what a commit of nothing but weights is in this clone
    hint: str | None = None  # the command to run if it is not


def check_monitor(project: Project, interpreter: str) -> MonitorCheck:
    """Look at the switch, and where it is on let Git run its script in a scratch repository."""
    found = look(project, interpreter)
    off = "gitmodel install --no-fsmonitor"
    if found.state is MonitorState.EDITED:
        return MonitorCheck(True, "core.fsmonitor or its script was edited, and was not tried")
    if not found.requested and found.state in {MonitorState.OFF, MonitorState.TAKEN}:
        more = "; to make it one command: gitmodel install --fsmonitor" if _is_free(found) else ""
        return MonitorCheck(True, _WITHOUT + more)
    if found.state is MonitorState.TAKEN or found.config.effective != found.config.own:
        return MonitorCheck(False, f"{_WITHOUT}: {_owner(found)}", off)
    if found.state is not MonitorState.ON:
        words = {MonitorState.BROKEN: "the script is missing", MonitorState.OFF: "it is not set"}
        return MonitorCheck(
            False, f"{_WITHOUT}: {words.get(found.state, str(found.state))}", "gitmodel install"
        )
    return _proved(project, found)


def _proved(project: Project, found: Monitor) -> MonitorCheck:
    from gitmodel.project.fsmonitor.switch import reason_against

    reason = reason_against(project)
    if reason is not None:
        return MonitorCheck(False, reason, "gitmodel install")
    problem = prove_monitor(project, found.config.script)
    if problem is not None:
        return MonitorCheck(False, f"{_WITHOUT}: {problem}", "gitmodel install")
    hidden = f"; in this clone that hides what was there: {_owner(found)}"
    more = hidden if found.config.others else ""
    return MonitorCheck(True, f"one command: Git ran the script of core.fsmonitor{more}")


def _is_free(found: Monitor) -> bool:
    return found.state is MonitorState.OFF


def _owner(found: Monitor) -> str:
    """Whose `core.fsmonitor` it is, if not ours."""
    scope, value = found.config.others[-1] if found.config.others else ("local", found.config.own)
    daemon = "Git's own daemon" if value == "true" else f"{value}"
    return f"core.fsmonitor is {daemon} ({scope})"


def prove_monitor(project: Project, script: str) -> str | None:
    """Let Git run the script in a scratch repository; returns what is wrong, None if nothing is."""
    with tempfile.TemporaryDirectory(prefix="gitmodel-") as temporary:
        scratch = os.path.realpath(temporary)
        run_git(project, ("init", "-q", "--template=", "."), folder=scratch)
        with open(os.path.join(scratch, ".gitmodel.yaml"), "wb"):
            pass
        run_git(project, ("add", ".gitmodel.yaml"), folder=scratch)
        folder = os.path.join(scratch, ".git", "gitmodel")
        os.mkdir(folder)
        os.symlink(script, os.path.join(folder, SCRIPT_NAME))
        done = run_git(
            project,
            ("-c", f"core.fsmonitor={command_text()}", *_COMMIT),
            folder=scratch,
            extra={VARIABLE: "1", **_IDENTITY},
        )
    said = done.stderr.decode("utf-8", "replace").strip()
    if answer(SCRIPT_NAME) in said.splitlines():
        return None
    words = printable(said[:_LONGEST_ANSWER])
    return f"the script does not start this gitmodel: {words or f'exit code {done.returncode}'}"
