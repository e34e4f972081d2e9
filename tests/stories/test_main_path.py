"""The main job: a person registers, commits and pushes; a colleague gets exactly those bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.conftest import version
from tests.support.models import folder_model, model, perturbed

if TYPE_CHECKING:
    from tests.stories.conftest import Team


def test_a_colleague_gets_the_bytes_that_were_committed(team_anywhere: Team) -> None:
    team = team_anywhere
    ana = team.members["ana"]
    weights = model(seed=1)
    ana.write("fraud.safetensors", weights)
    ana.gitmodel("add", "fraud.safetensors", "-M", "auc=0.93", "--run-id", "8f14e45fceea")
    ana.git("commit", "-qm", "fraud 1")
    ana.git("push", "-q")

    ben = team.join("ben")
    ben.gitmodel("checkout")

    assert ben.read("fraud.safetensors") == weights
    assert ben.git("status", "--porcelain").stdout == ""


def test_after_the_first_add_commit_and_push_are_all_it_takes(team_anywhere: Team) -> None:
    team = team_anywhere
    ana = team.members["ana"]
    first = model(seed=1)
    ana.write("fraud.safetensors", first)
    ana.write("metrics.json", '{"auc": 0.9}')
    ana.gitmodel("add", "fraud.safetensors", "--metrics", "metrics.json", "--run-id", "run-1")
    ana.git("add", "metrics.json")
    ana.git("commit", "-qm", "fraud 1")
    ana.git("push", "-q")
    second = perturbed(first, seed=2)
    ana.write("fraud.safetensors", second)
    ana.write("metrics.json", '{"auc": 0.95}')

    ana.git("commit", "-qam", "train longer")
    ana.git("push", "-q")

    pointer = ana.git("show", "HEAD:fraud.model.yaml").stdout
    assert "version: 2\n" in pointer
    assert "  auc: 0.95\n" in pointer
    assert "run_id" not in pointer, "the old run did not make the new weights"
    assert ana.git("status", "--porcelain").stdout == ""
    ben = team.join("ben")
    ben.gitmodel("checkout")
    assert ben.read("fraud.safetensors") == second
    ben.gitmodel("checkout", "fraud@1")
    assert ben.read("fraud.safetensors") == first
    assert version(ben) == 1


def test_a_folder_is_one_model(team_anywhere: Team) -> None:
    team = team_anywhere
    ana = team.members["ana"]
    for path, content in folder_model(seed=1).items():
        ana.write(f"models/bert/{path}", content)
    ana.gitmodel("add", "models/bert")
    ana.git("commit", "-qm", "bert 1")
    ana.git("push", "-q")
    ana.write("models/bert/added.txt", "a new file\n")
    (ana.path / "models/bert" / next(iter(folder_model(seed=1)))).unlink()
    ana.git("commit", "--allow-empty", "-qam", "bert 2")
    ana.git("push", "-q")

    ben = team.join("ben")
    ben.gitmodel("checkout")

    ours = {p.relative_to(ana.path): p.read_bytes() for p in files(ana.path / "models/bert")}
    theirs = {p.relative_to(ben.path): p.read_bytes() for p in files(ben.path / "models/bert")}
    assert theirs == ours
    assert version(ben, "models/bert.model.yaml") == 2
    ben.gitmodel("checkout", "bert@1")
    first = {
        p.relative_to(ben.path / "models/bert").as_posix() for p in files(ben.path / "models/bert")
    }
    assert first == set(folder_model(seed=1))


def test_equal_content_changes_nothing(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("fraud.safetensors", model(seed=1))
    ana.gitmodel("add", "fraud.safetensors", "-M", "auc=0.93")
    ana.git("commit", "-qm", "fraud 1")
    before = ana.read("fraud.model.yaml")

    ana.gitmodel("add", "fraud.safetensors")

    assert ana.read("fraud.model.yaml") == before
    assert ana.git("status", "--porcelain").stdout == ""


def test_content_of_a_known_version_keeps_its_number(team: Team) -> None:
    ana = team.members["ana"]
    first, second = model(seed=1), model(seed=2)
    for weights in (first, second, first):
        ana.write("fraud.safetensors", weights)
        ana.gitmodel("add", "fraud.safetensors")
        ana.git("commit", "-qm", "next")

    assert version(ana) == 1
    ana.write("fraud.safetensors", model(seed=3))
    ana.gitmodel("add", "fraud.safetensors")
    assert version(ana) == 3


def test_a_version_can_be_written_elsewhere_without_touching_the_work_tree(team: Team) -> None:
    ana = team.members["ana"]
    first, second = model(seed=1), model(seed=2)
    for weights in (first, second):
        ana.write("fraud.safetensors", weights)
        ana.gitmodel("add", "fraud.safetensors")
        ana.git("commit", "-qm", "next")

    ana.gitmodel("checkout", "fraud@1", "--out", "old")

    assert ana.read("old/fraud.safetensors") == first
    assert ana.read("fraud.safetensors") == second
    assert version(ana) == 2


def files(folder: object) -> list:  # type: ignore[type-arg]
    """All files below a folder."""
    from pathlib import Path

    return sorted(p for p in Path(str(folder)).rglob("*") if p.is_file())
