"""The Python interface: `gitmodel.add`, `gitmodel.path`, `gitmodel.open`, `gitmodel.tensor`.

Each call opens the repository and closes it. What the command line prints as a warning becomes a
`GitmodelWarning` at the line that called gitmodel.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NoReturn, Self

from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    GateError,
    GitmodelWarning,
    RemoteDeniedError,
    UnknownReferenceError,
    UsageError,
)
from gitmodel.files.path_encoding import given, given_inside, native
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.project.context import Context
from gitmodel.project.deprecated_versions import check_deprecated
from gitmodel.project.fetching.shared_copies import shared_copy
from gitmodel.project.fetching.stream import checked_out_path, open_file
from gitmodel.project.foreign.url import is_repository_url
from gitmodel.project.project import Project
from gitmodel.project.references import resolve
from gitmodel.project.runs.active import active_run
from gitmodel.workflows.add import AddReport, Excluding, IfBetter
from gitmodel.workflows.add import add as register

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType, TracebackType

    from gitmodel.domain.gates.rules import Direction
    from gitmodel.domain.run_id import RunId
    from gitmodel.formats.tensor import Tensor
    from gitmodel.project.models import Model

__all__ = ["AddReport", "add", "log", "open", "path", "tensor"]

_NAMED_TENSORS = 5


def path(reference: str, *, repo: str | os.PathLike[str] = ".") -> str:
    """The path of a version's weights on disk, which are fetched and verified if need be.

    The checked-out version is in the work tree. Any other is written once to a folder of the cache, which
    later calls share.

    Thread safety: threads and processes may call it at the same time.

    Lifetime: a path in the work tree holds the version until the next checkout or training. A path in the
    cache holds it until somebody removes the cache, or changes the file; the next call writes it again.

    Args:
        reference: `fraud`, `fraud@7`, `fraud@production`, ... (docs: references).
        repo: A folder inside the repository; or the URL of one, as for `gitmodel get`.

    Returns:
        An absolute path of a file or folder. Do not write to it unless it is in the work tree.

    Raises:
        UnknownReferenceError: The reference means nothing.
        StoreError, RemoteError: The weights cannot be fetched.
    """
    with _Notes() as notes:
        project, model = _resolved(reference, repo, notes)
        with project:
            checked_out = checked_out_path(project, model)
            try:
                return native(checked_out or shared_copy(project, model))
            except RemoteDeniedError as error:
                _explain_denied(project, error)


def open(  # noqa: A001  (gitmodel.open reads like the builtin on purpose)
    reference: str, file: str | None = None, *, repo: str | os.PathLike[str] = "."
) -> BinaryIO:
    """Open a version's weights for reading, in binary, seekable, without fetching the rest.

    What is read is checked chunk by chunk; checked-out weights that change meanwhile are an error.

    Thread safety: threads may call it at the same time. Give each thread a stream of its own.

    Lifetime: the stream reads the version that the reference meant when it was opened. It holds the
    repository until it is closed: close it, or use it as a context manager.

    Args:
        reference: As for `path`.
        file: Which file, of a model that is a folder.
        repo: As for `path`.

    Raises:
        WeightsError: The model is a folder and no file was named, or the other way round.
        UnknownReferenceError: The folder has no such file.
    """
    with _Notes() as notes:
        return _open(reference, file, repo, notes)


def tensor(
    reference: str,
    name: str,
    file: str | None = None,
    *,
    repo: str | os.PathLike[str] = ".",
) -> Tensor:
    """One tensor of a version, without fetching the rest.

    `numpy.asarray` of it is an array that shares its memory. `Tensor` says what numpy reads of types that
    it lacks, such as bfloat16. An entry of a zip archive that is compressed stays compressed.

    Thread safety: threads may call it at the same time, and share what it returns.

    Lifetime: the tensor holds its bytes in memory, and no file or repository.

    Args:
        reference: As for `path`.
        name: Of the tensor, in a file of safetensors, GGUF or npz; of a PyTorch file the name of the
            storage, `data/0`.
        file: Which file, of a model that is a folder.
        repo: As for `path`.

    Raises:
        UnknownReferenceError: There is no such tensor, or the file is of another format.
        GitmodelError: As `open`.
    """
    from gitmodel.formats.tensor import Tensor
    from gitmodel.formats.tensors import tensor_places

    with _Notes() as notes, _open(reference, file, repo, notes) as stream:

        def read(offset: int, count: int) -> bytes:
            stream.seek(offset)
            return stream.read(count)

        places = tensor_places(read, stream.seek(0, io.SEEK_END))
        if name in places:
            offset, extent = places[name]
            return Tensor(read(offset, extent.size), name, extent)
    some = ", ".join(list(places)[:_NAMED_TENSORS])
    raise UnknownReferenceError(
        f"{reference} has no tensor {name}",
        hint=f"there are {some}" if places else "gitmodel.open reads files of any format",
    )


def add(
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    run_id: RunId | None = None,
    name: str | None = None,
    exclude: str | Iterable[str] = (),
    repo: str | os.PathLike[str] | None = None,
    run: str | None = None,
    if_better: Mapping[str, Direction] | str | None = None,
    force: str | None = None,
) -> AddReport:
    """Register weights just written, with metrics, params and run id, and stage their pointer.

    Call it at the end of training: `git status` then shows the new version, and `git commit`, with
    `-a` or without, commits it, also where nothing but the weights changed.

    Thread safety: threads and processes may call it at the same time, for different models.

    Lifetime: the report is data. It holds no file and no repository.

    Args:
        path: A file or folder inside a repository.
        metrics: Metrics of these weights: numbers, text, booleans, also of numpy and torch; names in
            names become `eval.auc`. What a pointer cannot hold is left out, with a warning.
        params: Training parameters; lists and None as well.
        run_id: The run, as MLflow or another tracker names it; a number or a UUID is recorded as text.
        name: The model's name, for the first version; from the path if not given.
        exclude: Patterns of files to leave out of a folder, from this version on: `*.swp`,
            `optimizer*`. They add to those that the model has.
        repo: A folder inside the repository; that of `path` if not given.
        run: The run as `gitmodel add --run` takes it: `mlflow:ID`, `wandb:ID`, `auto`, `none`. If neither
            it nor `run_id` is given, the run of MLflow or W&B that is active in this process is recorded,
            with its metrics and params.
        if_better: Register only weights that are better than the baseline in these metrics: a name whose
            direction `better:` in .gitmodel.yaml has, or names and directions.
        force: Why weights that the gate refuses are registered all the same; the pointer keeps it.

    Returns:
        The version and what changed; equal content changes nothing.

    Raises:
        GateError: The gate refuses the weights, so they are no version. They stay on disk.
        GitmodelError: As `gitmodel add`.
    """
    full = os.path.abspath(given(path))
    folder = os.path.dirname(full) if repo is None else os.path.abspath(given(repo))
    metadata = MetadataInput(
        metric_values=metrics or {},
        param_values=params or {},
        run_id=run_id,
        run=run,
        active=active_run() if run is None and run_id is None else None,
    )
    patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    with _Notes() as notes:
        context = Context(environment=os.environ, folder=folder, note=notes.note)
        with Project.open(context) as project:
            excluding = Excluding(tuple(map(given_inside, patterns)))
            try:
                report = register(
                    project,
                    full,
                    given=metadata,
                    name=name,
                    excluding=excluding,
                    if_better=_if_better(if_better),
                    force=force,
                )
            except GateError as error:
                command = f"gitmodel.add({os.fspath(path)!r}, force=WHY)"
                error.hint = f"they stay on disk; to register them all the same: {command}"
                raise
        for text in report.warnings:
            notes.note(text)
    return report


def _if_better(
    asked: Mapping[str, Direction] | str | None,
) -> IfBetter | None:
    if asked is None:
        return None
    if isinstance(asked, str):
        return IfBetter((asked,))
    if not isinstance(asked, Mapping):
        raise UsageError(
            f"if_better is a name or a mapping, not {type(asked).__name__}",
            hint='if_better={"auc": "higher"}',
        )
    return IfBetter(tuple(asked), directions=dict(asked))


def log(
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    run_id: RunId | None = None,
    name: str | None = None,
    repo: str | os.PathLike[str] | None = None,
) -> AddReport:
    """The earlier name of `add`, until 0.2: on the command line `log` shows history."""
    _warn("gitmodel.log is now gitmodel.add", DeprecationWarning)
    return add(path, metrics=metrics, params=params, run_id=run_id, name=name, repo=repo)


def _resolved(reference: str, repo: str | os.PathLike[str], notes: _Notes) -> tuple[Project, Model]:
    """The version that a reference means, and its project, which the caller closes."""
    if isinstance(repo, str) and is_repository_url(repo):
        from gitmodel.workflows.get import borrow

        context = Context(environment=os.environ, folder=os.getcwd(), note=notes.note)
        borrowed, located = borrow(context, repo, [reference])
        return borrowed, _checked(borrowed, located[0].model)
    folder = os.path.abspath(given(repo))
    project = Project.open(Context(environment=os.environ, folder=folder, note=notes.note))
    try:
        return project, _checked(project, resolve(project, Reference.parse(reference)))
    except BaseException:
        project.close()
        raise


def _checked(project: Project, model: Model) -> Model:
    """The model, after a warning if the version is deprecated; closes the project if it is refused."""
    try:
        check_deprecated(project, [model], "gitmodel checkout")
    except BaseException:
        project.close()
        raise
    return model


def _open(
    reference: str, file: str | None, repo: str | os.PathLike[str], notes: _Notes
) -> BinaryIO:
    file = None if file is None else given_inside(file)
    project, model = _resolved(reference, repo, notes)
    try:
        return open_file(project, model, reference, file)
    except RemoteDeniedError as error:
        with project:
            _explain_denied(project, error)
    except BaseException:
        project.close()
        raise


def _explain_denied(project: Project, error: RemoteDeniedError) -> NoReturn:
    """Raise an error of a remote again; of somebody else's repository with how to trust its remote."""
    from gitmodel.project.foreign.project import ForeignProject

    if isinstance(project, ForeignProject):
        project.explain_denied(error)
    raise error


class _Notes:
    """What workflows tell the caller of one call: warnings when the call ends, on the caller's thread.

    A stream that the call returned may tell more later; that becomes a warning at once.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._ended = False

    def note(self, text: str) -> None:
        if self._ended:
            _warn(text, GitmodelWarning)
        else:
            self._texts.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        # A filter may turn warnings into errors; an error of the call itself comes first.
        with suppress(*() if error is None else (GitmodelWarning,)):
            for text in self._texts:
                _warn(text, GitmodelWarning)


def _warn(text: str, category: type[Warning]) -> None:
    """Warn at the line that called gitmodel."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    level = 1
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
        level += 1
    warnings.warn(text, category, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "gitmodel"
