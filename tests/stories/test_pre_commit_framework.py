"""Beside the pre-commit framework, the real one: run by it, in front of it, and behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from gitmodel.githooks.scripts import HOOK_NAMES
from tests.support.job import (
    FIRST,
    POINTER,
    SECOND,
    WEIGHTS,
    check_out,
    new_server,
    set_up,
    version_at,
)
from tests.support.models import model
from tests.support.neighbours import installed
from tests.support.repo import PACKAGE_ROOT, Repo

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

THIRD, FOURTH = model(seed=3), model(seed=4)


@pytest.fixture(scope="session")
def pre_commit() -> str:
    """The real program."""
    return installed("pre-commit", "pre-commit==4.7.0")


class Desk:
    """Ana's repository, in which the framework runs the hooks of `.pre-commit-hooks.yaml`."""

    def __init__(self, folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.program = program
        self.server = new_server(folder)
        self.ana = Repo.create(folder / "ana")
        self.ana.git("remote", "add", "origin", self.server.path.as_uri())
        monkeypatch.setenv("PRE_COMMIT_HOME", str(folder / "pre-commit home"))
        monkeypatch.setenv("PRE_COMMIT_COLOR", "never")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ana._run([self.program, *words], check=True, env={}, text="")

    def shipped(self) -> str:
        """A configuration with all shipped hooks, of a repository that has nothing but their file.

        What `pip install` would put into an environment of the framework's own is what runs us.
        """
        source = Repo.create(self.folder / "gitmodel")
        shipped = (PACKAGE_ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
        source.write(".pre-commit-hooks.yaml", shipped)
        rev = source.commit("release")
        lines = [f"default_install_hook_types: [{', '.join(HOOK_NAMES)}]", "repos:"]
        lines += [f"- repo: {source.path.as_uri()}", f"  rev: {rev}", "  hooks:"]
        for name in HOOK_NAMES:
            entry = f"{sys.executable} -P -m gitmodel hook {name}"
            lines += [f"  - id: gitmodel-{name}", "    language: system", f"    entry: {entry}"]
        return "\n".join(lines) + "\n"


@pytest.fixture
def desk(tmp_path: Path, pre_commit: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, pre_commit, monkeypatch)


@pytest.fixture
def framework(desk: Desk) -> Desk:
    """The framework alone runs hooks; two versions of a model are pushed."""
    ana = desk.ana
    ana.write(".pre-commit-config.yaml", desk.shipped())
    desk.run("install")
    ana.gitmodel("init", str(desk.folder / "store"), "--no-hooks")
    ana.write(WEIGHTS, FIRST)
    ana.gitmodel("add", WEIGHTS)
    ana.write("notes.txt", "one\n")
    ana.git("add", ".")
    ana.git("commit", "-qm", "fraud 1")
    ana.git("push", "-q", "-u", "origin", "main")
    return desk


def commit(repo: Repo, weights: bytes, message: str) -> str:
    repo.write(WEIGHTS, weights)
    repo.write("notes.txt", f"about {message}\n")
    return repo.git("commit", "-qam", message).stderr


def test_the_shipped_hooks_do_the_main_job(framework: Desk) -> None:
    ana = framework.ana

    said = commit(ana, SECOND, "fraud 2")
    ana.git("push", "-q", "origin", "main")

    assert version_at(ana) == 2, said
    assert "fraud is v2 (was v1) in this commit" in said
    assert ana.git("status", "--porcelain").stdout == ""
    check_out(framework.server.clone(framework.folder / "colleague"))
    ana.git("switch", "-q", "-c", "old", "HEAD~")
    assert ana.read(WEIGHTS) == FIRST, "post-checkout"
    ana.git("merge", "-q", "main")
    assert ana.read(WEIGHTS) == SECOND, "post-merge"


def test_a_push_of_several_refs_uploads_the_weights_of_all(framework: Desk) -> None:
    """The framework tells its hooks of the first ref only."""
    ana = framework.ana
    for branch, weights in (("one", SECOND), ("two", THIRD), ("three", FOURTH)):
        ana.git("switch", "-q", "-c", branch)
        commit(ana, weights, branch)
    ana.git("switch", "-q", "main")

    ana.git("push", "-q", "origin", "one", "two", "three")

    clone = framework.server.clone(framework.folder / "colleague")
    clone.gitmodel("init")
    for branch, weights in (("one", SECOND), ("two", THIRD), ("three", FOURTH)):
        clone.git("switch", "-q", branch)
        clone.gitmodel("checkout")
        assert clone.read(WEIGHTS) == weights


def test_git_commit_of_one_path_is_put_right_in_the_framework_too(framework: Desk) -> None:
    ana = framework.ana
    ana.write(WEIGHTS, SECOND)
    ana.gitmodel("add", WEIGHTS)
    ana.write(WEIGHTS, THIRD)

    ana.git("commit", "-q", POINTER, "-m", "fraud 2")

    assert "fraud: " not in ana.git("commit", "--allow-empty", "-qm", "next").stderr
    assert ana.git("diff", "--stat", "HEAD~", "HEAD").stdout == ""
    assert ana.git("status", "--porcelain").stdout == ""


def test_what_is_not_staged_survives_a_bump_in_the_framework(framework: Desk) -> None:
    """The framework puts away what is changed but not staged, and brings it back."""
    ana = framework.ana
    ana.write("notes.txt", "not for this commit\n")
    ana.write("code.py", "pass\n")
    ana.git("add", "code.py")
    ana.write(WEIGHTS, SECOND)

    ana.git("commit", "-qm", "code and fraud 2")

    assert version_at(ana) == 2
    assert ana.git("status", "--porcelain").stdout == " M notes.txt\n"
    assert ana.read("notes.txt") == b"not for this commit\n"


def test_a_push_whose_weights_are_nowhere_is_refused(framework: Desk) -> None:
    ana = framework.ana
    commit(ana, SECOND, "fraud 2")
    for folder in ("packs", "manifests"):
        (ana.path / ".git" / "gitmodel" / folder).rename(framework.folder / f"lost {folder}")
    ana.write(WEIGHTS, b"other weights")

    refused = ana.git("push", "-q", "origin", "main", check=False)

    assert refused.returncode != 0
    assert version_at(framework.server, "main") == 1


@pytest.mark.parametrize("first", ["gitmodel", "pre-commit"])
def test_native_hooks_and_the_framework_in_either_order(desk: Desk, first: str) -> None:
    """Each keeps the other running, also when both are installed twice."""
    ana = desk.ana
    local = "- id: look\n    name: look\n    language: system\n    entry: sh -c 'echo >> ../looked'"
    ana.write(
        ".pre-commit-config.yaml",
        "default_install_hook_types: [pre-commit, pre-push]\n"
        f"repos:\n- repo: local\n  hooks:\n  {local}\n    always_run: true\n",
    )
    if first == "pre-commit":
        desk.run("install")
    set_up(ana, desk.folder / "store")
    desk.run("install")
    ana.gitmodel("install")

    looked = desk.folder / "looked"
    before = looked.stat().st_size if looked.exists() else 0
    commit(ana, SECOND, "fraud 2")
    ana.git("push", "-q", "origin", "main")

    assert version_at(ana) == 2
    assert looked.stat().st_size > before
    check_out(desk.server.clone(desk.folder / "colleague"))


def test_every_hook_is_shipped_for_its_stage() -> None:
    text = (PACKAGE_ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")

    hooks = yaml.safe_load(text)

    assert sorted(hook["stages"][0] for hook in hooks) == sorted(HOOK_NAMES)
    for hook in hooks:
        (stage,) = hook["stages"]
        assert (hook["id"], hook["entry"]) == (f"gitmodel-{stage}", f"gitmodel hook {stage}")
        assert (hook["always_run"], hook["pass_filenames"]) == (True, False)
