"""Records trainings with the real Trainer of transformers: `python tests/recorders/transformers.py`.

Writes `tests/trackers/training_files/recorded/transformers.json`, which the suite reads without transformers.
A model of a few weights is trained on the CPU. A callback notes the Trainer's log when a checkpoint is saved.
After the training each file of weights is loaded and evaluated again, so that the answer does not depend
on what the Trainer says.

    --environments DIR   keep the environment in this folder, or use the one that is there
    --compare RUNS       record nothing; compare so many random trainings, live
    --seed NUMBER        other random trainings

Needs access to a package registry, and some GB of disk unless the environment has a torch for the CPU.
Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any

from tests.recorders.trainings import Answer, Library

if TYPE_CHECKING:
    import random

TIMES = ("_runtime", "_per_second", "_samples")
OTHER = {"epoch", "step", "total_flos", "learning_rate", "grad_norm"}


def train(chance: random.Random) -> list[Answer]:
    """One training by the usual script: train, save, evaluate, with some of these left out."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch  # type: ignore[import-not-found]
    from transformers import Trainer, TrainingArguments  # type: ignore[import-not-found]
    from transformers.utils import logging  # type: ignore[import-not-found]

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    model, data = _model(chance.randint(0, 10**9))
    choose_best = chance.random() < 0.5
    evaluate = choose_best or chance.random() < 0.8
    every = chance.randint(2, 4)
    arguments = TrainingArguments(
        "out",
        per_device_train_batch_size=4,
        max_steps=chance.randint(5, 12),
        learning_rate=chance.choice([0.05, 3.0]),  # 3.0 diverges, so that an early step is the best
        lr_scheduler_type="constant",
        logging_steps=chance.randint(1, 4),
        eval_strategy="steps" if evaluate else "no",
        eval_steps=every,
        save_steps=every if choose_best else chance.randint(2, 5),
        load_best_model_at_end=choose_best,
        metric_for_best_model="loss"
        if choose_best or (evaluate and chance.random() < 0.3)
        else None,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    witness = _witness()
    trainer = Trainer(
        model,
        arguments,
        train_dataset=data,
        eval_dataset=data,
        compute_metrics=lambda out: {
            "mse": float(((out[0] - out[1]) ** 2).mean()),
            "nan": float("nan"),
        },
        callbacks=[witness],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        results = _script(trainer, chance)
        return _answers(trainer, witness.saved, results)


def _script(trainer: Any, chance: random.Random) -> dict[str, Any]:
    """What an example script does after the training; returns the metrics that it saved."""
    results: dict[str, Any] = {}
    trained = trainer.train()
    trainer.save_model()
    if chance.random() < 0.5:
        trainer.save_metrics("train", trained.metrics)
        results |= trained.metrics
    if chance.random() < 0.8:
        trainer.save_state()
    if chance.random() < 0.4:
        evaluated = trainer.evaluate()
        trainer.save_metrics("eval", evaluated)
        results |= evaluated
    return results


def _answers(trainer: Any, saved: dict[int, list[Any]], results: dict[str, Any]) -> list[Answer]:
    answers: list[Answer] = [
        {
            "weights": f"out/checkpoint-{step}",
            "kind": "checkpoint",
            "metrics": _only_metrics({k: v for entry in log for k, v in entry.items()}),
            "measured": _measured(trainer, f"out/checkpoint-{step}"),
        }
        for step, log in saved.items()
    ]
    measured = _measured(trainer, "out")
    if results:
        metrics = _only_metrics(results)
    else:  # what the Trainer logged at the step whose weights were kept
        best = trainer.state.best_global_step
        step = best if trainer.args.load_best_model_at_end and best else trainer.state.global_step
        log = [entry for entry in trainer.state.log_history if entry["step"] == step]
        metrics = _only_metrics({k: v for entry in log for k, v in entry.items()})
    for weights in ("out", "out/model.safetensors"):
        answer = {"weights": weights, "kind": "output", "metrics": metrics, "measured": measured}
        answers.append(answer)
    return answers


def _only_metrics(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k not in OTHER and not k.endswith(TIMES)}


def _measured(trainer: Any, folder: str) -> dict[str, float]:
    """The loss of the weights on disk."""
    import torch

    model = type(trainer.model).from_pretrained(folder)
    columns = {k: torch.stack([row[k] for row in trainer.eval_dataset]) for k in ("x", "labels")}
    with torch.no_grad():
        return {"eval_loss": float(model(**columns)["loss"])}


def _witness() -> Any:
    from transformers import TrainerCallback

    class Witness(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.saved: dict[int, list[Any]] = {}

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            at = [dict(entry) for entry in state.log_history if entry["step"] == state.global_step]
            self.saved[state.global_step] = at

    return Witness()


def _model(seed: int) -> tuple[Any, list[dict[str, Any]]]:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    torch.manual_seed(seed)

    class Config(PretrainedConfig):  # type: ignore[misc]
        model_type = "tiny"

    class Model(PreTrainedModel):  # type: ignore[misc]
        config_class = Config

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.layer = torch.nn.Linear(2, 1)
            self.post_init()

        def forward(self, x: Any = None, labels: Any = None) -> dict[str, Any]:
            logits = self.layer(x).squeeze(-1)
            return {"loss": ((logits - labels) ** 2).mean(), "logits": logits}

    data = [{"x": torch.randn(2), "labels": torch.randn(())} for _ in range(8)]
    return Model(Config()), data


if __name__ == "__main__":
    packages = ("transformers", "torch", "accelerate", "numpy")
    Library("transformers", packages, train, 6, "6").main()
