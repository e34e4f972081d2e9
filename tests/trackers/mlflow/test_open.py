from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.open import open_store
from gitmodel.trackers.mlflow.settings import MlflowSettings

if TYPE_CHECKING:
    from pathlib import Path

RUN = "0" * 32
TOKEN, WORD = "t0ken", "pw"


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("sqlite:///mlflow.db", 'database "{folder}/mlflow.db"'),
        ("sqlite:///a/b c.db?timeout=3", 'database "{folder}/a/b c.db"'),
        ("sqlite:////abs/mlflow.db", 'database "/abs/mlflow.db"'),
        ("SQLite+pysqlite:////abs/mlflow.db", 'database "/abs/mlflow.db"'),
        ("file:///abs/ml%20runs", 'folder "/abs/ml runs"'),
        ("file://localhost/abs", 'folder "/abs"'),
        ("file:mlruns", 'folder "{folder}/mlruns"'),
        ("file:./mlruns", 'folder "{folder}/./mlruns"'),
        ("mlruns", 'folder "{folder}/mlruns"'),
        ("/abs/mlruns", 'folder "/abs/mlruns"'),
        ("a:b", 'folder "{folder}/a:b"'),
    ],
)
def test_an_address_names_a_file_or_folder(uri: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(TrackerError) as raised:
        open_store(uri, folder=str(tmp_path)).run(RUN)

    assert named.format(folder=tmp_path) in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "",
            "sqlite://",
            "sqlite:///",
            "sqlite:mlflow.db",
            "sqlite:///:memory:",
            "file:",
            "file://",
        ),
        *("file://host/share", "databricks", "databricks://profile", "postgresql://u:pw@host/db"),
        *("mysql+pymysql://u:pw@host/db", "s3://bucket/runs", "a\0b", "file:a%00b", "\ud800"),
        "x" * 5000,
    ],
)
def test_other_addresses_are_refused_without_their_password(uri: str) -> None:
    with pytest.raises(TrackerError, match="not the address of an MLflow store") as raised:
        open_store(uri, folder=".")

    assert "pw" not in str(raised.value)
    assert "sqlite:///mlflow.db" in str(raised.value.hint)
    assert "http(s)://server" in str(raised.value.hint)


def test_settings_are_the_variables_of_mlflow() -> None:
    environ = {
        "MLFLOW_TRACKING_USERNAME": "me",
        "MLFLOW_TRACKING_PASSWORD": "pw",
        "MLFLOW_TRACKING_TOKEN": "t0ken",
        "MLFLOW_TRACKING_INSECURE_TLS": "TRUE",
        "MLFLOW_TRACKING_SERVER_CERT_PATH": "/ca.pem",
        "MLFLOW_TRACKING_CLIENT_CERT_PATH": "",
        "MLFLOW_WORKSPACE": "team",
        "OTHER": "x",
    }

    assert MlflowSettings.from_environment(environ) == MlflowSettings(
        username="me",
        password=WORD,
        token=TOKEN,
        insecure_tls=True,
        server_cert_path="/ca.pem",
        client_cert_path=None,
        workspace="team",
    )
    assert MlflowSettings.from_environment({}) == MlflowSettings()
