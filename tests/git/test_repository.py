from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.text.escape import without_user_info
from gitmodel.errors import (
    ConfigError,
    GitCommandError,
    GitmodelError,
    RepositoryError,
    UnsafePathError,
)
from gitmodel.git.ignore_rules import add_ignores, ignore_line
from gitmodel.git.program import chosen_environment, find_program
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.repo import Repo


def opened(folder: Path | str, **environment: str) -> Repository:
    return Repository.open(str(folder), environment=os.environ | environment)


def facts(error: GitmodelError) -> tuple[str, str | None, int]:
    return error.message, error.hint, error.exit_code


# Finding the repository


def test_a_repository_is_found_from_any_folder_in_it(repo: Repo) -> None:
    repo.write("a b/é/x", "x")

    top = opened(repo.path)
    inner = opened(repo.path / "a b" / "é")

    assert (top.work_tree, top.git_dir, top.prefix) == (str(repo.path), f"{repo.path}/.git", "")
    assert (inner.work_tree, inner.common_dir, inner.prefix) == (
        str(repo.path),
        f"{repo.path}/.git",
        "a b/é",
    )
    assert top.object_format == "sha1"


def test_a_folder_that_is_in_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        opened(tmp_path)

    expected = f"{tmp_path} is not inside a Git repository"
    assert facts(caught.value) == (expected, "git init", 1)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="missing is not a folder"):
        opened(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_someone_else_is_refused_with_gits_own_cure(repo: Repo) -> None:
    for folder in (repo.path, repo.path / ".git"):
        os.chown(folder, 12345, 12345)

    with pytest.raises(RepositoryError) as caught:
        opened(repo.path)

    assert facts(caught.value) == (
        f"Git refuses {repo.path}: it belongs to another user",
        f"if you trust it: git config --global --add safe.directory {repo.path}",
        1,
    )


@pytest.mark.parametrize(
    "name", ["with space", "é日", "new\nline", "true\nfalse", "-dash", "a\x85b"]
)
def test_the_repository_may_be_called_anything(make_repo: Callable[..., Repo], name: str) -> None:
    repo = make_repo(name)
    repo.write("a.model.yaml", "x")
    repo.commit("x")
    repository = opened(repo.path)

    assert repository.work_tree == str(repo.path)
    assert repository.git_dir == repository.common_dir == str(repo.path / ".git")
    assert repository.hooks_folder() == str(repo.path / ".git" / "hooks")
    assert repository.run("ls-files", "a.model.yaml")


def test_a_bare_repository_has_no_work_tree(make_repo: Callable[..., Repo]) -> None:
    bare = make_repo("bare.git", "--bare")

    repository = opened(bare.path)

    assert (repository.work_tree, repository.git_dir) == (None, str(bare.path))
    assert repository.folder == str(bare.path)
    with pytest.raises(RepositoryError, match="has no work tree"):
        _ = repository.top


def test_inside_a_git_folder_there_is_no_work_tree(repo: Repo) -> None:
    assert opened(repo.path / ".git").work_tree is None


def test_a_linked_worktree_shares_the_common_folder(repo: Repo) -> None:
    repo.commit("x")
    repo.git("worktree", "add", "-q", "../linked")

    repository = opened(repo.path.parent / "linked")

    assert repository.work_tree == str(repo.path.parent / "linked")
    assert repository.git_dir == str(repo.path / ".git/worktrees/linked")
    assert repository.common_dir == str(repo.path / ".git")
    assert repository.hooks_folder() == str(repo.path / ".git/hooks")


def test_a_separate_git_folder_is_found(make_repo: Callable[..., Repo], tmp_path: Path) -> None:
    repo = make_repo("repo", f"--separate-git-dir={tmp_path / 'apart'}")

    repository = opened(repo.path)

    assert (repository.work_tree, repository.git_dir) == (str(repo.path), str(tmp_path / "apart"))


def test_a_submodule_is_a_repository_of_its_own(repo: Repo, make_repo: Callable[..., Repo]) -> None:
    inner = make_repo("inner")
    inner.write("a.model.yaml", "x")
    inner.commit("x")
    repo.git("submodule", "--quiet", "add", inner.path.as_uri(), "sub")

    repository = opened(repo.path / "sub")

    assert repository.work_tree == str(repo.path / "sub")
    assert repository.git_dir == str(repo.path / ".git/modules/sub")
    assert repository.run("ls-files", "a.model.yaml")


def test_a_sha256_repository_says_so(make_repo: Callable[..., Repo]) -> None:
    assert opened(make_repo("wide", "--object-format=sha256").path).object_format == "sha256"


def test_what_git_passes_to_hooks_says_which_repository(
    repo: Repo, make_repo: Callable[..., Repo]
) -> None:
    other = make_repo("other")

    repository = opened(other.path, GIT_DIR=str(repo.path / ".git"), GIT_WORK_TREE=str(repo.path))

    assert repository.work_tree == str(repo.path)


def test_without_a_git_program_libgit2_finds_the_same_places(repo: Repo) -> None:
    repo.commit("x")
    repo.git("worktree", "add", "-q", "../linked")
    repo.write("sub/x", "x")
    for folder in (repo.path, repo.path / "sub", repo.path.parent / "linked"):
        by_program, by_library = opened(folder), opened(folder, PATH="")

        assert not by_library.has_program
        for name in ("work_tree", "git_dir", "common_dir", "prefix", "object_format"):
            assert getattr(by_library, name) == getattr(by_program, name)


def test_without_a_git_program_commands_say_what_to_do(repo: Repo) -> None:
    with pytest.raises(GitCommandError) as caught:
        opened(repo.path, PATH="").head()

    assert facts(caught.value) == ("there is no git program on PATH", "install Git", 1)


def test_without_a_git_program_a_plain_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not inside a Git repository"):
        opened(tmp_path, PATH="")


# Running git


def plant_git(folder: Path) -> Path:
    """Write a program called git that must not be run."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "git"
    program.write_text(f"#!/bin/sh\ntouch '{folder}/was-run'\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


def test_a_git_inside_the_repository_is_never_run(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = [
        plant_git(repo.path),
        plant_git(repo.path / "bin"),
        plant_git(repo.path / ".venv/bin"),
    ]
    (repo.path.parent / "to-bin").symlink_to(repo.path / "bin")
    monkeypatch.chdir(repo.path)
    through = [
        ".",
        "",
        "bin",
        *map(str, planted),
        str(repo.path.parent / "to-bin"),
        os.environ["PATH"],
    ]

    repository = opened(repo.path, PATH=os.pathsep.join(through))

    assert repository.head() is None
    assert [folder for folder in planted if (folder / "was-run").exists()] == []


def test_a_program_must_be_executable(tmp_path: Path) -> None:
    (tmp_path / "git").write_text("x", encoding="utf-8")

    assert find_program(str(tmp_path), {"PATH": str(tmp_path)}) is None


def test_an_error_has_gits_own_words(repo: Repo) -> None:
    with pytest.raises(GitCommandError) as caught:
        opened(repo.path).run("rev-parse", "--verify", "nope")

    assert facts(caught.value) == ("git rev-parse failed: Needed a single revision", None, 1)


def test_success_is_an_exit_code_of_zero(repo: Repo) -> None:
    assert opened(repo.path).succeeded("rev-parse", "--git-dir")
    assert not opened(repo.path).succeeded("rev-parse", "--verify", "--quiet", "nope")


def test_a_nul_in_an_argument_is_an_error_of_ours(repo: Repo) -> None:
    with pytest.raises(GitCommandError, match="git could not be run"):
        opened(repo.path).run("rev-parse", "a\0b")


@given(
    st.dictionaries(
        st.text(st.characters(categories=["Lu"]) | st.just("_"), min_size=1), st.just("x")
    )
)
def test_no_git_variable_is_inherited_but_those_listed(names: dict[str, str]) -> None:
    environment = chosen_environment({f"GIT_{name}": "x" for name in names} | {"A": "b"})

    inherited = {name for name, value in environment.items() if value == "x"}
    assert inherited <= {f"GIT_{name}" for name in names}
    assert not inherited & {"GIT_DIR", "GIT_INDEX_FILE", "GIT_TRACE", "GIT_LITERAL_PATHSPECS"}
    assert environment["A"] == "b"


def test_variables_that_change_what_git_answers_do_not(repo: Repo) -> None:
    repo.write("a.model.yaml", "x")
    repo.commit("x")

    repository = opened(
        repo.path,
        GIT_TRACE="1",
        GIT_INDEX_FILE="/nowhere",
        GIT_LITERAL_PATHSPECS="1",
        GIT_NAMESPACE="x",
        LANG="de_DE.UTF-8",
    )

    assert repository.run("ls-files", "a.model.yaml")
    with pytest.raises(GitCommandError, match="Needed a single revision"):
        repository.run("rev-parse", "--verify", "nope")


# Configuration


def test_settings_are_all_of_ours_weakest_first(repo: Repo, home: Path) -> None:
    assert opened(repo.path).settings() == ()
    with (home / "gitconfig").open("a", encoding="utf-8") as file:
        file.write("[gitmodel]\n\tprofile = everywhere\n[gitmodelled]\n\tx = 1\n")
    repo.git("config", "gitmodel.Trust", "s3://a")
    repo.git("config", "--add", "gitmodel.Trust", "line\nbreak = é")
    repo.git("config", "gitmodel.profile", "here")
    with (repo.path / ".git/config").open("a", encoding="utf-8") as file:
        file.write("[gitmodel]\n\tflag\n\tempty =\n")

    assert opened(repo.path).settings() == (
        ("gitmodel.profile", "everywhere"),
        ("gitmodel.trust", "s3://a"),
        ("gitmodel.trust", "line\nbreak = é"),
        ("gitmodel.profile", "here"),
        ("gitmodel.flag", "true"),
        ("gitmodel.empty", ""),
    )


def test_a_setting_on_the_command_line_of_git_reaches_us(repo: Repo) -> None:
    """`git -c gitmodel.profile=x push` passes it to hooks in GIT_CONFIG_PARAMETERS."""
    repository = opened(repo.path, GIT_CONFIG_PARAMETERS="'gitmodel.profile'='x'")

    assert repository.settings() == (("gitmodel.profile", "x"),)


def test_settings_are_written_replaced_added_and_removed(repo: Repo) -> None:
    repository = opened(repo.path)

    repository.set_config("gitmodel.trust", "-a b")
    repository.add_config("gitmodel.trust", "--c")
    assert [value for _, value in repository.settings()] == ["-a b", "--c"]
    repository.set_config("gitmodel.trust", "é")
    assert [value for _, value in repository.settings()] == ["é"]
    repository.unset_config("gitmodel.trust")
    repository.unset_config("gitmodel.trust")
    assert repository.settings() == ()


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "\x1b[0m", "\x7f"])
def test_a_value_with_control_characters_is_never_written(repo: Repo, value: str) -> None:
    with pytest.raises(ConfigError, match="control characters"):
        opened(repo.path).set_config("gitmodel.trust", value)

    assert opened(repo.path).settings() == ()


def test_an_invalid_key_is_an_error(repo: Repo) -> None:
    with pytest.raises(GitCommandError, match="git config failed"):
        opened(repo.path).set_config("nodot", "x")


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("hooks of ours", "{repo}/hooks of ours"), ("/abs/é", "/abs/é"), ("~/hooks", "{home}/hooks")],
)
def test_the_hooks_folder_is_where_git_looks(
    repo: Repo, home: Path, configured: str, expected: str
) -> None:
    repo.git("config", "core.hooksPath", configured)
    repo.write("sub/x", "x")

    folder = opened(repo.path / "sub").hooks_folder()

    assert folder == expected.format(repo=repo.path, home=home)


def test_identity_is_who_commits(repo: Repo) -> None:
    assert opened(repo.path).identity() == "Ana <ana@example.org>"
    named = opened(repo.path, GIT_COMMITTER_NAME="Bo Ø", GIT_COMMITTER_EMAIL="bo@example.org")
    assert named.identity() == "Bo Ø <bo@example.org>"


def test_an_identity_that_nobody_gave_is_not_made_up(repo: Repo, home: Path) -> None:
    (home / "gitconfig").write_text("", encoding="utf-8")

    assert opened(repo.path).identity() == ""


# Remotes, refs and state


def test_remotes_have_names_and_urls(repo: Repo) -> None:
    assert opened(repo.path).remotes() == ()
    repo.git("remote", "add", "origin", "ex:org/a.git")
    repo.git("remote", "add", "fork", "git@example.org:me/a.git")
    repo.git("remote", "set-url", "--push", "fork", "/elsewhere")
    repo.git("config", "url.https://example.org/.insteadOf", "ex:")
    repository = opened(repo.path)

    assert repository.remotes() == ("fork", "origin")
    assert repository.remote_url("origin") == "https://example.org/org/a.git"
    assert repository.remote_url("fork") == "git@example.org:me/a.git"
    assert [repository.remote_url(name) for name in ("nope", "--all", "")] == [None, None, None]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("https://user:tok@en@example.org:8443/a@b.git", "https://example.org:8443/a@b.git"),
        ("https://token@example.org", "https://example.org"),
        ("ssh://git@example.org/~me/a.git", "ssh://example.org/~me/a.git"),
        ("git@example.org:org/a.git", "example.org:org/a.git"),
        ("example.org:org/a@b.git", "example.org:org/a@b.git"),
        ("/srv/git@home/a:b.git", "/srv/git@home/a:b.git"),
        ("../a@b", "../a@b"),
        ("file:///srv/a@b", "file:///srv/a@b"),
        ("", ""),
        ("https://user:word@host:1/p@th", "https://host:1/p@th"),
        ("Amazon S3", "Amazon S3"),
    ],
)
def test_a_url_is_shown_without_user_and_password(url: str, expected: str) -> None:
    assert without_user_info(url) == expected


@given(st.text(), st.text(), st.text())
def test_a_password_never_stays(user: str, password: str, path: str) -> None:
    secret = "s3cr3t" + password.replace("/", "")
    user = user.replace("/", "")

    assert "s3cr3t" not in without_user_info(
        f"https://{user}:{secret}@host/{path.replace('s3', '')}"
    )


def test_head_and_branch_before_and_after_the_first_commit(repo: Repo) -> None:
    repository = opened(repo.path)

    assert (repository.head(), repository.branch()) == (None, "main")
    commit = repo.commit("first")
    repo.git("switch", "-q", "-c", "team/ü")
    assert (repository.head(), repository.branch()) == (commit, "team/ü")
    repo.git("switch", "-q", "--detach")
    assert (repository.head(), repository.branch()) == (commit, None)


def conflicting_branches(repo: Repo) -> None:
    repo.write("a", "base")
    repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write("a", "side")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("a", "main")
    repo.commit("main")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("merge", "side"), "merge"),
        (("rebase", "side"), "rebase"),
        (("rebase", "--apply", "side"), "rebase"),
        (("cherry-pick", "side"), "cherry-pick"),
        (("revert", "--no-edit", "HEAD~1"), "revert"),
    ],
)
def test_what_is_unfinished_has_a_name(repo: Repo, command: tuple[str, ...], expected: str) -> None:
    conflicting_branches(repo)
    assert opened(repo.path).in_progress() is None

    repo.git(*command, check=False)

    assert opened(repo.path).in_progress() == expected


def test_shallow_and_partial_clones_say_so(repo: Repo) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.write("a", "x")
    repo.commit("first")
    repo.commit("second")

    found = {}
    for option in ("--no-tags", "--depth=1", "--filter=blob:none"):
        repository = opened(repo.clone(option.strip("-"), option).path)
        found[option] = (repository.is_shallow(), repository.is_partial_clone())

    assert found == {
        "--no-tags": (False, False),
        "--depth=1": (True, False),
        "--filter=blob:none": (False, True),
    }


# What .gitignore and .gitattributes say

STRANGE_NAMES = [
    *(
        "fraud.safetensors",
        "-x",
        "#x",
        "!x",
        "a b ",
        " a  ",
        "a*b",
        "[a]",
        "a?",
        "back\\slash",
        "é",
    ),
    *("new\nline", "cr\r", ":(glob)x", "a\\", "tab\t"),
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
@pytest.mark.parametrize("folder", ["", "sub/with space"])
def test_a_name_is_ignored_exactly_and_once(repo: Repo, folder: str, name: str) -> None:
    path = f"{folder}/{name}".lstrip("/") if folder else name
    repo.write(path, "weights")
    repo.write(f"{path}z", "other")
    repository = opened(repo.path)

    assert add_ignores(repository, [path])
    assert repository.is_ignored(path)
    assert not repository.is_ignored(f"{path}z")
    assert not repository.is_ignored(f"deeper/{path}" if not folder else f"{folder}/deeper/{name}")
    assert not add_ignores(repository, [path])


def test_a_folder_of_weights_is_ignored_as_one_name(repo: Repo) -> None:
    repo.write("models/bert/weights.bin", "x")
    repository = opened(repo.path)

    assert add_ignores(repository, ["models/bert"])
    assert repo.read("models/.gitignore") == b"/bert\n"
    assert repository.is_ignored("models/bert/weights.bin")


def test_what_people_wrote_stays(repo: Repo) -> None:
    repo.write(".gitignore", "# mine\r\n*.pyc\r\nlast")

    assert add_ignores(opened(repo.path), ["a.bin"])
    assert repo.read(".gitignore") == b"# mine\r\n*.pyc\r\nlast\r\n/a.bin\r\n"


def test_a_rule_that_everyone_has_is_enough(repo: Repo) -> None:
    repo.write(".gitignore", "*.bin\n!kept.bin\nmodels/\n")
    repo.write("models/x", "x")
    repository = opened(repo.path)

    assert not add_ignores(repository, ["a.bin"])
    assert not add_ignores(repository, ["sub.bin"])
    assert add_ignores(repository, ["kept.bin"])
    assert not add_ignores(repository, ["models/x"])


def test_a_rule_that_only_i_have_is_not_enough(repo: Repo) -> None:
    (repo.path / ".git/info").mkdir(exist_ok=True)
    repo.write(".git/info/exclude", "a.bin\n")
    excludes = repo.path.parent / ".gitignore"
    excludes.write_text("b.bin\n", encoding="utf-8")
    repo.git("config", "core.excludesFile", str(excludes))
    repository = opened(repo.path)

    assert repository.is_ignored("a.bin")
    assert add_ignores(repository, ["a.bin"])
    assert add_ignores(repository, ["b.bin"])
    assert repo.read(".gitignore") == b"/a.bin\n/b.bin\n"


def test_a_link_is_never_written_through(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "target").write_text("x", encoding="utf-8")
    (repo.path / "models").symlink_to(tmp_path / "outside")
    (repo.path / ".gitignore").symlink_to(tmp_path / "target")
    repository = opened(repo.path)

    with pytest.raises(UnsafePathError):
        add_ignores(repository, ["models/a.bin"])
    with pytest.raises(UnsafePathError):
        add_ignores(repository, ["../outside/a.bin"])
    with pytest.raises(RepositoryError, match="is a symbolic link"):
        add_ignores(repository, ["a.bin"])
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "target").read_text(encoding="utf-8") == "x"


def test_attributes_are_added_once_at_the_top(repo: Repo) -> None:
    lines = ("*.model.yaml text eol=lf merge=gitmodel", "*.alias.yaml text eol=lf merge=gitmodel")
    repo.write(".gitattributes", f"* text=auto\n{lines[0]}")
    repo.write("sub/x", "x")
    repository = opened(repo.path / "sub")

    assert repository.ensure_attributes(lines) is True
    assert repository.ensure_attributes(lines) is False
    assert repo.read(".gitattributes").decode() == f"* text=auto\n{lines[0]}\n{lines[1]}\n"


def test_a_file_that_cannot_be_written_is_an_error(repo: Repo) -> None:
    (repo.path / ".gitattributes").mkdir()

    with pytest.raises(RepositoryError, match=r"\.gitattributes cannot be changed"):
        opened(repo.path).ensure_attributes(["x"])


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_a_rule_is_one_line_without_a_blank_at_its_end(name: str) -> None:
    line = ignore_line(name)

    assert line.startswith("/")
    assert not {"\n", "\r"} & set(line)
    assert not line.endswith(" ") or line.endswith("\\ ")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_the_id_of_a_blob_is_gits(make_repo: Callable[..., Repo], object_format: str) -> None:
    repo = make_repo("other", f"--object-format={object_format}")
    for content in (b"", b"a\r\n", b"\0" * 1000):
        repo.write("x", content)
        expected = repo.git("hash-object", "--no-filters", "x").stdout.strip()

        assert opened(repo.path).blob_id(content) == expected


# How much it costs


def test_opening_takes_one_process_and_states_none(repo: Repo) -> None:
    with started_processes() as started:
        repository = opened(repo.path)
    assert len(started) == 1
    for action in (repository.in_progress, repository.is_shallow, repository.is_partial_clone):
        with started_processes() as started:
            action()
        assert started == []
    for question in (repository.head, repository.branch, repository.settings, repository.identity):
        with started_processes() as started:
            question()
        assert len(started) == 1
