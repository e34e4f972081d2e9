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
    from gitmodel.files.utf8_os import install

    install()

if TYPE_CHECKING:
    from gitmodel.api import AddReport, add, log, open, path, tensor  # noqa: A004
    from gitmodel.errors import (
        AliasError,
        ChangedWhileReadError,
        ConfigError,
        DamagedObjectError,
        FileSystemError,
        GateConfigError,
        GateError,
        GitCommandError,
        GitmodelError,
        GitmodelWarning,
        MixedAliasError,
        MixedPointerError,
        ModelNameError,
        NewerFormatError,
        NoSpaceError,
        NoSuchRunError,
        NotSetUpError,
        ObjectMissingError,
        OutOfMemoryError,
        PointerError,
        PolicyError,
        QueryError,
        RemoteDeniedError,
        RemoteError,
        RemoteMissingError,
        RemoteUnreachableError,
        RepositoryError,
        StaleWeightsError,
        StoreError,
        TextError,
        TrackerError,
        UnknownReferenceError,
        UnsafeNameError,
        UnsafePathError,
        UnsavedWeightsError,
        UntrustedRemoteError,
        UsageError,
        VersionTakenError,
        WeakRemoteError,
        WeightsError,
    )
    from gitmodel.formats.tensor import Tensor
    from gitmodel.version import __version__

__all__ = [
    "AddReport",
    "AliasError",
    "ChangedWhileReadError",
    "ConfigError",
    "DamagedObjectError",
    "FileSystemError",
    "GateConfigError",
    "GateError",
    "GitCommandError",
    "GitmodelError",
    "GitmodelWarning",
    "MixedAliasError",
    "MixedPointerError",
    "ModelNameError",
    "NewerFormatError",
    "NoSpaceError",
    "NoSuchRunError",
    "NotSetUpError",
    "ObjectMissingError",
    "OutOfMemoryError",
    "PointerError",
    "PolicyError",
    "QueryError",
    "RemoteDeniedError",
    "RemoteError",
    "RemoteMissingError",
    "RemoteUnreachableError",
    "RepositoryError",
    "StaleWeightsError",
    "StoreError",
    "Tensor",
    "TextError",
    "TrackerError",
    "UnknownReferenceError",
    "UnsafeNameError",
    "UnsafePathError",
    "UnsavedWeightsError",
    "UntrustedRemoteError",
    "UsageError",
    "VersionTakenError",
    "WeakRemoteError",
    "WeightsError",
    "__version__",
    "add",
    "log",
    "open",
    "path",
    "tensor",
]

if not TYPE_CHECKING:  # a type checker shall see the imports above, and refuse any other name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            from gitmodel import version as module
        elif name == "Tensor":
            from gitmodel.formats import tensor as module
        elif name.endswith(("Error", "Warning")):
            from gitmodel import errors as module
        else:
            from gitmodel import api as module
        return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
