"""Compares the weights of two versions: by their manifests, and by tensors where headers name them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.tensor_changes import counts
from gitmodel.errors import GitmodelError
from gitmodel.project.comparing.bounded_packs import BoundedPacks, budget_of
from gitmodel.project.comparing.headers import parameters_of
from gitmodel.project.comparing.stored_files import compare_files
from gitmodel.project.comparing.tensor_stats import tensor_stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.tensor_changes import Status
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.comparing.manifests import ManifestReader
    from gitmodel.project.comparing.stored_files import FileChange
    from gitmodel.project.comparing.tensor_stats import TensorStats
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class BytesChange:
    """How much of the second version's weights is not in the first.

    Attributes:
        changed: Bytes of the second version in chunks that the first does not have.
        stored: Bytes of the packs that the second version needs and the first does not.
    """

    changed: int
    stored: int


@dataclass(frozen=True, slots=True)
class WeightsChange:
    """What differs between the weights of two versions.

    Attributes:
        is_same: Whether they have one digest.
        files: Empty if a manifest is missing, or the digests are equal.
        bytes: None if a manifest is missing, or the digests are equal.
        parameters: Of the second version; None if its headers do not say, or were not read.
        missing: Why the weights were not compared; one error for each version whose manifest is missing.
        stats: Of the changed tensors, if they were asked for.
        stats_problem: Why they could not be read.
    """

    is_same: bool
    files: tuple[FileChange, ...] = ()
    bytes: BytesChange | None = None
    parameters: int | None = None
    dtypes: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[GitmodelError, ...] = ()
    stats: tuple[TensorStats, ...] = ()
    stats_problem: GitmodelError | None = None

    @property
    def has_tensors(self) -> bool:
        """Whether tensors of a file were compared."""
        return any(file.tensors is not None for file in self.files)

    @property
    def renamed(self) -> int:
        """How many tensors were only renamed, at least."""
        return sum(len(file.renamed) for file in self.files)

    def counts(self) -> dict[Status, int]:
        """How many tensors of all files have each status."""
        return counts(change for file in self.files for change in file.tensors or ())


def compare_weights(
    project: Project, a: Model, b: Model, reader: ManifestReader, *, with_stats: bool = False
) -> WeightsChange:
    """Compare two versions, without fetching more than `budget_of` their sizes. Equal digests need nothing.

    `with_stats` reads the changed tensors of both versions, whatever their size.
    """
    if a.pointer.digest == b.pointer.digest:
        return WeightsChange(is_same=True)
    manifests: list[Manifest] = []
    missing: list[GitmodelError] = []
    for model in (a, b):
        try:
            manifests.append(reader.of(model))
        except GitmodelError as error:
            missing.append(error)
    if missing:
        return WeightsChange(is_same=False, missing=tuple(missing))
    old, new = manifests
    packs = BoundedPacks(project, manifests, budget_of(old.total_size, new.total_size))
    files = tuple(compare_files(old, new, packs))
    stats: list[TensorStats] = []
    stats_problem = None
    if with_stats:
        try:
            stats = tensor_stats(project, (old, new), files)
        except GitmodelError as error:
            stats_problem = error
    spans = [change.b for file in files for change in file.tensors or () if change.b is not None]
    sizes = [parameters_of(span) for span in spans]
    known = [size for size in sizes if size is not None]
    return WeightsChange(
        is_same=False,
        files=files,
        bytes=_bytes_change(old, new),
        parameters=sum(known) if spans and len(known) == len(spans) else None,
        dtypes=Counter(span.dtype for span in spans if span.dtype is not None),
        stats=tuple(stats),
        stats_problem=stats_problem,
    )


def _bytes_change(old: Manifest, new: Manifest) -> BytesChange:
    # Not all chunks of the manifest: bases of differences belong to other versions.
    known = {old.chunk(number).hash for number in set(old.sequence)}
    known_packs = set(old.packs)
    chunks = [new.chunk(number) for number in range(new.chunk_count)]
    # A chunk that occurs twice has twice its bytes, as in the size of the version.
    changed = [0 if chunk.hash in known else chunk.raw_size for chunk in chunks]
    return BytesChange(
        changed=sum(map(changed.__getitem__, new.sequence)),
        stored=sum(size for name, size in new.sized_packs if name not in known_packs),
    )
