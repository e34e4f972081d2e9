"""`list`, `log`, `show`, `rm` and `mv` know the aliases and deprecations of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.pointer import Previous
from gitmodel.errors import AliasError
from gitmodel.workflows.list import AliasRow, list_models
from gitmodel.workflows.log import log
from gitmodel.workflows.rm import remove_model
from gitmodel.workflows.show import show
from tests.support.desk import digest, refusal

if TYPE_CHECKING:
    from tests.support.desk import Desk

ONE, TWO = b"weights one", b"weights two"
LEAKED = Deprecation(why="leaked labels", since="2026-11-28")


@pytest.fixture
def ana(desk: Desk) -> Desk:
    """Versions 1 and 2 of fraud: production is 1, staging is 2; spam has none. Version 1 is deprecated."""
    desk.version(ONE)
    desk.version(TWO)
    desk.version(ONE, "spam.bin")
    desk.alias("production", 1, ONE, why="first", previous=Previous(2, digest(TWO)))
    desk.alias("staging", 2, TWO)
    desk.repo.write("fraud.deprecated.yaml", Deprecations({1: LEAKED}).to_text())
    desk.repo.commit("promote")
    return desk


def said(desk: Desk, *words: str) -> str:
    return desk.repo.gitmodel(*words).stdout


def test_list_names_the_aliases_of_each_model(ana: Desk) -> None:
    with ana.open() as project:
        fraud, spam = list_models(project).models
        of_head = list_models(project, "HEAD").models
        before = list_models(project, "HEAD~1").models

    assert fraud.aliases == (
        AliasRow("production", 1, str(digest(ONE))),
        AliasRow("staging", 2, str(digest(TWO))),
    )
    assert fraud.deprecated is None
    assert (spam.aliases, spam.deprecated) == ((), None)
    assert of_head == [fraud, spam]
    assert [row.aliases for row in before] == [(), ()]
    assert "production=v1 staging=v2" in said(ana, "list")


def test_the_json_of_list_names_who_registered_each_version(ana: Desk) -> None:
    fraud, spam = json.loads(said(ana, "list", "--json"))["models"]

    assert (fraud["name"], spam["name"]) == ("fraud", "spam")
    assert fraud["by"] == ana.repo.git("log", "-1", "--format=%an <%ae>").stdout.strip()
    assert fraud["at"].endswith("Z")
    assert [one["alias"] for one in fraud["aliases"]] == ["production", "staging"]
    assert {"format", "license", "deprecated"} <= spam.keys()


def test_list_has_no_column_of_aliases_where_there_are_none(ana: Desk) -> None:
    assert "aliases" not in said(ana, "list", "HEAD~1")


def test_list_reports_an_alias_file_that_does_not_parse(ana: Desk) -> None:
    ana.repo.write("fraud.staging.alias.yaml", "gitmodel: 1\n")

    done = ana.repo.gitmodel("list", check=False)

    assert done.returncode == 1
    assert "production=v1" in done.stdout
    assert "fraud.staging.alias.yaml: name is missing" in done.stderr


def test_log_names_the_aliases_of_each_version(ana: Desk) -> None:
    with ana.open() as project:
        two, one = log(project, "fraud")
        everything = {(row.name, row.version): row.aliases for row in log(project)}

    assert (one.aliases, one.deprecated) == (("production",), LEAKED)
    assert (two.aliases, two.deprecated) == (("staging",), None)
    assert everything == {
        ("fraud", 1): ("production",),
        ("fraud", 2): ("staging",),
        ("spam", 1): (),
    }
    assert "v1 deprecated" in said(ana, "log", "fraud")


def test_show_tells_why_an_alias_was_promoted(ana: Desk) -> None:
    with ana.open() as project:
        report = show(project, "fraud@production")
        by_number = show(project, "fraud@2")

    assert report.alias is not None
    assert (report.alias.why, report.aliases, report.deprecated) == (
        "first",
        ("production",),
        LEAKED,
    )
    assert (by_number.alias, by_number.aliases, by_number.deprecated) == (None, ("staging",), None)
    text = said(ana, "show", "fraud@production")
    assert "fraud@production was v2" in text
    assert "since 2026-11-28: leaked labels" in text
    document: dict[str, Any] = json.loads(said(ana, "show", "fraud@production", "--json"))
    assert document["alias"]["why"] == "first"
    assert document["deprecated"]["why"] == "leaked labels"


def test_a_model_with_aliases_is_not_removed_by_accident(ana: Desk) -> None:
    with ana.open() as project:
        assert refusal(AliasError, lambda: remove_model(project, "fraud")) == (
            "fraud has aliases: fraud.production.alias.yaml, fraud.staging.alias.yaml",
            "gitmodel rm fraud --aliases",
        )
        remove_model(project, "fraud", aliases=True)

    assert set(ana.staged()) == {
        "fraud.model.yaml",
        "fraud.production.alias.yaml",
        "fraud.staging.alias.yaml",
        "fraud.deprecated.yaml",
    }


def test_a_rename_takes_aliases_and_deprecations_along(ana: Desk) -> None:
    said(ana, "mv", "fraud", "team/risk")
    ana.repo.commit("rename")

    path = "risk.production.alias.yaml"
    assert Alias.from_text(ana.repo.read(path), path).name == "team/risk"
    with ana.open() as project:
        assert show(project, "team/risk@production").model.pointer.digest == digest(ONE)
        risk = next(row for row in list_models(project).models if row.name == "team/risk")
    assert [row.alias for row in risk.aliases] == ["production", "staging"]
    assert (ana.repo.path / "risk.deprecated.yaml").exists()
