"""The pointer's `format`: what weights on disk say about themselves.

The headers of files that are hashed anyway are read; tensors are not. What is read belongs to the digest, because
a file that changes between scan and registration is not registered.
"""

from __future__ import annotations

import os
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError
from gitmodel.formats.description import MAX_IMPORTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.yaml.reader import Value
    from gitmodel.files.source_file import SourceFile
    from gitmodel.formats.description import Description
    from gitmodel.formats.header import Read
    from gitmodel.project.project import Project
    from gitmodel.worktree.scan import Scan

_MAX_NAME = 100  # characters
_MAX_DTYPES = 40
_MAX_NUMBER = 2**63


def describe_weights(project: Project, scan: Scan) -> Mapping[str, Value] | None:
    """The `format` of weights; None if they are of no known format, or cannot be read."""
    sources = project.worktree.sources(scan)
    try:
        with closing(_Opened()) as opened:
            return fields_of(_described(scan, sources, opened))
    except (OSError, GitmodelError):  # storing the file reports the error
        return None


def fields_of(description: Description) -> Mapping[str, Value] | None:
    """A description as a mapping that a pointer can hold; None if nothing is known.

    Names in a file are a stranger's: those that are long or not printable are left out, and so are numbers that
    no file can have.
    """
    if description.type is None and description.code == "unknown":
        return None
    dtypes = {key: _number(count) for key, count in description.dtypes.items() if _is_plain(key)}
    imports: list[Value] = []
    imports += (name for name in description.imports[:MAX_IMPORTS] if _is_plain(name))
    fields: dict[str, Value] = {
        "type": description.type,
        "tensors": _number(description.tensors),
        "parameters": _number(description.parameters),
        "dtypes": dict(islice(dtypes.items(), _MAX_DTYPES)) or None,
        "arch": description.arch if _is_plain(description.arch or "") else None,
        "code": description.code,
        "imports": imports or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _MAX_NAME and text.isprintable() and text == text.strip()


def _number(value: int | None) -> int | None:
    return value if value is not None and 0 <= value < _MAX_NUMBER else None


def _described(scan: Scan, sources: Sequence[SourceFile], opened: _Opened) -> Description:
    if len(sources) == 1 and not sources[0].path:
        from gitmodel.formats.describe import describe_file

        (file,) = sources
        return describe_file(scan.path.rpartition("/")[2], opened.reader(file), file.size)
    from gitmodel.formats.folder import FileOfFolder, describe_folder

    return describe_folder(
        [FileOfFolder(file.path, file.size, opened.reader(file)) for file in sources]
    )


class _Opened:
    """Reads files, one of which is open at a time."""

    def __init__(self) -> None:
        self._file: SourceFile | None = None
        self._descriptor = -1

    def reader(self, file: SourceFile) -> Read:
        def read(offset: int, count: int) -> bytes:
            if self._file is not file:
                self.close()
                self._descriptor, self._file = file.open(), file
            return os.pread(self._descriptor, count, offset)

        return read

    def close(self) -> None:
        if self._file is not None:
            self._file = None
            os.close(self._descriptor)
