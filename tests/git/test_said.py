"""What Git, hooks and servers said is one printable line, with its hint apart and without secrets."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest

from gitmodel.git.said import hint_by, refused_refs, said_by, server_lines


def ended(stderr: str, stdout: str = "", code: int = 1) -> CompletedProcess[bytes]:
    return CompletedProcess([], code, stdout.encode(), stderr.encode())


REFUSED = "To /srv\n!\tabc:refs/heads/x\t[remote rejected] (pre-receive hook declined)\nDone\n"


@pytest.mark.parametrize(
    ("done", "text"),
    [
        (ended("fatal: no such remote\n"), "no such remote"),
        (ended("remote: error: closed        \nremote: \nremote: ask Bo\n"), "closed; ask Bo"),
        (ended("a\n\na\nb\n"), "a; b"),
        (ended("error: failed to push some refs to '/srv'\n", "lint failed\n"), "lint failed"),
        (ended("", "nothing to commit\n"), "nothing to commit"),
        (ended("", REFUSED), "[remote rejected] (pre-receive hook declined)"),
        (ended("a\n", REFUSED), "a; [remote rejected] (pre-receive hook declined)"),
        (ended("", code=128), "exit code 128"),
        (ended("hint: git pull\n"), "exit code 1"),
        (ended("red \x1b[31m\u202e!\n"), "red  [31m !"),
    ],
)
def test_the_reason_is_what_is_left_of_all_lines(done: CompletedProcess[bytes], text: str) -> None:
    assert said_by(done) == text


def test_it_is_not_endless() -> None:
    assert len(said_by(ended("word " * 1000))) == 1000


@pytest.mark.parametrize(
    ("url", "stderr"),
    [
        ("https://ana:hunter2@host/m", "unable to access 'https://ana:hunter2@host/m/': 403"),
        ("https://host/m?token=hunter2", "unable to access 'https://host/m?token=hunter2/': 403"),
        ("", "redirected to https://ana:hunter2@other/m"),
        ("ssh://ana:hunter2@host/m", "ssh://ana:hunter2@host/m: denied"),
    ],
)
def test_no_secret_of_a_url_is_told(url: str, stderr: str) -> None:
    assert "hunter2" not in said_by(ended(stderr), url=url)
    assert "//" in said_by(ended(stderr), url=url)


def test_a_hint_of_several_lines_is_one() -> None:
    assert hint_by(ended("no\nhint: Fix them up, and then\nhint: commit.\n")) == (
        "Fix them up, and then commit."
    )
    assert hint_by(ended("no\n")) is None


def test_what_the_server_says_and_refuses() -> None:
    assert server_lines(ended("To /srv\nremote: a  \nremote:   https://host/x\n")) == (
        "a",
        "https://host/x",
    )
    assert refused_refs(ended("", REFUSED)) == ("[remote rejected] (pre-receive hook declined)",)
