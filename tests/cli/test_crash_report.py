"""How a run ends that nobody planned: defects, interrupts, closed streams. Never with a traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.cli.crash_report import report_text, state_folder, write_report
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo


def fresh(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "gitmodel", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_state_folder_is_that_of_the_specification() -> None:
    assert state_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == "/s/gitmodel"
    assert state_folder({"XDG_STATE_HOME": "s", "HOME": "/h"}) == "/h/.local/state/gitmodel"
    assert state_folder({"HOME": "/h"}) == "/h/.local/state/gitmodel"


def test_reports_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    environment = {"XDG_STATE_HOME": str(tmp_path)}

    paths = [
        write_report(ValueError(text), arguments=[], environment=environment, now=now)
        for text in ("one", "two")
    ]

    assert [os.path.basename(path or "") for path in paths] == [
        "error-20260102T030405Z.log",
        "error-20260102T030405Z-1.log",
    ]


def test_where_no_report_can_be_written_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "gitmodel").write_text("a file in the way", encoding="utf-8")

    path = write_report(
        ValueError("x"),
        arguments=[],
        environment={"XDG_STATE_HOME": str(tmp_path)},
        now=datetime.now(UTC),
    )

    assert path is None


def test_a_report_has_versions_and_command_and_no_secret() -> None:
    text = report_text(
        ValueError("x"), arguments=["init", "https://user:hunter2@host/", "-M", "auc=1"]
    )

    assert f"gitmodel {gitmodel.__version__}\n" in text
    assert sys.version.split()[0] in text
    assert "'init'" in text
    assert "hunter2" not in text


def test_an_error_nobody_foresaw_is_a_report_and_one_line(tmp_path: Path, home: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "shtab.py").write_text("raise RuntimeError('sig=topsecretvalue')", encoding="utf-8")
    path = os.pathsep.join([str(broken), str(PACKAGE_ROOT)])

    done = fresh("completion", "bash", folder=tmp_path, PYTHONPATH=path)

    found = re.fullmatch(r"error: internal error \(RuntimeError\); details in (.*)\n", done.stderr)
    assert (done.returncode, done.stdout) == (1, "")
    assert found is not None
    assert os.path.dirname(found[1]) == str(home / "state" / "gitmodel")
    with open(found[1], encoding="utf-8") as stream:
        report = stream.read()
    assert "Traceback (most recent call last)" in report
    assert "RuntimeError" in report
    assert "topsecretvalue" not in report
    assert os.stat(found[1]).st_mode & 0o777 == 0o600


def test_whoever_looks_for_a_defect_sees_the_traceback(tmp_path: Path) -> None:
    done = fresh("status", folder=tmp_path, GITMODEL_DEBUG="1")

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "RepositoryError" in done.stderr


def test_the_traceback_is_shown_without_secrets(tmp_path: Path) -> None:
    signed = "sv=2024-11-04&sig=q7Zr1Xk9Pw3Lm5Nb8Vc2"
    done = fresh("-C", f"/nowhere/{signed}", "status", folder=tmp_path, GITMODEL_DEBUG="1")

    assert "Traceback (most recent call last)" in done.stderr
    traced = done.stderr.rpartition("error: ")[0] or done.stderr
    assert "q7Zr1Xk9Pw3Lm5Nb8Vc2" not in traced


def test_an_interrupted_command_says_so_in_one_line(repo: Repo) -> None:
    repo.gitmodel("init")
    repo.write("w.bin", b"weights")
    os.mkfifo(repo.path / "metrics.json")
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "gitmodel", "add", "w.bin", "--metrics", "metrics.json"],
        cwd=repo.path,
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    with running, open(repo.path / "metrics.json", "wb"):  # opens when the other side reads
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=60)

    assert (running.returncode, output, errors) == (130, "", "error: interrupted\n")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gitmodel", "--help"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_under_stdout_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gitmodel", "--version"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (
        "error: no space left\n"
        "hint: make room (df -h shows each disk), then run the same command again\n"
    )


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-"])
def test_a_closed_stream_is_no_defect(closed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -P -m gitmodel --version {closed}', sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
