"""`checkout` and `fetch`: everything is had before anything is placed, and nothing unsaved is lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteMissingError,
    UnsavedWeightsError,
    UsageError,
)
from gitmodel.files.temporary_names import PREFIX
from gitmodel.project.fetching.session import CheckedOut, CheckoutReport
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.fetch import fetch
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.push import push_head
from gitmodel.workflows.remote import add_remote
from gitmodel.workflows.sync_worktree import SyncReport, sync_worktree
from tests.support.desk import Desk, digest, kept_desk, refusal, short
from tests.support.models import write_folder
from tests.support.stores import files_below, flip, some_bytes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def bring(
    desk: Desk, *references: str, out: str | None = None, force: bool = False
) -> CheckoutReport:
    with desk.open() as project:
        return checkout(project, references, out=out, force=force)


def lose_cache(desk: Desk) -> None:
    """What a fresh clone has: pointers, and nothing in the cache."""
    import shutil

    for kind in ("packs", "manifests"):
        shutil.rmtree(desk.repo.path / ".git/gitmodel" / kind)


def cached_pack(desk: Desk) -> Path:
    (pack,) = (desk.repo.path / ".git/gitmodel/packs").glob("*/*")
    return pack


def leftovers(desk: Desk) -> list[str]:
    return [name for name in files_below(desk.repo.path) if PREFIX in name]


def publish_two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud, committed and published."""
    desk.version(ONE)
    desk.version(TWO)
    desk.push()


two_versions = kept_desk(publish_two_versions)


def test_a_version_brings_weights_and_pointer(two_versions: Desk) -> None:
    report = bring(two_versions, "fraud@1")

    assert report == CheckoutReport(
        placed=[CheckedOut("fraud", 1, "fraud.bin", len(ONE), changed=True)]
    )
    assert two_versions.repo.read("fraud.bin") == ONE
    assert two_versions.pointer() == two_versions.committed(revision="HEAD~1")
    assert two_versions.staged() == ["fraud.model.yaml"]


def test_what_is_there_is_left_alone(two_versions: Desk) -> None:
    before = os.stat(two_versions.repo.path / "fraud.bin")

    report = bring(two_versions)

    assert report.placed == [CheckedOut("fraud", 2, "fraud.bin", len(TWO), changed=False)]
    after = os.stat(two_versions.repo.path / "fraud.bin")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_fresh_clone_fetches_each_pack_once(two_versions: Desk) -> None:
    ben = two_versions.join("ben")

    first = bring(ben)
    second = bring(ben)

    assert (first.fetched_packs, first.placed) == (
        1,
        [CheckedOut("fraud", 2, "fraud.bin", len(TWO), changed=True)],
    )
    assert (second.fetched_packs, second.fetched_bytes) == (0, 0)
    assert ben.repo.read("fraud.bin") == TWO


def test_two_versions_of_one_model_are_refused(two_versions: Desk) -> None:
    assert refusal(UsageError, lambda: bring(two_versions, "fraud@1", "fraud@2")) == (
        "fraud can have one version at a time, not 1 and 2",
        "gitmodel checkout NAME@VERSION --out DIR, for one of them",
    )
    assert two_versions.repo.read("fraud.bin") == TWO


def test_unsaved_weights_are_kept(two_versions: Desk) -> None:
    two_versions.repo.write("fraud.bin", THREE)

    assert refusal(UnsavedWeightsError, lambda: bring(two_versions)) == (
        "fraud: fraud.bin has changes that are stored nowhere else",
        "keep them: gitmodel add fraud.bin; or overwrite them: gitmodel checkout --force fraud",
    )
    assert two_versions.repo.read("fraud.bin") == THREE
    bring(two_versions, "fraud", force=True)
    assert two_versions.repo.read("fraud.bin") == TWO


def test_weights_that_only_the_remote_has_are_saved(two_versions: Desk) -> None:
    lose_cache(two_versions)

    bring(two_versions, "fraud@1")

    assert two_versions.repo.read("fraud.bin") == ONE


def test_a_registered_version_that_was_never_committed_is_not_overwritten(
    two_versions: Desk,
) -> None:
    """Its weights are in the cache, but only its pointer says which and how good they are."""
    two_versions.add(content=THREE, metrics=["auc=0.99"])

    assert refusal(UnsavedWeightsError, lambda: bring(two_versions, "fraud@1")) == (
        "fraud: fraud.model.yaml has uncommitted changes",
        "keep them: git commit; or overwrite them: gitmodel checkout --force fraud@1",
    )
    assert two_versions.pointer().version == 3
    bring(two_versions, "fraud@1", force=True)
    assert two_versions.pointer().version == 1


def test_one_unsaved_model_stops_all_before_anything_is_placed(desk: Desk) -> None:
    desk.version(ONE, "a.bin")
    desk.version(TWO, "b.bin")
    (desk.repo.path / "a.bin").unlink()
    desk.repo.write("b.bin", THREE)

    with pytest.raises(UnsavedWeightsError):
        bring(desk)

    assert not (desk.repo.path / "a.bin").exists()


def test_a_model_that_moved_comes_to_its_new_place(desk: Desk) -> None:
    desk.version(ONE)
    with desk.open() as project:
        rename_model(project, "fraud", path="models/fraud.bin")
    desk.repo.commit("move")
    desk.version(TWO, "models/fraud.bin")

    report = bring(desk, "fraud@1")

    assert report.placed == [CheckedOut("fraud", 1, "models/fraud.bin", len(ONE), changed=True)]
    assert desk.repo.read("models/fraud.bin") == ONE
    assert desk.pointer("models/fraud.model.yaml").version == 1
    assert not (desk.repo.path / "fraud.bin").exists()


def test_weights_of_another_model_are_not_overwritten(desk: Desk) -> None:
    """After `mv`, an old version by the old name has the path of the model with the new name."""
    desk.version(ONE)
    desk.version(TWO)
    with desk.open() as project:
        rename_model(project, "fraud", new_name="risk")
    desk.repo.commit("rename")

    assert refusal(UsageError, lambda: bring(desk, "fraud@1")) == (
        "fraud: fraud.bin is now the path of the model risk",
        "gitmodel checkout fraud@1 --out DIR",
    )
    assert desk.repo.read("fraud.bin") == TWO


def test_files_of_an_older_version_go_and_strangers_stop_everything(desk: Desk) -> None:
    top = desk.repo.path / "bert"
    write_folder({"a.bin": ONE, "old.txt": b"old"}, top)
    desk.add("bert")
    desk.repo.commit("bert 1")
    (top / "old.txt").unlink()
    write_folder({"new.txt": b"new"}, top)
    desk.add("bert")
    desk.repo.commit("bert 2")

    bring(desk, "bert@1")
    assert files_below(top) == ["a.bin", "old.txt"]
    desk.repo.commit("back")

    write_folder({"mine.txt": b"mine"}, top)
    message, hint = refusal(UnsavedWeightsError, lambda: bring(desk, "bert@2"))
    assert message == "bert has changes that are stored nowhere else"
    assert hint is not None
    assert files_below(top) == ["a.bin", "mine.txt", "old.txt"]
    assert leftovers(desk) == []


def test_an_empty_folder_is_no_obstacle(desk: Desk) -> None:
    write_folder({"a.bin": ONE}, desk.repo.path / "bert")
    desk.add("bert")
    desk.repo.commit("bert 1")
    (desk.repo.path / "bert/a.bin").unlink()

    bring(desk)

    assert desk.repo.read("bert/a.bin") == ONE


def test_out_writes_elsewhere_and_leaves_the_work_tree_alone(
    two_versions: Desk,
) -> None:
    out = two_versions.repo.path.parent / "out"

    report = bring(two_versions, "fraud@1", out="../out/deep")

    place = out / "deep/fraud.bin"
    assert report.placed == [CheckedOut("fraud", 1, str(place), len(ONE), changed=True)]
    assert place.read_bytes() == ONE
    assert files_below(out) == ["deep/fraud.bin"]
    assert (two_versions.pointer().version, two_versions.staged()) == (2, [])


def test_out_refuses_other_content(two_versions: Desk) -> None:
    out = two_versions.repo.path.parent / "out"
    out.mkdir()
    (out / "fraud.bin").write_bytes(THREE)

    assert refusal(UnsavedWeightsError, lambda: bring(two_versions, out="../out")) == (
        "fraud: ../out/fraud.bin exists already with other content",
        "use --force to overwrite it, or another --out",
    )
    assert (out / "fraud.bin").read_bytes() == THREE
    bring(two_versions, out="../out", force=True)
    assert (out / "fraud.bin").read_bytes() == TWO
    assert bring(two_versions, out="../out").placed[0].changed is False


def test_out_that_is_a_file_is_wrong_use(two_versions: Desk) -> None:
    (two_versions.repo.path.parent / "out").write_bytes(b"")

    assert refusal(UsageError, lambda: bring(two_versions, out="../out")) == (
        "fraud: ../out cannot be created: File exists",
        "name a folder: --out DIR",
    )


def test_two_models_with_one_file_name_do_not_fit_into_one_folder(
    desk: Desk,
) -> None:
    desk.version(ONE, "a/model.bin", name="a")
    desk.version(TWO, "b/model.bin", name="b")

    assert refusal(UsageError, lambda: bring(desk, out="../out", force=True)) == (
        "a and b would both be written to ../out/model.bin",
        "gitmodel checkout b --out ANOTHER_DIR",
    )
    assert not (desk.repo.path.parent / "out").exists()


def test_a_damaged_cache_heals(two_versions: Desk, tmp_path: Path) -> None:
    two_versions.version(some_bytes(100_000))
    two_versions.push()
    ben = two_versions.join("ben")
    bring(ben)
    flip(cached_pack(ben), 5000)
    (ben.repo.path / "fraud.bin").unlink()

    bring(ben)

    assert ben.repo.read("fraud.bin") == some_bytes(100_000)
    (note,) = ben.notes
    assert note.startswith("fraud: pack ")
    assert note.endswith("; fetching it again")
    assert leftovers(ben) == []


def test_a_damaged_cache_heals_from_a_mirror_too(two_versions: Desk, tmp_path: Path) -> None:
    add_mirror(two_versions, tmp_path / "mirror")
    ben = two_versions.join("ben")
    bring(ben)
    pack = cached_pack(ben)
    flip(pack, pack.stat().st_size - 1)
    (ben.repo.path / "fraud.bin").unlink()
    two_versions.store.rename(tmp_path / "gone")

    bring(ben)

    assert ben.repo.read("fraud.bin") == TWO


def add_mirror(desk: Desk, folder: Path) -> None:
    with desk.open() as project:
        add_remote(project, str(folder), name="backup")
        push_head(project, remote="backup")
    desk.repo.commit("mirror")


def test_a_mirror_serves_when_the_primary_lacks_a_version(
    two_versions: Desk, tmp_path: Path
) -> None:
    add_mirror(two_versions, tmp_path / "mirror")
    ben = two_versions.join("ben")
    (two_versions.store / "manifests" / digest(TWO).hex[:2] / digest(TWO).hex).unlink()

    with ben.open() as project:
        report = fetch(project)

    assert (report.fetched_packs, report.placed) == (1, [])
    assert not (ben.repo.path / "fraud.bin").exists()


def test_a_mirror_serves_when_the_primary_cannot_be_reached(
    two_versions: Desk, tmp_path: Path
) -> None:
    add_mirror(two_versions, tmp_path / "mirror")
    ben = two_versions.join("ben")
    two_versions.store.rename(tmp_path / "gone")

    bring(ben)

    assert ben.repo.read("fraud.bin") == TWO


def test_a_pack_that_fails_on_the_way_leaves_every_model_as_it_was(desk: Desk) -> None:
    """The first model could be placed; it waits until the second one is there too."""
    desk.version(some_bytes(1000, 1), path="aa.bin")
    desk.version(some_bytes(1000, 2), path="bb.bin")
    desk.push()
    ben = desk.join("ben")
    with desk.open() as project:
        second = project.cache.manifest(digest(some_bytes(1000, 2)))
    assert second is not None
    (desk.store / pack_key(second.packs[0])).unlink()

    problem, hint = refusal(ObjectMissingError, lambda: bring(ben))

    assert f"pack {second.packs[0][:12]} is missing" in problem
    assert hint == "gitmodel push, in a clone that has the weights"
    assert not (ben.repo.path / "aa.bin").exists()
    assert leftovers(ben) == []


def test_a_version_that_is_nowhere_is_said_before_anything_is_fetched(desk: Desk) -> None:
    desk.version(some_bytes(1000, 1), path="aa.bin")
    desk.version(some_bytes(1000, 2), path="bb.bin")
    desk.push()
    ben = desk.join("ben")
    (desk.store / manifest_key(digest(some_bytes(1000, 2)))).unlink()

    problem, _hint = refusal(ObjectMissingError, lambda: bring(ben))

    assert problem.startswith("bb: the weights of version 1")
    assert files_below(ben.repo.path / ".git/gitmodel/packs") == []


def test_weights_that_came_from_the_remote_are_known_to_be_safe_without_reading_the_cache(
    two_versions: Desk,
) -> None:
    ben = two_versions.join("ben")
    bring(ben)
    pack = cached_pack(ben)
    flip(pack, pack.stat().st_size - 1)  # whoever reads it would find out

    bring(ben, "fraud@1")

    assert ben.repo.read("fraud.bin") == ONE


def test_a_mirror_serves_when_a_pack_of_the_primary_is_missing(
    two_versions: Desk, tmp_path: Path
) -> None:
    add_mirror(two_versions, tmp_path / "mirror")
    ben = two_versions.join("ben")
    for pack in (two_versions.store / "packs").glob("*/*"):
        pack.unlink()

    bring(ben)

    assert ben.repo.read("fraud.bin") == TWO


def test_the_primarys_failure_is_what_is_told(two_versions: Desk, tmp_path: Path) -> None:
    add_mirror(two_versions, tmp_path / "mirror")
    ben = two_versions.join("ben")
    two_versions.store.rename(tmp_path / "gone")
    for manifest in (tmp_path / "mirror/manifests").glob("*/*"):
        manifest.unlink()

    assert refusal(RemoteMissingError, lambda: bring(ben)) == (
        f"fraud: the folder {two_versions.store} does not exist",
        "mount it, or use another folder: gitmodel remote add PATH --replace",
    )
    assert not (ben.repo.path / "fraud.bin").exists()


def test_weights_that_are_nowhere_name_the_remote_that_was_asked(
    desk: Desk, tmp_path: Path
) -> None:
    desk.version(ONE)
    with desk.open() as project:
        add_remote(project, str(tmp_path / "mirror"), name="backup")
    desk.repo.commit("mirror")
    ben = desk.join("ben")
    nowhere = f"fraud: the weights of version 1 ({short(ONE)}) are neither in the cache nor on {{}}"
    hint = "gitmodel push, in a clone that has the weights"

    assert refusal(ObjectMissingError, lambda: bring(ben)) == (nowhere.format(desk.store), hint)
    with ben.open() as project:
        assert refusal(ObjectMissingError, lambda: fetch(project, remote="backup")) == (
            nowhere.format(tmp_path / "mirror"),
            hint,
        )
        assert refusal(UsageError, lambda: fetch(project, remote="nowhere")) == (
            "no remote is called 'nowhere'",
            "gitmodel remote list",
        )


def test_a_pointer_that_lies_about_its_size_is_refused(two_versions: Desk) -> None:
    from dataclasses import replace

    ben = two_versions.join("ben")
    ben.repo.write("fraud.model.yaml", replace(ben.pointer(), size=5).to_text())

    assert refusal(DamagedObjectError, lambda: bring(ben)) == (
        "fraud: the manifest lists 11 bytes, but the pointer states 5",
        "gitmodel push, in a clone that has the weights, which reports the wrong one",
    )


def test_align_brings_weights_that_are_as_we_left_them(two_versions: Desk) -> None:
    bring(two_versions, "fraud@1")
    two_versions.repo.commit("back to 1")
    two_versions.repo.git("checkout", "-q", "HEAD~1")

    with two_versions.open() as project:
        assert sync_worktree(project) == SyncReport(placed=[("fraud", 2)])
        assert sync_worktree(project) == SyncReport()
    assert two_versions.repo.read("fraud.bin") == TWO


def test_align_leaves_new_weights_and_fresh_clones_alone(two_versions: Desk) -> None:
    ben = two_versions.join("ben")
    two_versions.repo.write("fraud.bin", THREE)

    for desk in (ben, two_versions):
        with desk.open() as project:
            assert sync_worktree(project) == SyncReport()
    assert two_versions.repo.read("fraud.bin") == THREE
    assert not (ben.repo.path / "fraud.bin").exists()


def test_align_says_what_has_to_be_fetched(two_versions: Desk) -> None:
    ben = two_versions.join("ben")
    bring(ben)
    two_versions.version(THREE)
    two_versions.push()
    ben.repo.git("pull", "-q")

    with ben.open() as project:
        assert sync_worktree(project) == SyncReport(to_fetch=["fraud"])
    assert ben.repo.read("fraud.bin") == TWO


def test_align_never_fails(two_versions: Desk, tmp_path: Path) -> None:
    two_versions.repo.write("bad.model.yaml", "nonsense")
    two_versions.repo.git("add", "bad.model.yaml")
    (two_versions.repo.path / "fraud.bin").unlink()
    (two_versions.repo.path / "fraud.bin").symlink_to(tmp_path / "nowhere")

    with two_versions.open() as project:
        report = sync_worktree(project)

    assert (report.placed, report.to_fetch) == ([], [])
    assert len(report.notes) == 1
    assert report.notes[0].startswith("bad.model.yaml: ")


def test_every_error_of_a_checkout_is_a_gitmodel_error(two_versions: Desk) -> None:
    (two_versions.repo.path / "fraud.bin").unlink()
    (two_versions.repo.path / "fraud.bin").mkdir()
    two_versions.repo.write("fraud.bin/mine.txt", "mine")

    with pytest.raises(GitmodelError):
        bring(two_versions)

    assert two_versions.repo.read("fraud.bin/mine.txt") == b"mine"
    assert leftovers(two_versions) == []


def lose_packs(desk: Desk, content: bytes, *, on_the_remote: bool) -> None:
    with desk.open() as project:
        manifest = project.cache.manifest(digest(content))
        assert manifest is not None
        roots = [project.cache.root]
        roots += [project.folder_of(project.address())] if on_the_remote else []
    for root in roots:
        for name in manifest.packs:
            os.unlink(os.path.join(root, pack_key(name)))


@pytest.mark.parametrize("on_the_remote", [True, False])
def test_weights_are_overwritten_only_where_another_copy_is_seen(
    desk: Desk, *, on_the_remote: bool
) -> None:
    """The clone remembers that it has uploaded them. It looks before it overwrites the last copy."""
    desk.version(ONE)
    desk.version(TWO)
    desk.push()
    lose_packs(desk, TWO, on_the_remote=on_the_remote)

    if on_the_remote:
        refusal(UnsavedWeightsError, lambda: bring(desk, "fraud@1"))
        assert desk.repo.read("fraud.bin") == TWO
    else:
        bring(desk, "fraud@1")
        assert desk.repo.read("fraud.bin") == ONE


def test_a_hook_asks_no_remote_whether_it_may_overwrite_weights(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO)
    desk.push()
    lose_packs(desk, TWO, on_the_remote=False)
    desk.repo.git("checkout", "-q", "HEAD~", "--", "fraud.model.yaml")

    with desk.open() as project:
        (note,) = sync_worktree(project).notes

    assert "stored nowhere else" in note
    assert desk.repo.read("fraud.bin") == TWO
