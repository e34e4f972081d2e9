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

    Attributes:
        trusted: The user trusts this address, or chose it. Otherwise a foreign endpoint (`Remote.is_foreign`)
            gets no credentials and nothing is written to it.
        profile: AWS profile, from the settings of the clone, never from a committed file.
        root: Folder to which relative paths are joined.
        create_root: Create the folder of a `file` remote if it does not exist.
        checks_folder: Where to record which checksums a server compares; None records nothing.
        environment: Variables for credentials of Azure and for GITMODEL_TRANSPORT. Credentials of AWS come
            from those of the process, because botocore reads no others.
        retrier: How to retry requests; None for the default. Folders never retry.
        note: Receives a line, from another thread, when a server has not answered for a while.
    """

    trusted: bool
    profile: str | None = None
    root: str | None = None
    create_root: bool = False
    checks_folder: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    retrier: Retrier | None = None
    note: Callable[[str], None] | None = None
