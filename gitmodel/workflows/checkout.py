"""`gitmodel checkout`: check out the verified weights of versions into the work tree or another folder.

Missing packs are decoded while they arrive, but no weights are replaced before all are complete. Unregistered weights
are never overwritten without `force`.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, RepositoryError, UnsavedWeightsError, UsageError
from gitmodel.project.deprecated_versions import check_deprecated
from gitmodel.project.fetching.materialize import Materializer, checkout_elsewhere, place_each
from gitmodel.project.fetching.session import CheckoutReport, FetchSession, chosen_models
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.models import Model, damaged_weights, read_models, read_pointer_file
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.project.models import Models
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


def checkout(
    project: Project,
    references: Sequence[str] = (),
    *,
    out: str | None = None,
    force: bool = False,
    remote: str | None = None,
    ask: bool = True,
) -> CheckoutReport:
    """Check out weights into the work tree, or into another folder `out`, as typed.

    No references mean every pointer of the work tree. `NAME@REF` also checks out the pointer of that
    version. `force` overwrites unregistered weights. With `ask` a remote may be asked if it has the
    weights that would be overwritten; hooks ask none.

    Raises UnsavedWeightsError if unregistered weights would be overwritten, ObjectMissingError,
    DamagedObjectError or RemoteError if weights cannot be fetched; then nothing was changed.
    """
    if out is not None:
        models = chosen_models(project, references)
        check_deprecated(project, models, "gitmodel checkout")
        _refuse_two_versions(models)
        return checkout_elsewhere(project, models, out, force=force, remote=remote)
    present = read_models(project)
    models = chosen_models(project, references, present=present)
    if ask:
        check_deprecated(project, models, "gitmodel checkout")
    _refuse_two_versions(models)
    models = [_in_work_tree(present, model) for model in models]
    _refuse_left_out(project, models)
    for model in models:
        _refuse_foreign_place(present, model)
        _refuse_unsaved(project, model, force=force, ask=ask)
        _refuse_unsaved_pointer(project, present, model, force=force)
    report = CheckoutReport()
    with FetchSession(project, models, report, remote) as fetching:
        placer = Materializer(project, fetching, force=force, remote=remote)
        _note_what_is_missing(project, models)
        place_each(placer.place, models, report)
        fetching.wait()  # also packs that no checkout needed to read
    # Stage existing pointers too: an earlier run may have been killed after it wrote them.
    chosen = [m.path for m, text in zip(models, references, strict=False) if "@" in text]
    project.index.stage(chosen)
    note_seen(project)
    return report


def _note_what_is_missing(project: Project, models: list[Model]) -> None:
    """Say so if a pointer was made of an alias, because this clone lacks the version's own pointer."""
    from gitmodel.project.history.missing_history import find_missing_history
    from gitmodel.project.references import known_by_alias

    for model in models:
        pointer = model.pointer
        if (
            pointer == known_by_alias(pointer, pointer.path)
            and (lack := find_missing_history(project)) is not None
        ):
            project.context.note(
                f"{model.name}: version {pointer.version} is older than this clone's history, so its "
                f"params and run are missing; to fetch them: {lack.command}"
            )


def _refuse_left_out(project: Project, models: list[Model]) -> None:
    """Refuse to write files into folders that the sparse checkout excludes."""
    missing = [m.path for m in models if read_pointer_file(project.root, m.path) is None]
    left_out = project.index.excluded_by_sparse_checkout(missing)
    for model in models:
        if model.path in left_out:
            folder = shlex.quote(model.path.rpartition("/")[0] or model.path)
            raise RepositoryError(
                f"{model.path} is not part of this sparse checkout",
                hint=f"git sparse-checkout add {folder}, "
                f"or gitmodel checkout {model.name} --out DIR",
                model=model.name,
            )


def _refuse_two_versions(models: list[Model]) -> None:
    seen: dict[str, Model] = {}
    for model in models:
        other = seen.setdefault(model.name, model)
        if other.pointer.digest != model.pointer.digest:
            raise UsageError(
                f"{model.name} can have one version at a time, not {other.pointer.version} and "
                f"{model.pointer.version}",
                hint="gitmodel checkout NAME@VERSION --out DIR, for one of them",
            )


def _refuse_foreign_place(present: Models, model: Model) -> None:
    """Refuse to check out an old version at a path that now belongs to another model."""
    owner = present.at(model.weights)
    if owner is not None and owner.name != model.name:
        raise UsageError(
            f"{model.weights} is now the path of the model {owner.name}",
            hint=f"gitmodel checkout {model.name}@{model.pointer.version} --out DIR",
            model=model.name,
        )


def _in_work_tree(present: Models, model: Model) -> Model:
    """The model at the current path of its pointer, if it was moved since that version.

    A version in another format keeps the name of its file.
    """
    current = present.get(model.name)
    if current is None or current.path == model.path:
        return model
    path = current.pointer.path
    if os.path.splitext(path)[1].lower() != os.path.splitext(model.pointer.path)[1].lower():
        path = model.pointer.path
    pointer = replace(model.pointer, path=path)
    return Model(current.path, pointer, pointer.to_text().encode())


def _refuse_unsaved(project: Project, model: Model, *, force: bool, ask: bool) -> None:
    """Make sure that what would be overwritten can be had again."""
    weights = project.worktree.hash_weights(model.name, model.weights)
    if force or weights.kind is EntryKind.MISSING or weights.digest == model.pointer.digest:
        return
    if weights.damaged:
        raise damaged_weights(project, model.name, model.weights)
    if weights.digest is not None and _is_saved(project, model.name, weights.digest, ask=ask):
        return
    if weights.digest is not None and _is_half_way(project, model, weights):
        return
    if weights.kind is EntryKind.LINK:
        raise UnsavedWeightsError(
            f"{model.weights} is a symbolic link that was not followed here, so what it leads to was "
            "not read",
            hint=f"register that: gitmodel add --follow {project.typed(model.weights)}; "
            f"or replace the link: gitmodel checkout --force {model.name}",
            model=model.name,
        )
    raise UnsavedWeightsError(
        f"{model.weights} has changes that are stored nowhere else",
        hint=f"keep them: gitmodel add {project.typed(model.weights)}; "
        f"or overwrite them: gitmodel checkout --force {model.name}",
        model=model.name,
    )


def _refuse_unsaved_pointer(
    project: Project, present: Models, model: Model, *, force: bool
) -> None:
    """Make sure that the pointer to be overwritten is in some commit, wherever it lay then.

    The weights of a version that was never committed may be in the cache, but nothing else names
    them, nor says how good they are.
    """
    current = present.get(model.name)
    if force or current is None or current.raw == model.raw:
        return
    from gitmodel.project.history.model_history import history_of
    from gitmodel.project.references import known_by_alias

    pointer = current.pointer
    bare = known_by_alias(pointer, pointer.path)  # all there is in a clone of depth 1
    committed = [item.model.pointer for item in history_of(project, model.name).seen]
    saved = {replace(old, path=pointer.path).body() for old in [bare, *committed]}
    if pointer.body() not in saved:
        raise UnsavedWeightsError(
            f"{current.path} has uncommitted changes",
            hint="keep them: git commit; or overwrite them: "
            f"gitmodel checkout --force {model.name}@{model.pointer.version}",
            model=model.name,
        )


def _is_saved(project: Project, name: str, digest: Digest, *, ask: bool) -> bool:
    """Whether weights can be had again: from the cache, or from the primary remote as it is now.

    What is on disk may be the last good copy. So one place is not believed by sizes that were seen once:
    the packs of the cache are read, unless the remote is known to have the weights too, and where the
    cache lacks them the remote is looked at.
    """
    from gitmodel.project.history.model_history import history_of

    history = history_of(project, name)
    blobs = [item.blob for item in history.entries_of(digest)]
    ledger = project.ledger()
    published = ledger.has_stored(digest) or any(map(ledger.knows, blobs))
    if published and project.cache.holds(digest):
        return True
    if project.cache.holds_sound(digest):
        return True
    return ask and bool(published or blobs) and _is_whole_on_primary(project, digest)


def _is_whole_on_primary(project: Project, digest: Digest) -> bool:
    """Whether the primary remote has a manifest and every pack of it, by their sizes."""
    from gitmodel.store.pack_presence import Presence

    try:
        store = project.store()
        manifest = store.manifest(digest)
        if manifest is None:
            return False
        presence = Presence(store)
        presence.look(manifest.sized_packs)
    except GitmodelError:
        return False
    return all(map(presence.has, manifest.sized_packs))


def _is_half_way(project: Project, model: Model, weights: Weights) -> bool:
    """Whether this is what a checkout leaves that was killed between two files of a folder.

    Each file is then one of `have`, of the version that was being placed, or of the one asked for,
    and the cache has all of them.
    """
    record = project.worktree.records.read(model.weights, name=model.name)
    saved: set[tuple[str, Digest]] = set()
    for digest in (model.pointer.digest, record.have, record.placing):
        manifest = None if digest is None else project.cache.manifest(digest)
        if manifest is not None and not project.cache.missing_packs(manifest):
            saved |= {(entry.path, entry.digest) for entry in manifest.files}
    return all((file.path, file.digest) in saved for file in weights.files)
