"""Credentials that are missing, wrong or have expired: one line that says so, and what to do about it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.azure.shared_access_signature import explain_refusal
from gitmodel.backends.cloud.retry import Retrier
from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.backends.s3.credentials import CredentialSource
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import GitmodelError, RemoteDeniedError, RemoteUnreachableError
from tests.support.scripted_server import Answer, scripted_server
from tests.support.servers import AZURE_ACCOUNT, AZURE_KEY, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

SESSION = """
    [sso-session corp]
    sso_start_url = https://corp.awsapps.com/start
    sso_region = eu-west-1
    """
ACCOUNT = """
    sso_account_id = 123456789012
    sso_role_name = dev
    region = eu-west-1
    """
CONFIG = f"""
    [profile corp-dev]
    sso_session = corp
    {ACCOUNT}
    {SESSION}
    [profile older]
    sso_start_url = https://corp.awsapps.com/start
    sso_region = eu-west-1
    {ACCOUNT}
    [profile assumed]
    role_arn = arn:aws:iam::123456789012:role/models
    source_profile = corp-dev
    region = eu-west-1
    [profile "two words"]
    sso_session = corp
    {ACCOUNT}
    """
SSO_CASES = {
    "a session": ("corp-dev", "aws sso login --profile corp-dev"),
    "the older form": ("older", "aws sso login --profile older"),
    "a role assumed from a session": ("assumed", "aws sso login --profile corp-dev"),
    "a profile with a space": ("two words", "aws sso login --profile 'two words'"),
}


@pytest.fixture
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def configure(config: str, credentials: str = "") -> None:
    for variable, text in (
        ("AWS_CONFIG_FILE", config),
        ("AWS_SHARED_CREDENTIALS_FILE", credentials),
    ):
        lines = [line.strip() for line in text.splitlines()]
        with open(os.environ[variable], "w", encoding="utf-8") as stream:
            stream.write("\n".join(lines))


def read(profile: str | None) -> GitmodelError:
    remote = Remote(url="s3://models/fraud", scheme="s3")
    retrier = Retrier(sleep=lambda _seconds: None)
    with (
        closing(
            open_backend(remote, OpenOptions(trusted=True, profile=profile, retrier=retrier))
        ) as backend,
        pytest.raises(GitmodelError) as caught,
    ):
        backend.read("gitmodel.json", limit=100)
    return caught.value


def put_token(home: Path, name: str, *, expired: bool, refreshable: bool = False) -> None:
    """What `aws sso login` leaves behind."""
    hours = timedelta(hours=-1 if expired else 1)
    token = {
        "startUrl": "https://corp.awsapps.com/start",
        "region": "eu-west-1",
        "accessToken": "an-access-token-that-nobody-may-see",
        "expiresAt": (datetime.now(UTC) + hours).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if refreshable:
        later = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        token |= {
            "clientId": "client",
            "clientSecret": "a-client-secret",
            "registrationExpiresAt": later,
            "refreshToken": "a-refresh-token",
        }
    folder = home / ".aws/sso/cache"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(token))


@pytest.mark.parametrize(("profile", "hint"), SSO_CASES.values(), ids=SSO_CASES.keys())
def test_nobody_signed_in_names_the_command_that_does(
    region: None, profile: str, hint: str
) -> None:
    configure(CONFIG)

    error = read(profile)

    assert isinstance(error, RemoteDeniedError)
    assert "no valid credentials for s3://models/fraud" in error.message
    assert "single sign-on" in error.message
    assert profile in error.message
    assert error.hint == hint


def test_a_session_that_has_expired_names_the_command_that_renews_it(
    home: Path, region: None
) -> None:
    configure(CONFIG)
    put_token(home, "corp", expired=True)
    put_token(home, "https://corp.awsapps.com/start", expired=True)

    for profile in ("corp-dev", "older"):
        error = read(profile)

        assert "missing or has expired" in error.message
        assert error.hint == f"aws sso login --profile {profile}"


TRACED = """
    import sys
    from gitmodel.domain.config.remote import Remote
    from gitmodel.errors import GitmodelError
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    backend = open_backend(Remote(url="s3://models", scheme="s3"), OpenOptions(trusted=True, profile="corp-dev"))
    try:
        backend.read("k", limit=100)
    except GitmodelError as error:
        print(error.message, error.hint, sep="\\n")
    backend.close()
"""


@pytest.mark.parametrize("refreshable", [False, True])
def test_libraries_print_no_tracebacks_of_their_own(
    home: Path, region: None, *, refreshable: bool
) -> None:
    """botocore logs a warning with a traceback, and Python prints it where nobody listens."""
    configure(CONFIG)
    put_token(home, "corp", expired=True, refreshable=refreshable)
    closed = f"http://127.0.0.1:{free_ports(1)[0]}"

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TRACED)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "AWS_ENDPOINT_URL_SSO_OIDC": closed,
            "AWS_MAX_ATTEMPTS": "1",
            "NO_PROXY": "127.0.0.1",
        },
    )

    message, hint = done.stdout.splitlines()
    assert done.stderr == ""
    if refreshable:
        assert message.startswith(f"{closed} does not answer")
        assert hint == "check the network or VPN, which the credentials come from"
    else:
        assert hint == "aws sso login --profile corp-dev"


PROCESS_CASES = {
    "expired": (
        """echo '{"Version":1,"AccessKeyId":"AKIAABCDEFGHIJKLMNOP","SecretAccessKey":"secret",
        "SessionToken":"t","Expiration":"2020-01-01T00:00:00Z"}'""",
        "those that echo answered for the profile tool have expired already",
        (
            "sign in to what echo asks, the credential_process of the profile tool; "
            "then see: aws sts get-caller-identity --profile tool"
        ),
    ),
    "no JSON": (
        "echo nonsense",
        "echo, its credential_process, answered no JSON",
        "correct the profile tool in ",
    ),
    "not there": (
        "/no/such/program --account 1",
        "/no/such/program is not there, which the profile tool names",
        "correct the profile tool in ",
    ),
    "failed": (
        "sh -c 'echo run corp-login first >&2; exit 3'",
        "run corp-login first",
        (
            "sign in to what sh asks, the credential_process of the profile tool; "
            "then see: aws sts get-caller-identity --profile tool"
        ),
    ),
    "without a key": (
        """echo '{"Version":1,"AccessKeyId":"AKIAABCDEFGHIJKLMNOP"}'""",
        "SecretAccessKey",
        "sign in to what echo asks",
    ),
    "with a date that is none": (
        """echo '{"Version":1,"AccessKeyId":"AKIAABCDEFGHIJKLMNOP","SecretAccessKey":"secret",
        "SessionToken":"t","Expiration":"tomorrow"}'""",
        "tomorrow",
        "correct the profile tool in ",
    ),
}


@pytest.mark.parametrize(
    ("process", "words", "hint"), PROCESS_CASES.values(), ids=PROCESS_CASES.keys()
)
def test_a_program_that_gives_no_credentials_is_named(
    region: None, process: str, words: str, hint: str
) -> None:
    configure(f"[profile tool]\ncredential_process = {' '.join(process.split())}\n")

    error = read("tool")

    assert isinstance(error, RemoteDeniedError)
    assert words in error.message
    assert "AKIA" not in str(error)
    assert str(error.hint).startswith(hint)


MISTAKES = {
    "a profile that is not there": ("", "nobody", "nobody", "aws configure"),
    "no keys": (
        "[profile empty]\nregion = eu-west-1\n",
        "empty",
        "none were found",
        "aws configure",
    ),
    "half a key": (
        "[profile half]\naws_access_key_id = AKIAABCDEFGHIJKLMNOP\n",
        "half",
        "aws_secret_access_key",
        "correct the profile half",
    ),
    "a role from nowhere": (
        "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = gone\n",
        "role",
        "gone",
        "correct the profile role",
    ),
    "a role from itself": (
        (
            "[profile a]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = b\n"
            "[profile b]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = a\n"
        ),
        "a",
        "Infinite loop",
        "correct the profile a",
    ),
    "a token file that is not there": (
        "[profile web]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /no/such/token\n",
        "web",
        "/no/such/token is not there",
        "correct the profile web",
    ),
    "a session that is not described": (
        "[profile lost]\nsso_session = gone\nsso_account_id = 123456789012\nsso_role_name = dev\n",
        "lost",
        "gone",
        "correct the profile lost",
    ),
    "a file that is none": ("[broken", "default", "parse", "correct the profile default"),
}


@pytest.mark.parametrize(
    ("config", "profile", "words", "hint"), MISTAKES.values(), ids=MISTAKES.keys()
)
def test_a_mistake_in_the_files_is_named(
    region: None, config: str, profile: str, words: str, hint: str
) -> None:
    configure(config)

    error = read(profile)

    assert isinstance(error, RemoteDeniedError)
    assert "no valid credentials" in error.message
    assert words in error.message
    assert str(error.hint).startswith(hint)


def with_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(
        "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n",
        "[base]\naws_access_key_id = AKIAABCDEFGHIJKLMNOP\naws_secret_access_key = secret\n",
    )
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_role_that_may_not_be_assumed_is_no_matter_of_the_bucket(
    region: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read "grant s3:GetObject on the bucket models"."""
    with_keys(monkeypatch)
    with scripted_server() as sts:
        text = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: "
        text += "sts:AssumeRole</Message></Error></ErrorResponse>"
        sts.answers(Answer(403, text.encode(), {"Content-Type": "text/xml"}))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)

        error = read("role")

    assert "no valid credentials" in error.message
    assert "sts:AssumeRole" in error.message
    assert error.hint == (
        "aws sts get-caller-identity --profile role shows the identity of the credentials"
    )


def test_a_server_of_credentials_that_does_not_answer_is_named(
    region: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_keys(monkeypatch)
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    error = read("role")

    assert isinstance(error, RemoteUnreachableError)
    assert error.message.startswith(f"{url} does not answer")


@pytest.mark.parametrize(
    ("variables", "config", "expected"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "x"},
            "",
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew",
        ),
        ({"AWS_PROFILE": "corp-dev"}, CONFIG, "aws sso login --profile corp-dev"),
        (
            {},
            "[default]\naws_session_token = t\n",
            "write new keys and a new token for the profile default into ~/.aws/credentials",
        ),
        ({}, "", "aws configure, or git config gitmodel.profile NAME for another profile"),
    ],
)
def test_how_to_log_in_again_is_what_this_person_uses(
    variables: Mapping[str, str], config: str, expected: str
) -> None:
    configure(config)

    assert CredentialSource(None, {**os.environ, **variables}).login_hint() == expected


# Azure

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SIGNATURE = (
    "?sv=2024-11-04&ss=b&srt=co&sp=r&sip=10.0.0.1&spr=https&se={end}&st={start}&sig=SECRETsig%3D"
)


@pytest.mark.parametrize(
    ("start", "end", "code", "expected"),
    [
        (
            "2026-01-01",
            "2026-05-31T23:59:00Z",
            "AuthorizationFailure",
            "has expired (se=2026-05-31",
        ),
        ("2026-01-01", "2026-05-31T23:59Z", "AuthenticationFailed", "has expired (se=2026-05-31"),
        ("2026-07-01T00:00:00Z", "2026-12-01", "AuthenticationFailed", "not valid yet (st=2026-07"),
        ("", "2027-01-01", "AuthorizationPermissionMismatch", "lacks a permission (sp=r)"),
        ("", "2027-01-01", "AuthorizationProtocolMismatch", "other protocols than"),
        ("", "2027-01-01", "AuthorizationSourceIPMismatch", "other addresses than"),
        ("", "2027-01-01", "AuthorizationResourceTypeMismatch", "other types than"),
        ("", "2027-01-01", "AuthorizationFailure", None),
        ("", "someday", "AuthorizationFailure", None),
    ],
)
def test_a_signature_tells_why_it_is_refused(
    start: str, end: str, code: str, expected: str | None
) -> None:
    found = explain_refusal(SIGNATURE.format(start=start, end=end), code, NOW)

    if expected is None:
        assert found is None
    else:
        assert expected in str(found)
        assert "SECRET" not in str(found)


@pytest.mark.parametrize("transport", ["auto", "fsspec"])
def test_an_expired_signature_is_no_matter_of_a_role(
    monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """It read "grant the role Storage Blob Data Contributor"."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with scripted_server() as server:
        headers = {"x-ms-error-code": "AuthorizationFailure"}
        server.answers(Answer(403, b"", headers))
        environment = {
            "AZURE_STORAGE_ACCOUNT": AZURE_ACCOUNT,
            "AZURE_STORAGE_SAS_TOKEN": SIGNATURE.format(start="", end="2020-01-01"),
            "GITMODEL_TRANSPORT": transport,
        }
        remote = Remote(
            url="az://models/team", scheme="az", endpoint=f"{server.url}/{AZURE_ACCOUNT}"
        )
        with (
            closing(
                open_backend(remote, OpenOptions(trusted=True, environment=environment))
            ) as backend,
            pytest.raises(RemoteDeniedError) as caught,
        ):
            backend.write("k", b"x")

    assert "the shared access signature has expired (se=2020-01-01)" in caught.value.message
    assert "AZURE_STORAGE_SAS_TOKEN" in str(caught.value.hint)
    assert "role" not in str(caught.value.hint)


def test_a_key_is_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with scripted_server() as server:
        server.answers(Answer(403, b"", {"x-ms-error-code": "AuthorizationFailure"}))
        environment = {
            "AZURE_STORAGE_ACCOUNT": AZURE_ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
            "AZURE_STORAGE_SAS_TOKEN": SIGNATURE.format(start="", end="2020-01-01"),
        }
        remote = Remote(
            url="az://models/team", scheme="az", endpoint=f"{server.url}/{AZURE_ACCOUNT}"
        )
        with (
            closing(
                open_backend(remote, OpenOptions(trusted=True, environment=environment))
            ) as backend,
            pytest.raises(RemoteDeniedError) as caught,
        ):
            backend.write("k", b"x")

    assert "firewall" in str(caught.value.hint)
