"""Versions across branches: whatever Git merges, a pointer is one side whole, or a conflict that can be ended."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from tests.stories.conftest import version, version_in
from tests.support.kept import Kept
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


def build(folder: Path) -> Repo:
    repo = Repo.create(folder / "ana")
    repo.write("README.md", "models\n")
    repo.gitmodel("init", str(folder / "store"))
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


def build_diverged(folder: Path) -> Repo:
    repo = build(folder)
    diverge(repo)
    return repo


def build_same_number(folder: Path) -> Repo:
    repo = build(folder)
    ben = repo.clone("ben")
    ben.gitmodel("init")
    ben.gitmodel("checkout", check=False)
    ben.write("fraud.bin", weights(3))
    ben.gitmodel("add", "fraud.bin", "--metric", "auc=0.93")
    ben.git("commit", "-qm", "ben 2")
    register(repo, 2, "ana 2", auc=0.92)
    ben.git("fetch", "-q")
    assert version(ben) == version(repo) == 2
    return repo


PLAIN, DIVERGED, SAME_NUMBER = Kept(build), Kept(build_diverged), Kept(build_same_number)


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Kept:
    """What the test starts from."""
    if "diverged" in request.fixturenames:
        return DIVERGED
    return SAME_NUMBER if "ben" in request.fixturenames else PLAIN


@pytest.fixture
def tmp_path(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept.restored(tmp_path_factory)


@pytest.fixture
def ana(kept: Kept, tmp_path: Path) -> Repo:
    """A clone with the hooks and the driver, and version 1 of fraud on main."""
    return kept.repo()


@pytest.fixture
def diverged(ana: Repo) -> Repo:
    """Main and other each made a version 2 of their own; main is checked out."""
    return ana


@pytest.fixture
def ben(ana: Repo) -> Repo:
    """Two clones made version 2 of different weights; this is the second, with ana's branch fetched."""
    return ana.beside("ben")


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


def test_a_merge_of_two_versions_names_both_and_how_to_go_on(diverged: Repo) -> None:
    merged = diverged.git("merge", "other", check=False)

    assert merged.returncode == 1
    assert "CONFLICT (content): Merge conflict in fraud.model.yaml" in merged.stdout
    assert (
        'gitmodel: fraud: both sides changed "fraud.model.yaml": ours, what is checked out, is version 3 ('
    ) in merged.stderr
    assert 'theirs, what comes in from "other", is version 2 (' in merged.stderr
    assert "hint: gitmodel resolve fraud --ours|--theirs" in merged.stderr
    text = in_conflict(diverged)
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
    ours = diverged.git("show", f"main:{POINTER}").stdout
    theirs = diverged.git("show", f"other:{POINTER}").stdout
    assert text == f"{first}\n{ours}=======\n{theirs}{last}\n"


@pytest.mark.parametrize(("side", "number", "seed"), [("ours", 3, 2), ("theirs", 2, 3)])
def test_taking_a_side_ends_the_merge_and_brings_its_weights(
    diverged: Repo, side: str, number: int, seed: int
) -> None:
    diverged.git("merge", "other", check=False)

    resolved = diverged.gitmodel("resolve", "fraud", f"--{side}")

    assert "hint: git commit\n" in resolved.stdout + resolved.stderr
    assert diverged.read("fraud.bin") == weights(seed)
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, {"ours": "HEAD^1", "theirs": "HEAD^2"}[side])
    assert version(diverged) == number
    clean(diverged)


def test_the_side_taken_gets_a_new_number_where_the_other_has_the_same(ben: Repo) -> None:
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


def test_in_a_rebase_the_words_say_that_ours_is_the_new_base(ben: Repo) -> None:
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


def test_a_rebase_of_two_versions_keeps_each_of_them_whole(ben: Repo) -> None:
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


def test_a_cherry_pick(diverged: Repo) -> None:
    picked = diverged.git("cherry-pick", "other", check=False)

    assert "theirs, what comes in, is version 2" in picked.stderr
    in_conflict(diverged)
    resolved = diverged.gitmodel("resolve", "fraud", "--theirs")
    assert "git cherry-pick --continue" in resolved.stdout + resolved.stderr
    diverged.git("-c", "core.editor=true", "cherry-pick", "--continue")
    assert sound(diverged) == sound(diverged, "other")
    assert diverged.read("fraud.bin") == weights(3)
    clean(diverged)


def test_a_cherry_pick_that_ends_as_before_is_skipped(diverged: Repo) -> None:
    before = diverged.head()
    diverged.git("cherry-pick", "other", check=False)

    resolved = diverged.gitmodel("resolve", "fraud", "--ours")

    assert "git cherry-pick --skip" in resolved.stdout + resolved.stderr
    diverged.git("cherry-pick", "--skip")
    assert diverged.head() == before
    clean(diverged)


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
def test_options_that_favour_a_side_never_mix(diverged: Repo, option: str) -> None:
    """Git does not tell a driver of them; without one they mix two sides line by line."""
    diverged.write("README.md", "models of main\n")
    diverged.git("commit", "-qam", "words of main")

    diverged.git("merge", "-q", option, "other", check=False)

    in_conflict(diverged)
    side = option.removeprefix("-X")
    diverged.gitmodel("resolve", "fraud", f"--{side}")
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, "HEAD^1" if side == "ours" else "HEAD^2")


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


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_one_side_moves_what_the_other_trained(ana: Repo, side: str) -> None:
    """Git puts both sides at the new place; each side is taken with its own name and place."""
    ana.git("switch", "-qc", "other")
    register(ana, 2, "fraud 2", auc=0.92)
    ana.git("switch", "-q", "main")
    ana.gitmodel("mv", "fraud", "risk", "--path", "models/risk.bin")
    ana.git("commit", "-qam", "risk")
    ana.git("merge", "-q", "other", check=False)
    assert ana.git("ls-files", "-u").stdout.count("models/risk.model.yaml") == 3
    text = ana.read("models/risk.model.yaml").decode()
    assert text.splitlines()[0].endswith("gitmodel resolve risk --ours")
    assert text.splitlines()[-1].endswith("gitmodel resolve fraud --theirs")

    ana.gitmodel("resolve", {"ours": "risk", "theirs": "fraud"}[side], f"--{side}")

    ana.git("add", "-A", ":(exclude)*.bin")
    ana.git("commit", "-q", "--no-edit")
    tracked = [n for n in ana.git("ls-files").stdout.split() if n.endswith(".model.yaml")]
    assert tracked == [{"ours": "models/risk.model.yaml", "theirs": POINTER}[side]]
    if side == "theirs":
        assert sound(ana) == sound(ana, "other")


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_git_itself_makes_the_conflict_anew(diverged: Repo, style: str) -> None:
    diverged.git("config", "merge.conflictStyle", style)
    diverged.git("merge", "-q", "other", check=False)
    before = in_conflict(diverged).splitlines()
    diverged.write(POINTER, "spoilt\n")

    diverged.git("checkout", "-q", "-m", "--", POINTER)

    assert in_conflict(diverged).splitlines()[1:-1] == before[1:-1]


def test_a_merge_without_a_work_tree(diverged: Repo) -> None:
    merged = diverged.git("merge-tree", "--write-tree", "main", "other", check=False)

    tree = merged.stdout.split("\n")[0]
    text = diverged.git("show", f"{tree}:{POINTER}").stdout
    assert merged.returncode == 1
    assert text.startswith("<<<<<<< ours, what is checked out: version 3 ")


def test_longer_markers_are_markers_too(ana: Repo) -> None:
    ana.write(".gitattributes", ana.read(".gitattributes") + b"* conflict-marker-size=12\n")
    ana.git("commit", "-qam", "long")
    diverge(ana)
    ana.git("merge", "-q", "other", check=False)

    text = in_conflict(ana)

    assert text.startswith("<<<<<<<<<<<< ours, ")
    ana.git("add", POINTER)
    ana.gitmodel("resolve", "fraud", "--ours")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, "HEAD^1")


def test_a_criss_cross_has_no_conflict_inside_a_conflict(diverged: Repo) -> None:
    """Git merges several bases first: their conflict would be the base of the real merge."""
    diverged.git("branch", "main-1")
    diverged.git("merge", "-q", "other", check=False)
    diverged.gitmodel("resolve", "fraud", "--ours")
    diverged.git("commit", "-q", "--no-edit")
    diverged.git("switch", "-q", "other")
    diverged.git("merge", "-q", "main-1", check=False)
    diverged.gitmodel("resolve", "fraud", "--ours")
    diverged.git("commit", "-q", "--no-edit")
    diverged.git("switch", "-q", "main")

    diverged.git("merge", "other", check=False)

    text = in_conflict(diverged)
    assert text.count("<<<<<<<") == 1
    diverged.gitmodel("resolve", "fraud", "--theirs")
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, "other")


def test_what_rerere_remembers_is_taken_again(diverged: Repo) -> None:
    diverged.git("config", "rerere.enabled", "true")
    diverged.git("config", "rerere.autoUpdate", "true")
    diverged.git("merge", "-q", "other", check=False)
    diverged.gitmodel("resolve", "fraud", "--theirs")
    diverged.git("commit", "-q", "--no-edit")
    diverged.git("reset", "-q", "--hard", "HEAD^")

    again = diverged.git("merge", "other", check=False)

    assert "Staged 'fraud.model.yaml' using previous resolution" in again.stdout + again.stderr
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, "other")


def test_a_conflict_that_was_added_as_it_stood_is_refused_and_can_be_ended(diverged: Repo) -> None:
    diverged.git("merge", "-q", "other", check=False)
    diverged.git("add", POINTER)

    refused = diverged.git("commit", "-q", "--no-edit", check=False)

    assert refused.returncode != 0
    assert "gitmodel resolve fraud --ours|--theirs" in refused.stderr
    diverged.gitmodel("resolve", "fraud", "--theirs")
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, "other")
    clean(diverged)


@pytest.mark.parametrize(
    "python", ["/nowhere/python", "/bin/false"], ids=["missing", "ends with an error"]
)
def test_where_gitmodel_does_not_run_git_merges_as_it_would(diverged: Repo, python: str) -> None:
    driver = diverged.git("config", "merge.gitmodel.driver").stdout.strip()
    broken = re.sub(r"^gitmodel_python='[^']*'", f"gitmodel_python='{python}'", driver)
    diverged.git("config", "merge.gitmodel.driver", broken)

    merged = diverged.git("merge", "other", check=False, env={"PATH": "/usr/bin:/bin"})

    assert merged.returncode == 1
    assert "gitmodel did not run to its end, so Git merges line by line: fraud.model.yaml" in (
        merged.stderr
    )
    text = in_conflict(diverged)
    assert "<<<<<<< ours\n" in text
    assert "version: 2" in text
    assert "version: 3" in text
    diverged.gitmodel("resolve", "fraud", "--theirs")
    diverged.git("commit", "-q", "--no-edit")
    assert sound(diverged) == sound(diverged, "other")


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


def test_a_linked_work_tree_merges_by_the_same_driver(diverged: Repo, tmp_path: Path) -> None:
    diverged.git("worktree", "add", "-q", str(tmp_path / "tree"), "other")
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


Z = tuple(word for n in range(9) for word in ("--metric", f"z{n}=0.5"))


def server_merge(ana: Repo, *options: str) -> str:
    """A forge, without gitmodel, merges an edit of a metric in its web editor with version 2."""
    ana.write("fraud.bin", weights(1))
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.9", *Z)
    ana.git("commit", "-qm", "metrics")
    forge = ana.clone(ana.path.parent / "forge")
    forge.git("switch", "-qc", "edit")
    text = forge.read(POINTER).decode()
    forge.write(POINTER, text.replace("z4: 0.5", "z4: 0.75"))
    forge.git("commit", "-qam", "correct z4")
    ana.write("fraud.bin", weights(2))
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.92", *Z)
    ana.git("commit", "-qm", "fraud 2")
    ana.gitmodel("push")
    forge.git("switch", "-q", "main")
    forge.git("pull", "-q")
    forge.git("merge", "-q", "--no-edit", *options, "edit")
    mixed = forge.read(POINTER).decode()
    assert "auc: 0.92" in mixed
    assert "z4: 0.75" in mixed, "Git mixed version 2 with a metric of version 1"
    ana.git("remote", "add", "forge", str(forge.path))
    return forge.head()


def test_what_a_server_mixes_is_refused_everywhere_and_can_be_ended(ana: Repo) -> None:
    before = ana.head
    commit = server_merge(ana)
    start = before()
    ana.git("fetch", "-q", "forge")

    refused = ana.gitmodel("verify", "--refs", f"{start}..forge/main", check=False)

    assert refused.returncode == 1
    assert (
        f"error: fraud: fraud.model.yaml in commit {commit[:10]}: the check line does not match"
    ) in refused.stderr
    assert "hint: gitmodel resolve fraud --ours|--theirs" in refused.stderr
    ana.git("merge", "-q", "--ff-only", "forge/main")
    status = ana.gitmodel("status", check=False)
    assert "the check line does not match" in status.stdout + status.stderr
    ana.write("README.md", "changed\n")
    blocked = ana.git("commit", "-qam", "notes", check=False)
    assert blocked.returncode != 0
    assert "gitmodel resolve fraud --ours|--theirs" in blocked.stderr
    pushed = ana.git("push", "-q", "forge", "HEAD:refs/heads/again", check=False)
    assert "the check line does not match" in pushed.stderr
    assert pushed.returncode == 0, "that Git remote has it already, so nobody else is stopped"

    ana.gitmodel("resolve", "fraud", "--ours")
    ana.git("commit", "-qam", "fraud 2 whole")

    assert sound(ana) == sound(ana, f"{commit}^1")
    assert ana.gitmodel("verify", "--refs", "forge/main..HEAD").returncode == 0
    clean(ana)


def test_the_side_that_a_server_mixed_in_is_broken_itself(ana: Repo) -> None:
    server_merge(ana)
    ana.git("fetch", "-q", "forge")
    ana.git("merge", "-q", "--ff-only", "forge/main")

    refused = ana.gitmodel("resolve", "fraud", "--theirs", check=False)

    assert refused.returncode == 1
    assert "fraud.model.yaml of theirs: the check line does not match" in refused.stderr
    assert "--ours" in refused.stderr


def test_a_mix_made_here_without_the_driver_is_refused_inside_the_merge(ana: Repo) -> None:
    """The version and digest of such a mix are those of HEAD: it looks like an edit by hand."""
    ana.git("config", "--unset", "merge.gitmodel.name")
    ana.git("config", "--unset", "merge.gitmodel.recursive")
    ana.git("config", "--unset", "merge.gitmodel.driver")
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.9", *Z)
    ana.git("commit", "-qm", "metrics")
    ana.git("switch", "-qc", "other")
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.9", *Z, "--metric", "z4=0.75")
    ana.git("commit", "-qm", "correct z4")
    ana.git("switch", "-q", "main")
    ana.write("fraud.bin", weights(2))
    ana.gitmodel("add", "fraud.bin", "--metric", "auc=0.92", *Z)
    ana.git("commit", "-qm", "fraud 2")
    head = ana.head()

    merged = ana.git("merge", "-Xours", "--no-edit", "other", check=False)

    assert merged.returncode != 0
    assert "the check line does not match" in merged.stderr
    assert ana.head() == head
    assert "z4: 0.75" in ana.read(POINTER).decode()
    ana.gitmodel("resolve", "fraud", "--ours")
    ana.git("commit", "-q", "--no-edit")
    assert sound(ana) == sound(ana, head)
    clean(ana)


def test_a_squash_that_mixed_two_sides_knows_only_the_side_it_was_put_on(ana: Repo) -> None:
    server_merge(ana)
    ana.git("fetch", "-q", "forge")
    ana.git("merge", "-q", "--squash", "forge/main", check=False)
    ana.git("commit", "-q", "--no-verify", "-m", "squashed")

    refused = ana.gitmodel("resolve", "fraud", "--theirs", check=False)
    ana.gitmodel("resolve", "fraud", "--ours")

    assert refused.returncode == 1
    assert "gitmodel resolve fraud --ours" in refused.stderr
    ana.git("commit", "-qm", "whole")
    assert sound(ana) == sound(ana, "HEAD~2")


def test_a_number_of_two_contents_in_a_range_is_found_and_can_be_settled(
    ana: Repo, ben: Repo
) -> None:
    start = ana.head("HEAD^")
    ana.gitmodel("push")
    register(ben, 4, "ben 3", auc=0.94)
    ben.git("merge", "-q", "origin/main", check=False)
    ben.gitmodel("resolve", "fraud", "--ours")
    ben.git("commit", "-q", "--no-edit")
    assert version(ben) == 3
    ben.gitmodel("push")

    found = ben.gitmodel("verify", "--refs", f"{start}..HEAD", check=False)

    assert found.returncode == 1
    bens, anas = ben.head("HEAD~1^")[:10], ben.head("HEAD^2")[:10]
    said = re.search(r"error: fraud: version 2 names two contents: (.*) and (.*)\n", found.stderr)
    assert said is not None
    assert {words.split(" in commit ")[1] for words in said.groups()} == {bens, anas}
    hint = re.search(
        r"hint: gitmodel checkout (\S+), gitmodel renumber fraud --commit", found.stderr
    )
    assert hint is not None
    ben.gitmodel("checkout", hint[1])
    ben.gitmodel("renumber", "fraud", "--commit")
    ben.gitmodel("checkout", "fraud@3")
    ben.git("commit", "-qam", "back to version 3")
    ben.gitmodel("push")
    assert ben.gitmodel("verify", "--refs", f"{start}..HEAD").returncode == 0
    assert sound(ben) == sound(ben, "HEAD~2")


def test_a_conflict_ended_by_resolve_is_no_number_of_two_contents(ana: Repo, ben: Repo) -> None:
    start = ana.head("HEAD^")
    ana.gitmodel("push")
    unmerged = ben.gitmodel("verify", "--refs", "origin/main..HEAD", check=False)
    assert "fraud: version 2 names two contents: " in unmerged.stderr
    assert "hint: gitmodel renumber fraud --commit" in unmerged.stderr
    ben.git("merge", "-q", "origin/main", check=False)
    ben.gitmodel("resolve", "fraud", "--ours")
    ben.git("commit", "-q", "--no-edit")
    ben.gitmodel("push")

    assert ben.gitmodel("verify", "--refs", f"{start}..HEAD").returncode == 0


def test_an_octopus_never_mixes(diverged: Repo) -> None:
    """Git merges three branches at once by lines, without drivers."""
    diverged.git("switch", "-qc", "third", "main~1")
    diverged.write("third.txt", "x")
    diverged.commit("third")
    diverged.git("switch", "-q", "main")
    head = diverged.head()

    merged = diverged.git("merge", "-q", "--no-edit", "third", "other", check=False)

    assert merged.returncode != 0
    assert "gitmodel: " not in merged.stderr
    diverged.git("reset", "-q", "--hard", head)
    assert version(diverged) == 3


def test_words_that_a_person_writes_while_a_merge_is_concluded_are_kept(diverged: Repo) -> None:
    diverged.git("merge", "-q", "other", check=False)
    diverged.gitmodel("resolve", "fraud", "--theirs")
    text = diverged.read(POINTER).decode()
    diverged.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))
    diverged.git("add", POINTER)

    diverged.git("commit", "-q", "--no-edit")

    assert sound(diverged).description == "cards"
    assert sound(diverged).metrics == {"auc": 0.93}


@pytest.mark.parametrize("verb", ["cherry-pick", "merge"])
def test_a_metric_of_the_other_side_is_no_edit(diverged: Repo, verb: str) -> None:
    """However it got there, while something is concluded that brings another side."""
    diverged.git(verb, "other", check=False)
    diverged.gitmodel("resolve", "fraud", "--ours")
    text = diverged.read(POINTER).decode()
    diverged.write(POINTER, text.replace("auc: 0.92", "auc: 0.93"))
    diverged.write("notes.txt", "x")
    diverged.git("add", POINTER, "notes.txt")

    refused = diverged.git("commit", "-q", "-m", "mixed", check=False)

    assert refused.returncode != 0
    assert "the check line does not match" in refused.stderr


@pytest.mark.parametrize("verb", ["merge", "rebase", "cherry-pick"])
def test_branches_that_add_a_model_to_one_folder_both_keep_their_weights_ignored(
    tmp_path: Path, verb: str
) -> None:
    repo = Repo.create(tmp_path / "repo")
    repo.gitmodel("init", str(tmp_path / "store"))
    repo.commit("set up")
    for name in ("left", "right"):
        repo.git("switch", "-qc", name, "main")
        repo.write(f"models/{name}.bin", f"weights of {name}")
        repo.gitmodel("add", f"models/{name}.bin")
        repo.git("commit", "-qm", name)

    repo.git(verb, *(("-q",) if verb != "cherry-pick" else ()), "left")

    assert repo.read("models/.gitignore").splitlines() in (
        [b"/left.bin", b"/right.bin"],
        [b"/right.bin", b"/left.bin"],
    )
    assert repo.git("status", "--porcelain").stdout == ""
