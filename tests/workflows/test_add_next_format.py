"""A model goes on when its weights get another file: another format, another name, a folder."""

from __future__ import annotations

import os
import shlex
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Previous
from gitmodel.errors import ModelNameError, WeightsError
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.log import log
from tests.support.desk import Desk, digest, refusal

if TYPE_CHECKING:
    from gitmodel.workflows.add import AddReport

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def checked_out(desk: Desk, *references: str, force: bool = False) -> None:
    with desk.open() as project:
        checkout(project, list(references), force=force)


def run_hint(desk: Desk, hint: str | None) -> None:
    """Run the first command of a hint, as a person would type it."""
    command = (hint or "").partition("gitmodel ")[2].partition(";")[0]
    desk.repo.gitmodel(*shlex.split(command))


def test_another_format_is_the_next_version_at_a_new_path(desk: Desk) -> None:
    desk.version(ONE, "clf.pkl", metrics=["auc=0.9"])
    report = desk.version(TWO, "clf.safetensors", name="clf")

    assert (report.name, report.version, report.was) == ("clf", 2, 1)
    assert "clf.pkl stays on disk" in report.warnings[-1]
    pointer = desk.committed("clf.model.yaml")
    assert (pointer.path, pointer.previous) == ("clf.safetensors", Previous(1, digest(ONE)))
    assert desk.repo.read("clf.pkl") == ONE
    assert desk.repo.git("status", "--porcelain").stdout == ""
    with desk.open() as project:
        assert [entry.version for entry in log(project, "clf")] == [2, 1]


def test_versions_of_each_format_are_checked_out_where_they_were(desk: Desk) -> None:
    desk.version(ONE, "clf.pkl")
    desk.version(TWO, "clf.safetensors", name="clf")
    desk.push()
    for name in ("clf.pkl", "clf.safetensors"):
        (desk.repo.path / name).unlink()

    checked_out(desk, "clf@1")
    assert desk.repo.read("clf.pkl") == ONE
    assert not (desk.repo.path / "clf.safetensors").exists()
    desk.repo.git("reset", "-q", "--hard")
    checked_out(desk)
    assert (desk.repo.read("clf.pkl"), desk.repo.read("clf.safetensors")) == (ONE, TWO)
    checked_out(desk, "clf@1")
    assert desk.add("clf.safetensors", THREE, name="clf").version == 3


def test_an_old_format_keeps_the_name_of_its_file_where_the_pointer_was_moved(desk: Desk) -> None:
    desk.version(ONE, "clf.pkl")
    desk.version(TWO, "prod/clf.safetensors", name="clf")

    assert not (desk.repo.path / "clf.model.yaml").exists()
    assert desk.staged() == []
    checked_out(desk, "clf@1")
    assert desk.repo.read("prod/clf.pkl") == ONE
    assert desk.repo.read("prod/clf.safetensors") == TWO


@pytest.mark.parametrize("also", ["nothing", "git mv", "mv"])
def test_weights_moved_by_hand_go_on_as_the_hint_says(desk: Desk, also: str) -> None:
    desk.version(ONE, "a.bin")
    os.rename(desk.repo.path / "a.bin", desk.repo.path / "b.bin")
    if also == "git mv":
        desk.repo.git("mv", "a.model.yaml", "b.model.yaml")
    elif also == "mv":
        os.rename(desk.repo.path / "a.model.yaml", desk.repo.path / "b.model.yaml")
        desk.repo.git("add", "a.model.yaml", "b.model.yaml")
    before = desk.repo.git("status", "--porcelain").stdout

    message, hint = refusal(ModelNameError, lambda: desk.add("b.bin"))

    assert "a" in message
    assert "gitmodel add b.bin --name a" in (hint or "")
    assert desk.repo.git("status", "--porcelain").stdout == before
    run_hint(desk, hint)
    pointer = desk.pointer("a.model.yaml")
    assert (pointer.version, pointer.path, pointer.name) == (1, "b.bin", "a")
    assert not (desk.repo.path / "b.model.yaml").exists()
    desk.repo.git("commit", "-qm", "moved")
    assert desk.version(TWO, "b.bin").version == 2


def test_a_pointer_that_git_does_not_have_yet_is_not_written_over(desk: Desk) -> None:
    desk.version(ONE, "a.bin")
    os.rename(desk.repo.path / "a.bin", desk.repo.path / "b.bin")
    os.rename(desk.repo.path / "a.model.yaml", desk.repo.path / "b.model.yaml")
    pointer = desk.repo.read("b.model.yaml")

    assert refusal(ModelNameError, lambda: desk.add("b.bin", TWO)) == (
        "b.model.yaml is the pointer of a and is not staged yet",
        "git add b.model.yaml, then gitmodel add b.bin --name a",
    )
    assert desk.repo.read("b.model.yaml") == pointer
    desk.repo.git("add", "b.model.yaml")
    report = desk.add("b.bin", name="a")
    assert (report.version, report.was, report.pointer_path) == (2, 1, "a.model.yaml")


def test_a_pointer_that_was_unstaged_goes_on(desk: Desk) -> None:
    desk.add("a.bin", ONE, metrics=["auc=0.5"])
    desk.repo.git("reset", "-q")

    report = desk.add("a.bin")

    assert (report.version, report.changed, report.same_weights) == (1, False, True)
    assert desk.pointer("a.model.yaml").metrics == {"auc": 0.5}
    assert "a.model.yaml" in desk.staged()


def test_a_copy_of_weights_is_a_model_of_its_own(desk: Desk) -> None:
    desk.version(ONE, "a.bin")

    assert (desk.add("b.bin", ONE).name, desk.pointer("b.model.yaml").version) == ("b", 1)
    (desk.repo.path / "a.bin").unlink()
    assert desk.add("c.bin", ONE, name="c").name == "c"


@pytest.mark.parametrize("target", ["clf", "clf-v2", "other/clf"])
def test_a_file_becomes_a_folder_and_a_folder_a_file(desk: Desk, target: str) -> None:
    desk.version(ONE, "clf.bin")
    desk.repo.write(f"{target}/config.json", "{}")
    desk.repo.write(f"{target}/weights.bin", TWO)

    assert commit(desk, desk.add(target, name="clf")).version == 2
    assert commit(desk, desk.add("clf.gguf", THREE, name="clf")).version == 3
    desk.push()
    for number, path, content in (
        (1, "clf.bin", ONE),
        (2, f"{target}/weights.bin", TWO),
        (3, "clf.gguf", THREE),
    ):
        checked_out(desk, f"clf@{number}")
        assert desk.repo.read(path) == content
        desk.repo.git("reset", "-q", "--hard")


def commit(desk: Desk, report: AddReport) -> AddReport:
    desk.repo.git("commit", "-qm", f"{report.name} {report.version}")
    return report


def test_a_file_becomes_a_folder_of_the_same_path(desk: Desk) -> None:
    desk.version(ONE, "clf")
    desk.push()
    (desk.repo.path / "clf").unlink()
    desk.repo.write("clf/weights.bin", TWO)

    assert commit(desk, desk.add("clf")).version == 2
    desk.push()
    checked_out(desk, "clf@1")
    assert desk.repo.read("clf") == ONE
    desk.repo.git("reset", "-q", "--hard")
    checked_out(desk)
    assert desk.repo.read("clf/weights.bin") == TWO


def test_weights_that_are_no_version_yet_are_not_left_behind(desk: Desk) -> None:
    desk.version(ONE, "clf.pkl")
    desk.repo.write("clf.pkl", THREE)
    desk.repo.write("clf.safetensors", TWO)

    message, hint = refusal(WeightsError, lambda: desk.add("clf.safetensors", name="clf"))

    assert message == (
        "clf: the weights in clf.pkl are not registered, and clf.safetensors would replace that path"
    )
    run_hint(desk, hint)
    assert desk.add("clf.safetensors", name="clf").version == 2
    with desk.open() as project:
        assert project.cache.holds_sound(digest(THREE))


def test_a_name_that_follows_from_the_path_is_no_reason_to_go_on(desk: Desk) -> None:
    """Two files of one name may be two models; the error names both commands."""
    desk.version(ONE, "clf.pkl")
    desk.repo.write("clf.onnx", TWO)

    message, hint = refusal(ModelNameError, lambda: desk.add("clf.onnx"))

    assert message == "a model clf already exists at clf.pkl"
    run_hint(desk, hint)
    assert desk.pointer("clf.model.yaml").version == 2


def test_weights_inside_a_folder_model_are_first_moved_out(desk: Desk) -> None:
    desk.repo.write("clf/weights.bin", ONE)
    desk.version(TWO, "other.bin")
    commit(desk, desk.add("clf"))

    message, hint = refusal(WeightsError, lambda: desk.add("clf/weights.bin", name="clf"))

    assert message == "clf/weights.bin is part of the model clf"
    assert hint == (
        "move it out of the folder: mv clf/weights.bin weights.bin, "
        "then gitmodel add weights.bin --name clf"
    )
    os.rename(desk.repo.path / "clf/weights.bin", desk.repo.path / "weights.bin")
    assert desk.add("weights.bin", name="clf").version == 2


def test_a_folder_that_holds_the_model_is_its_next_version_after_a_move(desk: Desk) -> None:
    desk.version(ONE, "clf/weights.bin", name="clf")
    desk.repo.write("clf/config.json", "{}")

    message, hint = refusal(WeightsError, lambda: desk.add("clf", name="clf"))

    assert message == "clf contains the pointer of clf, so it cannot be the weights of that model"
    assert hint == (
        "move the model first: gitmodel mv clf --path weights.bin, then gitmodel add clf --name clf"
    )
    desk.repo.gitmodel("mv", "clf", "--path", "weights.bin")
    desk.repo.git("commit", "-qm", "moved")
    report = desk.add("clf", name="clf")
    assert (report.version, report.was) == (2, 1)


def test_the_pointer_of_another_model_is_never_replaced(desk: Desk) -> None:
    desk.version(ONE, "clf.pkl", name="team/clf")
    desk.version(TWO, "b/other.pkl", name="clf")

    desk.repo.write("clf.onnx", THREE)
    desk.repo.write("b/clf.onnx", THREE)

    for path, name in (("clf.onnx", "clf"), ("b/clf.onnx", "team/clf")):
        message, hint = refusal(ModelNameError, partial(desk.add, path, name=name))
        assert "clf.model.yaml is already the pointer of" in message
        assert hint
    assert desk.staged() == []
