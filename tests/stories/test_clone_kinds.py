"""Every kind of clone: bare, cut off, without blobs or trees, with a part of the files, not one's own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.job import (
    FIRST,
    POINTER,
    SECOND,
    WEIGHTS,
    check_out,
    restored,
    version_at,
)
from tests.support.models import model
from tests.support.neighbours import write_executable
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

THIRD = model(seed=3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all tests of this file build the same repositories, at the same paths."""
    return tmp_path_factory.mktemp("kinds") / "world"


@pytest.fixture
def ana(world: Path) -> Repo:
    return restored(world)


@pytest.fixture
def server(world: Path, ana: Repo) -> Repo:
    return Repo(world / "server.git")


def third_version(clone: Repo) -> None:
    """The job goes on in this clone: commit and push with hooks, the number is right."""
    clone.write(WEIGHTS, THIRD)
    clone.write("notes.txt", "three\n")
    clone.git("commit", "-qam", "fraud 3")
    assert version_at(clone) == 3
    clone.git("push", "-q", "origin", "HEAD:main")


# Bare


def test_a_bare_clone_on_a_server_verifies_and_shows(ana: Repo, server: Repo) -> None:
    assert "v2" in server.gitmodel("show", "fraud").stdout
    assert "fraud" in server.gitmodel("list").stdout
    log = server.gitmodel("log", "fraud").stdout
    assert "v1" in log
    assert "v2" in log
    assert server.gitmodel("log").stdout != ""
    server.gitmodel("remote", "trust")

    assert server.gitmodel("verify", "--refs", "main").returncode == 0

    ana.write(WEIGHTS, THIRD)
    ana.gitmodel("add", WEIGHTS)
    ana.git("commit", "-qam", "fraud 3")
    ana.git("push", "-q", "--no-verify", "origin", "main")
    missing = server.gitmodel("verify", "--refs", "main", check=False)
    assert missing.returncode == 1
    assert "are not on" in missing.stderr + missing.stdout


def test_a_pre_receive_hook_may_verify_what_is_pushed(ana: Repo, server: Repo) -> None:
    """Objects under way are in a quarantine that only the hook's environment names."""
    server.gitmodel("remote", "trust")
    hook = server.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    command = f'"{sys.executable}" -E -P -m gitmodel verify --refs "$new" >&2'
    hook.write_text(f"#!/bin/sh\nwhile read old new ref; do {command} || exit 1; done\n", "utf-8")
    hook.chmod(0o755)
    ana.write(WEIGHTS, THIRD)
    ana.gitmodel("add", WEIGHTS)
    ana.git("commit", "-qam", "fraud 3")

    refused = ana.git("push", "-q", "--no-verify", "origin", "main", check=False)
    assert refused.returncode != 0
    assert "are not on" in refused.stderr

    ana.git("push", "-q", "origin", "main")
    assert version_at(server, "main") == 3


def test_a_bare_clone_may_have_to_be_named(ana: Repo, server: Repo) -> None:
    """`safe.bareRepository=explicit`: Git then takes no bare repository just because it stands there."""
    server.git("config", "--global", "safe.bareRepository", "explicit")

    refused = server.gitmodel("list", check=False)

    assert refused.returncode == 1
    assert "hint: GIT_DIR=" in refused.stderr
    assert "fraud" in server.gitmodel("list", env={"GIT_DIR": "."}).stdout


@pytest.mark.parametrize("verb", [["status"], ["add", WEIGHTS], ["checkout"], ["init"]])
def test_what_needs_a_work_tree_says_so_in_a_bare_clone(
    ana: Repo, server: Repo, verb: list[str]
) -> None:
    refused = server.gitmodel(*verb, check=False)

    assert refused.returncode in (1, 2)
    assert "work tree" in refused.stderr
    assert "hint:" in refused.stderr


def test_a_mirror_pushes_what_it_has(ana: Repo, server: Repo, tmp_path: Path) -> None:
    """Hooks in a bare mirror: `git push --mirror` to another server checks that weights are there."""
    mirror = server.clone(tmp_path / "mirror.git", "--mirror")
    mirror.gitmodel("install")
    other = Repo.create(tmp_path / "other.git", "--bare")

    mirror.git("push", "-q", "--mirror", other.path.as_uri())

    check_out(other.clone(tmp_path / "colleague"))


# Cut off, or without objects


def test_d9c_a_shallow_clone_has_the_right_number_and_says_what_it_lacks(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """With GTO the stage is not there at depth 1, without a word."""
    clone = server.clone(tmp_path / "colleague", "--depth=1")
    check_out(clone)
    missing = clone.gitmodel("checkout", "fraud@1", check=False)
    assert missing.returncode == 1
    assert "git fetch --unshallow" in missing.stderr

    third_version(clone)

    ana.git("pull", "-q", "origin", "main")
    ana.gitmodel("checkout")
    assert ana.read(WEIGHTS) == THIRD


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_a_partial_clone_does_the_job(ana: Repo, server: Repo, tmp_path: Path, kind: str) -> None:
    clone = server.clone(tmp_path / "colleague", f"--filter={kind}")
    check_out(clone)

    third_version(clone)

    ana.git("pull", "-q", "origin", "main")
    ana.gitmodel("checkout")
    assert ana.read(WEIGHTS) == THIRD


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_what_people_do_all_day_in_a_partial_clone_fetches_no_objects(
    ana: Repo, server: Repo, tmp_path: Path, kind: str
) -> None:
    """The remote is away, and whoever asks it leaves a trace."""
    clone = server.clone(tmp_path / "colleague", f"--filter={kind}")
    check_out(clone)
    write_executable(tmp_path / "asked", f"#!/bin/sh\ntouch '{tmp_path}/trace'\n".encode())
    clone.git("config", "remote.origin.uploadpack", str(tmp_path / "asked"))

    assert clone.gitmodel("status").stdout != ""
    assert "v2" in clone.gitmodel("list").stdout
    assert "v2" in clone.gitmodel("show", "fraud").stdout
    clone.write("notes.txt", "unrelated\n")
    clone.git("commit", "-qam", "notes")
    clone.write(WEIGHTS, THIRD)
    clone.write("notes.txt", "three\n")
    committed = clone.git("commit", "-qam", "fraud 3")
    assert version_at(clone) == 3
    assert "fatal" not in committed.stderr
    clone.git("switch", "-qc", "topic")
    assert not (tmp_path / "trace").exists()
    clone.git("fetch", "-q", check=False)
    assert (tmp_path / "trace").exists(), "the trace is where it should be"


def test_older_versions_in_a_blobless_clone_are_fetched_when_they_are_asked_for(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    clone = server.clone(tmp_path / "colleague", "--filter=blob:none")
    check_out(clone)
    before = clone.gitmodel("log", "fraud")
    assert "gitmodel fetch fraud@1" in before.stderr

    clone.gitmodel("checkout", "fraud@1", "--out", "old")

    assert clone.read(f"old/{WEIGHTS}") == FIRST
    after = clone.gitmodel("log", "fraud")
    assert "v1" in after.stdout
    assert after.stderr == ""


def test_older_versions_in_a_treeless_clone_need_its_trees(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    clone = server.clone(tmp_path / "colleague", "--filter=tree:0")
    check_out(clone)
    assert "git fetch --refetch --filter=blob:none" in clone.gitmodel("log", "fraud").stderr
    refused = clone.gitmodel("checkout", "fraud@1", "--out", "old", check=False)
    assert refused.returncode == 1
    assert "git fetch --refetch --filter=blob:none" in refused.stderr

    clone.git("fetch", "-q", "--refetch", "--filter=blob:none")
    clone.gitmodel("checkout", "fraud@1", "--out", "old")

    assert clone.read(f"old/{WEIGHTS}") == FIRST


# A part of the files


@pytest.fixture
def folders(ana: Repo) -> Repo:
    """The repository has models in two folders."""
    for folder, seed in (("one", 11), ("two", 12)):
        ana.write(f"{folder}/m{seed}.safetensors", model(seed=seed))
        ana.gitmodel("add", f"{folder}/m{seed}.safetensors")
    ana.write("two/code.py", "pass\n")
    ana.git("add", ".")
    ana.git("commit", "-qm", "folders")
    ana.git("push", "-q", "origin", "main")
    return ana


@pytest.mark.parametrize(
    "patterns",
    [
        ["set", "one"],
        ["set", "--sparse-index", "one"],
        ["set", "--no-cone", "/one/", "/notes.txt", "/fraud.model.yaml"],
    ],
    ids=["cone", "sparse-index", "patterns"],
)
def test_a_sparse_checkout_has_no_missing_models(
    folders: Repo, server: Repo, tmp_path: Path, patterns: list[str]
) -> None:
    """Pointers outside of it are neither missing nor deleted, and nothing writes them back."""
    clone = server.clone(tmp_path / "colleague", "--no-checkout")
    clone.git("sparse-checkout", *patterns)
    clone.git("checkout", "-q", "main")
    assert not (clone.path / "two").exists()
    attributes = server.git("show", "main:.gitattributes").stdout

    clone.gitmodel("init")
    clone.gitmodel("checkout")

    assert clone.read("one/m11.safetensors") == model(seed=11)
    assert clone.read(WEIGHTS) == SECOND
    assert not (clone.path / "two").exists()
    status = clone.gitmodel("status", check=False)
    assert "m12" not in status.stdout + status.stderr
    clone.write("one/m11.safetensors", model(seed=21))
    clone.write("notes.txt", "sparse\n")
    clone.git("commit", "-qam", "one 2")
    clone.git("push", "-q", "origin", "main")
    assert clone.git("ls-tree", "-r", "--name-only", "HEAD").stdout == (
        server.git("ls-tree", "-r", "--name-only", "HEAD~").stdout
    )
    assert clone.git("status", "--porcelain").stdout == ""
    assert server.git("show", "main:.gitattributes").stdout == attributes


def test_a_model_outside_of_a_sparse_checkout_says_how_to_get_it(
    folders: Repo, server: Repo, tmp_path: Path
) -> None:
    clone = server.clone(tmp_path / "colleague", "--no-checkout")
    clone.git("sparse-checkout", "set", "one")
    clone.git("checkout", "-q", "main")
    clone.gitmodel("init")

    assert "v1" in clone.gitmodel("show", "m12").stdout
    refused = clone.gitmodel("checkout", "m12", check=False)
    beside = clone.gitmodel("checkout", "m12", "--out", "elsewhere")

    assert refused.returncode == 1
    assert "git sparse-checkout add two" in refused.stderr
    assert not (clone.path / "two").exists()
    assert beside.returncode == 0
    assert clone.read("elsewhere/m12.safetensors") == model(seed=12)


def test_a_clone_that_borrows_its_objects(ana: Repo, tmp_path: Path) -> None:
    """`git clone --shared` has no objects of its own: Git reads them where they are."""
    shared = Repo(tmp_path / "shared")
    ana.git("clone", "-q", "--shared", str(ana.path), str(shared.path))

    check_out(shared)
    assert version_at(shared) == 2
    assert POINTER in shared.git("ls-files").stdout
