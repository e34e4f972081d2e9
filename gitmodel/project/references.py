"""Resolve a reference to a pointer: digests come from Git only, never from a claim.

If history has two contents with one number, the claim of that number selects one of them; see
`domain.versions.VersionNumbers`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer, read_head
from gitmodel.domain.reference import check_alias
from gitmodel.domain.versions import VersionNumbers
from gitmodel.errors import GitmodelError, ModelNameError, UnknownReferenceError
from gitmodel.git.history.containing import not_in_history
from gitmodel.project.committed_models import find_in_tree, models_in_tree
from gitmodel.project.history.missing_history import fetch_pointers, find_missing_history
from gitmodel.project.history.model_history import ModelHistory, history_of
from gitmodel.project.history.renames import whole_history
from gitmodel.project.history.version_owners import ambiguous_reference, claims_seen, content_of
from gitmodel.project.models import (
    Model,
    read_models,
    require_model,
    unknown_model,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.pointer import Head
    from gitmodel.domain.reference import Reference
    from gitmodel.project.aliases import AliasFile
    from gitmodel.project.history.model_history import HistoryEntry
    from gitmodel.project.project import Project


def resolve(project: Project, reference: Reference) -> Model:
    """The pointer that a reference names.

    Raises UnknownReferenceError if none or several match; the hint lists those that exist.
    """
    match reference.kind:
        case "latest":
            return _latest(project, reference.name)
        case "version" | "digest":
            return _in_history(project, reference)
        case "run":
            from gitmodel.project.history.run_versions import by_run

            return by_run(project, reference)
        case "git":
            return _at_revision(project, reference.name, reference.value)
        case "word":
            return by_alias(project, reference) or _at_word(project, reference)


def _latest(project: Project, name: str) -> Model:
    """The pointer of the work tree, else of HEAD."""
    if project.repository.work_tree is not None:
        models = read_models(project, name=name)
        is_present = models.get(name) is not None or models.breaks(name)
        if is_present or not _in_head(project, name):  # a conflicted pointer is not a missing one
            return require_model(project, name)
    return _at_revision(project, name, "HEAD")


def _in_head(project: Project, name: str) -> bool:
    head = project.reader.resolve("HEAD")
    return head is not None and find_in_tree(project, head, name) is not None


def _at_word(project: Project, reference: Reference) -> Model:
    """The pointer at a revision, or of a run, for a word that is not an alias."""
    from gitmodel.project.history.run_versions import by_run_alone

    name, word = reference.name, reference.value
    if project.reader.resolve(word) is not None:
        return _at_revision(project, name, word)
    if (found := by_run_alone(project, name, word)) is not None:
        return found
    names = _known_names(project)
    if name not in names and not history_of(project, name).seen:
        raise unknown_model(name, names)
    known = _known_words(project, name)
    raise UnknownReferenceError(
        f"there is no alias {word!r}, no Git revision and no run of that name",
        hint=f"there are {known}" if known else f"gitmodel log {name}",
        model=name,
    )


def _known_names(project: Project) -> list[str]:
    """The names of the models in the work tree, or of HEAD in a bare repository."""
    if project.repository.work_tree is not None:
        return read_models(project).names()
    head = project.reader.resolve("HEAD")
    return [] if head is None else [model.name for model in models_in_tree(project, head)]


def _at_revision(project: Project, name: str, revision: str) -> Model:
    commit = project.reader.resolve(revision)
    if commit is None:
        raise UnknownReferenceError(
            f"Git knows no revision {revision!r}", hint=f"gitmodel log {name}", model=name
        )
    found = find_in_tree(project, commit, name)
    if found is None:
        names = [model.name for model in models_in_tree(project, commit)]
        error = unknown_model(name, names)
        raise UnknownReferenceError(f"no model is called {name!r} at {revision}", hint=error.hint)
    return found


def models_at(project: Project, revision: str) -> list[Model]:
    """All models of a revision whose pointers parse.

    Raises UnknownReferenceError if there is no such revision.
    """
    commit = project.reader.resolve(revision)
    if commit is None:
        raise UnknownReferenceError(f"Git knows no revision {revision!r}", hint="git log")
    return models_in_tree(project, commit)


def _in_history(project: Project, reference: Reference) -> Model:
    """The version with a number or digest."""
    claimed = reference.name
    history = _matching(project, reference)
    if not history.complete and (reference.kind == "version" or not history.seen):
        with suppress(GitmodelError):  # if Git cannot fetch, the local history decides
            fetch_pointers(project, reference.name)
            history = _matching(project, reference)
    if not history.seen:
        uncommitted = _uncommitted(project, reference)
        if uncommitted is not None:
            return uncommitted
        history, claimed = _under_earlier_names(project, reference)
    if reference.kind == "version":
        content = content_of(project, claimed, reference.number, history.naming)
        same = [i for i in history.seen if i.model.pointer.digest.hex == content]
        return _on_head_first(project, same)
    found = history.with_prefix(reference.value)
    if len(found) > 1:
        raise ambiguous_reference(history.name, reference, [m.pointer.digest.hex for m in found])
    same = [i for i in history.seen if i.model.pointer.head == found[0].pointer.head]
    return _on_head_first(project, same)


def _on_head_first(project: Project, same: Sequence[HistoryEntry]) -> Model:
    """The newest pointer of one version in HEAD's history, else of all refs.

    Another branch may have other metrics for it. One process if it has.
    """
    if len({item.model.raw for item in same}) > 1:
        commits = {item.change.commit for item in same}
        away = not_in_history(project.repository, commits, project.reader.resolve("HEAD"))
        same = [item for item in same if item.change.commit not in away] or same
    return same[0].model


def _under_earlier_names(project: Project, reference: Reference) -> tuple[ModelHistory, str]:
    """The version with a number or digest under an earlier name of the model, and that name."""
    whole = whole_history(project, reference.name)
    seen = [item for item in whole.seen if _matches(item.model.pointer.head, reference)]
    if not seen:
        raise _no_version(project, reference, whole)
    # New pointer files use the current name.
    models = [i.model._replace(raw=i.model.pointer.to_text().encode()) for i in seen]
    found = (item._replace(model=model) for item, model in zip(seen, models, strict=True))
    head = read_head(seen[0].model.raw)
    claimed = reference.name if head is None else head.name  # claims use the earlier name
    return whole._replace(seen=tuple(found)), claimed


def _matching(project: Project, reference: Reference) -> ModelHistory:
    return history_of(project, reference.name, only=lambda head: _matches(head, reference))


def _no_version(
    project: Project, reference: Reference, history: ModelHistory
) -> UnknownReferenceError:
    name = reference.name
    names = _known_names(project)
    if not history.seen and name not in names:
        return unknown_model(name, names)
    lack = find_missing_history(project)
    if lack is not None:
        return UnknownReferenceError(
            f"there is no {reference}, {lack.reason}", hint=lack.command, model=name
        )
    numbers = ", ".join(f"{name}@{number}" for number in sorted(history.numbers())[-5:])
    return UnknownReferenceError(
        f"there is no {reference}",
        hint=f"there are {numbers}" if numbers else f"gitmodel log {name}",
        model=name,
    )


def _matches(head: Head, reference: Reference) -> bool:
    if reference.kind == "version":
        return head.version == reference.number
    return head.digest.startswith(reference.value)


def _uncommitted(project: Project, reference: Reference) -> Model | None:
    """A version that exists only in the work tree."""
    if project.repository.work_tree is None:
        return None
    model = read_models(project, name=reference.name).get(reference.name)
    if model is None or not _matches(model.pointer.head, reference):
        return None
    if reference.kind == "version":
        head = model.pointer.head
        seen = claims_seen(project).owners(model.name)
        content_of(project, model.name, head.version, VersionNumbers([head[1:]], seen))
    return model


def _known_words(project: Project, name: str) -> str:
    from gitmodel.project.aliases import aliases_of

    return ", ".join(str(file.alias) for file in aliases_of(project, name).files)


def by_alias(project: Project, reference: Reference) -> Model | None:
    """The pointer that an alias names, None if the model has no such alias."""
    file = file_of_alias(project, reference)
    return None if file is None else version_of_alias(project, file.alias)


def file_of_alias(project: Project, reference: Reference) -> AliasFile | None:
    """The file of the alias that a reference names, None if the model has no such alias."""
    if reference.kind != "word":
        return None
    try:
        word = check_alias(reference.value)
    except ModelNameError:
        return None  # a branch such as release/1.0
    from gitmodel.project.aliases import find_alias

    return find_alias(project, reference.name, word)


def version_of_alias(project: Project, alias: Alias) -> Model:
    """The pointer of the version that an alias means, under the number of the alias.

    A shallow clone may lack that pointer. Then it is made of the alias, without params and run.
    """
    wanted = alias.digest.hex
    history = history_of(project, alias.name, only=lambda head: head.digest == wanted)
    same = [item.model for item in history.entries_of(alias.digest)]
    for model in same:
        if model.pointer.version == alias.version:
            return model
    if same:  # the content was renumbered after the promotion; `verify` reports it
        pointer = replace(same[0].pointer, version=alias.version)
        return Model(same[0].path, pointer, pointer.to_text().encode())
    _refuse_unknown_version(project, alias)
    current = _latest(project, alias.name)
    bare = known_by_alias(alias, current.pointer.path)
    return Model(current.path, bare, bare.to_text().encode())


def _refuse_unknown_version(project: Project, alias: Alias) -> None:
    """Refuse weights that no pointer of the model ever named, in a clone that has all pointers.

    Somebody wrote the alias by hand and pushed it without the hooks: its digest may be that of another model.
    """
    if project.repository.is_partial_clone() or find_missing_history(project) is not None:
        return
    if whole_history(project, alias.name).knows(alias.digest):
        return
    if _latest(project, alias.name).pointer.digest == alias.digest:  # not committed yet
        return
    raise UnknownReferenceError(
        f"{alias} means version {alias.version} ({alias.digest.short}), and no commit has such a version",
        hint=f"gitmodel promote {alias.name}@VERSION {alias.alias}",
        model=alias.name,
    )


def known_by_alias(version: Alias | Pointer, path: str) -> Pointer:
    """A pointer with what an alias has of a version, and with weights at `path`."""
    return Pointer(
        name=version.name,
        version=version.version,
        digest=version.digest,
        size=version.size,
        chunks=version.chunks,
        metrics=version.metrics,
        path=path,
    )
