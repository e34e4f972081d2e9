"""The pointer of new weights states their chunks; that of known content stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitmodel.errors import MixedPointerError
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.register_changes import register_changes
from gitmodel.workflows.renumber import renumber
from gitmodel.workflows.resolve import resolve_conflict
from tests.support.desk import Desk, digest
from tests.support.manifests import with_chunks_of
from tests.support.models import write_folder

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def listed(desk: Desk, path: str = "fraud.model.yaml") -> str:
    """The digest of the chunk list in the cache's manifest of a pointer."""
    with desk.open() as project:
        manifest = project.cache.manifest(desk.pointer(path).digest)
    assert manifest is not None
    return str(manifest.chunk_list())


def without_line(desk: Desk, path: str = "fraud.model.yaml") -> None:
    """Commit the pointer as a gitmodel wrote it that knew no chunks."""
    desk.repo.write(path, replace(desk.pointer(path), chunks=None).to_text())
    desk.repo.commit("an older gitmodel")


def test_add_and_commit_state_the_chunks_of_new_weights(desk: Desk) -> None:
    desk.version(ONE)
    assert str(desk.committed().chunks) == listed(desk)

    desk.repo.write("fraud.bin", TWO)
    with desk.open() as project:
        register_changes(project)
    assert desk.pointer().version == 2
    assert str(desk.pointer().chunks) == listed(desk)

    write_folder({"a.bin": ONE, "b/empty": b""}, desk.repo.path / "bert")
    desk.add("bert")
    assert str(desk.pointer("bert.model.yaml").chunks) == listed(desk, "bert.model.yaml")


def test_known_content_keeps_its_line(desk: Desk) -> None:
    desk.version(ONE)
    first = desk.pointer()
    desk.version(TWO)

    desk.add("fraud.bin", ONE)
    assert desk.pointer() == first


def test_the_pointer_of_known_content_is_not_written_anew_for_a_line(desk: Desk) -> None:
    """Not even along with a change of something else; the next version has one."""
    desk.version(ONE)
    without_line(desk)
    before = desk.repo.read("fraud.model.yaml")

    assert not desk.add().changed
    assert desk.repo.read("fraud.model.yaml") == before
    with desk.open() as project:
        assert register_changes(project).bumped == []
    desk.add(run_id="r1")
    assert (desk.pointer().run_id, desk.pointer().chunks) == ("r1", None)
    desk.version(TWO)
    assert desk.pointer().chunks is not None
    desk.add("fraud.bin", ONE)
    assert desk.pointer().chunks is None


def test_a_pointer_that_gets_another_name_or_number_keeps_its_line(desk: Desk) -> None:
    desk.version(ONE)
    line = desk.pointer().chunks

    with desk.open() as project:
        renumber(project, "fraud", commit=True)
    assert (desk.pointer().version, desk.pointer().chunks) == (2, line)
    with desk.open() as project:
        rename_model(project, "fraud", new_name="risk", path="prod/risk.bin")
    assert desk.pointer("prod/risk.model.yaml").chunks == line


def test_the_side_taken_comes_with_its_own_line(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("branch", "side")
    desk.version(TWO)
    mine = desk.pointer()
    desk.repo.git("checkout", "-q", "side")
    desk.version(THREE)
    other = desk.pointer()
    desk.repo.git("merge", "-q", "main", check=False)

    with desk.open() as project:
        resolve_conflict(project, "fraud", "theirs")

    assert mine.chunks != other.chunks
    assert (desk.pointer().digest, desk.pointer().chunks) == (mine.digest, mine.chunks)


def test_what_a_store_says_of_the_chunks_is_never_stated(desk: Desk) -> None:
    """The line of new weights comes from their bytes, whatever list the cache has for their digest."""
    desk.add("one.bin", ONE)
    desk.add("two.bin", TWO)
    with desk.open() as project:
        one, two = (project.cache.manifest(digest(data)) for data in (ONE, TWO))
        assert one is not None
        assert two is not None
        project.cache.write_manifest(with_chunks_of(one, two))

    desk.add("again.bin", ONE)

    assert desk.pointer("again.model.yaml").chunks == one.chunk_list()
    with desk.open() as project:
        assert project.cache.manifest(digest(ONE)) == one


def test_an_edit_of_the_line_by_hand_is_no_word_about_the_model(desk: Desk) -> None:
    """Pre-commit renews the check of a pointer whose description was edited, and of no other."""
    desk.version(ONE)
    first = desk.pointer()
    desk.version(TWO)
    mixed = desk.repo.read("fraud.model.yaml").decode()
    mixed = mixed.replace(str(desk.pointer().chunks), str(first.chunks))
    desk.repo.write("fraud.model.yaml", mixed)
    desk.repo.git("add", "fraud.model.yaml")

    with desk.open() as project, pytest.raises(MixedPointerError):
        register_changes(project)
