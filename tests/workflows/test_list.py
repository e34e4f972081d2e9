"""`list` shows the versions that an expression selects: of the work tree, of HEAD's history, of all refs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.errors import UnknownReferenceError, UsageError
from gitmodel.git.history import refs_of_commits
from gitmodel.project.search.query import Query
from gitmodel.workflows.list import ListReport, list_models, list_versions
from tests.support.desk import Desk, digest, kept_desk, refusal
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.project.search.committed_versions import Scope


def two_models(desk: Desk) -> None:
    """Fraud has 1 to 3 on main, 3 in production, 1 deprecated; 4 is on a branch. Churn has 1."""
    repo = desk.repo
    desk.version(b"one", metrics=["auc=0.91"], params=["lr=2e-05"])
    desk.version(b"two", metrics=["auc=nan"])
    desk.version(b"three", metrics=["auc=0.93", "val/f1=0.8"], run_id="c9f0f895fb98")
    desk.version(b"other", "churn.bin", metrics=["auc=0.7"])
    desk.alias("production", 3, b"three")
    repo.write("fraud.deprecated.yaml", Deprecations({1: Deprecation(why="leaked")}).to_text())
    repo.commit("promote")
    repo.git("switch", "-qc", "exp")
    desk.version(b"four", metrics=["auc=0.99"])
    repo.git("switch", "-q", "main")


ana = kept_desk(two_models)


def listed(
    desk: Desk,
    where: str | None = None,
    *,
    scope: Scope | None = "head",
    sort: str | None = None,
    revision: str | None = None,
) -> ListReport:
    query = Query.parse(where, sort)
    with desk.open() as project:
        if scope is None:
            return list_models(project, revision, query=query)
        return list_versions(project, scope, revision, query=query)


def references(report: ListReport) -> list[str]:
    return [f"{row.name}@{row.version}" for row in report.models]


SELECTED = {
    "metrics.auc > 0.92": ["fraud@3"],
    "metrics.auc is nan": ["fraud@2"],
    'metrics."val/f1" is set': ["fraud@3"],
    "alias = production": ["fraud@3"],
    "deprecated": ["fraud@1"],
    "name = fraud and not deprecated": ["fraud@3", "fraud@2"],
    "params.lr = 2e-5": ["fraud@1"],
    "run_id ~ c9f0*": ["fraud@3"],
    "size < 4": ["fraud@2", "fraud@1"],
    "by = nobody": [],
    "at > 2000 and name = churn": ["churn@1"],
}


@pytest.mark.parametrize("where", SELECTED)
def test_an_expression_selects_versions_of_history(ana: Desk, where: str) -> None:
    assert references(listed(ana, where)) == SELECTED[where]


def test_the_history_of_head_is_not_that_of_all_refs(ana: Desk) -> None:
    everywhere = ["churn@1", "fraud@4", "fraud@3", "fraud@2", "fraud@1"]

    assert references(listed(ana)) == ["churn@1", "fraud@3", "fraud@2", "fraud@1"]
    assert references(listed(ana, scope="all")) == everywhere
    assert references(listed(ana, revision="exp")) == everywhere
    assert references(listed(ana, revision="HEAD~2")) == ["fraud@3", "fraud@2", "fraud@1"]
    assert references(listed(ana, scope=None)) == ["churn@1", "fraud@3"]
    assert references(listed(ana, "version < 3", scope=None)) == ["churn@1"]
    assert references(listed(ana, "version = 4", scope=None, revision="exp")) == ["fraud@4"]


def test_a_history_that_no_ref_has_is_listed_too(ana: Desk) -> None:
    away = ana.repo.git("rev-parse", "exp").stdout.strip()
    ana.repo.git("branch", "-qD", "exp")

    assert references(listed(ana, scope="all")) == ["churn@1", "fraud@3", "fraud@2", "fraud@1"]
    assert references(listed(ana, "version = 4", revision=away)) == ["fraud@4"]


def test_absent_and_nan_come_last_in_both_directions(ana: Desk) -> None:
    up = references(listed(ana, sort="metrics.auc"))
    down = references(listed(ana, sort="-metrics.auc"))
    equal = references(listed(ana, sort="metrics.none"))

    assert up == ["churn@1", "fraud@1", "fraud@3", "fraud@2"]
    assert down == ["fraud@3", "fraud@1", "churn@1", "fraud@2"]
    assert equal == ["churn@1", "fraud@3", "fraud@2", "fraud@1"]


def test_a_version_has_its_newest_metrics_and_the_commit_that_registered_it(ana: Desk) -> None:
    first = ana.repo.git("rev-list", "--max-parents=1", "--reverse", "HEAD").stdout.split()
    ana.repo.git("switch", "-q", "exp")
    ana.version(b"four", metrics=["auc=0.5"])

    (row,) = listed(ana, "version = 4").models
    (oldest,) = listed(ana, "name = fraud and version = 1").models

    assert row.metrics == {"auc": 0.5}
    assert row.commit == ana.repo.git("rev-parse", "HEAD~1").stdout.strip()
    assert oldest.commit in first
    assert (row.digest, row.path) == (str(digest(b"four")), "fraud.bin")


def test_a_repository_without_commits_has_no_versions(desk: Desk) -> None:
    assert listed(desk).models == []
    assert listed(desk, scope="all").models == []


def test_all_refs_are_named_with_each_version(ana: Desk) -> None:
    repo = ana.repo
    repo.git("tag", "-am", "release", "r1", "main~1")
    repo.git("tag", "light", "main~3")
    repo.git("tag", "of-a-file", "main:README.md")
    repo.git("update-ref", "refs/remotes/origin/main", "main~2")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")

    refs = {f"{row.name}@{row.version}": row.refs for row in listed(ana, scope="all").models}

    assert refs == {
        "churn@1": ("exp", "main", "r1"),
        "fraud@4": ("exp",),
        "fraud@3": ("exp", "main", "origin/main", "r1"),
        "fraud@2": ("exp", "main", "origin/main", "light", "r1"),
        "fraud@1": ("exp", "main", "origin/main", "light", "r1"),
    }
    assert {row.refs for row in listed(ana).models} == {None}
    assert "  exp main +2\n" in repo.gitmodel("list", "--all", "--where", "version = 3").stdout


def test_many_refs_are_not_named(ana: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refs_of_commits, "MAX_REFS", 1)

    assert {row.refs for row in listed(ana, scope="all").models} == {None}


def test_a_number_of_other_content_is_taken_and_not_deprecated(ana: Desk) -> None:
    """Two branches registered version 4; the claim of main's was read."""
    exp = ana.repo.head("exp")
    ana.repo.git("branch", "-qD", "exp")
    ana.version(b"main's four")
    ana.push()
    ana.repo.git("switch", "-qc", "exp", exp)
    ana.repo.write("fraud.deprecated.yaml", Deprecations({4: Deprecation(why="leaked")}).to_text())
    ana.repo.commit("deprecate 4")

    rows = listed(ana, "version = 4", scope="all").models

    assert {row.digest: (row.taken, row.deprecated is None) for row in rows} == {
        str(digest(b"main's four")): (False, False),
        str(digest(b"four")): (True, True),
    }
    assert len(listed(ana, "deprecated", scope="all").models) == 1
    assert " v4 taken " in ana.repo.gitmodel("list", "--versions").stdout


def test_a_clone_without_blobs_fetches_the_pointers_at_once(ana: Desk) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ana.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    ben = ana.join("ben", "--filter=blob:none")

    assert references(listed(ben)) == ["churn@1", "fraud@3", "fraud@2", "fraud@1"]
    assert [note for note in ben.notes if "lacks" in note] == []


def test_a_plain_list_fetches_nothing(ana: Desk) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ana.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    ben = ana.join("ben", "--filter=blob:none")
    before = ben.repo.git("count-objects", "-v").stdout

    with ben.open() as project:
        rows = list_models(project, with_authors=True).models

    assert [row.by is None for row in rows] == [False, False]
    assert ben.repo.git("count-objects", "-v").stdout == before
    assert [note for note in ben.notes if "lacks" in note] == []


def test_a_clone_that_lacks_history_says_so(ana: Desk) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ben = ana.join("ben", "--filter=blob:none")
    ben.repo.git("remote", "set-url", "origin", "file:///nowhere")
    shallow = ana.join("cy", "--depth=1")

    assert references(listed(ben)) == ["churn@1", "fraud@3"]
    assert ben.notes[-1] == (
        "this clone lacks 3 pointers of history, and Git could not fetch them; to try again: gitmodel list --all"
    )
    assert references(listed(shallow, scope="all")) == ["churn@1", "fraud@3"]
    assert "git fetch --unshallow" in shallow.notes[-1]


@pytest.mark.parametrize("options", [["--bare"], ["--object-format=sha256"]])
def test_every_kind_of_repository_is_searched(
    ana: Desk, tmp_path: Path, options: list[str]
) -> None:
    if options == ["--bare"]:
        repo = ana.repo.clone(tmp_path / "bare", "--bare")
    else:
        repo = Repo.create(tmp_path / "sha", *options)
        stream = ana.repo.git("fast-export", "--all").stdout
        repo.git("fast-import", "--quiet", "--force", input_text=stream)
        repo.git("reset", "-q", "--hard", "main")

    desk = Desk(repo, ana.store)

    assert references(listed(desk)) == ["churn@1", "fraud@3", "fraud@2", "fraud@1"]
    (four,) = listed(desk, "metrics.auc > 0.95", scope="all").models
    assert (four.version, four.refs) == (4, ("exp",))


def test_wrong_use_is_refused(ana: Desk) -> None:
    refusal(UnknownReferenceError, lambda: listed(ana, revision="nowhere"))
    assert refusal(UsageError, lambda: listed(ana, scope="all", revision="exp")) == (
        "--all lists the versions of all refs",
        "gitmodel list exp --versions",
    )


def test_the_command_prints_a_row_for_each_version(ana: Desk) -> None:
    said = ana.repo.gitmodel("list", "--versions", "--sort", "-metrics.auc").stdout.splitlines()

    assert said[0].split() == [
        "model",
        "version",
        "date",
        "by",
        "aliases",
        "metrics",
        "run",
        "commit",
    ]
    assert said[1].split()[:2] == ["fraud", "v3"]
    assert "production  auc=0.93 val/f1=0.8  c9f0f895fb98" in said[1]
    assert said[2].split()[:3] == ["fraud", "v1", "deprecated"]
    assert ana.repo.gitmodel("list", "--where", "version > 9").stdout == "no models match\n"
    none = ana.repo.gitmodel("list", "--versions", "--where", "version > 9")
    assert none.stdout == "no versions match\n"


def test_a_mistake_is_shown_with_a_caret_and_ends_with_2(ana: Desk) -> None:
    done = ana.repo.gitmodel("list", "--where", 'name = "\x1b[31m" 7', check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: --where, column 16: and, or or the end is expected here\n"
        '  name = " [31m" 7\n'
        "                 ^\n"
        "hint: a text with spaces needs quotes\n"
    )


def test_the_document_says_what_belongs_to_a_version(ana: Desk) -> None:
    text = ana.repo.gitmodel("list", "--all", "--json", "--where", "version >= 3").stdout
    rows: list[dict[str, Any]] = json.loads(text)["models"]

    four, three = rows
    assert (four["version"], three["version"]) == (4, 3)
    assert three["aliases"] == [
        {"alias": "production", "version": 3, "digest": str(digest(b"three"))}
    ]
    assert three["by"].endswith(">")
    assert three["at"].endswith("Z")
    assert three["commit"] == ana.repo.git("rev-parse", "main~2").stdout.strip()
