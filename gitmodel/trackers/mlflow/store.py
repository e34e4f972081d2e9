"""What the three stores of MLflow have in common: the protocol, the form of a run id, and status words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol, TypeGuard

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import NoSuchRunError, TrackerError

if TYPE_CHECKING:
    from gitmodel.trackers.run_metadata import RunMetadata, RunStatus

SYSTEM = "mlflow"
COMMIT_TAG = "mlflow.source.git.commit"
PARENT_TAG = "mlflow.parentRunId"
NAME_TAG = "mlflow.runName"
TAGS = (COMMIT_TAG, PARENT_TAG, NAME_TAG)
MAX_EXPERIMENTS = 10_000
MAX_RECENT_RUNS = 1000  # runs that one call of `recent_runs` returns at most

# As in `mlflow.utils.validation`; such an id is also a safe name of a folder.
_RUN_ID = lazy_compile(r"[a-zA-Z0-9][\w\-]{0,255}")
# Files store numbers, databases and servers words.
_STATUSES: dict[object, RunStatus] = {
    1: "running",
    2: "scheduled",
    3: "finished",
    4: "failed",
    5: "killed",
}
_WORDS = {word.upper(): word for word in _STATUSES.values()}


class MlflowStore(Protocol):
    """A store of runs. Nothing is ever written to it."""

    def run(self, run_id: str) -> RunMetadata:
        """Read one run, also one that goes on, failed or was deleted.

        Raises:
            NoSuchRunError: The store does not have the run.
            TrackerError: The store cannot be read.
        """

    def recent_runs(self, experiment: str | None, since: float, limit: int) -> list[RunMetadata]:
        """Read the finished runs that ended at `since` or later, the last started first.

        Deleted runs are left out.

        Args:
            experiment: Name or id of an experiment; None for all that are not deleted.
            since: Seconds since 1970, UTC.
            limit: Greatest number of runs.

        Raises:
            TrackerError: The store cannot be read, or has no such experiment.
        """


def is_run_id(value: object) -> TypeGuard[str]:
    """Whether a value has the form of a run id."""
    return isinstance(value, str) and value.isascii() and _RUN_ID.fullmatch(value) is not None


def check_run_id(run_id: str, where: str) -> str:
    """Return a run id that has the form of MLflow.

    Raises:
        NoSuchRunError: It has another form, so no store has it.
    """
    return run_id if is_run_id(run_id) else no_such_run(run_id, where)


def bounded(limit: int) -> int:
    """Return how many recent runs are read if `limit` are wanted."""
    return max(0, min(limit, MAX_RECENT_RUNS))


def milliseconds(since: float) -> int:
    """Convert seconds since 1970."""
    return max(0, round(since * 1000))


def no_such_run(run_id: str, where: str) -> NoReturn:
    """Raise the error of a run that is not there."""
    raise NoSuchRunError(
        f"{where} has no run {quote_text(run_id)}",
        hint="copy the run id from the run's page in MLflow, and check the address of the store",
    )


def no_such_experiment(experiment: str, where: str) -> NoReturn:
    """Raise the error of an experiment that is not there."""
    raise TrackerError(
        f"{where} has no experiment {quote_text(experiment)}",
        hint="correct its name; the MLflow page of the store lists the experiments",
    )


def run_status(status: object, lifecycle: object) -> RunStatus:
    """Convert the status of a run: a word or a number; `deleted` for a deleted run."""
    if lifecycle == "deleted":
        return "deleted"
    if isinstance(status, str):
        return _WORDS.get(status.upper(), "unknown")
    if isinstance(status, int) and not isinstance(status, bool):
        return _STATUSES.get(status, "unknown")
    return "unknown"


def seconds(milliseconds: object) -> float | None:
    """Convert milliseconds since 1970; None for what is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        return None
    return milliseconds / 1000 if 0 < milliseconds < 1 << 50 else None
