"""What a caller may say about how a remote is opened: one value for every store."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.backends.cloud.retry import Retrier


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOptions:
    """How to open a remote. A store ignores what does not concern it.

    Unless the user trusts the address, or chose it, a foreign endpoint (`Remote.is_foreign`) gets no
    credentials and nothing is written to it. `environment` has the variables for credentials of Azure and
    for GITMODEL_TRANSPORT; credentials of AWS come from those of the process, because botocore reads no
    others. `note` receives a line, from another thread, when a server has not answered for a while.
    """

    trusted: bool
    profile: str | None = None  # of AWS, from the clone's settings, never from a committed file
    root: str | None = None  # folder to which relative paths are joined
    create_root: bool = False  # create the folder of a `file` remote if it does not exist
    checks_folder: str | None = None  # records which checksums a server compares
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    retrier: Retrier | None = None  # None for the default; folders never retry
    note: Callable[[str], None] | None = None
