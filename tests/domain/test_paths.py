# ruff: noqa: RUF001 -- letters that look alike are what is tested here

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain import paths
from gitmodel.domain.paths import refuse_clashes, safe_parts, to_nfc
from gitmodel.errors import UnsafePathError
from tests.support import strategies

GOOD = [
    "fraud.safetensors", "a/b/c.bin", "A b/c (1).pt", "modèle/poids.pt", "模型/权重.bin", "a..b", "..a", ".a", "...a",
    "git", "gita", "x.git", "gi.t", ".gi", "-rf", "~", "a~", "model~1000000.bin", "checkpoint~1", "con2", "console",
    "com", "com10", "lpt", "nul2.txt", "a#b", "a'b", "a&b;c|d", "a=b", "*", "%2e%2e", "$HOME", "{a}", "@", "x" * 255,
    "é" * 127, "a/" * 100 + "b", "😀.bin", "a\u200db", "．a", "a：b", "_", "0", "a,b+c", "hello world", " a", "ß", "ﬁ",
]  # fmt: skip

OUTSIDE = {
    "empty": ["", "/", "//", "a//b", "a/", "/a", "a/b/", "a/ /"],
    "dots": [".", "..", "./a", "a/.", "../a", "a/..", "a/../b", "a/../../b", "a/./b", "...", "a/....", "..\u200c", "\u2025", "․․", "．．"],
    "absolute": ["/etc/passwd", "//server/share/x", "C:/x", "c:x", "C:", "file:///etc/passwd", "s3://b/x"],
    "backslash": ["\\", "a\\b", "a\\..\\..\\x", "..\\x", "C:\\x", "\\\\server\\share", "\\\\?\\C:\\x", "\\\\.\\COM1", "a\\", "＼＼a", "..＼x"],
    "slashes that are none": ["a／b", "..／..／x", "℀"],
    "controls": ["a\0", "\0", "a\0/b", "a\nb", "a\rb", "a\tb", "\x1b[2J", "a\x7f", "a\x85b", "a\x9bb", "a\u2028b", "a\u2029", "a\u202eb", "\u2066a"],
    "not utf-8": ["\udcff", "a/\ud800", "\ud83d\ude00"],
    "streams": ["a:b", "a::$DATA", "a:b:$DATA", "x.bin:Zone.Identifier", ":", "a/:"],
    "not composed": ["e\u0301", "a/\u1100\u1161", "\u212b"],
    "long": ["a" * 256, "é" * 128, "a/" * 2048 + "b", "a" * 70_000],
    "trailing": ["a.", "a ", "a. ", "a/b./c", "a. ./b", " ", "a .", "x.bin.", "a/ "],
    "devices": ["con", "CON", "Con", "con.txt", "nul", "NUL.safetensors", "a/aux/b", "prn.", "com1", "COM9.log", "lpt0", "com¹", "LPT².x", "nul .txt", "conin$", "CONOUT$", "CLOCK$", "aux.tar.gz", "ｃｏｎ", "c\u200con"],
    "short names": ["a~1", "ABCDEF~1", "GITMOD~1", "GITMOD~4", "gi7eba~1", "gi7d29~1", "progra~1/x", "PROGRA~12.EXE", "~1/a~1", "a～1"],
}  # fmt: skip

DOT_GIT = [
    ".git", ".GIT", ".Git", ".gIt", ".git.", ".git..", ".git ", ".git . .", ".git::$INDEX_ALLOCATION", ".git:x",
    ".git/config", ".GIT/hooks/pre-commit", "a/.git", "a/.git/b", ".git\\config", ".gitmodules", ".GITMODULES",
    ".gitattributes", ".gitignore", ".gitmodel.yaml", ".gitmodel", ".github/workflows/x.yml", ".git_", ".git-x",
    "git~1", "GIT~1", "Git~2", "git~1/config", "git~1.", "git~1 ", "git~1::$INDEX_ALLOCATION", "a/git~1/b",
    ".g\u200cit", "\u200c.git", ".git\u200c", ".gi\u200dt", ".g\u200eit", ".g\u200fit", ".g\u202ait", ".g\u206ait",
    ".g\ufeffit", ".g\xadit", ".gi\u034ft", ".g\u2060it", ".git\ufe0f", ".gi\U000e0001t", "․git", "．git", ".ｇｉｔ",
    ".ⓖⓘⓣ", ".𝐠𝐢𝐭", ".ｇＩt/config", ".git\u3000", ".git\u200b", ".gi\u200bt/hooks",
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_plain_names_are_safe(path: str) -> None:
    assert safe_parts(path) == tuple(path.split("/"))


@pytest.mark.parametrize("path", [*itertools.chain.from_iterable(OUTSIDE.values()), *DOT_GIT])
@pytest.mark.parametrize("frame", ["{}", "a/{}", "{}/a", "é/{}"])
def test_hostile_paths_are_refused_wherever_they_stand(path: str, frame: str) -> None:
    with pytest.raises(UnsafePathError) as caught:
        safe_parts(frame.format(path))

    assert caught.value.hint
    assert str(caught.value).startswith('unsafe path "')
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", 'unsafe path "": it is empty'),
        ("../x", 'unsafe path "../x": it leaves its folder'),
        ("/x", 'unsafe path "/x": it is absolute'),
        ("a//b", 'unsafe path "a//b": it has an empty part'),
        ("C:x", 'unsafe path "C:x": it has a colon, which Windows reads as a drive or stream'),
        ("a\\b", 'unsafe path "a\\\\b": it has a backslash'),
        ("a\x1b", 'unsafe path "a\\x1b": it has a control character'),
        (".g\u200cit/x", 'unsafe path ".g\\u200cit/x": names that begin with .git belong to Git'),
        ("nul.txt", 'unsafe path "nul.txt": it names a device of Windows'),
        ("git~1", 'unsafe path "git~1": it looks like a short name of Windows'),
        ("a.", 'unsafe path "a.": a part ends in a dot or space, which Windows drops'),
        ("e\u0301", 'unsafe path "e\u0301": it is not in the composed form of Unicode (NFC)'),
        ("\udcff", 'unsafe path "\\udcff": it is not UTF-8'),
        ("a" * 256, f'unsafe path "{"a" * 60}…": a part is longer than 255 bytes'),
    ],
)
def test_the_message_says_what_is_wrong(path: str, reason: str) -> None:
    with pytest.raises(UnsafePathError) as caught:
        safe_parts(path)

    assert str(caught.value) == reason


@given(st.text(max_size=30) | st.text("./\\ ~:git\u200cGIT1aà\0", max_size=12))
def test_a_safe_path_is_its_parts_and_each_is_a_plain_name(path: str) -> None:
    try:
        parts = safe_parts(path)
    except UnsafePathError:
        return
    assert "/".join(parts) == path
    assert all(part not in {"", ".", ".."} for part in parts)
    assert not any(character in path for character in "\\:\0\n")
    assert path.encode().decode() == path == to_nfc(path)
    # What Git for macOS and Windows would take the names for.
    assert not any(part.casefold().strip(". ").startswith("git~1") for part in parts)
    assert ".git" not in unicodedata.normalize("NFKC", path).casefold().split("/")


@given(st.text("abcnulopmt019.-_ A~$", min_size=1, max_size=9))
def test_the_quick_answer_agrees_with_the_rules(part: str) -> None:
    if paths._ORDINARY.fullmatch(part):
        assert (paths._path_problem(part), paths._part_problem(part)) == (None, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "A"), ("a/b", "A/b"), ("A/b", "a/c"), ("é", "É"), ("straße", "STRASSE"), ("ﬁ", "FI"), ("Å", "å"),
        ("\u03c3", "\u03c2"), ("a\u200db", "ab"), ("e\u0301", "é"), ("a", "a/b"), ("a/b", "a/b/c"), ("A", "a/b/c/d"),
        ("K", "\u212a"),
    ],
)  # fmt: skip
def test_paths_that_are_one_file_somewhere_clash(one: str, other: str) -> None:
    for pair in ((one, other), (other, one)):
        with pytest.raises(UnsafePathError) as caught:
            refuse_clashes(["x", *pair, "y/z"])
        assert caught.value.hint == "rename one of the two"
        assert "are the same file on some systems" in str(caught.value)


def test_a_path_given_twice_clashes() -> None:
    with pytest.raises(UnsafePathError) as caught:
        refuse_clashes(["a/b", "a/b"])

    assert str(caught.value) == '"a/b" is listed twice'


def test_paths_that_differ_everywhere_do_not_clash() -> None:
    refuse_clashes(["a", "b", "ab", "c/a", "c/b", "c/d/a", "a.b", "a-b", "é", "e", "ä/x", "ä/y"])
    refuse_clashes([])
    refuse_clashes(iter(["one"]))


@given(st.lists(strategies.paths, max_size=5))
def test_clashes_do_not_depend_on_order(given_paths: list[str]) -> None:
    def clash(listing: list[str]) -> bool:
        try:
            refuse_clashes(listing)
        except UnsafePathError:
            return True
        return False

    assert clash(given_paths) == clash(given_paths[::-1])
    assert clash([*given_paths, *given_paths]) == bool(given_paths)


@given(st.text())
def test_normalising_twice_is_normalising_once(path: str) -> None:
    assert to_nfc(to_nfc(path)) == to_nfc(path)


def test_a_deep_listing_is_checked_in_linear_time() -> None:
    refuse_clashes(f"{'a/' * 200}{n}" for n in range(2_000))
