"""Version machine-learning models with Git: a Git repository plus a bucket is a model registry.

    import gitmodel

    gitmodel.add("fraud.safetensors", metrics={"auc": 0.931}, run_id=run.info.run_id)
    weights = gitmodel.path("fraud@production")

Names are resolved on first use (PEP 562), so importing costs nothing.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if sys.getfilesystemencoding() != "utf-8":
    from gitmodel.system import install

    install()

if TYPE_CHECKING:
    from gitmodel.errors import GitmodelError
    from gitmodel.workflows.python import add, log, open, path, tensor  # noqa: A004

__all__ = ["GitmodelError", "__version__", "add", "log", "open", "path", "tensor"]
__version__ = "0.1.0.dev0"


def __getattr__(name: str) -> object:
    if name in ("add", "log", "open", "path", "tensor"):
        from gitmodel.workflows import python

        return getattr(python, name)
    if name == "GitmodelError":
        from gitmodel.errors import GitmodelError

        return GitmodelError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
