"""Metrics whose direction everybody knows. They sort versions; a gate never guesses a direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.gates.rules import Direction

_HIGHER = (
    "auc auroc roc_auc auprc average_precision accuracy acc balanced_accuracy top1 top5 f1 f1_score f1_macro"
    " f1_micro precision recall mcc r2 iou miou dice map map50 ndcg mrr bleu rouge rougel meteor psnr ssim"
)
_LOWER = (
    "loss logloss log_loss nll cross_entropy perplexity ppl rmse mse mae mape smape wer cer error error_rate brier"
    " ece fid"
)
_DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(_HIGHER.split(), "higher"),
    **dict.fromkeys(_LOWER.split(), "lower"),
}


def known_direction(metric: str) -> Direction | None:
    """Return the direction of a metric by the last part of its name, exactly; None for other names.

    Parts are divided by `.`, `/` and `:`; a leading `val_`, `eval_`, `test_` or `train_` is no part of the name.
    """
    last = metric.replace("/", ".").replace(":", ".").rpartition(".")[2]
    for prefix in ("val_", "eval_", "test_", "train_"):
        last = last.removeprefix(prefix)
    return _DIRECTIONS.get(last)
