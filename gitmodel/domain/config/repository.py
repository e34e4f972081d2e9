"""Reads and edits `.gitmodel.yaml`, the committed configuration of a repository.

The file may come from a stranger: secrets, unusual addresses, and options that could redirect or weaken
a connection are refused, and messages do not repeat them. Edits keep comments and other lines.

    gitmodel: 1
    project: "fraud-detection"
    id: "9c1f22ab"
    remote: "s3://models/fraud"          # or {url: ..., endpoint: ...}
    mirrors:
      backup: "az://models"

Guarantee: `Config.from_text(new_config_text(p, i, r))` has project `p`, id `i` and remote `r`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gitmodel.domain.config.clone import LocalSettings, Overrides, effective_remote, needs_trust
from gitmodel.domain.config.keys import (
    CONFIG_FILE,
    FORMAT,
    OWN_KEYS,
    RESTORE_HINT,
    parse_keys,
    read_keys,
)
from gitmodel.domain.config.remote import Addressing, Remote
from gitmodel.domain.reference import check_name
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.secrets import is_secret_name
from gitmodel.domain.yaml.reader import block
from gitmodel.errors import ConfigError, ModelNameError, TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

__all__ = [
    "CONFIG_FILE",
    "FORMAT",
    "Addressing",
    "Config",
    "LocalSettings",
    "Overrides",
    "Remote",
    "check_project",
    "effective_remote",
    "needs_trust",
    "new_config_text",
    "with_mirror",
    "with_remote",
]

_ID = lazy_compile(r"[0-9a-f]{8,32}", re.ASCII)
_MIRROR = lazy_compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_HEADER = """\
# Settings of gitmodel for everyone who clones this repository. No secrets here.
# Personal settings (profile, cache, another endpoint): git config gitmodel.NAME VALUE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The content of `.gitmodel.yaml`."""

    format: int = FORMAT
    project: str  # under which versions are claimed in the store; one part of a model name
    project_id: str  # 8 to 32 hex digits that distinguish two projects with one name
    remote: Remote | None = None  # the primary; None for the default folder
    mirrors: Mapping[str, Remote] = field(default_factory=dict)  # by name
    unknown: Mapping[str, Value] = field(default_factory=dict)  # top-level keys

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str = CONFIG_FILE) -> Self:
        """Read the file; `what` is its name in messages.

        Raises ConfigError if the file is invalid, without showing secrets, and NewerFormatError if it needs
        a newer gitmodel.
        """
        values = read_keys(raw, what)
        remote = values.get("remote")
        return cls(
            project=_project(values.get("project"), what),
            project_id=_project_id(values.get("id"), what),
            remote=None if remote is None else Remote.from_value(remote, where=f"{what}: remote"),
            mirrors=_mirrors(values.get("mirrors"), what),
            unknown={key: value for key, value in values.items() if key not in OWN_KEYS},
        )


def check_project(project: str) -> str:
    """Return `project` if it is a valid project name: one part of a model name.

    Raises ModelNameError if it is not; the hint suggests a valid name.
    """
    if "/" in project:
        raise ModelNameError(
            f"{quote_text(project)} is not a project name: it has a /",
            hint="use one word in lower case",
        )
    return check_name(project)


def new_config_text(project: str, project_id: str, remote: Remote | None) -> str:
    """Return the text of a new `.gitmodel.yaml`.

    Raises ModelNameError if the project name is invalid, ConfigError if the id is not 8 to 32 hex digits,
    or the address is invalid.
    """
    values: dict[str, Value] = {"gitmodel": FORMAT, "project": check_project(project)}
    values["id"] = _project_id(project_id, CONFIG_FILE)
    if remote is not None:
        values["remote"] = remote.to_value()
    return _check_readable(_HEADER + "".join(f"{line}\n" for line in block(values)))


def _check_readable(text: str) -> str:
    Config.from_text(text, what=f"the new {CONFIG_FILE}")
    return text


def with_remote(text: str, remote: Remote | None) -> str:
    """Return the text of a `.gitmodel.yaml` with another primary remote, or without one.

    Raises ConfigError if the text is invalid, or its layout cannot be edited line by line.
    """
    values = parse_keys(text, CONFIG_FILE)
    return _edit(text, values, "remote", remote.to_value() if remote else None)


def with_mirror(text: str, name: str, remote: Remote | None) -> str:
    """Return the text of a `.gitmodel.yaml` with a mirror set or removed.

    Raises ConfigError as `with_remote`, or if the name is invalid.
    """
    _check_mirror(name, CONFIG_FILE)
    values = parse_keys(text, CONFIG_FILE)
    present = values.get("mirrors")
    mirrors = dict(present) if isinstance(present, dict) else {}
    if remote is None:
        mirrors.pop(name, None)
    else:
        mirrors[name] = _keep_form(mirrors.get(name), remote.to_value())
    return _edit(text, values, "mirrors", mirrors or None)


def _edit(text: str, values: dict[str, Value], key: str, value: Value) -> str:
    wanted = dict(values)
    if value is None:
        wanted.pop(key, None)
    elif key in wanted:
        wanted[key] = _keep_form(wanted[key], value)
    else:
        # After the known key that precedes it in OWN_KEYS.
        wanted = {name: wanted[name] for name in OWN_KEYS if name in wanted}
        wanted[key] = value
        wanted = {name: wanted[name] for name in OWN_KEYS if name in wanted}
        wanted |= {name: other for name, other in values.items() if name not in wanted}
    from gitmodel.domain.yaml.editor import edit

    try:
        return _check_readable(edit(text, wanted, what=CONFIG_FILE))
    except TextError as error:
        raise ConfigError(error.message, hint=error.hint) from error


def _keep_form(present: Value, value: Value) -> Value:
    """Write an address as a mapping if there is one already, so that its comments are kept."""
    if isinstance(present, dict) and "url" in present and isinstance(value, str):
        return {"url": value}
    return value


def _project(value: Value, what: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f'{what}: the line project: "NAME" is missing', hint=RESTORE_HINT)
    try:
        return check_project(value)
    except ModelNameError as error:
        raise ConfigError(f"{what}: project: {error.message}", hint=error.hint) from error


def _project_id(value: Value, what: str) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise ConfigError(f"{what}: id must be 8 to 32 hex digits in quotes", hint=RESTORE_HINT)


def _mirrors(value: Value, what: str) -> dict[str, Remote]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{what}: mirrors must be lines of `name: address`")
    for name in value:
        _check_mirror(name, what)
    return {
        name: Remote.from_value(remote, where=f"{what}: mirrors.{name}")
        for name, remote in value.items()
    }


def _check_mirror(name: str, what: str) -> None:
    # On the command line `primary` names the primary remote.
    if name == "primary" or is_secret_name(name) or not _MIRROR.fullmatch(name):
        raise ConfigError(
            f"{what}: {quote_text(name)} is not a mirror name",
            hint="use a word of a-z, 0-9 and '-', such as backup",
        )
