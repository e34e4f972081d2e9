"""New metadata of a version, from whatever source."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.pointer import MetricsSource
    from gitmodel.domain.yaml.reader import Value


class Metadata(NamedTuple):
    """New metadata of a version; empty fields have no new values."""

    metrics: Mapping[str, Metric] = MappingProxyType({})
    params: Mapping[str, Any] = MappingProxyType({})
    run_id: str | None = None
    source: MetricsSource | None = None
    left_out: tuple[str, ...] = ()
    run: Mapping[str, Value] | None = None  # the pointer's `run`
    data: tuple[Mapping[str, Value], ...] = ()  # the pointer's `data`
    format: Mapping[str, Value] | None = None  # the pointer's `format`, of the weights

    @property
    def nothing(self) -> bool:
        """Whether there is no new metadata."""
        return not (self.metrics or self.params or self.run or self.data) and self.run_id is None
