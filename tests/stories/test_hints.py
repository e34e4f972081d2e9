"""A hint is a command that can be typed where the person is, and helps."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.hints import replaced, ways_in
from tests.support.operations import ONE, WEIGHTS, again
from tests.support.repo import Repo
from tests.support.situations import (
    SITUATIONS,
    Situation,
    ana,
    remove,
    steps,
    unpublished,
    write,
)

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
    world.look()
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


EDITOR = 'f() { echo words > "$1"; }; f'  # where Git asks for a message


def run_words(world: World, words: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    """Run a command as it is typed in a folder of the world."""
    place = Repo(world.folder / folder)
    program, *patterns = words
    arguments = [found for word in patterns for found in expanded(place, word)]
    if program == "gitmodel":
        return place.gitmodel(*arguments, check=False)
    if program == "git":
        return place.git(*arguments, check=False, env={"GIT_EDITOR": EDITOR})
    return place._run([program, *arguments], check=False, env={}, text="")


def expanded(place: Repo, word: str) -> list[str]:
    """What a shell makes of a pattern."""
    if "*" not in word or "/" not in word:
        return [word]
    found = sorted(path.relative_to(place.path).as_posix() for path in place.path.glob(word))
    return found or [word]


def said_by(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said, without the numbers that change with each run."""
    return done.stdout + done.stderr


def advice_of(done: subprocess.CompletedProcess[str]) -> str:
    """The hint, or what a table says to run."""
    lines = [line.strip() for line in said_by(done).splitlines()]
    for start in ("hint: ", "run: "):
        found = [line.removeprefix(start) for line in lines if line.startswith(start)]
        if found:
            return found[-1]
    return ""


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_a_hint_helps_in_its_situation(world: World, situation: Situation) -> None:
    """Each way out that the hint names is tried: its commands work, and then the command gets on."""
    situation.prepare(world)
    first = run_words(world, shlex.split(situation.command), situation.folder)
    assert (first.returncode == 0) is situation.tells, said_by(first)
    advice = advice_of(first)
    assert advice, said_by(first)
    ways = ways_in(advice)
    if situation.person:
        situation.act(world)
        gets_on(world, situation, first, advice)
        return
    assert ways, advice
    for number, way in enumerate(ways):
        if number:
            world = again(world)
            situation.prepare(world)
            run_words(world, shlex.split(situation.command), situation.folder)
        for words in way:
            typed = replaced(words, dict(situation.values))
            done = run_words(world, typed, situation.folder)
            assert done.returncode == 0, (advice, typed, said_by(done))
        gets_on(world, situation, first, advice)


def gets_on(
    world: World,
    situation: Situation,
    first: subprocess.CompletedProcess[str],
    advice: str,
) -> None:
    """The command succeeds now, or says something else than before."""
    words = shlex.split(situation.again or situation.command)
    then = run_words(world, words, situation.folder)
    if situation.again:
        assert then.returncode == 0, (advice, said_by(then))
    else:
        assert then.returncode == 0 or said_by(then) != said_by(first), (advice, said_by(then))


# What leaves fraud so that `status` has something to say of it, and what it says.
STATES = {
    "new weights": (write(WEIGHTS), "git commit -am MESSAGE, or gitmodel add fraud.bin"),
    "earlier weights": (write(WEIGHTS, ONE), "git commit -am MESSAGE, or gitmodel checkout fraud"),
    "missing weights": (remove("ana/fraud.bin"), "gitmodel checkout fraud"),
    "stale weights": (ana("git", "reset", "-q", "--hard", "HEAD~2"), "gitmodel checkout fraud"),
    "a choice": (
        steps(ana("git", "reset", "-q", "--hard", "HEAD~2"), write(WEIGHTS)),
        "gitmodel add fraud.bin, or gitmodel checkout --force fraud",
    ),
    "not committed": (steps(write(WEIGHTS), ana("gitmodel", "add", WEIGHTS)), "git commit"),
    "not pushed": (unpublished, "git push"),
}


@pytest.mark.parametrize("state", STATES)
def test_what_status_says_to_run_ends_the_state(world: World, state: str) -> None:
    prepare, advice = STATES[state]
    prepare(world)
    assert next_command(world) == advice
    for number, way in enumerate(ways_in(advice)):
        if number:
            world = again(world)
            prepare(world)
        for words in way:
            done = run_words(world, replaced(words, {"MESSAGE": "x"}), "ana")
            twice = "nothing to commit" in said_by(done)  # Git looked before the hook ran
            assert done.returncode == 0 or twice, (words, said_by(done))
        assert next_command(world) != advice


def next_command(world: World) -> str:
    """What `status` says to run for the one model."""
    (row,) = json.loads(world.ana.gitmodel("status", "--json", check=False).stdout)["models"]
    return str(row["next_command"])
