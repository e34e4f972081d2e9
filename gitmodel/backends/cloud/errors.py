"""Turns the last failure of a request into an error of `gitmodel.errors`.

The message names the object and the server, and the hint says what to do next. Text of the server is quoted as
hostile input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.domain.text.escape import printable
from gitmodel.domain.text.secrets import redact
from gitmodel.errors import (
    DamagedObjectError,
    NoSpaceError,
    ObjectMissingError,
    RemoteDeniedError,
    RemoteError,
    RemoteMissingError,
    RemoteUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.errors import GitmodelError


class ErrorContext(Protocol):
    """What error messages say about a store."""

    @property
    def url(self) -> str:
        """URL of the remote."""

    @property
    def endpoint(self) -> str:
        """Address of the server, without secrets."""

    @property
    def bucket_label(self) -> str:
        """The bucket or container: "bucket models"."""

    @property
    def permissions(self) -> Mapping[str, str]:
        """The permission that each verb needs."""

    @property
    def certificates(self) -> str:
        """The variable that names a file with certificates."""

    def restore_command(self, key: str) -> str:
        """The command that restores an archived object."""

    @property
    def address_command(self) -> str:
        """The command that shows the source of the address."""


class _Text(NamedTuple):
    """The error for a kind of failure; words in braces are keys of `_fields`."""

    error: type[GitmodelError]
    message: str
    hint: str | None = None


_REFUSED = _Text(RemoteError, "could not {verb} {name}: {detail}", hint="gitmodel doctor")
_TEXTS: Mapping[FailureKind, _Text] = {
    FailureKind.MISSING: _Text(ObjectMissingError, "{name} is not there", hint="gitmodel doctor"),
    FailureKind.SHORT: _Text(
        DamagedObjectError, "{name} is shorter than expected", hint="gitmodel verify"
    ),
    FailureKind.NO_BUCKET: _Text(
        RemoteMissingError,
        "there is no {bucket} at {endpoint}",
        hint="create it, or name another one: gitmodel remote add URL --replace",
    ),
    FailureKind.DENIED: _Text(
        RemoteDeniedError,
        "not allowed to {verb} {name}: {detail}",
        hint="grant {permission} on the {bucket}",
    ),
    FailureKind.LOGIN: _Text(
        RemoteDeniedError, "there are no valid credentials for {url}: {detail}"
    ),
    FailureKind.ARCHIVED: _Text(
        RemoteError,
        "{name} is archived, and cannot be used before it is restored (tried to {verb} it): {detail}",
        hint="{restore_command}, and wait until it is done",
    ),
    FailureKind.FULL: _Text(
        NoSpaceError,
        "{endpoint} has no space left to {verb} {name}: {detail}",
        hint="free space there or have the quota raised, then run the same command again",
    ),
    FailureKind.UNREACHABLE: _Text(
        RemoteUnreachableError, "{server} does not answer: {detail}", hint="{address_command}"
    ),
    FailureKind.PROXY: _Text(
        RemoteUnreachableError,
        "the proxy on the way to {server} {detail}",
        hint="set {scheme}_proxy=http://USER:PASSWORD@HOST:PORT that lets you through, "
        "or name the server in no_proxy",
    ),
    FailureKind.CERTIFICATE: _Text(
        RemoteUnreachableError,
        "no secure connection to {server}: {detail}",
        hint="set {certificates} to the file with the certificates of your organisation",
    ),
    FailureKind.UNKNOWN_HOST: _Text(
        RemoteUnreachableError,
        "the name of {server} cannot be looked up: {detail}",
        hint="check the network, a VPN perhaps, and the address: {address_command}",
    ),
    FailureKind.NOT_A_STORE: _Text(
        RemoteUnreachableError,
        "the server at {endpoint} is not a store (tried to {verb} {name}): {detail}",
        hint="open any page in a browser: the network may want you to log in; "
        "else check the address: {address_command}",
    ),
    FailureKind.BUSY: _Text(
        RemoteUnreachableError,
        "{endpoint} was too busy to {verb} {name}: {detail}",
        hint="run the same command again later; received data is kept",
    ),
    FailureKind.BROKEN: _Text(
        RemoteUnreachableError,
        "the connection to {endpoint} broke in each attempt to {verb} {name}: {detail}",
        hint="run the same command again; received data is kept",
    ),
    FailureKind.CHANGED: _Text(
        RemoteUnreachableError,
        "{name} changed on its way to {endpoint} in each attempt to {verb} it: {detail}",
        hint="use an https address, or another network: a device on the way damages data",
    ),
    FailureKind.CLOCK: _Text(
        RemoteError,
        "this machine's clock differs too much from that of {endpoint}",
        hint="timedatectl set-ntp true",
    ),
    FailureKind.WRONG_REGION: _Text(RemoteError, "the {bucket} is in another region: {detail}"),
}


def describe_failure(
    failure: RequestFailure, context: ErrorContext, *, verb: str, key: str
) -> GitmodelError:
    """Return the error for a request that failed: "read", "look for", "list", "create", "write" or "delete".

    `key` is the object, or the prefix of a listing.
    """
    text = _TEXTS.get(failure.kind, _REFUSED)
    if failure.kind is FailureKind.DENIED:
        if verb == "look for":
            text = text._replace(message="cannot tell whether {name} is there: {detail}")
        if not context.permissions.get(verb):
            text = text._replace(hint=None)
    fields = _fields(failure, context, verb, key)
    hint = None if text.hint is None else text.hint.format_map(fields)
    if failure.kind is not FailureKind.ARCHIVED:
        hint = failure.hint or hint
    return text.error(text.message.format_map(fields), hint=hint)


def _fields(
    failure: RequestFailure, context: ErrorContext, verb: str, key: str
) -> dict[str, str | None]:
    return {
        "verb": verb,
        "name": f"{context.url}/{key}",
        "detail": failure.detail,
        "url": context.url,
        "bucket": context.bucket_label,
        "endpoint": context.endpoint,
        "server": failure.server or context.endpoint,
        "scheme": "http" if context.endpoint.startswith("http://") else "https",
        "permission": context.permissions.get(verb),
        "certificates": context.certificates,
        "address_command": context.address_command,
        "restore_command": context.restore_command(key),
    }


def error_text(error: BaseException) -> str:
    """The first line of an exception's text, or the name of its type."""
    return one_line(str(error)) or type(error).__name__


def one_line(text: str) -> str:
    """The first line of a server's text: printable, at most 200 characters, without secrets."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return redact(printable(first)).strip()[:200]
