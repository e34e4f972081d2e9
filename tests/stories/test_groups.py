"""Several people of one machine share a folder remote, a cache or a clone; real users, real modes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.people import TEAM, Office, Person, modes, office

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["office"]

WEIGHTS = os.urandom(200_000)
LATER = WEIGHTS[:100_000] + os.urandom(100_000)


def server_of(office: Office) -> Path:
    """A bare repository for all, made by an administrator."""
    person = office.person()
    place = office.share("server.git")
    person.git(office.folder, "init", "-q", "--bare", "--shared=0666", str(place))
    return place


def clone_of(person: Person, server: Path, *options: str) -> Path:
    person.git(person.home, "clone", "-q", *options, str(server), "clone")
    return person.home / "clone"


def first_version(person: Person, clone: Path, store: Path, content: bytes = WEIGHTS) -> None:
    person.gitmodel(clone, "init", str(store))
    person.write(clone / "fraud.bin", content)
    person.gitmodel(clone, "add", "fraud.bin")
    person.git(clone, "add", "-A")
    person.git(clone, "commit", "-qm", "v1")
    person.git(clone, "push", "-q", "origin", "HEAD:main")


def next_version(person: Person, clone: Path, content: bytes = LATER) -> None:
    person.git(clone, "pull", "-q")
    person.gitmodel(clone, "init")
    person.gitmodel(clone, "checkout")
    person.write(clone / "fraud.bin", content)
    person.gitmodel(clone, "add", "fraud.bin")
    person.git(clone, "commit", "-qam", "v2")
    person.git(clone, "push", "-q", "origin", "HEAD:main")


@pytest.mark.parametrize(
    ("mode", "umask"),
    [(0o2775, 0o077), (0o775, 0o022), (0o2770, 0o077)],
    ids=["setgid", "no-setgid", "closed"],
)
def test_a_group_shares_a_folder_remote(office: Office, mode: int, umask: int) -> None:
    """Whatever their umasks: the second person can push, the first can read what that was."""
    server, store = server_of(office), office.share("store", mode)
    ana, ben = office.person(umask=umask), office.person(umask=umask)
    first_version(ana, clone_of(ana, server), store)
    next_version(ben, clone_of(ben, server))
    clone = ana.home / "clone"
    ana.git(clone, "pull", "-q")
    ana.gitmodel(clone, "checkout", "--force")
    assert (clone / "fraud.bin").read_bytes() == LATER

    for path, found in modes(store).items():
        assert found.endswith(f" {TEAM}"), path
        assert found[4:6] == "rw", path
        assert found[7:9] == ("--" if mode == 0o2770 else "r-"), path
        assert found[0] == "-" or found[6] == "s", path


def test_whoever_may_only_read_the_root_can_read_what_is_pushed(office: Office) -> None:
    server, store = server_of(office), office.share("store", 0o2755)
    ana = office.person(umask=0o077)
    os.chown(store, ana.uid, TEAM)
    first_version(ana, clone_of(ana, server), store)
    eve = office.person(in_team=False)
    clone = clone_of(eve, server)
    eve.gitmodel(clone, "init")
    eve.gitmodel(clone, "checkout")
    assert (clone / "fraud.bin").read_bytes() == WEIGHTS


def test_what_a_private_folder_holds_stays_private(office: Office) -> None:
    server = server_of(office)
    ana = office.person()
    store = ana.home / "store"
    store.mkdir(mode=0o700)
    os.chown(store, ana.uid, ana.uid)
    first_version(ana, clone_of(ana, server), store)
    assert {found[4:10] for found in modes(store).values()} <= {"------", "--S---", "--s---"}


def test_a_group_shares_a_cache(office: Office) -> None:
    server, store, cache = server_of(office), office.share("store"), office.share("cache")
    ana, ben = office.person(umask=0o077), office.person(umask=0o077)
    for person in (ana, ben):
        clone = clone_of(person, server)
        person.git(clone, "config", "gitmodel.cache", str(cache))
    first_version(ana, ana.home / "clone", store)
    next_version(ben, ben.home / "clone")
    clone = ana.home / "clone"
    ana.git(clone, "pull", "-q")
    ana.gitmodel(clone, "checkout", "fraud@2", "--force")
    ana.gitmodel(clone, "status")
    ana.gitmodel(clone, "verify")
    assert (clone / "fraud.bin").read_bytes() == LATER
    for path, found in modes(cache).items():
        assert found[4:6] == "rw", path
        assert found.endswith(f" {TEAM}"), path


@pytest.mark.parametrize("value", ["group", "all", "0640"])
def test_a_shared_repository_shares_its_cache(office: Office, value: str) -> None:
    """`git init --shared`: each works there in turn; Git leaves the work tree itself to the umask."""
    server, store = server_of(office), office.share("store")
    desk = office.share("desk")
    ana, ben = office.person(umask=0o027), office.person(umask=0o077)
    ana.git(office.folder, "init", "-q", f"--shared={value}", str(desk))
    ana.git(desk, "remote", "add", "origin", str(server))
    first_version(ana, desk, store)
    cache = desk / ".git/gitmodel"
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert files
    for path in files:
        mode = path.stat().st_mode
        assert mode & stat.S_IRGRP, path
        assert bool(mode & stat.S_IWGRP) == (value != "0640"), path
        assert bool(mode & stat.S_IROTH) == (value == "all"), path
    ben.gitmodel(desk, "status")
    ben.gitmodel(desk, "verify")
    if value != "0640":
        ben.run(desk, "chmod", "-f", "u+w", ".", check=False)
        ben.gitmodel(desk, "fetch")


def test_a_repository_that_was_shared_later_shares_its_cache(office: Office) -> None:
    server, store = server_of(office), office.share("store")
    ana = office.person(umask=0o077)
    clone = clone_of(ana, server)
    ana.git(clone, "config", "core.sharedRepository", "0660")
    first_version(ana, clone, store)
    packs = [path for path in (clone / ".git/gitmodel/packs").rglob("*") if path.is_file()]
    assert packs
    assert {stat.S_IMODE(path.stat().st_mode) for path in packs} == {0o660}
    assert stat.S_IMODE((clone / ".git/gitmodel").stat().st_mode) & 0o2770 == 0o2770


def test_an_object_that_cannot_be_read_is_fetched_again(office: Office) -> None:
    """A cache whose folders are the group's, and a pack in it that was written under umask 077."""
    server, store, cache = server_of(office), office.share("store"), office.share("cache")
    ana, ben = office.person(), office.person()
    for person in (ana, ben):
        person.git(clone_of(person, server), "config", "gitmodel.cache", str(cache))
    first_version(ana, ana.home / "clone", store)
    for path in cache.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
    clone = ben.home / "clone"
    ben.git(clone, "pull", "-q")
    ben.gitmodel(clone, "init")
    ben.gitmodel(clone, "checkout")
    assert (clone / "fraud.bin").read_bytes() == WEIGHTS


def test_doctor_says_what_is_closed_to_the_group_and_its_command_opens_it(office: Office) -> None:
    server, store = server_of(office), office.share("store")
    ana = office.person()
    clone = clone_of(ana, server)
    first_version(ana, clone, store)
    assert "permissions of primary: all users of the folder" in ana.gitmodel(
        clone, "doctor", check=False
    )
    for path in store.rglob("packs/*/*"):
        path.chmod(0o600)
    said = ana.gitmodel(clone, "doctor", check=False)
    assert "1 files or folders are not accessible to other users of" in said
    ana.run(clone, "sh", "-c", hint_of(said, "permissions of primary"))
    assert "permissions of primary: all users of the folder" in ana.gitmodel(
        clone, "doctor", check=False
    )


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o755, "and is not writable by you"),
        (0o2755, "and is not writable by you"),
        (0o775, "but not setgid"),
    ],
)
def test_doctor_names_a_root_that_is_not_the_groups(office: Office, mode: int, words: str) -> None:
    server, store = server_of(office), office.share("store")
    ana, ben = office.person(), office.person()
    first_version(ana, clone_of(ana, server), store)
    clone = clone_of(ben, server)
    ben.gitmodel(clone, "init")
    store.chmod(mode)
    said = ben.gitmodel(clone, "doctor", check=False)
    assert words in said
    ana.run(store, "true")
    os.chown(store, ana.uid, TEAM)
    ana.run(ana.home, "sh", "-c", hint_of(said, "permissions of primary"))
    assert "permissions of primary: all users of the folder" in ben.gitmodel(
        clone, "doctor", check=False
    )


def test_doctor_names_a_umask_that_closes_a_shared_work_tree(office: Office) -> None:
    server, store, desk = server_of(office), office.share("store"), office.share("desk")
    ana = office.person(umask=0o077)
    ana.git(office.folder, "init", "-q", "--shared", str(desk))
    ana.git(desk, "remote", "add", "origin", str(server))
    first_version(ana, desk, store)
    said = ana.gitmodel(desk, "doctor", check=False)
    assert "your umask 077 closes the work tree's files" in said
    assert hint_of(said, "cache") == "umask 002"


def hint_of(said: str, title: str) -> str:
    """The command under a finding."""
    lines = said.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"wrong {title}:"))
    return lines[at + 1].strip().removeprefix("run: ")
