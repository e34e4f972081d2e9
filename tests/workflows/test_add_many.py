"""`gitmodel add PATH...`: many paths in one pass, all of them or none where that can be seen beforehand."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Previous
from gitmodel.errors import (
    ChangedWhileReadError,
    GitmodelError,
    ModelNameError,
    UnsafePathError,
    UsageError,
    WeightsError,
)
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.workflows.add import add_many
from gitmodel.worktree.worktree import WorkTree
from tests.support.desk import Desk, digest, refusal
from tests.support.models import folder_model, write_folder
from tests.support.processes import started_processes
from tests.support.stores import files_below

if TYPE_CHECKING:
    from gitmodel.workflows.add import AddedMany
    from gitmodel.worktree.worktree import Scan


def added(desk: Desk, *paths: str, folder: str = "", **options: object) -> AddedMany:
    with desk.open(folder) as project:
        return add_many(project, paths, **options)  # type: ignore[arg-type]


def content(number: int, version: int = 1) -> bytes:
    return f"weights {number} of version {version}".encode()


def write(desk: Desk, count: int, version: int = 1) -> list[str]:
    paths = [f"models/m{number}.bin" for number in range(count)]
    for number, path in enumerate(paths):
        desk.repo.write(path, content(number, version))
    return paths


def test_each_path_is_a_model_of_its_own(desk: Desk) -> None:
    paths = write(desk, 5)

    done = added(desk, *paths, given=MetadataInput(metrics=["auc=0.9"], run_id="run-1"))

    assert [(r.name, r.version) for r in done.added] == [(f"m{n}", 1) for n in range(5)]
    assert desk.staged() == [
        "models/.gitignore",
        *(f"models/m{number}.model.yaml" for number in range(5)),
    ]
    for number in range(5):
        pointer = desk.pointer(f"models/m{number}.model.yaml")
        assert pointer.digest == digest(content(number))
        assert (pointer.metrics, pointer.run_id) == ({"auc": 0.9}, "run-1")
    with desk.open() as project:
        assert all(project.cache.holds_sound(digest(content(number))) for number in range(5))


def test_many_next_versions_are_those_that_one_by_one_would_give(desk: Desk) -> None:
    paths = write(desk, 4)
    added(desk, *paths, message="first")
    desk.repo.git("switch", "-qc", "other")
    desk.version(content(0, 7), path=paths[0])
    desk.repo.git("switch", "-q", "main")
    write(desk, 4, 2)
    desk.repo.write(paths[3], content(3))

    done = added(desk, *paths, message="second")

    assert [(r.version, r.was, r.changed) for r in done.added] == [
        (3, 1, True),
        (2, 1, True),
        (2, 1, True),
        (1, 1, False),
    ]
    assert desk.committed("models/m0.model.yaml").previous == Previous(1, digest(content(0)))
    assert done.committed == desk.repo.head()
    assert desk.staged() == []


def test_the_number_of_git_processes_does_not_grow_with_the_paths(desk: Desk) -> None:
    def count(paths: list[str]) -> int:
        with started_processes() as commands:
            added(desk, *paths)
        return len(commands)

    paths = write(desk, 40)
    assert count(paths) <= 12
    desk.repo.commit("first")
    write(desk, 40, 2)
    assert count(paths) <= 12
    assert count(paths) <= 12


def test_patterns_of_a_shell_add_the_weights_that_they_catch(desk: Desk) -> None:
    paths = write(desk, 2)
    added(desk, paths[0], message="first")
    desk.repo.write("models/README.md", "models\n")
    desk.repo.commit("words", "models/README.md")
    for path in ("metrics.json", "train.log", "m0.bin~", ".m0.bin.swp", "config.yaml"):
        desk.repo.write(f"models/{path}", "{}")
    write_folder(folder_model(seed=1), desk.repo.path / "models/bert")
    desk.repo.write("models/inner/x.bin", b"x")
    added(desk, "models/inner/x.bin", message="inner")
    names = sorted(os.listdir(desk.repo.path / "models"))

    done = added(desk, *names, folder="models")

    assert [report.name for report in done.added] == ["bert", "m0", "m1"]
    assert done.left_out == [
        "files that are not weights: .gitignore, .m0.bin.swp, m0.bin~",
        "gitmodel's own files: m0.model.yaml",
        "files that usually accompany weights: README.md, config.yaml, metrics.json and 1 more",
        "inner, a folder that contains models",
    ]
    assert "models/metrics.model.yaml" not in desk.staged()


def test_files_that_end_like_documents_are_weights_where_all_do(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.repo.write(f"{name}.json", '{"learner": {}}')

    assert [report.name for report in added(desk, "a.json", "b.json").added] == ["a.json", "b.json"]
    desk.repo.write("c.bin", b"c")
    desk.repo.write("a.json", '{"learner": {"trees": 2}}')
    assert [report.version for report in added(desk, "a.json", "c.bin").added] == [1, 1]


def test_a_path_given_twice_is_added_once(desk: Desk) -> None:
    write(desk, 1)

    done = added(desk, "models/m0.bin", "./models/m0.bin", "models//m0.bin")

    assert [report.name for report in done.added] == ["m0"]


@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        ("models/none.bin", WeightsError, "models/none.bin does not exist"),
        ("/etc/passwd", UnsafePathError, "/etc/passwd is not inside the repository"),
        ("models/link.bin", UnsafePathError, "models/link.bin is a symbolic link"),
        ("models/empty", WeightsError, "models/empty is an empty folder"),
        ("models/git.bin", WeightsError, "models/git.bin is tracked by Git itself"),
        ("other/m0.onnx", ModelNameError, "a model m0 already exists at models/m0.bin"),
        ("models/m1.onnx", ModelNameError, "would have the same pointer, models/m1.model.yaml"),
    ],
)
def test_nothing_is_added_where_one_path_cannot_be(
    desk: Desk, bad: str, kind: type[GitmodelError], words: str
) -> None:
    paths = write(desk, 3)
    added(desk, paths[0], message="first")
    (desk.repo.path / "models/link.bin").symlink_to("m0.bin")
    (desk.repo.path / "models/empty").mkdir()
    for path in ("models/git.bin", "other/m0.onnx", "models/m1.onnx"):
        desk.repo.write(path, b"other")
    desk.repo.git("add", "models/git.bin")
    write(desk, 3, 2)
    staged, packs = desk.staged(), files_below(desk.repo.path / ".git/gitmodel/packs")

    message, hint = refusal(kind, lambda: added(desk, *paths, bad))

    assert message.startswith("nothing was added: ")
    assert words in message
    assert bad.startswith("models/empty") or hint
    assert desk.staged() == staged
    assert files_below(desk.repo.path / ".git/gitmodel/packs") == packs
    assert desk.repo.read("models/.gitignore") == b"/m0.bin\n"


def test_all_paths_that_cannot_be_added_are_named(desk: Desk) -> None:
    paths = [f"no{number}.bin" for number in range(6)]

    message, hint = refusal(WeightsError, lambda: added(desk, *paths))

    assert message == (
        "nothing was added: no0.bin does not exist; "
        "nor can no1.bin, no2.bin, no3.bin and 2 more be added"
    )
    assert hint == "gitmodel checkout"


def test_paths_of_which_none_is_weights_are_refused(desk: Desk) -> None:
    desk.version(content(0))

    message, hint = refusal(UsageError, lambda: added(desk, "fraud.model.yaml", "README.md"))

    assert message.startswith("none of the 2 paths are weights: gitmodel's own files: fraud")
    assert hint == "gitmodel add PATH, with a single path, which is never skipped"


def test_a_name_is_for_one_path(desk: Desk) -> None:
    paths = write(desk, 2)

    assert refusal(UsageError, lambda: added(desk, *paths, name="fraud")) == (
        "--name is for one path",
        "gitmodel add PATH --name NAME",
    )


def test_weights_that_change_meanwhile_are_named_and_the_others_are_added(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write(desk, 3)
    remember = WorkTree.remember

    def late(tree: WorkTree, name: str, scan: Scan, *rest: object, **options: object) -> object:
        if name == "m1":
            desk.repo.write(paths[1], b"training goes on")
        return remember(tree, name, scan, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(WorkTree, "remember", late)

    done = added(desk, *paths, message="not made")

    assert [report.name for report in done.added] == ["m0", "m2"]
    [(path, error)] = done.failed
    assert (path, type(error)) == (paths[1], ChangedWhileReadError)
    assert done.committed is None
    assert desk.staged() == ["models/.gitignore", "models/m0.model.yaml", "models/m2.model.yaml"]
    assert not (desk.repo.path / "models/m1.model.yaml").exists()


def test_the_command_line_says_what_was_added_left_out_and_refused(desk: Desk) -> None:
    write(desk, 2)
    desk.repo.write("models/notes.md", "words")

    done = desk.repo.gitmodel("add", "models/m0.bin", "models/m1.bin", "models/notes.md")

    assert done.stdout.splitlines() == [
        "m0  v1  22 B  models/m0.model.yaml",
        "m1  v1  22 B  models/m1.model.yaml",
    ]
    assert done.stderr == "left out files that usually accompany weights: models/notes.md\n"
    done = desk.repo.gitmodel("add", "models/m0.bin", "none.bin", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: nothing was added: none.bin does not exist" in done.stderr


def test_one_path_among_many_for_python_and_json(desk: Desk) -> None:
    import json

    write(desk, 2)
    done = desk.repo.gitmodel("add", "--json", "models/m0.bin", "models/m1.bin")
    assert [row["name"] for row in json.loads(done.stdout)["added"]] == ["m0", "m1"]
    done = desk.repo.gitmodel("add", "--json", "models/m0.bin")
    assert json.loads(done.stdout)["name"] == "m0"


def test_new_weights_before_a_commit_are_not_called_the_same(desk: Desk) -> None:
    desk.version(content(0))
    desk.repo.write("fraud.bin", content(1))
    first = desk.repo.gitmodel("add", "fraud.bin").stdout
    desk.repo.write("fraud.bin", content(2))
    second = desk.repo.gitmodel("add", "fraud.bin").stdout
    third = desk.repo.gitmodel("add", "fraud.bin", "-M", "auc=0.5").stdout

    assert first == "fraud  v2 (was v1)  22 B  fraud.model.yaml\n"
    assert second == "fraud  v2 (in place of other weights that were v2)  22 B  fraud.model.yaml\n"
    assert third == "fraud  v2 (same weights)  22 B  fraud.model.yaml\n"


def test_a_folder_of_models_is_not_one_model(desk: Desk) -> None:
    write(desk, 2)
    added(desk, "models/m0.bin", "models/m1.bin", message="first")

    message, hint = refusal(WeightsError, lambda: desk.add("models"))

    assert message == "models contains the models m0, m1, so it cannot be a model itself"
    assert hint == "gitmodel add models/*, which adds each entry of the folder as a model"
    shutil.rmtree(desk.repo.path / "store", ignore_errors=True)
    names = [f"models/{name}" for name in sorted(os.listdir(desk.repo.path / "models"))]
    assert [report.changed for report in added(desk, *names).added] == [False, False]
