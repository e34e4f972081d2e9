"""A version number means what its claim says: in every clone, for ever, after any collision."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.domain.digest import digest_of
from tests.stories.conftest import build_fraud, kept_team
from tests.support.kept import Kept
from tests.support.models import model

if TYPE_CHECKING:
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


def merge(repo: Repo, side: str = "--ours") -> None:
    """Merge what the server has; the side that is named wins the pointer."""
    repo.git("pull", "-q", "--no-rebase", "--no-edit", check=False)
    if repo.git("ls-files", "--unmerged").stdout:
        repo.gitmodel("resolve", "fraud", side)
        repo.git("commit", "-q", "--no-edit")


def build_collided(folder: Path) -> Repo:
    """Ana pushes version 2; Ben makes another one, and his push is refused."""
    ana = build_fraud(folder)
    ben = kept_team(folder, ana).join("ben")
    ben.gitmodel("checkout")
    train(ana, TWO, "ana 2")
    ana.git("push", "-q")
    train(ben, THREE, "ben 2")
    assert "taken by other content" in ben.git("push", check=False).stderr
    return ana


def build_mended(folder: Path) -> Repo:
    """The collision, ended with the command that the refused push names."""
    ana = build_collided(folder)
    ben = ana.beside("ben")
    ben.gitmodel("renumber", "fraud", "--commit")
    merge(ben)
    ben.git("push", "-q", "origin", "main")
    return ana


KEPT = {
    "fraud": Kept(build_fraud),
    "collided": Kept(build_collided),
    "mended": Kept(build_mended),
}


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Kept:
    """What the test starts from."""
    return next(kept for fixture, kept in KEPT.items() if fixture in request.fixturenames)


@pytest.fixture
def tmp_path(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept.restored(tmp_path_factory)


@pytest.fixture
def team(kept: Kept, tmp_path: Path) -> Team:
    others = () if kept is KEPT["fraud"] else ("ben",)
    return kept_team(tmp_path, kept.repo(), *others)


@pytest.fixture
def fraud(team: Team) -> Repo:
    """Ana's clone, in which version 1 is committed and pushed."""
    return team.members["ana"]


@pytest.fixture
def collided(team: Team) -> Repo:
    """Ben's clone, whose version 2 is not that of the remote."""
    return team.members["ben"]


@pytest.fixture
def mended(team: Team) -> Repo:
    """Ben's clone, with his version renumbered."""
    return team.members["ben"]


def test_a_number_that_was_mended_means_its_claim_in_every_clone(
    team: Team, mended: Repo, tmp_path: Path
) -> None:
    ana, ben = team.members["ana"], mended
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


def test_a_mended_number_needs_no_remote(team: Team, mended: Repo) -> None:
    fresh = team.join("fresh")
    os.rename(team.url, f"{team.url}-gone")

    assert meaning(fresh, "fraud@2") == named(TWO)
    assert meaning(fresh, "fraud@3") == named(THREE)


def test_a_collision_that_nobody_mended_is_decided_by_its_claim(team: Team, collided: Repo) -> None:
    ben = collided
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
    team: Team, collided: Repo
) -> None:
    ben = collided

    said = refused(ben, "show", "fraud@2")

    assert f"fraud@2 is {digest_of(TWO).short} according to its claim" in said
    assert "hint: git fetch --all" in said
    ben.git("fetch", "-q", "--all")
    assert meaning(ben, "fraud@2") == named(TWO)
    assert meaning(ben, f"fraud@{named(THREE)}") == named(THREE)


def test_a_branch_alone_does_not_give_its_old_number_to_renumbered_content(
    team: Team, collided: Repo
) -> None:
    ben = collided
    ben.gitmodel("renumber", "fraud", "--commit")
    ben.git("push", "-q", "origin", "main:ben")
    single = team.server.clone(team.folder / "single", "--single-branch", "--branch", "ben")

    said = refused(single, "show", "fraud@2")

    assert f"fraud@2 is {digest_of(TWO).short}" in said
    assert meaning(single, "fraud@3") == named(THREE)


def test_the_side_that_owns_a_number_keeps_it_when_a_merge_takes_it(
    team: Team, collided: Repo
) -> None:
    ana, ben = team.members["ana"], collided
    assert ben.git("pull", "-q", "--no-rebase", "--no-edit", check=False).returncode
    ben.gitmodel("resolve", "fraud", "--theirs")
    ben.git("commit", "-q", "--no-edit")
    ben.git("push", "-q", "origin", "main")
    ana.git("pull", "-q")

    for repo in (ana, ben, team.join("fresh")):
        assert meaning(repo, "fraud") == meaning(repo, "fraud@2") == named(TWO)
        assert "there is no fraud@3" in refused(repo, "show", "fraud@3")


def test_renumber_leaves_content_at_the_number_that_it_owns(
    fraud: Repo,
) -> None:
    ana = fraud

    said = refused(ana, "renumber", "fraud", "--commit")

    assert "version 1 belongs to this content" in said
    assert ana.git("status", "--porcelain", "--untracked-files=no").stdout == ""


def test_renumber_without_a_name_takes_the_models_whose_number_is_taken(
    team: Team, collided: Repo
) -> None:
    ben = collided
    ben.write("other.safetensors", FOUR)
    ben.gitmodel("add", "other.safetensors", "-m", "other 1")

    assert "gitmodel renumber fraud --commit" in ben.gitmodel("status").stdout

    told = ben.gitmodel("renumber", "--commit").stdout

    assert told.startswith("fraud  v3 (was v2)\ncommitted ")
    assert ben.gitmodel("renumber").stdout == (
        "no number is taken by other weights; nothing was renumbered\n"
    )
    assert ben.git("status", "--porcelain", "--untracked-files=no").stdout == ""


def test_three_people_with_overlapping_numbers_end_with_one_meaning_each(
    team: Team, fraud: Repo
) -> None:
    """Ana has 2, Ben loses 2 and then 3 to Cem, who lost 2 as well."""
    ana = fraud
    ben, cem = team.join("ben"), team.join("cem")
    for person, weights in ((ana, TWO), (ben, THREE), (cem, FOUR)):
        train(person, weights, f"{person.path.name} 2")
    ana.git("push", "-q")
    for person in (ben, cem):
        assert person.git("push", check=False).returncode
    ben.gitmodel("renumber", "fraud", "--commit")  # to 3, and is slower than Cem
    cem.gitmodel("renumber", "fraud", "--commit")
    merge(cem)
    cem.git("push", "-q", "origin", "main")
    assert "version 3 is already taken by other content" in ben.git("push", check=False).stderr
    ben.gitmodel("renumber", "fraud", "--commit")
    merge(ben)
    ben.git("push", "-q", "origin", "main")
    for person in (ana, cem):
        person.git("pull", "-q")

    wanted = {1: named(ONE), 2: named(TWO), 3: named(FOUR), 4: named(THREE)}
    for repo in (ana, ben, cem, team.join("fresh")):
        assert {number: meaning(repo, f"fraud@{number}") for number in wanted} == wanted
    os.rename(team.url, f"{team.url}-gone")
    offline = team.join("offline", set_up=False)
    assert {number: meaning(offline, f"fraud@{number}") for number in wanted} == wanted


def test_log_says_which_number_a_renumbered_version_has_now(team: Team, mended: Repo) -> None:
    fresh = team.join("fresh")

    versions = json.loads(fresh.gitmodel("log", "fraud", "--json").stdout)["versions"]

    found = {(v["version"], v["digest"]): (v["taken"], v["renumbered"]) for v in versions}
    assert found == {
        (3, named(THREE)): (False, None),
        (2, named(TWO)): (False, None),
        (2, named(THREE)): (True, 3),
        (1, named(ONE)): (False, None),
    }
    assert "v2 now v3" in fresh.gitmodel("log", "fraud").stdout


def test_in_a_partial_clone_a_number_waits_for_the_pointers_that_were_left_out(
    team: Team, mended: Repo
) -> None:
    team.server.git("config", "uploadpack.allowFilter", "true")
    team.server.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = team.server.clone(team.folder / "partial", "--filter=blob:none")
    partial.git("checkout", "-q", "HEAD^1^")  # Ben's commit before `renumber`: his pointer is here
    partial.git("checkout", "-q", "main")

    assert meaning(partial, "fraud@2") == named(TWO)
    assert meaning(partial, "fraud@3") == named(THREE)


def test_a_shallow_clone_says_what_it_lacks_instead_of_taking_the_other_content(
    team: Team, collided: Repo
) -> None:
    ben = collided
    ben.gitmodel("renumber", "fraud", "--commit")
    ben.git("push", "-q", "origin", "main:ben")
    shallow = team.server.clone(team.folder / "shallow", "--depth", "2", "--branch", "ben")

    said = refused(shallow, "show", "fraud@2")

    assert f"fraud@2 is {digest_of(TWO).short} according to its claim" in said
    assert "hint: git fetch --unshallow" in said
    assert meaning(shallow, "fraud@3") == named(THREE)


def test_get_remembers_whose_number_it_is_for_calls_without_a_network(
    team: Team, collided: Repo, tmp_path: Path
) -> None:
    ben = collided
    ben.git("push", "-q", "--no-verify", "--force", "origin", "HEAD~1:refs/heads/x", "main:ben")
    url, out = str(team.server.path), str(tmp_path / "out")

    def got(*options: str) -> bytes:
        ben.gitmodel("get", url, "fraud@2", "--out", out, "--force", *options)
        return (tmp_path / "out/fraud.safetensors").read_bytes()

    assert got() == TWO
    assert got("--offline") == TWO


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_without_the_remote_a_merge_leaves_the_number_to_what_was_pushed(
    team: Team, fraud: Repo, side: str
) -> None:
    ana = fraud
    ben = team.join("ben")
    train(ana, TWO, "ana 2")
    ana.git("push", "-q")
    train(ben, THREE, "ben 2")
    os.rename(team.url, f"{team.url}-gone")
    assert ben.git("pull", "-q", "--no-rebase", "--no-edit", check=False).returncode
    ben.gitmodel("resolve", "fraud", side)
    ben.git("commit", "-q", "--no-edit")
    os.rename(f"{team.url}-gone", team.url)
    ben.git("push", "-q", "origin", "main")

    fresh = team.join("fresh")
    assert meaning(fresh, "fraud@2") == named(TWO)
    assert meaning(fresh, "fraud") == (named(THREE) if side == "--ours" else named(TWO))
    assert (
        ("fraud@3" in refused(fresh, "show", "fraud@3"))
        if side == "--theirs"
        else (meaning(fresh, "fraud@3") == named(THREE))
    )


def test_a_rebased_branch_takes_its_content_to_the_number_that_it_got(
    team: Team, collided: Repo
) -> None:
    ben = collided
    ben.gitmodel("renumber", "fraud", "--commit")
    ben.git("fetch", "-q")
    done = ben.git("rebase", "-q", "origin/main", check=False)
    for _ in range(4):
        if done.returncode == 0:
            break
        if ben.git("ls-files", "--unmerged").stdout:
            ben.gitmodel("resolve", "fraud", "--theirs")
        done = ben.git("-c", "core.editor=true", "rebase", "--continue", check=False)
        if "--skip" in done.stderr:
            done = ben.git("rebase", "--skip", check=False)
    assert done.returncode == 0, done.stderr
    ben.git("push", "-q", "origin", "main")

    fresh = team.join("fresh")
    assert meaning(fresh, "fraud@2") == named(TWO)
    assert meaning(fresh, "fraud@3") == meaning(fresh, "fraud") == named(THREE)


def test_a_number_from_before_a_rename_means_what_was_claimed_under_the_old_name(
    team: Team, collided: Repo
) -> None:
    ana, ben = team.members["ana"], collided
    ben.git("push", "-q", "--no-verify", "origin", "main:ben")
    ana.gitmodel("mv", "fraud", "scam")
    ana.git("commit", "-qm", "another name")
    ana.git("push", "-q")

    fresh = team.join("fresh")

    assert meaning(fresh, "scam@2") == named(TWO)
    assert meaning(fresh, "scam@1") == named(ONE)
