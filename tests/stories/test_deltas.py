"""A new version costs only what changed, and comes back bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.models import model, perturbed

if TYPE_CHECKING:
    from tests.stories.conftest import Team

SIZE = 2_000_000  # bytes


def stored(team: Team) -> int:
    """Bytes of all packs on the remote."""
    return sum(path.stat().st_size for path in Path(team.url).glob("packs/*/*"))


def test_a_fine_tuned_version_costs_only_what_changed(team: Team) -> None:
    ana = team.members["ana"]
    first = model(seed=1, size=SIZE)
    second = perturbed(first, seed=2)
    ana.write("fraud.safetensors", first)
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.git("push", "-q")
    before = stored(team)
    ana.write("fraud.safetensors", second)
    ana.git("commit", "--allow-empty", "-qam", "fraud 2")
    ana.git("push", "-q")

    grown = stored(team) - before
    ben = team.join("ben")
    ben.gitmodel("checkout")

    assert grown < 0.2 * SIZE
    assert ben.read("fraud.safetensors") == second
    ben.gitmodel("checkout", "fraud@1")
    assert ben.read("fraud.safetensors") == first


def test_a_model_fine_tuned_from_another_is_stored_against_it(team: Team) -> None:
    ana = team.members["ana"]
    foundation = model(seed=1, size=SIZE)
    tuned = perturbed(foundation, seed=2)
    ana.write("foundation.safetensors", foundation)
    ana.gitmodel("add", "foundation.safetensors", "-m", "foundation")
    ana.git("push", "-q")
    before = stored(team)

    ben = team.join("ben")
    ben.write("tuned.safetensors", tuned)
    ben.gitmodel("add", "tuned.safetensors", "--base", "foundation@1", "-m", "tuned")
    ben.git("push", "-q")

    assert stored(team) - before < 0.2 * SIZE
    assert 'base: "foundation@1"' in ben.read("tuned.model.yaml").decode()
    ana.git("pull", "-q")
    ana.gitmodel("checkout", "tuned")
    assert ana.read("tuned.safetensors") == tuned


def test_a_commit_in_a_clone_without_the_old_weights_stores_them_whole(team: Team) -> None:
    """A hook never fetches: without the base the chunks are self-contained."""
    ana = team.members["ana"]
    first = model(seed=1, size=SIZE)
    ana.write("fraud.safetensors", first)
    ana.gitmodel("add", "fraud.safetensors", "-m", "fraud 1")
    ana.git("push", "-q")
    ben = team.join("ben")
    second = perturbed(first, seed=2)
    ben.write("fraud.safetensors", second)

    ben.git("commit", "--allow-empty", "-qam", "fraud 2")
    ben.git("push", "-q")

    ana.git("pull", "-q")
    ana.gitmodel("checkout")
    assert ana.read("fraud.safetensors") == second
