"""Secrets are seen by shape or by name; ordinary text is not taken for one."""

from __future__ import annotations

import string
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.text.secrets import find_secret, is_secret_name, redact

SECRETS = [
    ("an AWS access key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("an AWS access key", "ASIA" + "IOSFODNN7EXAMPLE"),
    ("an AWS secret key", "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"),
    ("an Azure account key", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/" + "K1SZFPTOtr/KBHBeksoGMGw=="),
    ("an Azure connection string", "AccountName=a;accountkey=hunter2"),
    ("an Azure connection string", "SharedAccessSignature=sv-hunter2"),
    ("a signed address", "?sv=2024-01-01&sig=hunter2%3D"),
    ("a signed address", "x-amz-signature=hunter2"),
    ("a user name and password", "postgres://ana:hunter2@db/x"),
    ("a user name and password", "https://:hunter2@db/x"),
    ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
    ("an access token", "ghp_" + "a1B2" * 9),
    ("an access token", "github_pat_" + "a1B2_" * 9),
    ("an access token", "hf_" + "a1B2" * 8),
    ("an access token", "glpat-" + "a1B2" * 8),
    ("an access token", "xoxb-" + "12345678-a1B2"),
    ("an access token", "sk-" + "a1B2" * 8),
    ("a signed token", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0.abc"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "secret"), SECRETS)
@pytest.mark.parametrize("frame", ["{}", "key: {}", '"{}"', "({})", "a b {} c", "\n{}\n"])
def test_a_secret_is_seen_wherever_it_stands_and_taken_out(
    kind: str, secret: str, frame: str
) -> None:
    text = frame.format(secret)

    assert find_secret(text) == kind
    assert "[secret removed]" in redact(text)
    assert find_secret(redact(text)) is None
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3://models/AKIA",
        "git@github.com:org/repo.git",
        "https://ana@github.com/org/repo.git",
        "9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa",
        "blake3:9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa",
        "weights/Production/Fraud2024/fp16/Epoch1",
        "models/Team-A/Experiments/2024/run-17/x.pt",
        "ThisIsAVeryLongCamelCaseIdentifierNumber",
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "https://example.org:8080/a@b",
        "design=3&signal=4",
        "task-sk-1",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert find_secret(text) is None
    assert redact(text) == text


def test_random_keys_of_forty_characters_are_nearly_always_seen() -> None:
    random = Random(7)  # noqa: S311 -- the same keys in every run
    alphabet = string.ascii_letters + string.digits + "/+"
    keys = ["".join(random.choices(alphabet, k=40)) for _ in range(5000)]

    assert sum(find_secret(key) is not None for key in keys) > 4950


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    ["a" * 65536, "AKIA" * 16384, "://" * 20000, "://a:" * 13000, "eyJ" * 20000, "sig=" * 16000],
)
def test_long_hostile_lines_are_read_in_no_time(text: str) -> None:
    """Each of these takes seconds with an expression that backtracks; the limit is the test run's."""
    find_secret(text)
    assert len(redact(text)) <= len(text) + 100


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("key", True),
        ("Password", True),
        ("aws_secret_access_key", True),
        ("awsSecretAccessKey", True),
        ("connection-string", True),
        ("sas", True),
        ("HF_TOKEN", True),
        ("keyboard", False),
        ("monkey", False),
        ("tokenizer", False),
        ("max_tokens", False),
        ("secretary", False),
        ("sse_kms_key_id", False),
        ("primary_key", False),
        ("sassy", False),
        ("", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


REQUESTS = (
    "headers={{'Authorization': '{secret}', 'Host': 'x'}}",
    "Authorization: AWS4-HMAC-SHA256 Credential=x, Signature={secret}",
    "authorization: Bearer {secret}",
    "SharedKey account:{secret}",
    "x-amz-security-token: {secret}",
    "Keys(access_key='x', secret_key='{secret}', token=None)",
    "{{'aws_session_token': '{secret}'}}",
    "AWS_SECRET_ACCESS_KEY={secret}",
    "AccountKey={secret};EndpointSuffix=core.windows.net",
    "https://x.blob.core.windows.net/c/b?sv=1&sig={secret}&se=2026",
    "https://b.s3.amazonaws.com/k?X-Amz-Signature={secret}&X-Amz-Security-Token={secret}",
    "http://someone:{secret}@proxy:3128",
    "client_secret='{secret}'",
    "password = {secret}",
)


@pytest.mark.parametrize("text", REQUESTS)
@pytest.mark.parametrize("secret", ["q7Zr1Xk9Pw3Lm5Nb8Vc2", "3f9a0c7be1d24455a6b7c8d9e0f11223"])
def test_what_a_library_tells_of_a_request_is_shown_without_its_secrets(
    text: str, secret: str
) -> None:
    assert secret not in redact(f"before {text.format(secret=secret)} after")
