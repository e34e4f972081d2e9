"""Reads runs from a folder of files of MLflow, `mlruns/<experiment>/<run>/`.

The folder may be in use, or a stranger's; see `FolderReader` for the bounds. YAML is read by gitmodel's
restricted reader. Guarantee: nothing is written.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TextError
from gitmodel.trackers.mlflow.collected import MAX_TEXT, Collected
from gitmodel.trackers.mlflow.folder_reader import FolderReader
from gitmodel.trackers.mlflow.metric_file import last_value
from gitmodel.trackers.mlflow.store import (
    MAX_EXPERIMENTS,
    NAME_TAG,
    TAGS,
    bounded,
    check_run_id,
    is_run_id,
    milliseconds,
    no_such_experiment,
    no_such_run,
    run_status,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.domain.yaml.reader import Value
    from gitmodel.trackers.run_metadata import RunMetadata

_META = "meta.yaml"
_TRASH = ".trash"  # experiments that were deleted
_NO_EXPERIMENTS = {_TRASH, "models"}  # registered models have a folder beside the experiments
_MAX_FILE = 1 << 20  # 1 MiB: of one file of YAML, which may contain the schema of a data set
_MAX_FILES = 20_000  # of metrics, or of params, of one run
_ID = lazy_compile(r"[a-zA-Z0-9_-]{1,256}")
# Line breaks of YAML 1.1 and controls, which MLflow writes and the restricted reader refuses.
_REFUSED = lazy_compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PLAIN = lazy_compile(rb"(?m)^(status|lifecycle_stage|start_time|end_time): *([a-z0-9]+) *\r?$")


class _Place(NamedTuple):
    """Folder of an experiment below the root: its id, in the trash after `.trash`."""

    parts: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.parts[-1]


class FileStore:
    """The runs in one folder.

    Args:
        root: The folder, often named `mlruns`.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._where = f"the MLflow folder {quote_text(root, limit=200)}"

    def run(self, run_id: str) -> RunMetadata:
        """Read one run; see `MlflowStore`."""
        check_run_id(run_id, self._where)
        reader = FolderReader(self._root, self._where)
        with reader.errors():
            for place in (*self._experiments(reader), *self._trash(reader)):
                with suppress(FileNotFoundError), reader.folder(*place.parts, run_id) as handle:
                    meta = _meta(reader, handle)
                    if run_id in (meta.get("run_id"), meta.get("run_uuid")):
                        return self._run(reader, place, run_id, meta)
        return no_such_run(run_id, self._where)

    def recent_runs(self, experiment: str | None, since: float, limit: int) -> list[RunMetadata]:
        """Read the newest finished runs; see `MlflowStore`."""
        reader = FolderReader(self._root, self._where)
        earliest = milliseconds(since)
        with reader.errors():
            found = [
                (-started, run_id, place)
                for place in self._chosen(reader, experiment)
                for run_id, started in self._ended(reader, place, earliest)
            ]
            runs: list[RunMetadata] = []
            for _, run_id, place in sorted(found)[: bounded(limit)]:
                with suppress(FileNotFoundError), reader.folder(*place.parts, run_id) as handle:
                    runs.append(self._run(reader, place, run_id, _meta(reader, handle)))
        return runs

    def _experiments(self, reader: FolderReader) -> Iterator[_Place]:
        with reader.folder():  # a missing root is an error, and not an empty store
            names = reader.folders()
        names = [name for name in names if name not in _NO_EXPERIMENTS]
        yield from (_Place((name,)) for name in names[:MAX_EXPERIMENTS])

    def _trash(self, reader: FolderReader) -> Iterator[_Place]:
        names = reader.folders(_TRASH)
        yield from (_Place((_TRASH, name)) for name in names[:MAX_EXPERIMENTS])

    def _chosen(self, reader: FolderReader, experiment: str | None) -> list[_Place]:
        places = list(self._experiments(reader))
        if experiment is None:
            return places
        named = [one for one in places if _experiment_name(reader, one) == experiment]
        found = named or [one for one in places if one.id == experiment]
        return found or no_such_experiment(experiment, self._where)

    def _ended(
        self, reader: FolderReader, place: _Place, earliest: int
    ) -> Iterator[tuple[str, int]]:
        """Ids and starts of the finished runs of an experiment, without reading YAML."""
        for run_id in filter(is_run_id, reader.folders(*place.parts)):
            with suppress(FileNotFoundError), reader.folder(*place.parts, run_id) as handle:
                raw = reader.read(handle, _META, _MAX_FILE) or b""
                said = dict(_PLAIN.findall(raw))
                started, ended = said.get(b"start_time", b""), said.get(b"end_time", b"")
                if not (started.isdigit() and ended.isdigit() and len(started + ended) < 40):
                    continue
                active = said.get(b"lifecycle_stage", b"active") == b"active"
                if active and said.get(b"status") == b"3" and int(ended) >= earliest:
                    yield run_id, int(started)

    def _run(
        self, reader: FolderReader, place: _Place, run_id: str, meta: dict[str, Value]
    ) -> RunMetadata:
        collected = Collected(database=False)
        folder = (*place.parts, run_id)
        _metrics(reader, (*folder, "metrics"), collected)
        _params(reader, (*folder, "params"), collected)
        with suppress(FileNotFoundError), reader.folder(*folder, "tags") as handle:
            for name in TAGS:
                collected.add_tag(name, _text(reader.read(handle, name, 4 * MAX_TEXT)))
        _data(reader, place, run_id, collected)
        return collected.finish(
            run_id=run_id,
            status=run_status(meta.get("status", 1), meta.get("lifecycle_stage")),
            name=collected.tag(NAME_TAG) or meta.get("run_name"),
            experiment=_experiment_name(reader, place),
            started=seconds(meta.get("start_time")),
            ended=seconds(meta.get("end_time")),
        )


def _metrics(reader: FolderReader, folder: tuple[str, ...], collected: Collected) -> None:
    for count, found in enumerate(reader.tree(folder)):
        if count >= _MAX_FILES:
            break
        if not found.plain:
            collected.leave_out("links and other files that are not plain", found.key)
            continue
        value, unreadable = last_value(reader.blocks(found.handle, found.name))
        collected.add_metric(found.key, value)
        if unreadable:
            collected.leave_out("lines of metrics that are not readable", found.key)


def _params(reader: FolderReader, folder: tuple[str, ...], collected: Collected) -> None:
    for count, found in enumerate(reader.tree(folder)):
        if count >= _MAX_FILES:
            break
        if found.plain:
            text = _text(reader.read(found.handle, found.name, 4 * MAX_TEXT))
            collected.add_param(found.key, text)
        else:
            collected.leave_out("links and other files that are not plain", found.key)


def _data(reader: FolderReader, place: _Place, run_id: str, collected: Collected) -> None:
    for name in reader.folders(*place.parts, run_id, "inputs"):
        try:
            with reader.folder(*place.parts, run_id, "inputs", name) as handle:
                used = _meta(reader, handle)
            if used.get("source_type") != "DATASET":
                continue
            number = used.get("source_id")
            # No folder has the name "", so what is no id is not found.
            number = number if isinstance(number, str) and _ID.fullmatch(number) else ""
            with reader.folder(*place.parts, "datasets", number) as handle:
                data = _meta(reader, handle)
        except (FileNotFoundError, TextError):
            collected.leave_out("data sets that cannot be read", name)
        else:
            collected.add_data(data.get("name"), data.get("digest"), data.get("source"))


def _experiment_name(reader: FolderReader, place: _Place) -> Value:
    try:
        with reader.folder(*place.parts) as handle:
            return _meta(reader, handle).get("name")
    except (FileNotFoundError, TextError):
        return None


def _meta(reader: FolderReader, handle: int) -> dict[str, Value]:
    """Read `meta.yaml`.

    Texts that only the YAML of today takes for numbers, such as the name 1e5, become texts again.

    Raises:
        FileNotFoundError: It is missing, or too large.
        TextError: It is outside the supported subset of YAML.
    """
    from gitmodel.domain.yaml.reader import decode, parse_decoded

    raw = reader.read(handle, _META, _MAX_FILE)
    if raw is None:
        raise FileNotFoundError
    text = _REFUSED.sub("\ufffd", raw.decode("utf-8", "replace"))
    text = decode(text.encode(), what=_META, max_bytes=4 * _MAX_FILE)
    found = parse_decoded(text, what=_META)
    for key in ("run_name", "name", "digest", "source_id", "run_id", "run_uuid"):
        if isinstance(found.get(key), float | int):
            found[key] = _as_written(text, key)
    return found


def _as_written(text: str, key: str) -> str | None:
    for line in text.split("\n"):
        if line.startswith(f"{key}: "):
            return line[len(key) + 2 :].strip()
    return None


def _text(raw: bytes | None) -> str | None:
    """Decode a file; None if it is missing or not UTF-8."""
    try:
        return None if raw is None else raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
