"""Weights beside files of the Trainer: which step counts, and when nothing is taken."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.domain.metrics import MetricsRead
from gitmodel.errors import TextError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.find import read_beside
from gitmodel.trackers.training_files.named import read_named_metrics
from gitmodel.trackers.training_files.trainer import only_metrics
from tests.support.trainings import write

if TYPE_CHECKING:
    from pathlib import Path

LOG = [
    {"step": 4, "epoch": 0.5, "loss": 0.9, "grad_norm": 2.0, "learning_rate": 1e-4},
    {
        "step": 4,
        "epoch": 0.5,
        "eval_loss": 0.8,
        "eval_runtime": 1.0,
        "eval_samples_per_second": 3.0,
    },
    {"step": 8, "epoch": 1.0, "loss": 0.7},
    {"step": 8, "epoch": 1.0, "eval_loss": 0.6, "eval_auc": math.nan},
]


def state(step: int = 8, **more: Any) -> str:
    return json.dumps({"global_step": step, "log_history": LOG, **more})


def test_a_checkpoint_has_the_metrics_of_its_step(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "out/checkpoint-4/model.safetensors": "",
            "out/checkpoint-4/trainer_state.json": state(4),
        },
    )
    expected = RunMetadata(
        "transformers",
        metrics={"loss": 0.9, "eval_loss": 0.8},
        notes=('read "out/checkpoint-4/trainer_state.json": metrics of step 4',),
    )

    assert read_beside(str(tmp_path), ("out", "checkpoint-4")) == expected
    assert read_beside(str(tmp_path), ("out", "checkpoint-4", "model.safetensors")) == expected


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"checkpoint-4/trainer_state.json": state(8)},
            '"checkpoint-4/trainer_state.json" is of step 8, not of step 4',
        ),
        (
            {"checkpoint-4/trainer_state.json": "[1]"},
            '"checkpoint-4/trainer_state.json": the file must be an object',
        ),
        (
            {"checkpoint-4/trainer_state.json": '{"global_step": true}'},
            '"checkpoint-4/trainer_state.json": the file has no global_step and log_history',
        ),
        (
            {"checkpoint-4/trainer_state.json": "[" * 100_000},
            '"checkpoint-4/trainer_state.json": nested too deeply',
        ),
        (
            {"checkpoint-4/trainer_state.json": "1" * 5000},
            '"checkpoint-4/trainer_state.json": a number has too many digits',
        ),
        (
            {"checkpoint-4/trainer_state.json": '{"global_step": 4, "log_history": [1, {}]}'},
            '"checkpoint-4/trainer_state.json" has no metrics of step 4',
        ),
        (
            {"checkpoint-4/trainer_state.json": " " * ((8 << 20) + 1)},
            '"checkpoint-4/trainer_state.json" was not read: it has more than 8 MiB',
        ),
    ],
)
def test_a_state_that_cannot_be_used_is_noted(
    files: dict[str, str], note: str, tmp_path: Path
) -> None:
    write(tmp_path, {"checkpoint-4/model.safetensors": "", **files})

    run = read_beside(str(tmp_path), ("checkpoint-4",))

    assert run is not None
    assert (run.metrics, run.notes[0]) == ({}, note)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"checkpoint-4/model.safetensors": "", "secret.json": state(4)})
    (tmp_path / "checkpoint-4/trainer_state.json").symlink_to(tmp_path / "secret.json")

    run = read_beside(str(tmp_path), ("checkpoint-4",))

    assert run is not None
    assert run.metrics == {}
    assert run.notes == (
        "\"checkpoint-4/trainer_state.json\" was not read: 'trainer_state.json' is a symbolic link",
    )


def test_files_of_an_earlier_training_are_not_taken(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"checkpoint-4/model.safetensors": "", "checkpoint-4/trainer_state.json": state(4)},
    )
    os.utime(tmp_path / "checkpoint-4/trainer_state.json", (1, 1))

    run = read_beside(str(tmp_path), ("checkpoint-4",))

    assert run == RunMetadata(
        "transformers",
        notes=(
            (
                '"checkpoint-4/trainer_state.json" was written more than 10 minutes before the weights,'
                " so it may describe others"
            ),
        ),
    )


def test_results_beside_weights_are_taken_without_times(tmp_path: Path) -> None:
    results = (
        '{"epoch": 3.0, "eval_auc": NaN, "eval_runtime": 1.5, "train_loss": 0.5, "curve": [1]}'
    )
    write(tmp_path, {"out/model.safetensors": "", "out/all_results.json": results})

    run = read_beside(str(tmp_path), ("out", "model.safetensors"))

    assert run is not None
    assert repr(dict(run.metrics)) == "{'eval_auc': nan, 'train_loss': 0.5}"
    assert run.notes == (
        'read "out/all_results.json"',
        'not recorded of "out/all_results.json": "curve" (a list cannot be recorded here)',
    )


def test_results_that_an_earlier_training_left_in_the_file_are_left_out(tmp_path: Path) -> None:
    files = {
        "out/model.safetensors": "",
        "out/all_results.json": '{"eval_auc": 0.9, "train_loss": 0.5}',
        "out/train_results.json": '{"train_loss": 0.5}',
        "out/eval_results.json": '{"eval_auc": 0.9}',
    }
    write(tmp_path, files)
    os.utime(tmp_path / "out/eval_results.json", (1, 1))

    run = read_beside(str(tmp_path), ("out",))

    assert run == RunMetadata(
        "transformers",
        metrics={"train_loss": 0.5},
        notes=(
            'read "out/all_results.json"',
            'left out what "out/eval_results.json" has: it is older',
        ),
    )


def test_results_count_before_the_state(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "model.safetensors": "",
            "all_results.json": '{"eval_loss": 0.5}',
            "trainer_state.json": state(),
        },
    )

    run = read_beside(str(tmp_path), ("model.safetensors",))

    assert run is not None
    assert run.metrics == {"eval_loss": 0.5}


@pytest.mark.parametrize(
    "more",
    [
        {"best_model_checkpoint": None},
        {"best_model_checkpoint": "/x/out/checkpoint-8"},
        {"best_global_step": 8, "best_model_checkpoint": "somewhere"},
    ],
)
def test_a_state_counts_if_the_best_step_is_the_last(more: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, {"out/model.safetensors": "", "out/trainer_state.json": state(**more)})

    run = read_beside(str(tmp_path), ("out",))

    assert run is not None
    assert run.notes == ('read "out/trainer_state.json": metrics of step 8',)
    assert repr(dict(run.metrics)) == "{'loss': 0.7, 'eval_loss': 0.6, 'eval_auc': nan}"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"best_model_checkpoint": "out/checkpoint-4"},
            "best is step 4, last evaluated is step 8,",
        ),
        ({"best_global_step": 4}, "best is step 4, last evaluated is step 8,"),
        ({"best_model_checkpoint": 7}, "best is a step without number, last evaluated is step 8,"),
    ],
)
def test_nothing_is_taken_if_the_best_step_is_another(
    more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    text = state(**more)
    write(tmp_path, {"out/model.safetensors": "", "out/trainer_state.json": text})
    message = (
        f'"out/trainer_state.json": {said} last is step 8; the file does not say which of them the'
        " weights are"
    )

    assert read_beside(str(tmp_path), ("out",)) == RunMetadata("transformers", notes=(message,))
    with pytest.raises(TextError) as refused:
        read_named_metrics(text.encode(), "out/trainer_state.json")
    assert refused.value.message == message.replace('"', "")


def test_weights_of_another_name_do_not_get_the_results_beside_them(tmp_path: Path) -> None:
    write(tmp_path, {"models/fraud.pt": "", "models/all_results.json": '{"eval_loss": 0.5}'})

    assert read_beside(str(tmp_path), ("models", "fraud.pt")) == RunMetadata(
        "transformers",
        notes=(
            (
                '"fraud.pt" is not a name that the Trainer gives to weights, so the results beside it'
                " may be of others"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("path", "raw", "expected"),
    [
        ("checkpoint-4/trainer_state.json", state(4), {"loss": 0.9, "eval_loss": 0.8}),
        (
            "out/checkpoint-4/trainer_state.json",
            state(4, best_global_step=2),
            {"loss": 0.9, "eval_loss": 0.8},
        ),
        ("trainer_state.json", state(4), {"loss": 0.9, "eval_loss": 0.8}),
        ("all_results.json", '{"epoch": 1, "eval_f1": 0.5, "total_flos": 7}', {"eval_f1": 0.5}),
        ("out/eval_results.json", '{"eval_f1": 0.5, "eval_samples": 7}', {"eval_f1": 0.5}),
    ],
)
def test_a_named_file_is_read(path: str, raw: str, expected: dict[str, float]) -> None:
    assert read_named_metrics(raw.encode(), path) == MetricsRead(expected, ())


def test_times_counts_and_the_optimizer_are_no_metrics() -> None:
    left_out = [
        *("epoch", "step", "total_flos", "learning_rate", "grad_norm", "num_input_tokens_seen"),
        *(
            "eval_runtime",
            "train_samples_per_second",
            "eval_model_preparation_time",
            "eval_samples",
        ),
        *("eval_jit_compilation_time", "train_mem_gpu_peaked_delta", "runtime", "eval_a_runtime"),
    ]
    kept = ["loss", "eval_loss", "eval_num_samples", "best_epoch", "rewards/margins", "steps"]

    assert list(only_metrics(dict.fromkeys([*left_out, *kept]))) == kept
