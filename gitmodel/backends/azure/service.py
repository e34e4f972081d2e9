"""Objects in an Azure Blob container, through adlfs and the Azure SDK.

Reads, HEAD and listings call the client of the SDK directly, because adlfs sends a LIST after each miss and hides
whether the blob or the container is missing. With a key or a signature in the environment all requests except
listing and deleting use the fast path, and adlfs is imported only after a failure.

One attempt is one request, with one exception: the SDK itself requests an interrupted body up to three times, a
second apart, and has no option to disable that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gitmodel.backends.azure.account import transport_credential
from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.cloud.checksums import MD5, md5_of
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.backends.cloud.service import BucketService, Page, TooLargeError
from gitmodel.domain.text.escape import without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.storage.blob.aio import BlobServiceClient

    from gitmodel.backends.azure.account import Account
    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.domain.config.remote import Remote

LIST_PAGE = 1000


class AzureService(BucketService):
    """Requests to one container, whose file system is opened with adlfs by `open_filesystem`."""

    permissions: ClassVar[dict[str, str]] = {
        "read": "the role Storage Blob Data Reader",
        "look for": "the role Storage Blob Data Reader",
        "list": "the role Storage Blob Data Reader",
        "write": "the role Storage Blob Data Contributor",
        "create": "the role Storage Blob Data Contributor",
        "delete": "the role Storage Blob Data Contributor",
    }
    address_command: ClassVar[str] = "gitmodel remote list"
    kinds: ClassVar[tuple[str, ...]] = (MD5,)

    def __init__(
        self,
        account: Account,
        open_filesystem: Callable[[], Any],
        remote: Remote,
        *,
        anonymous: bool,
    ) -> None:
        super().__init__(
            open_filesystem,
            remote.url.removeprefix("az://"),
            url=remote.url,
            endpoint=without_user_info(account.url or "Azure Blob Storage"),
        )
        self._signature = None if anonymous else account.signature()

    @property
    def endpoint(self) -> str:
        """Address of the account's blob service."""
        if self.filesystem is None:
            return self._endpoint
        return without_user_info(self._client.url.partition("?")[0].rstrip("/"))

    @property
    def failures(self) -> tuple[type[Exception], ...]:  # type: ignore[override] # known when needed
        """Exceptions of adlfs and the Azure SDK; imported after an exception only."""
        from gitmodel.backends.azure.faults import FAILURES

        return FAILURES

    @property
    def bucket_label(self) -> str:
        """The container, for messages."""
        return f"container {self.bucket}"

    def fetch(self, key: str, limit: int) -> bytes:
        """One GET of at most one byte more than allowed."""
        data: bytes = self._requests.run(self._download, key, 0, limit + 1)
        if len(data) > limit:
            raise TooLargeError(None)
        return data

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        try:
            data: bytes = self._requests.run(self._download, key, start, size)
        except TooLargeError as error:  # the server ignored the range
            raise RequestFailure(FailureKind.REFUSED, "the server does not serve ranges") from error
        return data

    def put(self, key: str, data: bytes, *, exclusive: bool) -> str | None:
        """One PUT."""
        header = {"Content-MD5": md5_of(data)}
        self._requests.run(self._pipe, key, data, overwrite=not exclusive, headers=header)
        return MD5

    def put_with_wrong_checksum(self, key: str, data: bytes, kind: str) -> None:
        del kind  # there is one
        header = {"Content-MD5": md5_of(data + b"changed")}
        self._requests.run(self._pipe, key, data, overwrite=True, headers=header)

    def remove(self, key: str) -> None:
        """One DELETE."""
        self._requests.run(self._delete, key)

    def stat(self, key: str) -> int:
        """One HEAD."""
        size: int = self._requests.run(self._properties, key)
        return size

    def page(self, prefix: str, token: str | None) -> Page:
        """One LIST."""
        page: Page = self._requests.run(self._list, prefix, token)
        return page

    def close(self) -> None:
        """Close client and credential on their event loop."""
        self._requests.close(self._close)

    def restore_command(self, key: str) -> str:
        return (
            f"az storage blob set-tier --container-name {self.bucket} "
            f"--name {self.object_name(key)} --tier Hot"
        )

    def classify(self, error: Exception) -> RequestFailure:
        from gitmodel.backends.azure.faults import classify_error

        return classify_error(error, self._signature) or super().classify(error)

    @property
    def _client(self) -> BlobServiceClient:
        """The client of the Azure SDK, once the file system is open."""
        client: BlobServiceClient = self.filesystem.service_client
        return client

    async def _pipe(self, key: str, data: bytes, **options: Any) -> None:
        pipe_file = self.filesystem._pipe_file  # noqa: SLF001 - fsspec's asynchronous interface
        answer = await pipe_file(self.path(key), data, **options)
        if isinstance(answer, dict) and not answer.get("etag"):
            # A proxy or captive portal answers 200 to any request; Azure adds an ETag.
            raise RequestFailure(
                FailureKind.NOT_A_STORE, "the response to the upload is not from Azure"
            )

    async def _delete(self, key: str) -> None:
        rm_file = self.filesystem._rm_file  # noqa: SLF001 - fsspec's asynchronous interface
        await rm_file(self.path(key))

    async def _download(self, key: str, start: int, size: int) -> bytes:
        answers: list[Any] = []

        def check(response: Any) -> None:
            answers.append(response.http_response)
            _refuse_other_range(response.http_response, start, size)

        try:
            async with self._client.get_blob_client(self.bucket, self.object_name(key)) as blob:
                stream = await blob.download_blob(
                    offset=start, length=size, max_concurrency=1, raw_response_hook=check
                )
                data: bytes = await stream.readall()
                return data
        finally:
            for answer in answers:  # the SDK leaves a partly read response open
                await answer.close()

    async def _properties(self, key: str) -> int:
        async with self._client.get_blob_client(self.bucket, self.object_name(key)) as blob:
            found = await blob.get_blob_properties()
            if not found.etag:
                raise RequestFailure(FailureKind.NOT_A_STORE, "its response has no ETag")
            return int(found.size)

    async def _list(self, prefix: str, token: str | None) -> Page:
        cut = len(self.object_name(""))
        async with self._client.get_container_client(self.bucket) as container:
            pages: Any = container.list_blobs(
                name_starts_with=self.object_name(prefix), results_per_page=LIST_PAGE
            ).by_page(continuation_token=token)
            async for page in pages:
                infos = [
                    ObjectInfo(
                        key=str(blob.name)[cut:],
                        size=int(blob.size),
                        modified=blob.last_modified.timestamp(),
                        etag=str(blob.etag or ""),
                    )
                    async for blob in page
                ]
                return infos, pages.continuation_token or None
        return [], None

    def open_transport(self) -> Transport | None:
        """It logs in with what the client has."""
        self._requests.open()
        account = self._client.account_name
        if account is None:  # part of the signature
            return None
        from gitmodel.backends.cloud.obstore import azure_transport

        address, _, query = self._client.url.partition("?")
        credential = transport_credential(self._client.credential, query)
        login = None if credential is None else lambda: self._requests.run(credential)
        return azure_transport(address.rstrip("/"), account, self.bucket, login)

    async def _close(self) -> None:
        await self._client.close()
        credential = self.filesystem.login
        if hasattr(credential, "close"):
            await credential.close()


def _refuse_other_range(answer: Any, start: int, size: int) -> None:
    """Refuse a response that is longer than the requested range, or begins elsewhere.

    The SDK reads any length, so a server that ignores the range is stopped here.
    """
    if answer.status_code < 300 and not answer.headers.get("ETag"):
        raise RequestFailure(FailureKind.NOT_A_STORE, "its response has no ETag")
    length = int(answer.headers.get("Content-Length") or -1)
    begins = start == 0 or answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if answer.status_code < 300 and not (begins and 0 <= length <= size):
        raise TooLargeError(length)
