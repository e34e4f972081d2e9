"""`gitmodel init`: set up a repository or a clone, and test its remote. A second run changes nothing.

The front door installs the hooks, by `githooks.install` with `hooks_folder`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Config, Remote, new_config_text, with_remote
from gitmodel.domain.reference import name_from_path
from gitmodel.errors import RemoteError, UsageError
from gitmodel.project.git_files.gitattributes import add_attributes
from gitmodel.project.models import write_text_file
from gitmodel.project.named_remote import remote_from
from gitmodel.project.project import CONFIG_NAME, PRIMARY
from gitmodel.store.objects import check_exclusive_creation
from gitmodel.store.registrations import other_projects, register
from gitmodel.workflows.install import hide_temporary_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project


@dataclass(slots=True)
class InitReport:
    """The set-up of a repository."""

    project: str  # name
    remote: str  # URL of the primary
    # whether the remote is the default folder, which no other machine can reach
    default_folder: bool
    # changes, a line each; empty if nothing was changed
    done: list[str] = field(default_factory=list)
    hooks_folder: str = ""  # the folder for hooks


def init(
    project: Project,
    url: str | None = None,
    *,
    options: Mapping[str, str | bool] | None = None,
    name: str | None = None,
    check: bool = True,
) -> InitReport:
    """Set up a repository, or a clone of one that is set up.

    The remote is `s3://bucket/prefix`, `az://container/prefix` or a folder; without a URL the configured
    remote or the default folder. `options` are `endpoint`, `region`, `account` and the like, as in
    `.gitmodel.yaml`. The project's name is that of the folder if not given. Nothing is written to the
    repository before the remote was tested, as in `check_remote`, which `check` asks for.

    Raises RepositoryError if there is no work tree, UsageError if another remote is configured already,
    ConfigError if the address cannot be accepted, RemoteError if the remote cannot be used.
    """
    before = project.config_text()
    after = _wanted_config(project, before, remote_from(project, url, options or {}), name)
    project.use_config(Config.from_text(after))
    done: list[str] = []
    if check:
        check_remote(project, PRIMARY)
    if after != before:
        write_text_file(project.root, CONFIG_NAME, after)
        project.index.stage([CONFIG_NAME])
        done.append(f"wrote {CONFIG_NAME}")
    if add_attributes(project):
        done.append("wrote .gitattributes")
    hide_temporary_files(project)
    if trust(project, PRIMARY):
        done.append(f"this clone may upload to {project.committed_remote().fingerprint}")
    return InitReport(
        project=project.config.project,
        remote=project.address().url,
        default_folder=project.uses_default_folder(),
        done=done,
        hooks_folder=project.repository.hooks_folder(),
    )


def _wanted_config(
    project: Project, before: str | None, remote: Remote | None, name: str | None
) -> str:
    if before is None:
        chosen = name or name_from_path(os.path.basename(project.root) or "project")
        return new_config_text(chosen, project.context.random(4), remote)
    config = Config.from_text(before)
    if name is not None and name != config.project:
        raise UsageError(
            f"this project is called {config.project!r} already",
            hint="stored claims contain the name, so it cannot change",
        )
    present = config.remote
    if remote is None or present == remote:
        return before
    if present is not None:
        raise UsageError(
            f"the remote is {present.url} already",
            hint=f"gitmodel remote add {remote.url} --replace",
        )
    return with_remote(before, remote)


def check_remote(project: Project, name: str) -> None:
    """Test that a remote can be written, creates exclusively, and has no other project of this name.

    A missing folder is created. Missing buckets and containers are not. Raises RemoteError if the remote
    cannot be used, WeakRemoteError if it allows two creations of the same object, UsageError if another
    project of this name uses it.
    """
    address = project.address(name)
    if address.scheme == "file":
        folder = project.folder_of(address)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise RemoteError(
                f"{folder} cannot be created: {error.strerror}",
                hint="gitmodel init URL, with another one",
            ) from error
    store = project.store(name, chosen_now=True)
    marker = store.marker()
    if marker is None:
        check_exclusive_creation(store, project.context.random(16))
        store.ensure_marker(project.context.random(16))
    store.backend.prove_checks()  # here, so that the first push does not wait for it
    config = project.config
    if name != PRIMARY:
        return
    others = other_projects(store, config.project, config.project_id)
    if others:
        raise UsageError(
            f"another project called {config.project!r} uses {address.url} already, "
            "and the two would take each other's version numbers",
            hint="gitmodel init URL --project OTHER_NAME, or use another prefix in the bucket",
        )
    url = project.repository.remote_url("origin") or ""
    with suppress(RemoteError):  # a user may have read access only
        register(store, config.project, config.project_id, url)


def trust(project: Project, name: str) -> bool:
    """Trust the address of a remote in this clone; returns whether that is new."""
    fingerprint = project.committed_remote(name).fingerprint
    if name == PRIMARY and project.uses_default_folder():
        return False
    if fingerprint in project.settings.trust:
        return False
    project.repository.add_config("gitmodel.trust", fingerprint)
    project.forget_settings()
    return True
