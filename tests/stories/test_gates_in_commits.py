"""A gate in `git commit`: refused weights stay on disk, and everything else goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import version
from tests.support.models import model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

GATES = """\
better: {auc: higher}
gates:
  fraud:
    register:
      auc: {improve_by: 0}
"""
REFUSED = (
    "gitmodel: fraud: the new weights are not a version: auc 0.5, at least 0.9 is needed (v1 has 0.9)\n"
    "gitmodel: they stay on disk; to register them all the same, run: gitmodel add fraud.safetensors --force WHY\n"
)
# Ends the process with 99 as soon as it looks up a host or connects to one.
GUARDED = """
import os, sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(99)
sys.addaudithook(guard)
sys.argv = ["gitmodel", "hook", *sys.argv[1:]]
from gitmodel.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def ana(fraud: Repo) -> Repo:
    """Version 1 of fraud has auc 0.9 from metrics.json, and a gate that wants no less."""
    fraud.write(".gitmodel.yaml", fraud.read(".gitmodel.yaml").decode() + GATES)
    fraud.git("add", ".")
    fraud.git("commit", "-qm", "gate")
    return fraud


def trained(repo: Repo, seed: int, auc: float) -> None:
    repo.write("fraud.safetensors", model(seed=seed))
    repo.write("metrics.json", json.dumps({"auc": auc}))


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def cached(repo: Repo) -> list[str]:
    cache = repo.path / ".git/gitmodel"
    return [*listing(cache / "packs"), *listing(cache / "manifests")]


def rejected(repo: Repo) -> list[dict[str, object]]:
    raw = (repo.path / ".git/gitmodel/rejected/fraud.jsonl").read_text()
    return [json.loads(line) for line in raw.splitlines()]


def test_a_commit_of_text_beside_refused_weights_is_made_and_changes_nothing_else(
    ana: Repo,
) -> None:
    before = ana.git("rev-parse", "HEAD:fraud.model.yaml").stdout, cached(ana)
    trained(ana, 2, 0.5)
    ana.write("notes.txt", "unrelated\n")
    ana.git("add", "notes.txt")

    done = ana.git("commit", "-qm", "notes")

    assert done.stderr == REFUSED
    assert ana.git("show", "--format=", "--name-only", "HEAD").stdout == "notes.txt\n"
    assert (ana.git("rev-parse", "HEAD:fraud.model.yaml").stdout, cached(ana)) == before
    assert [line["metrics"] for line in rejected(ana)] == [{"auc": 0.5}]
    assert ana.read("fraud.safetensors") == model(seed=2)


def test_better_weights_take_the_next_number_without_a_gap(ana: Repo) -> None:
    trained(ana, 2, 0.5)
    ana.git("commit", "-q", "--allow-empty", "-m", "nothing")
    trained(ana, 3, 0.95)
    ana.git("add", "metrics.json")

    ana.git("commit", "-qm", "better")

    assert version(ana) == 2
    assert len(rejected(ana)) == 1


def test_gitmodel_commit_judges_once_and_says_it_once(ana: Repo) -> None:
    trained(ana, 2, 0.5)
    ana.git("add", "metrics.json")

    done = ana.gitmodel("commit", "-qm", "metrics")

    assert done.stderr == REFUSED
    assert [line["times"] for line in rejected(ana)] == [1]
    assert version(ana) == 1


def test_git_configuration_on_the_command_line_overrides_once(ana: Repo) -> None:
    trained(ana, 2, 0.5)
    ana.git("add", "metrics.json")
    ana.git("-c", "gitmodel.force=a demo needs it", "commit", "-qm", "forced")
    forced = ana.git("show", "HEAD:fraud.model.yaml").stdout
    trained(ana, 4, 0.4)
    ana.git("commit", "-qam", "not forced")

    assert 'forced: "a demo needs it"\n' in forced
    assert version(ana) == 2


def test_a_gate_that_refuses_commits_stops_them(ana: Repo) -> None:
    text = ana.read(".gitmodel.yaml").decode()
    ana.write(".gitmodel.yaml", text + "    on_commit: refuse\n")
    ana.git("commit", "-qm", "strict", ".gitmodel.yaml")
    trained(ana, 2, 0.5)
    head = ana.head()

    done = ana.git("commit", "-qam", "worse", check=False)

    assert done.returncode == 1
    assert done.stderr == (
        "gitmodel: fraud: the new weights are not a version: auc 0.5, at least 0.9 is needed "
        "(v1 has 0.9)\n"
        "hint: gitmodel add fraud.safetensors --force WHY, which registers them all the same, then git commit\n"
    )
    assert (ana.head(), version(ana)) == (head, 1)
    ana.gitmodel("add", "fraud.safetensors", "--force", "a demo")
    ana.git("commit", "-qam", "worse")
    assert version(ana) == 2


def test_a_checkout_never_overwrites_refused_weights(ana: Repo) -> None:
    ana.git("branch", "earlier")
    trained(ana, 3, 0.95)
    ana.git("commit", "-qam", "better")
    trained(ana, 2, 0.5)
    ana.git("commit", "-qam", "metrics")

    ana.git("checkout", "-q", "earlier")

    assert ana.read("fraud.safetensors") == model(seed=2)


def test_the_run_in_the_environment_of_a_commit_is_not_recorded(ana: Repo) -> None:
    trained(ana, 3, 0.95)

    ana.git(
        "commit", "-qam", "better", env={"MLFLOW_RUN_ID": "f" * 32, "WANDB_RUN_ID": "last-week"}
    )

    assert version(ana) == 2
    assert "run" not in ana.git("show", "HEAD:fraud.model.yaml").stdout


def guarded(repo: Repo, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a hook that may open no connection, with the variables of a tracker."""
    tracker = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9/", "MLFLOW_RUN_ID": "f" * 32}
    return subprocess.run(
        [sys.executable, "-c", GUARDED, *arguments],
        cwd=repo.path,
        env=dict(os.environ) | tracker,
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:9/", "sqlite:///mlflow.db", "mlruns", "wandb", "https://ml.example.org"],
)
def test_a_hook_with_a_gate_and_runs_opens_no_connection(ana: Repo, uri: str) -> None:
    runs = f'runs: {{fraud: {{system: mlflow, uri: "{uri}"}}}}\n'
    ana.write(".gitmodel.yaml", ana.read(".gitmodel.yaml").decode() + runs)
    ana.git("commit", "-qm", "runs", ".gitmodel.yaml")
    trained(ana, 3, 0.95)
    ana.git("add", "metrics.json")

    done = guarded(ana, "pre-commit")

    assert done.returncode == 0, done.stderr
    assert version(ana) == 2


@pytest.mark.parametrize(
    "hook",
    [
        "pre-commit",
        "pre-merge-commit",
        "post-commit",
        "post-checkout 0 0 1",
        "post-merge 0",
        "post-rewrite rebase",
    ],
)
def test_no_hook_but_pre_push_opens_a_connection(ana: Repo, hook: str) -> None:
    runs = 'runs: {fraud: {system: mlflow, uri: "http://127.0.0.1:9/"}}\n'
    ana.write(".gitmodel.yaml", ana.read(".gitmodel.yaml").decode() + runs)
    ana.git("commit", "-qm", "runs", ".gitmodel.yaml")
    trained(ana, 2, 0.5)

    done = guarded(ana, *hook.split())

    assert done.returncode == 0, done.stderr


def test_a_commit_of_the_pointer_alone_says_that_the_weights_are_refused(ana: Repo) -> None:
    trained(ana, 2, 0.5)
    ana.git("commit", "-q", "--allow-empty", "-m", "refused")

    done = ana.gitmodel("commit", "-qm", "again", "fraud.model.yaml", check=False)

    assert "the new weights are not a version: auc 0.5, at least 0.9 is needed" in done.stderr
    assert "hint: gitmodel commit" not in done.stderr
