"""The repositories and forks that use a store: one small object each, for garbage collection.

Version numbers belong to a project by its name. Two projects of one name on a store would take each other's
numbers, so each project has a random id, and `init` looks for other ids under its name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.domain.text.escape import without_user_info

if TYPE_CHECKING:
    from gitmodel.store.objects import ObjectStore


def register(store: ObjectStore, project: str, project_id: str, git_url: str) -> None:
    """Register a repository with a store; idempotent.

    The URL ("" if the Git repository has none) is stored without user and password.
    """
    git_url = without_user_info(git_url)
    body = json.dumps({"format": 1, "url": git_url}).encode() + b"\n"
    name = digest_of(git_url.encode()).hex[:32]
    store.backend.create(f"projects/{project}/{project_id}/{name}.json", body)


def other_projects(store: ObjectStore, project: str, project_id: str) -> list[str]:
    """Ids of the other projects of this name on this store."""
    prefix = f"projects/{project}/"
    ids = {info.key[len(prefix) :].partition("/")[0] for info in store.backend.list(prefix)}
    return sorted(ids - {project_id})
