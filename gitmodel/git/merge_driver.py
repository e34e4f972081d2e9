"""The merge driver in Git's configuration, and the state that a merge leaves.

Words: a *merge driver* is a command under `merge.NAME.driver`. Git runs it for each file that both sides
changed and whose attribute `merge` is NAME (gitattributes(5)). It gets three temporary files, and writes the
result into the second.

Guarantee: after a conflict each side is complete in the index, whatever the driver did, because Git writes all
three there itself.
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
_NAME = "gitmodel: takes one side of a pointer or an alias, or reports a conflict"
_RECURSIVE_KEY = "merge.gitmodel.recursive"
# If two branches have several bases, Git merges these first. A conflict there would put markers
# into the base of the real merge; `binary` takes the common ancestor of the bases instead.
_RECURSIVE = "binary"
_SHELL = "/bin/sh"
_TRIAL_SECONDS = 60


def driver_command(repository: Repository, *, own: bool = False) -> str | None:
    """Return the command of the driver, None if there is none. One process.

    With `own` only this clone's configuration is read.
    """
    scope = ("--local",) if own else ()
    code, output = repository.attempt("config", *scope, "-z", "--get", DRIVER_KEY, accept=(0, 1))
    return None if code else output.decode("utf-8", "surrogateescape").removesuffix("\0")


def set_driver(repository: Repository, command: str) -> None:
    """Write the driver into the clone's configuration. Three processes.

    The command is written first: Git aborts a merge if a driver has other keys but no command.
    """
    for key, value in ((DRIVER_KEY, command), (_RECURSIVE_KEY, _RECURSIVE), (_NAME_KEY, _NAME)):
        repository.set_config(key, value)


def unset_driver(repository: Repository) -> None:
    """Remove what `set_driver` wrote, the command last; no error if it does not exist. Three processes."""
    for key in (_NAME_KEY, _RECURSIVE_KEY, DRIVER_KEY):
        repository.unset_config(key)


def try_driver(
    repository: Repository, command: str, *, base: bytes, ours: bytes, theirs: bytes, path: str
) -> tuple[int, bytes]:
    """Run a driver as Git would, in a folder of its own; returns its exit code and the result.

    The command has %O for `base`, %A for `ours`, %B for `theirs`, %L, and %P for `path`. Raises
    GitCommandError if the shell cannot be started, or if the driver times out.
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
    """Read a file that Git passed to the driver. No process."""
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def write_result(folder: str, name: str, content: bytes) -> None:
    """Replace a file that Git passed to the driver, atomically. No process."""
    replace_file(os.path.join(folder, name), content)


def is_rebasing(repository: Repository) -> bool:
    """Whether a rebase is in progress, where "ours" is not the user's branch. No process."""
    places = ("rebase-merge", os.path.join("rebase-apply", "rebasing"))
    return any(os.path.lexists(os.path.join(repository.git_dir, place)) for place in places)


def merged_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The branch names that `git merge` merges, as the user typed them."""
    names = [value for name, value in environment.items() if name.startswith("GITHEAD_")]
    return tuple(name for name in names if name)


def last_change(repository: Repository, path: str) -> tuple[str, tuple[str, ...]] | None:
    """The newest commit that changed a file to its content at HEAD, and its parents. One process.

    A merge that takes the file from a parent does not change it; one that combines two parents does.
    """
    output = repository.run(
        *("-c", "log.follow=false", "log", "-1", "--no-show-signature", "--format=%H %P"),
        *("HEAD", "--", f":(literal){path}"),
    )
    commit, *parents = output.decode("ascii").split() or [""]
    return (commit, tuple(parents)) if commit else None
