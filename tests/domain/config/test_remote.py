"""Remotes: which options a committed file may set, and which would be an attack."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.config.remote import Remote
from gitmodel.errors import ConfigError

WHERE = ".gitmodel.yaml: remote"
SETTINGS_HINT = (
    "keep it in the environment or in ~/.aws and choose it with `git config gitmodel.profile NAME`; "
    "if it was ever committed, replace it with a new one"
)

s3_remotes = st.builds(
    Remote,
    url=st.sampled_from(["s3://models", "s3://models/a/b"]),
    scheme=st.just("s3"),
    endpoint=st.sampled_from([None, "https://minio.example", "http://127.0.0.1:9000"]),
    region=st.sampled_from([None, "eu-central-1"]),
    addressing=st.sampled_from(["path", "virtual", "auto"]),
    sse=st.sampled_from([None, "AES256"]),
    anonymous=st.booleans(),
)
az_remotes = st.builds(
    Remote,
    url=st.just("az://models/a"),
    scheme=st.just("az"),
    endpoint=st.sampled_from([None, "http://127.0.0.1:10000/devstoreaccount1"]),
    account=st.sampled_from([None, "acct1"]),
    anonymous=st.booleans(),
)
folders = st.builds(
    Remote, url=st.sampled_from(["../my store", "/mnt/x", "C:/x"]), scheme=st.just("file")
)


@settings(max_examples=100, deadline=None)
@given(st.one_of(s3_remotes, az_remotes, folders))
def test_a_remote_survives_being_written_and_read(remote: Remote) -> None:
    assert Remote.from_value(remote.to_value(), where=WHERE) == remote


def test_all_options_of_s3() -> None:
    value: dict[str, Any] = {
        "url": "s3://models/a",
        "endpoint": "https://Minio.example/",
        "region": "eu-central-1",
        "addressing": "path",
        "sse": "aws:kms",
        "sse_kms_key_id": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "anonymous": False,
    }
    remote = Remote.from_value(value, where=WHERE)

    assert remote.endpoint == "https://minio.example"
    assert remote.sse_kms_key_id == value["sse_kms_key_id"]


def test_options_left_empty_are_as_if_absent() -> None:
    value = dict.fromkeys(["endpoint", "region", "addressing", "sse", "anonymous"])

    assert Remote.from_value({"url": "s3://models", **value}, where=WHERE) == Remote(
        url="s3://models", scheme="s3"
    )


@pytest.mark.parametrize(
    "options",
    [
        # What DVC, MLflow, fsspec, s3fs, boto and adlfs take, and what it would do to a clone.
        {"client_kwargs": {"verify": False}},
        {"client_kwargs": {"endpoint_url": "https://evil.example"}},
        {"config_kwargs": {"proxies": {"https": "http://evil.example"}}},
        {"verify": False},
        {"ssl_verify": False},
        {"use_ssl": False},
        {"proxies": {"https": "http://evil.example"}},
        {"proxy": "http://evil.example"},
        {"endpoint_url": "https://evil.example"},
        {"endpointurl": "https://evil.example"},
        {"account_host": "evil.example"},
        {"profile": "production"},
        {"cache": "/mnt/x"},
        {"role_arn": "arn:aws:iam::1:role/x"},
        {"credentialpath": "/home/ana/.aws/credentials"},
        {"configpath": "/home/ana/.aws/config"},
        {"credential_process": "sh -c id"},
        {"session": "x"},
        {"acl": "public-read"},
        {"grant_read": "x"},
        {"s3_additional_kwargs": {"ACL": "public-read"}},
        {"requester_pays": True},
        {"version_aware": True},
        {"protocol": "file"},
        {"fo": "x"},
        {"target_protocol": "x"},
        {"skip_instance_cache": False},
        {"anon": True},
        {"Endpoint": "https://x.example"},
        {"endpoint ": "https://x.example"},
        {"": "x"},
        {"account": "acct1"},
        {"jobs": 64},
        # Options of ours with values that are none.
        {"endpoint": "https://ana:pw@x.example"},
        {"endpoint": "http://169.254.169.254"},
        {"endpoint": ""},
        {"endpoint": 7},
        {"endpoint": ["https://x.example"]},
        {"region": "eu central"},
        {"region": "eu-1\n"},
        {"region": "evil.example/"},
        {"region": "evil.example#"},
        {"region": ""},
        {"region": True},
        {"addressing": "host"},
        {"addressing": True},
        {"anonymous": "no"},
        {"anonymous": 0},
        {"sse": "none"},
        {"sse_kms_key_id": "x"},
        {"sse": "AES256", "sse_kms_key_id": "x"},
        {"sse": "aws:kms", "sse_kms_key_id": "x y"},
    ],
)
def test_options_that_could_redirect_or_weaken_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Remote.from_value({"url": "s3://models", **options}, where=WHERE)

    assert str(caught.value).startswith(WHERE)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "options",
    [
        {"account": "Acct"},
        {"account": "acct.evil.example"},
        {"account": "acct/../x"},
        {"account": "ab"},
        {"region": "eu-1"},
        {"addressing": "path"},
        {"account_host": "evil.example"},
        {"location_mode": "secondary"},
    ],
)
def test_options_of_azure_have_their_own_list(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Remote.from_value({"url": "az://models", **options}, where=WHERE)


@pytest.mark.parametrize("name", ["endpoint", "region", "account", "anonymous"])
def test_a_folder_has_no_options(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Remote.from_value({"url": "../store", name: None}, where=WHERE)

    assert str(caught.value) == f"{WHERE}: {name} means nothing for a folder"


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "secret",
        "token",
        "aws_access_key_id",
        "aws_secret_access_key",
        "access_key",
        "accessKeyId",
        "secretAccessKey",
        "session_token",
        "sessionToken",
        "sas_token",
        "sasToken",
        "account_key",
        "AccountKey",
        "storage_account_key",
        "connection_string",
        "connectionString",
        "client_secret",
        "password",
        "passwd",
        "pwd",
        "credential",
        "credentials",
        "sse_customer_key_secret",
        "api-key",
        "private_key",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", 20212223, {"x": "hunter2"}, ["hunter2"]])
def test_secrets_by_name_are_refused_without_the_value(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        Remote.from_value({"url": "az://models", name: value}, where=WHERE)  # type: ignore[dict-item]

    assert str(caught.value) == (
        f'{WHERE}: "{name}" looks like a secret (value not shown); never commit secrets'
    )
    assert caught.value.hint == SETTINGS_HINT


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
        "AccountKey=hunter2",
        "https://ana:hunter2@minio.example",
        "sv=2024&sig=hunter2",
    ],
)
@pytest.mark.parametrize("name", ["url", "endpoint", "region", "account", "comment", "sse"])
def test_secrets_by_shape_are_refused_without_the_value(name: str, secret: str) -> None:
    with pytest.raises(ConfigError, match="not shown") as caught:
        Remote.from_value({"url": "az://models", name: secret}, where=WHERE)

    assert secret not in f"{caught.value.message}{caught.value.hint}"


def test_a_secret_where_a_name_should_be_is_not_repeated_either() -> None:
    with pytest.raises(ConfigError, match="not shown") as caught:
        Remote.from_value({"url": "s3://models", "AKIA" + "IOSFODNN7EXAMPLE": "x"}, where=WHERE)

    assert "IOSFODNN7" not in caught.value.message


def test_what_is_personal_has_a_hint_where_it_goes() -> None:
    with pytest.raises(ConfigError) as caught:
        Remote.from_value({"url": "s3://models", "profile": "prod"}, where=WHERE)

    assert (str(caught.value), caught.value.hint) == (
        f'{WHERE}: unknown option "profile"',
        "the profile is set by each person: git config gitmodel.profile NAME",
    )


def test_an_unknown_option_has_a_hint_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        Remote.from_value({"url": "az://models", "verify": False}, where=WHERE)

    assert caught.value.hint == "options of an az:// remote: account, anonymous, endpoint"


def test_an_account_in_the_url_and_one_beside_it_must_agree() -> None:
    url = "abfss://models@acct1.dfs.core.windows.net/x"

    assert Remote.from_value(url, where=WHERE) == Remote.from_value(
        {"url": "az://models/x", "account": "acct1"}, where=WHERE
    )
    with pytest.raises(ConfigError, match="name different accounts"):
        Remote.from_value({"url": url, "account": "acct2"}, where=WHERE)


@pytest.mark.parametrize(
    "value", [None, {}, [], 7, {"endpoint": "https://x.example"}, {"url": None}]
)
def test_a_remote_without_address_is_none(value: Any) -> None:
    with pytest.raises(ConfigError, match="the address is missing"):
        Remote.from_value(value, where=WHERE)


@pytest.mark.parametrize(
    ("value", "fingerprint", "foreign"),
    [
        ("s3://models/a/", "s3://models/a", False),
        ("../my store", "../my store", False),
        ("//server/share", "//server/share", True),
        ({"url": "az://models", "account": "acct1"}, "az://models account=acct1", False),
        (
            {"url": "s3://models", "endpoint": "https://MINIO.example:443/", "region": "eu-1"},
            "s3://models endpoint=https://minio.example",
            True,
        ),
        (
            {"url": "s3://models", "endpoint": "https://s3.eu-central-1.amazonaws.com"},
            "s3://models endpoint=https://s3.eu-central-1.amazonaws.com",
            False,
        ),
    ],
)
def test_the_fingerprint_names_what_a_person_trusts(
    value: Any, fingerprint: str, foreign: bool
) -> None:
    remote = Remote.from_value(value, where=WHERE)

    assert (remote.fingerprint, remote.is_foreign) == (fingerprint, foreign)


@settings(max_examples=100, deadline=None)
@given(st.one_of(s3_remotes, az_remotes, folders), st.one_of(s3_remotes, az_remotes, folders))
def test_remotes_at_different_places_never_share_a_fingerprint(one: Remote, other: Remote) -> None:
    def place(remote: Remote) -> tuple[str, str | None, str | None]:
        return remote.url, remote.endpoint, remote.account

    assert (one.fingerprint == other.fingerprint) == (place(one) == place(other))


def test_folders_know_whether_they_are_relative() -> None:
    assert Remote(url="../x", scheme="file").is_relative
    assert not Remote(url="/x", scheme="file").is_relative
    assert not Remote(url="s3://models", scheme="s3").is_relative
