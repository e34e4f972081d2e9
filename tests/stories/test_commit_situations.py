"""Commits of nothing but weights, in every situation, made in three ways.

Each row says what comes of it: with `git commit` alone ("hook"), with the switch ("switch"), and with
`gitmodel commit` in place of `git commit` ("command").

    one       the first command commits the new version
    twice     it ends with 1 and the pointer is ready; the same again commits it
    never     it ends with 1, and so does the same again
    left      it ends with 0, and no version was made
    refused   it ends with an error, and nothing changed

With GITMODEL_TESTS_LONG=1 all rows are run in all three ways, otherwise some.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from tests.stories.conftest import version_in
from tests.support.operations import NEW, ONE, POINTER, TWO, WEIGHTS, World, agree
from tests.support.repo import GIT, Repo

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
Way = Literal["hook", "switch", "command"]
WAYS: tuple[Way, ...] = ("hook", "switch", "command")
Ends = Literal["one", "twice", "never", "left", "refused"]
EXECUTABLE = 0o755


@dataclass
class Person:
    """Ana, committing in one of the three ways.

    Attributes:
        world: The world.
        way: How she commits.
        repo: Where she does.
        codes: Exit codes of her commands.
        said: What they wrote to standard error.
    """

    world: World
    way: Way
    repo: Repo
    codes: list[int] = field(default_factory=list)
    said: str = ""

    def git(self, *words: str, folder: str = "", **env: str) -> None:
        """Run a command of Git; a commit in her way."""
        repo = Repo(self.repo.path / folder, clock=self.repo._clock)
        ours = self.way == "command" and "commit" in words and "-c" not in words
        call = repo.gitmodel if ours else repo.git
        done = call(*words, check=False, env={"GIT_EDITOR": "true", **env})
        self.codes.append(done.returncode)
        self.said += done.stderr

    def version(self, pointer: str = POINTER) -> int:
        """The version that HEAD has."""
        return version_in(self.repo.git("show", f"HEAD:{pointer}").stdout)


@dataclass(frozen=True)
class Row:
    """A situation.

    Attributes:
        act: What is typed.
        hook: What comes of it with the hooks alone.
        switch: With the switch.
        command: With `gitmodel commit`.
        before: Makes the situation; returns the repository if it is another one.
        version: Of the new version.
        rest: What `git status --porcelain` says at the end.
    """

    act: Callable[[Person], object]
    hook: Ends
    switch: Ends
    command: Ends
    before: Callable[[World], Repo | None] = lambda world: world.train()
    version: int = 4
    rest: str = ""


def words(*arguments: str, folder: str = "", **env: str) -> Callable[[Person], None]:
    return lambda person: person.git(*arguments, folder=folder, **env)


def commands(*lines: str) -> Callable[[Person], None]:
    def act(person: Person) -> None:
        for line in lines:
            person.git(*line.split())

    return act


def trained(*more: Callable[[World], object]) -> Callable[[World], None]:
    def before(world: World) -> None:
        for step in more:
            step(world)
        world.train()

    return before


def also(*more: Callable[[World], object]) -> Callable[[World], None]:
    def before(world: World) -> None:
        world.train()
        for step in more:
            step(world)

    return before


def git(*arguments: str) -> Callable[[World], None]:
    def step(world: World) -> None:
        world.ana.git(*arguments, check=False, env={"GIT_EDITOR": "true"})

    return step


def code(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")


def new_metrics(world: World) -> None:
    world.ana.write("metrics.json", '{"auc": 9}')


def hook_script(name: str, text: str) -> Callable[[World], None]:
    def step(world: World) -> None:
        script = world.ana.write(f".git/hooks/{name}", f"#!/bin/sh\n{text}\n")
        script.chmod(EXECUTABLE)

    return step


def second_model(world: World) -> None:
    world.ana.write("models/churn.bin", b"churn 1" * 99)
    world.ana.gitmodel("add", "models/churn.bin", "-m", "churn 1")


def train_second(world: World) -> None:
    world.ana.write("models/churn.bin", b"churn 2" * 99)


def folder_model(world: World) -> None:
    world.ana.write("bert/a.bin", b"a" * 99)
    world.ana.write("bert/b.bin", b"b" * 99)
    world.ana.gitmodel("add", "bert", "-m", "bert 1")
    world.ana.write("bert/c.bin", b"c" * 99)


def linked_work_tree(world: World) -> Repo:
    path = world.folder / "linked tree"
    world.ana.git("worktree", "add", "-q", "-b", "linked", str(path))
    linked = Repo(path, clock=world.ana._clock)
    linked.gitmodel("checkout")
    linked.write(WEIGHTS, NEW)
    return linked


def clone(*options: str) -> Callable[[World], Repo]:
    def before(world: World) -> Repo:
        world.server.git("config", "uploadpack.allowFilter", "true")
        cloned = world.server.clone(world.folder / "cloned", *options)
        cloned.git("config", "user.name", "Ana")
        cloned.gitmodel("init")
        cloned.gitmodel("checkout")
        cloned.write(WEIGHTS, NEW)
        return cloned

    return before


def submodule(world: World) -> Repo:
    outer = Repo.create(world.folder / "outer")
    outer.git("submodule", "add", "-q", world.server.path.as_uri(), "inner")
    inner = Repo(outer.path / "inner", clock=world.ana._clock)
    inner.gitmodel("init")
    inner.gitmodel("checkout")
    inner.write(WEIGHTS, NEW)
    return inner


def moved(world: World) -> Repo:
    path = world.folder / "moved 'away'"
    world.ana.path.rename(path)
    world.ana = Repo(path, clock=world.ana._clock)
    world.ana.write(WEIGHTS, NEW)
    return world.ana


def sparse(*options: str) -> Callable[[World], None]:
    def step(world: World) -> None:
        second_model(world)
        world.ana.write("far/away.txt", "x\n")
        world.ana.commit("far away")
        world.ana.git("sparse-checkout", "init", "--cone", *options)
        world.ana.git("sparse-checkout", "set", "models")

    return step


def edit_stop(world: World) -> None:
    world.ana.git(
        "rebase", "-q", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": "sed -i s/pick/edit/"}
    )


def link(world: World) -> None:
    (world.ana.path / WEIGHTS).rename(world.folder / "elsewhere.bin")
    (world.ana.path / WEIGHTS).symlink_to(world.folder / "elsewhere.bin")


def three_ways(world: World) -> None:
    world.train()
    world.ana.git("checkout", "-q", "other", "--", POINTER)


def conflict(world: World) -> None:
    second_model(world)
    world.ana.git("merge", "-q", "other", check=False)
    train_second(world)


def half_typed(person: Person) -> None:
    """A commit that the person gives up in the editor, then again."""
    if not person.codes:
        person.git("commit", "-qa", GIT_EDITOR="false")
    else:
        person.git("commit", "-qam", "x")


def patch(person: Person) -> None:
    """Takes every change that is offered."""
    done = person.repo.git("commit", "-qp", "-m", "x", check=False, input_text="y\ny\n")
    person.codes.append(done.returncode)
    person.said += done.stderr


ROWS: dict[str, Row] = {
    "-am": Row(words("commit", "-qam", "x"), "twice", "one", "one"),
    "with metrics": Row(
        words("commit", "-qam", "x"), "one", "one", "one", before=also(new_metrics)
    ),
    "with code": Row(words("commit", "-qam", "x"), "one", "one", "one", before=also(code)),
    "plain": Row(words("commit", "-qm", "x"), "twice", "twice", "twice"),
    "staged code": Row(
        words("commit", "-qm", "x"), "one", "one", "one", before=also(code, git("add", "code.py"))
    ),
    "pointer": Row(words("commit", "-qm", "x", POINTER), "never", "one", "one"),
    "dot": Row(words("commit", "-qm", "x", "."), "never", "one", "one"),
    "code as path": Row(
        words("commit", "-qm", "x", "code.py"), "left", "left", "left", before=also(code)
    ),
    "--amend": Row(words("commit", "-q", "--amend", "-m", "x"), "one", "one", "one"),
    "-a --amend": Row(words("commit", "-qa", "--amend", "--no-edit"), "one", "one", "one"),
    "--dry-run": Row(words("commit", "--dry-run", "-a"), "never", "never", "never"),
    "one of two": Row(
        words("commit", "-qam", "x"), "twice", "one", "one", before=trained(second_model)
    ),
    "both": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=trained(second_model, train_second),
    ),
    "in a merge": Row(
        words("commit", "-qam", "x"),
        *("one", "one", "one"),
        before=trained(git("merge", "--no-commit", "side"), code),
    ),
    "edit stop": Row(
        words("commit", "-qam", "x"), "twice", "one", "one", before=trained(edit_stop)
    ),
    "missing": Row(
        words("commit", "-qam", "x"),
        *("never", "never", "never"),
        before=lambda world: (world.ana.path / WEIGHTS).unlink(),
    ),
    "--no-verify": Row(words("commit", "-nqam", "x"), "never", "never", "never"),
    "add -A": Row(commands("add -A", "commit -qm x"), "twice", "one", "twice"),
    "add -u": Row(commands("add -u", "commit -qm x"), "twice", "one", "twice"),
    "add code": Row(
        commands("add code.py", "commit -qm x"), "one", "one", "one", before=also(code)
    ),
    "-C": Row(
        words("-C", "sub", "commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=also(lambda world: (world.ana.path / "sub").mkdir()),
    ),
    "dot in a folder": Row(
        words("commit", "-qm", "x", ".", folder="models"),
        *("never", "one", "one"),
        before=trained(second_model, train_second),
        version=2,
    ),
    "alias": Row(words("-c", "alias.ci=commit -q", "ci", "-am", "x"), "twice", "one", "twice"),
    "index of one's own": Row(
        words("commit", "-qam", "x", GIT_INDEX_FILE=".git/index"), "twice", "one", "one"
    ),
    "linked work tree": Row(
        words("commit", "-qam", "x"), "twice", "one", "one", before=linked_work_tree
    ),
    "editor given up": Row(half_typed, "twice", "twice", "twice"),
    "message with -a": Row(
        words("commit", "-qm", "drop -a flag"),
        "one",
        "one",
        "one",
        before=also(code, git("add", "-u")),
    ),
    "touched": Row(
        words("commit", "-qam", "x"),
        *("never", "never", "never"),
        before=lambda world: (world.ana.path / WEIGHTS).touch(),
    ),
    "back to a known version": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=lambda world: world.train(ONE),
        version=1,
    ),
    "-p": Row(patch, "twice", "twice", "twice"),
    "-i pointer": Row(words("commit", "-q", "-i", POINTER, "-m", "x"), "twice", "one", "one"),
    "monitor off for one command": Row(
        words("-c", "core.fsmonitor=false", "commit", "-qam", "x"), "twice", "twice", "twice"
    ),
    "stale after a reset": Row(
        words("commit", "-qam", "x"),
        *("never", "never", "never"),
        before=git("reset", "-q", "--hard", "HEAD^"),
    ),
    "link": Row(words("commit", "-qam", "x"), "never", "never", "never", before=also(link)),
    "choice": Row(words("commit", "-qam", "x"), "refused", "refused", "refused", before=three_ways),
    "detached": Row(
        words("commit", "-qam", "x"),
        "twice",
        "one",
        "one",
        before=trained(git("switch", "--detach")),
    ),
    "submodule": Row(
        words("commit", "-qam", "x"), "twice", "one", "one", before=submodule, version=3
    ),
    "glob": Row(
        words("commit", "-qm", "x", "*.model.yaml"),
        *("never", "one", "one"),
        before=trained(second_model, train_second),
    ),
    "folder": Row(
        words("commit", "-qm", "x", "models"),
        *("never", "one", "one"),
        before=trained(second_model, train_second),
        version=2,
    ),
    "moved": Row(words("commit", "-qam", "x"), "twice", "one", "one", before=moved),
    "partial clone": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=clone("--filter=blob:none"),
        version=3,
    ),
    "shallow": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=clone("--depth=1"),
        version=3,
    ),
    "sparse": Row(words("commit", "-qam", "x"), "twice", "one", "one", before=trained(sparse())),
    "sparse index": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=trained(sparse("--sparse-index")),
    ),
    "split index": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=trained(git("update-index", "--split-index")),
    ),
    "folder model": Row(
        words("commit", "-qm", "x", "bert.model.yaml"),
        *("never", "one", "one"),
        before=folder_model,
        version=2,
    ),
    "conflict": Row(
        words("commit", "-qm", "x", "-i", "models/churn.model.yaml"),
        *("refused", "refused", "refused"),
        before=conflict,
    ),
    "hook that stages": Row(
        words("commit", "-qam", "x"),
        *("twice", "one", "one"),
        before=also(hook_script("pre-commit.before-gitmodel", "git add .")),
    ),
}
SHORT = {
    *("-am", "pointer", "plain", "-C", "linked work tree", "editor given up", "folder model"),
    "choice",
}
CASES = [
    pytest.param(name, way, id=f"{name} {way}")
    for name in ROWS
    for way in WAYS
    if LONG or (name in SHORT and way != "hook") or name == "-am"
]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_a_commit_of_new_weights_ends_as_the_table_says(name: str, way: Way, world: World) -> None:
    row = ROWS[name]
    repo = row.before(world) or world.ana
    if way == "switch":
        repo.gitmodel("install", "--fsmonitor")
    person = Person(world, way, repo)
    pointer = {2: "models/churn.model.yaml"}.get(row.version, POINTER)
    pointer = "bert.model.yaml" if name == "folder model" else pointer
    before = (repo.head(), person.version(pointer))

    ends: Ends = getattr(row, way)
    row.act(person)
    first = person.codes[-1]
    if ends in ("twice", "never"):
        assert first == 1, person.said
        assert repo.head() == before[0]
        row.act(person)

    if ends in ("one", "twice"):
        assert person.codes[-1] == 0, person.said
        assert person.version(pointer) == row.version
        assert (repo.head("HEAD^"), repo.git("diff", "HEAD").stdout) in (
            (before[0], ""),
            (repo.head("HEAD^"), ""),
        )
        status = repo.git("status", "--porcelain", "--untracked-files=no").stdout
        assert status == row.rest
        assert person.said.count("(was v") == person.said.count(" is v")
    elif ends == "left":
        assert person.codes[-1] == 0
        assert person.version(pointer) == before[1]
    else:
        assert person.codes[-1] != 0
        assert (repo.head(), person.version(pointer)) == before
        assert (
            version_in(
                repo.read("models/churn.model.yaml" if name == "conflict" else POINTER).decode()
            )
            <= 3
        )
    if repo is world.ana and name not in {"conflict", "both", "glob", "sparse", "one of two"}:
        check(world, name)


def check(world: World, name: str) -> None:
    """What must hold of Ana's repository, where the model of the world is the only one."""
    if len(world.ana.git("ls-files", "*.model.yaml").stdout.splitlines()) == 1:
        agree(world)


def test_of_three_commits_at_once_one_wins_and_nothing_is_lost(world: World) -> None:
    world.ana.gitmodel("install", "--fsmonitor")
    world.train()

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [GIT, "commit", "-qam", "x"],
            cwd=world.ana.path,
            stderr=subprocess.PIPE,
            text=True,
        )

    ends = []
    for process in [start() for _ in range(3)]:
        process.communicate()
        ends.append(process.returncode)

    assert 0 in ends
    assert set(ends) <= {0, 1, 128}
    assert world.ana.git("status", "--porcelain").stdout == ""
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    agree(world)


def test_a_read_only_git_folder_is_gits_error_and_nothing_is_registered(world: World) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    world.train()
    folder = world.ana.path / ".git"
    folder.chmod(0o555)
    try:
        done = world.ana.gitmodel("commit", "-am", "x", check=False)
    finally:
        folder.chmod(EXECUTABLE)

    assert done.returncode == 128
    assert version_in(world.ana.read(POINTER).decode()) == 2


@pytest.mark.parametrize("way", ["switch", "command"])
def test_a_commit_and_a_push_are_all_it_takes(way: Way, world: World) -> None:
    if way == "switch":
        world.ana.gitmodel("install", "--fsmonitor")
    world.train()
    person = Person(world, way, world.ana)

    person.git("commit", "-qam", "x")
    person.git("push", "-q")

    assert person.codes == [0, 0]
    assert version_in(world.server.git("show", f"main:{POINTER}").stdout) == 4
    agree(world)


@pytest.mark.parametrize("way", ["switch", "command"])
def test_weights_that_change_while_they_are_read_are_left_to_the_hook(
    way: Way, world: World
) -> None:
    if way == "switch":
        world.ana.gitmodel("install", "--fsmonitor")
    world.train(TWO * 4000)
    world.ana.write("go", "")
    write = f"while [ -e go ]; do echo more >>{WEIGHTS}; done"
    writer = subprocess.Popen(["/bin/sh", "-c", write], cwd=world.ana.path)
    person = Person(world, way, world.ana)
    try:
        person.git("commit", "-qam", "x")
    finally:
        (world.ana.path / "go").unlink()
        writer.wait()

    assert person.codes[0] in (0, 1)
    assert "Traceback" not in person.said
    assert world.ana.git("ls-files", "go").stdout == ""
