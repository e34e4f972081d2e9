"""Every command that a text of gitmodel names can be typed: the verb is there, and its parser takes the words."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.cli.parsers import VERBS, parse
from gitmodel.errors import UsageError
from tests.support.hints import commands_in, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[2] / "gitmodel"
BEGIN, END = "\x01", "\x02"  # around what is put in for an expression
MARKS = str.maketrans("", "", BEGIN + END)
# What stands for an expression in a text, by the last of its names.
VALUES = {
    "name": "fraud",
    "weights": "my fraud.bin",
    "path": "my fraud.bin",
    "place": "my fraud.bin",
    "inside": "my fraud.bin",
    "folder": "my models",
    "big": "my fraud.bin",
    "version": "2",
    "number": "2",
    "url": "s3://bucket/models",
    "side": "ours",
    "other": "theirs",
    "wrong": "",
    "verb": "status",
    "near": "status",
    "short": "0123456789ab",
}
PLACEHOLDERS = {
    "VERSION": "2",
    "NUMBER": "2",
    "COMMAND": "status",
    "SHELL": "bash",
}
# Words of commands that are no values: the verbs below verbs, and values of options.
SMALL_WORDS = {"add", "list", "remove", "trust", "copy", "bash", "production"}
NO_VERBS = {"COMMAND", "hook"}  # any of them; one that Git's scripts type
# Texts that speak of gitmodel, and name no command.
PROSE = re.compile(r"gitmodel (?:ARGUMENT|COMMAND|\.\.\.|--help)")


def rendered(node: ast.expr) -> list[str]:
    """What the text of an expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return [_joined(parts) for parts in itertools.product(*map(rendered, values))]
        case ast.FormattedValue(value=value):
            return rendered(value)
        case ast.IfExp(body=body, orelse=other):
            return [*rendered(body), *rendered(other)]
        case ast.Call(args=[first, *_]) if ast.unparse(node.func).endswith(("quote", "typed")):
            return [f"'{text}'" for text in rendered(first)]
        case _:
            names = re.findall(r"\w+", ast.unparse(node))
            known = next((VALUES[name] for name in reversed(names) if name in VALUES), "x")
            return [f"{BEGIN}{known}{END}" if known else ""]


def _joined(parts: tuple[str, ...]) -> str:
    """Parts of a text; an expression right behind a word brings its own space."""
    return re.sub(rf"(?<=[a-z]){BEGIN}", f" {BEGIN}", "".join(parts))


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the source but docstrings and parts of other texts: where it stands, and what it says."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr | ast.JoinedStr):
                inner |= {id(below) for below in ast.walk(node) if below is not node}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in inner:
                for text in rendered(node):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", text


def hints() -> Iterator[tuple[str, str]]:
    """Texts that are given as a hint."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                for text in rendered(node.value):
                    yield f"{path.relative_to(PACKAGE)}:{node.value.lineno}", text


def wrong_with(words: list[str]) -> str | None:
    """Why a command cannot be typed, None if it can."""
    verb, *arguments = (words[0].translate(MARKS), *words[1:])
    if verb.startswith("-") or verb in NO_VERBS:
        return None
    if verb not in VERBS:
        return f"there is no verb {verb}"
    prose = [w for w in arguments if re.fullmatch("[a-z]+", w) and w not in SMALL_WORDS]
    if prose:
        return f"{' '.join(prose)} is prose: let a command end with a comma"
    if any(word.count(BEGIN) != word.count(END) for word in arguments):
        return "a path is not quoted: Project.typed"
    return None if verb == "commit" else _refusal(verb, arguments)  # words of commit are Git's


def _refusal(verb: str, arguments: list[str]) -> str | None:
    """What the parser of a verb says to these words."""
    plain = [word.translate(MARKS) for word in arguments]
    try:
        parse(verb, replaced(plain, _Filled(PLACEHOLDERS)))
    except UsageError as error:
        return error.message
    except SystemExit:  # --help
        return None
    return None


class _Filled(dict[str, str]):
    """Values of placeholders; `x` for those that may be anything."""

    def __missing__(self, key: str) -> str:
        return "x"


def gitmodel_commands(text: str) -> Iterator[list[str]]:
    for command in commands_in(text):
        words = command.words
        if words[0] == "gitmodel" and not PROSE.match(" ".join(words)):
            while words[1:2] == ["-C"]:
                words = ["gitmodel", *words[3:]]
            yield words[1:]


def test_every_command_that_a_hint_names_is_there() -> None:
    wrong = [
        f"{where}: {' '.join(words)}: {reason}".translate(MARKS)
        for where, text in hints()
        for words in gitmodel_commands(text)
        if (reason := wrong_with(words)) is not None
    ]

    assert wrong == []


def test_no_prose_follows_a_git_command_in_a_hint() -> None:
    wrong = [
        f"{where}: {' '.join(command.words)}".translate(MARKS)
        for where, text in hints()
        for command in commands_in(text)
        if command.words[0] == "git"
        and any(re.fullmatch("[a-z]+", w) and w not in SMALL_WORDS for w in command.words[2:])
    ]

    assert wrong == []


def test_every_command_in_another_text_is_parsed() -> None:
    """In messages and help: there the word behind `gitmodel` may be prose, so only verbs are looked at."""
    wrong = [
        f"{where}: {' '.join(words)}: {reason}".translate(MARKS)
        for where, text in texts()
        for words in gitmodel_commands(text)
        if words and words[0] in VERBS and (reason := wrong_with(words)) is not None
    ]

    assert wrong == []


@pytest.mark.parametrize(
    ("hint", "commands"),
    [
        ("gitmodel push, in a clone that has the weights", [["gitmodel", "push"]]),
        (
            "keep them: gitmodel add 'a, b'; or not: gitmodel checkout --force fraud",
            [["gitmodel", "add", "a, b"], ["gitmodel", "checkout", "--force", "fraud"]],
        ),
        ("upgrade gitmodel", []),
        ("git log (see gitmodel log NAME)", [["git", "log"], ["gitmodel", "log", "NAME"]]),
    ],
)
def test_commands_are_found_in_a_hint(hint: str, commands: list[list[str]]) -> None:
    assert [command.words for command in commands_in(hint)] == commands
