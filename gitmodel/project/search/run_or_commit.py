"""The version that a run or a commit made, by its id without the name of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.search.committed_versions import committed_versions

if TYPE_CHECKING:
    from gitmodel.project.project import Project

_COMMIT = lazy_compile("[0-9a-f]{7,64}")
_SHORTEST = 8  # characters of the beginning of a run id
_NAMED = 5  # versions in a hint


def by_run_or_commit(project: Project, text: str) -> Reference | None:
    """The version of the run with this id, or registered by this commit; None if there is none.

    A run is named by its whole id or 8 or more characters, a commit by 7 or more. Raises UnknownReferenceError
    if there are several versions.
    """
    if len(text) < _SHORTEST - 1:
        return None
    commit = project.reader.resolve(text) if _COMMIT.fullmatch(text) else None
    found = committed_versions(project, "all", fields={"run_id"}).versions
    made = [one for one in found if one.registered is not None and one.registered.commit == commit]
    if not made and len(text) >= _SHORTEST:
        made = [one for one in found if one.facts.run_id == text]
        made = made or [one for one in found if (one.facts.run_id or "").startswith(text)]
    if not made:
        return None
    names = [f"{one.facts.name}@{one.facts.version}" for one in made]
    if len(made) > 1:
        some = ", ".join(sorted(names)[:_NAMED])
        raise UnknownReferenceError(
            f"{len(made):,} versions are of {text}",
            hint=f"name one: {some}{' ...' if len(made) > _NAMED else ''}",
        )
    return Reference(made[0].facts.name, "digest", made[0].facts.digest)
