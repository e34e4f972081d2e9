"""`runs:` and `metrics_keep:` in `.gitmodel.yaml`: where the runs of a model are, and which metrics are kept.

Guarantee: invalid values raise ConfigError only.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.yaml.reader import Value

_KEYS = ("system", "uri", "experiment")
_SYSTEMS = ("mlflow", "wandb")
_HINT = 'write it as runs: {"fraud": {system: mlflow, uri: "sqlite:///mlflow.db"}}'


class RunStore(NamedTuple):
    """Where the runs of a model are: the address of an MLflow store, or a folder of W&B."""

    system: str
    uri: str
    experiment: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether reading it needs the network."""
        return self.uri.lower().startswith(("http:", "https:"))


def run_store_of(values: Mapping[str, Value], name: str, *, what: str) -> RunStore | None:
    """Return the store for a model's runs: of its exact name, else of the longest pattern that matches.

    `values` are the top-level keys of the configuration. Raises ConfigError if an entry is invalid.
    """
    entries = values.get("runs")
    if entries is None:
        return None
    if not isinstance(entries, dict):
        raise ConfigError(f"{what}: runs must be a mapping", hint=_HINT)
    stores = {
        pattern: _store(value, f"{what}: runs.{pattern}") for pattern, value in entries.items()
    }
    matching = [pattern for pattern in stores if fnmatchcase(name, pattern)]
    if name in stores:
        return stores[name]
    return stores[max(matching, key=lambda p: (len(p), p))] if matching else None


def metrics_to_keep(values: Mapping[str, Value], *, what: str) -> tuple[str, ...]:
    """Return the patterns of metrics that are kept of runs with many metrics.

    Raises ConfigError if they are no list of texts.
    """
    patterns = values.get("metrics_keep", [])
    if isinstance(patterns, list):
        texts = [pattern for pattern in patterns if isinstance(pattern, str)]
        if len(texts) == len(patterns):
            return tuple(texts)
    raise ConfigError(
        f"{what}: metrics_keep must be a list of names or patterns", hint='metrics_keep: ["eval.*"]'
    )


def _store(value: Value, where: str) -> RunStore:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a mapping", hint=_HINT)
    for key in value:
        if key not in _KEYS:
            raise ConfigError(
                f"{where}: {quote_text(key)} is none of {', '.join(_KEYS)}", hint=_HINT
            )
    system = value.get("system")
    if system not in _SYSTEMS:
        raise ConfigError(f"{where}.system must be {' or '.join(_SYSTEMS)}", hint=_HINT)
    default = "mlruns" if system == "mlflow" else "wandb"
    uri, experiment = value.get("uri", default), value.get("experiment")
    if not isinstance(uri, str) or not uri or not isinstance(experiment, str | None):
        raise ConfigError(f"{where}: uri and experiment must be texts", hint=_HINT)
    return RunStore(str(system), uri, experiment)
