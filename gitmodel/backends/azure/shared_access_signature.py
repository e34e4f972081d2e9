"""What a shared access signature itself tells about a refusal: its dates, permissions and addresses.

Azure says the same 403 for an expired one as for a missing permission, and an emulator says less. The
parts that are read here are no secret; the signature (`sig`) is never looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from gitmodel.domain.text.escape import printable

WANTED = "rcwl"
RENEW = (
    "make a new one and set it, in AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_CONNECTION_STRING; it needs "
    f"sp={WANTED}"
)
_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%fZ")
# What Azure answers, and what of the signature is about it.
_PARTS = {
    "AuthorizationProtocolMismatch": ("spr", "is for other protocols than that of the address"),
    "AuthorizationSourceIPMismatch": ("sip", "is for other addresses than this machine's"),
    "AuthorizationServiceMismatch": ("ss", "is for other services than blobs"),
    "AuthorizationResourceTypeMismatch": ("srt", "is for other types than containers and objects"),
    "AuthorizationPermissionMismatch": ("sp", "lacks a permission"),
    "InsufficientAccountPermissions": ("sp", "lacks a permission"),
}


def problem_of(signature: str, code: str, now: datetime | None = None) -> str | None:
    """Why this signature is refused, in words; None if it does not tell.

    Args:
        signature: The shared access signature, with or without the question mark.
        code: What Azure answered.
        now: The time; default is the machine's.
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
