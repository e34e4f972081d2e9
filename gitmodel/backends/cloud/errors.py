"""Turns the last failure of a request into an error of `gitmodel.errors`.

The message names the object and the server, and the hint says what to do next. Text of the server is quoted as
hostile input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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
    from collections.abc import Callable, Mapping

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


def describe_failure(
    failure: RequestFailure, context: ErrorContext, *, verb: str, key: str
) -> GitmodelError:
    """Return the error for a request that failed: "read", "look for", "list", "create", "write" or "delete".

    `key` is the object, or the prefix of a listing.
    """
    build = _ERRORS.get(failure.kind, _refused)
    error = build(failure, context, verb, f"{context.url}/{key}")
    error.hint = failure.hint or error.hint
    if failure.kind is FailureKind.ARCHIVED:
        error.hint = f"{context.restore_command(key)}, and wait until it is done"
    return error


def _missing(
    _failure: RequestFailure, _context: ErrorContext, _verb: str, name: str
) -> GitmodelError:
    return ObjectMissingError(f"{name} is not there", hint="gitmodel doctor")


def _short(
    _failure: RequestFailure, _context: ErrorContext, _verb: str, name: str
) -> GitmodelError:
    return DamagedObjectError(f"{name} is shorter than expected", hint="gitmodel verify")


def _no_bucket(
    _failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteMissingError(
        f"there is no {context.bucket_label} at {context.endpoint}",
        hint="create it, or name another one: gitmodel remote add URL --replace",
    )


def _denied(failure: RequestFailure, context: ErrorContext, verb: str, name: str) -> GitmodelError:
    permission = context.permissions.get(verb)
    if verb == "look for":
        message = f"cannot tell whether {name} is there: {failure.detail}"
    else:
        message = f"not allowed to {verb} {name}: {failure.detail}"
    hint = f"grant {permission} on the {context.bucket_label}" if permission else None
    return RemoteDeniedError(message, hint=hint)


def _login(failure: RequestFailure, context: ErrorContext, _verb: str, _name: str) -> GitmodelError:
    return RemoteDeniedError(f"there are no valid credentials for {context.url}: {failure.detail}")


def _archived(
    failure: RequestFailure, _context: ErrorContext, verb: str, name: str
) -> GitmodelError:
    return RemoteError(
        f"{name} is archived, and cannot be used before it is restored (tried to {verb} it): "
        f"{failure.detail}"
    )


def _full(failure: RequestFailure, context: ErrorContext, verb: str, name: str) -> GitmodelError:
    return NoSpaceError(
        f"{context.endpoint} has no space left to {verb} {name}: {failure.detail}",
        hint="free space there or have the quota raised, then run the same command again",
    )


def _unreachable(
    failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteUnreachableError(
        f"{failure.server or context.endpoint} does not answer: {failure.detail}",
        hint=context.address_command,
    )


def _proxy(failure: RequestFailure, context: ErrorContext, _verb: str, _name: str) -> GitmodelError:
    name = _scheme_of(context.endpoint) + "_proxy"
    return RemoteUnreachableError(
        f"the proxy on the way to {failure.server or context.endpoint} {failure.detail}",
        hint=f"set {name}=http://USER:PASSWORD@HOST:PORT that lets you through, "
        "or name the server in no_proxy",
    )


def _certificate(
    failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteUnreachableError(
        f"no secure connection to {failure.server or context.endpoint}: {failure.detail}",
        hint=f"set {context.certificates} to the file with the certificates of your organisation",
    )


def _unknown_host(
    failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteUnreachableError(
        f"the name of {failure.server or context.endpoint} cannot be looked up: {failure.detail}",
        hint=f"check the network, a VPN perhaps, and the address: {context.address_command}",
    )


def _not_a_store(
    failure: RequestFailure, context: ErrorContext, verb: str, name: str
) -> GitmodelError:
    return RemoteUnreachableError(
        f"the server at {context.endpoint} is not a store (tried to {verb} {name}): {failure.detail}",
        hint="open any page in a browser: the network may want you to log in; "
        f"else check the address: {context.address_command}",
    )


def _scheme_of(endpoint: str) -> str:
    return "http" if endpoint.startswith("http://") else "https"


def _busy(failure: RequestFailure, context: ErrorContext, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"{context.endpoint} was too busy to {verb} {name}: {failure.detail}",
        hint="run the same command again later; received data is kept",
    )


def _broken(failure: RequestFailure, context: ErrorContext, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"the connection to {context.endpoint} broke in each attempt to {verb} {name}: "
        f"{failure.detail}",
        hint="run the same command again; received data is kept",
    )


def _changed(failure: RequestFailure, context: ErrorContext, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"{name} changed on its way to {context.endpoint} in each attempt to {verb} it: "
        f"{failure.detail}",
        hint="use an https address, or another network: a device on the way damages data",
    )


def _clock(
    _failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteError(
        f"this machine's clock differs too much from that of {context.endpoint}",
        hint="timedatectl set-ntp true",
    )


def _wrong_region(
    failure: RequestFailure, context: ErrorContext, _verb: str, _name: str
) -> GitmodelError:
    return RemoteError(f"the {context.bucket_label} is in another region: {failure.detail}")


def _refused(
    failure: RequestFailure, _context: ErrorContext, verb: str, name: str
) -> GitmodelError:
    return RemoteError(f"could not {verb} {name}: {failure.detail}", hint="gitmodel doctor")


_ERRORS: Mapping[FailureKind, Callable[[RequestFailure, ErrorContext, str, str], GitmodelError]] = {
    FailureKind.MISSING: _missing,
    FailureKind.SHORT: _short,
    FailureKind.NO_BUCKET: _no_bucket,
    FailureKind.DENIED: _denied,
    FailureKind.UNREACHABLE: _unreachable,
    FailureKind.BUSY: _busy,
    FailureKind.BROKEN: _broken,
    FailureKind.CHANGED: _changed,
    FailureKind.LOGIN: _login,
    FailureKind.ARCHIVED: _archived,
    FailureKind.FULL: _full,
    FailureKind.PROXY: _proxy,
    FailureKind.CERTIFICATE: _certificate,
    FailureKind.UNKNOWN_HOST: _unknown_host,
    FailureKind.NOT_A_STORE: _not_a_store,
    FailureKind.CLOCK: _clock,
    FailureKind.WRONG_REGION: _wrong_region,
}


def error_text(error: BaseException) -> str:
    """The first line of an exception's text, or the name of its type."""
    return one_line(str(error)) or type(error).__name__


def one_line(text: str) -> str:
    """The first line of a server's text: printable, at most 200 characters, without secrets."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return redact(printable(first)).strip()[:200]
