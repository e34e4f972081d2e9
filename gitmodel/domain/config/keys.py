"""The keys of `.gitmodel.yaml`, without what they mean: format, secrets, and keys of other parts of gitmodel.

Guarantee: no message repeats a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.reader import parse
from gitmodel.errors import ConfigError, NewerFormatError, TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

CONFIG_FILE = ".gitmodel.yaml"
FORMAT = 1
RESTORE_HINT = (
    "restore it: git checkout HEAD -- .gitmodel.yaml; or, if it was never committed: "
    "rm .gitmodel.yaml, then gitmodel init"
)
OWN_KEYS = ("gitmodel", "project", "id", "remote", "mirrors")  # in this order


def other_keys(raw: bytes, *, what: str) -> Mapping[str, Value]:
    """The keys that are not about the project and its remotes, such as `gates`; `what` begins every message.

    For a file that is committed already: the keys of the project are not checked, and nothing looks for secrets.
    Raises ConfigError if the file is no configuration, NewerFormatError if it needs a newer gitmodel.
    """
    values = _parse(raw, what)
    _check_format(values.get("gitmodel"), what)
    return {key: value for key, value in values.items() if key not in OWN_KEYS}


def read_keys(raw: bytes | str, what: str) -> dict[str, Value]:
    """All keys of a text whose format is known; raises as `other_keys`, and ConfigError if there are secrets."""
    values = parse_keys(raw, what)
    _check_format(values.get("gitmodel"), what)
    for key, value in values.items():
        if key not in OWN_KEYS:
            _refuse_secret_names(key, value, what)
    return values


def parse_keys(raw: bytes | str, what: str) -> dict[str, Value]:
    """All keys of a text of any format. Raises ConfigError if it is no YAML mapping, or has secrets."""
    from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret

    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    # Before parsing, because comments must not contain secrets either.
    for number, line in enumerate(data[:MAX_TEXT_BYTES].decode("utf-8", "replace").split("\n"), 1):
        if kind := find_secret(line):
            raise ConfigError(
                f"{what}: line {number}: contains {kind} (not shown); never commit secrets",
                hint=WHERE_SECRETS_BELONG,
            )
    return _parse(data, what)


def _parse(raw: bytes, what: str) -> dict[str, Value]:
    try:
        return parse(raw, what=what)
    except TextError as error:
        raise ConfigError(error.message, hint=error.hint) from error


def _check_format(value: Value, what: str) -> None:
    if value is None or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{what}: the line gitmodel: {FORMAT} is missing", hint=RESTORE_HINT)
    if value > FORMAT:
        raise NewerFormatError(
            f"{what}: this version of gitmodel supports format {FORMAT}, not {value}",
            hint="pip install --upgrade gitmodel",
        )


def _refuse_secret_names(key: str, value: Value, what: str) -> None:
    """Refuse text under a key such as `password` anywhere in an unknown value."""
    from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, is_secret_name

    if isinstance(value, dict):
        for inner, further in value.items():
            _refuse_secret_names(inner, further, what)
    elif isinstance(value, list):
        for further in value:
            _refuse_secret_names(key, further, what)
    elif isinstance(value, str) and value and is_secret_name(key):
        raise ConfigError(
            f"{what}: {quote_text(key)} looks like a secret (value not shown); never commit secrets",
            hint=WHERE_SECRETS_BELONG,
        )
