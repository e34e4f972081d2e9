"""What is each person's own: `git config gitmodel.*` and environment variables, and whom they trust.

A committed configuration is everybody's and may be a stranger's. Settings are the person's word and
win over it: another endpoint, a profile, a cache folder, and the addresses to which their weights
may go. Guarantee: settings never hold a secret, and nothing in a committed file can change them.
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
DEFAULT_LONG_UPLOAD = 1 << 30  # 1 GiB: minutes on a usual line, where SSH servers give up idle ones

_SIZE = lazy_compile(r"([0-9]{1,18})([kmg]?)", re.IGNORECASE | re.ASCII)
_OCTAL = lazy_compile(r"0?[0-7]{3}", re.ASCII)
_REGION = lazy_compile(r"[a-z0-9-]{1,64}", re.ASCII)
_PROFILE = lazy_compile(r"[\w.@+/ -]{1,128}")
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_REMOTE_SETTINGS = ("endpoint", "profile", "region")
_CLONE_SETTINGS = ("cache", "commitlimit", "longupload", "verifyuploads")


class VerifyUploads(StrEnum):
    """Which packs a push reads back and compares, after it has sent them.

    A pack is *checked* if the server compared a checksum when it took the pack.
    """

    NEVER = "never"  # none: the size alone is looked at
    SAMPLE = "sample"  # of those that are not checked, one in eight, and the first
    UNCHECKED = "unchecked"  # all that are not checked
    ALL = "all"  # those that are checked, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The person's own settings for one remote; None leaves what is committed."""

    endpoint: str | None = None
    profile: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings(Overrides):
    """Settings of one person in one clone.

    Attributes:
        endpoint: Endpoint for the primary remote in place of the committed one.
        profile: Profile of the provider's own configuration (~/.aws/config).
        region: Region in place of the committed one.
        cache: Folder of the cache as written, or None for the default.
        commit_limit: Bytes that a hook hashes inside `git commit` before it asks for `gitmodel add`.
        long_upload: Bytes from which on a push says that its upload takes long.
        verify_uploads: Which packs are read back after an upload.
        shared: Bits that `core.sharedRepository` gives to files of the repository; None leaves them to
            the umask.
        trust: Fingerprints of remotes (`Remote.fingerprint`) to which this person said yes.
        mirrors: The same overrides for mirrors, by name (`gitmodel.NAME.endpoint`).
        s3_endpoint: What AWS's own variables say; counts for an S3 primary where nothing else does.
    """

    s3_endpoint: str | None = None
    cache: str | None = None
    commit_limit: int = DEFAULT_COMMIT_LIMIT
    long_upload: int = DEFAULT_LONG_UPLOAD
    verify_uploads: VerifyUploads = VerifyUploads.UNCHECKED
    shared: int | None = None
    trust: frozenset[str] = frozenset()
    mirrors: Mapping[str, Overrides] = field(default_factory=dict)

    @classmethod
    def from_git_config(cls, entries: Iterable[tuple[str, str]]) -> Self:
        """Read `gitmodel.*` entries in Git's order: of several with one key the last counts.

        Args:
            entries: Pairs of key (section and variable in lower case) and value. Keys that are not
                known are left alone: they may be a later gitmodel's.

        Raises:
            ConfigError: A value cannot be what its key says.
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
        """Return these settings with those of the environment, which win over Git's configuration.

        Read are GITMODEL_ENDPOINT, GITMODEL_PROFILE, GITMODEL_REGION, GITMODEL_CACHE and GITMODEL_TRUST (one
        fingerprint a line). AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL count for S3 where nothing else is
        said: without that a committed endpoint would win over the person's own.

        Raises:
            ConfigError: A value cannot be what its name says.
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
    """Return the remote as this person uses it: own endpoint, region and profile over the committed.

    Args:
        remote: As committed.
        settings: The person's own.
        mirror: Name of the mirror that `remote` is; None for the primary.
    """
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
    """Whether the person has yet to say yes to a committed remote before it is used so.

    Reading from a folder or from a provider's own endpoint needs nothing; neither does an endpoint
    of the person's own. Another endpoint gets no credentials before, and nothing is uploaded anywhere
    before: `git push` in a stranger's clone must not send weights to the stranger.

    Args:
        remote: As committed, not `effective_remote`: trust is about what others can change.
        settings: The person's own, with what they trust.
        upload: Whether something would be written there.
        mirror: Name of the mirror that `remote` is; None for the primary.

    Source: DESIGN, section 4, Trust.
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
        from gitmodel.domain.config.endpoint import parse_endpoint

        return parse_endpoint(value, where=where)
    if not value or (grammar and not grammar.fullmatch(value)):
        raise ConfigError(f"{where}: {quote_text(value)} is no {name}")
    return value


def _checked_text(value: str, where: str) -> str:
    if kind := find_secret(value):
        raise ConfigError(f"{where}: there is {kind} in it (not shown)", hint=WHERE_SECRETS_BELONG)
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
    """The mode of files that `core.sharedRepository` asks for, None for the umask's (git-config(1))."""
    word = text.lower()
    if word in {"group", "true", "yes", "on", "1"}:
        return 0o660
    if word in {"all", "world", "everybody", "2"}:
        return 0o664
    bits = int(word, 8) if _OCTAL.fullmatch(word) else 0
    return bits & 0o666 if bits & 0o600 == 0o600 else None


def _size(text: str, key: str) -> int:
    """A size as Git writes them: bytes, or with k, m or g for powers of 1024."""
    if found := _SIZE.fullmatch(text):
        return int(found[1]) * _FACTORS[found[2].lower()]
    raise ConfigError(
        f"git config gitmodel.{key.lower()}: {quote_text(text)} is no size",
        hint=f"git config gitmodel.{key} 20g",
    )
