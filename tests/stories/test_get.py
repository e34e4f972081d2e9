"""Weights out of a repository that one has no clone of, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.git_server import git_server
from tests.support.models import model, perturbed
from tests.support.repo import PACKAGE_ROOT, TIMEOUT_SECONDS, Repo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Team

ONE = model(seed=1)
TWO = perturbed(ONE)


def two_versions(team: Team) -> None:
    """Ana commits two versions and pushes them through the hooks."""
    ana = team.members["ana"]
    ana.write("fraud.safetensors", ONE)
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.write("fraud.safetensors", TWO)
    ana.git("commit", "-q", "--allow-empty", "-am", "fraud 2", check=False)
    ana.git("commit", "-q", "--allow-empty", "-am", "fraud 2")
    ana.git("push", "-q")


def test_a_person_without_a_clone(team: Team, tmp_path: Path) -> None:
    two_versions(team)
    me = Repo(tmp_path / "me")
    me.path.mkdir()
    url = str(team.server.path)

    first = me.gitmodel("get", url, "fraud@1", "--out", "models")
    again = me.gitmodel("get", url, "fraud@1", "--out", "models")
    newest = me.gitmodel("get", url, "fraud", "--out", "newest", "--json")

    assert me.read("models/fraud.safetensors") == ONE
    assert first.stdout.split()[:2] == ["fraud", "v1"]
    assert first.stderr == ""
    assert again.stdout == "already up to date\n"
    assert me.read("newest/fraud.safetensors") == TWO
    report = json.loads(newest.stdout)
    (placed,) = report.pop("placed")
    assert (report["url"], report["fetched_packs"]) == (url, 1)
    assert placed["commit"] == team.server.head("main")
    assert (placed["name"], placed["version"], placed["changed"]) == ("fraud", 2, True)
    assert placed["path"] == str(me.path / "newest/fraud.safetensors")
    assert placed["digest"].startswith("blake3:")


def test_four_processes_at_once_with_an_empty_cache(team: Team, tmp_path: Path) -> None:
    two_versions(team)
    team.server.git("config", "uploadpack.allowFilter", "true")
    command = [sys.executable, "-P", "-m", "gitmodel", "get", str(team.server.path)]
    running = [
        subprocess.Popen(
            [*command, reference, "--out", str(tmp_path / f"out{number}")],
            env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number, reference in enumerate(["fraud", "fraud@1", "fraud", "fraud@git:main"])
    ]

    said = [process.communicate(timeout=TIMEOUT_SECONDS)[1] for process in running]

    assert [process.returncode for process in running] == [0] * 4, said
    for number, content in enumerate([TWO, ONE, TWO, TWO]):
        assert (tmp_path / f"out{number}/fraud.safetensors").read_bytes() == content


def test_from_a_git_server_and_a_bucket(team_anywhere: Team, tmp_path: Path) -> None:
    """Git by HTTP; weights in a folder, on S3 and on Azure, with the credentials of the person."""
    two_versions(team_anywhere)
    trust = ["--trust", team_anywhere.url] if "://" not in team_anywhere.url else []
    me = Repo(tmp_path / "me")
    me.path.mkdir()

    with git_server(tmp_path) as server:
        for reference, content in (("fraud@1", ONE), ("fraud", TWO)):
            order = ("get", server.url("server.git"), reference, "--out", reference, *trust)
            me.gitmodel(*order)
            assert me.read(f"{reference}/fraud.safetensors") == content
            assert me.gitmodel(*order).stdout == "already up to date\n"


@pytest.mark.s3
def test_credentials_go_to_an_endpoint_that_the_repository_names_after_a_yes_only(
    team: Team, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = request.getfixturevalue("s3_server")
    for name, value in s3.environment.items():
        if "ENDPOINT" not in name:
            monkeypatch.setenv(name, value)
    bucket = s3.new_place()
    ana = team.members["ana"]
    ana.gitmodel("remote", "add", f"{bucket}/m", "--endpoint", s3.endpoint, "--replace")
    ana.git("commit", "-qam", "to S3")
    two_versions(team)
    me = Repo(tmp_path / "me")
    me.path.mkdir()
    order = ("get", str(team.server.path), "fraud", "--out", "models")

    refused = me.gitmodel(*order, check=False)

    address = f"{bucket}/m endpoint={s3.endpoint}"
    assert refused.returncode == 1
    assert "no credentials were sent" in refused.stderr
    assert f"hint: --trust '{address}'" in refused.stderr
    me.gitmodel(*order, "--trust", address)
    assert me.read("models/fraud.safetensors") == TWO


def test_a_password_does_not_get_into_a_crash_report_or_a_message(tmp_path: Path) -> None:
    me = Repo(tmp_path)

    done = me.gitmodel(
        "get", "http://ana:hunter2@127.0.0.1:9/m.git", "fraud", "--out", "o", check=False
    )

    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "127.0.0.1:9/m.git cannot be read" in done.stderr
    option = me.gitmodel("get", "--", "--upload-pack=x", "fraud", "--out", "o", check=False)
    assert option.returncode == 2
