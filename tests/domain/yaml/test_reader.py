from __future__ import annotations

import json
import math
import subprocess
import sys
import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from gitmodel.domain.yaml import fast_reader as simple_text
from gitmodel.domain.yaml import reader as text
from gitmodel.domain.yaml.reader import Value, Writable, block, flow, parse, quoted, scalar
from gitmodel.errors import TextError
from tests.support import strategies

PARSERS = {"libyaml": CParser, "python": yaml.SafeLoader}


def read(content: str) -> dict[str, Value]:
    return parse(content.encode(), what="x.yaml")


def test_reads_the_subset() -> None:
    content = """\
# a comment
name: fraud          # another one
quoted: "two\\nlines"
single: 'it''s'
list: [1, "two", {three: 3}]
block:
  - a
  - b: 1
    c: 2
folded: >
  one
  line
empty:
"""

    assert read(content) == {
        "name": "fraud",
        "quoted": "two\nlines",
        "single": "it's",
        "list": [1, "two", {"three": 3}],
        "block": ["a", {"b": 1, "c": 2}],
        "folded": "one line\n",
        "empty": None,
    }


@pytest.mark.parametrize(
    "content", ["", "\n", "# only a comment\n", "---\n", "---\n# nothing\n", "{}", "--- {}\n...\n"]
)
def test_an_empty_document_is_an_empty_mapping(content: str) -> None:
    assert read(content) == {}


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("null", None), ("~", None), ("", None), ("NULL", None), ("nUll", "nUll"),
        ("true", True), ("False", False), ("yes", "yes"), ("no", "no"), ("on", "on"), ("y", "y"),
        ("0", 0), ("-7", -7), ("+7", 7), ("017", "017"), ("-017", "-017"), ("00", "00"), ("0o17", 15),
        ("0x1f", 31), ("-0x1f", "-0x1f"), ("0b11", "0b11"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("12:30:45", "12:30:45"), ("2026-01-02", "2026-01-02"), ("1.5", 1.5), ("-1.5e3", -1500.0),
        ("2e-5", 2e-05), ("2.0e-05", 2e-05), (".5", 0.5), ("5.", 5.0), (".", "."), ("1e5", 100000.0),
        ("01.5", "01.5"), (".inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("nan", "nan"),
        ("1e999", "1e999"), ("12e4567", "12e4567"), ("9" * 100, int("9" * 100)), ("9" * 101, "9" * 101),
        ("0x" + "f" * 99, "0x" + "f" * 99), ("1.2.3", "1.2.3"), ("8f14e45fceea", "8f14e45fceea"), ("=", "="),
        ("٣", "٣"), ("1 2", "1 2"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("parser", PARSERS)
def test_plain_scalars_are_those_of_yaml_1_2_and_nothing_surprising(
    plain: str, value: Value, parser: str
) -> None:
    got = text._read(f"a: {plain}\n", "x", 8, PARSERS[parser])["a"]

    assert (got, type(got)) == (value, type(value))
    assert read(f'a: "{plain}"\n') == {"a": plain}
    assert read(f"a: '{plain}'\n") == {"a": plain}


@pytest.mark.parametrize("spelled", [".nan", ".NaN", ".NAN"])
def test_nan_is_a_number(spelled: str) -> None:
    assert math.isnan(read(f"a: {spelled}\n")["a"])  # type: ignore[arg-type]


HOSTILE = {
    "anchor": ("a: &x 1\n", "line 1: anchors (&name) are not accepted"),
    "anchor on a key": ("&x a: 1\n", "line 1: anchors (&name) are not accepted"),
    "anchor on the root": ("&x {a: 1}\n", "line 1: anchors (&name) are not accepted"),
    "alias": ("a: 1\nb: *x\n", "line 2: aliases (*name) are not accepted"),
    "alias as key": ("*x : 1\n", "line 1: aliases (*name) are not accepted"),
    "alias as root": ("*x\n", "line 1: aliases (*name) are not accepted"),
    "tag": ("a: !!str 1\n", "line 1: tags (!name) are not accepted"),
    "python tag": ('a: !!python/object/apply:os.system ["id"]\n', "line 1: tags (!name) are not accepted"),
    "local tag": ("a: !thing {}\n", "line 1: tags (!name) are not accepted"),
    "lone tag": ("a: ! b\n", "line 1: tags (!name) are not accepted"),
    "tag on a key": ("!!int 1: 1\n", "line 1: tags (!name) are not accepted"),
    "tag on the root": ("!!set {a}\n", "line 1: tags (!name) are not accepted"),
    "merge key": ("a: 1\n<<: {b: 1}\n", "line 2: merge keys (<<) are not accepted"),
    "merge list": ("<<: [{a: 1}, {b: 1}]\n", "line 1: merge keys (<<) are not accepted"),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", 'line 3: the key "a" occurs twice'),
    "duplicate in two spellings": ("a: 1\n\"a\": 3\n", 'line 2: the key "a" occurs twice'),
    "duplicate by an escape": ('a: 1\n"\\x61": 3\n', 'line 2: the key "a" occurs twice'),
    "duplicate in flow": ("b: {a: 1, a: 2}\n", 'line 1: the key "a" occurs twice'),
    "duplicate deep": ("b:\n  c:\n    a: 1\n    a: 1\n", 'line 4: the key "a" occurs twice'),
    "hostile duplicate": ('"\\e[2J": 1\n"\\e[2J": 1\n', 'line 2: the key "\\x1b[2J" occurs twice'),
    "list as key": ("[a]: 1\n", "line 1: a mapping or list is not accepted as a key"),
    "mapping as key": ("? {a: 1}\n: 1\n", "line 1: a mapping or list is not accepted as a key"),
    "list as root": ("- a\n", "line 1: the file must be a mapping, lines of `key: value`"),
    "scalar as root": ("fraud\n", "line 1: the file must be a mapping, lines of `key: value`"),
    "null as root": ("null\n", "line 1: the file must be a mapping, lines of `key: value`"),
    "quoted nothing as root": ('""\n', "line 1: the file must be a mapping, lines of `key: value`"),
    "two documents": ("a: 1\n---\nb: 1\n", "line 2: a second document is not accepted"),
    "directive": ("%YAML 1.2\n---\na: 1\n", "line 1: directives are not accepted"),
    "tag directive": ("%TAG ! tag:x,2026:\n---\na: 1\n", "line 1: directives are not accepted"),
    "depth 9": ("a: " + "[" * 8 + "]" * 8, "line 1: more than 8 levels of nesting"),
    "NUL": ("a: 1\x00\n", "line 1: the character U+0000 is not accepted"),
    "escape": ("a: 1\nb: \x1b[2J\n", "line 2: the character U+001B is not accepted"),
    "DEL": ("a: \x7f\n", "line 1: the character U+007F is not accepted"),
    "NEL": ("a: 1\x85b: 2\n", "line 1: the character U+0085 is not accepted"),
    "line separator": ("a: 1\u2028b: 2\n", "line 1: the character U+2028 is not accepted"),
    "form feed": ("a:\x0c1\n", "line 1: the character U+000C is not accepted"),
    "lone CR": ("a: 1\rb: 2\n", "line 1: the character U+000D is not accepted"),
    "BOM": ("\ufeffa: 1\n", "line 1: the character U+FEFF is not accepted"),
    "BOM inside": ("a: 1\nb: \ufeff\n", "line 2: the character U+FEFF is not accepted"),
    "no character": ("a: \uffff\n", "line 1: the character U+FFFF is not accepted"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=list(HOSTILE))
def test_refuses_what_is_outside_the_subset(content: str, message: str) -> None:
    with pytest.raises(TextError) as caught:
        read(content)

    assert str(caught.value) == f"x.yaml: {message}"
    assert caught.value.hint


def nested_merge_bomb() -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    return "\n".join(lines)


def alias_bomb() -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    return "\n".join(lines)


BOMBS = {
    "merge keys": nested_merge_bomb(),
    "aliases": alias_bomb(),
    "65,000 [": "[" * 65_000,
    "65,000 [ in a value": "a: " + "[" * 65_000,
    "65,000 {": "{" * 65_000,
    "{[ in turn": "{a: [" * 12_000,
    "30,000 - ": "- " * 30_000,
    "30,000 ? ": "? " * 30_000,
    "? and [": "? [" * 20_000,
    "indented": "\n".join(" " * n + "a:" for n in range(340)),
    "closing only": "]" * 65_000,
    "quotes": '"' * 65_000,
    "one long word": "a" * 65_000,
    "one long key": "a" * 65_000 + ": 1",
    "one long number": "a: " + "9" * 65_000,
    "one long hexadecimal number": "a: 0x" + "f" * 65_000,
    "one long float": "a: 1." + "9" * 65_000 + "e" + "9" * 100,
    "one long version": "%YAML 1." + "1" * 65_000 + "\n--- {}",
    "tags": "a: " + "!" * 65_000,
    "anchors": "&a " * 21_000,
    "spaces": " " * 65_000,
    "tabs": "\t" * 65_000,
    "comment": "#" * 65_000,
    "colons": ":" * 65_000,
    "commas": "a: [" + "," * 65_000,
    "dashes": "-" * 65_000,
    "documents": "---\n" * 16_000,
    "block scalar": "a: |\n" + " \n" * 30_000,
    "escapes": 'a: "' + "\\n" * 32_000 + '"',
    "bad escape": 'a: "\\UFFFFFFFF"',
    "half a pair": 'a: "\\ud800"',
    "many keys": "\n".join(f"k{n}: 1" for n in range(6_000)),
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("content", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_a_text_error_or_nothing_and_fast(content: str, parser: str) -> None:
    started = time.process_time()
    try:
        text._read(content, "x", 8, PARSERS[parser])
        message = "x: read"
    except TextError as error:
        message = str(error)

    assert message.startswith("x: ")
    assert len(message) < 200
    assert time.process_time() - started < (0.5 if parser == "libyaml" else 5)


def test_65_kib_are_too_many() -> None:
    with pytest.raises(TextError) as caught:
        parse(b"#" * 65_537, what="x.yaml")

    assert str(caught.value) == "x.yaml: the file has 65537 bytes; the maximum is 65536"
    assert parse(b"#" * 65_536, what="x.yaml") == {}


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    with pytest.raises(TextError) as caught:
        parse(b"a: 1\nb: \xff\n", what="x.yaml")

    assert str(caught.value) == "x.yaml: line 2: not UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(TextError):
        parse("a: 1\n".encode(encoding), what="x.yaml")


def test_crlf_reads_as_lf() -> None:
    assert read('a: 1\r\nb: "x"\r\nc: |\r\n  y\r\n  z\r\n') == {"a": 1, "b": "x", "c": "y\nz\n"}


def test_the_depth_is_counted_from_the_root() -> None:
    deep = "a: " + "[" * 7 + "]" * 7
    assert read(deep) == {"a": [[[[[[[]]]]]]]}
    assert parse(b"a: 1", what="x", max_depth=1) == {"a": 1}
    with pytest.raises(TextError):
        parse(b"a: {}", what="x", max_depth=1)


@given(st.binary(max_size=200) | strategies.texts.map(str.encode))
@example(b"a: b: c")
@example(b"\ta: 1")
@example(b"a: @b")
@example(b"a: [1, 2")
@example(b'a: "\\q"')
def test_whatever_the_bytes_only_a_text_error_is_raised(raw: bytes) -> None:
    try:
        parse(raw, what="x")
        hint: str | None = "none needed"
    except TextError as error:
        hint = error.hint
    assert hint


# Pieces of YAML in any order: nearer to what parses than random bytes are.
pieces = st.lists(
    st.sampled_from(
        ["a", "b", ": ", ":", "\n", "  ", " ", "1", "-1", "1.5", "1.0e+999", "true", ".nan", '"x"', '"', "'y'",
         "{", "}", "[", "]", ", ", ",", "- ", "#", "# c\n", "|", ">", "---\n", "...\n", "<<", "null", "~", "017",
         "\\", "\\n", "é", "a: 1\n", "b:\n", "  c: {d: 1, e: [2, \"f\"]}\n", "    g: 1\n", "3: 1\n", "? "]
    ),
    max_size=14,
).map("".join)  # fmt: skip


def outcome(content: str, parser: str) -> object:
    try:
        return repr(text._read(content, "x", 8, PARSERS[parser]))
    except TextError:
        return TextError


@given(pieces)
@example("a:\nb: 1\n")
@example("a:\n  b: 1\n c: 2\n")
@example("a:\n  b:\nc: 1\n")
@example("a: 1\n  b: 2\n")
@example("  a: 1\nb: 2\n")
@example("a: 1\na: 1\n")
@example("a: {b: 1, b: 2}\n")
@example("a: 1.0e+999\n")
@example('a: {"b": "#", c: [1]}\n# d\n\ne: "x: y"\n')
@example("a: [1, 2]]\n")
@example("a:\n\n# c\n  b: 1\n")
def test_the_short_cut_reads_what_pyyaml_reads_or_nothing(content: str) -> None:
    quick = simple_text.read(content, max_depth=8)

    assert quick is None or repr(quick) == outcome(content, "libyaml")


@given(strategies.mappings)
def test_the_short_cut_reads_what_is_written_as_pyyaml_does(mapping: dict[str, Value]) -> None:
    try:
        content = "\n".join(block(mapping))
    except TextError:
        return
    quick = simple_text.read(content, max_depth=8)

    assert quick is None or repr(quick) == outcome(content, "libyaml")


@given(strategies.mappings)
def test_what_is_written_is_read_back_by_both_parsers(mapping: dict[str, Value]) -> None:
    try:
        lines = block(mapping)
    except TextError:
        return
    content = "\n".join(lines)

    assert read(content) == mapping
    assert list(read(content)) == list(mapping)
    assert outcome(content, "python") == outcome(content, "libyaml")
    assert block(read(content)) == lines


@given(st.text())
def test_a_quoted_string_is_one_visible_line_and_is_read_back(content: str) -> None:
    try:
        written = quoted(content)
    except TextError:
        assert not content.isascii()
        return
    assert read(f"a: {written}") == {"a": content}
    assert "\n" not in written
    # Only what this Python's tables do not know yet may be neither printable nor escaped.
    assert not {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} & {category(one) for one in written}


def category(character: str) -> str:
    import unicodedata

    return unicodedata.category(character)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("fraud", '"fraud"'), ("", '""'), ("é😀", '"é😀"'), ('a"b\\c', '"a\\"b\\\\c"'), ("a\nb\tc\r", '"a\\nb\\tc\\r"'),
        ("\x1b[2J", '"\\u001b[2J"'), ("a\u202eb", '"a\\u202eb"'), ("\u200c\ufeff", '"\\u200c\\ufeff"'),
        ("\xa0", '"\\u00a0"'), ("\U000e0041", '"\\U000e0041"'), (True, "true"), (False, "false"), (None, "null"),
        (7, "7"), (-7, "-7"), (0.931, "0.931"), (2e-05, "2.0e-05"), (1e16, "1.0e+16"), (1.5e300, "1.5e+300"),
        (1.0, "1.0"), (-0.0, "-0.0"), (math.nan, ".nan"), (math.inf, ".inf"), (-math.inf, "-.inf"),
    ],
)  # fmt: skip
def test_a_scalar_has_one_spelling(value: str | float | bool | None, written: str) -> None:
    assert scalar(value) == written


def test_number_types_of_other_libraries_are_written_as_numbers() -> None:
    class Float64(float):
        def __repr__(self) -> str:
            return "np.float64(0.5)"

    class Level(int):
        def __repr__(self) -> str:
            return "<Level.HIGH: 3>"

    assert (scalar(Float64(0.5)), scalar(Level(3))) == ("0.5", "3")


def test_flow_is_one_line() -> None:
    value: Writable = {
        "version": 5,
        "no": "x",
        "a b": [1, None, {}],
        "v1.0-x_y": True,
        "1": [],
        "<<": 1,
    }

    assert (
        flow(value)
        == '{version: 5, "no": "x", "a b": [1, null, {}], v1.0-x_y: true, "1": [], "<<": 1}'
    )


def test_block_is_a_line_a_key() -> None:
    value: dict[str, Writable] = {
        "a": 1,
        "metrics": {"auc": 0.9, "by": {"x": [1]}},
        "none": {},
        "list": ["x"],
    }

    assert block(value) == [
        "a: 1", "metrics:", "  auc: 0.9", "  by:", "    x: [1]", "none: {}", 'list: ["x"]',
    ]  # fmt: skip
    assert block({"a": 1}, 4) == ["    a: 1"]


def nest(levels: int) -> dict[str, Value]:
    return {"a": nest(levels - 1)} if levels > 1 else {"a": 1}


def test_what_could_not_be_read_back_is_not_written() -> None:
    assert read("\n".join(block(nest(8)))) == nest(8)
    assert read(flow(nest(8))) == nest(8)
    for write in (
        lambda: block(nest(9)),
        lambda: flow(nest(9)),
        lambda: quoted("\udcff"),
        lambda: scalar(10**100),
        lambda: block({"k" * 1001: 1}),
        lambda: flow({"\x00" * 200: 1}),
    ):
        with pytest.raises(TextError):
            write()


def test_written_text_is_json_where_json_can_say_it() -> None:
    value: Writable = {"a b": ["x\u202e\n", 1, 1.5, None, True, {"no": {}}]}

    assert json.loads(flow(value)) == value


@pytest.mark.parametrize("parser", PARSERS)
def test_a_key_that_could_not_be_written_again_is_not_read(parser: str) -> None:
    for short in ("k" * 998, "\xa0" * 166):
        content = f'"{short}": 1'
        assert text._read(content, "x", 8, PARSERS[parser]) == read(content) == {short: 1}
        assert read("\n".join(block({short: 1}))) == {short: 1}
    for long in ("k" * 999, "\xa0" * 167):
        with pytest.raises(TextError) as caught:
            text._read(f'"{long}": 1', "x", 8, PARSERS[parser])
        assert "is too long" in str(caught.value)
        with pytest.raises(TextError):
            block({long: 1})


def test_reading_what_gitmodel_wrote_imports_no_yaml_library() -> None:
    code = (
        "import sys; from gitmodel.domain.yaml.reader import parse;"
        "parse(b'a: 1\\nb: {c: \"d\"}\\n', what='x'); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
