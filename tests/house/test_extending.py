"""What docs/extending.md says is enough: a store that is added from outside the package."""

from __future__ import annotations

import itertools
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from gitmodel.backends import open as opening
from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.keys import check_key, check_prefix
from gitmodel.backends.open import open_backend, register_store
from gitmodel.backends.open_options import OpenOptions
from gitmodel.cli.remote_options import address_help
from gitmodel.domain.config import address
from gitmodel.domain.config.address import AddressScheme, ParsedAddress, parse_prefix
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import ConfigError, DamagedObjectError, ObjectMissingError
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.init import init
from tests.backends.backend_suite import BackendSuite
from tests.support.desk import Desk
from tests.support.repo import Repo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.backends.backend import Backend
    from gitmodel.domain.config.address import WrittenAddress

ROOT = Path(__file__).parents[2]
WEIGHTS = bytes(range(256)) * 1000


class Stored(NamedTuple):
    """An object in memory and the number of the write that made it."""

    data: bytes
    write: int


class Memory:
    """One store in memory; each backend with its address is a view of it."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.lock = threading.Lock()
        self.writes = itertools.count(1)


class MemoryBackend:
    """The methods of `Backend` over a dictionary."""

    def __init__(self, url: str, memory: Memory) -> None:
        self.url = url
        self._memory = memory

    def read(self, key: str, *, limit: int) -> bytes:
        data = self._data(key)
        if len(data) > limit:
            raise DamagedObjectError(f"{self.url}/{key}: at most {limit:,} are possible")
        return data

    def read_range(self, key: str, start: int, size: int) -> bytes:
        data = self._data(key)[start : start + size]
        if len(data) < size:
            raise DamagedObjectError(f"{self.url}/{key} ended early")
        return data

    def read_back(self, key: str, *, limit: int) -> bytes:
        return self.read(key, limit=limit)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        return self._put(key, bytes(data), replace=False) == data

    def write(self, key: str, data: bytes | memoryview) -> bool:
        self._put(key, bytes(data), replace=True)
        return True

    def size(self, key: str) -> int | None:
        try:
            return len(self._data(key))
        except ObjectMissingError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        with self._memory.lock:
            found = [pair for pair in self._memory.objects.items() if pair[0].startswith(prefix)]
        for key, (data, write) in found:
            yield ObjectInfo(key, len(data), 0.0, str(write))

    def delete(self, key: str) -> None:
        with self._memory.lock:
            self._memory.objects.pop(check_key(key), None)

    def prove_checks(self) -> dict[str, bool]:
        return {}

    def close(self) -> None:
        pass

    def _data(self, key: str) -> bytes:
        with self._memory.lock:
            stored = self._memory.objects.get(check_key(key))
        if stored is None:
            raise ObjectMissingError(f"{self.url}/{key} does not exist")
        return stored.data

    def _put(self, key: str, data: bytes, *, replace: bool) -> bytes:
        check_key(key)
        with self._memory.lock:
            if replace or key not in self._memory.objects:
                self._memory.objects[key] = Stored(data, next(self._memory.writes))
            return self._memory.objects[key].data


def parse_memory(rest: str, written: WrittenAddress) -> ParsedAddress:
    name, _, prefix = rest.partition("/")
    if not name.isidentifier():
        raise written.refusal("the name of a memory is a word")
    return ParsedAddress("/".join([f"memory://{name}", *parse_prefix(prefix, written)]), "memory")


MEMORY = AddressScheme(
    name="memory",
    parse=parse_memory,
    form="memory://NAME",
    help="this process",
    noun="a memory",
    options=frozenset({"region"}),
    aliases=("ram",),
)


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> dict[str, Memory]:
    """Register the store for one test."""
    memories: dict[str, Memory] = {}

    def open_memory(remote: Remote, options: OpenOptions) -> Backend:
        del options  # nothing of it concerns a memory
        return MemoryBackend(remote.url, memories.setdefault(remote.url, Memory()))

    monkeypatch.setattr(address, "_schemes", address.schemes())
    monkeypatch.setattr(opening, "_openers", dict(opening._openers))
    register_store(MEMORY, open_memory)
    return memories


def opened() -> Backend:
    remote = Remote.from_value("ram://suite/a", where="test")
    return open_backend(remote, OpenOptions(trusted=True))


@pytest.mark.usefixtures("memories")
class TestMemory(BackendSuite):
    """The conformance suite."""

    clock_tolerance = float("inf")

    @pytest.fixture
    def backend(self) -> Backend:
        return opened()

    @pytest.fixture
    def another(self) -> Backend:
        return opened()


def test_weights_come_back_from_a_store_of_another_package(
    memories: dict[str, Memory], tmp_path: Path
) -> None:
    ana = Desk(Repo.create(tmp_path / "ana"), tmp_path / "no folder")
    with ana.open() as project:
        init(project, "memory://shared/team", name="models")
    ana.repo.commit("set up")
    ana.version(WEIGHTS)
    ana.push()

    bo = ana.join("bo")
    with bo.open() as project:
        checkout(project, ["fraud"])

    assert (bo.repo.path / "fraud.bin").read_bytes() == WEIGHTS
    assert any(key.startswith("packs/") for key in memories["memory://shared/team"].objects)


@pytest.mark.usefixtures("memories")
def test_the_table_speaks_in_messages_and_help() -> None:
    with pytest.raises(ConfigError, match="the name of a memory is a word") as refused:
        Remote.from_value("memory://a b", where="test")
    with pytest.raises(ConfigError, match="endpoint means nothing for a memory"):
        Remote.from_value({"url": "memory://a", "endpoint": "https://a.example"}, where="test")
    with pytest.raises(ConfigError, match="write the scheme in lower case"):
        Remote.from_value("Memory://a", where="test")

    assert "memory://NAME" in (refused.value.hint or "")
    assert "  memory://NAME           this process\n" in address_help()
    assert Remote.from_value({"url": "ram://a", "region": "x"}, where="test").region == "x"


@pytest.mark.parametrize("names", [("s3",), ("new", "abfs"), ("https",), ("Upper",), ("a b",)])
@pytest.mark.usefixtures("memories")
def test_a_scheme_that_is_taken_or_none_is_refused(names: tuple[str, ...]) -> None:
    row = AddressScheme(
        name=names[0], parse=parse_memory, form="", help="", noun="", aliases=names[1:]
    )

    with pytest.raises(ValueError, match=r"registered already|cannot be the scheme"):
        register_store(row, opening._openers["file"])
    assert row not in address.schemes()


def test_an_address_of_a_store_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not a kind of remote"):
        Remote.from_value("memory://a", where="test")
    with pytest.raises(ConfigError, match="no store is registered for memory://"):
        open_backend(Remote(url="memory://a", scheme="memory"), OpenOptions(trusted=True))


def test_every_file_on_the_page_exists() -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:gitmodel|tests|docs)/[^`\s]*)`", text)
    named = [path for path in paths if "NAME" not in path and "VERB" not in path]

    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []
