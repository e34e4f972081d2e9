"""Versions across branches: whatever Git merges, a pointer is one side whole, or a conflict that can be ended."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from tests.stories.conftest import version, version_in
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

POINTER = "fraud.model.yaml"


def weights(seed: int) -> bytes:
    return bytes((seed * 31 + i) % 251 for i in range(2000))


def register(repo: Repo, seed: int, message: str, *, auc: float | None = None) -> None:
    """A new version in a commit of its own."""
    repo.write("fraud.bin", weights(seed))
    metric = ("--metric", f"auc={auc}") if auc is not None else ()
    repo.gitmodel("add", "fraud.bin", *metric)
    repo.git("commit", "-qm", message)


@pytest.fixture
def ana(tmp_path: Path) -> Repo:
    """A clone with the hooks and the driver, and version 1 of fraud on main."""
    repo = Repo.create(tmp_path / "ana")
    repo.write("README.md", "models\n")
    repo.gitmodel("init", str(tmp_path / "store"))
    repo.git("add", ".")
    repo.git("commit", "-qm", "set up")
    register(repo, 1, "fraud 1", auc=0.9)
    return repo


def diverge(repo: Repo) -> None:
    """Main and other each make a version 2 of their own; main is checked out."""
    repo.git("switch", "-qc", "other")
    register(repo, 3, "other 2", auc=0.93)
    repo.git("switch", "-q", "main")
    repo.write("fraud.bin", weights(2))
    repo.gitmodel("add", "fraud.bin", "--metric", "auc=0.92")
    text = repo.read(POINTER).decode()
    made = Pointer.from_text(text, what=POINTER)
    assert made.version == 3, "another local branch has version 2"
    repo.git("commit", "-qm", "main 3")


def same_number(repo: Repo, tmp_path: Path) -> Repo:
    """Two clones make version 2 of different weights; returns the second, with ana's branch fetched."""
    ben = repo.clone(tmp_path / "ben")
    ben.gitmodel("init")
    ben.gitmodel("checkout", check=False)
    ben.write("fraud.bin", weights(3))
    ben.gitmodel("add", "fraud.bin", "--metric", "auc=0.93")
    ben.git("commit", "-qm", "ben 2")
    register(repo, 2, "ana 2", auc=0.92)
    ben.git("fetch", "-q")
    assert version(ben) == version(repo) == 2
    return ben


def in_conflict(repo: Repo) -> str:
    """The text of the pointer, after everything has recognised it as a conflict."""
    assert repo.git("ls-files", "-u", "--", POINTER).stdout, "Git has it in conflict"
    status = repo.gitmodel("status", check=False)
    assert "gitmodel resolve fraud --ours|--theirs" in status.stdout + status.stderr
    refused = repo.git("commit", "-qam", "x", check=False)
    assert refused.returncode != 0
    return repo.read(POINTER).decode()


def sound(repo: Repo, revision: str = "HEAD") -> Pointer:
    return Pointer.from_text(repo.git("show", f"{revision}:{POINTER}").stdout, what=revision)


def clean(repo: Repo) -> None:
    assert repo.git("status", "--porcelain").stdout == ""
    assert repo.gitmodel("status", "--json", check=False).stdout


def test_a_merge_of_two_versions_names_both_and_how_to_go_on(ana: Repo) -> None:
    diverge(ana)

    merged = ana.git("merge", "other", check=False)

    assert merged.returncode == 1
    assert "CONFLICT (content): Merge conflict in fraud.model.yaml" in merged.stdout
    assert (
        'gitmodel: fraud: both sides changed "fraud.model.yaml": ours, what is checked out, is version 3 ('
    ) in merged.stderr
    assert 'theirs, what comes in from "other", is version 2 (' in merged.stderr
    assert "hint: gitmodel resolve fraud --ours|--theirs" in merged.stderr
    text = in_conflict(ana)
    first, last = text.splitlines()[0], text.splitlines()[-1]
    assert re.fullmatch(
        r"<{7} ours, what is checked out: version 3 \([0-9a-f]{12}\), auc 0.92; "
        r"to take it: gitmodel resolve fraud --ours",
        first,
    )
    assert re.fullmatch(
        r'>{7} theirs, what comes in from "other": version 2 \([0-9a-f]{12}\), auc 0.93; '
        r"to take it: gitmodel resolve fraud --theirs",
        last,
    )
    ours = ana.git("show", f"main:{POINTER}").stdout
    theirs = ana.git("show", f"other:{POINTER}").stdout
    assert text == f"{first}\n{ours}=======\n{theirs}{last}\n"


@pytest.mark.parametrize(("side", "number", "seed"), [("ours", 3, 2), ("theirs", 2, 3)])
def test_taking_a_side_ends_the_merge_and_brings_its_weights(
    ana: Repo, side: str, number: int, seed: int
) -> None:
    diverge(ana)
    ana.git("merge", "other", check=False)

    resolved = ana.gitmodel("resolve", "fraud", f"--{side}")

    assert "hint: git commit\n" in resolved.stdout + resolved.stderr
    assert ana.read("fraud.bin") == weights(seed)
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, {"ours": "HEAD^1", "theirs": "HEAD^2"}[side])
    assert version(ana) == number
    clean(ana)


def test_the_side_taken_gets_a_new_number_where_the_other_has_the_same(
    ana: Repo, tmp_path: Path
) -> None:
    ben = same_number(ana, tmp_path)
    merged = ben.git("merge", "origin/main", check=False)
    assert "ours, what is checked out, is version 2" in merged.stderr

    resolved = ben.gitmodel("resolve", "fraud", "--ours", "--json")

    report = json.loads(resolved.stdout)
    assert (report["was"], report["version"], report["in_line"]) == (2, 3, True)
    ben.git("commit", "-q", "--no-edit")
    assert sound(ben).digest == sound(ben, "HEAD^1").digest
    assert ben.gitmodel("verify", "--cache").returncode == 0
    clean(ben)


def test_one_side_wins_whole_where_the_other_only_described(ana: Repo) -> None:
    ana.git("switch", "-qc", "words")
    text = ana.read(POINTER).decode()
    ana.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))
    ana.git("commit", "-qam", "describe")
    ana.git("switch", "-q", "main")
    register(ana, 2, "fraud 2", auc=0.92)
    taken = ana.git("rev-parse", f"HEAD:{POINTER}").stdout

    merged = ana.git("merge", "-q", "--no-edit", "words")

    assert "version 2 of ours is taken whole; description as theirs had it is not in it" in (
        merged.stderr
    )
    assert ana.git("rev-parse", f"HEAD:{POINTER}").stdout == taken
    clean(ana)


def test_a_pull_of_a_version_where_only_words_changed_here_brings_weights(ana: Repo) -> None:
    ana.git("switch", "-qc", "trained")
    register(ana, 2, "fraud 2", auc=0.92)
    ana.git("switch", "-q", "main")
    text = ana.read(POINTER).decode()
    ana.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))
    ana.git("commit", "-qam", "describe")

    ana.git("merge", "-q", "--no-edit", "trained")

    assert version(ana) == 2
    assert ana.read("fraud.bin") == weights(2), "post-merge brought them"
    clean(ana)


def test_in_a_rebase_the_words_say_that_ours_is_the_new_base(ana: Repo, tmp_path: Path) -> None:
    ben = same_number(ana, tmp_path)

    rebased = ben.git("rebase", "origin/main", check=False)

    assert rebased.returncode == 1
    assert (
        "ours, what is checked out (of a rebase: the branch rebased onto), is version 2"
    ) in rebased.stderr
    assert "theirs, what comes in (of a rebase: your own commit), is version 2" in rebased.stderr
    text = in_conflict(ben)
    assert "auc 0.92; to take it: gitmodel resolve fraud --ours" in text.splitlines()[0]
    assert "auc 0.93; to take it: gitmodel resolve fraud --theirs" in text.splitlines()[-1]
    resolved = ben.gitmodel("resolve", "fraud", "--theirs")
    assert "git rebase --continue" in resolved.stdout + resolved.stderr
    ben.git("-c", "core.editor=true", "rebase", "--continue")
    assert version(ben) == 3
    assert ben.read("fraud.bin") == weights(3)
    assert ben.git("rev-list", "--count", "origin/main..HEAD").stdout == "1\n"
    clean(ben)


def test_a_rebase_of_two_versions_keeps_each_of_them_whole(ana: Repo, tmp_path: Path) -> None:
    ben = same_number(ana, tmp_path)
    register(ben, 4, "ben 3", auc=0.94)
    assert version(ben) == 3

    ben.git("rebase", "origin/main", check=False)
    ben.gitmodel("resolve", "fraud", "--theirs")
    assert version(ben) == 4
    ben.git("-c", "core.editor=true", "rebase", "--continue", check=False)
    text = in_conflict(ben)
    assert "version 4 " in text.splitlines()[0]
    assert "version 3 " in text.splitlines()[-1]
    ben.gitmodel("resolve", "fraud", "--theirs")
    ben.git("-c", "core.editor=true", "rebase", "--continue")

    assert sound(ben).metrics == {"auc": 0.94}
    assert sound(ben, "HEAD^").metrics == {"auc": 0.93}
    assert {version_in(ben.git("show", f"HEAD~{n}:{POINTER}").stdout) for n in (0, 1)} == {3, 4}
    clean(ben)


def test_a_cherry_pick(ana: Repo) -> None:
    diverge(ana)

    picked = ana.git("cherry-pick", "other", check=False)

    assert "theirs, what comes in, is version 2" in picked.stderr
    in_conflict(ana)
    resolved = ana.gitmodel("resolve", "fraud", "--theirs")
    assert "git cherry-pick --continue" in resolved.stdout + resolved.stderr
    ana.git("-c", "core.editor=true", "cherry-pick", "--continue")
    assert sound(ana) == sound(ana, "other")
    assert ana.read("fraud.bin") == weights(3)
    clean(ana)


def test_a_cherry_pick_that_ends_as_before_is_skipped(ana: Repo) -> None:
    diverge(ana)
    before = ana.head()
    ana.git("cherry-pick", "other", check=False)

    resolved = ana.gitmodel("resolve", "fraud", "--ours")

    assert "git cherry-pick --skip" in resolved.stdout + resolved.stderr
    ana.git("cherry-pick", "--skip")
    assert ana.head() == before
    clean(ana)


def test_a_revert_of_an_older_version(ana: Repo) -> None:
    register(ana, 2, "fraud 2", auc=0.92)
    register(ana, 3, "fraud 3", auc=0.93)

    reverted = ana.git("revert", "--no-edit", "HEAD^", check=False)

    assert "ours, what is checked out, is version 3" in reverted.stderr
    assert "theirs, what comes in, is version 1" in reverted.stderr
    in_conflict(ana)
    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.git("-c", "core.editor=true", "revert", "--continue")
    assert version(ana) == 1
    assert ana.read("fraud.bin") == weights(1)
    clean(ana)


def test_a_stash_that_is_popped_onto_another_version(ana: Repo) -> None:
    ana.write("fraud.bin", weights(3))
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.93")
    ana.git("stash", "-q")
    register(ana, 2, "fraud again", auc=0.92)

    popped = ana.git("stash", "pop", check=False)

    assert popped.returncode == 1
    text = in_conflict(ana)
    assert "auc 0.92; to take it: gitmodel resolve fraud --ours" in text.splitlines()[0]
    assert "auc 0.93; to take it: gitmodel resolve fraud --theirs" in text.splitlines()[-1]
    ana.gitmodel("resolve", "fraud", "--theirs")
    assert ana.read("fraud.bin") == weights(3)
    ana.git("commit", "-qm", "theirs")
    assert sound(ana).metrics == {"auc": 0.93}
    assert ana.git("stash", "list").stdout, "Git keeps a stash that did not apply cleanly"


@pytest.mark.parametrize("option", ["-Xours", "-Xtheirs"])
def test_options_that_favour_a_side_never_mix(ana: Repo, option: str) -> None:
    """Git does not tell a driver of them; without one they mix two sides line by line."""
    diverge(ana)
    ana.write("README.md", "models of main\n")
    ana.git("commit", "-qam", "words of main")

    ana.git("merge", "-q", option, "other", check=False)

    in_conflict(ana)
    side = option.removeprefix("-X")
    ana.gitmodel("resolve", "fraud", f"--{side}")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "HEAD^1" if side == "ours" else "HEAD^2")


def test_both_add_the_same_model(ana: Repo) -> None:
    for branch, seed in (("other", 8), ("main", 9)):
        ana.git("switch", "-q", *(("-c",) if branch == "other" else ()), branch)
        ana.write("churn.bin", weights(seed))
        ana.gitmodel("add", "churn.bin")
        ana.git("commit", "-qm", f"churn on {branch}")

    merged = ana.git("merge", "other", check=False)

    assert "CONFLICT (add/add)" in merged.stdout
    assert "gitmodel resolve churn --ours|--theirs" in merged.stderr
    ana.gitmodel("resolve", "churn", "--theirs")
    ana.git("commit", "-q", "--no-edit")
    assert ana.read("churn.bin") == weights(8)
    clean(ana)


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_one_side_removes_what_the_other_trained(ana: Repo, side: str) -> None:
    ana.git("switch", "-qc", "other")
    register(ana, 2, "fraud 2", auc=0.92)
    ana.git("switch", "-q", "main")
    ana.gitmodel("rm", "fraud")
    ana.git("commit", "-qam", "no more fraud")
    merged = ana.git("merge", "other", check=False)
    assert "CONFLICT (modify/delete)" in merged.stdout
    status = ana.gitmodel("status", check=False)
    assert "gitmodel resolve fraud --ours|--theirs" in status.stdout + status.stderr

    resolved = ana.gitmodel("resolve", "fraud", f"--{side}")

    ana.git("commit", "-q", "--no-edit")
    there = ana.git("ls-files", "--", POINTER).stdout.strip()
    if side == "ours":
        assert "removed, as ours has it" in resolved.stdout
        assert there == ""
        assert (ana.path / "fraud.bin").exists(), "weights are never deleted"
    else:
        assert there == POINTER
        assert sound(ana) == sound(ana, "other")
        ana.gitmodel("checkout", "fraud")
        assert ana.read("fraud.bin") == weights(2)
    clean(ana)


def test_a_criss_cross_has_no_conflict_inside_a_conflict(ana: Repo) -> None:
    """Git merges several bases first: their conflict would be the base of the real merge."""
    diverge(ana)
    ana.git("branch", "main-1")
    ana.git("merge", "-q", "other", check=False)
    ana.gitmodel("resolve", "fraud", "--ours")
    ana.git("commit", "-q", "--no-edit")
    ana.git("switch", "-q", "other")
    ana.git("merge", "-q", "main-1", check=False)
    ana.gitmodel("resolve", "fraud", "--ours")
    ana.git("commit", "-q", "--no-edit")
    ana.git("switch", "-q", "main")

    ana.git("merge", "other", check=False)

    text = in_conflict(ana)
    assert text.count("<<<<<<<") == 1
    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "other")


def test_what_rerere_remembers_is_taken_again(ana: Repo) -> None:
    ana.git("config", "rerere.enabled", "true")
    ana.git("config", "rerere.autoUpdate", "true")
    diverge(ana)
    ana.git("merge", "-q", "other", check=False)
    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.git("commit", "-q", "--no-edit")
    ana.git("reset", "-q", "--hard", "HEAD^")

    again = ana.git("merge", "other", check=False)

    assert "Staged 'fraud.model.yaml' using previous resolution" in again.stdout + again.stderr
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "other")


def test_a_conflict_that_was_added_as_it_stood_is_refused_and_can_be_ended(ana: Repo) -> None:
    diverge(ana)
    ana.git("merge", "-q", "other", check=False)
    ana.git("add", POINTER)

    refused = ana.git("commit", "-q", "--no-edit", check=False)

    assert refused.returncode != 0
    assert "gitmodel resolve fraud --ours|--theirs" in refused.stderr
    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "other")
    clean(ana)


@pytest.mark.parametrize(
    "python", ["/nowhere/python", "/bin/false"], ids=["missing", "ends with an error"]
)
def test_where_gitmodel_does_not_run_git_merges_as_it_would(ana: Repo, python: str) -> None:
    diverge(ana)
    driver = ana.git("config", "merge.gitmodel.driver").stdout.strip()
    broken = re.sub(r"^gitmodel_python='[^']*'", f"gitmodel_python='{python}'", driver)
    ana.git("config", "merge.gitmodel.driver", broken)

    merged = ana.git("merge", "other", check=False, env={"PATH": "/usr/bin:/bin"})

    assert merged.returncode == 1
    assert "gitmodel did not run to its end, so Git merges line by line: fraud.model.yaml" in (
        merged.stderr
    )
    text = in_conflict(ana)
    assert "<<<<<<< ours\n" in text
    assert "version: 2" in text
    assert "version: 3" in text
    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "other")


def test_aliases_are_merged_line_by_line(ana: Repo) -> None:
    digest = str(sound(ana).digest)

    def aliases(*names: str) -> str:
        lines = "".join(f'  {n}: {{version: 1, digest: "{digest}"}}\n' for n in names)
        return f"# Written by gitmodel\naliases:\n{lines}"

    ana.write("fraud.aliases.yaml", aliases("a", "b", "c", "d", "e"))
    ana.commit("aliases")
    ana.git("switch", "-qc", "other")
    ana.write("fraud.aliases.yaml", aliases("a", "b", "c", "d"))
    ana.commit("no e")
    ana.git("switch", "-q", "main")
    ana.write("fraud.aliases.yaml", aliases("b", "c", "d", "e"))
    ana.commit("no a")

    merged = ana.git("merge", "-q", "--no-edit", "other")

    assert "gitmodel" not in merged.stderr
    assert ana.read("fraud.aliases.yaml").decode() == aliases("b", "c", "d")


def test_uninstall_leaves_the_configuration_as_it_was(ana: Repo) -> None:
    ana.gitmodel("uninstall")
    before = ana.git("config", "--local", "--list").stdout
    assert "merge.gitmodel" not in before

    ana.gitmodel("install")
    assert ana.gitmodel("doctor").returncode == 0
    ana.gitmodel("uninstall")

    assert ana.git("config", "--local", "--list").stdout == before
    missing = ana.gitmodel("doctor", check=False)
    assert "wrong merge driver: " in missing.stdout


def test_a_linked_work_tree_merges_by_the_same_driver(ana: Repo, tmp_path: Path) -> None:
    diverge(ana)
    ana.git("worktree", "add", "-q", str(tmp_path / "tree"), "other")
    tree = Repo(tmp_path / "tree")

    merged = tree.git("merge", "main", check=False)

    assert "gitmodel resolve fraud --ours|--theirs" in merged.stderr


def test_a_path_that_a_shell_would_run_is_only_a_name(ana: Repo) -> None:
    name = "$(touch pwned);'x'%A `touch pwned` %%"
    (ana.path / name).mkdir()
    ana.gitmodel("mv", "fraud", "--path", f"{name}/fraud.bin")
    ana.git("commit", "-qam", "move")
    for branch, seed in (("other", 8), ("main", 9)):
        ana.git("switch", "-q", *(("-c",) if branch == "other" else ()), branch)
        ana.write(f"{name}/fraud.bin", weights(seed))
        ana.gitmodel("add", f"{name}/fraud.bin")
        ana.git("commit", "-qm", branch)

    merged = ana.git("merge", "other", check=False)

    assert "gitmodel resolve fraud --ours|--theirs" in merged.stderr
    assert not list(ana.path.rglob("pwned"))
