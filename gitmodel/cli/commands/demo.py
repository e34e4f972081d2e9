"""`gitmodel demo`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_DEMO = """\
In a scratch folder: a small model that the demo trains itself, two versions, a
push, a clone and a checkout. Each command is printed before it runs."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    demo = verbs.add("demo", run, summary="Show the whole job on a small model", description=_DEMO)
    demo.add_argument("--folder", metavar="DIR", help="where; by default a temporary folder")
    demo.add_argument("--keep", action="store_true", help="leave the folder when it is done")


def run(session: Session, *, folder: str | None, keep: bool) -> int:
    """Run the demo."""
    from gitmodel.workflows.demo import run_demo

    def say(text: str) -> None:
        for line in text.split("\n"):
            session.output.line(line)
        session.output.flush()  # what a command prints comes after what was said before it

    run_demo(session.context(), folder=folder, keep=keep, say=say, run=_execute)
    return 0


def _execute(arguments: list[str], folder: str, environment: Mapping[str, str]) -> int:
    done = subprocess.run(
        arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    return done.returncode
