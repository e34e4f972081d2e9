"""Credentials of an MLflow server, from the variables that MLflow itself reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class MlflowSettings:
    """What a request to a server carries. The text of this object contains no secret.

    Attributes:
        username: Used together with `password`, before the token.
        password: Its password.
        token: Bearer token.
        insecure_tls: Accept any certificate of the server.
        server_cert_path: File or folder of authorities that the server's certificate is checked by.
        client_cert_path: PEM file with certificate and key of this client.
        workspace: Workspace of a 3.x server.
    """

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    insecure_tls: bool = False
    server_cert_path: str | None = None
    client_cert_path: str | None = None
    workspace: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables `MLFLOW_TRACKING_*` and `MLFLOW_WORKSPACE`; empty ones count as unset."""

        def value(name: str) -> str | None:
            return environ.get(f"MLFLOW_{name}") or None

        return cls(
            username=value("TRACKING_USERNAME"),
            password=value("TRACKING_PASSWORD"),
            token=value("TRACKING_TOKEN"),
            insecure_tls=(value("TRACKING_INSECURE_TLS") or "").lower() in {"true", "1"},
            server_cert_path=value("TRACKING_SERVER_CERT_PATH"),
            client_cert_path=value("TRACKING_CLIENT_CERT_PATH"),
            workspace=value("WORKSPACE"),
        )
