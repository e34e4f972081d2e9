"""A mirror holds as little as was asked for, is made anew where it is broken, and runs nothing."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.mirror import BASE, Mirror, locked, ref_names
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
def opened(server: Repo, tmp_path: Path) -> Callable[[], Mirror]:
    """Opens the server's mirror, as each call of a program does."""
    folder = str(tmp_path / "cache/mirror")
    url = GitUrl.parse(str(server.path), start="/")
    return lambda: Mirror(folder, url, start=str(tmp_path), environment=os.environ)


def objects(mirror: Mirror, kind: str) -> int:
    """How many objects of a kind the mirror holds."""
    output = mirror.repository.run("cat-file", "--batch-all-objects", "--batch-check")
    return output.decode().count(f" {kind} ")


def test_a_new_mirror_holds_one_commit_and_no_file(
    opened: Callable[[], Mirror], server: Repo
) -> None:
    mirror = opened()
    answer = mirror.ask([])
    mirror.fetch_base(answer["HEAD"])

    assert answer == {"HEAD": server.head()}
    assert mirror.oid_of(BASE) == server.head()
    assert (objects(mirror, "commit"), objects(mirror, "blob")) == (1, 0)
    assert mirror.is_cut()


def test_neither_url_nor_hook_is_written_to_it(
    opened: Callable[[], Mirror], tmp_path: Path
) -> None:
    mirror = opened()
    mirror.fetch_base(mirror.ask([])["HEAD"])

    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            assert str(tmp_path / "server").encode() not in path.read_bytes(), path
    assert not (tmp_path / "cache/mirror/hooks").exists()


def test_only_exact_names_are_asked_for(opened: Callable[[], Mirror], server: Repo) -> None:
    server.git("branch", "refs/heads/main")
    server.git("branch", "x/side")

    assert opened().ask(["side", "v2", "nothing", "*", "-x", "a..b"]) == {
        "HEAD": server.head(),
        "refs/heads/side": server.head("side"),
        "refs/tags/v2": server.head("v2"),
    }


def test_history_comes_when_it_is_asked_for_and_stays(
    opened: Callable[[], Mirror], server: Repo
) -> None:
    mirror = opened()
    mirror.fetch_base(server.head())
    mirror.fetch_history()
    assert (objects(mirror, "commit"), objects(mirror, "blob")) == (3, 0)

    server.write("more.txt", "4")
    server.commit("4")
    again = opened()
    again.fetch_base(server.head())

    assert not again.is_cut()
    assert objects(again, "commit") == 4


def test_a_tag_inside_history_does_not_cut_it(opened: Callable[[], Mirror], server: Repo) -> None:
    """`git fetch --depth 1` of a tag would, also in a mirror that has all of it."""
    mirror = opened()
    mirror.fetch_base(server.head())
    mirror.fetch_history()
    mirror.fetch_ref("refs/tags/v2", server.head("v2"))
    mirror.fetch_commit(server.head("v1"))

    assert not mirror.is_cut()
    assert len(mirror.repository.run("rev-list", BASE).split()) == 3


def test_a_commit_by_its_id_is_in_no_history(opened: Callable[[], Mirror], server: Repo) -> None:
    mirror = opened()
    mirror.fetch_base(server.head())
    mirror.fetch_commit(server.head("side"))

    assert mirror.has_commit(server.head("side"))
    assert mirror.tips() == (server.head(),)


def test_all_branches_and_tags_come_and_go(opened: Callable[[], Mirror], server: Repo) -> None:
    mirror = opened()
    mirror.fetch_base(server.head())
    mirror.fetch_all()
    assert set(mirror.tips()) == {server.head(n) for n in ("main", "side", "v1", "v2")}

    server.git("branch", "-D", "side")
    mirror.fetch_all()

    assert set(mirror.tips()) == {server.head(n) for n in ("main", "v1", "v2")}


def test_a_rewritten_branch_is_followed(opened: Callable[[], Mirror], server: Repo) -> None:
    opened().fetch_base(server.head())
    server.git("reset", "-q", "--hard", "v1")
    server.write("other.txt", "x")
    server.commit("other")

    mirror = opened()
    mirror.fetch_base(mirror.ask([])["HEAD"])

    assert mirror.oid_of(BASE) == server.head()


def test_a_repository_of_sha256_is_mirrored_as_such(
    make_repo: Callable[..., Repo], tmp_path: Path
) -> None:
    server = make_repo("new", "--object-format=sha256")
    head = server.commit("1")
    url = GitUrl.parse(str(server.path), start="/")

    mirror = Mirror(str(tmp_path / "m"), url, start="/", environment=os.environ)
    mirror.fetch_base(mirror.ask([])["HEAD"])

    assert (mirror.repository.object_format, mirror.oid_of(BASE)) == ("sha256", head)


@pytest.mark.parametrize("damage", ["config", "HEAD", "shallow.lock", "objects"])
def test_what_git_cannot_use_is_made_anew(
    damage: str, opened: Callable[[], Mirror], server: Repo, tmp_path: Path
) -> None:
    opened().fetch_base(server.head("main"))
    path = tmp_path / "cache/mirror" / damage
    if damage == "objects":
        for pack in path.glob("pack/*"):
            pack.unlink()
    else:
        path.write_text("nothing that Git can read\n")
    server.write("more.txt", "4")
    server.commit("4")

    mirror = opened()
    mirror.fetch_base(server.head())
    mirror.fetch_history()

    assert mirror.repository.run("rev-list", "--count", BASE) == b"4\n"
    assert sorted(os.listdir(tmp_path / "cache")) == ["mirror"]


def test_a_folder_of_another_user_is_refused(
    opened: Callable[[], Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(RepositoryError, match="belongs to another user"):
        opened()


def test_an_unreachable_server_is_told_without_secrets(tmp_path: Path) -> None:
    url = GitUrl.parse("http://ana:hunter2@127.0.0.1:9/m.git?key=s3cret", start="/")
    mirror = Mirror(str(tmp_path / "m"), url, start="/", environment=os.environ)

    with pytest.raises(GitCommandError) as caught:
        mirror.ask([])

    assert caught.value.message.startswith(
        "http://127.0.0.1:9/m.git cannot be read: unable to access"
    )
    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.hint is not None
    assert "--offline" in caught.value.hint


def test_two_processes_take_turns(tmp_path: Path) -> None:
    folder = str(tmp_path / "cache/mirror")
    with locked(folder):
        other = subprocess.run(
            ["flock", "-n", f"{folder}.lock", "true"],  # noqa: S607 - of util-linux
            check=False,
        )

    assert other.returncode == 1
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
