"""No alias reaches a Git server that means weights which the primary does not have, or no version at all."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    AliasError,
    GitmodelError,
    MixedAliasError,
    ObjectMissingError,
    VersionTakenError,
)
from gitmodel.git.pre_push import RefUpdate
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from gitmodel.workflows.push import push_updates
from tests.support.desk import digest, refusal
from tests.support.processes import started_processes
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
PATH = "fraud.production.alias.yaml"
NOWHERE = b"these weights exist nowhere"


@pytest.fixture
def ana(desk: Desk, tmp_path: Path) -> Desk:
    """Versions 1 and 2 of fraud, pushed to a Git server; an alias may be written now."""
    desk.version(ONE)
    desk.version(TWO)
    Repo.create(tmp_path / "server.git", "--bare")
    desk.repo.git("remote", "add", "origin", str(tmp_path / "server.git"))
    push(desk)
    return desk


def push(desk: Desk) -> None:
    """What the hook does, then what Git does."""
    head = desk.repo.git("rev-parse", "HEAD").stdout.strip()
    tracked = desk.repo.git("rev-parse", "-q", "--verify", "origin/main", check=False).stdout
    update = RefUpdate("refs/heads/main", head, "refs/heads/main", tracked.strip() or "0" * 40)
    with desk.open() as project:
        push_updates(project, [update], git_remote="origin", git_url=str(desk.repo.path))
    desk.repo.git("push", "-q", "--no-verify", "-u", "origin", "main")


def promoted(desk: Desk, reference: str, alias: str = "production") -> None:
    """A promotion that the Git server has."""
    with desk.open() as project:
        promote(project, Reference.parse(reference), alias)
    commit(desk)
    push(desk)


def commit(desk: Desk) -> None:
    desk.repo.git("add", "-A")
    desk.repo.git("commit", "-qm", "alias", "--no-verify")


def url(desk: Desk) -> str:
    with desk.open() as project:
        return project.address().url


def test_an_alias_of_weights_that_exist_nowhere_is_refused(ana: Desk) -> None:
    ana.alias("production", 9, NOWHERE)
    commit(ana)

    message, hint = refusal(ObjectMissingError, lambda: push(ana))

    assert message == (
        f"fraud@production means version 9 ({digest_of(NOWHERE).short}), "
        f"whose weights are not on {url(ana)}"
    )
    assert hint == f"gitmodel promote fraud@VERSION production, or git rm {PATH}"


def test_weights_of_another_model_are_refused(ana: Desk) -> None:
    ana.version(b"weights of spam", "spam.bin")
    push(ana)
    ana.alias("production", 1, b"weights of spam")
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        (
            f"fraud@production means version 1 ({digest(b'weights of spam').short}), "
            "and no commit has such a version"
        ),
        f"gitmodel promote fraud@VERSION production, or git rm {PATH}",
    )


def test_a_version_in_git_whose_weights_were_never_uploaded_is_refused(ana: Desk) -> None:
    """Its commit went to the server without the hooks, from a clone that is gone."""
    ana.version(NOWHERE)
    ana.repo.git("push", "-q", "--no-verify", "origin", "main")
    ana.alias("production", 3, NOWHERE)
    commit(ana)
    forget_cache(ana)

    message, hint = refusal(ObjectMissingError, lambda: push(ana))

    assert message == (
        f"fraud@production means version 3 ({digest_of(NOWHERE).short}), "
        f"whose weights are not on {url(ana)}"
    )
    assert hint == f"gitmodel promote fraud@VERSION production, or git rm {PATH}"


def test_number_and_digest_of_two_versions_are_refused(ana: Desk) -> None:
    ana.alias("production", 1, TWO)
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        (
            f"fraud@production means version 1 ({digest(TWO).short}), "
            "but these weights are version 2"
        ),
        "gitmodel promote fraud@2 production",
    )


def test_an_alias_and_its_version_pass_in_one_push(ana: Desk) -> None:
    ana.version(THREE)
    pointer = ana.pointer()
    ana.repo.write(PATH, Alias.of("production", pointer).to_text())
    commit(ana)

    push(ana)

    assert ana.notes == []


def test_a_promotion_passes_and_is_remembered(ana: Desk) -> None:
    with ana.open() as project:
        promote(project, Reference.parse("fraud@1"), "production")
    commit(ana)
    push(ana)
    ana.repo.write("code.py", "1\n")
    commit(ana)

    ana.store.rename(ana.store.with_name("away"))  # nothing is asked any more
    push(ana)


def test_a_copy_of_a_proven_file_at_another_path_is_refused(ana: Desk) -> None:
    promoted(ana, "fraud@1")
    ana.repo.write(f"other/{PATH}", ana.repo.read(PATH))
    commit(ana)

    assert refusal(AliasError, lambda: push(ana))[1] == f"git mv other/{PATH} {PATH}"


def test_a_removed_model_whose_proven_alias_stays_is_refused(ana: Desk) -> None:
    promoted(ana, "fraud@1")
    ana.repo.git("rm", "-q", "fraud.model.yaml")
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        f"fraud: {PATH} is an alias of fraud, and there is no such model",
        f"git rm {PATH}",
    )


def test_an_alias_of_an_incomplete_version_does_not_make_it_complete(ana: Desk) -> None:
    first = ana.committed(revision="HEAD~1")
    with ana.open() as project:
        project.ledger().note_hole("0" * 40, first.digest, "fraud@1")
    ana.repo.write(PATH, Alias.of("production", first).to_text())
    commit(ana)

    push(ana)

    with ana.open() as project:
        assert project.ledger().holes() == ["fraud@1"]


def test_known_files_load_no_proof(ana: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alias, and a file of deprecations, which has nothing to prove."""
    ana.repo.write("fraud.deprecated.yaml", 'gitmodel: 1\ndeprecated:\n  2: {why: "leak"}\n')
    promoted(ana, "fraud@1")
    ana.repo.write("code.py", "1\n")
    commit(ana)
    monkeypatch.setitem(sys.modules, "gitmodel.project.publishing.pushed_aliases", None)

    push(ana)


@pytest.mark.parametrize(
    "twin",
    ["Fraud.production", "fraud.Production", "fraud.produktión", "fraud.productio\u0301n", "fraud"],
)
def test_a_file_whose_name_no_alias_can_have_is_refused(ana: Desk, twin: str) -> None:
    ana.repo.write(f"{twin}.alias.yaml", Alias.of("production", ana.pointer()).to_text())
    commit(ana)

    with pytest.raises(AliasError) as caught:
        push(ana)

    assert (caught.value.hint or "").startswith(f"git rm {shlex.quote(twin + '.alias.yaml')}")


def test_a_huge_file_is_refused(ana: Desk) -> None:
    ana.repo.write(PATH, "# nothing\n" * 2_000_000)
    commit(ana)

    message, hint = refusal(AliasError, lambda: push(ana))

    assert message.endswith("is larger than an alias can be")
    assert hint == f"git rm {PATH}"


def test_a_link_is_no_alias(ana: Desk) -> None:
    """Nothing reads it: neither here nor in another clone does the name mean a version."""
    ana.repo.write("any.yaml", ana.alias("production", 9, NOWHERE).to_text())
    (ana.repo.path / PATH).unlink()
    (ana.repo.path / PATH).symlink_to("any.yaml")
    commit(ana)
    push(ana)

    shown = ana.repo.gitmodel("show", "fraud@production", check=False)

    assert shown.returncode == 1
    assert "is a symbolic link" in shown.stderr


def test_a_file_that_git_ignores_is_proven_once_it_is_committed(ana: Desk) -> None:
    ana.repo.write(".gitignore", "*.alias.yaml\n*.bin\n")
    ana.alias("production", 9, NOWHERE)
    ana.repo.git("add", "-f", PATH)
    commit(ana)

    with pytest.raises(ObjectMissingError, match="version 9"):
        push(ana)


def test_one_bogus_alias_among_200_is_refused_and_named(ana: Desk) -> None:
    pointer = ana.pointer()
    for number in range(200):
        alias = Alias.of(f"a{number}", pointer)
        alias = replace(alias, version=1) if number == 117 else alias
        ana.repo.write(f"fraud.a{number}.alias.yaml", alias.to_text())
    commit(ana)

    with started_processes() as started:
        message, _ = refusal(AliasError, lambda: push(ana))

    assert message.startswith("fraud@a117 means version 1")
    assert len(started) <= 20


@pytest.mark.parametrize(
    ("key", "value"),
    [("size", 1), ("metrics", {"auc": 0.99}), ("chunks", Digest("7" * 64))],
)
def test_what_no_pointer_of_the_version_says_is_refused(ana: Desk, key: str, value: object) -> None:
    alias = replace(Alias.of("production", ana.pointer()), **{key: value})  # type: ignore[arg-type]
    ana.repo.write(PATH, alias.to_text())
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        f"fraud@production has other {key} than any pointer of version 2",
        "gitmodel promote fraud@2 production",
    )


def test_a_mixed_file_is_refused(ana: Desk) -> None:
    text = Alias.of("production", ana.pointer()).to_text()
    ana.repo.write(PATH, text.replace("version: 2", "version: 1"))
    commit(ana)

    with pytest.raises(MixedAliasError, match="the check line does not match"):
        push(ana)


def test_a_number_that_is_other_content_on_the_primary_is_refused(ana: Desk) -> None:
    """Ben has pushed his version 3; ana's commit of hers went to the server without the hooks."""
    ben = ana.join("ben")
    ben.version(b"weights of ben")
    ben.push()
    ana.version(THREE)
    ana.repo.git("push", "-q", "--no-verify", "-f", "origin", "main")
    with ana.open() as project:  # the weights are there, but not as version 3
        from gitmodel.project.publishing.outgoing import Outgoing, collect
        from gitmodel.project.publishing.upload import Upload

        head = project.repository.head()
        assert head is not None
        found: list[Outgoing] = collect(
            project, (head,), exclude=(), not_on_remote=None, trust_ledger=False
        )
        Upload(project, project.store(upload=True), found, remote="primary", full=False).run()
    ana.repo.write(PATH, Alias.of("production", ana.pointer()).to_text())
    commit(ana)

    message, hint = refusal(VersionTakenError, lambda: push(ana))

    assert "version 3" in message
    assert "other content" in message
    assert hint


def test_an_alias_without_a_model_is_refused(ana: Desk) -> None:
    ana.repo.git("rm", "-q", "fraud.model.yaml")
    ana.alias("production", 2, TWO)
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        f"fraud: {PATH} is an alias of fraud, and there is no such model",
        f"git rm {PATH}",
    )


def test_an_alias_in_another_folder_is_refused(ana: Desk) -> None:
    text = Alias.of("production", ana.pointer()).to_text()
    ana.repo.write(f"other/{PATH}", text)
    commit(ana)

    assert refusal(AliasError, lambda: push(ana)) == (
        f"fraud: other/{PATH} is not beside fraud.model.yaml, whose alias it is",
        f"git mv other/{PATH} {PATH}",
    )


def test_the_file_of_an_early_build_is_refused(ana: Desk) -> None:
    ana.repo.write("fraud.aliases.yaml", "aliases: {}\n")
    commit(ana)

    assert refusal(AliasError, lambda: push(ana))[0] == (
        "fraud: fraud.aliases.yaml is of an early build"
    )


def test_a_renamed_model_keeps_its_aliases(ana: Desk) -> None:
    with ana.open() as project:
        promote(project, Reference.parse("fraud@1"), "production")
    commit(ana)
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk")
    commit(ana)

    push(ana)

    assert ana.notes == []


def test_an_alias_that_is_on_the_server_already_does_not_stop_others(ana: Desk) -> None:
    """Somebody pushed it without the hooks. Whoever pushes a file of text is told, and goes on."""
    ana.alias("production", 9, NOWHERE)
    commit(ana)
    ana.repo.git("push", "-q", "--no-verify", "origin", "main")
    ana.repo.write("code.py", "1\n")
    commit(ana)

    push(ana)

    (note,) = ana.notes
    assert note.startswith("fraud@production means version 9")
    assert "this push does not change it and continues" in note


def test_a_removed_alias_passes(ana: Desk) -> None:
    ana.alias("production", 9, NOWHERE)
    commit(ana)
    ana.repo.git("rm", "-q", PATH)
    commit(ana)

    push(ana)


def test_a_clone_without_history_does_not_judge_what_it_cannot_see(
    ana: Desk, tmp_path: Path
) -> None:
    with ana.open() as project:
        promote(project, Reference.parse("fraud@1"), "staging")
    commit(ana)
    push(ana)
    ana.repo.git("config", "receive.denyCurrentBranch", "ignore")
    ben = ana.join("ben", "--depth", "1")
    with ben.open() as project:
        promote(project, Reference.parse("fraud@staging"), "production")
    commit(ben)

    push(ben)

    assert ben.notes == []


def test_a_shallow_clone_leaves_metrics_to_clones_with_history(ana: Desk) -> None:
    """The version was promoted with metrics that were corrected afterwards."""
    promoted(ana, "fraud@2")
    ana.version(TWO, metrics=["auc=0.5"])
    push(ana)
    ana.repo.git("config", "receive.denyCurrentBranch", "ignore")
    ben = ana.join("ben", "--depth", "1")
    with ben.open() as project:
        old = project.reader.tree(project.repository.head() or "", PATH)
        text = project.reader.blobs([old[0].oid])[old[0].oid]
    staging = replace(Alias.from_text(text, PATH), alias="staging")
    ben.repo.write("fraud.staging.alias.yaml", staging.to_text())
    commit(ben)

    push(ben)

    assert ben.notes == []


def test_an_unreachable_primary_refuses_a_promotion_but_no_other_push(ana: Desk) -> None:
    with ana.open() as project:
        promote(project, Reference.parse("fraud@1"), "production")
    commit(ana)
    ana.store.rename(ana.store.with_name("away"))

    with pytest.raises(GitmodelError) as caught:
        push(ana)

    assert "git push" in (caught.value.hint or "")


def forget_cache(desk: Desk) -> None:
    """Another clone of the same commits: this one's cache has no weights."""
    import shutil

    shutil.rmtree(desk.repo.path / ".git/gitmodel")
    (desk.repo.path / "fraud.bin").unlink()


def test_a_file_that_was_proven_once_is_proven_again_when_a_push_brings_it_back(ana: Desk) -> None:
    """The same promotion again has the same bytes, and the weights may be gone since."""
    for version in (1, 2):
        with ana.open() as project:
            promote(project, Reference.parse(f"fraud@{version}"), "production")
        commit(ana)
        push(ana)
    ana.repo.git("checkout", "-q", "HEAD~1", "--", PATH)
    commit(ana)
    for path in ana.store.rglob(f"*{digest(ONE).hex}*"):
        path.unlink()

    message, _ = refusal(ObjectMissingError, lambda: push(ana))

    assert "fraud@production means version 1" in message
    assert "whose weights are not on" in message
