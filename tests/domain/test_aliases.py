from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias, Aliases, aliases_path_for
from gitmodel.domain.digest import Digest
from gitmodel.errors import GitmodelError, NewerFormatError, TextError
from tests.support import strategies

FOUR, FIVE = Digest("4" * 64), Digest("5" * 64)

FRAUD = Aliases(
    aliases={"staging": Alias(5, FIVE), "production": Alias(5, FIVE, 4)},
    deprecated={10: "unit \u202e test", 3: "trained on leaked labels"},
)
FRAUD_TEXT = f"""\
# Written by gitmodel; unknown keys are kept, comments are not.
aliases:
  production: {{version: 5, digest: "{FIVE}", was: 4}}
  staging: {{version: 5, digest: "{FIVE}"}}
deprecated:
  3: "trained on leaked labels"
  10: "unit \\u202e test"
"""


def read(content: str | bytes) -> Aliases:
    return Aliases.from_text(content, what="fraud.aliases.yaml")


def refusal(content: str | bytes) -> GitmodelError:
    with pytest.raises(TextError) as caught:
        read(content)
    return caught.value


def test_the_canonical_text_is_this() -> None:
    assert FRAUD.to_text() == FRAUD_TEXT
    assert read(FRAUD_TEXT) == FRAUD


def test_what_people_write_is_read() -> None:
    content = f"""
deprecated: {{3: "trained on leaked labels", "10": "unit \\u202e test"}}
aliases:   # ours
    staging:
        digest: {FIVE}
        version: 5
    production: {{version: 5, was: 4, digest: '{FIVE}'}}
"""
    assert read(content) == FRAUD


@pytest.mark.parametrize(
    "content", ["", "# none\n", "aliases:\n", "aliases: {}\n", "deprecated: {}\n"]
)
def test_there_may_be_none(content: str) -> None:
    assert read(content) == Aliases()
    assert Aliases().to_text().endswith("\naliases: {}\n")


@given(strategies.aliases)
def test_aliases_read_back_and_their_text_is_canonical(aliases: Aliases) -> None:
    try:
        content = aliases.to_text()
    except TextError:
        return
    assert read(content) == aliases
    assert read(content).to_text() == content
    reordered = Aliases(
        dict(reversed(list(aliases.aliases.items()))),
        dict(reversed(list(aliases.deprecated.items()))),
        dict(reversed(list(aliases.unknown.items()))),
    )
    assert reordered.to_text() == content


def test_unknown_keys_survive() -> None:
    content = f"""\
aliases:
  production: {{version: 5, digest: "{FIVE}", by: "ana", at: [1, {{x: 2}}]}}
future: {{key: "x"}}
"""
    aliases = read(content)

    assert aliases.unknown == {"future": {"key": "x"}}
    assert aliases.aliases["production"].unknown == {"by": "ana", "at": [1, {"x": 2}]}
    assert read(aliases.to_text()) == aliases


@pytest.mark.parametrize("name", ["latest", "v5", "7", "Production", "a/b", "", "-x", "a b", "nul"])
def test_reserved_and_unsafe_names_are_refused(name: str) -> None:
    error = refusal(f'aliases: {{"{name}": {{version: 5, digest: "{FIVE}"}}}}\n')

    assert str(error).startswith("fraud.aliases.yaml: ")
    assert error.hint


WRONG = {
    "list": ("aliases: []\n", "aliases must be a mapping"),
    "alias to a number": ("aliases: {production: 5}\n", "aliases.production must be a mapping"),
    "alias to nothing": ("aliases: {production: null}\n", "aliases.production is empty"),
    "no version": (f'aliases: {{a: {{digest: "{FIVE}"}}}}\n', "aliases.a.version is missing"),
    "no digest": ("aliases: {a: {version: 5}}\n", "aliases.a.digest is missing"),
    "version 0": (f'aliases: {{a: {{version: 0, digest: "{FIVE}"}}}}\n', "aliases.a.version must be a whole number from 1 to 999999999"),
    "wrong digest": ('aliases: {a: {version: 1, digest: "x"}}\n', "aliases.a.digest must be blake3: and 64 lower-case hex digits"),
    "was a word": (f'aliases: {{a: {{version: 1, digest: "{FIVE}", was: x}}}}\n', "aliases.a.was must be a whole number from 1 to 999999999"),
    "deprecated a list": ("deprecated: [3]\n", "deprecated must be a mapping"),
    "deprecated a word": ('deprecated: {v3: "x"}\n', 'deprecated."v3" is not a version number'),
    "deprecated zero": ('deprecated: {03: "x"}\n', 'deprecated."03" is not a version number'),
    "deprecated an escape": ('deprecated: {"\\e[2J": "x"}\n', 'deprecated."\\x1b[2J" is not a version number'),
    "no reason": ("deprecated: {3: null}\n", "deprecated.3 is missing"),
    "reason a number": ("deprecated: {3: 4}\n", "deprecated.3 must be a string, in double quotes"),
    "one alias twice": ("aliases:\n  a: {}\n  a: {}\n", 'line 3: the key "a" occurs twice'),
    "conflict": ("aliases:\n<<<<<<< HEAD\n  a: {}\n=======\n>>>>>>> x\n", "unresolved merge conflict"),
    "rest of a conflict": ("aliases: {}\n>>>>>>> x\n", "unresolved merge conflict"),
    "anchor": ("aliases: &a {}\n", "line 1: anchors (&name) are not accepted"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_refused_with_its_place(content: str, message: str) -> None:
    error = refusal(content)

    assert str(error) == f"fraud.aliases.yaml: {message}"
    assert type(error) is TextError
    assert error.hint


def test_a_newer_format_is_told_apart() -> None:
    with pytest.raises(NewerFormatError):
        read("gitmodel: 2\naliases: !new [\n")


@given(st.binary(max_size=100) | st.tuples(st.integers(0, 400), strategies.texts).map(
    lambda edit: FRAUD_TEXT[: edit[0]] + edit[1] + FRAUD_TEXT[edit[0] :]
))  # fmt: skip
def test_whatever_the_bytes_only_text_errors_are_raised(raw: bytes | str) -> None:
    try:
        aliases = read(raw)
        hint: str | None = "none needed"
    except (TextError, NewerFormatError) as error:
        aliases, hint = Aliases(), error.hint
    assert hint
    assert read(aliases.to_text()) == aliases


def test_what_could_not_be_read_back_is_not_written() -> None:
    with pytest.raises(TextError) as caught:
        Aliases(deprecated=dict.fromkeys(range(1, 1000), "x" * 100)).to_text()

    assert caught.value.hint


def test_aliases_lie_beside_the_pointer() -> None:
    assert aliases_path_for("models/fraud.model.yaml") == "models/fraud.aliases.yaml"


@pytest.mark.parametrize(
    "aliases",
    [
        Aliases(aliases={"latest": Alias(1, Digest("1" * 64))}),
        Aliases(aliases={"production": Alias(0, Digest("1" * 64))}),
        Aliases(deprecated={0: "never"}),
        Aliases(unknown={"aliases": {}}),
        Aliases(unknown={"x": b"bytes"}),  # type: ignore[dict-item]
        Aliases(deprecated={1: "\udcff"}),
    ],
)
def test_no_file_of_aliases_is_written_that_could_not_be_read(aliases: Aliases) -> None:
    with pytest.raises(TextError):
        aliases.to_text()
