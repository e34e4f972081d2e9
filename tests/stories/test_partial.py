"""A part of a version is had without fetching the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.domain.digest import digest_of
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from tests.stories.conftest import build_team, kept_team
from tests.support.kept import Kept
from tests.support.models import folder_model, model

if TYPE_CHECKING:
    from tests.stories.conftest import Team
    from tests.support.repo import Repo

BIG = os.urandom(30_000_000)


def build(folder: Path) -> Repo:
    ana = build_team(folder)
    for path, content in folder_model(seed=1).items():
        ana.write(f"bert/{path}", content)
    ana.write("bert/big.bin", BIG)
    ana.gitmodel("add", "bert", "-m", "bert 1")
    ana.git("push", "-q")
    return kept_team(folder, ana).join("ben")


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "ben", tmp_path)


@pytest.fixture
def ben(tmp_path: Path) -> Repo:
    """Ana has pushed a folder with one large and some small files; Ben has a clone without weights."""
    return KEPT.repo()


def safetensors(tensors: dict[str, bytes]) -> bytes:
    """A file with these tensors of bytes."""
    ends = list(accumulate(map(len, tensors.values()), initial=0))
    header = {
        name: {"dtype": "U8", "shape": [len(data)], "data_offsets": [start, start + len(data)]}
        for (name, data), start in zip(tensors.items(), ends, strict=False)
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(tensors.values())


def cached_bytes(repo: Repo) -> int:
    """Bytes of packs in a clone's cache."""
    return sum(p.stat().st_size for p in (repo.path / ".git/gitmodel/packs").glob("*/*"))


def test_some_files_of_a_folder_come_without_the_large_one(ben: Repo) -> None:
    ben.gitmodel("checkout", "bert@1", "--include", "*.json", "--include", "tok*/*", "--out", "o")

    wanted = {
        path: content
        for path, content in folder_model(seed=1).items()
        if path.endswith(".json") or path.startswith("tokenizer/")
    }
    found = {
        p.relative_to(ben.path / "o/bert").as_posix(): p.read_bytes()
        for p in Path(ben.path / "o").rglob("*")
        if p.is_file()
    }
    assert found == wanted
    assert cached_bytes(ben) < 20_000_000
    refused = ben.gitmodel("checkout", "bert", "--include", "*.json", check=False)
    assert refused.returncode == 2
    none = ben.gitmodel("checkout", "bert@1", "--include", "*.py", "--out", "o", check=False)
    assert none.returncode == 1
    assert "hint: there are" in none.stderr


def test_a_byte_range_is_read_from_the_remote_alone(ben: Repo) -> None:
    with gitmodel.open("bert", "big.bin", repo=ben.path) as stream:
        stream.seek(17_000_000)
        assert stream.read(1000) == BIG[17_000_000:17_001_000]
        assert stream.seek(-10, os.SEEK_END) == len(BIG) - 10
        assert stream.read() == BIG[-10:]
        assert stream.read() == b""

    assert cached_bytes(ben) == 0


def test_a_damaged_range_is_refused(ben: Repo, tmp_path: Path) -> None:
    for pack in (tmp_path / "store").glob("packs/*/*"):
        raw = pack.read_bytes()
        pack.write_bytes(bytes(byte ^ 1 for byte in raw[:100_000]) + raw[100_000:])

    with (
        gitmodel.open("bert", "big.bin", repo=ben.path) as stream,
        pytest.raises(gitmodel.GitmodelError),
    ):
        stream.read()


def test_a_stream_leaves_nothing_open(team: Team, fraud: Repo) -> None:
    """Not even when it is forgotten and the interpreter ends."""
    ben = team.join("ben")
    code = "import gitmodel; s = gitmodel.open('fraud'); print(len(s.read()))"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ben.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(len(model(seed=1)))


def test_a_tensor_is_had_without_the_packs_of_the_others(team: Team) -> None:
    """The other packs are gone from the remote, and nobody notices."""
    ana = team.members["ana"]
    parts = {name: os.urandom(9_000_000) for name in ("a", "b", "c")}
    ana.write("net.safetensors", safetensors(parts))
    ana.gitmodel("add", "net.safetensors", "-m", "net 1")
    ana.git("push", "-q")
    with Project.open(Context(environment=os.environ, folder=str(ana.path))) as project:
        manifest = project.cache.manifest(digest_of(safetensors(parts)))
    assert manifest is not None
    chunks = [manifest.chunk(number) for number in manifest.chunks_of(manifest.files[0])]
    ends = list(accumulate(chunk.raw_size for chunk in chunks))
    last = len(safetensors(parts)) - 9_000_000  # where c begins
    needed = {chunk.pack for chunk, end in zip(chunks, ends, strict=True) if end > last}
    needed.add(chunks[0].pack)  # the header
    for number, name in enumerate(manifest.packs):
        if number not in needed:
            Path(team.url, "packs", name[:2], name).unlink()
    assert len(needed) < len(manifest.packs)
    ben = team.join("ben")

    assert gitmodel.tensor("net", "c", repo=ben.path) == parts["c"]
    assert cached_bytes(ben) == 0
    with pytest.raises(gitmodel.GitmodelError):
        gitmodel.tensor("net", "a", repo=ben.path)


def test_a_tensor_that_is_not_there_is_named_with_those_that_are(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("net.safetensors", safetensors({"a": bytes(8), "b": b"12345678"}))
    ana.write("other.bin", b"no tensors here")
    ana.gitmodel("add", "net.safetensors")
    ana.gitmodel("add", "other.bin")

    assert gitmodel.tensor("net", "b", repo=ana.path) == b"12345678"  # from the work tree
    with pytest.raises(UnknownReferenceError) as caught:
        gitmodel.tensor("net", "d", repo=ana.path)
    assert (caught.value.message, caught.value.hint) == (
        "net has no tensor d",
        "there are a, b",
    )
    with pytest.raises(UnknownReferenceError) as caught:
        gitmodel.tensor("other", "d", repo=ana.path)
    assert caught.value.hint == "gitmodel.open reads files of any format"


def test_files_that_are_there_already_are_left_alone(ben: Repo) -> None:
    """Asking for the same files twice is no conflict; other content is, and nothing is written then."""
    order = ("checkout", "bert@1", "--include", "*.json", "--include", "tok*/*", "--out", "o")
    ben.gitmodel(*order)
    (ben.path / "o/bert/config.json").unlink()

    again = ben.gitmodel(*order)
    assert "bert" in again.stdout
    assert "already" in ben.gitmodel(*order).stdout

    (ben.path / "o/bert/config.json").unlink()
    other = next((ben.path / "o/bert/tokenizer").iterdir())
    other.write_bytes(b"mine")
    refused = ben.gitmodel(*order, check=False)
    assert refused.returncode == 1
    assert "exists already with other content" in refused.stderr
    assert not (ben.path / "o/bert/config.json").exists()
    ben.gitmodel(*order, "--force")
    assert other.read_bytes() != b"mine"
