"""`exclude`: files of a folder that are no part of the model, in every clone and for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import PointerError, UnsavedWeightsError, UsageError, WeightsError
from gitmodel.workflows.add import AddReport, Excluding, add, add_many
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.register_changes import register_changes
from gitmodel.workflows.rm import remove_model
from gitmodel.workflows.status import status
from gitmodel.workflows.sync_worktree import sync_worktree
from tests.support.desk import Desk, kept_desk, refusal
from tests.support.models import write_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

FILES = {"model.bin": b"model", "optimizer.pt": b"state", "deep/x.swp": b"swap", "deep/y": b"y"}
KEPT = {"model.bin": b"model", "deep/y": b"y"}


def excluding(desk: Desk, *patterns: str, anew: bool = False, path: str = "ck") -> AddReport:
    with desk.open() as project:
        return add(project, path, excluding=Excluding(patterns, anew))


def commit(desk: Desk) -> None:
    with desk.open() as project:
        register_changes(project)
    desk.repo.git("commit", "-qm", "next", "--allow-empty")


def on_disk(desk: Desk) -> Mapping[str, bytes]:
    top = desk.repo.path / "ck"
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def states(desk: Desk) -> list[str]:
    with desk.open() as project:
        return [str(model.state) for model in status(project).models]


def checked_out(desk: Desk, *references: str, force: bool = False) -> None:
    with desk.open() as project:
        checkout(project, references, force=force)


def leave_files_out(desk: Desk) -> None:
    """Version 1 has all files, version 2 leaves two out; all are on disk, and the remote has both."""
    write_folder(FILES, desk.repo.path / "ck")
    desk.version(b"x", "other.bin")
    desk.add("ck")
    desk.repo.git("commit", "-qm", "one")
    excluding(desk, "optimizer*", "*.swp")
    desk.repo.git("commit", "-qm", "two")
    desk.push()


folder = kept_desk(leave_files_out)


def test_leaving_files_out_is_a_new_version_and_stands_in_the_pointer(folder: Desk) -> None:
    pointer = folder.committed("ck.model.yaml")

    assert (pointer.version, pointer.exclude) == (2, ("optimizer*", "*.swp"))
    assert pointer.size == sum(map(len, KEPT.values()))
    assert 'exclude: ["optimizer*", "*.swp"]' in folder.repo.read("ck.model.yaml").decode()


def test_files_that_are_left_out_change_nothing(folder: Desk) -> None:
    before = states(folder)
    folder.repo.write("ck/optimizer.pt", b"trained on")
    folder.repo.write("ck/optimizer-2/state.pt", b"more")
    folder.repo.write("ck/.model.bin.swp", b"an editor")

    assert states(folder) == before
    commit(folder)
    assert folder.committed("ck.model.yaml").version == 2
    assert folder.add("ck").changed is False


def test_the_next_version_leaves_out_the_same(folder: Desk) -> None:
    folder.repo.write("ck/optimizer.pt", b"trained on")
    folder.repo.write("ck/model.bin", b"better")
    commit(folder)

    pointer = folder.committed("ck.model.yaml")
    assert (pointer.version, pointer.size) == (3, len(b"better") + 1)
    assert pointer.exclude == ("optimizer*", "*.swp")


def test_another_clone_leaves_out_the_same(folder: Desk) -> None:
    ben = folder.join("ben")
    checked_out(ben)
    assert on_disk(ben) == KEPT
    ben.repo.write("ck/optimizer.pt", b"ben's")

    commit(ben)
    assert ben.committed("ck.model.yaml").version == 2
    checked_out(ben)
    assert on_disk(ben) == {**KEPT, "optimizer.pt": b"ben's"}


@pytest.mark.parametrize("force", [False, True])
def test_checkout_keeps_files_that_are_left_out(folder: Desk, *, force: bool) -> None:
    folder.repo.write("ck/optimizer.pt", b"trained on")
    folder.repo.write("ck/model.bin", b"better")
    commit(folder)
    folder.push()

    checked_out(folder, "ck@2", force=force)

    assert on_disk(folder) == {**FILES, "optimizer.pt": b"trained on"}


def test_a_version_that_has_such_a_file_does_not_replace_it_unasked(folder: Desk) -> None:
    folder.repo.write("ck/optimizer.pt", b"trained on")

    message, hint = refusal(UnsavedWeightsError, lambda: checked_out(folder, "ck@1"))

    assert message == (
        "ck: ck/optimizer.pt is left out of the weights, and the version asked for has another "
        "file there"
    )
    assert hint == "move it away, or use --force to replace it"
    assert on_disk(folder)["optimizer.pt"] == b"trained on"
    checked_out(folder, "ck@1", force=True)
    assert on_disk(folder) == FILES
    assert states(folder)


def test_going_back_and_forth_keeps_everything(folder: Desk) -> None:
    checked_out(folder, "ck@1")
    assert folder.pointer("ck.model.yaml").exclude == ()
    assert on_disk(folder) == FILES
    folder.repo.git("reset", "-q", "--hard")
    checked_out(folder)

    assert on_disk(folder) == FILES
    commit(folder)
    assert folder.committed("ck.model.yaml").version == 2


def test_a_switch_to_a_branch_with_other_patterns_is_no_change_of_the_weights(folder: Desk) -> None:
    folder.repo.git("switch", "-qc", "old", "HEAD~1")
    with folder.open() as project:
        assert sync_worktree(project).placed == [("ck", 1)]
    commit(folder)
    assert folder.committed("ck.model.yaml").version == 1
    folder.repo.git("switch", "-q", "main")
    commit(folder)
    assert folder.committed("ck.model.yaml").version == 2
    with folder.open() as project:
        assert sync_worktree(project).placed == [("ck", 2)]
    assert on_disk(folder) == FILES


def test_patterns_are_added_and_taken_back(folder: Desk) -> None:
    assert excluding(folder, "deep").version == 3
    assert folder.pointer("ck.model.yaml").exclude == ("optimizer*", "*.swp", "deep")
    assert excluding(folder, "*.swp", anew=True).version == 3
    assert folder.pointer("ck.model.yaml").exclude == ("*.swp",)
    report = excluding(folder, anew=True)
    assert (report.version, folder.pointer("ck.model.yaml").exclude) == (1, ())


def test_patterns_that_match_nothing_keep_the_version(folder: Desk) -> None:
    report = excluding(folder, "*.tmp")

    assert (report.version, report.changed, report.same_weights) == (2, True, True)
    commit(folder)
    folder.repo.write("ck/x.tmp", b"x")
    commit(folder)
    assert folder.committed("ck.model.yaml").version == 2


def test_patterns_that_cannot_be_kept_are_refused(folder: Desk) -> None:
    assert refusal(UsageError, lambda: excluding(folder, "../x"))[0] == (
        '"../x" is not a pattern: it leaves its folder'
    )
    assert refusal(WeightsError, lambda: excluding(folder, "*")) == (
        "ck has no file that its patterns do not exclude",
        "gitmodel add --no-exclude ck",
    )
    assert refusal(UsageError, lambda: excluding(folder, "*", path="other.bin")) == (
        "other.bin is a file; exclude patterns apply to folders only",
        "gitmodel add other.bin",
    )
    assert folder.staged() == []


def test_patterns_with_many_paths_are_for_the_folders(folder: Desk) -> None:
    write_folder(FILES, folder.repo.path / "second")
    with folder.open() as project:
        add_many(project, ["second", "other.bin"], excluding=Excluding(("*.pt",)))

    assert folder.pointer("second.model.yaml").exclude == ("*.pt",)
    assert folder.pointer("other.model.yaml").exclude == ()


def test_patterns_of_a_stranger_are_checked(folder: Desk) -> None:
    text = folder.repo.read("ck.model.yaml").decode()
    folder.repo.write("ck.model.yaml", text.replace('"*.swp"', '"../../x"'))

    with pytest.raises(PointerError, match="exclude is refused"):
        folder.pointer("ck.model.yaml")


def test_removing_the_weights_leaves_what_was_left_out(folder: Desk) -> None:
    with folder.open() as project:
        remove_model(project, "ck", weights=True)

    assert on_disk(folder) == {"optimizer.pt": b"state", "deep/x.swp": b"swap"}


def test_a_folder_with_nothing_but_files_that_are_left_out_has_no_weights(folder: Desk) -> None:
    for path in KEPT:
        (folder.repo.path / "ck" / path).unlink()

    commit(folder)
    assert folder.committed("ck.model.yaml").version == 2
    checked_out(folder)
    assert on_disk(folder) == FILES


def test_the_command_line_takes_patterns(folder: Desk) -> None:
    folder.repo.gitmodel("add", "ck", "--exclude", "deep", "--exclude", "*.tmp")
    assert folder.pointer("ck.model.yaml").exclude == ("optimizer*", "*.swp", "deep", "*.tmp")
    folder.repo.gitmodel("add", "ck", "--no-exclude", "--exclude", "*.pt")
    assert folder.pointer("ck.model.yaml").exclude == ("*.pt",)
