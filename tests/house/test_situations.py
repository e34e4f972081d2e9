"""The table of situations: each row names tests, and the tests exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/development/situations.md"
ROWS = [
    line
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| situation |"))
]
PROOF = re.compile(r"\[`(\w+)`\]\((\S+\.py)\)")


def test_every_row_has_five_cells_and_none_is_empty() -> None:
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in ROWS]

    assert [row for row in cells if len(row) != 5 or not all(row)] == []


def test_every_row_names_a_test() -> None:
    assert len(ROWS) > 50
    assert [row for row in ROWS if not PROOF.search(row.rpartition(" | ")[2])] == []


def test_every_test_that_is_named_is_there() -> None:
    """Each name is a test, or an operation in a list for a parametrized test."""
    missing = []
    for row in ROWS:
        for name, path in PROOF.findall(row):
            text = (PAGE.parent / path).read_text(encoding="utf-8")
            defined = re.search(rf"^ *def {name}\(", text, re.MULTILINE)
            listed = len(re.findall(rf"\b{name}\b", text)) > 1
            if not defined or not (name.startswith("test_") or listed):
                missing.append((name, path))

    assert missing == []
