"""A machine that refuses: full or read-only disks, limits, foreign files. Each is named, with what helps."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.disks import fill, mounted, remount_read_only
from tests.support.people import Office, office
from tests.support.repo import PACKAGE_ROOT, Repo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.stories.conftest import Team

__all__ = ["office"]

WEIGHTS = os.urandom(3 << 20)
NEXT = os.urandom(3 << 20)


def refused(repo: Repo, *words: str, env: dict[str, str] | None = None) -> str:
    """Run gitmodel, which must fail with an error and a hint; returns what it said."""
    done = repo.gitmodel(*words, check=False, env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    return told(done.stderr)


def told(text: str) -> str:
    """A text without a defect, a report or a traceback; paths in its hints are there."""
    assert not re.search(r"defect|report is in|Traceback", text), text
    assert "hint: " in text
    for command in re.findall(r"(?:df -[hi]|ls -ld|chmod \S+|findmnt -T) ('[^']*'|[^\s;)]+)", text):
        assert os.path.exists(shlex.split(command)[0]), text
    return text


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "size=24m", "nr_inodes=4000") as path:
        yield path


@pytest.fixture
def there(disk: Path) -> Repo:
    """A repository on the small disk, with its remote elsewhere and one version."""
    repo = Repo.create(disk / "repo")
    repo.gitmodel("init", str(disk.parent / "store"))
    repo.write("fraud.bin", WEIGHTS)
    repo.gitmodel("add", "fraud.bin")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "v1")
    return repo


@pytest.mark.parametrize("elsewhere", [False, True], ids=["cache-there", "cache-elsewhere"])
@pytest.mark.parametrize(
    "words",
    [("add", "fraud.bin"), ("commit", "-qam", "v2"), ("checkout", "--force"), ("push",)],
    ids=lambda words: words[0],
)
def test_a_full_disk_is_named_with_what_helps(
    there: Repo, disk: Path, words: tuple[str, ...], *, elsewhere: bool
) -> None:
    """Of the work tree and `.git`; the cache is there or on another disk."""
    if elsewhere:
        there.git("config", "gitmodel.cache", str(disk.parent / "cache"))
        there.gitmodel("add", "fraud.bin")
    if words[0] != "push":
        there.write("fraud.bin", NEXT)
    fill(disk)
    done = there.gitmodel(*words, check=False)
    text = done.stdout + done.stderr
    assert not re.search(r"defect|report is in|Traceback", text), text
    if done.returncode and "fatal: " not in text:  # Git's own words
        assert re.search(r"no space left|No space left|Out of diskspace", text), text
        told(done.stderr)
    (disk / "filler").unlink()
    (disk / "filler-2").unlink()
    there.gitmodel("add", "fraud.bin")
    there.gitmodel("push")


def test_a_disk_without_inodes_says_so(tmp_path: Path) -> None:
    with mounted(tmp_path / "store", "size=64m", "nr_inodes=60") as store:
        repo = Repo.create(tmp_path / "repo")
        repo.gitmodel("init", str(store))
        repo.write("fraud.bin", WEIGHTS)
        repo.gitmodel("add", "fraud.bin")
        repo.git("add", "-A")
        repo.git("commit", "-qm", "v1")
        number = 0
        while os.statvfs(store).f_favail:
            (store / f"file-{number}").touch()
            number += 1
        text = refused(repo, "push")
        assert "its inodes are used up" in text
        assert f"df -i {store}" in text


def test_a_full_remote_is_named_with_what_helps(tmp_path: Path) -> None:
    with mounted(tmp_path / "store", "size=2m") as store:
        repo = Repo.create(tmp_path / "repo")
        repo.gitmodel("init", str(store))
        repo.write("fraud.bin", WEIGHTS)
        repo.gitmodel("add", "fraud.bin")
        repo.git("add", "-A")
        repo.git("commit", "-qm", "v1")
        text = refused(repo, "push")
        assert f"no space left in {store}" in text
        assert f"df -h {store}" in text


def limited(repo: Repo, limits: dict[int, int], *words: str) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        for which, most in limits.items():
            resource.setrlimit(which, (most, most))

    return subprocess.run(
        [sys.executable, "-P", "-m", "gitmodel", *words],
        cwd=repo.path,
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def ana(team: Team) -> Repo:
    ana = team.members["ana"]
    ana.write("fraud.bin", WEIGHTS)
    ana.gitmodel("add", "fraud.bin")
    ana.git("commit", "-qm", "v1")
    return ana


@pytest.mark.parametrize(
    "words", [("add", "fraud.bin"), ("checkout", "--force"), ("push",)], ids=lambda words: words[0]
)
def test_a_limit_on_the_size_of_files_is_named(ana: Repo, words: tuple[str, ...]) -> None:
    if words[0] != "push":
        ana.write("fraud.bin", NEXT)
    text = told(limited(ana, {resource.RLIMIT_FSIZE: 1 << 20}, *words).stderr)
    assert "limit of this shell, 1,048,576 bytes (ulimit -f)" in text
    assert "ulimit -f unlimited" in text
    assert "bytes free" not in text


def test_a_limit_on_open_files_is_named(ana: Repo) -> None:
    ana.write("fraud.bin", NEXT)
    said = {
        limited(ana, {resource.RLIMIT_NOFILE: n}, "add", "fraud.bin").stderr for n in (8, 9, 10)
    }
    for text in said - {""}:
        assert not re.search(r"defect|Traceback", text), text
    assert any("(ulimit -n)" in text for text in said), said


@pytest.mark.parametrize("mebibytes", [60, 90, 120, 160, 220])
def test_too_little_memory_is_named(ana: Repo, mebibytes: int) -> None:
    ana.write("fraud.bin", NEXT)
    done = limited(ana, {resource.RLIMIT_AS: mebibytes << 20}, "add", "fraud.bin")
    assert not re.search(r"defect", done.stderr), done.stderr
    if done.returncode == 1 and "error: " in done.stderr:
        told(done.stderr)


def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=24m") as disk:
        repo = Repo.create(disk / "repo")
        repo.gitmodel("init", str(tmp_path / "store"))
        repo.write("fraud.bin", WEIGHTS)
        repo.gitmodel("add", "fraud.bin")
        repo.git("add", "-A")
        repo.git("commit", "-qm", "v1")
        repo.gitmodel("push")
        repo.write("fraud.bin", NEXT)
        remount_read_only(disk)
        repo.gitmodel("status")
        text = refused(repo, "add", "fraud.bin")
        assert "read-only" in text
        text = refused(repo, "checkout", "--force")
        assert "read-only" in text


def test_a_foreign_cache_is_named_with_its_owner(office: Office) -> None:
    """It cannot be written, and what is in it cannot be read: reading goes on, writing says who can help."""
    ana, ben = office.person(umask=0o077), office.person()
    store = office.share("store")
    cache = ana.home / "cache"
    clones = []
    for person in (ana, ben):
        clone = person.home / "clone"
        person.git(person.home, "init", "-q", str(clone))
        person.git(clone, "config", "gitmodel.cache", str(cache))
        person.write(clone / "fraud.bin", WEIGHTS)
        clones.append(clone)
    ana.gitmodel(clones[0], "init", str(store))
    ana.gitmodel(clones[0], "add", "fraud.bin")
    ben.gitmodel(clones[1], "init", str(store), "--project", "other")
    said = ben.gitmodel(clones[1], "add", "fraud.bin", check=False)
    assert f"user {ana.uid}" in said
    assert "git config gitmodel.cache DIR" in told(said)


@pytest.mark.parametrize("kind", ["modes", "mount"])
def test_a_read_only_cache_serves_readers(
    office: Office, kind: str, make_repo: Callable[..., Repo]
) -> None:
    """`open`, `path`, `status` and `checkout` write nothing into it where all packs are there."""
    ana, ben = office.person(), office.person(in_team=False)
    store, cache = office.share("store", 0o755), office.share("cache", 0o2775)
    os.chown(store, ana.uid, ana.uid)
    clone = ana.home / "clone"
    ana.git(ana.home, "init", "-q", str(clone))
    ana.git(clone, "config", "gitmodel.cache", str(cache))
    ana.gitmodel(clone, "init", str(store))
    ana.write(clone / "fraud.bin", WEIGHTS)
    ana.gitmodel(clone, "add", "fraud.bin")
    ana.git(clone, "add", "-A")
    ana.git(clone, "commit", "-qm", "v1")
    ana.gitmodel(clone, "push")
    with mounted(office.folder / "ro", "size=64m") as place:
        if kind == "mount":
            shutil.copytree(cache, place / "cache")
            remount_read_only(place)
            cache = place / "cache"
        ben.git(ben.home, "clone", "-q", str(clone), "clone")
        theirs = ben.home / "clone"
        ben.git(theirs, "config", "gitmodel.cache", str(cache))
        assert "missing" in ben.gitmodel(theirs, "status")
        script = """
import gitmodel
with gitmodel.open("fraud") as stream:
    assert len(stream.read()) == 3 << 20
print(gitmodel.path("fraud"))
"""
        done = ben.run(theirs, ben.python, "-c", script)
        place_of_weights = Path(done.stdout.strip())
        assert place_of_weights.read_bytes() == WEIGHTS
        ben.gitmodel(theirs, "checkout")
        assert (theirs / "fraud.bin").read_bytes() == WEIGHTS
        ben.gitmodel(theirs, "status")
