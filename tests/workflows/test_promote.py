"""`gitmodel promote` moves an alias to a version that everybody can fetch, and refuses every other one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    GitmodelError,
    MixedAliasError,
    ModelNameError,
    ObjectMissingError,
    UnknownReferenceError,
    VersionTakenError,
)
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from gitmodel.workflows.verify import verify_remote
from tests.support.desk import digest, refusal
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.project.alias_changes import AliasChange
    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
PATH = "fraud.production.alias.yaml"


def promoted(desk: Desk, text: str, alias: str = "production", **options: object) -> AliasChange:
    with desk.open() as project:
        return promote(project, Reference.parse(text), alias, **options)  # type: ignore[arg-type]


def alias_of(desk: Desk, path: str = PATH) -> Alias:
    return Alias.from_text(desk.repo.read(path), path)


@pytest.fixture
def ana(desk: Desk) -> Desk:
    """Versions 1 and 2 of fraud, pushed to the store."""
    desk.version(ONE)
    desk.version(TWO)
    desk.push()
    return desk


def test_a_promotion_is_one_staged_file(ana: Desk) -> None:
    change = promoted(ana, "fraud@2", why="May hold-out, #214")

    pointer = ana.pointer()
    assert alias_of(ana) == Alias.of("production", pointer, why="May hold-out, #214")
    assert ana.staged() == [PATH]
    assert (change.before, change.staged, change.subject) == (
        None,
        True,
        "Promote fraud v2 to production",
    )


def test_the_next_promotion_keeps_what_the_alias_meant(ana: Desk) -> None:
    promoted(ana, "fraud@1")
    ana.repo.commit("promote")

    change = promoted(ana, "fraud@2")

    assert alias_of(ana).previous == Previous(1, digest(ONE))
    assert change.before is not None
    assert change.before.version == 1


def test_two_promotions_in_one_commit_keep_what_was_committed(ana: Desk) -> None:
    promoted(ana, "fraud@1")
    ana.repo.commit("promote")
    ana.version(THREE)
    ana.push()
    promoted(ana, "fraud@2")

    promoted(ana, "fraud@3")

    assert alias_of(ana).previous == Previous(1, digest(ONE))


def test_promoting_the_value_before_is_a_roll_back_also_for_a_clone_of_depth_1(ana: Desk) -> None:
    ana.version(THREE)
    ana.push()
    for number in (1, 2, 3):
        promoted(ana, f"fraud@{number}")
        ana.repo.commit("promote")

    promoted(ana, "fraud@2")
    assert alias_of(ana).previous == Previous(1, digest(ONE))

    ana.repo.git("reset", "-q", "--hard")
    promoted(ana, "fraud@1")  # further down: a promotion
    assert alias_of(ana).previous == Previous(3, digest(THREE))


def test_the_same_value_writes_nothing(ana: Desk) -> None:
    promoted(ana, "fraud@2", why="first")
    before = ana.repo.read(PATH)

    change = promoted(ana, "fraud@2", why="second")

    assert not change.is_new
    assert ana.repo.read(PATH) == before


def test_back_to_the_committed_value_is_no_change_for_git(ana: Desk) -> None:
    promoted(ana, "fraud@1")
    ana.repo.commit("promote")
    promoted(ana, "fraud@2")

    change = promoted(ana, "fraud@1")

    assert change.is_new
    assert ana.staged() == []


def test_none_removes_an_alias(ana: Desk) -> None:
    promoted(ana, "fraud@2")
    ana.repo.commit("promote")

    change = promoted(ana, "fraud@none")

    assert change.after is None
    assert change.subject == "Remove fraud@production"
    assert not (ana.repo.path / PATH).exists()
    assert ana.staged() == [PATH]


def test_another_alias_can_be_promoted(ana: Desk) -> None:
    promoted(ana, "fraud@1", "staging")

    promoted(ana, "fraud@staging")

    assert alias_of(ana).version == 1


def test_what_is_refused_and_how(ana: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: promoted(ana, "fraud@9")) == (
        "fraud: there is no fraud@9",
        "there are fraud@1, fraud@2",
    )
    assert refusal(UnknownReferenceError, lambda: promoted(ana, "frod@1")) == (
        "no model is called 'frod'",
        "did you mean fraud?",
    )
    assert refusal(UnknownReferenceError, lambda: promoted(ana, "fraud@none")) == (
        "fraud: there is no fraud@production",
        "gitmodel log fraud",
    )
    assert refusal(ModelNameError, lambda: promoted(ana, "fraud@1", "v1")) == (
        '"v1" is not a valid alias: it is reserved',
        "use one word in lower case, such as production or staging",
    )
    assert not (ana.repo.path / PATH).exists()


def test_a_deprecated_version_is_refused_with_the_one_to_use(ana: Desk) -> None:
    leaked = Deprecation(why="leaked labels", since="2026-11-28", instead=2)
    ana.repo.write("fraud.deprecated.yaml", Deprecations({1: leaked}).to_text())

    assert refusal(GitmodelError, lambda: promoted(ana, "fraud@1")) == (
        "fraud@1 is deprecated since 2026-11-28: leaked labels",
        "gitmodel promote fraud@2 production",
    )

    ana.repo.write(
        "fraud.deprecated.yaml", Deprecations({1: replace(leaked, instead=None)}).to_text()
    )
    assert refusal(GitmodelError, lambda: promoted(ana, "fraud@1"))[1] == "gitmodel log fraud"


def test_a_version_that_was_not_pushed_is_refused(ana: Desk) -> None:
    ana.version(THREE)
    with ana.open() as project:
        url = project.store().url

    assert refusal(ObjectMissingError, lambda: promoted(ana, "fraud@3")) == (
        f"fraud@3 is not on {url} yet",
        "git push, then gitmodel promote fraud@3 production",
    )

    ana.push()
    assert promoted(ana, "fraud@3").is_new


def test_a_number_that_is_another_s_on_the_primary_is_refused(ana: Desk) -> None:
    """Ben pushed his version 3 first; ana's has the same number, and other weights."""
    ben = ana.join("ben")
    ben.version(b"weights of ben")
    ben.push()
    ana.version(THREE)

    with pytest.raises((VersionTakenError, ObjectMissingError)) as caught:
        promoted(ana, "fraud@3")

    assert caught.value.hint
    assert not (ana.repo.path / PATH).exists()


def test_a_version_of_another_branch_is_refused_with_the_branch(ana: Desk) -> None:
    ana.repo.git("switch", "-qc", "exp-lr")
    ana.version(THREE)
    ana.push()
    ana.repo.git("switch", "-q", "main")

    assert refusal(UnknownReferenceError, lambda: promoted(ana, "fraud@3")) == (
        "fraud@3 is only on exp-lr; main would name a version that it does not have",
        "git merge exp-lr, or: gitmodel promote fraud@3 production --unmerged",
    )
    assert promoted(ana, "fraud@3", unmerged=True).is_new


def test_an_alias_file_with_two_sides_is_refused(ana: Desk) -> None:
    promoted(ana, "fraud@2")
    text = ana.repo.read(PATH).decode().replace("version: 2", "version: 1")
    ana.repo.write(PATH, text)

    message, hint = refusal(MixedAliasError, lambda: promoted(ana, "fraud@1"))

    assert "the check line does not match" in message
    assert hint == "gitmodel resolve fraud@production --ours|--theirs"


def test_a_version_of_before_a_rename_is_found_by_its_earlier_claim(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk")
    ana.repo.commit("rename")

    promoted(ana, "risk@1")

    assert alias_of(ana, "risk.production.alias.yaml").digest == digest(ONE)


def test_a_clone_of_depth_1_can_promote_what_another_alias_means(ana: Desk) -> None:
    promoted(ana, "fraud@1", "staging")
    ana.repo.commit("promote")
    ben = ana.join("ben", "--depth", "1")

    promoted(ben, "fraud@staging")

    assert alias_of(ben).digest == digest(ONE)


def test_a_version_that_the_primary_has_lost_a_part_of_is_refused_until_it_is_whole(
    ana: Desk,
) -> None:
    kept = {path: path.read_bytes() for path in ana.store.rglob("packs/*/*") if path.is_file()}
    assert kept
    for path in kept:
        path.unlink()
    with ana.open() as project:
        verify_remote(project, ["fraud@1"])

    message, hint = refusal(ObjectMissingError, lambda: promoted(ana, "fraud@1"))

    assert message.startswith("fraud@1 ")
    assert hint == "gitmodel push, then gitmodel promote fraud@1 production"
    for path, data in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    ana.push()
    assert promoted(ana, "fraud@1").is_new


def test_the_ledger_answers_without_network(ana: Desk) -> None:
    ana.store.rename(ana.store.with_name("away"))

    assert promoted(ana, "fraud@2").is_new


def said(desk: Desk, *words: str) -> str:
    return desk.repo.gitmodel(*words).stdout


def test_commit_commits_the_file_alone(ana: Desk) -> None:
    ana.repo.write("code.py", "print(1)\n")
    ana.repo.git("add", "code.py")

    change = promoted(ana, "fraud@2", why="May hold-out", delivery="commit")

    assert ana.repo.git("show", "--format=%s%n%b", "--name-only", "HEAD").stdout.split() == [
        *["Promote", "fraud", "v2", "to", "production", "May", "hold-out"],
        PATH,
    ]
    assert change.commit == ana.repo.git("rev-parse", "HEAD").stdout.strip()
    assert ana.staged() == ["code.py"]


def test_commit_commits_what_was_staged_before(ana: Desk) -> None:
    promoted(ana, "fraud@2")

    change = promoted(ana, "fraud@2", delivery="commit")

    assert change.commit is not None
    assert ana.staged() == []
    assert not promoted(ana, "fraud@2", delivery="commit").is_new


@pytest.fixture
def server(ana: Desk, tmp_path: Path) -> Repo:
    """A Git server that has ana's branch, and that ana's clone knows as origin."""
    bare = Repo.create(tmp_path / "server.git", "--bare")
    ana.repo.git("remote", "add", "origin", str(bare.path))
    ana.repo.gitmodel("install")
    ana.repo.git("push", "-qu", "origin", "main")
    ana.repo.git("remote", "set-head", "origin", "main")
    return bare


def test_a_pull_request_touches_nothing_here(ana: Desk, server: Repo) -> None:
    promoted(ana, "fraud@1")
    ana.repo.commit("promote")
    ana.repo.git("push", "-q", "origin", "main")
    ana.repo.write("code.py", "print(1)\n")
    ana.repo.git("add", "code.py")
    before = everything(ana)

    change = promoted(ana, "fraud@2", why="May hold-out, #214", delivery="pr")

    assert everything(ana) == before
    assert (change.branch, change.base) == ("promote/fraud-production-v2", "main")
    text = server.git("show", f"{change.branch}:{PATH}").stdout
    assert Alias.from_text(text, PATH).previous == Previous(1, digest(ONE))
    assert server.git("log", "-1", "--format=%s%n%n%b", str(change.branch)).stdout.strip() == (
        "Promote fraud v2 to production\n\nMay hold-out, #214"
    )
    assert server.git("diff", "--name-only", "main", str(change.branch)).stdout == f"{PATH}\n"


def everything(desk: Desk) -> tuple[bytes, str, str, str]:
    """Index file, HEAD, local refs and status."""
    git = desk.repo.git
    return (
        (desk.repo.path / ".git/index").read_bytes(),
        (desk.repo.path / ".git/HEAD").read_text(),
        git("for-each-ref", "refs/heads", "refs/tags").stdout,
        git("status", "--porcelain").stdout,
    )


def test_a_pull_request_for_a_version_of_another_branch_is_refused(ana: Desk, server: Repo) -> None:
    """What counts is the branch that the request is for, not the one that is checked out."""
    ana.repo.git("switch", "-qc", "exp-lr")
    ana.version(THREE)
    ana.repo.git("push", "-q", "origin", "exp-lr")

    message, hint = refusal(UnknownReferenceError, lambda: promoted(ana, "fraud@3", delivery="pr"))

    assert message == (
        "fraud@3 is only on origin/exp-lr, exp-lr; origin/main would name a version that it does not have"
    )
    assert hint == (
        "git push, then gitmodel promote fraud@3 production --pr, "
        "or: gitmodel promote fraud@3 production --pr --unmerged"
    )


def test_the_whole_output(ana: Desk) -> None:
    ana.add(content=THREE, metrics=("auc=0.944", "logloss=0.161"))
    ana.repo.commit("three")
    ana.push()
    assert said(ana, "promote", "fraud@2", "production", "--commit").splitlines()[:1] == [
        "fraud@production: none -> v2"
    ]

    assert said(ana, "promote", "fraud@3", "production", "-m", "better") == (
        "fraud@production: v2 -> v3\n"
        "metric   v2  v3     change\n"
        "auc      -   0.944  -\n"
        "logloss  -   0.161  -\n"
        f"staged {PATH}\n"
        "next: git commit -m 'Promote fraud v3 to production'\n"
    )
    assert said(ana, "promote", "fraud@3", "production") == "fraud@production is v3 already\n"
    document = json.loads(said(ana, "promote", "fraud@1", "production", "--json"))
    assert document == {
        "name": "fraud",
        "alias": "production",
        "from": {"version": 2, "digest": str(digest(TWO))},
        "to": {"version": 1, "digest": str(digest(ONE))},
        "path": PATH,
        "staged": True,
        "commit": None,
        "branch": None,
        "compare_url": None,
        "gate": None,
    }


GATE = """
better: {auc: higher, logloss: lower}
gates:
  fraud:
    promote:
      production:
        auc: {improve_by: 0.002}
        logloss: {worsen_by: "1%"}
"""


@pytest.fixture
def gated(ana: Desk) -> Desk:
    """Versions 3 (production) and 4 (worse), and a gate of production."""
    ana.repo.write(".gitmodel.yaml", ana.repo.read(".gitmodel.yaml").decode() + GATE)
    ana.add(content=THREE, metrics=("auc=0.931", "logloss=0.174"))
    ana.repo.commit("three")
    ana.add(content=b"weights four", metrics=("auc=0.932", "logloss=0.17"))
    ana.repo.commit("four")
    ana.push()
    promoted(ana, "fraud@3")
    ana.repo.commit("promote")
    return ana


def test_a_version_that_the_gate_refuses_is_not_promoted(gated: Desk) -> None:
    done = gated.repo.gitmodel("promote", "fraud@4", "production", check=False)

    assert done.returncode == 3
    assert done.stdout == (
        "fraud@production: v3 -> v4\n"
        "metric   v3     v4     change  rule              verdict\n"
        "auc      0.931  0.932  +0.001  improve by 0.002  refuse: at least 0.933 is needed\n"
        "logloss  0.174  0.17   -0.004  worsen by 1%      pass\n"
    )
    assert done.stderr == (
        "error: fraud: the gate of production refuses version 4\n"
        "hint: gitmodel promote fraud@4 production --force WHY\n"
    )
    assert alias_of(gated).version == 3
    assert gated.staged() == []


def test_a_gate_can_be_overridden_with_a_reason_that_is_kept(gated: Desk) -> None:
    done = gated.repo.gitmodel("promote", "fraud@4", "production", "--force", "EU only", "--json")

    assert alias_of(gated).forced == "EU only"
    gate = json.loads(done.stdout)["gate"]
    assert (gate["verdict"], gate["forced"], gate["gate"]) == ("refuse", "EU only", "fraud")
    assert gate["baseline"] == {"reference": "fraud@production", "version": 3}
    assert [(r["metric"], r["verdict"], r["delta"]) for r in gate["rules"]] == [
        ("auc", "refuse", "0.001"),
        ("logloss", "pass", "-0.004"),
    ]


def test_no_reason_is_kept_where_the_gate_passes(gated: Desk) -> None:
    gated.add(content=b"weights five", metrics=("auc=0.94", "logloss=0.17"))
    gated.repo.commit("five")
    gated.push()

    change = promoted(gated, "fraud@5", force="whatever")

    assert change.gate is not None
    assert (change.gate.verdict, change.gate.forced) == ("pass", None)
    assert alias_of(gated).forced is None


def test_the_first_promotion_and_other_aliases_are_not_compared(gated: Desk) -> None:
    assert promoted(gated, "fraud@4", "staging").gate is None
    promoted(gated, "fraud@none")
    gated.repo.commit("remove")

    change = promoted(gated, "fraud@4")

    assert change.gate is not None
    assert [one.verdict for one in change.gate.judgements] == ["first", "first"]


def test_the_gate_is_that_of_the_last_commit(gated: Desk) -> None:
    """A change of the configuration that is not committed does not lower the bar."""
    text = gated.repo.read(".gitmodel.yaml").decode()
    gated.repo.write(".gitmodel.yaml", text.replace("improve_by: 0.002", "improve_by: 0"))

    change = promoted(gated, "fraud@4")

    assert change.gate is not None
    assert change.gate.is_refused


def test_a_gate_with_a_typo_is_no_open_gate(gated: Desk) -> None:
    text = gated.repo.read(".gitmodel.yaml").decode()
    gated.repo.write(".gitmodel.yaml", text.replace("improve_by", "improve"))
    gated.repo.commit("typo")

    done = gated.repo.gitmodel("promote", "fraud@4", "production", check=False)

    assert done.returncode == 2
    assert '"improve" is no key of a gate' in done.stderr
    assert alias_of(gated).version == 3


def test_going_back_passes_every_gate(gated: Desk) -> None:
    promoted(gated, "fraud@4", force="EU only")
    gated.repo.commit("force")

    done = gated.repo.gitmodel("rollback", "fraud", "production")

    assert done.stdout.startswith("fraud@production: v4 -> v3\n")
    assert alias_of(gated).forced is None
