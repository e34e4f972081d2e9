"""What a request changes is found by one comparison of trees, and only files that differ are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer, Previous
from gitmodel.project.context import Context
from gitmodel.project.gates.changed import Changes, changes_of
from gitmodel.project.gates.ci_base import base_of_request
from gitmodel.project.project import Project
from gitmodel.workflows.gate import gate_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.objects import ObjectReader, TreeEntry
    from tests.support.repo import Repo

FRAUD = Pointer(name="fraud", version=1, digest=digest_of(b"1"), size=1, path="fraud.bin")
GATES = """\
gitmodel: 1
project: "models"
id: "9c1f22ab"
gates: {"*": {register: {auc: {min: 0.5}}}}
"""


class Counting:
    """An object reader that counts."""

    def __init__(self, reader: ObjectReader) -> None:
        self.reader = reader
        self.trees = 0
        self.blobs_read = 0

    def tree(self, commit: str, *suffixes: str) -> tuple[TreeEntry, ...]:
        self.trees += 1
        return self.reader.tree(commit, *suffixes)

    def blobs(self, oids: Iterable[str], **options: int) -> dict[str, bytes]:
        found = self.reader.blobs(oids, **options)
        self.blobs_read += len(found)
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self.reader, name)


def opened(repo: Repo) -> Project:
    return Project.open(Context(environment={"PATH": "/usr/bin:/bin"}, folder=str(repo.path)))


def changes(repo: Repo) -> Changes:
    with opened(repo) as project:
        return changes_of(project, base_of_request(project, "main", repo.head()), repo.head())


def write(repo: Repo, pointer: Pointer, path: str = "") -> None:
    repo.write(path or f"{pointer.name}.model.yaml", pointer.to_text())


@pytest.fixture
def models(repo: Repo) -> Repo:
    """One model with an alias on `main`; a branch `request` is checked out."""
    write(repo, FRAUD)
    repo.write("fraud.staging.alias.yaml", Alias.of("staging", FRAUD).to_text())
    repo.commit("models")
    repo.git("switch", "-qc", "request")
    return repo


def test_of_a_thousand_models_only_the_changed_ones_are_read(repo: Repo) -> None:
    repo.write(".gitmodel.yaml", GATES)
    pointers = [replace(FRAUD, name=f"m{n}", metrics={"auc": 0.9}) for n in range(1000)]
    for pointer in pointers:
        write(repo, pointer)
    repo.commit("models")
    repo.git("switch", "-qc", "request")
    for pointer in pointers[:3]:
        write(repo, replace(pointer, version=2, digest=digest_of(b"2")))
    repo.commit("three")

    with opened(repo) as project:
        counting = Counting(project.reader)
        project.__dict__["reader"] = counting
        check = gate_request(project, "main")

    assert [change.model for change in check.changes] == ["m0", "m1", "m2"]
    assert check.exit_code == 0
    assert counting.trees <= 5
    assert counting.blobs_read <= 6 * 3 + 2


def test_old_and_new_pointers_are_paired_by_name(models: Repo) -> None:
    write(models, replace(FRAUD, version=2, digest=digest_of(b"2")))
    write(models, replace(FRAUD, name="spam"))
    models.commit("change")

    found = changes(models)

    assert [
        (one.before and one.before.pointer.version, one.after.name, one.after.pointer.version)
        for one in found.pointers
    ] == [(1, "fraud", 2), (None, "spam", 1)]
    assert (found.aliases, found.removed, found.broken) == ((), (), ())


def test_only_other_weights_and_metrics_make_a_candidate(models: Repo) -> None:
    candidates = []
    for pointer in (
        replace(FRAUD, description="words"),
        replace(FRAUD, version=7),
        replace(FRAUD, digest=digest_of(b"2")),
        replace(FRAUD, metrics={"auc": float("nan")}),
    ):
        write(models, pointer)
        models.commit("change")
        (one,) = changes(models).pointers
        candidates.append(one.is_candidate)

    assert candidates == [False, False, True, True]


def test_nan_that_stays_nan_is_no_change(models: Repo) -> None:
    nan = replace(FRAUD, metrics={"auc": float("nan")})
    models.git("switch", "-q", "main")
    write(models, nan)
    models.commit("nan")
    models.git("switch", "-qC", "request")
    write(models, replace(nan, description="words"))
    models.commit("words")

    assert [one.is_candidate for one in changes(models).pointers] == [False]


def test_a_renamed_model_is_followed_by_its_weights_or_those_before(models: Repo) -> None:
    before = Previous(1, FRAUD.digest)
    for pointer in (
        replace(FRAUD, name="risk"),
        replace(FRAUD, name="risk", version=2, digest=digest_of(b"2"), previous=before),
    ):
        models.git("reset", "-q", "--hard", "main")
        models.git("rm", "-q", "fraud.model.yaml", "fraud.staging.alias.yaml")
        write(models, pointer)
        models.write("risk.staging.alias.yaml", Alias.of("staging", pointer).to_text())
        models.commit("rename")

        found = changes(models)

        assert [(one.before and one.before.name, one.after.name) for one in found.pointers] == [
            ("fraud", "risk")
        ]
        assert [(one.path_before, one.path) for one in found.aliases] == [
            ("fraud.staging.alias.yaml", "risk.staging.alias.yaml")
        ]
        assert found.removed == ()


def test_what_is_removed_is_named(models: Repo) -> None:
    models.git("rm", "-q", "fraud.model.yaml", "fraud.staging.alias.yaml")
    models.commit("remove")

    assert changes(models) == Changes((), (), ("fraud", "fraud@staging"), ())


def test_files_that_cannot_be_read_are_named_and_not_taken_for_removed(models: Repo) -> None:
    models.write("fraud.model.yaml", "gitmodel: 1\n")
    (models.path / "fraud.staging.alias.yaml").unlink()
    (models.path / "fraud.staging.alias.yaml").symlink_to("fraud.model.yaml")
    models.write("fraud.aliases.yaml", "aliases: {}\n")
    head = models.commit("broken")

    found = changes(models)

    assert (found.pointers, found.aliases, found.removed) == ((), (), ())
    assert {str(error) for error in found.broken} == {
        "fraud: fraud.aliases.yaml is of an early build",
        f"fraud.model.yaml in commit {head[:10]}: name is missing",
        f"fraud.staging.alias.yaml in commit {head[:10]} is no plain file",
    }


def test_odd_paths_are_read(models: Repo) -> None:
    pointer = replace(FRAUD, version=2, digest=digest_of(b"2"), name="odd")
    write(models, pointer, 'ü "x"\n/odd.model.yaml')
    models.commit("odd")

    assert [one.after.path for one in changes(models).pointers] == ['ü "x"\n/odd.model.yaml']


def test_the_settings_of_the_user_change_nothing(models: Repo) -> None:
    models.git("config", "diff.renames", "copies")
    models.git("config", "diff.ignoreSubmodules", "all")
    models.git("config", "core.quotePath", "true")
    models.git("mv", "fraud.model.yaml", "moved.model.yaml")
    models.commit("move")

    (one,) = changes(models).pointers
    assert (one.before and one.before.path, one.after.path) == (
        "fraud.model.yaml",
        "moved.model.yaml",
    )
