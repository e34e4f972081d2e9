"""`runs:` names the store of a model's runs; what is not valid is a configuration error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.config.runs import RunStore, metrics_to_keep, run_store_of
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from gitmodel.domain.yaml.reader import Value

MLFLOW: Value = {"system": "mlflow", "uri": "sqlite:///mlflow.db", "experiment": "fraud"}


def store(runs: Value, name: str = "fraud") -> RunStore | None:
    return run_store_of({"runs": runs}, name, what="c")


def test_the_exact_name_counts_before_the_longest_pattern() -> None:
    runs: Value = {
        "*": {"system": "wandb"},
        "fr*": {"system": "mlflow"},
        "fraud": MLFLOW,
    }

    assert store(runs) == RunStore("mlflow", "sqlite:///mlflow.db", "fraud")
    assert store(runs, "fresh") == RunStore("mlflow", "mlruns")
    assert store(runs, "other") == RunStore("wandb", "wandb")


def test_without_runs_there_is_no_store() -> None:
    assert run_store_of({}, "fraud", what="c") is None
    assert store({"other": MLFLOW}) is None


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "c: runs must be a mapping"),
        ({"fraud": "mlflow"}, "c: runs.fraud must be a mapping"),
        ({"fraud": {"system": "excel"}}, "c: runs.fraud.system must be mlflow or wandb"),
        ({"fraud": {}}, "c: runs.fraud.system must be mlflow or wandb"),
        (
            {"fraud": {"system": "mlflow", "url": "x"}},
            'c: runs.fraud: "url" is none of system, uri, experiment',
        ),
        (
            {"fraud": {"system": "mlflow", "uri": 1}},
            "c: runs.fraud: uri and experiment must be texts",
        ),
    ],
)
def test_what_is_not_valid_is_named(runs: Value, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        store(runs)

    assert caught.value.message == message


def test_only_a_server_is_remote() -> None:
    remote = [RunStore("mlflow", uri).is_remote for uri in ("HTTPS://x", "http://x", "mlruns")]

    assert remote == [True, True, False]


def test_metrics_to_keep_are_texts() -> None:
    assert metrics_to_keep({"metrics_keep": ["eval.*"]}, what="c") == ("eval.*",)
    assert metrics_to_keep({}, what="c") == ()
    with pytest.raises(ConfigError):
        metrics_to_keep({"metrics_keep": [1]}, what="c")
