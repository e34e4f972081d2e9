"""What lies at a path: files, folders, links, and names that are refused."""

from __future__ import annotations

import os
import shlex
import socket
import unicodedata
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import ChangedWhileReadError, UnsafeNameError, UnsafePathError, WeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.worktree import scan as listing
from gitmodel.worktree.scan import EntryKind, kind_at, list_files, walk

if TYPE_CHECKING:
    from pathlib import Path

COMPOSED = unicodedata.normalize("NFC", "modèle.bin")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def fill(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def listed(root: Path, name: str = "model", *, follow: bool = False) -> list[str]:
    return [found.path for found in list_files(str(root), (name,), EntryKind.FOLDER, follow=follow)]


def test_each_kind_is_told_apart(root: Path) -> None:
    fill(root, "file", "folder/x")
    (root / "link").symlink_to("file")
    (root / "dangling").symlink_to("nowhere")
    kinds = {
        name: kind_at(str(root), tuple(name.split("/")))
        for name in ("file", "folder", "folder/x", "link", "dangling", "nothing", "no/where")
    }

    assert kinds == {
        "file": EntryKind.FILE,
        "folder": EntryKind.FOLDER,
        "folder/x": EntryKind.FILE,
        "link": EntryKind.LINK,
        "dangling": EntryKind.LINK,
        "nothing": EntryKind.MISSING,
        "no/where": EntryKind.MISSING,
    }


def test_a_link_counts_as_what_it_points_to_only_when_asked(root: Path) -> None:
    fill(root, "file", "folder/x")
    for name, target in (("one", "file"), ("many", "folder"), ("dangling", "nowhere")):
        (root / name).symlink_to(target)
    names = ("one", "many", "dangling")

    assert [kind_at(str(root), (name,), follow=True) for name in names] == [
        EntryKind.FILE,
        EntryKind.FOLDER,
        EntryKind.MISSING,
    ]


def test_a_link_on_the_way_is_refused(root: Path) -> None:
    fill(root, "real/file")
    (root / "link").symlink_to("real")

    with pytest.raises(UnsafePathError):
        kind_at(str(root), ("link", "file"))


def test_what_is_neither_file_nor_folder_is_refused(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "model").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(root / "model", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/socket")
        os.close(folder)

        with pytest.raises(WeightsError):
            kind_at(str(root), ("pipe",))
        with pytest.raises(WeightsError):
            listed(root)


def test_files_are_sorted_as_bytes_with_sizes(root: Path) -> None:
    fill(root, "model/b", "model/a/z", "model/a.x", "model/C", "model/é")
    found = list_files(str(root), ("model",), EntryKind.FOLDER)

    assert [file.path for file in found] == ["C", "a.x", "a/z", "b", "é"]
    assert [file.stat.size for file in found] == [7, 9, 9, 7, 8]


def test_a_single_file_has_no_path_of_its_own(root: Path) -> None:
    fill(root, "file")
    (found,) = list_files(str(root), ("file",), EntryKind.FILE)

    assert (found.path, found.parts, found.stat.size) == ("", (), 4)


def test_what_never_belongs_to_a_model_is_left_out(root: Path) -> None:
    fill(
        root,
        "model/weights",
        "model/.git/config",
        "model/.gitattributes",
        "model/.gitmodel-tmp-1-ab",
        "model/deep/.git/hooks/x",
        "model/__pycache__/x.pyc",
        "model/deep/.ipynb_checkpoints/y",
        "model/.DS_Store",
        "model/.cache/huggingface/download/z",
        "model/.cache/other",
        "model/huggingface/kept",
        "model/.hidden",
    )

    assert listed(root) == [".cache/other", ".hidden", "huggingface/kept", "weights"]


def test_an_empty_folder_is_no_model(root: Path) -> None:
    (root / "model/below").mkdir(parents=True)
    fill(root, "model/.DS_Store")

    with pytest.raises(WeightsError, match="empty folder"):
        listed(root)


@pytest.mark.parametrize("target", ["file", "nowhere", "..", "/etc"])
def test_a_link_inside_a_folder_is_refused(root: Path, target: str) -> None:
    fill(root, "model/file")
    (root / "model/link").symlink_to(target)

    with pytest.raises(UnsafePathError) as caught:
        listed(root)
    assert caught.value.message == "link is a symbolic link"
    assert caught.value.hint == "gitmodel add --follow PATH, which stores what links point to"


def test_links_are_followed_when_asked(root: Path) -> None:
    fill(root, "model/file", "elsewhere/x/y")
    (root / "model/one").symlink_to("file")
    (root / "model/many").symlink_to("../elsewhere")

    assert listed(root, follow=True) == ["file", "many/x/y", "one"]


def test_a_cycle_of_links_ends_with_an_error(root: Path) -> None:
    fill(root, "model/file")
    (root / "model/again").symlink_to(".")

    with pytest.raises(UnsafePathError):
        listed(root, follow=True)


def test_a_folder_nested_too_deep_is_refused(root: Path) -> None:
    fill(root, "model/" + "d/" * 66 + "file")

    with pytest.raises(UnsafePathError, match="nested too deep"):
        listed(root)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Weights", "weights"), ("straße", "STRASSE"), (COMPOSED, DECOMPOSED), ("a/x", "A/y")],
)
def test_names_that_are_one_file_elsewhere_are_refused(root: Path, one: str, other: str) -> None:
    fill(root, f"model/{one}", f"model/{other}")
    if len({*os.listdir(root / "model")}) < 2:
        pytest.skip("they are one file here too")

    with pytest.raises(UnsafePathError):
        listed(root)


def test_a_decomposed_name_is_listed_composed_and_found_on_disk(root: Path) -> None:
    """As archives made on macOS unpack on Linux."""
    fill(root, f"model/{DECOMPOSED}")
    (found,) = list_files(str(root), ("model",), EntryKind.FOLDER)

    assert found.path == COMPOSED
    assert (root / "model" / os.path.join(*found.parts)).exists()


@pytest.mark.parametrize(
    "name",
    ["new\nline", "back\\slash", "nul", "trailing.", "trailing ", "co:lon", "git~1", "\x1b[2J"],
)
def test_names_that_other_systems_misread_are_refused(root: Path, name: str) -> None:
    fill(root, f"model/{name}")

    with pytest.raises(UnsafePathError):
        listed(root)


def test_names_that_are_not_utf8_are_refused(root: Path) -> None:
    (root / "model").mkdir()
    os.close(os.open(os.fsencode(root / "model") + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY))

    with pytest.raises(UnsafePathError):
        listed(root)


def test_a_folder_with_far_too_many_files_is_refused_early(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gitmodel add .` in a home folder must not list millions of files before it says no."""
    monkeypatch.setattr(listing, "MAX_FILES", 5)
    fill(root, *(f"model/{number}" for number in range(5)))
    assert len(listed(root)) == 5
    fill(root, *(f"model/more-{number}" for number in range(50)))
    looked_at = 0
    original = FileStat.of

    def counted(status: os.stat_result) -> FileStat:
        nonlocal looked_at
        looked_at += 1
        return original(status)

    monkeypatch.setattr(FileStat, "of", counted)
    with pytest.raises(WeightsError) as caught:
        listed(root)

    assert caught.value.message == "model has more files than a model can have (5)"
    assert looked_at == 6


def test_what_is_removed_meanwhile_is_not_a_crash(root: Path) -> None:
    with pytest.raises(ChangedWhileReadError):
        list_files(str(root), ("gone",), EntryKind.FILE)
    with pytest.raises(WeightsError):
        list_files(str(root), ("gone",), EntryKind.FOLDER)
    fill(root, "model/a", "model/b", "model/deep/c")
    walking = walk(str(root / "model"))
    next(walking)
    for name in ("a", "b", "deep/c"):
        (root / "model" / name).unlink()
    (root / "model/deep").rmdir()

    assert list(walking) == []


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("ckpt:1", "ckpt-1"),
        ("a\\b", "a-b"),
        ("end.", "end"),
        ("con.txt", "_con.txt"),
        ("a\nb", "a-b"),
    ],
)
def test_a_name_that_not_every_system_can_have_is_named_with_a_rename_that_helps(
    tmp_path: Path, name: str, better: str
) -> None:
    (tmp_path / "d/deep").mkdir(parents=True)
    (tmp_path / "d/deep" / name).write_bytes(b"x")

    with pytest.raises(UnsafeNameError) as caught:
        list_files(str(tmp_path), ("d",), EntryKind.FOLDER)

    assert "d has a file with a name that not every system can have" in caught.value.message
    hint = caught.value.hint or ""
    assert "--follow" not in hint
    command = shlex.split(hint.removeprefix("rename it: ").partition("; or ")[0])
    assert command == ["mv", f"d/deep/{name}", f"d/deep/{better}"]
    os.rename(tmp_path / command[1], tmp_path / command[2])
    assert [file.path for file in list_files(str(tmp_path), ("d",), EntryKind.FOLDER)] == [
        f"deep/{better}"
    ]
