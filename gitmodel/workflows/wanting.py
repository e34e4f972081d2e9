"""What a remote lacks of a version, who needs it, and who can bring it: the words of a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import weights_path
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError
from gitmodel.workflows.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.reader import DamagedPackError
    from gitmodel.workflows.outgoing import Outgoing
    from gitmodel.workflows.project import Project


@dataclass(frozen=True, slots=True)
class Lack:
    """What a remote lacks of a version, and this clone too.

    Attributes:
        item: The version.
        has_manifest: The remote has a manifest of it.
        fault: Why what it has is none.
        faults: What is wrong with which packs (by name) on the remote that this clone does not have.
    """

    item: Outgoing
    has_manifest: bool
    fault: DamagedObjectError | None
    faults: Mapping[str, str]


def nowhere(project: Project, store: ObjectStore, lack: Lack) -> GitmodelError:
    """Why a version cannot be made whole on a remote from here."""
    item, fault, faults = lack.item, lack.fault, lack.faults
    pointer = item.pointer
    hint = f"gitmodel push, in {_clone_with(project, store, item)}"
    if fault is not None:
        return DamagedObjectError(
            f"{fault.message}, and this clone does not have the weights of version {pointer.version} "
            "to put it right",
            hint=hint,
            model=pointer.name,
        )
    if not lack.has_manifest:
        from gitmodel.workflows.remote_ends import copy_hint

        return ObjectMissingError(
            f"the weights of version {pointer.version} ({pointer.digest.short}) are neither in the "
            f"cache nor on {store.url}, so {item.path} may not be pushed",
            hint=f"{copy_hint(project)}gitmodel add {project.typed(weights_path(item.path, pointer))}, where the weights "
            f"are; or {hint}",
            model=pointer.name,
        )
    if not faults:
        return DamagedObjectError(
            f"the manifest of version {pointer.version} ({pointer.digest.short}) on {store.url} lists "
            "other chunks than these weights have, and this clone does not have the weights",
            hint=hint,
            model=pointer.name,
        )
    first, fault_of_first = next(iter(faults.items()))
    more = f", and {len(faults) - 1} more packs" if len(faults) > 1 else ""
    return ObjectMissingError(
        f"version {pointer.version} ({pointer.digest.short}) relies on pack {first[:12]}, which "
        f"{fault_of_first or 'is about to be deleted'} on {store.url}{more}, and this clone does not "
        f"have it{_also_needed(project, item, faults)}",
        hint=hint,
        model=pointer.name,
    )


def damaged_here(project: Project, error: DamagedPackError, item: Outgoing) -> GitmodelError:
    """A damaged pack of the cache, which the push needs."""
    typed = project.typed(weights_path(item.path, item.pointer))
    error.hint = f"gitmodel add {typed}, which stores the weights again"
    return error.about(item.pointer.name)


def _also_needed(project: Project, item: Outgoing, packs: Collection[str]) -> str:
    """Other versions of the model that need these packs, as far as the cache knows."""
    from gitmodel.workflows.model_history import history_of

    found = []
    for seen in history_of(project, item.pointer.name).seen:
        pointer = seen.model.pointer
        manifest = project.cache.manifest(pointer.digest)
        needs = manifest is not None and not set(packs).isdisjoint(manifest.packs)
        if needs and pointer.digest != item.pointer.digest:
            found.append(f"{pointer.name}@{pointer.version}")
    return f"; needed by {', '.join(dict.fromkeys(found))} too" if found else ""


def _clone_with(project: Project, store: ObjectStore, item: Outgoing) -> str:
    """Whose clone has the weights, as far as the claim says it."""
    from gitmodel.store.claims import read_claim

    claim = None
    if store is project.store(PRIMARY):
        try:
            claim = read_claim(
                store, project.config.project, item.pointer.name, item.pointer.version
            )
        except GitmodelError:
            claim = None
    if claim is None or claim.digest != item.pointer.digest or not claim.by:
        return "the clone that has them"
    return f"the clone that has them, such as that of {claim.by}"
