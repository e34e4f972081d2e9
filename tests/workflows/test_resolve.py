"""`resolve` takes one side whole, wherever the sides are told from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import ModelNameError, UnknownReferenceError
from gitmodel.project.conflicts import conflict_errors
from gitmodel.workflows.resolve import ResolveReport, resolve_conflict
from gitmodel.workflows.status import status
from tests.support.desk import Desk, kept_desk, refusal, short
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side

ONE, TWO, THREE = (some_bytes(50_000, seed=seed) for seed in (1, 2, 3))


def resolved(desk: Desk, name: str, side: Side) -> ResolveReport:
    with desk.open() as project:
        return resolve_conflict(project, name, side)


def two_branches(desk: Desk) -> None:
    """Version 1, and two branches in conflict: version 3 here, version 2 on the other."""
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO)
    desk.repo.git("switch", "-q", "main")
    desk.version(THREE)
    desk.repo.git("merge", "-q", "other", check=False)


split = kept_desk(two_branches)


def test_the_weights_come_from_the_cache(split: Desk) -> None:
    report = resolved(split, "fraud", "theirs")

    assert report == ResolveReport(
        "fraud", "fraud.model.yaml", "theirs", 2, 2, in_line=True, next_command="git commit"
    )
    assert split.repo.read("fraud.bin") == TWO
    assert split.staged() == ["fraud.model.yaml"]


def test_new_weights_are_never_overwritten(split: Desk) -> None:
    mine = some_bytes(50_000, seed=9)
    split.repo.write("fraud.bin", mine)

    report = resolved(split, "fraud", "theirs")

    assert not report.in_line
    assert split.repo.read("fraud.bin") == mine


def test_weights_that_are_not_in_the_cache_are_said(split: Desk) -> None:
    from shutil import rmtree

    rmtree(split.repo.path / ".git/gitmodel")

    report = resolved(split, "fraud", "theirs")

    assert not report.in_line
    assert split.pointer().version == 2


def test_status_names_both_sides(split: Desk) -> None:
    with split.open() as project:
        (error,) = conflict_errors(project)
        report = status(project)

    assert (str(error), error.hint) == (
        (
            "fraud.model.yaml: unresolved merge conflict: "
            f"ours is version 3 ({short(THREE)}); theirs is version 2 ({short(TWO)})"
        ),
        "gitmodel resolve fraud --ours|--theirs",
    )
    assert [str(problem) for problem in report.broken] == [str(error)]
    assert report.models == []


def test_what_is_not_in_conflict(split: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: resolved(split, "churn", "ours")) == (
        "no pointer of churn is in conflict",
        "in conflict: fraud",
    )
    resolved(split, "fraud", "ours")
    assert refusal(UnknownReferenceError, lambda: resolved(split, "fraud", "ours")) == (
        "no pointer of fraud is in conflict",
        "git status",
    )


def test_what_is_left_to_do_comes_next(split: Desk) -> None:
    split.repo.git("merge", "--abort")
    for branch in ("other", "main"):
        split.repo.git("switch", "-q", branch)
        split.version(some_bytes(9_000, seed=len(branch)), "churn.bin")
        split.repo.write("notes.txt", branch)
        split.repo.git("add", "notes.txt")
        split.repo.git("commit", "-qm", "notes")
    split.repo.git("merge", "-q", "other", check=False)

    first = resolved(split, "fraud", "ours")
    second = resolved(split, "churn", "ours")

    assert first.next_command == "gitmodel resolve churn --ours|--theirs"
    assert second.next_command == "git status, which names the other files in conflict"


def test_both_sides_rename(desk: Desk) -> None:
    from gitmodel.workflows.mv import rename_model

    desk.version(ONE)
    for branch, place in (("other", "a/fraud.bin"), ("main", "b/fraud.bin")):
        desk.repo.git("switch", "-q", *(("-c",) if branch == "other" else ()), branch)
        with desk.open() as project:
            rename_model(project, "fraud", path=place)
        desk.repo.git("commit", "-qam", branch)
    desk.repo.git("merge", "-q", "other", check=False)
    assert "fraud.model.yaml" in desk.repo.git("ls-files", "-u").stdout

    report = resolved(desk, "fraud", "theirs")

    assert (report.path, report.version) == ("a/fraud.model.yaml", 1)
    left = desk.repo.git("ls-files", "--", "*.model.yaml").stdout.split()
    assert left == ["a/fraud.model.yaml"]


def test_two_of_one_name_are_left_to_the_person(split: Desk) -> None:
    split.repo.git("merge", "--abort")
    for branch in ("other", "main"):
        split.repo.git("switch", "-q", branch)
        split.repo.write("copy/fraud.model.yaml", split.repo.read("fraud.model.yaml"))
        split.repo.commit("copy")
    split.repo.git("merge", "-q", "other", check=False)

    message, hint = refusal(ModelNameError, lambda: resolved(split, "fraud", "ours"))

    assert message == "two pointers are called fraud: copy/fraud.model.yaml and fraud.model.yaml"
    assert hint == (
        "git checkout --ours -- :/fraud.model.yaml, then git add :/fraud.model.yaml, then run this again"
    )
    assert split.repo.git("ls-files", "-u").stdout.count("fraud.model.yaml") == 5
