"""The Azure storage account of a remote, and its credentials.

The account may come from the remote; secrets come from the environment only. Guarantee: a secret of one account is
never sent to another account that a repository names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gitmodel.errors import RemoteDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from gitmodel.domain.config.remote import Remote

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
ACCOUNT_NAMES = ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
# The first is what adlfs reads, the second what the `az` program reads.
ACCOUNT_KEYS = ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY")
SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_SCOPE = "https://storage.azure.com/.default"  # noqa: S105 - of every cloud of Azure
EMULATOR_ACCOUNT = "devstoreaccount1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticAzureLogin:
    """Address and credential from the environment, as the Azure SDK would find them.

    The account's name is part of the signature; `credential` returns a credential for obstore.
    """

    url: str
    account: str
    credential: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its credentials from the environment.

    The address of its blob service is empty if only the connection string has it.
    """

    url: str
    name: str | None
    connection_string: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)

    def signature(self) -> str | None:
        """The shared access signature of requests, None if they use another credential."""
        parts = _parts(self.connection_string) if self.connection_string is not None else {}
        if parts.get("accountkey") or self.key:
            return None
        return parts.get("sharedaccesssignature") or self.sas_token

    def open_client(self, *, anonymous: bool, **options: Any) -> tuple[Any, Any]:
        """Open a client of the Azure SDK, with the credential to close with it."""
        from azure.storage.blob.aio import BlobServiceClient

        if self.connection_string is not None and not anonymous:
            client = BlobServiceClient.from_connection_string(self.connection_string, **options)
            return client, None
        credential = None if anonymous else self._credential()
        return BlobServiceClient(self.url, credential=credential, **options), credential

    def static_login(self, *, anonymous: bool) -> StaticAzureLogin | None:
        """Address and key or signature from the environment; None if the Azure SDK has to find them.

        None for anonymous requests too: the SDK handles public containers.
        """
        parts = _parts(self.connection_string) if self.connection_string is not None else {}
        name = parts.get("accountname") or self.name
        key = parts.get("accountkey") or self.key
        sas_token = parts.get("sharedaccesssignature") or self.sas_token
        url = self.url or _blob_service(parts)
        if anonymous or not name or not url or not (key or sas_token) or not _is_supported(parts):
            return None
        login = {"access_key": key} if key else {"sas_token": str(sas_token).removeprefix("?")}
        return StaticAzureLogin(
            url=url.rstrip("/"),
            account=name,
            credential=lambda: {**login, "expires_at": None},
        )

    def _credential(self) -> Any:
        if self.key is not None:
            return {"account_name": self.name, "account_key": self.key} if self.name else self.key
        if self.sas_token is not None:
            from azure.core.credentials import AzureSasCredential

            return AzureSasCredential(self.sas_token.removeprefix("?"))
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential()


def transport_credential(
    credential: Any, query: str
) -> Callable[[], Coroutine[Any, Any, dict[str, Any]]] | None:
    """Return a function that gets a credential for obstore from that of a client; None for unsigned requests.

    `query` is the shared access signature that the client adds to its URLs, or "".
    """

    async def get_credential() -> dict[str, Any]:
        if hasattr(credential, "get_token"):
            token = await credential.get_token(TOKEN_SCOPE)
            return {
                "token": token.token,
                "expires_at": datetime.fromtimestamp(token.expires_on, UTC),
            }
        if hasattr(credential, "account_key"):
            return {"access_key": credential.account_key, "expires_at": None}
        signature = query if credential is None else credential.signature
        return {"sas_token": signature.removeprefix("?"), "expires_at": None}

    return get_credential if credential is not None or query else None


def resolve_account(remote: Remote, environment: Mapping[str, str]) -> Account:
    """Find the account of an `az` remote.

    Raises RemoteDeniedError if neither the remote nor the environment names one, or if the connection
    string cannot be parsed.
    """
    text = environment.get(CONNECTION_STRING) or None
    parts = _parts(text) if text is not None else {}
    own_name = parts.get("accountname") or _first(environment, ACCOUNT_NAMES)
    fits = remote.account is None or own_name is None or own_name == remote.account
    name = remote.account or own_name
    if fits and text is not None and remote.endpoint is None:
        return Account("", name, connection_string=text)
    if remote.endpoint is None and name is None:
        raise RemoteDeniedError(
            f"the storage account of {remote.url} is unknown",
            hint=f"set {CONNECTION_STRING} or {ACCOUNT_NAMES[0]}",
        )
    url = remote.endpoint or f"https://{name}.blob.core.windows.net"
    if not fits:
        return Account(url, name)
    key = parts.get("accountkey") or _first(environment, ACCOUNT_KEYS)
    sas_token = parts.get("sharedaccesssignature") or environment.get(SAS_TOKEN) or None
    return Account(url, name, key=key, sas_token=sas_token)


_SUPPORTED_PARTS = frozenset(
    {
        "defaultendpointsprotocol",
        "accountname",
        "accountkey",
        "sharedaccesssignature",
        "blobendpoint",
        "endpointsuffix",
        # other services of an account
        "queueendpoint",
        "tableendpoint",
        "fileendpoint",
    }
)


def _is_supported(parts: Mapping[str, str]) -> bool:
    """Whether all parts of a connection string are supported."""
    address = parts.get("blobendpoint", "https://")
    return parts.keys() <= _SUPPORTED_PARTS and "?" not in address and "@" not in address


def _blob_service(parts: Mapping[str, str]) -> str | None:
    """Address of the blob service in a connection string, as the Azure SDK reads it."""
    if "blobendpoint" in parts:
        return parts["blobendpoint"]
    if "accountname" not in parts:
        return None
    scheme, suffix = parts.get("defaultendpointsprotocol"), parts.get("endpointsuffix")
    if scheme is None or suffix is None:  # the SDK uses the protocol only with a suffix
        scheme = "https"
    return f"{scheme}://{parts['accountname']}.blob.{suffix or 'core.windows.net'}"


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _parts(text: str) -> dict[str, str]:
    """Split a connection string; names are in lower case, as in the SDK."""
    pairs = [part.partition("=") for part in text.strip().strip(";").split(";")]
    if not all(name and separator for name, separator, _ in pairs):
        raise RemoteDeniedError(
            f"{CONNECTION_STRING} is not a connection string (not shown: it may hold a secret)",
            hint="az storage account show-connection-string --name ACCOUNT",
        )
    parts = {name.strip().lower(): value for name, _, value in pairs}
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        parts.setdefault("accountname", EMULATOR_ACCOUNT)
    return parts
