"""Records boosted trees with the real libraries: `python tests/recorders/model_files_trees.py`.

Writes `tests/formats/recorded/model_files_trees.json`. Options: see `model_files.py`.
Needs access to a package registry. Run it in the root of the repository, with PYTHONPATH=.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.recorders.model_files import Answer, Library

if TYPE_CHECKING:
    import random
    from pathlib import Path


def make(folder: Path, chance: random.Random) -> None:
    """Small models of every booster, as JSON, UBJSON and text."""
    import catboost  # type: ignore[import-not-found]
    import lightgbm  # type: ignore[import-not-found]
    import numpy as np
    import xgboost  # type: ignore[import-not-found]

    random_values = np.random.default_rng(chance.randint(0, 10**9))
    data, labels = random_values.random((60, 4)), random_values.integers(0, 3, 60)
    rounds = chance.randint(1, 4)
    for booster in ("gbtree", "dart", "gblinear"):
        chosen: dict[str, Any] = {"booster": booster, "objective": "multi:softprob", "num_class": 3}
        if chance.random() < 0.5:
            chosen = {"booster": booster, "objective": "reg:squarederror"}
        matrix = xgboost.DMatrix(data, labels)
        model = xgboost.train(chosen, matrix, rounds)
        model.set_attr(note='","name":"evil"},"learner_model_param":{')
        for ending in ("json", "ubj"):
            model.save_model(folder / f"none-{booster}.{ending}")
    for boosting in ("gbdt", "rf", "dart"):
        chosen = {"boosting": boosting, "objective": "multiclass", "num_class": 3, "verbose": -1}
        chosen |= {"bagging_freq": 1, "bagging_fraction": 0.5}
        model = lightgbm.train(chosen, lightgbm.Dataset(data, labels), rounds)
        model.save_model(folder / f"none-{boosting}.txt")
    classifier = catboost.CatBoostClassifier(
        iterations=rounds, verbose=0, allow_writing_files=False
    )
    classifier.fit(data, labels)
    classifier.save_model(str(folder / "unknown-trees.cbm"))


def answer(path: Path) -> Answer | None:
    """The booster that the library loads; it has no tensors."""
    nothing: Answer = {"tensors": None, "parameters": None, "dtypes": {}}
    if path.suffix in {".json", ".ubj"}:
        import xgboost

        config = json.loads(xgboost.Booster(model_file=path).save_config())
        return {**nothing, "type": "xgboost", "arch": config["learner"]["gradient_booster"]["name"]}
    if path.suffix == ".txt":
        import lightgbm

        model = lightgbm.Booster(model_file=path)
        found = next(
            line for line in model.model_to_string().splitlines() if line.startswith("[boosting: ")
        )
        return {**nothing, "type": "lightgbm", "arch": found[11:-1]}
    if path.suffix == ".cbm":
        return {**nothing, "type": "catboost"}
    return None


if __name__ == "__main__":
    packages = ("xgboost", "lightgbm", "catboost", "numpy", "scipy")
    Library("trees", packages, make, answer, (".ubj",)).main()
