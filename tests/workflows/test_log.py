"""`status`, `list`, `log` and `show` say what is so, without the network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import ModelNameError, UnknownReferenceError
from gitmodel.project.history.version_log import LogEntry
from gitmodel.workflows.add import add
from gitmodel.workflows.list import Listed, list_models
from gitmodel.workflows.log import log
from gitmodel.workflows.show import ShowReport, show
from gitmodel.workflows.status import ModelStatus, State, status
from tests.support.desk import Desk, digest, refusal
from tests.support.models import write_folder

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.workflows.status import StatusReport

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def look(desk: Desk) -> StatusReport:
    with desk.open() as project:
        return status(project)


def state(desk: Desk) -> tuple[State, bool, bool, str]:
    """State, committed, published and next command of the one model."""
    (model,) = look(desk).models
    return model.state, model.committed, model.published, model.next_command


def test_a_model_through_its_life(desk: Desk) -> None:
    desk.add(content=ONE)
    (row,) = look(desk).models
    assert row == ModelStatus(
        name="fraud",
        version=1,
        path="fraud.bin",
        size=len(ONE),
        state=State.CLEAN,
        committed=False,
        published=False,
        next_command="git commit",
    )
    desk.repo.git("commit", "-qm", "first")
    assert state(desk) == (State.CLEAN, True, False, "git push")
    desk.push()
    assert state(desk) == (State.CLEAN, True, True, "")
    assert look(desk).clean
    desk.repo.write("fraud.bin", TWO)
    assert state(desk) == (
        State.NEW_WEIGHTS,
        True,
        True,
        "git commit -am MESSAGE, or gitmodel add fraud.bin",
    )
    (desk.repo.path / "fraud.bin").unlink()
    assert state(desk) == (State.MISSING, True, True, "gitmodel checkout fraud")
    assert not look(desk).clean


def test_stale_weights_and_a_choice(desk: Desk) -> None:
    desk.version(ONE)
    newer = replace(desk.pointer(), version=2, digest=digest(TWO))
    desk.repo.write("fraud.model.yaml", newer.to_text())
    desk.repo.commit("a colleague's")
    assert state(desk)[0::3] == (State.STALE, "gitmodel checkout fraud")

    desk.repo.write("fraud.bin", THREE)
    assert state(desk)[0::3] == (
        State.CHOOSE,
        "gitmodel add fraud.bin, or gitmodel checkout --force fraud",
    )


def test_a_link_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    desk.version(ONE)
    (desk.repo.path / "fraud.bin").unlink()
    (desk.repo.path / "fraud.bin").symlink_to(tmp_path / "nowhere")

    assert state(desk)[0::3] == (State.LINK, "gitmodel add --follow fraud.bin")


def test_one_model_that_cannot_be_looked_at_does_not_hide_the_others(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(ONE)
    desk.repo.write("hub/config.json", "{}")
    (desk.repo.path / "hub/model.bin").symlink_to(tmp_path / "blob")
    with desk.open() as project:
        add(project, "hub", follow=True)
    desk.add(content=ONE)
    (tmp_path / "other").write_bytes(ONE)
    (desk.repo.path / "hub/model.bin").unlink()
    (desk.repo.path / "hub/model.bin").symlink_to(tmp_path / "other")

    report = look(desk)

    assert [(model.name, model.state) for model in report.models] == [("fraud", State.CLEAN)]
    assert [(str(error), error.hint) for error in report.broken] == [
        (
            "hub: model.bin is a symbolic link",
            "gitmodel add --follow PATH, which stores what links point to",
        )
    ]


def test_broken_and_doubled_pointers_are_reported_beside_the_good(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO, "churn.bin")
    desk.repo.write("copy/churn.model.yaml", desk.repo.read("churn.model.yaml"))
    desk.repo.write("bad.model.yaml", "nonsense")
    desk.repo.commit("trouble")

    report = look(desk)

    assert sorted(model.name for model in report.models) == ["churn", "churn", "fraud"]
    assert [str(error) for error in report.broken] == [
        "bad.model.yaml: line 1: the file must be a mapping, lines of `key: value`",
        "two pointers are called churn: churn.model.yaml and copy/churn.model.yaml",
    ]


def test_the_models_of_the_work_tree_and_of_a_revision(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"], run_id="run-1")
    desk.version(TWO, "team/churn.bin", name="team/churn")
    desk.add(content=THREE)
    fraud = Listed(
        name="fraud",
        version=2,
        path="fraud.bin",
        pointer_path="fraud.model.yaml",
        size=len(THREE),
        digest=str(digest(THREE)),
        run_id=None,
        metrics={},
    )
    with desk.open() as project:
        now = list_models(project)
        before = list_models(project, "HEAD")
        with pytest.raises(UnknownReferenceError):
            list_models(project, "nowhere")

    assert now.models[0] == fraud
    assert [(row.name, row.version) for row in now.models] == [("fraud", 2), ("team/churn", 1)]
    assert before.models[0] == replace(
        fraud,
        version=1,
        size=len(ONE),
        digest=str(digest(ONE)),
        run_id="run-1",
        metrics={"auc": 0.9},
    )


def test_a_log_has_each_version_once_newest_first(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"], run_id="run-1")
    first = desk.repo.head()
    desk.version(TWO)
    desk.add(content=THREE)

    with desk.open() as project:
        entries = log(project, "fraud")

    assert [(e.version, e.current, e.subject) for e in entries] == [
        (3, True, "(not committed yet)"),
        (2, False, "fraud 2"),
        (1, False, "fraud 1"),
    ]
    assert entries[2] == LogEntry(
        name="fraud",
        version=1,
        digest=str(digest(ONE)),
        size=len(ONE),
        run_id="run-1",
        metrics={"auc": 0.9},
        commit=first,
        author="Ana <ana@example.org>",
        at=entries[2].at,
        subject="fraud 1",
        current=False,
    )
    assert entries[2].at.startswith("2025-06-15T")


def test_a_version_has_the_commit_that_brought_it_and_the_newest_metrics(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"])
    first = desk.repo.head()
    desk.version(ONE, metrics=["auc=0.91"])

    with desk.open() as project:
        (entry,) = log(project, "fraud")
        shown = show(project, "fraud@1")

    assert (entry.commit, entry.metrics) == (first, {"auc": 0.91})
    assert shown.first == replace(entry, current=False)


def test_metrics_that_are_not_committed_yet_are_shown_too(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"])
    desk.add(metrics=["auc=0.92"])

    with desk.open() as project:
        (entry,) = log(project, "fraud")

    assert (entry.subject, entry.metrics, entry.current) == ("fraud 1", {"auc": 0.92}, True)


def test_a_log_of_everything(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO, "churn.bin")
    desk.version(THREE)

    with desk.open() as project:
        assert [(e.name, e.version) for e in log(project)] == [
            ("fraud", 2),
            ("churn", 1),
            ("fraud", 1),
        ]


def test_a_log_in_a_bare_repository(desk: Desk) -> None:
    desk.version(ONE)
    bare = Desk(desk.repo.clone("server.git", "--bare"), desk.store)

    with bare.open() as project:
        assert [(e.name, e.version, e.current) for e in log(project)] == [("fraud", 1, True)]
        assert [e.version for e in log(project, "fraud")] == [1]
        assert show(project, "fraud").model.pointer.version == 1
        assert [row.name for row in list_models(project).models] == ["fraud"]
        assert refusal(UnknownReferenceError, lambda: log(project, "frod")) == (
            "no model is called 'frod'",
            "did you mean fraud?",
        )


def test_a_removed_model_still_has_a_log(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("rm", "-q", "fraud.model.yaml")
    desk.repo.commit("remove")

    with desk.open() as project:
        assert [e.version for e in log(project, "fraud")] == [1]
        assert log(project) == []


def test_a_name_that_never_was(desk: Desk) -> None:
    desk.version(ONE)

    with desk.open() as project:
        assert refusal(UnknownReferenceError, lambda: log(project, "frod")) == (
            "no model is called 'frod'",
            "did you mean fraud?",
        )
        desk.repo.write("copy/fraud.model.yaml", desk.repo.read("fraud.model.yaml"))
        desk.repo.git("add", "copy")
        with pytest.raises(ModelNameError):
            log(project, "fraud")


def test_show_says_what_is_known_of_a_version(desk: Desk) -> None:
    write_folder({"a.bin": ONE, "b/c.txt": b"text"}, desk.repo.path / "bert")
    desk.add("bert")
    desk.repo.commit("bert 1")

    with desk.open() as project:
        report = show(project, "bert")

    assert report == ShowReport(
        model=report.model,
        first=report.first,
        in_cache=True,
        stored=report.stored,
        files=(("a.bin", len(ONE), str(digest(ONE))), ("b/c.txt", 4, str(digest(b"text")))),
    )
    assert report.first is not None
    assert report.first.subject == "bert 1"
    ben = desk.join("ben")
    with ben.open() as project:
        fresh = show(project, "bert@1")
    assert (fresh.in_cache, fresh.stored, fresh.files) == (False, None, ())


def test_a_name_is_found_however_its_pointer_is_written(desk: Desk) -> None:
    """Only files that may have the name are parsed, and YAML can write it by escapes."""
    desk.version(ONE)
    text = desk.repo.read("fraud.model.yaml").decode()
    (desk.repo.path / "fraud.model.yaml").unlink()
    desk.repo.write("elsewhere/copy.model.yaml", text.replace('"fraud"', r'"fr\x61ud"'))
    desk.repo.git("add", "-A")
    desk.repo.git("commit", "-qm", "by hand")

    with desk.open() as project:
        entries = log(project, "fraud")

    assert [(entry.version, entry.current) for entry in entries] == [(1, True)]


def test_a_name_that_two_pointers_have_is_refused_whatever_they_are_called(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.write("other/copy.model.yaml", desk.repo.read("fraud.model.yaml"))
    desk.repo.git("add", "-A")

    with desk.open() as project:
        message, hint = refusal(ModelNameError, lambda: log(project, "fraud"))
        assert refusal(ModelNameError, lambda: log(project)) == (message, hint)

    assert message == "two pointers are called fraud: fraud.model.yaml and other/copy.model.yaml"


def test_a_log_of_an_unknown_name_says_what_is_near(desk: Desk) -> None:
    desk.version(ONE)

    with desk.open() as project:
        refused = refusal(UnknownReferenceError, lambda: log(project, "frod"))

    assert refused == ("no model is called 'frod'", "did you mean fraud?")


def test_a_date_that_no_calendar_has_is_shown_as_none(desk: Desk) -> None:
    """Git keeps any number of seconds; anybody's commit may have one."""
    desk.add(content=ONE)
    desk.repo.git("commit", "-qm", "far", env={"GIT_AUTHOR_DATE": "@99999999999999 +0000"})

    with desk.open() as project:
        (entry,) = log(project, "fraud")

    assert (entry.subject, entry.at) == ("far", "")


def test_a_list_is_never_out_of_date(desk: Desk) -> None:
    def listed() -> list[tuple[str, int, str]]:
        with desk.open() as project:
            return [(row.name, row.version, row.path) for row in list_models(project).models]

    desk.version(ONE)
    desk.version(ONE, "sub/other.bin", metrics=("auc=.inf", "loss=1e-300"))
    assert listed() == [("fraud", 1, "fraud.bin"), ("other", 1, "sub/other.bin")]
    desk.version(TWO)
    assert listed() == [("fraud", 2, "fraud.bin"), ("other", 1, "sub/other.bin")]
    desk.repo.git("mv", "sub/other.model.yaml", "other.model.yaml")
    assert listed()[1] == ("other", 1, "other.bin")
    text = desk.repo.read("fraud.model.yaml").decode()
    desk.repo.write("fraud.model.yaml", text.replace("version: 2", "version: 3"))
    with desk.open() as project:
        (error,) = list_models(project).broken
    assert "the check line does not match" in str(error)
