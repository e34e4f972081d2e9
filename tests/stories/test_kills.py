"""A kill at any moment leaves nothing wrong behind, and the same command then ends as if there had been none.

Every command is run once to count its points (see `tests.support.forked`), then once for each point,
killed there with SIGKILL. By default some points of each command, spread evenly; all of them with
GITMODEL_TESTS_PROFILE=deep.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.store.claims import Claim
from gitmodel.store.layout import pack_key
from gitmodel.store.objects import Marker
from gitmodel.worktree.records import Record
from tests.stories.conftest import Team, start_team
from tests.support import forked
from tests.support.forked import KILLED, Forks, Ran
from tests.support.models import folder_model, model, perturbed, write_folder
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS = 10_000 if os.environ.get("GITMODEL_TESTS_PROFILE") == "deep" else 13
THROUGH_GIT = 10_000 if os.environ.get("GITMODEL_TESTS_PROFILE") == "deep" else 4
TEMPORARY = (".tmp-", ".gitmodel-tmp-")
OUR_OBJECTS = (".git/gitmodel/packs", ".git/gitmodel/manifests", ".git/hooks")
FIRST, SECOND = model(seed=1), perturbed(model(seed=1), seed=2)
BERT, BERT_2 = folder_model(seed=3), folder_model(seed=4)
# What may lie at a path of the work trees. A file under its final name never has other bytes.
ALLOWED = {"fraud.safetensors": {FIRST, SECOND}, "new.safetensors": {model(seed=9)}} | {
    f"bert/{path}": {BERT[path], BERT_2[path]} for path in BERT
}


@dataclass(frozen=True)
class World:
    """Ana, who has pushed two models and trained a third, and Ben, who has only cloned."""

    folder: Path
    kept: Path

    def restore(self, kept: Path | None = None) -> None:
        """Put everything back as it was built, or as it was kept later."""
        shutil.rmtree(self.folder)
        shutil.copytree(kept or self.kept, self.folder, symlinks=True)

    def repo(self, name: str) -> Repo:
        return Repo(self.folder / name)

    @property
    def store(self) -> Path:
        return self.folder / "store"


@dataclass(frozen=True)
class Job:
    """One command that is killed.

    Args:
        who: In whose clone.
        arguments: Of gitmodel.
        before: Of gitmodel, run first.
        stdin: Its input; `{old}` and `{new}` are what the server and the clone have.
    """

    who: str
    arguments: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    stdin: str = ""


PRE_PUSH = "refs/heads/main {new} refs/heads/main {old}\n"
JOBS = {
    "add": Job("ana", ("add", "new.safetensors", "-M", "auc=0.5", "--run-id", "r1")),
    "add-next": Job("ana", ("add", "fraud.safetensors", "-M", "auc=0.95")),
    "add-commit": Job("ana", ("add", "new.safetensors", "-m", "a new one")),
    "pre-commit": Job("ana", ("hook", "pre-commit")),
    "push": Job("ana", ("push",), before=(("add", "new.safetensors", "-m", "new"),)),
    "pre-push": Job(
        "ana",
        ("hook", "pre-push", "origin", "{url}"),
        before=(("add", "new.safetensors", "-m", "new"), ("add", "fraud.safetensors", "-m", "2")),
        stdin=PRE_PUSH,
    ),
    "fetch": Job("ben", ("fetch",)),
    "checkout": Job("ben", ("checkout",)),
    "checkout-older": Job(
        "ana",
        ("checkout", "fraud@1", "bert@1"),
        before=(("add", "fraud.safetensors", "-m", "2"), ("add", "bert", "-m", "2")),
    ),
    "align": Job("ana", ("hook", "post-checkout", "HEAD", "HEAD", "1")),
    "init": Job("cem", ("init",)),
}

_built: list[World] = []


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Built once, restored for each test; always at the same place, since it has absolute paths."""
    if not _built:
        folder = tmp_path_factory.mktemp("kills") / "world"
        folder.mkdir()
        build(folder)
        kept = folder.with_name("kept")
        shutil.copytree(folder, kept, symlinks=True)
        _built.append(World(folder, kept))
    _built[0].restore()
    return _built[0]


def build(folder: Path) -> None:
    team: Team = start_team(folder, str(folder / "store"))
    ana = team.members["ana"]
    ana.write("fraud.safetensors", FIRST)
    write_folder(BERT, ana.path / "bert")
    ana.gitmodel("add", "fraud.safetensors", "-M", "auc=0.9")
    ana.gitmodel("add", "bert")
    ana.git("commit", "-qm", "first versions")
    ana.git("push", "-q")
    team.join("ben")
    team.join("cem", set_up=False)
    ana.write("fraud.safetensors", SECOND)
    ana.write("new.safetensors", model(seed=9))
    write_folder(BERT_2, ana.path / "bert")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as running:
        yield running


@pytest.mark.parametrize("name", JOBS)
def test_a_kill_leaves_nothing_wrong_and_the_same_command_then_ends_well(
    name: str, world: World, forks: Forks
) -> None:
    job = JOBS[name]
    start(world, job, forks)
    whole = run(world, job, forks)
    assert whole.code == 0, whole.out + whole.err
    wanted = state(world, job.who)
    check(world)
    total = len(whole.points)
    assert total > 0

    for at in spread(total, POINTS):
        where = f"killed at point {at} of {total}: {whole.points[at - 1]}"
        start(world, job, forks)
        killed = run(world, job, forks, at=at)
        assert killed.code in (KILLED, 0), f"{where}\n{killed.out}{killed.err}"
        try:
            check(world)
            again = run(world, job, forks)
            assert again.code == 0, again.out + again.err
            assert not unusual(again.err, whole.err)
            check(world)
            assert not difference(state(world, job.who), wanted)
            assert not left_behind(world)
        except AssertionError as error:
            raise AssertionError(f"{where}\n{error}") from error


def start(world: World, job: Job, forks: Forks) -> None:
    """The world as the job finds it; what comes before it is run once."""
    kept = world.folder.with_name(f"before-{digest_of(repr(job.before).encode()).short}")
    if not kept.exists():
        world.restore()
        for arguments in job.before:
            done = forks.run(world.repo(job.who).path, *arguments)
            assert done.code == 0, done.out + done.err
        shutil.copytree(world.folder, kept, symlinks=True)
    world.restore(kept)


def run(world: World, job: Job, forks: Forks, *, at: int | None = None) -> Ran:
    clone = world.repo(job.who)
    arguments = [text.format(url=world.folder / "server.git") for text in job.arguments]
    stdin = ""
    if job.stdin:
        stdin = job.stdin.format(new=clone.head(), old=clone.head("origin/main"))
    return forks.run(clone.path, *arguments, at=at, stdin=stdin)


def unusual(err: str, usual: str) -> list[str]:
    """Lines that a run without a kill does not print; that less was left to publish is fine."""
    lines = set(err.splitlines()) - set(usual.splitlines())
    return sorted(line for line in lines if not re.fullmatch(r"gitmodel: [\w@, ]+ on \S+", line))


def spread(total: int, count: int) -> list[int]:
    """At most `count` numbers from 1 to `total`, evenly spread, with both ends."""
    if total <= count:
        return list(range(1, total + 1))
    return sorted({1 + round(step * (total - 1) / (count - 1)) for step in range(count)})


@pytest.mark.parametrize("verb", ["commit", "push"])
def test_a_hook_that_is_killed_inside_git_lets_nothing_out_that_is_not_safe(
    verb: str, world: World, forks: Forks
) -> None:
    """Git's own view: the push does not move the ref, and a commit is refused amid changed weights."""
    hook = "pre-commit" if verb == "commit" else "pre-push"
    arguments = ("commit", "-qam", "train") if verb == "commit" else ("push", "-q")
    before = () if verb == "commit" else (("add", "fraud.safetensors", "-m", "2"),)
    job = Job("ana", ("hook", hook), before, "" if verb == "commit" else PRE_PUSH)
    start(world, job, forks)
    total = len(run(world, job, forks).points)

    for at in spread(total, THROUGH_GIT):
        start(world, job, forks)
        ana = world.repo("ana")
        ana.write("metrics.json", "{}")
        ana.git("add", "metrics.json")
        old = world.repo("server.git").head("main")
        script = ana.path / ".git/hooks" / hook
        sound = script.read_text()
        script.write_text(sound.replace(sys.executable, str(deadly(world.folder, at))))
        assert script.read_text() != sound
        done = ana.git(*arguments, check=False)
        check(world)
        check_refs(world)
        if re.search(
            "did not run to its end|ended with status", done.stderr
        ):  # else it had fewer points this time
            amid = verb == "push" or "while it read the changed weights" in done.stderr
            assert done.returncode == amid, done.stderr
            assert world.repo("server.git").head("main") == old

        script.write_text(sound)
        ana.git("commit", "-q", "--allow-empty", "-am", "again")
        ana.git("push", "-q")
        check(world)
        check_refs(world)
        published = ana.git("show", "HEAD:fraud.model.yaml").stdout.encode()
        version = Pointer.from_text(published, what="HEAD").version
        assert version == 2, f"killed at point {at} of {total}\n{done.stderr}"


def deadly(folder: Path, at: int) -> Path:
    """A Python for a hook script that dies at its N-th point."""
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{forked.__file__}" --once {at} "$@"\n')
    program.chmod(0o755)
    return program


# What must hold at any moment


def check(world: World) -> None:
    """Everything under a final name is what its name says, and nothing points to what is not there."""
    for repo in ("ana", "ben", "cem"):
        cache = world.folder / repo / ".git/gitmodel"
        check_store(cache)
        for path in finals(cache, "worktree/*.json"):
            assert Record.from_bytes(path.read_bytes()) != Record(), f"{path} cannot be read"
        check_work_tree(world, repo)
    check_store(world.store)
    for claim in finals(world.store, "versions/*/*"):
        read = Claim.from_text(claim.read_bytes(), what=str(claim))
        assert holds(world.store, read.digest), f"{claim} is claimed, but its weights are not there"
    for marker in finals(world.store, "gitmodel.json"):
        Marker.from_bytes(marker.read_bytes(), url="store")


def check_store(store: Path) -> None:
    for pack in finals(store, "packs/*/*"):
        assert digest_of(pack.read_bytes()).hex == pack.name, f"{pack} does not match its name"
    for path in finals(store, "manifests/*/*"):
        assert holds(store, Digest.from_hex(path.name)), f"{path} names packs that are not there"


def check_work_tree(world: World, repo: str) -> None:
    root = world.folder / repo
    for path in files_in(root):
        inner = path.relative_to(root).as_posix()
        if inner.endswith(".model.yaml"):
            pointer = Pointer.from_text(path.read_bytes(), what=inner)
            assert any(holds(s, pointer.digest) for s in (root / ".git/gitmodel", world.store))
        elif inner in ALLOWED:
            assert path.read_bytes() in ALLOWED[inner], f"{inner} has bytes of no version"


def check_refs(world: World) -> None:
    """Every pointer on the server has its weights on the remote."""
    server = world.repo("server.git")
    for path in server.git("ls-tree", "-r", "--name-only", "main").stdout.splitlines():
        if path.endswith(".model.yaml"):
            text = server.git("show", f"main:{path}").stdout.encode()
            assert holds(world.store, Pointer.from_text(text, what=path).digest)


def left_behind(world: World) -> list[str]:
    """Files under temporary names: in the clones, their caches, the store."""
    found = (path for path in world.folder.rglob("*") if path.name.startswith(TEMPORARY))
    return [str(path.relative_to(world.folder)) for path in found]


def holds(store: Path, digest: Digest) -> bool:
    path = store / "manifests" / digest.hex[:2] / digest.hex
    if not path.exists():
        return False
    manifest = Manifest.from_bytes(path.read_bytes(), expected=digest)
    sizes = manifest.sized_packs
    return all((store / pack_key(name)).stat().st_size == size for name, size in sizes)


def finals(store: Path, pattern: str) -> list[Path]:
    return [path for path in store.glob(pattern) if not path.name.startswith(TEMPORARY)]


def state(world: World, who: str) -> dict[str, object]:
    """What must be the same in the end, kill or not: files, objects, what Git has and would commit."""
    found: dict[str, object] = {}
    root = world.folder / who
    for path in files_in(root):
        inner = path.relative_to(root).as_posix()
        if not inner.startswith(".git/") or inner.startswith(OUR_OBJECTS):
            found[inner] = path.read_bytes()
    clone = world.repo(who)
    found["index"] = clone.git("ls-files", "--stage").stdout
    found["tree"] = clone.git("rev-parse", "HEAD^{tree}").stdout
    for pattern in ("packs/*/*", "manifests/*/*", "versions/*/*", "projects/*/*"):
        for path in finals(world.store, pattern):
            found[f"store/{path.relative_to(world.store)}"] = path.is_file()
    return found


def files_in(root: Path) -> list[Path]:
    """Files under final names, without Git's own objects."""
    found = []
    for folder, below, names in os.walk(root):
        if Path(folder).name == ".git":
            below[:] = [name for name in below if name in {"gitmodel", "hooks"}]
        found += [Path(folder, name) for name in names if not name.startswith(TEMPORARY)]
    return sorted(found)


def difference(found: dict[str, object], wanted: dict[str, object]) -> str:
    """What is not the same, shortly."""
    keys = sorted(key for key in found | wanted if found.get(key) != wanted.get(key))
    return "\n".join(f"{k}: {found.get(k)!r:.300}\n  wanted {wanted.get(k)!r:.300}" for k in keys)
