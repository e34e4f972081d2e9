"""Metrics that a job has just measured, which are judged instead of those that were declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.metric_changes import as_decimal
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.metrics import Metric
    from gitmodel.project.gates.changed import ChangedAlias, ChangedPointer


def differences(
    measured: Mapping[str, Metric], declared: Mapping[str, Metric], what: str
) -> list[str]:
    """Say which measured metrics `what`, such as "the pointer", has with another value, a text each."""
    return [
        f"{quote_text(name)[1:-1]}: measured {value}, "
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
