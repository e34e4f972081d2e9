"""A commit made from texts is the one that `git commit` would make, and touches nothing but Git's objects."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError, RepositoryError, UnsafePathError
from gitmodel.git.commit_files import commit_tree, write_tree
from gitmodel.git.repository import Repository
from tests.support.kept import Kept
from tests.support.repo import Repo
from tests.support.untouched import untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gitmodel.errors import GitmodelError

ALIAS = "models/fraud.production.alias.yaml"
TEXT = 'name: "fraud"\nversion: 7\nwhy: "möglich, #214"\n'
FILES = {
    "README.md": "read me\n",
    "models/fraud.model.yaml": "version: 7\n",
    "models.txt": "sorts before the folder models\n",
    "deep/er/still/only.txt": "alone\n",
    "tools/run.sh": "#!/bin/sh\n",
    "unrelated/data.txt": "large\n",
}


def _built(folder: Path) -> Repo:
    repo = Repo.create(folder / "repo")
    for path, text in FILES.items():
        repo.write(path, text)
    (repo.path / "tools/run.sh").chmod(0o755)
    (repo.path / "link").symlink_to("README.md")
    repo.commit("base")
    return repo


KEPT = Kept(_built)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "base", tmp_path)


@pytest.fixture
def base(tmp_path: Path) -> Repo:
    """A repository with one commit of `FILES` and a link."""
    assert tmp_path.is_dir()
    return KEPT.repo()


def opened(repo: Repo, **environment: str) -> Repository:
    return Repository.open(str(repo.path), environment={**os.environ, **environment})


def commit_files(
    repository: Repository, parent: str, changes: Mapping[str, str | None], message: str
) -> str:
    return commit_tree(repository, write_tree(repository, parent, changes), parent, message)


def made(repo: Repo, changes: Mapping[str, str | None], message: str = "Promote fraud v7") -> str:
    """A commit on HEAD, made while everything else stays as it is."""
    head = repo.head()
    with untouched(repo):
        return commit_files(opened(repo), head, changes, message)


def listed(repo: Repo, commit: str) -> dict[str, str]:
    """Mode and content id of each file of a commit."""
    lines = repo.git("ls-tree", "-r", "-z", commit).stdout.split("\0")[:-1]
    return {path: words for words, path in (line.split("\t") for line in lines)}


def by_git(repo: Repo, changes: Callable[[Repo], object]) -> dict[str, str]:
    """What `git commit` makes of the same changes, in a copy of the repository."""
    copy = Repo(repo.path.with_name("by-git"))
    shutil.copytree(repo.path, copy.path, symlinks=True)
    changes(copy)
    copy.commit("the same")
    return listed(copy, "HEAD")


def test_a_new_file_a_changed_one_and_a_removed_one_are_as_git_commit_makes_them(
    base: Repo,
) -> None:
    changes = {ALIAS: TEXT, "README.md": "other\n", "models/fraud.model.yaml": None}
    commit = made(base, changes)

    def same(repo: Repo) -> None:
        repo.write(ALIAS, TEXT)
        repo.write("README.md", "other\n")
        (repo.path / "models/fraud.model.yaml").unlink()

    assert listed(base, commit) == by_git(base, same)
    assert base.git("cat-file", "blob", f"{commit}:{ALIAS}").stdout == TEXT
    assert base.git("fsck", "--strict", commit).returncode == 0


def test_parent_message_author_and_committer_are_those_of_git_commit(base: Repo) -> None:
    base.git("config", "user.name", "Änne Ñu")
    commit = made(base, {ALIAS: TEXT}, "\nPromote fraud v7\n\n# 214\nbecause é  \n\n")

    assert base.git("show", "-s", "--format=%P|%an <%ae>|%cn <%ce>|%e|%B", commit).stdout == (
        f"{base.head()}|Änne Ñu <ana@example.org>|Änne Ñu <ana@example.org>||"
        "Promote fraud v7\n\n# 214\nbecause é\n\n"
    )


def test_author_and_committer_of_the_environment_count(base: Repo) -> None:
    repository = opened(base, GIT_AUTHOR_NAME="Bo", GIT_COMMITTER_EMAIL="ci@example.org")
    commit = commit_files(repository, base.head(), {ALIAS: TEXT}, "m")

    assert base.git("show", "-s", "--format=%an %ae %cn %ce", commit).stdout == (
        "Bo ana@example.org Ana ci@example.org\n"
    )


def test_another_encoding_of_commits_is_not_stated_for_a_message_in_utf8(base: Repo) -> None:
    base.git("config", "i18n.commitEncoding", "ISO-8859-1")
    commit = made(base, {ALIAS: TEXT}, "für alle")

    raw = base.git("cat-file", "commit", commit).stdout
    assert "encoding" not in raw
    assert raw.endswith("\n\nfür alle\n")


def test_modes_stay(base: Repo) -> None:
    commit = made(base, {"tools/run.sh": "#!/bin/sh\necho\n", "models.txt": "x\n"})

    found = listed(base, commit)
    assert found["tools/run.sh"].startswith("100755 blob")
    assert found["models.txt"].startswith("100644 blob")
    assert found["link"] == listed(base, "HEAD")["link"]


def test_text_is_stored_as_given_whatever_attributes_say(base: Repo) -> None:
    base.write(".gitattributes", "*.yaml text eol=crlf ident\n")
    base.commit("attributes")
    text = "a\r\nb $Id$\nno end of line"
    commit = made(base, {ALIAS: text})

    stored = subprocess.run(
        ["git", "cat-file", "blob", f"{commit}:{ALIAS}"],  # noqa: S607
        cwd=base.path,
        capture_output=True,
        check=True,
    ).stdout
    assert stored == text.encode()


def test_folders_that_the_parent_has_not_are_made(base: Repo) -> None:
    commit = made(base, {"a/b/c/d.yaml": TEXT, "a/b.yaml": TEXT, "Ü/ä ö.yaml": TEXT})

    new = listed(base, commit).keys() - listed(base, "HEAD").keys()
    assert new == {"a/b/c/d.yaml", "a/b.yaml", "Ü/ä ö.yaml"}
    assert base.git("fsck", "--strict", commit).returncode == 0


def test_a_folder_without_files_is_gone_with_the_empty_ones_above_it(base: Repo) -> None:
    commit = made(base, {"deep/er/still/only.txt": None})

    assert "deep" not in base.git("ls-tree", "--name-only", commit).stdout.split()


def test_the_last_file_of_a_repository_can_be_removed(repo: Repo) -> None:
    repo.write(ALIAS, TEXT)
    repo.commit("only one")
    commit = made(repo, {ALIAS: None})

    assert repo.git("ls-tree", "-r", commit).stdout == ""
    assert repo.git("fsck", "--strict", commit).returncode == 0


def test_a_tree_without_a_difference_is_that_of_the_parent(base: Repo) -> None:
    same = {"README.md": FILES["README.md"], "no/such/file": None, "models/none.yaml": None}
    tree = write_tree(opened(base), base.head(), same)

    assert tree == base.head("HEAD^{tree}")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"../out.yaml": TEXT}, UnsafePathError),
        ({"/etc/passwd": TEXT}, UnsafePathError),
        ({"models//a.yaml": TEXT}, UnsafePathError),
        ({"": TEXT}, UnsafePathError),
        ({".GIT/hooks/pre-push": TEXT}, UnsafePathError),
        ({"a": TEXT, "a/b": TEXT}, UnsafePathError),
        ({"a/b": TEXT, "a": None}, UnsafePathError),
        ({"models": TEXT}, RepositoryError),
        ({"models": None}, RepositoryError),
        ({"README.md/a.yaml": TEXT}, RepositoryError),
        ({"link": TEXT}, RepositoryError),
        ({"link/a.yaml": TEXT}, RepositoryError),
    ],
)
def test_paths_that_name_no_plain_file_are_refused(
    base: Repo, changes: dict[str, str | None], error: type[GitmodelError]
) -> None:
    with untouched(base), pytest.raises(error) as caught:
        commit_files(opened(base), base.head(), changes, "m")

    assert caught.value.hint is not None


def test_the_message_for_a_link_names_it(base: Repo) -> None:
    with pytest.raises(RepositoryError) as caught:
        commit_files(opened(base), base.head(), {"link/a.yaml": TEXT}, "m")

    assert str(caught.value) == "link is a link in the commit before, and not a folder"
    assert caught.value.hint == "git log -- link, for the commit that made it so"


def test_without_a_name_git_commit_s_own_advice_is_given(base: Repo) -> None:
    config = base.path.parent / "nobody"
    config.write_text("[user]\n\tuseConfigOnly = true\n", encoding="utf-8")
    repository = opened(base, GIT_CONFIG_GLOBAL=str(config))

    with pytest.raises(RepositoryError) as caught:
        commit_files(repository, base.head(), {ALIAS: TEXT}, "m")

    assert str(caught.value) == "Git does not know who the author of the commit is"
    assert caught.value.hint == (
        'git config --global user.name "Your Name", '
        "and git config --global user.email you@example.org"
    )


def test_a_commit_is_signed_if_git_commit_would_sign_it(base: Repo) -> None:
    key = base.path.parent / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ana", "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    signers = base.path.parent / "signers"
    signers.write_text(f"ana@example.org {key.with_suffix('.pub').read_text()}", encoding="utf-8")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(signers),
        "commit.gpgSign": "yes",
    }.items():
        base.git("config", name, value)
    signed = made(base, {ALIAS: TEXT})
    base.git("config", "commit.gpgSign", "off")
    plain = made(base, {ALIAS: TEXT})

    assert base.git("show", "-s", "--format=%G? %GS", signed).stdout == "G ana@example.org\n"
    assert base.git("show", "-s", "--format=%G?", plain).stdout == "N\n"


def test_a_key_that_cannot_sign_is_git_s_error(base: Repo) -> None:
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": "/no/such/key",
        "commit.gpgSign": "true",
    }.items():
        base.git("config", name, value)

    with untouched(base), pytest.raises(GitCommandError) as caught:
        commit_files(opened(base), base.head(), {ALIAS: TEXT}, "m")

    assert "/no/such/key" in str(caught.value)
    assert caught.value.hint == (
        "commit.gpgSign is on, so Git signs with a key of yours; to see which: "
        "git config user.signingKey"
    )


def test_what_is_staged_and_changed_at_the_same_path_stays(base: Repo) -> None:
    base.write("models/fraud.model.yaml", "staged\n")
    base.git("add", "models/fraud.model.yaml")
    base.write("models/fraud.model.yaml", "changed after that\n")
    base.write(ALIAS, "untracked\n")
    commit = made(base, {"models/fraud.model.yaml": "committed\n", ALIAS: TEXT})

    assert base.read("models/fraud.model.yaml") == b"changed after that\n"
    assert base.git("show", ":models/fraud.model.yaml").stdout == "staged\n"
    assert base.git("show", f"{commit}:models/fraud.model.yaml").stdout == "committed\n"


def test_it_works_while_another_command_holds_the_index(base: Repo) -> None:
    base.write(".git/index.lock", "")

    assert base.git("cat-file", "-t", made(base, {ALIAS: TEXT})).stdout == "commit\n"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_bare_repository_of_either_object_format(
    make_repo: Callable[..., Repo], object_format: str
) -> None:
    source = make_repo("source", f"--object-format={object_format}")
    source.write("models/fraud.model.yaml", "version: 7\n")
    parent = source.commit("base")
    bare = source.clone("bare", "--bare")
    with untouched(bare):
        commit = commit_files(opened(bare), parent, {ALIAS: TEXT}, "m")

    assert len(commit) == len(parent)
    assert list(listed(bare, commit)) == ["models/fraud.model.yaml", ALIAS]


def test_a_linked_work_tree_and_a_sparse_one(base: Repo) -> None:
    base.git("worktree", "add", "-q", "--detach", "../linked")
    linked = Repo(base.path.parent / "linked")
    linked.git("sparse-checkout", "set", "tools")
    assert not (linked.path / "models").exists()
    with untouched(base):
        commit = made(linked, {ALIAS: TEXT})

    assert listed(linked, commit).keys() == listed(base, "HEAD").keys() | {ALIAS}
    assert not (linked.path / "models").exists()


@pytest.mark.parametrize("blobless", [True, False])
def test_a_partial_clone_fetches_no_file(base: Repo, blobless: bool) -> None:
    """Without files it has each tree, so it asks nobody; without trees Git fetches those, and no file."""
    for name in ("allowFilter", "allowAnySHA1InWant"):
        base.git("config", f"uploadpack.{name}", "true")
    clone = base.clone(
        "clone", "--no-checkout", "--filter=blob:none" if blobless else "--filter=tree:0"
    )
    head, old = base.head(), base.head("HEAD:models/fraud.model.yaml")
    if blobless:
        base.path.rename(base.path.with_name("gone"))
    commit = commit_files(opened(clone), head, {ALIAS: TEXT, "models.txt": "x\n"}, "m")

    present = clone.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").stdout
    assert old not in present
    changed = clone.git("diff-tree", "--name-only", "-r", "HEAD", commit).stdout
    assert changed == f"models.txt\n{ALIAS}\n"


def test_random_changes_make_the_tree_that_git_makes_of_them(tmp_path: Path) -> None:
    """With names whose order among files and folders differs. `GITMODEL_TESTS_COMMITS` makes more."""
    chance = random.Random(7)  # noqa: S311
    names = ["a", "a-b", "a.b", "a0", "A", "b", "ä", "z z", "-x", "a\n"]
    repo = Repo.create(tmp_path / "random")
    repo.git("commit", "-q", "--allow-empty", "-m", "empty")
    repository = opened(repo)
    there: dict[str, str] = {}
    rounds, refused = int(os.environ.get("GITMODEL_TESTS_COMMITS", "25")), 0
    for number in range(rounds):
        changes: dict[str, str | None] = {}
        for _ in range(chance.randrange(1, 5)):
            path = "/".join(chance.choices(names, k=chance.randrange(1, 4)))
            changes[path] = None if chance.random() < 0.4 else f"{number}\n"
        for path in chance.sample(sorted(there), min(2, len(there))):
            changes[path] = None
        after = _applied(there, changes)
        head = repo.head()
        if after is None:
            with pytest.raises((RepositoryError, UnsafePathError)):
                commit_files(repository, head, changes, "m")
            refused += 1
            continue
        commit = commit_files(repository, head, changes, "m")
        assert repo.head(f"{commit}^{{tree}}") == _tree_by_git(repo, after)
        repo.git("update-ref", "HEAD", commit)
        there = after

    assert rounds // 10 < refused < rounds // 2


def _applied(there: dict[str, str], changes: Mapping[str, str | None]) -> dict[str, str] | None:
    """The files afterwards; None if a path is file and folder in one."""
    paths = {*there, *changes}
    for path in changes:
        if any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in paths):
            return None
    merged = {**there, **changes}
    return {path: text for path, text in merged.items() if text is not None}


def _tree_by_git(repo: Repo, files: Mapping[str, str]) -> str:
    """The tree that Git writes from an index of these files."""
    lines = "".join(
        f"100644 {repo.git('hash-object', '-w', '--stdin', input_text=text).stdout.strip()}\t{path}\0"
        for path, text in files.items()
    )
    own = {"GIT_INDEX_FILE": str(repo.path.with_name("own-index"))}
    repo.git("read-tree", "--empty", env=own)
    repo.git("update-index", "-z", "--index-info", env=own, input_text=lines)
    return repo.git("write-tree", env=own).stdout.strip()
