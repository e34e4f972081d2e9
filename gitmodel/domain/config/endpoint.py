"""The grammar of endpoints: the host that answers for a bucket, `https://HOST[:PORT][/PATH]`.

Guarantee: an accepted endpoint is returned in its canonical spelling, and no endpoint names a service
from which machines in a cloud fetch credentials.
"""

from __future__ import annotations

import ipaddress
import re

from gitmodel.domain.config.address import refuse_hidden
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import ConfigError

_ENDPOINT = lazy_compile(
    r"(https?)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._-]+)*)/?"
)
_HOST = lazy_compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
# Names and addresses of the services from which cloud machines fetch credentials.
_METADATA = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "100.100.100.200"}
    | {"168.63.129.16", "192.0.0.192", "fd00:ec2::254"}
)


def parse_endpoint(text: str, *, where: str) -> str:
    """Read `http(s)://host[:port][/path]` and return it in its canonical spelling.

    Raises ConfigError if it is anything else, its host is spelled in an unusual way, or it hands out
    credentials.
    """
    refuse_hidden(text, where)
    found = _ENDPOINT.fullmatch(text)
    if found is None or int(found[3] or 1) > 65535:
        raise ConfigError(
            f"{where}: not of the form https://HOST, https://HOST:PORT or https://HOST/PATH",
            hint="leave out user name, query and fragment",
        )
    scheme, host, port, path = found.groups()
    if any(part in {".", ".."} for part in path.split("/")):
        raise ConfigError(f"{where}: '.' and '..' are not accepted in an endpoint")
    default_port = {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{_host(host.lower(), where)}{'' if port in (None, default_port) else ':' + port}{path}"


def _host(host: str, where: str) -> str:
    bare = host.strip("[]")
    try:
        number = ipaddress.ip_address(bare)
    except ValueError:
        number = None
    else:
        bare = str(getattr(number, "ipv4_mapped", None) or number)
        number = ipaddress.ip_address(bare)
    if bare in _METADATA or (
        number and (number.is_link_local or number.is_multicast or number.is_unspecified)
    ):
        raise ConfigError(f"{where}: no store can be at {quote_text(bare)}")
    if number is not None:
        return f"[{bare}]" if number.version == 6 else bare
    # Some resolvers read "2130706433", "0x7f.1" and "127.1" as addresses, so they are refused.
    last = bare.rpartition(".")[2]
    if (
        host.startswith("[")
        or not _HOST.fullmatch(bare)
        or len(bare) > 253
        or re.match(r"[0-9]+\Z|0x", last)
    ):
        raise ConfigError(f"{where}: {quote_text(bare)} is not a host name")
    return bare
