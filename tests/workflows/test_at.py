"""What an alias meant at a time: by the clock of the branch, and never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.domain.instant import instant_text, parse_when
from gitmodel.errors import GitmodelError, RepositoryError, UnknownReferenceError, UsageError
from gitmodel.workflows.at import at
from gitmodel.workflows.mv import rename_model
from tests.support.desk import Desk, kept_desk, refusal
from tests.support.repo import Repo

if TYPE_CHECKING:
    from gitmodel.workflows.at import AtReport

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
START = parse_when("2026-01-01T12:00Z").start  # the desk's clock says 2026-03-01
DAY = 86_400


def set_alias(
    repo: Repo, version: int, day: float, path: str = PATH, *, name: str = "fraud", **keys: object
) -> None:
    """Write an alias and commit it so many days after the start."""
    weights = f"weights {version}".encode()
    alias = Alias(
        name=name,
        alias=path.rpartition("/")[2].split(".")[-3],
        version=version,
        digest=digest_of(weights),
        size=len(weights),
        **keys,  # type: ignore[arg-type]
    )
    repo.write(path, alias.to_text())
    commit(repo, f"Mean {version}", day)


def commit(repo: Repo, message: str, day: float, *, authored: float | None = None) -> None:
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "-m", message, env=dates(day, authored))


def dates(day: float, authored: float | None = None) -> dict[str, str]:
    made = f"{START + int(day * DAY)} +0200"
    wrote = made if authored is None else f"{START + int(authored * DAY)} +0000"
    return {"GIT_COMMITTER_DATE": made, "GIT_AUTHOR_DATE": wrote}


def on(day: float) -> str:
    return instant_text(START + int(day * DAY))


def meant(desk: Desk, when: str, name: str = "fraud@production", branch: str = "main") -> AtReport:
    with desk.open() as project:
        return at(project, name, when, branch=branch)


def number(desk: Desk, day: float, name: str = "fraud@production") -> int | None:
    (value,) = meant(desk, on(day), name).values
    return value.version


def refused(
    desk: Desk, kind: type[GitmodelError], when: str, name: str = "fraud@production"
) -> tuple[str, str | None]:
    return refusal(kind, lambda: meant(desk, when, name))


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A repository without commits."""
    folder = tmp_path_factory.mktemp("at")
    return Desk(Repo.create(folder / "ana"), folder / "store")


def three_values(desk: Desk) -> Desk:
    """Values 4, 5 and 6 on days 0, 10 and 20, in a repository of its own."""
    repo = Repo.create(desk.repo.path.with_name("dated"))
    for position, version in enumerate((4, 5, 6)):
        set_alias(repo, version, 10 * position, why=f"reason {version}")
    return Desk(repo, desk.store)


ana = kept_desk(three_values)


def test_an_instant_has_one_value(ana: Desk) -> None:
    report = meant(ana, "2026-01-13T01:30:00+02:00")

    assert (report.name, report.alias, report.branch) == ("fraud", "production", "main")
    assert (report.on, report.is_day) == ("2026-01-12T23:30:00Z", False)
    (value,) = report.values
    assert (value.version, value.digest) == (5, digest_of(b"weights 5"))
    assert (value.start, value.until) == (on(10), on(20))
    assert (value.by, value.merged_by) == ("Ana <ana@example.org>", "Ana <ana@example.org>")
    assert (value.commit, value.why) == (ana.repo.head("HEAD~1"), "reason 5")
    assert (value.clamped, value.imported) == (False, None)


@pytest.mark.parametrize(
    ("seconds", "version"), [(-1, 4), (0, 5), (1, 5), (10 * DAY - 1, 5), (10 * DAY, 6)]
)
def test_a_value_begins_at_the_second_of_its_commit(ana: Desk, seconds: int, version: int) -> None:
    (value,) = meant(ana, instant_text(START + 10 * DAY + seconds)).values

    assert value.version == version


def test_a_day_has_every_value(ana: Desk) -> None:
    set_alias(ana.repo, 7, 20.25)
    set_alias(ana.repo, 5, 20.375)

    report = meant(ana, "2026-01-21")

    assert [(one.version, one.start, one.until) for one in report.values] == [
        (5, on(10), on(20)),
        (6, on(20), on(20.25)),
        (7, on(20.25), on(20.375)),
        (5, on(20.375), None),
    ]


def test_other_metrics_are_not_another_value(ana: Desk) -> None:
    set_alias(ana.repo, 6, 25, metrics={"auc": 0.9})

    (value,) = meant(ana, on(26)).values

    assert (value.start, value.commit) == (on(20), ana.repo.head("HEAD~1"))


def test_before_the_first_value_the_first_date_is_told(ana: Desk) -> None:
    assert refused(ana, UnknownReferenceError, "2025-12-31") == (
        (
            "fraud@production was not set on 2025-12-31 on main; the first time it was is "
            "2026-01-01T12:00:00Z"
        ),
        "gitmodel at fraud@production --on 2026-01-01T12:00:00Z",
    )


def test_a_removal_is_no_value_and_a_later_one_counts_again(ana: Desk) -> None:
    ana.repo.git("rm", "-q", PATH)
    commit(ana.repo, "gone", 30)
    set_alias(ana.repo, 6, 40)

    assert number(ana, 29) == 6
    assert refused(ana, UnknownReferenceError, on(35)) == (
        (
            f"fraud@production was not set at {on(35)} on main: it was removed at {on(30)}; the "
            f"first time it was is {on(0)}"
        ),
        f"gitmodel at fraud@production --on {on(0)}",
    )
    assert number(ana, 40) == 6
    values = meant(ana, on(30)[:10]).values
    assert [(one.version, one.until) for one in values] == [(6, on(30)), (None, on(40))]


def test_a_file_that_does_not_parse_is_not_known(ana: Desk) -> None:
    text = ana.repo.read(PATH)
    ana.repo.write(PATH, text.replace(b"version: 6", b"version: 5"))
    commit(ana.repo, "edited by hand", 30)
    broken = ana.repo.head()[:10]
    ana.repo.write(PATH, text)
    commit(ana.repo, "repaired", 40)

    assert refused(ana, GitmodelError, on(35)) == (
        (
            f"fraud: what fraud@production meant at {on(35)} is not known: its file did not parse since "
            f"commit {broken}"
        ),
        f"git show {broken}",
    )
    day = meant(ana, on(30)[:10]).values
    assert [(one.version, one.is_unknown) for one in day] == [(6, False), (None, True)]
    assert number(ana, 41) == 6


def test_a_merge_is_when_the_branch_got_the_value(ana: Desk) -> None:
    """The promotion was committed on day 22, by a clock that said day 2, and merged on day 30."""
    ana.repo.git("switch", "-qc", "promote")
    ana.repo.git("config", "user.name", "Grace")
    set_alias(ana.repo, 9, 2)
    ana.repo.git("config", "user.name", "Ben")
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--no-ff", "-m", "Merge promote", "promote", env=dates(30))

    assert [number(ana, day) for day in (3, 22, 29.9, 30)] == [4, 6, 6, 9]
    (value,) = meant(ana, on(31)).values
    assert (value.by, value.merged_by) == ("Grace <ana@example.org>", "Ben <ana@example.org>")
    assert (value.commit, value.why) == (ana.repo.head(), "Mean 9")


def test_a_slow_clock_cannot_go_back_behind_the_commit_before(ana: Desk) -> None:
    set_alias(ana.repo, 7, 5)

    assert [number(ana, day) for day in (4, 6, 19.9, 20)] == [4, 4, 5, 7]
    (value,) = meant(ana, on(21)).values
    assert (value.start, value.clamped) == (on(20), True)


def test_commits_that_touch_no_alias_move_the_clock_too(ana: Desk) -> None:
    commit(ana.repo, "by a fast clock", 40)
    set_alias(ana.repo, 7, 30)

    assert [number(ana, day) for day in (35, 40)] == [6, 7]


def test_the_future_is_not_known(ana: Desk) -> None:
    assert refused(ana, GitmodelError, "2026-03-02") == (
        "2026-03-02 is in the future: what fraud@production will mean is not known",
        "gitmodel show fraud@production",
    )
    assert meant(ana, "2026-03-01").values[0].version == 6  # today


def test_a_commit_from_the_future_is_told(ana: Desk) -> None:
    set_alias(ana.repo, 7, 2000)

    assert number(ana, 50) == 6
    assert ana.notes == [
        (
            "a commit of main is dated 2031-06-24T12:00:00Z, which is in the future: it and the commits "
            "after it count as made then"
        )
    ]


@pytest.mark.parametrize(
    "date", ["9000000000000000000 +0000", "9" * 30 + " +0000", "-5 +0000", "none"]
)
def test_a_commit_can_claim_any_date(ana: Desk, date: str) -> None:
    """Made by hand: Git itself refuses such dates."""
    repo = ana.repo
    set_alias(repo, 7, 25)
    tree, parent = repo.head("HEAD^{tree}"), repo.head("HEAD^")
    repo.git("reset", "-q", "--soft", parent)
    who = f"Eve <e@x> {date}"
    text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nMean 7\n"
    forged = repo.git(
        "hash-object", "-t", "commit", "-w", "--literally", "--stdin", input_text=text
    )
    repo.git("update-ref", "refs/heads/main", forged.stdout.strip())

    assert number(ana, 15) == 5
    if date.startswith("9000"):
        assert number(ana, 30) == 6
        assert "is dated 9999-12-31T23:59:59Z, which is in the future" in ana.notes[0]
    else:  # no date, as Git has it
        (value,) = meant(ana, on(30)).values
        assert (value.version, value.start, value.clamped) == (7, on(20), True)


def test_history_that_is_cut_off_is_not_guessed(ana: Desk) -> None:
    ben = Desk(ana.repo.clone("ben", "--depth", "2"), ana.store)

    (value,) = meant(ben, on(12)).values
    assert (value.version, value.start, value.until) == (5, None, on(20))
    # The oldest commit here has the value, and brought something else.
    assert (value.by, value.merged_by, value.commit, value.why) == (None, None, None, "reason 5")
    assert refused(ben, RepositoryError, on(9)) == (
        (
            f"fraud: history is cut off at {on(10)} here, so what fraud@production meant at {on(9)} is "
            "not known"
        ),
        "git fetch --unshallow",
    )
    ben.repo.git("fetch", "-q", "--unshallow")
    assert number(ben, 9) == 4


def test_a_clone_that_is_cut_off_does_not_tell_the_first_time(ana: Desk) -> None:
    ana.repo.git("rm", "-q", PATH)
    commit(ana.repo, "gone", 30)
    ben = Desk(ana.repo.clone("ben", "--depth", "2"), ana.store)

    assert refused(ben, UnknownReferenceError, on(35))[0].endswith(
        f"it was removed at {on(30)}; it was at {on(20)}, and history is cut off before that"
    )


def test_a_clone_without_trees_does_not_guess(ana: Desk) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ben = Desk(ana.repo.clone("ben", "--filter=tree:0"), ana.store)

    assert refused(ben, RepositoryError, on(9)) == (
        "this clone has no trees of old commits, so what main had then is not known",
        "git fetch --refetch --filter=blob:none",
    )


def test_a_partial_clone_fetches_what_it_needs_or_says_so(ana: Desk) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    ana.repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    here = Desk(ana.repo.clone("here", "--filter=blob:none"), ana.store)
    away = Desk(ana.repo.clone("away", "--filter=blob:none"), ana.store)

    assert number(here, 9) == 4
    ana.repo.path.rename(ana.repo.path.with_name("moved"))
    assert refused(away, RepositoryError, on(9)) == (
        "this clone lacks older files of the models, and they cannot be fetched",
        "git fetch --refetch --no-filter",
    )


@pytest.mark.parametrize("kind", ["name", "path", "folder in the name", "both"])
def test_a_renamed_model_keeps_its_past(desk: Desk, kind: str) -> None:
    desk.repo.git("rm", "-q", "-r", ".")
    desk.repo.git("reset", "-q", "--hard")
    desk.version(b"weights 4")
    for version, day in ((4, 0), (5, 10)):
        set_alias(desk.repo, version, day)
    name = {"name": "risk", "folder in the name": "team/fraud", "both": "risk"}.get(kind, "fraud")
    with desk.open() as project:
        rename_model(
            project,
            "fraud",
            new_name=None if name == "fraud" else name,
            path="models/f.bin" if kind in ("path", "both") else None,
        )
    commit(desk.repo, "rename", 20)
    path = desk.repo.git("ls-files", "*.production.alias.yaml").stdout.strip()
    set_alias(desk.repo, 6, 30, path, name=name)

    found = [number(desk, day, f"{name}@production") for day in (5, 15, 25, 35)]
    assert found == [4, 5, 5, 6]
    if name != "fraud":
        assert [number(desk, day) for day in (5, 15)] == [4, 5]
        assert refused(desk, UnknownReferenceError, on(25)) == (
            (
                f"fraud@production was not set at {on(25)} on main: it became {name}@production at "
                f"{on(20)}; the first time it was is {on(0)}"
            ),
            f"gitmodel at {name}@production --on {on(25)}",
        )


def test_models_with_the_same_last_part_are_not_mixed(empty: Desk) -> None:
    set_alias(empty.repo, 1, 0, "a/fraud.production.alias.yaml", name="a/fraud")
    set_alias(empty.repo, 2, 10, "b/fraud.production.alias.yaml", name="b/fraud")

    assert number(empty, 11, "a/fraud@production") == 1
    assert number(empty, 11, "b/fraud@production") == 2
    assert "never existed" in refused(empty, UnknownReferenceError, on(11))[0]


def test_imported_values_have_the_time_that_was_told(empty: Desk) -> None:
    """Committed on day 20; each author date is what the other registry said."""
    for version, told in ((1, 0), (2, 10)):
        weights = f"weights {version}".encode()
        alias = Alias(
            name="fraud",
            alias="production",
            version=version,
            digest=digest_of(weights),
            size=len(weights),
            imported={"from": "mlflow", "id": f"fraud/{version}"},
        )
        empty.repo.write(PATH, alias.to_text())
        commit(empty.repo, "import", 20, authored=told)
    set_alias(empty.repo, 3, 30)

    assert [number(empty, day) for day in (1, 11, 29, 31)] == [1, 2, 2, 3]
    (value,) = meant(empty, on(11)).values
    assert (value.start, value.until) == (on(10), on(30))
    assert value.imported == {"from": "mlflow", "id": "fraud/2"}


def test_the_branch_is_that_of_origin_else_head(ana: Desk) -> None:
    ben = Desk(ana.repo.clone("ben"), ana.store)
    set_alias(ben.repo, 8, 25)
    with ben.open() as project:
        theirs = at(project, "fraud@production", on(26))
        here = at(project, "fraud@production", on(26), branch="HEAD")
    with ana.open() as project:
        alone = at(project, "fraud@production", on(26))

    assert (theirs.branch, theirs.values[0].version) == ("origin/main", 6)
    assert (here.branch, here.values[0].version) == ("HEAD", 8)
    assert (alone.branch, alone.values[0].version) == ("main", 6)


def test_only_an_alias_has_a_past(ana: Desk) -> None:
    assert refused(ana, UsageError, on(1), "fraud@3") == (
        "at takes NAME@ALIAS, not fraud@3",
        "gitmodel at fraud@production --on 2026-05-06",
    )
    assert refused(ana, UnknownReferenceError, on(1), "fraud@staging") == (
        "fraud@staging never existed on main",
        "there were fraud@production",
    )
    assert refusal(UnknownReferenceError, lambda: meant(ana, on(1), branch="nowhere")) == (
        'Git knows no revision "nowhere"',
        "git branch --all",
    )
