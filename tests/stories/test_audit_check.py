"""`gitmodel audit --check` names rewritten history, and takes a squash merge for what it is.

With GITMODEL_TESTS_LONG=1 also with SeaweedFS as the remote.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.models import model

if TYPE_CHECKING:
    from tests.stories.conftest import Team
    from tests.support.repo import Repo

S3 = pytest.param("s3", marks=pytest.mark.s3)
REMOTES = ["folder", S3] if os.environ.get("GITMODEL_TESTS_LONG") == "1" else ["folder"]


def unhooked(repo: Repo, *arguments: str) -> None:
    """Run git without hooks, which are not what is tested and would take most of the time."""
    repo.git("-c", f"core.hooksPath={os.devnull}", *arguments)


def train(repo: Repo, seed: int) -> None:
    repo.write("fraud.safetensors", model(seed=seed))
    repo.gitmodel("add", "fraud.safetensors")
    unhooked(repo, "commit", "-qm", f"train {seed}")


def push(repo: Repo, *arguments: str) -> None:
    repo.git("push", "-q", "origin", *arguments)


def check(repo: Repo, *options: str) -> tuple[int, list[str], list[str]]:
    """Exit code, and the lines on stdout and stderr, without digests, dates and ids."""
    done = repo.gitmodel("audit", "--check", *options, check=False)
    return done.returncode, plain(done.stdout), plain(done.stderr)


def plain(text: str) -> list[str]:
    text = re.sub(r"\b[0-9a-f]{12}\b", "DIGEST", text)
    text = re.sub(r"\b[0-9a-f]{10}\b", "COMMIT", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text).splitlines()


def squashed(repo: Repo, branch: str, *seeds: int) -> None:
    """Several versions on a branch, squashed into main by a forge that then deletes the branch."""
    unhooked(repo, "switch", "-qc", branch)
    for seed in seeds:
        train(repo, seed)
    push(repo, branch)
    unhooked(repo, "switch", "-q", "main")
    unhooked(repo, "merge", "-q", "--squash", branch)
    unhooked(repo, "commit", "-qm", f"{branch} (#1)")
    push(repo, "main", f":{branch}")
    repo.git("branch", "-qD", branch)


@pytest.mark.parametrize("team_anywhere", REMOTES, indirect=True)
def test_what_history_does_not_explain_is_named(team_anywhere: Team) -> None:
    ana = team_anywhere.members["ana"]
    train(ana, 1)
    push(ana, "main")
    squashed(ana, "exp", 2, 3, 4)
    ben = team_anywhere.join("ben")
    squash = (
        "probably squashed: fraud@{} (DIGEST) was registered on TIME by Ana in commit COMMIT "
        "of exp; no ref of this clone has it"
    )
    compared = "compared: {} claims and the moves of the remote branch"

    # a clean squash workflow
    clean = [squash.format(2), squash.format(3)]
    unmoved = "warning: this clone has not seen origin/main move, so it knows of no forced update"
    assert check(ana) == (0, [*clean, compared.format(4)], [])
    assert check(ben) == (0, [*clean, "compared: 4 claims"], [unmoved])

    # a branch that was deleted without a merge
    unhooked(ana, "switch", "-qc", "lost")
    train(ana, 5)
    lost = ana.head()
    push(ana, "lost")
    assert check(ana)[0] == 0
    unhooked(ana, "switch", "-q", "main")
    push(ana, ":lost")
    ana.git("branch", "-qD", "lost")
    claim = (
        "claim  fraud@5 (DIGEST) was registered on TIME by Ana in commit COMMIT of lost; "
        "no ref of this clone has it"
    )
    hint = "hint: git fetch --all, if the versions may be on a branch that this clone lacks"
    listed = [
        "not explained by the history of origin/main:",
        claim,
        *clean,
    ]
    assert check(ben) == (1, [*listed, "compared: 5 claims"], [unmoved, hint])
    found = json.loads(ben.gitmodel("audit", "--check", "--json", check=False).stdout)
    assert found["events"] is None
    assert [(one["kind"], one["version"]) for one in found["unexplained"]] == [
        ("probably-squashed", 2),
        ("probably-squashed", 3),
        ("claim", 5),
    ]
    assert found["unexplained"][2]["commit"] == lost

    # a push that took a commit of main away
    train(ana, 6)
    old = ana.head()
    push(ana, "main")
    ben.git("fetch", "-q")
    assert check(ben) == (1, [*listed, compared.format(6)], [hint])
    ana.git("reset", "-q", "--hard", "HEAD~1")
    unhooked(ana, "commit", "-q", "--allow-empty", "-m", "nothing happened")
    push(ana, "--force", "main")
    ben.git("fetch", "-q")
    code, lines, _ = check(ben)
    assert code == 1
    assert lines[2:4] == [
        (
            "claim          fraud@6 (DIGEST) was registered on TIME by Ana in commit COMMIT "
            "of main; no ref of this clone has it"
        ),
        (
            "forced update  origin/main was moved from COMMIT to COMMIT, which does not contain it; "
            "this clone saw that at TIME"
        ),
    ]
    moved = ben.gitmodel("audit", "--check", check=False).stdout
    assert f"moved from {old[:10]} to {ana.head()[:10]}," in moved
    assert check(ana)[1][1:] == lines[1:]  # whoever pushed sees it too


def test_without_the_remote_known_claims_are_compared(team: Team) -> None:
    ana = team.members["ana"]
    train(ana, 1)
    push(ana, "main")
    unhooked(ana, "switch", "-qc", "lost")
    train(ana, 2)
    push(ana, "lost")
    unhooked(ana, "switch", "-q", "main")
    push(ana, ":lost")
    ana.git("branch", "-qD", "lost")
    store = team.folder / "store"
    store.rename(team.folder / "away")

    code, lines, warned = check(ana)

    assert code == 1
    assert lines[1] == (
        "claim  fraud@2 (DIGEST) was registered, by a claim that this clone has read before; no ref of "
        "this clone has it"
    )
    assert lines[-1] == "compared: 2 claims and the moves of the remote branch"
    assert warned[0].endswith("only claims that this clone has read before were compared")


def test_what_cannot_be_compared_is_said(team: Team) -> None:
    ana = team.members["ana"]
    train(ana, 1)
    push(ana, "main")
    shallow = ana.clone(team.folder / "shallow", "--depth", "1")

    assert check(shallow)[::2] == (
        1,
        [
            "error: history is cut off here, so what history does not explain is not known",
            "hint: git fetch --unshallow",
        ],
    )
    (ana.path / ".git/logs/refs/remotes/origin/main").unlink()
    assert check(ana)[1:] == (
        ["compared: 1 claim"],
        ["warning: this clone has not seen origin/main move, so it knows of no forced update"],
    )
    assert check(ana, "--csv")[0] == 2
