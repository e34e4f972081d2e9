"""Objects in an S3 bucket, through s3fs, or through obstore where settings are plain.

Opened and authorised by s3fs and botocore; reading, looking and listing go to the API calls beneath,
because s3fs's own cost a HEAD before each GET, and a LIST after each miss, and hide whether the key or
the bucket is missing. Where the person's settings are plain (`s3_plain.py`) all but listing and deleting
goes through obstore, and s3fs is imported only if something goes wrong; else packs go through it
(`transport.py`).

Guaranteed: one request a try (s3fs and botocore both retry on their own otherwise), and no connection
left open after `close`, so nothing is printed when the interpreter ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.cloud.checksums import MD5, SHA256, md5_of, sha256_of
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
from gitmodel.backends.cloud.service import BucketService, Page, TooLargeError
from gitmodel.domain.text.escape import without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.cloud.service import CloudClient
    from gitmodel.backends.s3.credentials import Person
    from gitmodel.domain.config.remote import Remote

BLOCK_BYTES = 1 << 20
# What an answer to a listing has one of, however empty it is.
_LISTING = ("Contents", "Name", "Prefix", "MaxKeys", "KeyCount")


class S3Service(BucketService):
    """Requests to one bucket.

    Args:
        person: Whose credentials sign them, for messages.
        open_filesystem: See `BucketService`.
        remote: The bucket.

    Attributes:
        login: Endpoint and profile, to tell whether a request to one bucket may name another
            one as the source of a copy; None where requests are not signed.
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

    def __init__(self, person: Person, open_filesystem: Callable[[], Any], remote: Remote) -> None:
        super().__init__(
            open_filesystem,
            remote.url.removeprefix("s3://"),
            url=remote.url,
            endpoint=without_user_info(remote.endpoint or "Amazon S3"),
        )
        self._person = person

    @property
    def endpoint(self) -> str:
        """Address that botocore settled on, from the remote, the profile or the environment."""
        client = self._client
        return without_user_info(client.meta.endpoint_url) if client is not None else self._endpoint

    @property
    def failures(self) -> tuple[type[Exception], ...]:  # type: ignore[override] # known when needed
        """What s3fs and botocore raise; asked for only when something was raised."""
        from gitmodel.backends.s3.faults import FAILURES

        return FAILURES

    @property
    def place(self) -> str:
        """The bucket."""
        return f"bucket {self.bucket}"

    def fetch(self, key: str, limit: int) -> bytes:
        """See `CloudClient.fetch`: one GET, broken off where the answer is too long."""
        return self._transfer(key, limit, {})

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        """See `CloudClient.fetch_range`."""
        header = {"Range": f"bytes={start}-{start + size - 1}"}
        try:
            return self._transfer(key, size, header)
        except TooLargeError as error:  # the range was ignored: the bytes are other ones
            raise RequestFailure(FaultKind.REFUSED, "the server does not serve ranges") from error

    def put(self, key: str, data: bytes, *, exclusive: bool) -> str | None:
        """See `CloudClient.put`."""
        mode = "create" if exclusive else "overwrite"
        answer = self._requests.run(self._pipe, key, data, mode=mode, ContentMD5=md5_of(data))
        if answer is not None and not answer.get("ETag"):
            # A proxy or captive portal says 200 to anything; S3 says what it stored.
            raise RequestFailure(FaultKind.STRANGER, "the answer to the upload is not one of S3")
        self._bucket_was_seen = True
        return MD5

    def put_wrong(self, key: str, data: bytes, kind: str) -> None:
        """See `CloudClient.put_wrong`."""
        wrong = data + b"changed"
        checksums = {
            MD5: {"ContentMD5": md5_of(wrong)},
            SHA256: {"ChecksumSHA256": sha256_of(wrong)},
        }
        self._requests.run(self._pipe, key, data, mode="overwrite", **checksums[kind])

    def can_copy_from(self, source: CloudClient) -> bool:
        """See `CloudClient.can_copy_from`: buckets at one address, with one login."""
        return isinstance(source, S3Service) and None is not self.login == source.login

    def copy_from(self, source: CloudClient, key: str) -> None:
        """See `CloudClient.copy_from`: one CopyObject, which is atomic and takes up to 5 GiB."""
        if not isinstance(source, S3Service):
            raise TypeError(source)
        name = f"{source.bucket}/{source.object_name(key)}"
        self._call("copy_object", Key=self.object_name(key), CopySource=name)

    def remove(self, key: str) -> None:
        """See `CloudClient.remove`; S3 answers the same whether it was there or not."""
        self._call("delete_object", Key=self.object_name(key))

    def stat(self, key: str) -> int:
        """See `CloudClient.stat`: one HEAD."""
        try:
            found = self._call("head_object", Key=self.object_name(key))
        except FileNotFoundError as error:
            # A HEAD answer has no text, so it does not say what is missing: object or bucket.
            self._require_bucket()
            raise RequestFailure(FaultKind.MISSING, key) from error
        except OSError as error:
            answer = getattr(error.__cause__, "response", {})
            if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in {400, 403}:
                self._say_why(key)
            raise
        _require_tag(found)
        return int(found["ContentLength"])

    def _say_why(self, key: str) -> None:
        """Ask for one byte after a HEAD was refused: only the answer to a GET says why, in a text."""
        with contextlib.suppress(FileNotFoundError, TooLargeError):
            self._transfer(key, 1, {"Range": "bytes=0-0"})

    def page(self, prefix: str, token: str | None) -> Page:
        """See `CloudClient.page`: one LIST of up to 1,000 objects."""
        more = {} if token is None else {"ContinuationToken": token}
        found = self._call("list_objects_v2", Prefix=self.object_name(prefix), **more)
        if found.keys().isdisjoint(_LISTING):
            raise RequestFailure(FaultKind.STRANGER, "the answer to a listing is not one of S3")
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
        """See `CloudClient.close`: ends the session on the loop where it lives."""
        self._requests.close(self._close)

    def fault(self, error: Exception) -> RequestFailure:
        """See `CloudClient.fault`."""
        from gitmodel.backends.s3.faults import fault_of

        return fault_of(error, bucket=self.bucket, person=self._person)

    def restoring(self, key: str) -> str:
        """See `CloudClient.restoring`."""
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
        """Raise the fault NO_ROOT if the bucket is not there; asked once at most."""
        if self._bucket_was_seen:
            return
        try:
            self._call("head_bucket")
        except FileNotFoundError as error:
            raise RequestFailure(FaultKind.NO_ROOT, "404 Not Found") from error
        except PermissionError:
            self._bucket_was_seen = True  # it is there, we may not look at it

    def open_transport(self) -> Transport | None:
        """See `CloudClient.open_transport`: None until a request has shown where requests go."""
        client = self._client
        if client is None or self.filesystem.sent is None:
            return None
        from botocore import UNSIGNED

        from gitmodel.backends.cloud.obstore import S3Address, s3_transport

        sent = self.filesystem.sent
        signature = client.meta.config.signature_version
        url = sent.bucket_url(self.bucket, client.meta.endpoint_url)
        if url is None or signature not in {"s3v4", UNSIGNED}:
            return None
        if url.startswith("https:") and self.filesystem.session.get_config_variable("ca_bundle"):
            return None  # certificates that obstore does not know
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
            # s3fs has no public way to close that waits until it is done.
            await self.filesystem._s3creator.__aexit__(None, None, None)  # noqa: SLF001

    async def _download(self, key: str, limit: int, header: Mapping[str, str]) -> bytes:
        name = self.object_name(key)
        answer = await self._ask("get_object", Key=name, **header)
        body = answer["Body"]
        try:
            _require_tag(answer)
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


def _require_tag(answer: Mapping[str, Any]) -> None:
    """Refuse an answer without an ETag: every object has one, and a login page says 200 too."""
    if not answer.get("ETag"):
        raise RequestFailure(FaultKind.STRANGER, "an object of S3 has an ETag")
