"""`gitmodel checkout --include`: check out some files of a folder, or read a byte range, without fetching the rest.

Everything is verified before it is returned: a file by its digest, a range by the hashes of its chunks, which are
known to be those of the version.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.reader import WrongChunksError
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, UnknownReferenceError, UnsavedWeightsError, UsageError
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import NewFile, folder_handle, require_space
from gitmodel.files.sparse import bytes_of_holes
from gitmodel.project.deprecated_versions import check_deprecated
from gitmodel.project.fetching.partial_fetch import (
    fetch_files,
    keep_manifest,
    manifests_of,
    wrong_chunks,
)
from gitmodel.project.fetching.session import CheckedOut, CheckoutReport, refetch_damaged_pack
from gitmodel.project.fetching.stream import file_list_hint
from gitmodel.project.references import resolve
from gitmodel.worktree.records import Records
from gitmodel.worktree.scan import EntryKind
from gitmodel.worktree.worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


class _Asked(NamedTuple):
    """How files are to be written: see `checkout_files`."""

    out: str
    force: bool
    remote: str | None


def checkout_files(
    project: Project,
    references: Sequence[str],
    patterns: Sequence[str],
    *,
    out: str,
    force: bool = False,
    remote: str | None = None,
) -> CheckoutReport:
    """Write some files of folder models below another folder (as typed).

    Only there: a part of a model in its own place would look like a new version. `patterns` are shell
    patterns of paths in the model: `*.json`, `tokenizer/*`. `force` overwrites other content that is
    there.

    Raises UnknownReferenceError if no file of a version has such a path (the hint names some),
    UnsavedWeightsError if something is there already, without `force`, ObjectMissingError,
    DamagedObjectError or RemoteError if they cannot be had.
    """
    models = [resolve(project, Reference.parse(text)) for text in references]
    check_deprecated(project, models, "gitmodel checkout")
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
        asked = _Asked(out, force, remote)
        try:
            report.placed.append(_write_files(project, model, patterns, asked, report))
        except GitmodelError as error:
            raise error.about(model.name) from error
    return report


def _matches(entry: FileEntry, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(entry.path, pattern) for pattern in patterns)


def _write_files(
    project: Project, model: Model, patterns: Sequence[str], asked: _Asked, report: CheckoutReport
) -> CheckedOut:
    """Write the files that match, by the first manifest that lists their chunks."""
    errors: list[GitmodelError] = []
    for manifest in manifests_of(project, model, errors, remote=asked.remote):
        try:
            files = _matching(model, manifest, patterns)
            plan = fetch_files(project, manifest, files, remote=asked.remote)
            report.fetched_packs += len(plan.packs)
            report.fetched_bytes += plan.total_bytes
            placed = _write(project, model, manifest, files, asked)
        except WrongChunksError as error:
            errors.append(wrong_chunks(project, model, manifest, error))
        except (UsageError, UnknownReferenceError) as error:
            if manifest.chunk_list() == model.pointer.chunks:
                raise
            errors.append(error)  # what a manifest says of files is doubtful then
        else:
            keep_manifest(project, manifest)
            return placed
    raise errors[0]


def _matching(model: Model, manifest: Manifest, patterns: Sequence[str]) -> list[FileEntry]:
    if manifest.kind == "file":
        raise UsageError(f"{model.name} is one file", hint="--include is for folders; leave it out")
    files = [entry for entry in manifest.files if _matches(entry, patterns)]
    if not files:
        raise UnknownReferenceError(
            f"no file of version {model.pointer.version} matches {', '.join(patterns)}",
            hint=file_list_hint(manifest),
            model=model.name,
        )
    return files


def _write(
    project: Project, model: Model, manifest: Manifest, files: Sequence[FileEntry], asked: _Asked
) -> CheckedOut:
    """Write those of the files that are not there yet, or none."""
    top = os.path.abspath(os.path.join(project.context.folder, asked.out))
    name = model.pointer.path.rpartition("/")[2]
    os.makedirs(top, exist_ok=True)
    size = sum(entry.size for entry in files)
    lacking = [entry for entry in files if _is_lacking(model, entry, top, name, force=asked.force)]
    left = sum(entry.size for entry in lacking)
    require_space(top, left - bytes_of_holes(manifest, lacking))
    progress = project.context.progress
    progress.start(f"checking out {model.name}", left)
    try:
        with disk_errors(top):
            for entry in lacking:
                folder = os.path.join(top, name)
                _write_file(project, model, manifest, entry, folder, remote=asked.remote)
    finally:
        progress.finish()
    return CheckedOut(
        model.name, model.pointer.version, os.path.join(top, name), size, bool(lacking)
    )


def _write_file(
    project: Project,
    model: Model,
    manifest: Manifest,
    entry: FileEntry,
    folder: str,
    *,
    remote: str | None,
) -> None:
    """Write one file, fetching packs again that turn out to be damaged in the cache."""
    from gitmodel.cache.reader import DamagedPackError, Reader

    top, name = os.path.split(folder)
    parts = (name, *safe_parts(entry.path))
    reader = Reader(project.cache)
    while True:
        with (
            folder_handle(top, parts[:-1], create=True) as handle,
            NewFile(handle, parts[-1]) as file,
        ):
            try:
                progress = project.context.progress
                reader.write_file(manifest, entry, file.descriptor, progress=progress)
            except DamagedPackError as error:
                refetch_damaged_pack(project, model.name, manifest, error, remote)
            else:
                file.place()
                return


def _is_lacking(model: Model, entry: FileEntry, top: str, name: str, *, force: bool) -> bool:
    """Whether a file has to be written; False if it is there as it should be."""
    parts = (name, *safe_parts(entry.path))
    place = os.path.join(top, *parts)
    if not os.path.lexists(place):
        return True
    here = WorkTree(top, Records(None)).hash_weights(model.name, "/".join(parts))
    if here.kind is EntryKind.FILE and here.digest == entry.digest:
        return False
    if not force:
        raise UnsavedWeightsError(
            f"{place} exists already with other content",
            hint="use --force to overwrite it, or another --out",
            model=model.name,
        )
    return True
