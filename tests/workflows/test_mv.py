"""`rm`, `mv` and `renumber`: names, places and numbers change, contents never do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    AliasError,
    ModelNameError,
    RemoteError,
    UnknownReferenceError,
    UnsafePathError,
    UnsavedWeightsError,
    UsageError,
    VersionTakenError,
)
from gitmodel.project.committing.commit_notes import CommitReport
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.references import resolve
from gitmodel.store.claims import claim_key
from gitmodel.workflows.add import add
from gitmodel.workflows.mv import RenameReport, rename_model
from gitmodel.workflows.register_changes import register_changes
from gitmodel.workflows.renumber import RenumberReport, renumber
from gitmodel.workflows.rm import RemoveReport, remove_model
from tests.support.desk import Desk, digest, kept_desk, refusal
from tests.support.models import write_folder
from tests.support.stores import files_below

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.project.project import Project

Result = TypeVar("Result")
ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def one_version(desk: Desk) -> None:
    desk.version(ONE)


fraud = kept_desk(one_version)


def with_project(desk: Desk, work: Callable[[Project], Result]) -> Result:
    with desk.open() as project:
        return work(project)


def move(desk: Desk, name: str, **options: str) -> RenameReport:
    return with_project(desk, lambda project: rename_model(project, name, **options))


def drop(desk: Desk, name: str, *, weights: bool = False) -> RemoveReport:
    return with_project(desk, lambda project: remove_model(project, name, weights=weights))


def test_removing_keeps_the_weights(fraud: Desk) -> None:
    assert drop(fraud, "fraud") == RemoveReport(
        "fraud", "fraud.model.yaml", "fraud.bin", weights_removed=False
    )
    assert fraud.repo.read("fraud.bin") == ONE
    assert fraud.repo.git("status", "--porcelain").stdout == "D  fraud.model.yaml\n"


def test_removing_the_weights_too(fraud: Desk) -> None:
    drop(fraud, "fraud", weights=True)

    assert not (fraud.repo.path / "fraud.bin").exists()


def test_weights_in_no_store_are_not_removed(fraud: Desk) -> None:
    fraud.repo.write("fraud.bin", TWO)

    assert refusal(UnsavedWeightsError, lambda: drop(fraud, "fraud", weights=True)) == (
        "fraud: fraud.bin is stored nowhere else, so it was not removed",
        "gitmodel add fraud.bin, or remove it yourself",
    )
    assert fraud.repo.read("fraud.bin") == TWO
    assert fraud.staged() == []


def test_removing_a_folder_leaves_what_is_not_the_models(desk: Desk) -> None:
    top = desk.repo.path / "bert"
    write_folder({"a.bin": ONE, "sub/b.bin": TWO, ".cache/x": b""}, top)
    (top / ".DS_Store").write_bytes(b"")
    desk.add("bert")

    drop(desk, "bert", weights=True)

    assert ".DS_Store" in files_below(top)
    assert not (top / "sub").exists()


def test_unknown_models(fraud: Desk) -> None:
    for work in (lambda: drop(fraud, "frod"), lambda: move(fraud, "frod", new_name="risk")):
        assert refusal(UnknownReferenceError, work) == (
            "no model is called 'frod'",
            "did you mean fraud?",
        )


def test_another_name(fraud: Desk) -> None:
    assert move(fraud, "fraud", new_name="team/risk") == RenameReport(
        "fraud", "team/risk", "fraud.bin", "fraud.bin", "risk.model.yaml"
    )
    assert fraud.staged() == ["fraud.model.yaml", "risk.model.yaml"]
    pointer = fraud.pointer("risk.model.yaml")
    assert (pointer.name, pointer.version, pointer.digest) == ("team/risk", 1, digest(ONE))
    with fraud.open() as project:
        assert register_changes(project) == CommitReport(), "the record has moved along"


def test_another_place(fraud: Desk) -> None:
    assert move(fraud, "fraud", path="models/deep/fraud.bin") == RenameReport(
        "fraud", "fraud", "fraud.bin", "models/deep/fraud.bin", "models/deep/fraud.model.yaml"
    )
    assert fraud.repo.read("models/deep/fraud.bin") == ONE
    assert not (fraud.repo.path / "fraud.bin").exists()
    assert fraud.repo.git("status", "--porcelain", "-uall").stdout == (
        "A  models/deep/.gitignore\nR  fraud.model.yaml -> models/deep/fraud.model.yaml\n"
    )


def test_only_the_pointer_moves_where_there_are_no_weights(fraud: Desk) -> None:
    (fraud.repo.path / "fraud.bin").unlink()

    move(fraud, "fraud", path="models/fraud.bin")

    assert fraud.pointer("models/fraud.model.yaml").version == 1
    assert not (fraud.repo.path / "models/fraud.bin").exists()


def test_aliases_go_along(fraud: Desk) -> None:
    alias = fraud.alias("production", 1, ONE)
    fraud.repo.commit("promote")

    move(fraud, "fraud", new_name="risk", path="models/risk.bin")

    new = "models/risk.production.alias.yaml"
    assert Alias.from_text(fraud.repo.read(new), new) == replace(alias, name="risk")
    assert not (fraud.repo.path / "fraud.production.alias.yaml").exists()
    assert {"fraud.production.alias.yaml", new} <= set(fraud.staged())
    fraud.repo.commit("rename")
    with fraud.open() as project:
        found = resolve(project, Reference.parse("risk@production"))
    assert found.pointer.digest == digest(ONE)


def test_names_and_places_that_are_taken(fraud: Desk) -> None:
    fraud.version(TWO, "churn.bin")
    fraud.repo.write("there.bin", THREE)

    assert refusal(ModelNameError, lambda: move(fraud, "fraud", new_name="churn")) == (
        "churn is another model already",
        "gitmodel list",
    )
    assert refusal(ModelNameError, lambda: move(fraud, "fraud", new_name="team/churn")) == (
        "churn.model.yaml is there already",
        "choose another name",
    )
    assert refusal(UnsafePathError, lambda: move(fraud, "fraud", path="there.bin")) == (
        "there.bin is there already",
        "choose another path",
    )
    assert refusal(UnsafePathError, lambda: move(fraud, "fraud", path="../out.bin"))[0] == (
        f"../out.bin is not inside the repository {fraud.repo.path}"
    )
    assert refusal(UsageError, lambda: move(fraud, "fraud")) == (
        "nothing to change",
        "gitmodel mv fraud NEW_NAME, or --path NEW_PATH",
    )
    with pytest.raises(ModelNameError):
        move(fraud, "fraud", new_name="No Name")
    assert fraud.staged() == []


def test_one_of_two_pointers_of_one_name(fraud: Desk) -> None:
    fraud.repo.write("copy/fraud.model.yaml", fraud.repo.read("fraud.model.yaml"))
    fraud.repo.commit("copy")

    report = move(fraud, "risk", pointer="copy/fraud.model.yaml")

    assert (report.old_name, report.name, report.pointer_path) == (
        "fraud",
        "risk",
        "copy/risk.model.yaml",
    )
    assert fraud.pointer().name == "fraud"
    assert refusal(UnknownReferenceError, lambda: move(fraud, "x", pointer="nowhere.model.yaml"))[
        0
    ] == ("no model is called 'nowhere.model.yaml'")


def test_a_new_number(fraud: Desk) -> None:
    fraud.version(TWO)

    report = with_project(fraud, lambda project: renumber(project, "fraud"))

    assert report == RenumberReport("fraud", 2, 3, None)
    pointer = fraud.pointer()
    assert (pointer.version, pointer.digest, pointer.previous) == (
        3,
        digest(TWO),
        Previous(1, digest(ONE)),
    )
    assert fraud.staged() == ["fraud.model.yaml"]


def claimed(desk: Desk, *numbers: int) -> None:
    from gitmodel.store.claims import Claim

    for number in numbers:
        path = desk.store / claim_key("models", "fraud", number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Claim(name="fraud", version=number, digest=digest(THREE)).to_text())


def test_numbers_that_somebody_has_are_passed_over(fraud: Desk) -> None:
    claimed(fraud, 1, 2, 3)

    report = with_project(
        fraud, lambda project: renumber(project, "fraud", commit=True, message="make way")
    )

    assert report == RenumberReport("fraud", 1, 4, fraud.repo.head())
    assert fraud.repo.git("log", "-1", "--format=%s").stdout == "make way\n"
    assert fraud.push().versions == [("fraud", 1), ("fraud", 4)]


def test_a_refused_push_ends_with_renumber_and_push(fraud: Desk) -> None:
    claimed(fraud, 1)
    with pytest.raises(VersionTakenError):
        fraud.push()

    with_project(fraud, lambda project: renumber(project, "fraud", commit=True))

    assert fraud.repo.git("log", "-1", "--format=%s").stdout == "fraud: version 1 becomes 2\n"
    assert ("fraud", 2) in fraud.push().versions


def test_a_number_that_is_not_taken_can_be_left_alone(fraud: Desk) -> None:
    before = fraud.repo.head()

    def report() -> RenumberReport:
        return with_project(
            fraud, lambda project: renumber(project, "fraud", commit=True, if_taken=True)
        )

    assert report() == RenumberReport("fraud", 1, 1, None), "free"
    fraud.push()
    assert report() == RenumberReport("fraud", 1, 1, None), "its own"
    assert fraud.repo.head() == before
    claimed(fraud, 1)
    assert report() == RenumberReport("fraud", 1, 2, fraud.repo.head())


def test_asking_whether_a_number_is_taken_needs_the_remote(fraud: Desk, tmp_path: Path) -> None:
    fraud.store.rename(tmp_path / "gone")

    with pytest.raises(RemoteError):
        with_project(fraud, lambda project: renumber(project, "fraud", if_taken=True))


def test_offline_the_number_is_free_as_far_as_is_known(fraud: Desk, tmp_path: Path) -> None:
    fraud.store.rename(tmp_path / "gone")
    with fraud.open() as project:
        claims_seen(project).see_all([("fraud", 5, digest(THREE))])

    report = with_project(fraud, lambda project: renumber(project, "fraud"))

    assert report.version == 6
    assert fraud.notes == [
        f"fraud: the folder {fraud.store} does not exist; version 6 is free as far as this clone knows"
    ]


def test_only_the_pointer_is_committed(fraud: Desk) -> None:
    fraud.repo.write("notes.txt", "mine")
    fraud.repo.git("add", "notes.txt")

    with_project(fraud, lambda project: renumber(project, "fraud", commit=True))

    assert fraud.staged() == ["notes.txt"]
    assert Path(fraud.repo.path / "notes.txt").exists()


def test_a_folder_as_the_place_means_a_place_in_it(fraud: Desk) -> None:
    (fraud.repo.path / "prod").mkdir()

    assert move(fraud, "fraud", path="prod").path == "prod/fraud.bin"
    assert move(fraud, "fraud", path="new/").path == "new/fraud.bin"
    assert fraud.repo.read("new/fraud.bin") == ONE


def test_missing_weights_are_said_to_be_missing(fraud: Desk) -> None:
    fraud.version(ONE, "deep/er/x.bin")
    for path in ("fraud.bin", "deep/er/x.bin"):
        (fraud.repo.path / path).unlink()

    report = move(fraud, "fraud", path="prod/fraud.bin")

    assert report.moved_weights is False
    said = fraud.repo.gitmodel("mv", "x", "--path", "y.bin")
    assert "no weights are on disk; they come with: gitmodel checkout x" in said.stderr
    assert not (fraud.repo.path / "y.bin").exists()
    fraud.repo.gitmodel("checkout")
    assert fraud.repo.read("y.bin") == ONE


def test_places_that_are_another_models(fraud: Desk) -> None:
    write_folder({"a.bin": TWO}, fraud.repo.path / "bert")
    fraud.version(TWO, "other.bin")
    with_project(fraud, lambda project: add(project, "bert"))

    assert refusal(UnsafePathError, lambda: move(fraud, "fraud", path="bert/x.bin"))[0] == (
        "bert/x.bin is inside the model bert"
    )
    assert refusal(UnsafePathError, lambda: move(fraud, "bert", path="bert/inner"))[0] == (
        "bert/inner is inside the model bert"
    )
    assert refusal(UnsafePathError, lambda: move(fraud, "fraud", path="Other.BIN")) == (
        "Other.BIN and other.bin are the same file on some systems",
        "choose another path",
    )
    assert move(fraud, "fraud", path="Fraud.bin").path == "Fraud.bin"


def test_moving_back_and_forth_ends_where_it_began(fraud: Desk) -> None:
    before = fraud.repo.read("fraud.model.yaml")

    for _ in range(3):
        move(fraud, "fraud", new_name="risk", path="prod/risk.bin")
        move(fraud, "risk", new_name="fraud", path="fraud.bin")

    assert fraud.repo.read("fraud.model.yaml") == before
    assert fraud.repo.read("fraud.bin") == ONE
    assert "fraud.model.yaml" not in fraud.staged()
    assert fraud.repo.git("status", "--porcelain", "--", "*.bin").stdout == ""


def test_an_alias_that_does_not_parse_stops_a_rename_before_anything_moves(fraud: Desk) -> None:
    fraud.repo.write("fraud.production.alias.yaml", "")
    fraud.repo.git("add", "-A")
    fraud.repo.git("commit", "-qm", "broken", "--no-verify")

    message, hint = refusal(AliasError, lambda: move(fraud, "fraud", new_name="risk"))

    assert message.startswith("fraud.production.alias.yaml: ")
    assert hint == (
        "git rm -f fraud.production.alias.yaml, then gitmodel promote fraud@VERSION production"
    )
    assert fraud.repo.git("status", "--porcelain").stdout == ""
