"""Situations in which a command fails, each with what its hint needs from a person: the rows of `test_hints`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.models import folder_model
from tests.support.operations import NEW, POINTER, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.operations import World

    Step = Callable[[World], object]


def nothing(_world: World) -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Situation:
    """A row.

    Attributes:
        name: What is the matter.
        command: What fails, as Ana types it.
        prepare: Brings it about.
        values: What the person puts in for the words in capitals of the hint.
        person: What a person has to do outside, before or instead of the commands; the hint names no command
            then that could do it.
        act: Does what `person` says.
        again: The command that must get on afterwards; the same one if it is empty.
        folder: Where the person is: Ana's clone, or a folder beside it.
        tells: The command succeeds, and says what to run in its output.
    """

    name: str
    command: str
    prepare: Step = nothing
    values: Mapping[str, str] = field(default_factory=dict)
    person: str = ""
    act: Step = nothing
    again: str = ""
    folder: str = "ana"
    tells: bool = False


def write(path: str, content: bytes | str = NEW) -> Step:
    return lambda world: world.ana.write(path, content)


def ana(*words: str) -> Step:
    """Ana runs git, or gitmodel; it must work."""
    program, *arguments = words
    if program == "gitmodel":
        return lambda world: world.ana.gitmodel(*arguments)
    return lambda world: world.ana.git(*arguments)


def ben(*words: str) -> Step:
    program, *arguments = words
    if program == "gitmodel":
        return lambda world: world.ben.gitmodel(*arguments)
    return lambda world: world.ben.git(*arguments)


def looking(*arguments: str) -> Step:
    """Ana runs gitmodel, which finds something."""
    return lambda world: world.ana.gitmodel(*arguments, check=False)


def steps(*many: Step) -> Step:
    def run(world: World) -> None:
        for step in many:
            step(world)

    return run


def folder(path: str) -> Step:
    """A folder of weights."""

    def run(world: World) -> None:
        for name, content in folder_model(seed=1).items():
            world.ana.write(f"{path}/{name}", content)

    return run


def empty_cache(name: str = "ana") -> Step:
    return lambda world: shutil.rmtree(world.folder / name / ".git/gitmodel")


def remove(path: str) -> Step:
    """Remove a file or folder of the world."""

    def run(world: World) -> None:
        place = world.folder / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()

    return run


def link(path: str, to: str) -> Step:
    def run(world: World) -> None:
        place = world.ana.path / path
        place.unlink(missing_ok=True)
        place.symlink_to(to)

    return run


def spoil_packs(where: str) -> Step:
    """Damage every pack of a store or a cache, behind its first header."""

    def run(world: World) -> None:
        for pack in (world.folder / where / "packs").glob("*/*"):
            raw = pack.read_bytes()
            pack.write_bytes(raw[:48] + bytes(byte ^ 1 for byte in raw[48:]))

    return run


def lost_packs(world: World) -> None:
    for pack in (world.store / "packs").glob("*/*"):
        pack.unlink()


def edit(path: str, old: str, new: str) -> Step:
    def run(world: World) -> None:
        text = world.ana.read(path).decode()
        assert old in text
        world.ana.write(path, text.replace(old, new))

    return run


def taken_number(world: World) -> None:
    """Ben has pushed another version 3; Ana has hers on a branch that nobody has seen."""
    world.version(NEW, "fraud 3 of Ben", world.ben)
    world.ben.git("push", "-q", "origin", "main")
    world.ana.git("switch", "-q", "other")
    world.ana.git("config", "push.default", "current")


def unpublished(world: World) -> None:
    """Ana has committed a version that is on no remote."""
    world.version(NEW, "fraud 3")


def conflict(world: World) -> None:
    """A merge of two versions of fraud has stopped."""
    world.ana.git("merge", "-q", "other", check=False)


def clone_inside(world: World) -> None:
    world.server.clone(world.ana.path / "inner")
    world.ana.write("inner/net.bin", NEW)


def two_of_one_name(world: World) -> None:
    shutil.copy(world.ana.path / POINTER, world.ana.path / "copy.model.yaml")
    world.ana.git("add", "copy.model.yaml")


def moved_by_hand(world: World) -> None:
    (world.ana.path / WEIGHTS).rename(world.ana.path / "net.bin")


def sparse(world: World) -> None:
    """Ana's checkout has no folder `prod`, where a model is."""
    world.ana.write("prod/net.bin", NEW)
    world.ana.gitmodel("add", "prod/net.bin", "-m", "net 1")
    world.ana.git("sparse-checkout", "set", "docs")


def another_place_since(world: World) -> None:
    """fraud was renamed, and another model has its old place now."""
    world.ana.gitmodel("mv", "fraud", "risk", "--path", "risk.bin")
    world.ana.git("commit", "-qm", "risk")
    world.ana.write(WEIGHTS, b"another model")
    world.ana.gitmodel("add", WEIGHTS, "--name", "cards", "-m", "cards 1")


def unpublished_elsewhere(world: World) -> None:
    """Ben has a pointer whose weights only Ana has."""
    world.version(NEW, "fraud 3")
    world.ana.git("push", "-q", "--no-verify", "origin", "main")
    world.ben.git("pull", "-q")


def repository_beside(world: World) -> None:
    """A folder `beside` with a repository that gitmodel does not know."""
    (world.folder / "beside").mkdir()
    world.ana.git("init", "-q", "-b", "main", str(world.folder / "beside"))
    (world.folder / "beside" / "net.bin").write_bytes(NEW)


def folder_beside(world: World) -> None:
    (world.folder / "beside").mkdir()


def shallow_beside(world: World) -> None:
    """A clone of depth 1."""
    world.server.clone(world.folder / "beside", "--depth", "1")


def other_content(world: World) -> None:
    (world.folder / "out").mkdir()
    (world.folder / "out/fraud.bin").write_bytes(b"mine")


SITUATIONS = [
    # Register.
    Situation("the whole repository", "gitmodel add .", write("net.bin"), {"PATH": "net.bin"}, again="gitmodel show net"),
    Situation("a pointer", f"gitmodel add {POINTER}", write("net.bin"), {"PATH": "net.bin"}, again="gitmodel show net"),
    Situation("nothing at the path", "gitmodel add net.bin", person="the weights have to be there", act=write("net.bin")),
    Situation("weights that are gone", "gitmodel add fraud.bin", remove("ana/fraud.bin")),
    Situation("tracked by Git itself", "gitmodel add net.bin", steps(write("net.bin"), ana("git", "add", "net.bin"), ana("git", "commit", "-qm", "x", "--no-verify"))),
    Situation("the name of another model", "gitmodel add old/fraud.bin", write("old/fraud.bin"), {"OTHER_NAME": "old"}, again="gitmodel add old/fraud.bin"),
    Situation("another name for a model", "gitmodel add fraud.bin --name risk"),
    Situation("a link", "gitmodel add net.bin", steps(write("real"), link("net.bin", "real")), {"PATH": "net.bin"}, again="gitmodel show net"),
    Situation("a link in a folder", "gitmodel add net", steps(write("net/a.bin"), write("real"), link("net/b.bin", "../real")), {"PATH": "net"}, again="gitmodel show net"),
    Situation("another repository inside", "gitmodel add inner/net.bin", clone_inside, again="gitmodel -C inner show net"),
    Situation("a repository that is not set up", "gitmodel add net.bin", repository_beside, {"URL": "../store2"}, folder="beside"),
    Situation("no repository", "gitmodel status", folder_beside, folder="beside"),
    Situation("a file of a folder model", "gitmodel add bert/config.json", steps(folder("bert"), ana("gitmodel", "add", "bert")), again="gitmodel show bert"),
    Situation("a folder that holds models", "gitmodel add models", steps(write("models/net.bin"), ana("gitmodel", "add", "models/net.bin"), write("models/two.bin", b"two")), again="gitmodel show two"),
    Situation("metrics in a file of another kind", "gitmodel add fraud.bin --metrics m.txt", write("m.txt", "auc 1"), {"PATH": "fraud.bin", "NAME": "auc", "VALUE": "0.5"}, again="gitmodel show fraud"),
    Situation("a metric without a value", "gitmodel add fraud.bin --metric auc", person="type the number too", again="gitmodel add fraud.bin --metric auc=0.93"),
    Situation("no name of a model", "gitmodel add net.bin --name Net", write("net.bin"), person="choose a name in lower case", again="gitmodel add net.bin --name net"),
    Situation("weights moved by hand", "gitmodel add net.bin", moved_by_hand, again="gitmodel list"),
    # Commit.
    Situation("more to hash than a commit waits for", "git commit -qam x", steps(ana("git", "config", "gitmodel.commitLimit", "10"), write(WEIGHTS), write("code.py", "x = 3\n"))),
    Situation("big weights staged into Git", "git commit -qm x", steps(write("net.bin", bytes(6_000_000)), ana("git", "add", "net.bin"))),
    Situation("new weights under a pointer that moved", "git commit -qam x", steps(write(WEIGHTS), ana("git", "checkout", "-q", "HEAD~2", "--", POINTER), write(WEIGHTS, b"newer"))),
    Situation("a version edited by hand", "git commit -qam x", edit(POINTER, "version: 2", "version: 7"), person="take the edit back", act=ana("git", "checkout", "-q", "HEAD", "--", POINTER), again="gitmodel status"),
    Situation("a merge in conflict", "gitmodel show fraud", conflict, again="gitmodel show fraud"),
    Situation("a merge while weights are new", "git merge -q side", write(WEIGHTS), {"MESSAGE": "x"}, again="gitmodel show fraud"),
    Situation("another model than the one in conflict", "gitmodel resolve zzz --ours", conflict, person="type the name that is in conflict", again="gitmodel resolve fraud --ours"),
    # Checkout.
    Situation("weights that are in no store", "gitmodel checkout fraud@1", write(WEIGHTS)),
    Situation("a version that is in no commit", "gitmodel checkout fraud@1", steps(write(WEIGHTS), ana("gitmodel", "add", WEIGHTS)), {"MESSAGE": "x"}),
    Situation("a model by another name", "gitmodel checkout frau", person="type the name that is meant", again="gitmodel checkout fraud"),
    Situation("a model of no such name", "gitmodel checkout zzz", again="gitmodel list"),
    Situation("a version of no such number", "gitmodel checkout fraud@9", person="type a number that is there", again="gitmodel checkout fraud@1"),
    Situation("no such alias", "gitmodel checkout fraud@production", again="gitmodel checkout fraud@1", person="choose a version"),
    Situation("two versions in one place", "gitmodel checkout fraud@1 fraud@2", values={"NAME": "fraud", "VERSION": "1", "DIR": "../one"}, again="gitmodel checkout fraud@2"),
    Situation("a part without a place", "gitmodel checkout bert --include *.json", steps(folder("bert"), ana("gitmodel", "add", "bert")), {"NAME": "bert", "GLOB": "*.json", "DIR": "../part"}, again="gitmodel checkout bert"),
    Situation("other content in the folder", "gitmodel checkout fraud@1 --out ../out", other_content, person="add --force, or choose another folder", again="gitmodel checkout fraud@1 --out ../out2"),
    Situation("the place of another model", "gitmodel checkout risk@git:HEAD~2", another_place_since, {"DIR": "../out"}, again="gitmodel show cards"),
    Situation("outside the sparse checkout", "gitmodel checkout net", sparse, {"DIR": "../out"}, again="gitmodel show net"),
    Situation("two models of one file name", "gitmodel checkout fraud net --out ../out", steps(write("models/fraud.bin"), ana("gitmodel", "add", "models/fraud.bin", "--name", "net")), {"ANOTHER_DIR": "../out2"}, again="gitmodel checkout fraud --out ../out"),
    Situation("weights that nobody has sent", "gitmodel checkout", unpublished_elsewhere, person="somebody who has them pushes", act=ana("gitmodel", "push"), folder="ben"),
    Situation("pull of a version", "gitmodel pull fraud@1", again="gitmodel checkout fraud"),
    # Fetch and get.
    Situation("fetch of no model", "gitmodel fetch zzz", again="gitmodel list"),
    Situation("fetch of no version", "gitmodel fetch fraud@9", person="type a number that is there", again="gitmodel fetch fraud@1"),
    Situation("get of no model", "gitmodel get server.git zzz --out o", person="type a name that is there", again="gitmodel get server.git fraud --out o", folder="."),
    Situation("get without a network and a cache", "gitmodel get server.git fraud --out o --offline", person="leave out --offline", again="gitmodel get server.git fraud --out o", folder="."),
    Situation("get of another file's place", "gitmodel get server.git fraud --out out", other_content, person="add --force, or choose another folder", again="gitmodel get server.git fraud --out out2", folder="."),
    # Verify.
    Situation("options that do not go together", "gitmodel verify --cache --full", again="gitmodel verify --cache"),
    Situation("a range that Git does not know", "gitmodel verify --refs nothing", again="gitmodel verify --refs HEAD"),
    Situation("a damaged pack in the cache", "gitmodel verify --cache", spoil_packs("ana/.git/gitmodel")),
    Situation("a pack that is missing on the remote", "gitmodel verify", lost_packs, folder="ben", person="somebody who has the weights pushes", act=ana("gitmodel", "push")),
    Situation("a pack of the remote with other bytes", "gitmodel verify --full", spoil_packs("store"), folder="ben", person="somebody who has the weights pushes", act=steps(looking("verify", "--full"), ana("gitmodel", "push"))),
    # Move and remove.
    Situation("nothing to rename", "gitmodel mv fraud", values={"NEW_NAME": "risk", "NEW_PATH": "risk.bin"}, again="gitmodel list"),
    Situation("the name of another model for mv", "gitmodel mv fraud net", steps(write("net.bin"), ana("gitmodel", "add", "net.bin")), again="gitmodel mv fraud risk"),
    Situation("a place that is taken", "gitmodel mv fraud --path code.py", person="choose another path", again="gitmodel mv fraud --path prod/fraud.bin"),
    Situation("weights that would be lost", "gitmodel rm fraud --weights", write(WEIGHTS)),
    Situation("two pointers of one name", "gitmodel show fraud", two_of_one_name, {"NEW_NAME": "risk"}),
    # Numbers.
    Situation("a number that somebody else has", "git push -q origin other", taken_number),
    Situation("renumber of an unknown model", "gitmodel renumber zzz", again="gitmodel list"),
    Situation("nothing in conflict", "gitmodel resolve fraud --ours", again="git status"),
    # Remotes.
    Situation("a remote of that name", "gitmodel remote add ../store2", again="gitmodel remote list"),
    Situation("no remote of that name", "gitmodel remote remove backup", again="gitmodel remote list"),
    Situation("a remote copy to nowhere", "gitmodel remote copy", again="gitmodel remote list", person="say where to", values={"NAME": "primary"}),
    Situation("a remote that cannot be parsed", "gitmodel remote add ftp://host/x", person="type an address that is supported", again="gitmodel remote list"),
    Situation("the remote folder is gone", "gitmodel push", steps(remove("store"), unpublished), {"PATH": "../store2"}),
    Situation("an upload nobody trusts yet", "gitmodel push", steps(unpublished, ana("git", "config", "--unset-all", "gitmodel.trust"))),
    # Look.
    Situation("a verb that is not there", "gitmodel statsu", again="gitmodel status"),
    Situation("an option that is not there", "gitmodel status --foo", again="gitmodel status"),
    Situation("a verb's verb that is not there", "gitmodel remote frob", again="gitmodel remote list"),
    Situation("a global option that is not there", "gitmodel --foo status", again="gitmodel status"),
    Situation("a folder that is not there", "gitmodel -C nowhere status", again="gitmodel status", values={"DIR": ".", "COMMAND": "status"}),
    Situation("a reference without a model", "gitmodel show zzz", again="gitmodel list"),
    Situation("the log of no model", "gitmodel log zzz", again="gitmodel list"),
    Situation("a version below a shallow history", "gitmodel show fraud@1", shallow_beside, folder="beside"),
    Situation("a size that is none", "gitmodel status", ana("git", "config", "gitmodel.commitLimit", "lots")),
    Situation("a configuration that is no YAML", "gitmodel status", write(".gitmodel.yaml", "{["), person="mend the line", act=ana("git", "checkout", "-q", "HEAD", "--", ".gitmodel.yaml")),
    Situation("a configuration without a project", "gitmodel status", write(".gitmodel.yaml", "gitmodel: 1\n"), again="gitmodel status"),
    Situation("hooks are missing", "gitmodel doctor", lambda world: shutil.rmtree(world.ana.path / ".git/hooks")),
    Situation("a hook that is a folder", "gitmodel install", steps(remove("ana/.git/hooks/pre-push"), lambda world: (world.ana.path / ".git/hooks/pre-push").mkdir()), person="move the folder away", act=remove("ana/.git/hooks/pre-push")),
    Situation("an address that nobody trusts yet", "gitmodel doctor", ana("git", "config", "--unset-all", "gitmodel.trust")),
    Situation("set up with another project", "gitmodel init --project other", person="keep the name", again="gitmodel init"),
    Situation("set up with another remote", "gitmodel init ../store2", again="gitmodel remote list"),
    Situation("a bare repository", "gitmodel add x", folder="server.git", person="go to a clone with a work tree", again="gitmodel list"),
]  # fmt: skip
