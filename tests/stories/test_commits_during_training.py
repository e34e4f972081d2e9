"""`git commit` while training writes: code goes on, and no version is made of half a file.

The weights change at the worst moments, for real: in the middle of being hashed, between hashing and
storing, while they are stored. The hook is the installed one; only what it reads is disturbed.
"""

from __future__ import annotations

import os
import sys
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

# What training does to the weights at that moment.
ACTS = {
    "grows": "open(path, 'ab').write(b'more')",
    "is truncated": "os.truncate(path, 3)",
    "is written": "os.pwrite(os.open(path, os.O_WRONLY), b'other bytes', 0)",
    "is replaced": "open(path + '.new', 'wb').write(b'new'); os.replace(path + '.new', path)",
    "vanishes": "os.unlink(path)",
    "is a folder": "os.unlink(path); os.mkdir(path); open(path + '/x', 'w')",
}
# When: at the first call of these.
MOMENTS = {
    "listed": "gitmodel.worktree.worktree:WorkTree.hash",
    "being hashed": "gitmodel.worktree.hashing:FileHasher.update",
    "hashed": "gitmodel.project.committing.new_versions:collect_metadata",
    "listed for storing": "gitmodel.worktree.worktree:WorkTree.sources",
    "stored": "gitmodel.worktree.worktree:WorkTree.remember",
}
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
# Each act and each moment at least once.
CASES = [
    (act, moment)
    for i, act in enumerate(ACTS)
    for j, moment in enumerate(MOMENTS)
    if LONG or (i + j) % 3 == 0
]
_TRAINING = """\
import importlib, os, sys
from gitmodel.cli.main import run

path = {path!r}
module, _, name = {moment!r}.partition(":")
*above, last = name.split(".")
owner = importlib.import_module(module)
for part in above:
    owner = getattr(owner, part)
real = getattr(owner, last)
if isinstance(real, type(str.join)) or not hasattr(real, "__get__"):
    owner = importlib.import_module(module)
    base = getattr(owner, above[0])
    class Disturbed:
        def __init__(self):
            self.inner = base()
        def update(self, data):
            act()
            self.inner.update(data)
        def result(self):
            return self.inner.result()
    setattr(owner, above[0], Disturbed)
else:
    def disturbed(*arguments, **options):
        act()
        return real(*arguments, **options)
    setattr(owner, last, disturbed)
done = []

def act():
    if not done:
        done.append(1)
        {act}

sys.argv[1:] = sys.argv[sys.argv.index("hook"):]
run()
"""


def let_training_write(repo: Repo, act: str, moment: str, path: str = WEIGHTS) -> None:
    folder = repo.path.parent / "training"
    folder.mkdir(exist_ok=True)
    text = _TRAINING.format(act=act, moment=moment, path=str(repo.path / path))
    (folder / "main.py").write_text(text, encoding="utf-8")
    start = f'exec env PYTHONPATH="{PACKAGE_ROOT}" "{sys.executable}" -P "{folder}/main.py" "$@"'
    write_executable(folder / "python", f"#!/bin/sh\n{start}\n".encode())
    install(str(repo.path / ".git/hooks"), interpreter=str(folder / "python"))


def let_hooks_be(repo: Repo) -> None:
    install(str(repo.path / ".git/hooks"), interpreter=sys.executable)


def digest_at_head(repo: Repo) -> object:
    return Pointer.from_text(repo.git("show", f"HEAD:{POINTER}").stdout, what=POINTER).digest


@pytest.mark.parametrize(("act", "moment"), CASES)
def test_code_is_committed_while_training_writes(world: World, act: str, moment: str) -> None:
    ana = world.ana
    world.train(NEW)
    ana.write("code.py", "x = 3\n")
    let_training_write(ana, ACTS[act], MOMENTS[moment])

    done = ana.git("commit", "-qam", "code")

    assert digest_at_head(ana) == digest_of(TWO)
    assert ana.git("status", "--porcelain").stdout in ("", "?? fraud.bin/\n")
    assert "makes no version of fraud.bin; a later one does" in done.stderr
    let_hooks_be(ana)
    if (ana.path / WEIGHTS).is_file():
        ana.write("code.py", "x = 4\n")
        ana.git("commit", "-qam", "more code")
        assert digest_at_head(ana) == digest_of(ana.read(WEIGHTS))


@pytest.mark.parametrize("what", ["metrics", "pointer", "metrics by path"])
def test_a_commit_about_the_model_waits_for_the_training(world: World, what: str) -> None:
    """It would record metrics, or a pointer, of weights that are not there yet."""
    ana = world.ana
    world.train(NEW)
    before = ana.head()
    if what == "pointer":
        text = ana.read(POINTER).decode().replace("auc: 2", "auc: 0.25")
        ana.write(POINTER, text)
    else:
        ana.write("metrics.json", '{"auc": 7}')
    let_training_write(ana, ACTS["grows"], MOMENTS["being hashed"])

    paths = ("metrics.json", POINTER) if what == "metrics by path" else ("-a",)
    done = ana.git("commit", "-qm", "about the model", *paths, check=False)

    if what == "metrics by path":  # the pointer is named, but does not differ: nothing is read
        assert done.returncode == 0
        return
    assert (done.returncode, ana.head()) == (1, before)
    assert "fraud: fraud.bin changed while it was read" in done.stderr
    assert "hint: wait until training has finished writing, then commit again" in done.stderr


def test_a_merge_of_code_goes_on_while_training_writes(world: World) -> None:
    ana = world.ana
    world.train(NEW)
    let_training_write(ana, ACTS["grows"], MOMENTS["being hashed"])

    ana.git("merge", "-q", "--no-edit", "side")

    assert digest_at_head(ana) == digest_of(TWO)


def test_a_metrics_file_that_is_half_written_is_for_a_later_commit(world: World) -> None:
    ana = world.ana
    world.train(NEW)
    ana.write("metrics.json", '{"auc": ')
    ana.write("code.py", "x = 3\n")
    ana.git("add", "code.py")

    done = ana.git("commit", "-qm", "code")
    assert "so this commit makes no version of fraud.bin" in done.stderr
    refused = ana.git("commit", "-qam", "with metrics", check=False)
    assert refused.returncode == 1
    ana.write("metrics.json", '{"auc": 7}')
    ana.git("commit", "-qam", "with metrics")
    assert digest_at_head(ana) == digest_of(NEW)


def test_a_folder_that_is_being_written_stops_no_commit_of_code(world: World) -> None:
    ana = world.ana
    for name in ("a", "b"):
        ana.write(f"bert/{name}", name)
    ana.gitmodel("add", "bert")
    ana.git("commit", "-qm", "bert")
    ana.write("bert/a", "changed")
    ana.write("code.py", "x = 3\n")
    let_training_write(ana, "os.unlink(path)", MOMENTS["being hashed"], "bert/b")

    done = ana.git("commit", "-qam", "code")

    assert "makes no version of bert; a later one does" in done.stderr
    let_hooks_be(ana)
    ana.write("code.py", "x = 4\n")
    assert "bert is v2" in ana.git("commit", "-qam", "more code").stderr
