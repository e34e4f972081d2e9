"""Objects in an S3 bucket, through s3fs and botocore.

s3fs opens the session. Reads, HEAD and listings call the S3 API directly, because s3fs sends a HEAD before each
GET and a LIST after each miss, and hides whether the key or the bucket is missing. With static settings
(`static_credentials`) all requests except listing and deleting use the fast path, and s3fs is imported only after
a failure.

Guarantee: one request per attempt (s3fs and botocore retry otherwise), and no open connection after `close`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.cloud.checksums import MD5, SHA256, md5_of, sha256_of
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.backends.cloud.service import BucketService, Page, TooLargeError
from gitmodel.domain.text.escape import without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.cloud.service import CloudClient
    from gitmodel.backends.s3.credentials import CredentialSource
    from gitmodel.domain.config.remote import Remote

READ_BYTES = 1 << 20
# A response to a listing has at least one of these.
_LISTING = ("Contents", "Name", "Prefix", "MaxKeys", "KeyCount")


class S3Service(BucketService):
    """Requests to one bucket, whose file system is opened with s3fs by `open_filesystem`.

    `login` is endpoint and profile; None for unsigned requests. A server-side copy needs two buckets with
    the same login. The credentials are for messages.
    """

    login: tuple[str | None, ...] | None = None
    permissions: ClassVar[dict[str, str]] = {
        "read": "s3:GetObject",
        "look for": "s3:GetObject and s3:ListBucket",
        "list": "s3:ListBucket",
        "write": "s3:PutObject",
        "create": "s3:PutObject",
        "delete": "s3:DeleteObject",
    }
    kinds: ClassVar[tuple[str, ...]] = (SHA256, MD5)
    certificates: ClassVar[str] = "AWS_CA_BUNDLE"
    _bucket_was_seen = False

    def __init__(
        self, credentials: CredentialSource, open_filesystem: Callable[[], Any], remote: Remote
    ) -> None:
        super().__init__(
            open_filesystem,
            remote.url.removeprefix("s3://"),
            url=remote.url,
            endpoint=without_user_info(remote.endpoint or "Amazon S3"),
        )
        self._credentials_source = credentials

    @property
    def endpoint(self) -> str:
        """The address that botocore uses, from the remote, the profile or the environment."""
        client = self._client
        return without_user_info(client.meta.endpoint_url) if client is not None else self._endpoint

    @property
    def failures(self) -> tuple[type[Exception], ...]:  # type: ignore[override] # known when needed
        """Exceptions of s3fs and botocore; imported after an exception only."""
        from gitmodel.backends.s3.faults import FAILURES

        return FAILURES

    @property
    def bucket_label(self) -> str:
        """The bucket, for messages."""
        return f"bucket {self.bucket}"

    def fetch(self, key: str, limit: int) -> bytes:
        """One GET, which stops at the limit."""
        return self._transfer(key, limit, {})

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        header = {"Range": f"bytes={start}-{start + size - 1}"}
        try:
            return self._transfer(key, size, header)
        except TooLargeError as error:  # the server ignored the range
            raise RequestFailure(FailureKind.REFUSED, "the server does not serve ranges") from error

    def put(self, key: str, data: bytes, *, exclusive: bool) -> str | None:
        mode = "create" if exclusive else "overwrite"
        answer = self._requests.run(self._pipe, key, data, mode=mode, ContentMD5=md5_of(data))
        if answer is not None and not answer.get("ETag"):
            # A proxy or captive portal answers 200 to any request; S3 adds an ETag.
            raise RequestFailure(
                FailureKind.NOT_A_STORE, "the response to the upload is not from S3"
            )
        self._bucket_was_seen = True
        return MD5

    def put_with_wrong_checksum(self, key: str, data: bytes, kind: str) -> None:
        wrong = data + b"changed"
        checksums = {
            MD5: {"ContentMD5": md5_of(wrong)},
            SHA256: {"ChecksumSHA256": sha256_of(wrong)},
        }
        self._requests.run(self._pipe, key, data, mode="overwrite", **checksums[kind])

    def can_copy_from(self, source: CloudClient) -> bool:
        """Whether both buckets have the same address and login."""
        return isinstance(source, S3Service) and None is not self.login == source.login

    def copy_from(self, source: CloudClient, key: str) -> None:
        """One CopyObject, which is atomic and takes up to 5 GiB."""
        if not isinstance(source, S3Service):
            raise TypeError(source)
        name = f"{source.bucket}/{source.object_name(key)}"
        self._call("copy_object", Key=self.object_name(key), CopySource=name)

    def remove(self, key: str) -> None:
        """Delete an object; S3 does not report a missing one."""
        self._call("delete_object", Key=self.object_name(key))

    def stat(self, key: str) -> int:
        """One HEAD."""
        try:
            found = self._call("head_object", Key=self.object_name(key))
        except FileNotFoundError as error:
            # A response to HEAD has no text, so it does not tell a missing object from a missing bucket.
            self._require_bucket()
            raise RequestFailure(FailureKind.MISSING, key) from error
        except OSError as error:
            answer = getattr(error.__cause__, "response", {})
            if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in {400, 403}:
                self._raise_reason(key)
            raise
        _require_etag(found)
        return int(found["ContentLength"])

    def _raise_reason(self, key: str) -> None:
        """Read one byte after a refused HEAD: only the response to a GET has the reason."""
        with contextlib.suppress(FileNotFoundError, TooLargeError):
            self._transfer(key, 1, {"Range": "bytes=0-0"})

    def page(self, prefix: str, token: str | None) -> Page:
        """One LIST of up to 1,000 objects."""
        more = {} if token is None else {"ContinuationToken": token}
        found = self._call("list_objects_v2", Prefix=self.object_name(prefix), **more)
        if found.keys().isdisjoint(_LISTING):
            raise RequestFailure(
                FailureKind.NOT_A_STORE, "the response to the listing is not from S3"
            )
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
        """Close the session on its event loop."""
        self._requests.close(self._close)

    def classify(self, error: Exception) -> RequestFailure:
        from gitmodel.backends.s3.faults import classify_error

        return classify_error(error, bucket=self.bucket, credentials=self._credentials_source)

    def restore_command(self, key: str) -> str:
        return (
            f"aws s3api restore-object --bucket {self.bucket} --key {self.object_name(key)} "
            "--restore-request Days=30"
        )

    @property
    def _client(self) -> Any:
        """The client of botocore; None until the first request."""
        return None if self.filesystem is None else self.filesystem._s3  # noqa: SLF001 - see above

    def _transfer(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        data: bytes = self._requests.run(self._download, key, limit, header)
        self._bucket_was_seen = True
        return data

    def _call(self, method: str, **arguments: str) -> Any:
        found = self._requests.run(self._ask, method, **arguments)
        self._bucket_was_seen = True
        return found

    def _require_bucket(self) -> None:
        """Raise the failure NO_BUCKET if the bucket does not exist; sends one request at most."""
        if self._bucket_was_seen:
            return
        try:
            self._call("head_bucket")
        except FileNotFoundError as error:
            raise RequestFailure(FailureKind.NO_BUCKET, "404 Not Found") from error
        except PermissionError:
            self._bucket_was_seen = True  # it exists, and HEAD is not permitted

    def open_transport(self) -> Transport | None:
        """Open a transport; None before the first request, which shows the URL of the bucket."""
        client = self._client
        if client is None or self.filesystem.last_request is None:
            return None
        from botocore import UNSIGNED

        from gitmodel.backends.cloud.obstore import S3Address, s3_transport

        sent = self.filesystem.last_request
        signature = client.meta.config.signature_version
        url = sent.bucket_url(self.bucket, client.meta.endpoint_url)
        if url is None or signature not in {"s3v4", UNSIGNED}:
            return None
        if url.startswith("https:") and self.filesystem.session.get_config_variable("ca_bundle"):
            return None  # obstore does not read these certificates
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

    async def _ask(self, method: str, **arguments: str) -> Any:
        call = self.filesystem._call_s3  # noqa: SLF001 - what `call_s3` wraps, for this loop
        return await call(method, Bucket=self.bucket, **arguments)

    async def _pipe(self, key: str, data: bytes, **options: str) -> Any:
        pipe_file = self.filesystem._pipe_file  # noqa: SLF001 - fsspec's asynchronous interface
        return await pipe_file(self.path(key), data, **options)

    async def _credentials(self) -> Any:
        credentials = await self.filesystem.session.get_credentials()
        if credentials is None:
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError
        return await credentials.get_frozen_credentials()

    async def _close(self) -> None:
        if self._client is not None:
            # s3fs has no public method that waits until the session is closed.
            await self.filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001

    async def _download(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        name = self.object_name(key)
        answer = await self._ask("get_object", Key=name, **header)
        body = answer["Body"]
        try:
            _require_etag(answer)
            if header and answer.get("ContentRange", "").partition("-")[0] != (
                header["Range"].partition("-")[0].replace("=", " ")
            ):
                raise TooLargeError(None)
            if answer["ContentLength"] > limit:
                raise TooLargeError(answer["ContentLength"])
            data = bytearray()
            while block := await body.read(READ_BYTES):
                data += block
                if len(data) > limit:  # a server may send more than its Content-Length
                    raise TooLargeError(None)
            return bytes(data)
        finally:
            body.close()


def _require_etag(answer: Mapping[str, Any]) -> None:
    """Refuse a response without an ETag: it comes from a proxy or a login page."""
    if not answer.get("ETag"):
        raise RequestFailure(FailureKind.NOT_A_STORE, "its response has no ETag")
