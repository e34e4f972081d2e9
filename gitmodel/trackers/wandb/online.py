"""The link of an online run of W&B, from the variables of the process that trains.

Nothing is asked over the network, so the run has its id and its page only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.web_address import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping

_SERVICE: Final = "https://wandb.ai"
_WITHOUT_PAGE: Final = ("offline", "dryrun")


def online_link(environ: Mapping[str, str]) -> RunMetadata | None:
    """Return id and page of the run that `WANDB_RUN_ID` names; None if it names none.

    There is no page without `WANDB_ENTITY` and `WANDB_PROJECT`, nor for an offline run.
    """
    run_id = environ.get("WANDB_RUN_ID", "").strip()
    mode = environ.get("WANDB_MODE", "").strip().lower()
    if not run_id or mode == "disabled":
        return None
    project = [environ.get(name, "").strip() for name in ("WANDB_ENTITY", "WANDB_PROJECT")]
    url = None if mode in _WITHOUT_PAGE else web_address(_app(environ), *project, "runs", run_id)
    return RunMetadata(system="wandb", run_id=run_id, url=url)


def _app(environ: Mapping[str, str]) -> str:
    """Return the address of the pages, which the SDK derives from that of the API."""
    app = environ.get("WANDB_APP_URL", "").strip()
    if app:
        return app
    api = environ.get("WANDB_BASE_URL", "").strip() or _SERVICE
    if "://api.wandb." in api:
        return api.replace("://api.", "://", 1)
    return api.replace("://api.", "://app.", 1)
