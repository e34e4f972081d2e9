"""Which bytes a reference means: resolved through Git alone, never through a claim.

The history of a model is every pointer of that name on any ref: local branches, remote-tracking
branches, tags and HEAD. A name's pointer file is always called after the name's last part, so the
walk is limited to files of that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import ALIASES_SUFFIX, Aliases
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, head_of
from gitmodel.domain.versions import next_version
from gitmodel.errors import UnknownReferenceError
from gitmodel.workflows.clones import fetch_pointers, lack_of
from gitmodel.workflows.committed import find_in_tree, models_in_tree, parsed_or_none
from gitmodel.workflows.models import (
    Model,
    read_models,
    read_pointer_file,
    require_model,
    unknown_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Head
    from gitmodel.domain.reference import Reference
    from gitmodel.git.history import Change
    from gitmodel.git.walked import Snapshot
    from gitmodel.workflows.project import Project

_MOST_BLOBS = 100_000  # more pointers of one name than this are not a model's history


@dataclass(frozen=True, slots=True)
class Seen:
    """One pointer found in history, and the commit that brought it."""

    model: Model
    change: Change
    blob: str


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """Every pointer of one name, newest first."""

    name: str
    seen: tuple[Seen, ...]

    def numbers(self) -> set[int]:
        """All version numbers."""
        return {item.model.pointer.version for item in self.seen}

    def version_of(self, digest: Digest) -> Pointer | None:
        """The pointer of the version that has this content, None if none has.

        A number that names two contents (two branches took it) speaks for neither, unless the
        content has no other.
        """
        owners: dict[int, set[str]] = {}
        for item in self.seen:
            owners.setdefault(item.model.pointer.version, set()).add(item.model.pointer.digest.hex)
        own = [item.model.pointer for item in self.seen if item.model.pointer.digest == digest]
        clean = [pointer for pointer in own if len(owners[pointer.version]) == 1]
        candidates = clean or own
        return min(candidates, key=lambda pointer: pointer.version) if candidates else None

    def with_number(self, number: int) -> list[Model]:
        """The distinct contents that a number names, newest first; more than one is a defect."""
        found: dict[str, Model] = {}
        for item in self.seen:
            if item.model.pointer.version == number:
                found.setdefault(item.model.pointer.digest.hex, item.model)
        return list(found.values())

    def with_prefix(self, prefix: str) -> list[Model]:
        """The distinct contents whose digest begins so, newest first."""
        found: dict[str, Model] = {}
        for item in self.seen:
            if item.model.pointer.digest.hex.startswith(prefix):
                found.setdefault(item.model.pointer.digest.hex, item.model)
        return list(found.values())


def history_of(
    project: Project,
    name: str,
    snapshot: Snapshot | None = None,
    *,
    only: Callable[[Head], bool] | None = None,
) -> ModelHistory:
    """Every pointer of a name in the history of all refs. Two or three git processes.

    Args:
        project: The project.
        name: Of the model.
        snapshot: What all refs reached a moment ago, for who asks for many names.
        only: Which pointers are asked for. The others may be left out, so that a model of 10,000
            versions need not be parsed to find one.
    """
    asked = project.walked if snapshot is None else snapshot
    changes = asked.named(name.rpartition("/")[2] + POINTER_SUFFIX)

    def wanted(head: Head) -> bool:
        return head.name == name and (only is None or only(head))

    seen = _seen(project, changes, wanted)
    return ModelHistory(name, tuple(item for item in seen if item.model.name == name))


def _seen(
    project: Project, changes: Iterable[Change], wanted: Callable[[Head], bool]
) -> list[Seen]:
    listed = [change for change in changes if change.oid is not None][:_MOST_BLOBS]
    blobs = project.reader.blobs(list(dict.fromkeys(c.oid for c in listed if c.oid is not None)))
    parsed: dict[str, Pointer | None] = {}
    found = []
    for change in listed:
        if change.oid is None or change.oid not in blobs:
            continue
        raw = blobs[change.oid]
        if change.oid not in parsed:
            head = head_of(raw)
            skip = head is not None and not wanted(head)
            parsed[change.oid] = None if skip else parsed_or_none(raw, change.path)
        pointer = parsed[change.oid]
        if pointer is not None:
            found.append(Seen(Model(change.path, pointer, raw), change, change.oid))
    return found


def next_number(project: Project, history: ModelHistory) -> int:
    """1 + the greatest number in history and among the claims last seen."""
    from gitmodel.store.claims import ClaimsSeen

    claimed = ClaimsSeen(project.cache_folder, project.config.project).greatest(history.name)
    return next_version([*history.numbers(), claimed])


def resolve(project: Project, reference: Reference) -> Model:
    """The pointer that a reference means.

    Raises:
        UnknownReferenceError: There is none such, or several; the hint says what there is.
    """
    match reference.kind:
        case "latest":
            return _latest(project, reference.name)
        case "version":
            return _only(project, reference)
        case "digest":
            return _only(project, reference)
        case "git":
            return _at_revision(project, reference.name, reference.value)
        case "word":
            return by_alias(project, reference) or _at_word(project, reference)


def _latest(project: Project, name: str) -> Model:
    """The pointer of the work tree, else of HEAD."""
    if project.repository.work_tree is not None:
        models = read_models(project, name=name)
        here = models.get(name) is not None or models.breaks(name)
        if here or not _in_head(project, name):  # a conflicted pointer is no missing one
            return require_model(project, name)
    return _at_revision(project, name, "HEAD")


def _in_head(project: Project, name: str) -> bool:
    head = project.reader.resolve("HEAD")
    return head is not None and find_in_tree(project, head, name) is not None


def _at_word(project: Project, reference: Reference) -> Model:
    """The pointer at a revision that was not said to be one."""
    name, word = reference.name, reference.value
    if project.reader.resolve(word) is not None:
        return _at_revision(project, name, word)
    names = _known_names(project)
    if name not in names and not history_of(project, name).seen:
        raise unknown_model(name, names)
    known = _known_words(project, name)
    raise UnknownReferenceError(
        f"there is no alias {word!r}, and Git knows no such revision",
        hint=f"there are {known}" if known else f"gitmodel log {name}",
        model=name,
    )


def _known_names(project: Project) -> list[str]:
    """The models of the work tree, of HEAD where there is none."""
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
    """All models of a revision's tree that parse.

    Raises:
        UnknownReferenceError: Git knows no such revision.
    """
    commit = project.reader.resolve(revision)
    if commit is None:
        raise UnknownReferenceError(f"Git knows no revision {revision!r}", hint="git log")
    return models_in_tree(project, commit)


def _matching(project: Project, reference: Reference) -> list[Model]:
    history = history_of(project, reference.name, only=lambda head: _matches(head, reference))
    if reference.kind == "version":
        return history.with_number(reference.number)
    return history.with_prefix(reference.value)


def _only(project: Project, reference: Reference) -> Model:
    found = _matching(project, reference)
    if not found and project.repository.is_partial_clone():
        fetch_pointers(project, reference.name)
        found = _matching(project, reference)
    if not found:
        uncommitted = _uncommitted(project, reference)
        if uncommitted is not None:
            return uncommitted
        raise _no_version(project, reference, history_of(project, reference.name))
    if len(found) > 1:
        several = ", ".join(model.pointer.digest.short for model in found)
        first = f"{reference.name}@blake3:{found[0].pointer.digest.short}"
        raise UnknownReferenceError(
            f"{reference} names several contents: {several}",
            hint=f"ask by digest: gitmodel show {first}",
            model=reference.name,
        )
    return found[0]


def _no_version(
    project: Project, reference: Reference, history: ModelHistory
) -> UnknownReferenceError:
    """The error for a version that is not in history."""
    name = reference.name
    names = _known_names(project)
    if not history.seen and name not in names:
        return unknown_model(name, names)
    lack = lack_of(project)
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
    """A version that is only in the work tree so far."""
    if project.repository.work_tree is None:
        return None
    model = read_models(project, name=reference.name).get(reference.name)
    return model if model is not None and _matches(model.pointer.head, reference) else None


def _aliases(project: Project, name: str) -> Aliases | None:
    """The aliases beside a model's pointer in the work tree, else at HEAD."""
    stem = name.rpartition("/")[2]
    if project.repository.work_tree is not None:
        model = read_models(project, name=name).get(name)
        if model is not None:
            folder = model.path.rpartition("/")[0]
            path = f"{folder}/{stem}{ALIASES_SUFFIX}" if folder else f"{stem}{ALIASES_SUFFIX}"
            raw = read_pointer_file(project.root, path)
            return None if raw is None else Aliases.from_text(raw, what=path)
    head = project.reader.resolve("HEAD")
    found = None if head is None else find_in_tree(project, head, name)
    if head is None or found is None:
        return None
    folder = found.path.rpartition("/")[0]
    path = f"{folder}/{stem}{ALIASES_SUFFIX}" if folder else f"{stem}{ALIASES_SUFFIX}"
    for entry in project.reader.tree(head, ALIASES_SUFFIX):
        if entry.path == path:
            raw = project.reader.blobs([entry.oid]).get(entry.oid)
            return None if raw is None else Aliases.from_text(raw, what=path)
    return None


def _known_words(project: Project, name: str) -> str:
    aliases = _aliases(project, name)
    return ", ".join(f"{name}@{word}" for word in aliases.aliases) if aliases else ""


def by_alias(project: Project, reference: Reference) -> Model | None:
    """The pointer that an alias means, None if the model has no alias of that name."""
    aliases = _aliases(project, reference.name)
    alias = None if aliases is None else aliases.aliases.get(reference.value)
    if alias is None:
        return None
    wanted = alias.digest.hex
    history = history_of(project, reference.name, only=lambda head: head.digest == wanted)
    same = [item.model for item in history.seen if item.model.pointer.digest == alias.digest]
    if same:  # content that was renumbered has several
        return next((m for m in same if m.pointer.version == alias.version), same[0])
    # A clone of depth 1 lacks the old pointer; the alias has version and digest by itself. The size
    # is not known before there is a manifest: `checkout` fills it in.
    current = _latest(project, reference.name)
    bare = Pointer(
        name=reference.name,
        version=alias.version,
        digest=alias.digest,
        size=0,
        path=current.pointer.path,
    )
    return Model(current.path, bare, bare.to_text().encode())
