"""A hook that dies in the middle of changed weights refuses the commit; dead before that, it warns.

The commit would have the new metrics beside the pointer of the old weights, and the next training
would overwrite the weights that it is about. The hook script is told by a pipe how far gitmodel has
come, so it does not matter how gitmodel ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.githooks.install import install
from tests.support.neighbours import write_executable
from tests.support.operations import NEW, POINTER, TWO, WEIGHTS
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from tests.support.operations import World
    from tests.support.repo import Repo

# How a process ends, in the words of the program below.
DEATHS = {
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",  # as by the kernel, where memory is short
    "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
    "SIGXCPU": "os.kill(os.getpid(), signal.SIGXCPU)",
    "SIGABRT": "os.abort()",
    "MemoryError": "raise MemoryError",
    "ENOMEM": "raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))",
    "ENOSPC": "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
    "EIO": "raise OSError(errno.EIO, os.strerror(errno.EIO))",
    "a defect": "raise RuntimeError('a defect')",
    "exit 0": "os._exit(0)",
    "exit 3": "os._exit(3)",
    "SystemExit": "raise SystemExit",
}
# Where it is then: an attribute of a module that is called there.
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
# Each of another kind: by the kernel, by Python, by a full disk, and as if nothing were wrong.
SOME = DEATHS if LONG else ("SIGKILL", "MemoryError", "ENOSPC", "exit 0")
PLACES = {
    "hashing": "gitmodel.worktree.hashing:FileHasher.update",
    "storing": "gitmodel.worktree.worktree:WorkTree.sources",
    "staging": "gitmodel.git.index:Index.stage",
}
BEFORE = {
    "opening": "gitmodel.project.project:Project.open",
    "looking": "gitmodel.worktree.worktree:WorkTree.unchanged",
}
_DYING = """\
import errno, importlib, os, signal, sys
from gitmodel.cli.main import run

def die(*arguments, **options):
    {death}

module, _, name = {place!r}.partition(":")
*above, last = name.split(".")
owner = importlib.import_module(module)
for part in above:
    owner = getattr(owner, part)
setattr(owner, last, die)
sys.argv[1:] = sys.argv[sys.argv.index("hook"):]
run()
"""


def let_hooks_die(repo: Repo, death: str, place: str) -> None:
    """Hooks start a gitmodel that ends so, where it comes to that place."""
    folder = repo.path.parent / "dying"
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(_DYING.format(death=death, place=place), encoding="utf-8")
    python = folder / "python"
    start = f'exec env PYTHONPATH="{PACKAGE_ROOT}" "{sys.executable}" -P "{folder}/main.py" "$@"'
    write_executable(python, f"#!/bin/sh\n{start}\n".encode())
    install(str(repo.path / ".git/hooks"), interpreter=str(python))


def let_hooks_live(repo: Repo) -> None:
    install(str(repo.path / ".git/hooks"), interpreter=sys.executable)


def train(world: World, weights: bytes = NEW) -> None:
    world.train(weights)
    world.ana.write("metrics.json", '{"auc": 7}')


def pointer_at_head(repo: Repo) -> Pointer:
    return Pointer.from_text(repo.git("show", f"HEAD:{POINTER}").stdout, what=POINTER)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "Killed" not in line]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("death", SOME)
def test_a_hook_that_dies_amid_changed_weights_refuses_the_commit(
    world: World, death: str, place: str
) -> None:
    ana = world.ana
    train(world)
    before = ana.head()
    let_hooks_die(ana, DEATHS[death], PLACES[place])

    done = ana.git("commit", "-qam", "fraud 3", check=False)

    assert (done.returncode, ana.head()) == (1, before)
    *_, refusal, hint = said(done)
    assert " while it read the changed weights of fraud, so the commit is refused" in refusal
    assert "git commit --no-verify" in hint
    assert "install" not in refusal + hint
    let_hooks_live(ana)
    assert ana.git("commit", "-qam", "fraud 3").returncode == 0
    assert pointer_at_head(ana).digest == digest_of(NEW)
    assert pointer_at_head(ana).metrics == {"auc": 7}


@pytest.mark.parametrize("place", BEFORE)
@pytest.mark.parametrize("death", ["SIGKILL", "MemoryError", "exit 3"])
def test_a_hook_that_dies_before_it_comes_to_changed_weights_warns(
    world: World, death: str, place: str
) -> None:
    ana = world.ana
    ana.write("code.py", "x = 3\n")
    let_hooks_die(ana, DEATHS[death], BEFORE[place])

    done = ana.git("commit", "-qam", "code")

    *_, warning, hint = said(done)
    assert warning.startswith("gitmodel did not run to its end (status ")
    assert warning.endswith("this commit registers no weights.")
    assert hint.startswith("hint: gitmodel doctor")


def test_a_hook_that_dies_after_the_weights_are_in_the_commit_lets_it_pass(world: World) -> None:
    train(world)
    let_hooks_die(world.ana, "os._exit(3)", "gitmodel.githooks.run:_report_commit")

    done = world.ana.git("commit", "-qam", "fraud 3")

    assert "gitmodel did not run to its end (status 3)" in done.stderr
    assert pointer_at_head(world.ana).digest == digest_of(NEW)


def test_the_way_out_that_a_refusal_names_works(world: World) -> None:
    ana = world.ana
    train(world)
    let_hooks_die(ana, DEATHS["SIGKILL"], PLACES["hashing"])
    assert ana.git("commit", "-qam", "fraud 3", check=False).returncode == 1

    ana.git("commit", "-qam", "fraud 3", "--no-verify")
    assert pointer_at_head(ana).digest == digest_of(TWO)
    let_hooks_live(ana)
    ana.write("code.py", "x = 3\n")
    ana.git("commit", "-qam", "code")
    assert pointer_at_head(ana).digest == digest_of(NEW)


def test_it_names_the_model_that_was_being_read(world: World) -> None:
    ana = world.ana
    for name in ("aaa", "zzz"):
        ana.write(f"{name}.bin", TWO)
        ana.gitmodel("add", f"{name}.bin")
    ana.git("commit", "-qm", "more models")
    train(world)
    ana.write("zzz.bin", NEW)
    let_hooks_die(ana, DEATHS["SIGKILL"], PLACES["hashing"])

    assert "weights of fraud, so" in ana.git("commit", "-qam", "new", check=False).stderr


def test_a_model_of_which_nothing_changed_is_no_reason_to_refuse(world: World) -> None:
    """Weights that are not there, and weights that are older than the pointer, need no reading."""
    ana = world.ana
    ana.git("reset", "-q", "--hard", "HEAD~")
    world.look()
    ana.write("code.py", "x = 3\n")
    let_hooks_die(ana, DEATHS["SIGKILL"], "gitmodel.workflows.register_changes:stale_note")
    assert ana.git("commit", "-qam", "code", check=False).returncode == 0
    (ana.path / WEIGHTS).unlink()
    let_hooks_die(ana, DEATHS["SIGKILL"], "gitmodel.git.index:Index.staged_changes")
    ana.write("code.py", "x = 4\n")
    assert ana.git("commit", "-qam", "code", check=False).returncode == 0


@pytest.mark.parametrize("death", SOME)
def test_a_merge_is_refused_likewise(world: World, death: str) -> None:
    ana = world.ana
    train(world)
    before = ana.head()
    let_hooks_die(ana, DEATHS[death], PLACES["hashing"])

    done = ana.git("merge", "-q", "--no-edit", "side", check=False)

    assert done.returncode != 0
    assert ana.head() == before
    assert "weights of fraud, so the merge is refused" in done.stderr
    let_hooks_live(ana)
    ana.git("commit", "-qam", "merged")
    assert pointer_at_head(ana).digest == digest_of(NEW)


@pytest.mark.parametrize("death", [death for death in SOME if death != "exit 0"])
def test_a_push_of_a_version_never_passes_a_hook_that_died(world: World, death: str) -> None:
    ana = world.ana
    train(world)
    ana.git("commit", "-qam", "fraud 3")
    let_hooks_die(ana, DEATHS[death], "gitmodel.workflows.push:push_updates")

    assert ana.git("push", "-q", "origin", "main", check=False).returncode != 0
    assert world.server.head("main") == ana.head("HEAD~")


def test_two_commits_at_once_are_not_confused(world: World) -> None:
    """One hook dies in one work tree while another one works in another, and in the same one."""
    ana = world.ana
    ana.git("worktree", "add", "-q", "../linked", "side")
    linked = type(ana)(ana.path.parent / "linked")
    train(world)
    wait = "open(%r).read(); os.kill(os.getpid(), signal.SIGKILL)"
    fifo = ana.path.parent / "fifo"
    os.mkfifo(fifo)
    let_hooks_die(ana, wait % str(fifo), PLACES["hashing"])
    dying = subprocess.Popen(
        ["git", "commit", "-qam", "fraud 3"],  # noqa: S607
        cwd=ana.path,
        stderr=subprocess.PIPE,
    )
    with fifo.open("w"):  # returns when the hook has begun with the weights
        let_hooks_live(ana)
        linked.write("notes.txt", "two\n")
        assert linked.git("commit", "-qam", "notes").stderr == ""
        assert dying.poll() is None
    assert b"while it read the changed weights of fraud" in dying.communicate()[1]
    assert dying.returncode == 1
    leftovers = [path.name for path in Path(ana.path / ".git").iterdir() if "begun" in path.name]
    assert leftovers == []
