"""What every backend promises, as one suite: folders, memory, S3 and Azure subclass it.

A subclass supplies the fixture `backend`, empty, and `another`, a second one over the same place as
another process would have it. Nothing here knows which store it talks to.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import DamagedObjectError, ObjectMissingError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.backends.backend import Backend

KEY = "packs/ab/ab12cd"
LIMIT = 1 << 20
RACERS = 8


class BackendSuite:
    """The promises of `gitmodel.backends.backend.Backend`."""

    # Seconds that the store's clock may differ from this machine's.
    clock_tolerance = 120.0
    longest_part = 255

    @pytest.mark.parametrize("size", [0, 1, 4096, (1 << 20) + 7])
    def test_what_was_written_is_read(self, backend: Backend, size: int) -> None:
        data = os.urandom(size)

        backend.write(KEY, data)

        assert backend.read(KEY, limit=size) == data
        assert backend.size(KEY) == size

    def test_a_pack_of_16_mib_survives_the_round_trip(self, backend: Backend) -> None:
        data = os.urandom(16 << 20)

        backend.write(KEY, memoryview(data))

        assert backend.read(KEY, limit=16 << 20) == data

    def test_a_part_of_a_buffer_can_be_written(self, backend: Backend) -> None:
        backend.write(KEY, memoryview(b"--inner--")[2:-2])

        assert backend.read(KEY, limit=LIMIT) == b"inner"

    def test_a_missing_object_is_missing(self, backend: Backend) -> None:
        with pytest.raises(ObjectMissingError) as caught:
            backend.read(KEY, limit=LIMIT)

        assert KEY in str(caught.value)
        assert backend.size(KEY) is None
        with pytest.raises(ObjectMissingError):
            backend.read_range(KEY, 0, 1)

    def test_a_missing_object_below_an_object_is_missing(self, backend: Backend) -> None:
        backend.write("packs/ab", b"an object where others have a folder")

        assert backend.size("packs/ab/cd") is None
        with pytest.raises(ObjectMissingError):
            backend.read("packs/ab/cd", limit=LIMIT)

    def test_writing_again_replaces(self, backend: Backend) -> None:
        backend.write(KEY, b"a longer first version")
        backend.write(KEY, b"second")

        assert backend.read(KEY, limit=LIMIT) == b"second"

    def test_creating_takes_a_free_key(self, backend: Backend) -> None:
        assert backend.create(KEY, b"mine") is True
        assert backend.read(KEY, limit=LIMIT) == b"mine"

    def test_creating_leaves_a_taken_key_alone(self, backend: Backend, another: Backend) -> None:
        another.create(KEY, b"theirs, and longer")

        assert backend.create(KEY, b"mine") is False
        assert backend.read(KEY, limit=LIMIT) == b"theirs, and longer"

    @pytest.mark.parametrize("theirs", [b"", b"min", b"mine!", b"MINE"])
    def test_creating_tells_other_bytes_from_its_own(self, backend: Backend, theirs: bytes) -> None:
        backend.create(KEY, theirs)

        assert backend.create(KEY, b"mine") is False

    def test_creating_the_same_bytes_twice_succeeds(
        self, backend: Backend, another: Backend
    ) -> None:
        """One's own success must not look like a loss when its answer never arrived."""
        assert another.create(KEY, b"same") is True
        assert backend.create(KEY, b"same") is True

    def test_one_of_many_creators_owns_the_key(self, backend: Backend, another: Backend) -> None:
        start = threading.Barrier(RACERS)

        def create(number: int) -> bool:
            start.wait()
            return (backend, another)[number % 2].create(KEY, f"racer {number}".encode())

        with ThreadPoolExecutor(RACERS) as threads:
            won = list(threads.map(create, range(RACERS)))

        assert won.count(True) == 1
        assert backend.read(KEY, limit=LIMIT) == f"racer {won.index(True)}".encode()

    def test_all_creators_of_the_same_bytes_succeed(self, backend: Backend) -> None:
        start = threading.Barrier(RACERS)

        def create(_number: int) -> bool:
            start.wait()
            return backend.create(KEY, b"all the same")

        with ThreadPoolExecutor(RACERS) as threads:
            assert all(threads.map(create, range(RACERS)))

    def test_a_reader_never_sees_a_mixture(self, backend: Backend, another: Backend) -> None:
        versions = [bytes([number]) * 300_000 for number in range(4)]
        backend.write(KEY, versions[0])
        done = threading.Event()

        def write() -> None:
            for version in versions * 3:
                another.write(KEY, version)
            done.set()

        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(write)
            while not done.is_set() and not writing.done():
                assert backend.read(KEY, limit=LIMIT) in versions
            writing.result()

    def test_an_object_larger_than_the_limit_is_refused(self, backend: Backend) -> None:
        backend.write(KEY, b"x" * 1001)

        with pytest.raises(DamagedObjectError, match="at most 1,000 are possible"):
            backend.read(KEY, limit=1000)
        assert len(backend.read(KEY, limit=1001)) == 1001

    def test_a_range_is_read_exactly(self, backend: Backend) -> None:
        data = os.urandom(10_000)
        backend.write(KEY, data)

        assert backend.read_range(KEY, 0, 10_000) == data
        assert backend.read_range(KEY, 17, 1) == data[17:18]
        assert backend.read_range(KEY, 9_000, 1_000) == data[9_000:]
        assert backend.read_range(KEY, 5, 0) == b""

    @pytest.mark.parametrize(("start", "size"), [(0, 101), (50, 51), (100, 1), (5000, 10)])
    def test_a_range_past_the_end_is_damage(self, backend: Backend, start: int, size: int) -> None:
        backend.write(KEY, b"x" * 100)

        with pytest.raises(DamagedObjectError):
            backend.read_range(KEY, start, size)

    def test_a_listing_has_every_object_with_its_facts(self, backend: Backend) -> None:
        keys = {f"packs/{number:02x}/object-{number}": bytes(number) for number in range(12)}
        for key, data in keys.items():
            backend.write(key, data)

        found = {info.key: info for info in backend.list("")}

        assert {key: info.size for key, info in found.items()} == {
            key: len(data) for key, data in keys.items()
        }
        now = time.time()
        assert all(abs(info.modified - now) < self.clock_tolerance for info in found.values())

    def test_a_listing_takes_a_prefix_of_the_key(self, backend: Backend) -> None:
        for key in ("a/one", "a/two", "ab/three", "b/four"):
            backend.write(key, b"")

        def keys(prefix: str) -> set[str]:
            return {info.key for info in backend.list(prefix)}

        assert keys("a/") == {"a/one", "a/two"}
        assert keys("a") == {"a/one", "a/two", "ab/three"}
        assert keys("a/t") == {"a/two"}
        assert keys("a/two") == {"a/two"}
        assert keys("c/") == set()
        assert keys("a/two/") == set()

    def test_an_empty_store_lists_nothing(self, backend: Backend) -> None:
        assert list(backend.list("")) == []

    def test_a_new_content_has_a_new_etag(self, backend: Backend) -> None:
        def etag() -> str:
            return next(info.etag for info in backend.list(KEY))

        backend.write(KEY, b"first")
        first = etag()
        backend.write(KEY, b"second one")

        assert etag() != first or first == ""

    def test_deleting_removes(self, backend: Backend) -> None:
        backend.write(KEY, b"gone soon")
        backend.write(f"{KEY}-neighbour", b"stays")

        backend.delete(KEY)

        assert backend.size(KEY) is None
        assert [info.key for info in backend.list("")] == [f"{KEY}-neighbour"]

    def test_deleting_what_is_not_there_is_fine(self, backend: Backend) -> None:
        backend.delete(KEY)
        backend.delete(KEY)

    def test_a_deleted_key_can_be_created_again(self, backend: Backend) -> None:
        backend.create(KEY, b"first")
        backend.delete(KEY)

        assert backend.create(KEY, b"second") is True

    @pytest.mark.parametrize(
        "key",
        [
            "versions/p/team/modèle-ü@7.yaml",
            "versions/p/model@12.yaml",
            "a b/c+d=e~f,(g)/h%20i&j",
            "日本語/モデル",
        ],
    )
    def test_a_key_may_have_unusual_characters(self, backend: Backend, key: str) -> None:
        backend.write(key, key.encode())

        assert backend.read(key, limit=LIMIT) == key.encode()
        assert backend.size(key) == len(key.encode())
        assert [info.key for info in backend.list("")] == [key]
        backend.delete(key)
        assert backend.size(key) is None

    def test_a_key_may_be_long(self, backend: Backend) -> None:
        key = "/".join(["x" * min(200, self.longest_part)] * 3)

        assert backend.create(key, b"long") is True
        assert backend.read(key, limit=LIMIT) == b"long"
        assert [info.key for info in backend.list("xx")] == [key]

    @pytest.mark.parametrize(
        "key",
        [
            *[
                "",
                "/",
                "/etc/passwd",
                "../out",
                "a/../b",
                "a//b",
                "a/",
                "./a",
                "a\\b",
                "a\0b",
                "a\nb",
            ],
            *["a?versionId=1", "a#b", ".tmp-1", "a/.tmp-1-2"],
        ],
    )
    def test_a_key_never_leaves_the_store(self, backend: Backend, key: str) -> None:
        calls: list[Callable[[], object]] = [
            lambda: backend.read(key, limit=LIMIT),
            lambda: backend.read_range(key, 0, 0),
            lambda: backend.create(key, b""),
            lambda: backend.write(key, b""),
            lambda: backend.size(key),
            lambda: backend.delete(key),
        ]

        for call in calls:
            with pytest.raises(UnsafePathError):
                call()
        assert list(backend.list("")) == []

    def test_many_threads_share_a_backend(self, backend: Backend) -> None:
        objects = {f"packs/{number % 7:02x}/{number}": os.urandom(50_000) for number in range(64)}

        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda key: backend.write(key, objects[key]), objects))
            read = list(threads.map(lambda key: backend.read(key, limit=LIMIT), objects))
            sizes = list(threads.map(backend.size, objects))

        assert read == list(objects.values())
        assert set(sizes) == {50_000}

    def test_closing_twice_is_fine(self, backend: Backend) -> None:
        backend.write(KEY, b"x")

        backend.close()
        backend.close()

    def test_closing_without_use_is_fine(self, backend: Backend) -> None:
        backend.close()

    def test_the_url_is_there_for_messages(self, backend: Backend) -> None:
        assert backend.url
        assert "secret" not in backend.url
