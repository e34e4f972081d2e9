"""A long history with many models: what references, `log`, `list` and hooks cost there.

The repository is made by `git fast-import`: a commit brings a version of some model, every 20th promotes the version of
the commit before, and every 500th deprecates the version before that one. The weights themselves exist nowhere. It is
then what a colleague has after `git clone` and `gitmodel push`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations, deprecations_path_for
from gitmodel.domain.digest import Digest
from gitmodel.domain.instant import instant_text
from gitmodel.domain.pointer import (
    ALIAS_SUFFIX,
    DEPRECATED_SUFFIX,
    POINTER_SUFFIX,
    Pointer,
    Previous,
    alias_path_for,
)
from gitmodel.project.context import Context
from gitmodel.project.project import Project as OpenProject
from tests.benchmarks.bars import HISTORY_PEAK_MIB, HISTORY_SECONDS
from tests.benchmarks.measuring import compare, peak
from tests.benchmarks.scenarios.idle import NO_HOOKS
from tests.benchmarks.table import MIB, Row, report
from tests.benchmarks.tools.gitmodel import PROGRAM, Gitmodel
from tests.support.repo import FIRST_COMMIT_SECONDS, GIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.measuring import Spent
    from tests.benchmarks.world import Project, World

_FOLDER_SIZE = 100  # models in one folder
_ALIAS = "production"
_STEP = 7919  # a prime: neighbouring commits train models of different folders
_PROMOTED, _DEPRECATED = 20, 500  # every so many commits
_WEIGHTS = "unused"
_LATE = instant_text(FIRST_COMMIT_SECONDS + 6_500_000)  # after the last commit
_SUFFIXES = (POINTER_SUFFIX, ALIAS_SUFFIX, DEPRECATED_SUFFIX)
_AFTER_A_COMMIT = frozenset({"log NAME, after a commit", "at, after a commit", "git push"})


def rows(world: World, *, commits: int, models: int, rounds: int) -> Iterator[Row]:
    """Measure in a repository of so many commits that holds so many models."""
    report(f"history: {commits:,} commits, {models:,} models")
    place = world.place("folder")
    project = Gitmodel().start(world, world.fresh("history"), place, _WEIGHTS)
    origin = world.fresh("origin")
    make(project, commits=commits, models=models)
    _publish(project, origin)
    scenario = f"history, {commits:,} commits, {models:,} models"
    peaks = []
    for step, ours, theirs in _steps(project, models):
        mine, others = _in_turn(project, step, ours, theirs, rounds)
        found = compare(mine, others)
        peaks.append(peak(mine))
        yield Row(
            scenario=scenario,
            step=step,
            against=" ".join(theirs[1:3]),
            value=found.difference if step == "git push" else found.ours,
            unit="seconds",
            bar=HISTORY_SECONDS[step],
            comparison=found,
            peaks=(peak(mine), peak(others)),
        )
    yield Row(
        scenario=scenario,
        step="largest process",
        against="a fixed bound",
        value=max(peaks) / MIB,
        unit="MiB",
        bar=HISTORY_PEAK_MIB,
    )
    world.remove(project, place)
    shutil.rmtree(origin)


def _steps(project: Project, models: int) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """What is measured, and what Git does for the same question."""
    name = _name(models // 2)
    path = _path(models // 2)
    digest = _digest(models // 2, 1).hex[:12]
    log = (GIT, "log", "--", path)
    yield "first log NAME", (*PROGRAM, "log", name), log
    yield "log NAME", (*PROGRAM, "log", name), log
    yield "log NAME, after a commit", (*PROGRAM, "log", name), log
    yield "show NAME@1", (*PROGRAM, "show", f"{name}@1"), log
    yield "show NAME@blake3:...", (*PROGRAM, "show", f"{name}@blake3:{digest}"), log
    served, alias = _promoted(models)
    at = (*PROGRAM, "at", f"{served}@{_ALIAS}", "--branch", "main", "--on", _LATE)
    dated = (GIT, "log", "--first-parent", "--", alias)
    yield "first at", at, dated
    yield "at", at, dated
    yield "at, after a commit", at, dated
    yield "audit NAME", (*PROGRAM, "audit", served, "--branch", "main"), dated
    yield "list", (*PROGRAM, "list"), (GIT, "ls-files")
    where = ("--where", "metrics.auc > 0.9")
    yield "first list --versions --where", (*PROGRAM, "list", "--versions", *where), log
    yield "list --versions --where", (*PROGRAM, "list", "--versions", *where), log
    yield "list --all --where", (*PROGRAM, "list", "--all", *where), log
    push = ("push", "-q", "origin", "main")
    yield "git push", (GIT, *push), (GIT, *NO_HOOKS, *push)


def _promoted(models: int) -> tuple[str, str]:
    """A model that has the alias, and the path of the alias."""
    number = -(-(models // _FOLDER_SIZE + 2) // _PROMOTED) * _PROMOTED
    model = (number - 1) * _STEP % models
    return _name(model), alias_path_for(_path(model), _ALIAS)


def _in_turn(
    project: Project, step: str, ours: Sequence[str], theirs: Sequence[str], rounds: int
) -> tuple[list[Spent], list[Spent]]:
    mine, others = [], []
    for _ in range(rounds):
        if step == "first log NAME":
            shutil.rmtree(project.folder / ".git" / "gitmodel" / "history", ignore_errors=True)
        if step.startswith("first list"):
            shutil.rmtree(project.folder / ".git" / "gitmodel" / "facts", ignore_errors=True)
        if step in _AFTER_A_COMMIT:
            _commit_nothing(project)
        if step == "first at":
            (project.folder / ".git/gitmodel/history/first-parent-2").unlink(missing_ok=True)
        mine.append(project.run(ours))
        if step in _AFTER_A_COMMIT:
            _commit_nothing(project)
        others.append(project.run(theirs))
    return mine, others


def _commit_nothing(project: Project) -> None:
    """Move the branch, without a new version."""
    project.run([GIT, *NO_HOOKS, "commit", "-q", "--allow-empty", "-m", "nothing"])


def make(project: Project, *, commits: int, models: int) -> None:
    """Add commits to a repository that is set up, until it has so many."""
    # The dates of a line never go back, so its first commit must not be dated today.
    subprocess.run(
        [GIT, *NO_HOOKS, "commit", "-q", "--amend", "--no-edit"],
        cwd=project.folder,
        env={**project.environment, "GIT_COMMITTER_DATE": f"{FIRST_COMMIT_SECONDS} +0000"},
        check=True,
    )
    process = subprocess.Popen(
        [GIT, "fast-import", "--quiet", "--done"],
        cwd=project.folder,
        env=dict(project.environment),
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    with process.stdin as stream:
        for part in _stream(commits - 1, models):
            stream.write(part)
    if process.wait():
        raise AssertionError("git fast-import failed")
    project.run([GIT, "reset", "-q", "--hard"])


def _stream(commits: int, models: int) -> Iterator[bytes]:
    """Commands for `git fast-import`: folder by folder a first version, then one at a time."""
    versions = [0] * models
    registered = [
        range(at, min(at + _FOLDER_SIZE, models)) for at in range(0, models, _FOLDER_SIZE)
    ]
    for number in range(commits):
        seconds = FIRST_COMMIT_SECONDS + 60 * number
        who = f"Ana <ana@example.org> {seconds} +0000"
        parent = "from refs/heads/main^0\n" if number == 0 else ""
        message = f"Train {number}"
        yield (
            f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n{message}\n{parent}"
        ).encode()
        yield from _changes(number, versions, registered)
        yield _file("train.py", f"# {number}\n".encode())
    yield b"done\n"


def _changes(
    number: int, versions: list[int], registered: Sequence[Sequence[int]]
) -> Iterator[bytes]:
    """The files of one commit; counts versions."""
    before = (number - 1) * _STEP % len(versions)
    if number <= len(registered) or number % _PROMOTED:
        trained = number * _STEP % len(versions)
        for model in registered[number] if number < len(registered) else (trained,):
            versions[model] += 1
            yield _file(_path(model), _pointer(model, versions[model]))
        return
    yield _file(alias_path_for(_path(before), _ALIAS), _alias(before, versions[before]))
    if number % _DEPRECATED == 0 and versions[before] > 1:
        one = Deprecation(why="leaked labels", since="2026-11-28", instead=versions[before])
        text = Deprecations({versions[before] - 1: one}).to_text()
        yield _file(deprecations_path_for(_path(before)), text.encode())


def _alias(model: int, version: int) -> bytes:
    pointer = Pointer.from_text(_pointer(model, version), what=_path(model))
    return Alias.of(_ALIAS, pointer, why=f"hold-out {version}").to_text().encode()


def _file(path: str, content: bytes) -> bytes:
    return f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n"


def _name(model: int) -> str:
    return f"model-{model:05d}"


def _path(model: int) -> str:
    return f"models/{model // _FOLDER_SIZE:03d}/{_name(model)}{POINTER_SUFFIX}"


def _digest(model: int, version: int) -> Digest:
    return Digest.from_hex(hashlib.sha256(f"{model} {version}".encode()).hexdigest())


def _auc(digest: Digest) -> float:
    """From 0.5 to 1: that of a fifth of all versions is above 0.9."""
    return 0.5 + int(digest.hex[:4], 16) / 2**17


def _pointer(model: int, version: int) -> bytes:
    """As large as that of a real model."""
    digest = _digest(model, version)
    before = Previous(version - 1, _digest(model, version - 1)) if version > 1 else None
    return (
        Pointer(
            name=_name(model),
            version=version,
            digest=digest,
            size=90_868_376 + version,
            path=f"{_name(model)}.safetensors",
            run_id=digest.hex[:12],
            metrics={"auc": _auc(digest), "logloss": round(0.5 / version, 6)},
            params={"epochs": 3, "lr": 2e-5},
            previous=before,
            format={
                "type": "safetensors",
                "tensors": 103,
                "parameters": 22_713_216,
                "dtypes": {"F32": 103},
            },
        )
        .to_text()
        .encode()
    )


def _publish(project: Project, origin: Path) -> None:
    """Have everything pushed: the branch by Git, the weights (which do not exist) by the ledger."""
    project.run(
        [GIT, "init", "-q", "--bare", "-b", "main", str(origin)],
        [GIT, "remote", "add", "origin", str(origin)],
        [GIT, *NO_HOOKS, "push", "-q", "-u", "origin", "main"],
    )
    context = Context(environment=project.environment, folder=str(project.folder))
    with OpenProject.open(context) as opened:
        head = opened.reader.resolve("HEAD")
        assert head is not None
        opened.ledger().confirm(entry.oid for entry in opened.reader.tree(head, *_SUFFIXES))
