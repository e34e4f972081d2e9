"""Addresses of remotes: an own, small parser, because they come from repositories of strangers.

General URL machinery is what makes a committed address dangerous: it knows fifty protocols, chains
them (`a::b`), takes passwords from URLs and guesses where nothing is said. Here there are three
kinds, each with its grammar, and everything else is refused:

    s3://BUCKET[/PREFIX]           Amazon S3, or with `endpoint` anything that speaks it
    az://CONTAINER[/PREFIX]        Azure Blob Storage; also abfs(s)://CONTAINER@ACCOUNT.dfs.core.windows.net
    a path or file:///PATH         a folder; a relative path is counted from the root of the repository

Guarantees: a `Remote` holds no credentials, `Remote.from_value(remote.to_value()) == remote`, and no
message repeats a value in which a secret was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Self

from gitmodel.domain.config import address
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret, is_secret_name
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from gitmodel.domain.yaml.reader import Value

Addressing = Literal["path", "virtual", "auto"]

_ADDRESSINGS: Mapping[str, Addressing] = {"path": "path", "virtual": "virtual", "auto": "auto"}
_OPTIONS: Mapping[address.Scheme, frozenset[str]] = {
    "s3": frozenset({"endpoint", "region", "addressing", "sse", "sse_kms_key_id", "anonymous"}),
    "az": frozenset({"endpoint", "account", "anonymous"}),
    "file": frozenset(),
}
_KNOWN = frozenset[str]().union(*_OPTIONS.values())
_GRAMMARS = {
    "region": lazy_compile(r"[a-z0-9-]{1,64}"),
    "sse": lazy_compile(r"AES256|aws:kms|aws:kms:dsse"),
    "sse_kms_key_id": lazy_compile(r"[A-Za-z0-9:/_-]{1,2048}"),
    "account": lazy_compile(r"[a-z0-9]{3,24}"),
}
# Names that other tools accept in their configuration, and what they would do here.
_PERSONAL = {
    "profile": "a profile is each person's own: git config gitmodel.profile NAME",
    "cache": "a cache folder is each clone's own: git config gitmodel.cache FOLDER",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where a store is, without anything secret.

    Attributes:
        url: Canonical address: `s3://bucket/prefix`, `az://container/prefix`, or the path of a folder
            with `/` (relative ones as committed: the caller joins them to the repository's root).
        scheme: `s3`, `az` or `file`.
        endpoint: `http(s)://host[:port][/path]` in place of the provider's own, or None.
        region: Region of the bucket, or None.
        addressing: Where requests put the bucket's name: `path`, `virtual` (host) or `auto`.
        sse: Server-side encryption of new objects, or None for the bucket's default.
        sse_kms_key_id: Which key of the key management service; only with a `sse` of `aws:kms`.
        account: Azure storage account, or None to take it from the environment.
        anonymous: No credentials are looked for: a bucket that everybody may read.
        profile: Of the person's own settings (`settings.effective`); never from a committed file.
    """

    url: str
    scheme: address.Scheme
    endpoint: str | None = None
    region: str | None = None
    addressing: Addressing = "auto"
    sse: str | None = None
    sse_kms_key_id: str | None = None
    account: str | None = None
    anonymous: bool = False
    profile: str | None = None

    @classmethod
    def from_value(cls, value: Value | Mapping[str, Value], *, where: str) -> Self:
        """Read an address, or a mapping of `url` and options.

        Args:
            value: What the configuration or the command line says.
            where: What to call it in messages (".gitmodel.yaml: remote").

        Raises:
            ConfigError: It is anything else than one of the three kinds with options of its kind.
        """
        options = dict(value) if isinstance(value, Mapping) else {"url": value}
        for name, option in options.items():
            _refuse_secrets(name, option, where)
        place = address.parse(options.pop("url", None), where=where)
        texts: dict[str, str] = {}
        for name, option in options.items():
            _refuse_unknown(name, place.scheme, where)
            if name not in {"anonymous", "addressing"} and option is not None:
                texts[name] = _text_option(name, option, where)
        if (
            place.account is not None
            and texts.setdefault("account", place.account) != place.account
        ):
            raise ConfigError(f"{where}: account and url name different accounts")
        if "sse_kms_key_id" in texts and not texts.get("sse", "").startswith("aws:kms"):
            raise ConfigError(f"{where}: sse_kms_key_id needs sse: aws:kms")
        return cls(
            url=place.url,
            scheme=place.scheme,
            addressing=_addressing(options.get("addressing"), where),
            anonymous=_anonymous(options.get("anonymous"), where),
            **texts,
        )

    def to_value(self) -> str | dict[str, Value]:
        """Return what to commit: the address alone, or a mapping with the options that differ."""
        options: dict[str, Value] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in _KNOWN and getattr(self, field.name) not in (None, False, "auto")
        }
        return {"url": self.url, **options} if options else self.url

    @property
    def fingerprint(self) -> str:
        """What a person trusts: address, endpoint and account, in one line; the URL if that is all."""
        further = [("endpoint", self.endpoint), ("account", self.account)]
        return " ".join([self.url, *(f"{name}={text}" for name, text in further if text)])

    @property
    def is_foreign(self) -> bool:
        """Whether using it would send requests to a host that is not the provider's own."""
        if self.scheme == "file":
            return self.url.startswith("//")
        return self.endpoint is not None and not address.is_provider(self.endpoint, self.scheme)

    @property
    def is_relative(self) -> bool:
        """Whether this is a folder counted from the root of the repository."""
        return self.scheme == "file" and not address.is_absolute(self.url)

    @property
    def bucket(self) -> str:
        """Bucket or container; "" for a folder."""
        return "" if self.scheme == "file" else self.url.split("/")[2]

    @property
    def prefix(self) -> str:
        """What all keys begin with, without `/` at either end; "" for a folder."""
        return "" if self.scheme == "file" else "/".join(self.url.split("/")[3:])


def _refuse_secrets(name: str, option: Value, where: str) -> None:
    kind = find_secret(name) or (find_secret(option) if isinstance(option, str) else None)
    if kind is not None:
        raise ConfigError(
            f"{where}: there is {kind} in it (not shown); a committed file is no place for it",
            hint=WHERE_SECRETS_BELONG,
        )
    if name not in _KNOWN and is_secret_name(name):
        raise ConfigError(
            f"{where}: {quote_text(name)} would be a secret (value not shown); a committed file is no"
            " place for it",
            hint=WHERE_SECRETS_BELONG,
        )


def _refuse_unknown(name: str, scheme: address.Scheme, where: str) -> None:
    if name in _OPTIONS[scheme]:
        return
    if name in _KNOWN:
        raise ConfigError(f"{where}: {name} means nothing for {_NAMES[scheme]}")
    allowed = ", ".join(sorted(_OPTIONS[scheme])) or "none"
    raise ConfigError(
        f"{where}: unknown option {quote_text(name)}",
        hint=_PERSONAL.get(name, f"options of {_NAMES[scheme]}: {allowed}"),
    )


_NAMES: Mapping[address.Scheme, str] = {
    "s3": "an s3:// remote",
    "az": "an az:// remote",
    "file": "a folder",
}


def _text_option(name: str, option: Value, where: str) -> str:
    if not isinstance(option, str):
        raise ConfigError(f"{where}: {name} must be text", hint='write it in quotes: "…"')
    if name == "endpoint":
        return address.parse_endpoint(option, where=f"{where}: endpoint")
    if not _GRAMMARS[name].fullmatch(option):
        raise ConfigError(f"{where}: {quote_text(option)} cannot be the {name} of a remote")
    return option


def _addressing(option: Value, where: str) -> Addressing:
    if option is None:
        return "auto"
    if isinstance(option, str) and option in _ADDRESSINGS:
        return _ADDRESSINGS[option]
    raise ConfigError(f"{where}: addressing must be path, virtual or auto")


def _anonymous(option: Value, where: str) -> bool:
    if option is None or isinstance(option, bool):
        return option is True
    raise ConfigError(f"{where}: anonymous must be true or false")
