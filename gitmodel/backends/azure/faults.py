"""What the Azure SDK, aiohttp and adlfs raise, and what Azure answers, as a `RequestFailure`.

Tables of Azure's error codes and HTTP statuses; a code says more than a status and comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError
from azure.core import exceptions as azure

from gitmodel.backends.azure.shared_access_signature import RENEW, problem_of
from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.network_faults import PROXY_LOGIN, fault_of_network
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure

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
    "AuthenticationFailed": FaultKind.LOGIN,
    "InvalidAuthenticationInfo": FaultKind.LOGIN,
    "PublicAccessNotPermitted": FaultKind.LOGIN,
    "NoAuthenticationInformation": FaultKind.LOGIN,
    "KeyBasedAuthenticationNotPermitted": FaultKind.LOGIN,
    "AccountIsDisabled": FaultKind.DENIED,
    "BlobArchived": FaultKind.ARCHIVED,
    "BlobBeingRehydrated": FaultKind.ARCHIVED,
    # 409 and 412, which otherwise say that an object exists
    "BlobImmutableDueToPolicy": FaultKind.DENIED,
    "LeaseIdMissing": FaultKind.DENIED,
    "LeaseIdMismatchWithBlobOperation": FaultKind.DENIED,
    "Md5Mismatch": FaultKind.CHANGED,
    "Crc64Mismatch": FaultKind.CHANGED,
}
_KIND_OF_STATUS = {
    302: FaultKind.STRANGER,  # Azure never says so; login pages do
    303: FaultKind.STRANGER,
    401: FaultKind.LOGIN,
    403: FaultKind.DENIED,
    404: FaultKind.MISSING,
    407: FaultKind.PROXY,
    408: FaultKind.BUSY,
    412: FaultKind.EXISTS,
    416: FaultKind.SHORT,
    429: FaultKind.BUSY,
    501: FaultKind.REFUSED,
    507: FaultKind.FULL,
    511: FaultKind.STRANGER,
}
_LOG_IN = "az login, or set AZURE_STORAGE_CONNECTION_STRING"
_PROTECTED = "the container's policy or a lease protects it: az storage blob show tells which"
_HINTS = {
    "KeyBasedAuthenticationNotPermitted": (
        "az login, without account key and signature in the environment: the account takes none"
    ),
    # What the firewall of an account answers (and an emulator to a wrong signature).
    "AuthorizationFailure": (
        "az storage account network-rule list shows whether the firewall of the account "
        "lets this machine in"
    ),
    "AccountIsDisabled": "ask whoever pays for the account: it is disabled",
    "BlobImmutableDueToPolicy": _PROTECTED,
    "LeaseIdMissing": _PROTECTED,
    "LeaseIdMismatchWithBlobOperation": _PROTECTED,
}
_TOO_OLD = "Request date header too old"


def fault_of(error: Exception, signature: str | None = None) -> RequestFailure | None:
    """Classify what a request to Azure ended with; None for what is of no such library.

    Args:
        error: An exception of the Azure SDK, aiohttp or adlfs.
        signature: The shared access signature that the request went with, if it went with one.
    """
    # adlfs raises its own errors while it handles those of the SDK.
    behind = error.__cause__ or error.__context__
    cause = behind if isinstance(behind, azure.AzureError) else error
    if isinstance(cause, azure.HttpResponseError) and cause.status_code:
        return _fault_of_answer(cause, signature)
    if isinstance(cause, azure.DecodeError | azure.DeserializationError):
        return RequestFailure(FaultKind.STRANGER, "its answer is no XML of Azure")
    if isinstance(cause, azure.ClientAuthenticationError):
        return RequestFailure(FaultKind.LOGIN, _words(cause), hint=_LOG_IN)
    return fault_of_network(cause) or _fault_without_answer(cause)


def _fault_without_answer(cause: BaseException) -> RequestFailure | None:
    match cause:
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
    return RequestFailure(kind, _words(cause))


def _fault_of_answer(error: azure.HttpResponseError, signature: str | None) -> RequestFailure:
    code = getattr(error, "error_code", None)
    code = str(getattr(code, "value", code) or "")
    status = int(error.status_code or 0)
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    code = code or headers.get("x-ms-error-code", "")
    kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
    if kind is None:
        kind = FaultKind.BUSY if status >= 500 else FaultKind.REFUSED
    if status < 300:  # 200 where Azure says 201
        kind = FaultKind.STRANGER
    if code == "AuthenticationFailed" and _TOO_OLD in str(error):
        kind = FaultKind.CLOCK
    detail = one_line(f"{status} {code}: {error.reason or ''}".removesuffix(": "))
    if kind is FaultKind.PROXY:
        return RequestFailure(kind, PROXY_LOGIN)
    if signature is not None and kind in {FaultKind.DENIED, FaultKind.LOGIN}:
        problem = problem_of(signature, code)
        if problem is not None:
            return RequestFailure(FaultKind.LOGIN, f"{problem}: {detail}", hint=RENEW)
    hint = _HINTS.get(code) or (_LOG_IN if kind is FaultKind.LOGIN else None)
    wait = headers.get("Retry-After", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else None
    return RequestFailure(kind, detail, hint=hint, retry_after_seconds=seconds)


def _words(error: BaseException) -> str:
    return one_line(str(error)) or type(error).__name__
