"""The error for a version whose weights neither the remote nor this clone has."""

from __future__ import annotations

import os
import shlex
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import weights_path
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gitmodel.cache.reader import DamagedPackError
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore


class MissingWeights(NamedTuple):
    """The weights of a version that neither the remote nor this clone has."""

    item: Outgoing
    is_nowhere: bool  # neither the remote nor this clone has any of its packs
    fault: DamagedObjectError | None  # why the remote's manifest is not valid
    faults: Mapping[str, str]  # missing or damaged packs: name -> problem on the remote


class MissingWeightsErrors:
    """Composes the errors: what is missing, and who may have it."""

    def __init__(self, project: Project, store: ObjectStore, *, remote: str) -> None:
        self._project = project
        self._store = store
        self._remote = remote

    def refusal(self, lack: MissingWeights) -> GitmodelError:
        """The error for one version."""
        item, pointer = lack.item, lack.item.pointer
        version = f"version {pointer.version} ({pointer.digest.short})"
        url = self._store.url
        hint = self._way(item)
        if lack.fault is not None:
            return DamagedObjectError(
                f"{lack.fault.message}, and this clone does not have the weights of version "
                f"{pointer.version} to repair it",
                hint=hint,
                model=pointer.name,
            )
        if lack.is_nowhere:
            typed = self._project.typed(weights_path(item.path, pointer))
            return ObjectMissingError(
                f"the weights of {version} are neither in the cache nor on {url}, so {item.path} "
                "was not pushed",
                hint=f"gitmodel add {typed}, where the weights are; or {hint}",
                model=pointer.name,
            )
        if not lack.faults:
            return DamagedObjectError(
                f"the manifest of {version} on {url} lists other chunks than the pointer, and this "
                "clone does not have the weights",
                hint=hint,
                model=pointer.name,
            )
        return ObjectMissingError(
            f"{version} needs {_packs(lack.faults, url)}, and this clone does not have "
            f"{'it' if len(lack.faults) == 1 else 'them'}{self._also_needed(lack)}",
            hint=hint,
            model=pointer.name,
        )

    def _way(self, item: Outgoing) -> str:
        """The hint: whose clone can push the version, and another remote that may have it."""
        from gitmodel.store.claims import read_claim

        claim = None
        if self._remote == PRIMARY:
            name, version = item.pointer.name, item.pointer.version
            try:
                claim = read_claim(self._store, self._project.config.project, name, version)
            except GitmodelError:
                claim = None
        who = "a clone that has the weights"
        if claim is not None and claim.digest == item.pointer.digest and claim.by:
            who += f", such as that of {claim.by}"
        way = f"gitmodel push, in {who}"
        return way if self.copy is None else f"{way}; or, from another remote: {self.copy}"

    @cached_property
    def copy(self) -> str | None:
        """The command that copies versions from another remote that may have them, None without one."""
        from gitmodel.project.copying.endpoints import earlier_primaries

        if self._remote != PRIMARY:
            return f"gitmodel remote copy --to {self._remote}"
        present = self._project.committed_remote().fingerprint
        for earlier in earlier_primaries(self._project):
            unused = earlier.url == self._project.default_folder() and not os.path.isdir(
                earlier.url
            )
            if earlier.fingerprint != present and not unused:
                return f"gitmodel remote copy --from {shlex.quote(earlier.url)} --to {PRIMARY}"
        return None

    def _also_needed(self, lack: MissingWeights) -> str:
        """Other versions of the model that need these packs, according to cached manifests."""
        from gitmodel.project.history.model_history import history_of

        found = []
        for seen in history_of(self._project, lack.item.pointer.name).seen:
            pointer = seen.model.pointer
            manifest = self._project.cache.manifest(pointer.digest)
            needs = manifest is not None and not set(lack.faults).isdisjoint(manifest.packs)
            if needs and pointer.digest != lack.item.pointer.digest:
                found.append(f"{pointer.name}@{pointer.version}")
        return f"; also needed by {', '.join(dict.fromkeys(found))}" if found else ""


def damaged_pack_error(project: Project, error: DamagedPackError, item: Outgoing) -> GitmodelError:
    """The error for a damaged pack in the cache that the push needs."""
    typed = project.typed(weights_path(item.path, item.pointer))
    error.hint = f"gitmodel add {typed}, which stores the weights again"
    return error.about(item.pointer.name)


def _packs(faults: Mapping[str, str], url: str) -> str:
    first, fault = next(iter(faults.items()))
    more = _more(faults)
    return f"pack {first[:12]}, which {fault or 'is about to be deleted'} on {url}{more}"


def _more(faults: Collection[str]) -> str:
    others = len(faults) - 1
    return "" if not others else f", and {others} more pack{'s' if others > 1 else ''} like it"
