"""The merge driver of a clone: its command, and how it is put into Git's configuration and taken out.

Git runs the command by `sh` for every pointer, alias file and file of deprecations that both sides of a merge
changed. It starts gitmodel as the hooks do. Where gitmodel does not run to its end, or leaves the file to Git,
the command merges line by line, as Git would without a driver: the check line of a pointer makes
two sides that both changed it conflict.

What holds: a command that a person has edited stays, and `remove` takes only what `install` wrote.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.githooks.scripts import LINE_BY_LINE, MERGED, REFUSED, check_of, quoted_interpreter

if TYPE_CHECKING:
    from gitmodel.project.project import Project

# %P is quoted by Git, so it stands outside of quotes. The mark at the end is a comment for sh.
_PASSED = "hook merge-driver %O %A %B %L %P"
_KEPT: Final = (
    "gitmodel_python=''; if [ -x \"$gitmodel_python\" ]; "
    f'then "$gitmodel_python" -E -X utf8 -P -m gitmodel {_PASSED}; '
    f"else PYTHONPATH='' gitmodel {_PASSED}; fi; "
    f"case $? in {MERGED}) exit 0 ;; {REFUSED}) exit 1 ;; {LINE_BY_LINE}) ;; "
    "*) echo 'gitmodel did not run to its end, so Git merges line by line:' %P >&2 ;; esac; "
    "git merge-file -q --marker-size=%L -L ours -L base -L theirs %A %O %B || exit 1"
)
_MARK = " # gitmodel-merge: 1 "
_INTERPRETER = lazy_compile(r"^gitmodel_python='(?:[^']|'\\'')*';")


class DriverState(StrEnum):
    """What stands in the clone's configuration."""

    ABSENT = "absent"
    OURS = "ours"  # as some gitmodel wrote it, whichever Python it starts
    EDITED = "edited"  # a person's own


def driver_text(interpreter: str) -> str:
    """The command as it is written into the configuration; raises as `quoted_interpreter`."""
    # Git replaces what follows a %, so a % of the path is doubled.
    quoted = quoted_interpreter(interpreter).decode("utf-8", "surrogateescape").replace("%", "%%")
    started = _KEPT.replace("gitmodel_python='';", f"gitmodel_python={quoted};", 1)
    return started + _MARK + check_of(_KEPT.encode()).decode()


def recognise_driver(command: str | None) -> DriverState:
    """Tell whose a command is; which Python it starts makes no difference."""
    if command is None:
        return DriverState.ABSENT
    body, mark, check = command.rpartition(_MARK)
    plain = _INTERPRETER.sub("gitmodel_python='';", body, count=1)
    ours = mark and check == check_of(plain.encode("utf-8", "surrogateescape")).decode()
    return DriverState.OURS if ours else DriverState.EDITED


def is_outdated(project: Project) -> bool:
    """Whether the driver is as another gitmodel wrote it, whichever Python it starts."""
    from gitmodel.workflows.merge_driver import clone_driver

    command = clone_driver(project)
    if recognise_driver(command) is not DriverState.OURS or command is None:
        return False
    body = command.rpartition(_MARK)[0]
    return _INTERPRETER.sub("gitmodel_python='';", body, count=1) != _KEPT


def driver_state(project: Project) -> DriverState:
    """Look at what stands in the clone's configuration."""
    from gitmodel.workflows.merge_driver import clone_driver

    return recognise_driver(clone_driver(project))


def install_driver(project: Project, interpreter: str) -> Literal["written", "unchanged", "edited"]:
    """Write the driver into the clone's configuration, unless a person's own is there; idempotent.

    Raises as `quoted_interpreter`, or RepositoryError if Git cannot write.
    """
    from gitmodel.workflows.merge_driver import clone_driver, write_driver

    present, command = clone_driver(project), driver_text(interpreter)
    if recognise_driver(present) is DriverState.EDITED:
        return "edited"
    if present == command:
        return "unchanged"
    write_driver(project, command)
    return "written"


def remove_driver(project: Project) -> DriverState:
    """Remove the driver if it is ours; returns what was there before.

    Raises RepositoryError if Git cannot write its configuration.
    """
    from gitmodel.workflows.merge_driver import clone_driver, erase_driver

    state = recognise_driver(clone_driver(project))
    if state is DriverState.OURS:
        erase_driver(project)
    return state
