"""A reference means one version, found through Git alone, or an error that says what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    AliasError,
    MixedPointerError,
    ModelNameError,
    UnknownReferenceError,
    WeightsError,
)
from gitmodel.project.history.model_history import history_of, next_number
from gitmodel.project.project import Project
from gitmodel.project.references import models_at, resolve
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.mv import rename_model
from tests.support.desk import Desk, digest, kept_desk, refusal, short

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.project.models import Model

pytestmark = pytest.mark.slow

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"


def meant(desk: Desk, text: str) -> Model:
    """What a reference means at a desk."""
    with desk.open() as project:
        return resolve(project, Reference.parse(text))


def number(desk: Desk, text: str) -> int:
    """The version that a reference means."""
    return meant(desk, text).pointer.version


def unknown(desk: Desk, text: str) -> tuple[str, str | None]:
    """How a reference is refused."""
    return refusal(UnknownReferenceError, lambda: meant(desk, text))


def make_two_versions(desk: Desk) -> None:
    """Versions 1 and 2 of `fraud`, and an alias `production` for 1."""
    desk.version(ONE)
    desk.repo.git("tag", "-a", "-m", "first release", "release-1")
    desk.version(TWO)
    desk.alias("production", 1, ONE)
    desk.repo.commit("promote")


two_versions = kept_desk(make_two_versions)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("fraud", 2),
        ("fraud@latest", 2),
        ("fraud@1", 1),
        ("fraud@v1", 1),
        ("fraud@production", 1),
        (f"fraud@{digest(ONE)}", 1),
        (f"fraud@blake3:{digest(TWO).hex[:8]}", 2),
        ("fraud@git:release-1", 1),
        ("fraud@release-1", 1),
        ("fraud@HEAD~2", 1),
        ("fraud@git:main", 2),
    ],
)
def test_every_kind_of_reference_finds_its_version(
    two_versions: Desk, text: str, version: int
) -> None:
    assert number(two_versions, text) == version


def test_an_alias_comes_before_a_revision_of_the_same_name(two_versions: Desk) -> None:
    two_versions.repo.git("tag", "production")

    assert number(two_versions, "fraud@production") == 1
    assert number(two_versions, "fraud@git:production") == 2


def test_an_alias_follows_the_digest_and_takes_the_pointer_of_its_number(desk: Desk) -> None:
    """The same content has two numbers after `renumber`."""
    desk.version(ONE)
    desk.repo.write("fraud.model.yaml", replace(desk.pointer(), version=4).to_text())
    desk.repo.commit("renumber")
    desk.alias("old", 1, ONE)
    desk.alias("new", 4, ONE)

    assert (number(desk, "fraud@old"), number(desk, "fraud@new")) == (1, 4)


def test_an_uncommitted_version_is_found_by_number_and_digest(two_versions: Desk) -> None:
    two_versions.add(content=THREE)

    assert number(two_versions, "fraud") == 3
    assert number(two_versions, "fraud@3") == 3
    assert number(two_versions, f"fraud@blake3:{digest(THREE).hex[:12]}") == 3
    assert number(two_versions, "fraud@git:HEAD") == 2


def test_a_first_version_is_found_before_the_first_commit(tmp_path: Path) -> None:
    from gitmodel.workflows.init import init
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")
    with desk.open() as project:
        init(project, str(desk.store))
    desk.add(content=ONE)

    assert number(desk, "fraud@1") == 1
    assert unknown(desk, "fraud@2") == ("fraud: there is no fraud@2", "gitmodel log fraud")
    assert unknown(desk, "frod@1") == ("no model is called 'frod'", "did you mean fraud?")


def test_what_there_is_not_is_refused_with_what_there_is(two_versions: Desk) -> None:
    assert unknown(two_versions, "fraud@9") == (
        "fraud: there is no fraud@9",
        "there are fraud@1, fraud@2",
    )
    assert unknown(two_versions, "fraud@blake3:00000000") == (
        "fraud: there is no fraud@blake3:00000000",
        "there are fraud@1, fraud@2",
    )
    assert unknown(two_versions, "fraud@staging") == (
        "fraud: there is no alias 'staging', no Git revision and no run of that name",
        "there are fraud@production",
    )
    assert unknown(two_versions, "fraud@git:staging") == (
        "fraud: Git knows no revision 'staging'",
        "gitmodel log fraud",
    )
    assert unknown(two_versions, "frauds") == ("no model is called 'frauds'", "did you mean fraud?")
    assert unknown(two_versions, "frauds@1") == (
        "no model is called 'frauds'",
        "did you mean fraud?",
    )
    assert unknown(two_versions, "frauds@production") == (
        "no model is called 'frauds'",
        "did you mean fraud?",
    )


def test_a_model_that_a_revision_does_not_have_yet(two_versions: Desk) -> None:
    first = two_versions.repo.head("HEAD~3")
    assert unknown(two_versions, f"fraud@{first}") == (
        f"no model is called 'fraud' at {first}",
        "gitmodel add PATH",
    )


def test_a_number_that_two_branches_took_is_refused_with_a_command_that_works(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.git("switch", "-qc", "other")
    desk.version(TWO)
    desk.repo.git("switch", "-q", "main")
    third = replace(desk.pointer(), version=2, digest=digest(THREE), size=len(THREE))
    desk.repo.write("fraud.model.yaml", third.to_text())
    desk.repo.commit("a second version 2")

    message, hint = unknown(desk, "fraud@2")

    assert message == f"fraud@2 is ambiguous: it names the contents {short(THREE)}, {short(TWO)}"
    assert hint == f"use a digest: gitmodel show fraud@blake3:{short(THREE)}"
    assert meant(desk, f"fraud@blake3:{short(THREE)}").pointer.digest == digest(THREE)


def test_a_shallow_clone_says_that_history_is_cut_off(two_versions: Desk) -> None:
    ben = two_versions.join("ben", "--depth", "1")

    assert number(ben, "fraud") == 2
    assert unknown(ben, "fraud@1") == (
        "fraud: there is no fraud@1, history is cut off here",
        "git fetch --unshallow",
    )


def test_an_alias_is_known_in_a_clone_of_depth_1(two_versions: Desk) -> None:
    two_versions.push()
    ben = two_versions.join("ben", "--depth", "1")

    found = meant(ben, "fraud@production")

    assert (found.pointer.version, found.pointer.digest) == (1, digest(ONE))


def test_checking_out_an_alias_in_a_clone_of_depth_1_brings_weights_and_pointer(
    two_versions: Desk,
) -> None:
    two_versions.push()
    ben = two_versions.join("ben", "--depth", "1")

    with ben.open() as project:
        checkout(project, ["fraud@production"])

    assert ben.repo.read("fraud.bin") == ONE
    pointer = ben.pointer()
    assert (pointer.version, pointer.digest, pointer.size) == (1, digest(ONE), len(ONE))
    assert ben.notes == [
        (
            "fraud: version 1 is older than this clone's history, so its params and run are "
            "missing; to fetch them: git fetch --unshallow"
        )
    ]


def test_a_moved_model_is_found_at_its_old_and_new_place(desk: Desk) -> None:
    desk.version(ONE)
    with desk.open() as project:
        rename_model(project, "fraud", path="models/fraud.bin")
    desk.repo.commit("move")
    desk.version(TWO, "models/fraud.bin")

    assert meant(desk, "fraud").path == "models/fraud.model.yaml"
    assert meant(desk, "fraud@1").path in {"fraud.model.yaml", "models/fraud.model.yaml"}
    assert meant(desk, "fraud@git:HEAD~2").path == "fraud.model.yaml"


def test_a_renamed_model_answers_to_both_names(two_versions: Desk) -> None:
    with two_versions.open() as project:
        rename_model(project, "fraud", new_name="risk")
    two_versions.repo.commit("rename")

    assert number(two_versions, "risk") == 2
    assert number(two_versions, "fraud@1") == 1
    assert unknown(two_versions, "fraud") == ("no model is called 'fraud'", "gitmodel list")
    assert number(two_versions, "risk@1") == 1
    assert unknown(two_versions, "risk@3") == (
        "risk: there is no risk@3",
        "there are risk@1, risk@2",
    )


def test_a_bare_repository_answers_from_head(two_versions: Desk, tmp_path: Path) -> None:
    bare = Desk(two_versions.repo.clone("server.git", "--bare"), tmp_path / "store")

    assert number(bare, "fraud") == 2
    assert number(bare, "fraud@production") == 1
    assert number(bare, "fraud@1") == 1
    assert unknown(bare, "frod") == ("no model is called 'frod' at HEAD", "did you mean fraud?")
    assert unknown(bare, "frod@1") == ("no model is called 'frod'", "did you mean fraud?")


def test_a_removed_pointer_is_still_found_at_head(two_versions: Desk) -> None:
    (two_versions.repo.path / "fraud.model.yaml").unlink()

    assert number(two_versions, "fraud") == 2


def test_a_conflicted_pointer_is_not_passed_over_for_the_one_at_head(two_versions: Desk) -> None:
    """Taking HEAD's would end the merge in favour of one side, without a word."""
    text = two_versions.repo.read("fraud.model.yaml").decode()
    mixed = text.replace("version: 2", "version: 7")
    two_versions.repo.write("fraud.model.yaml", mixed)

    with two_versions.open() as project, pytest.raises(MixedPointerError):
        resolve(project, Reference.parse("fraud"))


def test_a_broken_pointer_of_another_model_with_the_same_stem_is_in_nobodys_way(
    desk: Desk, tmp_path: Path
) -> None:
    desk.repo.write("a/fraud.model.yaml", "nonsense: [\n")
    desk.version(ONE, "b/fraud.bin")
    desk.repo.commit("both")
    bare = Desk(desk.repo.clone("server.git", "--bare"), tmp_path / "store")

    assert meant(bare, "fraud").path == "b/fraud.model.yaml"
    assert meant(desk, "fraud@git:HEAD").path == "b/fraud.model.yaml"


def test_a_copied_pointer_is_reported_and_not_guessed_at(desk: Desk) -> None:
    desk.version(ONE)
    desk.repo.write("copy/fraud.model.yaml", desk.repo.read("fraud.model.yaml"))
    desk.repo.commit("copy")
    expected = (
        "two pointers are called fraud: copy/fraud.model.yaml and fraud.model.yaml",
        "gitmodel mv --pointer fraud.model.yaml NEW_NAME",
    )

    assert refusal(ModelNameError, lambda: meant(desk, "fraud")) == expected
    assert refusal(ModelNameError, lambda: meant(desk, "fraud@git:HEAD")) == expected


def test_the_next_number_is_after_everything_seen(two_versions: Desk) -> None:
    from gitmodel.project.history.version_owners import claims_seen

    with two_versions.open() as project:
        assert next_number(project, history_of(project, "fraud")) == 3
        claims_seen(project).see_all([("fraud", 8, digest(TWO))])
        assert next_number(project, history_of(project, "fraud")) == 9
        assert next_number(project, history_of(project, "other")) == 1


def test_history_is_read_from_remote_tracking_branches_and_tags(two_versions: Desk) -> None:
    ben = two_versions.join("ben")
    two_versions.version(THREE)
    ben.repo.git("fetch", "-q")

    with ben.open() as project:
        assert history_of(project, "fraud").numbers() == {1, 2, 3}


def test_a_model_whose_name_ends_like_another_has_a_history_of_its_own(desk: Desk) -> None:
    desk.version(ONE, "fraud.bin")
    desk.version(TWO, "antifraud.bin")
    desk.version(THREE, "team/fraud.bin", name="team/fraud")

    with desk.open() as project:
        assert [s.model.path for s in history_of(project, "fraud").seen] == ["fraud.model.yaml"]
        assert [s.model.path for s in history_of(project, "team/fraud").seen] == [
            "team/fraud.model.yaml"
        ]


def test_models_of_a_revision_leave_out_what_does_not_parse(desk: Desk) -> None:
    desk.repo.write("bad.model.yaml", "nonsense: [\n")
    desk.version(ONE)
    desk.repo.commit("with a broken one")

    with desk.open() as project:
        assert [model.name for model in models_at(project, "HEAD")] == ["fraud"]
        assert refusal(UnknownReferenceError, lambda: models_at(project, "nowhere")) == (
            "Git knows no revision 'nowhere'",
            "git log",
        )


def test_a_repository_without_a_commit_knows_no_revision(tmp_path: Path) -> None:
    from tests.support.repo import Repo

    desk = Desk(Repo.create(tmp_path / "new"), tmp_path / "store")

    assert unknown(desk, "fraud@git:HEAD")[0] == "fraud: Git knows no revision 'HEAD'"
    with Project.open(desk.context()) as project, pytest.raises(UnknownReferenceError):
        models_at(project, "HEAD")


def test_a_folder_at_the_place_of_an_alias_is_not_taken_for_no_alias(two_versions: Desk) -> None:
    """Else NAME@production would be a branch of that name, with other weights."""
    repo = two_versions.repo
    repo.git("branch", "production")
    repo.git("rm", "-q", "fraud.production.alias.yaml")
    repo.write("fraud.production.alias.yaml/x", "x\n")
    repo.commit("folder")

    with pytest.raises(WeightsError, match="is not a plain file"):
        meant(two_versions, "fraud@production")
    bare = repo.clone("bare.git", "--bare")
    message, hint = refusal(
        AliasError, lambda: meant(Desk(bare, two_versions.store), "fraud@production")
    )
    assert (message, hint) == (
        "fraud: fraud.production.alias.yaml is no file",
        "git rm -r fraud.production.alias.yaml",
    )


def test_an_alias_of_weights_that_no_commit_has_is_refused_where_all_history_is(desk: Desk) -> None:
    """They may be weights of another model, pushed without the hooks."""
    desk.version(ONE)
    desk.version(TWO, "other.bin")
    desk.alias("production", 1, TWO)
    desk.repo.commit("promote")

    assert unknown(desk, "fraud@production") == (
        f"fraud@production means version 1 ({digest(TWO).short}), and no commit has such a version",
        "gitmodel promote fraud@VERSION production",
    )
