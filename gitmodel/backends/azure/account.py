"""Which Azure storage account a remote means, and with what to log in to it.

The account may come from the remote, secrets come from the environment alone. Guaranteed: a secret of
one account is never sent to another that a repository happens to name.
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
    """What the Azure SDK would find out, where the environment says it plainly.

    Args:
        url: Address of the account's blob service.
        account: Its name; part of what is signed.
        credential: Returns a credential as obstore takes them.
    """

    url: str
    account: str
    credential: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what the environment offers for it.

    Args:
        url: Address of its blob service; empty if only the connection string knows.
        name: Its name, if it is known.
        connection_string: To be used whole, or None.
        key: Its shared key, or None.
        sas_token: A shared access signature, or None.
    """

    url: str
    name: str | None
    connection_string: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)

    def signature(self) -> str | None:
        """The shared access signature that requests go with, None if they go with something else."""
        parts = _parts(self.connection_string) if self.connection_string is not None else {}
        if parts.get("accountkey") or self.key:
            return None
        return parts.get("sharedaccesssignature") or self.sas_token

    def open_client(self, *, anonymous: bool, **options: Any) -> tuple[Any, Any]:
        """Make a client of the Azure SDK, and the credential that has to be closed with it.

        Args:
            anonymous: Send no credentials.
            options: For the client.
        """
        from azure.storage.blob.aio import BlobServiceClient

        if self.connection_string is not None and not anonymous:
            client = BlobServiceClient.from_connection_string(self.connection_string, **options)
            return client, None
        credential = None if anonymous else self._credential()
        return BlobServiceClient(self.url, credential=credential, **options), credential

    def static_login(self, *, anonymous: bool) -> StaticAzureLogin | None:
        """Where to send requests, and with what key or signature; None if the Azure SDK has to tell.

        Args:
            anonymous: Send no credentials: a container that everybody may read. Left to the SDK.
        """
        parts = _parts(self.connection_string) if self.connection_string is not None else {}
        name = parts.get("accountname") or self.name
        key = parts.get("accountkey") or self.key
        sas_token = parts.get("sharedaccesssignature") or self.sas_token
        url = self.url or _blob_service(parts)
        if anonymous or not name or not url or not (key or sas_token) or not _is_plain(parts):
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


def credential_of(
    credential: Any, query: str
) -> Callable[[], Coroutine[Any, Any, dict[str, Any]]] | None:
    """Return what gives the transport of packs its credential, from that of a client.

    Args:
        credential: What the client of the Azure SDK logs in with, or None.
        query: What the client adds to its addresses: a shared access signature, or "".

    Returns:
        A request that answers a credential as obstore takes them; None to send none.
    """

    async def answer() -> dict[str, Any]:
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

    return answer if credential is not None or query else None


def account_of(remote: Remote, environment: Mapping[str, str]) -> Account:
    """Work out which account a remote means.

    Args:
        remote: An `az` remote.
        environment: Variables of the person who runs the command.

    Raises:
        RemoteDeniedError: Neither says which account, or the connection string cannot be read.
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
            f"Nothing says in which storage account {remote.url} is",
            hint=f"set {CONNECTION_STRING} or {ACCOUNT_NAMES[0]}",
        )
    url = remote.endpoint or f"https://{name}.blob.core.windows.net"
    if not fits:
        return Account(url, name)
    key = parts.get("accountkey") or _first(environment, ACCOUNT_KEYS)
    sas_token = parts.get("sharedaccesssignature") or environment.get(SAS_TOKEN) or None
    return Account(url, name, key=key, sas_token=sas_token)


_PLAIN_PARTS = frozenset(
    {
        "defaultendpointsprotocol",
        "accountname",
        "accountkey",
        "sharedaccesssignature",
        "blobendpoint",
        "endpointsuffix",
        # Of other services of an account
        "queueendpoint",
        "tableendpoint",
        "fileendpoint",
    }
)


def _is_plain(parts: Mapping[str, str]) -> bool:
    """Whether every part of a connection string is understood here."""
    address = parts.get("blobendpoint", "https://")
    return parts.keys() <= _PLAIN_PARTS and "?" not in address and "@" not in address


def _blob_service(parts: Mapping[str, str]) -> str | None:
    """Address of the blob service that a connection string means, as the Azure SDK reads it."""
    if "blobendpoint" in parts:
        return parts["blobendpoint"]
    if "accountname" not in parts:
        return None
    scheme, suffix = parts.get("defaultendpointsprotocol"), parts.get("endpointsuffix")
    if scheme is None or suffix is None:  # the SDK wants both, or takes neither protocol
        scheme = "https"
    return f"{scheme}://{parts['accountname']}.blob.{suffix or 'core.windows.net'}"


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)


def _parts(text: str) -> dict[str, str]:
    """Split a connection string; its names are compared without case, as the SDK does."""
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
