"""The remote that a user gave by URL and options."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.config.repository import Remote
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project


def remote_from(
    project: Project, url: str | None, options: Mapping[str, str | bool]
) -> Remote | None:
    """The given remote, None if no URL was given; a relative folder becomes absolute.

    Raises ConfigError if the address is not valid, UsageError if options were given without a URL.
    """
    if url is None:
        if options:
            raise UsageError("options of a remote need its URL", hint="gitmodel init URL")
        return None
    remote = Remote.from_value({"url": url, **options}, where="the remote")
    if remote.scheme == "file" and remote.is_relative:
        full = os.path.normpath(os.path.join(project.context.folder, remote.url))
        remote = Remote.from_value(full.replace(os.sep, "/"), where="the remote")
    return remote
