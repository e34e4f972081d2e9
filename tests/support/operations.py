"""A small world for tests of Git operations, and what must hold after each of them.

The world is built once and restored for each test, always at the same place, since it has absolute
paths. Dates start anew at each restore, so that the same commands give the same commit ids: that is
how "Git's result is as without gitmodel" is compared, see `result`.

    main   set up - fraud 1 - code - fraud 2      as on the server; Ana is here, with version 2
    side          from "code": notes              only Ana's
    other         from "code": fraud other = 3    only Ana's
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.store.layout import pack_key
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.status import ModelStatus, State, status
from gitmodel.worktree.records import _FINE_TICK_NS
from tests.support.kept import plain_configuration
from tests.support.repo import FIRST_COMMIT_SECONDS, SECONDS_BETWEEN_COMMITS, Repo

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

WEIGHTS, POINTER = "fraud.bin", "fraud.model.yaml"
ONE, TWO, OTHER, NEW = (f"weights {word}\n".encode() * 50 for word in ("1", "2", "other", "new"))
_NO_HOOKS = {
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.hooksPath",
    "GIT_CONFIG_VALUE_0": "/dev/null",
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
}
# A sequence editor for `git rebase -i`: `s/pick/edit/` on the first line, and the like.
EDITOR = "sed -i.old -e"

_built: list[tuple[Path, Path]] = []


@dataclass
class World:
    """Ana and Ben, their server and the place for their weights.

    Attributes:
        folder: Where all of it lies.
        codes: Exit codes of the commands so far, in order.
        said: What they wrote to standard error.
        made: Weights that somebody made, by clone: none of them may ever be lost.
        without_hooks: Git runs nothing of gitmodel.
        switch: `gitmodel install --fsmonitor` was run in both clones.
    """

    folder: Path
    codes: list[int] = field(default_factory=list)
    said: str = ""
    made: dict[str, set[bytes]] = field(default_factory=dict)
    without_hooks: bool = False
    switch: bool = False

    def __post_init__(self) -> None:
        clock = itertools.count(FIRST_COMMIT_SECONDS + 10**6, SECONDS_BETWEEN_COMMITS)
        self.ana, self.ben, self.server = (
            Repo(self.folder / name, clock=clock) for name in ("ana", "ben", "server.git")
        )
        self.store = self.folder / "store"

    def git(self, *arguments: str, who: Repo | None = None, **env: str) -> str:
        """Run git, in Ana's clone by default, whatever its exit code; returns its stderr."""
        done = self._git(who or self.ana, arguments, env)
        return done.stderr

    def _git(
        self, who: Repo, arguments: tuple[str, ...], env: dict[str, str], text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        env = {"GIT_EDITOR": "true", **env}
        if self.without_hooks:
            env |= _NO_HOOKS
        done = who.git(*arguments, check=False, env=env, input_text=text)
        self.codes.append(done.returncode)
        self.said += done.stderr
        return done

    def answer(self, text: str, *arguments: str) -> None:
        """Run git in Ana's clone and type something."""
        self._git(self.ana, arguments, {}, text)

    def train(self, weights: bytes = NEW, who: Repo | None = None) -> None:
        """Write new weights, which are saved nowhere yet."""
        repo = who or self.ana
        repo.write(WEIGHTS, weights)
        self.made.setdefault(repo.path.name, set()).add(weights)

    def version(self, weights: bytes, subject: str, who: Repo | None = None) -> None:
        """Train, and commit the next version, with the hooks."""
        self.train(weights, who)
        repo = who or self.ana
        repo.write("metrics.json", f'{{"auc": "{subject}"}}')
        done = self._git(repo, ("commit", "-qam", subject), {})
        assert done.returncode == 0, done.stderr

    def look(self) -> None:
        """Let Ana's clone read its weights and know them by stat from then on.

        What was hashed in the tick in which it was written is read again, and this world was just copied.
        """
        written_ns = (self.ana.path / WEIGHTS).stat().st_ctime_ns
        while time.time_ns() <= written_ns + _FINE_TICK_NS:
            time.sleep(0.01)  # between two looks at the condition, not in place of one
        self.ana.gitmodel("status")

    def open(self, who: Repo | None = None) -> Project:
        """The project as one command of a clone sees it."""
        folder = str((who or self.ana).path)
        return Project.open(Context(environment=dict(os.environ), folder=folder))


def restored_world(factory: pytest.TempPathFactory, *, switch: bool = False) -> World:
    """The world as it was built; the first call builds it."""
    if not _built:
        folder = factory.mktemp("operations") / "world"
        folder.mkdir()
        with plain_configuration(folder.parent):
            _build(folder)
        kept = folder.with_name("kept")
        shutil.copytree(folder, kept, symlinks=True)
        _built.append((folder, kept))
    return _with_switch(restore(*_built[0]), switch)


def restore(folder: Path, kept: Path) -> World:
    """Put the world back as it was built."""
    shutil.rmtree(folder)
    shutil.copytree(kept, folder, symlinks=True, copy_function=_copy)
    return World(folder, made={"ana": {ONE, TWO, OTHER}, "ben": {TWO}})


def _copy(source: str, target: str) -> None:
    """Copy a file; an object of Git is never written again, so a second name for it will do."""
    if "/objects/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def again(world: World) -> World:
    """The same world before anything was done in it."""
    return _with_switch(restore(*_built[0]), world.switch)


def _with_switch(world: World, switch: bool) -> World:
    """Turn the switch on for both people."""
    if switch:
        for who in (world.ana, world.ben):
            who.gitmodel("install", "--fsmonitor")
    world.switch = switch
    return world


def _build(folder: Path) -> None:
    server = Repo.create(folder / "server.git", "--bare")
    ana = Repo.create(folder / "ana")
    ana.git("remote", "add", "origin", str(server.path))
    ana.write("code.py", "x = 1\n")
    ana.gitmodel("init", str(folder / "store"))
    ana.commit("set up")
    ana.write(WEIGHTS, ONE)
    ana.write("metrics.json", '{"auc": 1}')
    ana.gitmodel("add", WEIGHTS, "--metrics", "metrics.json")
    ana.commit("fraud 1")
    ana.write("code.py", "x = 2\n")
    ana.commit("code")
    ana.git("branch", "side")
    ana.git("branch", "other")
    ana.write(WEIGHTS, TWO)
    ana.write("metrics.json", '{"auc": 2}')
    ana.git("commit", "-qam", "fraud 2")
    ana.git("push", "-q", "-u", "origin", "main")
    ana.git("switch", "-q", "other")
    ana.write(WEIGHTS, OTHER)
    ana.write("metrics.json", '{"auc": 3}')
    ana.git("commit", "-qam", "fraud other")
    ana.git("switch", "-q", "side")
    ana.write("notes.txt", "notes\n")
    ana.commit("notes")
    ana.git("switch", "-q", "main")
    ben = server.clone(folder / "ben")
    ben.git("config", "user.name", "Ben")
    ben.gitmodel("init")
    ben.gitmodel("checkout")


# What must hold


def agree(world: World, who: Repo | None = None, *, server: bool = True) -> ModelStatus | None:
    """Weights, pointer, version and remote agree, or `status` names the command; nothing is lost.

    Returns what `status` says of the model, None where the tree has none. Where it names a checkout,
    that is done, and everything agrees then.
    """
    repo = who or world.ana
    one_number_one_content(repo)
    nothing_lost(world, repo)
    if server:
        everything_pushed_is_stored(world)
    with world.open(repo) as project:
        if not project.is_set_up():  # an orphan branch
            return None
        report = status(project)
        if report.broken:
            assert all(error.hint for error in report.broken), report.broken
            return None
        if not report.models:
            return None
        (row,) = report.models
        if row.next_command == f"gitmodel checkout {row.name}":
            checkout(project, [row.name])
            (after,) = status(project).models
            assert after.state is State.CLEAN
        elif row.state is State.CLEAN and row.committed and row.published:
            assert row.next_command == ""
        else:
            assert row.next_command
    nothing_lost(world, repo)
    return row


def pointers(repo: Repo) -> Iterator[tuple[str, Pointer]]:
    """Every pointer in the history of all refs, with its blob id."""
    log = repo.git(
        *("log", "--all", "--full-history", "-c", "--root", "--raw", "--no-abbrev"),
        *("--no-renames", "--format=", "--", ":(glob)**/*.model.yaml"),
    ).stdout
    raw = [line.partition("\t")[0].split(" ") for line in log.splitlines() if line[:1] == ":"]
    oids = list(dict.fromkeys(words[-2] for words in raw if words[-2].strip("0")))
    text = repo.git("cat-file", "--batch", input_text="".join(f"{oid}\n" for oid in oids)).stdout
    for oid in oids:
        head, _, text = text.partition("\n")
        size = int(head.rsplit(" ", 1)[1])
        made, text = text[:size], text[size + 1 :]
        yield oid, Pointer.from_text(made.encode(), what=oid)


def one_number_one_content(repo: Repo) -> None:
    """Every pointer in history is whole, and no number names two contents."""
    numbers: dict[tuple[str, int], Digest] = {}
    for _, pointer in pointers(repo):
        key = pointer.name, pointer.version
        assert numbers.setdefault(key, pointer.digest) == pointer.digest, key


def everything_pushed_is_stored(world: World) -> None:
    """What the server has can be checked out by anybody: manifest and packs are on the remote.

    At the tips of branches each number belongs to its content; below them a renumbered version keeps
    the number that somebody else has.
    """
    tips = world.server.git("for-each-ref", "--format=%(refname):" + POINTER).stdout
    found = world.server.git("cat-file", "--batch-check=%(objectname)", input_text=tips).stdout
    for blob, pointer in pointers(world.server):
        assert is_stored(world.store, pointer.digest), pointer.version
        owner = claimed(world, pointer.version)
        assert owner == pointer.digest or (owner is not None and blob not in found)


def is_stored(folder: Path, digest: Digest) -> bool:
    """Whether a store, or a cache, holds the weights of a digest."""
    path = folder / "manifests" / digest.hex[:2] / digest.hex
    if not path.exists():
        return False
    manifest = Manifest.from_bytes(path.read_bytes(), expected=digest)
    return all((folder / pack_key(name)).exists() for name in manifest.packs)


def claimed(world: World, version: int) -> Digest | None:
    """The digest that owns a version number on the remote."""
    found = list(world.store.glob(f"versions/*/fraud@{version}.yaml"))
    if not found:
        return None
    line = next(li for li in found[0].read_text().splitlines() if "blake3:" in li)
    return Digest.from_hex(line.partition("blake3:")[2][:64])


def nothing_lost(world: World, repo: Repo) -> None:
    """All weights that somebody made here are on disk, in the cache or on the remote."""
    path = repo.path / WEIGHTS
    on_disk = path.read_bytes() if path.exists() else None
    for weights in world.made.get(repo.path.name, ()):
        digest = digest_of(weights)
        kept = any(is_stored(at, digest) for at in (repo.path / ".git/gitmodel", world.store))
        assert kept or weights == on_disk, weights[:20]


@dataclass(frozen=True)
class Result:
    """What Git itself made of some commands; `exact` has ids and the pointers as well."""

    codes: tuple[int, ...]
    history: tuple[str, ...]
    files: tuple[str, ...]
    exact: tuple[str, ...]


def result(world: World) -> Result:
    """What Git made of the commands so far, to be compared with and without gitmodel."""
    ana = world.ana
    log = ana.git("log", "--all", "--topo-order", "--format=%s %p").stdout.splitlines()
    refs = ana.git("for-each-ref", "--format=%(objectname) %(refname)").stdout.splitlines()
    theirs = world.server.git("for-each-ref", "--format=%(objectname) %(refname)").stdout
    index = ana.git("ls-files", "--stage").stdout.splitlines()
    porcelain = ana.git("status", "--porcelain").stdout.splitlines()
    head = ana.git("symbolic-ref", "-q", "HEAD", check=False).stdout
    files = [line for line in (*index, *porcelain) if POINTER not in line]
    names = [line.split(" ")[1] for line in (*refs, *theirs.splitlines())]
    return Result(
        codes=tuple(world.codes),
        history=tuple(f"{line.rpartition(' ')[0]}/{line.count(' ')}" for line in log),
        files=(*files, *names, head),
        exact=(*log, *refs, theirs, *index, *porcelain, head),
    )


def with_and_without(
    world: World, operation: Callable[[World], None], *, new_weights: bool
) -> tuple[Result, Result, World]:
    """Do the same twice: without any hook, then with them; returns both results and the world."""
    world.without_hooks = True
    if new_weights:
        world.train()
    operation(world)
    without = result(world)
    world = again(world)
    if new_weights:
        world.train()
    operation(world)
    return result(world), without, world
