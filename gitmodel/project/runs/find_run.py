"""Finds the run of weights: by id, by the environment of the process, or by evidence.

Environment variables count where a person or a training script registers weights. A hook opens only local stores
inside the work tree that `runs:` names: a shell's `MLFLOW_RUN_ID` may be last week's, and a commit needs no network.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.config.runs import RunStore, run_store_of
from gitmodel.domain.paths import safe_parts
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitmodelError, TrackerError, UsageError
from gitmodel.project.history.renames import whole_history
from gitmodel.project.models import read_models
from gitmodel.project.project import CONFIG_NAME
from gitmodel.project.runs.evidence import SLACK_SECONDS, choose_run
from gitmodel.trackers.run_metadata import RunMetadata

if TYPE_CHECKING:
    from gitmodel.project.project import Project
    from gitmodel.trackers.mlflow.store import MlflowStore

AUTO = "auto"
NONE = "none"
_SYSTEMS = ("mlflow", "wandb")
_MOST_RUNS = 100  # of a store, that ended since the weights were written
_MOST_NAMED = 5


# Path from the top of the work tree -> store, in the order in which they are asked.
_USUAL = {
    "mlflow.db": RunStore("mlflow", "sqlite:///mlflow.db"),
    "mlruns": RunStore("mlflow", "mlruns"),
    "wandb": RunStore("wandb", "wandb"),
}


class _Place(NamedTuple):
    """A store, the folder where its relative path begins, and whether the user's environment names it."""

    store: RunStore
    folder: str
    is_own: bool = False


class FoundRun(NamedTuple):
    """A run, None if there is none, and what to say about the search."""

    run: RunMetadata | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def joined(cls, first: FoundRun, then: FoundRun) -> FoundRun:
        """The run of the second search, and the notes of both."""
        return cls(then.run, (*first.notes, *then.notes))


class RunFinder:
    """Looks for the run of the weights of one model.

    `weights` is their path, relative to the top of the work tree. Methods raise ConfigError if `runs:` is not valid.
    """

    def __init__(self, project: Project, name: str, weights: str) -> None:
        self._project = project
        self._name = name
        self._weights = weights

    def named(self, spec: str) -> FoundRun:
        """The run that `--run` names: `mlflow:ID`, `wandb:ID`, `auto` or `none`.

        Raises UsageError for other texts, NoSuchRunError or TrackerError if the run cannot be read.
        """
        if spec == AUTO:
            return self.auto()
        if spec == NONE:
            return FoundRun()
        system, colon, run_id = spec.partition(":")
        if not colon or not run_id or system not in _SYSTEMS:
            raise UsageError(
                f"{quote_text(spec)} names no run",
                hint="gitmodel add PATH --run mlflow:ID, or wandb:ID, or auto",
            )
        return FoundRun(self._mlflow(run_id) if system == "mlflow" else self._wandb(run_id))

    def of_environment(self) -> FoundRun:
        """The run whose id the environment has; one that cannot be read is recorded by its id."""
        environment = self._project.context.environment
        if run_id := environment.get("MLFLOW_RUN_ID"):
            try:
                return FoundRun(self._mlflow(run_id))
            except TrackerError as error:
                note = f"{error.message}; of the run only its id is recorded"
                return FoundRun(RunMetadata("mlflow", run_id), (note,))
        if run_id := environment.get("WANDB_RUN_ID"):
            return FoundRun(self._wandb(run_id))
        from gitmodel.trackers import clearml

        return FoundRun(clearml.from_environment(environment))

    def auto(self) -> FoundRun:
        """The run of the environment, else the one that the times show, else the files beside the weights.

        In CI the job's page is recorded if there is no run.
        """
        found = self.of_environment()
        if found.run is not None:
            return found
        notes: list[str] = []
        for place in self._places():
            found = self._by_times(place)
            if found.run is not None:
                return found
            notes += found.notes
        from gitmodel.trackers.training_files.find import read_beside

        beside = read_beside(self._project.root, safe_parts(self._weights))
        if beside is not None:
            return FoundRun(beside, tuple(notes))
        from gitmodel.trackers.ci import run_url

        page = run_url(self._project.context.environment)
        if page is not None:
            return FoundRun(RunMetadata("ci", url=page), tuple(notes))
        return FoundRun(None, tuple(notes) or ("no run of these weights was found",))

    def in_hook(self) -> FoundRun:
        """The run that a local store named by `runs:` has for these weights."""
        store = self._configured()
        if store is None or not self._is_inside(store):
            return FoundRun()
        return self._by_times(_Place(store, self._project.root))

    def _configured(self) -> RunStore | None:
        return run_store_of(self._project.config.unknown, self._name, what=CONFIG_NAME)

    def _places(self) -> list[_Place]:
        """Where to look for runs: what `runs:` names, else the store of the environment, else usual folders."""
        root, context = self._project.root, self._project.context
        configured = self._configured()
        if configured is not None:
            return [_Place(configured, root)]
        if uri := context.environment.get("MLFLOW_TRACKING_URI"):
            return [_Place(RunStore("mlflow", uri), context.folder, is_own=True)]
        return [
            _Place(store, root)
            for path, store in _USUAL.items()
            if os.path.exists(os.path.join(root, path))
        ]

    def _by_times(self, place: _Place) -> FoundRun:
        """The run of a store during which the weights were written."""
        store = place.store
        written = self._written()
        if written is None:
            return FoundRun()
        try:
            if store.system == "mlflow":
                runs = self._opened(place).recent_runs(
                    store.experiment, written - SLACK_SECONDS, _MOST_RUNS
                )
            else:
                from gitmodel.trackers.wandb.offline import offline_runs

                folder = os.path.join(place.folder, store.uri)
                runs = offline_runs(folder, written - SLACK_SECONDS)
        except TrackerError as error:
            return FoundRun(None, (f"{error.message}; no run is recorded",))
        choice = choose_run(runs, written, self._taken() if runs else ())
        if not choice.rivals:
            return FoundRun(choice.run)
        ids = [str(run.run_id) for run in choice.rivals]
        more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
        note = (
            f"{len(ids)} runs may have written these weights ({', '.join(ids[:_MOST_NAMED])}{more}), "
            f"so none is recorded; name one: gitmodel add {self._project.typed(self._weights)} "
            f"--run {store.system}:ID"
        )
        return FoundRun(None, (note,))

    def _taken(self) -> set[str]:
        """The runs that other versions of the model are of: a finished run lends its metrics to no other weights."""
        digest = self._project.worktree.hash_weights(self._name, self._weights).digest
        pointers = [item.model.pointer for item in whole_history(self._project, self._name).seen]
        here = read_models(self._project, name=self._name).get(self._name)
        pointers += [] if here is None else [here.pointer]
        return {str(one.run_id) for one in pointers if one.run_id and one.digest != digest}

    def _mlflow(self, run_id: str) -> RunMetadata:
        """A run of the store of the environment, else of what `runs:` names, else of the usual places."""
        context = self._project.context
        uri = context.environment.get("MLFLOW_TRACKING_URI")
        if uri:
            own = _Place(RunStore("mlflow", uri), context.folder, is_own=True)
            return self._opened(own).run(run_id)
        places = [place for place in self._places() if place.store.system == "mlflow"]
        for place in places[:-1]:
            try:
                return self._opened(place).run(run_id)
            except TrackerError:
                continue
        if not places:
            raise TrackerError(
                "there is no MLflow store to read the run from",
                hint="set MLFLOW_TRACKING_URI, or name the store in .gitmodel.yaml under runs",
            )
        return self._opened(places[-1]).run(run_id)

    def _opened(self, place: _Place) -> MlflowStore:
        """A store. A server that a committed file names gets no credentials."""
        from gitmodel.trackers.mlflow.open import open_store

        settings = None
        if place.is_own:
            from gitmodel.trackers.mlflow.settings import MlflowSettings

            settings = MlflowSettings.from_environment(self._project.context.environment)
        return open_store(place.store.uri, folder=place.folder, settings=settings)

    def _wandb(self, run_id: str) -> RunMetadata:
        """A run of the folder `wandb` if it is offline, else its id and page."""
        environment = self._project.context.environment
        folders = [os.path.join(self._project.context.folder, "wandb")]
        folders.append(os.path.join(self._project.root, "wandb"))
        if chosen := environment.get("WANDB_DIR"):
            folders.insert(0, os.path.join(chosen, "wandb"))
        from gitmodel.trackers.wandb.offline import read_offline

        for folder in dict.fromkeys(folders):
            for entry in _entries(folder):
                if entry.startswith("offline-run-") and entry.endswith(f"-{run_id}"):
                    return read_offline(os.path.join(folder, entry))
        from gitmodel.trackers.wandb.online import online_link

        link = online_link({**environment, "WANDB_RUN_ID": run_id})
        note = "of an online run of W&B only its id and link are recorded"
        return replace(link or RunMetadata("wandb", run_id), notes=(note,))

    def _written(self) -> float | None:
        """When the newest file of the weights was written, in seconds since 1970."""
        try:
            scan = self._project.worktree.scan(self._weights)
        except GitmodelError:
            return None
        times = [file.stat.mtime_ns for file in scan.files]
        return max(times) / 1e9 if times else None

    def _is_inside(self, store: RunStore) -> bool:
        """Whether a store is a file or folder inside the work tree, also after its links are resolved."""
        path = store.uri
        for prefix in ("sqlite:///", "file:"):
            path = path.removeprefix(prefix)
        if store.is_remote or "://" in path or os.path.isabs(path):
            return False
        top = os.path.realpath(self._project.root)
        real = os.path.realpath(os.path.join(top, path.partition("?")[0]))
        return real != top and os.path.commonpath([top, real]) == top


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
