"""Address and keys of S3 requests from static settings, without botocore.

Importing botocore and its search for credentials take 0.35 s. Most users and nearly all CI jobs have two keys and
a region in variables or in a profile, which this module reads. For any other setting (a role, single sign-on, an
unlisted variable or option) the result is None and botocore decides. Tests compare the results with botocore's.

Sources: the AWS SDKs and Tools Reference Guide (shared config and credentials files, environment
variables); botocore's order of providers and its rules for endpoints.
"""

from __future__ import annotations

import os
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.config.remote import Remote

# Read here, or without effect on requests to S3. Any other AWS_ variable is unsupported.
_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_DEFAULT_OUTPUT",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EXECUTION_ENV",
        "AWS_DEFAULT_AVAILABILITY_ZONE",
        "AWS_MAX_ATTEMPTS",
        "AWS_RETRY_MODE",
        "AWS_PAGER",
        "AWS_CLI_AUTO_PROMPT",
        "AWS_CLI_FILE_ENCODING",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_SDK_UA_APP_ID",
        "AWS_CA_BUNDLE",  # there is no transport over https then, see `cloud/obstore`
    }
)
_KEYS = frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"})
# Options of a profile in the config file. Others (role_arn, sso_session, s3, services) are unsupported.
_OPTIONS = frozenset({"region", "output", "cli_pager", "cli_auto_prompt", "retry_mode"})
# Regions of the partition `aws`, whose hosts end in amazonaws.com; other partitions have other suffixes.
_REGION = lazy_compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-(central|(north|south)?(east|west)?)-[1-9]")
_FIRST_REGION = "us-east-1"  # botocore uses the host without a region for it
# Names that can be a label of a host. No dots, because certificates cover one label.
_BUCKET = lazy_compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_SPECIAL_PREFIXES = ("xn--", "sthree-", "arn-")
_SPECIAL_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3", ".mrap")
_HOST = lazy_compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")
_NUMERIC = lazy_compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys that sign requests."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticS3Config:
    """The settings that botocore would find."""

    url: str  # of the bucket itself, with its name in host or path
    region: str  # of the signature
    keys: Keys | None  # None for a public bucket


def static_config(
    remote: Remote, *, profile: str | None, environment: Mapping[str, str]
) -> StaticS3Config | None:
    """Find address, region and keys of an `s3` remote; None if botocore has to.

    A profile from the settings of the clone wins over variables with keys.
    """
    if any(name.startswith("AWS_") and name not in _VARIABLES for name in environment):
        return None
    name = profile or _profile_of(environment)
    files = None if name is None else _read_files(name, environment)
    if files is None:
        return None
    stored, options = files
    keys = None
    if not remote.anonymous:
        keys = _keys_of(environment, stored, explicit=profile is not None)
        if keys is None:
            return None
    region = remote.region or environment.get("AWS_DEFAULT_REGION") or options.get("region")
    endpoint = (
        remote.endpoint
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
    )
    if not region:
        return None
    bucket = remote.url.removeprefix("s3://").partition("/")[0]
    url = _bucket_url(bucket, endpoint, region, virtual=_is_virtual(remote, endpoint))
    return None if url is None else StaticS3Config(url=url, region=region, keys=keys)


def profile_options(profile: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """All options of a profile in both files; empty for a missing profile."""
    stored = _sections(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials") or {}
    options = _sections(environment, "AWS_CONFIG_FILE", "config") or {}
    words = ["default"] if profile == "default" else ["profile", profile]
    described = (values for name, values in options.items() if _words(name) == words)
    return {**stored.get(profile, {}), **next(described, {})}


def _words(section: str) -> list[str]:
    """The words of a section name as botocore reads it, with quotes around names with spaces."""
    import shlex

    try:
        return shlex.split(section)
    except ValueError:
        return []


def _profile_of(environment: Mapping[str, str]) -> str | None:
    """The profile from variables, or "default"; None if two variables differ."""
    names = {environment.get(name) for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")} - {None, ""}
    return None if len(names) > 1 else next(iter(names), None) or "default"


def _read_files(
    profile: str, environment: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """Keys and options of a profile; None if it has other options or is missing."""
    stored = _sections(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials")
    options = _sections(environment, "AWS_CONFIG_FILE", "config")
    if stored is None or options is None:
        return None
    in_config = "default" if profile == "default" else f"profile {profile}"
    found = stored.get(profile, {}), options.get(in_config, {})
    if profile != "default" and profile not in stored and in_config not in options:
        return None
    plain = found[0].keys() <= _KEYS and found[1].keys() <= _OPTIONS
    return found if plain else None


def config_file(environment: Mapping[str, str]) -> str:
    """The file of profiles, for messages."""
    return environment.get("AWS_CONFIG_FILE") or "~/.aws/config"


def _path(environment: Mapping[str, str], variable: str, name: str) -> str:
    home = environment.get("HOME")
    return environment.get(variable) or (os.path.join(home, ".aws", name) if home else "")


def _sections(
    environment: Mapping[str, str], variable: str, name: str
) -> Mapping[str, Mapping[str, str]] | None:
    """The sections of a file of AWS; empty if it is missing, None if it cannot be read."""
    path = _path(environment, variable, name)
    if not path or path.startswith("~") or "$" in path:
        return None
    parser = RawConfigParser(default_section="\0 none")
    try:
        with open(path, encoding="utf-8") as stream:
            parser.read_file(stream)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, ConfigParserError):
        return None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _keys_of(
    environment: Mapping[str, str], stored: Mapping[str, str], *, explicit: bool
) -> Keys | None:
    """The keys from variables or the profile; None if incomplete."""
    if environment.get("AWS_ACCESS_KEY_ID") and not explicit:
        access, secret = environment["AWS_ACCESS_KEY_ID"], environment.get("AWS_SECRET_ACCESS_KEY")
        token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN")
    else:
        access = stored.get("aws_access_key_id", "")
        secret, token = stored.get("aws_secret_access_key"), stored.get("aws_session_token")
    if not access or not secret:
        return None
    return Keys(access_key=access, secret_key=secret, token=token or None)


def _is_virtual(remote: Remote, endpoint: str | None) -> bool:
    if remote.addressing == "auto":
        return endpoint is None
    return remote.addressing == "virtual"


def _bucket_url(bucket: str, endpoint: str | None, region: str, *, virtual: bool) -> str | None:
    """URL of a bucket; None if botocore has to decide."""
    plain = _BUCKET.fullmatch(bucket) and not bucket.startswith(_SPECIAL_PREFIXES)
    if not plain or bucket.endswith(_SPECIAL_SUFFIXES):
        return None
    server = _aws_server(region) if endpoint is None else _other_server(endpoint, virtual=virtual)
    if server is None:
        return None
    scheme, host, path = server
    if virtual:
        return f"{scheme}://{bucket}.{host}{path}"
    return f"{scheme}://{host}{path}/{bucket}"


def _aws_server(region: str) -> tuple[str, str, str] | None:
    """Scheme, host and path of the server of a region; None for an unsupported region."""
    if not _REGION.fullmatch(region):
        return None
    host = "s3" if region == _FIRST_REGION else f"s3.{region}"
    return "https", f"{host}.amazonaws.com", ""


def _other_server(endpoint: str, *, virtual: bool) -> tuple[str, str, str] | None:
    """Scheme, host with port, and path of an endpoint; None for an unsupported endpoint."""
    found = urlsplit(endpoint)
    host = found.netloc.rpartition(":")[0] or found.netloc
    if found.scheme not in {"http", "https"} or found.query or found.fragment:
        return None
    if not _HOST.fullmatch(host) or host.endswith("amazonaws.com"):
        return None
    if virtual and _NUMERIC.fullmatch(host):
        return None
    return found.scheme, found.netloc, found.path.rstrip("/")
