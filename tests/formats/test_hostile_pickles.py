"""No hostile pickle is listed, and each of them is hostile: it does something when it is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gitmodel.formats.describe import describe_file
from tests.support.formats import pread
from tests.support.hostile_pickles import CASES, LISTED, Case

LOADER = Path(__file__).parents[1] / "support" / "load_hostile.py"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_pickle_may_run_code(case: Case) -> None:
    """What an unpickler refuses at once may be unknown; all else is known to have code."""
    for name in ("m.pkl", "m.pt"):
        found = describe_file(name, pread(case.data), len(case.data))

        assert found.code == "yes" or (found.code == "unknown" and case.event is None)


def test_the_pickles_are_hostile() -> None:
    """CPython's unpickler, in a process of its own, does what each of them is said to do."""
    lines = "".join(f"pickle {case.data.hex()}\n" for case in CASES)
    done = subprocess.run(
        [sys.executable, LOADER], input=lines, capture_output=True, text=True, check=True
    )

    wrong = [
        (case.name, case.event, answer)
        for case, answer in zip(CASES, done.stdout.splitlines(), strict=True)
        if (case.event not in answer.split() if case.event else answer)
        and not (answer == "" and case.name.startswith("frame"))  # refused since Python 3.14.7
    ]
    assert not wrong


def test_a_pickle_that_names_only_functions_of_the_list_is_listed() -> None:
    found = describe_file("m.pkl", pread(LISTED), len(LISTED))

    assert (found.type, found.code) == ("pickle", "listed")
    assert found.imports == ("collections.OrderedDict",)
