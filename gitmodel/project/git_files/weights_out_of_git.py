"""Keep weights out of Git: ignore them, refuse to commit them, list them in `status`.

The `.gitignore` beside a pointer ignores its weights. That file belongs to a branch; the weights stay on disk
when a branch without the model is checked out. Weights recorded in this clone are therefore also listed in
`.git/info/exclude`, and pre-commit refuses them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.exclude import is_excluded
from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.errors import GitmodelError, WeightsError
from gitmodel.git.cat_file import head_of_blob, sizes_of
from gitmodel.git.ignore_rules import (
    append_missing,
    at_or_above,
    ignore_line,
    ignore_rules,
    is_shared_rule,
    tracked_paths,
)
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.models import Model
from gitmodel.worktree.scan import is_left_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gitmodel.git.index import Difference
    from gitmodel.project.project import Project

_BIG = 5 * 2**20  # bytes; smaller files do a repository no harm
# Git compares each untracked file with each line: 2,000 lines and 10,000 folders take a second.
_MOST_LINES = 300


class Exposed(NamedTuple):
    """Weights that Git tracks, or would add."""

    path: str  # of the weights
    name: str  # of the model
    problem: str
    next_command: str


# Ignoring weights in this clone


def ignore_in_clone(project: Project, paths: Collection[str], *, always: bool = False) -> None:
    """Add weights to `.git/info/exclude`, which ignores them on every branch; never fails.

    With `always` also if the file is so long that it slows Git down.
    """
    file = os.path.join(project.repository.common_dir, "info", "exclude")
    with suppress(OSError, GitmodelError):
        try:
            with open(file, "rb") as stream:
                count = stream.read().count(b"\n")
        except FileNotFoundError:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            count = 0
        if always or count + len(paths) <= _MOST_LINES:
            append_missing(file, [ignore_line(path) for path in paths])


def ignore_leftovers(project: Project, named: Collection[str]) -> None:
    """Ignore recorded weights that no pointer of the work tree names any more; never fails.

    Starts one process, or none if there are no such weights.
    """
    with suppress(OSError, GitmodelError):
        _ignore(project, leftovers(project, named))


def ignore_removed_models(project: Project, previous: str, new: str) -> None:
    """Ignore the weights of models that a checkout has removed, even if they are not recorded; never fails.

    Starts one process.
    """
    wanted = f":(glob)**/*{POINTER_SUFFIX}"
    options = ("-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=D")
    with suppress(OSError, GitmodelError):
        output = project.repository.run("diff-tree", *options, previous, new, "--", wanted)
        words = os.fsdecode(output).split("\0")[:-1]
        gone = {path: raw.split(" ")[2] for raw, path in zip(words[::2], words[1::2], strict=True)}
        left = [m.weights for m in _parsed(project, gone) if _is_there(project, m.weights)]
        _ignore(project, left)


def _ignore(project: Project, paths: Sequence[str]) -> None:
    """Ignore those of the paths that Git does not ignore yet. One process, none without paths."""
    rules = ignore_rules(project.repository, paths) if paths else {}
    unignored = [path for path in paths if not _is_ignored(rules.get(path))]
    if unignored:
        ignore_in_clone(project, unignored, always=True)


def leftovers(project: Project, named: Collection[str]) -> list[str]:
    """Recorded paths that no pointer names any more and that still exist."""
    paths = project.worktree.records.paths() - set(named)
    return sorted(p for p in paths if os.path.lexists(os.path.join(project.root, p)))


def _is_ignored(rule: tuple[str, str] | None) -> bool:
    return rule is not None and not rule[1].startswith("!")


# Refusing weights in a commit


def refuse_weights_in_git(
    project: Project, models: Sequence[Model], changes: Sequence[Difference]
) -> None:
    """Raise WeightsError if the changes to HEAD commit weights to Git.

    Refused are weights named in the index or HEAD, or recorded in this clone, whatever their size, and
    other files from 5 MiB on that look like weights.
    """
    files = [change for change in changes if change.is_file and not _is_pointer(change.path)]
    if not files:
        return
    in_index = {model.weights: model for model in models}
    gone = {model.weights: model for model in _only_at_head(project, changes)}
    owners = _owners({change.path for change in files}, {**gone, **in_index})
    new = {change.path for change in files if change.is_new} - owners.keys()
    owners |= _remembered(project, new)
    _refuse_owned(project, owners, in_index)
    _refuse_big_weights(project, files)


def refuse_remembered_weights(project: Project) -> None:
    """As `refuse_weights_in_git` for weights recorded in this clone, on a branch without gitmodel.

    Starts one process, or none if no weights are recorded.
    """
    if project.worktree.records.paths():
        files = [change for change in project.index.staged_changes() if change.is_file]
        _refuse_owned(project, _remembered(project, {f.path for f in files if f.is_new}), ())


def _refuse_owned(
    project: Project, owners: Mapping[str, tuple[str, str]], in_index: Collection[str]
) -> None:
    if owners:
        ignore_in_clone(project, {top for top, _ in owners.values()}, always=True)
        raise _refusal(project, owners, in_index)


def _is_pointer(path: str) -> bool:
    return path.endswith(POINTER_SUFFIX)


def _only_at_head(project: Project, changes: Iterable[Difference]) -> list[Model]:
    """The models, as at HEAD, whose pointers this commit removes, moves or changes."""
    return _parsed(
        project, {c.path: c.old_oid for c in changes if _is_pointer(c.path) and not c.is_new}
    )


def _parsed(project: Project, oids: Mapping[str, str]) -> list[Model]:
    """The models of these pointer files; skips files that do not parse."""
    blobs = project.reader.blobs(list(oids.values())) if oids else {}
    models = []
    for path, oid in oids.items():
        pointer = parsed_or_none(blobs.get(oid, b""), path)
        if pointer is not None:
            models.append(Model(path, pointer, blobs[oid]))
    return models


def _owners(paths: Collection[str], models: Mapping[str, Model]) -> dict[str, tuple[str, str]]:
    """The paths that are weights or inside a folder of weights, with path and model of the weights."""
    owners = {}
    for path in paths:
        for top in at_or_above([path], models):
            inner = path[len(top) + 1 :]
            exclude = models[top].pointer.exclude
            if not is_left_out(inner) and not (exclude and is_excluded(inner.split("/"), exclude)):
                owners[path] = (top, models[top].name)
    return owners


def _remembered(project: Project, paths: Collection[str]) -> dict[str, tuple[str, str]]:
    """The new paths that are recorded weights, with path and model of the weights."""
    records = project.worktree.records
    known = records.paths() if paths else frozenset()
    owners = {}
    for path in paths:
        for top in at_or_above([path], known):
            record = records.read(top)
            inner = path[len(top) + 1 :]
            if inner in record.files or inner in record.have_files:
                owners[path] = (top, record.name)
    return owners


def _refusal(
    project: Project, owners: Mapping[str, tuple[str, str]], in_index: Collection[str]
) -> WeightsError:
    """The error for staged weights; `in_index` are the weights that a pointer of the index names."""
    path, (top, name) = min(owners.items())
    tops = sorted({top for top, _ in owners.values()})
    unstage = f"git rm -r --cached {' '.join(map(project.typed, tops))}"
    again = [top for top in tops if top in in_index]
    then = f", then gitmodel add {' '.join(map(project.typed, again))}" if again else ""
    what = "the weights" if path == top else "a file of the weights"
    more = f", and {len(tops) - 1} more" if len(tops) > 1 else ""
    return WeightsError(
        f"{path} would be committed to Git itself and stay in its history; it is {what} of "
        f"{name}{more}",
        hint=f"{unstage}{then}; or, to commit it to Git anyway: git commit --no-verify",
    )


def _refuse_big_weights(project: Project, files: Sequence[Difference]) -> None:
    from gitmodel.formats.weight_files import HEAD_SIZE, has_head, has_name

    sizes = sizes_of(project.repository, [file.new_oid for file in files])
    for file in files:
        if sizes.get(file.new_oid, 0) < _BIG:
            continue
        if has_name(file.path) or has_head(
            head_of_blob(project.repository, file.new_oid, HEAD_SIZE)
        ):
            quoted = project.typed(file.path)
            raise WeightsError(
                f"{file.path} would be committed to Git itself and stay in its history",
                hint=f"git rm --cached {quoted}, then gitmodel add {quoted}; or, to commit it to "
                "Git anyway: git commit --no-verify",
            )


# Listing weights in status


def exposed(project: Project, models: Sequence[Model]) -> list[Exposed]:
    """Weights on disk that Git tracks, or that no `.gitignore` lists. Two processes."""
    there = {m.weights: m.name for m in models if _is_there(project, m.weights)}
    left = {p: project.worktree.records.read(p).name for p in leftovers(project, _named(models))}
    paths = sorted({**there, **left})
    if not paths:
        return []
    rules = ignore_rules(project.repository, paths)
    staged = tracked_paths(project.repository, paths)
    found = []
    for path in paths:
        quoted = project.typed(path)
        rule = rules.get(path)
        if path in there and path in staged:
            problem = "tracked by Git itself"
            command = f"git rm -r --cached {quoted}, then gitmodel add {quoted}"
        elif path in there and (rule is None or not is_shared_rule(*rule)):
            problem = "not ignored by a .gitignore"
            command = f"gitmodel add {quoted}"
        elif path in left and path not in staged and not _is_ignored(rule):
            problem = "not ignored, and no pointer of this branch names it"
            command = "gitmodel install"
        else:
            continue
        found.append(Exposed(path, there.get(path) or left[path], problem, command))
    return found


def _named(models: Iterable[Model]) -> set[str]:
    return {model.weights for model in models}


def _is_there(project: Project, path: str) -> bool:
    return os.path.lexists(os.path.join(project.root, path))
