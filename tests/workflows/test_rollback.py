"""`gitmodel rollback` takes an alias one value down, in one command, and says why if it cannot."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import Reference
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from gitmodel.workflows.rollback import rollback
from tests.support.desk import digest, kept_desk
from tests.support.repo import Repo

if TYPE_CHECKING:
    from gitmodel.project.alias_changes import AliasChange
    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"


def weights(number: int) -> bytes:
    return f"weights {number}".encode()


def three_promotions(desk: Desk) -> None:
    """Versions 1 to 4 of fraud, pushed, and a promotion of the first three."""
    for number in (1, 2, 3, 4):
        desk.version(weights(number), metrics=[f"auc=0.9{number}"])
    desk.push()
    for number in (1, 2, 3):
        promoted(desk, number, why=f"test {number}")


ana = kept_desk(three_promotions)


def staged_promotion(desk: Desk, number: int | str, **options: object) -> None:
    with desk.open() as project:
        promote(project, Reference.parse(f"fraud@{number}"), "production", **options)  # type: ignore[arg-type]


def promoted(desk: Desk, number: int | str, **options: object) -> None:
    staged_promotion(desk, number, **options)
    desk.repo.git("commit", "-qm", f"Promote {number}")


def back(desk: Desk, **options: object) -> AliasChange:
    with desk.open() as project:
        return rollback(project, "fraud", "production", **options)  # type: ignore[arg-type]


def back_and_commit(desk: Desk, **options: object) -> int | None:
    change = back(desk, **options)
    desk.repo.git("commit", "-qm", change.subject)
    return None if change.after is None else change.after.version


def alias_of(desk: Desk, path: str = PATH) -> Alias:
    return Alias.from_text(desk.repo.read(path), path)


def refused(desk: Desk, *words: str) -> tuple[int, list[str]]:
    """Exit code and all that a roll-back prints."""
    done = desk.repo.gitmodel("rollback", "fraud", "production", *words, check=False)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def deprecate(desk: Desk, *numbers: int) -> None:
    leaked = Deprecation(why="leaked labels", since="2026-11-28")
    desk.repo.write("fraud.deprecated.yaml", Deprecations(dict.fromkeys(numbers, leaked)).to_text())


def test_the_earlier_entry_is_written_with_a_new_reason(ana: Desk) -> None:
    before = Alias.from_text(ana.repo.git("show", f"HEAD~1:{PATH}").stdout, PATH)

    change = back(ana, why="false alarms")

    assert alias_of(ana) == Alias.of(
        "production",
        ana.committed(revision="HEAD~5"),
        previous=Previous(1, digest(weights(1))),
        why="false alarms",
    )
    assert (before.why, change.subject) == ("test 2", "Roll back fraud@production to v2")
    assert ana.staged() == [PATH]


def test_rolled_back_twice_is_two_down_and_then_there_is_an_end(ana: Desk) -> None:
    assert back_and_commit(ana) == 2
    assert back_and_commit(ana) == 1

    assert refused(ana) == (
        1,
        [
            "error: fraud@production meant nothing before v1",
            (
                "hint: gitmodel promote fraud@VERSION production; to remove the alias: "
                "gitmodel promote fraud@none production"
            ),
        ],
    )


def test_a_revert_and_promoting_the_value_before_count_as_roll_backs(ana: Desk) -> None:
    ana.repo.git("revert", "--no-edit", "HEAD")
    assert alias_of(ana).version == 2
    promoted(ana, 1)

    assert refused(ana)[1][0] == "error: fraud@production meant nothing before v1"


def test_each_roll_back_before_a_commit_goes_one_further(ana: Desk) -> None:
    assert [change.before.version for change in (back(ana), back(ana)) if change.before] == [3, 2]
    ana.repo.git("commit", "-qm", "two at once")
    promoted(ana, 4)

    assert back_and_commit(ana) == 1
    assert refused(ana)[0] == 1


def test_the_roll_back_of_a_promotion_that_is_not_committed_restores_what_is(ana: Desk) -> None:
    """What one sees goes back by one; the branch still means version 3."""
    staged_promotion(ana, 4)

    done = ana.repo.gitmodel("rollback", "fraud", "production")

    assert done.stdout.splitlines() == [
        "fraud@production: v4 -> v3",
        "metric  v4    v3    change",
        "auc     0.94  0.93  -0.01",
        f"{PATH} is as it is committed; there is nothing to commit",
    ]
    assert ana.staged() == []
    assert ana.repo.git("status", "--porcelain").stdout == ""
    assert back_and_commit(ana) == 2


def test_commit_does_not_roll_back_over_what_is_not_committed(ana: Desk) -> None:
    staged_promotion(ana, 4)

    assert refused(ana, "--commit") == (
        1,
        [
            "error: fraud@production is v4 in the work tree, but v3 is committed",
            f"hint: git commit {PATH}, or git restore --staged --worktree {PATH}, then again",
        ],
    )

    ana.repo.git("restore", "--staged", "--worktree", PATH)
    change = back(ana, delivery="commit", why="false alarms")
    assert change.commit == ana.repo.head()
    assert ana.repo.git("log", "-1", "--format=%B").stdout.strip() == (
        "Roll back fraud@production to v2\n\nfalse alarms"
    )


def test_a_removed_alias_is_restored(ana: Desk) -> None:
    promoted(ana, "none")

    done = ana.repo.gitmodel("rollback", "fraud", "production")

    assert done.stdout.splitlines()[0] == "fraud@production: none -> v3"
    assert alias_of(ana).previous == Previous(2, digest(weights(2)))
    ana.repo.commit("restore")
    assert back_and_commit(ana) == 2


def test_a_removal_that_is_not_committed_is_undone(ana: Desk) -> None:
    staged_promotion(ana, "none")

    back(ana)

    assert ana.repo.git("status", "--porcelain").stdout == ""


def test_to_takes_any_earlier_value(ana: Desk) -> None:
    """What is above it in the stack is gone; what is not in the stack any more is put on top."""
    assert back_and_commit(ana, to="v1") == 1
    assert refused(ana)[0] == 1

    assert back_and_commit(ana, to="3") == 3
    assert alias_of(ana).previous == Previous(1, digest(weights(1)))
    assert back_and_commit(ana) == 1


def test_to_the_present_value_is_nothing(ana: Desk) -> None:
    assert refused(ana, "--to", "3") == (0, ["fraud@production is v3 already"])
    assert ana.staged() == []


def test_to_a_version_that_was_none_is_refused(ana: Desk) -> None:
    assert refused(ana, "--to", "4") == (
        1,
        [
            "error: fraud@production never meant v4",
            "hint: gitmodel promote fraud@4 production",
        ],
    )
    for wrong in ("latest", "0", "blake3:0123456789ab", "staging", ""):
        assert refused(ana, f"--to={wrong}") == (
            2,
            [
                f'error: --to takes the number of a version, not "{wrong}"',
                "hint: gitmodel log fraud",
            ],
        )


def test_a_deprecated_version_is_refused_with_the_next_one_down(ana: Desk) -> None:
    words = "fraud@2 is deprecated since 2026-11-28: leaked labels"
    deprecate(ana, 2)
    assert refused(ana) == (
        1,
        [f"error: {words}", "hint: gitmodel rollback fraud production --to 1"],
    )

    deprecate(ana, 1, 2)
    assert refused(ana) == (1, [f"error: {words}", "hint: gitmodel log fraud"])
    deprecate(ana, 2)
    assert back_and_commit(ana, to="1") == 1


def test_there_is_no_such_alias_or_model(ana: Desk) -> None:
    for words, lines in (
        (
            ("fraud", "staging"),
            ["error: fraud: there is no fraud@staging", "hint: gitmodel log fraud"],
        ),
        (
            ("frod", "production"),
            ["error: no model is called 'frod'", "hint: did you mean fraud?"],
        ),
    ):
        done = ana.repo.gitmodel("rollback", *words, check=False)
        assert (done.returncode, done.stderr.splitlines()) == (1, lines)


def test_a_file_that_was_edited_by_hand_is_refused(ana: Desk) -> None:
    text = ana.repo.read(PATH).decode()
    ana.repo.write(PATH, text.replace("version: 3", "version: 2"))

    assert refused(ana) == (
        1,
        [
            (
                f"error: fraud: {PATH}: the check line does not match: the file was merged line by line "
                "or edited by hand"
            ),
            "hint: gitmodel resolve fraud@production --ours|--theirs",
        ],
    )


def test_a_value_that_was_edited_by_hand_is_never_returned_to(ana: Desk) -> None:
    text = ana.repo.read(PATH).decode()
    ana.repo.write(PATH, text.replace("version: 3", "version: 4"))
    ana.repo.commit("edited by hand")
    ana.repo.git("checkout", "-q", "HEAD~1", "--", PATH)
    ana.repo.commit("repaired")

    assert back_and_commit(ana) == 2


def test_weights_that_the_primary_lacks_are_refused(ana: Desk) -> None:
    with ana.open() as project:
        url = project.store().url
    shutil.rmtree(ana.repo.path / ".git/gitmodel/ledger")
    shutil.rmtree(ana.store)
    ana.store.mkdir()

    assert refused(ana) == (
        1,
        [
            f"error: fraud@2 is not on {url} yet",
            "hint: git push, then gitmodel rollback fraud production",
        ],
    )


def test_without_network_the_ledger_answers_or_a_warning_says_who_will(ana: Desk) -> None:
    ana.store.rename(ana.store.with_name("away"))
    assert back(ana).notes == ()
    ana.repo.git("reset", "-q", "--hard")
    shutil.rmtree(ana.repo.path / ".git/gitmodel/ledger")

    code, lines = refused(ana)

    assert code == 0
    assert lines[0] == "fraud@production: v3 -> v2"
    assert lines[-1:] == [
        f"warning: the folder {ana.store} does not exist; whether it has fraud@2 is checked by git push"
    ]


def test_in_a_clone_of_depth_1_previous_serves_once(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "1")

    change = back(ben, why="false alarms")
    ben.repo.git("commit", "-qm", "back")

    two = alias_of(ben)
    assert (two.version, two.digest, two.previous) == (2, digest(weights(2)), None)
    pointer = ana.committed(revision="HEAD~5")
    assert (two.size, two.chunks, two.why) == (pointer.size, pointer.chunks, "false alarms")
    assert change.notes == ("this clone lacks the pointer of fraud@2, so the alias has no metrics",)
    assert refused(ben) == (
        1,
        [
            "error: fraud: what fraud@production meant before v2 is not known: history is cut off here",
            "hint: git fetch --unshallow, or --to VERSION",
        ],
    )

    assert refused(ben, "--to", "1")[0] == 0
    assert alias_of(ben).digest == digest(weights(1))
    assert alias_of(ben).previous is None


def test_what_a_clone_of_depth_1_rolled_back_is_a_roll_back_elsewhere(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "1")
    back_and_commit(ben, to="1")
    ana.repo.git("pull", "-q", str(ben.repo.path), "main")

    assert refused(ana)[1][0] == "error: fraud@production meant nothing before v1"


def test_what_a_clone_of_depth_1_rolled_back_passes_the_check_of_a_full_clone(ana: Desk) -> None:
    """It has no metrics, because that clone has no pointer to copy them from."""
    ben = ana.join("ben", "--depth", "1")
    back_and_commit(ben)
    ana.repo.git("pull", "-q", str(ben.repo.path), "main")

    done = ana.repo.gitmodel("verify", "--refs", "HEAD~1..HEAD", check=False)

    assert (done.returncode, alias_of(ana).metrics) == (0, {}), done.stderr


def test_after_unshallow_the_hint_has_helped(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "1")
    back_and_commit(ben)
    ben.repo.git("fetch", "-q", "--unshallow")

    assert back_and_commit(ben) == 1


def test_to_a_version_that_nobody_registered_in_a_clone_of_depth_1(ana: Desk) -> None:
    ben = ana.join("ben", "--depth", "1")

    code, lines = refused(ben, "--to", "9")

    assert code == 1
    assert lines == [
        "error: fraud: there is no fraud@9, history is cut off here",
        "hint: git fetch --unshallow",
    ]


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_renamed_model_keeps_its_stack(ana: Desk, is_committed: bool) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk")
    if is_committed:
        ana.repo.git("commit", "-qm", "rename")

    with ana.open() as project:
        change = rollback(project, "risk", "production")

    after = alias_of(ana, "risk.production.alias.yaml")
    assert (change.before and change.before.version, after.version, after.name) == (3, 2, "risk")


def test_a_pull_request_rolls_back_what_the_default_branch_has(ana: Desk) -> None:
    server = Repo.create(ana.repo.path.with_name("server.git"), "--bare")
    ana.repo.git("remote", "add", "origin", str(server.path))
    ana.repo.git("push", "-qu", "origin", "main")
    ana.repo.git("remote", "set-head", "origin", "main")
    ana.repo.git("switch", "-qc", "work", "HEAD~2")
    before = ana.repo.git("status", "--porcelain").stdout, ana.repo.head()

    change = back(ana, delivery="pr", why="false alarms")

    assert (ana.repo.git("status", "--porcelain").stdout, ana.repo.head()) == before
    assert (change.branch, change.base) == ("rollback/fraud-production-v2", "main")
    text = server.git("show", f"{change.branch}:{PATH}").stdout
    assert Alias.from_text(text, PATH).version == 2


def test_the_document_for_programs(ana: Desk) -> None:
    done = ana.repo.gitmodel("rollback", "fraud", "production", "--json")

    assert json.loads(done.stdout) == {
        "name": "fraud",
        "alias": "production",
        "from": {"version": 3, "digest": str(digest(weights(3)))},
        "to": {"version": 2, "digest": str(digest(weights(2)))},
        "path": PATH,
        "staged": True,
        "commit": None,
        "branch": None,
        "compare_url": None,
        "gate": None,
    }


def test_the_whole_output(ana: Desk) -> None:
    assert ana.repo.gitmodel("rollback", "fraud", "production").stdout == (
        "fraud@production: v3 -> v2\n"
        "metric  v3    v2    change\n"
        "auc     0.93  0.92  -0.01\n"
        f"staged {PATH}\n"
        "next: git commit -m 'Roll back fraud@production to v2'\n"
    )
