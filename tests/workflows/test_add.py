"""`add` stores weights, writes and stages their pointer, and touches nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Previous
from gitmodel.errors import (
    GitCommandError,
    MixedPointerError,
    ModelNameError,
    NotSetUpError,
    UnsafePathError,
    UsageError,
    WeightsError,
)
from gitmodel.workflows.add import AddReport, add
from gitmodel.workflows.init import init
from tests.support.desk import Desk, digest, refusal
from tests.support.models import folder_model, write_folder
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def test_a_first_version(desk: Desk) -> None:
    report = desk.add(content=ONE)

    assert report == AddReport(
        name="fraud",
        version=1,
        was=None,
        digest=str(digest(ONE)),
        size=len(ONE),
        stored=report.stored,
        pointer_path="fraud.model.yaml",
        changed=True,
    )
    assert report.stored > len(ONE)
    assert desk.staged() == [".gitignore", "fraud.model.yaml"]
    assert desk.repo.read(".gitignore") == b"/fraud.bin\n"
    assert desk.repo.git("status", "--porcelain", "-unormal").stdout == (
        "A  .gitignore\nA  fraud.model.yaml\n"
    )


def test_equal_content_changes_nothing(desk: Desk) -> None:
    desk.version(ONE)

    report = desk.add()

    assert (report.version, report.was, report.changed) == (1, 1, False)
    assert desk.staged() == []


def test_a_new_version_names_the_one_before(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO)
    desk.add(content=THREE)

    assert desk.pointer().previous == Previous(2, digest(TWO))
    assert desk.committed().previous == Previous(1, digest(ONE))


def test_an_uncommitted_version_is_replaced_and_not_counted(desk: Desk) -> None:
    desk.version(ONE)
    desk.add(content=TWO)

    report = desk.add(content=THREE)

    assert (report.version, desk.pointer().previous) == (2, Previous(1, digest(ONE)))


def test_numbers_go_on_after_the_greatest_of_all_branches(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO)
    desk.repo.git("switch", "-q", "main")

    report = desk.add(content=THREE)

    assert (report.version, desk.pointer().previous) == (3, Previous(1, digest(ONE)))


def test_content_that_another_branch_has_keeps_its_number_there(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO, metrics=["auc=0.95"])
    desk.repo.git("switch", "-q", "main")

    report = desk.add(content=TWO)

    assert (report.version, desk.pointer().metrics) == (2, {"auc": 0.95})


def test_after_a_merge_the_next_number_is_free_on_both_sides(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO)
    desk.repo.git("switch", "-q", "main")
    desk.version(THREE)
    desk.repo.git("merge", "-q", "-X", "ours", "-m", "merge", "other")

    report = desk.add(content=b"weights four")

    assert (report.version, desk.pointer().previous) == (4, Previous(3, digest(THREE)))


def test_a_folder_and_a_path_from_a_subfolder(desk: Desk) -> None:
    write_folder(folder_model(seed=1), desk.repo.path / "models/bert")

    with desk.open("models") as project:
        report = add(project, "bert/")

    assert (report.name, report.pointer_path) == ("bert", "models/bert.model.yaml")
    assert desk.pointer("models/bert.model.yaml").path == "bert"
    assert desk.staged() == ["models/.gitignore", "models/bert.model.yaml"]


def test_links_are_stored_only_when_asked(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(ONE)
    desk.repo.write("hub/config.json", "{}")
    (desk.repo.path / "hub/model.bin").symlink_to(tmp_path / "blob")

    assert refusal(UnsafePathError, lambda: desk.add("hub")) == (
        "model.bin is a symbolic link",
        "gitmodel add --follow PATH, which stores what links point to",
    )
    with desk.open() as project:
        report = add(project, "hub", follow=True)
    assert (report.version, report.size) == (1, len(ONE) + 2)


def test_a_message_commits_exactly_what_is_ours(tmp_path: Path) -> None:
    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    with desk.open() as project:
        init(project, str(desk.store))
    desk.repo.write("theirs.txt", "staged by the person\n")
    desk.repo.git("add", "theirs.txt")

    report = desk.add(content=ONE, message="first")

    assert report.committed == desk.repo.head()
    files = desk.repo.git("show", "--name-only", "--format=", "HEAD").stdout.split()
    assert files == [".gitattributes", ".gitignore", ".gitmodel.yaml", "fraud.model.yaml"]
    assert desk.staged() == ["theirs.txt"]


def test_a_message_also_commits_what_an_earlier_add_left_staged(desk: Desk) -> None:
    desk.add(content=ONE)

    report = desk.add(message="first")

    assert (report.changed, report.committed) == (False, desk.repo.head())
    assert desk.staged() == []


def test_a_message_with_nothing_to_commit_makes_no_commit(desk: Desk) -> None:
    desk.version(ONE)

    assert desk.add(message="again").committed is None


def test_nothing_that_is_not_ours_is_staged(desk: Desk) -> None:
    desk.repo.write("notes.txt", "mine\n")
    desk.repo.write("README.md", "changed\n")

    desk.add(content=ONE)

    assert desk.staged() == [".gitignore", "fraud.model.yaml"]


def test_weights_that_are_ignored_already_get_no_second_line(desk: Desk) -> None:
    desk.repo.write(".gitignore", "*.bin\n")
    desk.repo.commit("ignore")

    desk.add(content=ONE)

    assert desk.staged() == ["fraud.model.yaml"]
    assert desk.repo.read(".gitignore") == b"*.bin\n"


def test_names_that_clash_are_refused(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.write("other/fraud.onnx", TWO)

    assert refusal(ModelNameError, lambda: desk.add("other/fraud.onnx")) == (
        "a model fraud already exists at fraud.bin",
        (
            "as its next version: gitmodel add other/fraud.onnx --name fraud; "
            "as another model: gitmodel add other/fraud.onnx --name OTHER_NAME"
        ),
    )
    assert refusal(ModelNameError, lambda: desk.add(name="risk")) == (
        "fraud.bin is already registered as fraud",
        "gitmodel mv fraud risk",
    )
    desk.repo.write("fraud.onnx", TWO)
    assert refusal(ModelNameError, lambda: desk.add("fraud.onnx", name="team/fraud")) == (
        "fraud.model.yaml is already the pointer of fraud",
        (
            "as its next version: gitmodel add fraud.onnx --name fraud; "
            "as another model: gitmodel add fraud.onnx --name OTHER_NAME"
        ),
    )
    assert refusal(ModelNameError, lambda: desk.add("fraud.onnx", name="Fraud 2"))[1] == (
        "use fraud-2"
    )
    assert desk.staged() == []


def test_a_broken_pointer_is_not_written_over(desk: Desk) -> None:
    desk.version(ONE)
    text = desk.repo.read("fraud.model.yaml").decode()
    desk.repo.write("fraud.model.yaml", text.replace("version: 1", "version: 5"))
    desk.repo.write("fraud.bin", TWO)

    message, hint = refusal(MixedPointerError, desk.add)

    assert message == (
        "fraud: fraud.model.yaml: the check line does not match: the file was merged "
        "line by line or edited by hand"
    )
    assert hint is not None
    assert desk.repo.read("fraud.model.yaml").decode() == text.replace("version: 1", "version: 5")


def test_what_cannot_be_added_says_why(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.write("in git.bin", ONE)
    desk.repo.git("add", "in git.bin")
    (desk.repo.path / "empty").mkdir()

    assert refusal(WeightsError, lambda: desk.add("in git.bin")) == (
        "in git.bin is tracked by Git itself",
        "git rm -r --cached 'in git.bin', then gitmodel add 'in git.bin'",
    )
    assert refusal(UsageError, lambda: desk.add("fraud.model.yaml")) == (
        "fraud.model.yaml is a pointer, not weights",
        "gitmodel add PATH, with the path of the weights",
    )
    assert refusal(UnsafePathError, lambda: desk.add("/etc/passwd")) == (
        f"/etc/passwd is not inside the repository {desk.repo.path}",
        "move or copy the weights into the repository first",
    )
    assert refusal(WeightsError, lambda: desk.add("empty")) == ("empty is an empty folder", None)
    with pytest.raises(WeightsError, match=r"nothing\.bin does not exist"):
        desk.add("nothing.bin")
    with pytest.raises(UnsafePathError):
        desk.add(".git/config")


def test_the_whole_repository_is_no_model(desk: Desk) -> None:
    message, hint = refusal(UnsafePathError, lambda: desk.add("."))

    assert message == ". is the top folder of the repository, not weights"
    assert hint == "gitmodel add PATH, with the path of the weights"


def test_a_file_of_a_folder_that_is_a_model_is_no_model_of_its_own(desk: Desk) -> None:
    """Its pointer would become part of the folder, and a new version of it with each commit."""
    write_folder(folder_model(seed=1), desk.repo.path / "bert")
    desk.add("bert")

    assert refusal(WeightsError, lambda: desk.add("bert/config.json")) == (
        "bert/config.json is part of the model bert",
        "gitmodel add bert",
    )


def test_nothing_is_added_before_init(tmp_path: Path) -> None:
    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    desk.repo.write("fraud.bin", ONE)

    assert refusal(NotSetUpError, desk.add) == (
        "this repository has no .gitmodel.yaml yet",
        "gitmodel init [URL]",
    )


def test_a_commit_that_git_refuses_leaves_the_version_staged(desk: Desk) -> None:
    hook = desk.repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(GitCommandError):
        desk.add(content=ONE, message="first")

    assert desk.staged() == [".gitignore", "fraud.model.yaml"]


def test_a_model_moved_by_hand_never_reuses_a_number(desk: Desk) -> None:
    """The pointer's file is not called as the model is, so history by file name lacks it."""
    desk.version(ONE)
    desk.repo.git("mv", "fraud.model.yaml", "risk.model.yaml")
    desk.repo.commit("moved by hand")
    desk.version(TWO)
    assert desk.pointer("risk.model.yaml").version == 2

    desk.version(THREE)

    assert desk.pointer("risk.model.yaml").version == 3
