"""A push writes in the one order that is safe, relies on nothing doomed, and can be repeated."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import (
    DamagedObjectError,
    MixedPointerError,
    ObjectMissingError,
    RemoteError,
    RemoteMissingError,
    UntrustedRemoteError,
    VersionTakenError,
)
from gitmodel.git.pre_push import RefUpdate
from gitmodel.project.project import Project
from gitmodel.store.claims import Claim, claim_key
from gitmodel.store.objects import ObjectStore
from gitmodel.store.push_intents import SWEEP_KEY
from gitmodel.workflows.publish import PushReport
from gitmodel.workflows.push import push_head, push_updates, read_updates
from gitmodel.workflows.remote import add_remote, trust_remote
from tests.support.desk import NOW, Desk, digest, new_desk, refusal, short
from tests.support.stores import WrappedBackend, files_below, flip, some_bytes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
ZEROS = "0" * 40


class WatchedProject(Project):
    """A project whose stores write down what is asked of them."""

    calls: list[tuple[str, str]]

    def store(
        self, name: str = "primary", *, upload: bool = False, chosen_now: bool = False
    ) -> ObjectStore:
        found = super().store(name, upload=upload, chosen_now=chosen_now)
        if not isinstance(found.backend, WrappedBackend):
            watched = WrappedBackend(found.backend)
            watched.calls = self.calls
            found.backend = watched
        return found


def watched_push(desk: Desk) -> tuple[PushReport, list[tuple[str, str]]]:
    """Publish HEAD; returns the report and what was asked of the remote, names left out."""
    with WatchedProject.open(desk.context()) as project:
        assert isinstance(project, WatchedProject)
        project.calls = []
        report = push_head(project)
    return report, [(method, kind(key)) for method, key in project.calls]


def kind(key: str) -> str:
    """A key without the names in it."""
    return re.sub(r"[0-9a-f]{2}/[0-9a-f]{64}|(?<=/)[0-9a-f]{8,}", "*", key)


def claim(desk: Desk, number: int, name: str = "fraud") -> Claim:
    path = desk.store / claim_key("models", name, number)
    return Claim.from_text(path.read_bytes(), what=str(path))


def claims(desk: Desk) -> list[str]:
    return [path.name for path in sorted((desk.store / "versions/models").glob("*"))]


def write_claim(desk: Desk, number: int, content: bytes) -> None:
    """Somebody else has this number."""
    other = Claim(
        name="fraud",
        version=number,
        digest=digest(content),
        by="Ben <ben@example.org>",
        at="2026-02-01T10:00:00Z",
        run_id="run-7",
    )
    path = desk.store / claim_key("models", "fraud", number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(other.to_text())


def sweep(desk: Desk, *, manifests: list[str], packs: list[str]) -> None:
    """A collection is under way."""
    path = desk.store / SWEEP_KEY
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {"format": 1, "epoch": "1", "manifests": manifests, "packs": packs}
    path.write_text(json.dumps(body))


def stored(desk: Desk, kind_: str) -> dict[str, int]:
    """Objects of a kind on the remote: name -> inode, which changes when it is written again."""
    return {path.name: path.stat().st_ino for path in (desk.store / kind_).glob("*/*")}


def forget_ledger(desk: Desk) -> None:
    for path in (desk.repo.path / ".git/gitmodel/ledger").iterdir():
        path.unlink()


def test_the_order_of_writing(desk: Desk) -> None:
    desk.version(ONE)

    report, calls = watched_push(desk)

    assert calls == [
        ("read", "gitmodel.json"),
        ("read", "versions/models/fraud@1.yaml"),
        ("write", "gc/intents/*.json"),
        ("read", "gc/sweep.json"),
        ("read", "manifests/*"),
        ("write", "packs/*"),
        ("size", "packs/*"),
        ("create", "manifests/*"),
        ("create", "projects/models/*/*.json"),
        ("create", "versions/models/fraud@1.yaml"),
    ]
    (pack,) = (desk.store / "packs").glob("*/*")
    assert report == PushReport(
        versions=[("fraud", 1)],
        published=[("fraud", 1)],
        packs=1,
        packs_seen=1,
        uploaded_bytes=pack.stat().st_size,
        remote=str(desk.store),
        looked=True,
    )


def test_new_packs_are_sent_while_old_ones_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.version(ONE)
    desk.push()
    desk.version(TWO)
    sent = threading.Event()
    size, put = ObjectStore.pack_size, ObjectStore.put_pack
    old = {path.name for path in (desk.store / "packs").glob("*/*")}

    def look(store: ObjectStore, name: str) -> int | None:
        assert name not in old or sent.wait(60), "the look ended before anything was sent"
        return size(store, name)

    def send(store: ObjectStore, name: str, data: bytes) -> bool:
        sent.set()
        return put(store, name, data)

    monkeypatch.setattr(ObjectStore, "pack_size", look)
    monkeypatch.setattr(ObjectStore, "put_pack", send)

    desk.push()

    assert sent.is_set()


def test_the_intent_names_what_is_relied_on(desk: Desk) -> None:
    desk.version(ONE)
    desk.push()
    desk.version(TWO)
    for path in (desk.store / "gc/intents").iterdir():
        path.unlink()

    desk.push()

    (intent,) = (desk.store / "gc/intents").iterdir()
    said = json.loads(intent.read_bytes())
    assert said["manifests"] == sorted([digest(ONE).hex, digest(TWO).hex])
    assert set(said["packs"]) <= set(stored(desk, "packs"))
    assert len(said["packs"]) >= 1


def test_a_claim_says_who_and_when_and_from_where(desk: Desk) -> None:
    desk.version(ONE, run_id="run-1")
    desk.push()

    assert claim(desk, 1) == Claim(
        name="fraud",
        version=1,
        digest=digest(ONE),
        by="Ana <ana@example.org>",
        at=NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=desk.repo.head(),
        ref="main",
        run_id="run-1",
    )


def test_a_push_of_nothing_new_asks_nothing(desk: Desk) -> None:
    desk.version(ONE)
    desk.push()
    code = RefUpdate("refs/heads/main", desk.repo.head(), "refs/heads/main", desk.repo.head())

    with WatchedProject.open(desk.context()) as project:
        assert isinstance(project, WatchedProject)
        project.calls = []
        report = push_updates(project, [code], git_remote="origin", git_url="/srv/git")

    assert (report, project.calls) == (PushReport(remote=str(desk.store)), [])


def test_before_the_first_commit_there_is_nothing_to_push(tmp_path: Path) -> None:
    from gitmodel.workflows.init import init
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    with desk.open() as project:
        init(project, str(desk.store))

    assert desk.push() == PushReport()


def test_a_new_version_sends_only_what_is_new(desk: Desk) -> None:
    big = some_bytes(3_000_000)
    desk.version(big)
    desk.push()
    desk.version(big + b"more")

    report = desk.push()

    assert ("fraud", 2) in report.versions
    assert 0 < report.uploaded_bytes < 1_500_000


def test_a_remote_that_was_emptied_is_another_store_and_gets_everything_again(
    desk: Desk, tmp_path: Path
) -> None:
    desk.version(ONE, "fraud.bin")
    desk.push()
    desk.store.rename(tmp_path / "gone")
    desk.store.mkdir()
    desk.version(TWO, "churn.bin")

    report = desk.push()

    assert report.versions == [("churn", 1), ("fraud", 1)]
    assert claims(desk) == ["churn@1.yaml", "fraud@1.yaml"]
    assert set(stored(desk, "manifests")) == {digest(ONE).hex, digest(TWO).hex}


def test_what_is_doomed_is_uploaded_again(desk: Desk) -> None:
    desk.version(some_bytes(100_000))
    desk.push()
    packs, manifests = stored(desk, "packs"), stored(desk, "manifests")
    sweep(desk, manifests=list(manifests), packs=list(packs))
    forget_ledger(desk)

    report = desk.push()

    assert report.packs == len(packs)
    assert stored(desk, "packs").keys() == packs.keys()
    assert all(stored(desk, "packs")[name] != inode for name, inode in packs.items())
    assert all(stored(desk, "manifests")[name] != inode for name, inode in manifests.items())


def test_a_doomed_pack_of_a_manifest_that_stays_is_uploaded_again(desk: Desk) -> None:
    """Whoever wrote the manifest relied on a pack that was found unused a moment before."""
    desk.version(some_bytes(100_000))
    desk.push()
    packs = stored(desk, "packs")
    sweep(desk, manifests=[], packs=list(packs))
    forget_ledger(desk)

    assert desk.push().packs == len(packs)
    assert all(stored(desk, "packs")[name] != inode for name, inode in packs.items())


def test_packs_of_an_earlier_version_that_are_doomed_are_not_relied_on(desk: Desk) -> None:
    big = some_bytes(3_000_000)
    desk.version(big)
    desk.push()
    packs = stored(desk, "packs")
    sweep(desk, manifests=[digest(big).hex], packs=list(packs))
    desk.version(big + b"more")

    desk.push()

    assert all(stored(desk, "packs")[name] != inode for name, inode in packs.items())


def test_what_is_doomed_and_not_in_the_cache_is_fetched_first(desk: Desk) -> None:
    desk.version(some_bytes(100_000))
    desk.push()
    packs, manifests = stored(desk, "packs"), stored(desk, "manifests")
    ben = desk.join("ben")
    sweep(desk, manifests=list(manifests), packs=list(packs))

    assert ben.push().versions == [("fraud", 1)]
    assert all(stored(desk, "packs")[name] != inode for name, inode in packs.items())


def test_a_sweep_flag_that_cannot_be_read_stops_the_push(desk: Desk) -> None:
    desk.version(ONE)
    (desk.store / SWEEP_KEY).write_text("{")

    assert refusal(DamagedObjectError, desk.push) == (
        f"{desk.store}/gc/sweep.json cannot be read, so it is not known what is being deleted",
        "delete that object, if nobody is collecting garbage on this remote, and push again",
    )
    assert stored(desk, "packs") == {}


def test_a_number_that_somebody_has_is_refused_before_anything_moves(desk: Desk) -> None:
    desk.version(ONE)
    write_claim(desk, 1, TWO)

    assert refusal(VersionTakenError, desk.push) == (
        (
            f"fraud: version 1 is already taken by other content: {short(TWO)}, pushed by Ben <ben@example.org> "
            f"on 2026-02-01T10:00:00Z, run run-7; yours is {short(ONE)}. Nothing was pushed"
        ),
        "gitmodel renumber fraud --commit, then git push",
    )
    assert stored(desk, "packs") == {}
    assert files_below(desk.store / "gc") == []


def test_the_same_content_may_be_claimed_by_anybody(desk: Desk) -> None:
    desk.version(ONE)
    write_claim(desk, 1, ONE)

    assert desk.push().versions == [("fraud", 1)]
    assert claim(desk, 1).by == "Ben <ben@example.org>"


def test_numbers_below_the_tip_are_claimed_only_where_they_are_free(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO)
    desk.version(THREE)
    write_claim(desk, 2, b"somebody else's")

    report = desk.push()

    assert report.versions == [("fraud", 1), ("fraud", 2), ("fraud", 3)]
    assert [claim(desk, number).digest for number in (1, 2, 3)] == [
        digest(ONE),
        digest(b"somebody else's"),
        digest(THREE),
    ]
    assert set(stored(desk, "manifests")) == {d.hex for d in map(digest, (ONE, TWO, THREE))}


def updates(desk: Desk, *branches: str) -> tuple[RefUpdate, ...]:
    return tuple(
        RefUpdate(f"refs/heads/{name}", desk.repo.head(name), f"refs/heads/{name}", ZEROS)
        for name in branches
    )


def test_one_push_with_two_contents_of_one_number_is_refused(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO)
    other = desk.repo.head()
    desk.repo.git("switch", "-q", "main")
    third = replace(desk.pointer(), version=2, digest=digest(THREE), size=len(THREE))
    desk.repo.write("fraud.model.yaml", third.to_text())
    mine = desk.repo.commit("also 2")

    with desk.open() as project:
        message, hint = refusal(
            VersionTakenError,
            lambda: push_updates(
                project, updates(desk, "main", "other"), git_remote="origin", git_url="/srv/git"
            ),
        )

    assert message == (
        f"fraud: version 2 names two contents in this push: {short(THREE)} in {mine[:10]}, "
        f"{short(TWO)} in {other[:10]}"
    )
    assert hint == "gitmodel renumber fraud, on one of the branches"


def test_weights_that_are_nowhere_may_not_be_pushed(desk: Desk) -> None:
    desk.version(ONE)
    ben = desk.join("ben")

    assert refusal(ObjectMissingError, ben.push) == (
        (
            f"fraud: the weights of version 1 ({short(ONE)}) are neither in the cache nor on "
            f"{desk.store}, so fraud.model.yaml was not pushed"
        ),
        "gitmodel add fraud.bin, where the weights are; or gitmodel push, in a clone that has the weights",
    )


def test_a_cache_that_lost_a_pack_names_the_model(desk: Desk) -> None:
    desk.version(ONE)
    for pack in (desk.repo.path / ".git/gitmodel/packs").glob("*/*"):
        pack.unlink()
    (desk.repo.path / "fraud.bin").rename(desk.repo.path / "away")

    assert refusal(ObjectMissingError, desk.push) == (
        (
            f"fraud: the weights of version 1 ({short(ONE)}) are neither in the cache nor on "
            f"{desk.store}, so fraud.model.yaml was not pushed"
        ),
        "gitmodel add fraud.bin, where the weights are; or gitmodel push, in a clone that has the weights",
    )
    (desk.repo.path / "away").rename(desk.repo.path / "fraud.bin")
    desk.add()
    assert desk.push().versions == [("fraud", 1)]


def test_a_damaged_cache_is_not_uploaded(desk: Desk) -> None:
    desk.version(some_bytes(100_000))
    (pack,) = (desk.repo.path / ".git/gitmodel/packs").glob("*/*")
    flip(pack, 5000)
    (desk.repo.path / "fraud.bin").rename(desk.repo.path / "away")

    with pytest.raises(DamagedObjectError) as caught:
        desk.push()

    assert str(caught.value) == (
        f"fraud: pack {pack.name[:12]} in the cache is damaged: its bytes do not match its name"
    )
    assert caught.value.hint == "gitmodel add fraud.bin, which stores the weights again"
    assert stored(desk, "packs") == {}
    assert stored(desk, "manifests") == {}
    (desk.repo.path / "away").rename(desk.repo.path / "fraud.bin")
    desk.add()
    assert desk.push().versions == [("fraud", 1)]


def test_weights_that_changed_since_are_pushed_from_the_cache(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.write("fraud.bin", THREE)

    assert desk.push().versions == [("fraud", 1)]


def test_a_broken_pointer_at_a_tip_is_refused_and_below_it_ignored(desk: Desk) -> None:
    desk.version(ONE)
    good = desk.repo.read("fraud.model.yaml")
    desk.repo.write("fraud.model.yaml", good.replace(b"version: 1", b"version: 9"))
    broken = desk.repo.commit("broken")
    with pytest.raises(MixedPointerError, match=f"fraud.model.yaml in commit {broken[:10]}"):
        desk.push()
    desk.repo.write("fraud.model.yaml", good)
    desk.repo.commit("mended")

    assert desk.push().versions == [("fraud", 1)]


def test_the_embedded_default_is_refused_for_a_git_remote_elsewhere(
    tmp_path: Path, home: Path
) -> None:
    from gitmodel.workflows.init import init
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    with desk.open() as project:
        init(project, name="models")
        folder = project.default_folder()
    desk.version(ONE)
    assert folder.startswith(str(home / "data/gitmodel/stores/models-"))

    def push_to(url: str) -> PushReport:
        with desk.open() as project:
            return push_updates(project, updates(desk, "main"), git_remote=url, git_url=url)

    for url in ("git@example.org:a.git", "https://example.org/a.git", "ssh://example.org/a"):
        assert refusal(RemoteError, lambda url=url: push_to(url)) == (  # type: ignore[misc]
            f"{url} is on another machine, but the weights would stay on this one, in {folder}",
            "gitmodel remote add s3://BUCKET/PREFIX (or az://..., or a shared folder)",
        )
    assert push_to(str(tmp_path / "server.git")).versions == [("fraud", 1)]
    head = desk.repo.head()
    code = RefUpdate("refs/heads/main", head, "refs/heads/main", head)
    with desk.open() as project:
        url = "git@example.org:a.git"
        report = push_updates(project, [code], git_remote=url, git_url=url)
    assert report == PushReport(remote=folder), "nothing new is pushed"


def test_nothing_is_uploaded_before_the_person_said_yes(desk: Desk) -> None:
    desk.version(ONE)
    clone = desk.repo.clone("ben")
    ben = Desk(clone, desk.store)
    source = desk.repo.path / ".git/gitmodel"
    clone.git("config", "gitmodel.cache", str(source))

    assert refusal(UntrustedRemoteError, ben.push) == (
        f"{desk.store} is not trusted in this clone, so nothing was uploaded",
        "gitmodel remote trust; then git push",
    )
    assert stored(desk, "packs") == {}
    with ben.open() as project:
        assert trust_remote(project) == (str(desk.store), True)
        assert trust_remote(project) == (str(desk.store), False)
    assert ben.push().versions == [("fraud", 1)]


def test_an_unreachable_remote_says_when_to_push_again(desk: Desk, tmp_path: Path) -> None:
    desk.version(ONE)
    desk.store.rename(tmp_path / "gone")

    assert refusal(RemoteMissingError, desk.push) == (
        f"the folder {desk.store} does not exist",
        "mount it, or use another folder: gitmodel remote add PATH --replace; then git push",
    )


def test_a_mirror_gets_weights_and_no_claims(desk: Desk, tmp_path: Path) -> None:
    desk.version(ONE)
    with desk.open() as project:
        add_remote(project, str(tmp_path / "mirror"), name="backup")
        report = push_head(project, remote="backup")

    assert (report.versions, report.remote) == ([("fraud", 1)], str(tmp_path / "mirror"))
    assert not (tmp_path / "mirror/versions").exists()
    assert desk.push().versions == [("fraud", 1)], "the primary has a ledger of its own"


def test_a_push_of_tags_and_deletions(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("tag", "-a", "-m", "one", "v1")
    tag = desk.repo.head("v1")
    lines = f"refs/tags/v1 {tag} refs/tags/v1 {ZEROS}\n(delete) {ZEROS} refs/heads/old {tag}\n"

    with desk.open() as project:
        report = push_updates(
            project, read_updates(lines.encode()), git_remote="origin", git_url="/srv/a.git"
        )

    assert report.versions == [("fraud", 1)]


def test_hook_input_that_another_hook_has_read_means_head(desk: Desk) -> None:
    desk.version(ONE)

    with desk.open() as project:
        report = push_updates(project, (), git_remote="origin", git_url="/srv/a.git")

    assert report.versions == [("fraud", 1)]


def test_what_the_git_url_hides_is_not_written_to_the_store(desk: Desk) -> None:
    desk.version(ONE)
    url = "https://ana:token@example.org/a.git"

    with desk.open() as project:
        push_updates(project, updates(desk, "main"), git_remote=url, git_url=url)

    said = [json.loads(p.read_bytes())["url"] for p in (desk.store / "projects").rglob("*.json")]
    assert "https://example.org/a.git" in said
    assert not any("token" in text for text in said)


def test_claims_seen_raise_the_next_number(desk: Desk) -> None:
    desk.version(ONE)
    write_claim(desk, 1, TWO)
    with pytest.raises(VersionTakenError):
        desk.push()

    desk.repo.write("fraud.bin", THREE)
    assert desk.add().version == 2


def test_pointers_survive_as_text(desk: Desk) -> None:
    """What is committed is what was published: the claim and the pointer agree."""
    desk.version(ONE)
    desk.push()
    text = desk.repo.git("show", "HEAD:fraud.model.yaml").stdout

    assert Pointer.from_text(text, what="HEAD").digest == claim(desk, 1).digest


def test_two_projects_on_one_store_keep_their_numbers_apart(desk: Desk, tmp_path: Path) -> None:
    other = new_desk(tmp_path / "other", store=tmp_path / "elsewhere")
    text = other.repo.read(".gitmodel.yaml").decode().replace('"models"', '"others"')
    text = text.replace(str(tmp_path / "elsewhere"), str(desk.store))
    other.repo.write(".gitmodel.yaml", text)
    with other.open() as project:
        trust_remote(project)
    desk.version(ONE)
    other.version(TWO)

    desk.push()
    other.push()

    assert claims(desk) == ["fraud@1.yaml"]
    assert files_below(desk.store / "versions") == ["models/fraud@1.yaml", "others/fraud@1.yaml"]
