"""Failures of the network: proxies, certificates, unknown hosts.

botocore and the Azure SDK send requests through aiohttp and wrap its errors in less precise ones. The chain
of causes is searched for the original error.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp

from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

_CERTIFICATE_WORDS = "CERTIFICATE_VERIFY_FAILED"
_PLAIN_HTTP_WORDS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
PROXY_LOGIN = "wants a user and a password (407 Proxy Authentication Required)"


def classify_network_error(error: BaseException) -> RequestFailure | None:
    """Classify a network error in the chain of causes; None if there is none."""
    for behind in _causes(error):
        match behind:
            case aiohttp.ClientHttpProxyError(status=407):
                return RequestFailure(FailureKind.PROXY, PROXY_LOGIN)
            case aiohttp.ClientHttpProxyError():
                words = one_line(f"{behind.status} {behind.message}")
                return RequestFailure(FailureKind.PROXY, f"refuses the connection: {words}")
            case aiohttp.ClientProxyConnectionError():
                return RequestFailure(FailureKind.PROXY, f"does not answer: {_reason(behind)}")
            case ssl.SSLError() | aiohttp.ClientSSLError():
                return _classify_tls_error(behind)
            case socket.gaierror() | aiohttp.ClientConnectorDNSError():
                return RequestFailure(FailureKind.UNKNOWN_HOST, one_line(_reason(behind)))
            case _:
                pass
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "inner_exception", None)]


def _classify_tls_error(error: BaseException) -> RequestFailure:
    words = _reason(error)
    if _CERTIFICATE_WORDS in words:
        return RequestFailure(
            FailureKind.CERTIFICATE, one_line(words.partition(_CERTIFICATE_WORDS)[2][1:])
        )
    hint = None
    if any(mark in words for mark in _PLAIN_HTTP_WORDS):
        hint = "write http:// instead of https:// if the server speaks it without TLS"
    return RequestFailure(FailureKind.CERTIFICATE, one_line(words), hint=hint)


def _reason(error: BaseException) -> str:
    """The text of the error without the address, which the message has already."""
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return inner.strerror or str(inner) or type(inner).__name__
    return str(error) or type(error).__name__
