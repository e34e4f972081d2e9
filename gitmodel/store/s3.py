"""Objects in an S3 bucket, through s3fs.

Opened and authorised by s3fs and botocore; reading, looking and listing go to the API calls beneath,
because s3fs's own cost a HEAD before each GET, and a LIST after each miss, and hide whether the key or
the bucket is missing. Packs take obstore where it sends the same requests (`transport.py`).

Guaranteed: one request a try (s3fs and botocore both retry on their own otherwise), and no connection
left open after `close`, so nothing is printed when the interpreter ends.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
from botocore import UNSIGNED
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
from gitmodel.store.cloud_errors import without_user
from gitmodel.store.keys import ObjectInfo
from gitmodel.store.loop import RequestLoop
from gitmodel.store.retry import Fault, FaultKind
from gitmodel.store.s3_address import Sent
from gitmodel.store.s3_faults import fault_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.remote import Remote
    from gitmodel.store.retry import Retrier
    from gitmodel.store.transport import Transport

BLOCK_BYTES = 1 << 20
_CHECKSUM_LIMIT = 1 << 20  # bytes: claims, markers, all but the largest manifests
# More than the eight packs in flight, so that a claim need not wait for one of them.
CONNECTIONS = 16


class _FileSystem(S3FileSystem):  # type: ignore[misc] # s3fs has no types
    """s3fs with one try, and without the settings that fsspec takes from its own files and variables.

    Those are looked up by protocol name; a name of our own finds none (FSSPEC_S3_KEY and the like).
    """

    protocol = "gitmodel-s3"
    retries = 1
    sent: Sent | None = None

    async def set_session(self, *arguments: Any, **options: Any) -> Any:
        """Return the client, as s3fs asks for it before each request."""
        client = await super().set_session(*arguments, **options)
        events = client.meta.events
        events.register("request-created.s3", self._remember, unique_id="gitmodel")
        return client

    def _remember(self, request: Any, **_: Any) -> None:
        self.sent = Sent(request.url, request.context.get("signing", {}).get("region"))


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

    def __init__(self, filesystem: _FileSystem, root: str, *, url: str, endpoint: str) -> None:
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
        self._call("delete_object", Key=self.object_name(key))

    def stat(self, key: str) -> int:
        """See `Service.stat`: one HEAD."""
        try:
            found = self._call("head_object", Key=self.object_name(key))
        except FileNotFoundError as error:
            # A HEAD answer has no text, so it does not say what is missing: object or bucket.
            self._require_bucket()
            raise Fault(FaultKind.MISSING, key) from error
        return int(found["ContentLength"])

    def page(self, prefix: str, token: str | None) -> Page:
        """See `Service.page`: one LIST of up to 1,000 objects."""
        more = {} if token is None else {"ContinuationToken": token}
        found = self._call("list_objects_v2", Prefix=self.object_name(prefix), **more)
        cut = len(self.object_name(""))
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
        return fault_of(error, bucket=self.bucket)

    def object_name(self, key: str) -> str:
        """See `Service.object_name`."""
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

    def open_transport(self) -> Transport | None:
        """See `Service.open_transport`: None until a request has shown where requests go."""
        sent, client = self.filesystem.sent, self.filesystem._s3  # noqa: SLF001 - None until the first request
        if sent is None or client is None:
            return None
        signature = client.meta.config.signature_version
        url = sent.bucket_url(self.bucket, client.meta.endpoint_url)
        if url is None or signature not in {"s3v4", UNSIGNED}:
            return None
        if url.startswith("https:") and self.filesystem.session.get_config_variable("ca_bundle"):
            return None  # certificates that obstore does not know
        from gitmodel.store.obstore_transport import S3Address, s3_transport

        encryption = self.filesystem.s3_additional_kwargs
        address = S3Address(
            url=url,
            region=sent.region or client.meta.region_name,
            sse=encryption.get("ServerSideEncryption"),
            sse_kms_key_id=encryption.get("SSEKMSKeyId"),
        )
        unsigned = signature is UNSIGNED
        return s3_transport(address, None if unsigned else self._frozen_credentials)

    def _frozen_credentials(self) -> Any:
        return self._requests.run(self._credentials)

    async def _credentials(self) -> Any:
        credentials = await self.filesystem.session.get_credentials()
        if credentials is None:
            raise boto.NoCredentialsError
        return await credentials.get_frozen_credentials()

    async def _close(self) -> None:
        if self.filesystem._s3 is not None:  # noqa: SLF001 - None until the first request
            # s3fs has no public way to close that waits until it is done.
            await self.filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001

    async def _download(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        name = self.object_name(key)
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


def open_s3(
    remote: Remote, *, trusted: bool, profile: str | None, quick: bool, retrier: Retrier | None
) -> CloudBackend:
    """Open the bucket that a remote names; see `gitmodel.store.backend.open_backend`.

    Args:
        remote: The bucket.
        trusted: See there.
        profile: See there.
        quick: Packs may take a transport; never to a stranger's endpoint.
        retrier: See there.
    """
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
    quick = quick and not foreign
    return CloudBackend(service, retrier=retrier, writable=not foreign, quick=quick)
