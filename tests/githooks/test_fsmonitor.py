"""The switch `gitmodel install --fsmonitor`: when it is installed, and that only our script is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.githooks.fsmonitor import MonitorState, command_text, is_ours, look
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from tests.support.kept import Kept
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

SCRIPT = ".git/gitmodel/fsmonitor"


def build(folder: Path) -> Repo:
    repo = Repo.create(folder / "a 'quoted' \"$HOME\" place")
    repo.gitmodel("init", str(folder / "store"))
    repo.write("code.py", "x = 1\n")
    repo.commit("set up")
    return repo


def build_on(folder: Path) -> Repo:
    repo = build(folder)
    repo.gitmodel("install", "--fsmonitor")
    return repo


DESK, ON = Kept(build), Kept(build_on)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kept, fixture = (ON, "on") if "on" in request.fixturenames else (DESK, "desk")
    return kept.folder_for(request, fixture, tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Repo:
    """A repository with gitmodel and a committed file, in a folder that a shell would split."""
    return DESK.repo()


@pytest.fixture
def on(tmp_path: Path) -> Repo:
    """The same with the switch."""
    return ON.repo()


def state(repo: Repo) -> MonitorState:
    context = Context(environment=dict(os.environ), folder=str(repo.path))
    with Project.open(context) as project:
        return look(project, sys.executable).state


def config(repo: Repo, key: str) -> str:
    return repo.git("config", "--get", key, check=False).stdout.strip()


def mark(repo: Repo, sign: Path) -> None:
    """Let the script of a repository leave a sign whenever it is run."""
    script = repo.path / SCRIPT
    text = script.read_text(encoding="utf-8").splitlines(keepends=True)
    text.insert(1, f"echo \"$PWD\" >>'{sign}'\n")
    script.write_text("".join(text), encoding="utf-8")


# Installing and removing


def test_it_is_off_until_it_is_asked_for(desk: Repo) -> None:
    desk.gitmodel("install")

    assert state(desk) is MonitorState.OFF
    assert config(desk, "core.fsmonitor") == ""
    assert not (desk.path / SCRIPT).exists()


@pytest.mark.parametrize("verb", ["init", "install"])
def test_it_is_installed_and_kept_current_by_every_later_install(desk: Repo, verb: str) -> None:
    done = desk.gitmodel(verb, "--fsmonitor")
    assert "core.fsmonitor" in done.stdout
    assert state(desk) is MonitorState.ON
    script = desk.path / SCRIPT
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace(sys.executable, "/nowhere/python"), encoding="utf-8")
    assert state(desk) is MonitorState.OUTDATED

    desk.gitmodel("install")

    assert script.read_text(encoding="utf-8") == text
    assert state(desk) is MonitorState.ON


def test_the_script_of_an_earlier_gitmodel_is_replaced(on: Repo) -> None:
    from gitmodel.githooks.scripts import check_of

    script = on.path / SCRIPT
    kept = b"#!/bin/sh\n# gitmodel-hook: 1\ngitmodel_python=''\nexit 1\n"
    signed = kept.replace(b": 1\n", b": 1 " + check_of(kept) + b"\n")
    script.write_bytes(signed)
    on.git(
        "config", "core.fsmonitor", "exit 1 # gitmodel-fsmonitor: 1 " + check_of(b"exit 1").decode()
    )
    assert state(on) is MonitorState.OUTDATED

    on.gitmodel("install")

    assert state(on) is MonitorState.ON
    assert config(on, "core.fsmonitor") == command_text()


def test_it_is_turned_off_whole(on: Repo) -> None:
    before = on.git("config", "--local", "--list").stdout
    assert "fsmonitor" in before

    on.gitmodel("install", "--no-fsmonitor")

    assert "fsmonitor" not in on.git("config", "--local", "--list").stdout
    assert not (on.path / SCRIPT).exists()
    on.gitmodel("install")
    assert state(on) is MonitorState.OFF


def test_uninstalling_takes_it_back(on: Repo) -> None:
    on.gitmodel("checkout")
    on.git("commit", "-q", "--allow-empty", "-m", "x")
    assert (on.path / ".git/gitmodel/asked").exists()

    on.gitmodel("uninstall")

    assert "fsmonitor" not in on.git("config", "--local", "--list").stdout
    left = {path.name for path in (on.path / ".git/gitmodel").iterdir()}
    assert not left & {"fsmonitor", "seen", "asked"}


def test_an_edited_script_stays_and_so_does_its_key(on: Repo) -> None:
    mark(on, on.path.parent / "sign")
    assert state(on) is MonitorState.EDITED

    done = on.gitmodel("uninstall")

    assert "edited" in done.stderr
    assert is_ours(config(on, "core.fsmonitor"))
    assert (on.path / SCRIPT).exists()


def test_a_key_of_somebody_else_stays_when_the_script_goes(on: Repo) -> None:
    on.git("config", "core.fsmonitor", "false")

    on.gitmodel("uninstall")

    assert config(on, "core.fsmonitor") == "false"
    assert not (on.path / SCRIPT).exists()


@pytest.mark.parametrize("scope", ["--global", "--local", "--worktree"])
@pytest.mark.parametrize("value", ["true", "false", ".git/hooks/query-watchman"])
def test_a_slot_that_is_taken_in_any_scope_stays_as_it_is(
    desk: Repo, scope: str, value: str
) -> None:
    if scope == "--worktree":
        desk.git("config", "extensions.worktreeConfig", "true")
    desk.git("config", scope, "core.fsmonitor", value)

    done = desk.gitmodel("install", "--fsmonitor")

    assert f"core.fsmonitor is set already ({scope[2:]}: {value})" in done.stderr
    assert "gitmodel commit -am" in done.stderr
    assert config(desk, "core.fsmonitor") == value
    assert not (desk.path / SCRIPT).exists()
    assert config(desk, "gitmodel.fsmonitor") == ""


def test_once_the_slot_is_taken_globally_it_is_given_up(on: Repo) -> None:
    on.git("config", "--global", "core.fsmonitor", "true")

    done = on.gitmodel("install")

    assert "core.fsmonitor is set already (global: true)" in done.stderr
    assert config(on, "core.fsmonitor") == "true"
    assert not (on.path / SCRIPT).exists()


@pytest.mark.parametrize("key", ["core.untrackedCache", "feature.manyFiles"])
def test_beside_an_untracked_cache_it_is_not_installed(desk: Repo, key: str) -> None:
    desk.git("config", key, "true")

    assert f"{key} is on" in desk.gitmodel("install", "--fsmonitor").stderr
    assert state(desk) is MonitorState.OFF


def test_in_a_large_index_it_is_not_installed(desk: Repo) -> None:
    blob = desk.git("rev-parse", "HEAD:code.py").stdout.strip()
    entries = "".join(f"100644 {blob}\tmany/{number}\n" for number in range(50_000))
    desk.git("update-index", "--index-info", input_text=entries)

    assert "50,00" in desk.gitmodel("install", "--fsmonitor").stderr
    assert state(desk) is MonitorState.OFF


def test_the_persons_own_configuration_can_ask_for_it_in_every_clone(desk: Repo) -> None:
    desk.git("config", "--global", "gitmodel.fsmonitor", "true")
    desk.gitmodel("install")
    assert state(desk) is MonitorState.ON

    desk.gitmodel("install", "--no-fsmonitor")
    desk.gitmodel("install")

    assert state(desk) is MonitorState.OFF


# The command in the configuration


def test_where_the_script_is_gone_git_works_and_nobody_notices(on: Repo) -> None:
    (on.path / SCRIPT).unlink()
    on.write("code.py", "x = 2\n")

    done = on.git("status", "--porcelain")

    assert (done.stdout, done.stderr) == (" M code.py\n", "")
    on.git("commit", "-qam", "x")


def test_a_repository_that_was_moved_runs_its_own_script(on: Repo, tmp_path: Path) -> None:
    mark(on, tmp_path / "sign")
    moved = Repo(tmp_path / "moved")
    on.path.rename(moved.path)

    moved.git("status")

    assert (tmp_path / "sign").read_text().splitlines() == [str(moved.path)]


def test_a_linked_work_tree_and_a_folder_of_it_share_the_script(on: Repo, tmp_path: Path) -> None:
    mark(on, tmp_path / "sign")
    linked = tmp_path / "linked tree"
    on.git("worktree", "add", "-q", "-b", "linked", str(linked))
    (linked / "sub").mkdir()
    (tmp_path / "sign").unlink()

    Repo(linked).git("status")
    Repo(linked / "sub").git("status")
    on.git("--git-dir", str(linked / ".git"), "status")

    assert (tmp_path / "sign").read_text().splitlines()[:2] == [str(linked)] * 2


def test_a_submodule_has_a_switch_of_its_own(on: Repo, tmp_path: Path) -> None:
    outer = Repo.create(tmp_path / "outer")
    outer.git("submodule", "add", "-q", str(on.path), "inner")
    outer.commit("with inner")
    inner = Repo(outer.path / "inner")
    inner.gitmodel("install", "--fsmonitor")
    module = outer.path / ".git/modules/inner/gitmodel/fsmonitor"
    assert module.exists()
    assert state(inner) is MonitorState.ON
    assert state(outer) is MonitorState.OFF
    inner.write("code.py", "x = 2\n")

    assert outer.git("status", "--porcelain").stdout == " M inner\n"
    assert inner.git("status", "--porcelain").stdout == " M code.py\n"


@pytest.fixture
def hostile(tmp_path: Path) -> Repo:
    """A stranger's work tree that carries everything which the command looks for."""
    repo = Repo.create(tmp_path / "hostile")
    sign = tmp_path / "attacked"
    for place in ("gitmodel", ".git/gitmodel", "gitmodel/gitmodel"):
        script = repo.write(f"{place}/fsmonitor", f"#!/bin/sh\ntouch '{sign}'\nprintf '/\\0'\n")
        script.chmod(0o755)
    repo.write("commondir", "gitmodel\n")
    repo.write(".gitmodel.yaml", 'gitmodel: 1\nproject: "demo"\nid: "9c1f22ab"\n')
    repo.write(".gitconfig", "[core]\n\tfsmonitor = touch attacked\n")
    repo.write("config", "[core]\n\tfsmonitor = touch attacked\n")
    repo.git("add", "-A", ":!config")
    repo.git("commit", "-qm", "x")
    return repo


def both(git_dir: Path, work_tree: Path) -> list[str]:
    return ["--git-dir", str(git_dir), "--work-tree", str(work_tree)]


WAYS: Mapping[str, Callable[[Repo, Repo], tuple[list[str], dict[str, str]]]] = {
    "options": lambda a, b: (both(a.path / ".git", b.path), {}),
    "relative options": lambda a, b: (
        ["--git-dir", os.path.relpath(a.path / ".git", b.path), "--work-tree", "."],
        {},
    ),
    "environment": lambda a, b: (
        [],
        {"GIT_DIR": str(a.path / ".git"), "GIT_WORK_TREE": str(b.path)},
    ),
    "GIT_DIR alone": lambda a, _: ([], {"GIT_DIR": str(a.path / ".git")}),
    "-C and GIT_DIR": lambda a, b: (["-C", str(b.path)], {"GIT_DIR": str(a.path / ".git")}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", [["status"], ["add", "-A"], ["commit", "-qam", "x"]])
def test_no_file_of_another_work_tree_is_run(
    on: Repo, hostile: Repo, tmp_path: Path, way: str, command: list[str]
) -> None:
    mark(on, tmp_path / "sign")
    options, environment = WAYS[way](on, hostile)

    hostile.git(*options, *command, env=environment, check=False)

    assert not (tmp_path / "attacked").exists()
    assert (tmp_path / "sign").exists()


def test_a_work_tree_elsewhere_by_configuration_runs_our_script(
    on: Repo, hostile: Repo, tmp_path: Path
) -> None:
    mark(on, tmp_path / "sign")
    on.git("config", "core.worktree", str(hostile.path))

    on.git("status")
    Repo(on.path / ".git").git("status")
    on.git("status", env={"GIT_WORK_TREE": str(hostile.path)})

    assert not (tmp_path / "attacked").exists()
    assert (tmp_path / "sign").read_text().splitlines() == [str(hostile.path)] * 3


@pytest.mark.parametrize("how", ["clone", "nested clone", "nested folder", "copy of the work tree"])
def test_nothing_that_a_clone_brings_is_run(
    on: Repo, hostile: Repo, tmp_path: Path, how: str
) -> None:
    (hostile.path / ".git/gitmodel/fsmonitor").unlink()  # not part of what is cloned
    if how == "clone":
        repo = hostile.clone(tmp_path / "cloned")
        repo.gitmodel("install", "--fsmonitor")
    elif how == "nested clone":
        repo = hostile.clone(on.path / "nested")
    elif how == "nested folder":
        shutil.copytree(hostile.path, on.path / "nested", ignore=shutil.ignore_patterns(".git"))
        repo = Repo(on.path / "nested")
    else:
        shutil.copytree(
            hostile.path,
            on.path,
            ignore=shutil.ignore_patterns(".git", ".gitmodel.yaml"),
            dirs_exist_ok=True,
        )
        repo = on

    repo.git("status")
    repo.git("add", "-A")
    repo.git("commit", "-qam", "x", check=False)
    on.git("status")

    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    "content", ["gitdir: hostile\n", "gitdir: ../gitmodel", "x\n", "", "gitdir:\n", "\\n\\0\n"]
)
def test_a_git_file_that_git_refuses_runs_nothing(
    on: Repo, hostile: Repo, tmp_path: Path, content: str
) -> None:
    """Git reads it first: our configuration is in force only where it leads to our Git folder."""
    shutil.rmtree(hostile.path / ".git")
    hostile.write(".git", content)

    hostile.git("status", check=False)
    hostile.git("status", check=False, env={"GIT_DIR": str(on.path / ".git")})

    assert not (tmp_path / "attacked").exists()


def test_a_git_file_that_leads_to_ours_runs_ours(on: Repo, hostile: Repo, tmp_path: Path) -> None:
    mark(on, tmp_path / "sign")
    shutil.rmtree(hostile.path / ".git")
    hostile.write(".git", f"gitdir: {on.path / '.git'}\n")

    hostile.git("status")

    assert not (tmp_path / "attacked").exists()
    assert (tmp_path / "sign").exists()


def test_a_script_that_is_a_link_or_a_folder_is_never_a_way_out(on: Repo, tmp_path: Path) -> None:
    (on.path / SCRIPT).unlink()
    (on.path / SCRIPT).mkdir()

    done = on.git("status", "--porcelain")

    assert done.stderr == ""


def test_a_shell_with_other_separators_reads_the_same(on: Repo, tmp_path: Path) -> None:
    mark(on, tmp_path / "sign")
    linked = tmp_path / "linked"
    on.git("worktree", "add", "-q", "-b", "linked", str(linked))
    (tmp_path / "sign").unlink()

    Repo(linked).git("status", env={"IFS": "/", "d": "/nowhere", "c": "/nowhere"})

    assert (tmp_path / "sign").exists()


@pytest.mark.parametrize(
    ("command", "most"),
    [
        (["status"], 1),
        (["diff"], 1),
        (["add", "-A"], 1),
        (["commit", "-qam", "x"], 2),
        (["commit", "-q", "code.py", "-m", "x"], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_git_asks_once_and_takes_the_first_answer(
    on: Repo, tmp_path: Path, command: list[str], most: int
) -> None:
    """Of an answer that fails Git asks again, in an earlier way, and then looks at every file."""
    on.git("status")  # so that its index knows the files of this copy
    on.write("code.py", "x = 2\n")
    trace = tmp_path / "trace"

    on.git(*command, env={"GIT_TRACE_FSMONITOR": str(trace)})

    text = trace.read_text(encoding="utf-8")
    assert 1 <= text.count("returned success") <= most
    assert "returned failure" not in text


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_answers_are_those_that_git_knows(on: Repo, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")

    def ask(*words: str) -> bytes:
        done = subprocess.run(
            [program, SCRIPT, *words], cwd=on.path, capture_output=True, check=True, timeout=60
        )
        assert done.stderr == b""
        return done.stdout

    assert ask("2", "gitmodel") == b"gitmodel\0/\0"
    assert ask("1", "123456789") == b"/\0"


# What doctor proves


def row(repo: Repo) -> str:
    """What doctor says about commits of nothing but weights, with its hint."""
    lines = repo.gitmodel("doctor", "--offline", check=False).stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "nothing but weights" in line)
    return "\n".join(lines[at : at + 2] if lines[at].startswith("wrong") else lines[at : at + 1])


def test_doctor_says_how_a_commit_of_nothing_but_weights_is_made(desk: Repo) -> None:
    said = row(desk)

    assert said.startswith("ok")
    assert "gitmodel commit; to make it one command: gitmodel install --fsmonitor" in said


def test_doctor_has_git_run_the_script(on: Repo) -> None:
    assert "one command: Git ran the script" in row(on)

    script = on.path / SCRIPT
    interpreter = on.path.parent / "python"
    interpreter.write_text("#!/bin/sh\necho broken >&2\nexit 1\n", encoding="utf-8")
    interpreter.chmod(0o755)
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace(sys.executable, str(interpreter)), encoding="utf-8")
    assert row(on).startswith("wrong")

    on.gitmodel("install")
    assert row(on).startswith("ok")


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda repo: (repo.path / SCRIPT).unlink(), "the script is missing"),
        (lambda repo: repo.git("config", "--unset", "core.fsmonitor"), "it is not set"),
    ],
    ids=["script", "key"],
)
def test_doctor_names_what_is_missing_and_the_command_mends_it(
    on: Repo, break_it: Callable[[Repo], object], words: str
) -> None:
    break_it(on)
    said = row(on)
    assert said.startswith("wrong")
    assert words in said
    assert said.endswith("run: gitmodel install")

    on.gitmodel("install")

    assert row(on).startswith("ok")


def test_doctor_names_whose_value_counts(on: Repo) -> None:
    on.git("config", "--global", "core.fsmonitor", "true")
    assert "hides what was there: core.fsmonitor is Git's own daemon (global)" in row(on)

    on.git("config", "--unset", "core.fsmonitor")

    said = row(on)
    assert said.startswith("wrong")
    assert "core.fsmonitor is Git's own daemon (global)" in said
    on.gitmodel("install", "--no-fsmonitor")
    assert row(on).startswith("ok")


def test_doctor_finds_an_untracked_cache_that_was_turned_on_later(on: Repo) -> None:
    on.git("config", "core.untrackedCache", "true")
    assert "core.untrackedCache is on" in row(on)

    on.gitmodel("install")

    assert row(on).startswith("ok")
