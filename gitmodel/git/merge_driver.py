"""The Git side of merging pointers: the driver in the clone's configuration, and what a merge left.

Words: a *merge driver* is a command under `merge.NAME.driver` that Git runs for each file whose
attribute `merge` says NAME and that both sides changed (gitattributes(5)). It gets three temporary
files, and leaves the result in the second.

Guarantee: a side that the driver was given is still whole in the index after a conflict, whatever
the driver did, since Git writes the three there itself.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from gitmodel.errors import GitCommandError
from gitmodel.files.safe_open import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.git.repository import Repository

DRIVER_KEY = "merge.gitmodel.driver"
_NAME_KEY = "merge.gitmodel.name"
_NAME = "gitmodel: one side of a pointer whole, or a conflict"
_RECURSIVE_KEY = "merge.gitmodel.recursive"
# Where two branches have several bases, Git merges these first. Their conflict would become the base
# of the real merge, with markers in it; `binary` takes the common ancestor of the bases instead.
_RECURSIVE = "binary"
_SHELL = "/bin/sh"
_TRIAL_SECONDS = 60


def driver_command(repository: Repository, *, own: bool = False) -> str | None:
    """Return the command of the driver, None if there is none. One process.

    Args:
        repository: The repository.
        own: As this clone's own configuration says, not the person's or the machine's.
    """
    scope = ("--local",) if own else ()
    code, output = repository.attempt("config", *scope, "-z", "--get", DRIVER_KEY, accept=(0, 1))
    return None if code else output.decode("utf-8", "surrogateescape").removesuffix("\0")


def set_driver(repository: Repository, command: str) -> None:
    """Write the driver into the clone's configuration. Three processes.

    The command comes first: where Git finds anything else of a driver but no command, it dies in the
    middle of the merge ("custom merge driver gitmodel lacks command line").
    """
    for key, value in ((DRIVER_KEY, command), (_RECURSIVE_KEY, _RECURSIVE), (_NAME_KEY, _NAME)):
        repository.set_config(key, value)


def unset_driver(repository: Repository) -> None:
    """Remove what `set_driver` wrote, the command last; no error if it is gone. Three processes."""
    for key in (_NAME_KEY, _RECURSIVE_KEY, DRIVER_KEY):
        repository.unset_config(key)


def try_driver(
    repository: Repository, command: str, *, base: bytes, ours: bytes, theirs: bytes, path: str
) -> tuple[int, bytes]:
    """Run a driver as Git would, in a folder of its own; returns its exit code and the result.

    Args:
        repository: Where it would run.
        command: With the placeholders %O, %A, %B, %L and %P.
        base: Content of %O.
        ours: Content of %A.
        theirs: Content of %B.
        path: The file that is said to be merged.

    Raises:
        GitCommandError: The shell cannot be started, or the driver does not end.
    """
    with tempfile.TemporaryDirectory(prefix="gitmodel-merge-") as folder:
        for name, content in (("O", base), ("A", ours), ("B", theirs)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        values = {"%": "%", "O": "O", "A": "A", "B": "B", "L": "7", "P": f"'{path}'"}
        try:
            done = subprocess.run(
                [_SHELL, "-c", _filled(command, values)],
                cwd=folder,
                env=repository.program.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TRIAL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise GitCommandError(f"the merge driver could not be run: {error}") from error
        return done.returncode, read_side(folder, "A")


def _filled(command: str, values: Mapping[str, str]) -> str:
    first, *rest = command.split("%")
    filled = [first]
    while rest:
        part = rest.pop(0)
        if not part and rest:  # %%
            filled.append("%" + rest.pop(0))
        else:
            filled.append(values.get(part[:1], "%" + part[:1]) + part[1:])
    return "".join(filled)


def read_side(folder: str, name: str) -> bytes:
    """Return the bytes of a file that Git gave to the driver. No process."""
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def write_result(folder: str, name: str, content: bytes) -> None:
    """Replace a file that Git gave to the driver, whole or not at all. No process."""
    replace_file(os.path.join(folder, name), content)


def is_rebasing(repository: Repository) -> bool:
    """Whether a rebase is under way, in which ours is not the person's own branch. No process."""
    places = ("rebase-merge", os.path.join("rebase-apply", "rebasing"))
    return any(os.path.lexists(os.path.join(repository.git_dir, place)) for place in places)


def merged_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what `git merge` says it merges: names of branches, as the person typed them."""
    names = [value for name, value in environment.items() if name.startswith("GITHEAD_")]
    return tuple(name for name in names if name)


def last_change(repository: Repository, path: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the newest commit that gave a file what it has at HEAD, and its parents. One process.

    A merge that took the file from a parent did not change it; one that mixed two parents did.
    """
    output = repository.run(
        *("-c", "log.follow=false", "log", "-1", "--no-show-signature", "--format=%H %P"),
        *("HEAD", "--", f":(literal){path}"),
    )
    commit, *parents = output.decode("ascii").split() or [""]
    return (commit, tuple(parents)) if commit else None
