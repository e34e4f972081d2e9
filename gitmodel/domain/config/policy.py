"""`policy:` in `.gitmodel.yaml`: what follows if weights may run code when they are loaded, or for their license.

    policy: {code: refuse, license: warn}

Guarantee: invalid values raise ConfigError only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

Action: TypeAlias = Literal["refuse", "warn", "allow"]
_ACTIONS = ("refuse", "warn", "allow", "ignore")  # `ignore` is `allow`
_KEYS = ("code", "license")
_SHOWN_IMPORTS = 3


class Policy(NamedTuple):
    """What follows for new versions.

    Attributes:
        code: If loading the weights may run code, or nothing tells whether it does.
        license: If the license is another one than that of the base.
    """

    code: Action = "allow"
    license: Action = "allow"


def policy_of(values: Mapping[str, Value], *, what: str) -> Policy:
    """Read the key `policy` of a configuration; `what` is the file, the beginning of every message.

    Raises ConfigError if it is not valid: a key with a typo would allow everything.
    """
    entries = values.get("policy")
    if entries is None:
        return Policy()
    hint = "write it as policy: {code: warn, license: warn}"
    if not isinstance(entries, dict):
        raise ConfigError(f"{what}: policy must be a mapping", hint=hint)
    for key, value in entries.items():
        if key not in _KEYS:
            raise ConfigError(f"{what}: {quote_text(key)} is no key of policy", hint=hint)
        if value not in _ACTIONS:
            raise ConfigError(f"{what}: policy.{key} must be refuse, warn or allow", hint=hint)
    actions = {key: "allow" if value == "ignore" else value for key, value in entries.items()}
    return Policy(**cast("dict[str, Action]", actions))


def code_problem(description: Mapping[str, Value] | None) -> str | None:
    """Why loading weights may run code, None if it does not; `description` is the pointer's `format`.

    Weights of which nothing tells it are a problem too.
    """
    code = "unknown" if description is None else description.get("code", "unknown")
    if code in ("none", "listed"):
        return None
    if code != "yes":
        return "nothing tells whether loading them runs code"
    imports = (description or {}).get("imports")
    if not isinstance(imports, list) or not imports:
        return "loading them may run code"
    shown = ", ".join(str(name) for name in imports[:_SHOWN_IMPORTS])
    more = f" and {len(imports) - _SHOWN_IMPORTS} more" if len(imports) > _SHOWN_IMPORTS else ""
    return f"loading them may run code: {shown}{more}"


def license_problem(license: str | None, base: str | None) -> str | None:  # noqa: A002  (the pointer's word)
    """How a license differs from that of the base: `apache-2.0 over llama3.2`; None if it does not."""
    if base is None or license == base:
        return None
    return f"unlike its base: {license or 'no license'} over {base}"
