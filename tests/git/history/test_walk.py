from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError
from gitmodel.git.history.walk import History
from gitmodel.git.pre_push import RefUpdate, parse_updates
from gitmodel.git.repository import Repository
from tests.support.processes import started_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.repo import Repo

ZERO = "0" * 40
UNKNOWN = "1" * 40


def history(repo: Repo) -> History:
    return History(Repository.open(str(repo.path), environment=os.environ))


def blob(repo: Repo, path: str, revision: str = "HEAD") -> str:
    return repo.head(f"{revision}:{path}")


def seconds(repo: Repo, commit: str) -> int:
    return int(repo.git("show", "-s", "--format=%at", commit).stdout)


def test_a_commit_introduces_the_pointers_it_adds_or_changes(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.write("notes.txt", "one")
    first = repo.commit("first")
    repo.write("sub/b.model.yaml", "two")
    second = repo.commit("second: Ü")

    changes = history(repo).changes([second])

    assert changes == [
        (
            second,
            "sub/b.model.yaml",
            blob(repo, "sub/b.model.yaml"),
            "Ana <ana@example.org>",
            seconds(repo, second),
            "second: Ü",
        ),
        (
            first,
            "a.model.yaml",
            blob(repo, "a.model.yaml"),
            "Ana <ana@example.org>",
            seconds(repo, first),
            "first",
        ),
    ]


def test_what_is_excluded_is_not_repeated(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    repo.write("a.model.yaml", "two")
    second = repo.commit("second")

    assert [c.commit for c in history(repo).changes([second], exclude=[first])] == [second]
    assert history(repo).changes([second], exclude=[second]) == []
    assert history(repo).changes([]) == []


def test_an_excluded_commit_that_nobody_here_knows_excludes_nothing(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    repo.write("a.model.yaml", "two")
    second = repo.commit("second")

    changes = history(repo).changes([second], exclude=[UNKNOWN, first, UNKNOWN])

    assert [c.commit for c in changes] == [second]


def test_an_unknown_tip_is_an_error_and_never_an_empty_answer(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")

    with pytest.raises(GitCommandError, match="bad object 1111"):
        history(repo).changes([UNKNOWN])
    with pytest.raises(GitCommandError, match="bad object 1111"):
        history(repo).changes([UNKNOWN], exclude=[first])


def test_a_pointer_that_only_a_merge_introduced_is_found(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write("a.model.yaml", "side")
    side = repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("a.model.yaml", "main")
    main = repo.commit("main")
    repo.git("merge", "-q", "side", check=False)
    repo.write("a.model.yaml", "resolved")
    repo.write("new.model.yaml", "written while merging")
    merge = repo.commit("merge")

    changes = history(repo).changes([merge], exclude=[side, main])

    assert [(c.commit, c.path, c.oid) for c in changes] == [
        (merge, "a.model.yaml", blob(repo, "a.model.yaml")),
        (merge, "new.model.yaml", blob(repo, "new.model.yaml")),
    ]


def test_a_clean_merge_introduces_nothing_itself(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write("b.model.yaml", "side")
    side = repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("c.model.yaml", "main")
    main = repo.commit("main")
    repo.git("merge", "-q", "--no-edit", "side")

    changes = history(repo).changes([repo.head()], exclude=[])

    assert {c.commit for c in changes[:2]} == {side, main}
    assert [c.path for c in changes[2:]] == ["a.model.yaml"]
    assert history(repo).changes([repo.head()], exclude=[side, main]) == []


def test_an_octopus_merge_is_read(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    base = repo.commit("base")
    for name in ("one", "two"):
        repo.git("switch", "-q", "-c", name, base)
        repo.write(f"{name}.txt", name)
        repo.commit(name)
    repo.git("switch", "-q", "main")
    repo.write("main.txt", "main")
    repo.commit("main")
    repo.git("merge", "-q", "--no-commit", "one", "two")
    repo.write("a.model.yaml", "octopus")
    merge = repo.commit("octopus")

    changes = history(repo).changes([merge], exclude=[base])

    assert [(c.commit, c.oid) for c in changes] == [(merge, blob(repo, "a.model.yaml"))]


def test_a_side_branch_whose_result_the_merge_dropped_counts(repo: Repo) -> None:
    """It is pushed as well, so its weights belong on the remote."""
    repo.write("a.model.yaml", "base")
    base = repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write("a.model.yaml", "side")
    side = repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "--no-ff", "side")

    assert [c.commit for c in history(repo).changes([repo.head()], exclude=[base])] == [side]
    assert [c.commit for c in history(repo).log("a.model.yaml", "HEAD")] == [base]


def test_a_deleted_pointer_has_no_blob(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    (repo.path / "a.model.yaml").unlink()
    second = repo.commit("second")

    changes = history(repo).changes([second], exclude=[first])

    assert [(c.commit, c.path, c.oid) for c in changes] == [(second, "a.model.yaml", None)]


def test_a_pointer_that_became_a_link_is_gone(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    (repo.path / "a.model.yaml").unlink()
    (repo.path / "a.model.yaml").symlink_to("/etc/passwd")
    second = repo.commit("second")

    assert [c.oid for c in history(repo).changes([second], exclude=[first])] == [None]


def test_a_moved_pointer_is_a_deletion_and_an_introduction(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    repo.git("mv", "a.model.yaml", "b.model.yaml")
    second = repo.commit("second")

    changes = history(repo).changes([second], exclude=[first])

    assert [(c.path, c.oid) for c in changes] == [
        ("a.model.yaml", None),
        ("b.model.yaml", blob(repo, "b.model.yaml")),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "a b.model.yaml",
        "-x.model.yaml",
        "é/日本.model.yaml",
        "new\nline.model.yaml",
        ":(top)x.model.yaml",
    ],
)
def test_paths_are_read_as_they_are(repo: Repo, path: str) -> None:
    repo.write(path, "one")
    first = repo.commit("first", path)

    assert [c.path for c in history(repo).changes([first])] == [path]
    assert [c.path for c in history(repo).changes([first], paths=[path])] == [path]
    assert [c.path for c in history(repo).log(path, first)] == [path]


def test_paths_name_exactly_these_files(repo: Repo) -> None:
    for path in ("[a].model.yaml", "a.model.yaml", "sub/a.model.yaml"):
        repo.write(path, path)
    first = repo.commit("first")

    changes = history(repo).changes([first], paths=["[a].model.yaml"])

    assert [c.path for c in changes] == ["[a].model.yaml"]


def test_hostile_names_and_messages_do_not_confuse_the_reader(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.git("add", ".")
    repo.git(
        *("-c", "user.name=:100644 100644 x", "commit", "-q", "-m"),
        ":000000 100644 0000 1111 A\ta.model.yaml\n\nbody",
        env={"GIT_AUTHOR_NAME": "\x1b[31m:0 x", "GIT_AUTHOR_EMAIL": "a@b"},
    )

    [change] = history(repo).changes([repo.head()])

    assert (change.path, change.oid) == ("a.model.yaml", blob(repo, "a.model.yaml"))
    assert change.author.endswith("[31m:0 x <a@b>")
    assert change.subject == ":000000 100644 0000 1111 A\ta.model.yaml"


def test_configuration_for_people_does_not_change_the_answer(repo: Repo, tmp_path: Path) -> None:
    """`log.showSignature` would even run a program of the configuration's choice."""
    mark = tmp_path / "mark"
    for key, value in {
        "log.showSignature": "true",
        "gpg.program": f"touch {mark}",
        "diff.external": f"touch {mark}",
        "log.showRoot": "false",
        "color.ui": "always",
        "format.pretty": "oneline",
        "diff.renames": "copies",
        "log.decorate": "full",
        "log.diffMerges": "off",
        "core.abbrev": "7",
        "diff.noprefix": "true",
        "log.follow": "true",
        "notes.displayRef": "*",
    }.items():
        repo.git("config", key, value)
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")

    [change] = history(repo).changes([first])

    assert (change.commit, change.oid) == (first, blob(repo, "a.model.yaml"))
    assert not mark.exists()


def test_a_folder_that_is_called_like_a_pointer_is_none(repo: Repo) -> None:
    repo.write("sub.model.yaml/other.txt", "one")
    first = repo.commit("first")

    assert history(repo).changes([first]) == []


def test_what_the_remote_is_believed_to_have_is_left_out(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.commit("first")
    clone = repo.clone("clone")
    clone.write("a.model.yaml", "two")
    second = clone.commit("second")

    assert [c.commit for c in history(clone).changes([second], not_on_remote="origin")] == [second]
    # A push to a URL, or to something that is a pattern to Git, has no remote-tracking refs.
    for name in ("https://example.org/a.git", "*", "orig[i]n", "or"):
        assert len(history(clone).changes([second], not_on_remote=name)) == 2


def test_a_file_name_means_this_file_in_any_folder(repo: Repo) -> None:
    for path in ("a.model.yaml", "sub/a.model.yaml", "ba.model.yaml", "a[1].model.yaml"):
        repo.write(path, path)
    repo.commit("first")

    def paths(name: str) -> list[str]:
        return [change.path for change in history(repo).all_refs_changes(name)]

    assert paths("a.model.yaml") == ["a.model.yaml", "sub/a.model.yaml"]
    assert paths("a[1].model.yaml") == ["a[1].model.yaml"]
    assert paths("*.model.yaml") == []


def test_what_single_commits_did_is_what_a_walk_says_of_them(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write("a.model.yaml", "side")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("a.model.yaml", "main")
    repo.write("notes.txt", "main")
    repo.commit("main")
    repo.git("merge", "-q", "side", check=False)
    repo.write("a.model.yaml", "resolved")
    repo.commit("merge")
    repo.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    asked = history(repo)

    commits = asked.commits(asked.tips())
    single = list(asked.introduced(commits))

    assert [commit for commit, _ in single] == commits
    assert [change for _, did in single for change in did] == asked.all_refs_changes()
    assert [len(did) for _, did in single] == [0, 1, 1, 1, 1]


def test_a_commit_that_is_not_here_is_passed_over_and_not_taken_for_an_empty_one(
    repo: Repo,
) -> None:
    """`git diff-tree --stdin` says nothing about a commit that it cannot find."""
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")

    single = list(history(repo).introduced([UNKNOWN, first]))

    assert [(commit, len(did)) for commit, did in single] == [(first, 1)]


def test_a_commit_without_a_date_is_read(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.commit("first")
    text = f"tree {repo.head('HEAD^{tree}')}\nauthor Ana <a@b>\ncommitter Ana <a@b>\n\nno date\n"
    options = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
    commit = repo.git(*options, input_text=text).stdout.strip()
    repo.git("update-ref", "refs/heads/undated", commit)

    [change] = history(repo).changes([commit])
    assert (change.when, change.subject) == (0, "no date")
    assert dict(history(repo).introduced([commit])) == {commit: [change]}


def test_a_repository_without_a_commit_has_no_history(repo: Repo) -> None:
    assert history(repo).commits(history(repo).tips()) == []
    assert list(history(repo).introduced([])) == []
    assert history(repo).all_refs_changes() == []
    assert history(repo).changes([]) == []


def test_all_refs_are_branches_tags_stash_remote_refs_and_a_detached_head(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    base = repo.commit("base")
    expected = {base}
    repo.write("a.model.yaml", "stashed")
    repo.git("stash")
    expected.add(repo.head("stash"))
    for number, place in enumerate(("refs/tags/t", "refs/heads/b", "refs/remotes/o/b", "")):
        repo.git("switch", "-q", "--detach", base)
        repo.write("a.model.yaml", f"{number}")
        expected.add(repo.commit(f"{number}"))
        if place:
            repo.git("update-ref", place, "HEAD")
    repo.git("tag", "on-a-blob", repo.head("HEAD:a.model.yaml"))

    assert {c.commit for c in history(repo).all_refs_changes()} == expected
    assert history(repo).all_refs_changes("other.model.yaml") == []


def test_the_head_of_another_worktree_is_a_ref_too(repo: Repo) -> None:
    repo.write("a.model.yaml", "base")
    repo.commit("base")
    repo.git("worktree", "add", "-q", "--detach", "../linked")
    linked = type(repo)(repo.path.parent / "linked")
    linked.write("a.model.yaml", "linked")
    commit = linked.commit("linked")

    assert commit in {c.commit for c in history(repo).all_refs_changes()}


def test_the_newest_change_comes_first_whatever_the_clocks_said(repo: Repo) -> None:
    commits = []
    for number in range(3):
        repo.write("a.model.yaml", f"{number}")
        repo.git("add", ".")
        dates = f"{1_750_000_000 - 1000 * number} +0000"
        repo.git("commit", "-qm", "x", env={"GIT_COMMITTER_DATE": dates, "GIT_AUTHOR_DATE": dates})
        commits.append(repo.head())

    assert [c.commit for c in history(repo).log("a.model.yaml", "HEAD")] == commits[::-1]


@pytest.mark.parametrize("revision", ["", "nope", "--all", "HEAD\n--all"])
def test_a_log_of_nothing_is_an_error(repo: Repo, revision: str) -> None:
    repo.write("a.model.yaml", "base")
    repo.commit("base")

    with pytest.raises(GitCommandError):
        history(repo).log("a.model.yaml", revision)


def test_a_shallow_clone_says_so_and_its_oldest_commit_introduces_all(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.commit("first")
    repo.write("b.model.yaml", "two")
    second = repo.commit("second")
    clone = repo.clone("clone", "--depth=1")

    assert history(clone).is_shallow()
    assert not history(repo).is_shallow()
    assert [(c.commit, c.path) for c in history(clone).changes([second])] == [
        (second, "a.model.yaml"),
        (second, "b.model.yaml"),
    ]


def test_walking_a_blobless_clone_fetches_nothing(repo: Repo) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    for number in range(3):
        repo.write("a.model.yaml", f"{number}")
        repo.commit(f"{number}")
    clone = repo.clone("clone", "--filter=blob:none", "--no-checkout")
    repo.path.rename(repo.path.with_name("away"))

    assert len(history(clone).changes([clone.head()])) == 3
    assert len(history(clone).changes([clone.head()], exclude=[UNKNOWN])) == 3
    assert len(history(clone).changes([clone.head()], exclude=[clone.head("HEAD~1")])) == 1


def test_a_sha256_repository_is_walked(make_repo: Callable[..., Repo]) -> None:
    repo = make_repo("wide", "--object-format=sha256")
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")

    [change] = history(repo).changes([first], exclude=["1" * 64])

    assert (change.commit, change.oid) == (first, blob(repo, "a.model.yaml"))


def test_a_bare_repository_is_walked(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    bare = repo.clone("bare.git", "--bare")

    assert [c.commit for c in history(bare).changes([first])] == [first]


# What pre-push reads


def test_the_lines_of_pre_push_are_read() -> None:
    text = f"refs/heads/a {UNKNOWN} refs/heads/b {ZERO}\n(delete) {ZERO} refs/heads/x {UNKNOWN}\n"

    new, delete = parse_updates(text.encode())

    assert new == RefUpdate("refs/heads/a", UNKNOWN, "refs/heads/b", ZERO)
    assert (new.is_new, new.is_delete) == (True, False)
    assert (delete.is_new, delete.is_delete) == (False, True)
    assert parse_updates(b"") == ()


@pytest.mark.parametrize(
    "line",
    [
        "refs/heads/a",
        f"a {UNKNOWN} b {ZERO} c",
        f"a {UNKNOWN[:39]} b {ZERO}",
        f"a {UNKNOWN} b {'g' * 40}",
        f"a {UNKNOWN.replace('1', 'A')} b {ZERO}",
        "\udcff",
    ],
)
def test_other_input_than_that_of_git_is_refused(line: str) -> None:
    with pytest.raises(GitCommandError, match="pre-push got a line"):
        parse_updates(os.fsencode(line) + b"\n")


def test_tips_are_commits_and_tags_of_commits_only(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    commit = repo.commit("first")
    repo.git("tag", "-a", "-m", "x", "inner")
    repo.git("tag", "-a", "-m", "x", "outer", "inner")
    repo.git("tag", "-a", "-m", "x", "blob", "HEAD:a.model.yaml")
    pushed = [commit, repo.head("outer"), repo.head("blob"), blob(repo, "a.model.yaml")]
    pushed += [repo.head("HEAD^{tree}"), ZERO]
    updates = [RefUpdate("a", oid, "b", ZERO) for oid in pushed]

    assert history(repo).pushed_tips(updates) == (commit,)
    assert history(repo).pushed_tips(updates[-1:]) == ()
    assert [c.commit for c in history(repo).changes(pushed[:-1])] == [commit]


def test_a_pushed_object_that_is_not_here_is_an_error(repo: Repo) -> None:
    with pytest.raises(GitCommandError, match="is pushed but not in this clone"):
        history(repo).pushed_tips([RefUpdate("a", UNKNOWN, "b", ZERO)])


def test_a_tag_may_be_excluded(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    repo.commit("first")
    repo.git("tag", "-a", "-m", "x", "old")
    repo.write("a.model.yaml", "two")
    second = repo.commit("second")
    excluded = [repo.head("old"), UNKNOWN, blob(repo, "a.model.yaml")]

    assert [c.commit for c in history(repo).changes([second], exclude=excluded)] == [second]


def test_a_push_of_known_things_takes_one_process_a_question(repo: Repo) -> None:
    repo.write("a.model.yaml", "one")
    first = repo.commit("first")
    asked = history(repo)

    for action in (
        lambda: asked.changes([first], exclude=[first], not_on_remote="origin"),
        lambda: asked.pushed_tips([RefUpdate("a", first, "b", ZERO)]),
        lambda: asked.all_refs_changes("a.model.yaml"),
        lambda: asked.log("a.model.yaml", first),
    ):
        with started_processes() as started:
            action()
        assert len(started) == 1
    with started_processes() as started:
        assert asked.changes([]) == []
        assert asked.pushed_tips([]) == ()
    assert started == []
