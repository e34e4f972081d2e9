"""Classifies exceptions of botocore, aiohttp and s3fs, and error responses of S3, as a `RequestFailure`.

The tables map error codes and HTTP statuses. A code is more precise and wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from gitmodel.backends.cloud.errors import error_text, one_line
from gitmodel.backends.cloud.network_faults import PROXY_LOGIN, classify_network_error
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, parse_retry_after
from gitmodel.backends.s3.credentials import CredentialsError, CredentialSource
from gitmodel.backends.s3.login_errors import classify_login_error
from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND_OF_CODE = {
    "NoSuchBucket": FailureKind.NO_BUCKET,
    "NoSuchKey": FailureKind.MISSING,
    "PreconditionFailed": FailureKind.EXISTS,
    "InvalidRange": FailureKind.SHORT,
    # Of two concurrent creates of one key, S3 asks to repeat one.
    "ConditionalRequestConflict": FailureKind.BUSY,
    "OperationAborted": FailureKind.BUSY,
    "RequestTimeout": FailureKind.BUSY,
    "SlowDown": FailureKind.BUSY,
    "Throttling": FailureKind.BUSY,
    "ThrottlingException": FailureKind.BUSY,
    "IncompleteBody": FailureKind.BROKEN,
    "BadDigest": FailureKind.CHANGED,
    "XAmzContentChecksumMismatch": FailureKind.CHANGED,
    "XAmzContentSHA256Mismatch": FailureKind.CHANGED,
    "RequestTimeTooSkewed": FailureKind.CLOCK,
    "RequestExpired": FailureKind.CLOCK,
    "ExpiredToken": FailureKind.LOGIN,
    "InvalidToken": FailureKind.LOGIN,
    "TokenRefreshRequired": FailureKind.LOGIN,
    "InvalidAccessKeyId": FailureKind.LOGIN,
    "SignatureDoesNotMatch": FailureKind.LOGIN,
    "InvalidObjectState": FailureKind.ARCHIVED,
    "PermanentRedirect": FailureKind.WRONG_REGION,
    "TemporaryRedirect": FailureKind.WRONG_REGION,
    "IllegalLocationConstraintException": FailureKind.WRONG_REGION,
    # MinIO and Ceph
    "XMinioStorageFull": FailureKind.FULL,
    "XMinioAdminBucketQuotaExceeded": FailureKind.FULL,
    "QuotaExceeded": FailureKind.FULL,
}
_KIND_OF_STATUS = {
    301: FailureKind.WRONG_REGION,
    302: FailureKind.NOT_A_STORE,  # sent by login pages, never by S3
    303: FailureKind.NOT_A_STORE,
    307: FailureKind.WRONG_REGION,
    401: FailureKind.DENIED,
    403: FailureKind.DENIED,
    404: FailureKind.MISSING,
    407: FailureKind.PROXY,
    408: FailureKind.BUSY,
    409: FailureKind.EXISTS,  # some stores send it instead of 412; the content decides
    412: FailureKind.EXISTS,
    416: FailureKind.SHORT,
    429: FailureKind.BUSY,
    501: FailureKind.REFUSED,
    507: FailureKind.FULL,
    511: FailureKind.NOT_A_STORE,  # RFC 6585: the network requires a login
}
_EXPIRED = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_CLOSED = {"AllAccessDisabled", "AccountProblem", "NotSignedUp"}
# Details in a refusal of AWS beyond "Access Denied".
_ACTION = lazy_compile(r"not authorized to perform: ([A-Za-z0-9-]{1,40}:[A-Za-z]{1,60})")
_EXPLICIT = lazy_compile(r"with an explicit deny in an? ([a-z -]{1,40})")
_UNREACHABLE = (boto.ConnectTimeoutError, boto.EndpointConnectionError)
_BROKEN = (
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    aiohttp.ClientError,
    TimeoutError,
    ConnectionError,
)


# All of the above, and the errors of an endpoint that is no URL.
FAILURES = (
    OSError,
    ValueError,
    ResponseParserError,
    aiohttp.ClientError,
    boto.BotoCoreError,
    boto.ClientError,
    CredentialsError,
)


def classify_error(
    error: Exception, *, bucket: str, credentials: CredentialSource
) -> RequestFailure:
    """Classify an exception of botocore, aiohttp or s3fs; the hint names bucket and credentials."""
    if isinstance(error, CredentialsError):
        return classify_login_error(error.__cause__ or error, credentials)
    answer = error if isinstance(error, boto.ClientError) else error.__cause__
    if isinstance(answer, boto.ClientError):
        return _classify_response(answer.response, bucket, credentials)
    return _classify_without_response(error, credentials)


def _classify_response(
    response: Mapping[str, Any], bucket: str, credentials: CredentialSource
) -> RequestFailure:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    headers = metadata.get("HTTPHeaders", {})
    kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
    region = error.get("Region") or headers.get("x-amz-bucket-region")
    if code == "AuthorizationHeaderMalformed":
        kind = FailureKind.WRONG_REGION if region else FailureKind.LOGIN
    if code.startswith("KMS.") or code in _CLOSED:
        kind = FailureKind.DENIED
    if kind is None:
        kind = FailureKind.BUSY if status >= 500 else FailureKind.REFUSED
    words = str(error.get("Message", ""))
    detail = one_line(f"{status} {code}: {words}".removesuffix(": "))
    if kind is FailureKind.PROXY:
        detail = PROXY_LOGIN
    hint = _hint_for(kind, code, region, bucket=bucket, credentials=credentials)
    hint = hint or (_hint_of_refusal(code, words, bucket) if kind is FailureKind.DENIED else None)
    seconds = parse_retry_after(headers.get("retry-after", ""))
    return RequestFailure(kind, detail, hint=hint, retry_after_seconds=seconds)


def _classify_without_response(error: Exception, credentials: CredentialSource) -> RequestFailure:
    """Classify exceptions without a response of the store."""
    network = classify_network_error(error)
    if network is not None:
        return network
    detail = error_text(error)
    if isinstance(error, _UNREACHABLE):
        return RequestFailure(FailureKind.UNREACHABLE, detail)
    if isinstance(error, ResponseParserError):
        return RequestFailure(FailureKind.NOT_A_STORE, "its response is no XML of S3")
    if isinstance(error, _BROKEN):
        return RequestFailure(FailureKind.BROKEN, detail)
    if isinstance(error, boto.BotoCoreError) and "credential" in detail.lower():
        return classify_login_error(error, credentials)
    return RequestFailure(FailureKind.REFUSED, detail)


def _hint_for(
    kind: FailureKind, code: str, region: str | None, *, bucket: str, credentials: CredentialSource
) -> str | None:
    if kind is FailureKind.WRONG_REGION and region and region.replace("-", "").isalnum():
        return f"git config gitmodel.region {region}"
    if kind is FailureKind.WRONG_REGION:
        return f"aws s3api get-bucket-location --bucket {bucket}, then git config gitmodel.region"
    if kind is FailureKind.LOGIN and code in _EXPIRED:
        return credentials.login_hint()
    if kind is FailureKind.LOGIN:
        return (
            f"{credentials.identity_command()} shows the identity of the credentials; log in again"
        )
    return None


def _hint_of_refusal(code: str, words: str, bucket: str) -> str | None:
    """A hint for a refusal, from the text of AWS."""
    if code in _CLOSED:
        return "ask whoever pays for the AWS account: it is closed, suspended or not signed up"
    if code.startswith("KMS."):
        return (
            f"aws s3api get-bucket-encryption --bucket {bucket} names the key, "
            "aws kms describe-key --key-id KEY its state"
        )
    denied = _EXPLICIT.search(words)
    if denied is not None:
        return f"change the {denied[1].strip()} that denies it: no further grant helps"
    action = _ACTION.search(words)
    if action is None:
        return None
    where = "the encryption key" if action[1].startswith("kms:") else f"the bucket {bucket}"
    return f"grant {action[1]} on {where}"
