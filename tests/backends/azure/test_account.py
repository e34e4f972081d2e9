"""Plain logins are exactly what the Azure SDK would do, and everything else is left to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gitmodel.backends.azure.account import resolve_account
from gitmodel.domain.config.remote import Remote

KEY = "c2VjcmV0IGtleSBvZiBhbiBhY2NvdW50"
SAS = "sv=2024-11-04&sp=rcwl&sig=abc%3D"
NAMED = {"AZURE_STORAGE_ACCOUNT_NAME": "models"}
EMULATOR = "http://127.0.0.1:10000/devstoreaccount1"
Case = tuple[Mapping[str, str], Mapping[str, str]]


def string(**parts: str) -> dict[str, str]:
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    return {"AZURE_STORAGE_CONNECTION_STRING": text}


PLAIN: dict[str, Case] = {
    "a connection string": (
        string(
            DefaultEndpointsProtocol="https",
            AccountName="models",
            AccountKey=KEY,
            EndpointSuffix="core.windows.net",
        ),
        {},
    ),
    "one of another cloud": (
        string(
            DefaultEndpointsProtocol="https",
            AccountName="models",
            AccountKey=KEY,
            EndpointSuffix="core.chinacloudapi.cn",
        ),
        {},
    ),
    "one without a protocol": (
        string(AccountName="models", AccountKey=KEY, EndpointSuffix="core.usgovcloudapi.net"),
        {},
    ),
    "one without a suffix": (
        string(DefaultEndpointsProtocol="http", AccountName="models", AccountKey=KEY),
        {},
    ),
    "the shortest one": (string(AccountName="models", AccountKey=KEY), {}),
    "one with an address": (
        string(
            DefaultEndpointsProtocol="http",
            AccountName="devstoreaccount1",
            AccountKey=KEY,
            BlobEndpoint=EMULATOR,
            QueueEndpoint="http://127.0.0.1:10001/devstoreaccount1",
        ),
        {},
    ),
    "an address with a slash": (
        string(AccountName="devstoreaccount1", AccountKey=KEY, BlobEndpoint=EMULATOR + "/"),
        {},
    ),
    "one with a signature": (string(AccountName="models", SharedAccessSignature=SAS), {}),
    "a signature for an address": (
        string(BlobEndpoint="https://models.blob.core.windows.net/", SharedAccessSignature=SAS),
        {"account": "models"},
    ),
    "names in any case": (string(ACCOUNTNAME="models", accountkey=KEY), {}),
    "a key": (NAMED | {"AZURE_STORAGE_ACCOUNT_KEY": KEY}, {}),
    "a key under its other name": (
        {"AZURE_STORAGE_ACCOUNT": "models", "AZURE_STORAGE_KEY": KEY},
        {},
    ),
    "a key and an address": (
        {"AZURE_STORAGE_KEY": KEY},
        {"account": "devstoreaccount1", "endpoint": EMULATOR},
    ),
    "a signature": (NAMED | {"AZURE_STORAGE_SAS_TOKEN": SAS}, {}),
    "a signature with its mark": (NAMED | {"AZURE_STORAGE_SAS_TOKEN": "?" + SAS}, {}),
    "a key of a string, and an address": (
        string(AccountName="models", AccountKey=KEY),
        {"account": "models", "endpoint": "https://models.example.org"},
    ),
}


@pytest.mark.parametrize(("environment", "options"), PLAIN.values(), ids=PLAIN.keys())
def test_what_is_plain_is_what_the_sdk_does(
    environment: Mapping[str, str], options: Mapping[str, str]
) -> None:
    remote = Remote(url="az://team", scheme="az", **options)  # type: ignore[arg-type] # texts
    account = resolve_account(remote, environment)

    plain = account.static_login(anonymous=False)

    assert plain is not None
    client, _ = account.open_client(anonymous=False)
    address, _, query = client.url.partition("?")
    assert plain.url == address.rstrip("/")
    assert client.account_name in (None, plain.account)
    assert plain.credential() == used(client.credential, query)
    asyncio.run(client.close())


def used(credential: Any, query: str) -> dict[str, Any]:
    """What a client of the SDK logs in with."""
    if hasattr(credential, "account_key"):
        return {"access_key": credential.account_key, "expires_at": None}
    signature = query if credential is None else credential.signature
    return {"sas_token": signature.removeprefix("?"), "expires_at": None}


OTHER: dict[str, Case] = {
    "nothing but a name": (NAMED, {}),
    "a string without a secret": (string(AccountName="models"), {}),
    "a signature for no name": (
        string(BlobEndpoint="https://models.example.org", SharedAccessSignature=SAS),
        {},
    ),
    "the emulator by its short name": (string(UseDevelopmentStorage="true"), {}),
    "a part of the future": (string(AccountName="models", AccountKey=KEY, Something="new"), {}),
    "two addresses": (
        string(
            AccountName="models",
            AccountKey=KEY,
            BlobEndpoint="https://models.example.org",
            BlobSecondaryEndpoint="https://models-secondary.example.org",
        ),
        {},
    ),
    "a signature in the address": (
        string(AccountName="models", BlobEndpoint=f"https://h/?{SAS}", AccountKey=KEY),
        {},
    ),
    "another account": (
        NAMED | {"AZURE_STORAGE_ACCOUNT_KEY": KEY},
        {"account": "strangers"},
    ),
}


@pytest.mark.parametrize(("environment", "options"), OTHER.values(), ids=OTHER.keys())
def test_what_is_not_plain_is_left_to_the_sdk(
    environment: Mapping[str, str], options: Mapping[str, str]
) -> None:
    remote = Remote(url="az://team", scheme="az", **options)  # type: ignore[arg-type] # texts
    account = resolve_account(remote, environment)

    assert account.static_login(anonymous=False) is None


def test_an_anonymous_remote_is_left_to_the_sdk() -> None:
    account = resolve_account(
        Remote(url="az://team", scheme="az"), string(AccountName="models", AccountKey=KEY)
    )

    assert account.static_login(anonymous=True) is None


def test_secrets_are_not_shown() -> None:
    account = resolve_account(
        Remote(url="az://team", scheme="az"), string(AccountName="models", AccountKey=KEY)
    )

    assert KEY not in repr(account.static_login(anonymous=False))
