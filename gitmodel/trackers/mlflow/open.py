"""Opens the store of MLflow at an address, as `MLFLOW_TRACKING_URI` has it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.errors import TrackerError

if TYPE_CHECKING:
    from gitmodel.trackers.mlflow.settings import MlflowSettings
    from gitmodel.trackers.mlflow.store import MlflowStore

# At least two characters, so that a drive of Windows is no scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_SQLITE = ("sqlite", "sqlite+pysqlite")
_KNOWN = "sqlite:///mlflow.db, sqlite:////path/mlflow.db, file:///path/mlruns, a folder, or http(s)://server"
MAX_ADDRESS = 4096  # characters


def open_store(uri: str, *, folder: str, settings: MlflowSettings | None = None) -> MlflowStore:
    """Open a store; nothing is read before it is asked.

    Args:
        uri: `sqlite:///relative.db`, `sqlite:////absolute.db`, `file:///path`, `file:path`, `http(s)://...`
            or the path of a folder.
        folder: Relative paths begin here.
        settings: Credentials for a server. None sends none but those in the address.

    Raises:
        TrackerError: No store has such an address.
    """
    if not uri or len(uri) > MAX_ADDRESS or "\0" in uri or not _is_unicode(uri):
        raise _unknown(uri[:MAX_ADDRESS])
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else ""
    if scheme in {"http", "https"}:
        from gitmodel.trackers.mlflow.rest import RestStore

        return RestStore(uri, settings)
    if scheme in _SQLITE:
        from gitmodel.trackers.mlflow.sqlite import SqliteStore

        return SqliteStore(os.path.join(folder, _database(uri)))
    if scheme not in {"", "file"} or uri == "databricks":
        raise _unknown(uri)
    from gitmodel.trackers.mlflow.file_store import FileStore

    return FileStore(os.path.join(folder, _path(uri) if scheme else uri))


def _database(uri: str) -> str:
    """The path in `sqlite:///path?options`; one slash belongs to the address, as SQLAlchemy has it."""
    _, _, rest = uri.partition(":")
    path, _, _ = rest.partition("?")
    if not path.startswith("///") or path == "///" or path.startswith("///:memory:"):
        raise _unknown(uri)
    return path[3:]


def _path(uri: str) -> str:
    """The path in `file:///path`, `file://localhost/path` and `file:path`."""
    from urllib.parse import unquote

    _, _, rest = uri.partition(":")
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in {"", "localhost"}:
            raise _unknown(uri)
        rest = slash + path
    path = unquote(rest)
    if not path or "\0" in path:
        raise _unknown(uri)
    return path


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _unknown(uri: str) -> TrackerError:
    return TrackerError(
        f"{quote_text(without_user_info(uri))} is not the address of an MLflow store that gitmodel reads",
        hint=f"use {_KNOWN}; for another database or Databricks, the address of its tracking server",
    )
