"""An alias file is read exactly, written canonically, and never read as a mixture of two."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias, early_file_error, split_alias_path
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import Pointer, Previous, alias_path_for
from gitmodel.errors import AliasError, GitmodelError, MixedAliasError, NewerFormatError, TextError
from tests.support import strategies

PATH = "models/fraud.production.alias.yaml"
SEVEN, FIVE = Digest("7" * 64), Digest("5" * 64)
FRAUD = Alias(
    name="fraud",
    alias="production",
    version=7,
    digest=SEVEN,
    size=90868376,
    chunks=FIVE,
    metrics={"logloss": 0.161, "auc": 0.944},
    previous=Previous(5, FIVE),
    why="May hold-out, #214",
)
TEXT = f"""\
# Written by gitmodel; unknown keys are kept, comments are not.
gitmodel: 1
name: "fraud"
alias: "production"
version: 7
digest: "{SEVEN}"
size: 90868376
chunks: "{FIVE}"
metrics:
  auc: 0.944
  logloss: 0.161
previous: {{version: 5, digest: "{FIVE}"}}
why: "May hold-out, #214"
check: "b2db99dbdeeaed44"
"""


def read(content: str | bytes, path: str = PATH) -> Alias:
    return Alias.from_text(content, path)


def path_of(alias: Alias) -> str:
    return alias_path_for(f"models/{alias.name.rpartition('/')[2]}.model.yaml", alias.alias)


def refusal(content: str | bytes, path: str = PATH) -> GitmodelError:
    with pytest.raises(AliasError) as caught:
        read(content, path)
    return caught.value


def checked(body: str) -> str:
    """A text with a right check line, whatever it says."""
    from gitmodel.domain.conflict_markers import check_of

    return f'{body}check: "{check_of(body)}"\n'


def test_the_canonical_text_is_this() -> None:
    assert FRAUD.to_text() == TEXT
    assert read(TEXT) == FRAUD


def test_an_alias_copies_what_the_pointer_says_of_the_weights() -> None:
    pointer = Pointer(
        name="fraud",
        version=7,
        digest=SEVEN,
        size=90868376,
        path="fraud.bin",
        chunks=FIVE,
        metrics={"auc": 0.944, "logloss": 0.161},
        params={"lr": 1},
    )

    alias = Alias.of("production", pointer, previous=Previous(5, FIVE), why="May hold-out, #214")

    assert alias == FRAUD


def test_lines_in_another_order_and_comments_are_read() -> None:
    lines = TEXT.splitlines(keepends=True)
    shuffled = "".join([*lines[1:3], "# by hand\n", *reversed(lines[3:7]), *lines[7:]])

    assert read(shuffled) == FRAUD


@given(strategies.aliases)
def test_aliases_read_back_and_their_text_is_canonical(alias: Alias) -> None:
    try:
        content = alias.to_text()
    except TextError:
        return
    assert read(content, path_of(alias)) == alias or "nan" in content
    assert read(content, path_of(alias)).to_text() == content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 7", "version: 5"),
        (str(SEVEN), str(FIVE)),
        ("size: 90868376", "size: 1"),
        ("auc: 0.944", "auc: 0.99"),
        ("version: 5", "version: 4"),
        ("#214", "#215"),
        ('check: "', 'check: "0'),
        ('check: "b2db99dbdeeaed44"\n', ""),
    ],
)
def test_one_changed_value_is_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(MixedAliasError) as caught:
        read(TEXT.replace(old, new, 1))

    assert caught.value.hint == "gitmodel resolve fraud@production --ours|--theirs"


@pytest.mark.parametrize(
    "path",
    [
        "models/fraud.staging.alias.yaml",
        "models/other.production.alias.yaml",
        "models/fraud.x.production.alias.yaml",
    ],
)
def test_an_alias_at_the_place_of_another_is_refused(path: str) -> None:
    """Git follows a renamed file, and would put the version of one alias into another one."""
    with pytest.raises(MixedAliasError) as caught:
        read(TEXT, path)

    assert f"{path} has the content of fraud@production" in caught.value.message
    hint = str(caught.value.hint)
    if path.startswith("models/fraud.") and ".x." not in path:
        assert hint.startswith(f"git mv {path} models/fraud.production.alias.yaml; ")
    else:  # a move would end at the same path
        assert hint == f"git rm {path}"


WRONG = {
    "a list": ("[]\n", "the file must be a mapping"),
    "nothing": ("", "gitmodel must be 1"),
    "no version": (TEXT.replace("version: 7\n", ""), "version is missing"),
    "no digest": (TEXT.replace(f'digest: "{SEVEN}"\n', "", 1), "digest is missing"),
    "no size": (TEXT.replace("size: 90868376\n", ""), "size is missing"),
    "version 0": (TEXT.replace("version: 7", "version: 0"), "version must be a whole number from 1 to 999999999"),
    "a reserved alias": (TEXT.replace('"production"', '"latest"'), 'alias is refused: "latest" is not a valid alias: it is reserved'),
    "a name with steps": (TEXT.replace('"fraud"', '"../fraud"'), "name is refused"),
    "a reason of another type": (TEXT.replace('"May hold-out, #214"', "4"), "why must be a string, in double quotes"),
    "previous a number": (TEXT.replace(f'{{version: 5, digest: "{FIVE}"}}', "5"), "previous must be a mapping"),
    "a key twice": (TEXT.replace("version: 7\n", "version: 7\nversion: 7\n"), 'the key "version" occurs twice'),
    "an anchor": (TEXT.replace("version: 7", "version: &a 7"), "anchors (&name) are not accepted"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_refused_with_its_place(content: str, message: str) -> None:
    error = refusal(content)

    assert str(error).removeprefix("fraud: ").startswith(f"{PATH}: ")
    assert message in str(error)
    assert error.hint


def test_conflict_markers_are_refused_with_both_versions() -> None:
    other = replace(FRAUD, version=8, digest=FIVE, why=None).to_text()
    error = refusal(f"<<<<<<< ours\n{TEXT}=======\n{other}>>>>>>> theirs\n")

    assert type(error) is MixedAliasError
    assert error.message == (
        f"{PATH}: unresolved merge conflict: ours is version 7 (777777777777), "
        "theirs is version 8 (555555555555)"
    )
    assert error.hint == "gitmodel resolve fraud@production --ours|--theirs"


def test_a_newer_format_is_told_apart() -> None:
    with pytest.raises(NewerFormatError):
        read("gitmodel: 2\nalias: !new [\n")


@given(
    st.binary(max_size=100)
    | st.tuples(st.integers(0, 500), strategies.texts).map(
        lambda edit: TEXT[: edit[0]] + edit[1] + TEXT[edit[0] :]
    )
)
def test_whatever_the_bytes_only_these_errors_are_raised(raw: bytes | str) -> None:
    try:
        alias = read(raw)
        hint: str | None = "none needed"
    except (AliasError, NewerFormatError) as error:
        alias, hint = FRAUD, error.hint
    assert hint
    assert read(alias.to_text()) == alias


@pytest.mark.parametrize(
    "alias",
    [
        replace(FRAUD, alias="latest"),
        replace(FRAUD, version=0),
        replace(FRAUD, size=-1),
        replace(FRAUD, why="\udcff"),
        replace(FRAUD, unknown={"version": 8}),
        replace(FRAUD, unknown={"x": b"bytes"}),  # type: ignore[dict-item]
        replace(FRAUD, why="x" * 70_000),
    ],
)
def test_what_could_not_be_read_back_is_not_written(alias: Alias) -> None:
    with pytest.raises(AliasError):
        alias.to_text()


def test_an_alias_is_beside_the_pointer() -> None:
    assert alias_path_for("models/fraud.model.yaml", "production") == PATH
    assert split_alias_path(PATH) == ("models/fraud.model.yaml", "production")
    assert split_alias_path("llama-3.1.eu.alias.yaml") == ("llama-3.1.model.yaml", "eu")


@pytest.mark.parametrize(
    "path",
    ["fraud.alias.yaml", ".x.alias.yaml", "a/.x.alias.yaml", "fraud.v7.alias.yaml", "x.yaml"],
)
def test_other_files_are_no_aliases(path: str) -> None:
    with pytest.raises(AliasError):
        split_alias_path(path)


def test_the_file_of_an_early_build_is_refused_with_the_way_over() -> None:
    error = early_file_error("models/fraud.aliases.yaml", "fraud")

    assert error.message == "models/fraud.aliases.yaml is of an early build"
    assert error.hint == (
        "gitmodel promote fraud@VERSION production, the same for each alias in it, "
        "then git rm models/fraud.aliases.yaml"
    )
