"""`gitmodel commit`: for the words of `git commit`, which has its own parser."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.cli.session import Session, folder_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.cli.output import Output
    from gitmodel.cli.parsers import Verbs

_COMMIT = """\
Takes every option of `git commit` and runs it: same editor, hooks, signing and
exit code. First it registers new weights of the models that `-a`, `-i` or the
paths name, so that Git finds a change where nothing but weights changed:

  gitmodel commit -am "Train on May"
  gitmodel commit models/fraud.model.yaml -m "Train on May\""""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    commit = verbs.add(
        "commit",
        _run_parsed,
        summary="Register new weights, then run git commit",
        description=_COMMIT,
    )
    commit.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="as for git commit")


def _run_parsed(session: Session, *, arguments: list[str]) -> int:
    return _commit(session, arguments)


def run(output: Output, *, folders: Sequence[str], words: Sequence[str]) -> int:
    """Commit with the folders of `-C` and the words for Git; returns only where Git cannot be started."""
    session = Session(output, environment=os.environ, folder=folder_after(folders))
    return _commit(session, words)


def _commit(session: Session, words: Sequence[str]) -> int:
    from gitmodel.workflows.commit import become_git_commit, register_weights

    context = session.context()
    for line in register_weights(context, words):
        session.output.note(f"gitmodel: {line}")
    session.output.flush()
    become_git_commit(context, words)
