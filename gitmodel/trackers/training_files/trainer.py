"""Reads what the Trainer of Hugging Face transformers leaves beside weights.

    checkpoint-N/trainer_state.json   entries of `log_history` at step N
    all_results.json                  metrics of the weights in the output folder, if the script saves them
    trainer_state.json                beside them: entries of the last step, if the weights are of that step

`best_model_checkpoint` is set whether or not the Trainer loaded that checkpoint at the end:
`load_best_model_at_end` is only in `training_args.bin`, a pickle, which is never opened. So a state whose
best step is not its last one says nothing about the weights in the output folder.

Guarantee: no metric of another step than that of the weights is returned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitmodel.domain.metrics import MetricsRead, metrics_from_mapping
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TextError, TrackerError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.values import parse_json, skipped_note
from gitmodel.trackers.training_files.work_tree import is_stale, require_same_training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.trackers.training_files.work_tree import FoundFile, Weights, WorkTree

SYSTEM = "transformers"
STATE = "trainer_state.json"
SPLITS = ("train", "eval", "test", "predict")
RESULTS = frozenset({"all_results.json", *(f"{split}_results.json" for split in SPLITS)})

_CHECKPOINT = lazy_compile(r"checkpoint-([0-9]{1,15})")
_BEST = lazy_compile(r"(?s:.*)\bcheckpoint-([0-9]{1,15})[/\\]?")
# Files of weights that the Trainer writes into its output folder.
_WEIGHTS = lazy_compile(
    r"(?:model|pytorch_model|adapter_model)(?:-[0-9]{5}-of-[0-9]{5})?\.(?:safetensors|bin)"
)
# When and how fast, how many, and the state of the optimizer: not how good the weights are.
_NO_METRIC = lazy_compile(
    r"epoch|step|total_flos|learning_rate|grad_norm|num_input_tokens_seen"
    r"|(?:.*_)?(?:runtime|per_second|compilation_time|preparation_time)"
    r"|(?:train|eval|test|predict)_samples"
    r"|(?:init|train|eval|test|predict|before_init)_mem_(?:cpu|gpu)_.*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TrainerState:
    """The part of a `trainer_state.json` that counts here.

    Attributes:
        step: Its global step.
        best: Step of the best checkpoint; None if the Trainer did not choose one.
        entries: The log, each entry with its step.
    """

    step: int
    best: int | None
    entries: tuple[tuple[int, Mapping[str, Any]], ...]

    @property
    def evaluated(self) -> int | None:
        """The last step with a metric of an evaluation."""
        steps = [
            step for step, entry in self.entries if any(name.startswith("eval_") for name in entry)
        ]
        return max(steps, default=None)

    def at(self, step: int) -> dict[str, object]:
        """The metrics of a step; of two entries with one name the later one counts."""
        found: dict[str, object] = {}
        for entry_step, entry in self.entries:
            if entry_step == step:
                found.update(only_metrics(entry))
        return found


def parse_state(raw: bytes, *, what: str) -> TrainerState:
    """Parse a `trainer_state.json`.

    Raises:
        TextError: It is not the state of a Trainer, or too large.
    """
    content = parse_json(raw, what=what)
    step, log = content.get("global_step"), content.get("log_history")
    if type(step) is not int or not isinstance(log, list):
        raise TextError(f"{what}: the file has no global_step and log_history")
    best = content.get("best_global_step")  # since transformers 4.50
    checkpoint = content.get("best_model_checkpoint")
    if type(best) is not int:
        named = _BEST.fullmatch(checkpoint) if isinstance(checkpoint, str) else None
        best = int(named[1]) if named else (None if checkpoint is None else -1)
    entries = tuple(
        (entry["step"], entry)
        for entry in log
        if isinstance(entry, dict) and type(entry.get("step")) is int
    )
    return TrainerState(step, best, entries)


def only_metrics(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out times, counts and the state of the optimizer."""
    return {name: value for name, value in values.items() if not _NO_METRIC.fullmatch(name)}


def step_of_last_weights(state: TrainerState, *, what: str) -> int:
    """Return the step of the weights in the output folder.

    Raises:
        TrackerError: The best step is not the last one, so they may be of either.
    """
    if state.best is None or state.best == state.evaluated == state.step:
        return state.step
    best = "a step without number" if state.best < 0 else f"step {state.best}"
    evaluated = "none" if state.evaluated is None else f"step {state.evaluated}"
    raise TrackerError(
        f"{what}: best is {best}, last evaluated is {evaluated}, last is step {state.step};"
        " the file does not say which of them the weights are"
    )


def read_results(raw: bytes, *, what: str) -> MetricsRead:
    """Read `all_results.json`, or the results of one split.

    Raises:
        TextError: It is not a JSON object, or too large.
    """
    return metrics_from_mapping(only_metrics(parse_json(raw, what=what)), what=what)


def read_named_state(raw: bytes, path: str) -> MetricsRead:
    """Read a `trainer_state.json` that the user names.

    Raises:
        TextError: It does not parse, or does not say which step the weights are of.
    """
    state = parse_state(raw, what=path)
    step = state.step
    if not _CHECKPOINT.fullmatch(path.rpartition("/")[0].rpartition("/")[2]):
        try:
            step = step_of_last_weights(state, what=path)
        except TrackerError as error:
            hint = "gitmodel add PATH --metric NAME=VALUE"
            raise TextError(error.message, hint=hint) from error
    return metrics_from_mapping(state.at(step), what=path)


def read_checkpoint(tree: WorkTree, weights: Weights) -> RunMetadata | None:
    """Read the state in a folder `checkpoint-N`; None if the weights are in none.

    Raises:
        TrackerError: The state is of another step, or of an earlier training.
        TextError: It does not parse, or is too large.
    """
    named = _CHECKPOINT.fullmatch(weights.folder[-1]) if weights.folder else None
    found = tree.read((*weights.folder, STATE)) if named else None
    if named is None or found is None:
        return None
    require_same_training(found, weights)
    state = parse_state(found.raw, what=quote_text(found.path, limit=200))
    if state.step != int(named[1]):
        raise TrackerError(
            f"{quote_text(found.path, limit=200)} is of step {state.step}, not of step {named[1]}"
        )
    return _of_step(state, found, state.step)


def read_output(tree: WorkTree, weights: Weights) -> RunMetadata | None:
    """Read the results in an output folder; None if it has none, or is a checkpoint.

    Raises:
        TrackerError: They may be of other weights.
        TextError: They do not parse, or are too large.
    """
    if weights.folder and _CHECKPOINT.fullmatch(weights.folder[-1]):
        return None
    results = tree.read((*weights.folder, "all_results.json"))
    found = tree.read((*weights.folder, STATE))
    if results is None and found is None:
        return None
    if not (weights.is_folder or _WEIGHTS.fullmatch(weights.name)):
        raise TrackerError(
            f"{quote_text(weights.name)} is not a name that the Trainer gives to weights, so the"
            " results beside it may be of others"
        )
    if results is not None and not (is_stale(results, weights) and found is not None):
        require_same_training(results, weights)
        return _of_results(tree, weights, results)
    assert found is not None  # noqa: S101 - one of them is there
    require_same_training(found, weights)
    what = quote_text(found.path, limit=200)
    state = parse_state(found.raw, what=what)
    return _of_step(state, found, step_of_last_weights(state, what=what))


def _of_step(state: TrainerState, found: FoundFile, step: int) -> RunMetadata:
    what = quote_text(found.path, limit=200)
    read = metrics_from_mapping(state.at(step), what=what)
    if not read.values:
        raise TrackerError(f"{what} has no metrics of step {step}")
    notes = (f"read {what}: metrics of step {step}", *skipped_note(read, found.path))
    return RunMetadata(SYSTEM, metrics=read.values, notes=notes)


def _of_results(tree: WorkTree, weights: Weights, results: FoundFile) -> RunMetadata:
    """The results, without those of splits that were last evaluated by an earlier training.

    The Trainer adds to `all_results.json`, so that it keeps what an earlier training wrote there.
    """
    what = quote_text(results.path, limit=200)
    values = only_metrics(parse_json(results.raw, what=what))
    notes = [f"read {what}"]
    for split in SPLITS:
        found = tree.read((*weights.folder, f"{split}_results.json"))
        if found is None or not is_stale(found, weights):
            continue
        earlier = parse_json(found.raw, what=quote_text(found.path, limit=200))
        for name in earlier:
            values.pop(name, None)
        notes.append(f"left out what {quote_text(found.path, limit=200)} has: it is older")
    read = metrics_from_mapping(values, what=what)
    notes.extend(skipped_note(read, results.path))
    return RunMetadata(SYSTEM, metrics=read.values, notes=tuple(notes))
