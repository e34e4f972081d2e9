"""`--rehash` reads weights whatever their size and times say.

A write through a memory map to a page that is dirty already changes no time (mmap(2)). Then stat shows
nothing, and only reading does.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from tests.support.operations import POINTER, WEIGHTS

if TYPE_CHECKING:
    from tests.support.operations import World
    from tests.support.repo import Repo


def state(repo: Repo, *options: str) -> str:
    found = json.loads(repo.gitmodel("status", "--json", *options).stdout)
    return str(found["models"][0]["state"])


def write_unseen(repo: Repo) -> bytes:
    """Write other bytes, and leave the clone's record as if stat showed nothing of it."""
    path = repo.path / WEIGHTS
    raw = bytearray(path.read_bytes())
    raw[0] ^= 1
    path.write_bytes(raw)
    status = os.stat(path)
    stat = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    for file in (repo.path / ".git/gitmodel/worktree").glob("*.json"):
        record = json.loads(file.read_bytes())
        record["files"] = {
            name: [*stat, time.time_ns() + 10**10, row[5]] for name, row in record["files"].items()
        }
        file.write_text(json.dumps(record), encoding="utf-8")
    return bytes(raw)


def test_status_sees_a_write_that_stat_does_not_show(world: World) -> None:
    ana = world.ana
    ana.gitmodel("status")
    write_unseen(ana)
    assert state(ana) == "clean"

    assert state(ana, "--rehash") == "new weights"
    assert state(ana) == "new weights", "what was read is remembered"


def test_after_status_has_seen_it_a_commit_makes_a_version_of_it(world: World) -> None:
    ana = world.ana
    ana.gitmodel("status")
    raw = write_unseen(ana)
    ana.gitmodel("status", "--rehash")
    ana.write("code.py", "x = 9\n")

    ana.git("commit", "-qam", "new")

    text = ana.git("show", f"HEAD:{POINTER}").stdout
    assert Pointer.from_text(text, what=POINTER).digest == digest_of(raw)


def test_add_registers_a_write_that_stat_does_not_show(world: World) -> None:
    ana = world.ana
    ana.gitmodel("status")
    raw = write_unseen(ana)
    assert "unchanged" in ana.gitmodel("add", WEIGHTS).stdout

    ana.gitmodel("add", "--rehash", WEIGHTS)

    text = (ana.path / POINTER).read_text(encoding="utf-8")
    assert Pointer.from_text(text, what=POINTER).digest == digest_of(raw)


def test_unchanged_weights_stay_what_they_are(world: World) -> None:
    assert state(world.ana, "--rehash") == "clean"
    assert "unchanged" in world.ana.gitmodel("add", "--rehash", WEIGHTS).stdout
