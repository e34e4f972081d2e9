"""The hook scripts in the hands of Git and of two shells.

The script is what is tested, so the Python that it starts is replaced by a recorder: a small
program that writes down its arguments and its standard input, and ends as told.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.githooks import scripts
from gitmodel.githooks.install import HOOK_NAMES, install
from gitmodel.project.clone import AFTER_COMMIT_NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

RECORDER = """\
#!/bin/sh
{ printf 'call'; for argument; do printf '\\t%s' "$argument"; done; printf '\\n'; } >> "$0.calls"
printf '%s' "${PYTHONPATH-unset}" > "$0.pythonpath"
if [ -e "$0.reads" ]; then cat > "$0.stdin"; fi
if [ -e "$0.begun" ]; then cat "$0.begun" >&"$GITMODEL_BEGUN"; fi
exit "$(cat "$0.status" 2> "$0.errors" || echo 0)"
"""

SHELLS = [path for name in ("dash", "bash", "busybox") if (path := shutil.which(name))]
READS_STDIN = ("pre-push", "post-rewrite")
CAN_REFUSE = ("pre-commit", "pre-merge-commit", "pre-push")
AFTERWARDS = tuple(name for name in HOOK_NAMES if name.startswith("post-"))
START = ["-E", "-X", "utf8", "-P", "-m", "gitmodel", "hook"]
ZERO = "0" * 40
POINTER = "models/fraud.model.yaml"


@dataclasses.dataclass
class Recorder:
    """A program that records how it was called."""

    path: Path

    @classmethod
    def create(cls, path: Path, *, status: int = 0, reads: bool = True) -> Recorder:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RECORDER, encoding="utf-8")
        path.chmod(0o755)
        recorder = cls(path)
        recorder.beside(".status").write_text(str(status), encoding="utf-8")
        if reads:
            recorder.beside(".reads").touch()
        return recorder

    def beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    @property
    def calls(self) -> list[list[str]]:
        """Arguments of each call, oldest first."""
        try:
            text = self.beside(".calls").read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return []
        return [line.split("\t")[1:] for line in text.splitlines()]

    @property
    def stdin(self) -> bytes:
        return self.beside(".stdin").read_bytes()


@pytest.fixture
def folder(repo: Repo) -> Path:
    return repo.path / ".git" / "hooks"


@pytest.fixture
def tool(tmp_path: Path, folder: Path) -> Recorder:
    """The recorder, filled in as the interpreter of all hooks of `repo`."""
    recorder = Recorder.create(tmp_path / "some one's python" / "python 3")
    install(str(folder), interpreter=str(recorder.path))
    return recorder


def earlier(folder: Path, name: str, *, status: int = 0, reads: bool = True) -> Recorder:
    return Recorder.create(folder / f"{name}.before-gitmodel", status=status, reads=reads)


def leave_note(repo: Repo) -> None:
    """What pre-commit leaves for post-commit, which without it starts nothing."""
    (repo.path / ".git" / AFTER_COMMIT_NOTE).touch()


def run_script(
    repo: Repo, name: str, *arguments: str, shell: str = "/bin/sh", stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run an installed script as Git does, at the top of the work tree, but by this shell."""
    command = [shell, "sh"] if shell.endswith("busybox") else [shell]
    leave_note(repo)
    return subprocess.run(
        [*command, f".git/hooks/{name}", *arguments],
        cwd=repo.path,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )


def push_line(repo: Repo, revision: str = "HEAD", ref: str = "refs/heads/main") -> bytes:
    return f"{ref} {repo.head(revision)} {ref} {ZERO}\n".encode()


@pytest.mark.parametrize("shell", SHELLS)
class TestInEveryShell:
    """POSIX sh and nothing more: what Debian, macOS, Alpine and Git for Windows bring."""

    @pytest.mark.parametrize("name", HOOK_NAMES)
    def test_arguments_arrive_as_they_were(
        self, repo: Repo, tool: Recorder, shell: str, name: str
    ) -> None:
        arguments = ["a b", "", "*", "$HOME", "it's", '"', "-n", "\\t", "ä"]

        done = run_script(repo, name, *arguments, shell=shell)

        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert tool.calls == [[*START, name, *arguments]]

    @pytest.mark.parametrize("name", READS_STDIN)
    @pytest.mark.parametrize(
        "stdin",
        [
            b"",
            b"\n",
            b"\n\n\n",
            b"one line\n",
            b"no end of line",
            b"trailing\n\n",
            b"-n %s \\n \\0 $x `y`\n",
            b"refs/heads/\xe4\xff " + b"1" * 40 + b"\n",
            b"refs/heads/long " * 40_000,
        ],
        ids=["empty", "newline", "newlines", "line", "open", "blank", "odd", "latin", "large"],
    )
    def test_stdin_arrives_whole_at_both(
        self, repo: Repo, tool: Recorder, *, shell: str, name: str, stdin: bytes
    ) -> None:
        first = earlier(repo.path / ".git" / "hooks", name)

        done = run_script(repo, name, "origin", "url", shell=shell, stdin=stdin)

        assert (done.returncode, done.stderr) == (0, b"")
        assert first.stdin == stdin
        assert tool.stdin == stdin

    def test_a_hook_that_reads_no_stdin_is_no_error(
        self, repo: Repo, folder: Path, tool: Recorder, shell: str
    ) -> None:
        earlier(folder, "pre-push", reads=False)

        done = run_script(repo, "pre-push", shell=shell, stdin=b"x" * 1_000_000)

        assert (done.returncode, done.stderr) == (0, b"")
        assert len(tool.stdin) == 1_000_000

    @pytest.mark.parametrize("name", HOOK_NAMES)
    def test_an_earlier_hook_runs_first_with_the_same_arguments(
        self, repo: Repo, folder: Path, tool: Recorder, shell: str, name: str
    ) -> None:
        first = earlier(folder, name)

        assert run_script(repo, name, "a b", "", shell=shell).returncode == 0

        assert first.calls == [["a b", ""]]
        assert tool.calls == [[*START, name, "a b", ""]]
        written = [
            path.stat().st_mtime_ns for path in (first.beside(".calls"), tool.beside(".calls"))
        ]
        assert written == sorted(written)

    @pytest.mark.parametrize("name", CAN_REFUSE)
    def test_a_refusal_of_an_earlier_hook_is_final(
        self, repo: Repo, folder: Path, tool: Recorder, shell: str, name: str
    ) -> None:
        earlier(folder, name, status=7)

        assert run_script(repo, name, shell=shell).returncode == 7
        assert tool.calls == []

    @pytest.mark.parametrize("name", AFTERWARDS)
    def test_afterwards_git_sees_what_the_earlier_hook_says(
        self, repo: Repo, folder: Path, tool: Recorder, shell: str, name: str
    ) -> None:
        """As if gitmodel were not there, which runs all the same."""
        earlier(folder, name, status=7)

        assert run_script(repo, name, shell=shell).returncode == 7
        assert len(tool.calls) == 1

    @pytest.mark.parametrize("name", CAN_REFUSE)
    @pytest.mark.parametrize("status", [10, 129, 130, 143])
    def test_a_refusal_or_an_interruption_stops_git_without_further_words(
        self, repo: Repo, tool: Recorder, shell: str, name: str, status: int
    ) -> None:
        tool.beside(".status").write_text(str(status), encoding="utf-8")

        done = run_script(repo, name, shell=shell)
        assert (done.returncode, done.stderr) == (1, b"")

    @pytest.mark.parametrize("name", ["pre-commit", "pre-merge-commit"])
    @pytest.mark.parametrize("status", [1, 2, 3, 120, 137, 139])
    def test_a_gitmodel_that_breaks_before_it_comes_to_weights_never_blocks_a_commit(
        self, repo: Repo, tool: Recorder, shell: str, name: str, status: int
    ) -> None:
        tool.beside(".status").write_text(str(status), encoding="utf-8")

        done = run_script(repo, name, shell=shell)

        kind = b"commit" if name == "pre-commit" else b"merge"
        assert done.returncode == 0
        assert done.stderr == (
            b"gitmodel did not run to its end (status %d): "
            b"this %s registers no weights.\n"
            b"hint: gitmodel doctor; if that does not start, install gitmodel and run: "
            b"gitmodel install\n" % (status, kind)
        )

    @pytest.mark.parametrize("name", ["pre-commit", "pre-merge-commit"])
    @pytest.mark.parametrize("status", [0, 1, 2, 3, 120, 126, 127, 137, 139])
    def test_a_gitmodel_that_breaks_amid_changed_weights_blocks_the_commit(
        self, repo: Repo, tool: Recorder, shell: str, name: str, status: int
    ) -> None:
        tool.beside(".status").write_text(str(status), encoding="utf-8")
        tool.beside(".begun").write_text("team/fraud\nbert-2.0_x\n", encoding="utf-8")

        done = run_script(repo, name, shell=shell)

        kind = b"commit" if name == "pre-commit" else b"merge"
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr == (
            b"gitmodel ended with status %d while it read the changed weights of bert-2.0_x, "
            b"so the %s is refused: it would go on without their new version.\n"
            b"hint: commit again; or without a new version, which a later commit then makes: "
            b"git commit --no-verify\n" % (status, kind)
        )

    @pytest.mark.parametrize("name", ["pre-commit", "pre-merge-commit"])
    @pytest.mark.parametrize(
        ("status", "code"), [(0, 0), (1, 0), (137, 0), (10, 1), (130, 1), (143, 1)]
    )
    def test_a_gitmodel_that_is_done_with_the_weights_says_by_its_status_what_it_wants(
        self, repo: Repo, tool: Recorder, *, shell: str, name: str, status: int, code: int
    ) -> None:
        tool.beside(".status").write_text(str(status), encoding="utf-8")
        tool.beside(".begun").write_text("fraud\n=\n", encoding="utf-8")

        assert run_script(repo, name, shell=shell).returncode == code

    @pytest.mark.parametrize("name", AFTERWARDS)
    @pytest.mark.parametrize("status", [1, 10, 127, 130])
    def test_afterwards_a_gitmodel_that_breaks_is_one_line(
        self, repo: Repo, tool: Recorder, shell: str, name: str, status: int
    ) -> None:
        tool.beside(".status").write_text(str(status), encoding="utf-8")

        done = run_script(repo, name, shell=shell)

        assert done.returncode == 0
        assert done.stderr.startswith(b"gitmodel did not run to its end: ")
        assert done.stderr.count(b"\n") == 1

    @pytest.mark.parametrize("name", HOOK_NAMES)
    def test_without_its_python_the_gitmodel_on_the_path_runs(
        self,
        repo: Repo,
        tool: Recorder,
        monkeypatch: pytest.MonkeyPatch,
        *,
        shell: str,
        name: str,
    ) -> None:
        """Without PYTHONPATH, so that no module of the repository comes before an installed one."""
        tool.path.unlink()
        on_path = Recorder.create(repo.path.parent / "bin folder" / "gitmodel")
        monkeypatch.setenv("PATH", f"{on_path.path.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", ".")

        done = run_script(repo, name, "a b", shell=shell, stdin=b"lines\n")

        assert (done.returncode, done.stderr) == (0, b"")
        assert on_path.calls == [["hook", name, "a b"]]
        assert on_path.beside(".pythonpath").read_text("utf-8") == ""
        if name in READS_STDIN:
            assert on_path.stdin == b"lines\n"

    @pytest.mark.parametrize("name", [name for name in HOOK_NAMES if name != "pre-push"])
    def test_without_any_gitmodel_the_hook_warns_and_lets_git_go_on(
        self, repo: Repo, tool: Recorder, shell: str, name: str
    ) -> None:
        tool.path.unlink()

        done = run_script(repo, name, shell=shell)

        assert done.returncode == 0
        kind = b"merge" if name == "pre-merge-commit" else b"commit"
        missing = b"gitmodel is not there: this %s registers no weights" % kind
        assert (
            missing if name in CAN_REFUSE else b"gitmodel did not run to its end: "
        ) in done.stderr

    def test_without_any_gitmodel_a_push_of_a_pointer_is_refused(
        self, repo: Repo, tool: Recorder, shell: str
    ) -> None:
        tool.path.unlink()
        repo.write(POINTER, "gitmodel: 1\n")
        repo.git("-c", "core.hooksPath=/dev/null", "add", ".")
        repo.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "v1")

        done = run_script(repo, "pre-push", "origin", "url", shell=shell, stdin=push_line(repo))

        assert done.returncode == 1
        assert b"gitmodel install" in done.stderr
        assert b"git push --no-verify" in done.stderr


class TestPushWithoutGitmodel:
    """A push is refused where weights could be lost, and nowhere else."""

    @pytest.fixture
    def bare(self, repo: Repo, tmp_path: Path) -> Path:
        path = tmp_path / "remote repo.git"
        repo.git("init", "-q", "--bare", str(path))
        repo.git("remote", "add", "origin", str(path))
        return path

    @pytest.fixture
    def missing(self, repo: Repo, folder: Path, bare: Path) -> None:
        """Code is pushed already, then a pointer was committed; gitmodel is gone."""
        repo.write("code.py", "1\n")
        repo.commit("code")
        repo.git("push", "-q", "-u", "origin", "main")
        repo.write(POINTER, "gitmodel: 1\n")
        repo.commit("v1")
        install(str(folder), interpreter=str(bare / "gone"))

    @pytest.mark.usefixtures("missing")
    def test_a_new_pointer_is_refused_and_the_ref_stays(self, repo: Repo) -> None:
        done = repo.git("push", "origin", "main", check=False)

        assert done.returncode == 1
        assert "so the push is refused" in done.stderr
        assert repo.git("rev-parse", "origin/main").stdout == repo.git("rev-parse", "HEAD~").stdout

    @pytest.mark.usefixtures("missing")
    @pytest.mark.parametrize(
        "refs",
        [
            ["HEAD:refs/heads/new"],
            ["HEAD^0:refs/heads/new", "HEAD~:refs/heads/other"],
            [":/v1:refs/heads/new"],
            ["refs/tags/annotated"],
            ["--all"],
            ["--mirror"],
        ],
    )
    def test_however_it_is_pushed(self, repo: Repo, refs: list[str]) -> None:
        repo.git("tag", "-a", "-m", "words", "annotated")

        assert repo.git("push", "origin", *refs, check=False).returncode == 1

    @pytest.mark.usefixtures("missing")
    def test_a_pointer_that_only_history_has_is_refused(self, repo: Repo) -> None:
        """Added on a side branch, gone again at the tip: simplified history would not show it."""
        repo.git("switch", "-q", "-c", "topic", "HEAD~")
        repo.git("switch", "-q", "-c", "side")
        repo.write("side.model.yaml", "gitmodel: 1\n")
        repo.commit("add")
        repo.git("rm", "-q", "side.model.yaml")
        repo.git("commit", "-q", "-m", "remove")
        repo.git("switch", "-q", "topic")
        repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")

        assert repo.git("push", "origin", "topic", check=False).returncode == 1

    @pytest.mark.usefixtures("missing")
    def test_code_goes_up(self, repo: Repo) -> None:
        repo.git("switch", "-q", "-c", "topic", "HEAD~")
        repo.write("code.py", "2\n")
        repo.commit("code")

        repo.git("push", "origin", "topic")

    @pytest.mark.usefixtures("missing")
    def test_nothing_new_and_deletions_go_through(self, repo: Repo) -> None:
        repo.git("push", "origin", "main~:refs/heads/main", "main~:refs/heads/old")

        repo.git("push", "origin", "--delete", "old")

    @pytest.mark.usefixtures("missing")
    def test_a_tag_of_a_blob_goes_through_and_does_not_hide_a_pointer(self, repo: Repo) -> None:
        repo.git("tag", "blob", repo.head("HEAD:code.py"))
        repo.git("push", "origin", "blob")

        repo.git("tag", "blob2", repo.head("HEAD:code.py"))
        assert repo.git("push", "origin", "blob2", "main", check=False).returncode == 1

    @pytest.mark.usefixtures("missing")
    def test_a_push_to_an_address_has_no_remote_to_compare_with(
        self, repo: Repo, bare: Path
    ) -> None:
        assert repo.git("push", str(bare), "main", check=False).returncode == 1
        repo.git("push", str(bare), "main~:refs/heads/other")

    @pytest.mark.usefixtures("missing")
    def test_both_ways_out_work(self, repo: Repo, folder: Path, tmp_path: Path) -> None:
        repo.git("push", "--no-verify", "origin", "main:refs/heads/one")

        tool = Recorder.create(tmp_path / "python")
        install(str(folder), interpreter=str(tool.path))
        repo.git("push", "origin", "main:refs/heads/two")
        assert [call[: len(START) + 1] for call in tool.calls] == [[*START, "pre-push"]]


class TestUnderGit:
    """Real Git runs the scripts: where it runs which one is research; that it does is a test."""

    def test_a_commit_runs_pre_commit_and_no_python_afterwards(
        self, repo: Repo, tool: Recorder
    ) -> None:
        repo.commit("first")

        assert tool.calls == [[*START, "pre-commit"]]

    @pytest.mark.parametrize("place", ["top", "folder", "worktree", "submodule", "separate"])
    def test_post_commit_finds_the_note_of_its_own_work_tree(
        self, repo: Repo, tool: Recorder, place: str
    ) -> None:
        work = commit_place(repo, place)
        git_folder = work.git("rev-parse", "--absolute-git-dir").stdout.rstrip("\n")
        work.git("commit", "-q", "--allow-empty", "-m", "without")
        assert [*START, "post-commit"] not in tool.calls

        note = os.path.join(git_folder, AFTER_COMMIT_NOTE)
        with open(note, "xb"):
            work.git("commit", "-q", "--allow-empty", "-m", "with")
        assert tool.calls[-1] == [*START, "post-commit"]

    def test_git_runs_all_of_them(self, repo: Repo, tool: Recorder, tmp_path: Path) -> None:
        repo.write("a", "a")
        first = repo.commit("first")
        leave_note(repo)
        repo.git("commit", "-q", "--amend", "-m", "again")
        second = repo.head()
        repo.git("switch", "-q", "-c", "side")
        repo.commit("side")
        repo.git("switch", "-q", "main")
        repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
        repo.git("init", "-q", "--bare", str(tmp_path / "remote"))
        repo.git("push", "-q", str(tmp_path / "remote"), "main")

        by_name = {call[len(START)]: call[len(START) + 1 :] for call in tool.calls}
        assert by_name == {
            "pre-commit": [],
            "pre-merge-commit": [],
            "post-commit": [],
            "pre-push": [str(tmp_path / "remote")] * 2,
            "post-checkout": [repo.head("side"), second, "1"],
            "post-merge": ["0"],
            "post-rewrite": ["amend"],
        }
        assert first != second
        assert tool.stdin == f"refs/heads/main {repo.head()} refs/heads/main {ZERO}\n".encode()

    def test_a_refused_commit_does_not_happen_and_a_crash_does_not_refuse(
        self, repo: Repo, tool: Recorder
    ) -> None:
        first = repo.commit("first")
        tool.beside(".status").write_text("10", encoding="utf-8")
        assert repo.git("commit", "-qm", "x", "--allow-empty", check=False).returncode == 1
        assert repo.head() == first

        tool.beside(".status").write_text("1", encoding="utf-8")
        repo.git("commit", "-qm", "x", "--allow-empty")
        assert repo.head() != first

    def test_the_exit_status_of_checkout_stays_gits(self, repo: Repo, tool: Recorder) -> None:
        """DVC turned a checkout that worked into a failure."""
        repo.commit("first")
        tool.beside(".status").write_text("1", encoding="utf-8")

        done = repo.git("checkout", "-q", "-b", "other")
        assert "gitmodel did not run to its end" in done.stderr

    def test_an_earlier_hook_without_executable_bit_is_ignored_as_git_would(
        self, repo: Repo, folder: Path, tool: Recorder
    ) -> None:
        first = Recorder.create(folder / "pre-commit.before-gitmodel", status=1)
        first.path.chmod(0o644)

        repo.commit("first")
        assert first.calls == []
        assert tool.calls == [[*START, "pre-commit"]]

    @pytest.mark.usefixtures("tool")
    def test_an_earlier_hook_without_first_line_runs_as_git_would(
        self, repo: Repo, folder: Path
    ) -> None:
        hook = folder / "pre-commit.before-gitmodel"
        hook.write_text('echo ran > "$0.ran"\n', encoding="utf-8")
        hook.chmod(0o755)

        repo.commit("first")
        assert hook.with_name(hook.name + ".ran").exists()

    @pytest.mark.parametrize("place", ["hooks here", ".husky/_", "../beside"])
    def test_a_folder_named_by_the_configuration(
        self, repo: Repo, tmp_path: Path, place: str
    ) -> None:
        repo.git("config", "core.hooksPath", place)
        tool = Recorder.create(tmp_path / "python")
        folder = repo.path / repo.git("rev-parse", "--git-path", "hooks").stdout.rstrip("\n")
        Recorder.create(folder / "pre-commit")
        install(str(folder), interpreter=str(tool.path))

        below = repo.path / "below"
        below.mkdir()
        type(repo)(below).git("commit", "-q", "--allow-empty", "-m", "from below")
        assert tool.calls == [[*START, "pre-commit"]]
        assert Recorder(folder / "pre-commit.before-gitmodel").calls == [[]]

    def test_a_linked_worktree_runs_the_hooks_of_its_repository(
        self, repo: Repo, folder: Path, tool: Recorder
    ) -> None:
        repo.commit("first")
        first = earlier(folder, "pre-commit")
        repo.git("worktree", "add", "-q", "../beside")
        type(repo)(repo.path.parent / "beside").commit("second")

        assert first.calls == [[]]
        assert [call[len(START)] for call in tool.calls] == [
            "pre-commit",
            "post-checkout",
            "pre-commit",
        ]


def commit_place(repo: Repo, place: str) -> Repo:
    """A work tree of the given kind whose hooks are those of `repo`."""
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    hooks = str(repo.path / ".git" / "hooks")
    target = repo.path.parent / place
    if place == "top":
        return repo
    if place == "folder":
        target = repo.path / "folder"
        target.mkdir()
    elif place == "worktree":
        repo.git("worktree", "add", "-q", str(target))
    elif place == "submodule":
        outer = type(repo).create(repo.path.parent / "outer")
        outer.git("submodule", "--quiet", "add", repo.path.as_uri(), "inner")
        target = outer.path / "inner"
    else:
        repo.git("clone", "-q", f"--separate-git-dir={target}.git", ".", str(target))
    work = type(repo)(target)
    work.git("config", "core.hooksPath", hooks)
    return work


class TestNoLoops:
    """Other tools move our script aside and run it; ours must not run them without end."""

    def test_two_hooks_that_run_each_other_come_to_an_end(
        self, repo: Repo, folder: Path, tool: Recorder
    ) -> None:
        """What is left after `pre-commit install`, `gitmodel install` and the first one again."""
        runs = f'#!/bin/sh\necho x >> "{folder}/runs"\nexec "{folder}/pre-commit.legacy" "$@"\n'
        (folder / "pre-commit").replace(folder / "pre-commit.legacy")
        for name in ("pre-commit", "pre-commit.before-gitmodel"):
            (folder / name).write_text(runs, encoding="utf-8")
            (folder / name).chmod(0o755)

        repo.commit("first")

        assert (folder / "runs").read_text("utf-8") == "x\nx\n"
        assert tool.calls == [[*START, "pre-commit"]] * 2

    def test_pre_commit_is_not_told_that_it_runs_behind_itself(
        self, repo: Repo, folder: Path, tool: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It sets this variable for what it moved aside, and refuses the commit if it sees it."""
        monkeypatch.setenv("PRE_COMMIT_RUNNING_LEGACY", "1")
        hook = folder / "pre-commit.before-gitmodel"
        hook.write_text('#!/bin/sh\n[ -z "$PRE_COMMIT_RUNNING_LEGACY" ]\n', encoding="utf-8")
        hook.chmod(0o755)

        repo.commit("first")
        assert tool.calls == [[*START, "pre-commit"]]

    def test_our_script_keeps_its_earlier_hook_where_it_is_moved_aside(
        self, repo: Repo, folder: Path, tool: Recorder
    ) -> None:
        first = earlier(folder, "pre-commit")
        (folder / "pre-commit").replace(folder / "pre-commit.legacy")
        (folder / "pre-commit").write_text(
            '#!/bin/sh\nexec "$(dirname "$0")/pre-commit.legacy" "$@"\n', encoding="utf-8"
        )
        (folder / "pre-commit").chmod(0o755)

        repo.commit("first")
        assert first.calls == [[]]
        assert tool.calls == [[*START, "pre-commit"]]

    def test_an_earlier_hook_that_works_in_another_repository_runs_its_hooks_there(
        self, repo: Repo, folder: Path, tool: Recorder
    ) -> None:
        other = type(repo).create(repo.path.parent / "other")
        other.git("config", "core.hooksPath", str(folder))
        hook = folder / "pre-commit.before-gitmodel"
        hook.write_text(
            "#!/bin/sh\ncase $PWD in */other) exit 0 ;; esac\n"
            "unset $(git rev-parse --local-env-vars)\n"
            f'cd "{other.path}" && git commit -q --allow-empty -m nested\n',
            encoding="utf-8",
        )
        hook.chmod(0o755)

        repo.commit("first")
        assert other.git("log", "--format=%s").stdout == "nested\n"
        assert tool.calls == [[*START, "pre-commit"]] * 2


class TestHostileRepository:
    """A repository's own modules must not run when somebody commits in it."""

    @pytest.fixture
    def trapped(self, repo: Repo) -> Path:
        """Modules with the names that the tool imports; each leaves a file when it is run."""
        sprung = repo.path.parent / "sprung"
        trap = f"open({str(sprung)!r}, 'a').write(__name__)\n"
        for module in ("yaml.py", "os.py", "sitecustomize.py", "usercustomize.py", "encodings.py"):
            repo.write(module, trap)
        repo.write("gitmodel/__init__.py", trap)
        repo.write("gitmodel/__main__.py", trap)
        return sprung

    @pytest.mark.parametrize("name", HOOK_NAMES)
    def test_no_module_of_the_repository_is_imported(
        self,
        repo: Repo,
        folder: Path,
        trapped: Path,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", ".")
        monkeypatch.setenv("PYTHONSTARTUP", "yaml.py")
        install(str(folder), interpreter=sys.executable)

        run_script(repo, name)
        assert not trapped.exists()

    def test_the_trap_is_one(
        self, repo: Repo, trapped: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same repository, without what the scripts pass to Python."""
        repo.path.joinpath("encodings.py").unlink()
        monkeypatch.setenv("PYTHONPATH", ".")
        subprocess.run([sys.executable, "-P", "-m", "gitmodel"], cwd=repo.path, check=False)

        assert trapped.exists()

    def test_nor_by_a_gitmodel_found_on_the_path(
        self,
        repo: Repo,
        folder: Path,
        trapped: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        program = tmp_path / "bin" / "gitmodel"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nimport yaml\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", ".")
        install(str(folder), interpreter="/nowhere/python")

        done = run_script(repo, "pre-commit")
        assert (done.returncode, done.stderr) == (0, b"")
        assert not trapped.exists()

    def test_a_program_called_gitmodel_in_the_repository_is_not_run(
        self, repo: Repo, folder: Path
    ) -> None:
        program = Recorder.create(repo.path / "gitmodel")
        install(str(folder), interpreter="/nowhere/python")

        repo.commit("first")
        assert program.calls == []


@pytest.mark.parametrize("name", ["pre-commit", "pre-merge-commit"])
def test_a_real_python_without_gitmodel_does_not_block_a_commit(
    repo: Repo, folder: Path, tmp_path: Path, name: str
) -> None:
    """Python ends with 1 for "No module named gitmodel", so a refusal must not be a 1."""
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    install(str(folder), interpreter=str(bare))

    done = run_script(repo, name)
    assert done.returncode == 0
    assert b"No module named gitmodel" in done.stderr
    assert b"gitmodel did not run to its end" in done.stderr


def test_a_closed_standard_error_changes_nothing(repo: Repo, tool: Recorder) -> None:
    """Some graphical clients start Git without one."""
    tool.path.unlink()

    for name in HOOK_NAMES:
        leave_note(repo)
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec /bin/sh .git/hooks/{name} 2>&-"],
            cwd=repo.path,
            input=b"",
            check=False,
            timeout=60,
        )
        assert (name, done.returncode) == (name, 0)


def test_the_scripts_agree_with_the_constants_of_the_package() -> None:
    for name in HOOK_NAMES:
        text = scripts.kept_text(name).decode("ascii")
        may_die_amid = name in ("pre-commit", "pre-merge-commit")
        assert (f"export {scripts.BEGUN_VARIABLE}=3 &&" in text) is may_die_amid
        assert (f"0:*{scripts.BEGUN_ENDED})" in text) is may_die_amid
        refusal = re.search(rf" {scripts.REFUSED}(:\*)? \| ", text)
        assert (refusal is not None) is (name in CAN_REFUSE)
        assert (AFTER_COMMIT_NOTE in text) is (name == "post-commit")
        assert text.count(f"hook {name} ") == 2
        assert f'/{name}.before-gitmodel inside="{name} $PWD"' in text
