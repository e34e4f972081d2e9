"""Explains a refusal from the public parts of a shared access signature: dates, permissions and addresses.

Azure answers 403 to an expired signature as to a missing permission. The secret part (`sig`) is not read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from gitmodel.domain.text.escape import printable

PERMISSIONS = "rcwl"
RENEW = (
    "make a new one and set it, in AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING; it needs "
    f"sp={PERMISSIONS}"
)
_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ")
# By error code: the part of the signature, and the problem.
_PARTS = {
    "AuthorizationProtocolMismatch": ("spr", "is for other protocols than that of the address"),
    "AuthorizationSourceIPMismatch": ("sip", "is for other addresses than this machine's"),
    "AuthorizationServiceMismatch": ("ss", "is for other services than blobs"),
    "AuthorizationResourceTypeMismatch": ("srt", "is for other types than containers and objects"),
    "AuthorizationPermissionMismatch": ("sp", "lacks a permission"),
    "InsufficientAccountPermissions": ("sp", "lacks a permission"),
}


def explain_refusal(signature: str, code: str, now: datetime | None = None) -> str | None:
    """Return why a signature was refused with a code of Azure; None if its parts do not show it.

    The shared access signature may begin with a question mark.
    """
    parts = {name: values[0] for name, values in parse_qs(signature.removeprefix("?")).items()}
    now = now or datetime.now(UTC)
    end, start = _time(parts.get("se")), _time(parts.get("st"))
    if end is not None and end <= now:
        return f"the shared access signature has expired (se={printable(parts['se'])[:40]})"
    if start is not None and start > now:
        return f"the shared access signature is not valid yet (st={printable(parts['st'])[:40]})"
    if code in _PARTS:
        name, words = _PARTS[code]
        value = f" ({name}={printable(parts[name])[:40]})" if name in parts else ""
        return f"the shared access signature {words}{value}"
    return None


def _time(text: str | None) -> datetime | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(text or "", form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
