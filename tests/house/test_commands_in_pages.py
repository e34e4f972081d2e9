"""Every gitmodel command on a page can be typed: the verb exists, and its parser accepts the words."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.cli.parsers import VERBS, parse
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "CHANGELOG.md", ROOT / "README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What ends a command of a shell: a comment, a list, a group.
ENDS = re.compile(r"\s+(?:#.*$|&&.*$|\|\|.*$|;.*$|\).*$)")
INCOMPLETE = re.compile("required|expected one argument")
NOT_PEOPLE = {"hook"}  # Git's scripts run it


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """The commands on a page, and whether each is whole: a sentence may name the verb alone."""
    for language, block in BLOCK.findall(text):
        if language in ("sh", "console"):
            for line in block.splitlines():
                for part in re.split(r"&&|\|\||[{}]", line.removeprefix("$ ")):
                    if part.strip().startswith("gitmodel "):
                        yield ENDS.sub("", part.strip()), True
    for span in re.findall(r"`(gitmodel [^`]+)`", BLOCK.sub("", text)):
        yield " ".join(span.split()), False


def wrong_with(command: str, *, whole: bool) -> str | None:
    words = [re.sub(r"[…]", "x", word) for word in shlex.split(ENDS.sub("", command))][1:]
    while words[0] == "-C":
        words = words[2:]
    verb, *arguments = words
    if not verb.isalpha() or verb.isupper() or verb in NOT_PEOPLE or verb == "commit":
        return None  # an option, a placeholder; words of commit are Git's
    if verb not in VERBS:
        return f"there is no verb {verb}"
    try:
        parse(verb, [word.partition("|")[0] for word in arguments])
    except UsageError as error:
        return error.message if whole or not INCOMPLETE.search(error.message) else None
    except SystemExit:  # --help
        return None
    return None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_on_a_page_can_be_typed(path: Path) -> None:
    wrong = [
        f"{command}: {reason}"
        for command, whole in commands(path.read_text(encoding="utf-8"))
        if (reason := wrong_with(command, whole=whole)) is not None
    ]

    assert wrong == []


def test_commands_are_found() -> None:
    text = "Run `gitmodel add`.\n```sh\ngit push && gitmodel get URL fraud --out x   # here\n```\n"

    assert list(commands(text)) == [
        ("gitmodel get URL fraud --out x", True),
        ("gitmodel add", False),
    ]
    assert wrong_with("gitmodel add", whole=False) is None
    assert wrong_with("gitmodel add --no-such x", whole=False) is not None
    assert wrong_with("gitmodel bring x", whole=False) == "there is no verb bring"
