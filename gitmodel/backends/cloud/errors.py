"""What a person is told when a request to a store failed for good.

A `RequestFailure` says what sort of failure it was; here it becomes one of the errors of `gitmodel.errors`, with
the object, the server, and what to do next. The server's own words are quoted as hostile input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gitmodel.backends.cloud.retry import FaultKind, RequestFailure
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


class Place(Protocol):
    """What an error message needs to know about a service."""

    @property
    def url(self) -> str:
        """The remote."""

    @property
    def endpoint(self) -> str:
        """Address of the server, without secrets."""

    @property
    def place(self) -> str:
        """What holds the objects: "bucket models"."""

    @property
    def permissions(self) -> Mapping[str, str]:
        """What an administrator has to grant, by verb."""

    @property
    def certificates(self) -> str:
        """The variable that names a file with certificates."""

    def restoring(self, key: str) -> str:
        """The command that brings an archived object back."""

    @property
    def address_setting(self) -> str:
        """The command that shows where the address comes from."""


def error_of(fault: RequestFailure, place: Place, *, verb: str, key: str) -> GitmodelError:
    """Say what happened, to what, and what to run next.

    Args:
        fault: How the last try failed.
        place: Where.
        verb: What was tried: "read", "look for", "list", "create", "write", "delete".
        key: The object, or the prefix of a listing.
    """
    build = _ERRORS.get(fault.kind, _refused)
    error = build(fault, place, verb, f"{place.url}/{key}")
    error.hint = fault.hint or error.hint
    if fault.kind is FaultKind.ARCHIVED:
        error.hint = f"{place.restoring(key)}, and wait until it is done"
    return error


def _missing(_fault: RequestFailure, _place: Place, _verb: str, name: str) -> GitmodelError:
    return ObjectMissingError(f"{name} is not there", hint="gitmodel doctor")


def _short(_fault: RequestFailure, _place: Place, _verb: str, name: str) -> GitmodelError:
    return DamagedObjectError(f"{name} is shorter than expected", hint="gitmodel verify")


def _no_root(_fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteMissingError(
        f"There is no {place.place} at {place.endpoint}",
        hint="create it, or name another one: gitmodel remote add URL --replace",
    )


def _denied(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    permission = place.permissions.get(verb)
    if verb == "look for":
        message = f"Cannot tell whether {name} is there: {fault.detail}"
    else:
        message = f"Not allowed to {verb} {name}: {fault.detail}"
    hint = f"grant {permission} on the {place.place}" if permission else None
    return RemoteDeniedError(message, hint=hint)


def _login(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteDeniedError(f"There are no valid credentials for {place.url}: {fault.detail}")


def _archived(fault: RequestFailure, _place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteError(
        f"{name} is archived, and cannot be used before it is restored (tried to {verb} it): "
        f"{fault.detail}"
    )


def _full(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    return NoSpaceError(
        f"{place.endpoint} has no room left to {verb} {name}: {fault.detail}",
        hint="make room there or have the quota raised, then run the same command again",
    )


def _unreachable(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"{fault.server or place.endpoint} does not answer: {fault.detail}",
        hint=place.address_setting,
    )


def _proxy(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    name = _scheme_of(place.endpoint) + "_proxy"
    return RemoteUnreachableError(
        f"The proxy on the way to {fault.server or place.endpoint} {fault.detail}",
        hint=f"set {name}=http://USER:PASSWORD@HOST:PORT to one that lets you pass, "
        "or name the server in no_proxy",
    )


def _certificate(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"No secure connection to {fault.server or place.endpoint}: {fault.detail}",
        hint=f"set {place.certificates} to the file with the certificates of your organisation",
    )


def _no_host(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"The name of {fault.server or place.endpoint} cannot be looked up: {fault.detail}",
        hint=f"check the network, a VPN perhaps, and the address: {place.address_setting}",
    )


def _stranger(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"What answers at {place.endpoint} when we {verb} {name} is no store: {fault.detail}",
        hint="open any page in a browser: the network may want you to log in; "
        f"else check the address: {place.address_setting}",
    )


def _scheme_of(endpoint: str) -> str:
    return "http" if endpoint.startswith("http://") else "https"


def _busy(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"{place.endpoint} was too busy to {verb} {name}: {fault.detail}",
        hint="run the same command again later; what has arrived is kept",
    )


def _broken(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"The connection to {place.endpoint} broke each time we tried to {verb} {name}: "
        f"{fault.detail}",
        hint="run the same command again; what has arrived is kept",
    )


def _changed(fault: RequestFailure, place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteUnreachableError(
        f"{name} changed on its way to {place.endpoint} each time we tried to {verb} it: "
        f"{fault.detail}",
        hint="use an https address, or another network: something between here and there damages data",
    )


def _clock(_fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteError(
        f"This machine's clock differs too much from that of {place.endpoint}",
        hint="timedatectl set-ntp true",
    )


def _wrong_region(fault: RequestFailure, place: Place, _verb: str, _name: str) -> GitmodelError:
    return RemoteError(f"The {place.place} is in another region: {fault.detail}")


def _refused(fault: RequestFailure, _place: Place, verb: str, name: str) -> GitmodelError:
    return RemoteError(f"Could not {verb} {name}: {fault.detail}", hint="gitmodel doctor")


_ERRORS: Mapping[FaultKind, Callable[[RequestFailure, Place, str, str], GitmodelError]] = {
    FaultKind.MISSING: _missing,
    FaultKind.SHORT: _short,
    FaultKind.NO_ROOT: _no_root,
    FaultKind.DENIED: _denied,
    FaultKind.UNREACHABLE: _unreachable,
    FaultKind.BUSY: _busy,
    FaultKind.BROKEN: _broken,
    FaultKind.CHANGED: _changed,
    FaultKind.LOGIN: _login,
    FaultKind.ARCHIVED: _archived,
    FaultKind.FULL: _full,
    FaultKind.PROXY: _proxy,
    FaultKind.CERTIFICATE: _certificate,
    FaultKind.NO_HOST: _no_host,
    FaultKind.STRANGER: _stranger,
    FaultKind.CLOCK: _clock,
    FaultKind.WRONG_REGION: _wrong_region,
}


def one_line(text: str) -> str:
    """Make a server's text fit to show: its first line, printable, short, without secrets."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return redact(printable(first)).strip()[:200]
