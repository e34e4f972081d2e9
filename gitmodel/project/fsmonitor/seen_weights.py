"""A list of all weights, with the time of the last check that found them unchanged.

The fsmonitor script reads it: if no listed file has changed since, it starts no second Python process. The time
is the modification time of the list.

The list is only an optimisation. Without it the weights are checked; if it is wrong, the commit continues as
without the script, and pre-commit finds new weights.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError
from gitmodel.files.safe_open import PendingFile, write_all
from gitmodel.git.fsmonitor import monitor_folder
from gitmodel.project.models import read_models
from gitmodel.worktree.records import now_ns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

SCRIPT = "fsmonitor"
_LIST = os.path.join("gitmodel", "seen")  # in the Git folder of the work tree
_ASKED = os.path.join("gitmodel", "asked")  # beside it: the process that the script last answered
_MOST_MODELS = 200  # the script checks them one by one
# A file written in the same tick of the file system's clock as the check counts as newer. A tick is
# a few ms if timestamps have nanoseconds, else up to 2 s.
_FINE_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_500_000_000


def is_watched(project: Project) -> bool:
    """Whether the script is installed, for any work tree of the repository."""
    return os.path.exists(os.path.join(monitor_folder(project.repository), SCRIPT))


def note_seen(project: Project, weights: Collection[str] | None = None) -> None:
    """Check all weights by stat, and write the list if they are unchanged; never fails.

    Starts one process, or none if the existing list is still valid: it has all the given `weights`, and
    none of them has changed.
    """
    if project.repository.work_tree is None or not is_watched(project):
        return
    path = os.path.join(project.repository.git_dir, _LIST)
    with suppress(OSError, GitmodelError):
        if weights is None or not _holds(project.root, path, weights):
            _write(project, path)


def forget_seen(project: Project) -> None:
    """Delete the list, so that the next check reads the weights."""
    with suppress(OSError):
        os.unlink(os.path.join(project.repository.git_dir, _LIST))


def remove_notes(project: Project) -> None:
    """Delete the list and the script's own notes."""
    forget_seen(project)
    with suppress(OSError):
        os.unlink(os.path.join(project.repository.git_dir, _ASKED))


def _write(project: Project, path: str) -> None:
    looked_ns = now_ns()
    models = read_models(project)
    clean = not models.broken and all(_is_clean(project, model) for model in models.models)
    weights = sorted({model.weights for model in models.models})
    if (
        not clean
        or len(weights) > _MOST_MODELS
        or any("\n" in weights_file for weights_file in weights)
    ):
        forget_seen(project)
        return
    file = PendingFile(path)
    try:
        write_all(
            file.descriptor, os.fsencode("".join(f"{weights_file}\n" for weights_file in weights))
        )
        fine = os.fstat(file.descriptor).st_mtime_ns % 1_000_000 != 0
        noted_ns = looked_ns - (_FINE_TICK_NS if fine else _COARSE_TICK_NS)
        os.utime(file.descriptor, ns=(noted_ns, noted_ns))
    except BaseException:
        file.discard()
        raise
    file.commit(durable=False)


def _is_clean(project: Project, model: Model) -> bool:
    """Whether a commit would register no new version of these weights."""
    if not os.path.lexists(os.path.join(project.root, model.weights)):
        return True
    digest = project.worktree.unchanged(model.name, model.weights)
    known = (project.worktree.have(model.name, model.weights), model.pointer.digest)
    return digest is not None and digest in known


def _holds(root: str, path: str, weights: Collection[str]) -> bool:
    """Whether a list contains these weights and none of them has changed since."""
    try:
        noted_ns = os.stat(path).st_mtime_ns
        with open(path, "rb") as stream:
            listed = os.fsdecode(stream.read()).splitlines()
    except FileNotFoundError:
        return False
    return set(weights) <= set(listed) and all(
        _is_older(os.path.join(root, weights_file), noted_ns) for weights_file in listed
    )


def _is_older(path: str, noted_ns: int) -> bool:
    try:
        if os.stat(path).st_ctime_ns > noted_ns:
            return False
    except FileNotFoundError:
        return True
    return not os.path.isdir(path) or all(
        os.lstat(weights_file).st_ctime_ns <= noted_ns for weights_file in _below(path)
    )


def _below(folder: str) -> Iterable[str]:
    for above, folders, files in os.walk(folder):
        yield from (os.path.join(above, name) for name in (*folders, *files))
