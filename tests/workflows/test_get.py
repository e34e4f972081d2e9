"""`gitmodel get`: the right version out of somebody's repository, asking and trusting as little as possible."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.errors import (
    ConfigError,
    GitCommandError,
    GitmodelError,
    NotSetUpError,
    RemoteMissingError,
    RepositoryError,
    UnknownReferenceError,
    UnsavedWeightsError,
    UntrustedRemoteError,
    UsageError,
)
from gitmodel.project.context import Context
from gitmodel.workflows.get import DownloadedVersion, GetOptions, GetReport, get
from tests.support.desk import Desk, digest, kept_desk, new_desk, refusal, short
from tests.support.git_server import GitServer, git_server
from tests.support.models import folder_model, write_folder
from tests.support.repo import Repo
from tests.support.stores import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ONE, TWO, THREE, SIDE = (f"weights {n}".encode() * 1000 for n in ("one", "two", "three", "side"))


@dataclass
class Reader:
    """Somebody without a clone.

    Attributes:
        folder: Where they stand.
        url: Of the repository that they read.
        notes: What they were told beside results.
    """

    folder: Path
    url: str
    notes: list[str] = field(default_factory=list)

    def context(self) -> Context:
        return Context(environment=os.environ, folder=str(self.folder), note=self.notes.append)

    def get(
        self,
        *references: str,
        out: str = "out",
        include: tuple[str, ...] = (),
        force: bool = False,
        **asking: object,
    ) -> GetReport:
        return get(
            self.context(),
            self.url,
            references,
            out=out,
            include=include,
            force=force,
            asking=GetOptions(**asking),  # type: ignore[arg-type]
        )

    def content(self, *references: str, name: str = "fraud.bin", **asking: object) -> bytes:
        """What is in the file that one got."""
        self.get(*references, force=True, **asking)  # type: ignore[arg-type]
        return (self.folder / "out" / name).read_bytes()


def excerpt_of(home: Path) -> Repo:
    """The only excerpt in the cache."""
    (folder,) = (p for p in (home / "cache/gitmodel/repositories").iterdir() if p.is_dir())
    return Repo(folder)


def blobs_in(excerpt: Repo) -> int:
    output = excerpt.git("cat-file", "--batch-all-objects", "--batch-check").stdout
    return output.count(" blob ")


def publish_three_versions(desk: Desk) -> None:
    """Versions 1 to 3 of fraud, tagged; production is 1; pushed to the store."""
    desk.repo.git("config", "uploadpack.allowFilter", "true")
    for number, content in enumerate((ONE, TWO, THREE), 1):
        desk.repo.write("code.py", f"print({number})\n")
        desk.version(content)
        desk.repo.git("tag", f"v{number}.0")
    desk.alias("production", 1, ONE)
    desk.repo.commit("promote")
    desk.push()


ana = kept_desk(publish_three_versions)


@pytest.fixture
def reader(ana: Desk, tmp_path: Path) -> Reader:
    (tmp_path / "elsewhere").mkdir()
    return Reader(tmp_path / "elsewhere", str(ana.repo.path))


@pytest.fixture
def server(ana: Desk) -> Iterator[GitServer]:
    with git_server(ana.repo.path.parent) as running:
        yield running


@pytest.fixture
def afar(server: GitServer, reader: Reader) -> Reader:
    """The same, but the repository is on a network; its weights are in a folder that is trusted."""
    reader.url = server.url("ana/.git")
    return reader


def test_the_version_of_the_default_branch_is_placed_and_reported(
    reader: Reader, ana: Desk
) -> None:
    report = reader.get("fraud")

    place = reader.folder / "out/fraud.bin"
    assert place.read_bytes() == THREE
    assert report == GetReport(
        url=str(ana.repo.path),
        placed=[
            DownloadedVersion(
                "fraud", 3, digest(THREE), str(place), len(THREE), changed=True,
                commit=ana.repo.head(),
            )
        ],
        fetched_packs=report.fetched_packs,
        fetched_bytes=report.fetched_bytes,
    )  # fmt: skip
    assert report.fetched_packs == 1
    assert files_below(reader.folder) == ["out/fraud.bin"]
    assert reader.notes == []


def test_nothing_but_three_small_files_of_one_commit_is_fetched(reader: Reader, home: Path) -> None:
    reader.get("fraud", "fraud@latest", out="out")

    excerpt = excerpt_of(home)
    assert blobs_in(excerpt) == 2  # configuration, pointer
    assert (excerpt.path / "shallow").exists()


@pytest.mark.parametrize(
    ("reference", "content", "at"),
    [
        ("fraud@latest", THREE, "HEAD"),
        ("fraud@1", ONE, "v1.0"),
        ("fraud@v2", TWO, "v2.0"),
        ("fraud@production", ONE, "HEAD"),
        (f"fraud@blake3:{short(TWO)}", TWO, "v2.0"),
        ("fraud@git:v2.0", TWO, "v2.0"),
        ("fraud@v1.0", ONE, "v1.0"),
        ("fraud@main", THREE, "HEAD"),
        ("fraud@git:refs/heads/main", THREE, "HEAD"),
        ("fraud@HEAD", THREE, "HEAD"),
        ("fraud@HEAD~2", TWO, "v2.0"),
        ("fraud@git:main~3", ONE, "v1.0"),
        ("fraud@v3.0^", TWO, "v2.0"),
        ("fraud@git:{v2.0}", TWO, "v2.0"),
        ("fraud@{v1.0}", ONE, "v1.0"),
        ("fraud@git:{v3.0}~1", TWO, "v2.0"),
        ("fraud@git:{v2.0:10}", TWO, "v2.0"),
    ],
)
def test_every_kind_of_reference(
    reference: str, content: bytes, at: str, reader: Reader, ana: Desk
) -> None:
    """`{v1.0}` stands for the id of that commit."""
    for number in (1, 2, 3):
        oid = ana.repo.head(f"v{number}.0")
        reference = reference.replace(f"{{v{number}.0}}", oid)
        reference = reference.replace(f"{{v{number}.0:10}}", oid[:10])

    report = reader.get(reference)

    assert (reader.folder / "out/fraud.bin").read_bytes() == content
    assert report.placed[0].commit == ana.repo.head(at)
    again = reader.get(reference)
    assert [one.changed for one in again.placed] == [False]
    assert (again.fetched_packs, again.placed[0].commit) == (0, ana.repo.head(at))
    assert reader.get(reference, offline=True).placed == again.placed


def test_a_server_that_cannot_leave_out_files_sends_them(
    reader: Reader, ana: Desk, home: Path
) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "false")

    assert reader.content("fraud@production") == ONE
    assert reader.content("fraud@git:v2.0") == TWO
    assert reader.content("fraud@1") == ONE
    assert reader.content("fraud@git:main~2") == TWO
    assert blobs_in(excerpt_of(home)) > 5


@pytest.mark.parametrize("reference", ["fraud", "fraud@production", "fraud@git:v2.0", "fraud@3"])
def test_history_is_not_fetched_where_it_is_not_needed(
    reference: str, reader: Reader, home: Path
) -> None:
    reader.get(reference)

    assert (excerpt_of(home).path / "shallow").exists()
    assert int(excerpt_of(home).git("rev-list", "--all", "--count").stdout) <= 2


def test_history_brings_pointers_only(reader: Reader, home: Path) -> None:
    reader.get("fraud@1")

    excerpt = excerpt_of(home)
    assert not (excerpt.path / "shallow").exists()
    assert blobs_in(excerpt) == 4  # three pointers, configuration


def test_an_alias_wins_over_a_branch_of_its_name(reader: Reader, ana: Desk) -> None:
    ana.repo.git("branch", "production", "v2.0")

    assert reader.content("fraud@production") == ONE
    assert reader.content("fraud@git:production") == TWO


def test_what_is_not_merged_does_not_stand_in_for_what_is(reader: Reader, ana: Desk) -> None:
    """Somebody's branch takes the number 2 for other weights, and a new number 9."""
    ana.repo.git("checkout", "-qb", "side", "v1.0")
    ana.version(SIDE)
    side = ana.committed()
    ana.repo.write("fraud.model.yaml", side.to_text().replace("version: 2", "version: 9", 1))
    ana.repo.git("checkout", "-q", "--", ".")
    ana.push()
    ana.repo.git("checkout", "-q", "main")

    assert reader.content("fraud@git:side") == SIDE
    assert reader.content("fraud@2") == TWO
    assert reader.content(f"fraud@blake3:{short(SIDE)}") == SIDE
    assert reader.content("fraud@2") == TWO


def test_a_version_that_is_only_on_a_branch_is_found_there(reader: Reader, ana: Desk) -> None:
    ana.repo.git("checkout", "-qb", "side")
    ana.version(SIDE)
    ana.push()
    ana.repo.git("checkout", "-q", "main")

    assert reader.content("fraud@4") == SIDE
    assert reader.content("fraud@4", offline=True) == SIDE


def test_what_moved_on_the_server_is_followed(reader: Reader, ana: Desk) -> None:
    assert reader.content("fraud@1") == ONE
    assert reader.content("fraud@git:v2.0") == TWO
    ana.version(SIDE)
    ana.push()
    ana.repo.git("tag", "-f", "v2.0", "v1.0")

    assert reader.content("fraud") == SIDE
    assert reader.content("fraud@git:v2.0") == ONE


def test_a_tag_that_is_gone_is_gone_but_not_offline(reader: Reader, ana: Desk) -> None:
    reader.get("fraud@git:v2.0")
    ana.repo.git("tag", "-d", "v2.0")

    assert refusal(UnknownReferenceError, lambda: reader.get("fraud@git:v2.0")) == (
        f"fraud: {ana.repo.path} has no branch, tag or commit 'v2.0'",
        f"git clone {ana.repo.path}, and in it gitmodel log",
    )
    assert reader.content("fraud@git:v2.0", offline=True) == TWO


def test_the_second_call_asks_the_git_server_once(
    afar: Reader, server: GitServer, ana: Desk
) -> None:
    trust = [str(ana.store)]
    afar.get("fraud@2", trust=trust)
    server.asked.clear()
    shutil.rmtree(ana.store)

    report = afar.get("fraud@2", trust=trust)

    assert [one.changed for one in report.placed] == [False]
    assert server.asked == [
        "GET /ana/.git/info/refs?service=git-upload-pack",
        "POST /ana/.git/git-upload-pack",
    ]
    server.asked.clear()
    afar.get("fraud@2", offline=True)
    assert server.asked == []


def unreachable(reader: Reader, ana: Desk) -> str:
    """The server goes away; what Git says about it."""
    ana.repo.path.rename(ana.repo.path.with_name("gone"))
    (ana.repo.path).mkdir()
    return f"{ana.repo.path} cannot be read: "


def test_what_never_changes_is_answered_without_the_server(reader: Reader, ana: Desk) -> None:
    commit = ana.repo.head("v2.0")
    for reference in ("fraud@1", f"fraud@git:{commit}"):
        reader.get(reference, force=True)
    words = unreachable(reader, ana)

    for reference, content in [
        ("fraud@1", ONE),
        (f"fraud@blake3:{short(ONE)}", ONE),
        (f"fraud@git:{commit}", TWO),
    ]:
        reader.notes.clear()
        assert reader.content(reference) == content
        (note,) = reader.notes
        assert note.startswith(words)
        assert note.endswith("; the result comes from the cache")


@pytest.mark.parametrize(
    "reference",
    [
        "fraud",
        "fraud@production",
        "fraud@git:v2.0",
        "fraud@main",
        "fraud@7",
        "fraud@git:" + "1" * 40,
    ],
)
def test_what_may_have_changed_is_not(reference: str, reader: Reader, ana: Desk) -> None:
    reader.get("fraud@1")
    reader.get("fraud@git:v2.0", force=True)
    words = unreachable(reader, ana)

    message, hint = refusal(GitCommandError, lambda: reader.get(reference))

    assert message.startswith(words)
    assert hint == f"for details: git ls-remote {ana.repo.path}; or use the cached state: --offline"


def test_offline_without_a_cache_and_without_a_server(reader: Reader, ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: reader.get("fraud", offline=True)) == (
        f"{ana.repo.path} is not in the cache",
        "leave out --offline",
    )
    reader.get("fraud")
    assert refusal(UnknownReferenceError, lambda: reader.get("fraud@1", offline=True)) == (
        "fraud: there is no fraud@1, history is cut off here",
        "leave out --offline",
    )


def test_names_and_revisions_that_are_none(reader: Reader, ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: reader.get("freud")) == (
        "no model is called 'freud'",
        "did you mean fraud?",
    )
    assert refusal(UnknownReferenceError, lambda: reader.get("zebra@2")) == (
        "no model is called 'zebra'",
        "there are fraud",
    )
    for reference in ("fraud@git:nothing", "fraud@git:--upload-pack=x", "fraud@git:main:README.md"):
        with pytest.raises(UnknownReferenceError):
            reader.get(reference)
    with pytest.raises(UnknownReferenceError, match="has no alias, branch or tag 'staging'"):
        reader.get("fraud@staging")


def test_repositories_without_gitmodel(reader: Reader, tmp_path: Path) -> None:
    plain = Repo.create(tmp_path / "plain")
    reader.url = str(plain.path)
    assert refusal(RepositoryError, lambda: reader.get("fraud")) == (
        f"{plain.path} has no commit on its default branch",
        "git push, or git symbolic-ref HEAD refs/heads/BRANCH, on the server",
    )
    plain.commit("empty")
    assert refusal(NotSetUpError, lambda: reader.get("fraud")) == (
        f"{plain.path} has no .gitmodel.yaml on its default branch",
        "check the URL of the repository",
    )
    plain.write(".gitmodel.yaml", "x" * 70_000)
    plain.commit("large")
    with pytest.raises(RepositoryError, match="cannot be read"):
        reader.get("fraud")


def test_other_content_is_not_overwritten(reader: Reader) -> None:
    (reader.folder / "out").mkdir()
    place = reader.folder / "out/fraud.bin"
    place.write_bytes(b"mine")

    assert refusal(UnsavedWeightsError, lambda: reader.get("fraud")) == (
        "fraud: out/fraud.bin exists already with other content",
        "use --force to overwrite it, or another --out",
    )
    assert place.read_bytes() == b"mine"
    reader.get("fraud", force=True)
    assert place.read_bytes() == THREE
    place.write_bytes(b"changed afterwards")
    with pytest.raises(UnsavedWeightsError):
        reader.get("fraud")


def test_two_versions_do_not_fit_into_one_place(reader: Reader) -> None:
    assert refusal(UsageError, lambda: reader.get("fraud", "fraud@1")) == (
        "fraud@3 and fraud@1 would both be written to out/fraud.bin",
        "get them one by one, each with a --out of its own",
    )


def test_some_files_of_a_folder(reader: Reader, ana: Desk) -> None:
    write_folder(folder_model(seed=1), ana.repo.path / "nlp/bert")
    ana.add("nlp/bert", name="nlp/bert")
    ana.repo.commit("bert")
    ana.push()

    report = reader.get("nlp/bert", include=("*.json",))

    wanted = sorted(p for p in folder_model(seed=1) if p.endswith(".json"))
    assert files_below(reader.folder / "out") == [f"bert/{path}" for path in wanted]
    assert report.placed[0].changed
    assert not reader.get("nlp/bert", include=("*.json",)).placed[0].changed
    reader.get("nlp/bert", out="whole")
    assert files_below(reader.folder / "whole/bert") == sorted(folder_model(seed=1))


def test_the_cache_is_where_one_says_and_can_be_lost(
    reader: Reader, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.get("fraud")
    assert sorted(os.listdir(home / "cache/gitmodel")) == ["placed", "repositories", "weights"]
    shutil.rmtree(home / "cache")
    assert not reader.get("fraud").placed[0].changed

    monkeypatch.setenv("GITMODEL_GET_CACHE", "mine")
    reader.get("fraud")
    reader.get("fraud", cache="other")
    monkeypatch.delenv("GITMODEL_GET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    reader.get("fraud")

    for folder in (reader.folder / "mine", reader.folder / "other", home / ".cache/gitmodel"):
        assert (folder / "weights/packs").is_dir()
    assert not (reader.folder / "relative").exists()


def test_a_cache_that_cannot_be_made(reader: Reader, home: Path) -> None:
    (reader.folder / "file").write_text("x")

    assert refusal(UsageError, lambda: reader.get("fraud", cache="file/x")) == (
        f"{reader.folder}/file/x cannot be created: Not a directory",
        "name another folder: --cache DIR",
    )
    (home / "cache/gitmodel").mkdir(parents=True)
    (home / "cache/gitmodel/repositories").write_text("x")
    with pytest.raises(RepositoryError, match="cannot be written: "):
        reader.get("fraud")


def test_a_folder_that_a_repository_on_the_network_names_needs_a_yes(
    afar: Reader, server: GitServer, ana: Desk, home: Path
) -> None:
    """Else a stranger's configuration would make us read, and serve, what lies on this machine."""
    url, store = server.url("ana/.git"), str(ana.store)
    assert refusal(UntrustedRemoteError, lambda: afar.get("fraud")) == (
        f"fraud: {store}, named by {url}, is not trusted, so nothing was read",
        f"--trust {store}, or for good: git config --global --add gitmodel.trust {store}",
    )
    with pytest.raises(UntrustedRemoteError):
        afar.get("fraud", trust=[f"{store}/other"])

    assert afar.content("fraud", trust=[store]) == THREE
    with pytest.raises(UntrustedRemoteError):
        afar.content("fraud@1")  # the yes was for that time
    ana.repo.git("config", "--global", "--add", "gitmodel.trust", store)
    assert afar.content("fraud@1") == ONE


def rewrite_remote(ana: Desk, line: str) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode().splitlines()
    kept = [text_line for text_line in text if not text_line.startswith(("remote:", " "))]
    ana.repo.write(".gitmodel.yaml", "\n".join([*kept, line]) + "\n")
    ana.repo.commit("another remote")


def test_a_folder_beside_a_clone_is_found_beside_a_local_repository_only(
    reader: Reader, server: GitServer, ana: Desk
) -> None:
    rewrite_remote(ana, 'remote: "../store"')
    assert reader.content("fraud") == THREE

    reader.url = server.url("ana/.git")
    assert refusal(RemoteMissingError, lambda: reader.get("fraud@1", trust=["../store"])) == (
        f"fraud: {reader.url} stores its weights in ../store, which is relative to a clone, and there is no clone",
        f"git clone {reader.url}, and in it gitmodel checkout",
    )


def test_the_embedded_default_of_another_project_is_not_read_for_a_stranger(
    afar: Reader, ana: Desk, home: Path
) -> None:
    """Project and id are the stranger's to choose, so they could be those of one's own project."""
    rewrite_remote(ana, "")

    with pytest.raises(UntrustedRemoteError) as caught:
        afar.get("fraud")

    assert str(home / "data/gitmodel/stores") in caught.value.message
    assert not (home / "data").exists()


@pytest.mark.parametrize("remote", ["ext::sh", "/etc", "s3://x@y", "//server/share"])
def test_addresses_with_tricks(remote: str, afar: Reader, ana: Desk) -> None:
    rewrite_remote(ana, f'remote: "{remote}"')

    with pytest.raises((ConfigError, UntrustedRemoteError)):
        afar.get("fraud")


def test_a_password_is_shown_to_nobody_and_written_nowhere(
    afar: Reader, server: GitServer, ana: Desk, home: Path
) -> None:
    server.password = "ana:hunter2"  # noqa: S105
    plain = server.url("ana/.git")
    with pytest.raises(GitCommandError) as caught:
        afar.get("fraud")
    assert caught.value.hint == "Git asks for a password: set up a credential helper, or use ssh"

    afar.url = server.url("ana/.git", user="ana:hunter2")
    report = afar.get("fraud@1", trust=[str(ana.store)])
    assert report.url == plain
    server.password = "ana:another"  # noqa: S105
    with pytest.raises(GitCommandError) as caught:
        afar.get("fraud")

    assert "hunter2" not in str(caught.value) + str(caught.value.hint) + "".join(afar.notes)
    for path in (home / "cache").rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    afar.url = plain  # the same excerpt: a new password does not make it another repository
    assert afar.get("fraud@1", offline=True).placed[0].version == 1


def test_it_does_not_matter_where_one_stands(
    reader: Reader, ana: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even inside another repository, or in a hook of one."""
    other = new_desk(tmp_path / "other", store=tmp_path / "other-store")
    reader.folder = other.repo.path
    monkeypatch.setenv("GIT_DIR", str(other.repo.path / ".git"))
    monkeypatch.setenv("GIT_QUARANTINE_PATH", "/nowhere")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere")
    before = files_below(other.repo.path / ".git")

    assert reader.content("fraud") == THREE
    assert files_below(other.repo.path / ".git") == before


def test_from_python_a_url_stands_for_a_clone(
    reader: Reader, ana: Desk, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader.folder)
    url = ana.repo.path.as_uri()

    path = gitmodel.path("fraud@production", repo=url)

    assert Path(path).read_bytes() == ONE
    assert Path(path).is_relative_to(home / "cache/gitmodel")
    assert gitmodel.path("fraud@1", repo=url) == path
    with gitmodel.open("fraud", repo=url) as stream:
        assert stream.read() == THREE
    with pytest.raises(GitmodelError):
        gitmodel.path("fraud@nothing", repo=url)


@pytest.mark.parametrize("has_filter", [True, False])
def test_by_ssh_from_a_server_that_knows_the_oldest_protocol_only(
    reader: Reader, ana: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_filter: bool
) -> None:
    """What a usual sshd does: it passes no GIT_PROTOCOL on, and then single files cannot be asked for."""
    ana.repo.git("config", "uploadpack.allowFilter", str(has_filter).lower())
    ssh = ana.repo.write("../ssh", 'for last; do :; done\nunset GIT_PROTOCOL\nexec sh -c "$last"\n')
    monkeypatch.setenv("GIT_SSH_COMMAND", f"sh {ssh}")
    reader.url = f"git@example.org:{ana.repo.path}"
    trust = [str(ana.store)]

    assert reader.content("fraud", trust=trust) == THREE
    assert reader.content("fraud@1", trust=trust) == ONE
    assert reader.content("fraud@production", trust=trust) == ONE
    assert reader.content("fraud@git:v2.0", trust=trust) == TWO
    assert reader.content(f"fraud@git:{ana.repo.head('v1.0')}", trust=trust) == ONE


def test_the_same_command_follows_an_alias_into_the_same_folder(reader: Reader, ana: Desk) -> None:
    """A job that fetches production again and again needs no --force: what it wrote itself is not lost."""
    reader.get("fraud@production", out="serving")
    ana.alias("production", 2, TWO)
    ana.repo.commit("promote")

    reader.get("fraud@production", out="serving")

    assert (reader.folder / "serving/fraud.bin").read_bytes() == TWO
    (reader.folder / "serving/fraud.bin").write_bytes(b"somebody's own work")
    ana.alias("production", 1, ONE)
    ana.repo.commit("roll back")
    with pytest.raises(UnsavedWeightsError):
        reader.get("fraud@production", out="serving")
    assert (reader.folder / "serving/fraud.bin").read_bytes() == b"somebody's own work"
