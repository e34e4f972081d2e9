"""The world of the workflow tests: a set-up repository with a folder remote, called in-process.

No hook is installed, so Git and gitmodel take turns exactly as a test writes them down.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import Digest, digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.workflows.add import AddReport, add
from gitmodel.workflows.init import init
from gitmodel.workflows.push import push_head
from tests.support.kept import Kept
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitmodel.errors import GitmodelError
    from gitmodel.workflows.publish import PushReport

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Desk:
    """One clone and the person at it.

    Attributes:
        repo: The clone.
        store: The folder of the primary remote.
        notes: What the person was told beside results.
    """

    repo: Repo
    store: Path
    notes: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def context(self, folder: str = "") -> Context:
        """What a front door would pass: a fixed clock, counted instead of random names."""
        return Context(
            environment=os.environ,
            folder=str(self.repo.path / folder),
            now=lambda: NOW,
            random=lambda size: f"{next(self._numbers):0{2 * size}x}",
            note=self.notes.append,
        )

    def open(self, folder: str = "") -> Project:
        """The project as one command sees it; close it by `with`."""
        return Project.open(self.context(folder))

    def add(
        self, path: str = "fraud.bin", content: bytes | None = None, **options: object
    ) -> AddReport:
        """Write weights if `content` is given, and register them."""
        if content is not None:
            self.repo.write(path, content)
        name = options.pop("name", None)
        message = options.pop("message", None)
        with self.open() as project:
            return add(
                project,
                path,
                name=None if name is None else str(name),
                message=None if message is None else str(message),
                given=MetadataInput(**options),  # type: ignore[arg-type]
            )

    def version(self, content: bytes, path: str = "fraud.bin", **options: object) -> AddReport:
        """Register weights and commit them."""
        report = self.add(path, content, **options)
        self.repo.git("commit", "-qm", f"{report.name} {report.version}", "--allow-empty")
        return report

    def push(self) -> PushReport:
        """Publish HEAD."""
        with self.open() as project:
            return push_head(project)

    def pointer(self, path: str = "fraud.model.yaml") -> Pointer:
        """A pointer of the work tree."""
        return Pointer.from_text(self.repo.read(path), what=path)

    def committed(self, path: str = "fraud.model.yaml", revision: str = "HEAD") -> Pointer:
        """A pointer of a commit."""
        text = self.repo.git("show", f"{revision}:{path}").stdout
        return Pointer.from_text(text, what=path)

    def alias(
        self, alias: str, version: int, content: bytes, stem: str = "fraud", **keys: object
    ) -> Alias:
        """Write an alias file by hand, without staging it; the weights are `content`."""
        keys = {"size": len(content), "digest": digest_of(content), **keys}
        new = Alias(name=stem, alias=alias, version=version, **keys)  # type: ignore[arg-type]
        self.repo.write(f"{stem}.{alias}.alias.yaml", new.to_text())
        return new

    def staged(self) -> list[str]:
        """Paths whose entry in the index is not HEAD's."""
        return self.repo.git("diff", "--cached", "--no-renames", "--name-only").stdout.split("\n")[
            :-1
        ]

    def join(self, name: str, *options: str) -> Desk:
        """A clone of this one, set up."""
        clone = self.repo.clone(name, *options)
        clone.git("config", "user.name", name.capitalize())
        clone.git("config", "user.email", f"{name}@example.org")
        desk = Desk(clone, self.store)
        with desk.open() as project:
            init(project)
        return desk


def new_desk(folder: Path, *, store: Path) -> Desk:
    """A repository that is set up and has one commit."""
    desk = Desk(Repo.create(folder), store)
    desk.repo.write("README.md", "models\n")
    with desk.open() as project:
        init(project, str(store), name="models")
    desk.repo.commit("set up")
    return desk


def kept_desk(build: Callable[[Desk], Desk | None]) -> object:
    """A fixture: a new desk to which this was done, once in each test process, and copied for each test.

    Args:
        build: What is done; it may return the desk of a clone, at which the tests are then.
    """
    made: list[Desk] = []

    def build_all(folder: Path) -> Repo:
        desk = new_desk(folder / "ana", store=folder / "store")
        made.append(build(desk) or desk)
        return made[0].repo

    kept = Kept(build_all)

    def restored(tmp_path_factory: pytest.TempPathFactory) -> Desk:
        folder = kept.restored(tmp_path_factory)
        # Random names that were not taken when it was built.
        return Desk(kept.repo(), folder / "store", list(made[0].notes), itertools.count(1000))

    restored.__doc__ = build.__doc__
    return pytest.fixture(restored)


def _nothing_more(_desk: Desk) -> None:
    """A repository that is set up, with its weights in a folder."""


desk = kept_desk(_nothing_more)


def short(content: bytes) -> str:
    """The digest of weights as messages show it."""
    return digest_of(content).short


def digest(content: bytes) -> Digest:
    """The digest of weights that are one file."""
    return digest_of(content)


def refusal(kind: type[GitmodelError], work: Callable[[], object]) -> tuple[str, str | None]:
    """Message and hint of the error that a piece of work ends with."""
    with pytest.raises(kind) as caught:
        work()
    assert type(caught.value) is kind
    return str(caught.value), caught.value.hint
