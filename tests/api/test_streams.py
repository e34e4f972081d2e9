"""Streams of `gitmodel.open`: right bytes or an error, whatever happens to disk, cache and remote meanwhile."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.errors import (
    ChangedWhileReadError,
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    StoreError,
)
from gitmodel.workflows.remote import add_remote
from tests.support.desk import Desk, kept_desk
from tests.support.models import write_folder
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

ONE, TWO = (some_bytes(3_000_000, seed=seed) for seed in (1, 2))


def two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud, pushed."""
    for content in (ONE, TWO):
        desk.version(content)
    desk.push()


fraud = kept_desk(two_versions)


def spoil(folder: Path) -> None:
    """Flip a bit of every byte of every pack behind the first header."""
    for pack in (folder / "packs").glob("*/*"):
        raw = pack.read_bytes()
        pack.write_bytes(raw[:48] + bytes(byte ^ 1 for byte in raw[48:]))


def test_weights_that_are_written_to_while_they_are_read_are_an_error(fraud: Desk) -> None:
    """Not the bytes of one version and then those of the next training."""
    with gitmodel.open("fraud@2", repo=fraud.repo.path) as stream:
        assert stream.read(100) == TWO[:100]
        fraud.repo.write("fraud.bin", b"next training" * 300_000)
        with pytest.raises(ChangedWhileReadError) as caught:
            stream.read()
    assert caught.value.model == "fraud"

    with gitmodel.open("fraud@2", repo=fraud.repo.path) as stream:
        assert stream.read() == TWO


def test_a_version_that_is_checked_out_meanwhile_does_not_mix(fraud: Desk) -> None:
    """A checkout renames: what is open stays what it was."""
    with gitmodel.open("fraud@2", repo=fraud.repo.path) as stream:
        start = stream.read(100)
        fraud.repo.gitmodel("checkout", "fraud@1")
        assert start + stream.read() == TWO


def test_another_version_that_takes_the_place_just_now_is_not_handed_out(
    fraud: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the file and its opening."""
    from gitmodel.cache import file_streams as streams

    class Late(streams.UnchangedFile):
        def __init__(self, path: str, model: str) -> None:
            aside = Path(path).with_suffix(".new")
            aside.write_bytes(ONE)
            aside.replace(path)
            super().__init__(path, model)

    monkeypatch.setattr(streams, "UnchangedFile", Late)
    with gitmodel.open("fraud@2", repo=fraud.repo.path) as stream:
        assert stream.read() == TWO


def test_a_pack_damaged_in_the_cache_is_read_from_the_remote(fraud: Desk) -> None:
    ben = fraud.join("ben")
    with ben.open() as project:
        from gitmodel.workflows.fetch import fetch

        fetch(project, ["fraud@1"])
    stream = gitmodel.open("fraud@1", repo=ben.repo.path)
    with stream:
        assert stream.read(100) == ONE[:100]
        spoil(ben.repo.path / ".git/gitmodel")
        assert stream.read() == ONE[100:]


def test_a_pack_damaged_on_the_remote_is_read_from_a_mirror(fraud: Desk, tmp_path: Path) -> None:
    """In the middle of the stream, and where the primary remote is gone altogether."""
    mirror = tmp_path / "mirror"
    shutil.copytree(fraud.store, mirror)
    with fraud.open() as project:
        add_remote(project, str(mirror), name="other")
    fraud.repo.git("add", "-A")
    fraud.repo.commit("a mirror")
    ben = fraud.join("ben")
    with gitmodel.open("fraud@1", repo=ben.repo.path) as stream:
        assert stream.read(100) == ONE[:100]
        spoil(fraud.store)
        assert stream.read() == ONE[100:]
    shutil.rmtree(fraud.store)
    with gitmodel.open("fraud@1", repo=ben.repo.path) as stream:
        assert stream.read() == ONE


@pytest.mark.parametrize(
    ("harm", "kind", "message"),
    [
        (spoil, DamagedObjectError, "is damaged on"),
        (lambda store: shutil.rmtree(store / "packs"), ObjectMissingError, "is missing on"),
    ],
    ids=["damaged", "gone"],
)
def test_what_nobody_has_is_an_error_in_the_middle_and_the_stream_goes_on_when_it_is_back(
    fraud: Desk, harm: Callable[[Path], None], kind: type[GitmodelError], message: str
) -> None:
    ben = fraud.join("ben")
    kept = fraud.store.with_name("kept")
    shutil.copytree(fraud.store, kept)
    with gitmodel.open("fraud@1", repo=ben.repo.path) as stream:
        assert stream.read(100) == ONE[:100]
        harm(fraud.store)
        with pytest.raises(kind, match=message) as caught:
            stream.read()
        assert str(caught.value).startswith("fraud: pack ")
        assert caught.value.hint == "gitmodel push, in a clone that has the weights"
        shutil.rmtree(fraud.store)
        shutil.copytree(kept, fraud.store)
        with pytest.raises(kind):  # what was read ahead is gone, and must not be missed silently
            stream.read()
        assert stream.seek(100) == 100
        assert stream.read() == ONE[100:]


def test_streams_of_many_threads_do_not_disturb_each_other(fraud: Desk) -> None:
    """One clone, its cache empty; versions, ways in and a stream that all share."""
    write_folder({"a.bin": ONE, "sub/b.bin": TWO}, fraud.repo.path / "bert")
    fraud.add("bert")
    fraud.repo.commit("bert 1")
    fraud.push()
    ben = fraud.join("ben")
    repo = ben.repo.path
    shared = gitmodel.open("fraud@1", repo=repo)

    def one(number: int) -> bool:
        match number % 4:
            case 0:
                with gitmodel.open("fraud@1", repo=repo) as stream:
                    return stream.read() == ONE
            case 1:
                return Path(gitmodel.path("fraud@2", repo=repo)).read_bytes() == TWO
            case 2:
                with gitmodel.open("bert", "sub/b.bin", repo=repo) as stream:
                    stream.seek(1_000_000)
                    return stream.read(1000) == TWO[1_000_000:1_001_000]
            case _:
                return len(shared.read(1000)) == 1000

    with shared, ThreadPoolExecutor(8) as threads:
        assert all(threads.map(one, range(32)))
    assert not [name for name in os.listdir(repo) if name.startswith(".gitmodel-tmp-")]


def test_a_stream_needs_no_cache_and_a_path_says_that_it_does(fraud: Desk, tmp_path: Path) -> None:
    """The cache is on a disk that cannot be written; here its folder cannot even be made."""
    ben = fraud.join("ben")
    (tmp_path / "file").write_bytes(b"")
    ben.repo.git("config", "gitmodel.cache", str(tmp_path / "file/cache"))

    with gitmodel.open("fraud@1", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
    with pytest.raises(StoreError) as caught:
        gitmodel.path("fraud@1", repo=ben.repo.path)
    assert caught.value.model == "fraud"
    assert caught.value.hint == "git config gitmodel.cache DIR"
