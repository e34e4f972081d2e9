"""How far tensors moved: the differences of their elements, decoded from the chunks of both versions.

Types of numpy and BF16 are decoded. Quantised blocks, 8-bit floats and storages of PyTorch, whose type no header
names, are not. Elements are compared as float64; those that are not finite in one of the versions are counted and
left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.tensor import numpy_type
from gitmodel.project.comparing.bounded_packs import BoundedPacks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, TypeAlias

    import numpy as np

    from gitmodel.domain.tensor_changes import TensorChange, TensorSpan
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.formats.header import Read
    from gitmodel.project.comparing.stored_files import FileChange
    from gitmodel.project.project import Project

    Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_BLOCK: Final = 1 << 18  # elements at a time
_NOT_NUMBERS: Final = frozenset(
    "bc"
)  # kinds of numpy types that are not compared: booleans, complex numbers


class TensorStats(NamedTuple):
    """How far the elements of a changed tensor moved.

    Attributes:
        file: Its file, "" for a model that is one file.
        problem: Why it was not decoded; then the numbers are None.
        max_abs: The largest absolute difference.
        mean_abs: The mean absolute difference.
        cosine: Of the angle between both tensors; None if one of them is zero.
        left_out: Elements that are not finite in one of the versions.
    """

    file: str
    name: str
    problem: str | None = None
    max_abs: float | None = None
    mean_abs: float | None = None
    cosine: float | None = None
    left_out: int = 0


def tensor_stats(
    project: Project, manifests: tuple[Manifest, Manifest], files: Sequence[FileChange]
) -> list[TensorStats]:
    """Decode the changed tensors, and those in changed chunks, of both versions; reads what the cache lacks.

    Raises ObjectMissingError, DamagedObjectError or RemoteError if bytes cannot be read.
    """
    wanted = list(_wanted(files))
    packs = BoundedPacks(project, manifests, None)
    progress = project.context.progress
    progress.start("reading", sum(change.b.size for _, change in wanted if change.b is not None))
    views: dict[str, tuple[Read, Read]] = {}
    found = []
    try:
        for path, change in wanted:
            if path not in views:
                views = {path: _views(packs, manifests, path)}  # of one file at a time
            found.append(_stats_of(path, change, *views[path]))
            progress.advance(0 if change.b is None else change.b.size)
    finally:
        progress.finish()
    return found


def _wanted(files: Sequence[FileChange]) -> Iterator[tuple[str, TensorChange]]:
    for file in files:
        for change in file.tensors or ():
            if change.status in ("changed", "undecided"):
                yield file.path, change


def _views(
    packs: BoundedPacks, manifests: tuple[Manifest, Manifest], path: str
) -> tuple[Read, Read]:
    old, new = (
        packs.view(manifest, next(e for e in manifest.files if e.path == path)).read_at
        for manifest in manifests
    )
    return old, new


def _stats_of(path: str, change: TensorChange, old: Read, new: Read) -> TensorStats:
    a, b = change.a, change.b
    if a is None or b is None:
        return TensorStats(path, change.name, "only in one version")
    problem = _problem(a, b)
    if problem is not None:
        return TensorStats(path, change.name, problem)
    import numpy as np

    sums = _Sums()
    count = math.prod(b.shape or ())
    with np.errstate(all="ignore"):  # signalling NaNs, and sums that become infinite
        for start in range(0, count, _BLOCK):
            size = min(_BLOCK, count - start)
            sums.add(_numbers(old, a, start, size), _numbers(new, b, start, size))
    return sums.result(path, change.name)


def _problem(a: TensorSpan, b: TensorSpan) -> str | None:
    if a.shape is None or b.shape is None:
        return "not decoded: the header names no type and shape"
    if a.shape != b.shape:
        return "another shape"
    for span in (a, b):
        if not _is_decoded(span):
            return f"not decoded: {span.dtype}"
    if a.order != b.order and len(a.shape) > 1:
        return "not decoded: another order of elements"
    return None


def _is_decoded(span: TensorSpan) -> bool:
    import numpy as np

    name = numpy_type(span.dtype)
    if span.dtype is None or name is None or span.dtype.startswith("F8"):
        return False
    try:
        dtype = np.dtype(name)
    except TypeError:
        return False
    fits = math.prod(span.shape or ()) * dtype.itemsize == span.size
    return fits and dtype.kind not in _NOT_NUMBERS


def _numbers(read: Read, span: TensorSpan, start: int, count: int) -> Numbers:
    """Elements of a tensor as float64."""
    import numpy as np

    dtype = np.dtype(numpy_type(span.dtype))
    data = read(span.offset + start * dtype.itemsize, count * dtype.itemsize)
    values = np.frombuffer(data, dtype)
    if span.dtype == "BF16":  # the upper half of a float32
        values = (values.astype("<u4") << 16).view("<f4")
    return values.astype(np.float64)


class _Sums:
    """Sums over the elements of two tensors."""

    def __init__(self) -> None:
        self._largest = 0.0
        self._total = 0.0
        self._count = 0
        self._left_out = 0
        self._dot = self._square_a = self._square_b = 0.0

    def add(self, a: Numbers, b: Numbers) -> None:
        import numpy as np

        finite = np.isfinite(a) & np.isfinite(b)
        self._left_out += int(finite.size - finite.sum())
        a, b = a[finite], b[finite]
        if not a.size:
            return
        moved = np.abs(b - a)
        self._largest = max(self._largest, float(moved.max()))
        self._total += float(moved.sum())
        self._dot += float(a @ b)
        self._square_a += float(a @ a)
        self._square_b += float(b @ b)
        self._count += a.size

    def result(self, path: str, name: str) -> TensorStats:
        if not self._count:
            return TensorStats(path, name, "no finite elements", left_out=self._left_out)
        scale = math.sqrt(self._square_a) * math.sqrt(self._square_b)
        cosine = self._dot / scale if 0 < scale < math.inf else None
        return TensorStats(
            path,
            name,
            max_abs=self._largest,
            mean_abs=self._total / self._count,
            cosine=cosine if cosine is None else max(-1.0, min(1.0, cosine)),
            left_out=self._left_out,
        )
