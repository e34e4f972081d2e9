"""Requests through obstore, the Python side of Rust's `object_store`; the only importer of obstore.

Its synchronous calls release the interpreter lock and are called from threads. (The asynchronous ones
aborted the interpreter at exit in 5 of 12 runs; these in none.) Address and
credentials are those of s3fs and adlfs, and each request is sent once.

obstore reads settings from the environment that the other libraries ignore, and this cannot be disabled. All
settings are passed explicitly. If a variable has an effect that no setting overrides, there is no transport.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, S3Store

from gitmodel.backends.cloud.checksums import SHA256
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.backends.cloud.service import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    TooLargeError,
)
from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Literal

    from obstore.store import (
        AzureConfig,
        AzureCredential,
        ClientConfig,
        RetryConfig,
        S3Config,
        S3Credential,
    )

# A body is copied in chunks of this size: eight concurrent packs of 8 MiB then peak at 80 MiB, against 136 MiB
# with whole bodies.
STREAM_CHUNK_BYTES = 256 << 10
# obstore's read timeout also runs while a body is sent, so uploads have one timeout for the
# whole request: eight packs of 8 MiB at 0.28 MB/s. On a slower line the fallback, which sees progress, takes over.
PUT_TIMEOUT_SECONDS = 240
# Bodies up to this size have the timeout of a response only, because sending them takes little time.
SHORT_TIMEOUT_BYTES = 1 << 20
# Ends a GET from a server that sends single bytes. Silence ends a GET much sooner.
GET_TIMEOUT_SECONDS = 3600
# botocore renews credentials that end within 10 minutes, so they are valid for at least as
# long. obstore asks again 5 minutes before the end, which costs nothing if no renewal is due.
CREDENTIAL_SECONDS = 600
# Variables, or their beginnings, that change requests of obstore and not those of s3fs and adlfs.
_S3_VARIABLES = ("AWS_CHECKSUM_ALGORITHM", "AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_")
_AZURE_VARIABLES = ("AZURE_ENCRYPTION_KEY",)
# Error codes for a missing object in an existing bucket.
_MISSING_CODES = {"NoSuchKey", "BlobNotFound"}
_CODE = lazy_compile(r"<Code>(\w+)</Code>")
# Variables for certificates that only some of the libraries read.
_TLS_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Address:
    """The address and settings of requests to a bucket."""

    url: str  # address of the bucket itself, with the bucket's name in host or path
    region: str  # what requests are signed for
    sse: str | None = None  # encryption of new objects
    sse_kms_key_id: str | None = None


class ObstoreTransport:
    """A `Transport` over obstore, to an address; http is allowed only if the URL begins with http.

    Each timeout needs a store of its own, opened with the given client options. `check` is the kind of
    checksum that the stores send with each body.
    """

    failures: tuple[type[Exception], ...] = (BaseError, OSError, ValueError, TooLargeError)

    def __init__(
        self,
        open_store: Callable[[ClientConfig], S3Store | AzureStore],
        url: str,
        check: str | None = None,
    ) -> None:
        self._open_store = open_store
        self._check = check
        self._root_was_seen = False
        self._allow_http = url.startswith("http://")
        self._lock = threading.Lock()
        self._stores: dict[str, S3Store | AzureStore] = {}

    def get(self, name: str, limit: int) -> bytes:
        with self._answers(name):
            answer = obstore.get(self._store("get"), name)
            _require_etag(name, answer.meta["e_tag"])
            return _body(answer, answer.meta["size"], limit)

    def get_range(self, name: str, start: int, size: int) -> bytes:
        with self._answers(name):
            span = (start, start + size)
            answer = obstore.get(self._store("get"), name, options={"range": span})
            _require_etag(name, answer.meta["e_tag"])
            first, end = answer.range
            return _body(answer, end - first, size)

    def put(self, name: str, data: bytes) -> str | None:
        return self._put(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> str | None:
        try:
            return self._put(name, data, "create")
        except AlreadyExistsError as error:
            raise RequestFailure(FailureKind.EXISTS, name) from error

    def size(self, name: str) -> int:
        with self._answers(name, verb="HEAD"):
            found = obstore.head(self._store("get"), name)
            _require_etag(name, found["e_tag"])
            return int(found["size"])

    def close(self) -> None:
        """Close connections; running requests keep theirs."""
        with self._lock:
            self._stores.clear()

    def _put(self, name: str, data: bytes, mode: Literal["create", "overwrite"]) -> str | None:
        verb = "put small" if len(data) <= SHORT_TIMEOUT_BYTES else "put"
        answer = obstore.put(self._store(verb), name, data, use_multipart=False, mode=mode)
        _require_etag(name, answer["e_tag"])
        self._root_was_seen = True
        return self._check

    @contextlib.contextmanager
    def _answers(self, name: str, *, verb: str = "GET") -> Iterator[None]:
        """Report a missing object, if the response means exactly that.

        A 404 can also mean that the bucket is missing, or come from a proxy. The response to a HEAD has no text.
        """
        try:
            yield
        except FileNotFoundError as error:
            code = _CODE.search(str(error))
            if code is None and not (verb == "HEAD" and self._root_was_seen):
                raise
            if code is not None and code[1] not in _MISSING_CODES:
                raise
            self._root_was_seen = True
            raise RequestFailure(FailureKind.MISSING, name) from error
        self._root_was_seen = True

    def _store(self, verb: str) -> S3Store | AzureStore:
        with self._lock:
            if verb not in self._stores:
                self._stores[verb] = self._open_store(self._client(verb))
            return self._stores[verb]

    def _client(self, verb: str) -> ClientConfig:
        client: ClientConfig = {
            "allow_http": self._allow_http,
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_SECONDS),
        }
        if verb == "put":
            client["timeout"] = timedelta(seconds=PUT_TIMEOUT_SECONDS)
        elif verb == "put small":  # sending it takes little time
            client["timeout"] = timedelta(seconds=READ_TIMEOUT_SECONDS)
        else:
            client["timeout"] = timedelta(seconds=GET_TIMEOUT_SECONDS)
            client["read_timeout"] = timedelta(seconds=READ_TIMEOUT_SECONDS)
        return client


_ONCE: RetryConfig = {"max_retries": 0}


def s3_transport(
    address: S3Address, credentials: Callable[[], Any] | None
) -> ObstoreTransport | None:
    """Open a transport to a bucket; None if its requests would differ from those of s3fs.

    `credentials` returns frozen credentials of botocore; None for unsigned requests.
    """
    if _is_affected_by_environment(os.environ, address.url, _S3_VARIABLES):
        return None
    config: S3Config = {
        # The first wins over the second, and AWS_ENDPOINT_URL_S3 would win over the second too.
        "aws_endpoint_url_s3": address.url,
        "endpoint": address.url,
        "virtual_hosted_style_request": True,  # the bucket's name is in the address
        "region": address.region,
        "skip_signature": credentials is None,
        # The server compares the body with it. Over http it is computed for the signature anyway.
        "checksum_algorithm": "SHA256",
        "unsigned_payload": address.url.startswith("https:"),
        "request_payer": False,
        "s3_express": False,
        "conditional_put": "etag",
        "copy_if_not_exists": "multipart",
    }
    if address.sse:
        config["server_side_encryption"] = address.sse
    if address.sse_kms_key_id:
        config["sse_kms_key_id"] = address.sse_kms_key_id

    def credential() -> S3Credential:
        frozen = credentials() if credentials is not None else None
        return {
            "access_key_id": frozen.access_key if frozen else "",
            "secret_access_key": frozen.secret_key if frozen else "",
            "token": frozen.token if frozen else None,
            "expires_at": datetime.now(UTC) + timedelta(seconds=CREDENTIAL_SECONDS),
        }

    def open_store(client: ClientConfig) -> S3Store:
        return S3Store(
            "unused",  # as in `virtual_hosted_style_request`
            config=config,
            client_options=client,
            retry_config=_ONCE,
            credential_provider=None if credentials is None else credential,
        )

    return ObstoreTransport(open_store, address.url, SHA256)


def azure_transport(
    url: str, account: str, container: str, credential: Callable[[], AzureCredential] | None
) -> ObstoreTransport | None:
    """Open a transport to a container; None if its requests would differ from those of the Azure SDK.

    The address is of the account's blob service, of an emulator with the account in its path. The account's
    name is part of what is signed. Without `credential` requests are unsigned.
    """
    if _is_affected_by_environment(os.environ, url, _AZURE_VARIABLES):
        return None
    config: AzureConfig = {
        "endpoint": url,
        "account_name": account,
        "container_name": container,
        "skip_signature": credential is None,
        "use_emulator": False,  # which would mean one fixed address
        "use_fabric_endpoint": False,
    }

    def open_store(client: ClientConfig) -> AzureStore:
        return AzureStore(
            config=config,
            client_options=client,
            retry_config=_ONCE,
            credential_provider=credential,
        )

    return ObstoreTransport(open_store, url)


def _is_affected_by_environment(
    environment: Mapping[str, str], url: str, names: tuple[str, ...]
) -> bool:
    """Whether variables of the process would change the requests of obstore."""
    if url.startswith("https:") and any(environment.get(name) for name in _TLS_VARIABLES):
        return True
    # obstore takes names in any case.
    return any(name.upper().startswith(names) for name in environment)


def _require_etag(name: str, tag: str | None) -> None:
    """Refuse a response without an ETag: it comes from a proxy or a login page."""
    if not tag:
        raise ValueError(name)


def _body(answer: obstore.GetResult, size: int, limit: int) -> bytes:
    """Read a body of known size, and refuse a longer or shorter one."""
    if size > limit:
        raise TooLargeError(size)
    body = io.BytesIO()
    if size:
        # Allocate once: `getvalue` of a full buffer copies nothing.
        body.seek(size - 1)
        body.write(b"\0")
        body.seek(0)
    for piece in answer.stream(min_chunk_size=STREAM_CHUNK_BYTES):
        if body.tell() + len(piece) > size:
            raise TooLargeError(None)
        body.write(piece)
    if body.tell() != size:
        raise TooLargeError(body.tell())
    return body.getvalue()
