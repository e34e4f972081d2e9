"""Who uses a store: one small object for each repository and fork, so that a collection can ask all.

A name in front of an `@` in a claim belongs to a project; two projects of the same name on one store
would fight over version numbers, so each has a random id, and `init` looks for another one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of

if TYPE_CHECKING:
    from gitmodel.store.objects import ObjectStore


def register(store: ObjectStore, project: str, project_id: str, git_url: str) -> None:
    """Leave word of a repository; idempotent.

    Args:
        store: The store.
        project: Name of the project.
        project_id: Its random id.
        git_url: URL of the Git repository without user info, "" while it has none.
    """
    body = json.dumps({"format": 1, "url": git_url}).encode() + b"\n"
    name = digest_of(git_url.encode()).hex[:32]
    store.backend.create(f"projects/{project}/{project_id}/{name}.json", body)


def other_projects(store: ObjectStore, project: str, project_id: str) -> list[str]:
    """Ids of other projects of the same name on this store."""
    prefix = f"projects/{project}/"
    ids = {info.key[len(prefix) :].partition("/")[0] for info in store.backend.list(prefix)}
    return sorted(ids - {project_id})
