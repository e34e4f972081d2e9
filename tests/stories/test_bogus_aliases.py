"""No alias of weights that the primary lacks gets past a push or CI, on any kind of remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from tests.support.models import model

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    from tests.stories.conftest import Team
    from tests.support.repo import Repo

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
NOWHERE = digest_of(b"these weights exist nowhere")


def committed(repo: Repo, number: int) -> None:
    """A version, committed as users do."""
    repo.write("fraud.safetensors", model(seed=number))
    repo.gitmodel("add", "fraud.safetensors")
    repo.git("commit", "-qm", f"fraud {number}")


def pointer(repo: Repo, revision: str = "HEAD") -> Pointer:
    return Pointer.from_text(
        repo.git("show", f"{revision}:fraud.model.yaml").stdout, what="fraud.model.yaml"
    )


def write(repo: Repo, alias: Alias) -> None:
    """By hand, with a right check line, past pre-commit."""
    repo.write(PATH, alias.to_text())
    repo.git("add", PATH)
    repo.git("commit", "-qm", "alias", "--no-verify")


def changed(of: Pointer, **values: object) -> Alias:
    from dataclasses import replace

    return replace(Alias.of("production", of), **values)  # type: ignore[arg-type]


def without_hooks(repo: Repo) -> Alias:
    """Version 3, whose commit is on the Git server, and whose weights nobody has uploaded."""
    committed(repo, 3)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    return Alias.of("production", pointer(repo))


BOGUS: dict[str, tuple[Callable[[Repo], Alias], str]] = {
    "nowhere": (
        lambda repo: changed(pointer(repo), version=9, digest=NOWHERE),
        "fraud@production means version 9 ({nowhere}), whose weights are not on {url}",
    ),
    "two versions": (
        lambda repo: changed(pointer(repo), version=1),
        "fraud@production means version 1 ({two}), but these weights are version 2",
    ),
    "metrics": (
        lambda repo: changed(pointer(repo), metrics={"auc": 0.999}),
        "fraud@production has other metrics than any pointer of version 2",
    ),
    "size": (
        lambda repo: changed(pointer(repo), size=1),
        "fraud@production has other size than any pointer of version 2",
    ),
}


def check(repo: Repo) -> tuple[CompletedProcess[str], CompletedProcess[str]]:
    """A push, and what CI would have said of the same commits."""
    pushed = repo.git("push", "origin", "main", check=False)
    verified = repo.gitmodel("verify", "--refs", "origin/main..HEAD", check=False)
    return pushed, verified


def test_bogus_aliases_are_refused_and_sound_ones_pass(team_anywhere: Team) -> None:
    """One story, because a remote takes longer to start than all of it."""
    ana = team_anywhere.members["ana"]
    committed(ana, 1)
    committed(ana, 2)
    ana.git("push", "-q", "origin", "main")
    two = pointer(ana)

    for kind, (made, text) in BOGUS.items():
        write(ana, made(ana))
        pushed, verified = check(ana)
        expected = text.format(nowhere=NOWHERE.short, two=two.digest.short, url=team_anywhere.url)
        assert pushed.returncode == 1, kind
        assert f"gitmodel: {expected}\n" in pushed.stderr, kind
        assert "gitmodel promote fraud@" in pushed.stderr, kind
        assert verified.returncode == 1, kind
        assert expected in verified.stderr, kind
        assert "1 alias" in verified.stdout, kind
        ana.git("reset", "-q", "--hard", "origin/main")

    # An alias and its version, in one push.
    committed(ana, 4)
    write(ana, Alias.of("production", pointer(ana)))
    ana.git("push", "-q", "origin", "main")
    assert ana.gitmodel("verify", "--refs", "HEAD").returncode == 0

    # Its model is renamed.
    ana.gitmodel("mv", "fraud", "risk")
    ana.git("commit", "-qm", "renamed")
    ana.git("push", "-q", "origin", "main")
    assert "1 alias" in ana.gitmodel("verify", "--refs", "HEAD").stdout
    assert "1 alias" in ana.gitmodel("verify", "risk@production").stdout

    # It is removed.
    ana.gitmodel("promote", "risk@none", "production", "--commit")
    ana.git("push", "-q", "origin", "main")


def test_a_version_that_was_pushed_without_the_hooks_cannot_serve(team_anywhere: Team) -> None:
    ana = team_anywhere.members["ana"]
    committed(ana, 1)
    ana.git("push", "-q", "origin", "main")
    alias = without_hooks(ana)
    ben = team_anywhere.join("ben")  # who cannot heal it, because only ana has the weights
    write(ben, alias)

    pushed, verified = check(ben)

    expected = (
        f"fraud@production means version {alias.version} ({alias.digest.short}), "
        f"whose weights are not on {team_anywhere.url}"
    )
    assert (pushed.returncode, verified.returncode) == (1, 1)
    assert expected in pushed.stderr
    assert f"or git rm {PATH}" in pushed.stderr
    assert expected in verified.stderr
    ana.gitmodel("push")  # once the weights are there, the same commit passes
    ben.git("push", "-q", "origin", "main")


def test_every_way_to_push_is_looked_at(fraud: Repo) -> None:
    """Tags, new branches, forced pushes and several refs; a deletion takes nothing along."""
    write(fraud, changed(pointer(fraud), version=9, digest=NOWHERE))
    fraud.git("tag", "light")
    fraud.git("tag", "-a", "-m", "annotated", "heavy")
    fraud.git("branch", "aside")
    fraud.git("reset", "-q", "--hard", "HEAD~1")
    fraud.git("commit", "-qm", "text", "--allow-empty")
    fraud.git("push", "-q", "origin", "main", "main:other")

    for refs in (["light"], ["heavy"], ["aside"], ["+aside:other"], ["main", "aside"], ["--tags"]):
        refused = fraud.git("push", "origin", *refs, check=False)
        assert refused.returncode == 1, refs
        assert "fraud@production means version 9" in refused.stderr, refs

    fraud.git("push", "-q", "origin", ":other")


def test_a_partial_clone_judges_what_it_has(fraud: Repo, team: Team) -> None:
    team.server.git("config", "uploadpack.allowFilter", "true")
    fraud.gitmodel("promote", "fraud@1", "production", "--commit")
    committed(fraud, 2)
    fraud.git("push", "-q", "origin", "main")
    fraud.git(
        "clone", "-q", "--filter=blob:none", f"file://{team.server.path}", str(team.folder / "eve")
    )
    eve = fraud.beside("eve")
    eve.git("config", "user.name", "Eve")
    eve.git("config", "user.email", "eve@example.org")
    eve.gitmodel("init")

    eve.gitmodel("promote", "fraud@1", "staging", "--commit")
    eve.git("push", "-q", "origin", "main")
    write(eve, changed(pointer(eve), version=9, digest=NOWHERE))
    refused = eve.git("push", "origin", "main", check=False)

    assert refused.returncode == 1
    assert "fraud@production means version 9" in refused.stderr
    assert "whose weights are not on" in refused.stderr
