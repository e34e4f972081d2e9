"""What goes wrong with DVC when it is installed, set up, or in a new place, and what happens here.

The letters are those of the list in which each was reproduced (H: hooks, D: data). More of them are
in `test_repository_kinds` (H7), `test_clone_kinds` (D9c), `test_neighbours` (H3, H5, H6, H14),
`test_broken_installation` (H8), `test_idle` (H16), `test_operations_research` (most others) and
`test_bad_network` (D7). D14 and D15, times and memory, are in `tests/benchmarks`; H17 is about Windows.
"""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

import gitmodel
from gitmodel.cache.cache import Cache
from gitmodel.cache.transfer import fetch_packs, plan_fetch, push_packs
from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.project.context import Silent
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import ObjectStore
from tests.support.job import FIRST, SECOND, WEIGHTS, check_out, second_version, set_up
from tests.support.repo import GIT, Repo
from tests.support.stores import (
    WrappedBackend,
    files_below,
    plan_of,
    remote_at,
    some_bytes,
    store_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_h13_a_container_without_hooks_is_told_and_its_push_can_be_made_good(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """DVC: hooks are not there in short-lived containers, and people forget `dvc push`."""
    set_up(ana, tmp_path / "store")
    container = server.clone(tmp_path / "container")
    container.write(WEIGHTS, SECOND)
    container.gitmodel("remote", "trust")
    container.gitmodel("add", WEIGHTS)
    container.git("commit", "-qm", "fraud 2")

    told = container.gitmodel("status")
    container.git("push", "-q", "origin", "main")
    refused = container.gitmodel("verify", "--refs", "HEAD", check=False)

    assert "hooks that are not installed in this clone: pre-commit, pre-push" in told.stderr
    assert refused.returncode == 1
    assert "gitmodel push" in refused.stderr + refused.stdout
    container.gitmodel("push")
    assert container.gitmodel("verify", "--refs", "HEAD").returncode == 0
    check_out(server.clone(tmp_path / "colleague"))


def test_h13_one_command_in_a_new_container_is_enough(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    set_up(ana, tmp_path / "store")
    container = server.clone(tmp_path / "container")

    container.gitmodel("init")
    second_version(container)

    check_out(server.clone(tmp_path / "colleague"))


def test_d5_a_relative_path_of_a_store_means_one_folder(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """DVC pushed three of four files to a folder at the root of the file system."""
    (tmp_path / "share").mkdir()
    ana.gitmodel("init", "../share")
    text = (ana.path / ".gitmodel.yaml").read_text("utf-8")
    relative = text.replace(str(tmp_path / "share"), "../share")
    assert relative != text
    ana.write(".gitmodel.yaml", relative)
    ana.gitmodel("remote", "trust")
    ana.write("deep/below/notes.txt", "\n")
    ana.write(WEIGHTS, SECOND)
    inside = Repo(ana.path / "deep" / "below")

    inside.gitmodel("add", f"../../{WEIGHTS}")
    ana.git("add", ".")
    inside.git("commit", "-qm", "fraud 1")
    inside.git("push", "-q", "origin", "HEAD:main")

    assert list((tmp_path / "share").rglob("packs/*/*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ana", "server.git", "share"]
    ana.git("worktree", "add", "-q", "-b", "topic", "../elsewhere/at/another/depth")
    lost = Repo(tmp_path / "elsewhere" / "at" / "another" / "depth").gitmodel("verify", check=False)
    assert lost.returncode == 1
    assert "does not exist" in lost.stderr
    assert not (tmp_path / "elsewhere" / "at" / "share").exists(), "a typing error makes no store"


def test_d12_less_than_half_of_what_comes_with_dvc_comes_with_gitmodel() -> None:
    """DVC with S3, GTO and dvclive: about 105 packages (celery, kombu, hydra, networkx, ...)."""
    found: set[str] = set()
    wanted = ["gitmodel"]
    while wanted:
        name = wanted.pop()
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # for another Python or system
            continue
        found.add(name)
        needed = (re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line)
        names = {match[0].lower().replace("_", "-") for match in needed if match is not None}
        wanted += names - found

    assert len(found) <= 50, sorted(found)
    assert not {"celery", "kombu", "hydra-core", "networkx", "gitpython", "dulwich"} & found


def test_d4_command_and_library_mean_the_same_by_an_alias(
    ana: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GTO showed one version for a stage, and DVC downloaded another."""
    set_up(ana, tmp_path / "store")
    second_version(ana)
    digest = str(digest_of(FIRST))
    alias = Alias(
        name="fraud", alias="production", version=1, digest=digest_of(FIRST), size=len(FIRST)
    )
    ana.write("fraud.production.alias.yaml", alias.to_text())
    monkeypatch.chdir(ana.path)

    shown = json.loads(ana.gitmodel("show", "fraud@production", "--json").stdout)
    ana.gitmodel("checkout", "fraud@production", "--out", "out")

    assert (shown["pointer"]["version"], shown["pointer"]["digest"]) == (1, digest)
    assert ana.read(f"out/{WEIGHTS}") == FIRST
    with gitmodel.open("fraud@production") as stream:
        assert stream.read() == FIRST


def test_d6_what_leaves_the_work_tree_stays_on_the_remote(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """DVC's `gc -w -c` removed the versions of all other commits for everybody."""
    set_up(ana, tmp_path / "store")
    second_version(ana)
    before = files_below(tmp_path / "store")

    ana.gitmodel("rm", "fraud")
    ana.git("commit", "-qam", "without a model")
    ana.git("push", "-q", "origin", "HEAD:main")

    assert set(before) <= set(files_below(tmp_path / "store"))
    clone = server.clone(tmp_path / "clone")
    clone.gitmodel("checkout", "fraud@1", "--out", "out")
    assert clone.read(f"out/{WEIGHTS}") == FIRST


def test_d10_tags_that_have_nothing_to_do_with_models_cost_no_process(
    ana: Repo, tmp_path: Path
) -> None:
    """GTO took 5 to 10 s with 3,000 unrelated tags: it parses every tag."""
    set_up(ana, tmp_path / "store")
    alone = processes(ana, tmp_path / "alone")
    head = ana.git("rev-parse", "HEAD").stdout.strip()
    refs = "".join(f"create refs/tags/other-{number} {head}\n" for number in range(3000))
    ana.git("update-ref", "--stdin", input_text=refs)

    assert processes(ana, tmp_path / "among-tags") == alone


def processes(repo: Repo, folder: Path) -> int:
    """How many git processes `show` needs."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f'#!/bin/sh\necho >> {folder}/started\nexec {GIT} "$@"\n', "utf-8")
    program.chmod(0o755)
    repo.gitmodel("show", "fraud@1", env={"PATH": f"{folder}:{os.environ['PATH']}"})
    return len((folder / "started").read_bytes())


def test_d13_a_file_moves_with_one_request_and_nothing_is_listed(tmp_path: Path) -> None:
    """DVC: three LISTs and a HEAD before the first PUT; a LIST and two HEADs before a GET."""
    cache, other = Cache(str(tmp_path / "cache")), Cache(str(tmp_path / "other"))
    backend = WrappedBackend(remote_at(tmp_path / "remote").backend)
    remote = ObjectStore(backend)
    manifest = store_bytes(cache, some_bytes(30_000), tmp_path)
    key = pack_key(manifest.packs[0])

    push_packs(cache, remote, plan_of([manifest]), progress=Silent())
    remote.create_manifest(manifest)
    pushed, backend.calls = backend.calls, []
    found = remote.manifest(manifest.digest)
    assert found is not None
    fetch_packs(remote, other, plan_fetch(other, [found]), progress=Silent())

    assert pushed == [("write", key), ("size", key), ("create", manifest_key(manifest.digest))]
    assert backend.calls == [("read", manifest_key(manifest.digest)), ("read", key)]
