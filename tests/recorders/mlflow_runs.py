"""Writes random runs with the MLflow of its own environment, and records what `MlflowClient` answers.

Started by `mlflow.py` beside it, in the environment of one release, with `python -P`:

    mlflow_runs.py URI SEED COUNT ANSWERS

The same seed gives the same runs with each release.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

START = 1_700_000_000_000  # milliseconds
METRICS = ("loss", "acc.top-1", "val/loss", "val/f1 score", "a/b/c/deep_1", "größe", "lr", "x")
PARAMS = ("lr", "optimizer", "model/layers", "model/width", "note text", "seed", "größe", "p.q-r")
NAMES = (
    *("1e5", "0o17", "0x1f", "null", "~", "true", "no", "12:30", "007", "-", "# hash", "a: b"),
    *("'quoted'", 'dou"ble', "back\\slash", "größe 🚀", "[list]", "{map}", "*star", "&and", "!tag"),
    *("two\nlines", "tab\there", "12e45", ".inf", "2026-11-28", "%percent", "@at", "`tick", "= ="),
    *("a long name " * 20, "x" * 240, " spaces around ", "\x85next line", "\u2028separator"),
)
VALUES = (
    *(
        "",
        " ",
        "1e-3",
        "true",
        "None",
        "[1, 2, 3]",
        "{'a': 1}",
        "multi\nline\r\ntext\n",
        "größe 🚀",
    ),
    *("  spaces  ", "0", "-0.5", "nan", "x" * 5999, "word " * 1000, "\ttab", "c:\\path"),
)
SOURCES = (
    '{"uri": "s3://data/train.parquet"}',
    '{"url": "https://reader:secret@data.example.org/train.csv"}',
    '{"path": "glue", "config_name": "sst2", "split": "train"}',
    '{"tags": {"mlflow.source.name": "train.py"}}',
    '{"table_name": "warehouse.training"}',
    "not JSON",
)
DATA_NAMES = ("train", "train set 2026", "größe", "a/b c", "holdout  two spaces")
STATUSES = ("FINISHED", "FINISHED", "FINISHED", "FAILED", "KILLED", "RUNNING")
COMMIT, PARENT = "mlflow.source.git.commit", "mlflow.parentRunId"


def random_number(chance: random.Random) -> float:
    """A value of a metric, often a special one."""
    special = (math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1e300, -1e-9, 3.0)
    return chance.choice(special) if chance.random() < 0.3 else chance.gauss(0, 10)


def random_points(chance: random.Random) -> list[tuple[int, int, float]]:
    """Values of one metric as step, time and value: out of order, with ties."""
    steps = [chance.randint(-1, 6) for _ in range(chance.randint(1, 9))]
    times = [START + chance.randint(0, 3) for _ in steps]
    return [(step, at, random_number(chance)) for step, at in zip(steps, times, strict=True)]


def digest_text(chance: random.Random) -> str:
    """Eight characters of hex."""
    return "".join(chance.choices("0123456789abcdef", k=8))


class Writer:
    """Writes runs into one store.

    Args:
        client: The `MlflowClient`.
        seed: Start of the random numbers.
        files: Whether the store is a folder of files.
    """

    def __init__(self, client: Any, seed: int, *, files: bool) -> None:
        self.client = client
        self.chance = random.Random(seed)  # noqa: S311
        self.files = files
        self.entities = importlib.import_module("mlflow.entities")
        self.logged: dict[str, dict[str, Any]] = {}
        self.plain = ""

    def write(self, count: int) -> None:
        """Write experiments, runs and registered models."""
        names = ("fraud detection", "größe: all", "1e3", "thrown away")
        numbers = [
            self.client.create_experiment(name, artifact_location=f"s3://artifacts/{number}")
            for number, name in enumerate(names)
        ]
        self.plain = numbers[2]
        for number in range(count):
            experiment = numbers[3] if number % 20 == 19 else self.chance.choice(numbers[:3])
            self.run(experiment, number)
        self.registry()
        self.client.delete_experiment(numbers[3])

    def run(self, experiment: str, number: int) -> None:
        """Write one run."""
        chance = self.chance
        started = START + number * 60_000
        tags = {"mlflow.user": "someone", "other": "tag value"}
        if chance.random() < 0.7:
            tags[COMMIT] = "".join(chance.choices("0123456789abcdef", k=40))
        if self.logged and chance.random() < 0.3:
            tags[PARENT] = chance.choice(list(self.logged))
        name = NAMES[number % len(NAMES)] if number % 3 else None
        created = self.client.create_run(experiment, started, tags, name)
        run_id = created.info.run_id
        self.logged[run_id] = {"metrics": {}, "with_data": []}
        for key in chance.sample(METRICS, chance.randint(0, len(METRICS))):
            self.metric(run_id, key, named=experiment != self.plain)
        for key in chance.sample(PARAMS, chance.randint(0, len(PARAMS))):
            self.client.log_param(run_id, key, chance.choice(VALUES))
        self.data(run_id)
        status = chance.choice(STATUSES)
        if status != "RUNNING":
            self.client.set_terminated(run_id, status, started + chance.randint(0, 600_000))
        if chance.random() < 0.15:
            self.client.delete_run(run_id)

    def metric(self, run_id: str, key: str, *, named: bool) -> None:
        """Write one metric; if `named`, releases from 3 on with the data set of some values."""
        points = random_points(self.chance)
        major = int(importlib.import_module("mlflow").__version__.partition(".")[0])
        # MLflow cannot search an experiment in which such a run is, so one has none.
        with_data = self.files and major >= 3 and len(self.logged) % 4 == 0 and named
        for step, at, value in points:
            if with_data and self.chance.random() < 0.7:
                name = self.chance.choice(DATA_NAMES)
                self.client.log_metric(
                    run_id, key, value, at, step, dataset_name=name, dataset_digest="0a1b2c3d"
                )
            else:
                self.client.log_metric(run_id, key, value, at, step)
        self.logged[run_id]["metrics"][key] = points
        if with_data:
            self.logged[run_id]["with_data"].append(key)

    def data(self, run_id: str) -> None:
        """Write the data sets of a run."""
        inputs = []
        for name in self.chance.sample(DATA_NAMES, self.chance.choice((0, 0, 1, 2, 4))):
            dataset = self.entities.Dataset(
                name=name,
                digest=digest_text(self.chance),
                source_type="local",
                source=self.chance.choice(SOURCES),
                schema='{"columns": []}',
                profile='{"rows": 3}',
            )
            tag = self.entities.InputTag(key="mlflow.data.context", value="training")
            inputs.append(self.entities.DatasetInput(dataset=dataset, tags=[tag]))
        if inputs:
            self.client.log_inputs(run_id, inputs)

    def registry(self) -> None:
        """Register versions, and delete one: they must not disturb."""
        run_id = next(iter(self.logged))
        self.client.create_registered_model("fraud")
        for number in (1, 2):
            self.client.create_model_version("fraud", f"s3://artifacts/{number}", run_id)
        self.client.set_registered_model_alias("fraud", "production", "1")
        self.client.delete_model_version("fraud", "2")


def answer(client: Any, run_id: str) -> dict[str, Any]:
    """What the client says about one run; where it raises, what its store says without the metrics."""
    try:
        run = client.get_run(run_id)
    except Exception as error:  # noqa: BLE001
        raised = type(error).__name__
        store = client._tracking_client.store
        info = store._get_run_info(run_id)
        params, tags = store.get_all_params(run_id), store.get_all_tags(run_id)
        inputs = store._get_all_inputs(info)
    else:
        return encoded(client, run.info, run.data, run.inputs, None)
    data = SimpleNamespace(
        metrics={},
        params={one.key: one.value for one in params},
        tags={one.key: one.value for one in tags},
    )
    return encoded(client, info, data, inputs, raised)


def encoded(client: Any, info: Any, data: Any, inputs: Any, raised: str | None) -> dict[str, Any]:
    """A run as `MlflowClient` gives it."""
    return {
        "raised": raised,
        "experiment_id": info.experiment_id,
        "experiment": client.get_experiment(info.experiment_id).name,
        "name": info.run_name,
        "status": info.status,
        "lifecycle": info.lifecycle_stage,
        "started": info.start_time,
        "ended": info.end_time,
        "metrics": dict(data.metrics),
        "params": dict(data.params),
        "tags": {key: value for key, value in data.tags.items() if key in {COMMIT, PARENT}},
        "data": [
            [one.dataset.name, one.dataset.digest, one.dataset.source]
            for one in inputs.dataset_inputs
        ],
    }


def recent(client: Any) -> list[dict[str, Any]]:
    """What the client answers to the questions of `recent_runs`."""
    answers = []
    experiments = {one.name: one.experiment_id for one in client.search_experiments()}
    for name in (None, "fraud detection", "1e3"):
        for minutes in (0, 10, 30, 1000):
            since = START + minutes * 60_000
            numbers = list(experiments.values()) if name is None else [experiments[name]]
            with contextlib.suppress(Exception):  # of files that it cannot read
                runs = client.search_runs(
                    numbers,
                    f"attributes.status = 'FINISHED' AND attributes.end_time >= {since}",
                    max_results=1000,
                    order_by=["attributes.start_time DESC"],
                )
                ids = [run.info.run_id for run in runs]
                answers.append({"experiment": name, "since": since / 1000, "ids": ids})
    return answers


def ask(client: Any, logged: dict[str, Any]) -> dict[str, Any]:
    """All answers of a store."""
    return {
        "mlflow": importlib.import_module("mlflow").__version__,
        "runs": {run_id: answer(client, run_id) for run_id in logged},
        "logged": logged,
        "recent": recent(client),
    }


def main() -> None:
    """Run as the docstring of this file says."""
    uri, seed, count, path = sys.argv[1:]
    tracking: Any = importlib.import_module("mlflow.tracking")
    client = tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
    writer = Writer(client, int(seed), files=not uri.startswith(("sqlite", "http")))
    writer.write(int(count))
    text = json.dumps(ask(client, writer.logged), indent=1, ensure_ascii=False)
    Path(path).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
