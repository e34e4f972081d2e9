"""One run of `gitmodel add`: scan the weights, store them in groups, register each group.

Guarantee: weights are durable before a pointer names them, and Git ignores them before they have a pointer. The
`have` record is written last.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.exclude import check_patterns
from gitmodel.domain.paths import to_nfc
from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, UsageError
from gitmodel.project.adding.description import describe_weights
from gitmodel.project.adding.items import Excluding, Item, Ready
from gitmodel.project.adding.metadata import MetadataInput, collect_metadata, names_run
from gitmodel.project.adding.new_version import (
    Job,
    next_pointer,
    refuse_unwritable,
    store_many,
    write_pointers,
)
from gitmodel.project.adding.report import report_of
from gitmodel.project.adding.weight_checks import check_weights
from gitmodel.project.fetching.session import CheckoutReport, fetch_models
from gitmodel.project.git_files.gitignore import ignore_weights
from gitmodel.project.git_files.weights_out_of_git import ignore_in_clone
from gitmodel.project.history.histories import Histories
from gitmodel.project.models import damaged_weights, delete_file
from gitmodel.project.references import resolve
from gitmodel.worktree.scan import EntryKind, kind_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.adding.judging import Judging
    from gitmodel.project.adding.report import AddReport, Moved
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.project import Project
    from gitmodel.project.runs.recorded import RecordedRun
    from gitmodel.worktree.worktree import Weights


class Adding:
    """One run of `gitmodel add`; `added` and `failed` have its results by path, `touched` the staged paths.

    With `follow`, store what symbolic links point to. `base` refers to the version that the weights were
    fine-tuned from. `excluding` names files of folders. What `judging` refuses is not stored.
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
        judging: Judging,
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
        self._judging = judging
        self.touched: set[str] = set()

    def prepare(self, target: Target) -> Item:
        """Scan the weights and collect their metadata; writes nothing. Raises GitmodelError."""
        tree, old = self._project.worktree, target.old
        metadata = collect_metadata(self._project, self._given, old, self._run(target))
        refuse_unwritable(target.name, old, metadata)
        exclude = self._exclude(target)
        tree.exclude(target.weights, exclude)
        if old is not None and old.exclude == exclude:
            manifest = self._manifest_of_unchanged(target, old)
            if manifest is not None:
                notes = metadata.left_out
                if old.format is None:
                    found = describe_weights(self._project, tree.scan(target.weights))
                    metadata = metadata._replace(format=found)
                return Item(target, metadata, exclude, manifest=manifest, warnings=notes)
        scan = tree.scan(target.weights, follow=self._follow)
        if tree.is_damaged(target.name, target.weights, follow=self._follow):
            raise damaged_weights(self._project, target.name, target.weights)
        warnings = (*metadata.left_out, *check_weights(self._project, scan))
        metadata = metadata._replace(format=describe_weights(self._project, scan))
        return Item(target, metadata, exclude, scan, warnings=warnings)

    def _run(self, target: Target) -> RecordedRun | None:
        """What is recorded of the run of the weights.

        It is the run that is named, else the one that is active in this process, else the one that the
        environment names; the last two only for weights that are new.
        """
        given = self._given
        if given.run is None and given.active is None and not names_run(self._project):
            return None
        from gitmodel.project.runs.find_run import FoundRun, RunFinder
        from gitmodel.project.runs.recorded import record_run

        finder = RunFinder(self._project, target.name, target.weights)
        if given.run is not None:
            found = finder.named(given.run)
        elif given.run_id is not None:
            return None
        else:
            found = given.active or FoundRun()
            if found.run is None:
                found = FoundRun.joined(found, finder.of_environment())
            if found == FoundRun() or self._is_known(target):
                return None
        return record_run(self._project, target.name, found)

    def _is_known(self, target: Target) -> bool:
        """Whether the weights are those of the pointer."""
        if target.old is None:
            return False
        tree = self._project.worktree
        found = tree.hash_weights(target.name, target.weights, follow=self._follow)
        return found.digest == target.old.digest

    def _manifest_of_unchanged(self, target: Target, old: Pointer) -> Manifest | None:
        """The stored manifest of weights whose stat has not changed; None if a pack is missing."""
        if self._project.worktree.unchanged(target.name, target.weights) != old.digest:
            return None
        manifest = self._project.cache.manifest(old.digest)
        whole = manifest is not None and not self._project.cache.missing_packs(manifest)
        return manifest if whole else None

    def _exclude(self, target: Target) -> tuple[str, ...]:
        """The patterns to exclude: those of the pointer and those given now."""
        parts = tuple(target.weights.split("/"))
        kind = kind_at(self._project.root, parts, follow=self._follow)
        if kind is EntryKind.FILE:
            if self._excluding.patterns and not self._several:
                raise UsageError(
                    f"{target.weights} is a file; exclude patterns apply to folders only",
                    hint=f"gitmodel add {self._project.typed(target.weights)}",
                )
            return ()
        before = () if target.old is None or self._excluding.anew else target.old.exclude
        return check_patterns((*before, *map(to_nfc, self._excluding.patterns)))

    def run(self, items: Sequence[Item], moved: Moved) -> None:
        """Store and register the weights, group by group.

        Raises GitmodelError if the cache or the index cannot be written.
        """
        histories = Histories(self._project, [item.target.name for item in items])
        try:
            judged = (self._judging.judge(item, None, histories) for item in items)
            passing = [item for item in judged if item is not None]
            for group in self._durable(passing):
                errors = {ready.item.target.weights: moved.error(ready) for ready in group}
                self.failed += [(path, error) for path, error in errors.items() if error]
                sound = [ready for ready in group if not errors[ready.item.target.weights]]
                self._register(
                    [r for r in sound if self._judging.judge(r.item, r.weights, histories)],
                    histories,
                )
        except GitmodelError as error:
            if len(items) > 1:
                error.message += (
                    f"; {len(self.added):,} of {len(items):,} paths were added before this error"
                )
            raise

    def _durable(self, items: Sequence[Item]) -> Iterator[list[Ready]]:
        """Yield items once their weights are durable; record those that fail."""
        unchanged = [
            Ready(item, item.manifest, self._observed(item.target))
            for item in items
            if item.manifest is not None
        ]
        yield unchanged
        jobs = {
            item.target.weights: Job(
                item.target.name, item.scan, item.target.old, self._base_pointer
            )
            for item in items
            if item.scan is not None
        }
        if not jobs:
            return
        waiting = {item.target.weights: item for item in items}
        what = next(iter(jobs.values())).name if len(jobs) == 1 else f"{len(jobs):,} models"
        progress = self._project.context.progress
        progress.start(f"storing {what}", sum(job.scan.size for job in jobs.values()))
        try:
            for group in store_many(self._project, jobs.values()):
                ready = []
                for stored in group:
                    path = stored.job.scan.path
                    if stored.manifest is None or stored.weights is None:
                        self.failed.append((path, stored.error or GitmodelError("not stored")))
                    else:
                        ready.append(Ready(waiting[path], stored.manifest, stored.weights))
                yield ready
        finally:
            progress.finish()

    def _observed(self, target: Target) -> Weights:
        return self._project.worktree.hash_weights(target.name, target.weights)

    def _register(self, group: Sequence[Ready], histories: Histories) -> None:
        """Write and stage the pointers of durable weights."""
        if not group:
            return
        project = self._project
        pointers = [(ready, self._pointer(ready, histories)) for ready in group]
        reports = [self._report(ready, pointer) for ready, pointer in pointers]
        touched = {*ignore_weights(project, [ready.item.target.weights for ready in group])}
        changed = {
            report.pointer_path: pointer
            for report, (_, pointer) in zip(reports, pointers, strict=True)
            if report.changed
        }
        write_pointers(project, changed)
        for ready in group:
            touched.update(_move_pointer(project, ready.item.target))
        touched |= {report.pointer_path for report in reports}
        project.index.stage(sorted(touched))
        self.touched |= touched
        ignore_in_clone(project, [ready.item.target.weights for ready in group])
        for ready, report in zip(group, reports, strict=True):
            target = ready.item.target
            project.worktree.set_have(target.name, target.weights, ready.weights)
            self.added[target.weights] = report

    def _report(self, ready: Ready, pointer: Pointer) -> AddReport:
        report = report_of(self._project, ready, pointer)
        notes = self._judging.notes(ready.item.target.weights)
        told = (f"{pointer.name}: {text}" for text in notes)
        return replace(report, warnings=(*report.warnings, *told))

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
        forced = self._judging.forced(target.weights)
        if forced is not None:
            pointer = replace(pointer, forced=forced)
        return pointer if self._base is None else replace(pointer, base=self._base)


def _fetched(project: Project, reference: str) -> Pointer:
    """The pointer of the base version, with its weights fetched into the cache."""
    model = resolve(project, Reference.parse(reference))
    fetch_models(project, [model], CheckoutReport(), None)
    return model.pointer


def _move_pointer(project: Project, target: Target) -> list[str]:
    """Move aliases and delete the pointer if the pointer's path changes; returns the changed paths."""
    if target.model is None or target.model.path == target.pointer_path:
        return []
    from gitmodel.project.aliases import move_aliases

    delete_file(project.root, target.model.path)
    return [
        target.model.path,
        *move_aliases(project, target.model.path, target.pointer_path, target.model.name),
    ]
