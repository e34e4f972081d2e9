"""Metrics describe weights: what is new is taken, what is old is never carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import MetricsSource
from gitmodel.errors import TextError, UnsafePathError, UsageError
from gitmodel.project.adding.metadata import MetadataInput, path_inside
from gitmodel.workflows.register_changes import register_changes
from tests.support.desk import Desk, refusal

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
DROPPED = (
    "fraud: the {} of version 1 do not describe the new weights and were dropped; "
    "add new ones with: gitmodel add fraud.bin -M NAME=VALUE"
)


def metrics_file(desk: Desk, auc: float, path: str = "metrics.json") -> MetricsSource:
    text = f'{{"auc": {auc}, "eval": {{"f1": 0.5}}}}'
    desk.repo.write(path, text)
    return MetricsSource(path, digest_of(text.encode()))


def test_everything_said_is_written(desk: Desk) -> None:
    source = metrics_file(desk, 0.9)
    desk.repo.write("params.yaml", "lr: 2e-5\nlayers: 12\n")

    desk.add(
        content=ONE,
        metrics=["loss=0.1", "auc=0.91"],
        metrics_file="metrics.json",
        params=["layers=6"],
        params_file="params.yaml",
        run_id="run-1",
    )

    pointer = desk.pointer()
    assert pointer.metrics == {"auc": 0.91, "eval.f1": 0.5, "loss": 0.1}
    assert pointer.params == {"lr": 2e-5, "layers": 6}
    assert pointer.run_id == "run-1"
    assert pointer.metrics_from == source


def test_metrics_are_dropped_with_a_warning_when_the_weights_change(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"], params=["lr=1"], run_id="run-1")

    report = desk.add(content=TWO)

    pointer = desk.pointer()
    assert (pointer.version, pointer.metrics, pointer.params, pointer.run_id) == (2, {}, {}, None)
    assert report.warnings == (DROPPED.format("metrics, params and run id"),)


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"params": ["lr=1"]}, "params"),
        ({"run_id": "run-1"}, "run id"),
        ({"metrics": ["auc=0.9"]}, "metrics"),
        ({"metrics": ["auc=0.9"], "run_id": "run-1"}, "metrics and run id"),
    ],
)
def test_whatever_is_lost_is_named(desk: Desk, said: dict[str, Any], lost: str) -> None:
    desk.version(ONE, **said)
    warning = DROPPED.format(lost)
    if lost == "run id":
        warning = warning.replace(" do not describe", " does not describe").replace("were", "was")

    assert desk.add(content=TWO).warnings == (warning,)


def test_new_metrics_take_the_place_of_the_old_without_a_warning(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9", "loss=0.1"], params=["lr=1"], run_id="run-1")

    report = desk.add(content=TWO, metrics=["auc=0.95"])

    pointer = desk.pointer()
    assert (pointer.metrics, pointer.params, pointer.run_id) == ({"auc": 0.95}, {}, None)
    assert report.warnings == ()


def test_a_metrics_file_is_read_again_only_if_its_bytes_changed(desk: Desk) -> None:
    first = metrics_file(desk, 0.9)
    desk.version(ONE, metrics_file="metrics.json")

    unchanged = desk.version(TWO)
    assert (desk.pointer().metrics, desk.pointer().metrics_from) == ({}, first)
    assert unchanged.warnings == (DROPPED.format("metrics"),)

    second = metrics_file(desk, 0.95)
    changed = desk.version(THREE)
    assert desk.pointer().metrics == {"auc": 0.95, "eval.f1": 0.5}
    assert desk.pointer().metrics_from == second
    assert changed.warnings == ()


def test_a_metrics_file_that_is_gone_has_no_metrics(desk: Desk) -> None:
    metrics_file(desk, 0.9)
    desk.version(ONE, metrics_file="metrics.json")
    (desk.repo.path / "metrics.json").unlink()

    desk.add(content=TWO)

    assert desk.pointer().metrics == {}


def test_metrics_of_one_version_are_never_taken_for_those_of_the_next(desk: Desk) -> None:
    """Said by hand for version 2, while the file of version 2 lay there too."""
    metrics_file(desk, 0.9)
    desk.version(ONE, metrics_file="metrics.json")
    second = metrics_file(desk, 0.95)
    desk.version(TWO, metrics=["auc=0.951"])
    assert (desk.pointer().metrics, desk.pointer().metrics_from) == ({"auc": 0.951}, second)

    desk.version(THREE)

    assert desk.pointer().metrics == {}


def test_a_metrics_file_outside_the_repository_is_read_but_not_remembered(
    desk: Desk,
) -> None:
    (desk.repo.path.parent / "outside.toml").write_text("auc = 0.9\n")

    desk.add(content=ONE, metrics_file="../outside.toml")

    assert desk.pointer().metrics == {"auc": 0.9}
    assert desk.pointer().metrics_from is None


def test_equal_content_with_new_metrics_keeps_its_number(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.9"], params=["lr=1"])

    report = desk.add(metrics=["auc=0.91"], run_id="run-9")

    assert (report.version, report.was, report.changed, report.warnings) == (1, 1, True, ())
    pointer = desk.pointer()
    assert (pointer.version, pointer.metrics, pointer.params, pointer.run_id) == (
        1,
        {"auc": 0.91},
        {"lr": 1},
        "run-9",
    )


def test_going_back_to_a_known_version_brings_its_newest_metadata_and_no_warning(
    desk: Desk,
) -> None:
    desk.version(ONE, metrics=["auc=0.9"], run_id="run-1")
    desk.version(ONE, metrics=["auc=0.91"])
    desk.version(TWO, metrics=["auc=0.95"])

    back = desk.add(content=ONE)

    assert (back.version, back.was, back.warnings) == (1, 2, ())
    assert (desk.pointer().metrics, desk.pointer().run_id) == ({"auc": 0.91}, "run-1")


def test_going_back_to_a_known_version_without_metrics_is_no_loss(desk: Desk) -> None:
    desk.version(ONE)
    desk.version(TWO, metrics=["auc=0.95"])

    assert desk.add(content=ONE).warnings == ()


def test_what_people_wrote_about_the_model_stays(desk: Desk) -> None:
    from dataclasses import replace

    desk.version(ONE)
    described = replace(
        desk.pointer(), description="cards", license="MIT", tags=("eu",), unknown={"owner": "risk"}
    )
    desk.repo.write("fraud.model.yaml", described.to_text())
    desk.repo.commit("describe")

    desk.add(content=TWO)

    pointer = desk.pointer()
    assert (pointer.description, pointer.license, pointer.tags) == ("cards", "MIT", ("eu",))
    assert pointer.unknown == {"owner": "risk"}


def test_a_commit_reads_the_metrics_file_again(desk: Desk) -> None:
    metrics_file(desk, 0.9)
    desk.version(ONE, metrics_file="metrics.json")
    source = metrics_file(desk, 0.97)
    desk.repo.write("fraud.bin", TWO)

    with desk.open() as project:
        report = register_changes(project)

    assert (report.bumped, report.notes) == ([("fraud", 1, 2)], [])
    assert desk.pointer().metrics == {"auc": 0.97, "eval.f1": 0.5}
    assert desk.pointer().metrics_from == source


def test_a_file_that_is_not_there_is_wrong_use(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    assert refusal(UsageError, lambda: desk.add(metrics_file="nothing.json"))[0] == (
        "nothing.json cannot be read: No such file or directory"
    )
    assert refusal(UsageError, lambda: desk.add(params_file="."))[0] == (
        ". cannot be read: Is a directory"
    )
    assert not (desk.repo.path / "fraud.model.yaml").exists()


def test_metrics_that_cannot_be_read_leave_everything_as_it_was(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)
    desk.repo.write("metrics.json", '{"auc": ')
    desk.repo.write("huge.json", " " * (2**23 + 1))

    with pytest.raises(TextError, match=r"metrics\.json"):
        desk.add(metrics_file="metrics.json")
    assert refusal(UsageError, lambda: desk.add(metrics_file="huge.json"))[0] == (
        "huge.json is larger than a metrics file can be (8 MiB)"
    )
    assert not (desk.repo.path / "fraud.model.yaml").exists()
    assert desk.staged() == []


def test_a_metrics_file_behind_a_link_in_the_repository_is_not_followed_by_a_commit(
    desk: Desk, tmp_path: Path
) -> None:
    metrics_file(desk, 0.9)
    desk.version(ONE, metrics_file="metrics.json")
    (tmp_path / "secret.json").write_text('{"auc": 1.0}')
    (desk.repo.path / "metrics.json").unlink()
    (desk.repo.path / "metrics.json").symlink_to(tmp_path / "secret.json")
    desk.repo.write("fraud.bin", TWO)

    with desk.open() as project, pytest.raises(UnsafePathError, match="symbolic link"):
        register_changes(project)


def test_paths_are_as_typed_and_links_above_are_followed(desk: Desk, tmp_path: Path) -> None:
    (desk.repo.path / "sub").mkdir()
    (tmp_path / "away").symlink_to(desk.repo.path / "sub")
    with desk.open("sub") as project:
        found = {
            path: path_inside(project, path)
            for path in ("a.bin", "../a.bin", "../..", "..", str(tmp_path / "away/a.bin"), "/a.bin")
        }

    assert found == {
        "a.bin": "sub/a.bin",
        "../a.bin": "a.bin",
        "../..": None,
        "..": None,
        str(tmp_path / "away/a.bin"): "sub/a.bin",
        "/a.bin": None,
    }


def test_nothing_given_is_nothing() -> None:
    assert MetadataInput().nothing
    assert not MetadataInput(run_id="x").nothing


def test_what_a_file_of_metrics_holds_and_a_pointer_cannot_is_named(desk: Desk) -> None:
    desk.repo.write(
        "metrics.json",
        '{"auc": 0.5, "confusion": [[1, 2]], "best": null, "seed": 123456789012345678901}',
    )
    desk.repo.write("params.yaml", "layers: [64, 64]\nseed:\nopt: {lr: 0.1, betas: [0.9, 0.99]}\n")

    report = desk.add(content=b"weights", metrics_file="metrics.json", params_file="params.yaml")

    assert report.warnings == (
        (
            'not recorded of metrics.json: "confusion" (a list cannot be recorded here), '
            '"best" (it has no value)'
        ),
    )
    pointer = desk.pointer()
    assert pointer.metrics == {"auc": 0.5, "seed": 123456789012345678901}
    assert pointer.params == {
        "layers": [64, 64],
        "seed": None,
        "opt.lr": 0.1,
        "opt.betas": [0.9, 0.99],
    }
