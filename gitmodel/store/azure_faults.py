"""What the Azure SDK, aiohttp and adlfs raise, and what Azure answers, as a `Fault`.

Tables of Azure's error codes and HTTP statuses; a code says more than a status and comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError
from azure.core import exceptions as azure

from gitmodel.store.cloud_errors import one_line
from gitmodel.store.retry import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILURES = (OSError, ValueError, ClientError, azure.AzureError)

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
    "Md5Mismatch": FaultKind.CHANGED,
    "Crc64Mismatch": FaultKind.CHANGED,
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
_LOG_IN = "az login, or set AZURE_STORAGE_CONNECTION_STRING"


def fault_of(error: Exception) -> Fault | None:
    """Classify what a request to Azure ended with; None for what is of no such library.

    Args:
        error: An exception of the Azure SDK, aiohttp or adlfs.
    """
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
            return None
    return Fault(kind, _words(cause))


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
