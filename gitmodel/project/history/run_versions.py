"""The version that a training run made."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, UnknownReferenceError
from gitmodel.project.history.missing_history import fetch_pointers, find_missing_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import whole_history
from gitmodel.project.models import read_models

if TYPE_CHECKING:
    from gitmodel.domain.reference import Reference
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_SHORTEST = 8  # characters of the beginning of a run id


def by_run(project: Project, reference: Reference) -> Model:
    """The version that a run made: by its whole id, or by 8 or more characters that only one id has.

    Raises UnknownReferenceError if there is none, or the run made several versions.
    """
    name, wanted = reference.name, reference.value
    found = _of_run(project, name, wanted)
    if not found and not history_of(project, name).complete:
        with suppress(GitmodelError):  # if Git cannot fetch, the local history decides
            fetch_pointers(project, name)
            found = _of_run(project, name, wanted)
    if not found:
        lack = find_missing_history(project)
        raise UnknownReferenceError(
            f"no version is of the run {wanted!r}{'' if lack is None else ', ' + lack.reason}",
            hint=f"gitmodel log {name}" if lack is None else lack.command,
            model=name,
        )
    return _only(name, wanted, found)


def by_run_alone(project: Project, name: str, word: str) -> Model | None:
    """The version whose run has this id, of which 8 or more characters are given without `run:`.

    None if there is none. Raises UnknownReferenceError if the run made several versions.
    """
    found = _of_run(project, name, word) if len(word) >= _SHORTEST else []
    return _only(name, word, found) if found else None


def _only(name: str, wanted: str, found: list[Model]) -> Model:
    if len(found) > 1:
        numbers = sorted(model.pointer.version for model in found)
        raise UnknownReferenceError(
            f"{len(found)} versions are of the run {wanted!r}",
            hint=f"name one: {', '.join(f'{name}@{number}' for number in numbers)}",
            model=name,
        )
    return found[0]


def _of_run(project: Project, name: str, wanted: str) -> list[Model]:
    """The newest pointer of each version of a run; of its exact id if there are any."""
    models = [item.model for item in whole_history(project, name).seen]
    if project.repository.work_tree is not None:
        here = read_models(project, name=name).get(name)
        models = models if here is None else [here, *models]
    newest: dict[str, Model] = {}
    for model in models:
        newest.setdefault(model.pointer.digest.hex, model)
    ids = {hex_: model.pointer.run_id or "" for hex_, model in newest.items()}
    exact = [newest[hex_] for hex_, run_id in ids.items() if run_id == wanted]
    if exact or len(wanted) < _SHORTEST:
        return exact
    return [newest[hex_] for hex_, run_id in ids.items() if run_id.startswith(wanted)]
