"""`.gitmodel.yaml`: what a repository says to everyone who clones it, and edits to it.

The file belongs to people. gitmodel reads it as a stranger's (secrets, unusual addresses and options
that could redirect or weaken a connection are refused without being repeated) and writes it line by
line, comments kept.

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
from gitmodel.domain.config.remote import Addressing, Remote
from gitmodel.domain.reference import check_name
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.text.limits import MAX_TEXT_BYTES
from gitmodel.domain.text.secrets import WHERE_SECRETS_BELONG, find_secret, is_secret_name
from gitmodel.domain.yaml.reader import block, parse
from gitmodel.errors import ConfigError, ModelNameError, NewerFormatError, TextError

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

CONFIG_FILE = ".gitmodel.yaml"
FORMAT = 1

_RESTORE = (
    "restore it: git checkout HEAD -- .gitmodel.yaml; or, if it was never committed: "
    "rm .gitmodel.yaml, then gitmodel init"
)
_ORDER = ("gitmodel", "project", "id", "remote", "mirrors")
_ID = lazy_compile(r"[0-9a-f]{8,32}", re.ASCII)
_MIRROR = lazy_compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_HEADER = """\
# Settings of gitmodel for everyone who clones this repository. No secrets here.
# What is your own (profile, cache, another endpoint): git config gitmodel.NAME VALUE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `.gitmodel.yaml` says.

    Attributes:
        format: Version of the format, 1.
        project: Under what name versions are claimed in the store; one part of a model name.
        project_id: 8 to 32 hex digits that tell two projects of one name apart.
        remote: The primary remote, or None for the embedded default folder.
        mirrors: Further remotes by name.
        unknown: Top-level keys that this module does not know, as they are.
    """

    format: int = FORMAT
    project: str
    project_id: str
    remote: Remote | None = None
    mirrors: Mapping[str, Remote] = field(default_factory=dict)
    unknown: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def from_text(cls, raw: bytes | str, *, what: str = CONFIG_FILE) -> Self:
        """Read the file.

        Args:
            raw: Its content.
            what: What to call it in messages.

        Raises:
            ConfigError: It does not parse, lacks something, or says what is refused; secrets are not shown.
            NewerFormatError: It was written for a newer gitmodel.
        """
        values = _values(raw, what)
        _check_format(values.get("gitmodel"), what)
        for key, value in values.items():
            if key not in _ORDER:
                _refuse_secret_names(key, value, what)
        remote = values.get("remote")
        return cls(
            project=_project(values.get("project"), what),
            project_id=_project_id(values.get("id"), what),
            remote=None if remote is None else Remote.from_value(remote, where=f"{what}: remote"),
            mirrors=_mirrors(values.get("mirrors"), what),
            unknown={key: value for key, value in values.items() if key not in _ORDER},
        )


def check_project(project: str) -> str:
    """Return `project` if it can be the name of a project: one part of a model name.

    Raises:
        ModelNameError: It cannot; the hint has the nearest one that can.
    """
    if "/" in project:
        raise ModelNameError(
            f"{quote_text(project)} cannot be the name of a project: it has a /",
            hint="use one word in lower case",
        )
    return check_name(project)


def new_config_text(project: str, project_id: str, remote: Remote | None) -> str:
    """Return the text of a new `.gitmodel.yaml`.

    Raises:
        ModelNameError: The project's name is outside the grammar.
        ConfigError: The id is not 8 to 32 hex digits, or the address could not be read again.
    """
    values: dict[str, Value] = {"gitmodel": FORMAT, "project": check_project(project)}
    values["id"] = _project_id(project_id, CONFIG_FILE)
    if remote is not None:
        values["remote"] = remote.to_value()
    return _check_readable(_HEADER + "".join(f"{line}\n" for line in block(values)))


def _check_readable(text: str) -> str:
    """Return the text of a new `.gitmodel.yaml`, if it can be read: what is refused is never written.

    Raises:
        ConfigError: It cannot.
    """
    Config.from_text(text, what=f"the new {CONFIG_FILE}")
    return text


def with_remote(text: str, remote: Remote | None) -> str:
    """Return the text of a `.gitmodel.yaml` with another primary remote, or with none.

    Raises:
        ConfigError: The text does not parse, or its layout cannot be edited by lines (the hint says what
            to write by hand).
    """
    values = _values(text, CONFIG_FILE)
    return _edit(text, values, "remote", remote.to_value() if remote else None)


def with_mirror(text: str, name: str, remote: Remote | None) -> str:
    """Return the text of a `.gitmodel.yaml` with a mirror set, or taken out.

    Raises:
        ConfigError: As `with_remote`; or the name is none for a mirror.
    """
    _check_mirror(name, CONFIG_FILE)
    values = _values(text, CONFIG_FILE)
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
        # Behind the nearest known key before it, so that files of all projects read alike.
        wanted = {name: wanted[name] for name in _ORDER if name in wanted}
        wanted[key] = value
        wanted = {name: wanted[name] for name in _ORDER if name in wanted}
        wanted |= {name: other for name, other in values.items() if name not in wanted}
    from gitmodel.domain.yaml.editor import edit

    try:
        return _check_readable(edit(text, wanted, what=CONFIG_FILE))
    except TextError as error:
        raise ConfigError(error.message, hint=error.hint) from error


def _keep_form(present: Value, value: Value) -> Value:
    """An address alone is written as a mapping where one stands already: its comments stay."""
    if isinstance(present, dict) and "url" in present and isinstance(value, str):
        return {"url": value}
    return value


def _values(raw: bytes | str, what: str) -> dict[str, Value]:
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    # Before parsing and comments included: what is committed is committed.
    for number, line in enumerate(data[:MAX_TEXT_BYTES].decode("utf-8", "replace").split("\n"), 1):
        if kind := find_secret(line):
            raise ConfigError(
                f"{what}: line {number}: there is {kind} in it (not shown); a committed file is no"
                " place for it",
                hint=WHERE_SECRETS_BELONG,
            )
    try:
        return parse(data, what=what)
    except TextError as error:
        raise ConfigError(error.message, hint=error.hint) from error


def _check_format(value: Value, what: str) -> None:
    if value is None or isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{what}: a line gitmodel: {FORMAT} is missing", hint=_RESTORE)
    if value > FORMAT:
        raise NewerFormatError(
            f"{what}: format {value} is newer than this gitmodel knows ({FORMAT})",
            hint="pip install --upgrade gitmodel",
        )


def _project(value: Value, what: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f'{what}: a line project: "NAME" is missing', hint=_RESTORE)
    try:
        return check_project(value)
    except ModelNameError as error:
        raise ConfigError(f"{what}: project: {error.message}", hint=error.hint) from error


def _project_id(value: Value, what: str) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise ConfigError(f"{what}: id must be 8 to 32 of 0-9 and a-f, in quotes", hint=_RESTORE)


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
    # The primary remote goes by that name on the command line.
    if name == "primary" or is_secret_name(name) or not _MIRROR.fullmatch(name):
        raise ConfigError(
            f"{what}: {quote_text(name)} cannot be the name of a mirror",
            hint="use a word of a-z, 0-9 and '-', such as backup",
        )


def _refuse_secret_names(key: str, value: Value, what: str) -> None:
    """Refuse text under a name such as `password`, at any depth of what this module does not know."""
    if isinstance(value, dict):
        for inner, further in value.items():
            _refuse_secret_names(inner, further, what)
    elif isinstance(value, list):
        for further in value:
            _refuse_secret_names(key, further, what)
    elif isinstance(value, str) and value and is_secret_name(key):
        raise ConfigError(
            f"{what}: {quote_text(key)} would be a secret (value not shown); a committed file is no place"
            " for it",
            hint=WHERE_SECRETS_BELONG,
        )
