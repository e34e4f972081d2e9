"""Names of files are UTF-8 in every locale: what one person commits under Latin-1 is what all others get."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import Team, version
from tests.support.locales import NAMES, locale_environment
from tests.support.repo import PACKAGE_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.repo import Repo

FILE = "größe-模型.bin"
POINTER = "model.model.yaml"


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("locales")


@pytest.fixture(params=NAMES)
def locale(request: pytest.FixtureRequest, compiled: Path) -> dict[str, str]:
    return locale_environment(request.param, compiled)


def test_a_name_is_the_same_in_every_locale(team: Team, locale: dict[str, str]) -> None:
    """Add, commit, push and status under one locale; checkout, change and status under another."""
    ana = team.members["ana"]
    ana.write(FILE, b"one" * 1000)
    ana.gitmodel("add", FILE, "--name", "model", env=locale)
    assert f'path: "{FILE}"' in ana.read(POINTER).decode()
    ana.git("add", "-A", env=locale)
    ana.git("commit", "-qm", "v1", env=locale)
    assert "changed" not in ana.gitmodel("status", env=locale).stdout
    ana.write(FILE, b"two" * 1000)
    ana.git("commit", "-qam", "v2", "--allow-empty", env=locale)
    assert version(ana, POINTER) == 2
    ana.git("push", "-q", "origin", "HEAD:main", env=locale)

    ben = team.join("ben")
    ben.gitmodel("checkout", "model", env=locale)
    assert ben.read(FILE) == b"two" * 1000
    ben.gitmodel("checkout", "model@1", "--force")
    assert ben.read(FILE) == b"one" * 1000


def test_a_folder_is_the_same_in_every_locale(team: Team, locale: dict[str, str]) -> None:
    ana = team.members["ana"]
    ana.write(f"früher/{FILE}", b"one" * 1000)
    ana.write("früher/ö/plain.bin", b"2" * 1000)
    ana.gitmodel("add", "früher", "--name", "model")
    ana.git("add", "-A")
    ana.git("commit", "-qm", "v1")
    before = ana.git("status", "--short").stdout, ana.read(POINTER)

    again = ana.gitmodel("add", "früher", env=locale).stdout
    assert "v2" not in again
    ana.git("commit", "-q", "--allow-empty", "-m", "empty", env=locale)
    assert (ana.git("status", "--short").stdout, ana.read(POINTER)) == before
    ana.git("push", "-q", "origin", "HEAD:main", env=locale)

    ben = team.join("ben")
    ben.gitmodel("checkout", env=locale)
    assert ben.read(f"früher/{FILE}") == b"one" * 1000
    assert "missing" not in ben.gitmodel("status").stdout


def test_output_in_any_locale_is_no_crash(repo: Repo, locale: dict[str, str]) -> None:
    """Into a pipe names are UTF-8, as Git's own are."""
    repo.gitmodel("init")
    repo.write(FILE, b"one")
    repo.gitmodel("add", FILE, "--name", "model")
    repo.path.joinpath(FILE).unlink()
    for verb in ("status", "list", "doctor", "log"):
        done = repo.gitmodel(verb, check=False, env=locale)
        assert "defect" not in done.stderr
        assert "Traceback" not in done.stderr
    assert FILE in repo.gitmodel("show", "model", env=locale).stdout


def test_a_name_that_is_not_utf8_is_refused_with_its_name(
    repo: Repo, locale: dict[str, str]
) -> None:
    repo.gitmodel("init")
    name = b"gewicht-\xfc.bin"
    with open(os.path.join(os.fsencode(repo.path), name), "wb") as stream:
        stream.write(b"one")
    done = repo.gitmodel("add", os.fsdecode(name), check=False, env=locale)
    assert done.returncode == 1
    assert "it is not UTF-8" in done.stderr
    assert "gewicht" in done.stderr


def test_a_terminal_gets_its_own_encoding(repo: Repo, compiled: Path) -> None:
    """Under Latin-1 a terminal shows `ü` as one byte, and what it lacks as an escape."""
    repo.gitmodel("init")
    repo.write(FILE, b"one")
    repo.gitmodel("add", FILE, "--name", "model")
    repo.path.joinpath(FILE).unlink()
    environment = locale_environment("latin1", compiled) | {"PYTHONPATH": str(PACKAGE_ROOT)}
    shown = _on_a_terminal(
        [sys.executable, "-m", "gitmodel", "show", "model"], repo.path, environment
    )
    assert "größe-\\u6a21\\u578b.bin".encode("latin-1") in shown


def _on_a_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=os.environ | environment, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the terminal's other end is closed
            pass
        process.wait()
    os.close(ours)
    return shown


SCRIPT = """# coding: utf-8
import os, sys
import gitmodel
from pathlib import Path

assert sys.getfilesystemencoding() != "utf-8"
(name,) = [name for name in os.listdir() if name.endswith(".bin")]
report = gitmodel.add(Path(name), metrics={"auc": 0.5}, name="model", run_id="größe")
assert report.version == 1, report
assert gitmodel.add(os.path.abspath(name)).version == 1
place = gitmodel.path("model")
assert open(place, "rb").read() == b"one" * 1000
os.unlink(place)
copy = gitmodel.path("model", repo=os.getcwd())
assert copy != place
assert os.path.getsize(copy) == 3000
with gitmodel.open("model") as stream:
    assert stream.read() == b"one" * 1000
(folder,) = [name for name in os.listdir() if name.startswith("fr")]
assert gitmodel.add(folder, name="folder").version == 1
with gitmodel.open("folder", os.listdir(folder)[0]) as stream:
    assert stream.read() == b"two"
assert os.listdir(gitmodel.path("folder")) == os.listdir(folder)
with gitmodel.open("folder", "ö.txt") as stream:
    assert stream.read() == b"two"
"""


def test_python_in_another_locale_has_the_same_names(
    make_repo: Callable[..., Repo], locale: dict[str, str]
) -> None:
    """Names as that Python's own `os.listdir` gives them; a folder of the repository has one too."""
    repo = make_repo("größe")
    repo.gitmodel("init")
    repo.write(FILE, b"one" * 1000)
    repo.write("früher/ö.txt", b"two")
    _run_python(repo, SCRIPT, locale)
    assert f'path: "{FILE}"' in repo.read(POINTER).decode()
    assert "ö.txt" in repo.gitmodel("show", "folder").stdout
    repo.write(FILE, b"one" * 1000)
    before = repo.read(POINTER)
    repo.gitmodel("add", FILE)
    assert repo.read(POINTER) == before


def test_python_takes_a_typed_name_in_unicode(repo: Repo, locale: dict[str, str]) -> None:
    repo.gitmodel("init")
    repo.write(FILE, b"one" * 1000)
    _run_python(repo, f"import gitmodel\ngitmodel.add({FILE!r}, name='model')", locale)
    assert f'path: "{FILE}"' in repo.read(POINTER).decode()


def _run_python(repo: Repo, script: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        cwd=repo.path,
        env=os.environ | environment | {"PYTHONPATH": str(PACKAGE_ROOT)},
        input=script.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def test_both_forms_of_a_letter_are_one_name(repo: Repo) -> None:
    """Typed as macOS writes it, or on the disk as macOS wrote it: one path is recorded, or a rename is named."""
    composed, decomposed = "gewicht-\u00fc.bin", "gewicht-u\u0308.bin"
    repo.gitmodel("init")
    repo.write(composed, b"one")
    repo.gitmodel("add", decomposed, "--name", "model")
    assert f'path: "{composed}"' in repo.read(POINTER).decode()

    (repo.path / composed).rename(repo.path / decomposed)
    for typed in (composed, decomposed):
        done = repo.gitmodel("add", typed, check=False)
        assert "has a decomposed Unicode name (NFD)" in done.stderr
        assert f"hint: mv '{decomposed}' '{composed}'" in done.stderr
