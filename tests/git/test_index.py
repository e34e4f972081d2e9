from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError
from gitmodel.git.index import Index, IndexEntry
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.repo import Repo

STRANGE_PATHS = [
    "a b.model.yaml",
    "-x.model.yaml",
    "é/日.model.yaml",
    "new\nline.model.yaml",
    ":!x.model.yaml",
]

# What a hook does with the index: stage the pointer before, put the real index right after.
HOOK = """\
import os, sys
from gitmodel.git.index import Index
from gitmodel.git.repository import Repository
repository = Repository.open(".", environment=os.environ)
index = Index(repository, os.environ)
if sys.argv[1] == "pre":
    with open("a.model.yaml", "a") as file:
        file.write("bumped\\n")
    index.stage(["a.model.yaml"])
    print("partial" if index.is_partial else "whole", os.path.basename(index.file), file=sys.stderr)
else:
    print("put right", index.sync_real_index(), file=sys.stderr)
"""


def index_of(repo: Repo, environment: Mapping[str, str] | None = None) -> Index:
    chosen = os.environ | dict(environment or {})
    return Index(Repository.open(str(repo.path), environment=chosen), chosen)


def bump_in_hooks(repo: Repo, *, sync_real_index: bool = True) -> None:
    """Install hooks that change and stage a.model.yaml in every commit."""
    script = repo.path.parent / "hook.py"
    script.write_text(HOOK, encoding="utf-8")
    for name, argument in (
        ("pre-commit", "pre"),
        ("pre-merge-commit", "pre"),
        ("post-commit", "post"),
    ):
        if argument == "post" and not sync_real_index:
            continue
        hook = repo.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        command = f'PYTHONPATH="{PACKAGE_ROOT}" "{sys.executable}" "{script}" {argument}'
        hook.write_text(f"#!/bin/sh\nexec env {command}\n", encoding="utf-8")
        hook.chmod(0o755)


@pytest.fixture
def project(repo: Repo) -> Repo:
    """A pointer and another file, committed once without hooks."""
    repo.write("a.model.yaml", "first\n")
    repo.write("code.py", "first\n")
    repo.commit("first")
    return repo


def committed(repo: Repo, path: str = "a.model.yaml", revision: str = "HEAD") -> str:
    return repo.git("show", f"{revision}:{path}").stdout


def status(repo: Repo) -> str:
    return repo.git("status", "--porcelain").stdout


# Reading


def test_entries_are_found_in_any_folder_by_the_end_of_their_name(repo: Repo) -> None:
    assert index_of(repo).entries() == ()
    for path in ("a.model.yaml", "sub/deep/b.model.yaml", "c.yaml", "model.yaml", "d.aliases.yaml"):
        repo.write(path, path)
    repo.git("add", ".")
    oid = repo.head(":a.model.yaml")

    assert index_of(repo).entries()[0] == IndexEntry("a.model.yaml", oid, 0, "100644")
    assert [e.path for e in index_of(repo).entries()] == ["a.model.yaml", "sub/deep/b.model.yaml"]
    both = index_of(repo).entries("*.aliases.yaml", "a.model.yaml")
    assert [e.path for e in both] == ["a.model.yaml", "d.aliases.yaml"]


def test_the_caller_may_stand_in_a_folder(project: Repo) -> None:
    project.write("sub/b.model.yaml", "x")
    inner = Repository.open(str(project.path / "sub"), environment=os.environ)

    index = Index(inner, os.environ)
    index.stage(["sub/b.model.yaml"])

    assert [e.path for e in index.entries()] == ["a.model.yaml", "sub/b.model.yaml"]


def test_a_conflict_shows_its_three_stages(project: Repo) -> None:
    start_conflict(project)

    assert [(e.path, e.stage) for e in index_of(project).entries()] == [
        ("a.model.yaml", 1),
        ("a.model.yaml", 2),
        ("a.model.yaml", 3),
    ]


def start_conflict(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.write("a.model.yaml", "side\n")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("a.model.yaml", "main\n")
    repo.commit("main")
    repo.git("merge", "-q", "side", check=False)


# Staging


@pytest.mark.parametrize("path", STRANGE_PATHS)
def test_paths_are_staged_and_removed_as_they_are(repo: Repo, path: str) -> None:
    index = index_of(repo)
    repo.write(path, "one")

    index.stage([path])
    assert [e.path for e in index.entries()] == [path]
    repo.commit("one", path)
    index.remove([path])
    assert index.entries() == ()
    assert repo.read(path) == b"one"


def test_staging_takes_only_what_is_named(project: Repo) -> None:
    project.write("a.model.yaml", "second\n")
    project.write("code.py", "second\n")

    index_of(project).stage(["a.model.yaml"])

    assert status(project) == "M  a.model.yaml\n M code.py\n"


def test_an_ignored_pointer_is_staged_all_the_same(project: Repo) -> None:
    project.write(".gitignore", "*.yaml\n")
    project.write("b.model.yaml", "x")

    index_of(project).stage(["b.model.yaml"])

    assert [e.path for e in index_of(project).entries()] == ["a.model.yaml", "b.model.yaml"]


def test_staging_ends_a_conflict(project: Repo) -> None:
    start_conflict(project)
    project.write("a.model.yaml", "resolved\n")

    index_of(project).stage(["a.model.yaml"])

    assert [e.stage for e in index_of(project).entries()] == [0]


def test_staging_a_path_that_is_gone_removes_it(project: Repo) -> None:
    (project.path / "a.model.yaml").unlink()

    index_of(project).stage(["a.model.yaml", "never-was.model.yaml"])

    assert index_of(project).entries() == ()


def test_line_ends_are_what_the_attributes_say(project: Repo) -> None:
    project.write(".gitattributes", "*.model.yaml text eol=lf\n")
    project.write("a.model.yaml", "one\r\ntwo\r\n")

    index_of(project).stage(["a.model.yaml"])

    assert project.git("show", ":a.model.yaml").stdout == "one\ntwo\n"


def test_staging_nothing_does_nothing(project: Repo) -> None:
    index = index_of(project)

    index.stage([])
    index.remove([])

    assert status(project) == ""


def test_a_monitor_that_the_configuration_names_is_not_run(project: Repo, tmp_path: Path) -> None:
    project.git("config", "core.fsmonitor", f"touch {tmp_path / 'mark'}; false")
    project.write("a.model.yaml", "second\n")
    index = index_of(project)

    index.stage(["a.model.yaml"])
    index.entries()
    index.staged_changes()

    assert not (tmp_path / "mark").exists()


def test_changed_since_head_is_every_entry_that_is_not_heads(project: Repo) -> None:
    project.write("a.model.yaml", "second\n")
    project.write("sub/-x\n.py", "new")
    project.git("rm", "-q", "--cached", "code.py")
    project.git("add", "a.model.yaml", "sub")
    project.write("a.model.yaml", "not staged\n")
    index = index_of(project)

    assert index.changed_since_head() == {"a.model.yaml", "code.py", "sub/-x\n.py"}
    assert index.changed_since_head(["sub", "code.py"]) == {"code.py", "sub/-x\n.py"}
    project.git("reset", "-q", "--hard")
    assert index.changed_since_head() == set()


def test_before_the_first_commit_every_entry_is_changed(repo: Repo) -> None:
    repo.write("a.model.yaml", "x")
    repo.git("add", ".")

    assert index_of(repo).changed_since_head() == {"a.model.yaml"}


def test_a_damaged_index_is_an_error_and_not_an_empty_answer(project: Repo) -> None:
    (project.path / ".git/index").write_bytes(b"garbage")

    for question in (index_of(project).changed_since_head, index_of(project).entries):
        with pytest.raises(GitCommandError):
            question()


# The index that this commit uses


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("commit", "-m", "x"), "whole index"),
        (("commit", "-a", "-m", "x"), "whole index.lock"),
        (("commit", "-m", "x", "-i", "code.py"), "whole index.lock"),
        (("commit", "-m", "x", "--amend"), "whole index"),
    ],
)
def test_what_a_hook_stages_is_part_of_the_commit(
    project: Repo, command: tuple[str, ...], expected: str
) -> None:
    bump_in_hooks(project)
    project.write("code.py", "second\n")
    project.git("add", "code.py")

    done = project.git(*command)

    assert expected in done.stderr
    assert "put right ()" in done.stderr
    assert committed(project) == "first\nbumped\n"
    assert status(project) == ""


def test_committing_one_path_leaves_no_revert_behind(project: Repo) -> None:
    bump_in_hooks(project)
    project.write("code.py", "second\n")
    project.write("other.py", "staged by hand, not to be committed\n")
    project.git("add", "other.py")

    done = project.git("commit", "-m", "x", "code.py")

    assert "partial next-index-" in done.stderr
    assert "put right ('a.model.yaml',)" in done.stderr
    assert committed(project) == "first\nbumped\n"
    assert status(project) == "A  other.py\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("core.splitIndex", "true"),
        ("feature.manyFiles", "true"),
        ("core.fsmonitor", "true"),
        ("index.version", "4"),
        ("core.autocrlf", "true"),
    ],
)
def test_other_kinds_of_index_are_put_right_too(project: Repo, key: str, value: str) -> None:
    project.git("config", key, value)
    project.git("update-index", "--refresh")
    bump_in_hooks(project)
    project.write("code.py", "second\n")

    project.git("commit", "-m", "x", "code.py")

    assert committed(project) == "first\nbumped\n"
    assert status(project) == ""
    project.git("fsmonitor--daemon", "stop", check=False)


def test_without_putting_right_the_next_commit_would_revert(project: Repo) -> None:
    """Why `sync_real_index` exists; this is Git's doing, and if it ever changes we want to know."""
    bump_in_hooks(project, sync_real_index=False)
    project.write("code.py", "second\n")

    project.git("commit", "-m", "x", "code.py")

    assert status(project) == "MM a.model.yaml\n"


def test_an_entry_that_the_hook_replaced_is_put_right_too(project: Repo) -> None:
    """Git has put the named path into the real index before the hook ran, so it is not HEAD~'s."""
    bump_in_hooks(project, sync_real_index=False)
    project.write("a.model.yaml", "by hand\n")
    replaced = {"a.model.yaml": project.git("hash-object", "a.model.yaml").stdout.strip()}
    project.git("commit", "-q", "a.model.yaml", "-m", "by hand, and bumped")

    assert index_of(project).sync_real_index() == ()
    assert index_of(project).sync_real_index(replaced=replaced) == ("a.model.yaml",)
    assert project.git("diff", "--cached").stdout == ""


def test_the_first_commit_of_one_path_is_put_right(repo: Repo) -> None:
    bump_in_hooks(repo)
    repo.write("code.py", "x")
    repo.git("add", "-N", "code.py")

    done = repo.git("commit", "-m", "x", "code.py")

    assert "put right ('a.model.yaml',)" in done.stderr
    assert status(repo) == ""


def test_amending_with_one_path_is_put_right(project: Repo) -> None:
    project.write("code.py", "second\n")
    project.commit("second")
    bump_in_hooks(project)
    project.write("code.py", "third\n")

    project.git("commit", "--amend", "-m", "x", "code.py")

    assert committed(project) == "first\nbumped\n"
    assert status(project) == ""


def test_without_a_reflog_the_parent_tells_what_was_before(project: Repo) -> None:
    project.git("config", "core.logAllRefUpdates", "false")
    (project.path / ".git/logs/HEAD").unlink()
    bump_in_hooks(project)
    project.write("code.py", "second\n")

    project.git("commit", "-m", "x", "code.py")

    assert status(project) == ""


def test_what_a_person_staged_differently_stays(project: Repo) -> None:
    project.write("b.model.yaml", "first\n")
    project.commit("b")
    bump_in_hooks(project)
    project.write("a.model.yaml", "by hand\n")
    project.git("add", "a.model.yaml")
    project.git("rm", "-q", "--cached", "b.model.yaml")
    project.write("code.py", "second\n")

    done = project.git("commit", "-m", "x", "code.py")

    assert "put right ()" in done.stderr
    assert project.git("show", ":a.model.yaml").stdout == "by hand\n"
    assert "D  b.model.yaml\n" in status(project)


def start_clean_merge(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.write("side.py", "x")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("main.py", "x")
    repo.commit("main")


def test_a_merge_commit_leaves_out_what_its_own_hook_stages(project: Repo) -> None:
    """Git wrote the merge's tree before `pre-merge-commit` ran; the hook can only refuse."""
    start_clean_merge(project)
    bump_in_hooks(project)

    project.git("merge", "-q", "--no-edit", "side")

    assert committed(project) == "first\n"
    assert status(project) == "M  a.model.yaml\n"


def test_a_merge_that_git_commit_concludes_includes_it(project: Repo) -> None:
    start_clean_merge(project)
    bump_in_hooks(project)

    project.git("merge", "-q", "--no-commit", "side")
    project.git("commit", "-q", "-m", "merge")

    assert committed(project) == "first\nbumped\n"
    assert status(project) == ""


def test_a_linked_worktree_has_its_own_index(project: Repo) -> None:
    project.git("worktree", "add", "-q", "../linked")
    bump_in_hooks(project)
    linked = type(project)(project.path.parent / "linked")
    linked.write("code.py", "second\n")

    done = linked.git("commit", "-m", "x", "code.py")

    assert "partial" in done.stderr
    assert committed(linked) == "first\nbumped\n"
    assert status(linked) == ""
    assert status(project) == ""


def test_a_work_tree_apart_from_its_git_folder(tmp_path: Path, project: Repo) -> None:
    """As people keep their dot files: `git --git-dir=… --work-tree=… commit PATH`."""
    bump_in_hooks(project)
    (project.path / ".git").rename(tmp_path / "apart")
    options = (f"--git-dir={tmp_path / 'apart'}", f"--work-tree={project.path}")
    project.write("code.py", "second\n")

    done = project.git(*options, "commit", "-m", "x", "code.py")

    assert "partial" in done.stderr
    assert project.git(*options, "status", "--porcelain").stdout == ""


def test_an_index_of_ones_own_is_not_partial(project: Repo, tmp_path: Path) -> None:
    index = index_of(project, {"GIT_INDEX_FILE": str(tmp_path / "next-index-1.lock")})

    assert not index.is_partial
    assert index.entries() == ()


# Weights staged by mistake


def big(repo: Repo, environment: dict[str, str] | None = None, *, least: int) -> tuple[str, ...]:
    """The files that a commit would add or change, of so many bytes or more."""
    changes = index_of(repo, environment).staged_changes()
    with_size = {d.path: d.new_oid for d in changes if d.is_file}
    sizes = {p: len(repo.git("cat-file", "blob", oid).stdout) for p, oid in with_size.items()}
    return tuple(path for path, size in sizes.items() if size >= least)


def test_big_files_that_are_newly_staged_are_named(project: Repo) -> None:
    project.write("old.bin", b"x" * 2000)
    project.commit("old")
    for path in ("new -1.bin", "sub/new\n2.bin"):
        project.write(path, b"x" * 1000)
    project.write("small.bin", b"x" * 999)
    project.write("old.bin", b"y" * 1000)
    (project.path / "link.bin").symlink_to("x" * 1000)
    project.git("add", ".")
    project.git("rm", "-q", "--cached", "code.py")

    assert big(project, least=1000) == ("new -1.bin", "old.bin", "sub/new\n2.bin")
    assert big(project, least=1001) == ()


def test_before_the_first_commit_everything_is_newly_staged(repo: Repo) -> None:
    assert big(repo, least=0) == ()
    repo.write("big.bin", b"x" * 1000)
    repo.git("add", ".")

    assert big(repo, least=1000) == ("big.bin",)


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_merge_brings_is_not_newly_staged(project: Repo, fails: bool) -> None:
    project.git("switch", "-q", "-c", "side")
    project.write("big.bin", b"x" * 1000)
    project.commit("side")
    project.git("switch", "-q", "main")
    project.write("main.py", "x")
    project.commit("main")
    project.git("merge", "-q", "--no-commit", "--no-ff", "side")
    project.write("added.bin", b"y" * 1000)
    project.git("add", ".")
    environment = {}
    if fails:  # in pre-merge-commit, before MERGE_HEAD is written
        (project.path / ".git/MERGE_HEAD").unlink()
        environment[f"GITHEAD_{project.head('side')}"] = "side"

    assert big(project, environment, least=1000) == ("added.bin",)


def test_a_sha256_repository_has_the_same_index(make_repo: Callable[..., Repo]) -> None:
    repo = make_repo("wide", "--object-format=sha256")
    repo.write("a.model.yaml", "first\n")
    index = index_of(repo)

    index.stage(["a.model.yaml"])
    assert tuple(d.path for d in index.staged_changes()) == ("a.model.yaml",)
    index.remove(["a.model.yaml"])
    assert index.entries() == ()


def test_the_usual_questions_take_one_process(project: Repo) -> None:
    project.write("a.model.yaml", "second\n")
    index = index_of(project)

    for action in (index.entries, index.sync_real_index, lambda: index.stage(["a.model.yaml"])):
        with started_processes() as started:
            action()
        assert len(started) == 1, started
    with started_processes() as started:
        index.staged_changes()
    assert len(started) == 1


def test_what_the_hook_replaced_is_put_right_too(project: Repo) -> None:
    """`git commit PATH` gives the real index PATH as it was before the hook staged it anew."""
    bump_in_hooks(project, sync_real_index=False)
    project.write("a.model.yaml", "second\n")
    project.git("commit", "-m", "x", "a.model.yaml")
    before = project.git("ls-files", "--stage", "a.model.yaml").stdout.split()[1]
    assert status(project) != ""

    assert index_of(project).sync_real_index(replaced={"a.model.yaml": "0" * 40}) == ()
    assert index_of(project).sync_real_index(replaced={"a.model.yaml": before}) == ("a.model.yaml",)
    assert status(project) == ""
