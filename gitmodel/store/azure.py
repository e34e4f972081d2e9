"""Objects in an Azure Blob container, through adlfs.

The file system is adlfs's; its client is made here, because adlfs takes secrets from the environment
for whatever account a repository names, has no way to switch off the retries of the Azure SDK, and
cannot be given the address of another cloud over http. Reading, looking and listing go to that client:
adlfs's own cost a LIST after each miss and hide whether the blob or the container is missing.

One exception to one request a try: a body that breaks off is asked for three times, a second apart, by
the SDK itself, which has no option for it.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from adlfs import AzureBlobFileSystem
from aiohttp import ClientConnectorError, ClientError
from azure.core import exceptions as azure

from gitmodel.store.azure_account import account_of, credential_of
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

    from azure.storage.blob.aio import BlobServiceClient

    from gitmodel.domain.remote import Remote
    from gitmodel.store.retry import Retrier
    from gitmodel.store.transport import Transport

# Larger than any pack, so that one is one GET and one PUT and never blocks that are put together.
SINGLE_REQUEST_BYTES = 64 << 20
LIST_PAGE = 1000

_KIND_OF_CODE = {
    "ContainerNotFound": FaultKind.NO_ROOT,
    "ContainerBeingDeleted": FaultKind.NO_ROOT,
    "ContainerDisabled": FaultKind.DENIED,
    "BlobNotFound": FaultKind.MISSING,
    "ResourceNotFound": FaultKind.MISSING,
    "BlobAlreadyExists": FaultKind.EXISTS,
    "ConditionNotMet": FaultKind.EXISTS,
    "InvalidRange": FaultKind.SHORT,
    "PublicAccessNotPermitted": FaultKind.DENIED,
    "NoAuthenticationInformation": FaultKind.DENIED,
    "Md5Mismatch": FaultKind.BROKEN,
}
_KIND_OF_STATUS = {
    401: FaultKind.DENIED,
    403: FaultKind.DENIED,
    404: FaultKind.MISSING,
    408: FaultKind.BUSY,
    412: FaultKind.EXISTS,
    416: FaultKind.SHORT,
    429: FaultKind.BUSY,
    501: FaultKind.REFUSED,
}
_BAD_CREDENTIALS = {
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
    "PublicAccessNotPermitted",
}
# The SDK logs warnings while requests fail, and Python prints those of a logger that nobody handles.
logging.getLogger("azure").addHandler(logging.NullHandler())
_LOG_IN = "az login, or set AZURE_STORAGE_CONNECTION_STRING"


class _FileSystem(AzureBlobFileSystem):  # type: ignore[misc] # adlfs has no types
    """adlfs around a client of ours; no settings from fsspec's files and variables (see `s3.py`)."""

    protocol = "gitmodel-az"

    def __init__(self, client: BlobServiceClient, **options: object) -> None:
        self.service_client = client
        # With a connection string (not used, see `do_connect`) adlfs does not look for credentials.
        unused = {"account_name": "unused", "connection_string": "unused", "anon": True}
        super().__init__(**unused, **options)

    def do_connect(self) -> None:
        """Keep the client that was given; adlfs would make one from the environment."""


class AzureService(Service):
    """Requests to one container."""

    permissions: ClassVar[dict[str, str]] = {
        "read": "the role Storage Blob Data Reader",
        "look for": "the role Storage Blob Data Reader",
        "list": "the role Storage Blob Data Reader",
        "write": "the role Storage Blob Data Contributor",
        "create": "the role Storage Blob Data Contributor",
        "delete": "the role Storage Blob Data Contributor",
    }
    failures: ClassVar[tuple[type[Exception], ...]] = (
        OSError,
        ValueError,
        ClientError,
        azure.AzureError,
    )
    address_setting: ClassVar[str] = "gitmodel remote list"

    def __init__(self, filesystem: _FileSystem, root: str, *, url: str, credential: Any) -> None:
        client: BlobServiceClient = filesystem.service_client
        address = client.url.partition("?")[0].rstrip("/")
        super().__init__(filesystem, root, url=url, endpoint=without_user(address))
        self.container, _, self.prefix = root.partition("/")
        self._client = client
        self._credential = credential
        self._requests = RequestLoop(filesystem.loop)

    @property
    def place(self) -> str:
        """The container."""
        return f"container {self.container}"

    def fetch(self, key: str, limit: int) -> bytes:
        """See `Service.fetch`: one GET of at most one byte more than allowed."""
        data: bytes = self._requests.run(self._download, key, 0, limit + 1)
        if len(data) > limit:
            raise TooLargeError(None)
        return data

    def fetch_range(self, key: str, start: int, size: int) -> bytes:
        """See `Service.fetch_range`."""
        try:
            data: bytes = self._requests.run(self._download, key, start, size)
        except TooLargeError as error:  # the range was ignored: the bytes are other ones
            raise Fault(FaultKind.REFUSED, "the server does not serve ranges") from error
        return data

    def put(self, key: str, data: bytes, *, exclusive: bool) -> None:
        """See `Service.put`: one PUT."""
        pipe_file = self.filesystem._pipe_file  # noqa: SLF001 - fsspec's asynchronous interface
        self._requests.run(pipe_file, self.path(key), data, overwrite=not exclusive)

    def remove(self, key: str) -> None:
        """See `Service.remove`: one DELETE."""
        rm_file = self.filesystem._rm_file  # noqa: SLF001 - fsspec's asynchronous interface
        self._requests.run(rm_file, self.path(key))

    def stat(self, key: str) -> int:
        """See `Service.stat`: one HEAD."""
        size: int = self._requests.run(self._properties, key)
        return size

    def page(self, prefix: str, token: str | None) -> Page:
        """See `Service.page`: one LIST."""
        page: Page = self._requests.run(self._list, prefix, token)
        return page

    def close(self) -> None:
        """See `Service.close`: ends client and credential on the loop where they live."""
        self._requests.close(self._close)

    def fault(self, error: Exception) -> Fault:
        """See `Service.fault`."""
        # adlfs raises its own errors while it handles those of the SDK.
        behind = error.__cause__ or error.__context__
        cause = behind if isinstance(behind, azure.AzureError) else error
        if isinstance(cause, azure.HttpResponseError) and cause.status_code:
            return _fault_of_answer(cause)
        match cause:
            case azure.ClientAuthenticationError():
                return Fault(FaultKind.DENIED, _words(cause), hint=_LOG_IN)
            case (
                azure.ServiceRequestTimeoutError()
                | azure.ServiceRequestError(inner_exception=ClientConnectorError())
            ):
                kind = FaultKind.UNREACHABLE
            case azure.ServiceRequestError(inner_exception=None):  # the SDK itself refuses to send
                kind = FaultKind.REFUSED
            case azure.AzureError() | ClientError() | ConnectionError() | TimeoutError():
                kind = FaultKind.BROKEN
            case _:
                return super().fault(error)
        return Fault(kind, _words(cause))

    def object_name(self, key: str) -> str:
        """See `Service.object_name`."""
        return f"{self.prefix}/{key}" if self.prefix else key

    async def _download(self, key: str, start: int, size: int) -> bytes:
        answers: list[Any] = []

        def check(response: Any) -> None:
            answers.append(response.http_response)
            _refuse_more(response.http_response, start, size)

        try:
            async with self._client.get_blob_client(self.container, self.object_name(key)) as blob:
                stream = await blob.download_blob(
                    offset=start, length=size, max_concurrency=1, raw_response_hook=check
                )
                data: bytes = await stream.readall()
                return data
        finally:
            for answer in answers:  # the SDK leaves one that was not read to its end open
                await answer.close()

    async def _properties(self, key: str) -> int:
        async with self._client.get_blob_client(self.container, self.object_name(key)) as blob:
            return int((await blob.get_blob_properties()).size)

    async def _list(self, prefix: str, token: str | None) -> Page:
        cut = len(self.object_name(""))
        async with self._client.get_container_client(self.container) as container:
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
        """See `Service.open_transport`; it logs in with what the client has."""
        account = self._client.account_name
        if account is None:  # part of what is signed
            return None
        from gitmodel.store.obstore_transport import azure_transport

        address, _, query = self._client.url.partition("?")
        credential = credential_of(self._client.credential, query)
        login = None if credential is None else lambda: self._requests.run(credential)
        return azure_transport(address.rstrip("/"), account, self.container, login)

    async def _close(self) -> None:
        await self._client.close()
        if hasattr(self._credential, "close"):
            await self._credential.close()


def open_azure(
    remote: Remote,
    *,
    trusted: bool,
    environment: Mapping[str, str],
    quick: bool,
    retrier: Retrier | None,
) -> CloudBackend:
    """Open the container that a remote names; see `gitmodel.store.backend.open_backend`.

    Credentials, the first that fits the account: none for an anonymous or untrusted remote; the
    variables AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN;
    what azure-identity finds (`az login`, a managed identity, AZURE_CLIENT_ID and so on). With
    `quick`, packs may take a transport; never to a stranger's endpoint.
    """
    foreign = remote.is_foreign and not trusted
    client, credential = account_of(remote, environment).open_client(
        anonymous=remote.anonymous or foreign,
        connection_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_single_get_size=SINGLE_REQUEST_BYTES,
        max_single_put_size=SINGLE_REQUEST_BYTES,
        retry_total=0,
        raw_request_hook=_send_in_pieces,
    )
    filesystem = _FileSystem(
        client, skip_instance_cache=True, use_listings_cache=False, max_concurrency=1
    )
    root = remote.url.removeprefix("az://")
    service = AzureService(filesystem, root, url=remote.url, credential=credential)
    quick = quick and not foreign
    return CloudBackend(service, retrier=retrier, writable=not foreign, quick=quick)


def _refuse_more(answer: Any, start: int, size: int) -> None:
    """Refuse an answer that is longer than what was asked for, or begins elsewhere.

    The SDK collects whatever comes, so a server that ignores the range is stopped here.
    """
    length = int(answer.headers.get("Content-Length") or -1)
    begins = start == 0 or answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if answer.status_code < 300 and not (begins and 0 <= length <= size):
        raise TooLargeError(length)


def _send_in_pieces(request: Any) -> None:
    """Let aiohttp send a large body piece by piece; given bytes, it blocks its loop and warns."""
    body = request.http_request.data
    if isinstance(body, bytes):
        request.http_request.data = io.BytesIO(body)


def _fault_of_answer(error: azure.HttpResponseError) -> Fault:
    code = getattr(error, "error_code", None)
    code = str(getattr(code, "value", code) or "")
    status = int(error.status_code or 0)
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    code = code or headers.get("x-ms-error-code", "")
    kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
    if kind is None:
        kind = FaultKind.BUSY if status >= 500 else FaultKind.REFUSED
    if code == "AuthenticationFailed" and "Request date header too old" in str(error):
        kind = FaultKind.CLOCK
    wait = headers.get("Retry-After", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else None
    hint = _LOG_IN if kind is FaultKind.DENIED and code in _BAD_CREDENTIALS else None
    detail = one_line(f"{status} {code}: {error.reason or ''}".removesuffix(": "))
    return Fault(kind, detail, hint=hint, retry_after_seconds=seconds)


def _words(error: BaseException) -> str:
    return one_line(str(error)) or type(error).__name__
