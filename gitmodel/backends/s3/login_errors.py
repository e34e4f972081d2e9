"""What goes wrong while botocore looks for credentials, and what a person does about it.

Credentials come from variables, files, single sign-on, a program (`credential_process`), another role,
or the machine; each way fails in its own manner, with all kinds of exceptions: a program that answers
with no JSON, or with credentials that have expired, is a ValueError and a RuntimeError. They are told
from the failures of a request by where they happen, see `s3_filesystem.FileSystem`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore import exceptions as boto

from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.network_faults import fault_of_network
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
from gitmodel.backends.s3.credentials import NOT_TO_BE_FOUND

if TYPE_CHECKING:
    from gitmodel.backends.s3.credentials import Person

_SSO = (
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.SSOTokenLoadError,
    boto.UnauthorizedSSOTokenError,
)
_NETWORK = (boto.HTTPClientError, boto.ConnectionError, boto.ConnectTimeoutError)
# What is written down wrongly, or is not there.
_MISTAKES = (
    boto.InvalidConfigError,
    boto.InfiniteLoopConfigError,
    boto.ConfigParseError,
    boto.PartialCredentialsError,
    OSError,
    ValueError,
)
_CONNECT = "check the network, a VPN perhaps: credentials come from there"
_EXPIRED = "credentials are still expired"  # botocore's words, in a RuntimeError


def fault_of_login(error: BaseException, person: Person) -> RequestFailure:
    """Classify why there are no credentials.

    Args:
        error: Whatever was raised.
        person: Whose they would be.
    """
    network = fault_of_network(error)
    words = one_line(str(error)) or type(error).__name__
    if network is not None:
        hint = _CONNECT if network.kind is FaultKind.NO_HOST else network.hint
        return RequestFailure(network.kind, network.detail, hint=hint, server=_server_in(words))
    if isinstance(error, _NETWORK):
        return RequestFailure(FaultKind.UNREACHABLE, words, hint=_CONNECT, server=_server_in(words))
    return RequestFailure(FaultKind.LOGIN, _detail(error, words, person), hint=_hint(error, person))


def _hint(error: BaseException, person: Person) -> str:
    match error:
        case boto.ProfileNotFound():
            return NOT_TO_BE_FOUND
        case boto.ClientError():
            return f"{person.who_am_i()} shows whose credentials are used"
        case _ if isinstance(error, _MISTAKES):
            return person.correct()
        case _:
            return person.log_in_again()


def _detail(error: BaseException, words: str, person: Person) -> str:
    match error:
        case boto.NoCredentialsError():
            words = "none were found"
        case _ if isinstance(error, _SSO):
            session = f"the single sign-on session of the profile {person.profile}"
            words = f"{session} is missing or has expired"
        case RuntimeError() if _EXPIRED in str(error):
            theirs = f"those that {person.process()} answered for the profile {person.profile}"
            words = f"{theirs} have expired already"
        case json.JSONDecodeError():
            words = f"{person.process()}, its credential_process, answered no JSON"
        case FileNotFoundError(filename=str(name)):
            words = f"{name} is not there, which the profile {person.profile} names"
        case EOFError():
            words = f"the profile {person.profile} asks for a code, and nobody can type it here"
        case _:
            pass
    return words


def _server_in(words: str) -> str:
    """The server that botocore names in its words, without the path."""
    address = words.partition('"')[2].partition('"')[0]
    scheme, separator, rest = address.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return f"{scheme}{separator}{host}" if separator else "the server that gives credentials"
