"""Writes random offline runs with the wandb of its own environment, and records what was logged.

Started by `wandb.py` beside it, in the environment of one release, with `python -P`:

    wandb_runs.py SEED COUNT

Writes `wandb/offline-run-*` below the working directory, and `answers.json`. W&B has no reader of offline runs
that answers, so the answers are a model: ten rules over the same calls.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import math
import os
import random
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

RELEASE = tuple(int(part) for part in version("wandb").split(".")[:2])
KEYS = ("loss", "val/loss", "größe 🚀", "a.b", "acc top-1", "x" * 150, "é", "long")
VALUES = (
    *(math.nan, math.inf, -math.inf, 0.0, 0.1, 1 / 3, 1e-300, 1e300, -5, 0, 12345678901234, True),
    *("text", "ü🚀", 'quote " and \\', "two\nlines", "x" * 5000),
)
LOGGED_TO_BE_KILLED = 500


def own(number: int) -> str:
    """The id of a run."""
    return f"run{number:05}"


def random_calls(chance: random.Random) -> list[tuple[str, Any]]:
    """The calls of one run, in order."""
    calls: list[tuple[str, Any]] = []
    step, deletable = 0, False
    for _ in range(chance.randrange(25)):
        key, value = chance.choice(KEYS), chance.choice((*VALUES, chance.random()))
        kind = chance.choice(("log", "log", "log", "log", "config", "summary", "delete", "late"))
        if kind == "log":
            step += chance.randrange(1, 4)
            calls.append(("log", (step, {key: value, "loss": chance.random()})))
            if chance.random() < 0.3:
                inner = {"in": {"deep": chance.random()}, "flat": chance.randrange(9)}
                calls.append(("log", (step, {"nested": inner})))
        elif kind == "late":  # a step that is past is refused with a warning
            calls.append(("log", (max(step - 2, 0), {"refused": 1})))
        elif kind == "config":
            given = {key: value, "net": {"layers": [1, None], "size": {"w": chance.randrange(9)}}}
            calls.append(("config", given))
        elif kind == "summary":
            calls.append(("summary", {key: value, "best": {"step": step}}))
            deletable = True
        elif deletable:  # 0.16 dies if the value is not there
            calls.append(("delete", "best"))
            deletable = False
    return calls


class Model:
    """What a run has after its calls."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = dict(config)
        self.summary: dict[str, Any] = {}
        self.step = 0
        self.row: dict[str, Any] = {}  # of this step; it is logged when the next one begins

    def call(self, kind: str, given: Any) -> None:
        """Apply one call."""
        if kind == "config":
            self.config.update(given)
        elif kind == "summary":
            self.summary.update(without_nan(given))
        elif kind == "delete":
            self.summary.pop(given, None)
        elif given[0] >= self.step:
            if given[0] > self.step:
                self.end_step()
            self.step = given[0]
            merge(self.row, given[1])

    def end_step(self) -> None:
        """Log the row of this step."""
        merge(self.summary, self.row)
        self.row = {}

    def answers(self) -> dict[str, Any]:
        """Names and values."""
        self.end_step()
        metrics = {key: value for key, value in flat(self.summary).items() if value is not None}
        return {"metrics": metrics, "params": flat(without_nan(self.config))}


def merge(summary: dict[str, Any], logged: dict[str, Any]) -> None:
    """Take in logged values, mapping by mapping."""
    for key, value in logged.items():
        if isinstance(value, dict) and isinstance(summary.get(key), dict):
            merge(summary[key], value)
        else:
            summary[key] = value


def flat(mapping: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Names with dots."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def without_nan(value: Any) -> Any:
    """The SDK writes NaN as null, unless it is logged."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def start(wandb: Any, number: int, config: dict[str, Any], **options: Any) -> Any:
    """Start a run that names neither this machine nor its user."""
    settings = wandb.Settings()
    wanted = {"host": "host", "console": "off", "disable_git": False}
    for name in ("disable_meta", "disable_stats"):
        wanted[("x_" if RELEASE >= (0, 19) else "_") + name] = True
    for name, value in wanted.items():
        with contextlib.suppress(Exception):
            setattr(settings, name, value)
    return wandb.init(
        mode="offline", id=own(number), config=config, settings=settings, reinit=True, **options
    )


def write(number: int, seed: str) -> dict[str, Any]:
    """Write a run that ends; returns its answers."""
    wandb = importlib.import_module("wandb")
    chance = random.Random(f"{seed} {number}")  # noqa: S311
    config = {"lr": chance.random(), "depth": {"a": 1, "b": {"c": "ü"}}, "tuple": (1, 2)}
    options = {"project": f"project {number % 3}", "name": f"näme {number}"}
    run = start(wandb, number, config, **options)
    model = Model(json.loads(json.dumps(config)))
    for kind, given in random_calls(chance):
        model.call(kind, json.loads(json.dumps(given)))
        if kind == "log":
            run.log(given[1], step=given[0])
        elif kind == "config":
            run.config.update(given, allow_val_change=True)
        elif kind == "summary":
            run.summary.update(given)
        else:
            with contextlib.suppress(KeyError):
                del run.summary[given]
    code = chance.choice((0, 0, 0, 1, 255))
    run.finish(exit_code=code)
    status = "finished" if code == 0 else "failed"
    return {"status": status, "experiment": options["project"], "name": options["name"]} | (
        model.answers()
    )


def write_and_be_killed(number: int) -> None:
    """Log much and be killed with all processes of the run; the last block is lost."""
    run = start(importlib.import_module("wandb"), number, {"lr": 0.1}, project="killed")
    for step in range(LOGGED_TO_BE_KILLED):
        run.log({"step": step, "square": step * step}, step=step)
    time.sleep(1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(seed: str, count: str) -> None:
    """Run as the docstring of this file says."""
    logging.disable()
    answers: dict[str, Any] = {"version": version("wandb"), "runs": {}}
    for number in range(int(count)):
        if number % 20 == 19:
            program = [sys.executable, "-P", __file__, "killed", str(number)]
            # With the service of this process, the SDK would end the run here as if it had finished.
            alone = {name: value for name, value in os.environ.items() if "SERVICE" not in name}
            subprocess.run(program, check=False, start_new_session=True, env=alone)
            answers["runs"][own(number)] = {"status": "running"}
        else:
            answers["runs"][own(number)] = write(number, seed)
    Path("answers.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "killed":
        write_and_be_killed(int(sys.argv[2]))
    else:
        main(*sys.argv[1:])
