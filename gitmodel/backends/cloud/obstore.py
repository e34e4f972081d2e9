"""Requests through obstore, the Python side of Rust's `object_store`; the only importer of obstore.

Its synchronous calls release the interpreter lock and are called from threads. (The asynchronous ones
aborted the interpreter at exit in 5 of 12 runs; these in none.) It decides nothing: address and
credentials are those that s3fs and adlfs settled on, and it tries once.

obstore takes settings from the environment that the other libraries do not know, and offers no way
not to. What can be set is set here; where a variable says what cannot be unset, there is no transport.
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
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
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

# A body is copied once, from pieces of this size: eight packs of 8 MiB at a time then peak at
# 80 MiB, against 136 MiB with whole bodies.
PIECE_BYTES = 256 << 10
# obstore's read timeout also runs while a body is sent, so uploads have a time for the whole: eight
# packs of 8 MiB at 0.28 MB/s. On a slower line the usual way, which sees progress, takes over.
PUT_TIMEOUT_SECONDS = 240
SMALL_BYTES = 1 << 20
# Only against a server that sends a byte now and then; silence ends a GET much sooner.
GET_TIMEOUT_SECONDS = 3600
# botocore renews credentials that end within 10 minutes, so what it gives is good for as long.
# obstore asks again 5 minutes before, and asking costs nothing as long as nothing is to be renewed.
CREDENTIAL_SECONDS = 600
# What obstore would send because of these (or of names that begin so), and s3fs and adlfs would not.
_S3_VARIABLES = ("AWS_CHECKSUM_ALGORITHM", "AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_")
_AZURE_VARIABLES = ("AZURE_ENCRYPTION_KEY",)
# What the two kinds of store call an object that is not there, in a bucket that is.
_MISSING_CODES = {"NoSuchKey", "BlobNotFound"}
_CODE = lazy_compile(r"<Code>(\w+)</Code>")
# Certificates that botocore and aiohttp trust and obstore does not, or the other way round.
_TLS_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Address:
    """Where and how botocore sends requests to a bucket.

    Args:
        url: Address of the bucket itself, with the bucket's name in host or path.
        region: What requests are signed for.
        sse: Encryption of new objects, or None.
        sse_kms_key_id: Its key, or None.
    """

    url: str
    region: str
    sse: str | None = None
    sse_kms_key_id: str | None = None


class ObstoreTransport:
    """See `gitmodel.backends.cloud.fast_path.Transport`.

    Args:
        open_store: Makes a store of obstore with these options of its client. There are some, because
            obstore sets these things per store.
        url: Address, to know whether it is http.
        check: Kind of checksum (`checks.py`) that those stores send with each body.
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
        """See `Transport.get`."""
        with self._answers(name):
            answer = obstore.get(self._store("get"), name)
            _require_tag(name, answer.meta["e_tag"])
            return _body(answer, answer.meta["size"], limit)

    def get_range(self, name: str, start: int, size: int) -> bytes:
        """See `Transport.get_range`."""
        with self._answers(name):
            span = (start, start + size)
            answer = obstore.get(self._store("get"), name, options={"range": span})
            _require_tag(name, answer.meta["e_tag"])
            first, end = answer.range
            return _body(answer, end - first, size)

    def put(self, name: str, data: bytes) -> str | None:
        """See `Transport.put`."""
        return self._put(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> str | None:
        """See `Transport.create`."""
        try:
            return self._put(name, data, "create")
        except AlreadyExistsError as error:
            raise RequestFailure(FaultKind.EXISTS, name) from error

    def size(self, name: str) -> int:
        """See `Transport.size`."""
        with self._answers(name, verb="HEAD"):
            found = obstore.head(self._store("get"), name)
            _require_tag(name, found["e_tag"])
            return int(found["size"])

    def close(self) -> None:
        """See `Transport.close`; requests that are under way keep their connection to their end."""
        with self._lock:
            self._stores.clear()

    def _put(self, name: str, data: bytes, mode: Literal["create", "overwrite"]) -> str | None:
        verb = "put small" if len(data) <= SMALL_BYTES else "put"
        answer = obstore.put(self._store(verb), name, data, use_multipart=False, mode=mode)
        _require_tag(name, answer["e_tag"])
        self._root_was_seen = True
        return self._check

    @contextlib.contextmanager
    def _answers(self, name: str, *, verb: str = "GET") -> Iterator[None]:
        """Pass on that an object is missing, if that and nothing else was said.

        A 404 can also mean the bucket, or come from a stranger in between; and a HEAD's has no text.
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
            raise RequestFailure(FaultKind.MISSING, name) from error
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
        elif verb == "put small":  # sending it takes no time to speak of
            client["timeout"] = timedelta(seconds=READ_TIMEOUT_SECONDS)
        else:
            client["timeout"] = timedelta(seconds=GET_TIMEOUT_SECONDS)
            client["read_timeout"] = timedelta(seconds=READ_TIMEOUT_SECONDS)
        return client


_ONCE: RetryConfig = {"max_retries": 0}


def s3_transport(
    address: S3Address, credentials: Callable[[], Any] | None
) -> ObstoreTransport | None:
    """Open the way to a bucket, or None where requests would not be those of s3fs.

    Args:
        address: Where.
        credentials: Returns frozen credentials of botocore; None sends requests unsigned.
    """
    if _is_hindered(os.environ, address.url, _S3_VARIABLES):
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
    """Open the way to a container, or None where requests would not be those of the Azure SDK.

    Args:
        url: Address of the account's blob service; of an emulator with the account in its path.
        account: Name of the account; part of what is signed.
        container: Name of the container.
        credential: Returns what to log in with; None sends requests unsigned.
    """
    if _is_hindered(os.environ, url, _AZURE_VARIABLES):
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


def _is_hindered(environment: Mapping[str, str], url: str, names: tuple[str, ...]) -> bool:
    """Whether variables of the process would make obstore's requests other ones."""
    if url.startswith("https:") and any(environment.get(name) for name in _TLS_VARIABLES):
        return True
    # obstore takes names in any case.
    return any(name.upper().startswith(names) for name in environment)


def _require_tag(name: str, tag: str | None) -> None:
    """Refuse an answer of a proxy or a login page, which says 200 to anything; an object has a tag."""
    if not tag:
        raise ValueError(name)


def _body(answer: obstore.GetResult, size: int, limit: int) -> bytes:
    """Read a body of known size; more is never read, whatever a server sends."""
    if size > limit:
        raise TooLargeError(size)
    body = io.BytesIO()
    if size:
        # All memory at once; `getvalue` of a buffer that is full copies nothing.
        body.seek(size - 1)
        body.write(b"\0")
        body.seek(0)
    for piece in answer.stream(min_chunk_size=PIECE_BYTES):
        if body.tell() + len(piece) > size:
            raise TooLargeError(None)
        body.write(piece)
    if body.tell() != size:
        raise TooLargeError(body.tell())
    return body.getvalue()
