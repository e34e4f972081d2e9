"""`verify` finds every kind of damage and changes nothing; `doctor` proves that a clone works."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    MixedPointerError,
    ModelNameError,
    ObjectMissingError,
    RemoteMissingError,
    UnknownReferenceError,
    VersionTakenError,
)
from gitmodel.githooks.merge_driver import install_driver
from gitmodel.store.claims import claim_key
from gitmodel.workflows.doctor import Finding, doctor
from gitmodel.workflows.fetch import fetch
from gitmodel.workflows.verify import VerifyReport, verify_cache, verify_refs, verify_remote
from tests.support.desk import Desk, digest, kept_desk, refusal, short
from tests.support.stores import files_below, flip, some_bytes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ONE, TWO = some_bytes(100_000, seed=1), some_bytes(100_000, seed=2)


def publish_two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud, on the remote."""
    desk.version(ONE)
    desk.version(TWO)
    desk.push()


pushed = kept_desk(publish_two_versions)


def problems(report: VerifyReport) -> list[tuple[type[GitmodelError], str, str | None]]:
    return [(type(error), str(error), error.hint) for error in report.problems]


def remote(desk: Desk, *references: str, full: bool = False) -> VerifyReport:
    with desk.open() as project:
        return verify_remote(project, references, full=full)


def refs(desk: Desk, *ranges: str, full: bool = False) -> VerifyReport:
    with desk.open() as project:
        return verify_refs(project, ranges, full=full)


def pack_of(desk: Desk, content: bytes) -> Path:
    """The pack of a version on the remote."""
    with desk.open() as project:
        manifest = project.store().manifest(digest(content))
        assert manifest is not None
        (name,) = manifest.packs
    return desk.store / "packs" / name[:2] / name


def manifest_of(desk: Desk, content: bytes) -> Path:
    return desk.store / "manifests" / digest(content).hex[:2] / digest(content).hex


def test_a_sound_cache(pushed: Desk) -> None:
    with pushed.open() as project:
        report = verify_cache(project)

    assert (report.checked, report.bytes_read, report.problems, report.ok) == (
        1,
        len(TWO),
        [],
        True,
    )


def test_a_damaged_cache(pushed: Desk) -> None:
    flip(pushed.repo.path / ".git/gitmodel" / pack_of(pushed, TWO).relative_to(pushed.store), 5000)

    with pushed.open() as project:
        report = verify_cache(project)

    assert not report.ok
    ((kind, message, hint),) = problems(report)
    assert issubclass(kind, DamagedObjectError)
    assert message.startswith(
        f"fraud: pack {pack_of(pushed, TWO).name[:12]} in the cache is damaged: "
    )
    assert hint == "gitmodel fetch fraud; or, where its weights are: gitmodel add fraud.bin"
    with pushed.open() as project:
        assert fetch(project, ["fraud"]).fetched_packs == 1
        assert verify_cache(project).ok


def test_weights_that_the_cache_lacks_are_no_problem_of_the_cache(pushed: Desk) -> None:
    ben = pushed.join("ben")

    with ben.open() as project:
        assert verify_cache(project) == VerifyReport()


def test_a_broken_pointer_is_a_problem(pushed: Desk) -> None:
    text = pushed.repo.read("fraud.model.yaml")
    pushed.repo.write("fraud.model.yaml", text.replace(b"version: 2", b"version: 9"))

    with pushed.open() as project:
        report = verify_cache(project)

    assert [kind for kind, _, _ in problems(report)] == [MixedPointerError]


def test_a_sound_remote(pushed: Desk) -> None:
    assert remote(pushed) == VerifyReport(checked=1, packs=1)
    full = remote(pushed, "fraud@1", "fraud@2", full=True)
    assert (full.checked, full.ok) == (2, True)
    assert full.bytes_read == sum(pack_of(pushed, c).stat().st_size for c in (ONE, TWO))


def test_a_missing_manifest(pushed: Desk) -> None:
    manifest_of(pushed, TWO).unlink()
    expected = (
        ObjectMissingError,
        f"fraud: the weights of version 2 ({short(TWO)}) are not on {pushed.store}",
        "gitmodel push",
    )

    assert problems(remote(pushed)) == [expected]
    assert problems(refs(pushed, "HEAD")) == [expected]


def test_a_damaged_manifest(pushed: Desk) -> None:
    flip(manifest_of(pushed, TWO), 30)

    ((kind, message, hint),) = problems(remote(pushed))

    assert kind is DamagedObjectError
    assert message.startswith(f"fraud: the manifest of {short(TWO)} on {pushed.store} is damaged: ")
    assert hint == "gitmodel push"
    ((_, _, hint),) = problems(remote(pushed.join("ben")))
    assert hint == "gitmodel push, in a clone that has the weights"


def test_a_missing_pack(pushed: Desk) -> None:
    pack = pack_of(pushed, TWO)
    pack.unlink()
    expected = [
        (
            ObjectMissingError,
            f"fraud: pack {pack.name[:12]} is missing on {pushed.store}",
            "gitmodel push",
        )
    ]

    assert problems(remote(pushed)) == expected
    assert problems(refs(pushed, "HEAD")) == expected
    assert problems(remote(pushed, full=True)) == expected


def test_a_pack_that_was_cut_short(pushed: Desk) -> None:
    pack = pack_of(pushed, TWO)
    size = pack.stat().st_size
    pack.write_bytes(pack.read_bytes()[:-10])

    assert problems(remote(pushed)) == [
        (
            DamagedObjectError,
            (
                f"fraud: pack {pack.name[:12]} on {pushed.store} is damaged: "
                f"it has {size - 10:,} bytes instead of {size:,}"
            ),
            "gitmodel push",
        )
    ]


def test_an_altered_pack_is_found_by_reading_it(pushed: Desk) -> None:
    pack = pack_of(pushed, TWO)
    flip(pack, 5000)

    assert remote(pushed).ok, "its size is as it was"
    assert problems(remote(pushed, full=True)) == [
        (
            DamagedObjectError,
            (
                f"fraud: pack {pack.name[:12]} on {pushed.store} is damaged: "
                "its bytes do not match its name"
            ),
            "gitmodel push",
        )
    ]
    ((_, _, hint),) = problems(remote(pushed.join("ben"), full=True))
    assert hint == "gitmodel push --full, in a clone that has the weights"


def test_a_pointer_with_another_size_than_the_weights(pushed: Desk) -> None:
    """Everyone who fetches it would be refused, so CI refuses it first."""
    pushed.repo.write("fraud.model.yaml", replace(pushed.pointer(), size=5).to_text())
    pushed.repo.commit("a wrong size")
    expected = (
        DamagedObjectError,
        "fraud: the manifest lists 100,000 bytes, but the pointer states 5",
        "gitmodel push",
    )

    assert problems(remote(pushed)) == [expected]
    assert problems(refs(pushed, "HEAD")) == [expected]


def test_a_manifest_that_leads_elsewhere_is_found_by_decoding_it(pushed: Desk) -> None:
    """Seal, digest and packs are right; the chunks are version 1's. Sizes show nothing of it."""
    with pushed.open() as project:
        one, two = (project.store().manifest(digest(content)) for content in (ONE, TWO))
        assert one is not None
        assert two is not None
        file = replace(two.files[0], count=one.files[0].count)
        manifest_of(pushed, TWO).write_bytes(
            replace(one, digest=two.digest, files=(file,)).to_bytes()
        )
    assert remote(pushed).ok

    for report in (remote(pushed, full=True), refs(pushed, "HEAD", full=True)):
        ((kind, message, hint),) = problems(report)
        assert kind is DamagedObjectError
        assert message.startswith(
            f"fraud: the manifest of version 2 ({short(TWO)}) on {pushed.store} does not match its weights"
        )
        assert hint == "gitmodel push"
    pushed.push()
    assert remote(pushed, full=True).ok


def test_what_was_found_missing_counts_as_unpublished_until_it_is_there_again(pushed: Desk) -> None:
    blob = pushed.repo.head("HEAD:fraud.model.yaml")
    with pushed.open() as project:
        assert project.ledger().knows(blob)
    pack = pack_of(pushed, TWO)
    pack.unlink()
    remote(pushed)

    with pushed.open() as project:
        ledger = project.ledger()
        assert not ledger.knows(blob)
        assert not ledger.has_stored(digest(TWO))
        assert ledger.holes() == ["fraud@2"]
    pushed.push()
    assert pack.exists()
    with pushed.open() as project:
        assert project.ledger().knows(blob)
        assert project.ledger().holes() == []


def test_a_remote_that_cannot_be_used_is_an_error_and_no_problem(
    pushed: Desk, tmp_path: Path
) -> None:
    pushed.store.rename(tmp_path / "gone")
    expected = (
        f"the folder {pushed.store} does not exist",
        "mount it, or use another folder: gitmodel remote add PATH --replace",
    )

    assert refusal(RemoteMissingError, lambda: remote(pushed)) == expected
    assert refusal(RemoteMissingError, lambda: refs(pushed, "HEAD")) == expected


def test_all_versions_of_a_range(pushed: Desk) -> None:
    assert refs(pushed, "HEAD") == VerifyReport(checked=1, packs=1)
    assert refs(pushed, "HEAD~2..HEAD") == VerifyReport(checked=2, packs=2)
    assert refs(pushed, "HEAD~2...HEAD").checked == 2
    manifest_of(pushed, ONE).unlink()
    assert refs(pushed, "HEAD").ok
    assert not refs(pushed, "HEAD~2..HEAD").ok


def test_unknown_revisions(pushed: Desk) -> None:
    for text in ("nowhere", "nowhere..HEAD", "HEAD..nowhere"):
        assert refusal(UnknownReferenceError, lambda text=text: refs(pushed, text)) == (  # type: ignore[misc]
            f"Git knows no revision {text!r}",
            "git log",
        )


def test_a_mixed_pointer_in_a_commit(pushed: Desk) -> None:
    text = pushed.repo.read("fraud.model.yaml")
    pushed.repo.write("fraud.model.yaml", text.replace(b"version: 2", b"version: 9"))
    commit = pushed.repo.commit("mixed")

    ((kind, message, _),) = problems(refs(pushed, "HEAD"))

    assert kind is MixedPointerError
    assert message.startswith(f"fraud: fraud.model.yaml in commit {commit[:10]}: ")


def test_a_copied_pointer(pushed: Desk) -> None:
    """A copy is the same blob, so looking at blobs alone would not see it."""
    pushed.repo.write("copy/fraud.model.yaml", pushed.repo.read("fraud.model.yaml"))
    pushed.repo.commit("copy")

    assert problems(refs(pushed, "HEAD")) == [
        (
            ModelNameError,
            "two pointers are called fraud: copy/fraud.model.yaml and fraud.model.yaml",
            "gitmodel mv --pointer fraud.model.yaml NEW_NAME",
        )
    ]


def test_a_model_that_moved_between_two_tips_is_one_model(pushed: Desk) -> None:
    from gitmodel.workflows.mv import rename_model

    pushed.repo.git("branch", "before")
    with pushed.open() as project:
        rename_model(project, "fraud", path="models/fraud.bin")
    pushed.repo.commit("move")

    assert refs(pushed, "before", "HEAD").ok


def test_a_version_that_was_pushed_without_the_hooks(pushed: Desk) -> None:
    (pushed.store / claim_key("models", "fraud", 2)).unlink()

    assert problems(refs(pushed, "HEAD")) == [
        (
            ObjectMissingError,
            f"fraud: version 2 is not claimed on {pushed.store}: it was pushed without the hooks",
            "gitmodel push, in a clone that has the weights",
        )
    ]


def test_a_number_that_belongs_to_other_content(pushed: Desk) -> None:
    path = pushed.store / claim_key("models", "fraud", 2)
    path.write_text(path.read_text().replace(str(digest(TWO)), str(digest(ONE))))

    assert problems(refs(pushed, "HEAD")) == [
        (
            VersionTakenError,
            (
                f"fraud: version 2 belongs to other content: fraud@2 is {short(ONE)}, claimed by "
                "Ana <ana@example.org> on 2026-03-01T12:00:00Z"
            ),
            "gitmodel renumber fraud --commit",
        )
    ]


def test_a_claim_that_cannot_be_read(pushed: Desk) -> None:
    path = pushed.store / claim_key("models", "fraud", 2)
    path.write_text("nonsense")

    ((kind, message, hint),) = problems(refs(pushed, "HEAD"))

    assert kind is DamagedObjectError
    assert message == f"fraud: {path} is not a claim"
    assert hint == "gitmodel push, in a clone that has pushed this version"


def test_verifying_changes_nothing(pushed: Desk) -> None:
    flip(pack_of(pushed, TWO), 5000)
    manifest_of(pushed, ONE).unlink()
    before = files_below(pushed.store), files_below(pushed.repo.path / ".git/gitmodel/packs")

    remote(pushed, full=True)
    refs(pushed, "HEAD~2..HEAD")

    assert (
        files_below(pushed.store),
        files_below(pushed.repo.path / ".git/gitmodel/packs"),
    ) == before


HOOKS = {"pre-commit": "ours", "pre-push": "ours"}


def findings(
    desk: Desk, hooks: dict[str, str] | None = None, *, driver: bool = True
) -> dict[str, Finding]:
    with desk.open() as project:
        if driver:
            install_driver(project, sys.executable)
        found = doctor(project, hooks=HOOKS if hooks is None else hooks)
    return {finding.title: finding for finding in found}


def wrong(found: dict[str, Finding]) -> dict[str, tuple[str, str | None]]:
    return {f.title: (f.detail, f.hint) for f in found.values() if not f.ok}


def test_a_healthy_clone(pushed: Desk) -> None:
    found = findings(pushed)

    assert wrong(found) == {}
    assert list(found) == [
        "programs",
        "cutting",
        "planes and deltas",
        "set-up",
        "hooks",
        "attributes",
        "merge driver",
        "cache",
        "pointers",
        "trust of primary",
        "permissions of primary",
        "remote primary",
    ]
    assert found["pointers"].detail == "1 read"
    assert found["remote primary"].detail == (
        f"{pushed.store} can be read and written, creates exclusively"
    )
    assert (
        not (pushed.store / "gc/probes").exists() or files_below(pushed.store / "gc/probes") == []
    )


def test_what_is_wrong_is_found_with_what_to_do(pushed: Desk, tmp_path: Path) -> None:
    folder = pushed.repo.path / ".git/hooks"
    pushed.repo.git("rm", "-q", ".gitattributes")
    pushed.repo.write("copy/fraud.model.yaml", pushed.repo.read("fraud.model.yaml"))
    pushed.repo.git("add", "copy")
    pushed.repo.git("config", "--unset-all", "gitmodel.trust")
    pushed.store.rename(tmp_path / "gone")

    assert wrong(findings(pushed, {"pre-commit": "absent", "pre-push": "ours"}, driver=False)) == {
        "hooks": (f"pre-commit is absent in {folder}", "gitmodel install"),
        "attributes": (
            (
                ".gitattributes has no line for *.model.yaml, *.alias.yaml, "
                "*.deprecated.yaml, .gitignore"
            ),
            "gitmodel install",
        ),
        "merge driver": (
            "Git merges pointers line by line: merge.gitmodel.driver is not set in this clone",
            "gitmodel install",
        ),
        "pointers": (
            "two pointers are called fraud: copy/fraud.model.yaml and fraud.model.yaml",
            "gitmodel mv --pointer fraud.model.yaml NEW_NAME",
        ),
        "trust of primary": (
            f"nothing is uploaded to {pushed.store}",
            "gitmodel remote trust",
        ),
        "remote primary": (
            f"the folder {pushed.store} does not exist",
            "mount it, or use another folder: gitmodel remote add PATH --replace",
        ),
    }


def test_a_driver_that_does_not_start_gitmodel_is_found(pushed: Desk) -> None:
    pushed.repo.git("config", "merge.gitmodel.driver", "git merge-file %A %O %B; exit 7")

    assert wrong(findings(pushed, driver=False)) == {
        "merge driver": (
            "the merge driver of this clone does not start gitmodel (it ended with 7)",
            "gitmodel install",
        )
    }


def test_a_broken_pointer_is_named(pushed: Desk) -> None:
    pushed.repo.write("bad.model.yaml", "nonsense")
    pushed.repo.git("add", "bad.model.yaml")

    ((detail, hint),) = wrong(findings(pushed)).values()

    assert detail.startswith("bad.model.yaml: ")
    assert not detail.startswith("bad.model.yaml: bad.model.yaml")
    assert hint is None or hint


def test_a_repository_that_is_not_set_up(tmp_path: Path) -> None:
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")

    assert wrong(findings(desk)) == {
        "set-up": ("this repository has no .gitmodel.yaml yet", "gitmodel init [URL]")
    }


def test_without_network_no_remote_is_asked(pushed: Desk, tmp_path: Path) -> None:
    pushed.store.rename(tmp_path / "gone")

    with pushed.open() as project:
        titles = [f.title for f in doctor(project, hooks={}, network=False)]

    assert "remote primary" not in titles
    assert titles[-2:] == ["trust of primary", "permissions of primary"]
