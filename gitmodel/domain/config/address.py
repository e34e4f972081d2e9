"""The table of address schemes, and the grammar of each.

An address is what a person writes: `s3://models/prod`, `../store`, `file:///mnt/store`. A scheme is one row
of the table; `register_scheme` adds one.

Guarantee: an accepted address is returned in its canonical spelling. Text is checked after it was decoded
(CVE-2023-6831 and CVE-2024-1560 come from checks before decoding).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from re import Pattern

FOLDER = "file"

MAX_ADDRESS_CHARACTERS = 1024
# S3 and Azure allow keys of 1024 characters; gitmodel appends fewer than 400 to the prefix.
_MAX_PREFIX_CHARACTERS = 512

_SCHEME = lazy_compile(r"[a-z][a-z0-9+.-]*")
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
# System folders: a cloned repository must not make gitmodel read or write them.
_SYSTEM = lazy_compile(
    r"/?|/(?:bin|boot|etc|lib|lib32|lib64|proc|sbin|sys|usr(?!/local/)|var/run)(?:/.*)?"
    r"|/dev(?!/shm/)(?:/.*)?|[a-z]:/?|[a-z]:/(?:windows|program files[^/]*)(?:/.*)?",
    re.IGNORECASE,
)
_HINT_S3 = "for a store that speaks S3 write url: s3://BUCKET and endpoint: https://HOST"


class ParsedAddress(NamedTuple):
    """A parsed address: canonical URL (or path), its scheme, and the account that an abfs URL names."""

    url: str
    scheme: str
    account: str | None = None


class WrittenAddress(NamedTuple):
    """An address as written, and the name of its source in messages."""

    text: str
    where: str

    def refusal(self, problem: str, *, hint: str | None = None) -> ConfigError:
        """The error to raise; it quotes the text only where the text cannot contain a secret."""
        # User information, query and fragment are the parts of a URL that can carry secrets.
        quoted = "the address" if re.search(r"[@?#]", self.text) else quote_text(self.text)
        return ConfigError(f"{self.where}: {quoted} is refused: {problem}", hint=hint or _forms())


Parser: TypeAlias = Callable[[str, WrittenAddress], ParsedAddress]


class AddressScheme(NamedTuple):
    """One row of the table of schemes."""

    name: str  # of canonical addresses, and `Remote.scheme`
    parse: Parser  # reads the text after `://`; raises `WrittenAddress.refusal`
    form: str  # how such an address is written, for hints and help
    help: str  # what is there, for `--help`
    noun: str  # what a remote of this scheme is called in messages
    options: frozenset[str] = frozenset()  # of `Remote` that such a remote may have
    aliases: tuple[str, ...] = ()  # other schemes that the same parser reads
    provider: Pattern[str] | None = None  # endpoints whose names only the provider can register


def register_scheme(row: AddressScheme) -> None:
    """Add a scheme for the rest of the process.

    Raises ValueError if one of its names is taken, or is no scheme in lower case.
    """
    global _schemes  # noqa: PLW0603  (replaced as a whole, so other threads read one consistent table)
    for name in (row.name, *row.aliases):
        if not _SCHEME.fullmatch(name) or name in {"http", "https"}:
            raise ValueError(f"{name!r} cannot be the scheme of a store")
        if _row_of(name) is not None:
            raise ValueError(f"the scheme {name} is registered already")
    _schemes = (*_schemes, row)


def schemes() -> tuple[AddressScheme, ...]:
    """The table of schemes."""
    return _schemes


def scheme_row(name: str) -> AddressScheme:
    """The row of a scheme. Raises ConfigError if the scheme is not registered in this process."""
    row = _row_of(name)
    if row is None:
        raise ConfigError(f"{quote_text(name)} is not a scheme of remotes", hint=_forms())
    return row


def parse(text: object, *, where: str) -> ParsedAddress:
    """Read an address of the configuration or the command line; `where` names it in messages.

    Raises ConfigError if no scheme of the table accepts it. The text is shown only if it cannot be secret.
    """
    if not isinstance(text, str) or not text:
        raise ConfigError(f"{where}: the address is missing", hint=_forms())
    refuse_hidden(text, where)
    written = WrittenAddress(text, where)
    if "::" in text:
        raise written.refusal("chained addresses (::) are not accepted")
    url = _URL.fullmatch(text)
    if url is None:
        return ParsedAddress(_folder(text, written), FOLDER)
    row = _row_of(url[1])
    if row is not None:
        return row.parse(url[2], written)
    if url[1] in {"http", "https"}:
        raise written.refusal("a web address is not a store", hint=_HINT_S3)
    if _row_of(url[1].lower()) is not None:
        raise written.refusal("write the scheme in lower case")
    raise written.refusal(f"{quote_text(url[1])} is not a kind of remote")


def is_provider(endpoint: str, scheme: str) -> bool:
    """Whether a canonical endpoint is the provider's own, under a name that nobody else can register."""
    provider = scheme_row(scheme).provider
    return provider is not None and provider.fullmatch(endpoint) is not None


def is_absolute(path: str) -> bool:
    """Whether a canonical path of a folder is absolute, on POSIX or on Windows."""
    return path.startswith("/") or _DRIVE.match(path) is not None


def is_system_folder(path: str) -> bool:
    """Whether an absolute path with `/` is a folder of the system, which may hold no store.

    Slashes at the beginning count as one, since `//etc` is `/etc` on POSIX. Check again after a relative
    path was joined to the repository's root and links were resolved.
    """
    return _SYSTEM.fullmatch(re.sub("^/+", "/", path)) is not None


def _row_of(name: str) -> AddressScheme | None:
    return next((row for row in _schemes if name == row.name or name in row.aliases), None)


def _forms() -> str:
    """The hint that lists how addresses are written; folders come last."""
    forms = [row.form for row in _schemes if row.name != FOLDER]
    return f"use {', '.join(forms)} or the path of a folder"


def refuse_hidden(text: str, where: str) -> None:
    """Refuse text that is too long, holds a secret, or has characters that nobody sees.

    Raises ConfigError, which does not repeat a secret.
    """
    if len(text) > MAX_ADDRESS_CHARACTERS:
        raise ConfigError(f"{where}: longer than {MAX_ADDRESS_CHARACTERS} characters")
    if kind := find_secret(text):
        raise ConfigError(
            f"{where}: contains {kind} (not shown); never commit secrets",
            hint=WHERE_SECRETS_BELONG,
        )
    if not text.isprintable():
        raise ConfigError(f"{where}: control or invisible characters are not accepted")
    if text != text.strip():
        raise ConfigError(f"{where}: spaces at the beginning or end are not accepted")


def _parse_s3(rest: str, written: WrittenAddress) -> ParsedAddress:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        raise written.refusal("a user name is not accepted")
    if ":" in bucket:
        raise written.refusal("a host and port is not a bucket", hint=_HINT_S3)
    if not _BUCKET.fullmatch(bucket) or _NUMBERS.fullmatch(bucket):
        raise written.refusal("the bucket's name must be 3 to 63 of a-z, 0-9, '-' and '.'")
    url = "/".join([f"s3://{bucket}", *parse_prefix(prefix, written)])
    return ParsedAddress(url, "s3")


def _parse_azure(rest: str, written: WrittenAddress) -> ParsedAddress:
    container, _, prefix = rest.partition("/")
    container, at, host = container.partition("@")
    account = _AZURE_HOST.fullmatch(host)
    if at and account is None:
        raise written.refusal(
            "behind the @ only ACCOUNT.dfs.core.windows.net is accepted",
            hint="for another host write url: az://CONTAINER and endpoint: https://HOST",
        )
    if not _CONTAINER.fullmatch(container):
        raise written.refusal("the container's name must be 3 to 63 of a-z, 0-9 and single '-'")
    url = "/".join([f"az://{container}", *parse_prefix(prefix, written)])
    return ParsedAddress(url, "az", account[1] if account else None)


def parse_prefix(prefix: str, written: WrittenAddress) -> list[str]:
    """The parts of the path below a bucket."""
    if len(prefix) > _MAX_PREFIX_CHARACTERS:
        raise written.refusal(f"the prefix is longer than {_MAX_PREFIX_CHARACTERS} characters")
    parts = prefix.removesuffix("/").split("/") if prefix else []
    for part in parts:
        if part in {".", ".."} or not _PREFIX_PART.fullmatch(part):
            raise written.refusal(
                "a part of the prefix is empty, '.', '..' or has unusual characters"
            )
    return parts


def _parse_file(rest: str, written: WrittenAddress) -> ParsedAddress:
    host, slash, path = rest.partition("/")
    if host not in {"", "localhost"} or not slash:
        raise written.refusal(
            "a file URL has three slashes", hint="write file:///PATH, or the path"
        )
    if re.search(r"[?#]", path):
        raise written.refusal("query and fragment are not accepted", hint="write the path itself")
    try:
        # Percent signs that encode nothing stay, as in other readers of RFC 8089.
        decoded = re.sub(
            rb"%([0-9a-fA-F]{2})", lambda code: bytes([int(code[1], 16)]), path.encode()
        ).decode()
    except UnicodeDecodeError as error:
        raise written.refusal("its percent codes are not UTF-8") from error
    refuse_hidden(decoded, written.where)
    full = decoded if _DRIVE.match(decoded) else f"/{decoded}"
    return ParsedAddress(_folder(full, written), FOLDER)


def _folder(path: str, written: WrittenAddress) -> str:
    drive = _DRIVE.match(path) is not None
    if drive:
        path = path[0].upper() + path[1:].replace("\\", "/")
    if ":" in path[2 if drive else 0 :] or path.startswith(("~", "-", "$", "%")):
        raise written.refusal("this is not the same path for everyone")
    if "\\" in path:
        raise written.refusal("write / instead of \\")
    root = "//" if re.match("//[^/]", path) else "/" if path.startswith("/") else ""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    inner = parts if root or drive else _without_parents(parts)
    if ".." in inner:
        raise written.refusal("'..' is accepted only at the beginning of a relative path")
    canonical = root + "/".join(parts)
    if not canonical:
        raise written.refusal("that is the repository itself")
    if (root or drive) and is_system_folder(canonical):
        raise written.refusal("that folder belongs to the system")
    return canonical


def _without_parents(parts: list[str]) -> list[str]:
    index = 0
    while index < len(parts) and parts[index] == "..":
        index += 1
    return parts[index:]


_schemes: tuple[AddressScheme, ...] = (
    AddressScheme(
        name="s3",
        parse=_parse_s3,
        form="s3://BUCKET/PREFIX",
        help="S3, or a server that speaks its protocol (--endpoint)",
        noun="an s3:// remote",
        options=frozenset(
            {"endpoint", "region", "addressing", "sse", "sse_kms_key_id", "anonymous"}
        ),
        provider=_AWS_ENDPOINT,
    ),
    AddressScheme(
        name="az",
        parse=_parse_azure,
        form="az://CONTAINER/PREFIX",
        help="Azure Blob Storage (--account)",
        noun="an az:// remote",
        options=frozenset({"endpoint", "account", "anonymous"}),
        aliases=("abfs", "abfss"),
        provider=_AZURE_ENDPOINT,
    ),
    AddressScheme(
        name=FOLDER,
        parse=_parse_file,
        form="FOLDER",
        help="a folder, on a disk that the others can reach",
        noun="a folder",
    ),
)
