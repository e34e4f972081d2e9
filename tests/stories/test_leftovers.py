"""What a killed command left unfinished goes with the next command there; what is being written stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gitmodel.files.temporary_names import PREFIX
from tests.stories.conftest import build_team, kept_team
from tests.support.kept import Kept
from tests.support.repo import PACKAGE_ROOT, TIMEOUT_SECONDS, Repo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stories.conftest import Team

FOLDER = {f"part-{number}.bin": os.urandom(6 << 20) for number in range(4)}


def unfinished(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob(f"{PREFIX}*") if path.is_file()]


def build(folder: Path) -> Repo:
    ana = build_team(folder)
    for name, content in FOLDER.items():
        ana.write(f"models/bert/{name}", content)
    ana.gitmodel("add", "models/bert")
    ana.git("commit", "-qm", "bert")
    return ana


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "ana", tmp_path)


@pytest.fixture
def ana(tmp_path: Path) -> Repo:
    return KEPT.repo()


def kill_when(repo: Repo, *words: str, what: signal.Signals, where: Path, name: str) -> bool:
    """Run gitmodel, and send a signal as soon as a file of such a name is below a folder.

    Returns whether it was killed; it may have ended before the signal came.
    """
    command = [sys.executable, "-P", "-m", "gitmodel", *words]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)}
    ends = time.monotonic() + TIMEOUT_SECONDS
    with subprocess.Popen(
        command, cwd=repo.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and not list(where.rglob(name)):
            assert time.monotonic() < ends
        process.send_signal(what)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode in (-what, 0), f"{out!r}{err!r}"
    return process.returncode != 0


@pytest.mark.parametrize(
    ("what", "then"),
    [(signal.SIGKILL, "status"), (signal.SIGTERM, "checkout"), (signal.SIGHUP, "status")],
    ids=["KILL", "TERM", "HUP"],
)
def test_a_killed_checkout_leaves_no_files_beside_the_weights(
    ana: Repo, what: signal.Signals, then: str
) -> None:
    weights = ana.path / "models/bert"
    killed = False
    for _ in range(20):
        for path in weights.iterdir():
            path.unlink()
        killed = kill_when(ana, "checkout", what=what, where=weights, name=f"{PREFIX}*")
        if killed and unfinished(ana.path):
            break
    assert killed
    ana.gitmodel(then)
    assert unfinished(ana.path) == []


def test_a_killed_push_leaves_nothing_on_a_folder(ana: Repo, tmp_path: Path) -> None:
    store = tmp_path / "store"
    kill_when(ana, "push", what=signal.SIGKILL, where=store, name=f"{PREFIX}*")
    ana.gitmodel("push")
    assert unfinished(store, ana.path) == []
    assert not (store / ".unfinished").exists()
    ben = kept_team(tmp_path, ana).join("ben")
    ana.git("push", "-q", "origin", "HEAD:main")
    ben.git("pull", "-q", "origin", "main")
    ben.gitmodel("checkout")
    assert ben.read("models/bert/part-0.bin") == FOLDER["part-0.bin"]


def test_a_killed_add_leaves_nothing_in_the_cache(team: Team) -> None:
    ana = team.members["ana"]
    for name, content in FOLDER.items():
        ana.write(f"models/bert/{name}", content)
    cache = ana.path / ".git/gitmodel"
    kill_when(ana, "add", "models/bert", what=signal.SIGKILL, where=cache, name=f"{PREFIX}*")
    ana.gitmodel("add", "models/bert")
    assert unfinished(ana.path) == []


def test_what_a_live_process_writes_is_left_alone(ana: Repo) -> None:
    """Of this process, in every place that a sweep looks into, however old its time is."""
    from gitmodel.files.temporary_names import new_name

    places = [ana.path / "models/bert", ana.path / ".git/gitmodel/.unfinished"]
    mine = []
    for place in places:
        place.mkdir(exist_ok=True)
        mine.append(place / new_name())
        mine[-1].write_bytes(b"half")
        os.utime(mine[-1], (0, 0))
    (ana.path / "models/bert/part-0.bin").unlink()
    ana.gitmodel("checkout", "--force")
    ana.gitmodel("doctor", check=False)
    assert all(path.exists() for path in mine)


@pytest.mark.parametrize(("age", "stays"), [(3600, True), (90_000, False)], ids=["hour", "day"])
def test_what_another_machine_writes_goes_only_by_age(
    ana: Repo, tmp_path: Path, *, age: int, stays: bool
) -> None:
    """On a share: nobody can look up from here whether the process there is alive."""
    place = tmp_path / "store/.unfinished"
    place.mkdir()
    other = place / f"{PREFIX}0123456789abcdef.f0000001-1.1-abcdefabcdef"
    other.write_bytes(b"half")
    os.utime(other, (time.time() - age,) * 2)
    ana.gitmodel("push")
    assert other.exists() == stays


def test_a_checkout_elsewhere_removes_what_an_earlier_one_left(
    ana: Repo, tmp_path: Path, make_repo: Callable[..., Repo]
) -> None:
    out = tmp_path / "out"
    kill_when(
        ana,
        "checkout",
        "bert",
        "--out",
        str(out),
        what=signal.SIGKILL,
        where=out,
        name=f"{PREFIX}*",
    )
    ana.gitmodel("checkout", "bert", "--out", str(out))
    assert unfinished(out) == []
