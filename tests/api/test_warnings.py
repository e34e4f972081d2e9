"""What the command line prints as a warning is a warning at the caller's line."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel import api
from gitmodel.project.references import resolve
from tests.support.desk import Desk, kept_desk
from tests.support.formats import safetensors_file
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.domain.reference import Reference
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

ONE, TWO = (some_bytes(100_000, seed=seed) for seed in (1, 2))


def two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud, pushed; the last with metrics."""
    for content in (ONE, TWO):
        desk.version(content)
    desk.push()


fraud = kept_desk(two_versions)


def line_of(text: str) -> int:
    """The line of this file that holds a text, from 1."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == text)


def test_metrics_that_were_dropped_are_a_warning_at_the_callers_line(fraud: Desk) -> None:
    weights = fraud.repo.write("fraud.bin", b"weights three")
    gitmodel.add(weights, metrics={"auc": 0.9})
    weights = fraud.repo.write("fraud.bin", b"weights four")

    with pytest.warns(gitmodel.GitmodelWarning, match="dropped") as caught:
        gitmodel.add(weights)  # the caller

    assert caught[0].filename == __file__
    assert caught[0].lineno == line_of("gitmodel.add(weights)  # the caller")


def test_each_warning_of_the_report_is_one(fraud: Desk) -> None:
    weights = fraud.repo.write("fraud.bin", b"weights three")
    gitmodel.add(weights, metrics={"auc": 0.9})
    fraud.repo.write("fraud.bin", b"version https://example.org\n")

    with pytest.warns(gitmodel.GitmodelWarning) as caught:
        report = gitmodel.add(weights, params={"odd": object()})

    assert len(report.warnings) == 2
    assert [str(one.message) for one in caught] == [*report.warnings]


CALLS: dict[str, Callable[[Path], object]] = {
    "path": lambda repo: gitmodel.path("net@1", repo=repo),
    "open": lambda repo: gitmodel.open("net@1", repo=repo).close(),
    "tensor": lambda repo: gitmodel.tensor("net@1", "w", repo=repo),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_note_of_a_workflow_is_a_warning_at_the_callers_line(
    desk: Desk, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.version(safetensors_file({"w": bytes(8)}), "net.safetensors")

    def resolve_and_note(project: Project, reference: Reference) -> Model:
        project.context.note("something to know")
        return resolve(project, reference)

    monkeypatch.setattr(api, "resolve", resolve_and_note)
    with pytest.warns(gitmodel.GitmodelWarning, match="something to know") as caught:
        CALLS[call](desk.repo.path)

    assert [one.filename for one in caught] == [__file__]


def test_a_note_of_another_thread_is_a_warning_at_the_callers_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.version(ONE)

    def resolve_and_note(project: Project, reference: Reference) -> Model:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(project.context.note, "something to know").result()
        return resolve(project, reference)

    monkeypatch.setattr(api, "resolve", resolve_and_note)
    with pytest.warns(gitmodel.GitmodelWarning, match="something to know") as caught:
        gitmodel.path("fraud@1", repo=desk.repo.path)

    assert [one.filename for one in caught] == [__file__]


def test_a_note_of_a_later_read_is_a_warning_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.version(ONE)
    notes: list[Callable[[str], None]] = []

    def resolve_and_keep(project: Project, reference: Reference) -> Model:
        notes.append(project.context.note)
        return resolve(project, reference)

    monkeypatch.setattr(api, "resolve", resolve_and_keep)
    gitmodel.open("fraud@1", repo=desk.repo.path).close()
    with pytest.warns(gitmodel.GitmodelWarning, match="something to know") as caught:
        notes[0]("something to know")

    assert [one.filename for one in caught] == [__file__]


def test_an_error_is_not_replaced_by_a_warning_that_is_one(
    fraud: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters turn warnings into errors, as in this test run."""

    def fail(project: Project, reference: Reference) -> Model:
        project.context.note("something to know")
        raise gitmodel.UnknownReferenceError("nothing is called that")

    monkeypatch.setattr(api, "resolve", fail)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(gitmodel.UnknownReferenceError):
            gitmodel.path("fraud@1", repo=fraud.repo.path)


def test_weights_are_registered_though_a_warning_is_an_error(fraud: Desk) -> None:
    weights = fraud.repo.write("fraud.bin", b"weights three")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(gitmodel.GitmodelWarning):
            gitmodel.add(weights, metrics={"odd": object()})

    assert fraud.pointer().version == 3


def test_a_pack_that_is_fetched_again_is_told(fraud: Desk) -> None:
    """A damaged pack in the cache, and a remote that has it."""
    shutil.rmtree(fraud.repo.path / ".git/gitmodel/placed", ignore_errors=True)
    for pack in (fraud.repo.path / ".git/gitmodel/packs").glob("*/*"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:-1] + b"\0")

    with pytest.warns(gitmodel.GitmodelWarning, match="fetching it again") as caught:
        found = gitmodel.path("fraud@1", repo=fraud.repo.path)

    assert caught[0].filename == __file__
    with open(found, "rb") as stream:
        assert stream.read() == ONE


def test_a_filter_names_the_category() -> None:
    code = (
        "import warnings, gitmodel;"
        "warnings.simplefilter('ignore', gitmodel.GitmodelWarning);"
        "assert issubclass(gitmodel.GitmodelWarning, UserWarning)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
