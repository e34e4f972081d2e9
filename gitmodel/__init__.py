"""Version machine-learning models with Git: a Git repository plus a bucket is a model registry.

    import gitmodel

    gitmodel.add("fraud.safetensors", metrics={"auc": 0.931}, run_id=run.info.run_id)
    weights = gitmodel.path("fraud@production")

Names are resolved on first use (PEP 562), so importing costs nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gitmodel.version import __version__

if sys.getfilesystemencoding() != "utf-8":
    from gitmodel.files.utf8_os import install

    install()

if TYPE_CHECKING:
    from gitmodel.api import add, log, open, path, tensor  # noqa: A004
    from gitmodel.errors import GitmodelError

__all__ = ["GitmodelError", "__version__", "add", "log", "open", "path", "tensor"]


def __getattr__(name: str) -> object:
    if name in ("add", "log", "open", "path", "tensor"):
        from gitmodel import api

        return getattr(api, name)
    if name == "GitmodelError":
        from gitmodel.errors import GitmodelError

        return GitmodelError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
