"""Prove that Git runs our hooks and that they start gitmodel, without doing what hooks do.

Git itself runs each script, in a scratch repository. A variable in the environment has gitmodel
answer with one line instead of working, and another has the scripts leave out the hooks of other
people that they run first: nobody's checks or uploads start because of a proof.

What holds: the repository, its hooks and its remotes are as they were.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.escape import printable
from gitmodel.project.clone import AFTER_COMMIT_NOTE, run_git
from gitmodel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project

VARIABLE: Final = "GITMODEL_HOOK_CHECK"
_LONGEST_ANSWER = 200  # characters of what a broken hook says


def answer(name: str) -> str:
    """What gitmodel says in place of working, so that the one who asks knows which one answered."""
    return f"gitmodel {__version__} runs {name}"


def prove(project: Project, scripts: Mapping[str, str]) -> dict[str, str]:
    """Let Git run scripts, and return what is wrong with those that did not start this gitmodel.

    Two processes for each hook, in the project's environment. `scripts` maps hooks to absolute paths.
    """
    if not scripts:
        return {}
    with tempfile.TemporaryDirectory(prefix="gitmodel-") as temporary:
        scratch = os.path.realpath(temporary)
        run_git(project, ("init", "-q", "--template=", "."), folder=scratch)
        # post-commit starts nothing without it
        with open(os.path.join(scratch, ".git", AFTER_COMMIT_NOTE), "wb"):
            pass
        problems = {name: _problem(project, scratch, name, path) for name, path in scripts.items()}
    return {name: problem for name, problem in problems.items() if problem is not None}


def _problem(project: Project, scratch: str, name: str, path: str) -> str | None:
    folder = os.path.dirname(path)
    if os.path.basename(path) != name:  # behind the hook of another tool, which is not run
        folder = os.path.join(scratch, "hooks")
        os.makedirs(folder, exist_ok=True)
        os.symlink(path, os.path.join(folder, name))
    done = run_git(
        project,
        ("-c", f"core.hooksPath={folder}", "hook", "run", name),
        folder=scratch,
        extra={
            VARIABLE: "1",
            "GITMODEL_INSIDE": f"{name} {scratch}",
            "PWD": scratch,
            # Since Git 2.54 a person's configuration may name hooks as well, which are not ours.
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        },
    )
    said = done.stderr.decode("utf-8", "replace").strip()
    if answer(name) in said.splitlines() or "is not a git command" in said:  # Git before 2.36
        return None
    words = printable(said[:_LONGEST_ANSWER])
    return f"there, but does not start this gitmodel: {words or f'exit code {done.returncode}'}"
