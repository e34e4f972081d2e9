"""A hint is a command that can be typed where the person is, and helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.hints import ways_in
from tests.support.repo import Repo

if TYPE_CHECKING:
    import subprocess

    from tests.support.operations import World


def hint_of(done: subprocess.CompletedProcess[str]) -> str:
    """The hint that a command printed last."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    assert lines, done.stderr
    return lines[-1].removeprefix("hint: ")


def test_a_path_in_a_hint_is_typed_from_where_the_person_is(world: World) -> None:
    """Also in a hook, which Git runs at the top; and a space in it does not make two of it."""
    ana = world.ana
    ana.gitmodel("status")  # the weights of others are known by stat
    ana.write("models/my net.bin", b"weights")
    ana.gitmodel("add", "models/my net.bin", "-m", "my net 1")
    (ana.path / "notes").mkdir(exist_ok=True)
    notes = Repo(ana.path / "notes")
    ana.write("models/my net.bin", b"new weights")

    refused = notes.gitmodel("checkout", "my-net", check=False)
    assert refused.returncode == 1
    keep, overwrite = ways_in(hint_of(refused))
    assert keep == [["gitmodel", "add", "../models/my net.bin"]]
    assert overwrite == [["gitmodel", "checkout", "--force", "my-net"]]

    ana.write("models/my net.bin", b"newer weights")
    ana.git("config", "gitmodel.commitLimit", "1")
    ana.write("notes/x.txt", "x")
    notes.git("add", "x.txt")
    refused = notes.git("commit", "-qm", "x", check=False)
    assert refused.returncode != 0
    assert ways_in(hint_of(refused))[0][0] == ["gitmodel", "add", "../models/my net.bin"]
    assert notes.gitmodel("add", "../models/my net.bin").returncode == 0
    notes.git("commit", "-qm", "x")
