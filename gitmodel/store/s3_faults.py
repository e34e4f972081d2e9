"""What botocore, aiohttp and s3fs raise, and what S3 answers, as a `Fault`.

Tables of S3's error codes and HTTP statuses; a code says more than a status and comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from gitmodel.store.cloud_errors import one_line
from gitmodel.store.retry import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "IncompleteBody": FaultKind.BROKEN,
    "BadDigest": FaultKind.CHANGED,
    "XAmzContentChecksumMismatch": FaultKind.CHANGED,
    "XAmzContentSHA256Mismatch": FaultKind.CHANGED,
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


# All of the above, and what an endpoint that is no URL raises.
FAILURES = (
    OSError,
    ValueError,
    ResponseParserError,
    aiohttp.ClientError,
    boto.BotoCoreError,
    boto.ClientError,
)


def fault_of(error: Exception, *, bucket: str) -> Fault:
    """Classify what a request to S3 ended with.

    Args:
        error: An exception of botocore, aiohttp or s3fs.
        bucket: For the hint.
    """
    answer = error if isinstance(error, boto.ClientError) else error.__cause__
    if isinstance(answer, boto.ClientError):
        return _fault_of_answer(answer.response, bucket)
    return _fault_without_answer(error)


def _fault_of_answer(response: Mapping[str, Any], bucket: str) -> Fault:
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
    hint = _hint_for(kind, code, region, bucket=bucket)
    wait = headers.get("retry-after", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else None
    return Fault(kind, detail, hint=hint, retry_after_seconds=seconds)


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
