"""Several at once: in one clone, on one cache, on one remote. Nobody gets wrong bytes, nobody is lied to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.store.layout import pack_key
from tests.stories.conftest import version
from tests.support.models import folder_model, model, perturbed, write_folder
from tests.support.repo import GIT, PACKAGE_ROOT, TIMEOUT_SECONDS, Repo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.stories.conftest import Team

GITMODEL = (sys.executable, "-P", "-m", "gitmodel")
CLONES = 8


def at_once(
    commands: Sequence[tuple[Repo, Sequence[str]]],
) -> list[subprocess.CompletedProcess[str]]:
    """Start all commands, then wait for all of them."""
    running = [
        subprocess.Popen(
            list(command),
            cwd=repo.path,
            env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for repo, command in commands
    ]
    done = []
    for process in running:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        done.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return done


def all_well(done: Sequence[subprocess.CompletedProcess[str]]) -> None:
    for one in done:
        assert one.returncode == 0, f"{one.args}\n{one.stdout}{one.stderr}"


def nothing_half_done(*folders: Path) -> None:
    """No temporary file is left, every pack is what its name says, every manifest has its packs."""
    for folder in folders:
        names = [path for path in folder.rglob("*") if "tmp-" in path.name]
        assert not names
        for store in [folder, *folder.glob("*/.git/gitmodel")]:
            for pack in store.glob("packs/*/*"):
                assert digest_of(pack.read_bytes()).hex == pack.name
            for path in store.glob("manifests/*/*"):
                digest = Digest.from_hex(path.name)
                manifest = Manifest.from_bytes(path.read_bytes(), expected=digest)
                assert all((store / pack_key(name)).exists() for name in manifest.packs)


def copies(of: Repo, count: int) -> list[Repo]:
    """Further clones of the same person set-up, without cloning each."""
    targets = [of.path.with_name(f"{of.path.name}-{number}") for number in range(count)]
    return [Repo(Path(shutil.copytree(of.path, target, symlinks=True))) for target in targets]


def test_several_models_are_added_at_once_in_one_clone(team: Team) -> None:
    ana = team.members["ana"]
    names = [f"m{number}" for number in range(6)]
    for number, name in enumerate(names):
        ana.write(f"{name}.safetensors", model(seed=number))

    all_well(at_once([(ana, (*GITMODEL, "add", f"{name}.safetensors")) for name in names]))

    staged = ana.git("ls-files").stdout.split()
    assert {f"{name}.model.yaml" for name in names} <= set(staged)
    ignored = ana.read(".gitignore").decode().splitlines()
    assert {f"/{name}.safetensors" for name in names} <= set(ignored)
    nothing_half_done(team.folder)
    assert ana.git("status", "--porcelain", "--untracked-files=normal").stdout.count("??") == 0


def test_one_model_is_added_twice_at_once(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("fraud.safetensors", model(seed=1))

    all_well(at_once([(ana, (*GITMODEL, "add", "fraud.safetensors"))] * 4))

    assert version(ana) == 1
    ana.git("commit", "-qm", "fraud")
    assert ana.git("status", "--porcelain").stdout == ""
    nothing_half_done(team.folder)


def test_an_index_that_stays_locked_is_named_with_what_to_do(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("fraud.safetensors", model(seed=1))
    ana.write(".git/index.lock", b"")

    done = ana.gitmodel("add", "fraud.safetensors", check=False)

    assert done.returncode == 1
    assert "index.lock" in done.stderr
    assert "hint: run the command again when the other Git command has ended" in done.stderr
    (ana.path / ".git/index.lock").unlink()
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    assert version(ana) == 1


@pytest.mark.parametrize("options", [("-qam", "train"), ("-qm", "notes")])
def test_a_model_is_added_while_a_commit_runs(team: Team, options: tuple[str, ...]) -> None:
    ana = team.members["ana"]
    ana.write("fraud.safetensors", model(seed=1))
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.write("fraud.safetensors", model(seed=2))
    ana.write("notes.txt", "x")
    ana.git("add", "notes.txt")
    ana.write("other.safetensors", model(seed=3))

    committed, added = at_once(
        [
            (ana, (GIT, "commit", *options)),
            (ana, (*GITMODEL, "add", "other.safetensors")),
        ]
    )

    assert added.returncode == 0, added.stderr
    if committed.returncode:  # Git gives up at once where the index is locked; again is enough
        assert "index.lock" in committed.stderr
        ana.git("commit", *options)
    ana.git("commit", "-q", "--allow-empty", "-am", "rest")
    assert version(ana) == 2
    assert version(ana, "other.model.yaml") == 1
    tracked = ana.git("ls-tree", "--name-only", "HEAD").stdout.split()
    assert "other.model.yaml" in tracked
    assert ana.git("status", "--porcelain").stdout == ""


def test_of_many_who_push_one_number_exactly_one_gets_it(team_anywhere: Team) -> None:
    team = team_anywhere
    ana = team.members["ana"]
    first = model(seed=1)
    ana.write("fraud.safetensors", first)
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.git("push", "-q")
    clones = copies(ana, CLONES)
    for number, clone in enumerate(clones):
        clone.write("fraud.safetensors", perturbed(first, seed=number))
    all_well(at_once([(c, (*GITMODEL, "add", "fraud.safetensors", "-m", "2")) for c in clones]))
    assert {version(clone) for clone in clones} == {2}

    done = at_once([(clone, (*GITMODEL, "push")) for clone in clones])

    winners = [clone for clone, one in zip(clones, done, strict=True) if one.returncode == 0]
    assert len(winners) == 1, [one.stderr for one in done]
    owner = Pointer.from_text(winners[0].read("fraud.model.yaml"), what="winner").digest
    for one in done:
        if one.returncode:
            assert one.returncode == 1
            assert "error: fraud: version 2 is already taken by other content" in one.stderr
            assert owner.short in one.stderr
            assert "hint: gitmodel renumber fraud" in one.stderr
    loser = next(clone for clone in clones if clone not in winners)
    loser.gitmodel("renumber", "fraud", "--commit")
    loser.gitmodel("push")
    assert version(loser) == 3
    # What the winner pushed is what everybody gets.
    again = at_once([(winners[0], (*GITMODEL, "verify", "--full"))])
    all_well(again)


def test_many_who_push_the_same_content_all_succeed(team_anywhere: Team) -> None:
    team = team_anywhere
    ana = team.members["ana"]
    write_folder(folder_model(seed=1), ana.path / "bert")
    ana.gitmodel("add", "bert", "-m", "bert 1")
    clones = copies(ana, 4)

    all_well(at_once([(clone, (*GITMODEL, "push")) for clone in clones]))

    if Path(team.url).is_absolute():
        nothing_half_done(Path(team.url))


def test_git_push_by_two_lets_one_through_and_tells_the_other(team: Team) -> None:
    """The weights are refused before Git's own "non-fast-forward" can be reached, or by it."""
    ana = team.members["ana"]
    ana.write("fraud.safetensors", model(seed=1))
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.git("push", "-q")
    clones = copies(ana, 2)
    for number, clone in enumerate(clones):
        clone.write("fraud.safetensors", model(seed=10 + number))
        clone.git("commit", "-q", "--allow-empty", "-am", "2")
        assert version(clone) == 2

    done = at_once([(clone, (GIT, "push", "-q")) for clone in clones])

    assert sorted(one.returncode == 0 for one in done) == [False, True]
    (lost,) = [one for one in done if one.returncode]
    assert re.search("version 2 is already taken by other content|rejected", lost.stderr)
    ben = team.join("ben")
    ben.gitmodel("checkout")
    winner = next(c for c, one in zip(clones, done, strict=True) if one.returncode == 0)
    assert ben.read("fraud.safetensors") == winner.read("fraud.safetensors")


def test_clones_that_share_a_cache_add_and_check_out_at_once(team: Team, tmp_path: Path) -> None:
    ana = team.members["ana"]
    weights = {name: model(seed=number) for number, name in enumerate(("a", "b", "c"))}
    for name, data in weights.items():
        ana.write(f"{name}.safetensors", data)
        ana.gitmodel("add", f"{name}.safetensors", "-m", name)
    ana.git("push", "-q")
    clones = [team.join("ben"), *copies(team.members["ben"], 3)]
    shared = tmp_path / "shared"
    for clone in clones:
        clone.git("config", "gitmodel.cache", str(shared))
    adding, *checking = clones
    for name in ("x", "y"):
        adding.write(f"{name}.safetensors", model(seed=ord(name)))

    all_well(
        at_once(
            [
                *((clone, (*GITMODEL, "checkout")) for clone in checking),
                *((adding, (*GITMODEL, "add", f"{name}.safetensors")) for name in ("x", "y")),
                *((clone, (*GITMODEL, "fetch")) for clone in clones),
            ]
        )
    )

    for clone in checking:
        for name, data in weights.items():
            assert clone.read(f"{name}.safetensors") == data
    nothing_half_done(shared, team.folder)


def test_one_clone_checks_out_two_versions_at_once(team: Team) -> None:
    """The last one wins, whole; the other may be told. Nothing is mixed."""
    ana = team.members["ana"]
    folders = [folder_model(seed=1), folder_model(seed=2)]
    for number, files in enumerate(folders, 1):
        write_folder(files, ana.path / "bert")
        ana.gitmodel("add", "bert", "-m", str(number))

    done = at_once([(ana, (*GITMODEL, "checkout", f"bert@{number}")) for number in (1, 2, 1, 2)])

    assert all("Traceback" not in one.stderr for one in done)
    assert any(one.returncode == 0 for one in done)
    for path in folders[0]:
        assert ana.read(f"bert/{path}") in (folders[0][path], folders[1][path])
    ana.gitmodel("checkout", "bert@1", "--force")
    assert {path: ana.read(f"bert/{path}") for path in folders[0]} == folders[0]
    assert version(ana, "bert.model.yaml") == 1


# What a CI job runs. $1 is how gitmodel is started, $2 the branch.
LOOP = """
for attempt in 1 2 3 4 5 6 7 8 9; do
  git push -q origin "HEAD:refs/heads/$2" 2> said && exit 0
  cat said >> refusals
  {again}
done
exit 9
"""
RENUMBER = "$1 renumber fraud --if-taken --commit || exit 8"
MERGE = """
  $1 renumber fraud --if-taken --commit || exit 8
  git pull -q --no-rebase --no-edit origin "$2" ||
    { $1 resolve fraud --ours && git commit -q --no-edit; } || exit 7
"""


def racing(ana: Repo, count: int) -> list[Repo]:
    """Clones that have each made a version 2 of their own, by a run of their own."""
    ana.write("fraud.safetensors", model(seed=1))
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.git("push", "-q")
    clones = copies(ana, count)
    for number, clone in enumerate(clones):
        clone.git("config", "user.name", f"Job {number}")
        clone.write("fraud.safetensors", model(seed=10 + number))
        clone.gitmodel("add", "fraud.safetensors", "--run-id", f"run-{number}", "-m", "fraud 2")
        assert version(clone) == 2
    return clones


def looped(clones: Sequence[Repo], again: str, branches: Sequence[str]) -> None:
    script, start = LOOP.replace("{again}", again), " ".join(GITMODEL)
    jobs = [("/bin/sh", "-c", script, "job", start, branch) for branch in branches]
    all_well(at_once(list(zip(clones, jobs, strict=True))))


def refusals(clone: Repo) -> str:
    path = clone.path / "refusals"
    return path.read_text() if path.exists() else ""


def test_jobs_that_race_for_a_number_end_by_renumbering_until_the_push_passes(team: Team) -> None:
    clones = racing(team.members["ana"], 3)
    made = [clone.head() for clone in clones]

    looped(clones, RENUMBER, ["b0", "b1", "b2"])

    numbers = [version(clone) for clone in clones]
    assert len(set(numbers)) == 3
    assert min(numbers) == 2
    for number, clone, commit in zip(numbers, clones, made, strict=True):
        renumbered = clone.git("log", "--format=%s", f"{commit}..HEAD").stdout.split("\n")[:-1]
        assert len(renumbered) == refusals(clone).count("taken by other content")
        assert bool(renumbered) == (number != 2)
        clone.git("merge-base", "--is-ancestor", commit, "HEAD")  # history is never rewritten
        assert (
            clone.git("ls-remote", "origin", "HEAD", "refs/heads/b*").stdout.count(clone.head())
            == 1
        )
    told = "".join(refusals(clone) for clone in clones)
    assert re.search(
        r"fraud: version [23] is already taken by other content: [0-9a-f]{12}, "
        r"pushed by Job [012] <ana@example.org> on 20[0-9T:Z-]+, run run-[012]; "
        r"yours is [0-9a-f]{12}. Nothing was pushed",
        told,
    )
    assert "hint: gitmodel renumber fraud --commit, then git push" in told
    ben = team.join("ben")
    for branch, clone in zip(("b0", "b1", "b2"), clones, strict=True):
        ben.git("switch", "-q", branch)
        ben.gitmodel("checkout")
        assert ben.read("fraud.safetensors") == clone.read("fraud.safetensors")


def test_jobs_that_race_for_one_branch_end_by_merging_until_the_push_passes(team: Team) -> None:
    ana = team.members["ana"]
    start = ana.head
    clones = racing(ana, 3)
    first = start()

    looped(clones, MERGE, ["main"] * 3)

    ana.git("pull", "-q")
    ana.gitmodel("checkout")
    pointers = {clone.read("fraud.model.yaml") for clone in clones}
    assert ana.read("fraud.model.yaml") in pointers
    checked = ana.gitmodel("verify", "--refs", "HEAD")
    assert "fine" in checked.stdout
    claimed = {path.name for path in Path(team.url).glob("versions/*/fraud@*")}
    assert {f"fraud@{version(ana)}.yaml", "fraud@1.yaml", "fraud@2.yaml"} <= claimed
    for clone in clones:
        clone.git("merge-base", "--is-ancestor", first, "HEAD")
        ana.git("merge-base", "--is-ancestor", clone.head(), "HEAD")
