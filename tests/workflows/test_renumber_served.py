"""`renumber` takes no number from content that an alias means under it, and says what to run instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.errors import AliasError
from gitmodel.workflows.renumber import renumber, renumber_taken
from tests.support.desk import kept_desk, refusal, short

if TYPE_CHECKING:
    from tests.support.desk import Desk

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
OURS = b"weights of ana"


def collision(desk: Desk) -> None:
    """Ben's version 1 was pushed first; ana has other content under 1."""
    ben = desk.join("ben")
    ben.version(b"weights of ben")
    ben.push()
    desk.version(OURS)


ana = kept_desk(collision)


def by_hand(desk: Desk, *, committed: bool) -> bytes:
    """An alias that `promote` would have refused."""
    text = Alias.of("production", desk.pointer()).to_text()
    desk.repo.write(PATH, text)
    if committed:
        desk.repo.commit("alias")
    return text.encode()


def test_an_alias_of_the_number_is_named_and_nothing_is_changed(ana: Desk) -> None:
    text = by_hand(ana, committed=True)
    before = ana.repo.read("fraud.model.yaml")

    with ana.open() as project:
        message, hint = refusal(AliasError, lambda: renumber(project, "fraud", commit=True))
    with ana.open() as project:
        assert refusal(AliasError, lambda: renumber_taken(project, commit=True)) == (message, hint)

    assert message == (
        f"fraud@production means version 1 ({short(OURS)}), which would become version 2"
    )
    assert hint == (
        "gitmodel promote fraud@none production --commit, then gitmodel renumber fraud --commit, "
        "then git push, then gitmodel promote fraud@2 production"
    )
    assert (ana.repo.path / PATH).read_bytes() == text
    assert ana.repo.read("fraud.model.yaml") == before


@pytest.mark.parametrize("committed", [True, False])
def test_what_the_refusal_says_helps(ana: Desk, committed: bool) -> None:
    by_hand(ana, committed=committed)

    with ana.open() as project:
        _, hint = refusal(AliasError, lambda: renumber(project, "fraud"))
    first = (hint or "").partition(", then ")[0]
    assert first.endswith(" --commit") is committed
    ana.repo.gitmodel(*first.split(" ")[1:])
    ana.repo.gitmodel("renumber", "fraud", "--commit")
    ana.push()
    ana.repo.gitmodel("promote", "fraud@2", "production")

    alias = Alias.from_text(ana.repo.read(PATH), PATH)
    assert (alias.version, alias.digest) == (2, ana.pointer().digest)


def test_an_alias_of_other_content_stays_as_it_is(ana: Desk) -> None:
    ana.alias("production", 1, b"weights of ben")
    text = ana.repo.read(PATH)

    with ana.open() as project:
        assert renumber(project, "fraud").version == 2

    assert ana.repo.read(PATH) == text
