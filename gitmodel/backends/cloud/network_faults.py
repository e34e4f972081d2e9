"""What is wrong between here and a server: proxies, certificates, names that nobody knows.

botocore and the Azure SDK both ask through aiohttp and wrap what it raises in errors of their own, which
say less. So the errors behind an error are looked at.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp

from gitmodel.backends.cloud.errors import one_line
from gitmodel.backends.cloud.retry import FaultKind, RequestFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

_CERTIFICATE_WORDS = "CERTIFICATE_VERIFY_FAILED"
_PLAIN_HTTP_WORDS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
PROXY_LOGIN = "wants a user and a password (407 Proxy Authentication Required)"


def fault_of_network(error: BaseException) -> RequestFailure | None:
    """The fault behind an error; None where it is not of this kind."""
    for behind in _behind(error):
        match behind:
            case aiohttp.ClientHttpProxyError(status=407):
                return RequestFailure(FaultKind.PROXY, PROXY_LOGIN)
            case aiohttp.ClientHttpProxyError():
                words = one_line(f"{behind.status} {behind.message}")
                return RequestFailure(FaultKind.PROXY, f"lets nobody pass: {words}")
            case aiohttp.ClientProxyConnectionError():
                return RequestFailure(FaultKind.PROXY, f"does not answer: {_reason(behind)}")
            case ssl.SSLError() | aiohttp.ClientSSLError():
                return _fault_of_tls(behind)
            case socket.gaierror() | aiohttp.ClientConnectorDNSError():
                return RequestFailure(FaultKind.NO_HOST, one_line(_reason(behind)))
            case _:
                pass
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it was made of, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "inner_exception", None)]


def _fault_of_tls(error: BaseException) -> RequestFailure:
    words = _reason(error)
    if _CERTIFICATE_WORDS in words:
        return RequestFailure(
            FaultKind.CERTIFICATE, one_line(words.partition(_CERTIFICATE_WORDS)[2][1:])
        )
    hint = None
    if any(mark in words for mark in _PLAIN_HTTP_WORDS):
        hint = "write http:// in place of https:// if the server speaks it without TLS"
    return RequestFailure(FaultKind.CERTIFICATE, one_line(words), hint=hint)


def _reason(error: BaseException) -> str:
    """The system's own words, without the address, which is said elsewhere."""
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return inner.strerror or str(inner) or type(inner).__name__
    return str(error) or type(error).__name__
