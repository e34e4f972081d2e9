"""Settings of one person in one clone: `git config gitmodel.*`, environment variables, and trust.

They override the committed configuration, which may come from a stranger.
Guarantee: settings never contain a secret, and no committed file can change them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.config.remote import Remote

DEFAULT_COMMIT_LIMIT = 20 << 30  # 20 GiB: about a minute of hashing inside `git commit`
# 1 GiB takes minutes, after which SSH servers close idle connections.
DEFAULT_LONG_UPLOAD = 1 << 30

_SIZE = lazy_compile(r"([0-9]{1,18})([kmg]?)", re.IGNORECASE | re.ASCII)
_OCTAL = lazy_compile(r"0?[0-7]{3}", re.ASCII)
_REGION = lazy_compile(r"[a-z0-9-]{1,64}", re.ASCII)
_PROFILE = lazy_compile(r"[\w.@+/ -]{1,128}")
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_REMOTE_SETTINGS = ("endpoint", "profile", "region")
_CLONE_SETTINGS = ("cache", "commitlimit", "force", "longupload", "verifyuploads")


class VerifyUploads(StrEnum):
    """Which uploaded packs a push downloads again and compares.

    A pack is *checked* if the server compared a checksum during the upload.
    """

    NEVER = "never"  # none: only sizes are compared
    SAMPLE = "sample"  # the first unchecked pack and one in eight of the others
    UNCHECKED = "unchecked"  # all unchecked packs
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Settings for one remote; None keeps the committed value."""

    endpoint: str | None = None
    profile: str | None = None  # in the provider's configuration (~/.aws/config)
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings(Overrides):
    """Settings of one person in one clone; the inherited ones override those of the primary remote."""

    s3_endpoint: str | None = None  # in AWS's variables, for an S3 primary without another override
    cache: str | None = None  # folder of the cache; None for the default
    force: str | None = None  # why `git -c gitmodel.force=WHY commit` overrides a gate
    commit_limit: int = DEFAULT_COMMIT_LIMIT  # bytes that a hook hashes; more need `gitmodel add`
    long_upload: int = DEFAULT_LONG_UPLOAD  # bytes above which a push announces a long upload
    verify_uploads: VerifyUploads = VerifyUploads.UNCHECKED  # packs to read again after an upload
    shared: int | None = None  # mode bits by `core.sharedRepository`; None for those of the umask
    trust: frozenset[str] = frozenset()  # fingerprints of trusted remotes (`Remote.fingerprint`)
    mirrors: Mapping[str, Overrides] = field(default_factory=dict)  # of `gitmodel.NAME.endpoint`

    @classmethod
    def from_git_config(cls, entries: Iterable[tuple[str, str]]) -> Self:
        """Read `gitmodel.*` entries in Git's order; the last entry of a key counts.

        Keys are sections and variables in lower case; unknown ones are ignored. Raises ConfigError if a
        value is invalid.
        """
        shared: int | None = None
        texts: dict[str, str] = {}
        trust: set[str] = set()
        mirrors: dict[str, dict[str, str]] = {}
        for key, value in entries:
            section, _, rest = key.partition(".")
            mirror, _, name = rest.rpartition(".")
            where = f"git config {key}"
            if key == "core.sharedrepository":
                shared = shared_bits(value)
            if section != "gitmodel":
                continue
            if mirror and name in _REMOTE_SETTINGS:
                mirrors.setdefault(mirror, {})[name] = _checked_setting(name, value, where)
            elif not mirror and name == "trust":
                trust.add(_checked_text(value, where))
            elif not mirror and name in {*_REMOTE_SETTINGS, *_CLONE_SETTINGS}:
                texts[name] = _checked_setting(name, value, where)
        limit = texts.pop("commitlimit", None)
        long = texts.pop("longupload", None)
        verify = texts.pop("verifyuploads", VerifyUploads.UNCHECKED)
        return cls(
            commit_limit=DEFAULT_COMMIT_LIMIT if limit is None else _size(limit, "commitLimit"),
            long_upload=DEFAULT_LONG_UPLOAD if long is None else _size(long, "longUpload"),
            verify_uploads=_verify_uploads(verify),
            shared=shared,
            trust=frozenset(trust),
            mirrors={name: Overrides(**own) for name, own in mirrors.items()},
            **texts,
        )

    def with_environment(self, environment: Mapping[str, str]) -> Self:
        """Return these settings, overridden by environment variables.

        The variables are GITMODEL_ENDPOINT, GITMODEL_PROFILE, GITMODEL_REGION, GITMODEL_CACHE and
        GITMODEL_TRUST (one fingerprint a line). AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL override a
        committed endpoint if no other setting does. Raises ConfigError if a value is invalid.
        """
        own: dict[str, str | None] = {}
        for key in (*_REMOTE_SETTINGS, "cache"):
            name = f"GITMODEL_{key.upper()}"
            if value := environment.get(name):
                own[key] = _checked_setting(key, value, name)
        lines = environment.get("GITMODEL_TRUST", "").split("\n")
        trust = {_checked_text(line.strip(), "GITMODEL_TRUST") for line in lines if line.strip()}
        return replace(
            self,
            endpoint=own.get("endpoint") or self.endpoint,
            s3_endpoint=_aws_endpoint(environment),
            profile=own.get("profile") or self.profile,
            region=own.get("region") or self.region,
            cache=own.get("cache") or self.cache,
            trust=self.trust | trust,
        )


def effective_remote(
    remote: Remote, settings: LocalSettings, *, mirror: str | None = None
) -> Remote:
    """Return a committed remote, the primary or a mirror, with the overrides of this clone."""
    own = _overrides(settings, mirror)
    if remote.scheme == "file":
        return remote
    return replace(
        remote,
        endpoint=_own_endpoint(remote, settings, mirror) or remote.endpoint,
        region=own.region or remote.region,
        profile=own.profile,
    )


def needs_trust(
    remote: Remote, settings: LocalSettings, *, upload: bool, mirror: str | None = None
) -> bool:
    """Whether a committed remote, without overrides, must be trusted before this use.

    Every upload needs trust: `git push` in a clone of a stranger's repository must not send weights to the
    stranger. A download needs trust if it would send credentials to a host that is neither the provider's
    nor configured in this clone. `mirror` is the name of the mirror, None for the primary.
    """
    if remote.fingerprint in settings.trust:
        return False
    if upload:
        return True
    return remote.is_foreign and (
        remote.scheme == "file" or not _own_endpoint(remote, settings, mirror)
    )


def _aws_endpoint(environment: Mapping[str, str]) -> str | None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if value := environment.get(name):
            return _checked_setting("endpoint", value, name)
    return None


def _overrides(settings: LocalSettings, mirror: str | None) -> Overrides:
    return settings if mirror is None else settings.mirrors.get(mirror, Overrides())


def _own_endpoint(remote: Remote, settings: LocalSettings, mirror: str | None) -> str | None:
    own = _overrides(settings, mirror).endpoint
    usual = mirror is None and remote.scheme == "s3"
    return own or (settings.s3_endpoint if usual else None)


def _checked_setting(name: str, value: str, where: str) -> str:
    _checked_text(value, where)
    grammar = {"region": _REGION, "profile": _PROFILE}.get(name)
    if name == "endpoint":
        from gitmodel.domain.config.endpoint import parse_endpoint  # 3 ms, and few remotes have one

        return parse_endpoint(value, where=where)
    if not value or (grammar and not grammar.fullmatch(value)):
        raise ConfigError(f"{where}: {quote_text(value)} is no {name}")
    return value


def _checked_text(value: str, where: str) -> str:
    if kind := find_secret(value):
        raise ConfigError(f"{where}: contains {kind} (not shown)", hint=WHERE_SECRETS_BELONG)
    if not value.isprintable():
        raise ConfigError(f"{where}: control or invisible characters are not accepted")
    return value


def _verify_uploads(text: str) -> VerifyUploads:
    try:
        return VerifyUploads(text.lower())
    except ValueError as error:
        raise ConfigError(
            f"git config gitmodel.verifyuploads: {quote_text(text)} is none of {', '.join(VerifyUploads)}",
            hint="git config --unset gitmodel.verifyUploads",
        ) from error


def shared_bits(text: str) -> int | None:
    """Return the file mode for a value of `core.sharedRepository` (git-config(1)); None for the umask's."""
    word = text.lower()
    if word in {"group", "true", "yes", "on", "1"}:
        return 0o660
    if word in {"all", "world", "everybody", "2"}:
        return 0o664
    bits = int(word, 8) if _OCTAL.fullmatch(word) else 0
    return bits & 0o666 if bits & 0o600 == 0o600 else None


def _size(text: str, key: str) -> int:
    """Parse a size in Git's notation: bytes, or k, m or g for powers of 1024."""
    if found := _SIZE.fullmatch(text):
        return int(found[1]) * _FACTORS[found[2].lower()]
    raise ConfigError(
        f"git config gitmodel.{key.lower()}: {quote_text(text)} is no size",
        hint=f"git config gitmodel.{key} 20g",
    )
