"""`show` finds a version by every name that it has, and says all that is known of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.pointer import Previous
from gitmodel.errors import ModelNameError, UnknownReferenceError
from gitmodel.project.search.query import Query
from gitmodel.workflows.list import list_versions
from gitmodel.workflows.show import show
from tests.support.desk import Desk, digest, kept_desk, refusal

if TYPE_CHECKING:
    from gitmodel.errors import GitmodelError

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
RUN = "c9f0f895fb98ab9159f51fd0297e236d"


def three_versions(desk: Desk) -> None:
    """Fraud 1 (deprecated) and 2 (of a run, in production); 3 is the newest, and spam 1 of the same run."""
    desk.version(ONE)
    desk.version(TWO, run_id=RUN, metrics=["auc=0.94"])
    pointer = desk.pointer()
    about: dict[str, Any] = {
        "type": "pytorch",
        "dtypes": {"F32": 3},
        "code": "listed",
        "imports": ["a.b", "c.d"],
    }
    run = {"url": "https://mlflow.example.org/#/runs/1", "system": "mlflow"}
    new = replace(pointer, format=about, run=run, license="mit")
    desk.repo.write("fraud.model.yaml", new.to_text())
    desk.repo.commit("describe")
    desk.repo.git("tag", "v0-2")
    desk.version(THREE, run_id="8f14e45fceea167a5a36dedd4bea2543")
    desk.version(ONE, "spam.bin", run_id="shared-run")
    desk.version(TWO, "spam.bin", run_id="shared-run")
    why = "May hold-out"
    desk.alias("production", 2, TWO, why=why, previous=Previous(1, digest(ONE)))
    desk.repo.write("fraud.deprecated.yaml", Deprecations({1: Deprecation(why="leaked")}).to_text())
    desk.repo.commit("promote")


ana = kept_desk(three_versions)


def version(desk: Desk, reference: str) -> str:
    with desk.open() as project:
        pointer = show(project, reference).model.pointer
    return f"{pointer.name}@{pointer.version}"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("fraud", "fraud@3"),
        ("fraud@latest", "fraud@3"),
        ("fraud@2", "fraud@2"),
        ("fraud@v2", "fraud@2"),
        ("fraud@production", "fraud@2"),
        (f"fraud@{digest(TWO)}"[:24], "fraud@2"),
        ("fraud@git:v0-2", "fraud@2"),
        ("fraud@v0-2", "fraud@2"),
        ("fraud@HEAD~1", "fraud@3"),
        (f"fraud@run:{RUN}", "fraud@2"),
        ("fraud@run:c9f0f895", "fraud@2"),
        (f"fraud@{RUN}", "fraud@2"),
        ("fraud@c9f0f895fb98", "fraud@2"),
        (RUN, "fraud@2"),
        ("c9f0f895", "fraud@2"),
    ],
)
def test_a_version_is_found_by(ana: Desk, reference: str, expected: str) -> None:
    assert version(ana, reference) == expected


def test_a_version_is_found_by_a_commit(ana: Desk) -> None:
    commit = ana.repo.head("v0-2~1")

    for short in (commit, commit[:10], commit[:7]):
        assert version(ana, f"fraud@{short}") == "fraud@2"
        assert version(ana, short) == "fraud@2"


def refused(desk: Desk, reference: str, kind: type[GitmodelError]) -> tuple[str, str | None]:
    with desk.open() as project:
        return refusal(kind, lambda: show(project, reference))


def test_what_names_no_version_or_several_is_refused(ana: Desk) -> None:
    assert refused(ana, "shared-run", UnknownReferenceError) == (
        "2 versions are of shared-run",
        "name one: spam@1, spam@2",
    )
    assert refused(ana, "spam@shared-run", UnknownReferenceError) == (
        "spam: 2 versions are of the run 'shared-run'",
        "name one: spam@1, spam@2",
    )
    message = "no model is called '{}'"
    for nothing in ("c9f0f89", "shared", "00000000", "promoted-run", ana.repo.head()):
        assert refused(ana, nothing, UnknownReferenceError)[0] == message.format(nothing)
    assert refused(ana, "fraud@shared-run", UnknownReferenceError)[0].startswith(
        "fraud: there is no alias 'shared-run'"
    )
    refused(ana, "C9F0F895", ModelNameError)


def test_the_command_says_what_is_known(ana: Desk) -> None:
    lines = ana.repo.gitmodel("show", "fraud@production").stdout.splitlines()
    said = [" ".join(line.split()) for line in lines]

    assert said[0] == "fraud v2"
    for line in (
        f"digest {digest(TWO)}",
        "aliases production",
        "why May hold-out",
        "before fraud@production was v1",
        "license mit",
        f"run {RUN}",
        "https://mlflow.example.org/#/runs/1",
        "system mlflow",
        "metrics auc 0.94",
        "format type pytorch, dtypes F32 3",
        "code listed",
        "imports a.b, c.d",
        "previous v1",
    ):
        assert line in said, lines
    first = ana.repo.gitmodel("show", "fraud@1").stdout.splitlines()
    assert ["deprecated", "leaked"] in [line.replace(":", "").split()[-2:] for line in first]


def test_the_document_has_all_of_it(ana: Desk) -> None:
    found: dict[str, Any] = json.loads(ana.repo.gitmodel("show", RUN, "--json").stdout)

    assert sorted(found) == [
        *("alias", "aliases", "deprecated", "files", "first", "in_cache", "pointer"),
        *("pointer_path", "stored", "weights_path"),
    ]
    pointer = found["pointer"]
    assert (pointer["name"], pointer["version"], pointer["run_id"]) == ("fraud", 2, RUN)
    assert pointer["format"]["code"] == "listed"
    assert pointer["run"]["system"] == "mlflow"
    assert (found["aliases"], found["alias"]) == (["production"], None)
    assert found["first"]["commit"] == ana.repo.head("v0-2~1")
    one = json.loads(ana.repo.gitmodel("show", "fraud@1", "--json").stdout)
    assert one["deprecated"]["why"] == "leaked"


def test_the_oldest_commit_of_a_shallow_clone_need_not_have_registered_a_version(ana: Desk) -> None:
    ana.repo.git("commit", "-q", "--allow-empty", "-m", "other work")
    ben = Desk(ana.repo.clone("ben", "--depth", "1"), ana.store)
    with ana.open() as project:
        assert show(project, "fraud@3").first is not None
    with ben.open() as project:
        assert show(project, "fraud@3").first is None
        assert list_versions(project, "head", query=Query.parse("by ~ *", None)).models == []
        (row, *_) = list_versions(project, "head", query=Query()).models
        assert (row.by, row.at, row.commit) == (None, None, None)
