"""Fetch the weights of versions into the cache.

Each manifest and each pack comes from the primary remote, or from a mirror if that fails. All missing packs
form one plan, and a pack in the cache is never fetched again. The plan runs in the background, so a checkout
decodes packs while others are still being downloaded.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gitmodel.cache.reader import DamagedPackError, WrongChunksError
from gitmodel.cache.transfer import PackDownload, fetch_packs, plan_fetch
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteError,
    StoreError,
    UnsafePathError,
)
from gitmodel.files.safe_open import require_space
from gitmodel.project.models import Model, Models, read_models
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.cache.chunk_reader import PackReader
    from gitmodel.cache.transfer import Plan
    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.project import Project
    from gitmodel.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """The result of checking out one model."""

    name: str
    version: int
    path: str
    size: int
    changed: bool


@dataclass(slots=True)
class CheckoutReport:
    """The result of a fetch or checkout."""

    placed: list[CheckedOut] = field(default_factory=list)  # in order; empty for `fetch`
    fetched_packs: int = 0  # number of packs
    fetched_bytes: int = 0


def chosen_models(
    project: Project, references: Sequence[str], *, present: Models | None = None
) -> list[Model]:
    """The models of these references, or all models of the work tree; in a bare repository, all of HEAD.

    `present` are the models of the work tree, if they have been read. Raises GitmodelError if a pointer
    does not parse, or a reference matches nothing.
    """
    if references or project.repository.work_tree is None:
        from gitmodel.domain.reference import Reference
        from gitmodel.project.references import models_at, resolve

        if not references:
            return models_at(project, "HEAD")
        return [resolve(project, Reference.parse(text)) for text in references]
    models = read_models(project) if present is None else present
    if models.broken:
        raise models.broken[0][1]
    for name in models.names():
        models.require(name)
    return list(models.models)


def fetch_models(
    project: Project, models: Sequence[Model], report: CheckoutReport, remote: str | None
) -> None:
    """Fetch these models into the cache; raises as `FetchSession` does."""
    with FetchSession(project, models, report, remote) as fetching:
        fetching.wait()


class FetchSession:
    """Fetches models into the cache in the background; a context manager. `manifests` has all, by digest.

    From `remote`, or the primary, then the mirrors; the report counts packs. Raises ObjectMissingError if
    no remote has a version (nothing is fetched), DamagedObjectError if its manifest is damaged on every
    remote, RemoteError if no remote can be used.
    """

    def __init__(
        self, project: Project, models: Sequence[Model], report: CheckoutReport, remote: str | None
    ) -> None:
        self._project = project
        self.manifests: dict[Digest, Manifest] = {}
        self._arriving: PackDownload | None = None
        wanted: dict[Digest, Model] = {}
        for model in models:
            manifest = project.cache.manifest(model.pointer.digest)
            if manifest is not None and not project.cache.missing_packs(manifest):
                self.manifests[manifest.digest] = manifest
            else:
                wanted.setdefault(model.pointer.digest, model)
        remotes = Remotes(project, [remote] if remote is not None else project.remote_names())
        self._new = remotes.manifests(list(wanted.values()))
        found = [manifest for manifest, _ in self._new]
        self.manifests.update({manifest.digest: manifest for manifest in found})
        plan = plan_fetch(project.cache, found)
        report.fetched_packs += len(plan.packs)
        report.fetched_bytes += plan.total_bytes
        if plan.packs:
            require_space(project.cache_folder, plan.total_bytes)
            progress = project.context.progress
            progress.start("fetching", plan.total_bytes)
            self._arriving = PackDownload(remotes.pack, project.cache, plan, progress=progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._arriving is not None:
            self._arriving.__exit__(kind)
            self._project.context.progress.finish()

    @property
    def packs(self) -> PackReader:
        """Reads parts of packs as they arrive."""
        return self._project.cache if self._arriving is None else self._arriving

    @property
    def is_under_way(self) -> bool:
        """Whether packs are being downloaded."""
        return self._arriving is not None

    def wait(self) -> None:
        """Wait for all packs to be cached, then write the manifests; idempotent. Raises as `Remotes.pack`."""
        if self._arriving is not None:
            self._arriving.wait()
        while self._new:
            manifest, remote = self._new[-1]
            self._project.cache.write_manifest(manifest)
            self._project.ledger(remote).note_whole([manifest.digest])
            self._new.pop()


class Remotes:
    """Reads objects from the first of several remotes that has them."""

    def __init__(self, project: Project, names: Sequence[str]) -> None:
        self._project = project
        self._names = list(names)
        self._lock = threading.Lock()

    def manifests(self, wanted: list[Model]) -> list[tuple[Manifest, str]]:
        """The manifests of these models, in order, each with its remote; raises as `pack`.

        A manifest that lists the pointer's chunks is preferred.
        """
        found: dict[Digest, tuple[Manifest, str]] = {}
        doubtful: dict[Digest, tuple[Manifest, str]] = {}
        errors: dict[Digest, GitmodelError] = {}
        order = {model.pointer.digest: model for model in wanted}
        for name in list(self._names):
            remaining = [model for digest, model in order.items() if digest not in found]
            if not remaining:
                break

            def read_manifest(model: Model, name: str = name) -> None:
                digest = model.pointer.digest
                try:
                    manifest = self._store(name).manifest(digest)
                    if manifest is None:
                        raise _not_there(self._project, model, name)
                    check_size(model, manifest)
                except (RemoteError, StoreError, UnsafePathError) as error:
                    errors.setdefault(digest, error.about(model.name))
                    if isinstance(error, RemoteError):
                        self._avoid(name)
                else:
                    stated = model.pointer.chunks
                    fits = stated is None or stated == manifest.chunk_list()
                    (found if fits else doubtful).setdefault(digest, (manifest, name))

            for_each(read_manifest, remaining)
        found = doubtful | found
        for digest in order:
            if digest not in found:
                raise errors[digest]
        return [found[digest] for digest in order]

    def pack(self, pack: str, size: int) -> bytes:
        """A pack, from the first remote that has it; thread-safe.

        Raises the first remote's ObjectMissingError, DamagedObjectError or RemoteError if no remote has
        it.
        """
        errors: list[GitmodelError] = []
        for name in list(self._names):
            try:
                return self._store(name).pack(pack, size)
            except (RemoteError, ObjectMissingError, DamagedObjectError) as error:
                errors.append(error)
                if isinstance(error, RemoteError):
                    self._avoid(name)
        raise errors[0]

    def _store(self, name: str) -> ObjectStore:
        with self._lock:
            return self._project.store(name)

    def _avoid(self, name: str) -> None:
        """Move a failing remote to the end, because its next request would take as long."""
        with self._lock:
            self._names.remove(name)
            self._names.append(name)


def check_size(model: Model, manifest: Manifest) -> None:
    """Refuse a manifest whose size differs from the pointer's, before anything is decoded."""
    if model.pointer.size and manifest.total_size != model.pointer.size:
        raise DamagedObjectError(
            f"the manifest lists {manifest.total_size:,} bytes, but the pointer states "
            f"{model.pointer.size:,}",
            hint="gitmodel push, in a clone that has the weights, which reports the wrong one",
            model=model.name,
        )


def fetch_again(project: Project, pack: str, size: int, remote: str | None) -> None:
    """Fetch a pack that is damaged in the cache again; from where, and errors, as `Remotes.pack`."""
    remotes = Remotes(project, [remote] if remote is not None else project.remote_names())
    project.cache.write_pack(pack, remotes.pack(pack, size))


def refetch_damaged_pack(
    project: Project, model: str, manifest: Manifest, error: DamagedPackError, remote: str | None
) -> None:
    """Replace a damaged pack of the cache with the remote's; raises as `Remotes.pack`.

    Raises WrongChunksError if the pack matches its name, so the manifest is wrong.
    """
    size = dict(manifest.sized_packs)[error.pack]
    if project.cache.has_sound_pack(error.pack, size):
        raise WrongChunksError(
            f"pack {error.pack[:12]} is intact, but does not have that chunk at that offset"
        )
    project.context.note(f"{model}: {error.message}; fetching it again")
    project.cache.set_aside(error.pack)
    fetch_again(project, error.pack, size, remote)


def run_plan(project: Project, remote: str, plan: Plan) -> None:
    """Fetch the packs of a plan from one remote into the cache."""
    if not plan.packs:
        return
    require_space(project.cache_folder, plan.total_bytes)
    progress = project.context.progress
    progress.start("fetching", plan.total_bytes)
    try:
        fetch_packs(project.store(remote), project.cache, plan, progress=progress)
    finally:
        progress.finish()


def _not_there(project: Project, model: Model, remote: str) -> ObjectMissingError:
    from gitmodel.project.copying.endpoints import copy_hint

    url = project.committed_remote(remote).url
    return ObjectMissingError(
        f"the weights of version {model.pointer.version} ({model.pointer.digest.short}) are neither "
        f"in the cache nor on {url}",
        hint=f"{copy_hint(project)}gitmodel push, in a clone that has the weights",
        model=model.name,
    )
