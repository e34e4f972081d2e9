"""The values of an alias are those that its branch had, newest first, also under earlier names of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.reference import Reference
from gitmodel.project.history.alias_history import alias_history
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from tests.support.desk import Desk, kept_desk
from tests.support.processes import started_processes
from tests.support.repo import Repo

if TYPE_CHECKING:
    from gitmodel.project.history.alias_history import AliasHistory

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"


def three_promotions(desk: Desk) -> None:
    """Versions 1 to 3 of fraud, and a promotion of each."""
    for number in (1, 2, 3):
        desk.version(f"weights {number}".encode(), metrics=[f"auc=0.{number}"])
    desk.push()
    for number in (1, 2, 3):
        promoted(desk, number)


ana = kept_desk(three_promotions)


def promoted(desk: Desk, number: int | str, name: str = "fraud") -> None:
    with desk.open() as project:
        promote(project, Reference.parse(f"{name}@{number}"), "production")
    desk.repo.git("commit", "-qm", f"Promote {number}")


def history_at(desk: Desk, path: str = PATH, revision: str = "HEAD") -> AliasHistory:
    with desk.open() as project:
        return alias_history(project, path, "production", desk.repo.head(revision))


def numbers(history: AliasHistory) -> list[int | None]:
    return [None if one.alias is None else one.alias.version for one in history.values]


def test_each_value_has_its_commit_dates_and_author(ana: Desk) -> None:
    author = {"GIT_AUTHOR_NAME": "Zoë", "GIT_AUTHOR_EMAIL": "z@example.org"}
    with ana.open() as project:
        promote(project, Reference.parse("fraud@1"), "production")
    ana.repo.git("commit", "-qm", "Promote 1 again", env=author)

    history = history_at(ana)

    assert numbers(history) == [1, 3, 2, 1]
    assert history.missing is None
    change = history.values[0].change
    dates = ana.repo.git("log", "-1", "--format=%ct %at").stdout.split()
    assert (change.commit, change.author) == (ana.repo.head(), "Zoë <z@example.org>")
    assert [str(change.committed), str(change.when)] == dates
    assert (change.subject, change.is_merge, change.path) == ("Promote 1 again", False, PATH)


def test_a_merge_counts_once(ana: Desk) -> None:
    ana.repo.git("switch", "-qc", "promotions")
    promoted(ana, 1)
    promoted(ana, 2)
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--no-ff", "-m", "Merge promotions", "promotions")

    history = history_at(ana)

    assert numbers(history) == [2, 3, 2, 1]
    merge = history.values[0].change
    assert (merge.commit, merge.is_merge) == (ana.repo.head(), True)


def test_removals_and_files_that_do_not_parse_are_no_values(ana: Desk) -> None:
    text = ana.repo.read(PATH).decode()
    ana.repo.write(PATH, text.replace("version: 3", "version: 2"))
    ana.repo.commit("edited by hand")
    ana.repo.git("checkout", "-q", "HEAD~1", "--", PATH)
    ana.repo.commit("repaired")
    promoted(ana, "none")

    history = history_at(ana)

    assert numbers(history) == [None, 3, None, 3, 2, 1]
    assert [one.is_unknown for one in history.values] == [False, False, True, False, False, False]
    stack = history.stack("fraud")
    assert [one.version for one in stack.entries] == [1, 2, 3]
    assert stack.is_removed


@pytest.mark.parametrize("kind", ["name", "path", "folder in the name", "both"])
def test_the_alias_is_followed_through_a_rename(ana: Desk, kind: str) -> None:
    name = {"name": "risk", "folder in the name": "team/fraud", "both": "risk"}.get(kind)
    with ana.open() as project:
        rename_model(
            project,
            "fraud",
            new_name=name,
            path="models/f.bin" if kind in ("path", "both") else None,
        )
    ana.repo.git("commit", "-qm", "rename")
    path = ana.repo.git("ls-files", "*.production.alias.yaml").stdout.strip()
    promoted(ana, 2, name or "fraud")

    history = history_at(ana, path)

    assert numbers(history) == [2, 3, 3, 2, 1]
    stack = history.stack(name or "fraud")
    assert [one.version for one in stack.entries] == [1, 2]
    assert {one.name for one in stack.entries} == {name or "fraud"}


def test_two_renames_and_another_model_at_the_old_path(ana: Desk) -> None:
    for old, new in (("fraud", "risk"), ("risk", "danger")):
        with ana.open() as project:
            rename_model(project, old, new_name=new)
        ana.repo.git("commit", "-qm", "rename")
    ana.alias("production", 1, b"another model")
    ana.repo.commit("another model of the first name")

    assert numbers(history_at(ana, "danger.production.alias.yaml")) == [3, 3, 3, 2, 1]
    assert numbers(history_at(ana)) == [1]


def test_a_clone_cut_off_knows_that_it_is(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "2")

    history = history_at(ben)

    assert numbers(history) == [3, 2]
    assert history.missing == ("history is cut off here", "git fetch --unshallow")


@pytest.mark.parametrize("kept", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_the_values_in_one_connection(ana: Desk, kept: str) -> None:
    bare = ana.repo.path.with_name("origin.git")
    ana.repo.git("clone", "-q", "--bare", ".", str(bare))
    Repo(bare).git("config", "uploadpack.allowFilter", "true")
    Repo(bare).git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = Repo(bare.with_name("partial"))
    ana.repo.git("clone", "-q", f"--filter={kept}", f"file://{bare}", str(clone.path))
    ben = Desk(clone, ana.store)

    with started_processes() as commands:
        history = history_at(ben)

    if kept == "tree:0":
        assert numbers(history) == [3]
        assert history.missing is not None
        assert history.missing.command == "git fetch --refetch --filter=blob:none"
        return
    assert (numbers(history), history.missing) == ([3, 2, 1], None)
    assert sum("fetch" in command for command in commands) <= 1

    clone = Repo(bare.with_name("alone"))
    ana.repo.git("clone", "-q", f"--filter={kept}", f"file://{bare}", str(clone.path))
    bare.rename(bare.with_name("away"))
    history = history_at(Desk(clone, ana.store))
    assert numbers(history) == [3]
    assert history.missing == ("older files of the alias cannot be fetched", "git fetch")
