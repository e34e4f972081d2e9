"""The scratch world of a run: folders, an environment that inherits nothing, an S3 server.

Nothing of the machine's Git configuration, credentials or caches is seen, and nothing is left.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

from tests.benchmarks.measuring import Spent, make_room, spend
from tests.support.programs import ENVIRONMENT
from tests.support.repo import GLOBAL_CONFIG, PACKAGE_ROOT
from tests.support.servers import S3Server, running_s3

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Commands: TypeAlias = "Sequence[Sequence[str]]"
# Weights from this size on are worth waiting for disk and memory before each step. 16 MiB
SETTLE_BYTES = 2**24
PlaceKind = Literal["folder", "s3"]


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to push to, empty at first.

    Attributes:
        kind: A folder or S3.
        path: Of the folder; on S3 the bucket's name.
        endpoint: Of the S3 server.
    """

    kind: PlaceKind
    path: str
    endpoint: str = ""

    @property
    def url(self) -> str:
        """As gitmodel and DVC write it."""
        return self.path if self.kind == "folder" else f"s3://{self.path}"


@dataclass(frozen=True, slots=True)
class Project:
    """A repository of one of the tools with one weights file.

    Attributes:
        folder: Its work tree.
        weights: Name of the weights file in it.
        place: Where it pushes to.
        environment: For every command in it.
        world: That it lives in.
    """

    folder: Path
    weights: str
    place: Place
    environment: Mapping[str, str]
    world: World

    @property
    def file(self) -> Path:
        """The weights file."""
        return self.folder / self.weights

    def run(self, *commands: Sequence[str]) -> Spent:
        """Run commands in the work tree and measure them as one."""
        return self.world.run(commands, folder=self.folder, environment=self.environment)

    def measure(self, *commands: Sequence[str]) -> Spent:
        """The same with disk and memory settled before, so that no side pays for another."""
        place = [Path(self.place.path)] if self.place.kind == "folder" else []
        return self.world.run(
            commands, folder=self.folder, environment=self.environment, settled=True, keep=place
        )


class _Buckets(Protocol):
    """The calls of a botocore client for clearing a bucket."""

    def list_objects_v2(self, **options: str) -> dict[str, object]: ...
    def delete_objects(self, **options: object) -> object: ...
    def delete_bucket(self, **options: str) -> object: ...


@dataclass(slots=True)
class World:
    """See the module.

    Attributes:
        root: Everything is below it.
        size: Bytes of the weights.
        s3: The server, started on first use.
    """

    root: Path
    size: int
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _s3: S3Server | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        home = self.root / "home"
        (home / "templates").mkdir(parents=True)
        (home / "gitconfig").write_text(GLOBAL_CONFIG, encoding="utf-8")
        (home / "empty").touch()

    @property
    def s3(self) -> S3Server:
        """The S3 server.

        Raises:
            ServerUnavailableError: There is none.
        """
        if self._s3 is None:
            self._s3 = self._stack.enter_context(running_s3())
        return self._s3

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: a home of the run's own, and nothing that would lead out of it."""
        home = self.root / "home"
        return {
            "PATH": ENVIRONMENT.get("PATH", os.defpath),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TEMPLATE_DIR": str(home / "templates"),
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(PACKAGE_ROOT),
        }

    def run(
        self,
        commands: Commands,
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        settled: bool = False,
        keep: Sequence[Path] = (),
    ) -> Spent:
        """Run commands and measure them as one, with disk and memory settled before if it matters.

        Args:
            commands: One after the other.
            folder: Where; what lies in it is in memory when they begin.
            environment: Of all of them.
            settled: Whether it matters.
            keep: What else stays in memory if it was; the rest may be forgotten.
        """
        chosen = self.environment if environment is None else environment
        # As much as the hungriest step takes: two copies of the weights and the programs' own.
        settle = 2 * self.size + self.size // 2 if settled and self.size >= SETTLE_BYTES else 0
        if settle:
            make_room(settle, self.root, keep=[folder, *keep])
        log = self.root / "log"
        return spend(commands, folder=folder, environment=chosen, log=log, settle=settle)

    def fresh(self, name: str) -> Path:
        """A path below the root that does not exist yet."""
        return self.root / f"{name}-{next(self._numbers)}"

    def place(self, kind: PlaceKind, *, endpoint: str = "") -> Place:
        """A new, empty place; on S3 reached by another endpoint if one is given."""
        if kind == "folder":
            folder = self.fresh("place")
            folder.mkdir()
            return Place(kind, str(folder))
        bucket = self.s3.new_bucket().removeprefix("s3://")
        return Place(kind, bucket, endpoint or self.s3.endpoint)

    def environment_for(self, place: Place) -> dict[str, str]:
        """The environment, with credentials if the place needs any."""
        if place.kind == "folder":
            return self.environment
        empty = self.root / "home" / "empty"  # DVC refuses the null device as a configuration
        keys = self.s3.environment | {
            "AWS_ENDPOINT_URL_S3": place.endpoint,
            "AWS_CONFIG_FILE": str(empty),
            "AWS_SHARED_CREDENTIALS_FILE": str(empty),
        }
        return self.environment | keys

    def stored(self, place: Place) -> int:
        """Bytes that lie in a place."""
        if place.kind == "s3":
            return sum(size for _, size in self._objects(place.path))
        found = os.walk(place.path)
        return sum(
            os.lstat(os.path.join(at, one)).st_size for at, _, names in found for one in names
        )

    def remove(self, *things: Project | Place) -> None:
        """Delete projects and places with all that is in them."""
        for one in things:
            if isinstance(one, Project):
                _remove_folder(one.folder)
            elif one.kind == "folder":
                _remove_folder(Path(one.path))
            else:
                keys = [{"Key": key} for key, _ in self._objects(one.path)]
                for start in range(0, len(keys), 1000):
                    some = {"Objects": keys[start : start + 1000]}
                    self._buckets.delete_objects(Bucket=one.path, Delete=some)
                self._buckets.delete_bucket(Bucket=one.path)

    def close(self) -> None:
        """End the server and delete everything."""
        self._stack.close()
        _remove_folder(self.root)

    @property
    def _buckets(self) -> _Buckets:
        return cast("_Buckets", self.s3.client)

    def _objects(self, bucket: str) -> Iterator[tuple[str, int]]:
        options = {"Bucket": bucket}
        while True:
            answer = self._buckets.list_objects_v2(**options)
            for entry in cast("list[dict[str, object]]", answer.get("Contents", [])):
                yield str(entry["Key"]), int(cast("int", entry["Size"]))
            if not answer.get("IsTruncated"):
                return
            options["ContinuationToken"] = str(answer["NextContinuationToken"])


def _remove_folder(folder: Path) -> None:
    """Delete a folder, also one that git-annex has made read-only."""

    def allow(_function: object, path: str, _error: object) -> None:
        parent = os.path.dirname(path)
        with contextlib.suppress(OSError):
            os.chmod(parent, 0o700)
            os.unlink(path)

    shutil.rmtree(folder, onerror=allow)
    shutil.rmtree(folder, ignore_errors=True)
