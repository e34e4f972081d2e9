"""`gitmodel completion SHELL`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_COMPLETION = """\
Write it to a file that the shell reads:
  bash   ~/.local/share/bash-completion/completions/gitmodel
  zsh    _gitmodel in a folder of $fpath
  tcsh   any file, with a line in ~/.tcshrc: source FILE"""
_FILES = frozenset({"PATH", "FILE"})
_FOLDERS = frozenset({"DIR", "FOLDER"})


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    completion = verbs.add(
        "completion",
        run,
        summary="Print what makes a shell complete gitmodel",
        description=_COMPLETION,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="which shell")


def run(session: Session, *, shell: str) -> int:
    """Print the completion script of a shell."""
    import shtab

    from gitmodel.cli.parsers import full_parser

    parser = full_parser()
    for action in _arguments(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own protocol
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    session.output.verbatim(shtab.complete(parser, shell))
    return 0


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments of a parser and of those below it."""
    for action in parser._actions:  # noqa: SLF001  (there is no public way to walk a parser)
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _arguments(below)
