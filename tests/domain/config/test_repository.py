"""`.gitmodel.yaml`: reading it, and editing it without touching what people wrote."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.config.repository import (
    Config,
    Remote,
    check_project,
    new_config_text,
    with_mirror,
    with_remote,
)
from gitmodel.errors import ConfigError, ModelNameError, NewerFormatError, TextError

QUICK = settings(max_examples=80, deadline=None)
HEAD = 'gitmodel: 1\nproject: "fraud"\nid: "9c1f22ab"\n'
S3 = Remote(url="s3://models/fraud", scheme="s3")
MINIO = Remote(url="s3://models", scheme="s3", endpoint="https://minio.example:9000", region="eu-1")
FOLDER = Remote(url="../my store", scheme="file")
# Put together here, so that no scanner takes this file for a leak.
ACCESS_KEY = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"

remotes = st.sampled_from(
    [S3, MINIO, FOLDER, Remote(url="az://models/a", scheme="az", account="acct1", anonymous=True)]
)

RESTORE = (
    "restore it: git checkout HEAD -- .gitmodel.yaml; or, if it was never committed: "
    "rm .gitmodel.yaml, then gitmodel init"
)


def test_a_whole_file() -> None:
    config = Config.from_text(
        HEAD
        + """\
remote:
  url: s3://models/fraud
  endpoint: https://minio.example:9000/
  addressing: path
mirrors:
  backup: az://models
  share: "/mnt/my share/"
gates:
  auc: {min: 0.9}
"""
    )

    assert config == Config(
        project="fraud",
        project_id="9c1f22ab",
        remote=Remote(
            url="s3://models/fraud",
            scheme="s3",
            endpoint="https://minio.example:9000",
            addressing="path",
        ),
        mirrors={
            "backup": Remote(url="az://models", scheme="az"),
            "share": Remote(url="/mnt/my share", scheme="file"),
        },
        unknown={"gates": {"auc": {"min": 0.9}}},
    )


def test_a_file_without_remote_means_the_embedded_folder() -> None:
    assert Config.from_text(HEAD).remote is None
    assert Config.from_text(f"{HEAD}remote: null\nmirrors:\n".encode()).mirrors == {}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", ".gitmodel.yaml: the line gitmodel: 1 is missing", RESTORE),
        ("gitmodel: true\n", ".gitmodel.yaml: the line gitmodel: 1 is missing", RESTORE),
        ("gitmodel: 0\n", ".gitmodel.yaml: the line gitmodel: 1 is missing", RESTORE),
        ('gitmodel: "1"\n', ".gitmodel.yaml: the line gitmodel: 1 is missing", RESTORE),
        (
            "gitmodel: 1\n",
            '.gitmodel.yaml: the line project: "NAME" is missing',
            RESTORE,
        ),
        (
            "gitmodel: 1\nproject: x\nid: 12345678\n",
            ".gitmodel.yaml: id must be 8 to 32 hex digits in quotes",
            RESTORE,
        ),
        (
            'gitmodel: 1\nproject: x\nid: "../../x1"\n',
            ".gitmodel.yaml: id must be 8 to 32 hex digits in quotes",
            RESTORE,
        ),
        (
            "gitmodel: 1\nproject: a/b\nid: 9c1f22ab\n",
            '.gitmodel.yaml: project: "a/b" is not a project name: it has a /',
            "use one word in lower case",
        ),
        (
            f"{HEAD}mirrors: [a]\n",
            ".gitmodel.yaml: mirrors must be lines of `name: address`",
            None,
        ),
        (
            f"{HEAD}mirrors: {{../x: s3://models}}\n",
            '.gitmodel.yaml: "../x" is not a mirror name',
            "use a word of a-z, 0-9 and '-', such as backup",
        ),
        (
            f"{HEAD}mirrors: {{backup: null}}\n",
            ".gitmodel.yaml: mirrors.backup: the address is missing",
            "use s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or the path of a folder",
        ),
        (
            f"{HEAD}remote: 7\n",
            ".gitmodel.yaml: remote: the address is missing",
            "use s3://BUCKET/PREFIX, az://CONTAINER/PREFIX or the path of a folder",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_way_out(
    text: str, message: str, hint: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_text(text)

    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_newer_format_is_refused_as_such() -> None:
    with pytest.raises(NewerFormatError, match="supports format 1, not 2") as caught:
        Config.from_text("gitmodel: 2\nremote: {what: [we, do, not]}\n")

    assert caught.value.hint == "pip install --upgrade gitmodel"


@pytest.mark.parametrize(
    "text", ["- a\n", "a: &x 1\n", "a: 1\na: 2\n", "{" * 100, "a: \x00\n", "\ud800: 1"]
)
def test_text_outside_the_subset_is_an_error_of_the_configuration(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^\.gitmodel\.yaml: "):
        Config.from_text(text)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"# my key is {ACCESS_KEY}", ACCESS_KEY),
        (f"note: {SECRET_KEY}", SECRET_KEY),
        (f'remote: {{url: s3://models, key: "{ACCESS_KEY}"}}', ACCESS_KEY),
        ("remote: {url: s3://models, key: hunter2}", "hunter2"),
        ("remote: {url: s3://models, secret: hunter2}", "hunter2"),
        ("remote: {url: s3://models, token: hunter2}", "hunter2"),
        ("remote: {url: s3://models, aws_secret_access_key: hunter2}", "hunter2"),
        ("remote: {url: az://models, sas_token: hunter2}", "hunter2"),
        ("remote: {url: az://models, account_key: hunter2}", "hunter2"),
        ("remote: {url: az://models, connection_string: hunter2}", "hunter2"),
        ("remote: {url: az://models, client_secret: hunter2}", "hunter2"),
        ("remote: {url: az://models, password: 20212223}", "20212223"),
        ("remote: s3://ana:hunter2@models/x", "hunter2"),
        ("remote: https://acct.blob.core.windows.net/m?sv=1&sig=hunter2", "hunter2"),
        (
            "remote: {url: az://m-1, account: 'DefaultEndpointsProtocol=https;AccountKey=hunter2'}",
            "hunter2",
        ),
        ("mirrors: {b: {url: s3://models, secret: hunter2}}", "hunter2"),
        ("targets: {prod: {password: hunter2}}", "hunter2"),
        ("targets: [{api_key: [hunter2]}]", "hunter2"),
        ("policies: {webhook: 'https://ana:hunter2@example.org'}", "hunter2"),
        ("x: |\n  -----BEGIN RSA PRIVATE KEY-----\n  hunter2", "hunter2"),
        ("token_file: x\nhf: hf_" + "a1B2" * 8, "a1B2"),
        ("gh: ghp_" + "a1B2" * 9, "a1B2"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(line: str, secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_text(f"{HEAD}{line}\n")

    error = caught.value
    assert "not shown" in error.message
    assert "git config gitmodel.profile" in (error.hint or "")
    assert secret not in f"{error.message} {error.hint}"


def test_ordinary_text_is_not_taken_for_a_secret() -> None:
    config = Config.from_text(
        HEAD
        + """\
# Commit 8d34ec2f1b0a9c7d6e5f4a3b2c1d0e9f8a7b6c5d made this; see models/Team-A/experiments/2024/run-17
tokenizer: "bert"
max_tokens: 512
gates: {key: 3, token: null, keyboard: "x"}
data: "blake3:9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa"
path: "weights/Production/Fraud2024/fp16/Epoch12.pt"
"""
    )

    assert set(config.unknown) == {"tokenizer", "max_tokens", "gates", "data", "path"}


@QUICK
@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True), st.one_of(st.none(), remotes))
def test_a_new_file_says_what_it_was_made_of(project: str, remote: Remote | None) -> None:
    try:
        check_project(project)
    except ModelNameError:
        return
    text = new_config_text(project, "9c1f22ab", remote)

    assert Config.from_text(text) == Config(project=project, project_id="9c1f22ab", remote=remote)


def test_a_new_file_to_the_letter() -> None:
    assert new_config_text("fraud", "9c1f22ab", S3) == (
        "# Settings of gitmodel for everyone who clones this repository. No secrets here.\n"
        "# Personal settings (profile, cache, another endpoint): git config gitmodel.NAME VALUE\n"
        'gitmodel: 1\nproject: "fraud"\nid: "9c1f22ab"\nremote: "s3://models/fraud"\n'
    )


def test_a_new_file_needs_a_good_name_and_id() -> None:
    with pytest.raises(ModelNameError):
        new_config_text("Fraud", "9c1f22ab", None)
    with pytest.raises(ConfigError):
        new_config_text("fraud", "1", None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'remote: "s3://models/fraud"\n'),
        ("# c\n\ngates: {}  # mine\n", 'remote: "s3://models/fraud"\n# c\n\ngates: {}  # mine\n'),
        ('remote: "s3://old"\n', 'remote: "s3://models/fraud"\n'),
        ("remote: s3://old # why\n", 'remote: "s3://models/fraud" # why\n'),
        ("remote:   's3://old'\t# it's \"why\"\n", 'remote: "s3://models/fraud"\t# it\'s "why"\n'),
        ('"remote" : /it\'s/#1   # why\n', '"remote" : "s3://models/fraud"   # why\n'),
        ("remote:   # why\n", 'remote: "s3://models/fraud"   # why\n'),
        ("remote:\n", 'remote: "s3://models/fraud"\n'),
        (
            "remote: {url: s3://old, region: eu-1}  # why\nx: 1\n",
            'remote: {url: "s3://models/fraud"}  # why\nx: 1\n',
        ),
        (
            "remote: {url: s3://old, # a\n  # own line\n  region: eu-1}\nx: 1\n",
            'remote: {url: "s3://models/fraud"} # a\n  # own line\nx: 1\n',
        ),
        (
            "remote:  # here\n  # first\n  url: s3://old  # bucket\n  region: eu-1 # gone\n  # last\n\n# x\nx: 1\n",
            'remote:  # here\n  # first\n  url: "s3://models/fraud"  # bucket\n  # last\n\n# x\nx: 1\n',
        ),
        (
            "remote:\n- no\nx: |\n  # text\n  remote: y\n",
            'remote: "s3://models/fraud"\nx: |\n  # text\n  remote: y\n',
        ),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_setting_the_remote_changes_its_line_and_no_other(
    before: str, after: str, ending: str
) -> None:
    text = (HEAD + before).replace("\n", ending)

    assert with_remote(text, S3) == (HEAD + after).replace("\n", ending)


def test_a_last_line_without_end_gets_one_before_another_follows() -> None:
    assert with_remote(HEAD.rstrip(), S3) == f'{HEAD}remote: "s3://models/fraud"\n'
    assert with_remote(f"{HEAD}remote: x", S3) == f'{HEAD}remote: "s3://models/fraud"'


def test_options_are_set_inside_the_block_that_stands_there() -> None:
    text = f"{HEAD}remote:\n    # ours\n    url: s3://old\n\nx: 1\n"

    assert with_remote(text, MINIO) == (
        f'{HEAD}remote:\n    # ours\n    url: "s3://models"\n    endpoint: "https://minio.example:9000"\n'
        '    region: "eu-1"\n\nx: 1\n'
    )


def test_taking_the_remote_out_keeps_comments_on_lines_of_their_own() -> None:
    text = f"{HEAD}# above\nremote: # with it\n  # inside\n  url: s3://old # with it\n# below\n"

    assert with_remote(text, None) == f"{HEAD}# above\n  # inside\n# below\n"
    assert with_remote(HEAD, None) == HEAD


def test_mirrors_come_and_go() -> None:
    one = with_mirror(with_remote(HEAD + "x: 1\n", S3), "backup", FOLDER)
    two = with_mirror(one, "cloud", MINIO)

    assert one == (HEAD + 'remote: "s3://models/fraud"\nmirrors:\n  backup: "../my store"\nx: 1\n')
    assert Config.from_text(two).mirrors == {"backup": FOLDER, "cloud": MINIO}
    assert with_mirror(two, "cloud", None) == one
    assert with_mirror(one, "backup", None) == with_remote(HEAD + "x: 1\n", S3)
    assert with_mirror(one, "unknown", None) == one


def test_a_mirror_with_a_bad_name_is_refused() -> None:
    for name in ("", "a b", "../x", "Backup", "a.b", "secret", "primary", "x" * 65):
        with pytest.raises(ConfigError, match="is not a mirror name"):
            with_mirror(HEAD, name, S3)


def test_setting_what_is_set_changes_not_a_byte() -> None:
    text = f"{HEAD}remote:   {{ url : 's3://models/fraud' }}   # as I like it"

    assert with_remote(text, S3) == text


@pytest.mark.parametrize(
    "text",
    [
        "{gitmodel: 1, project: fraud, id: 9c1f22ab}\n",
        HEAD + "? remote\n: s3://old\n",
        "# nothing yet\n---\n...\n",
    ],
)
def test_a_layout_that_lines_cannot_edit_is_left_to_the_person(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be edited line by line") as caught:
        with_remote(text, S3)

    assert caught.value.hint == 'edit it by hand: write {remote: "s3://models/fraud"}'


def test_a_removal_that_lines_cannot_make_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        with_remote("{gitmodel: 1, remote: x}", None)

    assert caught.value.hint == "edit it by hand: remove remote"


def test_text_that_does_not_parse_is_not_edited() -> None:
    with pytest.raises(ConfigError):
        with_remote("a: [", S3)


comments = st.from_regex(r"#[ a-z'\"{}\[\]:,-]{0,12}", fullmatch=True)
fillers = st.one_of(
    st.just(""),
    comments,
    st.tuples(st.sampled_from(["x", "y", "'q'", "long-key"]), comments).map(
        lambda pair: f"{pair[0]}: [1, 'a # b']  {pair[1]}"
    ),
)


@QUICK
@given(
    st.lists(fillers, max_size=4, unique=True),
    st.lists(fillers, max_size=4, unique=True),
    st.sampled_from(
        [
            "",
            "remote: s3://old",
            "remote: {url: 's3://old', region: eu-1} # c",
            "remote:\n  # inside\n  url: s3://old # u\n  region: eu-1",
            "remote:\n   endpoint: 'https://a.example'\n   url: 's3://old'",
        ]
    ),
    remotes,
)
def test_an_edit_says_what_was_asked_and_keeps_every_other_line(
    above: list[str], below: list[str], present: str, remote: Remote
) -> None:
    text = "\n".join([HEAD.rstrip(), *above, present, *below]) + "\n"
    try:
        before = Config.from_text(text)
    except ConfigError:
        return  # a key given twice

    after = with_remote(text, remote)

    assert Config.from_text(after).remote == remote
    assert Config.from_text(after).unknown == before.unknown
    kept = iter(after.splitlines())
    assert all(line in kept for line in [*above, *below])
    assert all(line in after for line in re.findall(r"^\s*#.*$", text, re.MULTILINE))
    assert Config.from_text(with_remote(after, None)).unknown == before.unknown


@QUICK
@given(
    st.one_of(st.text(max_size=80), st.text(max_size=60).map(HEAD.__add__), st.binary(max_size=60))
)
def test_reading_anything_ends_with_a_config_or_an_error_for_people(raw: str | bytes) -> None:
    with suppress(ConfigError, NewerFormatError):
        Config.from_text(raw)


def test_no_configuration_is_written_that_could_not_be_read() -> None:
    long = Remote(url="s3://b/" + "x" * 70_000, scheme="s3")
    half = Remote(url="s3://b/\udcff", scheme="s3")
    text = new_config_text("p", "9c1f22ab", None)

    for remote in (long, half):
        with pytest.raises(TextError):
            new_config_text("p", "9c1f22ab", remote)
        with pytest.raises(TextError):
            with_remote(text, remote)
        with pytest.raises(TextError):
            with_mirror(text, "backup", remote)
