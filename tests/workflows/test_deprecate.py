"""A deprecated version says why, warns whoever fetches it, and is refused on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.reference import Reference
from gitmodel.errors import AliasError, GitmodelError, UnknownReferenceError, UsageError
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.deprecate import deprecate, undo_deprecation
from gitmodel.workflows.fetch import fetch
from tests.support.desk import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.workflows.deprecate import DeprecateReport
    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
PATH = "fraud.deprecated.yaml"
WORDS = "fraud@1 is deprecated since 2026-03-01: leaked labels"


def deprecated(
    desk: Desk, text: str, why: str = "leaked labels", **options: str
) -> DeprecateReport:
    instead = options.pop("instead", None)
    with desk.open() as project:
        return deprecate(
            project,
            Reference.parse(text),
            why,
            until=options.get("until"),
            instead=None if instead is None else Reference.parse(instead),
        )


def entries(desk: Desk) -> dict[int, Deprecation]:
    return dict(Deprecations.from_text(desk.repo.read(PATH), what=PATH).versions)


@pytest.fixture
def ana(desk: Desk) -> Desk:
    """Versions 1 to 3 of fraud, pushed."""
    for content in (ONE, TWO, THREE):
        desk.version(content)
    desk.push()
    return desk


def test_a_deprecation_is_one_staged_line(ana: Desk) -> None:
    report = deprecated(ana, "fraud@1", until="2027-01-31", instead="fraud@3")

    assert entries(ana) == {
        1: Deprecation(why="leaked labels", since="2026-03-01", until="2027-01-31", instead=3)
    }
    assert ana.staged() == [PATH]
    assert (report.subject, report.changed) == ("Deprecate fraud v1", True)


def test_another_reason_keeps_the_date(ana: Desk) -> None:
    deprecated(ana, "fraud@1")
    before = entries(ana)[1].since

    deprecated(ana, "fraud@1", "trained on the hold-out")

    assert entries(ana)[1] == Deprecation(why="trained on the hold-out", since=before)
    assert not deprecated(ana, "fraud@1", "trained on the hold-out").changed


def test_undo_removes_the_line_and_the_last_one_the_file(ana: Desk) -> None:
    deprecated(ana, "fraud@1")
    deprecated(ana, "fraud@2")
    with ana.open() as project:
        undo_deprecation(project, Reference.parse("fraud@1"))
        assert list(entries(ana)) == [2]
        assert refusal(
            UnknownReferenceError, lambda: undo_deprecation(project, Reference.parse("fraud@1"))
        ) == ("fraud@1 is not deprecated", "there are fraud@2")
        undo_deprecation(project, Reference.parse("fraud@2"))

    assert not (ana.repo.path / PATH).exists()
    assert ana.staged() == []


def test_what_is_refused_and_how(ana: Desk) -> None:
    ana.alias("production", 2, TWO)
    assert refusal(GitmodelError, lambda: deprecated(ana, "fraud@2")) == (
        "fraud@production means version 2",
        "gitmodel rollback fraud production",
    )
    assert refusal(UnknownReferenceError, lambda: deprecated(ana, "fraud@9")) == (
        "fraud: there is no fraud@9",
        "there are fraud@1, fraud@2, fraud@3",
    )
    assert refusal(UsageError, lambda: deprecated(ana, "fraud@1", " ")) == (
        "the reason is empty",
        "gitmodel deprecate fraud@1 -m WHY",
    )
    assert refusal(UsageError, lambda: deprecated(ana, "fraud@1", until="soon")) == (
        "'soon' is not a date such as 2027-01-31",
        "gitmodel deprecate fraud@1 -m WHY --until 2027-01-31",
    )
    assert refusal(UsageError, lambda: deprecated(ana, "fraud@1", instead="other@2")) == (
        "other@2 is a version of another model",
        "name a version of fraud: gitmodel log fraud",
    )
    assert refusal(UsageError, lambda: deprecated(ana, "fraud@1", instead="fraud@1")) == (
        "fraud@1 is the version that is to be deprecated",
        "gitmodel log fraud",
    )
    deprecated(ana, "fraud@1")
    assert refusal(GitmodelError, lambda: deprecated(ana, "fraud@3", instead="fraud@1")) == (
        WORDS,
        "gitmodel log fraud",
    )


def use_checkout(desk: Desk, out: str) -> None:
    with desk.open() as project:
        checkout(project, ["fraud@1"], out=out)


def use_in_place(desk: Desk, _out: str) -> None:
    with desk.open() as project:
        checkout(project, ["fraud@1"])


def use_fetch(desk: Desk, _out: str) -> None:
    with desk.open() as project:
        fetch(project, ["fraud@1"])


USES = [use_checkout, use_in_place, use_fetch]


@pytest.mark.parametrize("use", USES)
def test_whoever_uses_it_is_warned_once(
    ana: Desk, use: Callable[[Desk, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    deprecated(ana, "fraud@1", instead="fraud@3")
    ana.repo.commit("deprecate")
    ana.notes.clear()

    use(ana, "out")

    assert ana.notes == [f"{WORDS}; use fraud@3 instead"]
    monkeypatch.setenv("GITMODEL_NO_DEPRECATED", "1")
    message, hint = refusal(GitmodelError, lambda: use(ana, "other"))
    assert message == WORDS
    assert hint in ("gitmodel checkout fraud@3", "gitmodel fetch fraud@3")


def test_a_version_that_is_not_deprecated_says_nothing(ana: Desk) -> None:
    deprecated(ana, "fraud@1")
    ana.repo.commit("deprecate")
    ana.notes.clear()

    with ana.open() as project:
        checkout(project, ["fraud@2"])

    assert ana.notes == []


def test_python_warns_and_refuses_too(ana: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    deprecated(ana, "fraud@1")
    monkeypatch.chdir(ana.repo.path)

    with pytest.warns(gitmodel.GitmodelWarning, match="is deprecated since 2026-03-01"):
        gitmodel.path("fraud@1")
    with pytest.warns(gitmodel.GitmodelWarning, match="is deprecated"), gitmodel.open("fraud@1"):
        pass
    monkeypatch.setenv("GITMODEL_NO_DEPRECATED", "1")
    with pytest.raises(GitmodelError, match="leaked labels"):
        gitmodel.path("fraud@1")


def test_a_file_that_does_not_parse_warns_and_refuses_only_on_request(
    ana: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana.repo.write(PATH, "gitmodel: 1\ndeprecated: [1]\n")
    ana.notes.clear()

    use_in_place(ana, "")

    assert ana.notes == [
        f"{PATH}: deprecated must be a mapping; so nothing is known about deprecated versions"
    ]
    monkeypatch.setenv("GITMODEL_NO_DEPRECATED", "1")
    with pytest.raises(AliasError):
        use_in_place(ana, "")


def test_the_command_line_says_what_to_do_next(ana: Desk) -> None:
    done = ana.repo.gitmodel("deprecate", "fraud@1", "-m", "leaked labels", "--instead", "fraud@3")

    assert done.stdout.startswith("fraud@1 is deprecated since 2")
    assert done.stdout.endswith(
        f": leaked labels\nstaged {PATH}\nnext: git commit -m 'Deprecate fraud v1'\n"
    )
    ana.repo.commit("deprecate")
    got = ana.repo.gitmodel("checkout", "fraud@1", "--no-deprecated", check=False)
    assert got.returncode == 1
    assert "leaked labels" in got.stderr
    assert "hint: gitmodel checkout fraud@3" in got.stderr


def test_get_brings_the_warning_of_the_default_branch(ana: Desk) -> None:
    deprecated(ana, "fraud@1", instead="fraud@3")
    ana.repo.commit("deprecate")

    url = f"file://{ana.repo.path}"
    trust = ("--trust", str(ana.store))
    done = ana.repo.gitmodel("get", url, "fraud@1", "--out", "../got", *trust)
    refused = ana.repo.gitmodel(
        "get", url, "fraud@1", "--out", "../other", "--no-deprecated", *trust, check=False
    )

    assert "fraud@1 is deprecated since" in done.stderr
    assert refused.returncode == 1
    assert f"hint: gitmodel get {ana.repo.path} fraud@3 --out ../other" in refused.stderr
