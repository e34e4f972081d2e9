"""What botocore, aiohttp and s3fs raise, and what S3 answers, as a `RequestFailure`.

Tables of S3's error codes and HTTP statuses; a code says more than a status and comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.network_faults import PROXY_LOGIN, fault_of_network
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
from gitmodel.backends.s3.credentials import LoginError, Person
from gitmodel.backends.s3.login_errors import fault_of_login
from gitmodel.domain.text.lazy_regex import lazy_compile

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
    "ExpiredToken": FaultKind.LOGIN,
    "InvalidToken": FaultKind.LOGIN,
    "TokenRefreshRequired": FaultKind.LOGIN,
    "InvalidAccessKeyId": FaultKind.LOGIN,
    "SignatureDoesNotMatch": FaultKind.LOGIN,
    "InvalidObjectState": FaultKind.ARCHIVED,
    "PermanentRedirect": FaultKind.WRONG_REGION,
    "TemporaryRedirect": FaultKind.WRONG_REGION,
    "IllegalLocationConstraintException": FaultKind.WRONG_REGION,
    # MinIO and Ceph
    "XMinioStorageFull": FaultKind.FULL,
    "XMinioAdminBucketQuotaExceeded": FaultKind.FULL,
    "QuotaExceeded": FaultKind.FULL,
}
_KIND_OF_STATUS = {
    301: FaultKind.WRONG_REGION,
    302: FaultKind.STRANGER,  # S3 never says so; login pages do
    303: FaultKind.STRANGER,
    307: FaultKind.WRONG_REGION,
    401: FaultKind.DENIED,
    403: FaultKind.DENIED,
    404: FaultKind.MISSING,
    407: FaultKind.PROXY,
    408: FaultKind.BUSY,
    409: FaultKind.EXISTS,  # some stores say so instead of 412; what is stored decides
    412: FaultKind.EXISTS,
    416: FaultKind.SHORT,
    429: FaultKind.BUSY,
    501: FaultKind.REFUSED,
    507: FaultKind.FULL,
    511: FaultKind.STRANGER,  # RFC 6585: a network that wants a login
}
_EXPIRED = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_CLOSED = {"AllAccessDisabled", "AccountProblem", "NotSignedUp"}
# What AWS says in the words of a refusal, where it says more than "Access Denied".
_ACTION = lazy_compile(r"not authorized to perform: ([A-Za-z0-9-]{1,40}:[A-Za-z]{1,60})")
_EXPLICIT = lazy_compile(r"with an explicit deny in an? ([a-z -]{1,40})")
_UNREACHABLE = (
    boto.ConnectTimeoutError,
    boto.EndpointConnectionError,
)
_BROKEN = (
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
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
    LoginError,
)


def fault_of(error: Exception, *, bucket: str, person: Person) -> RequestFailure:
    """Classify what a request to S3 ended with.

    Args:
        error: An exception of botocore, aiohttp or s3fs.
        bucket: For the hint.
        person: Whose credentials were used.
    """
    if isinstance(error, LoginError):
        return fault_of_login(error.__cause__ or error, person)
    answer = error if isinstance(error, boto.ClientError) else error.__cause__
    if isinstance(answer, boto.ClientError):
        return _fault_of_answer(answer.response, bucket, person)
    return _fault_without_answer(error, person)


def _fault_of_answer(response: Mapping[str, Any], bucket: str, person: Person) -> RequestFailure:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(error.get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    headers = metadata.get("HTTPHeaders", {})
    kind = _KIND_OF_CODE.get(code) or _KIND_OF_STATUS.get(status)
    region = error.get("Region") or headers.get("x-amz-bucket-region")
    if code == "AuthorizationHeaderMalformed":
        kind = FaultKind.WRONG_REGION if region else FaultKind.LOGIN
    if code.startswith("KMS.") or code in _CLOSED:
        kind = FaultKind.DENIED
    if kind is None:
        kind = FaultKind.BUSY if status >= 500 else FaultKind.REFUSED
    words = str(error.get("Message", ""))
    detail = one_line(f"{status} {code}: {words}".removesuffix(": "))
    if kind is FaultKind.PROXY:
        detail = PROXY_LOGIN
    hint = _hint_for(kind, code, region, bucket=bucket, person=person)
    hint = hint or (_hint_of_refusal(code, words, bucket) if kind is FaultKind.DENIED else None)
    wait = headers.get("retry-after", "")
    seconds = float(wait) if wait.isascii() and wait.isdigit() else None
    return RequestFailure(kind, detail, hint=hint, retry_after_seconds=seconds)


def _fault_without_answer(error: Exception, person: Person) -> RequestFailure:
    """Classify what botocore, aiohttp and s3fs raise when there is no answer of the store."""
    network = fault_of_network(error)
    if network is not None:
        return network
    detail = one_line(str(error)) or type(error).__name__
    if isinstance(error, _UNREACHABLE):
        return RequestFailure(FaultKind.UNREACHABLE, detail)
    if isinstance(error, ResponseParserError):
        return RequestFailure(FaultKind.STRANGER, "its answer is no XML of S3")
    if isinstance(error, _BROKEN):
        return RequestFailure(FaultKind.BROKEN, detail)
    if isinstance(error, boto.BotoCoreError) and "credential" in detail.lower():
        return fault_of_login(error, person)
    return RequestFailure(FaultKind.REFUSED, detail)


def _hint_for(
    kind: FaultKind, code: str, region: str | None, *, bucket: str, person: Person
) -> str | None:
    if kind is FaultKind.WRONG_REGION and region and region.replace("-", "").isalnum():
        return f"git config gitmodel.region {region}"
    if kind is FaultKind.WRONG_REGION:
        return f"aws s3api get-bucket-location --bucket {bucket}, then git config gitmodel.region"
    if kind is FaultKind.LOGIN and code in _EXPIRED:
        return person.log_in_again()
    if kind is FaultKind.LOGIN:
        return f"{person.who_am_i()} shows whose credentials are used; log in again"
    return None


def _hint_of_refusal(code: str, words: str, bucket: str) -> str | None:
    """Who can do something about a refusal, where the words of AWS tell more than its code."""
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
