from __future__ import annotations

import pytest

from gitmodel.domain.commit_command import (
    GitCommand,
    Staging,
    add_staging,
    commit_staging,
    read_git_command,
    staging_of,
)

EVERYTHING = Staging()


@pytest.mark.parametrize(
    ("arguments", "staging"),
    [
        (["-a"], EVERYTHING),
        (["-am", "x"], EVERYTHING),
        (["-amx"], EVERYTHING),
        (["-qam", "x"], EVERYTHING),
        (["--all", "--message=x"], EVERYTHING),
        (["-a", "--amend", "--no-edit"], EVERYTHING),
        (["-a", "-Skey"], EVERYTHING),
        (["-aS", "-m", "x"], EVERYTHING),
        (["-auno", "-m", "x"], EVERYTHING),
        (["-a", "--untracked-files", "-m", "x"], EVERYTHING),
        (["-a", "--fixup", "HEAD"], EVERYTHING),
        (["-a", "--author=Cem <c@example.org>", "--date", "now", "-F", "file"], EVERYTHING),
        (["a.model.yaml", "-m", "x"], Staging(("a.model.yaml",))),
        (["-m", "x", "--", "-a"], Staging(("-a",))),
        (["-o", "a", "b"], Staging(("a", "b"))),
        (["-i", "a", "-m", "x"], Staging(("a",))),
        (["-im", "x", "a"], Staging(("a",))),
        (["--only", "--", "a"], Staging(("a",))),
        (["--amend", "a"], Staging(("a",))),
        (["-m", "-a", "b"], Staging(("b",))),
        (["-", "-m", "x"], Staging(("-",))),
    ],
)
def test_what_a_commit_takes_from_the_work_tree(arguments: list[str], staging: Staging) -> None:
    assert commit_staging(arguments) == staging


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-m", "drop -a flag"],
        ["-m", "-a"],
        ["-ma"],
        ["-F-a"],
        ["-uall"],
        ["-Sa"],
        ["--amend"],
        ["--message", "--all"],
        ["-m", "x", "--"],
        ["--only", "--amend"],
    ],
)
def test_a_plain_commit_takes_nothing(arguments: list[str]) -> None:
    assert commit_staging(arguments) is None


@pytest.mark.parametrize(
    "option",
    [
        *("--dry-run", "--short", "--porcelain", "--long", "-z", "--null", "-p", "--patch"),
        *("--interactive", "-n", "--no-verify", "--pathspec-from-file=f", "--pathspec-file-nul"),
        *("--invented", "--al", "--no-all", "-x", "--amend=yes", "--end-of-options", "-h"),
        *("--fixup=reword:HEAD", "---", "--=x", "-Z5"),
    ],
)
def test_an_option_that_shows_asks_skips_hooks_or_is_unknown_leaves_the_commit_alone(
    option: str,
) -> None:
    assert commit_staging(["-a", option, "-m", "x"]) is None
    assert commit_staging([option, "a.model.yaml"]) is None


@pytest.mark.parametrize(
    "arguments",
    [["-a", "path"], ["-ai", "p"], ["-i", "-o", "p"], ["-i"], ["-o"], ["-am"], ["-a", "--file"]],
)
def test_what_git_refuses_is_left_alone(arguments: list[str]) -> None:
    assert commit_staging(arguments) is None


def test_letters_one_after_the_other_are_read_one_after_the_other() -> None:
    assert commit_staging(["-anm", "x"]) is None
    assert commit_staging(["-apm", "x"]) is None


@pytest.mark.parametrize(
    ("arguments", "staging"),
    [
        (["-A"], EVERYTHING),
        (["-u"], EVERYTHING),
        (["--all"], EVERYTHING),
        (["."], Staging((".",))),
        (["-A", "sub"], Staging(("sub",))),
        (["-vf", "--", "a"], Staging(("a",))),
        ([], None),
        (["-n", "."], None),
        (["-N", "."], None),
        (["-p"], None),
        (["-i"], None),
        (["-e"], None),
        (["-A", "-u"], None),
        (["--refresh", "."], None),
        (["--renormalize", "."], None),
        (["--chmod=+x", "a"], None),
        (["--pathspec-from-file=f"], None),
    ],
)
def test_what_an_add_takes_from_the_work_tree(
    arguments: list[str], staging: Staging | None
) -> None:
    assert add_staging(arguments) == staging


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["git", "commit", "-am", "x"], GitCommand("commit", ("-am", "x"))),
        (["/usr/lib/git-core/git", "commit", "-a"], GitCommand("commit", ("-a",))),
        (["git-commit", "-a"], GitCommand("commit", ("-a",))),
        (["/usr/lib/git-core/git-add", "."], GitCommand("add", (".",))),
        (["git", "-C", "commit", "status"], GitCommand("status", ())),
        (["git", "-c", "a.b=c", "--no-pager", "add", "-A"], GitCommand("add", ("-A",))),
        (["git", "--git-dir=x", "--work-tree", "y", "commit"], GitCommand("commit", ())),
        (["git", "--exec-path=/x", "commit"], GitCommand("commit", ())),
        (["git", "--literal-pathspecs", "add", "*"], GitCommand("add", ("*",))),
        (["git", "--no-optional-locks", "status"], GitCommand("status", ())),
        (["git", "--invented", "commit", "-a"], None),
        (["git", "--exec-path", "commit"], None),
        (["git", "-C"], None),
        (["git"], None),
        (["vim", "commit"], None),
        (["gitmodel", "commit", "-a"], None),
        ([], None),
    ],
)
def test_the_verb_is_found_behind_global_options(
    words: list[str], command: GitCommand | None
) -> None:
    assert read_git_command(words) == command


def test_only_commit_and_add_stage() -> None:
    assert staging_of(GitCommand("commit", ("-a",))) == EVERYTHING
    assert staging_of(GitCommand("add", (".",))) == Staging((".",))
    assert staging_of(GitCommand("stash", ("-a",))) is None
    assert staging_of(GitCommand("status", (".",))) is None
