"""Remotes: an address and its options, as a configuration file of a stranger may name them.

A general URL parser would accept too much from a committed file: dozens of protocols, chains of them
(`a::b`), and passwords. Here each scheme of the table in `address` has a grammar, and anything else is
refused:

    s3://BUCKET[/PREFIX]           Amazon S3, or with `endpoint` anything that speaks it
    az://CONTAINER[/PREFIX]        Azure Blob Storage; also abfs(s)://CONTAINER@ACCOUNT.dfs.core.windows.net
    a path or file:///PATH         a folder; a relative one starts at the root of the repository

Guarantees: a `Remote` holds no credentials, `Remote.from_value(remote.to_value()) == remote`, and no
message repeats a value that looks like a secret.
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
# Every option that a scheme can allow: each is a field of `Remote`.
_OPTIONS = frozenset(
    {"endpoint", "region", "addressing", "sse", "sse_kms_key_id", "account", "anonymous"}
)
_GRAMMARS = {
    "region": lazy_compile(r"[a-z0-9-]{1,64}"),
    "sse": lazy_compile(r"AES256|aws:kms|aws:kms:dsse"),
    "sse_kms_key_id": lazy_compile(r"[A-Za-z0-9:/_-]{1,2048}"),
    "account": lazy_compile(r"[a-z0-9]{3,24}"),
}
# Options that other tools accept in a committed file, and what to use here.
_PERSONAL = {
    "profile": "the profile is set by each person: git config gitmodel.profile NAME",
    "cache": "the cache folder is set in each clone: git config gitmodel.cache FOLDER",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """The address of a store and its options, without credentials.

    The address is `s3://bucket/prefix`, `az://container/prefix`, or the path of a folder with `/`. A
    relative path stays as committed: the caller joins it to the root of the repository.
    """

    url: str  # canonical
    scheme: str  # of the table in `address`: `s3`, `az`, `file`
    endpoint: str | None = None  # `http(s)://host[:port][/path]`; None for the provider's own
    region: str | None = None  # of the bucket
    addressing: Addressing = "auto"  # where a URL names the bucket; `virtual`: in its host
    sse: str | None = None  # server-side encryption of new objects; None for the bucket's default
    sse_kms_key_id: str | None = None  # only with `sse` of `aws:kms`
    account: str | None = None  # Azure storage account; None to take it from the environment
    anonymous: bool = False  # requests carry no credentials: a public bucket
    profile: str | None = None  # by `clone.effective_remote`, never from a committed file

    @classmethod
    def from_value(cls, value: Value | Mapping[str, Value], *, where: str) -> Self:
        """Read an address, or a mapping of `url` and options; `where` names it in messages.

        Raises ConfigError if it is no address of a known scheme, or has options that its scheme does not
        allow.
        """
        options = dict(value) if isinstance(value, Mapping) else {"url": value}
        for name, option in options.items():
            _refuse_secrets(name, option, where)
        parsed = address.parse(options.pop("url", None), where=where)
        row = address.scheme_row(parsed.scheme)
        texts: dict[str, str] = {}
        for name, option in options.items():
            _refuse_unknown(name, row, where)
            if name not in {"anonymous", "addressing"} and option is not None:
                texts[name] = _text_option(name, option, where)
        if (
            parsed.account is not None
            and texts.setdefault("account", parsed.account) != parsed.account
        ):
            raise ConfigError(f"{where}: account and url name different accounts")
        if "sse_kms_key_id" in texts and not texts.get("sse", "").startswith("aws:kms"):
            raise ConfigError(f"{where}: sse_kms_key_id needs sse: aws:kms")
        return cls(
            url=parsed.url,
            scheme=parsed.scheme,
            addressing=_addressing(options.get("addressing"), where),
            anonymous=_anonymous(options.get("anonymous"), where),
            **texts,
        )

    def to_value(self) -> str | dict[str, Value]:
        """Return the value to commit: the address alone, or a mapping with the options that are set."""
        options: dict[str, Value] = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in _OPTIONS and getattr(self, field.name) not in (None, False, "auto")
        }
        return {"url": self.url, **options} if options else self.url

    @property
    def fingerprint(self) -> str:
        """What `remote trust` records: address, endpoint and account in one line."""
        further = [("endpoint", self.endpoint), ("account", self.account)]
        return " ".join([self.url, *(f"{name}={text}" for name, text in further if text)])

    @property
    def is_foreign(self) -> bool:
        """Whether requests would go to a host that is not the provider's own."""
        if self.scheme == address.FOLDER:
            return self.url.startswith("//")
        return self.endpoint is not None and not address.is_provider(self.endpoint, self.scheme)

    @property
    def is_relative(self) -> bool:
        """Whether this is a folder below or beside the root of the repository."""
        return self.scheme == address.FOLDER and not address.is_absolute(self.url)


def _refuse_secrets(name: str, option: Value, where: str) -> None:
    kind = find_secret(name) or (find_secret(option) if isinstance(option, str) else None)
    if kind is not None:
        raise ConfigError(
            f"{where}: contains {kind} (not shown); never commit secrets",
            hint=WHERE_SECRETS_BELONG,
        )
    if name not in _OPTIONS and is_secret_name(name):
        raise ConfigError(
            f"{where}: {quote_text(name)} looks like a secret (value not shown); never commit"
            " secrets",
            hint=WHERE_SECRETS_BELONG,
        )


def _refuse_unknown(name: str, row: address.AddressScheme, where: str) -> None:
    if name in row.options:
        return
    if name in _OPTIONS:
        raise ConfigError(f"{where}: {name} means nothing for {row.noun}")
    allowed = ", ".join(sorted(row.options)) or "none"
    raise ConfigError(
        f"{where}: unknown option {quote_text(name)}",
        hint=_PERSONAL.get(name, f"options of {row.noun}: {allowed}"),
    )


def _text_option(name: str, option: Value, where: str) -> str:
    if not isinstance(option, str):
        raise ConfigError(f"{where}: {name} must be text", hint='write it in quotes: "…"')
    if name == "endpoint":
        from gitmodel.domain.config.endpoint import parse_endpoint  # 3 ms, and few remotes have one

        return parse_endpoint(option, where=f"{where}: endpoint")
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
