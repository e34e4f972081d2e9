"""Check weights before registration for files that are not weights or are incomplete."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitmodelError, WeightsError
from gitmodel.formats import misnamed_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gitmodel.files.source_file import SourceFile
    from gitmodel.formats.misnamed_files import Suspicion
    from gitmodel.project.project import Project
    from gitmodel.worktree.scan import Scan

_MAX_FILES = 2000  # of a folder; each is opened
_MAX_WARNINGS = 3


def weight_warnings(project: Project, scan: Scan) -> list[str]:
    """Warnings about the content of weights; never fails."""
    warnings = [
        f"{project.typed(path)} {found.what}; {found.hint.format(path=project.typed(path))}"
        for path, found in _found(project, scan)
    ]
    return warnings[:_MAX_WARNINGS]


def check_weights(project: Project, scan: Scan) -> list[str]:
    """As `weight_warnings`, but raise WeightsError for files that are certainly not weights."""
    warnings = []
    for path, found in _found(project, scan):
        hint = found.hint.format(path=project.typed(path))
        if found.certain:
            raise WeightsError(f"{path} {found.what}", hint=hint)
        warnings.append(f"{project.typed(path)} {found.what}; {hint}")
    return warnings[:_MAX_WARNINGS]


def _found(project: Project, scan: Scan) -> Iterator[tuple[str, Suspicion]]:
    """Suspicious files: path from the top of the work tree, and the suspicion."""
    sources = project.worktree.sources(scan)
    inside = {source.path for source in sources}
    for source in sources[:_MAX_FILES]:
        path = f"{scan.path}/{source.path}" if source.path else scan.path
        name = path.rpartition("/")[2]
        found = misnamed_files.by_name(name)
        if found is not None:
            yield path, found
        if source.path and source.size == 0:  # folders have empty files, such as __init__.py
            continue
        try:
            found = _by_content(name, source, inside)
        except (OSError, GitmodelError):  # storing the file reports the error
            continue
        if found is not None:
            yield path, found


def _by_content(name: str, source: SourceFile, inside: Collection[str]) -> Suspicion | None:
    descriptor = source.open()
    try:
        found = misnamed_files.by_head(
            name, os.pread(descriptor, misnamed_files.HEAD, 0), source.size
        )
        if found is not None:
            return found
        ending = name.lower().rpartition(".")[2]
        if ending == "safetensors":
            head = os.pread(descriptor, 8, 0)
            length = min(int.from_bytes(head, "little"), misnamed_files.MAX_HEADER)
            header = os.pread(descriptor, 8 + length, 0)
            return misnamed_files.safetensors_cut_short(header, source.size)
        if ending == "onnx" and source.size <= misnamed_files.MAX_GRAPH:
            graph = os.pread(descriptor, source.size, 0)
            return _without_its_data(source.path, misnamed_files.external_files(graph), inside)
    finally:
        os.close(descriptor)
    return None


def _without_its_data(path: str, files: list[str], inside: Collection[str]) -> Suspicion | None:
    """The suspicion that an ONNX graph has its weights in files outside the model."""
    folder, slash, _ = path.rpartition("/")
    missing = [file for file in files if not path or f"{folder}{slash}{file}" not in inside]
    if not missing:
        return None
    what = f"has its weights in {quote_text(missing[0])}, which is not part of the model"
    hint = "copy that file into the same folder"
    if not path:
        hint = "copy both files into one folder, and register the folder: gitmodel add FOLDER"
    return misnamed_files.Suspicion(what, hint, certain=False)
