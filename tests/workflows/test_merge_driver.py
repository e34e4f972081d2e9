"""The merge driver treats pointers, aliases and deprecations by their own rules, and leaves other files to Git."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.digest import digest_of
from gitmodel.errors import MixedAliasError
from gitmodel.project.context import Context
from gitmodel.workflows.merge_driver import MergeRequest, is_merged_here, merge_file

if TYPE_CHECKING:
    from pathlib import Path

ALIAS = "models/fraud.production.alias.yaml"
DEPRECATED = "models/fraud.deprecated.yaml"


def alias(number: int, word: str = "production") -> Alias:
    digest = digest_of(str(number).encode())
    auc = {"auc": round(0.9 + number / 100, 2)}
    return Alias(name="fraud", alias=word, version=number, digest=digest, size=1, metrics=auc)


def deprecations(*numbers: int, why: str = "leaked labels") -> Deprecations:
    return Deprecations({number: Deprecation(why=why) for number in numbers})


def merge(
    folder: Path,
    path: str,
    base: Alias | Deprecations | None,
    ours: Alias | Deprecations,
    theirs: Alias | Deprecations,
) -> str:
    """The file as the driver leaves it, in a folder that is no repository."""
    for name, side in (("O", base), ("A", ours), ("B", theirs)):
        (folder / name).write_text("" if side is None else side.to_text(), encoding="utf-8")
    context = Context(environment=os.environ, folder=str(folder))
    try:
        assert merge_file(context, MergeRequest("O", "A", "B", 7, path)) is None
    finally:
        content = (folder / "A").read_text(encoding="utf-8")
    return content


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("fraud.model.yaml", True),
        (ALIAS, True),
        (DEPRECATED, True),
        ("fraud.aliases.yaml", False),
        ("notes.yaml", False),
    ],
)
def test_which_files_the_driver_merges(path: str, ours: bool) -> None:
    assert is_merged_here(path) is ours


def test_the_alias_of_one_side_is_taken(tmp_path: Path) -> None:
    why = replace(alias(2), why="May hold-out")

    assert merge(tmp_path, ALIAS, alias(1), alias(1), alias(2)) == alias(2).to_text()
    assert merge(tmp_path, ALIAS, alias(1), alias(2), why) == why.to_text()
    assert merge(tmp_path, ALIAS, None, why, alias(2)) == why.to_text()


def test_a_conflict_names_both_sides_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(MixedAliasError) as caught:
        merge(tmp_path, ALIAS, alias(1), alias(2), alias(3))

    two, three = (alias(number).digest.short for number in (2, 3))
    assert (str(caught.value), caught.value.hint) == (
        (
            f'fraud: both sides changed "{ALIAS}": '
            f"ours, what is checked out, is version 2 ({two}), auc 0.92; "
            f"theirs, what comes in, is version 3 ({three}), auc 0.93"
        ),
        "gitmodel resolve fraud@production --ours|--theirs",
    )
    assert (tmp_path / "A").read_text(encoding="utf-8") == (
        f"<<<<<<< ours, what is checked out: version 2 ({two}), auc 0.92; "
        "to take it: gitmodel resolve fraud@production --ours\n"
        f"{alias(2).to_text()}=======\n{alias(3).to_text()}"
        f">>>>>>> theirs, what comes in: version 3 ({three}), auc 0.93; "
        "to take it: gitmodel resolve fraud@production --theirs\n"
    )


def test_the_alias_of_another_path_is_never_taken(tmp_path: Path) -> None:
    """Staging was renamed to production here, and moved there; or it was renamed and not changed."""
    for ours in (alias(1), alias(1, "staging")):
        with pytest.raises(MixedAliasError) as caught:
            merge(tmp_path, ALIAS, alias(1, "staging"), ours, alias(3, "staging"))

        assert "theirs, what comes in, is fraud@staging, version 3 (" in str(caught.value)


def test_deprecations_of_two_versions_are_merged(tmp_path: Path) -> None:
    result = merge(tmp_path, DEPRECATED, deprecations(1), deprecations(1, 2), deprecations(1, 3))

    assert result == deprecations(1, 2, 3).to_text()


def test_two_reasons_for_one_version_are_a_conflict(tmp_path: Path) -> None:
    with pytest.raises(MixedAliasError) as caught:
        merge(tmp_path, DEPRECATED, None, deprecations(2), deprecations(2, why="biased"))

    assert (str(caught.value), caught.value.hint) == (
        f'fraud: both sides changed "{DEPRECATED}": version 2',
        "gitmodel resolve fraud@deprecated --ours|--theirs",
    )
