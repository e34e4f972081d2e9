"""`gitmodel remote add|list|remove|trust`: the primary remote and its mirrors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Config, with_mirror, with_remote
from gitmodel.errors import UsageError
from gitmodel.project.models import write_text_file
from gitmodel.project.named_remote import remote_from
from gitmodel.project.project import CONFIG_NAME, PRIMARY
from gitmodel.workflows.init import check_remote, trust
from gitmodel.workflows.install import hide_temporary_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class RemoteRow:
    """One remote as this clone uses it."""

    name: str
    url: str
    options: dict[str, object]
    trusted: bool
    default_folder: bool


def list_remotes(project: Project) -> list[RemoteRow]:
    """The primary remote and the mirrors; no network."""
    rows = []
    for name in project.remote_names():
        value = project.address(name).to_value()
        options = {k: v for k, v in value.items() if k != "url"} if isinstance(value, dict) else {}
        rows.append(
            RemoteRow(
                name=name,
                url=project.address(name).url,
                options=dict(options),
                trusted=project.is_trusted(name, upload=True),
                default_folder=name == PRIMARY and project.uses_default_folder(),
            )
        )
    return rows


def add_remote(
    project: Project,
    url: str,
    *,
    name: str = PRIMARY,
    options: Mapping[str, str | bool] | None = None,
    replace: bool = False,
    check: bool = True,
) -> RemoteRow:
    """Make an address the primary remote, or a mirror. Nothing is copied from the earlier remote.

    Options are as in `.gitmodel.yaml`. `replace` replaces another address of that name; `check` tests the
    remote first. Raises UsageError if a remote of that name exists, without `replace`, ConfigError or
    RemoteError if the address cannot be accepted or used.
    """
    before = project.require_config_text()
    remote = remote_from(project, url, options or {})
    if remote is None:
        raise UsageError("a remote needs a URL")
    present = project.config.remote if name == PRIMARY else project.config.mirrors.get(name)
    if present is not None and present != remote and not replace:
        named = "" if name == PRIMARY else f" --name {name}"
        raise UsageError(
            f"{name} is {present.url} already", hint=f"gitmodel remote add {url}{named} --replace"
        )
    after = with_remote(before, remote) if name == PRIMARY else with_mirror(before, name, remote)
    _apply(project, before, after, name if check else None)
    trust(project, name)
    return next(row for row in list_remotes(project) if row.name == name)


def remove_remote(project: Project, name: str) -> str:
    """Take a remote out of the configuration; its objects stay. Returns its URL.

    Raises UsageError if there is none of that name.
    """
    before = project.require_config_text()
    url = project.committed_remote(name).url
    if name == PRIMARY:
        if project.uses_default_folder():
            raise UsageError("there is no primary remote to remove", hint="gitmodel remote add URL")
        after = with_remote(before, None)
    else:
        after = with_mirror(before, name, None)
    _apply(project, before, after, None)
    return url


def trust_remote(project: Project, name: str = PRIMARY) -> tuple[str, bool]:
    """Say yes to an address in this clone. Returns what was said yes to, and whether that is new."""
    hide_temporary_files(project)
    return project.committed_remote(name).fingerprint, trust(project, name)


def _apply(project: Project, before: str, after: str, check: str | None) -> None:
    """Write the new configuration, after the remote has proved itself."""
    project.use_config(Config.from_text(after))
    if check is not None:
        check_remote(project, check)
    if after != before:
        write_text_file(project.root, CONFIG_NAME, after)
        project.index.stage([CONFIG_NAME])
