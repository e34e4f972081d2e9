from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.http_request import Server
from gitmodel.trackers.mlflow.settings import MlflowSettings
from tests.backends.cloud.test_network_faults import tls_server
from tests.support.scripted_server import Answer, scripted_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scripted_server import ScriptedServer

TOKEN, WORD, SECRET, UMLAUT = "t0ken", "pw", "secret", "pässword"
OBJECT = Answer(200, b"{}")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        scripted.answers(OBJECT)
        yield scripted


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def with_user_info(server: ScriptedServer, info: str) -> str:
    return server.url.replace("://", f"://{info}@")


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        (MlflowSettings(), None),
        (MlflowSettings(token=TOKEN), "Bearer t0ken"),
        (MlflowSettings(username="me", password=UMLAUT), basic("me:pässword")),
        (MlflowSettings(username="me", password=WORD, token=TOKEN), basic("me:pw")),
        (MlflowSettings(username="me", token=TOKEN), "Bearer t0ken"),
    ],
)
def test_credentials_are_sent_as_mlflow_sends_them(
    settings: MlflowSettings, sent: str | None, server: ScriptedServer
) -> None:
    Server(server.url, settings).ask("x")

    assert server.asked[0].headers.get("authorization") == sent


def test_user_info_of_the_address_comes_first(server: ScriptedServer) -> None:
    asked = Server(with_user_info(server, "me:p%40ss"), MlflowSettings(token=TOKEN))
    asked.ask("x")

    assert server.asked[0].headers["authorization"] == basic("me:p@ss")
    assert asked.base == server.url


def test_the_workspace_is_sent(server: ScriptedServer) -> None:
    Server(server.url, MlflowSettings(workspace="team")).ask("x")

    assert server.asked[0].headers["x-mlflow-workspace"] == "team"


@pytest.mark.parametrize("token", ["a\r\nX: y", "ä", "a\0"])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    with pytest.raises(TrackerError, match="contains characters that cannot be sent") as raised:
        Server("http://127.0.0.1:9", MlflowSettings(token=token))
    assert token not in str(raised.value)


def test_no_error_contains_a_credential(server: ScriptedServer) -> None:
    server.answers(Answer(302, b"", {"Location": "http://me:pw@other.example.org/x?token=secret"}))
    asked = Server(with_user_info(server, "user:secret"), MlflowSettings(token=SECRET))

    with pytest.raises(TrackerError) as raised:
        asked.ask("x")
    assert "other.example.org" in str(raised.value)
    assert "secret" not in f"{raised.value} {raised.value.hint} {asked.where}"
    assert "pw" not in str(raised.value)


def test_settings_do_not_show_secrets() -> None:
    assert repr(MlflowSettings(username="user", password=SECRET, token=TOKEN)) == (
        "MlflowSettings(insecure_tls=False, server_cert_path=None, client_cert_path=None,"
        " workspace=None)"
    )


def test_a_redirect_on_the_same_host_is_followed_with_credentials(server: ScriptedServer) -> None:
    server.answers(Answer(308, b"", {"Location": "/there?a=b"}), OBJECT)
    answer = Server(server.url, MlflowSettings(token=TOKEN)).ask("x", {})

    assert answer == (200, {})
    assert [(one.method, one.path) for one in server.asked] == [
        ("POST", "/api/2.0/mlflow/x"),
        ("POST", "/there?a=b"),
    ]
    assert server.asked[1].headers["authorization"] == "Bearer t0ken"


def test_a_redirect_to_another_address_is_not_followed(server: ScriptedServer) -> None:
    with scripted_server() as other:
        port = other.url.rpartition(":")[2]
        for target in (other.url, f"http://localhost:{port}/", f"//127.0.0.1:{port}", "ftp://a/b"):
            server.answers(Answer(302, b"", {"Location": target}))
            with pytest.raises(TrackerError, match="redirects to another address"):
                Server(server.url, MlflowSettings(token=TOKEN)).ask("x")

        assert other.asked == []


def test_redirects_in_a_circle_end(server: ScriptedServer) -> None:
    server.answers(Answer(302, b"", {"Location": "/x"}))

    with pytest.raises(TrackerError, match="redirects more than 5 times"):
        Server(server.url, None).ask("x")
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    "uri",
    [
        "http://",
        "https://:80",
        "http://host:port",
        "http://host:99999",
        "http://a b",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(TrackerError, match="is not the address of a server"):
        Server(uri, None)


@pytest.mark.parametrize("field", ["server_cert_path", "client_cert_path"])
def test_a_certificate_that_cannot_be_read_is_named(field: str, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    for name, reason in (("missing.pem", "No such file"), ("cert.pem", "")):
        settings = MlflowSettings(**{field: str(tmp_path / name)})  # type: ignore[arg-type]
        with pytest.raises(TrackerError, match=f"certificate .* cannot be read: .*{reason}"):
            Server("https://127.0.0.1:9", settings).ask("x")


def test_a_certificate_of_a_stranger_is_not_accepted(tmp_path: Path) -> None:
    with (
        tls_server(tmp_path) as url,
        pytest.raises(TrackerError, match="is not accepted") as raised,
    ):
        Server(url, MlflowSettings(token=TOKEN)).ask("x")

    assert str(raised.value.hint).startswith("set MLFLOW_TRACKING_SERVER_CERT_PATH to")


def test_settings_make_a_certificate_accepted(tmp_path: Path) -> None:
    with tls_server(tmp_path) as url:
        certificate = tmp_path / "certificate.pem"
        own = tmp_path / "own.pem"
        own.write_bytes(certificate.read_bytes() + (tmp_path / "key.pem").read_bytes())
        known = MlflowSettings(server_cert_path=str(certificate), client_cert_path=str(own))

        assert Server(url, known).ask("x") == (404, {})
        assert Server(url, MlflowSettings(insecure_tls=True)).ask("x") == (404, {})
