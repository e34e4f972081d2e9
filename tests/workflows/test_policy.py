"""The pointer says what its weights are, and a policy refuses new weights that may run code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitmodel.errors import ConfigError, GateError, PolicyError
from gitmodel.project.gates.rejected import rejected_runs
from gitmodel.workflows.add import add, add_many
from gitmodel.workflows.register_changes import register_changes
from gitmodel.workflows.status import status
from tests.support.desk import Desk, kept_desk, refusal
from tests.support.models import model

PATH = "fraud"
PLAIN = model(seed=1)  # safetensors
UNKNOWN = b"weights of no known format"
REFUSED = "nothing tells whether loading them runs code"


def configure(desk: Desk, lines: str) -> None:
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + lines)
    desk.repo.commit("policy", ".gitmodel.yaml")


def strict(desk: Desk) -> None:
    """Version 1 of fraud is committed, and a policy that refuses code."""
    desk.version(PLAIN, PATH)
    configure(desk, "policy: {code: refuse}\n")


def plain(desk: Desk) -> None:
    """Version 1 of fraud is committed, and no policy."""
    desk.version(PLAIN, PATH)


ana = kept_desk(strict)
ben = kept_desk(plain)


def test_a_new_version_says_what_its_weights_are(ben: Desk) -> None:
    assert ben.pointer().format == {
        "type": "safetensors",
        "tensors": 2,
        "parameters": 4940,
        "dtypes": {"F32": 2},
        "code": "none",
    }


def test_a_commit_says_it_too(ben: Desk) -> None:
    ben.repo.write(PATH, UNKNOWN)
    with ben.open() as project:
        register_changes(project)
    assert ben.pointer().format is None

    ben.repo.write(PATH, model(seed=2))
    with ben.open() as project:
        register_changes(project)
    assert (ben.pointer().format or {})["type"] == "safetensors"


def test_a_version_without_it_gets_it_by_add_and_keeps_its_number(ben: Desk) -> None:
    path = "fraud.model.yaml"
    ben.repo.write(path, replace(ben.pointer(), format=None).to_text())

    report = ben.add(PATH)

    assert (report.version, report.changed) == (1, True)
    assert ben.pointer().format is not None
    assert not ben.add(PATH).changed


def test_what_a_pointer_says_already_stays(ben: Desk) -> None:
    own = {"type": "mine", "code": "yes"}
    ben.repo.write("fraud.model.yaml", replace(ben.pointer(), format=own).to_text())
    ben.add(PATH)

    assert ben.pointer().format == own


def test_a_policy_refuses_weights_of_which_nothing_tells_what_they_run(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)

    with ana.open() as project:
        assert refusal(PolicyError, lambda: add(project, PATH)) == (
            f"fraud: the new weights are not a version: {REFUSED}",
            "gitmodel add fraud --force WHY, which registers them all the same",
        )
    assert (ana.pointer().version, ana.staged()) == (1, [])


def test_status_and_log_tell_what_a_policy_refused(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)
    with ana.open() as project:
        with pytest.raises(PolicyError):
            add(project, PATH)
        (model_status,) = status(project).models
        runs = rejected_runs(project, "fraud")

    assert model_status.refused == (REFUSED,)
    assert [run.rules for run in runs] == [(REFUSED,)]


def test_what_code_a_policy_refuses_is_named(ana: Desk) -> None:
    program = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R."  # a pickle
    ana.repo.write(PATH, program)

    with ana.open() as project, pytest.raises(PolicyError, match="run code: posix"):
        add(project, PATH)


def test_an_archive_that_readers_read_in_two_ways_may_run_code(ben: Desk) -> None:
    ben.add("odd.pt", b"PK\x03\x04 and no archive")

    assert ben.pointer("odd.model.yaml").format == {"code": "yes"}


def test_weights_that_run_nothing_pass(ana: Desk) -> None:
    assert ana.add(PATH, model(seed=2)).version == 2


def test_weights_that_are_a_version_already_are_not_judged(ben: Desk) -> None:
    ben.version(UNKNOWN, PATH)
    configure(ben, "policy: {code: refuse}\n")

    assert ben.add(PATH).version == 2


def test_a_reason_overrides_the_policy_and_stays_in_the_pointer(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)
    with ana.open() as project:
        report = add(project, PATH, force="from our own training")

    assert report.warnings == (
        (
            f"fraud: the new weights are not a version: {REFUSED}; "
            "they are registered all the same: from our own training"
        ),
    )
    assert ana.pointer().forced == "from our own training"


def test_of_several_paths_only_the_refused_one_fails(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)
    ana.repo.write("spam.safetensors", model(seed=3))
    with ana.open() as project:
        done = add_many(project, [PATH, "spam.safetensors"])

    assert [path for path, _ in done.failed] == ["fraud"]
    assert [report.name for report in done.added] == ["spam"]


def test_a_commit_goes_on_without_weights_that_the_policy_refuses(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)
    with ana.open() as project:
        report = register_changes(project)
        runs = rejected_runs(project, "fraud")

    assert report.notes == [
        f"fraud: the new weights are not a version: {REFUSED}",
        "they stay on disk; to register them all the same, run: gitmodel add fraud --force WHY",
    ]
    assert [run.rules for run in runs] == [(REFUSED,)]
    assert (ana.pointer().version, ana.repo.read(PATH)) == (1, UNKNOWN)


def test_a_gate_that_refuses_commits_does_so_for_the_policy_too(ana: Desk) -> None:
    configure(ana, "gates: {fraud: {on_commit: refuse}}\n")
    ana.repo.write(PATH, UNKNOWN)
    with ana.open() as project, pytest.raises(GateError, match=REFUSED):
        register_changes(project)


def test_a_setting_of_one_commit_overrides_the_policy(ana: Desk) -> None:
    ana.repo.write(PATH, UNKNOWN)
    ana.repo.git("config", "gitmodel.force", "tried by hand")
    with ana.open() as project:
        register_changes(project)

    assert (ana.pointer().version, ana.pointer().forced) == (2, "tried by hand")


def test_a_policy_of_the_work_tree_does_not_count_before_it_is_committed(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("refuse", "allow"))
    ana.repo.write(PATH, UNKNOWN)

    with ana.open() as project, pytest.raises(PolicyError):
        add(project, PATH)


def test_a_policy_can_warn(ben: Desk) -> None:
    configure(ben, "policy: {code: warn}\n")
    ben.repo.write(PATH, UNKNOWN)
    with ben.open() as project:
        report = add(project, PATH)
    ben.repo.write(PATH, UNKNOWN * 2)
    with ben.open() as project:
        committed = register_changes(project)

    assert report.warnings == (f"fraud: {REFUSED}",)
    assert f"fraud: {REFUSED}" in committed.notes


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("policy: {cod: refuse}\n", '"cod" is no key of policy'),
        ("policy: {code: deny}\n", "policy.code must be refuse, warn or allow"),
        ("policy: refuse\n", "policy must be a mapping"),
    ],
)
def test_a_policy_with_a_typo_is_an_error_of_add_and_stops_no_commit(
    ben: Desk, lines: str, message: str
) -> None:
    configure(ben, lines)
    ben.repo.write(PATH, UNKNOWN)
    with ben.open() as project, pytest.raises(ConfigError, match=message):
        add(project, PATH)
    with ben.open() as project:
        report = register_changes(project)

    assert report.bumped == [("fraud", 1, 2)]
    assert any(message in note and "no policy is applied" in note for note in report.notes)


def test_a_license_unlike_that_of_the_base_is_told(ben: Desk) -> None:
    configure(ben, "policy: {license: warn}\n")
    base = replace(ben.pointer(), license="llama3.2")
    ben.repo.write("fraud.model.yaml", base.to_text())
    ben.repo.commit("license", "fraud.model.yaml")
    ben.repo.write("spam.safetensors", model(seed=3))
    with ben.open() as project:
        first = add(project, "spam.safetensors", base="fraud@1")
    spam = ben.pointer("spam.model.yaml")
    ben.repo.write("spam.model.yaml", replace(spam, license="apache-2.0").to_text())
    ben.repo.write("spam.safetensors", model(seed=4))
    with ben.open() as project:
        second = add(project, "spam.safetensors")
    ben.repo.write(
        "spam.model.yaml", replace(ben.pointer("spam.model.yaml"), license="llama3.2").to_text()
    )
    ben.repo.write("spam.safetensors", model(seed=5))
    with ben.open() as project:
        third = add(project, "spam.safetensors")

    assert first.warnings == ("spam: unlike its base: no license over llama3.2",)
    assert second.warnings == ("spam: unlike its base: apache-2.0 over llama3.2",)
    assert third.warnings == ()
