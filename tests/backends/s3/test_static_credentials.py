"""Plain settings are exactly what botocore would do, and everything else is left to botocore."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from gitmodel.backends.s3.bucket_url import SentRequest
from gitmodel.backends.s3.static_credentials import static_config
from gitmodel.domain.config.remote import Remote

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAVARIABLE", "AWS_SECRET_ACCESS_KEY": "of the variable"}
TOKEN = {"AWS_SESSION_TOKEN": "a token"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1"}
HERE: dict[str, object] = {"endpoint": "https://s3.example.org:8333", "region": "somewhere"}
CREDENTIALS = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = of the default
[team]
aws_access_key_id=AKIATEAM
aws_secret_access_key=of=the%team
aws_session_token = token of the team
"""
CONFIG = """
[default]
region = eu-central-1
output = json
[profile team]
region = ap-southeast-2
[profile only-region]
region = us-west-2
"""


class AskedError(Exception):
    """What botocore was about to send."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the two files, and no variables of AWS's."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(CREDENTIALS)
    (tmp_path / ".aws/config").write_text(CONFIG)
    return tmp_path


def ours(remote: Remote, profile: str | None = None) -> tuple[object, ...] | None:
    found = static_config(remote, profile=profile, environment=os.environ)
    if found is None:
        return None
    keys = found.keys
    return found.url, found.region, keys and (keys.access_key, keys.secret_key, keys.token)


def botocores(remote: Remote, profile: str | None = None) -> tuple[object, ...]:
    """Where botocore would send a request, signed for what and with what, as `s3.py` sets it up."""
    session = botocore.session.Session(profile=profile)
    style = {} if remote.addressing == "auto" else {"s3": {"addressing_style": remote.addressing}}
    signature = {"signature_version": UNSIGNED} if remote.anonymous else {}
    client = session.create_client(
        "s3",
        endpoint_url=remote.endpoint,
        region_name=remote.region,
        config=Config(**style, **signature),
    )

    def stop(request: Any, **_: object) -> None:
        raise AskedError(SentRequest(request.url, request.context.get("signing", {}).get("region")))

    client.meta.events.register("request-created.s3", stop)
    bucket = remote.url.removeprefix("s3://").partition("/")[0]
    with pytest.raises(AskedError) as caught:
        client.get_object(Bucket=bucket, Key="packs/ab/ab12")
    sent = caught.value.args[0]
    found = session.get_credentials() if not remote.anonymous else None
    keys = found and (found.access_key, found.secret_key, found.token)
    url = sent.bucket_url(bucket, client.meta.endpoint_url)
    return url, sent.region or client.meta.region_name, keys


Case = tuple[Mapping[str, str], Mapping[str, object], str | None]
PLAIN: dict[str, Case] = {
    "keys and region in variables": (KEYS | REGION, {}, None),
    "a token too": (KEYS | TOKEN | REGION, {}, None),
    "its old name": (KEYS | {"AWS_SECURITY_TOKEN": "old"} | REGION, {}, None),
    "the default profile": ({}, {}, None),
    "a profile by variable": ({"AWS_PROFILE": "team"}, {}, None),
    "a profile by the other": ({"AWS_DEFAULT_PROFILE": "team"}, {}, None),
    "a profile of one's own": ({}, {}, "team"),
    "it wins over keys": (KEYS, {}, "team"),
    "keys win over a variable": (KEYS | {"AWS_PROFILE": "team"}, {}, None),
    "a region over a profile's": (REGION, {}, "team"),
    "keys, and a profile for the region": (KEYS | {"AWS_PROFILE": "only-region"}, {}, None),
    "AWS_REGION means nothing": (KEYS | {"AWS_REGION": "us-west-1"}, {}, None),
    "an empty token": (KEYS | {"AWS_SESSION_TOKEN": ""} | REGION, {}, None),
    "the remote's region": (KEYS | REGION, {"region": "sa-east-1"}, None),
    "the first region": (KEYS, {"region": "us-east-1"}, None),
    "a region in the middle": (KEYS, {"region": "ca-central-1"}, None),
    "a new region": (KEYS, {"region": "ap-southeast-5"}, None),
    "paths": (KEYS, {"region": "eu-west-1", "addressing": "path"}, None),
    "hosts": (KEYS, {"region": "eu-west-1", "addressing": "virtual"}, None),
    "paths in the first region": (KEYS, {"region": "us-east-1", "addressing": "path"}, None),
    "an endpoint": (KEYS, HERE, None),
    "an endpoint with paths": (KEYS, HERE | {"addressing": "path"}, None),
    "an endpoint with hosts": (KEYS, HERE | {"addressing": "virtual"}, None),
    "an endpoint below a path": (KEYS | REGION, {"endpoint": "https://example.org/s3/"}, None),
    "hosts below a path": (
        KEYS | REGION,
        {"endpoint": "https://example.org/s3", "addressing": "virtual"},
        None,
    ),
    "an address of numbers": (KEYS | REGION, {"endpoint": "http://192.0.2.7:9000"}, None),
    "a name without dots": (KEYS | REGION, {"endpoint": "http://minio:9000"}, None),
    "an endpoint by variable": (
        KEYS | REGION | {"AWS_ENDPOINT_URL": "http://minio:9000"},
        {},
        None,
    ),
    "one for S3 alone": (
        KEYS
        | REGION
        | {"AWS_ENDPOINT_URL": "http://other:1", "AWS_ENDPOINT_URL_S3": "http://minio:9000"},
        {},
        None,
    ),
    "everybody may read": (REGION, {"anonymous": True}, None),
    "everybody, with keys at hand": (KEYS | REGION, {"anonymous": True}, None),
}


@pytest.mark.parametrize(("variables", "options", "profile"), PLAIN.values(), ids=PLAIN.keys())
@pytest.mark.parametrize("url", ["s3://models", "s3://models-of-us/team/nlp"])
def test_what_is_plain_is_what_botocore_does(
    variables: Mapping[str, str],
    options: Mapping[str, object],
    profile: str | None,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    remote = Remote(url=url, scheme="s3", **options)  # type: ignore[arg-type] # texts and flags

    found = ours(remote, profile)

    assert found is not None
    assert found == botocores(remote, profile)


OTHER: dict[str, Case] = {
    "half of the keys": ({"AWS_ACCESS_KEY_ID": "AKIA"} | REGION, {}, None),
    "a role in variables": ({"AWS_ROLE_ARN": "arn:aws:iam::1:role/x"}, {}, None),
    "a web identity": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, {}, None),
    "an end of the keys": (KEYS | REGION | {"AWS_CREDENTIAL_EXPIRATION": "2030-01-01"}, {}, None),
    "another kind of address": (KEYS | REGION | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {}, None),
    "certified modules": (KEYS | REGION | {"AWS_USE_FIPS_ENDPOINT": "true"}, {}, None),
    "configured endpoints ignored": (
        KEYS | REGION | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {},
        None,
    ),
    "a variable of the future": (KEYS | REGION | {"AWS_SOMETHING_NEW": "1"}, {}, None),
    "an unknown profile": ({}, {}, "nobody"),
    "two profiles": ({"AWS_PROFILE": "team", "AWS_DEFAULT_PROFILE": "default"}, {}, None),
    "a profile without keys": ({}, {}, "only-region"),
    "China": (KEYS, {"region": "cn-north-1"}, None),
    "a government": (KEYS, {"region": "us-gov-west-1"}, None),
    "secrets": (KEYS, {"region": "us-iso-east-1"}, None),
    "a region that is none": (KEYS, {"region": "somewhere"}, None),
    "an address of AWS's": (
        KEYS | REGION,
        {"endpoint": "https://s3.eu-west-1.amazonaws.com"},
        None,
    ),
    "numbers as hosts": (
        KEYS | REGION,
        {"endpoint": "http://192.0.2.7:9000", "addressing": "virtual"},
        None,
    ),
    "a port that is none": (
        KEYS | REGION | {"AWS_ENDPOINT_URL_S3": "http://host:port:1"},
        {},
        None,
    ),
    "a user": (KEYS | REGION | {"AWS_ENDPOINT_URL_S3": "http://me:secret@host:1"}, {}, None),
    "six numbers": (KEYS | REGION | {"AWS_ENDPOINT_URL_S3": "http://[::1]:9000"}, {}, None),
    "no address": (KEYS | REGION | {"AWS_ENDPOINT_URL_S3": "host:9000"}, {}, None),
}


@pytest.mark.parametrize(("variables", "options", "profile"), OTHER.values(), ids=OTHER.keys())
def test_what_is_not_plain_is_left_to_botocore(
    variables: Mapping[str, str],
    options: Mapping[str, object],
    profile: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    remote = Remote(url="s3://models", scheme="s3", **options)  # type: ignore[arg-type] # texts and flags

    assert ours(remote, profile) is None


@pytest.mark.parametrize(
    "bucket",
    [
        *["a", "with.dots", "Capitals", "under_score", "-x", "x-", "xn--bcher", "models--x-s3"],
        *["m-s3alias", "sthree-x", "x" * 64, "arn:aws:s3:::models"],
    ],
)
def test_buckets_of_another_kind_are_left_to_botocore(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (KEYS | REGION).items():
        monkeypatch.setenv(name, value)

    assert ours(Remote(url=f"s3://{bucket}", scheme="s3")) is None


@pytest.mark.parametrize(
    ("credentials", "config"),
    [
        (
            CREDENTIALS,
            "[profile team]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n",
        ),
        (CREDENTIALS, "[profile team]\nsso_session = ours\nregion = eu-west-1\n"),
        (CREDENTIALS, "[profile team]\ncredential_process = /bin/keys\nregion = eu-west-1\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\ns3 =\n  addressing_style = path\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\nendpoint_url = http://host\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\nservices = ours\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\nca_bundle = /bundle\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\nsomething_new = 1\n"),
        (CREDENTIALS, '[profile "team"]\nregion = eu-west-1\n'),
        (CREDENTIALS, "region = eu-west-1\n"),
        (CREDENTIALS, "[profile team]\nregion = eu-west-1\n[profile team]\nregion = us-west-1\n"),
        (CREDENTIALS, "[profile team]\noutput = json\n"),
        ("[team]\nsource_profile = default\nrole_arn = x\n", CONFIG),
        ("[team]\naws_access_key_id = AKIA\n", CONFIG),
        ("[team]\naws_access_key_id = AKIA\naws_secret_access_key =\n", CONFIG),
        ("\xff\xfe[team]\n", CONFIG),
    ],
)
def test_files_that_say_more_are_left_to_botocore(
    home: Path, credentials: str, config: str
) -> None:
    (home / ".aws/credentials").write_bytes(credentials.encode("latin-1"))
    (home / ".aws/config").write_text(config)

    assert ours(Remote(url="s3://models", scheme="s3"), "team") is None


def test_files_may_lie_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".aws/credentials").rename(home / "keys")
    (home / ".aws/config").rename(home / "options")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "options"))
    remote = Remote(url="s3://models", scheme="s3")

    assert ours(remote) is not None
    assert ours(remote) == botocores(remote)


def test_files_need_not_be_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("credentials", "config"):
        (home / ".aws" / name).unlink()
    for name, value in (KEYS | REGION).items():
        monkeypatch.setenv(name, value)
    remote = Remote(url="s3://models", scheme="s3")

    assert ours(remote) is not None
    assert ours(remote) == botocores(remote)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (KEYS | TOKEN | REGION).items():
        monkeypatch.setenv(name, value)

    found = static_config(
        Remote(url="s3://models", scheme="s3"), profile=None, environment=os.environ
    )

    assert "of the variable" not in repr(found)
    assert "a token" not in repr(found)
