"""`verify` and `verify --refs` report an alias that means no version, or weights that the primary lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.workflows.renumber import renumber
from gitmodel.workflows.verify import verify_refs, verify_remote
from tests.support.desk import digest

if TYPE_CHECKING:
    from gitmodel.workflows.verify import VerifyReport
    from tests.support.desk import Desk

ONE, TWO = b"weights one", b"weights two"
NOWHERE = b"these weights exist nowhere"
PATH = "fraud.production.alias.yaml"


@pytest.fixture
def ana(desk: Desk) -> Desk:
    desk.version(ONE)
    desk.version(TWO)
    desk.push()
    return desk


def committed(desk: Desk) -> VerifyReport:
    desk.repo.git("add", "-A")
    desk.repo.git("commit", "-qm", "alias", "--no-verify")
    with desk.open() as project:
        return verify_refs(project, ["HEAD~1..HEAD"])


def problems(report: VerifyReport) -> list[str]:
    return [str(problem) for problem in report.problems]


def test_a_sound_alias_is_counted(ana: Desk) -> None:
    ana.alias("production", 1, ONE, chunks=None)
    with ana.open() as project:
        from gitmodel.domain.reference import Reference
        from gitmodel.workflows.promote import promote

        (ana.repo.path / PATH).unlink()
        promote(project, Reference.parse("fraud@1"), "production")

    report = committed(ana)

    assert (problems(report), report.aliases) == ([], 1)
    with ana.open() as project:
        plain = verify_remote(project)
    assert (problems(plain), plain.aliases) == ([], 1)


def test_an_alias_of_weights_that_exist_nowhere_is_a_problem(ana: Desk) -> None:
    ana.alias("production", 9, NOWHERE)

    report = committed(ana)

    assert [text.partition(", whose")[0] for text in problems(report)] == [
        f"fraud@production means version 9 ({digest(NOWHERE).short})"
    ]
    with ana.open() as project:
        assert problems(verify_remote(project)) == problems(report)


def test_weights_that_the_remote_has_lost_are_a_problem(ana: Desk) -> None:
    ana.repo.write(PATH, Alias.of("production", ana.committed(revision="HEAD~1")).to_text())
    for path in ana.store.rglob(f"*{digest(ONE).hex}*"):
        path.unlink()

    (text,) = problems(committed(ana))

    assert (
        f"fraud@production means version 1 ({digest(ONE).short}), whose weights are not on" in text
    )


def test_a_mixed_file_is_a_problem(ana: Desk) -> None:
    text = Alias.of("production", ana.pointer()).to_text().replace("version: 2", "version: 1")
    ana.repo.write(PATH, text)

    (problem,) = problems(committed(ana))

    assert "the check line does not match" in problem


def test_a_mixed_file_below_the_tip_is_a_problem(ana: Desk) -> None:
    """It was never at a tip, but every clone gets it, and `git log -p` shows it."""
    text = Alias.of("production", ana.pointer()).to_text().replace("version: 2", "version: 1")
    ana.repo.write(PATH, text)
    ana.repo.commit("mixed")
    ana.repo.git("rm", "-q", PATH)
    ana.repo.git("commit", "-qm", "removed", "--no-verify")

    with ana.open() as project:
        report = verify_refs(project, ["HEAD~2..HEAD"])

    (problem,) = report.problems
    assert "the check line does not match" in problem.message
    assert (problem.hint or "").startswith("remove it from history before you push: git rebase -i")


def test_an_early_file_may_be_removed_in_the_same_range(ana: Desk) -> None:
    ana.repo.write("fraud.aliases.yaml", "aliases: {}\n")
    ana.repo.commit("early")
    ana.repo.git("rm", "-q", "fraud.aliases.yaml")
    ana.repo.git("commit", "-qm", "removed", "--no-verify")

    with ana.open() as project:
        assert problems(verify_refs(project, ["HEAD~2..HEAD"])) == []
        assert [p[: p.index(" is")] for p in problems(verify_refs(project, ["HEAD~1"]))] == [
            "fraud: fraud.aliases.yaml"
        ]


def test_content_that_was_renumbered_is_reported_with_its_number(ana: Desk) -> None:
    """Ben's version 3 was pushed first. Ana's alias of hers still says 3."""
    ben = ana.join("ben")
    ben.version(b"weights of ben")
    ben.push()
    ana.version(b"weights of ana")
    alias = Alias.of("production", ana.pointer())
    with ana.open() as project:
        renumber(project, "fraud", commit=True)
    ana.push()
    ana.repo.write(PATH, alias.to_text())
    expected = (
        f"fraud@production means version 3 ({alias.digest.short}), "
        "but these weights have become version 4"
    )

    report = committed(ana)

    assert problems(report) == [expected]
    assert report.problems[0].hint == "gitmodel promote fraud@4 production"
    with ana.open() as project:
        assert problems(verify_remote(project)) == [expected]
        assert problems(verify_remote(project, ["fraud@production"])) == [expected]


def test_a_reference_to_an_alias_is_checked_and_counted(ana: Desk) -> None:
    ana.repo.write(PATH, Alias.of("production", ana.pointer()).to_text())

    with ana.open() as project:
        report = verify_remote(project, ["fraud@production"])

    assert (problems(report), report.checked, report.aliases) == ([], 1, 1)


def test_the_command_line_counts_aliases(ana: Desk) -> None:
    ana.repo.write(PATH, Alias.of("production", ana.pointer()).to_text())
    ana.repo.git("add", "-A")
    ana.repo.git("commit", "-qm", "alias", "--no-verify")

    done = ana.repo.gitmodel("verify", "--refs", "HEAD")
    document = json.loads(ana.repo.gitmodel("verify", "--refs", "HEAD", "--json").stdout)

    assert "1 alias" in done.stdout
    assert document["checks"][0]["report"]["aliases"] == 1
