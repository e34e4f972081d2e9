"""The exact words of another process, as Linux and macOS tell them."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

from gitmodel.githooks.parent_command_line import read_procargs, words_of


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_words_are_those_that_the_process_was_started_with() -> None:
    words = [
        sys.executable,
        "-c",
        "print(flush=True); input()",
        "commit",
        "-m",
        "drop -a flag",
        "",
        "two\nlines",
        "ü",
    ]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        process.stdout.readline()  # the kernel shows no words while it starts the program
        found = words_of(process.pid)
    finally:
        process.communicate(b"\n")

    assert list(found) == words


def test_a_process_that_is_gone_has_no_words() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()

    assert words_of(process.pid) == ()


def procargs(count: int, *words: bytes) -> bytes:
    """What macOS answers: the count, the program's path, NULs up to a boundary, words, environment."""
    return (
        struct.pack("=i", count) + b"/usr/bin/git\0\0\0\0" + b"\0".join((*words, b"HOME=/x", b""))
    )


def test_the_answer_of_macos_is_read_word_by_word() -> None:
    answer = procargs(4, b"git", b"commit", b"-m", b"drop -a flag")

    assert read_procargs(answer) == ("git", "commit", "-m", "drop -a flag")


@pytest.mark.parametrize(
    "answer",
    [b"", b"\1\0", procargs(0), procargs(-1, b"git"), procargs(900, b"git"), struct.pack("=i", 3)],
    ids=["nothing", "short", "no words", "negative", "too many", "no more"],
)
def test_an_answer_that_is_not_understood_gives_no_words(answer: bytes) -> None:
    assert read_procargs(answer) == ()


def test_other_words_than_the_one_asked_for_are_never_the_environment() -> None:
    found = read_procargs(procargs(1, b"git"))

    assert found == ("git",)
    assert os.fsencode(found[0]) == b"git"
