"""Versions that no gate has seen: as another program, or an older gitmodel, would commit them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.workflows.add import add

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.desk import Desk


def ungated(
    desk: Desk,
    content: bytes,
    path: str = "fraud.bin",
    *,
    metrics: Sequence[str] = (),
    name: str | None = None,
) -> None:
    """Register weights whatever the gate says, without a reason in the pointer, and commit them."""
    desk.repo.write(path, content)
    with desk.open() as project:
        report = add(
            project,
            path,
            name=name,
            given=MetadataInput(metrics=tuple(metrics)),
            force="no gate",
        )
    where = report.pointer_path
    pointer = replace(Pointer.from_text(desk.repo.read(where), what=where), forced=None)
    desk.repo.write(where, pointer.to_text())
    desk.repo.git("add", "--", where)
    desk.repo.git("commit", "-qm", f"{report.name} {report.version}")
