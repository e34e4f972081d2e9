"""A push looks instead of believing: what is missing or damaged on the remote is put right, or named."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError, PointerError
from gitmodel.store.claims import Claim, claim_key
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import MARKER_KEY
from gitmodel.workflows.fetch import fetch
from gitmodel.workflows.push import push_head
from gitmodel.workflows.remote import add_remote
from gitmodel.workflows.verify import verify_remote
from tests.support.desk import Desk, kept_desk, refusal, short
from tests.support.models import model, perturbed
from tests.support.repo import Repo
from tests.support.stores import flip, some_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.workflows.publish import PushReport

pytestmark = pytest.mark.slow

WEIGHTS = "fraud.safetensors"
ONE = model(seed=1, size=60_000)
TWO, THREE = perturbed(ONE, seed=2), perturbed(ONE, seed=3)


def publish_two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud are on the remote and on a Git remote; 2 is stored against 1."""
    server = Repo.create(desk.store.with_name("server.git"), "--bare")
    desk.repo.git("remote", "add", "origin", str(server.path))
    for content in (ONE, TWO):
        desk.version(content, WEIGHTS)
        desk.push()
    desk.repo.git("push", "-q", "-u", "origin", "main")


ana = kept_desk(publish_two_versions)


@pytest.fixture
def ben(ana: Desk) -> Desk:
    """A clone with the newest version alone in its cache and work tree."""
    clone = Repo(ana.store.with_name("server.git")).clone("ben")
    desk = Desk(clone, ana.store)
    from gitmodel.workflows.checkout import checkout
    from gitmodel.workflows.init import init

    with desk.open() as project:
        init(project)
        checkout(project)
    return desk


def manifest(desk: Desk, content: bytes) -> Manifest:
    with desk.open() as project:
        found = project.store().manifest(digest_of(content))
    assert found is not None
    return found


def only_in(desk: Desk, content: bytes, but: bytes) -> Path:
    """A pack on the remote that one version has and another has not."""
    (name,) = set(manifest(desk, content).packs) - set(manifest(desk, but).packs)
    return desk.store / pack_key(name)


def shared(desk: Desk) -> Path:
    """The pack of version 1, which holds the bases of version 2."""
    (name,) = set(manifest(desk, ONE).packs) & set(manifest(desk, TWO).packs)
    return desk.store / pack_key(name)


def forget(desk: Desk) -> None:
    """The clone has lost what it remembers of remotes."""
    shutil.rmtree(desk.repo.path / ".git/gitmodel/ledger")


def fetched(desk: Desk, *contents: bytes) -> bool:
    """Whether a clone with an empty cache reads exactly these contents from the remote."""
    folder = desk.repo.path.with_name("reader")
    shutil.rmtree(folder, ignore_errors=True)
    desk.repo.clone(folder)
    reader = Desk(Repo(folder), desk.store)
    names = [digest_of(content).hex for content in contents]
    with reader.open() as project:
        fetch(project, [f"fraud@blake3:{name}" for name in names])
    with reader.open() as project:
        return all(project.cache.holds_sound(digest_of(content)) for content in contents)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def push_full(desk: Desk) -> PushReport:
    with desk.open() as project:
        return push_head(project, full=True)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), cut], ids=["missing", "cut"])
def test_a_new_version_is_not_built_upon_a_damaged_base(
    ana: Desk, damage: Callable[[Path], None]
) -> None:
    """Version 3 is stored against version 1, which this clone knows to have pushed."""
    damage(shared(ana))
    ana.version(THREE, WEIGHTS)

    ana.push()

    assert fetched(ana, ONE, TWO, THREE)


def test_an_explicit_push_looks_at_every_version_of_history(ana: Desk) -> None:
    only_in(ana, TWO, ONE).unlink()
    (ana.store / manifest_key(digest_of(ONE))).unlink()

    report = ana.push()

    assert (report.versions, report.holes) == ([("fraud", 1), ("fraud", 2)], [])
    assert report.packs == 1
    assert fetched(ana, ONE, TWO)
    assert ana.push().packs == 0


def test_what_the_cache_lost_is_stored_again_from_the_work_tree(ana: Desk) -> None:
    pack = only_in(ana, TWO, ONE)
    pack.unlink()
    (ana.repo.path / ".git/gitmodel" / pack.relative_to(ana.store)).unlink()

    assert ana.push().holes == []

    assert fetched(ana, ONE, TWO)


def test_what_nobody_here_has_is_named_with_who_needs_it(ben: Desk, ana: Desk) -> None:
    pack = only_in(ana, TWO, ONE)
    pack.unlink()
    (ben.repo.path / ".git/gitmodel" / pack.relative_to(ana.store)).unlink()
    (ben.repo.path / WEIGHTS).unlink()

    message, hint = refusal(ObjectMissingError, ben.push)

    assert message == (
        f"fraud: version 2 ({short(TWO)}) needs pack {pack.name[:12]}, which is missing on "
        f"{ana.store}, and this clone does not have it"
    )
    assert hint == (
        "gitmodel push, in a clone that has the weights, such as that of Ana <ana@example.org>"
    )


def test_versions_that_this_clone_cannot_mend_are_named_and_stop_nothing(
    ben: Desk, ana: Desk
) -> None:
    (ana.store / manifest_key(digest_of(ONE))).unlink()

    report = ben.push()

    assert report.versions == [("fraud", 2)]
    assert [hole.version for hole in report.holes] == ["fraud@1"]
    assert "neither in the cache nor on" in report.holes[0].problem
    with ben.open() as project:
        assert project.ledger().holes() == ["fraud@1"]
    ana.push()
    assert ben.push().holes == []
    with ben.open() as project:
        assert project.ledger().holes() == []


def test_a_mirror_gives_what_this_clone_lacks(ben: Desk, ana: Desk, tmp_path: Path) -> None:
    with ana.open() as project:
        add_remote(project, str(tmp_path / "mirror"), name="backup")
        push_head(project, remote="backup")
    ana.repo.commit("a mirror")
    ana.repo.git("push", "-q")
    ben.repo.git("pull", "-q")
    for path in ana.store.glob("packs/*/*"):
        path.unlink()

    assert ben.push().holes == []

    assert fetched(ana, ONE, TWO)


@pytest.mark.parametrize("ledger", ["kept", "lost"])
@pytest.mark.parametrize("kind", ["manifest", "claim", "marker"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's"])
def test_a_damaged_small_object_is_written_anew(
    ana: Desk, kind: str, damage: str, ledger: str
) -> None:
    """It refuses no push for ever, whatever this clone remembers."""
    keys = {
        "manifest": (manifest_key(digest_of(TWO)), manifest_key(digest_of(ONE))),
        "claim": (claim_key("models", "fraud", 2), claim_key("models", "fraud", 1)),
        "marker": (MARKER_KEY, claim_key("models", "fraud", 1)),
    }
    path, other = (ana.store / key for key in keys[kind])
    if damage == "cut":
        cut(path)
        cut(path)
    elif damage == "flipped":
        flip(path, 3, 0x80)
    else:
        path.write_bytes(b"" if damage == "empty" else other.read_bytes())
    if ledger == "lost":
        forget(ana)

    ana.push()
    ana.version(THREE, WEIGHTS)
    ana.push()

    assert fetched(ana, ONE, TWO, THREE)
    for number, content in enumerate((ONE, TWO, THREE), start=1):
        raw = (ana.store / claim_key("models", "fraud", number)).read_bytes()
        claim = Claim.from_text(raw, what="claim")
        assert (claim.version, claim.digest) == (number, digest_of(content))
    assert json.loads((ana.store / MARKER_KEY).read_bytes())["format"] == 1


def test_a_damaged_claim_is_not_given_to_somebody_who_has_not_pushed_the_number(ana: Desk) -> None:
    """Perhaps it is a colleague's, whose commit this clone has not seen."""
    ana.version(THREE, WEIGHTS)
    path = ana.store / claim_key("models", "fraud", 3)
    path.write_bytes(b"nonsense")

    message, hint = refusal(DamagedObjectError, ana.push)

    assert message == (f"fraud: {path} is not a claim, so the owner of version 3 is unknown")
    assert hint is not None
    assert "gitmodel renumber fraud --commit, then git push" in hint
    assert path.read_bytes() == b"nonsense"


def test_an_object_that_is_no_marker_is_not_overwritten_where_nothing_of_ours_is(
    desk: Desk,
) -> None:
    desk.version(ONE, WEIGHTS)
    (desk.store / MARKER_KEY).write_bytes(b"somebody's own")
    (desk.repo.path / ".git/gitmodel/ledger").mkdir(exist_ok=True)
    forget(desk)

    _, hint = refusal(DamagedObjectError, desk.push)

    assert hint is not None
    assert "take that object away" in hint
    assert (desk.store / MARKER_KEY).read_bytes() == b"somebody's own"


def test_a_damaged_manifest_stays_where_the_cache_cannot_prove_another(
    ben: Desk, ana: Desk
) -> None:
    path = ana.store / manifest_key(digest_of(TWO))
    flip(path, 30)
    damaged = path.read_bytes()
    for pack in (ben.repo.path / ".git/gitmodel/packs").glob("*/*"):
        flip(pack, 200)
    (ben.repo.path / WEIGHTS).unlink()
    for pack in ana.store.glob("packs/*/*"):
        flip(pack, 200)

    with pytest.raises(GitmodelError):
        ben.push()

    assert path.read_bytes() == damaged


def test_a_sound_manifest_with_another_chunk_list_is_replaced(ana: Desk) -> None:
    """Its digest, its packs and its seal are right; only the chunks are another version's."""
    from dataclasses import replace

    one, two = manifest(ana, ONE), manifest(ana, TWO)
    assert one.total_size == two.total_size
    forged = replace(
        one, digest=two.digest, files=(replace(two.files[0], count=one.files[0].count),)
    )
    path = ana.store / manifest_key(two.digest)
    path.write_bytes(forged.to_bytes())
    forget(ana)

    ana.push()

    assert manifest(ana, TWO).chunk_list() == two.chunk_list()
    assert fetched(ana, TWO)


def test_damage_that_sizes_do_not_show_is_mended_by_a_full_push(ana: Desk) -> None:
    flip(shared(ana), 500)
    assert ana.push().packs == 0

    assert push_full(ana).packs == 1

    assert fetched(ana, ONE, TWO)
    assert push_full(ana).packs == 0


def test_what_a_full_verify_found_is_mended_by_the_next_push(ana: Desk) -> None:
    flip(shared(ana), 500)
    with ana.open() as project:
        report = verify_remote(project, full=True)
    assert [error.hint for error in report.problems] == ["gitmodel push"]

    assert ana.push().packs == 1

    assert fetched(ana, ONE, TWO)
    with ana.open() as project:
        assert verify_remote(project, full=True).ok
        assert project.ledger().bad() == frozenset()


def test_a_pointer_whose_size_is_wrong_is_not_published(ana: Desk) -> None:
    from dataclasses import replace

    text = replace(ana.pointer("fraud.model.yaml"), size=5).to_text()
    ana.repo.write("fraud.model.yaml", text)
    commit = ana.repo.commit("a wrong size")

    assert refusal(PointerError, ana.push) == (
        (
            f"fraud: fraud.model.yaml in commit {commit[:10]} states 5 bytes, but the weights "
            f"{short(TWO)} have {len(TWO):,}"
        ),
        f"set size: {len(TWO)} in fraud.model.yaml, and commit it",
    )


def test_a_push_with_much_damage_in_the_cache_ends(desk: Desk) -> None:
    big = some_bytes(40_000_000)
    desk.version(big, "big.bin")
    packs = sorted((desk.repo.path / ".git/gitmodel/packs").glob("*/*"))
    assert len(packs) > 3
    for pack in packs:
        flip(pack, 100)

    assert desk.push().packs == len(packs)
    with desk.open() as project:
        assert verify_remote(project, full=True).ok
