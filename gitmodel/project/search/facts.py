"""What a search reads of a pointer, as values that JSON can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.yaml.reader import Value


class PointerFacts(NamedTuple):
    """The keys of a pointer that are shown or searched, unchanged."""

    name: str
    version: int
    digest: str  # 64 hex digits
    size: int  # bytes
    path: str  # of the weights inside the folder of the pointer
    run_id: str | None
    license: str | None
    base: str | None
    tags: Sequence[str]
    metrics: Mapping[str, Metric]
    params: Mapping[str, Value]
    format: Mapping[str, Value] | None
    data: Sequence[Mapping[str, Value]]
    run: Mapping[str, Value] | None

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes two pointers the same version."""
        return self[:3]


# What stands for a field that was not asked for.
ABSENT: Mapping[str, Any] = {"tags": (), "metrics": {}, "params": {}, "data": ()}


def facts_of(pointer: Pointer) -> PointerFacts:
    """The facts of a pointer."""
    return PointerFacts(
        name=pointer.name,
        version=pointer.version,
        digest=pointer.digest.hex,
        size=pointer.size,
        path=pointer.path,
        run_id=pointer.run_id,
        license=pointer.license,
        base=pointer.base,
        tags=pointer.tags,
        metrics=pointer.metrics,
        params=pointer.params,
        format=pointer.format,
        data=pointer.data,
        run=pointer.run,
    )


def weights_beside(pointer_path: str, path: str) -> str:
    """The path of weights, relative to the top of the tree, to be shown only: it is not checked."""
    folder, slash, _ = pointer_path.rpartition("/")
    return f"{folder}{slash}{path}"
