"""`gitmodel checkout` and `pull`: weights of the versions asked for, verified, in their places.

What is missing is decoded as it arrives, but nothing takes its place before everything is there.
Weights that are in no store are never overwritten without `force`.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.domain.progress import Silent
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    RepositoryError,
    UnsavedWeightsError,
    UsageError,
)
from gitmodel.store.handles import require_space
from gitmodel.store.listing import Kind
from gitmodel.store.placing import place
from gitmodel.store.reader import DamagedPackError, Reader
from gitmodel.store.worktree import WorkTree
from gitmodel.workflows.fetch import (
    CheckoutReport,
    Fetching,
    Placed,
    chosen_models,
    fetch_again,
)
from gitmodel.workflows.models import Model, read_models, read_pointer_file, write_text_file
from gitmodel.workflows.references import history_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest import FileEntry
    from gitmodel.store.worktree import Weights
    from gitmodel.workflows.project import Project


def checkout(
    project: Project,
    references: Sequence[str] = (),
    *,
    out: str | None = None,
    force: bool = False,
    remote: str | None = None,
) -> CheckoutReport:
    """Bring weights to their places in the work tree, or into another folder.

    Args:
        project: The project.
        references: What; every pointer of the work tree if empty. `NAME@REF` also brings the
            pointer of that version.
        out: Another folder, as typed; the work tree is not touched then.
        force: Overwrite weights that are in no store.
        remote: From which remote.

    Raises:
        UnsavedWeightsError: Weights that are in no store would be overwritten; nothing was.
        ObjectMissingError, DamagedObjectError, RemoteError: They cannot be had; nothing was placed.
    """
    report = CheckoutReport()
    models = chosen_models(project, references)
    _refuse_two_versions(models)
    if out is None:
        models = [_in_work_tree(project, model) for model in models]
        _refuse_left_out(project, models)
        for model in models:
            _refuse_foreign_place(project, model)
            _refuse_unsaved(project, model, force=force)
            _refuse_unsaved_pointer(project, model, force=force)
    else:
        _refuse_one_place_for_two(models, out)
    with Fetching(project, models, report, remote) as fetching, Reader(fetching.packs) as reader:
        placer = _Placer(project, fetching, reader, force=force, remote=remote)
        for model in [placer.with_size(model) for model in models]:
            try:
                placed = placer.place(model) if out is None else placer.place_elsewhere(model, out)
            except GitmodelError as error:
                raise error.about(model.name) from error
            report.placed.append(placed)
        fetching.wait()  # also what nobody had to read, because the weights are in place
    if out is None:
        # Also where the pointer was written already: by a run that was killed before it staged it.
        chosen = [m.path for m, text in zip(models, references, strict=False) if "@" in text]
        project.index.stage(chosen)
    return report


def _refuse_left_out(project: Project, models: list[Model]) -> None:
    """Refuse to bring files into folders that the person has left out of the work tree."""
    missing = [m.path for m in models if read_pointer_file(project.root, m.path) is None]
    left_out = project.index.left_out(missing)
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
                hint="gitmodel checkout NAME@VERSION --out DIR writes elsewhere",
            )


def _refuse_one_place_for_two(models: list[Model], out: str) -> None:
    seen: dict[str, Model] = {}
    for model in models:
        file = model.pointer.path.rpartition("/")[2]
        other = seen.setdefault(file, model)
        if other.name != model.name:
            raise UsageError(
                f"{other.name} and {model.name} would both be written to {os.path.join(out, file)}",
                hint=f"gitmodel checkout {model.name} --out ANOTHER_DIR",
            )


def _refuse_foreign_place(project: Project, model: Model) -> None:
    """Refuse to put an old version where a model of another name lies since `gitmodel mv`."""
    owner = read_models(project).at(model.weights)
    if owner is not None and owner.name != model.name:
        raise UsageError(
            f"{model.weights} is the place of the model {owner.name} now",
            hint=f"gitmodel checkout {model.name}@{model.pointer.version} --out DIR",
            model=model.name,
        )


def _in_work_tree(project: Project, model: Model) -> Model:
    """The model at the place where its pointer lies now, if it was moved since that version."""
    current = read_models(project).get(model.name)
    if current is None or current.path == model.path:
        return model
    pointer = replace(model.pointer, path=current.pointer.path)
    return Model(current.path, pointer, pointer.to_text().encode())


def _refuse_unsaved(project: Project, model: Model, *, force: bool) -> None:
    """Make sure that what would be overwritten can be had again."""
    weights = project.worktree.observe(model.name, model.weights)
    if force or weights.kind is Kind.MISSING or weights.digest == model.pointer.digest:
        return
    if weights.digest is not None and _is_saved(project, model.name, weights):
        return
    if weights.digest is not None and _is_half_way(project, model, weights):
        return
    raise UnsavedWeightsError(
        f"{model.weights} has changes that are in no store",
        hint=f"keep them: gitmodel add {model.weights}; "
        f"or overwrite them: gitmodel checkout --force {model.name}",
        model=model.name,
    )


def _refuse_unsaved_pointer(project: Project, model: Model, *, force: bool) -> None:
    """Make sure that the pointer to be overwritten is in some commit, wherever it lay then.

    The weights of a version that was never committed may be in the cache, but nothing else names
    them, nor says how good they are.
    """
    current = read_models(project).get(model.name)
    if force or current is None or current.raw == model.raw:
        return
    pointer = current.pointer
    bare = Pointer(  # all there is to the pointer of an alias in a clone of depth 1
        name=pointer.name,
        version=pointer.version,
        digest=pointer.digest,
        size=pointer.size,
        path=pointer.path,
    )
    committed = [item.model.pointer for item in history_of(project, model.name).seen]
    saved = {replace(old, path=pointer.path).body() for old in [bare, *committed]}
    if pointer.body() not in saved:
        raise UnsavedWeightsError(
            f"{current.path} has changes that are in no commit",
            hint="keep them: git commit; or overwrite them: "
            f"gitmodel checkout --force {model.name}@{model.pointer.version}",
            model=model.name,
        )


def _is_saved(project: Project, name: str, weights: Weights) -> bool:
    """Whether these weights are a version that the remote has, or whole in the cache.

    Where the cache may be the only other place its packs are read: a size proves nothing, and what
    is on disk now may be the last good copy.
    """
    if weights.digest is None:
        return False
    history = history_of(project, name)
    known = [item for item in history.seen if item.model.pointer.digest == weights.digest]
    ledger = project.ledger()
    if ledger.has_stored(weights.digest) or any(ledger.knows(item.blob) for item in known):
        return True
    if project.cache.holds_sound(weights.digest):
        return True
    if not known:
        return False
    try:
        return project.store().manifest(weights.digest) is not None
    except GitmodelError:
        return False


def _is_half_way(project: Project, model: Model, weights: Weights) -> bool:
    """Whether this is what a checkout leaves that was killed between two files of a folder.

    Each file is then one of `have` or one of the version asked for, and the cache has both.
    """
    wanted = project.cache.manifest(model.pointer.digest)
    if wanted is None or project.cache.missing_packs(wanted):
        return False
    new = {entry.path: entry.digest for entry in wanted.files}
    record = project.worktree.records.read(model.name)
    kept = record.have is not None and project.cache.holds(record.have)
    old = record.have_files if kept else {}
    return all(file.digest in (new.get(file.path), old.get(file.path)) for file in weights.files)


class _Placer:
    """Brings models to their places, one after the other.

    Args:
        project: The project.
        fetching: Has their manifests, and their packs in the cache or on the way.
        reader: Of those packs.
        force: Replace also what is in no store.
        remote: From which remote a damaged pack is fetched again.
    """

    def __init__(
        self,
        project: Project,
        fetching: Fetching,
        reader: Reader,
        *,
        force: bool,
        remote: str | None,
    ) -> None:
        self._project = project
        self._fetching = fetching
        self._reader = reader
        self._force = force
        self._remote = remote

    def with_size(self, model: Model) -> Model:
        """The model of an alias whose own pointer this clone lacks, with what its manifest says."""
        manifest = self._fetching.manifests[model.pointer.digest]
        if model.pointer.size == manifest.total_size:
            return model
        self._project.context.note(
            f"{model.name}: version {model.pointer.version} is older than this clone's history, so "
            "its metrics and other metadata are not known here; git fetch --unshallow brings them"
        )
        pointer = replace(model.pointer, size=manifest.total_size)
        return Model(model.path, pointer, pointer.to_text().encode())

    def place(self, model: Model) -> Placed:
        """Bring one model's files and pointer into the work tree."""
        project = self._project
        before = project.worktree.observe(model.name, model.weights)
        changed = before.digest != model.pointer.digest
        if changed:
            self._place(model, project.worktree)
        else:
            self._fetching.wait()
            if project.worktree.have(model.name) != before.digest:
                project.worktree.set_have(model.name, before)
        current = read_models(project, [model.path]).get(model.name)
        if current is None or current.raw != model.raw:
            write_text_file(project.root, model.path, model.raw.decode())
            project.index.stage([model.path])
            changed = True
        pointer = model.pointer
        return Placed(model.name, pointer.version, model.weights, pointer.size, changed)

    def place_elsewhere(self, model: Model, out: str) -> Placed:
        """Write one model's files below another folder, under the name that they have in the tree."""
        from gitmodel.store.records import Records

        pointer = model.pointer
        top = os.path.abspath(os.path.join(self._project.context.folder, out))
        try:
            os.makedirs(top, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{out} cannot be made: {error.strerror}", hint="name a folder: --out DIR"
            ) from error
        name = pointer.path.rpartition("/")[2]
        elsewhere = WorkTree(top, Records(None))  # what is there is looked at afresh
        here = elsewhere.observe(model.name, name)
        whole = os.path.join(top, name)
        if here.digest == pointer.digest:
            return Placed(model.name, pointer.version, whole, here.size, changed=False)
        if here.kind is not Kind.MISSING and not self._force:
            raise UnsavedWeightsError(
                f"{os.path.join(out, name)} is there already, with other content",
                hint="use --force to overwrite it, or another --out",
            )
        self._place(Model(name + ".pointer", replace(pointer, path=name), model.raw), elsewhere)
        return Placed(model.name, pointer.version, whole, pointer.size, changed=True)

    def _place(self, model: Model, worktree: WorkTree) -> None:
        """Place, and fetch a pack again if the cache turns out to hold a damaged one."""
        manifest = self._fetching.manifests[model.pointer.digest]
        # While packs arrive, the bar shows that; decoding goes along.
        progress = Silent() if self._fetching.is_under_way else self._project.context.progress

        def write(entry: FileEntry, descriptor: int) -> None:
            self._reader.write_file(manifest, entry, descriptor, progress=progress)

        for _ in range(len(manifest.packs) + 1):
            require_space(worktree.root, manifest.total_size)
            progress.start(f"checking out {model.name}", manifest.total_size)
            try:
                place(
                    worktree,
                    model.name,
                    model.weights,
                    manifest,
                    write,
                    ready=self._fetching.wait,
                    force=self._force,
                )
            except DamagedPackError as error:
                self._project.context.note(f"{model.name}: {error.message}; fetching it again")
                self._project.cache.set_aside(error.pack)
                sizes = dict(zip(manifest.packs, manifest.pack_sizes, strict=True))
                fetch_again(self._project, error.pack, sizes[error.pack], self._remote)
            else:
                return
            finally:
                progress.finish()
        raise DamagedObjectError("the cache keeps returning damaged packs", hint="gitmodel verify")
