"""The house stands as docs/architecture.md draws it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gitmodel
from gitmodel import errors

PACKAGE = Path(gitmodel.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_imports_go_down_only() -> None:
    """The contracts of import-linter in pyproject.toml."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)

    assert ast.get_docstring(tree), "a module opens with what it is for"
    assert text.count("\n") <= 360, "look for the second reason to change"


# What a project holds of the rooms that front doors do not know.
HELD = {
    "repository",
    "cache",
    "store",
    "worktree",
    "reader",
    "history",
    "cached_history",
    "index",
    "ledger",
}
FRONT_DOORS = [
    path for path in MODULES if path.relative_to(PACKAGE).parts[0] in {"cli", "githooks", "api.py"}
]


@pytest.mark.parametrize("path", FRONT_DOORS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_front_doors_do_not_reach_into_a_project(path: Path) -> None:
    reached = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in HELD
    ]
    assert reached == []


def test_every_error_states_its_exit_code_and_base() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GitmodelError)
    ]
    assert {kind.exit_code for kind in kinds} == {1, 2, 3}
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in kinds if kind.__name__ not in drawn] == []


def test_only_the_output_module_prints() -> None:
    printing = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert set(printing) <= {"cli/output.py"}


def test_the_top_level_holds_what_was_agreed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    top = {name.partition("/")[0] for name in tracked if name and not name.startswith(".")}
    assert top <= {
        *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
        *("gitmodel", "hooks", "tests", "docs"),
    }


def test_exported_names_are_sorted_and_there() -> None:
    names = [name for name in gitmodel.__all__ if not name.startswith("_")]
    assert names == sorted(names)
    for name in gitmodel.__all__:
        assert getattr(gitmodel, name) is not None


def test_importing_the_package_costs_nothing() -> None:
    code = "import gitmodel, sys; print([m for m in sys.modules if m.startswith('gitmodel.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
