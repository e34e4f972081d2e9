"""The hermetic world of every test, and the fixtures that build repositories.

No test sees the machine: not its Git configuration, not its cloud credentials, not its home. Git
needs two locks for that, since libgit2 ignores `GIT_CONFIG_GLOBAL` and remembers `HOME` from when
it was loaded.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.desk import desk
from tests.support.repo import GLOBAL_CONFIG, Repo
from tests.support.served import end_served
from tests.support.servers import azure_server, descriptions, s3_server

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["azure_server", "descriptions", "desk", "s3_server"]  # fixtures, given on to every test

# A slow machine is no defect: nothing here is judged by time.
_PATIENT = (hypothesis.HealthCheck.too_slow,)
hypothesis.settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=_PATIENT,
)
hypothesis.settings.register_profile(
    "deep", deadline=None, max_examples=5000, suppress_health_check=_PATIENT
)
hypothesis.settings.load_profile(os.environ.get("GITMODEL_TESTS_PROFILE", "ci"))

# A shell starts background jobs with SIGINT ignored, and child processes inherit that. The tests of
# interrupts would wait until they time out.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SERVERS = frozenset({"s3_server", "azure_server"})
# Whole working days of a team, with real hooks in processes of their own.
STORIES = Path(__file__).with_name("stories")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `quick` each test that is no story, uses no server and is not marked `slow`."""
    for item in items:
        server = SERVERS.intersection(getattr(item, "fixturenames", ()))
        marked = any(item.get_closest_marker(name) for name in ("slow", "s3", "azure"))
        if not (server or marked or STORIES in item.path.parents):
            item.add_marker("quick")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was collected: it lives to the end, and is 1 s to look through."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """End what tests of this process shared."""
    end_served()


# What would let the machine leak into a test. Our own switches are included: a test sets its own.
_FOREIGN_PREFIXES = (
    *("GIT_", "AWS_", "AZURE_", "FSSPEC_", "GITMODEL_", "GOOGLE_", "HF_"),
    *("MLFLOW_", "WANDB_", "CLEARML_", "CI_", "GITHUB_", "GITLAB_", "BUILD_", "SYSTEM_"),
)
_FOREIGN_NAMES = (
    "CI",
    "TF_BUILD",
    "EMAIL",
    "NO_COLOR",
    "FORCE_COLOR",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "PYTHONPATH",
)
_KEPT = "GITMODEL_TESTS_"  # how the test run itself is set up


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder with a Git identity; nothing of the machine is inherited."""
    folder = tmp_path_factory.mktemp("home", numbered=True)
    for name in list(os.environ):
        foreign = name.startswith(_FOREIGN_PREFIXES) or name in _FOREIGN_NAMES
        if foreign and not name.startswith(_KEPT):
            monkeypatch.delenv(name)
    (folder / "gitconfig").write_text(GLOBAL_CONFIG, encoding="utf-8")
    (folder / "templates").mkdir()
    values = {
        "HOME": folder,
        "USERPROFILE": folder,
        "XDG_CONFIG_HOME": folder / "config",
        "XDG_CACHE_HOME": folder / "cache",
        "XDG_DATA_HOME": folder / "data",
        "XDG_STATE_HOME": folder / "state",
        "GIT_CONFIG_GLOBAL": folder / "gitconfig",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": folder / "templates",
        "GIT_TERMINAL_PROMPT": "0",
        # Without this the SDKs ask the metadata service of a cloud machine for credentials.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": folder / "aws-config",
        "AWS_SHARED_CREDENTIALS_FILE": folder / "aws-credentials",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))
    _close_libgit2()
    return folder


def _close_libgit2() -> None:
    """Empty libgit2's search paths; only where some test has already loaded it (110 ms)."""
    if "pygit2" not in sys.modules:
        return
    import pygit2
    from pygit2.enums import ConfigLevel

    for level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[..., Repo]:
    """Make repositories under the test's own folder: `make_repo("name", "--bare")`."""
    return lambda name="repo", *options: Repo.create(tmp_path / name, *options)


@pytest.fixture
def repo(make_repo: Callable[..., Repo]) -> Repo:
    """An empty repository on branch `main`, without a commit."""
    return make_repo("repo")


@pytest.fixture
def run(repo: Repo) -> Callable[..., str]:
    """Run gitmodel in `repo`; returns what it printed on stdout, fails when it fails."""
    return lambda *arguments: repo.gitmodel(*arguments).stdout
