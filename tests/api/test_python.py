"""`gitmodel.path`, `open` and `add`: the bytes that were committed, and nothing left open."""

from __future__ import annotations

import gc
import os
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import gitmodel
from gitmodel.errors import (
    GitmodelError,
    ObjectMissingError,
    RepositoryError,
    UnknownReferenceError,
    UnsafePathError,
    WeightsError,
)
from gitmodel.workflows.add import add
from tests.support.desk import Desk, digest, kept_desk, refusal
from tests.support.models import write_folder
from tests.support.stores import files_below

ONE, TWO = b"weights one", b"weights two"


class Split(Enum):
    TEST = "test"


def two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud."""
    desk.version(ONE)
    desk.version(TWO)
    desk.push()


pushed = kept_desk(two_versions)


@pytest.fixture
def fraud(pushed: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Versions 1 and 2 of fraud; the process stands in the repository."""
    monkeypatch.chdir(pushed.repo.path)
    return pushed


def children() -> list[str]:
    """Processes that this one has started and not waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def descriptors() -> dict[str, str]:
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the one that listed them
            continue
    return found


def test_the_checked_out_version_is_the_file_in_the_work_tree(fraud: Desk) -> None:
    assert gitmodel.path("fraud") == str(fraud.repo.path / "fraud.bin")
    assert gitmodel.path("fraud@2", repo=fraud.repo.path) == str(fraud.repo.path / "fraud.bin")


def test_another_version_is_placed_once_and_shared(fraud: Desk) -> None:
    first = gitmodel.path("fraud@1")
    before = os.stat(first)
    second = gitmodel.path(f"fraud@{digest(ONE)}")

    assert Path(first).read_bytes() == ONE
    assert (second, os.stat(second).st_mtime_ns) == (first, before.st_mtime_ns)
    assert fraud.repo.read("fraud.bin") == TWO
    assert fraud.staged() == []


def test_a_shared_copy_that_is_not_the_version_any_more_is_placed_again(fraud: Desk) -> None:
    """Somebody wrote to it, or a part of it was not on the disk when the machine went down."""
    shared = Path(gitmodel.path("fraud@1"))

    for damage in (b"other weights", ONE[:-1], b"", bytes(len(ONE))):
        shared.write_bytes(damage)
        assert Path(gitmodel.path("fraud@1")).read_bytes() == ONE
    shared.unlink()
    assert Path(gitmodel.path("fraud@1")).read_bytes() == ONE


def test_weights_are_fetched_where_they_are_needed(fraud: Desk) -> None:
    ben = fraud.join("ben")

    with gitmodel.open("fraud@1", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
        assert stream.seek(0) == 0
    assert files_below(ben.repo.path / "fraud.bin") == []


def test_a_bare_repository_serves_too(fraud: Desk) -> None:
    bare = fraud.repo.clone("server.git", "--bare")

    with gitmodel.open("fraud", repo=bare.path) as stream:
        assert stream.read() == TWO


def test_modified_weights_are_never_given_out_as_a_version(fraud: Desk) -> None:
    fraud.repo.write("fraud.bin", b"half written")

    with gitmodel.open("fraud") as stream:
        assert stream.read() == TWO


def test_files_of_a_folder(fraud: Desk) -> None:
    write_folder({"a.bin": ONE, "sub/b.txt": b"text"}, fraud.repo.path / "bert")
    fraud.add("bert")
    fraud.repo.commit("bert 1")

    with gitmodel.open("bert", "sub/b.txt") as stream:
        assert stream.read() == b"text"
    assert refusal(WeightsError, lambda: gitmodel.open("bert")) == (
        "bert is a folder; name one of its files",
        "there are a.bin, sub/b.txt",
    )
    assert refusal(WeightsError, lambda: gitmodel.open("fraud", "a.bin"))[0] == (
        "fraud is one file, so it has no file a.bin"
    )
    for missing in ("nothing.txt", "a.bin/x", "sub"):
        assert refusal(
            UnknownReferenceError,
            lambda missing=missing: gitmodel.open("bert", missing),  # type: ignore[misc]
        ) == (f"bert has no file {missing}", "there are a.bin, sub/b.txt")
    with pytest.raises(UnsafePathError):
        gitmodel.open("bert", "../fraud.bin")


def test_a_folder_of_links_is_served_from_the_cache(fraud: Desk, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(ONE)
    fraud.repo.write("hub/config.json", "{}")
    (fraud.repo.path / "hub/model.bin").symlink_to(tmp_path / "blob")
    with fraud.open() as project:
        add(project, "hub", follow=True)

    with gitmodel.open("hub", "model.bin") as stream:
        assert stream.read() == ONE


def test_what_cannot_be_had_is_an_error_of_ours(fraud: Desk, tmp_path: Path) -> None:
    with pytest.raises(UnknownReferenceError, match="no model is called"):
        gitmodel.path("frod")
    with pytest.raises(RepositoryError):
        gitmodel.path("fraud", repo=tmp_path / "nowhere")
    ben = fraud.join("ben")
    for manifest in (fraud.store / "manifests").glob("*/*"):
        manifest.unlink()
    with pytest.raises(ObjectMissingError):
        gitmodel.path("fraud", repo=ben.repo.path)
    assert files_below(ben.repo.path / ".git/gitmodel/placed") == []


def test_adding_registers_what_was_just_written(fraud: Desk) -> None:
    weights = fraud.repo.write("runs/churn.bin", ONE)

    report = gitmodel.add(
        weights, metrics={"auc": 0.9, "epochs": 3}, params={"lr": 2e-5}, run_id="run-1"
    )

    assert (report.name, report.version, report.changed) == ("churn", 1, True)
    pointer = fraud.pointer("runs/churn.model.yaml")
    assert (pointer.metrics, pointer.params, pointer.run_id) == (
        {"auc": 0.9, "epochs": 3},
        {"lr": 2e-5},
        "run-1",
    )
    assert gitmodel.add("fraud.bin").changed is False


def test_after_training_adds_git_sees_the_new_version_and_commits_it_at_once(fraud: Desk) -> None:
    fraud.repo.write("fraud.bin", b"weights three")

    gitmodel.add("fraud.bin", metrics={"auc": 0.95})

    assert fraud.repo.git("status", "--porcelain").stdout == "M  fraud.model.yaml\n"
    fraud.repo.git("commit", "-qam", "fraud 3")
    assert fraud.repo.git("status", "--porcelain").stdout == ""
    assert fraud.pointer().metrics == {"auc": 0.95}


def test_log_is_the_earlier_name_and_says_so(fraud: Desk) -> None:
    with pytest.warns(DeprecationWarning, match=r"gitmodel\.add") as caught:
        report = gitmodel.log("fraud.bin", metrics={"auc": 0.95})

    assert report.version == 2
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("run_id", "text"),
    [(4711, "4711"), (b"4711", "4711"), (UUID(int=1), str(UUID(int=1)))],
    ids=["number", "bytes", "uuid"],
)
def test_the_id_of_a_run_is_recorded_as_text_that_is_read_again(
    fraud: Desk, run_id: int | bytes | UUID, text: str
) -> None:
    fraud.repo.write("fraud.bin", b"weights of a numbered run")

    report = gitmodel.add("fraud.bin", run_id=run_id)

    assert fraud.pointer().run_id == text
    assert gitmodel.path(f"fraud@{report.version}") == str(fraud.repo.path / "fraud.bin")


@pytest.mark.parametrize(
    "options",
    [
        {"run_id": b"\xff"},
        {"run_id": ["a"]},
        {"metrics": {f"metric-{number}": 0.5 for number in range(5000)}},
    ],
    ids=["bytes", "list", "many"],
)
def test_what_a_pointer_cannot_hold_is_refused_before_the_weights_are_stored(
    fraud: Desk, options: dict[str, Any]
) -> None:
    fraud.repo.write("fraud.bin", b"weights that are not stored")
    before = fraud.repo.read("fraud.model.yaml")
    packs = files_below(fraud.repo.path / ".git/gitmodel/packs")

    with pytest.raises(GitmodelError) as caught:
        gitmodel.add("fraud.bin", **options)

    assert caught.value.hint
    assert fraud.repo.read("fraud.model.yaml") == before
    assert files_below(fraud.repo.path / ".git/gitmodel/packs") == packs


def test_numbers_of_other_libraries_are_numbers(fraud: Desk) -> None:
    class Float64(float):
        def __repr__(self) -> str:
            return f"np.float64({float(self)!r})"

    gitmodel.add("fraud.bin", metrics={"auc": Float64(0.9)})

    assert fraud.pointer().metrics == {"auc": 0.9}


class _Tensor:
    """What torch and numpy have in common: one number, or a list of them."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        [value] = self.values
        return value

    def tolist(self) -> list[float]:
        return list(self.values)


class _NumpyBool:
    def item(self) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


def test_values_of_other_libraries_are_recorded_as_what_they_are(fraud: Desk) -> None:
    gitmodel.add(
        "fraud.bin",
        metrics={
            "loss": _Tensor(0.25),
            "good": _NumpyBool(),
            "price": Decimal("1.5"),
            "day": date(2026, 3, 1),
            "split": Split.TEST,
            "steps": 10**30,
            "eval": {"auc": Fraction(1, 2)},
        },
        params={
            "layers": (64, 64),
            "seed": None,
            "betas": _Tensor(0.9, 0.999),
            "data": Path("a/b"),
        },
    )

    pointer = fraud.pointer()
    assert pointer.metrics == {
        "loss": 0.25,
        "good": True,
        "price": 1.5,
        "day": "2026-03-01",
        "split": "test",
        "steps": 10**30,
        "eval.auc": 0.5,
    }
    assert pointer.params == {
        "layers": [64, 64],
        "seed": None,
        "betas": [0.9, 0.999],
        "data": os.path.join("a", "b"),
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "it has no value"),
        ([1], "a list cannot be recorded here"),
        (object(), "a value of the type object cannot be recorded"),
        (10**100, "an integer of more than 100 digits"),
        ("\udcff", "text that is not UTF-8"),
    ],
    ids=["none", "list", "object", "digits", "surrogate"],
)
def test_what_is_no_metric_is_left_out_and_named(fraud: Desk, value: object, reason: str) -> None:
    """A training of hours is not refused for one value."""
    fraud.repo.write("fraud.bin", b"weights after hours")

    with pytest.warns(UserWarning, match="not recorded of the metrics: ") as caught:
        report = gitmodel.add("fraud.bin", metrics={"auc": 0.5, "odd": value})

    assert str(caught[0].message) == f'not recorded of the metrics: "odd" ({reason})'
    assert report.warnings[0] == str(caught[0].message)
    assert fraud.pointer().metrics == {"auc": 0.5}


@pytest.mark.slow
def test_no_process_and_no_descriptor_is_left(fraud: Desk) -> None:
    """A warning about a resource that was not closed fails the test as well."""
    ben = fraud.join("ben")
    gitmodel.path("fraud@1", repo=ben.repo.path)  # what the first call loads may stay
    gc.collect()
    before = descriptors()
    servers = children()  # of other tests in this process

    gitmodel.path("fraud@1", repo=ben.repo.path)
    gitmodel.path("fraud", repo=ben.repo.path)
    gitmodel.open("fraud@1").close()
    gitmodel.add("fraud.bin", metrics={"auc": 0.5})
    with pytest.raises(GitmodelError):
        gitmodel.path("fraud@9")
    gc.collect()

    assert descriptors() == before
    assert children() == servers
