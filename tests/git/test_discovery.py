"""What the git folder says without a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.git.discovery import rebase_has_steps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("", False),
        ("noop\n", False),
        ("\n# Rebase 1..2 onto 1\n", False),
        ("drop 1234567 gone\nd 1234568 gone too\n", False),
        ("pick 1234567 one\n", True),
        ("drop 1234567 gone\nexec make\n", True),
        ("p\n", True),
    ],
)
def test_a_rebase_goes_on_while_its_list_has_a_step(
    steps: str, expected: bool, tmp_path: Path
) -> None:
    assert not rebase_has_steps(str(tmp_path))
    (tmp_path / "rebase-merge").mkdir()
    assert not rebase_has_steps(str(tmp_path))
    (tmp_path / "rebase-merge/git-rebase-todo").write_text(steps, encoding="utf-8")

    assert rebase_has_steps(str(tmp_path)) is expected


def test_patches_that_are_applied_always_go_on(tmp_path: Path) -> None:
    (tmp_path / "rebase-apply").mkdir()

    assert rebase_has_steps(str(tmp_path))
