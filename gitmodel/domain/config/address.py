"""The grammar of addresses: where a remote is, read character by character and never guessed.

Words: an *address* is what a person writes (`s3://models/prod`, `../store`, `file:///mnt/store`); an
*endpoint* is the host that answers for a bucket. Guarantee: what is accepted comes back in one
canonical spelling, and everything is checked after its last decoding (CVE-2023-6831 and CVE-2024-1560:
a check before it is no check).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret
from gitmodel.errors import ConfigError

Scheme = Literal["s3", "az", "file"]

MAX_ADDRESS_CHARACTERS = 1024
# S3 and Azure allow keys of 1024 characters; what gitmodel puts behind the prefix needs under 400.
_MAX_PREFIX_CHARACTERS = 512

_URL = lazy_compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_DRIVE = lazy_compile(r"[A-Za-z]:[/\\]")
_BUCKET = lazy_compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_CONTAINER = lazy_compile(r"(?=.{3,63}\Z)[a-z0-9](?:-?[a-z0-9])*")
_NUMBERS = lazy_compile(r"[0-9.]+")
_PREFIX_PART = lazy_compile(r"[A-Za-z0-9._=+,~()-]+")
_AZURE_HOST = lazy_compile(r"([a-z0-9]{3,24})\.(?:blob|dfs)\.core\.windows\.net")
_AWS_ENDPOINT = lazy_compile(
    r"https://s3(?:-fips)?(?:\.dualstack)?(?:\.[a-z]{2}(?:-[a-z]{2,16}){1,3}-[0-9])?\.amazonaws\.com(?:\.cn)?"
)
_AZURE_ENDPOINT = lazy_compile(
    r"https://[a-z0-9]{3,24}\.(?:blob|dfs)\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)"
)
_ENDPOINT = lazy_compile(
    r"(https?)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._-]+)*)/?"
)
_HOST = lazy_compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
# The names and addresses under which clouds hand credentials to whoever asks from inside a machine.
_METADATA = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "100.100.100.200"}
    | {"168.63.129.16", "192.0.0.192", "fd00:ec2::254"}
)
# Nobody keeps models there, and a stranger's config must not make a tool touch it.
_SYSTEM = lazy_compile(
    r"/?|/(?:bin|boot|etc|lib|lib32|lib64|proc|sbin|sys|usr(?!/local/)|var/run)(?:/.*)?"
    r"|/dev(?!/shm/)(?:/.*)?|[a-z]:/?|[a-z]:/(?:windows|program files[^/]*)(?:/.*)?",
    re.IGNORECASE,
)
_HINT_KINDS = "use s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or the path of a folder"
_HINT_S3 = "for a store that speaks S3 write url: s3://BUCKET and endpoint: https://HOST"


@dataclass(frozen=True, slots=True)
class ParsedAddress:
    """A parsed address: canonical URL (or path), its kind, and the account that an abfs URL names."""

    url: str
    scheme: Scheme
    account: str | None = None


def parse(text: object, *, where: str) -> ParsedAddress:
    """Read an address.

    Args:
        text: What the configuration or the command line says.
        where: What to call it in messages.

    Raises:
        ConfigError: It is not one of the three kinds. The text is shown only if nothing in it can be secret.
    """
    if not isinstance(text, str) or not text:
        raise ConfigError(f"{where}: the address is missing", hint=_HINT_KINDS)
    _refuse_hidden(text, where)
    if "::" in text:
        _refuse(text, where, "chained addresses (::) are not accepted")
    if url := _URL.fullmatch(text):
        return _from_url(url[1], url[2], text, where)
    return ParsedAddress(_folder(text, text, where), "file")


def parse_endpoint(text: str, *, where: str) -> str:
    """Read `http(s)://host[:port][/path]` and return it in its canonical spelling.

    Raises:
        ConfigError: It is anything else, an address spelled to deceive, or one where clouds keep credentials.
    """
    _refuse_hidden(text, where)
    found = _ENDPOINT.fullmatch(text)
    if found is None or int(found[3] or 1) > 65535:
        raise ConfigError(
            f"{where}: not of the form https://HOST, https://HOST:PORT or https://HOST/PATH",
            hint="leave out user name, query and fragment",
        )
    scheme, host, port, path = found.groups()
    if any(part in {".", ".."} for part in path.split("/")):
        raise ConfigError(f"{where}: '.' and '..' are not accepted in an endpoint")
    usual = {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{_host(host.lower(), where)}{'' if port in (None, usual) else ':' + port}{path}"


def is_provider(endpoint: str, scheme: Scheme) -> bool:
    """Whether a canonical endpoint is the provider's own, under a name that nobody else can get."""
    own = {"s3": _AWS_ENDPOINT, "az": _AZURE_ENDPOINT}.get(scheme)
    return own is not None and own.fullmatch(endpoint) is not None


def is_absolute(path: str) -> bool:
    """Whether a canonical path of a folder is absolute, on POSIX or on Windows."""
    return path.startswith("/") or _DRIVE.match(path) is not None


def is_system_folder(path: str) -> bool:
    """Whether an absolute path with `/` belongs to the system: no place for a store.

    `//etc` is `/etc` on POSIX, so slashes at the beginning count as one.

    Ask again after a relative path was joined to the repository's root and links were resolved.
    """
    return _SYSTEM.fullmatch(re.sub("^/+", "/", path)) is not None


def _refuse(text: str, where: str, problem: str, *, hint: str = _HINT_KINDS) -> NoReturn:
    # User information, query and fragment are where URLs carry secrets.
    quoted = "the address" if re.search(r"[@?#]", text) else quote_text(text)
    raise ConfigError(f"{where}: {quoted} is refused: {problem}", hint=hint)


def _refuse_hidden(text: str, where: str) -> None:
    if len(text) > MAX_ADDRESS_CHARACTERS:
        raise ConfigError(f"{where}: longer than {MAX_ADDRESS_CHARACTERS} characters")
    if kind := find_secret(text):
        raise ConfigError(
            f"{where}: there is {kind} in it (not shown); a committed file is no place for it",
            hint=WHERE_SECRETS_BELONG,
        )
    if not text.isprintable():
        raise ConfigError(f"{where}: control or invisible characters are not accepted")
    if text != text.strip():
        raise ConfigError(f"{where}: spaces at the beginning or end are not accepted")


def _from_url(scheme: str, rest: str, text: str, where: str) -> ParsedAddress:
    match scheme:
        case "file":
            return ParsedAddress(_file_url(rest, text, where), "file")
        case "s3":
            return ParsedAddress(f"s3://{_bucket(rest, text, where)}", "s3")
        case "az" | "abfs" | "abfss":
            return _azure(rest, text, where)
        case "http" | "https":
            _refuse(text, where, "a web address is not a store", hint=_HINT_S3)
        case _ if scheme.lower() in {"s3", "az", "abfs", "abfss", "file"}:
            _refuse(text, where, "write the scheme in lower case")
    _refuse(text, where, f"{quote_text(scheme)} is not a kind of remote")


def _bucket(rest: str, text: str, where: str) -> str:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        _refuse(text, where, "a user name is not accepted")
    if ":" in bucket:
        _refuse(text, where, "a host and port is not a bucket", hint=_HINT_S3)
    if not _BUCKET.fullmatch(bucket) or _NUMBERS.fullmatch(bucket):
        _refuse(text, where, "the bucket's name must be 3 to 63 of a-z, 0-9, '-' and '.'")
    return "/".join([bucket, *_prefix(prefix, text, where)])


def _azure(rest: str, text: str, where: str) -> ParsedAddress:
    container, _, prefix = rest.partition("/")
    container, at, host = container.partition("@")
    account = _AZURE_HOST.fullmatch(host)
    if at and account is None:
        _refuse(
            text,
            where,
            "behind the @ only ACCOUNT.dfs.core.windows.net is accepted",
            hint="for another host write url: az://CONTAINER and endpoint: https://HOST",
        )
    if not _CONTAINER.fullmatch(container):
        _refuse(text, where, "the container's name must be 3 to 63 of a-z, 0-9 and single '-'")
    url = "/".join([f"az://{container}", *_prefix(prefix, text, where)])
    return ParsedAddress(url, "az", account[1] if account else None)


def _prefix(prefix: str, text: str, where: str) -> list[str]:
    if len(prefix) > _MAX_PREFIX_CHARACTERS:
        _refuse(text, where, f"the prefix is longer than {_MAX_PREFIX_CHARACTERS} characters")
    parts = prefix.removesuffix("/").split("/") if prefix else []
    for part in parts:
        if part in {".", ".."} or not _PREFIX_PART.fullmatch(part):
            _refuse(
                text, where, "a part of the prefix is empty, '.', '..' or has unusual characters"
            )
    return parts


def _file_url(rest: str, text: str, where: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in {"", "localhost"} or not slash:
        _refuse(text, where, "a file URL has three slashes", hint="write file:///PATH, or the path")
    if re.search(r"[?#]", path):
        _refuse(text, where, "query and fragment are not accepted", hint="write the path itself")
    try:
        # Percent signs that encode nothing stay: RFC 8089 readers do the same.
        decoded = re.sub(
            rb"%([0-9a-fA-F]{2})", lambda code: bytes([int(code[1], 16)]), path.encode()
        ).decode()
    except UnicodeDecodeError:
        _refuse(text, where, "its percent codes are not UTF-8")
    _refuse_hidden(decoded, where)
    return _folder(decoded if _DRIVE.match(decoded) else f"/{decoded}", text, where)


def _folder(path: str, text: str, where: str) -> str:
    drive = _DRIVE.match(path) is not None
    if drive:
        path = path[0].upper() + path[1:].replace("\\", "/")
    if ":" in path[2 if drive else 0 :] or path.startswith(("~", "-", "$", "%")):
        _refuse(text, where, "this is no path that is the same for everyone")
    if "\\" in path:
        _refuse(text, where, "write / instead of \\")
    root = "//" if re.match("//[^/]", path) else "/" if path.startswith("/") else ""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    inner = parts if root or drive else _without_parents(parts)
    if ".." in inner:
        _refuse(text, where, "'..' is accepted only at the beginning of a relative path")
    canonical = root + "/".join(parts)
    if not canonical:
        _refuse(text, where, "that is the repository itself")
    if (root or drive) and is_system_folder(canonical):
        _refuse(text, where, "that folder belongs to the system")
    return canonical


def _without_parents(parts: list[str]) -> list[str]:
    index = 0
    while index < len(parts) and parts[index] == "..":
        index += 1
    return parts[index:]


def _host(host: str, where: str) -> str:
    import ipaddress  # 3 ms, and most remotes have no endpoint

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
        raise ConfigError(f"{where}: no store answers at {quote_text(bare)}")
    if number is not None:
        return f"[{bare}]" if number.version == 6 else bare
    # "2130706433", "0x7f.1" and "127.1" are addresses to some resolvers: only the usual spelling counts.
    last = bare.rpartition(".")[2]
    if (
        host.startswith("[")
        or not _HOST.fullmatch(bare)
        or len(bare) > 253
        or re.match(r"[0-9]+\Z|0x", last)
    ):
        raise ConfigError(f"{where}: {quote_text(bare)} is not a host name")
    return bare
