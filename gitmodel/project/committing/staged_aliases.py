"""Aliases and deprecations in a commit: a file that does not parse is refused, and never repaired.

Nobody could read it, and a push of it is refused. A file with conflict markers or a wrong check is of two sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, early_file_error
from gitmodel.domain.conflict_markers import conflict_sides
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.merge_aliases import named_by, parsed_anywhere
from gitmodel.domain.pointer import ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX
from gitmodel.errors import GitmodelError, MixedAliasError
from gitmodel.project.committing.version_decisions import is_merging
from gitmodel.project.models import text_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.index import Difference
    from gitmodel.project.project import Project

SUFFIXES = (ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX)


def refuse_broken_aliases(project: Project, changes: Iterable[Difference]) -> None:
    """Refuse alias files and deprecations that do not parse, and new alias files of an early build.

    One process if the differences to HEAD have such files. Raises AliasError, whose hint names the
    command that helps, or NewerFormatError.
    """
    changed = [c for c in changes if c.path.endswith(SUFFIXES) and c.new_mode.strip("0")]
    for change in changed:
        if change.path.endswith(EARLY_SUFFIX) and change.is_new:
            raise early_file_error(change.path)
    blobs = project.reader.blobs([change.new_oid for change in changed])
    for change in changed:
        raw = blobs.get(change.new_oid)
        if raw is not None:
            _check(project, change.path, raw)


def _check(project: Project, path: str, raw: bytes) -> None:
    try:
        _parse(path, raw)
    except GitmodelError as error:
        if conflict_sides(raw.decode("utf-8", "replace")) is not None:
            raise  # the markers have both sides, so the command of the hint ends the conflict
        if is_merging(project):
            raise _with_sides(project, path, error) from None
        error.hint = _hint(project, path, raw) or error.hint
        raise


def _hint(project: Project, path: str, raw: bytes) -> str | None:
    """The command that helps outside a merge; None if the error knows it."""
    typed = project.typed(path)
    head = text_at(project, "HEAD", path)
    if head is not None and _is_sound(path, head):
        what = "deprecations" if path.endswith(DEPRECATED_SUFFIX) else "alias"
        return f"restore the committed {what}: git checkout HEAD -- {typed}"
    if path.endswith(DEPRECATED_SUFFIX):
        return f"git rm -f {typed}, then gitmodel deprecate NAME@VERSION -m WHY"
    if parsed_anywhere(raw, path) is not None:
        return None  # the file of another alias
    name, word = named_by(path, ())
    return f"git rm -f {typed}, then gitmodel promote {name}@VERSION {word or 'ALIAS'}"


def _parse(path: str, raw: bytes) -> None:
    if path.endswith(ALIAS_SUFFIX):
        Alias.from_text(raw, path)
    elif path.endswith(DEPRECATED_SUFFIX):
        Deprecations.from_text(raw, what=path)


def _is_sound(path: str, raw: bytes) -> bool:
    try:
        _parse(path, raw)
    except GitmodelError:
        return False
    return True


def _with_sides(project: Project, path: str, error: GitmodelError) -> GitmodelError:
    """The error with what both sides of the merge have, if the file mixes two."""
    if not isinstance(error, MixedAliasError):
        return error
    from gitmodel.project.conflicts import describe_conflict, mixed_in_merge

    found = mixed_in_merge(project, path)
    if found is None:
        return error
    return MixedAliasError(
        f"{error.message}; {describe_conflict(found)}", hint=found.command, model=error.model
    )
