"""Objects in an S3 bucket, through s3fs.

Opened and authorised by s3fs and botocore; reading, looking and listing go to the API calls beneath,
because s3fs's own cost a HEAD before each GET, and a LIST after each miss, and hide whether the key or
the bucket is missing.

Guaranteed: one request a try (s3fs and botocore both retry on their own otherwise), and no connection
left open after `close`, so nothing is printed when the interpreter ends.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from s3fs import S3FileSystem

from gitmodel.store.cloud import (
    CONNECT_TIMEOUT_SECONDS,
    READ_TIMEOUT_SECONDS,
    CloudBackend,
    Page,
    Service,
    TooLargeError,
)
from gitmodel.store.cloud_errors import one_line, without_user
from gitmodel.store.keys import ObjectInfo
from gitmodel.store.loop import RequestLoop
from gitmodel.store.retry import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.remote import Remote
    from gitmodel.store.retry import Retrier

BLOCK_BYTES = 1 << 20
_CHECKSUM_LIMIT = 1 << 20  # bytes: claims, markers, all but the largest manifests
# More than the eight packs in flight, so that a claim need not wait for one of them.
CONNECTIONS = 16

_KIND_OF_CODE = {
    "NoSuchBucket": FaultKind.NO_ROOT,
    "NoSuchKey": FaultKind.MISSING,
    "PreconditionFailed": FaultKind.EXISTS,
    "InvalidRange": FaultKind.SHORT,
    # Two creates of one key at the same moment: S3 asks to send the loser's again.
    "ConditionalRequestConflict": FaultKind.BUSY,
    "OperationAborted": FaultKind.BUSY,
    "RequestTimeout": FaultKind.BUSY,
    "SlowDown": FaultKind.BUSY,
    "Throttling": FaultKind.BUSY,
    "ThrottlingException": FaultKind.BUSY,
    # The body changed on its way.
    "BadDigest": FaultKind.BROKEN,
    "IncompleteBody": FaultKind.BROKEN,
    "XAmzContentSHA256Mismatch": FaultKind.BROKEN,
    "RequestTimeTooSkewed": FaultKind.CLOCK,
    "RequestExpired": FaultKind.CLOCK,
    "ExpiredToken": FaultKind.DENIED,
    "InvalidToken": FaultKind.DENIED,
    "TokenRefreshRequired": FaultKind.DENIED,
    "PermanentRedirect": FaultKind.WRONG_REGION,
    "TemporaryRedirect": FaultKind.WRONG_REGION,
    "IllegalLocationConstraintException": FaultKind.WRONG_REGION,
}
_KIND_OF_STATUS = {
    301: FaultKind.WRONG_REGION,
    307: FaultKind.WRONG_REGION,
    401: FaultKind.DENIED,
    403: FaultKind.DENIED,
    404: FaultKind.MISSING,
    408: FaultKind.BUSY,
    409: FaultKind.EXISTS,  # some stores say so instead of 412; what is stored decides
    412: FaultKind.EXISTS,
    416: FaultKind.SHORT,
    429: FaultKind.BUSY,
    501: FaultKind.REFUSED,
}
_BAD_CREDENTIALS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.TokenRetrievalError,
)
_UNREACHABLE = (
    boto.ConnectTimeoutError,
    boto.EndpointConnectionError,
    boto.ProxyConnectionError,
    boto.SSLError,
)
_BROKEN = (
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    ResponseParserError,  # an answer that is not S3's: a proxy, a captive portal
    aiohttp.ClientError,
    TimeoutError,
    ConnectionError,
)


class _FileSystem(S3FileSystem):  # type: ignore[misc] # s3fs has no types
    """s3fs with one try, and without the settings that fsspec takes from its own files and variables.

    Those are looked up by protocol name; a name of our own finds none (FSSPEC_S3_KEY and the like).
    """

    protocol = "gitmodel-s3"
    retries = 1


class S3Service(Service):
    """Requests to one bucket."""

    permissions: ClassVar[dict[str, str]] = {
        "read": "s3:GetObject",
        "look for": "s3:GetObject and s3:ListBucket",
        "list": "s3:ListBucket",
        "write": "s3:PutObject",
        "create": "s3:PutObject",
        "delete": "s3:DeleteObject",
    }
    failures: ClassVar[tuple[type[Exception], ...]] = (
        OSError,
        ValueError,  # botocore, for an endpoint that is no URL
        ResponseParserError,
        aiohttp.ClientError,
        boto.BotoCoreError,
        boto.ClientError,
    )

    def __init__(self, filesystem: S3FileSystem, root: str, *, url: str, endpoint: str) -> None:
        super().__init__(filesystem, root, url=url, endpoint=endpoint)
        self.bucket, _, self.prefix = root.partition("/")
        self._bucket_was_seen = False
        self._requests = RequestLoop(filesystem.loop)

    @property
    def endpoint(self) -> str:
        """Address that botocore settled on, from the remote, the profile or the environment."""
        client = self.filesystem._s3  # noqa: SLF001 - None until the first request
        return without_user(client.meta.endpoint_url) if client is not None else self._endpoint

    @property
    def place(self) -> str:
        """The bucket."""
        return f"bucket {self.bucket}"

    def fetch(self, key: str, limit: int) -> bytes:
        """See `Service.fetch`: one GET, broken off where the answer is too long."""
        return self._transfer(key, limit, {})

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        """See `Service.fetch_range`."""
        header = {"Range": f"bytes={start}-{start + size - 1}"}
        try:
            return self._transfer(key, size, header)
        except TooLargeError as error:  # the range was ignored: the bytes are other ones
            raise Fault(FaultKind.REFUSED, "the server does not serve ranges") from error

    def put(self, key: str, data: bytes, *, exclusive: bool) -> None:
        """See `Service.put`."""
        mode = "create" if exclusive else "overwrite"
        pipe_file = self.filesystem._pipe_file  # noqa: SLF001 - fsspec's asynchronous interface
        answer = self._requests.run(
            pipe_file, self.path(key), data, mode=mode, **_checksum_of(data)
        )
        if answer is not None and not answer.get("ETag"):
            # A proxy or captive portal says 200 to anything; S3 says what it stored.
            raise Fault(FaultKind.REFUSED, "the answer to the upload is not one of S3")
        self._bucket_was_seen = True

    def remove(self, key: str) -> None:
        """See `Service.remove`; S3 answers the same whether it was there or not."""
        self._call("delete_object", Key=self._object(key))

    def stat(self, key: str) -> int:
        """See `Service.stat`: one HEAD."""
        try:
            found = self._call("head_object", Key=self._object(key))
        except FileNotFoundError as error:
            # A HEAD answer has no text, so it does not say what is missing: object or bucket.
            self._require_bucket()
            raise Fault(FaultKind.MISSING, key) from error
        return int(found["ContentLength"])

    def page(self, prefix: str, token: str | None) -> Page:
        """See `Service.page`: one LIST of up to 1,000 objects."""
        more = {} if token is None else {"ContinuationToken": token}
        found = self._call("list_objects_v2", Prefix=self._object(prefix), **more)
        cut = len(self._object(""))
        infos = [
            ObjectInfo(
                key=entry["Key"][cut:],
                size=int(entry["Size"]),
                modified=entry["LastModified"].timestamp(),
                etag=entry.get("ETag", ""),
            )
            for entry in found.get("Contents", ())
        ]
        return infos, found.get("NextContinuationToken") if found.get("IsTruncated") else None

    def close(self) -> None:
        """See `Service.close`: ends the session on the loop where it lives."""
        self._requests.close(self._close)

    def fault(self, error: Exception) -> Fault:
        """See `Service.fault`."""
        answer = error if isinstance(error, boto.ClientError) else error.__cause__
        if isinstance(answer, boto.ClientError):
            return self._fault_of_answer(answer.response)
        return _fault_without_answer(error)

    def _fault_of_answer(self, response: Mapping[str, Any]) -> Fault:
        error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
        code, status = str(error.get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
        headers = metadata.get("HTTPHeaders", {})
        kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
        region = error.get("Region") or headers.get("x-amz-bucket-region")
        if code == "AuthorizationHeaderMalformed":
            kind = FaultKind.WRONG_REGION if region else FaultKind.DENIED
        if kind is None:
            kind = FaultKind.BUSY if status >= 500 else FaultKind.REFUSED
        detail = one_line(f"{status} {code}: {error.get('Message', '')}".removesuffix(": "))
        hint = _hint_for(kind, code, region, bucket=self.bucket)
        wait = headers.get("retry-after", "")
        seconds = float(wait) if wait.isascii() and wait.isdigit() else None
        return Fault(kind, detail, hint=hint, retry_after_seconds=seconds)

    def _object(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _transfer(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        data: bytes = self._requests.run(self._download, key, limit, header)
        self._bucket_was_seen = True
        return data

    def _call(self, method: str, **arguments: str) -> Any:
        call = self.filesystem._call_s3  # noqa: SLF001 - what `call_s3` wraps, for this loop
        found = self._requests.run(call, method, Bucket=self.bucket, **arguments)
        self._bucket_was_seen = True
        return found

    def _require_bucket(self) -> None:
        """Raise the fault NO_ROOT if the bucket is not there; asked once at most."""
        if self._bucket_was_seen:
            return
        try:
            self._call("head_bucket")
        except FileNotFoundError as error:
            raise Fault(FaultKind.NO_ROOT, "404 Not Found") from error
        except PermissionError:
            self._bucket_was_seen = True  # it is there, we may not look at it

    async def _close(self) -> None:
        if self.filesystem._s3 is not None:  # noqa: SLF001 - None until the first request
            # s3fs has no public way to close that waits until it is done.
            await self.filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001

    async def _download(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        name = self._object(key)
        answer = await self.filesystem._call_s3(  # noqa: SLF001 - what `call_s3` wraps, for this loop
            "get_object", Bucket=self.bucket, Key=name, **header
        )
        body = answer["Body"]
        try:
            if header and answer.get("ContentRange", "").partition("-")[0] != (
                header["Range"].partition("-")[0].replace("=", " ")
            ):
                raise TooLargeError(None)
            if answer["ContentLength"] > limit:
                raise TooLargeError(answer["ContentLength"])
            data = bytearray()
            while block := await body.read(BLOCK_BYTES):
                data += block
                if len(data) > limit:  # a server may send more than it announced
                    raise TooLargeError(None)
            return bytes(data)
        finally:
            body.close()


def _checksum_of(data: bytes) -> dict[str, str]:
    """What lets the store notice that the body of a small upload changed on its way.

    SeaweedFS stored a manifest with a bit flipped by a proxy and said 200: without TLS nothing else
    looks (measured). Packs go without: MD5 would cost a core 1.4 s a GiB.
    """
    if len(data) > _CHECKSUM_LIMIT:
        return {}
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(digest).decode("ascii")}


def _fault_without_answer(error: Exception) -> Fault:
    """Classify what botocore, aiohttp and s3fs raise when there is no answer of the store."""
    detail = one_line(str(error)) or type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        hint = "aws configure, or git config gitmodel.profile NAME for another profile"
        return Fault(FaultKind.DENIED, detail, hint=hint)
    if isinstance(error, _UNREACHABLE):
        return Fault(FaultKind.UNREACHABLE, detail)
    if isinstance(error, _BROKEN):
        return Fault(FaultKind.BROKEN, detail)
    return Fault(FaultKind.REFUSED, detail)


def _hint_for(kind: FaultKind, code: str, region: str | None, *, bucket: str) -> str | None:
    if kind is FaultKind.WRONG_REGION and region and region.replace("-", "").isalnum():
        return f"git config gitmodel.region {region}"
    if kind is FaultKind.WRONG_REGION:
        return f"aws s3api get-bucket-location --bucket {bucket}, then git config gitmodel.region"
    if kind is FaultKind.DENIED and code in _BAD_CREDENTIALS:
        return "aws sts get-caller-identity shows whose credentials are used; log in again"
    return None


def open_s3(
    remote: Remote, *, trusted: bool, profile: str | None, retrier: Retrier | None
) -> CloudBackend:
    """Open the bucket that a remote names; see `gitmodel.store.backend.open_backend`."""
    foreign = remote.is_foreign and not trusted
    config = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": READ_TIMEOUT_SECONDS,
        "max_pool_connections": CONNECTIONS,
        "retries": {"total_max_attempts": 1},
        # The CRC headers that botocore adds by default break many compatible stores, and every
        # byte is checked against its name anyway.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    if remote.addressing != "auto":
        config["s3"] = {"addressing_style": remote.addressing}
    encryption = {"ServerSideEncryption": remote.sse, "SSEKMSKeyId": remote.sse_kms_key_id}
    filesystem = _FileSystem(
        anon=remote.anonymous or foreign,
        endpoint_url=remote.endpoint,
        client_kwargs={"region_name": remote.region} if remote.region else {},
        config_kwargs=config,
        s3_additional_kwargs={name: value for name, value in encryption.items() if value},
        skip_instance_cache=True,
        use_listings_cache=False,
        **({"profile": profile} if profile and not foreign else {}),
    )
    root = remote.url.removeprefix("s3://")
    endpoint = without_user(remote.endpoint or "Amazon S3")
    service = S3Service(filesystem, root, url=remote.url, endpoint=endpoint)
    return CloudBackend(service, retrier=retrier, writable=not foreign)
