"""Both readers give the same answers: every promise runs by the git program and by libgit2."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.cat_file import present_objects, sizes_of
from gitmodel.git.objects import LibraryReader, ObjectReader, ProgramReader, open_reader
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.repo import Repo

    Open = Callable[[Repo], ObjectReader]

UNKNOWN = "1" * 40
READERS: dict[str, Callable[[Repository], ObjectReader]] = {
    "program": ProgramReader,
    "library": LibraryReader,
}


def repository_of(repo: Repo) -> Repository:
    return Repository.open(str(repo.path), environment=os.environ)


@pytest.fixture(params=["program", "library"])
def reader_of(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a reader of either kind; all are closed at the end."""
    opened = []

    def open_one(repo: Repo) -> ObjectReader:
        reader = READERS[request.param](repository_of(repo))
        opened.append(reader)
        return reader

    yield open_one
    for reader in opened:
        reader.close()
        reader.close()


@pytest.fixture
def project(repo: Repo) -> Repo:
    repo.write("a.model.yaml", "one\n")
    repo.write("sub/b.model.yaml", "two")
    repo.write("sub/code.py", "x")
    repo.commit("first")
    return repo


# Revisions


def test_a_revision_is_the_commit_it_means(project: Repo, reader_of: Open) -> None:
    first = project.head()
    project.git("tag", "-a", "-m", "x", "inner")
    project.git("tag", "-a", "-m", "x", "outer", "inner")
    project.git("branch", "team/b")
    project.write("a.model.yaml", "two\n")
    second = project.commit("second")
    reader = reader_of(project)

    for revision in ("inner", "outer", "team/b", "HEAD~1", "main^", first, first[:10], ":/first"):
        assert reader.resolve(revision) == first
    for revision in ("HEAD", "main", "refs/heads/main", "@", "HEAD^{/second}"):
        assert reader.resolve(revision) == second


@pytest.mark.parametrize(
    "revision",
    [
        *("", "nope", "HEAD:a.model.yaml", "HEAD^{tree}", "main..HEAD", "^HEAD", "--all", "-x"),
        *("HEAD\nHEAD", "HEAD\0", "a b", "x blob 5", "HEAD~100", UNKNOWN, "HEAD^{", "ü", " HEAD"),
    ],
)
def test_what_is_no_commit_means_none(project: Repo, reader_of: Open, revision: str) -> None:
    reader = reader_of(project)

    assert reader.resolve(revision) is None
    assert reader.resolve("HEAD") == project.head()


def test_an_upstream_that_is_not_set_means_none(project: Repo, reader_of: Open) -> None:
    """`git cat-file --batch` dies of this question; the next one is answered again."""
    reader = reader_of(project)

    assert reader.resolve("@{upstream}") is None
    assert reader.resolve("main@{u}") is None
    assert reader.resolve("HEAD") == project.head()
    project.git("branch", "old")
    project.git("branch", "--set-upstream-to=old")
    assert reader_of(project).resolve("@{upstream}") == project.head()


def test_a_tag_of_a_blob_means_no_commit(project: Repo, reader_of: Open) -> None:
    project.git("tag", "light", "HEAD:a.model.yaml")
    project.git("tag", "-a", "-m", "x", "heavy", "HEAD:a.model.yaml")

    assert [reader_of(project).resolve(name) for name in ("light", "heavy")] == [None, None]


def test_before_the_first_commit_head_means_none(repo: Repo, reader_of: Open) -> None:
    assert reader_of(repo).resolve("HEAD") is None


def test_a_ref_that_moved_meanwhile_is_seen(project: Repo, reader_of: Open) -> None:
    reader = reader_of(project)
    first = reader.resolve("HEAD")
    project.write("c.model.yaml", "three")
    second = project.commit("second")

    assert first != second
    assert reader.resolve("HEAD") == second
    oid = project.head("HEAD:c.model.yaml")
    assert reader.blobs([oid]) == {oid: b"three"}


# Trees


def test_a_tree_lists_plain_files_by_the_end_of_their_path(project: Repo, reader_of: Open) -> None:
    project.write("sub/-x y.model.yaml", "3")
    project.write("é/日\n.model.yaml", "4")
    project.write("sub.model.yaml/other.txt", "not a pointer")
    (project.path / "link.model.yaml").symlink_to("a.model.yaml")
    project.write("run.model.yaml", "5").chmod(0o755)
    commit = project.commit("second")

    found = reader_of(project).tree(commit, ".model.yaml")

    assert [path for path, _ in found] == [
        *("a.model.yaml", "run.model.yaml", "sub/-x y.model.yaml", "sub/b.model.yaml"),
        "é/日\n.model.yaml",
    ]
    assert dict(found)["sub/b.model.yaml"] == project.head("HEAD:sub/b.model.yaml")
    assert reader_of(project).tree(commit, ".nothing") == ()


def test_a_submodule_is_not_looked_into(
    project: Repo, make_repo: Callable[..., Repo], reader_of: Open
) -> None:
    inner = make_repo("inner")
    inner.write("c.model.yaml", "x")
    inner.commit("x")
    project.git("submodule", "--quiet", "add", inner.path.as_uri(), "x.model.yaml")
    commit = project.commit("second")

    found = reader_of(project).tree(commit, ".model.yaml")

    assert [path for path, _ in found] == ["a.model.yaml", "sub/b.model.yaml"]


@pytest.mark.parametrize("commit", [UNKNOWN, "HEAD", "--help", "", "blob"])
def test_a_tree_of_no_commit_is_an_error(project: Repo, reader_of: Open, commit: str) -> None:
    wanted = project.head("HEAD:a.model.yaml") if commit == "blob" else commit

    with pytest.raises(RepositoryError):
        reader_of(project).tree(wanted, ".model.yaml")


# Blobs


def test_blobs_come_back_as_they_were(project: Repo, reader_of: Open) -> None:
    contents = [b"", b"\n", b"a\r\nb", bytes(range(256)), b"1" * 65536]
    for number, content in enumerate(contents):
        project.write(f"{number}.bin", content)
    project.commit("second")
    oids = [project.head(f"HEAD:{number}.bin") for number in range(len(contents))]

    assert reader_of(project).blobs(oids) == dict(zip(oids, contents, strict=True))


def test_what_is_missing_too_large_or_no_blob_is_left_out(project: Repo, reader_of: Open) -> None:
    project.write("large.bin", b"x" * 65537)
    project.write("huge.bin", os.urandom(5_000_000))
    project.commit("second")
    small, large, huge = (
        project.head(f"HEAD:{name}") for name in ("a.model.yaml", "large.bin", "huge.bin")
    )
    others = [
        UNKNOWN,
        project.head(),
        project.head("HEAD^{tree}"),
        "HEAD:a.model.yaml",
        "",
        "z" * 40,
    ]
    reader = reader_of(project)

    assert reader.blobs([huge, large, *others, huge, small]) == {small: b"one\n"}
    assert set(reader.blobs([large], limit=65537)) == {large}
    assert reader.blobs([small], limit=3) == {}
    assert reader.blobs([]) == {}


def test_a_path_of_a_commit_is_a_text_or_is_lacking(project: Repo, reader_of: Open) -> None:
    commit = project.head()
    with reader_of(project) as reader:
        for _ in range(2):
            assert reader.text_at(commit, "sub/b.model.yaml") == b"two"
            assert not reader.lacks(commit, "sub/b.model.yaml")
            assert reader.text_at(commit, "sub/c.model.yaml") is None
            assert reader.lacks(commit, "sub/c.model.yaml")
        assert reader.lacks(commit, "folder/that/is/not/there")
        assert not reader.lacks(UNKNOWN, "a.model.yaml")


def test_a_partial_clone_does_not_say_that_a_path_is_lacking(project: Repo) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    clone = project.clone("clone", "--filter=blob:none", "--no-checkout")

    with open_reader(repository_of(clone)) as reader:
        assert not reader.lacks(clone.head(), "nothing.yaml")


def test_many_blobs_are_read_in_one_go(project: Repo, reader_of: Open) -> None:
    """More than a pipe holds, in both directions."""
    names = [f"many/{number}.model.yaml" for number in range(600)]
    for name in names:
        project.write(name, name * 20)
    commit = project.commit("second")
    reader = reader_of(project)
    entries = reader.tree(commit, ".model.yaml")

    blobs = reader.blobs(oid for _, oid in entries)

    assert len(blobs) == 602
    assert {path: blobs[oid] for path, oid in entries if path.startswith("many/")} == {
        name: (name * 20).encode() for name in names
    }


def test_a_replacement_is_not_what_a_push_sends(project: Repo) -> None:
    oid = project.head("HEAD:a.model.yaml")
    project.git("replace", oid, project.head("HEAD:sub/b.model.yaml"))

    with open_reader(repository_of(project)) as reader:
        assert reader.blobs([oid]) == {oid: b"one\n"}


def test_a_bare_repository_and_a_linked_worktree_are_read(project: Repo, reader_of: Open) -> None:
    bare = project.clone("bare.git", "--bare")
    project.git("worktree", "add", "-q", "-b", "other", "../linked")
    linked = type(project)(project.path.parent / "linked")
    linked.write("a.model.yaml", "linked")
    commit = linked.commit("linked")

    assert reader_of(bare).resolve("HEAD") == project.head()
    assert reader_of(linked).resolve("HEAD") == commit
    assert reader_of(project).resolve("HEAD") != commit


# Repositories that libgit2 cannot read


def test_a_sha256_repository_is_read_by_the_program(make_repo: Callable[..., Repo]) -> None:
    repo = make_repo("wide", "--object-format=sha256")
    repo.write("a.model.yaml", "one")
    commit = repo.commit("first")

    with open_reader(repository_of(repo)) as reader:
        [entry] = reader.tree(commit, ".model.yaml")
        assert reader.resolve("HEAD") == commit
        assert reader.blobs([entry.oid]) == {entry.oid: b"one"}


def test_a_blobless_clone_fetches_only_when_it_may(project: Repo) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = project.clone("clone", "--filter=blob:none", "--no-checkout")
    repository = repository_of(clone)
    with open_reader(repository) as reader:
        entries = reader.tree(clone.head(), ".model.yaml")
        oids = [oid for _, oid in entries]

        assert reader.blobs(oids) == {}
        assert present_objects(repository, oids) == frozenset()
    with open_reader(repository, may_fetch=True) as reader:
        assert sorted(reader.blobs([*oids, UNKNOWN]).values()) == [b"one\n", b"two"]
    with open_reader(repository) as reader:
        assert sorted(reader.blobs(oids).values()) == [b"one\n", b"two"]


def test_a_partial_clone_whose_remote_is_gone_leaves_blobs_out(project: Repo) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    clone = project.clone("clone", "--filter=blob:none", "--no-checkout")
    oids = [project.head("HEAD:a.model.yaml")]
    project.path.rename(project.path.with_name("away"))

    with open_reader(repository_of(clone), may_fetch=True) as reader:
        assert reader.blobs(oids) == {}


def test_without_a_git_program_libgit2_reads(
    project: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    oid, commit = project.head("HEAD:a.model.yaml"), project.head()
    monkeypatch.setenv("PATH", "")

    with open_reader(repository_of(project)) as reader:
        assert isinstance(reader, LibraryReader)
        assert reader.resolve("HEAD") == commit
        assert reader.blobs([oid]) == {oid: b"one\n"}


def test_a_sha256_repository_without_a_git_program_is_an_error(
    make_repo: Callable[..., Repo], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make_repo("wide", "--object-format=sha256")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(RepositoryError, match="cannot be read without the git program") as caught:
        repository_of(repo)

    assert caught.value.hint == "install Git"


# Damage


def test_a_damaged_object_is_an_error_or_left_out_but_never_wrong(
    project: Repo, reader_of: Open
) -> None:
    oid = project.head("HEAD:a.model.yaml")
    file = project.path / ".git/objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"garbage")

    try:
        found = reader_of(project).blobs([oid])
    except RepositoryError:
        found = {}

    assert found == {}


def test_a_reader_works_again_after_its_process_died(project: Repo) -> None:
    reader = ProgramReader(repository_of(project))
    commit, oid = reader.resolve("HEAD"), project.head("HEAD:a.model.yaml")

    def kill() -> None:
        process = reader._batch._process
        assert process is not None
        process.kill()
        process.wait()

    kill()
    with pytest.raises(GitCommandError, match="git cat-file ended"):
        reader.blobs([oid])
    assert reader.blobs([oid]) == {oid: b"one\n"}
    kill()
    assert reader.resolve("HEAD") == commit
    reader.close()


def test_sizes_are_those_of_the_objects_that_exist(project: Repo) -> None:
    oid = project.head("HEAD:a.model.yaml")

    assert sizes_of(repository_of(project), [oid, UNKNOWN, oid]) == {oid: 4}
    assert sizes_of(repository_of(project), []) == {}
    assert present_objects(repository_of(project), [oid, UNKNOWN]) == {oid}


# Start-up


def test_importing_the_git_room_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, gitmodel.git.repository, gitmodel.git.index, gitmodel.git.objects, "
        "gitmodel.git.history.walk; "
        "print(sorted({'pygit2', 'cffi', 'fsspec', 'yaml', 'logging', 'argparse', 'inspect', "
        "'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("kind", "expected"), [("program", 2), ("library", 0)])
def test_one_process_answers_for_all_blobs_and_revisions(
    project: Repo, kind: str, expected: int
) -> None:
    repository = repository_of(project)

    with started_processes() as started, READERS[kind](repository) as reader:
        commit = reader.resolve("HEAD")
        assert commit is not None
        entries = reader.tree(commit, ".model.yaml")
        reader.blobs(oid for _, oid in entries)
        reader.resolve("nope")

    assert len(started) == expected
