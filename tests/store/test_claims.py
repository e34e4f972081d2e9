"""Claims: of all who want a version number exactly one gets it, and everybody learns who."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import digest_of
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.errors import DamagedObjectError, ObjectMissingError, RemoteUnreachableError
from gitmodel.store.claims import (
    Claim,
    claim_key,
    claim_version,
    copy_claim,
    list_claims,
    read_claim,
)
from gitmodel.store.objects import ObjectStore
from tests.support.stores import WrappedBackend, remote_at
from tests.support.strategies import digests, names, texts, versions

if TYPE_CHECKING:
    from pathlib import Path

CLAIM = Claim(
    name="team/fraud",
    version=7,
    digest=digest_of(b"seven"),
    by="Ana <ana@example.org>",
    at="2026-01-02T03:04:05Z",
    commit="ab" * 20,
    ref="refs/heads/main",
    run_id="8f14e45fceea",
)
OTHER = replace(CLAIM, digest=digest_of(b"other"), by="Ben <ben@example.org>")
claims = st.builds(
    Claim,
    name=names,
    version=versions,
    digest=digests,
    by=texts,
    at=texts,
    commit=texts,
    ref=texts,
    run_id=texts,
)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return remote_at(tmp_path / "remote")


@given(claims)
def test_a_claim_reads_back_as_it_was_written(claim: Claim) -> None:
    assert Claim.from_text(claim.to_text().encode(), what="x") == claim


def test_the_text_is_this_one() -> None:
    assert CLAIM.to_text() == (
        'name: "team/fraud"\n'
        "version: 7\n"
        f'digest: "{CLAIM.digest}"\n'
        'by: "Ana <ana@example.org>"\n'
        'at: "2026-01-02T03:04:05Z"\n'
        f'commit: "{"ab" * 20}"\n'
        'ref: "refs/heads/main"\n'
        'run_id: "8f14e45fceea"\n'
    )
    assert str(CLAIM) == (
        f"team/fraud@7 is {CLAIM.digest.short}, claimed by Ana <ana@example.org> "
        "on 2026-01-02T03:04:05Z (run 8f14e45fceea)"
    )
    assert claim_key("shop", "team/fraud", 7) == "versions/shop/team/fraud@7.yaml"


def test_a_free_number_has_no_claim(store: ObjectStore) -> None:
    assert read_claim(store, "shop", "team/fraud", 7) is None


def test_a_claimed_number_says_whose_it_is(store: ObjectStore) -> None:
    assert claim_version(store, "shop", CLAIM) == CLAIM

    assert read_claim(store, "shop", "team/fraud", 7) == CLAIM
    assert claim_version(store, "shop", OTHER) == CLAIM
    assert read_claim(store, "shop", "team/fraud", 7) == CLAIM


def test_claiming_again_for_the_same_content_is_fine(store: ObjectStore) -> None:
    """Somebody else pushed the same weights, or we did, in an earlier try."""
    claim_version(store, "shop", CLAIM)
    again = replace(CLAIM, by="Ben <ben@example.org>", at="2026-02-02T00:00:00Z")

    assert claim_version(store, "shop", again).digest == CLAIM.digest
    assert claim_version(store, "shop", again).by == CLAIM.by


def test_projects_models_and_versions_do_not_meet(store: ObjectStore) -> None:
    claim_version(store, "shop", CLAIM)
    for project, claim in (
        ("other", OTHER),
        ("shop", replace(OTHER, version=8)),
        ("shop", replace(OTHER, name="fraud")),
    ):
        assert claim_version(store, project, claim) == claim


@pytest.mark.parametrize("turn", range(5))
def test_of_eight_racers_exactly_one_owns_the_number(tmp_path: Path, turn: int) -> None:
    racers = [
        replace(CLAIM, digest=digest_of(bytes([number])), by=f"racer {number}")
        for number in range(8)
    ]
    owners: list[Claim | None] = [None] * 8
    gate = threading.Barrier(8)

    def race(number: int) -> None:
        store = remote_at(tmp_path / f"remote-{turn}")
        gate.wait()
        owners[number] = claim_version(store, "shop", racers[number])

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(owners)) == 1
    assert owners[0] in racers
    assert read_claim(remote_at(tmp_path / f"remote-{turn}"), "shop", CLAIM.name, 7) == owners[0]


def test_a_lost_answer_is_an_error_and_claiming_again_is_success(store: ObjectStore) -> None:
    """The claim was stored, the connection then failed for good: the next push finds its own."""

    class LosesAnswer(WrappedBackend):
        def create(self, key: str, data: bytes | memoryview) -> bool:
            self.inner.create(key, data)
            raise RemoteUnreachableError("no answer")

    with pytest.raises(RemoteUnreachableError):
        claim_version(ObjectStore(LosesAnswer(store.backend)), "shop", CLAIM)
    assert claim_version(store, "shop", replace(CLAIM, at="later")) == CLAIM


def test_one_s_own_claim_is_read_back_where_a_store_calls_it_a_loss(store: ObjectStore) -> None:
    class LostRace(WrappedBackend):
        def create(self, key: str, data: bytes | memoryview) -> bool:
            self.inner.create(key, data)
            return False

    assert claim_version(ObjectStore(LostRace(store.backend)), "shop", CLAIM) == CLAIM


def test_a_claim_that_vanishes_before_it_is_read_is_claimed_again(store: ObjectStore) -> None:
    backend = WrappedBackend(store.backend)
    store.backend.create(claim_key("shop", CLAIM.name, 7), OTHER.to_text().encode())
    backend.before = lambda method, key: store.backend.delete(key) if method == "read" else None

    assert claim_version(ObjectStore(backend), "shop", CLAIM) == CLAIM
    assert read_claim(store, "shop", CLAIM.name, 7) == CLAIM


def test_a_number_that_is_taken_by_nobody_knows_whom_is_not_ours(store: ObjectStore) -> None:
    """Success must not be assumed: the store says the number is taken, and shows no claim."""

    class Hiding(WrappedBackend):
        def create(self, key: str, data: bytes | memoryview) -> bool:  # noqa: ARG002
            return False

    with pytest.raises(ObjectMissingError):
        claim_version(ObjectStore(Hiding(store.backend)), "shop", CLAIM)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>log in</html>",
        b"version: 7\n",
        CLAIM.to_text().replace("version: 7", 'version: "7"').encode(),
        CLAIM.to_text().replace("version: 7", "version: true").encode(),
        CLAIM.to_text().replace("blake3:", "sha256:").encode(),
        CLAIM.to_text().encode()[:60],
        b"x" * (MAX_TEXT_BYTES + 1),
    ],
)
def test_what_is_not_a_claim_is_damage_and_never_free(store: ObjectStore, raw: bytes) -> None:
    store.backend.write(claim_key("shop", CLAIM.name, 7), raw)

    with pytest.raises(DamagedObjectError):
        read_claim(store, "shop", CLAIM.name, 7)
    with pytest.raises(DamagedObjectError):
        claim_version(store, "shop", CLAIM)
    assert store.backend.read(claim_key("shop", CLAIM.name, 7), limit=1 << 20) == raw


@given(st.binary(max_size=200))
def test_only_damage_comes_out_of_garbage(raw: bytes) -> None:
    with pytest.raises(DamagedObjectError):
        Claim.from_text(raw, what="x")


def test_a_name_that_is_not_utf_8_does_not_keep_a_claim_from_being_written_and_read() -> None:
    claim = replace(CLAIM, by="J\udcf6rg <j@example.org>", ref="refs/heads/\udcff")

    back = Claim.from_text(claim.to_text().encode(), what="claim")

    assert back == replace(CLAIM, by="J?rg <j@example.org>", ref="refs/heads/?")


def test_a_claim_with_keys_of_a_later_gitmodel_can_be_read() -> None:
    assert Claim.from_text(CLAIM.to_text().encode() + b"later: {x: 1}\n", what="x") == CLAIM


def test_claims_are_listed_and_copied_as_they_are_and_never_overwritten(
    store: ObjectStore, tmp_path: Path
) -> None:
    target = remote_at(tmp_path / "target")
    raw = CLAIM.to_text().encode() + b"later: {x: 1}\n"
    store.backend.create(claim_key("shop", CLAIM.name, 7), raw)
    claim_version(store, "shop", replace(OTHER, version=8))
    claim_version(store, "other", CLAIM)
    claim_version(target, "shop", replace(CLAIM, version=8))

    assert sorted(list_claims(store, "shop")) == [(CLAIM.name, 7), (CLAIM.name, 8)]
    assert copy_claim(store, target, "shop", CLAIM.name, 7) == (CLAIM, CLAIM, True)
    assert copy_claim(store, target, "shop", CLAIM.name, 7) == (CLAIM, CLAIM, False)
    mine, owner, new = copy_claim(store, target, "shop", CLAIM.name, 8)
    assert (mine.digest, owner.digest, new) == (OTHER.digest, CLAIM.digest, False)
    key = claim_key("shop", CLAIM.name, 7)
    assert target.backend.read(key, limit=MAX_TEXT_BYTES) == raw


@pytest.mark.parametrize(
    "key", ["x@1", "A@1.yaml", "con@1.yaml", "x@-1.yaml", "@1.yaml", "x@1e5.yaml"]
)
def test_keys_that_no_claim_has_are_passed_over(store: ObjectStore, key: str) -> None:
    claim_version(store, "shop", CLAIM)
    store.backend.write(f"versions/shop/{key}", b"x")

    found = set(list_claims(store, "shop"))

    assert found - {("x", 1)} == {(CLAIM.name, CLAIM.version)}


def test_the_claim_of_another_version_in_its_place_is_damage(store: ObjectStore) -> None:
    store.backend.create(claim_key("shop", CLAIM.name, 9), CLAIM.to_text().encode())

    with pytest.raises(DamagedObjectError, match="is the claim of"):
        read_claim(store, "shop", CLAIM.name, 9)
