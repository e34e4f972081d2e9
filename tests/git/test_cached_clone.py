"""An excerpt holds as little as was asked for, is made anew where it is broken, and runs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.cached_clone.clone import BASE, CachedClone, ref_names
from gitmodel.git.cached_clone.guard import locked
from gitmodel.git.cat_file import fetch_objects
from gitmodel.git.url import GitUrl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.repo import Repo


@pytest.fixture
def server(make_repo: Callable[..., Repo]) -> Repo:
    """Three commits on main, tags v1 to v3, and a branch of its own that forks from v1."""
    repo = make_repo("server")
    repo.git("config", "uploadpack.allowFilter", "true")
    for number in (1, 2, 3):
        repo.write("fraud.model.yaml", f"{number}\n")
        repo.write("big.txt", f"{number}" * 1000)
        repo.commit(f"{number}")
        repo.git("tag", f"v{number}")
    repo.git("checkout", "-qb", "side", "v1")
    repo.write("side.model.yaml", "side\n")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    return repo


@pytest.fixture
def opened(server: Repo, tmp_path: Path) -> Callable[[], CachedClone]:
    """Opens the server's excerpt, as each call of a program does."""
    folder = str(tmp_path / "cache/excerpt")
    url = GitUrl.parse(str(server.path), start="/")
    return lambda: CachedClone(folder, url, start=str(tmp_path), environment=os.environ)


def objects(excerpt: CachedClone, kind: str) -> int:
    """How many objects of a kind the excerpt holds."""
    output = excerpt.repository.run("cat-file", "--batch-all-objects", "--batch-check")
    return output.decode().count(f" {kind} ")


def test_a_new_excerpt_holds_one_commit_and_no_file(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    excerpt = opened()
    answer = excerpt.query_refs([])
    excerpt.fetch_base(answer["HEAD"])

    assert answer == {"HEAD": server.head()}
    assert excerpt.oid_of(BASE) == server.head()
    assert (objects(excerpt, "commit"), objects(excerpt, "blob")) == (1, 0)
    assert excerpt.is_shallow()


def test_neither_url_nor_hook_is_written_to_it(
    opened: Callable[[], CachedClone], tmp_path: Path
) -> None:
    excerpt = opened()
    excerpt.fetch_base(excerpt.query_refs([])["HEAD"])

    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            assert str(tmp_path / "server").encode() not in path.read_bytes(), path
    assert not (tmp_path / "cache/excerpt/hooks").exists()


def test_only_exact_names_are_asked_for(opened: Callable[[], CachedClone], server: Repo) -> None:
    server.git("branch", "refs/heads/main")
    server.git("branch", "x/side")

    assert opened().query_refs(["side", "v2", "nothing", "*", "-x", "a..b"]) == {
        "HEAD": server.head(),
        "refs/heads/side": server.head("side"),
        "refs/tags/v2": server.head("v2"),
    }


def test_history_comes_when_it_is_asked_for_and_stays(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_history()
    assert (objects(excerpt, "commit"), objects(excerpt, "blob")) == (3, 0)

    server.write("more.txt", "4")
    server.commit("4")
    again = opened()
    again.fetch_base(server.head())

    assert not again.is_shallow()
    assert objects(again, "commit") == 4


def test_a_tag_inside_history_does_not_cut_it(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    """`git fetch --depth 1` of a tag would, also in an excerpt that has all of it."""
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_history()
    excerpt.fetch_ref("refs/tags/v2", server.head("v2"))
    excerpt.fetch_commit(server.head("v1"))

    assert not excerpt.is_shallow()
    assert len(excerpt.repository.run("rev-list", BASE).split()) == 3


def test_a_commit_by_its_id_is_in_no_history(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_commit(server.head("side"))

    assert excerpt.has_commit(server.head("side"))
    assert excerpt.tips() == (server.head(),)


def test_all_branches_and_tags_come_and_go(opened: Callable[[], CachedClone], server: Repo) -> None:
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_all()
    assert set(excerpt.tips()) == {server.head(n) for n in ("main", "side", "v1", "v2")}

    server.git("branch", "-D", "side")
    excerpt.fetch_all()

    assert set(excerpt.tips()) == {server.head(n) for n in ("main", "v1", "v2")}


def test_a_rewritten_branch_is_followed(opened: Callable[[], CachedClone], server: Repo) -> None:
    opened().fetch_base(server.head())
    server.git("reset", "-q", "--hard", "v1")
    server.write("other.txt", "x")
    server.commit("other")

    excerpt = opened()
    excerpt.fetch_base(excerpt.query_refs([])["HEAD"])

    assert excerpt.oid_of(BASE) == server.head()


def test_a_repository_of_sha256_is_excerpted_as_such(
    make_repo: Callable[..., Repo], tmp_path: Path
) -> None:
    server = make_repo("new", "--object-format=sha256")
    head = server.commit("1")
    url = GitUrl.parse(str(server.path), start="/")

    excerpt = CachedClone(str(tmp_path / "m"), url, start="/", environment=os.environ)
    excerpt.fetch_base(excerpt.query_refs([])["HEAD"])

    assert (excerpt.repository.object_format, excerpt.oid_of(BASE)) == ("sha256", head)


@pytest.mark.parametrize("damage", ["config", "HEAD", "shallow.lock", "objects"])
def test_what_git_cannot_use_is_made_anew(
    damage: str, opened: Callable[[], CachedClone], server: Repo, tmp_path: Path
) -> None:
    opened().fetch_base(server.head("main"))
    path = tmp_path / "cache/excerpt" / damage
    if damage == "objects":
        for pack in path.glob("pack/*"):
            pack.unlink()
    else:
        path.write_text("nothing that Git can read\n")
    server.write("more.txt", "4")
    server.commit("4")

    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_history()

    assert excerpt.repository.run("rev-list", "--count", BASE) == b"4\n"
    assert sorted(os.listdir(tmp_path / "cache")) == ["excerpt"]


def test_a_folder_of_another_user_is_refused(
    opened: Callable[[], CachedClone], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(RepositoryError, match="belongs to another user"):
        opened()


def test_an_unreachable_server_is_told_without_secrets(tmp_path: Path) -> None:
    url = GitUrl.parse("http://ana:hunter2@127.0.0.1:9/m.git?key=s3cret", start="/")
    excerpt = CachedClone(str(tmp_path / "m"), url, start="/", environment=os.environ)

    with pytest.raises(GitCommandError) as caught:
        excerpt.query_refs([])

    assert caught.value.message.startswith(
        "http://127.0.0.1:9/m.git cannot be read: unable to access"
    )
    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.hint is not None
    assert "--offline" in caught.value.hint


def test_two_processes_take_turns(tmp_path: Path) -> None:
    folder = str(tmp_path / "cache/excerpt")
    with locked(folder):
        code = (
            "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        )
        command = [sys.executable, "-c", code, f"{folder}.lock"]
        other = subprocess.run(command, capture_output=True, check=False)

    assert b"BlockingIOError" in other.stderr
    with locked(folder):
        pass


def test_names_of_refs() -> None:
    assert ref_names("v1") == ("refs/tags/v1", "refs/heads/v1")
    assert ref_names("refs/heads/x") == ("refs/heads/x",)
    for word in (
        "",
        "-x",
        "a b",
        "a:b",
        "a*",
        "a..b",
        "a~1",
        "@{u}",
        "a@{1}",
        "x.lock",
        "x/",
        "/x",
    ):
        assert ref_names(word) == ()
    assert ref_names("refs/remotes/origin/x") == ()


def test_a_branch_may_become_a_folder_of_branches(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_ref("refs/heads/side", server.head("side"))
    server.git("branch", "-D", "side")
    server.git("branch", "side/one", "v1")

    excerpt.fetch_ref("refs/heads/side/one", server.head("v1"))

    assert excerpt.oid_of("refs/heads/side/one") == server.head("v1")
    assert excerpt.oid_of(BASE) == server.head()


def test_many_packs_become_one_and_nothing_is_lost(
    opened: Callable[[], CachedClone], server: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitmodel.git.cached_clone.clone._MOST_PACKS", 3)
    excerpt = opened()
    excerpt.fetch_base(server.head())
    excerpt.fetch_commit(server.head("side"))
    fetch_objects(excerpt.repository, [server.head("HEAD:fraud.model.yaml")])
    for number in range(3):
        server.commit(f"more {number}")
        excerpt.fetch_base(server.head())

    assert len(list((tmp_path / "cache/excerpt").glob("objects/pack/*.pack"))) <= 3
    assert excerpt.has_commit(server.head("side"))
    assert objects(excerpt, "blob") == 1
    assert excerpt.oid_of(BASE) == server.head()


def test_what_people_have_set_for_every_repository_changes_nothing(
    opened: Callable[[], CachedClone], server: Repo
) -> None:
    """`remote.origin.fetch` for pull requests, pruning, and hooks of one's own are common."""
    for key, value in [
        ("remote.origin.url", "/nowhere"),
        ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
        ("fetch.prune", "true"),
        ("fetch.pruneTags", "true"),
        ("fetch.recurseSubmodules", "true"),
        ("init.templateDir", str(server.path / ".git")),
        ("init.defaultRefFormat", "files"),
        ("safe.bareRepository", "explicit"),
    ]:
        server.git("config", "--global", key, value)
    excerpt = opened()
    excerpt.fetch_base(excerpt.query_refs([])["HEAD"])
    excerpt.fetch_ref("refs/tags/v1", server.head("v1"))
    again = opened()
    again.fetch_ref("refs/heads/side", server.head("side"))

    assert set(again.tips()) == {server.head(name) for name in ("main", "v1", "side")}
    refs = again.repository.run("for-each-ref", "--format=%(refname)").decode().split()
    assert refs == [BASE, "refs/heads/side", "refs/tags/v1"]
