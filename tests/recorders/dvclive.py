"""Records trainings with the real DVCLive: `python tests/recorders/dvclive.py`.

Writes `tests/trackers/training_files/recorded/dvclive.json`, which the suite reads without DVCLive.

    --environments DIR   keep the environment in this folder, or use the one that is there
    --compare RUNS       record nothing; compare so many random trainings, live
    --seed NUMBER        other random trainings

Needs access to a package registry. Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.recorders.trainings import Answer, Library

if TYPE_CHECKING:
    import random

NAMES = [
    "acc",
    "loss",
    "train/loss",
    "train/acc",
    "val/f1",
    "val/deep/er",
    "v a l",
    "ümlaut",
    "a.b",
]
VALUES = [0, 1, -3, 1e-300, 1e300, 0.1, 1 / 3, float("nan"), float("inf"), float("-inf"), 123456789]
PARAMS: dict[str, Any] = {
    "lr": 2e-5,
    "layers": 3,
    "name": "adam",
    "text": "yes: no # 1",
    "number": "017",
    "amp": True,
    "betas": [0.9, 0.999],
    "optimizer": {"name": "sgd", "nested": {"momentum": 0.9}},
    "big": 10**20,
    "lines": "a\nb",
    "empty": "",
}


def train(chance: random.Random) -> list[Answer]:
    """One training: its weights beside `dvclive`, or elsewhere and logged as an artifact."""
    from dvclive import Live  # type: ignore[import-not-found]

    logging.disable(logging.CRITICAL)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "init", "-q"], check=True)  # noqa: S607
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "a"], check=True)  # noqa: S607
    weights = chance.choice(["model.pt", "models/fraud.safetensors"])
    logged = weights != "model.pt" or chance.random() < 0.5
    Path(weights).parent.mkdir(exist_ok=True)
    names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    params = {name: PARAMS[name] for name in chance.sample(sorted(PARAMS), chance.randint(0, 6))}
    with Live(save_dvc_exp=False, report=None, dvcyaml="dvc.yaml") as live:
        live.log_params(params)
        for _ in range(chance.randint(1, 5)):
            for name in names:
                if chance.random() < 0.8:
                    live.log_metric(name, chance.choice([*VALUES, chance.random()]))
            live.next_step()
        if chance.random() < 0.3:
            live.summary["best"] = chance.random()
        Path(weights).write_bytes(b"weights")
        if logged:
            live.log_artifact(weights, type="model", name="fraud")
        metrics = flat(live.summary)
    metrics.pop("step", None)
    return [{"weights": weights, "metrics": metrics, "params": flat(params)}]


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Names with dots; DVCLive's text for numbers that JSON does not have is a number again."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = float(value) if str(value) in {"nan", "inf", "-inf"} else value
    return found


if __name__ == "__main__":
    Library("dvclive", ("dvclive", "numpy"), train, 6, "1").main()
