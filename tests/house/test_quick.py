"""`pytest -m quick` starts no server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import SERVERS, STORIES

if TYPE_CHECKING:
    import pytest

TESTS = Path(__file__).parents[1]
# Programs and helpers that are no tests.
NO_TESTS = {TESTS / "support", TESTS / "benchmarks", TESTS / "house"}
# These start a server although no argument of the test is its fixture.
STARTS = re.compile(r"getfixturevalue\([^)]*_server|\brunning_(s3|azure)\(")


def test_no_quick_test_uses_a_server(request: pytest.FixtureRequest) -> None:
    quick = [item for item in request.session.items if item.get_closest_marker("quick")]

    assert request.node in quick
    assert [i.nodeid for i in quick if SERVERS & set(getattr(i, "fixturenames", ()))] == []


def test_outside_stories_a_server_is_an_argument_of_the_test() -> None:
    paths = [path for path in TESTS.rglob("*.py") if not NO_TESTS & set(path.parents)]
    starting = {path for path in paths if STARTS.search(path.read_text(encoding="utf-8"))}

    assert starting, "some stories start a server so"
    assert [path for path in starting if STORIES not in path.parents] == []
