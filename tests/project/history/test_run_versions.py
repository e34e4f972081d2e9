"""`NAME@run:ID` means the version that a training run made."""

from __future__ import annotations

import pytest

from gitmodel.domain.reference import Reference
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.references import resolve
from gitmodel.workflows.mv import rename_model
from tests.support.desk import Desk, kept_desk, refusal

RUN = "c9f0f895fb98ab9159f51fd0297e236d"


def three_versions(desk: Desk) -> None:
    """Version 1 is of one run, versions 2 and 3 are of another."""
    desk.version(b"one", run_id=RUN)
    desk.version(b"two", run_id="other-run")
    desk.version(b"three", run_id="other-run")


ana = kept_desk(three_versions)


def version(desk: Desk, text: str) -> int:
    with desk.open() as project:
        return resolve(project, Reference.parse(text)).pointer.version


def test_a_run_is_named_by_its_id_or_by_eight_characters(ana: Desk) -> None:
    assert version(ana, f"fraud@run:{RUN}") == version(ana, f"fraud@run:{RUN[:8]}") == 1


def test_fewer_characters_name_a_whole_id_only(ana: Desk) -> None:
    ana.version(b"four", run_id="r4")

    assert version(ana, "fraud@run:r4") == 4
    refusal(UnknownReferenceError, lambda: version(ana, f"fraud@run:{RUN[:7]}"))


def test_two_versions_of_a_run_are_both_named(ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: version(ana, "fraud@run:other-run")) == (
        "fraud: 2 versions are of the run 'other-run'",
        "name one: fraud@2, fraud@3",
    )


def test_an_exact_id_counts_before_a_longer_one(ana: Desk) -> None:
    ana.version(b"four", run_id=f"{RUN}-retry")

    assert version(ana, f"fraud@run:{RUN}") == 1
    refusal(UnknownReferenceError, lambda: version(ana, f"fraud@run:{RUN[:9]}"))


def test_a_version_that_is_not_committed_counts(ana: Desk) -> None:
    ana.add(content=b"four", run_id="not-committed")

    assert version(ana, "fraud@run:not-committed") == 4


def test_a_run_is_found_under_an_earlier_name(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk")
    ana.repo.git("commit", "-qam", "rename")

    assert version(ana, f"risk@run:{RUN}") == 1


def test_an_unknown_run_names_the_log(ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: version(ana, "fraud@run:unknown-run")) == (
        "fraud: no version is of the run 'unknown-run'",
        "gitmodel log fraud",
    )


@pytest.mark.parametrize(
    "text", ["fraud@run:", "fraud@run:a b", "fraud@run:\x1b[2J", "fraud@run:" + "x" * 201]
)
def test_texts_that_are_no_run_id(text: str) -> None:
    refusal(UnknownReferenceError, lambda: Reference.parse(text))


def test_commands_take_it(ana: Desk) -> None:
    shown = ana.repo.gitmodel("show", f"fraud@run:{RUN[:10]}").stdout
    ana.repo.gitmodel("checkout", f"fraud@run:{RUN[:10]}")

    assert "v1" in shown
    assert ana.repo.read("fraud.bin") == b"one"
