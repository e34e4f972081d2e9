"""A store: what comes out matches the name it was asked for by, or there is an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cache.cache import Cache
from gitmodel.domain.digest import digest_of
from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.encoding.pack import PACK_MAX, pack_name
from gitmodel.errors import (
    DamagedObjectError,
    NewerFormatError,
    ObjectMissingError,
    StoreError,
    WeakRemoteError,
)
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import FORMAT, MARKER_KEY, Marker, ObjectStore, check_exclusive_creation
from tests.support.stores import (
    WrappedBackend,
    files_below,
    flip,
    remote_at,
    some_bytes,
    store_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def store(root: Path) -> ObjectStore:
    return remote_at(root)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return store_bytes(Cache(str(tmp_path / "cache")), some_bytes(1000), tmp_path)


def test_keys_are_made_of_names_alone() -> None:
    digest = digest_of(b"x")

    assert manifest_key(digest) == f"manifests/{digest.hex[:2]}/{digest.hex}"
    assert pack_key(digest.hex) == f"packs/{digest.hex[:2]}/{digest.hex}"


class TestMarker:
    def test_a_new_store_has_none(self, store: ObjectStore) -> None:
        assert store.marker() is None

    def test_it_is_made_once_and_then_found(self, store: ObjectStore, root: Path) -> None:
        assert store.ensure_marker("first") == Marker(FORMAT, "first")
        assert store.ensure_marker("second") == Marker(FORMAT, "first")
        assert files_below(root) == [MARKER_KEY]

    def test_of_two_makers_one_wins(self, store: ObjectStore) -> None:
        """The other one is faster, between our look and our creating."""
        backend = WrappedBackend(store.backend)
        others = Marker(FORMAT, "other").to_bytes()

        def overtake(method: str, key: str) -> None:
            if method == "create":
                store.backend.create(key, others)

        backend.before = overtake

        assert ObjectStore(backend).ensure_marker("mine") == Marker(FORMAT, "other")

    @given(st.text(max_size=20))
    def test_it_reads_back_as_it_was_written(self, store_id: str) -> None:
        marker = Marker(FORMAT, store_id)

        assert Marker.from_bytes(marker.to_bytes(), url="x") == marker

    def test_a_newer_format_is_refused(self, store: ObjectStore, root: Path) -> None:
        (root / MARKER_KEY).write_bytes(b'{"format": 2, "id": "x", "more": []}')

        with pytest.raises(NewerFormatError) as caught:
            store.ensure_marker("x")
        assert caught.value.message == f"{root} has store format 2, this gitmodel knows 1"
        assert caught.value.hint == "pip install --upgrade gitmodel"

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"<html>log in</html>",
            b"[]",
            b"{}",
            b"null",
            b'{"format": null}',
            b'{"format": "x"}',
            b'{"format": Infinity}',
            b'{"format": NaN}',
            b'{"format": []}',
            b"[" * 60_000,
            b"\xff\xfe\x00",
            b"x" * (MAX_TEXT_BYTES + 1),
        ],
    )
    def test_what_is_not_a_marker_is_damage(
        self, store: ObjectStore, root: Path, raw: bytes
    ) -> None:
        (root / MARKER_KEY).write_bytes(raw)

        with pytest.raises(DamagedObjectError):
            store.marker()

    @given(
        st.binary(max_size=40)
        | st.builds(
            json.dumps,
            st.dictionaries(
                st.sampled_from(["format", "id"]),
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
            ),
        ).map(str.encode)
    )
    def test_only_its_own_errors_come_out(self, raw: bytes) -> None:
        try:
            marker = Marker.from_bytes(raw, url="x")
        except StoreError:
            return
        assert marker.format <= FORMAT


class TestManifests:
    def test_created_and_found(self, store: ObjectStore, manifest: Manifest) -> None:
        assert store.manifest(manifest.digest) is None
        assert store.create_manifest(manifest) is True
        assert store.create_manifest(manifest) is True  # the same bytes are ours, too
        assert store.manifest(manifest.digest) == manifest

    def test_is_it_there_is_one_request(self, store: ObjectStore, manifest: Manifest) -> None:
        store.create_manifest(manifest)
        backend = WrappedBackend(store.backend)
        ObjectStore(backend).manifest(manifest.digest)
        ObjectStore(backend).manifest(digest_of(b"not there"))

        assert [method for method, _ in backend.calls] == ["read", "read"]

    def test_another_one_that_was_first_stays(
        self, store: ObjectStore, root: Path, manifest: Manifest
    ) -> None:
        path = root / manifest_key(manifest.digest)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"somebody's")

        assert store.create_manifest(manifest) is False
        assert path.read_bytes() == b"somebody's"

    def test_a_damaged_one_is_an_error_and_can_be_replaced(
        self, store: ObjectStore, root: Path, manifest: Manifest
    ) -> None:
        store.create_manifest(manifest)
        flip(root / manifest_key(manifest.digest), -1)

        with pytest.raises(DamagedObjectError) as caught:
            store.manifest(manifest.digest)
        assert caught.value.message.startswith(f"the manifest of {manifest.digest.short} on {root}")
        assert caught.value.hint == "gitmodel push, in a clone that has the weights"
        store.replace_manifest(manifest)
        assert store.manifest(manifest.digest) == manifest

    def test_it_is_read_a_second_time_before_damage_is_believed(
        self, store: ObjectStore, root: Path, manifest: Manifest
    ) -> None:
        store.create_manifest(manifest)
        path = root / manifest_key(manifest.digest)
        flip(path, -1)
        backend = WrappedBackend(store.backend)
        backend.before = lambda _m, _k: flip(path, -1) if len(backend.calls) == 2 else None

        assert ObjectStore(backend).manifest(manifest.digest) == manifest

    def test_one_under_the_name_of_another_is_damage(
        self, store: ObjectStore, root: Path, manifest: Manifest, tmp_path: Path
    ) -> None:
        """A writer to the bucket who swaps two versions."""
        other = store_bytes(Cache(str(tmp_path / "cache")), b"other", tmp_path)
        store.create_manifest(other)
        path = root / manifest_key(manifest.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(other.to_bytes())

        with pytest.raises(DamagedObjectError):
            store.manifest(manifest.digest)


class TestPacks:
    def test_put_and_got(self, store: ObjectStore) -> None:
        data = some_bytes(1000)
        name = pack_name(data)
        assert store.pack_size(name) is None
        store.put_pack(name, data)
        store.put_pack(name, data)

        assert store.pack_size(name) == 1000
        assert store.pack(name, 1000) == data

    @pytest.mark.parametrize("size", [0, 999, 1001, PACK_MAX, PACK_MAX + 1, 1 << 60])
    def test_another_size_than_expected_is_damage(self, store: ObjectStore, size: int) -> None:
        data = some_bytes(1000)
        store.put_pack(pack_name(data), data)

        with pytest.raises(DamagedObjectError) as caught:
            store.pack(pack_name(data), size)
        assert caught.value.hint == "gitmodel push --full, in a clone that has the weights"

    def test_a_missing_one_is_missing(self, store: ObjectStore) -> None:
        with pytest.raises(ObjectMissingError):
            store.pack("ab" * 32, 10)

    def test_an_endless_one_is_not_read_whole(self, store: ObjectStore, root: Path) -> None:
        path = root / pack_key("ab" * 32)
        path.parent.mkdir(parents=True)
        path.touch()
        with open(path, "r+b") as stream:
            stream.truncate(1 << 40)

        with pytest.raises(DamagedObjectError):
            store.pack("ab" * 32, 1 << 40)


class TestExclusiveCreation:
    def test_a_folder_passes_and_keeps_nothing(self, store: ObjectStore, root: Path) -> None:
        check_exclusive_creation(store, "probe")

        assert files_below(root) == []

    def test_a_store_that_lets_both_pass_is_refused(self, store: ObjectStore) -> None:
        """As `rclone serve s3` does."""

        class Weak(WrappedBackend):
            def create(self, key: str, data: bytes | memoryview) -> bool:
                self.inner.write(key, data)
                return True

        with pytest.raises(WeakRemoteError):
            check_exclusive_creation(ObjectStore(Weak(store.backend)), "probe")

    def test_a_store_that_says_no_and_overwrites_is_refused(self, store: ObjectStore) -> None:
        class Lying(WrappedBackend):
            def create(self, key: str, data: bytes | memoryview) -> bool:
                free = self.inner.size(key) is None
                self.inner.write(key, data)
                return free

        with pytest.raises(WeakRemoteError):
            check_exclusive_creation(ObjectStore(Lying(store.backend)), "probe")


def test_closing_twice_is_fine(store: ObjectStore) -> None:
    store.close()
    store.close()
