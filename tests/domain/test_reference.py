"""Names, aliases and references: the grammar, the hints, and text of strangers."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitmodel.domain.reference import (
    MAX_VERSION,
    Reference,
    check_alias,
    check_name,
    name_from_path,
    similar_names,
)
from gitmodel.errors import ModelNameError, UnknownReferenceError

SLOW_BOX = settings(max_examples=150, deadline=None)

part = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}[a-z0-9]", fullmatch=True).filter(
    lambda text: text.partition(".")[0] not in {"con", "prn", "aux", "nul"}
)
names = st.lists(part, min_size=1, max_size=4).map("/".join)
words = st.from_regex(r"[a-uw-z][a-z0-9/._~^-]{0,15}[a-z0-9]", fullmatch=True).filter(
    lambda text: ".." not in text and text != "latest"
)


@pytest.mark.parametrize(
    "name",
    [
        "fraud",
        "team/fraud",
        "llama-3.1-8b",
        "0",
        "a_b",
        "a..b",
        "v7",
        "latest",
        "console",
        "com",
        "com10",
        "x.con",
        "a" * 100,
        "a" * 100 + "/" + "b" * 99,
    ],
)
def test_names_inside_the_grammar_are_returned_as_they_are(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "/fraud",
        "fraud/",
        "a//b",
        ".",
        "..",
        "../fraud",
        "team/../fraud",
        "./fraud",
        ".git",
        ".git/hooks",
        "a/.gitmodules",
        "_a",
        "-a",
        "--upload-pack=x",
        "Fraud",
        "fraud model",
        "fraud\n",
        "fraud\r",
        "fraud\x00",
        "fraud\x1b[2J",
        "fraud@7",
        "fraud:7",
        "fraud::$DATA",
        "C:x",
        "team\\fraud",
        "git~1",
        "fraud.",
        "fraud..",
        "a./b",
        "fraud ",
        "con",
        "nul.v2",
        "team/aux",
        "com0",
        "com1",
        "lpt9.bin",
        "modèle",
        "\uff46raud",
        "fraud\u200c",
        "\u202efraud",
        "\u0664",
        "com\u00b9",
        "a" * 101,
        "a" * 100 + "/" + "b" * 100,
        pytest.param("x" * 1_000_000, id="1 MB"),
        pytest.param("a/" * 500_000, id="500,000 parts"),
        "\udc80",
        "*",
        "a?b",
        "$(id)",
        "`id`",
        "a;b",
    ],
)
def test_names_outside_the_grammar_are_refused_with_one_that_works(name: str) -> None:
    with pytest.raises(ModelNameError) as caught:
        check_name(name)

    hint = caught.value.hint or ""
    assert hint.startswith("use ")
    assert check_name(hint.removeprefix("use ")) != name
    assert len(caught.value.message) < 250
    assert caught.value.message.isprintable()
    assert hint.isprintable()


def test_the_whole_answer_to_a_bad_name() -> None:
    with pytest.raises(ModelNameError) as caught:
        check_name("Team/Fraud Model")

    error = caught.value
    grammar = "only a-z, 0-9, '.', '_' and '-' are allowed, and a letter or digit comes first"
    assert (str(error), error.hint, error.exit_code) == (
        f'"Team/Fraud Model" is not a model name: {grammar}',
        "use team/fraud-model",
        1,
    )


@SLOW_BOX
@given(st.text(max_size=40))
@example("İ")
@example("ﬁ")
def test_a_name_is_accepted_or_refused_and_nothing_else(text: str) -> None:
    try:
        accepted = check_name(text)
    except ModelNameError as error:
        accepted = check_name((error.hint or "").removeprefix("use "))

    assert re.fullmatch(r"[a-z0-9._/-]+", accepted, re.ASCII)


@pytest.mark.parametrize("alias", ["production", "staging", "eu-west_canary", "v", "v1a", "1a"])
def test_words_can_be_aliases(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias",
    [
        "",
        "latest",
        "v7",
        "v007",
        "7",
        "a/b",
        "Prod",
        "none",
        "deprecated",
        "eu.canary",
        "x" * 64,
        "x.",
        "blake3:00",
        "git:x",
        "@",
        "a..b",
    ],
)
def test_words_that_mean_something_else_cannot_be_aliases(alias: str) -> None:
    with pytest.raises(ModelNameError, match="is not a valid alias") as caught:
        check_alias(alias)

    assert caught.value.hint == "use one word in lower case, such as production or staging"


@SLOW_BOX
@given(part)
def test_a_reference_by_alias_is_never_read_as_something_else(word: str) -> None:
    try:
        check_alias(word)
    except ModelNameError:
        return
    assert Reference.parse(f"fraud@{word}") == Reference("fraud", "word", word)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("weights/Fraud Model.safetensors", "fraud-model"),
        ("fraud.safetensors", "fraud"),
        ("model.tar.gz", "model"),
        ("FRAUD.PT", "fraud"),
        ("llama-3.1", "llama-3.1"),
        ("bert-1.5B.gguf", "bert-1.5b"),
        ("folder/", "folder"),
        ("C:\\weights\\fraud.onnx", "fraud"),
        ("Modèle.onnx", "modele"),
        ("模型.onnx", "model"),
        (".safetensors", "safetensors"),
        ("con.pt", "model-con"),
        ("__init__.pt", "init"),
        ("..", "model"),
        ("", "model"),
        ("x" * 300 + ".pt", "x" * 94),
    ],
)
def test_a_path_suggests_a_name(path: str, name: str) -> None:
    assert name_from_path(path) == name


@SLOW_BOX
@given(st.text(max_size=60))
def test_a_name_made_from_any_path_is_a_name(path: str) -> None:
    name = name_from_path(path)

    assert check_name(name) == name
    assert "/" not in name


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("fraud", Reference("fraud", "latest")),
        ("fraud@latest", Reference("fraud", "latest")),
        ("team/fraud@7", Reference("team/fraud", "version", "7")),
        ("fraud@v7", Reference("fraud", "version", "7")),
        (f"fraud@{MAX_VERSION}", Reference("fraud", "version", "999999999")),
        ("fraud@blake3:9f2c41aa", Reference("fraud", "digest", "9f2c41aa")),
        ("fraud@blake3:" + "0" * 64, Reference("fraud", "digest", "0" * 64)),
        ("fraud@production", Reference("fraud", "word", "production")),
        ("fraud@feature/x", Reference("fraud", "word", "feature/x")),
        ("fraud@HEAD~2", Reference("fraud", "word", "HEAD~2")),
        ("fraud@v1.2", Reference("fraud", "word", "v1.2")),
        ("fraud@9f2c41aa", Reference("fraud", "word", "9f2c41aa")),
        ("fraud@main@{1}", Reference("fraud", "word", "main@{1}")),
        ("fraud@git:7", Reference("fraud", "git", "7")),
        ("fraud@git:latest", Reference("fraud", "git", "latest")),
        ("fraud@git:v1.2^{commit}", Reference("fraud", "git", "v1.2^{commit}")),
    ],
)
def test_references_are_read_in_the_order_of_the_design(text: str, reference: Reference) -> None:
    assert Reference.parse(text) == reference


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "0",
        "v0",
        "007",
        "-1",
        "1234567890",
        pytest.param("9" * 10_000, id="10,000 digits"),
        "blake3:",
        "blake3:9f2c41a",
        "blake3:9F2C41AA",
        "blake3:" + "0" * 65,
        "blake3:../../x",
        "blake3:\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "blake3:9f2c41aa\n",
        "sha256:9f2c41aa",
        "git:",
        "git:--upload-pack=x",
        "git:-x",
        "git:HEAD:secret",
        "git::/text",
        "git:a..b",
        "git:^main",
        "-x",
        "--all",
        "a b",
        "main\n",
        "main\x00",
        "main\x1b[0m",
        "\u202emain",
        "a...b",
        "x" * 251,
        "a\\b",
        "\udc80",
    ],
)
def test_what_cannot_refer_to_anything_is_refused(wanted: str) -> None:
    with pytest.raises(UnknownReferenceError) as caught:
        Reference.parse(f"fraud@{wanted}")

    assert caught.value.hint == "gitmodel log fraud"
    assert caught.value.model == "fraud"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


def test_a_reference_without_a_name_is_a_bad_name() -> None:
    with pytest.raises(ModelNameError):
        Reference.parse("@7")


@SLOW_BOX
@given(
    st.one_of(
        st.builds(Reference, names, st.just("latest"), st.just("")),
        st.builds(Reference, names, st.just("version"), st.integers(1, MAX_VERSION).map(str)),
        st.builds(
            Reference, names, st.just("digest"), st.from_regex("[0-9a-f]{8,64}", fullmatch=True)
        ),
        st.builds(Reference, names, st.just("word"), words),
        st.builds(Reference, names, st.just("git"), words),
    )
)
def test_a_reference_survives_being_written_and_read(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference


@SLOW_BOX
@given(st.one_of(st.text(max_size=40), st.text(max_size=40).map("fraud@".__add__)))
def test_reading_a_reference_ends_with_a_reference_or_its_own_errors(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except (ModelNameError, UnknownReferenceError):
        return
    assert Reference.parse(str(reference)) == reference
    assert not reference.value.startswith("-")


def test_the_number_of_a_version_reference() -> None:
    assert Reference.parse("fraud@v12").number == 12
    with pytest.raises(ValueError, match="latest"):
        _ = Reference.parse("fraud").number


def test_nearest_puts_the_same_last_part_first() -> None:
    known = ["team/fraud", "fraude", "churn", "fraud-eu", "zebra"]

    assert similar_names("fraud", known) == ["team/fraud", "fraude", "fraud-eu"]
    assert similar_names("Team/Fraud", known, limit=1) == ["team/fraud"]
    assert similar_names("xyz", known) == []
    assert similar_names("", known) == []
    assert similar_names("x" * 1_000_000, known) == []
