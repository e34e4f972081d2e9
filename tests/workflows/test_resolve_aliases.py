"""`resolve NAME@ALIAS` takes one side of an alias whole, and `resolve NAME@deprecated` merges by version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Previous
from gitmodel.errors import MixedAliasError, ModelNameError, UnknownReferenceError
from gitmodel.project.conflicts import conflict_errors
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.resolve import ResolveReport, resolve
from gitmodel.workflows.status import status
from tests.support.desk import Desk, new_desk, refusal
from tests.support.kept import Kept
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.domain.conflict_text import Side
    from tests.support.repo import Repo

PATH = "fraud.production.alias.yaml"
DEPRECATED = "fraud.deprecated.yaml"
WEIGHTS = {number: some_bytes(5_000, seed=number) for number in (1, 2, 3, 4)}


def build(folder: Path) -> Repo:
    """Versions 1 to 4 of fraud, production is 1."""
    desk = new_desk(folder / "ana", store=folder / "store")
    for content in WEIGHTS.values():
        desk.version(content)
    desk.alias("production", 1, WEIGHTS[1])
    desk.repo.commit("production is 1")
    return desk.repo


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "desk", tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(KEPT.repo(), tmp_path / "store")


def alias(number: int, word: str = "production", **keys: object) -> Alias:
    content = WEIGHTS[number]
    one = Alias(
        name="fraud",
        alias=word,
        version=number,
        digest=digest_of(content),
        size=len(content),
    )
    return replace(one, **keys)  # type: ignore[arg-type]


def write(desk: Desk, one: Alias, stem: str = "fraud") -> None:
    desk.repo.write(f"{stem}.{one.alias}.alias.yaml", one.to_text())


def read(desk: Desk, path: str = PATH) -> Alias:
    return Alias.from_text(desk.repo.read(path), path)


def resolved(desk: Desk, reference: str, side: Side) -> ResolveReport:
    with desk.open() as project:
        return resolve(project, reference, side)


def errors(desk: Desk) -> list[tuple[str, str | None]]:
    """What is in conflict; `status` says the same."""
    with desk.open() as project:
        found = [(str(error), error.hint) for error in conflict_errors(project)]
        assert [(str(e), e.hint) for e in status(project).broken if "conflict" in str(e)] == found
    return found


def on_branch(desk: Desk, branch: str) -> None:
    desk.repo.git("switch", "-q", *(() if branch == "main" else ("-c",)), branch)


def merge(desk: Desk, *options: str) -> None:
    """Git merges line by line: the desk has no driver."""
    desk.repo.git("merge", "-q", *options, "other", check=False)


@pytest.fixture
def moved(desk: Desk) -> Desk:
    """Production is 2 here and 3 on the other branch."""
    on_branch(desk, "other")
    write(desk, alias(3, why="May hold-out"))
    desk.repo.commit("production is 3")
    on_branch(desk, "main")
    write(desk, alias(2, why="April"))
    desk.repo.commit("production is 2")
    return desk


def short(number: int) -> str:
    return digest_of(WEIGHTS[number]).short


def test_status_names_both_sides_and_the_command(moved: Desk) -> None:
    merge(moved)

    assert errors(moved) == [
        (
            (
                f"{PATH}: unresolved merge conflict: ours is version 2 ({short(2)}); "
                f"theirs is version 3 ({short(3)})"
            ),
            "gitmodel resolve fraud@production --ours|--theirs",
        )
    ]


def test_ours_is_kept_byte_for_byte(moved: Desk) -> None:
    merge(moved)

    report = resolved(moved, "fraud@production", "ours")

    assert report == ResolveReport(
        *("fraud", PATH, "ours", 2, 2),
        in_line=True,
        next_command="git commit",
        alias="production",
    )
    assert moved.repo.read(PATH).decode() == alias(2, why="April").to_text()
    assert moved.staged() == []


def test_theirs_is_a_move_of_what_the_branch_had(moved: Desk) -> None:
    merge(moved)

    resolved(moved, "fraud@production", "theirs")

    two = Previous(2, digest_of(WEIGHTS[2]))
    assert read(moved) == alias(3, why="May hold-out", previous=two)
    assert moved.staged() == [PATH]
    moved.repo.git("commit", "-qm", "merged")
    assert moved.repo.git("status", "--porcelain").stdout == ""


def test_theirs_is_the_value_before_so_roll_back_goes_on_beneath_it(moved: Desk) -> None:
    """The branch went from 1 to 2; going back to 1 takes 2 off, and never returns to it."""
    moved.repo.git("switch", "-q", "other")
    write(moved, alias(1, why="3 is slow", previous=Previous(3, digest_of(WEIGHTS[3]))))
    moved.repo.commit("production is 1 again")
    moved.repo.git("switch", "-q", "main")
    merge(moved)

    resolved(moved, "fraud@production", "theirs")

    assert read(moved) == alias(1, why="3 is slow")


def test_in_a_rebase_ours_is_the_branch_rebased_onto(moved: Desk) -> None:
    moved.repo.git("rebase", "-q", "other", check=False)

    report = resolved(moved, "fraud@production", "theirs")

    assert read(moved) == alias(2, why="April", previous=Previous(3, digest_of(WEIGHTS[3])))
    assert report.next_command == "git rebase --continue"


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_side_that_removed_the_alias(desk: Desk, side: Side) -> None:
    on_branch(desk, "other")
    write(desk, alias(3, previous=Previous(1, digest_of(WEIGHTS[1]))))
    desk.repo.commit("production is 3")
    on_branch(desk, "main")
    desk.repo.git("rm", "-q", PATH)
    desk.repo.git("commit", "-qm", "no production")
    merge(desk)
    assert [message for message, _ in errors(desk)] == [
        f"{PATH}: unresolved merge conflict: ours has removed it; theirs is version 3 ({short(3)})"
    ]

    report = resolved(desk, "fraud@production", side)

    if side == "ours":
        assert (report.version, report.alias) == (None, "production")
        assert not (desk.repo.path / PATH).exists()
        assert desk.staged() == []
    else:
        assert read(desk) == alias(3, previous=Previous(1, digest_of(WEIGHTS[1])))
        assert desk.staged() == [PATH]


def test_both_sides_add_the_alias(desk: Desk) -> None:
    on_branch(desk, "other")
    write(desk, alias(3, "staging"))
    desk.repo.commit("staging is 3")
    on_branch(desk, "main")
    write(desk, alias(2, "staging"))
    desk.repo.commit("staging is 2")
    merge(desk)

    resolved(desk, "fraud@staging", "theirs")

    assert read(desk, "fraud.staging.alias.yaml") == alias(
        3, "staging", previous=Previous(2, digest_of(WEIGHTS[2]))
    )


def renamed(desk: Desk) -> None:
    """Staging, which is 1, becomes production-eu here, and is moved to 3 on the other branch."""
    write(desk, alias(1, "staging"))
    desk.repo.commit("staging is 1")
    on_branch(desk, "other")
    write(desk, alias(3, "staging"))
    desk.repo.commit("staging is 3")
    on_branch(desk, "main")
    desk.repo.git("mv", "fraud.staging.alias.yaml", "fraud.production-eu.alias.yaml")
    write(desk, alias(1, "production-eu"))
    desk.repo.commit("staging is called production-eu")
    merge(desk)


@pytest.mark.parametrize("reference", ["fraud@production-eu", "fraud@staging"])
def test_an_alias_that_is_renamed_here_and_moved_there(desk: Desk, reference: str) -> None:
    renamed(desk)
    assert errors(desk) == [
        (
            (
                "fraud.production-eu.alias.yaml: unresolved merge conflict: "
                f"ours is version 1 ({short(1)}); "
                f"theirs is fraud@staging, version 3 ({short(3)})"
            ),
            "gitmodel resolve fraud@production-eu --ours|--theirs",
        )
    ]

    report = resolved(desk, reference, "theirs")

    assert (report.alias, report.path) == ("staging", "fraud.staging.alias.yaml")
    one = Previous(1, digest_of(WEIGHTS[1]))  # what staging meant last on this branch
    assert read(desk, "fraud.staging.alias.yaml") == alias(3, "staging", previous=one)
    assert not (desk.repo.path / "fraud.production-eu.alias.yaml").exists()
    assert errors(desk) == []


def test_taking_the_side_that_renamed_it(desk: Desk) -> None:
    renamed(desk)

    resolved(desk, "fraud@production-eu", "ours")

    assert read(desk, "fraud.production-eu.alias.yaml") == alias(1, "production-eu")
    assert not (desk.repo.path / "fraud.staging.alias.yaml").exists()
    assert desk.staged() == []


def test_a_side_that_renamed_it_by_git_mv_alone_is_not_taken(desk: Desk) -> None:
    """Its own commit has a file that nobody can read; what it should mean is not guessed."""
    on_branch(desk, "other")
    desk.repo.git("mv", PATH, "fraud.live.alias.yaml")
    desk.repo.git("commit", "-qm", "renamed by git mv")
    on_branch(desk, "main")
    desk.repo.git("rm", "-q", PATH)
    desk.repo.git("commit", "-qm", "no production")
    merge(desk)

    told = refusal(MixedAliasError, lambda: resolved(desk, "fraud@live", "theirs"))

    assert told == (
        (
            "fraud: fraud.live.alias.yaml of theirs has the content of fraud@production, "
            "which does not belong at this path"
        ),
        (
            "take the other side: gitmodel resolve fraud@live --ours; "
            "or git rm -f fraud.live.alias.yaml"
        ),
    )
    assert resolved(desk, "fraud@live", "ours").version is None


def test_both_sides_rename_the_alias(desk: Desk) -> None:
    for branch, word in (("other", "canary"), ("main", "live")):
        on_branch(desk, branch)
        desk.repo.git("mv", PATH, f"fraud.{word}.alias.yaml")
        write(desk, alias(1, word))
        desk.repo.commit(f"production is called {word}")
    merge(desk)
    commands = [hint for _, hint in errors(desk)]
    assert commands == [
        f"gitmodel resolve fraud@{word} --ours|--theirs"
        for word in ("canary", "live", "production")
    ]

    first = resolved(desk, "fraud@canary", "ours")
    second = resolved(desk, "fraud@live", "ours")
    third = resolved(desk, "fraud@production", "ours")

    assert [first.version, second.version, third.version] == [None, 1, None]
    assert first.next_command == "gitmodel resolve fraud@live --ours|--theirs"
    assert (third.next_command, errors(desk)) == ("git commit", [])
    assert read(desk, "fraud.live.alias.yaml") == alias(1, "live")


@pytest.mark.parametrize(("side", "version"), [("ours", 1), ("theirs", 3)])
def test_the_model_is_renamed_here_and_the_alias_moved_there(
    desk: Desk, side: Side, version: int
) -> None:
    on_branch(desk, "other")
    write(desk, alias(3))
    desk.repo.commit("production is 3")
    on_branch(desk, "main")
    with desk.open() as project:
        rename_model(project, "fraud", new_name="churn")
    desk.repo.commit("fraud is called churn")
    merge(desk)

    report = resolved(desk, "churn@production", side)

    assert (report.name, report.path) == ("churn", "churn.production.alias.yaml")
    taken = read(desk, "churn.production.alias.yaml")
    assert (taken.name, taken.version) == ("churn", version)
    assert not (desk.repo.path / PATH).exists()
    if side == "theirs":
        assert taken.previous == Previous(1, digest_of(WEIGHTS[1]))


@pytest.mark.parametrize(("side", "version"), [("ours", 2), ("theirs", 3)])
@pytest.mark.parametrize("committed", [False, True])
def test_a_conflict_that_was_staged_or_committed_with_its_markers(
    moved: Desk, side: Side, version: int, committed: bool
) -> None:
    merge(moved)
    markers = f"<<<<<<< ours\n{alias(2).to_text()}=======\n{alias(3).to_text()}>>>>>>> other\n"
    moved.repo.write(PATH, markers)
    moved.repo.git("add", PATH)
    if committed:
        moved.repo.git("commit", "-qm", "markers")

    resolved(moved, "fraud@production", side)

    assert read(moved).version == version


@pytest.mark.parametrize(("side", "version"), [("ours", 2), ("theirs", 3)])
def test_a_mixture_that_a_server_made(moved: Desk, side: Side, version: int) -> None:
    merge(moved)
    mixed = alias(2).to_text().replace(digest_of(WEIGHTS[2]).hex, digest_of(WEIGHTS[3]).hex)
    moved.repo.write(PATH, mixed)
    moved.repo.git("add", PATH)
    moved.repo.git("commit", "-qm", "merged by a server")
    with moved.open() as project:
        (error,) = [e for e in status(project).broken if isinstance(e, MixedAliasError)]
    assert error.hint == "gitmodel resolve fraud@production --ours|--theirs"

    resolved(moved, "fraud@production", side)

    assert read(moved).version == version


def test_after_a_squash_only_ours_is_known(moved: Desk) -> None:
    mixed = alias(2).to_text().replace(digest_of(WEIGHTS[2]).hex, digest_of(WEIGHTS[3]).hex)
    moved.repo.write(PATH, mixed)
    moved.repo.commit("squashed")

    told = refusal(UnknownReferenceError, lambda: resolved(moved, "fraud@production", "theirs"))

    assert told == (
        f"fraud: what {PATH} was on the side of theirs cannot be told from the commit that mixed it",
        (
            "gitmodel resolve fraud@production --ours, "
            "or a version by its number: gitmodel promote fraud@NUMBER production"
        ),
    )
    resolved(moved, "fraud@production", "ours")
    assert read(moved).version == 2


def test_a_side_that_does_not_parse(moved: Desk) -> None:
    moved.repo.write(PATH, alias(2).to_text().replace("version: 2", "version: 9"))
    moved.repo.commit("by hand")
    merge(moved)

    _, hint = refusal(MixedAliasError, lambda: resolved(moved, "fraud@production", "ours"))

    assert hint == (
        f"take the other side: gitmodel resolve fraud@production --theirs; or git rm -f {PATH}"
    )
    resolved(moved, "fraud@production", "theirs")
    assert read(moved).version == 3


def test_what_is_not_in_conflict(moved: Desk) -> None:
    assert refusal(UnknownReferenceError, lambda: resolved(moved, "fraud@production", "ours")) == (
        "fraud@production is not in conflict",
        "git status",
    )
    merge(moved)
    assert refusal(UnknownReferenceError, lambda: resolved(moved, "fraud", "ours")) == (
        "no pointer of fraud is in conflict, but fraud@production is",
        "gitmodel resolve fraud@production --ours|--theirs",
    )
    assert refusal(UnknownReferenceError, lambda: resolved(moved, "churn@production", "ours")) == (
        "churn@production is not in conflict",
        "in conflict: fraud@production",
    )
    refusal(ModelNameError, lambda: resolved(moved, "fraud@7", "ours"))


LEAKED, BIASED = Deprecation(why="leaked labels"), Deprecation(why="biased")


def deprecated(desk: Desk, message: str, **entries: Deprecation) -> None:
    """`v3=LEAKED` is version 3; none removes the file."""
    if entries:
        file = Deprecations({int(key[1:]): one for key, one in entries.items()})
        desk.repo.write(DEPRECATED, file.to_text())
    else:
        desk.repo.git("rm", "-q", DEPRECATED)
    desk.repo.commit(message)


@pytest.mark.parametrize(("side", "taken"), [("ours", LEAKED), ("theirs", BIASED)])
def test_the_side_decides_about_the_version_that_both_changed(
    desk: Desk, side: Side, taken: Deprecation
) -> None:
    on_branch(desk, "other")
    deprecated(desk, "2 and 3", v2=BIASED, v3=BIASED)
    on_branch(desk, "main")
    deprecated(desk, "1 and 2", v1=LEAKED, v2=LEAKED)
    merge(desk)
    assert errors(desk) == [
        (
            f"{DEPRECATED}: unresolved merge conflict: both sides changed version 2",
            "gitmodel resolve fraud@deprecated --ours|--theirs",
        )
    ]

    report = resolved(desk, "fraud@deprecated", side)

    assert (report.alias, report.deprecated, report.version) == ("deprecated", (1, 2, 3), None)
    assert Deprecations.from_text(desk.repo.read(DEPRECATED), what=DEPRECATED) == Deprecations(
        {1: LEAKED, 2: taken, 3: BIASED}
    )


def test_neighbours_that_git_did_not_merge_are_merged_by_either_side(desk: Desk) -> None:
    on_branch(desk, "other")
    deprecated(desk, "2", v2=BIASED)
    on_branch(desk, "main")
    deprecated(desk, "1", v1=LEAKED)
    merge(desk)
    assert [message for message, _ in errors(desk)] == [
        f"{DEPRECATED}: unresolved merge conflict: both sides changed neighbouring lines"
    ]

    assert resolved(desk, "fraud@deprecated", "ours").deprecated == (1, 2)


@pytest.mark.parametrize(("side", "left"), [("ours", ()), ("theirs", (1,))])
def test_a_side_that_removed_the_file(desk: Desk, side: Side, left: tuple[int, ...]) -> None:
    deprecated(desk, "1", v1=LEAKED)
    on_branch(desk, "other")
    deprecated(desk, "another reason", v1=BIASED)
    on_branch(desk, "main")
    deprecated(desk, "none")
    merge(desk)

    assert resolved(desk, "fraud@deprecated", side).deprecated == left

    assert (desk.repo.path / DEPRECATED).exists() == bool(left)


def test_deprecations_with_markers_in_a_commit(desk: Desk) -> None:
    one, other = (Deprecations({1: entry}).to_text() for entry in (LEAKED, BIASED))
    desk.repo.write(DEPRECATED, f"<<<<<<< ours\n{one}=======\n{other}>>>>>>> theirs\n")
    desk.repo.commit("markers")
    with desk.open() as project:
        (error,) = status(project).broken
    assert error.hint == "gitmodel resolve fraud@deprecated --ours|--theirs"

    resolved(desk, "fraud@deprecated", "theirs")

    assert desk.repo.read(DEPRECATED).decode() == other
