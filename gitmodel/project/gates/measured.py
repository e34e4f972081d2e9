"""Which metrics are judged: those that were declared, that a job measured just now, or that the run's tracker has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.metrics import as_decimal
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.gates.changed import ChangedAlias, ChangedPointer
    from gitmodel.project.gates.judged import Evidence


@dataclass(frozen=True, slots=True)
class JudgedMetrics:
    """The metrics that are judged.

    Attributes:
        evidence: Where they come from.
        measured: Those of the only version that is judged, measured just now.
        read_run: Reads those of a version's run; raises GitmodelError.
    """

    evidence: Evidence = "declared"
    measured: Mapping[str, Metric] = field(default_factory=dict)
    read_run: Callable[[Pointer], Mapping[str, Metric]] | None = None

    @property
    def is_measured(self) -> bool:
        """Whether they belong to one version only."""
        return self.evidence == "measured"

    def of(
        self, declared: Mapping[str, Metric], what: str, pointer: Pointer | None = None
    ) -> tuple[Mapping[str, Metric], list[str]]:
        """The metrics of a version, and what they say otherwise than `what` declares, a text each.

        Raises GitmodelError if the run cannot be read. Without a pointer there is no run.
        """
        if self.evidence == "measured":
            return self.measured, differences(self.measured, declared, what)
        if self.read_run is None:
            return declared, []
        if pointer is None:
            return declared, ["these metrics are as declared: an alias has no run"]
        metrics = self.read_run(pointer)
        changed = {name: value for name, value in metrics.items() if name in declared}
        return metrics, differences(changed, declared, what, verb="the run has")


def differences(
    measured: Mapping[str, Metric],
    declared: Mapping[str, Metric],
    what: str,
    *,
    verb: str = "measured",
) -> list[str]:
    """Say which measured metrics `what`, such as "the pointer", has with another value, a text each."""
    return [
        f"{quote_text(name)[1:-1]}: {verb} {value}, "
        + (f"{what} says {declared[name]}" if name in declared else f"{what} has none")
        for name, value in measured.items()
        if name not in declared or not _is_equal(value, declared[name])
    ]


def _is_equal(one: Metric, other: Metric) -> bool:
    numbers = (as_decimal(one), as_decimal(other))
    return numbers[0] == numbers[1] if None not in numbers else str(one) == str(other)


def require_one_version(
    pointers: Sequence[ChangedPointer], aliases: Sequence[ChangedAlias]
) -> None:
    """Refuse metrics of which nothing says whose they are. Raises UsageError."""
    versions = {(one.after.name, one.after.pointer.digest) for one in pointers}
    versions |= {(one.after.name, one.after.digest) for one in aliases}
    names = sorted({name for name, _ in versions})
    if len(names) != 1:
        what = f"changes {len(names)} models" if names else "changes no model"
        raise UsageError(
            f"gitmodel gate: the request {what}; nothing says whose metrics these are",
            hint="gitmodel gate --metrics FILE NAME",
        )
    if len(versions) > 1:
        raise UsageError(
            f"gitmodel gate: the request changes {names[0]} and an alias of another version of it; "
            "nothing says whose metrics these are",
            hint="make two requests of it",
        )
