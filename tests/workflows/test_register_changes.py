"""What a commit does about weights: every verdict, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import MixedPointerError, StaleWeightsError, WeightsError
from gitmodel.project.committing.commit_notes import CommitReport
from gitmodel.workflows.add import add, add_many
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.register_changes import register_changes
from gitmodel.worktree import placing
from tests.support.desk import Desk, digest, kept_desk, refusal, short
from tests.support.models import folder_model, write_folder
from tests.support.processes import started_processes

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.files.file_stat import FileStat

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
STALE = (
    "fraud: the weights on disk are older than version {}; the pointer was left unchanged; "
    "run: gitmodel checkout fraud"
)


def commit(desk: Desk) -> CommitReport:
    """What pre-commit does."""
    with desk.open() as project:
        return register_changes(project)


def forget(desk: Desk) -> None:
    """Lose the record of what was checked out here, as a copied work tree has lost it."""
    for record in (desk.repo.path / ".git/gitmodel/worktree").glob("*.json"):
        record.unlink()


def one_version(desk: Desk) -> None:
    """Version 1 of fraud is committed."""
    desk.version(ONE)


first = kept_desk(one_version)


def test_nothing_to_do(first: Desk) -> None:
    assert commit(first) == CommitReport()
    assert first.staged() == []


def test_new_weights_become_a_version_in_the_index(first: Desk) -> None:
    first.repo.write("fraud.bin", TWO)

    report = commit(first)

    assert report == CommitReport(bumped=[("fraud", 1, 2)], otherwise_empty=True)
    assert first.staged() == ["fraud.model.yaml"]
    assert (first.pointer().version, first.pointer().digest) == (2, digest(TWO))
    assert commit(first) == CommitReport()


def test_a_commit_with_something_else_in_it_is_not_otherwise_empty(first: Desk) -> None:
    first.repo.write("fraud.bin", TWO)
    first.repo.write("code.py", "x = 1\n")
    first.repo.git("add", "code.py")

    assert commit(first) == CommitReport(bumped=[("fraud", 1, 2)])


def test_weights_of_an_earlier_version_take_the_pointer_back_to_it(first: Desk) -> None:
    first.version(TWO, metrics=["auc=0.9"])
    first.repo.write("fraud.bin", ONE)

    assert commit(first) == CommitReport(bumped=[("fraud", 2, 1)], otherwise_empty=True)
    assert first.pointer() == first.committed(revision="HEAD~1")


def test_stale_weights_leave_the_pointer_alone(first: Desk) -> None:
    newer = replace(first.pointer(), version=2, digest=digest(TWO))
    first.repo.write("fraud.model.yaml", newer.to_text())
    first.repo.commit("a colleague's version arrives")

    assert commit(first) == CommitReport(notes=[STALE.format(2)])
    assert first.staged() == []


def test_a_folder_that_a_checkout_left_half_way_is_no_version(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two renames, its files are of two versions: nobody trained that."""
    for content in (ONE, TWO):
        write_folder({"a.bin": content, "b.bin": content}, desk.repo.path / "bert")
        desk.add("bert")
        desk.repo.commit("bert")
    renamed = placing._rename
    done: list[str] = []

    def killed(root: str, file: placing._Staged) -> FileStat:
        if done:
            raise KeyboardInterrupt
        done.append(file.entry.path)
        return renamed(root, file)

    monkeypatch.setattr(placing, "_rename", killed)
    with desk.open() as project, pytest.raises(KeyboardInterrupt):
        checkout(project, ["bert@1"])
    monkeypatch.undo()

    assert refusal(WeightsError, lambda: commit(desk)) == (
        "bert: a checkout into bert was interrupted, so its files may be of two versions",
        "complete it: gitmodel checkout bert; or register what is there: gitmodel add bert",
    )
    with desk.open() as project:
        checkout(project, ["bert"])
    assert commit(desk) == CommitReport()
    assert {desk.repo.read(f"bert/{name}") for name in ("a.bin", "b.bin")} == {TWO}


def test_what_an_interrupted_checkout_left_can_be_registered_on_purpose(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder({"a.bin": ONE, "b.bin": ONE}, desk.repo.path / "bert")
    desk.add("bert")
    desk.repo.commit("bert")
    with desk.open() as project:
        record = project.worktree.records.read("bert")
        project.worktree.records.write("bert", replace(record, placing=digest(TWO)))
    desk.repo.write("bert/a.bin", THREE)
    assert refusal(WeightsError, lambda: commit(desk))[0].startswith("bert: a checkout into bert")

    with desk.open() as project:
        assert add(project, "bert").version == 2
    assert commit(desk) == CommitReport()
    desk.repo.commit("bert 2")
    desk.repo.write("bert/a.bin", TWO)
    assert commit(desk).bumped == [("bert", 2, 3)]


def test_missing_weights_are_nothing_to_do(first: Desk) -> None:
    (first.repo.path / "fraud.bin").unlink()

    assert commit(first) == CommitReport()


def test_a_folder_that_was_emptied_is_missing_weights(desk: Desk) -> None:
    write_folder({"config.json": b"{}"}, desk.repo.path / "bert")
    desk.add("bert")
    desk.repo.commit("bert 1")
    (desk.repo.path / "bert/config.json").unlink()

    assert commit(desk) == CommitReport()


def test_new_weights_under_a_pointer_that_moved_are_refused(first: Desk) -> None:
    newer = replace(first.pointer(), version=2, digest=digest(TWO))
    first.repo.write("fraud.model.yaml", newer.to_text())
    first.repo.commit("a colleague's version arrives")
    first.repo.write("fraud.bin", THREE)

    assert refusal(StaleWeightsError, lambda: commit(first)) == (
        (
            f"fraud: the weights on disk ({short(THREE)}) are new, but the pointer has moved to version "
            "2 since weights were added or checked out here"
        ),
        (
            "register them as the next version: gitmodel add fraud.bin; "
            "or check out the pointer's version: gitmodel checkout --force fraud"
        ),
    )
    assert first.staged() == []


def test_without_a_record_known_content_is_stale_and_unknown_content_a_version(
    first: Desk,
) -> None:
    first.version(TWO)
    forget(first)
    first.repo.write("fraud.bin", ONE)
    back = "; or, to go back to version 1: gitmodel checkout fraud@1"
    assert commit(first) == CommitReport(notes=[STALE.format(2) + back])

    first.repo.write("fraud.bin", THREE)
    assert commit(first).bumped == [("fraud", 2, 3)]


def test_without_a_record_a_pointer_that_changed_since_head_asks_for_a_choice(first: Desk) -> None:
    newer = replace(first.pointer(), version=2, digest=digest(TWO))
    first.repo.write("fraud.model.yaml", newer.to_text())
    first.repo.git("add", "fraud.model.yaml")
    forget(first)
    first.repo.write("fraud.bin", THREE)

    with pytest.raises(StaleWeightsError):
        commit(first)


def test_a_link_is_noted_and_not_followed(first: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.bin").write_bytes(TWO)
    (first.repo.path / "fraud.bin").unlink()
    (first.repo.path / "fraud.bin").symlink_to(tmp_path / "elsewhere.bin")

    assert commit(first) == CommitReport(
        notes=[
            (
                "fraud: fraud.bin is a symbolic link, which hooks do not follow; "
                "run: gitmodel add --follow fraud.bin"
            )
        ]
    )


def test_a_folder_of_links_that_was_added_with_follow_does_not_stop_commits(
    desk: Desk, tmp_path: Path
) -> None:
    """Folders of the Hugging Face cache are made of links."""
    (tmp_path / "blob").write_bytes(ONE)
    desk.repo.write("hub/config.json", "{}")
    (desk.repo.path / "hub/model.bin").symlink_to(tmp_path / "blob")
    with desk.open() as project:
        add(project, "hub", follow=True)
    desk.repo.commit("hub 1")

    assert commit(desk) == CommitReport()


def test_more_than_a_commit_should_wait_for_is_refused(first: Desk) -> None:
    first.repo.git("config", "gitmodel.commitLimit", "1k")
    first.repo.write("fraud.bin", bytes(2000))

    assert refusal(WeightsError, lambda: commit(first)) == (
        "fraud: 2,000 bytes of weights have changed, more than a commit should wait for",
        "gitmodel add fraud.bin, then commit again",
    )
    assert first.staged() == []
    first.repo.git("config", "gitmodel.commitLimit", "1m")
    assert commit(first).bumped == [("fraud", 1, 2)]


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("check:", 'description: "cards"\ncheck:', 'description: "cards"'),
        ("check:", 'tags: ["eu"]\ncheck:', 'tags: ["eu"]'),
        ("check:", 'owner: "risk team"\ncheck:', 'owner: "risk team"'),
    ],
)
def test_an_edit_by_hand_gets_its_check_renewed(first: Desk, old: str, new: str, kept: str) -> None:
    text = first.repo.read("fraud.model.yaml").decode()
    first.repo.write("fraud.model.yaml", text.replace(old, new))
    first.repo.git("add", "fraud.model.yaml")

    assert commit(first) == CommitReport()

    staged = first.repo.git("show", ":fraud.model.yaml").stdout
    assert kept in staged
    assert staged == first.pointer().to_text()


def test_an_edit_by_hand_and_new_weights_in_one_commit(first: Desk) -> None:
    text = first.repo.read("fraud.model.yaml").decode()
    edited = text.replace("check:", 'description: "cards"\ncheck:')
    first.repo.write("fraud.model.yaml", edited)
    first.repo.git("add", "fraud.model.yaml")
    first.repo.write("fraud.bin", TWO)

    assert commit(first).bumped == [("fraud", 1, 2)]
    assert first.pointer().description == "cards"


@pytest.mark.parametrize(
    ("old", "new"),
    [("version: 1", "version: 7"), (short(ONE), short(TWO)), ('"fraud"', '"risk"')],
)
def test_an_edit_of_version_digest_or_name_is_refused(first: Desk, old: str, new: str) -> None:
    text = first.repo.read("fraud.model.yaml").decode()
    first.repo.write("fraud.model.yaml", text.replace(old, new, 1))
    first.repo.git("add", "fraud.model.yaml")

    with pytest.raises(MixedPointerError, match="the check line does not match"):
        commit(first)


def test_a_conflicted_pointer_is_left_to_git(first: Desk) -> None:
    first.repo.git("switch", "-qc", "other")
    first.version(TWO)
    first.repo.git("switch", "-q", "main")
    first.version(THREE)
    first.repo.git("merge", "-q", "other", check=False)

    assert commit(first) == CommitReport()


def test_several_models_are_brought_up_in_one_commit(first: Desk) -> None:
    first.version(ONE, "churn.bin")
    first.repo.write("fraud.bin", TWO)
    first.repo.write("churn.bin", THREE)

    assert commit(first).bumped == [("churn", 1, 2), ("fraud", 1, 2)]


def test_folders_are_brought_up_too(desk: Desk) -> None:
    write_folder(folder_model(seed=1), desk.repo.path / "bert")
    desk.add("bert")
    desk.repo.commit("bert 1")
    desk.repo.write("bert/config.json", "{}")

    assert commit(desk).bumped == [("bert", 1, 2)]


def test_big_weights_are_kept_out_of_git(first: Desk) -> None:
    first.repo.write("big.onnx", bytes(5 * 2**20))
    first.repo.write("big.txt", bytes(5 * 2**20))
    first.repo.git("add", "big.onnx", "big.txt")

    assert refusal(WeightsError, lambda: commit(first)) == (
        "big.onnx would be committed to Git itself and stay in its history",
        (
            "git rm --cached big.onnx, then gitmodel add big.onnx; or, to commit it to Git "
            "anyway: git commit --no-verify"
        ),
    )


def test_one_bad_metrics_file_names_its_model(first: Desk) -> None:
    from gitmodel.errors import TextError

    first.repo.write("metrics.json", '{"auc": 0.9}')
    first.version(TWO, metrics_file="metrics.json")
    first.repo.write("metrics.json", "{")
    first.repo.write("fraud.bin", THREE)
    first.repo.git("add", "metrics.json")

    with pytest.raises(TextError, match=r"^fraud: metrics\.json"):
        commit(first)


def test_the_first_commit_of_a_repository(tmp_path: Path) -> None:
    from gitmodel.workflows.init import init
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    with desk.open() as project:
        init(project, str(desk.store))
    desk.add(content=ONE)
    desk.repo.write("fraud.bin", TWO)

    assert commit(desk) == CommitReport(bumped=[("fraud", 1, 1)])
    assert desk.pointer().digest == digest(TWO)


def test_a_name_that_not_every_system_can_have_is_named_and_no_link_is_spoken_of(
    desk: Desk,
) -> None:
    write_folder({"a": b"a"}, desk.repo.path / "d")
    with desk.open() as project:
        add(project, "d")
    desk.repo.git("commit", "-qm", "one")
    desk.repo.write("d/ckpt:1", b"new")

    [note] = commit(desk).notes

    assert "d has a file with a name that not every system can have" in note
    assert "mv d/ckpt:1 d/ckpt-1" in note
    assert "--follow" not in note
    (desk.repo.path / "d/ckpt:1").rename(desk.repo.path / "d/ckpt-1")
    assert commit(desk).bumped == [("d", 1, 2)]


def test_many_changed_models_are_versions_by_the_processes_of_a_few(desk: Desk) -> None:
    def changed(count: int, version: int) -> int:
        for number in range(count):
            desk.repo.write(f"models/m{number}.bin", f"{number} of version {version}".encode())
        with started_processes() as commands:
            report = commit(desk)
        names = [(f"m{number}", version - 1, version) for number in range(count)]
        assert sorted(report.bumped) == sorted(names)
        desk.repo.git("commit", "-qm", "more")
        return len(commands)

    for number in range(40):
        desk.repo.write(f"models/m{number}.bin", f"{number} of version 1".encode())
    with desk.open() as project:
        add_many(project, [f"models/m{number}.bin" for number in range(40)], message="first")

    few = changed(40, 2)
    desk.repo.git("reset", "-q", "--hard", "HEAD")

    assert few <= 12
    for number in range(40):
        pointer = desk.pointer(f"models/m{number}.model.yaml")
        assert pointer.digest == digest(f"{number} of version 2".encode())
    assert commit(desk) == CommitReport()


def test_of_many_changed_models_one_that_must_be_chosen_refuses_before_anything_is_stored(
    desk: Desk,
) -> None:
    for name in ("a", "b", "c"):
        desk.version(f"{name} one".encode(), path=f"{name}.bin")
    desk.repo.git("switch", "-qc", "other")
    desk.version(b"b two", path="b.bin")
    desk.repo.git("switch", "-q", "main")
    desk.repo.write("b.bin", b"b one")
    with desk.open() as project:
        checkout(project, ["b"], force=True)
    desk.repo.git("merge", "-q", "other")
    for name in ("a", "b", "c"):
        desk.repo.write(f"{name}.bin", f"{name} new".encode())

    with pytest.raises(StaleWeightsError):
        commit(desk)

    assert desk.staged() == []


def test_words_that_are_not_staged_stay_on_disk_beside_a_new_version(first: Desk) -> None:
    path = first.repo.path / "fraud.model.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("check:", 'description: "mine"\ncheck:'), encoding="utf-8")
    first.repo.write("fraud.bin", TWO)

    assert commit(first).bumped == [("fraud", 1, 2)]

    first.repo.git("commit", "-qm", "new weights")
    committed, there = first.committed(), first.pointer()
    assert (committed.digest, committed.description) == (digest(TWO), None)
    assert there == replace(committed, description="mine")


def test_words_that_are_not_staged_stay_on_disk_beside_an_edit_that_is(first: Desk) -> None:
    path = first.repo.path / "fraud.model.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("check:", 'description: "ours"\ncheck:'), encoding="utf-8")
    first.repo.git("add", "fraud.model.yaml")
    both = text.replace("check:", 'description: "ours"\nlicense: "MIT"\ncheck:')
    path.write_text(both, encoding="utf-8")

    commit(first)

    first.repo.git("commit", "-qm", "words")
    committed = first.committed()
    assert (committed.description, committed.license) == ("ours", None)
    assert first.pointer() == replace(committed, license="MIT")
