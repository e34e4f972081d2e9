"""The Python interface: `gitmodel.path`, `gitmodel.open`, `gitmodel.tensor`, `gitmodel.add`.

Where `repo` is a URL, no clone is needed: see `workflows/get`.

Weights that are asked for by a version other than the checked-out one are placed, verified, in a
folder of the cache of their own and shared by every later call.
"""

from __future__ import annotations

import io
import os
import warnings
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, RemoteDeniedError, UnknownReferenceError, WeightsError
from gitmodel.files.path_encoding import given, given_inside, native
from gitmodel.project.adding.metadata import NOT_RECORDED, MetadataInput
from gitmodel.project.context import Context
from gitmodel.project.fetching.shared_copies import shared_copy
from gitmodel.project.fetching.stream import open_stream
from gitmodel.project.foreign.url import is_repository_url
from gitmodel.project.project import Project
from gitmodel.project.references import resolve
from gitmodel.workflows.add import AddReport
from gitmodel.workflows.add import add as register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.run_id import RunId
    from gitmodel.project.models import Model

__all__ = ["add", "log", "open", "path", "tensor"]

_NAMED_FILES = 5
_BUFFER = 1 << 20  # bytes read ahead by gitmodel.open


def path(reference: str, *, repo: str | os.PathLike[str] = ".") -> str:
    """The path of a version's weights on disk, fetched and verified if they are not here yet.

    Args:
        reference: `fraud`, `fraud@7`, `fraud@production`, ... (docs: references).
        repo: A folder inside the repository; or the URL of one, as for `gitmodel get`.

    Returns:
        An absolute path of a file or folder. Do not write to it unless it is in the work tree.

    Raises:
        UnknownReferenceError: The reference means nothing.
        StoreError, RemoteError: The weights cannot be had.
    """
    project, model = _resolved(reference, repo)
    with project:
        here = _checked_out(project, model)
        try:
            return native(here if here is not None else shared_copy(project, model))
        except RemoteDeniedError as error:
            _explain_denied(project, error)


def _resolved(reference: str, repo: str | os.PathLike[str]) -> tuple[Project, Model]:
    """The version that a reference means, and its project, which the caller closes."""
    if isinstance(repo, str) and is_repository_url(repo):
        from gitmodel.workflows.get import borrow

        context = Context(environment=os.environ, folder=os.getcwd())
        borrowed, located = borrow(context, repo, [reference])
        return borrowed, located[0].model
    project = Project.open(Context(environment=os.environ, folder=os.path.abspath(given(repo))))
    try:
        return project, resolve(project, Reference.parse(reference))
    except BaseException:
        project.close()
        raise


def _checked_out(project: Project, model: Model) -> str | None:
    """The weights in the work tree, if they are those of the version."""
    if project.repository.work_tree is None:
        return None
    try:
        project.worktree.exclude(model.weights, model.pointer.exclude)
        seen = project.worktree.hash_weights(model.name, model.weights)
    except (
        GitmodelError,
        OSError,
    ):  # a folder of links, say: the cache has what was stored from it
        return None
    if seen.digest != model.pointer.digest:
        return None
    return os.path.join(project.root, *model.weights.split("/"))


def open(  # noqa: A001  (gitmodel.open reads like the builtin on purpose)
    reference: str, file: str | None = None, *, repo: str | os.PathLike[str] = "."
) -> BinaryIO:
    """Open a version's weights for reading, in binary, seekable, without fetching the rest.

    What is read is checked chunk by chunk; checked-out weights that change meanwhile are an error. Close it,
    or use it as a context manager.

    Args:
        reference: As for `path`.
        file: Which file, of a model that is a folder.
        repo: As for `path`.

    Raises:
        WeightsError: The model is a folder and no file was named, or the other way round.
        UnknownReferenceError: The folder has no such file.
    """
    file = None if file is None else given_inside(file)
    project, model = _resolved(reference, repo)
    try:
        opened = _open_on_disk(project, model, reference, file)
        if opened is None:
            return io.BufferedReader(open_stream(project, model, file), _BUFFER)
    except RemoteDeniedError as error:
        with project:
            _explain_denied(project, error)
    except BaseException:
        project.close()
        raise
    project.close()
    return opened


def _open_on_disk(
    project: Project, model: Model, reference: str, file: str | None
) -> BinaryIO | None:
    """Open a file of checked-out weights; None if they are not those of the version."""
    from gitmodel.project.fetching.stream import open_unchanged

    full = _checked_out(project, model)
    if full is None:
        return None
    place = native(_file_on_disk(full, reference, file))
    try:
        opened = open_unchanged(place, model)
    except OSError:
        return None
    # Another version may have taken the place between the look and the opening.
    if _checked_out(project, model) is None or not opened.is_at(place):
        opened.close()
        return None
    return io.BufferedReader(opened, _BUFFER)


def _file_on_disk(full: str, reference: str, file: str | None) -> str:
    if os.path.isdir(full):
        if file is None:
            raise WeightsError(
                f"{reference} is a folder; name one of its files", hint=_some_files(full)
            )
        place = os.path.join(full, *safe_parts(file))
        if not os.path.isfile(place):
            raise UnknownReferenceError(f"{reference} has no file {file}", hint=_some_files(full))
        return place
    if file is not None:
        raise WeightsError(f"{reference} is one file, so there is no {file} in it")
    return full


def _explain_denied(project: Project, error: RemoteDeniedError) -> NoReturn:
    """Raise an error of a remote again; of somebody else's repository with how to trust its remote."""
    from gitmodel.project.foreign.project import ForeignProject

    if isinstance(project, ForeignProject):
        project.explain_denied(error)
    raise error


def _some_files(folder: str) -> str:
    """A hint that names the first files of a folder."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(os.path.join(place, name), folder) for name in sorted(names)]
        if len(found) >= _NAMED_FILES:
            break
    return f"there are {', '.join(found[:_NAMED_FILES])}"


def tensor(
    reference: str,
    name: str,
    file: str | None = None,
    *,
    repo: str | os.PathLike[str] = ".",
) -> bytes:
    """The bytes of one tensor of a version, without fetching the rest.

    They are as the file holds them, mostly little endian, and an entry of a zip archive that is
    compressed stays so; type and shape stand in the file's header.

    Args:
        reference: As for `path`.
        name: Of the tensor, in a file of safetensors, GGUF or npz; of a PyTorch file the name of the
            storage, `data/0`.
        file: Which file, of a model that is a folder.
        repo: A folder inside the repository.

    Raises:
        UnknownReferenceError: There is no such tensor, or the file is of another format.
        GitmodelError: As `open`.
    """
    from gitmodel.formats.tensors import tensor_places

    with open(reference, file, repo=repo) as stream:

        def read(offset: int, count: int) -> bytes:
            stream.seek(offset)
            return stream.read(count)

        places = tensor_places(read, stream.seek(0, io.SEEK_END))
        if name in places:
            offset, extent = places[name]
            return read(offset, extent.size)
    some = ", ".join(list(places)[:_NAMED_FILES])
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
    repo: str | os.PathLike[str] | None = None,
) -> AddReport:
    """Register weights just written, with metrics, params and run id, and stage their pointer.

    Call it at the end of training: `git status` then shows the new version, and `git commit`, with
    `-a` or without, commits it, also where nothing but the weights changed.

    Args:
        path: A file or folder inside a repository.
        metrics: How good these weights are: numbers, text, yes and no, also of numpy and torch; names in
            names become `eval.auc`. What a pointer cannot hold is left out, with a warning.
        params: What the run was given; lists and None as well.
        run_id: The run, as MLflow or another tracker names it; a number or a UUID is recorded as text.
        name: The model's name, for the first version; from the path if not given.
        repo: A folder inside the repository; that of `path` if not given.

    Returns:
        The version and what changed; equal content changes nothing.

    Raises:
        GitmodelError: As `gitmodel add`.
    """
    full = os.path.abspath(given(path))
    folder = os.path.dirname(full) if repo is None else os.path.abspath(given(repo))
    known = MetadataInput(
        metric_values=metrics or {},
        param_values=params or {},
        run_id=run_id,
    )
    with Project.open(Context(environment=os.environ, folder=folder)) as project:
        report = register(project, full, given=known, name=name)
    for text in report.warnings:
        if text.startswith(NOT_RECORDED):
            warnings.warn(text, stacklevel=2)
    return report


def log(
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    run_id: RunId | None = None,
    name: str | None = None,
    repo: str | os.PathLike[str] | None = None,
) -> AddReport:
    """The earlier name of `add`, to be removed in 0.2: on the command line `log` shows history."""
    warnings.warn("gitmodel.log is now gitmodel.add", DeprecationWarning, stacklevel=2)
    return add(path, metrics=metrics, params=params, run_id=run_id, name=name, repo=repo)
