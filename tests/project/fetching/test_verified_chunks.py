"""A part of a file is handed out only where its chunks are known to be those of the version."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.cache.reader import WrongChunksError
from gitmodel.errors import DamagedObjectError
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.workflows.push import push_head
from gitmodel.workflows.remote import add_remote
from gitmodel.workflows.verify import verify_remote
from tests.support.desk import Desk, kept_desk, refusal, short
from tests.support.formats import safetensors_file
from tests.support.manifests import with_chunks_of
from tests.support.stores import files_below, some_bytes

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest

BIG = 9_000_000  # bytes of a tensor: more than a pack takes besides


def weights(seed: int) -> bytes:
    return safetensors_file(
        {name: some_bytes(BIG, seed=seed * 10 + n) for n, name in enumerate("ab")}
    )


ONE, TWO = weights(1), weights(2)


def publish_two_versions(desk: Desk) -> None:
    """Two versions of a file, pushed."""
    for content in (ONE, TWO):
        desk.version(content, "net.safetensors")
        desk.push()


net = kept_desk(publish_two_versions)


def older(desk: Desk) -> None:
    """Have version 1 once more, as a gitmodel wrote it that stated no chunks."""
    desk.repo.git("checkout", "-q", "HEAD^", "--", "net.model.yaml")
    pointer = desk.pointer("net.model.yaml")
    desk.repo.write("net.model.yaml", replace(pointer, chunks=None).to_text())
    desk.repo.git("add", "net.model.yaml")
    desk.repo.git("commit", "-q", "--amend", "-m", "older")


def manifest_of(desk: Desk, digest: Digest) -> Manifest:
    with desk.open() as project:
        found = project.store().manifest(digest)
    assert found is not None
    return found


def proofs(desk: Desk) -> list[str]:
    return files_below(desk.repo.path / ".git/gitmodel/proofs")


def cached_bytes(desk: Desk) -> int:
    return sum(p.stat().st_size for p in (desk.repo.path / ".git/gitmodel/packs").glob("*/*"))


def test_what_the_pointer_states_is_enough(net: Desk) -> None:
    ben = net.join("ben")

    with gitmodel.open("net@1", repo=ben.repo.path) as stream:
        stream.seek(-100, 2)
        assert stream.read() == ONE[-100:]
    assert cached_bytes(ben) == 0
    assert proofs(ben) == []


def test_an_older_pointer_has_the_file_read_whole_once(net: Desk) -> None:
    """And never again for this list, though most of the file is gone then."""
    older(net)
    ben = net.join("ben")
    pointer = ben.committed("net.model.yaml")
    assert pointer.chunks is None

    with gitmodel.open("net", repo=ben.repo.path) as stream:
        assert cached_bytes(ben) >= len(ONE)
        assert stream.read(100) == ONE[:100]
    assert len(proofs(ben)) == 1

    manifest = manifest_of(ben, pointer.digest)
    first = manifest.chunk(manifest.chunks_of(manifest.files[0])[0]).pack
    shutil.rmtree(ben.repo.path / ".git/gitmodel/packs")
    for number, name in enumerate(manifest.packs):
        if number != first:
            (net.store / pack_key(name)).unlink()
    with gitmodel.open("net", repo=ben.repo.path) as stream:
        assert stream.read(100) == ONE[:100]


def test_a_manifest_of_another_cutter_is_proven_and_remembered(
    net: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cuts the same bytes in other places does no wrong."""
    from gitmodel.encoding.chunking.choose import ContentChunker

    with monkeypatch.context() as patch:
        patch.setattr("gitmodel.cache.source_reader.choose_chunker", lambda *_: ContentChunker())
        other = net.join("other")
        shutil.rmtree(net.store)
        net.store.mkdir()
        other.repo.git("checkout", "-q", "HEAD^")
        other.add("net.safetensors", ONE)
        other.push()
    ben = net.join("ben")
    pointer = ben.committed("net.model.yaml", "HEAD^")
    assert manifest_of(ben, pointer.digest).chunk_list() != pointer.chunks

    with gitmodel.open("net@1", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
    assert len(proofs(ben)) == 1


def test_the_list_of_another_version_is_refused_before_a_byte_is_handed_out(net: Desk) -> None:
    one, two = (net.committed("net.model.yaml", r).digest for r in ("HEAD^", "HEAD"))
    forged = with_chunks_of(manifest_of(net, one), manifest_of(net, two))
    (net.store / manifest_key(one)).write_bytes(forged.to_bytes())
    ben = net.join("ben")

    message, hint = refusal(WrongChunksError, lambda: gitmodel.open("net@1", repo=ben.repo.path))
    assert message == (
        f"net: the manifest of version 1 ({short(ONE)}) does not match the version: "
        f"the file does not match its digest {short(ONE)}"
    )
    assert hint == "gitmodel push, in a clone that has the weights"
    with pytest.raises(DamagedObjectError):
        gitmodel.tensor("net@1", "a", repo=ben.repo.path)
    assert proofs(ben) == []


def test_a_proof_is_for_one_list_only(net: Desk) -> None:
    """The manifest in the cache is replaced after its file was proven."""
    one, two = (net.committed("net.model.yaml", r).digest for r in ("HEAD^", "HEAD"))
    forged = with_chunks_of(manifest_of(net, one), manifest_of(net, two)).to_bytes()
    older(net)
    ben = net.join("ben")
    with gitmodel.open("net", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
    (net.store / manifest_key(one)).write_bytes(forged)
    (ben.repo.path / ".git/gitmodel" / manifest_key(one)).write_bytes(forged)

    with pytest.raises(WrongChunksError):
        gitmodel.open("net", repo=ben.repo.path)


def test_proofs_are_not_shared_with_whoever_writes_to_a_shared_cache(
    net: Desk, tmp_path: Path
) -> None:
    older(net)
    ben = net.join("ben")
    ben.repo.git("config", "gitmodel.cache", str(tmp_path / "shared"))

    with gitmodel.open("net", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
    assert len(proofs(ben)) == 1
    assert {path.partition("/")[0] for path in files_below(tmp_path / "shared")} == {
        "manifests",
        "packs",
        "ledger",
    } - {"ledger"}


def test_a_mirror_with_the_right_list_is_taken_before_another_one(
    net: Desk, tmp_path: Path
) -> None:
    one, two = (net.committed("net.model.yaml", r).digest for r in ("HEAD^", "HEAD"))
    forged = with_chunks_of(manifest_of(net, one), manifest_of(net, two)).to_bytes()
    shutil.copytree(net.store, tmp_path / "mirror")
    with net.open() as project:
        add_remote(project, str(tmp_path / "mirror"), name="other")
    net.repo.git("add", "-A")
    net.repo.commit("a mirror")
    (net.store / manifest_key(one)).write_bytes(forged)
    ben = net.join("ben")

    with gitmodel.open("net@1", repo=ben.repo.path) as stream:
        stream.seek(-100, 2)
        assert stream.read() == ONE[-100:]
    assert cached_bytes(ben) == 0
    assert Path(gitmodel.path("net@1", repo=ben.repo.path)).read_bytes() == ONE


def test_a_wrong_manifest_is_found_by_verify_and_mended_by_a_push_of_whoever_has_the_weights(
    net: Desk,
) -> None:
    one, two = (net.committed("net.model.yaml", r).digest for r in ("HEAD^", "HEAD"))
    forged = with_chunks_of(manifest_of(net, one), manifest_of(net, two)).to_bytes()
    ben = net.join("ben")
    (net.store / manifest_key(one)).write_bytes(forged)
    with pytest.raises(WrongChunksError):
        gitmodel.open("net@1", repo=ben.repo.path)

    with ben.open() as project:
        report = verify_remote(project, ["net@1"], full=True)
    assert [str(problem).partition(":")[0] for problem in report.problems] == ["net"]
    with net.open() as project:
        push_head(project)
    with gitmodel.open("net@1", repo=ben.repo.path) as stream:
        assert stream.read() == ONE
