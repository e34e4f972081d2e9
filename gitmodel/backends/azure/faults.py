"""Classifies exceptions of the Azure SDK, aiohttp and adlfs, and error responses of Azure, as a `RequestFailure`.

The tables map error codes and HTTP statuses. A code is more precise and wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ClientConnectorError, ClientError
from azure.core import exceptions as azure

from gitmodel.backends.azure.shared_access_signature import RENEW, explain_refusal
from gitmodel.backends.cloud.errors import error_text, one_line
from gitmodel.backends.cloud.network_faults import PROXY_LOGIN, classify_network_error
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILURES = (OSError, ValueError, ClientError, azure.AzureError)

_KIND_OF_CODE = {
    "ContainerNotFound": FailureKind.NO_BUCKET,
    "ContainerBeingDeleted": FailureKind.NO_BUCKET,
    "ContainerDisabled": FailureKind.DENIED,
    "BlobNotFound": FailureKind.MISSING,
    "ResourceNotFound": FailureKind.MISSING,
    "BlobAlreadyExists": FailureKind.EXISTS,
    "ConditionNotMet": FailureKind.EXISTS,
    "InvalidRange": FailureKind.SHORT,
    "AuthenticationFailed": FailureKind.LOGIN,
    "InvalidAuthenticationInfo": FailureKind.LOGIN,
    "PublicAccessNotPermitted": FailureKind.LOGIN,
    "NoAuthenticationInformation": FailureKind.LOGIN,
    "KeyBasedAuthenticationNotPermitted": FailureKind.LOGIN,
    "AccountIsDisabled": FailureKind.DENIED,
    "BlobArchived": FailureKind.ARCHIVED,
    "BlobBeingRehydrated": FailureKind.ARCHIVED,
    # 409 and 412, which otherwise mean that an object exists
    "BlobImmutableDueToPolicy": FailureKind.DENIED,
    "LeaseIdMissing": FailureKind.DENIED,
    "LeaseIdMismatchWithBlobOperation": FailureKind.DENIED,
    "Md5Mismatch": FailureKind.CHANGED,
    "Crc64Mismatch": FailureKind.CHANGED,
}
_KIND_OF_STATUS = {
    302: FailureKind.NOT_A_STORE,  # sent by login pages, never by Azure
    303: FailureKind.NOT_A_STORE,
    401: FailureKind.LOGIN,
    403: FailureKind.DENIED,
    404: FailureKind.MISSING,
    407: FailureKind.PROXY,
    408: FailureKind.BUSY,
    412: FailureKind.EXISTS,
    416: FailureKind.SHORT,
    429: FailureKind.BUSY,
    501: FailureKind.REFUSED,
    507: FailureKind.FULL,
    511: FailureKind.NOT_A_STORE,
}
_LOG_IN = "az login, or set AZURE_STORAGE_CONNECTION_STRING"
_PROTECTED = "the container's policy or a lease protects it: az storage blob show tells which"
_HINTS = {
    "KeyBasedAuthenticationNotPermitted": (
        "az login, without account key and signature in the environment: the account takes none"
    ),
    # Sent by the firewall of an account (and by an emulator after a wrong signature).
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


def classify_error(error: Exception, signature: str | None = None) -> RequestFailure | None:
    """Classify an exception of the Azure SDK, aiohttp or adlfs; None for others.

    `signature` is the shared access signature of the request, if it had one.
    """
    # Errors of the SDK are the context of errors of adlfs.
    behind = error.__cause__ or error.__context__
    cause = behind if isinstance(behind, azure.AzureError) else error
    if isinstance(cause, azure.HttpResponseError) and cause.status_code:
        return _classify_response(cause, signature)
    if isinstance(cause, azure.DecodeError | azure.DeserializationError):
        return RequestFailure(FailureKind.NOT_A_STORE, "its response is no XML of Azure")
    if isinstance(cause, azure.ClientAuthenticationError):
        return RequestFailure(FailureKind.LOGIN, error_text(cause), hint=_LOG_IN)
    return classify_network_error(cause) or _classify_without_response(cause)


def _classify_without_response(cause: BaseException) -> RequestFailure | None:
    match cause:
        case (
            azure.ServiceRequestTimeoutError()
            | azure.ServiceRequestError(inner_exception=ClientConnectorError())
        ):
            kind = FailureKind.UNREACHABLE
        case azure.ServiceRequestError(inner_exception=None):  # the SDK itself refuses to send
            kind = FailureKind.REFUSED
        case azure.AzureError() | ClientError() | ConnectionError() | TimeoutError():
            kind = FailureKind.BROKEN
        case _:
            return None
    return RequestFailure(kind, error_text(cause))


def _classify_response(error: azure.HttpResponseError, signature: str | None) -> RequestFailure:
    code = getattr(error, "error_code", None)
    code = str(getattr(code, "value", code) or "")
    status = int(error.status_code or 0)
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    code = code or headers.get("x-ms-error-code", "")
    kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
    if kind is None:
        kind = FailureKind.BUSY if status >= 500 else FailureKind.REFUSED
    if status < 300:  # 200 where Azure says 201
        kind = FailureKind.NOT_A_STORE
    if code == "AuthenticationFailed" and _TOO_OLD in str(error):
        kind = FailureKind.CLOCK
    detail = one_line(f"{status} {code}: {error.reason or ''}".removesuffix(": "))
    if kind is FailureKind.PROXY:
        return RequestFailure(kind, PROXY_LOGIN)
    if signature is not None and kind in {FailureKind.DENIED, FailureKind.LOGIN}:
        problem = explain_refusal(signature, code)
        if problem is not None:
            return RequestFailure(FailureKind.LOGIN, f"{problem}: {detail}", hint=RENEW)
    hint = _HINTS.get(code) or (_LOG_IN if kind is FailureKind.LOGIN else None)
    seconds = parse_retry_after(headers.get("Retry-After", ""))
    return RequestFailure(kind, detail, hint=hint, retry_after_seconds=seconds)
