"""`gitmodel install --fsmonitor`: commits of nothing but weights are one `git commit`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import version_in
from tests.support.operations import NEW, POINTER, WEIGHTS, World, agree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def on(world: World) -> World:
    world.ana.gitmodel("install", "--fsmonitor")
    return world


@pytest.mark.parametrize(
    "commands",
    [
        [["commit", "-qam", "fraud 4"]],
        [["commit", "-q", POINTER, "-m", "fraud 4"]],
        [["commit", "-q", "-i", POINTER, "-m", "fraud 4"]],
        [["add", "-A"], ["commit", "-qm", "fraud 4"]],
        [["add", "-u"], ["commit", "-qm", "fraud 4"]],
        [["add", "."], ["commit", "-qm", "fraud 4"]],
        [["-c", "alias.ci=commit", "ci", "-qam", "fraud 4"]],
    ],
    ids=lambda commands: " && ".join(" ".join(words) for words in commands),
)
def test_nothing_but_weights_is_one_commit(commands: Sequence[Sequence[str]], on: World) -> None:
    on.train()
    before = on.ana.head()

    for words in commands:
        on.git(*words)

    assert set(on.codes) == {0}, on.said
    assert version_in(on.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    assert on.ana.head("HEAD^") == before
    assert on.ana.git("status", "--porcelain").stdout == ""
    assert on.said.count("fraud is v4") == 1
    agree(on)


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["commit", "--dry-run", "-a"],
            ["commit", "-qnam", "x"],
            ["commit", "-qm", "drop -a flag"],
        ),
        *(["status"], ["diff"], ["stash"], ["add", "-n", "."], ["add", "code.py"]),
        *(
            ["-c", "core.fsmonitor=false", "commit", "-qam", "x"],
            ["commit", "-q", "code.py", "-m", "x"],
        ),
    ],
    ids=" ".join,
)
def test_no_other_command_touches_a_pointer_before_the_hook(
    words: Sequence[str], on: World
) -> None:
    on.train()

    said = on.git(*words)

    assert "fraud is v4 (was v2)\n" not in said
    assert on.ana.read(WEIGHTS) == NEW
    agree(on)


def count_starts(world: World) -> Path:
    """Have the script of the switch start a Python that first adds a line to a file."""
    script = world.ana.path / ".git/gitmodel/fsmonitor"
    text = script.read_text(encoding="utf-8")
    python = text.partition("gitmodel_python='")[2].partition("'")[0]
    starts, counting = world.folder / "starts", world.folder / "counting-python"
    counting.write_text(f'#!/bin/sh\necho x >>"{starts}"\nexec "{python}" "$@"\n', encoding="utf-8")
    counting.chmod(0o755)
    starts.touch()
    script.write_text(text.replace(python, str(counting)), encoding="utf-8")
    return starts


def test_python_is_started_only_where_weights_have_changed_since_all_were_clean(on: World) -> None:
    on.version(NEW, "fraud 4")
    on.ana.gitmodel("checkout", "fraud")
    assert on.ana.read(".git/gitmodel/seen").decode() == f"{WEIGHTS}\n"
    starts = count_starts(on)

    on.ana.write("code.py", "x = 9\n")
    on.git("commit", "-qam", "code")
    assert starts.read_text() == ""
    on.train(NEW + b"more")
    on.git("commit", "-q", POINTER, "-m", "asks three times")
    assert starts.read_text() == "x\n"
    assert version_in(on.ana.git("show", f"HEAD:{POINTER}").stdout) == 5


def test_words_of_any_length_are_read(on: World) -> None:
    """The script reads only their beginning, since a shell reads byte by byte; gitmodel reads all."""
    on.train()

    on.git("commit", "-qm", "long " * 20_000, "--", *(POINTER for _ in range(2000)))

    assert on.codes == [0], on.said[-500:]
    assert version_in(on.ana.git("show", f"HEAD:{POINTER}").stdout) == 4


def test_weights_that_are_moved_into_place_with_an_old_time_are_seen(on: World) -> None:
    """The change time of a file is set by the system alone, its time of modification by anybody."""
    on.ana.gitmodel("checkout", "fraud")
    old = on.folder / "of last week.bin"
    old.write_bytes(NEW)
    os.utime(old, (1_700_000_000, 1_700_000_000))
    old.rename(on.ana.path / WEIGHTS)

    on.git("commit", "-qam", "fraud 4")

    assert on.codes == [0]
    assert version_in(on.ana.git("show", f"HEAD:{POINTER}").stdout) == 4


def test_a_model_that_was_moved_is_in_the_list_after_the_next_commit(on: World) -> None:
    on.ana.gitmodel("checkout", "fraud")
    on.ana.gitmodel("mv", "fraud", "--path", "moved/fraud.bin")
    assert not (on.ana.path / ".git/gitmodel/seen").exists()

    on.git("commit", "-qm", "moved")

    assert on.ana.read(".git/gitmodel/seen").decode() == "moved/fraud.bin\n"


@pytest.mark.parametrize("end", ["kill -9 $$", "kill -INT $$", "exit 1", "echo noise; exit 120"])
def test_a_gitmodel_that_dies_leaves_git_as_it_is_without_the_switch(end: str, on: World) -> None:
    on.train()
    script = on.ana.path / ".git/gitmodel/fsmonitor"
    text = script.read_text(encoding="utf-8")
    python = text.partition("gitmodel_python='")[2].partition("'")[0]
    dying = on.folder / "dying-python"
    dying.write_text(f"#!/bin/sh\n{end}\n", encoding="utf-8")
    dying.chmod(0o755)
    script.write_text(text.replace(python, str(dying)), encoding="utf-8")

    on.git("commit", "-qam", "fraud 4")
    on.git("commit", "-qam", "fraud 4")

    assert on.codes == [1, 0]
    assert version_in(on.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    assert not (on.ana.path / ".git/index.lock").exists()
    agree(on)


def test_a_gitmodel_that_is_gone_is_silent(on: World) -> None:
    script = on.ana.path / ".git/gitmodel/fsmonitor"
    text = script.read_text(encoding="utf-8")
    python = text.partition("gitmodel_python='")[2].partition("'")[0]
    script.write_text(text.replace(python, "/nowhere/python"), encoding="utf-8")
    on.train()

    said = on.git("status", PATH="/usr/bin:/bin")
    said += on.git("add", "-A", PATH="/usr/bin:/bin")

    assert said == ""
