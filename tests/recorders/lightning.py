"""Records trainings with the real Lightning: `python tests/recorders/lightning.py`.

Writes `tests/trackers/training_files/recorded/lightning.json`, which the suite reads without Lightning. A
second logger of the same Trainer notes each metric with the Trainer's `global_step`. What had been logged up
to the `global_step` of a checkpoint are the metrics of that checkpoint. What had been logged when it was saved
are too, since an evaluation of the same weights may follow.

    --environments DIR   keep the environment in this folder, or use the one that is there
    --compare RUNS       record nothing; compare so many random trainings, live
    --seed NUMBER        other random trainings

Needs access to a package registry, and some GB of disk unless the environment has a torch for the CPU.
Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.recorders.trainings import Answer, Library

if TYPE_CHECKING:
    import random

HPARAMS: dict[str, Any] = {"lr": 0.1, "layers": 3, "name": "adam", "amp": True, "none": None}


def train(chance: random.Random) -> list[Answer]:
    """One training with random loggers, loops and checkpoints."""
    import torch  # type: ignore[import-not-found]
    from lightning.pytorch import Trainer  # type: ignore[import-not-found]
    from lightning.pytorch.callbacks import ModelCheckpoint  # type: ignore[import-not-found]
    from lightning.pytorch.loggers import CSVLogger  # type: ignore[import-not-found]

    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(chance.randint(0, 10**9))
    chosen = Choices(chance)
    data = torch.utils.data.TensorDataset(torch.randn(chosen.batches * 2, 2))
    loader = torch.utils.data.DataLoader(data, batch_size=2)
    version = chance.choice([None, 10])
    log, witness = CSVLogger(".", name="lightning_logs", version=version), _witness()
    saver = ModelCheckpoint(save_top_k=-1, save_last=chance.random() < 0.5, **chosen.checkpoint)
    trainer = Trainer(
        max_epochs=chosen.epochs,
        logger=[log, witness],
        callbacks=[saver, _clerk(witness)],
        log_every_n_steps=chosen.every,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        num_sanity_val_steps=0,
        **chosen.trainer,
    )
    model = _model(chosen)
    witness.trainer = trainer
    trainer.fit(model, loader, loader)
    if chance.random() < 0.3:  # by hand, after the training
        trainer.save_checkpoint(Path(log.log_dir) / "checkpoints" / "final.ckpt")
        log.save()
    return [_answer(path, witness, chosen) for path in sorted(Path().rglob("*.ckpt"))]


class Choices:
    """What is random about a training."""

    def __init__(self, chance: random.Random) -> None:
        self.batches = chance.randint(3, 9)
        self.epochs = chance.randint(1, 4)
        self.every = chance.choice([1, 2, 3, 5, 50])
        self.optimizers = chance.choice([1, 1, 1, 2, 3])
        self.validation = chance.random() < 0.7
        self.log_step = chance.random() < 0.8
        self.log_epoch = chance.random() < 0.5
        self.grows = chance.random() < 0.3
        self.hparams = {name: HPARAMS[name] for name in chance.sample(sorted(HPARAMS), 3)}
        self.checkpoint: dict[str, Any] = chance.choice(
            [
                {},
                {"every_n_train_steps": chance.randint(1, 5)},
                {"every_n_epochs": 2},
                {"filename": "best-{epoch}"},
                {"filename": "{step}-{epoch}-{train_loss:.2f}"},
                {"filename": "mine"},
            ]
        )
        self.trainer: dict[str, Any] = {}
        if self.optimizers == 1:
            self.trainer["accumulate_grad_batches"] = chance.choice([1, 1, 2, 3])
        if self.validation:
            self.trainer["val_check_interval"] = chance.choice([1.0, 1.0, 2, 3])
            self.trainer["check_val_every_n_epoch"] = chance.choice([1, 1, 2])


def _witness() -> Any:
    from lightning.pytorch.loggers import Logger

    class Witness(Logger):  # type: ignore[misc]
        """Notes each metric with the Trainer's global step at that time."""

        name, version = "witness", 0

        def __init__(self) -> None:
            super().__init__()
            self.trainer: Any = None
            self.calls: list[tuple[int, dict[str, Any]]] = []
            self.saved: dict[int, int] = {}  # calls when a checkpoint was first saved, by its step

        def log_hyperparams(self, *values: Any, **named: Any) -> None:
            pass

        def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:  # noqa: ARG002
            self.calls.append((self.trainer.global_step, dict(metrics)))

    return Witness()


def _clerk(witness: Any) -> Any:
    from lightning.pytorch import Callback

    class Clerk(Callback):  # type: ignore[misc]
        def on_save_checkpoint(self, trainer: Any, *_: Any) -> None:
            witness.saved.setdefault(trainer.global_step, len(witness.calls))

    return Clerk()


def _model(chosen: Choices) -> Any:
    import torch
    from lightning.pytorch import LightningModule

    class Model(LightningModule):  # type: ignore[misc]
        def __init__(self, **_: Any) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(2, 1)
            self.automatic_optimization = chosen.optimizers == 1

        def training_step(self, batch: Any, index: int) -> Any:  # noqa: ARG002
            loss = self.layer(batch[0]).pow(2).mean()
            logged = chosen.log_step or chosen.log_epoch
            if logged:
                self.log("train_loss", loss, on_step=chosen.log_step, on_epoch=chosen.log_epoch)
            if chosen.grows and self.current_epoch > 0:
                self.log("late", loss * 2)
            for optimizer in self.optimizers() if chosen.optimizers > 1 else ():
                optimizer.zero_grad()
                self.manual_backward(self.layer(batch[0]).pow(2).mean())
                optimizer.step()
            return loss

        def configure_optimizers(self) -> Any:
            made = [
                torch.optim.SGD(self.parameters(), lr=0.01 * (number + 1))
                for number in range(chosen.optimizers)
            ]
            return made if len(made) > 1 else made[0]

    if chosen.validation:
        Model.validation_step = lambda self, batch, index: self.log(  # noqa: ARG005
            "val/loss", self.layer(batch[0]).pow(2).mean()
        )
    return Model(**chosen.hparams)


def _answer(path: Path, witness: Any, chosen: Choices) -> Answer:
    import torch

    saved = torch.load(path, weights_only=False)["global_step"]
    until = [logged for step, logged in witness.calls if step <= saved]
    before = [logged for _, logged in witness.calls[: witness.saved[saved]]]
    optimizers = "one optimizer" if chosen.optimizers == 1 else "more optimizers"
    return {
        "weights": path.as_posix(),
        "kind": optimizers,
        "metrics": _last(until),
        "when saved": _last(before),
        "params": chosen.hparams,
    }


def _last(calls: list[dict[str, Any]]) -> dict[str, float]:
    """The last value of each metric."""
    values = {name: value for logged in calls for name, value in logged.items()}
    return {name: float(value) for name, value in values.items() if name != "epoch"}


if __name__ == "__main__":
    Library("lightning", ("lightning", "torch", "numpy"), train, 7, "2").main()
