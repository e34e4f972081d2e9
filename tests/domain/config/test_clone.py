"""Settings of one person, and the rule when a committed remote needs their yes."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.config.clone import (
    LocalSettings,
    Overrides,
    VerifyUploads,
    effective_remote,
    needs_trust,
)
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import ConfigError

AWS = Remote(url="s3://models", scheme="s3", region="eu-1")
MINIO = Remote(url="s3://models", scheme="s3", endpoint="https://minio.example")
FOLDER = Remote(url="../store", scheme="file")
SHARE = Remote(url="//server/share", scheme="file")
OWN = LocalSettings(endpoint="http://127.0.0.1:9000", profile="me", region="us-1")


def test_nothing_said_means_the_defaults() -> None:
    none = LocalSettings.from_git_config([])

    assert none == LocalSettings()
    assert none.commit_limit == 20 * 1024**3


def test_all_keys_as_git_prints_them() -> None:
    entries = [
        ("gitmodel.endpoint", "https://first.example"),
        ("gitmodel.endpoint", "http://127.0.0.1:9000/"),
        ("gitmodel.profile", "my profile"),
        ("gitmodel.region", "us-1"),
        ("gitmodel.cache", "~/my cache"),
        ("gitmodel.commitlimit", "2G"),
        ("gitmodel.trust", "s3://models"),
        ("gitmodel.trust", "s3://models endpoint=https://minio.example"),
        ("gitmodel.backup.endpoint", "https://backup.example"),
        ("gitmodel.backup.profile", "b"),
        ("gitmodel.backup.trust", "s3://ignored"),
        ("gitmodel.future", "whatever"),
        ("gitmodel.a.b.future", "whatever"),
        ("core.endpoint", "https://not.ours.example"),
    ]

    assert LocalSettings.from_git_config(entries) == LocalSettings(
        endpoint="http://127.0.0.1:9000",
        profile="my profile",
        region="us-1",
        cache="~/my cache",
        commit_limit=2 << 30,
        trust=frozenset({"s3://models", "s3://models endpoint=https://minio.example"}),
        mirrors={"backup": Overrides(endpoint="https://backup.example", profile="b")},
    )


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("512", 512), ("1k", 1024), ("20M", 20 << 20), ("3g", 3 << 30)]
)
def test_sizes_as_git_writes_them(text: str, size: int) -> None:
    entries = [("gitmodel.commitlimit", text)]

    assert LocalSettings.from_git_config(entries).commit_limit == size


@pytest.mark.parametrize("choice", VerifyUploads)
def test_which_uploads_are_read_back_is_a_choice(choice: VerifyUploads) -> None:
    for text in (str(choice), str(choice).upper()):
        settings = LocalSettings.from_git_config([("gitmodel.verifyuploads", text)])
        assert settings.verify_uploads is choice


def test_by_default_uploads_that_nobody_compared_are_read_back() -> None:
    assert LocalSettings().verify_uploads is VerifyUploads.UNCHECKED


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gitmodel.verifyuploads", "sometimes"),
        ("gitmodel.verifyuploads", ""),
        ("gitmodel.commitlimit", ""),
        ("gitmodel.commitlimit", "-1"),
        ("gitmodel.commitlimit", "20GB"),
        ("gitmodel.commitlimit", "1.5g"),
        ("gitmodel.commitlimit", "\u0661"),
        pytest.param("gitmodel.commitlimit", "9" * 10_000, id="10,000 digits"),
        ("gitmodel.endpoint", ""),
        ("gitmodel.endpoint", "minio"),
        ("gitmodel.endpoint", "https://ana:hunter2@minio.example"),
        ("gitmodel.endpoint", "http://169.254.169.254"),
        ("gitmodel.backup.endpoint", "minio"),
        ("gitmodel.profile", ""),
        ("gitmodel.profile", "a\nb"),
        ("gitmodel.profile", "a\x1b[2J"),
        ("gitmodel.profile", "AKIA" + "IOSFODNN7EXAMPLE"),
        ("gitmodel.region", "evil.example/#"),
        ("gitmodel.cache", ""),
        ("gitmodel.cache", "x\x00y"),
        ("gitmodel.trust", "s3://models\r"),
        ("gitmodel.trust", "https://ana:hunter2@minio.example"),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_key_and_never_shows_a_secret(
    key: str, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalSettings.from_git_config([(key, value)])

    message = f"{caught.value} {caught.value.hint}"
    assert message.startswith(f"git config {key}: ")
    assert message.isprintable()
    assert "hunter2" not in message
    assert "IOSFODNN7" not in message


def test_the_environment_wins_over_git_config_and_both_over_the_usual_variables() -> None:
    environment = {
        "GITMODEL_PROFILE": "env",
        "GITMODEL_CACHE": "/mnt/cache",
        "GITMODEL_REGION": "ap-1",
        "GITMODEL_TRUST": "s3://models\n\n  ../my store  \n",
        "AWS_ENDPOINT_URL": "https://general.example",
        "AWS_ENDPOINT_URL_S3": "https://special.example",
    }

    assert OWN.with_environment({}) == OWN
    assert LocalSettings().with_environment({"HOME": "/home/ana"}) == LocalSettings()
    assert OWN.with_environment(environment) == LocalSettings(
        endpoint="http://127.0.0.1:9000",
        profile="env",
        region="ap-1",
        cache="/mnt/cache",
        trust=frozenset({"s3://models", "../my store"}),
        s3_endpoint="https://special.example",
    )
    bare = LocalSettings().with_environment(environment)
    assert effective_remote(AWS, bare).endpoint == "https://special.example"
    assert (
        effective_remote(AWS, OWN.with_environment(environment)).endpoint == "http://127.0.0.1:9000"
    )
    del environment["AWS_ENDPOINT_URL_S3"]
    bare = LocalSettings().with_environment(environment)
    assert effective_remote(AWS, bare).endpoint == "https://general.example"
    assert not needs_trust(MINIO, bare, upload=False)
    environment["GITMODEL_ENDPOINT"] = "https://chosen.example"
    assert OWN.with_environment(environment).endpoint == "https://chosen.example"


def test_the_variables_of_aws_say_nothing_about_azure() -> None:
    azure = Remote(url="az://models", scheme="az", account="ana")
    settings_ = LocalSettings().with_environment({"AWS_ENDPOINT_URL": "https://general.example"})

    assert effective_remote(azure, settings_) == azure


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^AWS_ENDPOINT_URL: "):
        LocalSettings().with_environment({"AWS_ENDPOINT_URL": "minio"})


def test_the_persons_own_wins_over_the_committed() -> None:
    assert effective_remote(MINIO, OWN) == Remote(
        url="s3://models",
        scheme="s3",
        endpoint="http://127.0.0.1:9000",
        region="us-1",
        profile="me",
    )
    assert effective_remote(AWS, LocalSettings()) == AWS
    assert effective_remote(FOLDER, OWN) == FOLDER


def test_overrides_of_the_primary_say_nothing_about_a_mirror() -> None:
    settings_ = LocalSettings(
        endpoint="http://127.0.0.1:9000", mirrors={"backup": Overrides(region="us-2")}
    )

    assert effective_remote(MINIO, settings_, mirror="other") == MINIO
    assert effective_remote(MINIO, settings_, mirror="backup").region == "us-2"
    assert needs_trust(MINIO, settings_, upload=False, mirror="backup")


@pytest.mark.parametrize("remote", [AWS, MINIO, FOLDER, SHARE])
def test_nothing_is_uploaded_anywhere_before_the_person_said_so(remote: Remote) -> None:
    for own in (LocalSettings(), OWN):
        assert needs_trust(remote, own, upload=True)


@pytest.mark.parametrize(
    ("remote", "needed"), [(AWS, False), (FOLDER, False), (MINIO, True), (SHARE, True)]
)
def test_reading_needs_a_yes_only_where_the_host_is_foreign(remote: Remote, needed: bool) -> None:
    assert needs_trust(remote, LocalSettings(), upload=False) is needed


def test_an_endpoint_of_ones_own_is_trusted_for_reading() -> None:
    assert not needs_trust(MINIO, OWN, upload=False)
    assert needs_trust(SHARE, OWN, upload=False)


@pytest.mark.parametrize("remote", [AWS, MINIO, FOLDER, SHARE])
def test_a_yes_holds_for_this_address_and_for_no_other(remote: Remote) -> None:
    trusting = LocalSettings(trust=frozenset({remote.fingerprint}))

    for other, upload in product([AWS, MINIO, FOLDER, SHARE], [False, True]):
        expected = other != remote and needs_trust(other, LocalSettings(), upload=upload)
        assert needs_trust(other, trusting, upload=upload) is expected


def test_a_yes_ends_when_the_committed_endpoint_changes() -> None:
    trusting = LocalSettings(trust=frozenset({MINIO.fingerprint}))
    moved = Remote(url=MINIO.url, scheme="s3", endpoint="https://evil.example")

    assert needs_trust(moved, trusting, upload=False)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["gitmodel.endpoint", "gitmodel.trust", "gitmodel.x.y.region", "gitmodel", "", "."]
            ),
            st.text(max_size=20),
        ),
        max_size=4,
    )
)
def test_reading_any_entries_ends_with_settings_or_an_error_for_people(
    entries: list[tuple[str, str]],
) -> None:
    try:
        read = LocalSettings.from_git_config(entries)
    except ConfigError:
        return
    assert all(fingerprint.isprintable() for fingerprint in read.trust)
