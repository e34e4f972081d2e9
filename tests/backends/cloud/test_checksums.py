"""Which checksums a server compares is found out by sending a wrong one, and remembered."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.cloud.checksums import (
    MD5,
    PROBE_AFTER_BYTES,
    SHA256,
    ChecksumSupport,
    checks_path,
    md5_of,
    sha256_of,
)
from gitmodel.backends.cloud.retry import Retrier
from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import RemoteUnreachableError
from tests.support.scripted_server import Answer, Asked, ScriptedServer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.backends.backend import Backend
    from tests.support.servers import AzureServer, S3Server

PACK = "packs/ab/ab12"


class Asking:
    """Counts how often a server is asked."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, kind: str) -> bool | None:
        self.asked.append(kind)
        return self.answer


def test_checksums_are_those_of_the_protocols() -> None:
    assert md5_of(b"") == "1B2M2Y8AsgTpgAmY7PhCfg=="
    assert sha256_of(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize("answer", [True, False])
def test_a_server_is_asked_once_and_for_good(tmp_path: Path, *, answer: bool) -> None:
    asking = Asking(answer)
    path = checks_path(str(tmp_path / "ledger"), "s3://models", "http://server")
    first = ChecksumSupport(asking, path)

    assert not first.knows(SHA256)
    assert [first.proves(SHA256, PROBE_AFTER_BYTES) for _ in range(3)] == [answer] * 3
    assert ChecksumSupport(asking, path).proves(SHA256, PROBE_AFTER_BYTES) is answer
    assert ChecksumSupport(asking, path).knows(SHA256) is answer
    assert asking.asked == [SHA256]


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    path = checks_path(str(tmp_path), "s3://models", "http://server")
    checks = ChecksumSupport(Asking(answer=True), path)
    checks.proves(SHA256, PROBE_AFTER_BYTES)

    assert not ChecksumSupport(Asking(None), path).knows(MD5)
    assert not checks.proves(None, PROBE_AFTER_BYTES)


def test_what_could_not_be_found_out_is_no_and_is_not_remembered(tmp_path: Path) -> None:
    asking = Asking(None)
    path = checks_path(str(tmp_path), "s3://models", "http://server")
    checks = ChecksumSupport(asking, path)

    assert [checks.proves(SHA256, PROBE_AFTER_BYTES) for _ in range(2)] == [False, False]
    assert asking.asked == [SHA256]
    asking.answer = True
    assert ChecksumSupport(asking, path).proves(SHA256, PROBE_AFTER_BYTES)


def test_a_server_that_changed_its_ways_is_found_out_by_asking_anew(tmp_path: Path) -> None:
    asking = Asking(answer=True)
    path = checks_path(str(tmp_path), "s3://models", "http://server")
    checks = ChecksumSupport(asking, path)
    checks.proves(SHA256, PROBE_AFTER_BYTES)
    asking.answer = False

    assert checks.renew((SHA256, MD5)) == {SHA256: False, MD5: False}
    assert not ChecksumSupport(asking, path).knows(SHA256)


def test_few_bytes_are_not_worth_asking(tmp_path: Path) -> None:
    asking = Asking(answer=True)
    checks = ChecksumSupport(asking, checks_path(str(tmp_path), "s3://models", "http://server"))

    assert not checks.proves(SHA256, PROBE_AFTER_BYTES // 2)
    assert asking.asked == []
    assert checks.proves(SHA256, PROBE_AFTER_BYTES // 2)
    assert checks.proves(SHA256, 1)
    assert asking.asked == [SHA256]


def test_another_address_is_another_server(tmp_path: Path) -> None:
    folder = str(tmp_path)
    paths = {
        checks_path(folder, url, server)
        for url in ("s3://a", "s3://b")
        for server in ("http://one", "http://two")
    }
    assert len(paths) == 4
    assert checks_path(None, "s3://a", "http://one") is None


@pytest.mark.parametrize("text", [b"", b"sha256", b"sha256 maybe\n", b"\xff\n\0", b"sha256 ye"])
def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path, text: bytes) -> None:
    path = checks_path(str(tmp_path), "s3://models", "http://server")
    assert path is not None
    with open(path, "wb") as stream:
        stream.write(text)

    assert not ChecksumSupport(Asking(None), path).knows(SHA256)


def test_without_a_file_it_is_found_out_for_this_process() -> None:
    asking = Asking(answer=True)
    checks = ChecksumSupport(asking, None)

    assert [checks.proves(MD5, PROBE_AFTER_BYTES) for _ in range(2)] == [True, True]
    assert asking.asked == [MD5]


@pytest.mark.s3
def test_seaweedfs_compares_both_kinds(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    remote = Remote(url=s3_server.new_place(), scheme="s3", endpoint=s3_server.endpoint)
    with closing(open_backend(remote, OpenOptions(trusted=True))) as backend:
        assert backend.prove_checks() == {SHA256: True, MD5: True}
        assert [*backend.list("")] == []


@pytest.mark.azure
def test_azurite_compares_the_kind_that_its_protocol_has(
    azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in azure_server.environment.items():
        monkeypatch.setenv(name, value)
    remote = Remote(url=azure_server.new_place(), scheme="az")
    with closing(open_backend(remote, OpenOptions(trusted=True))) as backend:
        assert backend.prove_checks() == {MD5: True}
        assert [*backend.list("")] == []


# A server that takes wrong checksums


class Weak:
    """Answers as S3, keeps what it is sent, and compares nothing.

    Attributes:
        flips: How many bodies it still keeps with a bit flipped.
        objects: What it keeps, by path.
    """

    def __init__(self) -> None:
        self.flips = 0
        self.objects: dict[str, bytes] = {}

    def __call__(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        match asked.method:
            case "PUT" if "if-none-match" in asked.headers and path in self.objects:
                return Answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            case "PUT":
                body = asked.body
                if self.flips and "/gc/" not in path:
                    self.flips -= 1
                    body = bytes([body[0] ^ 1]) + body[1:]
                self.objects[path] = body
                return Answer(headers={"ETag": '"kept"'})
            case "DELETE":
                self.objects.pop(path, None)
                return Answer(204)
            case _ if path not in self.objects:
                return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            case _:
                times = {"ETag": '"kept"', "Last-Modified": "Sat, 01 Nov 2025 00:00:00 GMT"}
                return Answer(body=self.objects[path], headers=times)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(params=["auto", "fsspec"])
def weak(
    request: pytest.FixtureRequest, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Backend, Weak]]:
    script = Weak()
    server.script = script
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("GITMODEL_TRANSPORT", request.param)
    remote = Remote(url="s3://models", scheme="s3", endpoint=server.url)
    retrier = Retrier(sleep=lambda _seconds: None)
    with closing(open_backend(remote, OpenOptions(trusted=True, retrier=retrier))) as backend:
        yield backend, script


def test_a_server_that_takes_a_wrong_checksum_is_found_out(weak: tuple[Backend, Weak]) -> None:
    backend, script = weak

    assert backend.prove_checks() == {SHA256: False, MD5: False}
    assert not script.objects  # what it took is deleted again
    assert backend.write(PACK, os.urandom(100)) is False


def test_small_objects_are_read_back_where_nothing_compares_them(
    weak: tuple[Backend, Weak],
) -> None:
    backend, script = weak
    script.flips = 1
    assert backend.create("versions/p/fraud@1.yaml", b"the claim")
    script.flips = 2
    assert backend.write("manifests/ab/ab12", b"the manifest")

    assert set(script.objects.values()) == {b"the claim", b"the manifest"}


def test_a_small_object_that_changes_each_time_is_refused(weak: tuple[Backend, Weak]) -> None:
    backend, script = weak
    script.flips = 100

    with pytest.raises(RemoteUnreachableError) as caught:
        backend.create("versions/p/fraud@1.yaml", b"the claim")

    assert "changed on its way" in caught.value.message
    assert "https" in str(caught.value.hint)
    assert not script.objects  # a damaged claim would be in everybody's way for ever
