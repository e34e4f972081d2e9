"""The public names of the package: all of them, and for what they are."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel import errors

if TYPE_CHECKING:
    from tests.support.desk import Desk


def test_every_error_is_exported() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    ours = [kind for kind in kinds if kind.__module__ == errors.__name__]

    assert errors.GitmodelWarning in ours
    assert [kind.__name__ for kind in ours if kind.__name__ not in gitmodel.__all__] == []
    assert all(getattr(gitmodel, kind.__name__) is kind for kind in ours)


def test_the_verbs_are_those_that_were_agreed() -> None:
    verbs = [name for name in gitmodel.__all__ if name[0].islower()]

    assert verbs == ["add", "log", "open", "path", "tensor"]
    assert dir(gitmodel) == sorted(gitmodel.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gitmodel' has no attribute 'psth'"):
        gitmodel.psth  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError):
        from gitmodel import Context  # type: ignore[attr-defined]  # noqa: F401


def test_an_error_can_be_caught_without_loading_the_interface() -> None:
    code = (
        "import sys, gitmodel; gitmodel.RemoteError;"
        "print(sorted(name for name in sys.modules if name.startswith('gitmodel.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['gitmodel.errors']"


@pytest.mark.parametrize("exclude", ["*.swp", ["*.swp"], ("*.swp",)], ids=["text", "list", "tuple"])
def test_adding_leaves_out_what_is_excluded(desk: Desk, exclude: str | list[str]) -> None:
    desk.repo.write("bert/model.bin", b"weights")
    desk.repo.write("bert/.model.swp", b"an editor's")

    report = gitmodel.add(desk.repo.path / "bert", exclude=exclude)

    assert desk.pointer("bert.model.yaml").exclude == ("*.swp",)
    assert report.size == len(b"weights")


def test_the_patterns_of_a_model_stay_until_they_are_taken_back(desk: Desk) -> None:
    desk.repo.write("bert/model.bin", b"weights")
    gitmodel.add(desk.repo.path / "bert", exclude="*.swp")
    desk.repo.write("bert/model.bin", b"weights two")

    gitmodel.add(desk.repo.path / "bert", exclude=["*.tmp"])
    assert desk.pointer("bert.model.yaml").exclude == ("*.swp", "*.tmp")
    assert gitmodel.add(desk.repo.path / "bert").changed is False


def test_a_file_has_nothing_to_exclude(desk: Desk) -> None:
    weights = desk.repo.write("fraud.bin", b"weights")
    with pytest.raises(gitmodel.UsageError, match="is a file"):
        gitmodel.add(weights, exclude="*.swp")


def test_log_warns_at_the_line_of_its_caller(desk: Desk) -> None:
    weights = desk.repo.write("fraud.bin", b"weights")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gitmodel.log(weights, metrics={"odd": object()})

    assert [one.category for one in caught] == [DeprecationWarning, gitmodel.GitmodelWarning]
    assert {one.filename for one in caught} == {__file__}
