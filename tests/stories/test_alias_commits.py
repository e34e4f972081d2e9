"""A commit never gets an alias or deprecations that nobody can read, however it is made; a hook writes neither."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from tests.support.kept import Kept
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

PATH = "fraud.production.alias.yaml"
DEPRECATED = "fraud.deprecated.yaml"
EARLY = "fraud.aliases.yaml"


def production(repo: Repo, number: int, why: str | None = None) -> str:
    """The text of the alias if it means a version."""
    text = repo.git("show", f"v{number}:fraud.model.yaml").stdout
    pointer = Pointer.from_text(text, what="fraud.model.yaml")
    return Alias.of("production", pointer, why=why).to_text()


def build(folder: Path) -> Repo:
    """Two versions of fraud on main; production is 1, and version 1 is deprecated."""
    repo = Repo.create(folder / "ana")
    repo.write("README.md", "models\n")
    repo.gitmodel("init", str(folder / "store"))
    for number in (1, 2):
        repo.write("fraud.bin", bytes([number]) * 2000)
        repo.gitmodel("add", "fraud.bin")
        repo.commit(f"fraud {number}")
        repo.git("tag", f"v{number}")
    repo.write(PATH, production(repo, 1))
    repo.write(DEPRECATED, Deprecations({1: Deprecation(why="leaked labels")}).to_text())
    repo.commit("production is 1")
    return repo


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "ana", tmp_path)


@pytest.fixture
def ana(tmp_path: Path) -> Repo:
    """A clone with hooks and driver."""
    del tmp_path
    return KEPT.repo()


def edited(repo: Repo, path: str = PATH) -> str:
    """A file that is edited by hand, so its check is wrong or it does not parse."""
    text = repo.read(path).decode()
    if path == PATH:
        text = text.replace("version: 1", "version: 2", 1)
    else:
        text = text.replace("1: {", "one: {", 1)
    repo.write(path, text)
    return text


def refused(done: CompletedProcess[str], message: str, hint: str) -> None:
    assert done.returncode != 0
    assert done.stderr.splitlines()[:2] == [f"gitmodel: {message}", f"hint: {hint}"]


WRONG_CHECK = f"fraud: {PATH}: the check line does not match: the file was merged line by line or edited by hand"
RESTORE = f"restore the committed alias: git checkout HEAD -- {PATH}"


@pytest.mark.parametrize(
    "command",
    [("commit", "-m", "x"), ("commit", "-am", "x"), ("commit", "-m", "x", PATH)],
    ids=["staged", "-a", "PATH"],
)
def test_an_alias_with_a_wrong_check_is_refused(ana: Repo, command: tuple[str, ...]) -> None:
    text = edited(ana)
    if "-am" not in command and PATH not in command:
        ana.git("add", PATH)
    head = ana.head()

    done = ana.git(*command, check=False)

    refused(done, WRONG_CHECK, RESTORE)
    assert (ana.head(), ana.read(PATH).decode()) == (head, text), "a hook writes no alias"
    ana.git("checkout", "HEAD", "--", PATH)
    ana.git("commit", "-qm", "x", "--allow-empty")


def test_an_alias_that_is_not_part_of_the_commit_stops_nothing(ana: Repo) -> None:
    edited(ana)
    ana.write("notes.txt", "notes\n")
    ana.git("add", "notes.txt")

    ana.git("commit", "-qm", "notes")
    ana.git("commit", "-qm", "more", "--allow-empty", "notes.txt")


def test_an_alias_file_that_was_renamed_by_git_is_refused(ana: Repo) -> None:
    ana.git("mv", PATH, "fraud.staging.alias.yaml")

    done = ana.git("commit", "-m", "x", check=False)

    refused(
        done,
        "fraud: fraud.staging.alias.yaml has the content of fraud@production, "
        "which does not belong at this path",
        f"git mv fraud.staging.alias.yaml {PATH}; or take a side: "
        "gitmodel resolve fraud@staging --ours|--theirs",
    )


def test_a_new_alias_with_a_wrong_check_is_refused(ana: Repo) -> None:
    path = "fraud.staging.alias.yaml"
    ana.write(path, ana.read(PATH).decode().replace("production", "staging"))
    ana.git("add", path)

    done = ana.git("commit", "-m", "x", check=False)

    refused(
        done,
        WRONG_CHECK.replace(PATH, path),
        f"git rm -f {path}, then gitmodel promote fraud@VERSION staging",
    )


def test_deprecations_that_do_not_parse_are_refused(ana: Repo) -> None:
    edited(ana, DEPRECATED)

    done = ana.git("commit", "-am", "x", check=False)

    refused(
        done,
        f'{DEPRECATED}: deprecated."one" is not a version number with a reason',
        f"restore the committed deprecations: git checkout HEAD -- {DEPRECATED}",
    )


def test_a_new_alias_file_of_an_early_build_is_refused_and_a_present_one_stays(ana: Repo) -> None:
    ana.write(EARLY, "gitmodel: 1\naliases: {}\n")
    ana.git("add", EARLY)

    done = ana.git("commit", "-m", "x", check=False)

    refused(
        done,
        f"fraud: {EARLY} is of an early build",
        "gitmodel promote fraud@VERSION production, the same for each alias in it, "
        f"then git rm {EARLY}",
    )
    ana.git("commit", "--no-verify", "-qm", "early")
    ana.write("notes.txt", "notes\n")
    ana.commit("notes")
    ana.git("rm", "-q", EARLY)
    ana.git("commit", "-qm", "gone")


def conflict(ana: Repo) -> None:
    """Production is 2 on the other branch; here it is 1 again, for another reason."""
    ana.git("switch", "-qc", "other")
    ana.write(PATH, production(ana, 2))
    ana.git("commit", "-qam", "production is 2")
    ana.git("switch", "-q", "main")
    ana.write(PATH, production(ana, 1, why="2 is slow"))
    ana.git("commit", "-qam", "production is 1")
    assert ana.git("merge", "other", check=False).returncode == 1


def test_markers_that_were_staged_are_refused_and_the_command_helps(ana: Repo) -> None:
    conflict(ana)
    ana.git("add", PATH)

    done = ana.git("commit", "-m", "x", check=False)

    sides = re.escape(f"{PATH}: unresolved merge conflict: ours is version 1 (") + (
        r"[0-9a-f]{12}\), theirs is version 2 \([0-9a-f]{12}\)"
    )
    message, hint = done.stderr.splitlines()[:2]
    assert re.fullmatch(f"gitmodel: {sides}", message)
    assert hint == "hint: gitmodel resolve fraud@production --ours|--theirs"
    command = shlex.split(
        hint.removeprefix("hint: gitmodel ").replace("--ours|--theirs", "--theirs")
    )
    ana.gitmodel(*command)
    ana.git("commit", "-qm", "merged")
    assert Alias.from_text(ana.read(PATH), PATH).version == 2


def test_a_mixture_in_a_merge_names_both_sides(ana: Repo) -> None:
    conflict(ana)
    ours = ana.git("show", f"HEAD:{PATH}").stdout
    ana.write(PATH, ours.replace("version: 1", "version: 2", 1))

    done = ana.git("commit", "-am", "x", check=False)

    message, hint = done.stderr.splitlines()[:2]
    assert message.startswith(f"gitmodel: {WRONG_CHECK}; ours is version 1 (")
    assert "; theirs is version 2 (" in message
    assert hint == "hint: gitmodel resolve fraud@production --ours|--theirs"
    ana.gitmodel("resolve", "fraud@production", "--ours")
    ana.git("commit", "-qm", "merged")
    assert ana.read(PATH).decode() == ours


def test_from_the_conflict_to_the_commit_each_message_names_the_next_command(ana: Repo) -> None:
    conflict(ana)
    ana.git("merge", "--abort")

    merged = ana.git("merge", "other", check=False)

    one, two = (digest_of(bytes([number]) * 2000).short for number in (1, 2))
    assert merged.stderr.splitlines()[:2] == [
        (
            f'gitmodel: fraud: both sides changed "{PATH}": ours, what is checked out, is version 1 ({one}); '
            f'theirs, what comes in from "other", is version 2 ({two})'
        ),
        "hint: gitmodel resolve fraud@production --ours|--theirs",
    ]
    status = ana.gitmodel("status", check=False)
    assert (status.returncode, status.stderr.splitlines()[:2]) == (
        1,
        [
            (
                f"error: {PATH}: unresolved merge conflict: ours is version 1 ({one}); "
                f"theirs is version 2 ({two})"
            ),
            "hint: gitmodel resolve fraud@production --ours|--theirs",
        ],
    )
    wrong = ana.gitmodel("resolve", "fraud", "--ours", check=False)
    assert (wrong.returncode, wrong.stderr.splitlines()) == (
        1,
        [
            "error: no pointer of fraud is in conflict, but fraud@production is",
            "hint: gitmodel resolve fraud@production --ours|--theirs",
        ],
    )
    resolved = ana.gitmodel("resolve", "fraud@production", "--theirs")
    assert resolved.stdout == "fraud@production  v2, of theirs\n"
    assert resolved.stderr == "hint: git commit\n"
    ana.git("commit", "-qm", "merged")
    taken = Alias.from_text(ana.git("show", f"HEAD:{PATH}").stdout, PATH)
    assert taken.previous is not None
    assert (taken.version, taken.previous.version, taken.previous.digest.short) == (2, 1, one)
    assert ana.git("status", "--porcelain").stdout == ""
