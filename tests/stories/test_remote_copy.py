"""`gitmodel remote copy`: all of history moves to another remote, or what is missing is named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import Digest, digest_of
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.store.layout import pack_key
from tests.stories.conftest import Team, start_team
from tests.support.forked import KILLED, Forks
from tests.support.models import model, perturbed
from tests.support.repo import Repo
from tests.support.stores import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WEIGHTS = [model(seed=1)]
WEIGHTS += [perturbed(WEIGHTS[0], seed=seed) for seed in (2, 3)]
OTHER, STASHED, TAGGED = (model(seed=seed) for seed in (7, 8, 9))
POINTS = 10_000 if os.environ.get("GITMODEL_TESTS_LONG") else 12


def fill(team: Team) -> Repo:
    """Three versions of one model and one of another, pushed."""
    ana = team.members["ana"]
    for number, weights in enumerate(WEIGHTS):
        ana.write("fraud.safetensors", weights)
        ana.gitmodel("add", "fraud.safetensors", "-m", f"fraud {number}")
    ana.write("other.safetensors", OTHER)
    ana.gitmodel("add", "other.safetensors", "-m", "other")
    ana.git("push", "-q")
    return ana


_built: list[Path] = []


@pytest.fixture
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team with four versions on a folder remote; built once, restored at the same place."""
    if not _built:
        folder = tmp_path_factory.mktemp("copy") / "world"
        fill(start_team(folder, str(folder / "store")))
        shutil.copytree(folder, folder.with_name("kept"), symlinks=True)
        _built.append(folder)
    folder = _built[0]
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("kept"), folder, symlinks=True)
    return Team(
        folder,
        Repo(folder / "server.git"),
        str(folder / "store"),
        members={"ana": Repo(folder / "ana")},
    )


def moved(team: Team, url: str) -> Repo:
    """A fresh clone, where the primary remote is replaced."""
    fresh = team.join("fresh")
    fresh.gitmodel("checkout")
    fresh.gitmodel("remote", "add", "--replace", url)
    fresh.git("commit", "-qm", "another remote")
    return fresh


def copied(repo: Repo, *options: str, code: int = 0) -> dict[str, Any]:
    """The report of a copy."""
    done = repo.gitmodel("remote", "copy", "--json", *options, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def check_everything(team: Team, repo: Repo) -> None:
    """After a push, a new clone has every version from the new remote alone."""
    repo.git("push", "-q")
    reader = team.join("reader")
    for number, weights in enumerate(WEIGHTS, 1):
        reader.gitmodel("checkout", f"fraud@{number}", "--out", "out", "--force")
        assert reader.read("out/fraud.safetensors") == weights
    reader.gitmodel("checkout", "other")
    assert reader.read("other.safetensors") == OTHER


def packs_of(store: Path, weights: bytes) -> set[str]:
    """The packs that weights need."""
    digest = digest_of(weights)
    raw = (store / "manifests" / digest.hex[:2] / digest.hex).read_bytes()
    return set(Manifest.from_bytes(raw, expected=digest).packs)


def own_pack(store: Path, weights: bytes, *others: bytes) -> Path:
    """A pack that only these weights need."""
    own = packs_of(store, weights) - set().union(*(packs_of(store, other) for other in others))
    return store / pack_key(min(own))


def test_replacing_the_remote_names_what_it_lacks_and_the_command_that_copies_it(
    team: Team,
) -> None:
    fresh = team.join("fresh")
    new = str(team.folder / "new")

    told = fresh.gitmodel("remote", "add", "--replace", new).stdout

    assert "lacks 4 versions of this history: fraud@1, fraud@2, fraud@3, other@1\n" in told
    assert "to copy them from where they are: gitmodel remote copy\n" in told
    done = fresh.gitmodel("remote", "copy").stdout
    assert "4 versions: 4 copied, 0 were there, 0 missing\n" in done
    shutil.rmtree(team.url)
    fresh.git("commit", "-qm", "another remote")
    check_everything(team, fresh)


def test_what_the_new_remote_lacks_is_looked_for_with_a_command_that_copies_it(team: Team) -> None:
    fresh = moved(team, str(team.folder / "new"))

    said = fresh.gitmodel("checkout", "fraud@1", check=False).stderr
    pushed = fresh.gitmodel("push", check=False).stderr

    hint = f"hint: gitmodel remote copy, which copies from {team.url}; or gitmodel push"
    assert hint in said
    assert "gitmodel remote copy" in pushed
    fresh.gitmodel("remote", "copy")
    fresh.gitmodel("checkout", "fraud@1")
    assert fresh.read("fraud.safetensors") == WEIGHTS[0]


def test_from_the_embedded_folder_to_the_first_real_remote(tmp_path: Path) -> None:
    Repo.create(tmp_path / "server.git", "--bare")
    ana = Repo.create(tmp_path / "ana")
    ana.git("remote", "add", "origin", str(tmp_path / "server.git"))
    ana.gitmodel("init")
    for number, weights in enumerate(WEIGHTS):
        ana.write("fraud.safetensors", weights)
        ana.gitmodel("add", "fraud.safetensors", "-m", f"fraud {number}")
    ana.git("push", "-q", "-u", "origin", "main")
    for folder in ("packs", "manifests"):
        shutil.rmtree(ana.path / ".git/gitmodel" / folder)

    told = ana.gitmodel("remote", "add", str(tmp_path / "real")).stdout

    assert "lacks 3 versions of this history: fraud@1, fraud@2, fraud@3\n" in told
    assert copied(ana)["copied"] == 3


def test_the_plain_command_copies_from_the_remote_before_also_after_the_commit(
    team: Team,
) -> None:
    fresh = moved(team, str(team.folder / "new"))

    first, again = copied(fresh), copied(fresh)

    assert (first["source"], first["target"]) == (team.url, str(team.folder / "new"))
    assert (first["copied"], first["claims"], first["packs"] > 0) == (4, 4, True)
    assert (again["copied"], again["present"], again["packs"]) == (0, 4, 0)
    assert (again["claims"], again["claims_present"]) == (0, 4)


def test_a_dry_run_counts_and_writes_nothing(team: Team) -> None:
    fresh = moved(team, str(team.folder / "new"))
    shutil.copytree(team.folder / "new", team.folder / "kept")

    counted = copied(fresh, "--dry-run")
    none = str(team.folder / "none")
    into_nothing = copied(fresh, "--dry-run", "--from", team.url, "--to", none)

    assert files_below(team.folder / "new") == files_below(team.folder / "kept")
    assert not (team.folder / "none").exists()
    really = copied(fresh)
    same = ("versions", "copied", "present", "packs", "pack_bytes", "claims")
    assert [counted[key] for key in same] == [really[key] for key in same]
    assert [into_nothing[key] for key in same] == [really[key] for key in same]


def test_versions_of_tags_other_branches_and_every_stash_are_copied(team: Team) -> None:
    ana = team.members["ana"]
    ana.git("switch", "-q", "--detach")
    ana.write("fraud.safetensors", TAGGED)
    ana.gitmodel("add", "fraud.safetensors", "-m", "tagged")
    ana.git("tag", "-a", "-m", "release", "v1")
    ana.git("switch", "-q", "main")
    ana.gitmodel("checkout", "--force")
    for weights in (STASHED, model(seed=10)):
        ana.write("fraud.safetensors", weights)
        ana.gitmodel("add", "fraud.safetensors")
        ana.git("stash", "-q")

    report = copied(ana, "--to", str(team.folder / "new"))

    assert (report["versions"], report["copied"]) == (7, 7)
    for weights in (TAGGED, STASHED, model(seed=10)):
        for name in packs_of(team.folder / "new", weights):
            assert (team.folder / "new" / pack_key(name)).exists()


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_damaged_packs_are_named_with_their_versions_and_the_others_copied(
    team: Team, damage: str
) -> None:
    fresh = moved(team, str(team.folder / "new"))
    pack = own_pack(Path(team.url), WEIGHTS[1], WEIGHTS[0], WEIGHTS[2])
    raw = pack.read_bytes()
    changed = {"flipped": raw[:-1] + bytes([raw[-1] ^ 1]), "truncated": raw[:-1]}
    pack.unlink()
    if damage != "missing":
        pack.write_bytes(changed[damage])

    report = copied(fresh, code=1)

    assert [(one["name"], one["version"]) for one in report["missing"]] == [("fraud", 2)]
    assert pack.name[:12] in report["missing"][0]["reason"]
    assert report["copied"] == 3
    assert not (team.folder / "new" / pack_key(pack.name)).exists()
    fresh.git("push", "-q")

    ana = team.members["ana"]
    ana.git("pull", "-q")
    ana.gitmodel("init")
    healed = copied(ana)
    assert (healed["copied"], healed["present"], healed["from_cache"]) == (1, 3, 1)
    check_everything(team, ana)


def test_a_version_that_nobody_has_is_named_before_anything_is_sent(team: Team) -> None:
    fresh = moved(team, str(team.folder / "new"))
    digest = digest_of(WEIGHTS[0])
    (Path(team.url) / "manifests" / digest.hex[:2] / digest.hex).unlink()
    own_pack(Path(team.url), OTHER).unlink()
    shutil.rmtree(fresh.path / ".git/gitmodel/packs")
    shutil.rmtree(fresh.path / ".git/gitmodel/manifests")

    counted = copied(fresh, "--dry-run", code=1)
    told = fresh.gitmodel("remote", "copy", check=False)

    assert [(m["name"], m["version"]) for m in counted["missing"]] == [("fraud", 1), ("other", 1)]
    assert told.returncode == 1
    assert f"missing  fraud@1  neither {team.url} nor this cache has {digest.short}" in told.stdout
    assert "run gitmodel push in the clones that have the missing versions" in told.stdout


def test_a_number_that_has_another_owner_on_the_target_is_reported_and_left(team: Team) -> None:
    new = team.folder / "new"
    fresh = moved(team, str(new))
    claim = new / "versions/ana/fraud@2.yaml"
    claim.parent.mkdir(parents=True)
    text = (Path(team.url) / "versions/ana/fraud@2.yaml").read_text()
    claim.write_text(text.replace(digest_of(WEIGHTS[1]).hex, digest_of(OTHER).hex))
    before = claim.read_bytes()

    report = copied(fresh, code=1)

    assert [(c["name"], c["version"], c["target"]) for c in report["conflicts"]] == [
        ("fraud", 2, digest_of(OTHER).short)
    ]
    assert claim.read_bytes() == before
    assert (report["copied"], report["claims"]) == (4, 3)


def test_claimed_versions_that_no_ref_here_has_are_named(team: Team) -> None:
    ana = team.members["ana"]
    single = team.server.clone(team.folder / "single", "--single-branch")
    single.gitmodel("init")
    ana.git("switch", "-qc", "side")
    ana.write("fraud.safetensors", TAGGED)
    ana.gitmodel("add", "fraud.safetensors", "-m", "side")
    ana.git("push", "-q", "origin", "side")

    told = single.gitmodel("remote", "copy", "--to", str(team.folder / "new")).stdout

    assert "1 more are claimed on the source, which no ref of this clone has: fraud@4;" in told


def test_a_clone_without_old_commits_is_refused_with_the_command_that_fetches_them(
    team: Team,
) -> None:
    shallow = team.server.clone(team.folder / "shallow", "--depth", "1")
    shallow.gitmodel("init")

    done = shallow.gitmodel("remote", "copy", "--to", "../new", check=False)

    assert done.returncode == 1
    assert "hint: git fetch --unshallow" in done.stderr
    shallow.git("fetch", "-q", "--unshallow")
    assert copied(shallow, "--to", "../new")["copied"] == 4


def test_a_partial_clone_fetches_the_pointers_that_it_lacks(team: Team) -> None:
    team.server.git("config", "uploadpack.allowFilter", "true")
    team.server.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = team.server.clone(team.folder / "partial", "--filter=blob:none")
    partial.gitmodel("init")

    assert copied(partial, "--to", "../new")["copied"] == 4


def test_ends_that_make_no_copy_are_refused(team: Team) -> None:
    ana = team.members["ana"]

    def said(*options: str) -> tuple[int, str]:
        done = ana.gitmodel("remote", "copy", *options, check=False)
        return done.returncode, done.stderr

    assert said() == (
        2,
        (
            "error: the history of this branch has no earlier primary remote to copy from\n"
            "hint: name it: gitmodel remote copy --from NAME|URL\n"
        ),
    )
    assert said("--from", "nowhere")[1].startswith("error: no remote is called 'nowhere'\n")
    assert said("--to", "../store")[0] == 2
    assert said("--from", "primary")[1].startswith("error: there is no single mirror to copy to\n")
    empty = team.folder / "empty"
    empty.mkdir()
    assert said("--from", str(empty))[1].splitlines()[0].endswith("empty has no store of gitmodel")


def test_an_endpoint_that_only_history_names_is_not_used_before_a_person_names_it(
    team: Team,
) -> None:
    ana = team.members["ana"]
    config = ana.read(".gitmodel.yaml").decode()
    line = next(line for line in config.splitlines() if line.startswith("remote:"))
    evil = 'remote: {url: "s3://evil/x", endpoint: "http://127.0.0.1:9"}'
    for text in (config.replace(line, evil), config):
        ana.write(".gitmodel.yaml", text)
        ana.git("commit", "-qam", "remote", "--no-verify")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    def said(*options: str) -> str:
        return ana.gitmodel("remote", "copy", *options, check=False, env=keys).stderr

    refused = (
        "error: s3://evil/x endpoint=http://127.0.0.1:9 is not trusted in this clone, so nothing was copied\n"
        "hint: name it with its endpoint: --from 's3://evil/x endpoint=http://127.0.0.1:9'\n"
    )
    assert said() == said("--from", "s3://evil/x") == refused
    assert "does not answer" in said("--from", "s3://evil/x endpoint=http://127.0.0.1:9")


def test_a_mirror_is_filled_from_the_primary_remote(team: Team) -> None:
    ana = team.members["ana"]
    ana.gitmodel("remote", "add", "--name", "backup", str(team.folder / "backup"))

    assert copied(ana, "--to", "backup")["copied"] == 4
    assert copied(ana, "--from", "primary")["present"] == 4
    assert copied(ana, "--from", "backup", "--to", "primary")["present"] == 4


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as running:
        yield running


def test_a_killed_copy_leaves_nothing_wrong_and_the_same_command_then_completes_it(
    team: Team, forks: Forks
) -> None:
    new = team.folder / "new"
    fresh = moved(team, str(new))
    kept = team.folder / "kept"
    shutil.copytree(new, kept)
    command = ("remote", "copy")
    total = len(forks.run(fresh.path, *command).points)
    wanted = {name for name in files_below(new) if not name.startswith("gc/")}

    for at in sorted({1 + step * (total - 1) // (POINTS - 1) for step in range(POINTS)}):
        shutil.rmtree(new)
        shutil.copytree(kept, new)
        killed = forks.run(fresh.path, *command, at=at)
        assert killed.code in (KILLED, 0), killed.err
        check_store(new)
        again = forks.run(fresh.path, *command)
        assert again.code == 0, again.err
        check_store(new)
        assert {name for name in files_below(new) if not name.startswith("gc/")} >= wanted


def check_store(store: Path) -> None:
    """What is visible is complete."""
    for pack in store.glob("packs/*/[!.]*"):
        assert digest_of(pack.read_bytes()).hex == pack.name
    for path in store.glob("manifests/*/[!.]*"):
        digest = Digest.from_hex(path.name)
        found = Manifest.from_bytes(path.read_bytes(), expected=digest)
        assert all((store / pack_key(name)).exists() for name in found.packs)
    for path in store.glob("versions/*/[!.]*"):
        assert b"digest" in path.read_bytes()


@pytest.mark.s3
def test_one_server_copies_between_its_buckets_by_itself(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    team = start_team(tmp_path, f"{server.new_bucket()}/models")
    fill(team)
    fresh = moved(team, f"{server.new_bucket()}/moved-here")

    report = copied(fresh)

    assert (report["copied"], report["claims"]) == (4, 4)
    assert report["by_store"] == report["packs"] > 0
    told = fresh.gitmodel("remote", "copy", "--verify", "--to", str(tmp_path / "folder")).stdout
    assert "by the store" not in told
    check_everything(team, fresh)


@pytest.mark.s3
@pytest.mark.azure
def test_from_a_folder_to_s3_and_on_to_azure(
    request: pytest.FixtureRequest, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [request.getfixturevalue(name) for name in ("s3_server", "azure_server")]
    for server in servers:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
    first, second = (f"{server.new_place()}/models" for server in servers)
    fresh = moved(team, first)
    assert copied(fresh)["copied"] == 4
    fresh.gitmodel("remote", "add", "--replace", second)
    fresh.git("commit", "-qm", "and another one")

    report = copied(fresh)

    assert (report["source"], report["target"], report["copied"]) == (first, second, 4)
    assert copied(fresh, "--from", first)["present"] == 4
    check_everything(team, fresh)
