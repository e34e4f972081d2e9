"""Check out models from the cache, or from packs that are being downloaded.

The target is either the work tree, where the pointer is written and `have` recorded, or another folder, where
the weights keep their file name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.cache.reader import DamagedPackError, Reader, WrongChunksError
from gitmodel.errors import GitmodelError, UnsavedWeightsError, UsageError
from gitmodel.files.safe_open import require_space
from gitmodel.files.sparse import bytes_of_holes
from gitmodel.project.context import Silent
from gitmodel.project.fetching.partial_fetch import (
    fetch_files,
    keep_manifest,
    manifests_of,
    wrong_chunks,
)
from gitmodel.project.fetching.session import (
    CheckedOut,
    CheckoutReport,
    FetchSession,
    refetch_damaged_pack,
)
from gitmodel.project.git_files.weights_out_of_git import ignore_in_clone
from gitmodel.project.models import Model, read_models, write_text_file
from gitmodel.worktree.placing import place
from gitmodel.worktree.records import Records
from gitmodel.worktree.scan import EntryKind
from gitmodel.worktree.worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.project import Project


def checkout_elsewhere(
    project: Project,
    models: Sequence[Model],
    out: str,
    *,
    force: bool = False,
    remote: str | None = None,
    records: Records | None = None,
) -> CheckoutReport:
    """Write weights of versions with distinct file names into a folder (as typed) outside a work tree.

    `force` overwrites other content. `records` has known digests of files in that folder, so that large
    weights are not hashed again. Raises UnsavedWeightsError if a file exists with other content (that
    model was not written), ObjectMissingError, DamagedObjectError or RemoteError if weights cannot be
    fetched (nothing was written).
    """
    _refuse_one_place_for_two(models, out)
    known = Records(None) if records is None else records
    report = CheckoutReport()
    with FetchSession(project, models, report, remote) as fetching:
        placer = Materializer(project, fetching, force=force, remote=remote)

        def place_one(model: Model) -> CheckedOut:
            return placer.place_elsewhere(model, out, known)

        place_each(place_one, models, report)
        fetching.wait()
    return report


def place_each(
    place_one: Callable[[Model], CheckedOut], models: Sequence[Model], report: CheckoutReport
) -> None:
    """Check out the models in order; an error gets the name of its model."""
    for model in models:
        try:
            report.placed.append(place_one(model))
        except GitmodelError as error:
            raise error.about(model.name) from error


def _refuse_one_place_for_two(models: Sequence[Model], out: str) -> None:
    seen: dict[str, Model] = {}
    for model in models:
        file = model.pointer.path.rpartition("/")[2]
        other = seen.setdefault(file, model)
        if other.name != model.name:
            raise UsageError(
                f"{other.name} and {model.name} would both be written to {os.path.join(out, file)}",
                hint=f"gitmodel checkout {model.name} --out ANOTHER_DIR",
            )


class Materializer:
    """Checks out models, one after the other, as they are cached or being downloaded by `fetching`.

    `force` overwrites weights that are in no store. A damaged pack is fetched again from `remote`.
    """

    def __init__(
        self,
        project: Project,
        fetching: FetchSession,
        *,
        force: bool,
        remote: str | None,
    ) -> None:
        self._project = project
        self._fetching = fetching
        self._reader = Reader(fetching.packs)
        self._force = force
        self._remote = remote

    def place(self, model: Model) -> CheckedOut:
        """Write one model's files and pointer into the work tree."""
        project = self._project
        before = project.worktree.hash_weights(model.name, model.weights)
        changed = before.digest != model.pointer.digest
        if changed:
            self._place(model, project.worktree)
        else:
            self._fetching.wait()
            if project.worktree.have(model.name, model.weights) != before.digest:
                project.worktree.set_have(model.name, model.weights, before)
        ignore_in_clone(project, [model.weights])
        current = read_models(project, [model.path]).get(model.name)
        if current is None or current.raw != model.raw:
            write_text_file(project.root, model.path, model.raw.decode())
            project.index.stage([model.path])
            changed = True
        pointer = model.pointer
        return CheckedOut(model.name, pointer.version, model.weights, pointer.size, changed)

    def place_elsewhere(self, model: Model, out: str, records: Records) -> CheckedOut:
        """Write one model's files into another folder, under their file name in the tree."""
        pointer = model.pointer
        top = os.path.abspath(os.path.join(self._project.context.folder, out))
        try:
            os.makedirs(top, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{out} cannot be created: {error.strerror}", hint="name a folder: --out DIR"
            ) from error
        name = pointer.path.rpartition("/")[2]
        elsewhere = WorkTree(top, records)
        existing = elsewhere.hash_weights(model.name, name)
        whole = os.path.join(top, name)
        if existing.digest == pointer.digest:
            return CheckedOut(model.name, pointer.version, whole, existing.size, changed=False)
        # As an earlier call wrote it, so some store has it.
        have = elsewhere.have(model.name, name)
        is_ours = existing.digest is not None and existing.digest == have
        if existing.kind is not EntryKind.MISSING and not (self._force or is_ours):
            raise UnsavedWeightsError(
                f"{os.path.join(out, name)} exists already with other content",
                hint="use --force to overwrite it, or another --out",
            )
        self._place(Model(name + ".pointer", replace(pointer, path=name), model.raw), elsewhere)
        return CheckedOut(model.name, pointer.version, whole, pointer.size, changed=True)

    def _place(self, model: Model, worktree: WorkTree) -> None:
        """Write the files, trying each manifest until one matches the version's chunks."""
        first = self._fetching.manifests[model.pointer.digest]
        try:
            self._place_by(first, model, worktree)
        except WrongChunksError as error:
            wrong = wrong_chunks(self._project, model, first, error)
        else:
            return
        for other in manifests_of(self._project, model, [], remote=self._remote):
            if other == first:
                continue
            fetch_files(self._project, other, other.files, remote=self._remote)
            try:
                self._place_by(other, model, worktree)
            except WrongChunksError as error:
                wrong_chunks(self._project, model, other, error)
            else:
                self._fetching.manifests[other.digest] = other
                keep_manifest(self._project, other)
                return
        raise wrong

    def _place_by(self, manifest: Manifest, model: Model, worktree: WorkTree) -> None:
        """Write the files by one manifest; fetch a damaged pack again."""
        # While packs are being downloaded, the progress shows the download.
        progress = Silent() if self._fetching.is_under_way else self._project.context.progress

        def write(entry: FileEntry, descriptor: int) -> None:
            self._reader.write_file(manifest, entry, descriptor, progress=progress)

        while True:
            require_space(
                worktree.root, manifest.total_size - bytes_of_holes(manifest, manifest.files)
            )
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
                    exclude=model.pointer.exclude,
                )
            except DamagedPackError as error:
                refetch_damaged_pack(self._project, model.name, manifest, error, self._remote)
            else:
                return
            finally:
                progress.finish()
