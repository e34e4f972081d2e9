"""Git stays Git: what the hooks do in the situations of a working day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.conftest import version, version_in
from tests.support.models import model

if TYPE_CHECKING:
    from tests.stories.conftest import Team
    from tests.support.repo import Repo


def test_stale_weights_never_take_back_a_colleagues_version(team: Team, fraud: Repo) -> None:
    """Ben pulls version 2 without its weights, commits something else and pushes: it stays 2."""
    ana = fraud
    ben = team.join("ben")
    ben.gitmodel("checkout")
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "fraud 2")
    ana.git("push", "-q")

    pulled = ben.git("pull", "-q")
    ben.write("notes.txt", "unrelated\n")
    ben.git("add", "notes.txt")
    committed = ben.git("commit", "-am", "notes")
    ben.git("push", "-q")

    assert version_in(ben.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    assert ben.read("fraud.safetensors") == model(seed=1)
    assert "gitmodel checkout" in pulled.stderr
    assert "gitmodel checkout fraud" in committed.stderr
    ben.gitmodel("checkout")
    assert ben.read("fraud.safetensors") == model(seed=2)


def test_a_push_uploads_what_is_pushed_not_what_is_checked_out(team: Team, fraud: Repo) -> None:
    """`git push origin one` while on branch `two` (DVC uploads the model of `two`)."""
    ana = fraud
    for branch, seed in (("one", 11), ("two", 12)):
        ana.git("switch", "-q", "-c", branch, "main")
        ana.write("fraud.safetensors", model(seed=seed))
        ana.git("commit", "--allow-empty", "-qam", branch)

    ana.git("push", "-q", "origin", "one")

    ben = team.join("ben", set_up=False)
    ben.git("switch", "-q", "one")
    ben.gitmodel("init")
    ben.gitmodel("checkout")
    assert ben.read("fraud.safetensors") == model(seed=11)


def test_three_commits_with_three_versions_are_all_uploaded(team: Team, fraud: Repo) -> None:
    """DVC pushes only the last of them."""
    ana = fraud
    for number in (2, 3, 4):
        ana.write("fraud.safetensors", model(seed=number))
        ana.git("commit", "--allow-empty", "-qam", f"fraud {number}")
    ana.git("push", "-q")

    ben = team.join("ben")
    for number in (1, 2, 3, 4):
        ben.gitmodel("checkout", f"fraud@{number}", "--out", f"v{number}")
        assert ben.read(f"v{number}/fraud.safetensors") == model(seed=number)


def test_a_hole_left_by_no_verify_heals_with_the_next_push(team: Team, fraud: Repo) -> None:
    """With git-lfs it stays for ever."""
    ana = fraud
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "fraud 2")
    ana.git("push", "-q", "--no-verify")
    ben = team.join("ben")
    refused = ben.gitmodel("checkout", check=False)
    assert refused.returncode == 1
    assert "fraud" in refused.stderr

    ana.write("notes.txt", "unrelated\n")
    ana.git("add", "notes.txt")
    ana.git("commit", "-qm", "notes")
    ana.git("push", "-q")

    ben.gitmodel("checkout")
    assert ben.read("fraud.safetensors") == model(seed=2)


def test_two_clones_that_make_the_same_version_learn_of_it_before_anything_moves(
    team: Team, fraud: Repo
) -> None:
    ana = fraud
    ben = team.join("ben")
    ben.gitmodel("checkout")
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "ana 2")
    ana.git("push", "-q")
    ben.git("switch", "-q", "-c", "bens")
    ben.write("fraud.safetensors", model(seed=3))
    ben.git("commit", "--allow-empty", "-qam", "ben 2")
    packs_before = packs(team)

    refused = ben.git("push", "-q", "origin", "bens", check=False)

    assert refused.returncode != 0
    assert "fraud: version 2 is already taken by other content" in refused.stderr
    assert "Ana" in refused.stderr
    assert "gitmodel renumber fraud --commit" in refused.stderr
    assert packs(team) == packs_before
    assert team.server.git("branch", "--list", "bens").stdout == ""

    ben.gitmodel("renumber", "fraud", "--commit")
    ben.git("push", "-q", "origin", "bens")
    assert version(ben) == 3
    ana.git("fetch", "-q")
    ana.gitmodel("checkout", "fraud@3", "--out", "bens")
    assert ana.read("bens/fraud.safetensors") == model(seed=3)


def test_git_commit_path_keeps_the_bump_in_the_next_commit(team: Team, fraud: Repo) -> None:
    """A hook that stages another file is silently reverted by the next commit otherwise."""
    ana = fraud
    ana.write("fraud.safetensors", model(seed=2))
    ana.write("metrics.json", '{"auc": 0.95}')
    ana.git("commit", "-q", "metrics.json", "-m", "only metrics")
    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 1, "not named"

    ana.write("README.md", "changed\n")
    ana.git("commit", "-qam", "fraud 2")
    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    ana.write("README.md", "changed again\n")
    ana.git("commit", "-qam", "next")

    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    assert ana.git("status", "--porcelain").stdout == ""


def test_a_version_made_by_git_commit_of_the_pointer_is_not_undone(team: Team, fraud: Repo) -> None:
    """Git has put the pointer into its real index already, before the hook makes the version."""
    ana = fraud
    ana.write("fraud.safetensors", model(seed=2))
    ana.gitmodel("add", "fraud.safetensors")
    ana.write("fraud.safetensors", model(seed=3))

    ana.git("commit", "-q", "fraud.model.yaml", "-m", "fraud")
    committed = ana.git("show", "HEAD:fraud.model.yaml").stdout
    ana.write("notes.txt", "next\n")
    ana.git("add", "notes.txt")
    ana.git("commit", "-qm", "next")

    assert ana.git("show", "HEAD:fraud.model.yaml").stdout == committed
    assert ana.git("status", "--porcelain").stdout == ""


def test_switching_branches_brings_weights_from_the_cache(team: Team, fraud: Repo) -> None:
    ana = fraud
    ana.git("switch", "-q", "-c", "two")
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "fraud 2")

    ana.git("switch", "-q", "main")
    assert ana.read("fraud.safetensors") == model(seed=1)
    ana.git("switch", "-q", "two")
    assert ana.read("fraud.safetensors") == model(seed=2)


def test_switching_branches_never_touches_new_weights(team: Team, fraud: Repo) -> None:
    ana = fraud
    ana.git("branch", "two")
    ana.write("fraud.safetensors", model(seed=9))

    switched = ana.git("switch", "-q", "two", check=False)

    assert switched.returncode == 0
    assert ana.read("fraud.safetensors") == model(seed=9)


def test_a_commit_of_nothing_but_weights_works_when_it_is_repeated(team: Team, fraud: Repo) -> None:
    """Git reads the index before it runs the hook: docs/decisions/02-one-command-commits.md."""
    ana = fraud
    ana.write("fraud.safetensors", model(seed=2))

    first = ana.git("commit", "-qam", "fraud 2", check=False)
    second = ana.git("commit", "-qam", "fraud 2", check=False)

    assert "run the same command again" in first.stderr
    assert second.returncode == 0
    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2


def test_amending_and_rebasing_carry_the_pointer_as_it_is(team: Team, fraud: Repo) -> None:
    ana = fraud
    ana.git("switch", "-q", "-c", "topic")
    ana.write("fraud.safetensors", model(seed=2))
    ana.write("code.py", "x = 1\n")
    ana.git("add", "code.py")
    ana.git("commit", "-qam", "fraud 2")
    ana.git("commit", "-q", "--amend", "-m", "fraud two")
    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    ana.git("switch", "-q", "main")
    ana.write("README.md", "main moves on\n")
    ana.git("commit", "-qam", "main")
    ana.git("switch", "-q", "topic")

    ana.git("rebase", "-q", "main")

    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    assert ana.read("fraud.safetensors") == model(seed=2)
    assert ana.git("status", "--porcelain").stdout == ""
    ana.git("push", "-q", "origin", "topic")


def test_a_merge_that_would_need_a_bump_is_concluded_by_git_commit(team: Team, fraud: Repo) -> None:
    """What pre-merge-commit stages is not part of the merge commit (measured), so it refuses."""
    ana = fraud
    ana.git("switch", "-q", "-c", "other")
    ana.write("other.txt", "other\n")
    ana.git("add", ".")
    ana.git("commit", "-qm", "other")
    ana.git("switch", "-q", "main")
    ana.write("main.txt", "main\n")
    ana.git("add", ".")
    ana.git("commit", "-qm", "main")
    ana.write("fraud.safetensors", model(seed=2))

    merged = ana.git("merge", "--no-edit", "other", check=False)

    assert merged.returncode != 0
    assert "git commit, which completes the merge" in merged.stderr
    ana.git("commit", "-q", "--no-edit")
    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2
    assert len(ana.git("log", "-1", "--format=%P").stdout.split()) == 2


def test_weights_staged_into_git_by_mistake_are_refused(team: Team) -> None:
    ana = team.members["ana"]
    ana.write("big.safetensors", bytes(6 * 2**20))
    ana.git("add", "big.safetensors")

    refused = ana.git("commit", "-qm", "oops", check=False)

    assert refused.returncode != 0
    assert "gitmodel add big.safetensors" in refused.stderr


def test_new_weights_under_a_pointer_that_moved_ask_for_a_choice(team: Team, fraud: Repo) -> None:
    ana = fraud
    ben = team.join("ben")
    ben.gitmodel("checkout")
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "fraud 2")
    ana.git("push", "-q")
    ben.write("fraud.safetensors", model(seed=3))
    ben.git("pull", "-q")

    refused = ben.git("commit", "--allow-empty", "-am", "fraud 3", check=False)

    assert refused.returncode != 0
    assert "gitmodel add fraud.safetensors" in refused.stderr
    assert "gitmodel checkout --force fraud" in refused.stderr
    assert ben.read("fraud.safetensors") == model(seed=3)
    ben.gitmodel("add", "fraud.safetensors")
    ben.git("commit", "-qam", "fraud 3")
    ben.git("push", "-q")
    assert version(ben) == 3


def test_a_pointer_edited_by_hand_gets_its_check_renewed(team: Team, fraud: Repo) -> None:
    ana = fraud
    text = ana.read("fraud.model.yaml").decode()
    edited = text.replace("check:", 'description: "for card payments"\ncheck:')
    ana.write("fraud.model.yaml", edited)

    ana.git("commit", "-qam", "describe it")

    committed = ana.git("show", "HEAD:fraud.model.yaml").stdout
    assert 'description: "for card payments"' in committed
    assert version_in(committed) == 1
    assert ana.gitmodel("show", "fraud").returncode == 0
    assert ana.git("status", "--porcelain").stdout == ""


def test_a_mixed_pointer_is_refused(team: Team, fraud: Repo) -> None:
    """A line merge can leave one side's version beside the other side's digest."""
    ana = fraud
    text = ana.read("fraud.model.yaml").decode()
    ana.write("fraud.model.yaml", text.replace("version: 1", "version: 7"))

    refused = ana.git("commit", "-qam", "mixed", check=False)

    assert refused.returncode != 0
    assert "fraud.model.yaml" in refused.stderr


def test_a_conflict_on_a_pointer_is_ended_by_taking_one_side_whole(team: Team, fraud: Repo) -> None:
    """Two branches made version 2 of different weights; the one taken gets a number of its own."""
    ana = fraud
    ana.git("branch", "other")
    ana.write("fraud.safetensors", model(seed=2))
    ana.git("commit", "--allow-empty", "-qam", "main 2")
    ana.git("switch", "-q", "other")
    ana.write("fraud.safetensors", model(seed=3))
    ana.git("commit", "--allow-empty", "-qam", "other 2")
    ana.git("switch", "-q", "main")
    merged = ana.git("merge", "-q", "other", check=False)
    assert merged.returncode != 0
    blocked = ana.gitmodel("checkout", check=False)
    assert blocked.returncode == 1
    assert "gitmodel resolve fraud --ours|--theirs" in blocked.stderr

    ana.gitmodel("resolve", "fraud", "--theirs")
    ana.gitmodel("checkout", "fraud")
    ana.git("commit", "-q", "--no-edit")

    assert version(ana) == 3
    assert ana.read("fraud.safetensors") == model(seed=3)
    assert ana.git("status", "--porcelain").stdout == ""
    ana.git("push", "-q")


def packs(team: Team) -> set[str]:
    """Names of the packs on the remote."""
    from pathlib import Path

    return {path.name for path in Path(team.url).glob("packs/*/*")}
