"""Classifies the errors of botocore while it looks for credentials.

Credentials come from variables, files, single sign-on, a program (`credential_process`), a role or the machine,
and each source raises other exceptions: a program without JSON output causes a ValueError, expired credentials a
RuntimeError. `s3fs.FileSystem` distinguishes them from failures of a request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from gitmodel.backends.cloud.errors import error_text
from gitmodel.backends.cloud.network_faults import classify_network_error
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.backends.s3.credentials import CONFIGURE_HINT

if TYPE_CHECKING:
    from gitmodel.backends.s3.credentials import CredentialSource

_SSO = (
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.SSOTokenLoadError,
    boto.UnauthorizedSSOTokenError,
)
_NETWORK = (boto.HTTPClientError, boto.ConnectionError, boto.ConnectTimeoutError)
# Mistakes in the files of the profile.
_MISTAKES = (
    boto.InvalidConfigError,
    boto.InfiniteLoopConfigError,
    boto.ConfigParseError,
    boto.PartialCredentialsError,
    OSError,
    ValueError,
)
_CONNECT = "check the network or VPN, which the credentials come from"
_EXPIRED = "credentials are still expired"  # text of botocore in a RuntimeError


def classify_login_error(error: BaseException, credentials: CredentialSource) -> RequestFailure:
    """Classify the error of botocore when there are no credentials."""
    network = classify_network_error(error)
    words = error_text(error)
    if network is not None:
        hint = _CONNECT if network.kind is FailureKind.UNKNOWN_HOST else network.hint
        return RequestFailure(network.kind, network.detail, hint=hint, server=_server_in(words))
    if isinstance(error, _NETWORK):
        return RequestFailure(
            FailureKind.UNREACHABLE, words, hint=_CONNECT, server=_server_in(words)
        )
    return RequestFailure(
        FailureKind.LOGIN, _detail(error, words, credentials), hint=_hint(error, credentials)
    )


def _hint(error: BaseException, credentials: CredentialSource) -> str:
    match error:
        case boto.ProfileNotFound():
            return CONFIGURE_HINT
        case boto.ClientError():
            return f"{credentials.identity_command()} shows the identity of the credentials"
        case _ if isinstance(error, _MISTAKES):
            return credentials.profile_hint()
        case _:
            return credentials.login_hint()


def _detail(error: BaseException, words: str, credentials: CredentialSource) -> str:
    match error:
        case boto.NoCredentialsError():
            words = "none were found"
        case _ if isinstance(error, _SSO):
            session = f"the single sign-on session of the profile {credentials.profile}"
            words = f"{session} is missing or has expired"
        case RuntimeError() if _EXPIRED in str(error):
            theirs = f"those that {credentials.process_name()} answered for the profile {credentials.profile}"
            words = f"{theirs} have expired already"
        case json.JSONDecodeError():
            words = f"{credentials.process_name()}, its credential_process, answered no JSON"
        case FileNotFoundError(filename=str(name)):
            words = f"{name} is not there, which the profile {credentials.profile} names"
        case EOFError():
            words = (
                f"the profile {credentials.profile} asks for a code, and nobody can type it here"
            )
        case _:
            pass
    return words


def _server_in(words: str) -> str:
    """The server in the text of botocore, without the path."""
    address = words.partition('"')[2].partition('"')[0]
    scheme, separator, rest = address.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return f"{scheme}{separator}{host}" if separator else "the server that gives credentials"
