"""A remote that takes connections and never answers: the wait is announced, and Ctrl-C ends it."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.repo import GIT, PACKAGE_ROOT, Repo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# `gitmodel`, with lines that are due much sooner.
IMPATIENT = """
import sys
sys.path.insert(0, {root!r})
from gitmodel.backends.cloud import slow_responses as waiting
waiting.SILENCES_SECONDS = (0.2, 0.4, 0.6, 60.0)
from gitmodel.cli.main import run
run()
"""
END = "(attempt 1); Ctrl-C stops, nothing is half published\n"
KEY = "c2VjcmV0" * 4


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Address of a server whose connections are made by the system and never read."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def impatient() -> list[str]:
    return [sys.executable, "-P", "-c", IMPATIENT.format(root=str(PACKAGE_ROOT))]


def lost(repo: Repo, host: str, scheme: str) -> Repo:
    """With a version to upload, and its remote behind that host."""
    repo.gitmodel("init", "../store")
    repo.write("w.bin", os.urandom(1 << 20))
    repo.gitmodel("add", "w.bin")
    settings = repo.read(".gitmodel.yaml").decode()
    kept = [line for line in settings.splitlines() if not line.startswith("remote:")]
    repo.write(".gitmodel.yaml", "\n".join([*kept, f'remote: "{scheme}://models/x"', ""]))
    endpoint = f"http://{host}" + ("/account" if scheme == "az" else "")
    repo.git("config", "gitmodel.endpoint", endpoint)
    repo.git("add", ".")
    repo.git("commit", "-qm", "weights")
    repo.gitmodel("remote", "trust")
    return repo


def stopped(
    repo: Repo,
    command: list[str],
    *,
    by: signal.Signals = signal.SIGINT,
    env: Mapping[str, str] | None = None,
) -> tuple[int, list[str], str]:
    """Run a command, press Ctrl-C after three lines; its exit code, the lines, and what came later."""
    login = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_ACCOUNT_NAME": "account",
        "NO_PROXY": "127.0.0.1",
    }
    with subprocess.Popen(
        command,
        cwd=repo.path,
        env=os.environ | login | dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stderr is not None
        lines = [running.stderr.readline() for _ in range(3)]
        os.killpg(running.pid, by)  # as a terminal does: git and its hook
        _, rest = running.communicate(timeout=30)
    return running.returncode, lines, rest


def require_announced(lines: list[str], host: str) -> None:
    for line in lines:
        assert f"waiting for {host}: no answer for " in line
        assert line.endswith(END)


@pytest.mark.parametrize("way", ["auto", "fsspec"])
@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_a_server_that_never_answers_is_named_and_ctrl_c_ends_the_wait(
    repo: Repo, black_hole: str, impatient: list[str], scheme: str, way: str
) -> None:
    lost(repo, black_hole, scheme)

    code, lines, rest = stopped(
        repo, [*impatient, "--quiet", "push"], env={"GITMODEL_TRANSPORT": way}
    )

    require_announced(lines, black_hole)
    assert (code, rest) == (130, "error: interrupted\n")


@pytest.mark.parametrize("way", ["auto", "fsspec"])
def test_the_host_that_is_named_is_the_one_that_the_environment_chose(
    repo: Repo, black_hole: str, impatient: list[str], way: str
) -> None:
    lost(repo, black_hole, "s3").git("config", "--unset", "gitmodel.endpoint")
    chosen = {"AWS_ENDPOINT_URL_S3": f"http://{black_hole}", "GITMODEL_TRANSPORT": way}

    code, lines, _ = stopped(repo, [*impatient, "push"], env=chosen)

    require_announced(lines, black_hole)
    assert code == 130


@pytest.mark.parametrize("command", [["fetch"], ["verify", "--remote", "primary"]])
def test_commands_that_read_announce_the_wait_as_well(
    repo: Repo, black_hole: str, impatient: list[str], command: list[str]
) -> None:
    lost(repo, black_hole, "s3").git("config", "gitmodel.cache", "empty")

    code, lines, _ = stopped(repo, [*impatient, *command])

    require_announced(lines, black_hole)
    assert code == 130


def test_git_push_shows_what_its_hook_waits_for(
    repo: Repo, black_hole: str, impatient: list[str], tmp_path: Path
) -> None:
    lost(repo, black_hole, "s3")
    Repo(tmp_path / "server.git").path.mkdir()
    Repo(tmp_path / "server.git").git("init", "-q", "--bare")
    words = shlex.join([*impatient, "hook", "pre-push"])
    hook = repo.path / ".git/hooks/pre-push"
    hook.write_text(f'#!/bin/sh\nexec {words} "$@"\n')

    code, lines, _ = stopped(repo, [GIT, "push", "-q", str(tmp_path / "server.git"), "main"])

    require_announced(lines, black_hole)
    assert code in {-signal.SIGINT, 1, 130}
    assert Repo(tmp_path / "server.git").git("for-each-ref").stdout == ""
