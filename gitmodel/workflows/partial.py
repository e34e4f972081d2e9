"""Parts of a version: some files of a folder, or a byte range, without fetching the rest.

Everything is checked as ever: a chunk by its hash, a file that is written by its digest.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.reference import Reference
from gitmodel.errors import UnknownReferenceError, UnsavedWeightsError, UsageError, WeightsError
from gitmodel.store.handles import NewFile, folder_handle, require_space, space_errors
from gitmodel.store.listing import Kind
from gitmodel.store.records import Records
from gitmodel.store.transfer import Plan
from gitmodel.store.worktree import WorkTree
from gitmodel.workflows.fetch import CheckoutReport, Placed, find_manifest, run_plan
from gitmodel.workflows.references import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest import FileEntry, Manifest
    from gitmodel.store.chunks import FileStream
    from gitmodel.workflows.models import Model
    from gitmodel.workflows.project import Project

_NAMED_FILES = 5


def checkout_files(
    project: Project,
    references: Sequence[str],
    patterns: Sequence[str],
    *,
    out: str,
    force: bool = False,
    remote: str | None = None,
) -> CheckoutReport:
    """Write some files of folder models below another folder.

    Only there: a part of a model in its own place would look like a new version.

    Args:
        project: The project.
        references: Which versions.
        patterns: Shell patterns of paths in the model: `*.json`, `tokenizer/*`.
        out: The folder, as typed.
        force: Overwrite other content that is there.
        remote: From which remote.

    Raises:
        UnknownReferenceError: No file of a version has such a path; the hint names some.
        UnsavedWeightsError: Something is there already, and `force` is not set.
        ObjectMissingError, DamagedObjectError, RemoteError: They cannot be had.
    """
    models = [resolve(project, Reference.parse(text)) for text in references]
    return write_files(project, models, patterns, out=out, force=force, remote=remote)


def write_files(
    project: Project,
    models: Sequence[Model],
    patterns: Sequence[str],
    *,
    out: str,
    force: bool = False,
    remote: str | None = None,
) -> CheckoutReport:
    """As `checkout_files`, for versions that are resolved already."""
    report = CheckoutReport()
    for model in models:
        manifest, found_on = find_manifest(project, model, remote)
        files = [entry for entry in manifest.files if _matches(entry, patterns)]
        if not files:
            raise UnknownReferenceError(
                f"no file of version {model.pointer.version} matches {', '.join(patterns)}",
                hint=some_files(manifest),
                model=model.name,
            )
        plan = _plan(project, manifest, files)
        run_plan(project, found_on, plan)
        report.fetched_packs += len(plan.packs)
        report.fetched_bytes += plan.total_bytes
        report.placed.append(_write(project, model, manifest, files, out, force=force))
    return report


def open_stream(project: Project, model: Model, file: str | None) -> FileStream:
    """Open one file of a version for reading; the stream closes the project with itself.

    Args:
        project: The project, which the stream takes over.
        model: The version.
        file: Which file of a folder; None for a model that is one file.

    Raises:
        WeightsError: The model is a folder and no file was named, or the other way round.
        UnknownReferenceError: The folder has no such file.
        ObjectMissingError, RemoteError: The version cannot be had.
    """
    from gitmodel.store.chunks import FileStream, FileView, PackSource

    manifest, found_on = find_manifest(project, model, None)
    entry = _entry(model, manifest, file)
    complete = not project.cache.missing_packs(manifest)
    source = PackSource(project.cache, None if complete else project.store(found_on))
    return FileStream(FileView(source.read, manifest, entry), project.close)


def _entry(model: Model, manifest: Manifest, file: str | None) -> FileEntry:
    if manifest.kind == "file":
        if file is not None:
            raise WeightsError(f"{model.name} is one file, so there is no {file} in it")
        return manifest.files[0]
    if file is None:
        raise WeightsError(
            f"{model.name} is a folder; name one of its files", hint=some_files(manifest)
        )
    for entry in manifest.files:
        if entry.path == file:
            return entry
    raise UnknownReferenceError(f"{model.name} has no file {file}", hint=some_files(manifest))


def some_files(manifest: Manifest) -> str:
    """A hint that names the first files of a manifest."""
    return f"there are {', '.join(entry.path for entry in manifest.files[:_NAMED_FILES])}"


def _matches(entry: FileEntry, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(entry.path, pattern) for pattern in patterns)


def _plan(project: Project, manifest: Manifest, files: Sequence[FileEntry]) -> Plan:
    """The packs that these files need and the cache lacks."""
    numbers: set[int] = set()
    for entry in files:
        for number in manifest.chunks_of(entry):
            chunk = manifest.chunk(number)
            numbers.add(chunk.pack)
            if chunk.base >= 0:
                numbers.add(manifest.chunk(chunk.base).pack)
    packs = [(manifest.packs[number], manifest.pack_sizes[number]) for number in sorted(numbers)]
    return Plan(tuple(pack for pack in packs if not project.cache.has_pack(*pack)))


def _write(
    project: Project,
    model: Model,
    manifest: Manifest,
    files: Sequence[FileEntry],
    out: str,
    *,
    force: bool,
) -> Placed:
    """Write those of the files that are not there yet, or none."""
    from gitmodel.store.reader import Reader

    if manifest.kind == "file":
        raise UsageError(f"{model.name} is one file", hint="--include is for folders; leave it out")
    top = os.path.abspath(os.path.join(project.context.folder, out))
    name = model.pointer.path.rpartition("/")[2]
    os.makedirs(top, exist_ok=True)
    size = sum(entry.size for entry in files)
    lacking = [entry for entry in files if _is_lacking(model, entry, top, name, force=force)]
    left = sum(entry.size for entry in lacking)
    require_space(top, left)
    progress = project.context.progress
    progress.start(f"checking out {model.name}", left)
    try:
        reader = Reader(project.cache)
        with space_errors(top):
            for entry in lacking:
                parts = (name, *safe_parts(entry.path))
                with (
                    folder_handle(top, parts[:-1], create=True) as handle,
                    NewFile(handle, parts[-1]) as file,
                ):
                    reader.write_file(manifest, entry, file.descriptor, progress=progress)
                    file.place()
    finally:
        progress.finish()
    return Placed(model.name, model.pointer.version, os.path.join(top, name), size, bool(lacking))


def _is_lacking(model: Model, entry: FileEntry, top: str, name: str, *, force: bool) -> bool:
    """Whether a file has to be written; False if it is there as it should be.

    Raises:
        UnsavedWeightsError: Something else is there, and `force` is not set.
    """
    parts = (name, *safe_parts(entry.path))
    place = os.path.join(top, *parts)
    if not os.path.lexists(place):
        return True
    here = WorkTree(top, Records(None)).observe(model.name, "/".join(parts))
    if here.kind is Kind.FILE and here.digest == entry.digest:
        return False
    if not force:
        raise UnsavedWeightsError(
            f"{place} is there already, with other content",
            hint="use --force to overwrite it, or another --out",
            model=model.name,
        )
    return True
