"""What each verb accepts, and that handlers take exactly that."""

from __future__ import annotations

import inspect
import re

import pytest

from gitmodel.cli.parsers import VERBS, Verbs, full_parser, parse, verb_parser
from gitmodel.errors import UsageError

# What each verb is given at least, so that it parses.
LEAST = {
    "add": ["w.bin"],
    "at": ["fraud@production", "--on", "2026-05-06"],
    "best": ["fraud", "--metric", "auc"],
    "completion": ["bash"],
    "deprecate": ["fraud@1"],
    "diff": ["fraud@1"],
    "get": ["https://example.org/team.git", "fraud", "--out", "models"],
    "mv": ["fraud"],
    "promote": ["fraud@1", "production"],
    "renumber": ["fraud"],
    "resolve": ["fraud", "--ours"],
    "rm": ["fraud"],
    "rollback": ["fraud", "production"],
    "show": ["fraud"],
}
COMMANDS = [
    *([verb, *LEAST.get(verb, [])] for verb in VERBS),
    ["remote", "add", "s3://bucket"],
    ["remote", "list"],
    ["remote", "remove", "two"],
    ["remote", "trust"],
]


@pytest.mark.parametrize("verb", VERBS)
def test_a_summary_is_one_imperative_line_without_a_full_stop(verb: str) -> None:
    verbs = Verbs()
    full = __import__(f"gitmodel.cli.commands.{verb}", fromlist=["add_parser"])
    full.add_parser(verbs)

    assert re.fullmatch(r"[A-Z][^\n]{5,70}[^.\n]", verbs.summaries[verb])


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_is_parsed_is_what_the_verb_takes(words: list[str]) -> None:
    """Handlers take named values: a name that only one of the two sides knows fails here."""
    run, values = parse(words[0], words[1:])

    values.pop("as_json", None)
    inspect.signature(run).bind(object(), **values)


@pytest.mark.parametrize("verb", VERBS)
def test_one_parser_for_all_verbs_takes_what_each_one_does(verb: str) -> None:
    """Completion is made from the one, commands run with the other."""
    words = LEAST.get(verb, [])

    alone = vars(verb_parser(verb).parse_args(words))
    together = vars(full_parser().parse_args([verb, *words]))

    assert together == alone | {"version": False, "folder": None}


def test_options_may_stand_between_the_references() -> None:
    _, values = parse("checkout", ["fraud", "--out", "d", "spam@2", "-q"])

    assert values == {
        "references": ["fraud", "spam@2"],
        "out": "d",
        "force": False,
        "no_deprecated": False,
        "remote": None,
        "include": [],
        "as_json": False,
        "quiet": True,
    }


def test_metrics_and_params_can_be_repeated() -> None:
    _, values = parse("add", ["w", "-M", "a=1", "--metric", "b=2", "--param", "lr=0.1"])

    assert (values["metrics"], values["params"]) == (["a=1", "b=2"], ["lr=0.1"])


def test_defaults_are_not_shared_between_runs() -> None:
    parse("add", ["w", "-M", "a=1"])

    assert parse("add", ["w"])[1]["metrics"] == []


def test_only_the_options_of_a_remote_that_were_given_reach_it() -> None:
    from gitmodel.cli.remote_options import given_options

    _, values = parse("init", ["s3://b/p", "--endpoint", "http://h:1", "--anonymous"])
    del values["url"], values["project"], values["check"], values["hooks"], values["as_json"]

    assert given_options(values) == {  # type: ignore[arg-type]
        "endpoint": "http://h:1",
        "anonymous": True,
    }


def test_an_invalid_choice_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="invalid choice: 'fish'"):
        parse("completion", ["fish"])
