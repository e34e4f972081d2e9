"""Weights to be added: looked at, stored in groups, and registered group by group.

The order is the promise: what was stored is durable before a pointer names it, weights are ignored before
they have a pointer, and they are `have` last.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.exclude import check_patterns
from gitmodel.domain.paths import normalised
from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, UsageError
from gitmodel.project.adding.items import Excluding, Item, Ready
from gitmodel.project.adding.metadata import MetadataInput, collect_metadata
from gitmodel.project.adding.new_version import (
    Job,
    next_pointer,
    refuse_unwritable,
    store_many,
    write_pointers,
)
from gitmodel.project.adding.next_numbers import Histories
from gitmodel.project.adding.report import report_of
from gitmodel.project.adding.weight_checks import look_into
from gitmodel.project.aliases import move_aliases
from gitmodel.project.fetching.session import CheckoutReport, fetch_models
from gitmodel.project.git_files.gitignore import ignore_weights
from gitmodel.project.git_files.weights_out_of_git import keep_ignored
from gitmodel.project.models import damaged_weights, delete_file
from gitmodel.project.references import resolve
from gitmodel.worktree.scan import EntryKind, kind_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.adding.report import AddReport, Moved
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


class Adding:
    """One run of the command.

    Args:
        project: The project.
        given: Metrics, params and run id.
        follow: Store what symbolic links point to.
        base: Reference of the model that these were fine-tuned from.
        excluding: What to leave out of folders.
        several: Whether there are several paths.

    Attributes:
        added: What was registered, by the path of the weights.
        failed: Paths whose weights could not be stored, and why.
        touched: Paths that were staged.
    """

    def __init__(
        self,
        project: Project,
        given: MetadataInput,
        *,
        follow: bool,
        base: str | None,
        excluding: Excluding,
        several: bool,
    ) -> None:
        self._project = project
        self._given = given
        self._follow = follow
        self._base = base
        self._excluding = excluding
        self._several = several
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
        metadata = collect_metadata(self._project, self._given, old)
        refuse_unwritable(target.name, old, metadata)
        exclude = self._exclude(target)
        tree.exclude(target.place, exclude)
        if old is not None and old.exclude == exclude:
            manifest = self._manifest_of_unchanged(target, old)
            if manifest is not None:
                said = metadata.left_out
                return Item(target, metadata, exclude, manifest=manifest, warnings=said)
        survey = tree.survey(target.place, follow=self._follow)
        if tree.is_damaged(target.name, target.place, follow=self._follow):
            raise damaged_weights(self._project, target.name, target.place)
        warnings = (*metadata.left_out, *look_into(self._project, survey))
        return Item(target, metadata, exclude, survey, warnings=warnings)

    def _manifest_of_unchanged(self, target: Target, old: Pointer) -> Manifest | None:
        """The manifest of weights that are the pointer's by their stat, if the cache has them whole."""
        if self._project.worktree.unchanged(target.name, target.place) != old.digest:
            return None
        manifest = self._project.cache.manifest(old.digest)
        whole = manifest is not None and not self._project.cache.missing_packs(manifest)
        return manifest if whole else None

    def _exclude(self, target: Target) -> tuple[str, ...]:
        """What is left out of the weights: what the pointer says, and what was said now.

        Raises:
            UsageError: Patterns were given for a file.
        """
        parts = tuple(target.place.split("/"))
        kind = kind_at(self._project.root, parts, follow=self._follow)
        if kind is EntryKind.FILE:
            if self._excluding.patterns and not self._several:
                raise UsageError(
                    f"{target.place} is one file, and files are left out of folders",
                    hint=f"gitmodel add {self._project.typed(target.place)}",
                )
            return ()
        before = () if target.old is None or self._excluding.anew else target.old.exclude
        return check_patterns((*before, *map(normalised, self._excluding.patterns)))

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
        return self._project.worktree.hash_weights(target.name, target.place)

    def _register(self, group: Sequence[Ready], histories: Histories) -> None:
        """Write and stage the pointers of weights that are durable."""
        if not group:
            return
        project = self._project
        pointers = [(ready, self._pointer(ready, histories)) for ready in group]
        reports = [report_of(project, ready, pointer) for ready, pointer in pointers]
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
            exclude=ready.item.exclude,
        )
        return pointer if self._base is None else replace(pointer, base=self._base)


def _fetched(project: Project, reference: str) -> Pointer:
    """The pointer of a base model, whose weights are in the cache now."""
    model = resolve(project, Reference.parse(reference))
    fetch_models(project, [model], CheckoutReport(), None)
    return model.pointer


def _leave(project: Project, target: Target) -> list[str]:
    """Take a model's pointer and aliases from the place that it leaves; returns the paths that changed."""
    if target.model is None or target.model.path == target.pointer_path:
        return []
    delete_file(project.root, target.model.path)
    return [target.model.path, *move_aliases(project, target.model.path, target.pointer_path)]
