"""`gitmodel doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint
from gitmodel.project.clone import hooks_folder_of, work_tree_of

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.project import Project
    from gitmodel.workflows.doctor import Finding


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    doctor = verbs.add(
        "doctor",
        run,
        summary="Check that this clone works, and say what to run if it does not",
        description="Exit code 1 means that something is wrong; each finding says what to run.",
        json=True,
    )
    doctor.add_argument(
        "--offline", dest="network", action="store_false", help="do not ask the remotes"
    )


def run(session: Session, *, network: bool) -> int:
    """Look at everything and print a line for each finding."""
    from gitmodel.githooks.merge_driver import is_outdated
    from gitmodel.workflows.doctor import doctor

    with session.project() as project:
        findings = doctor(
            project,
            hooks=_hooks(project),
            monitor=_monitor(project),
            old_driver=is_outdated(project),
            network=network,
        )
    output = session.output
    fine = all(finding.ok for finding in findings)
    if output.as_json:
        output.json({"ok": fine, "findings": findings})
        return 0 if fine else 1
    for finding in findings:
        word = Paint("ok    ", "good") if finding.ok else Paint("wrong ", "bad")
        output.line(word, Paint(finding.title, "strong"), f": {finding.detail}")
        if not finding.ok and finding.hint is not None:
            output.line(f"      run: {finding.hint}")
    return 0 if fine else 1


def _monitor(project: Project) -> Finding | None:
    """What a commit of nothing but weights is here; nothing to find where there is no work tree."""
    from gitmodel.githooks.fsmonitor_probe import check_monitor
    from gitmodel.workflows.doctor import Finding

    if work_tree_of(project) is None:
        return None
    check = check_monitor(project, sys.executable)
    return Finding("commit of nothing but weights", check.ok, check.detail, check.hint)


def _hooks(project: Project) -> dict[str, str]:
    """The state of each hook; "ours" only if Git has just run it and it started this gitmodel."""
    from gitmodel.githooks.inspect import HookState, inspect
    from gitmodel.githooks.probe import prove

    runs = {HookState.OURS, HookState.EDITED, HookState.BEHIND_PRE_COMMIT}
    folder = hooks_folder_of(project)
    found = inspect(folder, work_tree=work_tree_of(project))
    words = {name: str(state) for name, state in found.states.items()}
    words |= dict.fromkeys(found.outdated, "of another gitmodel")
    ours = [
        name for name, state in found.states.items() if state in runs and name not in found.outdated
    ]
    words |= dict.fromkeys(ours, str(HookState.OURS))
    words |= {name: "edited" for name in ours if name in found.edited}
    words |= {
        name: f"run by {found.makers.get(name, 'another tool')}"
        for name, state in found.states.items()
        if state is HookState.DELEGATED
    }
    return words | prove(project, {name: found.scripts[name] for name in ours})
