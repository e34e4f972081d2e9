"""Recognises credentials in text, so that they are neither committed nor printed (as in CVE-2014-6274).

`find_secret` recognises values by their shape, `is_secret_name` names of secret settings. Shapes that look
like ordinary text are not recognised, to avoid false alarms. Guarantee: no result contains any part of a
secret.
"""

from __future__ import annotations

import re

WHERE_SECRETS_BELONG = (
    "keep it in the environment or in ~/.aws and choose it with `git config gitmodel.profile NAME`; "
    "if it was ever committed, replace it with a new one"
)
_REMOVED = "[secret removed]"

# Kind, lower-case marks of which a text must contain one, and shape. Most lines contain no mark, so no
# expression is compiled for them; 8 expressions take 3 ms.
_SHAPES = (
    (
        "an AWS access key",
        ("akia", "asia", "aroa", "aida"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}(?![A-Za-z0-9])",
    ),
    ("an Azure account key", ("==",), r"[A-Za-z0-9+/]{86}=="),
    (
        "an Azure connection string",
        ("key=", "signature="),
        r"(?i:AccountKey|SharedAccessKey|SharedAccessSignature)=[^\s;]+",
    ),
    (
        "a signed address",
        ("sig=", "x-amz-"),
        (
            r"(?i:(?<![a-z0-9])sig=[^\s&\"']+"
            r"|X-Amz-(?:Signature|Credential|Security-Token)=[^\s&\"']+)"
        ),
    ),
    ("a user name and password", ("@",), r"(?<=://)[^/\s:@\"']*:[^/\s@\"']+@"),
    ("a private key", ("private key",), r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    (
        "an access token",
        ("_", "glpat-", "xox", "aiza", "sk-"),
        (
            r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
            r"|hf_[A-Za-z0-9]{20,}|xox[abprs]-[\w-]{10,}|AIza[\w-]{35}|sk-[\w-]{20,})"
        ),
    ),
    (
        "a signed token",
        ("eyj",),
        r"(?<![A-Za-z0-9])eyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]*)?",
    ),
)
# An AWS secret key is 40 characters of base64 without any mark. The number of runs of lower case, upper
# case, digits and signs distinguishes it from paths, commit ids and names: about 25 in a random key, fewer
# than 16 in 2 of 1,000 keys (200,000 tried), 15 in the worst name tried.
_FORTY = r"(?<![A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-])"
_RUNS = "[a-z]+|[A-Z]+|[0-9]+|[/+]+"
_MIN_RUNS = 16

_SECRET_WORDS = frozenset(
    {"credential", "credentials", "passphrase", "passwd", "password", "pwd", "sas"}
    | {"secret", "secrets", "token"}
)
_SECRET_NAMES = (
    *("accesskey", "accountkey", "apikey", "authkey", "connectionstring", "privatekey"),
    *("sastoken", "secretkey", "sharedkey", "signingkey", "storagekey"),
)


def find_secret(text: str) -> str | None:
    """Return the kind of a secret in `text` ("an AWS access key"), or None."""
    lowered = text.lower()
    for kind, marks, shape in _SHAPES:
        if any(mark in lowered for mark in marks) and re.search(shape, text, re.ASCII):
            return kind
    if len(text) >= 40 and any(_looks_random(found[0]) for found in re.finditer(_FORTY, text)):
        return "an AWS secret key"
    return None


def is_secret_name(name: str) -> bool:
    """Whether this is the name of a secret, in snake, kebab or camel case."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    parts = re.split(r"[^a-z0-9]+", words)
    return (
        parts == ["key"]
        or not _SECRET_WORDS.isdisjoint(parts)
        or any(secret in "".join(parts) for secret in _SECRET_NAMES)
    )


# Values of headers, variables and settings by name. Only for tracebacks and reports, where removing too
# much is harmless.
_NAMED = (
    r"(?i:\b(?:proxy-)?authorization['\"]?\s*[:=]\s*b?['\"]?)(?=[^'\"\r\n])",
    r"(?i:\b(?:bearer|sharedkey(?:lite)?|basic)\s+)(?=[\w.:+/=~-]{8})",
    r"(?i:\bsignature\s*=\s*['\"]?)(?=[\w+/%=-]{8})",
    (
        r"(?i:(?:x-amz-security-token|session_?token|secret_?access_?key|secret_?key|security_?token"
        r"|account_?key|access_?token|refresh_?token|client_?secret|sas_?token|password|passwd)"
        r"['\"]?\s*[:=]\s*b?['\"]?)(?=[^\s'\",;)}\]])"
    ),
)
_VALUES = (r"[^'\"\r\n]+", r"[\w.:+/=~-]+", r"[\w+/%=-]+", r"[^\s'\",;)}\]]+")


def redact(text: str) -> str:
    """Return `text` without everything that looks like a secret, for logs and reports."""
    for name, value in zip(_NAMED, _VALUES, strict=True):
        text = re.sub(f"({name}){value}", rf"\1{_REMOVED}", text, flags=re.ASCII)
    for _, _, shape in _SHAPES:
        text = re.sub(shape, _REMOVED, text, flags=re.ASCII)
    return re.sub(_FORTY, lambda key: _REMOVED if _looks_random(key[0]) else key[0], text)


def _looks_random(text: str) -> bool:
    every_kind = all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return every_kind and len(re.findall(_RUNS, text)) > _MIN_RUNS
