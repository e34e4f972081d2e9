"""Weights to be added: looked at, stored in groups, and registered group by group.

The order is the promise: what was stored is durable before a pointer names it, weights are ignored before
they have a pointer, and they are `have` last.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, ModelNameError
from gitmodel.workflows.fetch import fetch
from gitmodel.workflows.histories import Histories
from gitmodel.workflows.ignore import ignore_weights
from gitmodel.workflows.kept_out import keep_ignored
from gitmodel.workflows.metadata import Given, gather
from gitmodel.workflows.models import damaged_weights, delete_file
from gitmodel.workflows.move import move_aliases
from gitmodel.workflows.references import resolve
from gitmodel.workflows.register import (
    Job,
    dropped,
    next_pointer,
    refuse_unwritable,
    store_many,
    write_pointers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.worktree import Survey, Weights
    from gitmodel.workflows.add_places import Target
    from gitmodel.workflows.metadata import Metadata
    from gitmodel.workflows.models import Model
    from gitmodel.workflows.project import Project


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` did.

    Attributes:
        name: The model.
        version: Its number now.
        was: Its number before, None for a new model.
        digest: Of the weights.
        size: Bytes of the weights.
        stored: Bytes of the packs that its manifest needs.
        pointer_path: Relative to the top of the work tree.
        changed: Whether the pointer changed.
        warnings: What a person should know.
        committed: The commit made by `-m`, None otherwise.
        same_weights: Whether the weights are those that the pointer named before.
    """

    name: str
    version: int
    was: int | None
    digest: str
    size: int
    stored: int
    pointer_path: str
    changed: bool
    warnings: tuple[str, ...] = ()
    committed: str | None = None
    same_weights: bool = False


class Item(NamedTuple):
    """A path to be added: what is there, or the manifest if it is stored already."""

    target: Target
    metadata: Metadata
    survey: Survey | None = None
    manifest: Manifest | None = None


class Ready(NamedTuple):
    """Weights that are durable."""

    item: Item
    manifest: Manifest
    weights: Weights


class Adding:
    """One run of the command.

    Args:
        project: The project.
        given: Metrics, params and run id.
        follow: Store what symbolic links point to.
        base: Reference of the model that these were fine-tuned from.

    Attributes:
        added: What was registered, by the path of the weights.
        failed: Paths whose weights could not be stored, and why.
        touched: Paths that were staged.
    """

    def __init__(self, project: Project, given: Given, *, follow: bool, base: str | None) -> None:
        self._project = project
        self._given = given
        self._follow = follow
        self._base = base
        self._base_pointer = None if base is None else _fetched(project, base)
        self.added: dict[str, AddReport] = {}
        self.failed: list[tuple[str, GitmodelError]] = []
        self.touched: set[str] = set()

    def prepare(self, target: Target) -> Item:
        """Look at what a path holds, and at what is said about it; nothing is written.

        Raises:
            GitmodelError: It cannot be added.
        """
        tree, old = self._project.worktree, target.old
        metadata = gather(self._project, self._given, old)
        refuse_unwritable(target.name, old, metadata)
        if old is not None and tree.unchanged(target.name, target.place) == old.digest:
            manifest = self._project.cache.manifest(old.digest)
            if manifest is not None and not self._project.cache.missing_packs(manifest):
                return Item(target, metadata, manifest=manifest)
        survey = tree.survey(target.place, follow=self._follow)
        if tree.is_damaged(target.name, target.place, follow=self._follow):
            raise damaged_weights(self._project, target.name, target.place)
        return Item(target, metadata, survey)

    def run(self, items: Sequence[Item], moved: Moved) -> None:
        """Store and register, group by group.

        Args:
            items: What `prepare` gave, each place once.
            moved: Says which new weights are those of a model that was moved by hand.

        Raises:
            GitmodelError: The cache or the index cannot be written.
        """
        histories = Histories(self._project, [item.target.name for item in items])
        try:
            for group in self._durable(items):
                errors = {ready.item.target.place: moved.error(ready) for ready in group}
                self.failed += [(place, error) for place, error in errors.items() if error]
                self._register([r for r in group if not errors[r.item.target.place]], histories)
        except GitmodelError as error:
            if len(items) > 1:
                error.message += f"; {len(self.added):,} of {len(items):,} paths were added before"
            raise

    def _durable(self, items: Sequence[Item]) -> Iterator[list[Ready]]:
        """Yield items when their weights are durable; note those that fail."""
        here = [
            Ready(item, item.manifest, self._observed(item.target))
            for item in items
            if item.manifest is not None
        ]
        yield here
        jobs = {
            item.target.place: Job(
                item.target.name, item.survey, item.target.old, self._base_pointer
            )
            for item in items
            if item.survey is not None
        }
        if not jobs:
            return
        waiting = {item.target.place: item for item in items}
        what = next(iter(jobs.values())).name if len(jobs) == 1 else f"{len(jobs):,} models"
        progress = self._project.context.progress
        progress.start(f"storing {what}", sum(job.survey.size for job in jobs.values()))
        try:
            for group in store_many(self._project, jobs.values()):
                ready = []
                for stored in group:
                    place = stored.job.survey.path
                    if stored.manifest is None or stored.weights is None:
                        self.failed.append((place, stored.error or GitmodelError("not stored")))
                    else:
                        ready.append(Ready(waiting[place], stored.manifest, stored.weights))
                yield ready
        finally:
            progress.finish()

    def _observed(self, target: Target) -> Weights:
        return self._project.worktree.observe(target.name, target.place)

    def _register(self, group: Sequence[Ready], histories: Histories) -> None:
        """Write and stage the pointers of weights that are durable."""
        if not group:
            return
        project = self._project
        pointers = [(ready, self._pointer(ready, histories)) for ready in group]
        reports = [_report(project, ready, pointer) for ready, pointer in pointers]
        touched = {*ignore_weights(project, [ready.item.target.place for ready in group])}
        changed = {
            report.pointer_path: pointer
            for report, (_, pointer) in zip(reports, pointers, strict=True)
            if report.changed
        }
        write_pointers(project, changed)
        for ready in group:
            touched.update(_leave(project, ready.item.target))
        touched |= {report.pointer_path for report in reports}
        project.index.stage(sorted(touched))
        self.touched |= touched
        keep_ignored(project, [ready.item.target.place for ready in group])
        for ready, report in zip(group, reports, strict=True):
            target = ready.item.target
            project.worktree.set_have(target.name, target.place, ready.weights)
            self.added[target.place] = report

    def _pointer(self, ready: Ready, histories: Histories) -> Pointer:
        target = ready.item.target
        pointer = next_pointer(
            self._project,
            name=target.name,
            path=target.inside,
            weights=ready.weights,
            manifest=ready.manifest,
            old=target.old,
            metadata=ready.item.metadata,
            histories=histories,
        )
        return pointer if self._base is None else replace(pointer, base=self._base)


def _fetched(project: Project, reference: str) -> Pointer:
    """The pointer of a base model, whose weights are in the cache now."""
    fetch(project, [reference])
    return resolve(project, Reference.parse(reference)).pointer


def _leave(project: Project, target: Target) -> list[str]:
    """Take a model's pointer and aliases from the place that it leaves; returns the paths that changed."""
    if target.model is None or target.model.path == target.pointer_path:
        return []
    delete_file(project.root, target.model.path)
    return [target.model.path, *move_aliases(project, target.model.path, target.pointer_path)]


def _report(project: Project, ready: Ready, pointer: Pointer) -> AddReport:
    target, old = ready.item.target, ready.item.target.old
    warnings = [dropped(old, pointer, project.typed(target.place))]
    if target.left is not None and os.path.lexists(os.path.join(project.root, target.left)):
        warnings.append(
            f"{target.name}: its weights are {target.place} from now on; {target.left} stays on disk "
            "and is no part of it any more"
        )
    return AddReport(
        name=target.name,
        version=pointer.version,
        was=None if old is None else old.version,
        digest=str(pointer.digest),
        size=ready.weights.size,
        stored=sum(ready.manifest.pack_sizes),
        pointer_path=target.pointer_path,
        changed=target.differs_from(pointer),
        warnings=tuple(warning for warning in warnings if warning is not None),
        same_weights=old is not None and old.digest == pointer.digest,
    )


class Moved:
    """Finds new models whose weights are those of a model that was moved by `mv`.

    Args:
        project: The project.
        models: Those of the work tree.
        named: A person named the model, which settles it.
    """

    def __init__(self, project: Project, models: Iterable[Model], *, named: bool) -> None:
        self._project = project
        self._by_digest: dict[Digest, Model] = {}
        if not named:
            self._by_digest = {model.pointer.digest: model for model in models}

    def error(self, ready: Ready) -> ModelNameError | None:
        """The error for weights of a model whose own are gone; None if they are not such."""
        target, digest = ready.item.target, ready.weights.digest
        if target.model is not None or digest is None or digest not in self._by_digest:
            return None
        model = self._by_digest[digest]
        if os.path.lexists(os.path.join(self._project.root, model.weights)):
            return None  # a copy
        typed = self._project.typed(target.place)
        return ModelNameError(
            f"{target.place} has the weights of {model.name}, and {model.weights} is gone",
            hint=f"if they were moved: gitmodel add {typed} --name {model.name}; "
            f"if this is another model: gitmodel add {typed} --name {target.name}",
        )
