"""`init` sets up everything, proves the remote first, and changes nothing when it is run again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import (
    ConfigError,
    NotSetUpError,
    RemoteError,
    RepositoryError,
    UsageError,
    WeakRemoteError,
)
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.workflows.init import InitReport, init
from gitmodel.workflows.remote import (
    RemoteRow,
    add_remote,
    list_remotes,
    remove_remote,
    trust_remote,
)
from tests.support.desk import Desk, new_desk, refusal
from tests.support.repo import Repo
from tests.support.stores import WrappedBackend, files_below

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.store.objects import ObjectStore

CONFIG = ".gitmodel.yaml"


@pytest.fixture
def empty(tmp_path: Path) -> Desk:
    """A repository that knows nothing of gitmodel."""
    return Desk(Repo.create(tmp_path / "ana"), tmp_path / "store")


def set_up(desk: Desk, url: str | None = None, **options: str | bool) -> InitReport:
    with desk.open() as project:
        return init(project, url, options=options)


class WeakBackend(WrappedBackend):
    """A store without conditional writes: each create passes and replaces what was there."""

    def create(self, key: str, data: bytes | memoryview) -> bool:
        self.inner.write(key, data)
        return True


class WeakProject(Project):
    """A project whose remote is such a store."""

    def store(
        self, name: str = "primary", *, upload: bool = False, chosen_now: bool = False
    ) -> ObjectStore:
        found = super().store(name, upload=upload, chosen_now=chosen_now)
        if not isinstance(found.backend, WeakBackend):
            found.backend = WeakBackend(found.backend)
        return found


def test_everything_is_set_up_and_a_second_run_changes_nothing(empty: Desk) -> None:
    first = set_up(empty, str(empty.store))

    assert first == InitReport(
        project="ana",
        remote=str(empty.store),
        default_folder=False,
        done=[
            "wrote .gitmodel.yaml",
            "wrote .gitattributes",
            f"this clone may upload to {empty.store}",
        ],
        hooks_folder=str(empty.repo.path / ".git/hooks"),
    )
    assert empty.staged() == [".gitattributes", ".gitmodel.yaml"]
    before = {name: empty.repo.read(name) for name in (CONFIG, ".gitattributes", ".git/config")}
    stored = files_below(empty.store)
    assert "gitmodel.json" in stored

    second = set_up(empty, str(empty.store))

    assert second.done == []
    assert {name: empty.repo.read(name) for name in before} == before
    assert files_below(empty.store) == stored
    assert set_up(empty).done == [], "also without naming the remote again"


def test_the_embedded_default_is_in_the_data_folder_of_the_person(empty: Desk, home: Path) -> None:
    report = set_up(empty)

    assert report.default_folder
    assert report.remote.startswith(str(home / "data/gitmodel/stores/ana-"))
    assert "remote" not in empty.repo.read(CONFIG).decode().replace("# ", "").split("project")[1]


def test_a_relative_folder_counts_from_where_the_person_stands(empty: Desk, tmp_path: Path) -> None:
    (empty.repo.path / "sub").mkdir()
    with empty.open("sub") as project:
        report = init(project, "../../shared")

    assert report.remote == str(tmp_path / "shared")
    assert (tmp_path / "shared/gitmodel.json").exists()


def test_a_weak_store_is_refused_and_nothing_is_written_to_the_repository(empty: Desk) -> None:
    before = files_below(empty.repo.path)

    with WeakProject.open(empty.context()) as project:
        message, hint = refusal(WeakRemoteError, lambda: init(project, str(empty.store)))

    assert message == (
        f"{empty.store} lets two writers create the same object, "
        "so two people could publish different weights under one version"
    )
    assert hint == (
        "use a store with conditional writes (AWS S3, SeaweedFS, MinIO, Azure Blob, or a folder)"
    )
    assert files_below(empty.repo.path) == before
    assert files_below(empty.store) == []


def test_another_project_of_the_same_name_is_refused(desk: Desk, tmp_path: Path) -> None:
    other = Desk(Repo.create(tmp_path / "other"), desk.store)
    before = files_below(other.repo.path)

    with Project.open(
        Context(environment=os.environ, folder=str(other.repo.path), random=lambda n: "f" * 2 * n)
    ) as project:
        message, hint = refusal(UsageError, lambda: init(project, str(desk.store), name="models"))

    assert message == (
        f"another project called 'models' uses {desk.store} already, "
        "and the two would take each other's version numbers"
    )
    assert hint == "gitmodel init URL --project OTHER_NAME, or use another prefix in the bucket"
    assert files_below(other.repo.path) == before


def test_another_remote_is_not_put_in_place_of_the_first(desk: Desk, tmp_path: Path) -> None:
    text = desk.repo.read(CONFIG)

    assert refusal(UsageError, lambda: set_up(desk, str(tmp_path / "elsewhere"))) == (
        f"the remote is {desk.store} already",
        f"gitmodel remote add {tmp_path / 'elsewhere'} --replace",
    )
    assert desk.repo.read(CONFIG) == text
    assert not (tmp_path / "elsewhere").exists()


def test_a_project_keeps_its_name(desk: Desk) -> None:
    with desk.open() as project:
        assert refusal(UsageError, lambda: init(project, name="other")) == (
            "this project is called 'models' already",
            "stored claims contain the name, so it cannot change",
        )
        assert init(project, name="models").done == []


def test_options_need_an_address(empty: Desk) -> None:
    assert refusal(UsageError, lambda: set_up(empty, None, region="eu-west-1")) == (
        "options of a remote need its URL",
        "gitmodel init URL",
    )
    assert files_below(empty.repo.path / ".git/gitmodel") == []


def test_a_secret_is_refused_and_not_repeated(empty: Desk) -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    for options in ({"secret": "abcdefgh"}, {"region": secret}):
        with pytest.raises(ConfigError) as caught:
            set_up(empty, "s3://bucket/models", **options)
        assert "(not shown)" in str(caught.value) or "value not shown" in str(caught.value)
        assert secret not in str(caught.value)
        assert "abcdefgh" not in str(caught.value)
    assert not (empty.repo.path / CONFIG).exists()


def test_a_folder_that_cannot_be_made(empty: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert refusal(RemoteError, lambda: set_up(empty, str(tmp_path / "file/store"))) == (
        f"{tmp_path / 'file/store'} cannot be created: Not a directory",
        "gitmodel init URL, with another one",
    )
    assert not (empty.repo.path / CONFIG).exists()


def test_a_bare_repository_cannot_be_set_up(tmp_path: Path) -> None:
    desk = Desk(Repo.create(tmp_path / "bare.git", "--bare"), tmp_path / "store")

    with pytest.raises(RepositoryError, match="no work tree"):
        set_up(desk, str(desk.store))


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"gitmodel: 1\nproject: \xe9\n", b"[", b"gitmodel: 1\n", b"a: &b 1\n"],
)
def test_a_configuration_that_cannot_be_read_is_one_clear_error(
    empty: Desk, content: bytes
) -> None:
    empty.repo.write(CONFIG, content)

    with empty.open() as project, pytest.raises(ConfigError) as caught:
        project.require_set_up()

    assert str(caught.value).startswith(".gitmodel.yaml: ")
    with pytest.raises(ConfigError):
        set_up(empty, str(empty.store))
    assert empty.repo.read(CONFIG) == content


def test_a_folder_in_the_place_of_the_configuration(empty: Desk) -> None:
    (empty.repo.path / CONFIG).mkdir()

    with empty.open() as project:
        assert refusal(ConfigError, project.require_set_up) == (
            ".gitmodel.yaml cannot be read: Is a directory",
            None,
        )


def test_without_a_configuration_everything_asks_for_init(empty: Desk) -> None:
    with empty.open() as project:
        assert not project.is_set_up()
        assert refusal(NotSetUpError, project.require_set_up) == (
            "this repository has no .gitmodel.yaml yet",
            "gitmodel init [URL]",
        )


def test_a_sparse_work_tree_and_a_bare_clone_know_the_committed_configuration(
    desk: Desk, tmp_path: Path
) -> None:
    (desk.repo.path / CONFIG).unlink()
    bare = Desk(desk.repo.clone("bare.git", "--bare"), desk.store)

    for one in (desk, bare):
        with one.open() as project:
            assert project.config.project == "models"


def test_a_clone_picks_up_what_is_committed(desk: Desk) -> None:
    ben = Desk(desk.repo.clone("ben"), desk.store)

    assert set_up(ben).done == [f"this clone may upload to {desk.store}"]


def test_remotes_are_listed(desk: Desk, tmp_path: Path) -> None:
    with desk.open() as project:
        added = add_remote(project, str(tmp_path / "mirror"), name="backup")
        rows = list_remotes(project)

    mirror = RemoteRow("backup", str(tmp_path / "mirror"), {}, trusted=True, default_folder=False)
    assert added == mirror
    assert rows == [
        RemoteRow("primary", str(desk.store), {}, trusted=True, default_folder=False),
        mirror,
    ]
    ben = Desk(desk.repo.clone("ben"), desk.store)
    with ben.open() as project:
        assert [row.trusted for row in list_remotes(project)] == [False]


def test_options_of_a_remote_are_kept_and_shown(desk: Desk) -> None:
    with desk.open() as project:
        row = add_remote(
            project,
            "s3://bucket/models",
            name="cloud",
            options={"endpoint": "https://s3.example.org", "region": "eu-west-1"},
            check=False,
        )

    assert row.options == {"endpoint": "https://s3.example.org", "region": "eu-west-1"}
    with desk.open() as project:
        assert project.config.mirrors["cloud"].endpoint == "https://s3.example.org"


def test_comments_of_the_configuration_stay(desk: Desk, tmp_path: Path) -> None:
    commented = desk.repo.read(CONFIG).decode() + "# gates come here\nowner: risk  # the team\n"
    desk.repo.write(CONFIG, commented)
    desk.repo.commit("comment")

    with desk.open() as project:
        add_remote(project, str(tmp_path / "mirror"), name="backup")
    with_mirror = desk.repo.read(CONFIG).decode()
    assert desk.staged() == [CONFIG]
    with desk.open() as project:
        assert remove_remote(project, "backup") == str(tmp_path / "mirror")

    assert "# gates come here\nowner: risk  # the team\n" in with_mirror
    assert desk.repo.read(CONFIG).decode() == commented
    assert (tmp_path / "mirror/gitmodel.json").exists(), "what is stored there stays"


def test_a_name_that_is_taken_needs_replace(desk: Desk, tmp_path: Path) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    with desk.open() as project:
        add_remote(project, one, name="backup")
        assert refusal(UsageError, lambda: add_remote(project, two, name="backup")) == (
            f"backup is {one} already",
            f"gitmodel remote add {two} --name backup --replace",
        )
        assert refusal(UsageError, lambda: add_remote(project, two)) == (
            f"primary is {desk.store} already",
            f"gitmodel remote add {two} --replace",
        )
        assert add_remote(project, two, name="backup", replace=True).url == two
        assert add_remote(project, two, name="backup").url == two, "said twice is no harm"


def test_the_default_gives_way_to_a_real_remote(empty: Desk, tmp_path: Path) -> None:
    set_up(empty)
    with empty.open() as project:
        assert refusal(UsageError, lambda: remove_remote(project, "primary")) == (
            "there is no primary remote to remove",
            "gitmodel remote add URL",
        )
        assert add_remote(project, str(tmp_path / "real")).default_folder is False
    with empty.open() as project:
        assert remove_remote(project, "primary") == str(tmp_path / "real")
        assert project.uses_default_folder()


def test_what_does_not_exist_or_cannot_be_used_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    text = desk.repo.read(CONFIG)
    (tmp_path / "file").write_bytes(b"")
    with desk.open() as project:
        assert refusal(UsageError, lambda: remove_remote(project, "nowhere")) == (
            "no remote is called 'nowhere'",
            "gitmodel remote list",
        )
        assert refusal(UsageError, lambda: trust_remote(project, "nowhere")) == (
            "no remote is called 'nowhere'",
            "gitmodel remote list",
        )
    for url, name in (
        ("ftp://a/b", "x"),
        (str(tmp_path / "file/x"), "x"),
        (str(tmp_path), "No Name"),
    ):
        with desk.open() as project, pytest.raises((ConfigError, RemoteError)):
            add_remote(project, url, name=name)
    assert desk.repo.read(CONFIG) == text


def test_trust_of_the_default_folder_is_never_asked_for(empty: Desk) -> None:
    set_up(empty)

    with empty.open() as project:
        fingerprint, new = trust_remote(project)

    assert (fingerprint.startswith("/"), new) == (True, False)


def test_new_desks_do_not_share_anything(tmp_path: Path) -> None:
    one = new_desk(tmp_path / "one", store=tmp_path / "store-1")
    two = new_desk(tmp_path / "two", store=tmp_path / "store-2")

    assert one.repo.read(CONFIG) != two.repo.read(CONFIG)
