"""What a garbage collection must keep: every version that a file in the history of any ref names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.pointer import Previous
from gitmodel.errors import RepositoryError
from gitmodel.project.history.roots import historic_roots
from tests.support.desk import digest, kept_desk
from tests.support.processes import started_processes

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
ONE, TWO = b"weights one", b"weights two"


def two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of fraud."""
    desk.version(ONE)
    desk.version(TWO)


ana = kept_desk(two_versions)


def roots(desk: Desk) -> set[Digest]:
    with desk.open() as project:
        return set(historic_roots(project))


def served(desk: Desk, content: bytes, before: bytes | None = None) -> None:
    """An alias of content that no pointer names, so that only the alias keeps it."""
    previous = None if before is None else Previous(1, digest(before), {})
    desk.alias("production", 7, content, previous=previous)
    desk.repo.commit("promote")


def test_pointers_of_all_versions(ana: Desk) -> None:
    assert roots(ana) == {digest(ONE), digest(TWO)}


def test_aliases_and_their_previous(ana: Desk) -> None:
    served(ana, b"alias", b"before")

    assert roots(ana) == {digest(c) for c in (ONE, TWO, b"alias", b"before")}


def test_what_an_alias_meant_once_also_if_it_was_removed(ana: Desk) -> None:
    served(ana, b"first")
    served(ana, b"second")
    ana.repo.git("rm", "-q", PATH)
    ana.repo.commit("removed")

    assert roots(ana) == {digest(c) for c in (ONE, TWO, b"first", b"second")}


@pytest.mark.parametrize("kind", ["branch", "tag", "remote", "note", "stash", "detached"])
def test_files_that_only_another_ref_has(ana: Desk, kind: str) -> None:
    main = ana.repo.git("rev-parse", "HEAD").stdout.strip()
    if kind == "stash":
        for content in (b"older", b"elsewhere"):
            ana.alias("production", 7, content)
            ana.repo.git("stash", "push", "-q", "--include-untracked")
    else:
        ana.repo.git("checkout", "-q", "--detach")
        served(ana, b"elsewhere")
        refs = {"branch": "heads/x", "tag": "tags/x", "remote": "remotes/ben/x", "note": "own/x"}
        if kind in refs:
            ana.repo.git("update-ref", f"refs/{refs[kind]}", "HEAD")
            ana.repo.git("checkout", "-q", "--detach", main)

    assert digest(b"elsewhere") in roots(ana)
    if kind == "stash":
        assert digest(b"older") in roots(ana)


def test_a_file_that_does_not_parse_names_all_digests_in_it(ana: Desk) -> None:
    """Conflict markers, for example: a person may still take either side."""
    ours = ana.alias("production", 7, b"ours").to_text()
    theirs = ana.alias("production", 8, b"theirs").to_text()
    ana.repo.write(PATH, f"<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n")
    ana.repo.write(
        "fraud.aliases.yaml", f'aliases:\n  old: {{digest: "blake3:{digest(b"early").hex}"}}\n'
    )
    ana.repo.commit("conflict")

    assert roots(ana) == {digest(c) for c in (ONE, TWO, b"ours", b"theirs", b"early")}


def test_a_huge_file_names_nothing(ana: Desk) -> None:
    ana.repo.write(PATH, "# nothing\n" * 2_000_000)
    ana.repo.commit("huge")

    assert roots(ana) == {digest(ONE), digest(TWO)}


def test_a_renamed_alias_file_still_names_its_version(ana: Desk) -> None:
    served(ana, b"alias")
    ana.repo.git("mv", PATH, "other.production.alias.yaml")
    ana.repo.commit("moved by hand")

    assert digest(b"alias") in roots(ana)


def test_a_clone_without_history_knows_no_roots(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "1")

    with pytest.raises(RepositoryError, match="history is cut off here") as caught:
        roots(ben)

    assert caught.value.hint == "git fetch --unshallow"


def test_a_partial_clone_fetches_what_it_lacks(ana: Desk) -> None:
    served(ana, b"first", b"before")
    served(ana, b"second")
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ana.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    ben = ana.join("ben", "--filter=blob:none")

    assert roots(ben) == roots(ana)


def test_the_number_of_processes_does_not_grow_with_aliases(ana: Desk) -> None:
    pointer = ana.pointer()
    for number in range(200):
        ana.repo.write(f"fraud.a{number}.alias.yaml", Alias.of(f"a{number}", pointer).to_text())
    ana.repo.commit("many")

    with started_processes() as started:
        roots(ana)

    assert len(started) <= 8
