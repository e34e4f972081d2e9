"""`gitmodel best` ranks versions by finite values, and says which it left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.gates.known_metrics import known_direction
from gitmodel.domain.reference import Reference
from gitmodel.errors import UnknownReferenceError, UsageError
from gitmodel.workflows.best import LeftOut, best
from gitmodel.workflows.deprecate import deprecate
from tests.support.desk import Desk, kept_desk, refusal

if TYPE_CHECKING:
    from gitmodel.workflows.best import BestReport


def five_versions(desk: Desk) -> None:
    """Versions 1 to 5 of fraud; 2 and 4 are equally good, 3 has NaN, 5 has no auc."""
    for number, auc in enumerate(("0.9", "0.93", "nan", "0.93"), 1):
        desk.version(f"weights {number}".encode(), metrics=[f"auc={auc}", f"cost={number}"])
    desk.version(b"weights 5", metrics=["cost=5"])


ana = kept_desk(five_versions)


def ranked(desk: Desk, metric: str = "auc", **options: object) -> BestReport:
    with desk.open() as project:
        return best(project, "fraud", metric, **options)  # type: ignore[arg-type]


def numbers(report: BestReport) -> list[int]:
    assert report.best is not None
    return [row.version for row in (report.best, *report.others)]


def test_of_equal_values_the_older_version_is_best(ana: Desk) -> None:
    report = ranked(ana)

    assert numbers(report) == [2, 4, 1]
    assert (report.better, report.direction_from, report.ties) == ("higher", "known name", (4,))
    assert report.left_out == (LeftOut(3, "nan"), LeftOut(5, "missing"))


def test_a_direction_is_never_guessed(ana: Desk) -> None:
    refusal(UsageError, lambda: ranked(ana, "cost"))

    assert numbers(ranked(ana, "cost", better="lower")) == [1, 2, 3, 4, 5]
    assert numbers(ranked(ana, "cost", better="higher")) == [5, 4, 3, 2, 1]


def test_the_configuration_counts_before_a_known_name(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text + "better: {auc: lower}\n")
    ana.repo.commit("directions", ".gitmodel.yaml")

    report = ranked(ana)

    assert (numbers(report), report.direction_from) == ([1, 2, 4], ".gitmodel.yaml")


def test_deprecated_versions_are_left_out(ana: Desk) -> None:
    with ana.open() as project:
        deprecate(project, Reference.parse("fraud@2"), why="leaked labels")

    assert numbers(ranked(ana)) == [4, 1]
    assert LeftOut(2, "deprecated") in ranked(ana).left_out


def test_versions_of_other_branches_count_with_all_only(ana: Desk) -> None:
    ana.repo.git("checkout", "-qb", "exp")
    ana.version(b"weights 6", metrics=["auc=0.99"])
    ana.repo.git("checkout", "-q", "main")

    assert numbers(ranked(ana)) == [2, 4, 1]
    report = ranked(ana, everywhere=True)
    assert numbers(report) == [6, 2, 4, 1]
    assert report.best is not None
    assert (report.best.on_head, report.best.on, report.best.confirmed) == (False, "exp", False)


def test_corrected_metrics_count(ana: Desk) -> None:
    ana.repo.write("fraud.bin", b"weights 5")
    ana.add(metrics=["auc=0.95"])
    ana.repo.git("commit", "-qam", "measured")

    assert numbers(ranked(ana)) == [5, 2, 4, 1]


def test_other_data_are_named(desk: Desk) -> None:
    for number, digest in ((1, "aaa"), (2, "bbb")):
        desk.version(f"weights {number}".encode(), metrics=[f"auc=0.{number}"])
        pointer = replace(desk.pointer(), data=({"name": "may", "digest": digest},))
        desk.repo.write("fraud.model.yaml", pointer.to_text())
        desk.repo.git("commit", "-qam", f"data {number}")

    assert ranked(desk).notes == (
        'v1 and v2 were measured on other data: data "may" was aaa, and is bbb',
    )


def test_an_unknown_model_is_an_error(ana: Desk) -> None:
    with ana.open() as project:
        refusal(UnknownReferenceError, lambda: best(project, "other", "auc"))


def test_the_command_shows_the_reference(ana: Desk) -> None:
    done = ana.repo.gitmodel("best", "fraud", "--metric", "auc")
    quiet = ana.repo.gitmodel("best", "fraud", "--metric", "auc", "-q")
    document = json.loads(ana.repo.gitmodel("best", "fraud", "-M", "auc", "--json").stdout)

    assert done.stdout == (
        "fraud@2  auc 0.93  higher is better (known name)\n"
        "equal: v4\n"
        "also: v4 0.93, v1 0.9; left out: v3 (nan), v5 (missing)\n"
    )
    assert quiet.stdout == "fraud@2\n"
    assert (document["best"]["version"], document["best"]["value"]) == (2, 0.93)


def test_without_a_finite_value_the_command_fails(ana: Desk) -> None:
    done = ana.repo.gitmodel("best", "fraud", "--metric", "f1", check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: no version of fraud has a finite f1; left out: v1 (missing)"
    )


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("auc", "higher"),
        ("eval.val_loss", "lower"),
        ("val/f1", "higher"),
        ("loss2", None),
        ("my_auc", None),
        ("AUC", None),
    ],
)
def test_known_names_are_exact(metric: str, direction: str | None) -> None:
    assert known_direction(metric) == direction
