"""No merge mixes an alias: with the driver, on a server without it, and with -X ours and -X theirs.

After each merge a file that reads as valid is one side whole. The random form makes 10 histories; with
GITMODEL_TESTS_LONG=1 it makes 120, each merged in twelve ways and on a server, and GITMODEL_TESTS_SEED chooses others.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from tests.support.alias_merges import (
    HOWS,
    How,
    MergeWorld,
    Sides,
    Tree,
    alias,
    build_world,
    deprecated,
    model,
    tree,
    valid_alias,
)
from tests.support.kept import Kept
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
KEPT = Kept(build_world)
FAVOURED = ("", "ours", "theirs")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "world_of_merges", tmp_path)


@pytest.fixture
def world_of_merges(tmp_path: Path) -> MergeWorld:
    return MergeWorld(KEPT.repo(), Repo(tmp_path / "server.git"))


class Case(NamedTuple):
    """One merge.

    Attributes:
        after: The tree with the driver; None if there is a conflict.
        conflicts: What `status` names then.
        exact: Whether taking a side gives what that side has; not if another alias is merged beside the conflict.
        lines: What Git does without the driver: merge cleanly, conflict, or leave a file that nobody can read.
    """

    base: Tree
    ours: Tree
    theirs: Tree
    after: Tree | None = None
    conflicts: tuple[str, ...] = ()
    exact: bool = True
    lines: Literal["clean", "conflict", "unreadable"] = "conflict"


PRODUCTION = "fraud@production"
ONE, TWO, THREE = (alias("production", number) for number in (1, 2, 3))
TWO_WHY = alias("production", 2, "May hold-out")
STAGING_ONE, STAGING_TWO, STAGING_THREE = (alias("staging", number) for number in (1, 2, 3))
BADLY_RENAMED = {"fraud.live.alias.yaml": next(iter(ONE.values()))}

CASES = {
    "two aliases": Case(
        base=tree(ONE, STAGING_ONE),
        ours=tree(TWO, STAGING_ONE),
        theirs=tree(ONE, STAGING_TWO),
        after=tree(TWO, STAGING_TWO),
        lines="clean",
    ),
    "the same alias to the same version": Case(
        tree(ONE), tree(TWO), tree(TWO), after=tree(TWO), lines="clean"
    ),
    "the same alias to the same version, with and without a reason": Case(
        tree(ONE), tree(TWO), tree(TWO_WHY), after=tree(TWO_WHY)
    ),
    "the same alias to two versions": Case(
        tree(ONE), tree(TWO), tree(THREE), conflicts=(PRODUCTION,)
    ),
    "the same alias to two contents of one number": Case(
        tree(ONE), tree(TWO), tree(alias("production", 2, content="b")), conflicts=(PRODUCTION,)
    ),
    "one content under two numbers": Case(
        tree(ONE),
        tree(TWO),
        tree(alias("production", 5, content="2")),
        conflicts=(PRODUCTION,),
    ),
    "moved here, another reason there": Case(
        tree(ONE), tree(TWO), tree(alias("production", 1, "2 is slow")), conflicts=(PRODUCTION,)
    ),
    "both add the same": Case(tree(), tree(TWO), tree(TWO), after=tree(TWO), lines="clean"),
    "both add the same with a reason": Case(tree(), tree(TWO_WHY), tree(TWO), after=tree(TWO_WHY)),
    "both add another": Case(tree(), tree(TWO), tree(THREE), conflicts=(PRODUCTION,)),
    "both add an alias": Case(
        tree(), tree(TWO), tree(STAGING_THREE), after=tree(TWO, STAGING_THREE), lines="clean"
    ),
    "removed here, moved there": Case(tree(ONE), tree(), tree(TWO), conflicts=(PRODUCTION,)),
    "moved here, removed there": Case(tree(ONE), tree(TWO), tree(), conflicts=(PRODUCTION,)),
    "both remove it": Case(tree(ONE), tree(), tree(), after=tree(), lines="clean"),
    "one removed, another moved": Case(
        tree(ONE, STAGING_ONE), tree(STAGING_ONE), tree(ONE, STAGING_THREE),
        after=tree(STAGING_THREE), lines="clean",
    ),
    "renamed here, moved there": Case(
        tree(STAGING_ONE), tree(ONE), tree(STAGING_TWO), conflicts=(PRODUCTION,)
    ),
    "moved here, renamed there": Case(
        tree(STAGING_ONE), tree(STAGING_TWO), tree(ONE), conflicts=(PRODUCTION,)
    ),
    "renamed by git mv here, moved there": Case(
        tree(ONE), tree(BADLY_RENAMED), tree(TWO), after=None, conflicts=(), lines="unreadable"
    ),
    "renamed and moved here, moved there": Case(
        tree(STAGING_ONE), tree(TWO), tree(STAGING_THREE), conflicts=("fraud@staging",), exact=False
    ),
    "both rename it": Case(
        tree(STAGING_ONE),
        tree(ONE),
        tree(alias("canary", 1)),
        conflicts=("fraud@canary", PRODUCTION, "fraud@staging"),
    ),
    "the aliases are swapped here, one is moved there": Case(
        tree(ONE, STAGING_TWO), tree(TWO, STAGING_ONE), tree(THREE, STAGING_TWO),
        conflicts=(PRODUCTION,), exact=False,
    ),
    "removed here and another model's added, moved there": Case(
        tree(model("churn"), ONE),
        tree(model("churn"), alias("production", 1, name="churn")),
        tree(model("churn"), TWO),
        conflicts=("churn@production",),
    ),
    "the model renamed here, the alias moved there": Case(
        tree(ONE),
        {**model("churn"), **alias("production", 1, name="churn")},
        tree(TWO),
        conflicts=("churn@production",),
    ),
    "the alias moved here, the model renamed there": Case(
        tree(ONE),
        tree(TWO),
        {**model("churn"), **alias("production", 1, name="churn")},
        conflicts=("churn@production",),
    ),
    "two deprecations": Case(
        tree(deprecated(v1="slow", v4="slow")),
        tree(deprecated(v1="slow", v2="leaked labels", v4="slow")),
        tree(deprecated(v1="slow", v3="biased", v4="slow")),
        after=tree(deprecated(v1="slow", v2="leaked labels", v3="biased", v4="slow")),
    ),
    "both begin to deprecate": Case(
        tree(), tree(deprecated(v1="slow")), tree(deprecated(v2="biased")),
        after=tree(deprecated(v1="slow", v2="biased")),
    ),
    "two reasons for one version": Case(
        tree(), tree(deprecated(v1="slow")), tree(deprecated(v1="biased")),
        conflicts=("fraud@deprecated",),
    ),
    "a deprecation is withdrawn here and changed there": Case(
        tree(deprecated(v1="slow", v2="biased")),
        tree(deprecated(v2="biased")),
        tree(deprecated(v1="leaked labels", v2="biased")),
        conflicts=("fraud@deprecated",),
    ),
    "an alias moved here, a version deprecated there": Case(
        tree(ONE), tree(TWO), tree(ONE, deprecated(v1="slow")),
        after=tree(TWO, deprecated(v1="slow")), lines="clean",
    ),
}  # fmt: skip


def held(world: MergeWorld, sides: Sides, what: str) -> None:
    """Nothing in the work tree and in the index reads as valid and is of no side."""
    for place, files in zip(("work tree", "index"), world.left(), strict=True):
        assert sides.problems(files, whole=True) == [], f"{what}, {place}"


def meanings(files: Tree) -> dict[str, tuple[int, str]]:
    """What each alias means, whatever the model is called."""
    found = [valid_alias(path, text) for path, text in files.items()]
    return {one.alias: (one.version, one.digest.hex) for one in found if one is not None}


@pytest.mark.parametrize("name", CASES)
def test_a_merge_with_the_driver(world_of_merges: MergeWorld, name: str) -> None:
    """And its conflicts are named by `status` and ended by `resolve`, either way."""
    world, case = world_of_merges, CASES[name]
    sides = Sides.of([case.ours, case.theirs])
    world.make(case.base, case.ours, case.theirs)

    clean = world.run("merge", driver=True)

    held(world, sides, name)
    if case.after is not None:
        disk, _ = world.left()
        assert (clean, disk) == (True, case.after)
        return
    assert clean == (case.lines == "unreadable")
    assert world.named() == list(case.conflicts)
    if clean:
        return
    for side in ("ours", "theirs"):
        if side == "theirs":
            world.run("merge", driver=True)
        world.resolve(side)
        disk, index = world.left()
        assert disk == index
        assert sides.problems(disk, whole=False, resolved=True) == []
        if case.exact:
            wanted = case.ours if side == "ours" else case.theirs
            assert meanings(disk) == meanings(wanted)


@pytest.mark.parametrize("name", CASES)
def test_a_merge_on_a_server_and_with_a_side_favoured(
    world_of_merges: MergeWorld, name: str
) -> None:
    """Without the driver, Git merges line by line: what it mixes, nobody can read."""
    world, case = world_of_merges, CASES[name]
    sides = Sides.of([case.ours, case.theirs])
    world.make(case.base, case.ours, case.theirs)

    clean, files = world.in_bare()

    assert sides.problems(files, whole=True) == []
    assert clean == (case.lines != "conflict")
    for favour in FAVOURED:
        world.run("merge", favour=favour, driver=False)
        held(world, sides, f"{name}, -X {favour}")
    if LONG:
        for favour in FAVOURED[1:]:
            world.run("merge", favour=favour, driver=True)
            held(world, sides, f"{name}, -X {favour} with the driver")


@pytest.mark.parametrize("how", HOWS[1:])
def test_whatever_git_calls_the_merge(world_of_merges: MergeWorld, how: How) -> None:
    """In a rebase, a cherry-pick, the revert of a promotion, a squash merge and a popped stash."""
    world = world_of_merges
    names = (
        tuple(CASES) if LONG else ("the same alias to two versions", "renamed here, moved there")
    )
    for name in names:
        case = CASES[name]
        sides = Sides.of([case.ours, case.theirs])
        world.make(case.base, case.ours, case.theirs)
        for driver in (True, False):
            for favour in FAVOURED:
                world.run(how, favour=favour, driver=driver)

                held(world, sides, f"{name}, {how} -X {favour}, driver {driver}")
        if case.conflicts == (PRODUCTION,):
            assert not world.run(how, driver=True)
            assert world.named() == [PRODUCTION]


def test_an_octopus(world_of_merges: MergeWorld) -> None:
    world = world_of_merges
    words = ("canary", "production", "staging")
    base = tree(*(alias(word, 1) for word in words))
    trees = [tree(base, alias(word, 2)) for word in words]
    world.commit(
        ("base", (), base),
        *((word, ("base",), one) for word, one in zip(words, trees, strict=True)),
    )
    for driver in (True, False):
        world.clean()
        world.repo.git("checkout", "-q", "-f", "-B", "work", "canary")
        arguments = ("merge", "-q", "-m", "octopus", "production", "staging")
        world.repo.git(*(world.driver if driver else ()), *arguments)
        disk, _ = world.left()
        assert disk == tree(*(alias(word, 2) for word in words))


def test_an_octopus_with_a_conflict(world_of_merges: MergeWorld) -> None:
    world = world_of_merges
    trees = [tree(alias("production", number)) for number in (2, 3, 4)]
    world.commit(
        ("base", (), tree(ONE)),
        *((f"b{number}", ("base",), one) for number, one in enumerate(trees)),
    )
    for driver in (True, False):
        for favour in FAVOURED:
            world.clean()
            world.repo.git("checkout", "-q", "-f", "-B", "work", "b0")
            options = ("-X", favour) if favour else ()
            prefix = world.driver if driver else ()
            done = world.repo.git(*prefix, "merge", "-q", *options, "b1", "b2", check=False)

            assert done.returncode != 0
            held(world, Sides.of(trees), f"octopus -X {favour}")


def test_a_criss_cross(world_of_merges: MergeWorld) -> None:
    """Two branches have merged each other, and taken different sides; then both move on."""
    world = world_of_merges
    world.commit(
        ("base", (), tree(ONE)),
        ("x", ("base",), tree(TWO)),
        ("y", ("base",), tree(THREE)),
        ("ours", ("x", "y"), tree(TWO)),
        ("theirs", ("y", "x"), tree(THREE)),
    )
    both = Sides.of([tree(TWO), tree(THREE)])
    moved = tree(alias("production", 4))
    for theirs in (None, moved):
        if theirs is not None:
            world.commit(("theirs", ("theirs",), theirs))
            both = Sides.of([tree(TWO), moved])
        clean, files = world.in_bare()
        assert (clean, both.problems(files, whole=True)) == (False, [])
        for driver in (True, False):
            for favour in FAVOURED:
                world.run("merge", favour=favour, driver=driver)
                held(world, both, f"criss-cross -X {favour}, driver {driver}")
        assert not world.run("merge", driver=True)
        assert world.named() == [PRODUCTION]


def test_a_promotion_reverted_here_and_another_made_there(world_of_merges: MergeWorld) -> None:
    """Git itself sees no change here: what the other branch promoted is taken."""
    world = world_of_merges
    world.commit(
        ("base", (), tree(ONE)),
        ("ours", ("base",), tree(TWO)),
        ("ours", ("ours",), tree(ONE)),
        ("theirs", ("base",), tree(THREE)),
    )

    assert world.run("merge", driver=True)
    disk, _ = world.left()
    assert disk == tree(THREE)


WORDS = ("production", "staging", "canary")


def random_tree(chance: random.Random, base: Tree | None) -> Tree:
    """A tree, often with files of the base, so that Git has renames and one-sided changes to find."""
    files: Tree = {}
    name = chance.choice(("fraud", "fraud", "fraud", "churn"))
    for one in {"fraud", name}:
        files |= model(one)
    for word in WORDS:
        kept = {p: t for p, t in (base or {}).items() if f".{word}.alias" in p}
        draw = chance.random()
        if kept and draw < 0.35:
            files |= kept
        elif draw < 0.75:
            why = chance.choice((None, None, "May hold-out", "2 is slow"))
            content = chance.choice(("", "", "b"))
            files |= alias(word, chance.randint(1, 4), why, name=name, content=content)
        elif kept and draw < 0.82:
            path, text = next(iter(kept.items()))
            files[path.replace(word, chance.choice(WORDS))] = text  # git mv
    entries = {
        f"v{number}": chance.choice(("slow", "biased"))
        for number in range(1, 5)
        if chance.random() < 0.4
    }
    if entries:
        files |= deprecated(**entries)
    return files


def test_random_merges(world_of_merges: MergeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    world = world_of_merges
    counts = dict.fromkeys(("merges", "conflicts", "resolved", "on a server", "conflicts there"), 0)
    for number in range(120 if LONG else 10):
        chance = random.Random(f"{SEED} {number}")  # noqa: S311  (a test draws)
        base = random_tree(chance, None)
        ours, theirs = (random_tree(chance, base) for _ in range(2))
        sides = Sides.of([ours, theirs])
        world.make(base, ours, theirs)
        clean, files = world.in_bare()
        assert sides.problems(files, whole=True) == [], (SEED, number)
        counts["on a server"] += 1
        counts["conflicts there"] += not clean
        runs: list[tuple[How, str, bool]] = [
            (chance.choice(HOWS), "", True),
            (chance.choice(HOWS), chance.choice(FAVOURED), False),
        ]
        if LONG:
            kinds = itertools.product(HOWS, (True, False))
            runs = [(how, chance.choice(FAVOURED), driver) for how, driver in kinds]
        for how, favour, driver in runs:
            clean = world.run(how, favour=favour, driver=driver)
            held(world, sides, f"seed {SEED}, {number}, {how} -X {favour}, driver {driver}")
            counts["merges"] += 1
            counts["conflicts"] += not clean
            if driver and not clean:
                side: Literal["ours", "theirs"] = chance.choice(("ours", "theirs"))
                world.resolve(side)
                counts["resolved"] += 1
                disk, index = world.left()
                assert disk == index
                assert sides.problems(disk, whole=False, resolved=True) == [], (
                    SEED,
                    number,
                    how,
                    side,
                )
    if LONG:
        with capsys.disabled():
            sys.stdout.write(f"seed {SEED}: {counts}\n")
    assert counts["conflicts"] > 0
