"""The files of docs/guides/ci.md do what the page says, on clones as CI systems make them: no network, no secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gitmodel.cli.main import main
from gitmodel.domain.reference import Reference
from gitmodel.workflows.promote import promote
from tests.support.desk import Desk, kept_desk
from tests.support.repo import PACKAGE_ROOT, Repo
from tests.support.ungated import ungated
from tests.support.untouched import untouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = PACKAGE_ROOT / "docs/guides/ci.md"
BLOCKS = re.findall(
    r"^```yaml\n# (\S+)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
)
FILES: dict[str, dict[Any, Any]] = {path: yaml.safe_load(text) for path, text in BLOCKS}
GATE, COMMENT, WEIGHTS = (
    FILES[f".github/workflows/{name}.yml"] for name in ("gate", "gate-comment", "weights")
)
GITLAB = FILES[".gitlab-ci.yml"]
GATES = """
better: {auc: higher, logloss: lower}
gates:
  fraud:
    register: {auc: {min: 0.9}}
    promote: {production: {auc: {improve_by: 0.002}}}
"""
VERSIONS = 64
FIRST_BAD = 41


def gated(desk: Desk) -> None:
    """Fraud 1 and 2 on `main`, production is 1; a request promotes 2 and has a worse version 3."""
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + GATES)
    desk.repo.commit("gates")
    desk.version(b"one", metrics=["auc=0.93"])
    desk.push()
    with desk.open() as project:
        promote(project, Reference.parse("fraud@1"), "production", delivery="commit")
    desk.version(b"two", metrics=["auc=0.94"])
    desk.push()
    desk.repo.git("switch", "-qc", "request")
    with desk.open() as project:
        promote(project, Reference.parse("fraud@2"), "production", delivery="commit")
    text = desk.repo.read(".gitmodel.yaml").decode()
    desk.repo.write(".gitmodel.yaml", text.replace("min: 0.9", "min: 0"))
    ungated(desk, b"three", metrics=["auc=0.5"])
    desk.repo.commit("lower the gate")


ana = kept_desk(gated)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH: this gitmodel, and a pip that installs nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    run = f'PYTHONPATH={PACKAGE_ROOT} exec {sys.executable} -P -m gitmodel "$@"'
    for name, line in (("gitmodel", run), ("pip", "exit 0")):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def bash(
    script: str, folder: Path, programs: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script as a CI system does."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(shutil.which("bash")), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "CI": "true"} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def merged(desk: Desk) -> str:
    """The merge of the request that a forge makes."""
    git = desk.repo.git
    tree = git("merge-tree", "--write-tree", "main", "request").stdout.split()[0]
    merge = git("commit-tree", tree, "-p", "main", "-p", "request", "-m", "Merge").stdout.strip()
    git("update-ref", "refs/pull/7/merge", merge)
    return merge


def cloned(desk: Desk, folder: Path, commit: str, refspec: str, depth: int) -> Repo:
    """What actions/checkout and GitLab's runner fetch."""
    repo = Repo.create(folder / "ci")
    repo.git("remote", "add", "origin", desk.repo.path.as_uri())
    options = [f"--depth={depth}"] if depth else []
    repo.git("fetch", "-q", "--no-tags", *options, "origin", refspec)
    repo.git("checkout", "-q", "--detach", commit)
    return repo


def runs(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def depth_of(job: dict[str, Any]) -> int:
    return int(job["steps"][0]["with"]["fetch-depth"])


def github(commit: str, folder: Path) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_SHA": commit,
        "GITHUB_BASE_REF": "main",
        "GITHUB_HEAD_REF": "request",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "RUNNER_TEMP": str(folder),
    }


@pytest.fixture
def checkout(ana: Desk, tmp_path: Path) -> Repo:
    """A request that lowers its own gate, as GitHub checks it out: the merge, depth 2."""
    job = GATE["jobs"]["gate"]
    merge = merged(ana)
    return cloned(ana, tmp_path, merge, f"+{merge}:refs/remotes/pull/7/merge", depth_of(job))


def test_the_gate_of_github_refuses_a_request_that_lowers_its_gate(
    checkout: Repo, tmp_path: Path, programs: Path
) -> None:
    (install, script) = runs(GATE["jobs"]["gate"])

    assert bash(install, checkout.path, programs).returncode == 0
    done = bash(script, checkout.path, programs, **github(checkout.head(), tmp_path))

    assert done.returncode == 3
    text = (tmp_path / "gate.md").read_text()
    assert (tmp_path / "summary.md").read_text() == text
    assert text.startswith(
        "<!-- gitmodel:gate -->\n**gitmodel gate: refused**\n\nAgainst `HEAD^1 at "
    )
    assert "| `fraud v3` | `v2` | `auc` | `0.94` | `0.5` | `-0.44` | `min 0.9` | `refuse: " in text
    assert "| `fraud@production v2` | `fraud@production (v1)` | `auc` |" in text
    assert "`this request edits gates: they count from the next request on`" in text


def test_the_gate_of_github_passes_a_request_that_meets_the_rules(
    ana: Desk, tmp_path: Path, programs: Path
) -> None:
    ana.repo.git("reset", "-q", "--hard", "request~2")
    merge = merged(ana)
    repo = cloned(ana, tmp_path, merge, f"+{merge}:refs/remotes/pull/7/merge", 2)

    done = bash(runs(GATE["jobs"]["gate"])[1], repo.path, programs, **github(merge, tmp_path))

    assert (done.returncode, done.stderr.splitlines()[1:]) == (0, [])
    assert "**gitmodel gate: passed**" in (tmp_path / "gate.md").read_text()


@pytest.mark.parametrize("kind", ["detached", "merged_result"])
def test_the_gate_of_gitlab_refuses_it_too(
    ana: Desk, tmp_path: Path, programs: Path, kind: str
) -> None:
    job = GITLAB["gate"]
    commit = ana.repo.head("request") if kind == "detached" else merged(ana)
    assert job["variables"] == {"GIT_DEPTH": 0}
    repo = cloned(ana, tmp_path, commit, f"+{commit}:refs/pipelines/1", depth=0)
    variables = {
        "GITLAB_CI": "true",
        "CI_COMMIT_SHA": commit,
        "CI_MERGE_REQUEST_EVENT_TYPE": kind,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }
    if kind == "merged_result":
        variables["CI_MERGE_REQUEST_TARGET_BRANCH_SHA"] = ana.repo.head("main")

    done = bash("\n".join(job["script"]), repo.path, programs, **variables)

    assert done.returncode == 3
    text = (repo.path / "gate.md").read_text()
    assert "`refuse: at least 0.9 is needed`" in text
    assert "`HEAD^1 at" in text if kind == "merged_result" else "`origin/main at" in text


def test_after_the_merge_the_weights_are_checked(ana: Desk, tmp_path: Path, programs: Path) -> None:
    github_job, gitlab_job = WEIGHTS["jobs"]["verify"], GITLAB["verify weights"]
    before = ana.repo.head("main")
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--no-ff", "--no-edit", "request")
    after = ana.repo.head()
    repo = cloned(
        ana, tmp_path, after, "+refs/heads/main:refs/remotes/origin/main", depth_of(github_job)
    )
    gitlab = {"CI_COMMIT_BEFORE_SHA": before, "CI_COMMIT_SHA": after}

    for script, variables in (
        (runs(github_job)[1], {"BEFORE": before}),
        ("\n".join(gitlab_job["script"]), gitlab),
    ):
        done = bash(script, repo.path, programs, **variables)
        assert done.returncode == 1
        assert "error: fraud: version 3 is not claimed" in done.stderr

    ana.push()
    for script, variables in (
        (runs(github_job)[1], {"BEFORE": before}),
        (runs(github_job)[1], {"BEFORE": "0" * 40}),
        ("\n".join(gitlab_job["script"]), gitlab),
        ("\n".join(gitlab_job["script"]), {**gitlab, "CI_COMMIT_BEFORE_SHA": "0" * 40}),
    ):
        done = bash(script, repo.path, programs, **variables)
        assert (done.returncode, done.stderr) == (0, "")


def test_what_judges_has_no_secret_and_may_only_read() -> None:
    assert GATE[True] == "pull_request"  # YAML 1.1 reads `on` as true
    assert GATE["permissions"] == {"contents": "read"}
    assert "secrets." not in json.dumps(GATE["jobs"])
    assert "${{" not in "".join(runs(GATE["jobs"]["gate"]))
    assert GATE["jobs"]["gate"]["steps"][0]["with"]["persist-credentials"] is False
    assert "TOKEN" not in json.dumps(GITLAB["gate"])


def test_what_may_write_runs_nothing_of_the_request() -> None:
    (job,) = COMMENT["jobs"].values()
    (script,) = runs(job)

    assert COMMENT[True] == {"workflow_run": {"workflows": ["gate"], "types": ["completed"]}}
    assert COMMENT["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert [step for step in job["steps"] if "uses" in step] == []
    assert "gitmodel " not in re.sub("<!-- .*? -->", "", script)
    assert "${{" not in script  # texts of the request come by variables, so none becomes code
    assert 'startswith("<!-- gitmodel:gate -->")' in script
    assert GITLAB["gate comment"]["variables"] == {"GIT_STRATEGY": "none"}


def test_every_script_is_sound_for_a_shell(programs: Path, tmp_path: Path) -> None:
    scripts = [
        run
        for file in (GATE, COMMENT, WEIGHTS)
        for job in file["jobs"].values()
        for run in runs(job)
    ]
    scripts += ["\n".join(job["script"]) for job in GITLAB.values() if "script" in job]

    for script in scripts:
        done = subprocess.run(
            [str(shutil.which("bash")), "-n", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert len(scripts) == 8


def test_nothing_is_reached_and_nothing_is_written(
    ana: Desk,
    checkout: Repo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither the Git server nor the store exists any more, and no socket can be opened."""
    away = tmp_path / "away"
    away.mkdir()
    ana.repo.path.rename(away / "ana")
    ana.store.rename(away / "store")

    def no_socket(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_socket)
    monkeypatch.chdir(checkout.path)
    for name, value in github(checkout.head(), tmp_path).items():
        monkeypatch.setenv(name, value)
    before = dict(files(checkout.path))

    with untouched(checkout):
        for options in ([], ["--md"], ["--json"], ["--base", "HEAD^1", "fraud"]):
            assert main(["gate", *options]) == 3
        assert main(["gate", "fraud", "--min", "auc=0.9", "--bisect"]) == 1
        assert main(["gate", "fraud", "--min", "auc=0.1"]) == 0
    assert dict(files(checkout.path)) == before
    capsys.readouterr()


def files(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path), path.stat().st_mtime_ns


def test_git_bisect_finds_a_bad_version_and_moves_no_weights(repo: Repo, programs: Path) -> None:
    """Of 64 versions one is the first with a worse metric; some commits in between have no version."""
    from dataclasses import replace

    from gitmodel.domain.digest import digest_of
    from gitmodel.domain.pointer import Pointer

    pointer = Pointer(name="fraud", version=1, digest=digest_of(b"1"), size=1, path="fraud.bin")
    bad = ""
    for number in range(1, VERSIONS + 1):
        auc = 0.95 if number < FIRST_BAD else 0.9
        new = replace(
            pointer, version=number, digest=digest_of(b"%d" % number), metrics={"auc": auc}
        )
        repo.write("models/fraud.model.yaml", new.to_text())
        commit = repo.commit(f"version {number}")
        bad = commit if number == FIRST_BAD else bad
        if number == 1:
            repo.git("tag", "v1.0")
        if number % 8 == 0:
            repo.write("code.py", str(number))
            repo.commit("code")
    commands = re.search(
        r"^git bisect start.*?^git bisect reset$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert commands is not None
    start, run, reset = commands[0].splitlines()

    assert bash(start, repo.path, programs).returncode == 0
    done = bash(run, repo.path, programs)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{bad} is the first bad commit" in done.stdout
    assert (
        len(re.findall(r"^fraud v\d+ in [0-9a-f]{10}: (?:good|bad)", done.stderr, re.MULTILINE))
        <= 7
    )
    assert sorted(path.name for path in (repo.path / "models").iterdir()) == ["fraud.model.yaml"]
    assert not (repo.path / ".git/gitmodel").exists()
    assert bash(reset, repo.path, programs).returncode == 0
