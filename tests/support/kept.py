"""Repositories that are built once in each test process, and copied for each test.

`git init`, `gitmodel init` and the first commits start many processes; a copy starts none. The copy
is at the path where the repositories were built, since configuration and addresses name that path.
What an earlier test left there is moved away first.
"""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from tests.support.repo import GLOBAL_CONFIG, SECONDS_BETWEEN_COMMITS, Repo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest


@contextmanager
def plain_configuration(folder: Path) -> Iterator[None]:
    """Run Git with a configuration that has an identity only: what is built serves later tests too.

    The first test that needs the repositories may have other settings.
    """
    config = folder / "gitconfig"
    config.write_text(GLOBAL_CONFIG, encoding="utf-8")
    with patch.dict(os.environ, GIT_CONFIG_GLOBAL=str(config)):
        yield


class Kept:
    """One folder of repositories.

    Args:
        build: Fills an empty folder, and returns the repository that tests work in.
    """

    def __init__(self, build: Callable[[Path], Repo]) -> None:
        self._build = build
        self._built: tuple[Path, Path, int] | None = None
        self._used = itertools.count(1)

    def folder_for(self, request: pytest.FixtureRequest, fixture: str, otherwise: Path) -> Path:
        """The folder, restored, if the test uses this fixture; to override `tmp_path`."""
        if fixture not in request.fixturenames:
            return otherwise
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        return self.restored(factory)

    def repo(self) -> Repo:
        """The repository that `build` returned, with the dates of commits going on."""
        assert self._built is not None, "the folder comes first"
        _, path, seconds = self._built
        return Repo(path, clock=itertools.count(seconds, SECONDS_BETWEEN_COMMITS))

    def restored(self, factory: pytest.TempPathFactory) -> Path:
        """The folder as it was built; the first call builds it."""
        if self._built is None:
            folder = factory.mktemp("kept") / "world"
            folder.mkdir()
            with plain_configuration(folder.parent):
                repo = self._build(folder)
            self._built = (folder, repo.path, repo.now())
            folder.rename(folder.with_name("made"))
        folder = self._built[0]
        if folder.exists():
            folder.rename(folder.with_name(f"used-{next(self._used)}"))
        shutil.copytree(folder.with_name("made"), folder, symlinks=True)
        return folder
