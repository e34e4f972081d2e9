"""`gitmodel commit`: commits of nothing but weights in one command, and Git's own commit otherwise."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import version_in
from tests.support.operations import NEW, POINTER, WEIGHTS, World, again, agree, result
from tests.support.repo import GIT

if TYPE_CHECKING:
    from collections.abc import Sequence


def committed_version(world: World, revision: str = "HEAD") -> int:
    return version_in(world.ana.git("show", f"{revision}:{POINTER}").stdout)


def test_nothing_but_weights_is_one_commit(world: World) -> None:
    world.train()
    before = world.ana.head()

    done = world.ana.gitmodel("commit", "-am", "fraud 4")

    assert "fraud is v4 (was v2)" in done.stderr
    assert committed_version(world) == 4
    assert world.ana.head("HEAD^") == before
    assert world.ana.git("status", "--porcelain").stdout == ""
    agree(world)


def test_a_pointer_named_as_path_is_one_commit_of_that_model_alone(world: World) -> None:
    """`git commit POINTER` says "nothing to commit" however often it is repeated."""
    world.ana.write("churn.bin", b"churn 1" * 100)
    world.ana.gitmodel("add", "churn.bin", "-m", "churn 1")
    world.train()
    world.ana.write("churn.bin", b"churn 2" * 100)

    world.ana.gitmodel("commit", POINTER, "-m", "fraud 4")

    assert committed_version(world) == 4
    assert version_in(world.ana.git("show", "HEAD:churn.model.yaml").stdout) == 1
    assert version_in(world.ana.read("churn.model.yaml").decode()) == 1
    assert world.ana.git("status", "--porcelain").stdout == ""
    assert world.ana.git("diff", "--name-only", "HEAD^", "HEAD").stdout == f"{POINTER}\n"


def test_words_on_a_pointer_that_are_not_staged_stay_in_the_new_version(world: World) -> None:
    text = world.ana.read(POINTER).decode()
    world.ana.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))
    world.train()

    world.ana.gitmodel("commit", "-am", "fraud 4")

    assert committed_version(world) == 4
    assert 'description: "cards"' in world.ana.git("show", f"HEAD:{POINTER}").stdout


def test_a_pointer_that_was_deleted_stays_deleted(world: World) -> None:
    (world.ana.path / POINTER).unlink()
    world.train()

    world.ana.gitmodel("commit", "-am", "without fraud")

    assert world.ana.git("ls-files", POINTER).stdout == ""
    assert not (world.ana.path / POINTER).exists()
    assert world.ana.read(WEIGHTS) == NEW


@pytest.mark.parametrize(
    "arguments",
    [
        ["-qm", "plain"],
        ["--dry-run", "-a"],
        ["-n", "-qam", "no hooks"],
        ["-qam", "nothing", "--invented"],
        ["-a", POINTER, "-m", "refused by Git"],
        ["no-such-path", "-m", "x"],
        ["-qm", "code", "code.py"],
        ["--amend", "--no-edit", "-q"],
        [],
    ],
    ids=" ".join,
)
def test_where_it_does_not_act_it_is_git_commit(arguments: Sequence[str], world: World) -> None:
    """The same exit code, output, commits, index and files as `git commit` with the same words."""

    def run(world: World, *, ours: bool) -> tuple[object, ...]:
        world.train()
        env = {"GIT_EDITOR": "true"}
        call = world.ana.gitmodel if ours else world.ana.git
        dates = {"GIT_AUTHOR_DATE": "1760000000 +0000", "GIT_COMMITTER_DATE": "1760000000 +0000"}
        done = call("commit", *arguments, check=False, env=env | dates)
        world.codes.append(done.returncode)
        return done.stdout, done.stderr, world.ana.read(POINTER), result(world)

    by_git = run(world, ours=False)
    by_gitmodel = run(again(world), ours=True)

    assert by_gitmodel == by_git


def test_outside_of_a_repository_git_says_so(world: World, tmp_path_factory: object) -> None:
    done = world.ana.gitmodel("-C", str(world.folder), "commit", "-am", "x", check=False)

    assert done.returncode == 128
    assert "not a git repository" in done.stderr


def test_in_a_repository_without_gitmodel_it_is_git_commit(world: World) -> None:
    world.ana.git("switch", "-q", "--orphan", "fresh")
    world.ana.write("code.py", "x = 3\n")
    world.ana.git("add", "code.py")

    assert world.ana.gitmodel("commit", "-am", "fresh").returncode == 0
    assert not (world.ana.path / POINTER).exists()


def test_weights_that_pre_commit_refuses_are_refused_by_it(world: World) -> None:
    """The pointer has moved since these weights were made: a person has to choose."""
    world.train()
    world.ana.git("checkout", "-q", "other", "--", POINTER)

    done = world.ana.gitmodel("commit", "-am", "x", check=False)

    assert done.returncode == 1
    assert done.stderr.count("the pointer has moved to version 3") == 1


def test_while_a_file_is_in_conflict_only_the_hook_acts(world: World) -> None:
    world.ana.write("churn.bin", b"churn 1" * 100)
    world.ana.gitmodel("add", "churn.bin", "-m", "churn 1")
    world.ana.git("merge", "-q", "other", check=False)
    world.ana.write("churn.bin", b"churn 2" * 100)
    assert world.ana.git("ls-files", "--unmerged").stdout

    done = world.ana.gitmodel("commit", "churn.model.yaml", "-m", "x", check=False)

    assert done.returncode == 128  # Git: cannot do a partial commit during a merge
    assert version_in(world.ana.read("churn.model.yaml").decode()) == 1


def test_git_gets_standard_input_and_the_environment_of_the_caller(world: World) -> None:
    hook = world.ana.path / ".git/hooks/commit-msg"
    hook.write_text('#!/bin/sh\nenv >"$(git rev-parse --git-dir)/seen-env"\n', encoding="utf-8")
    hook.chmod(0o755)
    world.train()

    world.ana.gitmodel("commit", "-qaF", "-", input_text="from stdin\n", env={"OWN": "1"})

    assert world.ana.git("log", "-1", "--format=%s").stdout == "from stdin\n"
    names = [
        line.partition("=")[0] for line in world.ana.read(".git/seen-env").decode().split("\n")
    ]
    assert "OWN" in names
    assert "OPENBLAS_NUM_THREADS" not in names
    assert committed_version(world) == 4


def test_git_is_the_process_that_was_started_and_dies_of_a_closed_pipe(world: World) -> None:
    """Python ignores SIGPIPE, and what it starts would as well."""
    editor = world.folder / "editor"
    editor.write_text('#!/bin/sh\ngrep SigIgn "/proc/$PPID/status" >>"$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    world.train()

    world.ana.gitmodel("commit", "-qa", "--cleanup=verbatim", env={"GIT_EDITOR": str(editor)})

    text = world.ana.git("log", "-1", "--format=%B").stdout
    ignored = int(text.partition("SigIgn:")[2].split()[0], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))


def test_the_editor_has_the_terminal(world: World) -> None:
    world.train()
    own, other = pty.openpty()
    editor = world.folder / "editor"
    editor.write_text('#!/bin/sh\ntest -t 0 && test -t 1 && echo typed >"$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gitmodel", "commit", "-qa"],
        cwd=world.ana.path,
        env=os.environ | {"GIT_EDITOR": str(editor), "TERM": "xterm"},
        stdin=other,
        stdout=other,
        stderr=other,
    )
    os.close(other)
    try:
        while os.read(own, 4096):
            pass
    except OSError:  # the other side is closed
        pass
    os.close(own)

    assert process.wait() == 0
    assert world.ana.git("log", "-1", "--format=%s").stdout == "typed\n"


def test_an_index_of_ones_own_is_the_one_that_counts(world: World) -> None:
    world.train()
    own = str(world.folder / "own-index")
    world.ana.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": own})

    world.ana.gitmodel("commit", "-qam", "fraud 4", env={"GIT_INDEX_FILE": own})

    assert committed_version(world) == 4


def test_help_is_ours(world: World) -> None:
    assert "Register new weights" in world.ana.gitmodel("commit", "--help").stdout


def test_where_there_is_no_git_program_it_says_so(world: World) -> None:
    done = world.ana.gitmodel("commit", "-am", "x", check=False, env={"PATH": "/nowhere"})

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "install Git" in done.stderr
    assert os.path.isabs(GIT)


def test_the_hook_names_what_makes_it_one_command(world: World) -> None:
    world.train()

    said = world.git("commit", "-qam", "x")

    assert "run the same command again" in said
    assert said.count("gitmodel commit -am MESSAGE") == 1
    assert said.count("gitmodel install --fsmonitor") == 1


def test_the_hook_does_not_name_a_switch_that_cannot_be_installed(world: World) -> None:
    world.ana.git("config", "core.fsmonitor", "false")
    world.train()

    said = world.git("commit", "-qam", "x")

    assert "gitmodel commit -am MESSAGE" in said
    assert "--fsmonitor" not in said


def test_of_a_plain_commit_the_hook_names_nothing_that_does_not_help(world: World) -> None:
    world.train()

    said = world.git("commit", "-qm", "x")

    assert "run the same command again" in said
    assert "gitmodel commit" not in said
    assert "--fsmonitor" not in said


def test_a_pointer_named_to_git_commit_gets_the_command_that_commits_it(world: World) -> None:
    world.train()

    said = world.git("commit", "-q", POINTER, "-m", "x")
    assert world.codes == [1]
    assert f"hint: gitmodel commit {POINTER}" in said
    world.ana.gitmodel("commit", POINTER, "-m", "x")

    assert committed_version(world) == 4


def test_a_commit_of_other_paths_is_not_told_about_weights(world: World) -> None:
    world.train()
    world.ana.write("code.py", "x = 9\n")

    assert world.git("commit", "-q", "code.py", "-m", "x") == ""


def test_a_version_whose_commit_another_hook_refused_is_in_the_next_commit(world: World) -> None:
    """The pointer lies on disk then, and is not staged."""
    hook = world.ana.path / ".git/hooks/pre-commit.before-gitmodel"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    world.train()
    assert world.ana.gitmodel("commit", "-qam", "x", check=False).returncode == 1
    hook.unlink()
    world.ana.write("code.py", "x = 9\n")
    world.git("add", "code.py")

    world.git("commit", "-qm", "plain")

    assert world.codes == [0, 0]
    assert committed_version(world) == 4
    assert world.ana.git("status", "--porcelain").stdout == ""
