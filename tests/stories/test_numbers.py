"""A version number means what its claim says: in every clone, for ever, after any collision."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import gitmodel
from gitmodel.domain.digest import digest_of
from tests.support.models import model

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stories.conftest import Team
    from tests.support.repo import Repo

ONE, TWO, THREE, FOUR = (model(seed=seed) for seed in range(1, 5))


def train(repo: Repo, weights: bytes, message: str) -> None:
    """Train and commit; the hook makes the version."""
    repo.write("fraud.safetensors", weights)
    repo.write(f"{message}.txt", message)
    repo.git("add", f"{message}.txt")
    repo.git("commit", "-qam", message)


def meaning(repo: Repo, reference: str) -> str:
    """The digest that a reference means here."""
    return str(json.loads(repo.gitmodel("show", reference, "--json").stdout)["pointer"]["digest"])


def from_python(repo: Repo, reference: str) -> tuple[bytes, bytes]:
    """The weights as `gitmodel.path` and `gitmodel.open` give them."""
    with gitmodel.open(reference, repo=repo.path) as stream:
        streamed = stream.read()
    return Path(gitmodel.path(reference, repo=repo.path)).read_bytes(), streamed


def refused(repo: Repo, *arguments: str) -> str:
    """What gitmodel says where it fails with exit code 1."""
    done = repo.gitmodel(*arguments, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def named(weights: bytes) -> str:
    return str(digest_of(weights))


def collide(team: Team, fraud: Callable[[bytes], Repo]) -> tuple[Repo, Repo]:
    """Ana pushes version 2; Ben makes another one, and his push is refused."""
    ana = fraud(ONE)
    ben = team.join("ben")
    ben.gitmodel("checkout")
    train(ana, TWO, "ana 2")
    ana.git("push", "-q")
    train(ben, THREE, "ben 2")
    assert "other content already" in ben.git("push", check=False).stderr
    return ana, ben


def merge(repo: Repo, side: str = "--ours") -> None:
    """Merge what the server has; the side that is named wins the pointer."""
    repo.git("pull", "-q", "--no-rebase", "--no-edit", check=False)
    if repo.git("ls-files", "--unmerged").stdout:
        repo.gitmodel("resolve", "fraud", side)
        repo.git("commit", "-q", "--no-edit")


def mended(team: Team, fraud: Callable[[bytes], Repo]) -> tuple[Repo, Repo]:
    """The collision, ended with the command that the refused push names."""
    ana, ben = collide(team, fraud)
    ben.gitmodel("renumber", "fraud", "--commit")
    merge(ben)
    ben.git("push", "-q", "origin", "main")
    return ana, ben


def test_a_number_that_was_mended_means_its_claim_in_every_clone(
    team: Team, fraud: Callable[[bytes], Repo], tmp_path: Path
) -> None:
    ana, ben = mended(team, fraud)
    ana.git("pull", "-q")
    fresh = team.join("fresh")
    late = team.server.clone(team.folder / "late", "--depth", "2")
    late.git("fetch", "-q", "--unshallow")

    for repo in (ana, ben, fresh, late):
        assert meaning(repo, "fraud@2") == named(TWO)
        assert meaning(repo, "fraud@3") == named(THREE)
        assert meaning(repo, f"fraud@{named(THREE)}") == named(THREE)
    for number, weights in ((2, TWO), (3, THREE)):
        assert from_python(fresh, f"fraud@{number}") == (weights, weights)
        fresh.gitmodel("checkout", f"fraud@{number}", "--force")
        assert fresh.read("fraud.safetensors") == weights
        out = tmp_path / f"out-{number}"
        fresh.gitmodel("get", str(team.server.path), f"fraud@{number}", "--out", str(out))
        assert (out / "fraud.safetensors").read_bytes() == weights


def test_a_mended_number_needs_no_remote(team: Team, fraud: Callable[[bytes], Repo]) -> None:
    mended(team, fraud)
    fresh = team.join("fresh")
    os.rename(team.url, f"{team.url}-gone")

    assert meaning(fresh, "fraud@2") == named(TWO)
    assert meaning(fresh, "fraud@3") == named(THREE)


def test_a_collision_that_nobody_mended_is_decided_by_its_claim(
    team: Team, fraud: Callable[[bytes], Repo]
) -> None:
    _ana, ben = collide(team, fraud)
    ben.git("push", "-q", "--no-verify", "origin", "main:ben")
    fresh = team.join("fresh")

    assert meaning(fresh, "fraud@2") == named(TWO)
    os.rename(team.url, f"{team.url}-gone")
    assert meaning(fresh, "fraud@2") == named(TWO), "the claim is remembered"
    offline = team.join("offline", set_up=False)
    said = refused(offline, "show", "fraud@2")
    assert digest_of(TWO).short in said
    assert digest_of(THREE).short in said
    hint = re.search(r"gitmodel (show fraud@blake3:[0-9a-f]+)", said)
    assert hint is not None
    assert hint[1].partition(":")[2] in offline.gitmodel(*hint[1].split()).stdout


def test_a_clone_that_lacks_the_owners_content_says_so_instead_of_taking_the_other(
    team: Team, fraud: Callable[[bytes], Repo]
) -> None:
    _ana, ben = collide(team, fraud)

    said = refused(ben, "show", "fraud@2")

    assert f"fraud@2 is {digest_of(TWO).short}, as claimed on the remote" in said
    assert "hint: git fetch --all" in said
    ben.git("fetch", "-q", "--all")
    assert meaning(ben, "fraud@2") == named(TWO)
    assert meaning(ben, f"fraud@{named(THREE)}") == named(THREE)


def test_a_branch_alone_does_not_give_its_old_number_to_renumbered_content(
    team: Team, fraud: Callable[[bytes], Repo]
) -> None:
    _ana, ben = collide(team, fraud)
    ben.gitmodel("renumber", "fraud", "--commit")
    ben.git("push", "-q", "origin", "main:ben")
    single = team.server.clone(team.folder / "single", "--single-branch", "--branch", "ben")

    said = refused(single, "show", "fraud@2")

    assert f"fraud@2 is {digest_of(TWO).short}" in said
    assert meaning(single, "fraud@3") == named(THREE)


def test_the_side_that_owns_a_number_keeps_it_when_a_merge_takes_it(
    team: Team, fraud: Callable[[bytes], Repo]
) -> None:
    ana, ben = collide(team, fraud)
    assert ben.git("pull", "-q", "--no-rebase", "--no-edit", check=False).returncode
    ben.gitmodel("resolve", "fraud", "--theirs")
    ben.git("commit", "-q", "--no-edit")
    ben.git("push", "-q", "origin", "main")
    ana.git("pull", "-q")

    for repo in (ana, ben, team.join("fresh")):
        assert meaning(repo, "fraud") == meaning(repo, "fraud@2") == named(TWO)
        assert "there is no fraud@3" in refused(repo, "show", "fraud@3")


def test_renumber_leaves_content_at_the_number_that_it_owns(
    fraud: Callable[[bytes], Repo],
) -> None:
    ana = fraud(ONE)

    said = refused(ana, "renumber", "fraud", "--commit")

    assert "version 1 belongs to this content" in said
    assert ana.git("status", "--porcelain", "--untracked-files=no").stdout == ""


def test_renumber_without_a_name_takes_the_models_whose_number_is_taken(
    team: Team, fraud: Callable[[bytes], Repo]
) -> None:
    _ana, ben = collide(team, fraud)
    ben.write("other.safetensors", FOUR)
    ben.gitmodel("add", "other.safetensors", "-m", "other 1")

    told = ben.gitmodel("renumber", "--commit").stdout

    assert told.startswith("fraud  v3 (was v2)\ncommitted ")
    assert ben.gitmodel("renumber").stdout == (
        "no number is taken by other weights; nothing was renumbered\n"
    )
    assert ben.git("status", "--porcelain", "--untracked-files=no").stdout == ""
