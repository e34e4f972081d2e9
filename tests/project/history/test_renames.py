"""A renamed model keeps its history: numbers, log and content go on under the new name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import Reference
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.references import resolve
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.log import log
from gitmodel.workflows.mv import rename_model
from tests.support.desk import Desk, digest, kept_desk
from tests.support.processes import started_processes

if TYPE_CHECKING:
    from collections.abc import Iterator


def content(number: int) -> bytes:
    return f"weights {number}".encode()


def rename_after_three_versions(desk: Desk) -> None:
    """Versions 1 to 3 as a, renamed to b and not committed."""
    for number in (1, 2, 3):
        desk.version(content(number), "a.bin", metrics=[f"auc=0.{number}"])
    move(desk, "a", new_name="b")


renamed = kept_desk(rename_after_three_versions)


def move(desk: Desk, name: str, **options: str) -> None:
    with desk.open() as project:
        rename_model(project, name, **options)


def numbers(desk: Desk, name: str) -> list[int]:
    with desk.open() as project:
        return [entry.version for entry in log(project, name)]


def digests(desk: Desk, name: str) -> Iterator[tuple[int, str]]:
    with desk.open() as project:
        for entry in log(project, name):
            yield entry.version, entry.digest


def resolved(desk: Desk, reference: str) -> tuple[str, int, str]:
    with desk.open() as project:
        pointer = resolve(project, Reference.parse(reference)).pointer
    return pointer.name, pointer.version, str(pointer.digest)


@pytest.mark.parametrize("committed", [False, True])
def test_versions_from_before_a_rename_are_those_of_the_new_name(
    renamed: Desk, *, committed: bool
) -> None:
    if committed:
        renamed.repo.commit("renamed")

    assert numbers(renamed, "b") == [3, 2, 1]
    for number in (1, 2, 3):
        wanted = ("b", number, str(digest(content(number))))
        assert resolved(renamed, f"b@{number}") == wanted
        assert resolved(renamed, f"b@blake3:{digest(content(number)).hex[:12]}") == wanted
    with renamed.open() as project, pytest.raises(UnknownReferenceError, match=r"no b@4"):
        resolve(project, Reference.parse("b@4"))


@pytest.mark.parametrize("committed", [False, True])
def test_the_next_number_goes_on_after_a_rename(renamed: Desk, *, committed: bool) -> None:
    if committed:
        renamed.repo.commit("renamed")

    report = renamed.version(content(4), "a.bin")

    assert (report.name, report.version) == ("b", 4)
    assert renamed.committed("b.model.yaml").previous == Previous(3, digest(content(3)))
    assert numbers(renamed, "b") == [4, 3, 2, 1]
    assert renamed.version(content(5), "a.bin").version == 5


def test_the_first_version_renamed_before_it_is_committed_elsewhere_counts(desk: Desk) -> None:
    desk.version(content(1), "a.bin")
    move(desk, "a", new_name="b")

    assert desk.version(content(2), "a.bin").version == 2
    assert resolved(desk, "b@1") == ("b", 1, str(digest(content(1))))


def test_content_from_before_a_rename_keeps_its_number(renamed: Desk) -> None:
    renamed.repo.commit("renamed")

    report = renamed.version(content(1), "a.bin")

    assert (report.version, report.was) == (1, 3)
    assert renamed.committed("b.model.yaml").metrics == {"auc": 0.1}


def test_an_earlier_version_is_checked_out_under_the_new_name(renamed: Desk) -> None:
    renamed.repo.commit("renamed")
    renamed.push()

    with renamed.open() as project:
        checkout(project, ["b@2"])

    assert renamed.repo.read("a.bin") == content(2)
    pointer = renamed.pointer("b.model.yaml")
    assert (pointer.name, pointer.version, pointer.metrics) == ("b", 2, {"auc": 0.2})
    assert not (renamed.repo.path / "a.model.yaml").exists()
    assert renamed.staged() == ["b.model.yaml"]


def test_a_model_that_is_renamed_again_and_back_has_one_history(renamed: Desk) -> None:
    renamed.repo.commit("renamed")
    renamed.version(content(4), "a.bin")
    move(renamed, "b", new_name="team/c", path="c.bin")
    renamed.repo.commit("again")
    renamed.version(content(5), "c.bin")
    move(renamed, "team/c", new_name="a")
    renamed.repo.commit("back")
    renamed.version(content(6), "c.bin")
    move(renamed, "a", new_name="d")
    renamed.repo.commit("on")

    every = {number: str(digest(content(number))) for number in range(1, 7)}
    assert dict(digests(renamed, "d")) == every
    assert dict(digests(renamed, "a")) == every
    for number, wanted in every.items():
        assert resolved(renamed, f"d@{number}") == ("d", number, wanted)


def test_a_rename_and_new_weights_in_one_commit(desk: Desk) -> None:
    for number in (1, 2):
        desk.version(content(number), "a.bin")
    move(desk, "a", new_name="b")
    desk.add("a.bin", content(3))
    desk.repo.commit("both")

    assert numbers(desk, "b") == [3, 2, 1]


def test_a_pointer_renamed_by_hand_has_its_history_too(desk: Desk) -> None:
    for number in (1, 2):
        desk.version(content(number), "a.bin")
    text = desk.pointer("a.model.yaml")
    move(desk, "a", new_name="b")
    desk.repo.git("mv", "b.model.yaml", "other.model.yaml")
    os.rename(desk.repo.path / "other.model.yaml", desk.repo.path / "b.model.yaml")
    desk.repo.commit("by hand")

    assert text.version == 2
    assert numbers(desk, "b") == [2, 1]


def test_a_copy_that_goes_its_own_way_has_a_history_of_its_own(desk: Desk) -> None:
    for number in (1, 2):
        desk.version(content(number), "a.bin")
    desk.repo.write("a.bin", content(3))
    desk.add("a.bin")
    desk.add("b.bin", content(2))
    assert desk.add("b.bin", content(7)).version == 1
    desk.repo.commit("fork")

    assert numbers(desk, "b") == [1]
    assert desk.version(content(8), "b.bin").version == 2
    assert resolved(desk, "b@1")[2] == str(digest(content(7)))


def test_versions_after_the_rename_of_a_new_model_of_the_old_name_are_its_own(
    renamed: Desk,
) -> None:
    renamed.repo.commit("renamed")
    new = renamed.version(content(20), "again/a.bin", name="a")
    renamed.version(content(21), "again/a.bin")

    assert new.version == 4
    assert numbers(renamed, "b") == [3, 2, 1]


def test_a_clone_of_depth_1_says_what_it_lacks(renamed: Desk) -> None:
    renamed.repo.commit("renamed")
    ben = renamed.join("ben", "--depth=1")

    assert numbers(ben, "b") == [3]
    with ben.open() as project, pytest.raises(UnknownReferenceError, match=r"no b@1, "):
        resolve(project, Reference.parse("b@1"))


def test_a_model_that_was_never_renamed_costs_nothing_more(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.version(content(number), "a.bin")

    def processes() -> list[str]:
        with started_processes() as commands:
            numbers(desk, "a")
        return [
            command for command in commands if "diff-tree" in command or "diff-index" in command
        ]

    assert processes() == []
