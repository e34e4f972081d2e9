from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import (
    MetricsSource,
    Pointer,
    Previous,
    pointer_path_for,
    read_head,
    weights_path,
)
from gitmodel.errors import (
    GitmodelError,
    MixedPointerError,
    NewerFormatError,
    PointerError,
    TextError,
    UnsafePathError,
)
from tests.support import strategies


class Colour(Enum):
    RED = "red"


DIGESTS = [Digest(f"{number:x}" * 64) for number in range(16)]

FRAUD = Pointer(
    name="fraud",
    version=6,
    digest=DIGESTS[9],
    size=90868376,
    path="fraud.safetensors",
    run_id="8f14e45fceea",
    metrics={"logloss": 0.174, "auc": 0.931},
    params={"lr": 2e-05, "layers": [64, 64], "max_depth": None},
    previous=Previous(5, DIGESTS[4]),
    format={"dtypes": {"F32": 103}, "tensors": 103, "type": "safetensors", "parameters": 22713216},
    metrics_from=MetricsSource("metrics.json", DIGESTS[7]),
)

FRAUD_TEXT = f"""\
# Written by gitmodel; unknown keys are kept, comments are not.
gitmodel: 1
name: "fraud"
version: 6
digest: "blake3:{"9" * 64}"
size: 90868376
path: "fraud.safetensors"
run_id: "8f14e45fceea"
metrics:
  auc: 0.931
  logloss: 0.174
params:
  layers: [64, 64]
  lr: 2.0e-05
  max_depth: null
previous: {{version: 5, digest: "blake3:{"4" * 64}"}}
format: {{type: "safetensors", tensors: 103, parameters: 22713216, dtypes: {{F32: 103}}}}
metrics_from: {{path: "metrics.json", digest: "blake3:{"7" * 64}"}}
check: "CHECK"
"""


def read(content: str | bytes, *, trust_edits: bool = False) -> Pointer:
    return Pointer.from_text(content, what="fraud.model.yaml", trust_edits=trust_edits)


def refusal(content: str | bytes) -> GitmodelError:
    with pytest.raises(PointerError) as caught:
        read(content)
    return caught.value


def test_the_canonical_text_is_this() -> None:
    """The format is frozen: another text here means another format."""
    assert FRAUD.to_text() == FRAUD_TEXT.replace("CHECK", "65be3fc580d3900d")
    assert read(FRAUD.to_text()) == FRAUD


def test_every_known_key_has_its_place() -> None:
    full = dataclasses.replace(
        FRAUD,
        chunks=DIGESTS[12],
        exclude=("*.swp",),
        run={"experiment": "e", "system": "mlflow", "url": "https://x/1", "zone": 1, "area": 2},
        description="For the\nweekly run",
        license="Apache-2.0",
        tags=("b", "a"),
        data=({"digest": "d", "uri": "s3://b/t", "name": "train"},),
        base="team/base@3",
        unknown={"zeta": 1, "alpha": {"b": {}, "a": [1]}},
    )
    lines = full.to_text().split("\n")

    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")][1:-1] == [
        "gitmodel", "name", "version", "digest", "size", "chunks", "path", "exclude", "run_id", "run", "metrics", "params", "previous",
        "format", "metrics_from", "description", "license", "tags", "data", "base", "alpha", "zeta", "check",
    ]  # fmt: skip
    assert 'run: {url: "https://x/1", system: "mlflow", experiment: "e", area: 2, zone: 1}' in lines
    assert 'description: "For the\\nweekly run"' in lines
    assert f'chunks: "blake3:{"c" * 64}"' in lines
    assert 'tags: ["b", "a"]' in lines
    assert 'data: [{name: "train", uri: "s3://b/t", digest: "d"}]' in lines
    assert read(full.to_text()) == full


def test_a_minimal_pointer_is_short() -> None:
    minimal = Pointer(name="a", version=1, digest=DIGESTS[0], size=0, path="a.bin")

    assert minimal.to_text().count("\n") == 8
    assert read(minimal.to_text()) == minimal


def written(pointer: Pointer) -> str:
    """Write a pointer, or say that this one can't be, for which there is a test of its own."""
    try:
        return pointer.to_text()
    except TextError:
        return ""


@given(strategies.pointers)
def test_a_pointer_reads_back_and_its_text_is_canonical(pointer: Pointer) -> None:
    if not (content := written(pointer)):
        return
    back = read(content)

    assert back == pointer
    assert back.to_text() == content
    assert read(content.encode().replace(b"\n", b"\r\n")) == pointer
    assert re.fullmatch(r'(?s)# .*\ngitmodel: 1\n.*\ncheck: "[0-9a-f]{16}"\n', content)


@given(strategies.pointers, st.randoms(use_true_random=False))
def test_equal_pointers_have_equal_texts(pointer: Pointer, random: object) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)  # type: ignore[attr-defined]
            return {key: shuffled(item) for key, item in items}
        if isinstance(value, list):
            return [shuffled(item) for item in value]
        return value

    changes = {
        name: shuffled(getattr(pointer, name))
        for name in ("metrics", "params", "run", "format", "unknown")
    }
    other = dataclasses.replace(pointer, **changes)  # type: ignore[arg-type]

    assert other == pointer
    assert written(other) == written(pointer)


def test_nan_metrics_read_back() -> None:
    pointer = dataclasses.replace(FRAUD, metrics={"auc": math.nan, "loss": math.inf})
    back = read(pointer.to_text())

    assert math.isnan(back.metrics["auc"])  # type: ignore[arg-type]
    assert back.to_text() == pointer.to_text()


def test_unknown_keys_survive_at_every_level() -> None:
    content = FRAUD.to_text().replace('4"}', '4", note: "x"}').replace('7"}', '7", z: 1, y: 2}')
    content = content.replace("check:", 'future: {deep: [1, {er: "x"}]}\n"a b": 1\ncheck:')
    pointer = read(content, trust_edits=True)

    assert pointer.unknown == {"future": {"deep": [1, {"er": "x"}]}, "a b": 1}
    assert pointer.previous == Previous(5, DIGESTS[4], {"note": "x"})
    assert pointer.metrics_from == MetricsSource("metrics.json", DIGESTS[7], {"z": 1, "y": 2})
    assert read(pointer.to_text()) == pointer
    assert '"a b": 1\nfuture:\n  deep: [1, {er: "x"}]\ncheck:' in pointer.to_text()


def test_a_pointer_of_a_later_gitmodel_with_another_order_of_keys_is_read() -> None:
    """The check is of the lines as they stand, so a new known key may have its place anywhere."""
    from blake3 import blake3

    lines = FRAUD.to_text().split("\n")[1:-2]
    lines.insert(6, 'signature: {by: "ana"}')
    body = "\n".join([*lines, ""])
    content = f'# Written by gitmodel 9\n# and more\n{body}check: "{blake3(body.encode()).hexdigest()[:16]}"\n'

    assert read(content) == dataclasses.replace(FRAUD, unknown={"signature": {"by": "ana"}})


def test_layout_may_differ_as_long_as_nothing_else_does() -> None:
    content = FRAUD.to_text()
    for edited in (
        content.replace("\n", "\r\n"),
        "# a comment\n\n" + content,
        content.replace("size: 90868376", "size: 90868376   # bytes"),
        content.replace('name: "fraud"', "name: fraud"),
        content.replace("metrics:\n", "metrics: # good\n  # very\n"),
        content + "\n# the end\n",
        content.rstrip("\n"),
        content.split("\n", 1)[1],
    ):
        assert read(edited) == FRAUD


@given(st.integers(0, len(FRAUD.to_text().encode()) - 1), st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(at: int, bit: int) -> None:
    raw = bytearray(FRAUD.to_text().encode())
    raw[at] ^= 1 << bit
    try:
        assert read(bytes(raw)) == FRAUD  # in a comment, or a space for a tab
    except (PointerError, NewerFormatError):
        return


def test_an_edit_by_hand_is_mixed_unless_it_is_trusted() -> None:
    edited = FRAUD.to_text().replace("check:", 'description: "for the weekly run"\ncheck:')
    error = refusal(edited)

    assert isinstance(error, MixedPointerError)
    assert str(error) == (
        "fraud: fraud.model.yaml: the check line does not match: the file was merged line by line or edited by hand"
    )
    assert error.hint == "gitmodel resolve fraud --ours|--theirs"
    trusted = read(edited, trust_edits=True)
    assert trusted == dataclasses.replace(FRAUD, description="for the weekly run")
    assert read(trusted.to_text()) == trusted


def test_a_metric_of_another_version_is_not_attached_by_a_line_merge() -> None:
    """Branch A bumps to 7, branch B corrects a metric of 6: Git merges the lines without a conflict."""
    bumped = dataclasses.replace(FRAUD, version=7, digest=DIGESTS[3]).to_text()
    merged = bumped.replace("logloss: 0.174", "logloss: 0.170")

    assert isinstance(refusal(merged), MixedPointerError)


def test_the_chunks_of_another_version_are_not_attached_by_a_line_merge() -> None:
    """Whoever changes that line alone, with Git or by hand, changes what a partial read hands out."""
    two = dataclasses.replace(FRAUD, chunks=DIGESTS[2])
    mixed = two.to_text().replace("2" * 64, "3" * 64)

    assert isinstance(refusal(mixed), MixedPointerError)
    assert isinstance(refusal(two.to_text().replace("chunks", "chunk")), MixedPointerError)
    assert read(two.to_text()) == two


def test_a_pointer_without_a_check_is_mixed() -> None:
    error = refusal(re.sub("check:.*\n", "", FRAUD.to_text()))

    assert isinstance(error, MixedPointerError)
    assert "no check line" in str(error)


@pytest.mark.parametrize(
    "check", ['""', '"0"', "null", "1", "[]", '"' + "0" * 16 + '"', "0000000000000000"]
)
def test_a_wrong_check_is_refused(check: str) -> None:
    assert isinstance(
        refusal(re.sub("check: .*", f"check: {check}", FRAUD.to_text())), MixedPointerError
    )


def test_lines_behind_the_check_are_not_covered_by_it() -> None:
    assert isinstance(refusal(FRAUD.to_text() + 'description: "sneaked in"\n'), MixedPointerError)


def test_lines_before_the_format_are_not_covered_by_the_check_as_written() -> None:
    assert isinstance(refusal('description: "sneaked in"\n' + FRAUD.to_text()), MixedPointerError)


def conflict(ours: Pointer, theirs: Pointer, *, base: str = "") -> str:
    middle = f"||||||| base\n{base}" if base else ""
    return f"<<<<<<< HEAD\n{ours.to_text()}{middle}=======\n{theirs.to_text()}>>>>>>> branch\n"


@pytest.mark.parametrize("base", ["", FRAUD.to_text()])
def test_a_conflict_names_both_versions_and_the_command_that_ends_it(base: str) -> None:
    ours = dataclasses.replace(FRAUD, version=7, digest=DIGESTS[10])
    theirs = dataclasses.replace(FRAUD, version=8, digest=DIGESTS[11])
    error = refusal(conflict(ours, theirs, base=base))

    assert isinstance(error, MixedPointerError)
    assert str(error) == (
        "fraud.model.yaml: unresolved merge conflict: ours is version 7 (aaaaaaaaaaaa), theirs is version 8 (bbbbbbbbbbbb)"
    )
    assert error.hint == "gitmodel resolve fraud --ours|--theirs"


def test_a_conflict_of_the_digest_lines_alone_names_both() -> None:
    """Git keeps `version: 5` outside of the conflict where two branches made a version 5."""
    content = re.sub(
        "(digest: .*\n)",
        rf'<<<<<<< HEAD\n\1=======\ndigest: "{DIGESTS[11]}"\n>>>>>>> x\n',
        FRAUD.to_text(),
        count=1,
    )

    assert "ours is version 6 (999999999999), theirs is version 6 (bbbbbbbbbbbb)" in str(
        refusal(content)
    )


@pytest.mark.parametrize("name", ["$(id)", "-rf", "a b", "../x", "\\e[2J", "nul", ""])
def test_nothing_unchecked_of_a_conflict_goes_into_the_hint(name: str) -> None:
    content = conflict(FRAUD, FRAUD).replace('name: "fraud"', f'name: "{name}"')

    assert refusal(content).hint == "gitmodel resolve NAME --ours|--theirs"


def test_a_conflict_that_shows_nothing_is_still_a_conflict() -> None:
    error = refusal("<<<<<<<\n=======\n>>>>>>>\n")

    assert "ours is an unknown version, theirs is an unknown version" in str(error)


@pytest.mark.parametrize("number", ["2", "10", "007", "99999999999999999999"])
def test_a_newer_format_is_told_apart_even_if_it_is_no_yaml_for_us(number: str) -> None:
    for rest in ("", "name: !new &x [\n"):
        with pytest.raises(NewerFormatError) as caught:
            read(f"# Written by gitmodel\ngitmodel: {number}\n{rest}")
        assert caught.value.hint == "pip install --upgrade gitmodel"


WRONG = {
    "no format": ("gitmodel: 1\n", "", "gitmodel must be 1"),
    "format 0": ("gitmodel: 1", "gitmodel: 0", "gitmodel must be 1"),
    "format in quotes": ("gitmodel: 1", 'gitmodel: "1"', "gitmodel must be 1"),
    "no name": ('name: "fraud"\n', "", "name is missing"),
    "name with a number": ('"fraud"', "7", "name must be a string, in double quotes"),
    "name outside the grammar": ('"fraud"', '"Fraud"', 'name is refused: "Fraud" is not a model name'),
    "name with an escape": ('"fraud"', '"\\e[2J"', 'name is refused: "\\x1b[2J" is not a model name'),
    "no version": ("version: 6\n", "", "version is missing"),
    "version 0": ("version: 6\n", "version: 0\n", "version must be a whole number from 1 to 999999999"),
    "version -1": ("version: 6\n", "version: -1\n", "version must be a whole number from 1 to 999999999"),
    "version true": ("version: 6\n", "version: true\n", "version must be a whole number from 1 to 999999999"),
    "version 1.0": ("version: 6\n", "version: 6.0\n", "version must be a whole number from 1 to 999999999"),
    "version in quotes": ("version: 6\n", 'version: "6"\n', "version must be a whole number from 1 to 999999999"),
    "version huge": ("version: 6\n", f"version: {'9' * 99}\n", "version must be a whole number from 1 to 999999999"),
    "version octal": ("version: 6\n", "version: 06\n", "version must be a whole number from 1 to 999999999"),
    "no digest": (f'digest: "blake3:{"9" * 64}"\n', "", "digest is missing"),
    "digest upper case": (f'digest: "blake3:{"9" * 64}"', f'digest: "blake3:{"A" * 64}"', "digest must be blake3: and 64 lower-case hex digits"),
    "digest as path": (f'digest: "blake3:{"9" * 64}"', 'digest: "blake3:../../x"', "digest must be blake3: and 64 lower-case hex digits"),
    "digest list": (f'digest: "blake3:{"9" * 64}"', "digest: [1]", "digest must be a string, in double quotes"),
    "size negative": ("size: 90868376", "size: -1", "size must be a whole number from 0 to 9223372036854775807"),
    "size beyond 63 bits": ("size: 90868376", f"size: {2**63}", "size must be a whole number from 0 to 9223372036854775807"),
    "size NaN": ("size: 90868376", "size: .nan", "size must be a whole number from 0 to 9223372036854775807"),
    "chunks as path": ("path:", 'chunks: "blake3:../../x"\npath:', "chunks must be blake3: and 64 lower-case hex digits"),
    "chunks a number": ("path:", "chunks: 7\npath:", "chunks must be a string, in double quotes"),
    "path outside": ('"fraud.safetensors"', '"../fraud"', 'path is refused: unsafe path "../fraud": it leaves its folder'),
    "path absolute": ('"fraud.safetensors"', '"/etc/passwd"', 'path is refused: unsafe path "/etc/passwd": it is absolute'),
    "path in .git": ('"fraud.safetensors"', '".g\\u200cit/hooks/x"', 'path is refused: unsafe path ".g\\u200cit/hooks/x": names that begin with .git belong to Git'),
    "path is a pointer": ('"fraud.safetensors"', '"Other.Model.YAML"', "path is refused: weights cannot be a pointer or an alias file"),
    "path is aliases": ('"fraud.safetensors"', '"a/x.aliases.yaml"', "path is refused: weights cannot be a pointer or an alias file"),
    "run_id a number": ('"8f14e45fceea"', "12", "run_id must be a string, in double quotes"),
    "metrics a list": ("metrics:\n  auc: 0.931\n  logloss: 0.174\n", "metrics: [1]\n", "metrics must be a mapping"),
    "a metric that is a list": ("auc: 0.931", "auc: [1]", "metrics must contain only numbers, strings and booleans"),
    "a metric that is empty": ("auc: 0.931", "auc:", "metrics must contain only numbers, strings and booleans"),
    "params a string": ("params:\n  layers: [64, 64]\n  lr: 2.0e-05\n  max_depth: null\n", 'params: "x"\n', "params must be a mapping"),
    "previous a number": (f'previous: {{version: 5, digest: "blake3:{"4" * 64}"}}', "previous: 5", "previous must be a mapping"),
    "previous without digest": (f'{{version: 5, digest: "blake3:{"4" * 64}"}}', "{version: 5}", "previous.digest is missing"),
    "previous version": ("{version: 5,", "{version: x,", "previous.version must be a whole number from 1 to 999999999"),
    "metrics_from outside": ('"metrics.json"', '"../../x"', 'metrics_from.path is refused: unsafe path "../../x": it leaves its folder'),
    "tags a string": ("check:", 'tags: "a"\ncheck:', "tags must be a list"),
    "tags of numbers": ("check:", "tags: [1]\ncheck:", "tags must be a list of strings, in double quotes"),
    "data of strings": ("check:", 'data: ["x"]\ncheck:', "data must be a list of mappings"),
    "duplicate": ("check:", "size: 1\ncheck:", 'line 19: the key "size" occurs twice'),
    "tag": ("size: ", "size: !!int ", "line 6: tags (!name) are not accepted"),
    "anchor": ("metrics:", "metrics: &m", "line 9: anchors (&name) are not accepted"),
    "control": ("fraud.s", "fraud\x00s", "line 7: the character U+0000 is not accepted"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    content = FRAUD.to_text()
    assert old in content
    error = refusal(content.replace(old, new, 1))

    assert str(error).startswith(f"fraud.model.yaml: {message}")
    assert str(error).isprintable()
    assert error.hint


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"# nothing\n",
        b"{}",
        b"\xff",
        b"[1]",
        b"a" * 70_000,
        b"gitmodel",
        b"\xef\xbb\xbfgitmodel: 1\n",
    ],
)
def test_what_is_no_pointer_is_refused(raw: bytes) -> None:
    assert refusal(raw).hint


@given(st.binary(max_size=100) | st.text(max_size=100) | st.tuples(st.integers(0, 900), strategies.texts).map(
    lambda edit: FRAUD.to_text()[: edit[0]] + edit[1] + FRAUD.to_text()[edit[0] :]
))  # fmt: skip
def test_whatever_the_bytes_only_pointer_errors_are_raised(raw: bytes | str) -> None:
    for trust_edits in (False, True):
        try:
            read(raw, trust_edits=trust_edits)
            hint: str | None = "none needed"
        except (PointerError, NewerFormatError) as error:
            hint = error.hint
        assert hint


@given(strategies.values, st.sampled_from(sorted(Pointer.__dataclass_fields__)))
def test_whatever_a_key_says_only_pointer_errors_are_raised(value: object, key: str) -> None:
    from gitmodel.domain.yaml.reader import flow

    try:
        line = f"{key}: {flow(value)}\n"  # type: ignore[arg-type]
    except TextError:
        return
    lines = [
        one
        for one in FRAUD.to_text().splitlines(keepends=True)
        if not one.startswith((f"{key}:", "check"))
    ]
    try:
        pointer = read("".join([*lines, line]), trust_edits=True)
        hint: str | None = "none needed"
    except (PointerError, NewerFormatError) as error:
        pointer, hint = FRAUD, error.hint
    assert hint
    assert read(pointer.to_text()) == pointer


def test_a_pointer_that_could_not_be_read_back_is_not_written() -> None:
    many = dataclasses.replace(FRAUD, metrics={f"metric-{number}": 0.5 for number in range(5_000)})
    with pytest.raises(PointerError) as caught:
        many.to_text()

    assert caught.value.message.endswith("bytes; the maximum is 65536")
    assert caught.value.hint


# What callers have at hand: the values that a pointer can hold, and those that it cannot.
_whatever = st.recursive(
    strategies.scalars
    | st.integers(-(10**120), 10**120)
    | st.binary(max_size=4)
    | st.text(st.characters(), max_size=8)  # halves of surrogate pairs too
    | st.text("k", min_size=900, max_size=1100)
    | st.sampled_from([Decimal(1), UUID(int=1), object(), {1, 2}, 1j, date(2026, 1, 1), Colour.RED, range(3)]),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner, inner)
    | st.dictionaries(st.text(st.characters(), max_size=8) | st.integers() | st.none(), inner, max_size=3)
    | st.dictionaries(st.sampled_from(["version", "digest", "path"]), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from([*Pointer.__dataclass_fields__]).filter(lambda name: name != "digest"),
        _whatever,
        min_size=1,
        max_size=3,
    ),
    st.dictionaries(
        st.sampled_from(["check", "version", "gitmodel", "base", "note", "", "<<", "k" * 2000]),
        _whatever,
        max_size=1,
    ),
    st.none() | st.dictionaries(st.sampled_from(["version", "digest", "x"]), _whatever, max_size=1),
)
def test_whatever_a_caller_gives_is_refused_or_reads_back_as_what_it_is(
    changes: dict[str, object], unknown: dict[str, object], inner: dict[str, object] | None
) -> None:
    if inner is not None:
        changes["previous"] = Previous(5, DIGESTS[4], inner)  # type: ignore[arg-type]
    pointer = dataclasses.replace(FRAUD, **{"unknown": unknown, **changes})  # type: ignore[arg-type]
    try:
        content = pointer.to_text()
    except PointerError:
        return
    back = read(content)

    assert repr(plain(back)) == repr(plain(pointer))
    assert back.to_text() == content


def plain(value: object) -> object:
    """A value as YAML has it: keys in order, and lists for all sequences."""
    if dataclasses.is_dataclass(value):
        return [(name, plain(getattr(value, name))) for name in value.__dataclass_fields__]
    if isinstance(value, Mapping):
        return sorted((name, plain(item)) for name, item in value.items())
    if isinstance(value, Previous | MetricsSource):
        return [(name, plain(getattr(value, name))) for name in value._fields]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"run_id": 4711}, "run_id"),
        ({"run_id": b"4711"}, "run_id"),
        ({"run_id": UUID(int=1)}, "run_id"),
        ({"run_id": "\udcff"}, "run_id"),
        ({"metrics": {"auc": None}}, "metrics"),
        ({"metrics": {"auc": Decimal(1)}}, "metrics"),
        ({"metrics": {1: 0.5}}, "metrics"),
        ({"params": {"lr": b"x"}}, "params"),
        ({"params": {"n": 10**100}}, "params"),
        ({"params": {"k" * 1100: 1}}, "params"),
        ({"params": {"a": [[[[[[[[1]]]]]]]]}}, "params"),
        ({"tags": "a"}, "tags"),
        ({"data": ("x",)}, "data"),
        ({"name": "Fraud"}, "name"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"size": -1}, "size"),
        ({"path": "../x"}, "path"),
        ({"previous": Previous(0, DIGESTS[4])}, "previous"),
        ({"previous": Previous(5, DIGESTS[4], {"version": 6})}, "previous"),
        ({"metrics_from": MetricsSource("../x", DIGESTS[4])}, "metrics_from"),
        ({"unknown": {"version": 7}}, "version"),
        ({"unknown": {"check": "x"}}, "check"),
        ({"base": None, "unknown": {"base": "x@1"}}, "base"),
    ],
)
def test_what_could_not_be_read_is_not_written_and_the_key_is_named(
    change: dict[str, object], key: str
) -> None:
    with pytest.raises(PointerError) as caught:
        dataclasses.replace(FRAUD, **change).to_text()  # type: ignore[arg-type]

    assert key in caught.value.message
    assert caught.value.message.startswith("the new pointer: ")
    assert caught.value.hint == "record it as text or as a number, or leave it out"


def test_a_list_that_holds_itself_ends() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(PointerError):
        dataclasses.replace(FRAUD, params={"a": endless}).to_text()  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("weights", "name", "pointer"),
    [
        ("fraud.safetensors", "fraud", "fraud.model.yaml"),
        ("models/fraud.safetensors", "team/fraud", "models/fraud.model.yaml"),
        ("models/fraud", "fraud-v2", "models/fraud-v2.model.yaml"),
        ("a/b/c.bin", "x/y/z", "a/b/z.model.yaml"),
    ],
)
def test_a_pointer_lies_beside_its_weights(weights: str, name: str, pointer: str) -> None:
    assert pointer_path_for(weights, name) == pointer


def test_the_weights_lie_in_the_folder_of_the_pointer() -> None:
    assert weights_path("fraud.model.yaml", FRAUD) == "fraud.safetensors"
    assert weights_path("models/fraud.model.yaml", FRAUD) == "models/fraud.safetensors"
    assert weights_path("m/x.model.yaml", dataclasses.replace(FRAUD, path="d/x")) == "m/d/x"
    for bad in ("../x.model.yaml", "/x.model.yaml", ".git/x.model.yaml", "a//x.model.yaml"):
        with pytest.raises(UnsafePathError):
            weights_path(bad, FRAUD)
    with pytest.raises(UnsafePathError):
        weights_path("x.model.yaml", dataclasses.replace(FRAUD, path="../x"))


def test_a_pointer_is_read_in_far_less_than_a_millisecond() -> None:
    """Ten thousand are read by one command; 0.5 ms leaves room for a slow machine, 0.1 ms is usual."""
    raw = FRAUD.to_text().encode()
    started = time.process_time()
    for _ in range(200):
        read(raw)

    assert (time.process_time() - started) / 200 < 0.0005


@given(strategies.pointers)
def test_the_head_of_what_is_written_is_what_is_read(pointer: Pointer) -> None:
    assert read_head(pointer.to_text().encode()) == pointer.head


@given(strategies.pointers, st.data())
def test_a_head_never_differs_from_a_pointer_that_is_read(
    pointer: Pointer, data: st.DataObject
) -> None:
    """Lines are lost, doubled, moved, or written in another way."""
    lines = pointer.to_text().split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at, to = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        change = data.draw(st.sampled_from(["lose", "double", "move", "space", "comment", "zero"]))
        line = lines[at] if change == "double" else lines.pop(at)
        rewritten = {
            "double": line,
            "move": line,
            "space": line.replace(": ", ":  "),
            "comment": f"{line} # comment",
            "zero": line.replace("version: ", "version: 0"),
        }
        if change in rewritten:
            lines.insert(to if change in {"double", "move"} else at, rewritten[change])
        lines = lines or [""]
    raw = "\n".join(lines).encode()

    head = read_head(raw)
    try:
        read = Pointer.from_text(raw, what="x", trust_edits=True)
    except GitmodelError:
        return
    assert head in {None, read.head}
