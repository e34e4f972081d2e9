"""Addresses of strangers: every row is one that some tool once followed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.config.address import (
    ParsedAddress,
    is_absolute,
    is_provider,
    is_system_folder,
    parse,
)
from gitmodel.domain.config.endpoint import parse_endpoint
from gitmodel.errors import ConfigError

ACCOUNT_KEY = "abcdefgh01234567ABCDEFGH" * 3 + "abcdefgh012345" + "=="


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://models", ParsedAddress("s3://models", "s3")),
        ("s3://models/", ParsedAddress("s3://models", "s3")),
        ("s3://my.models-1/Team_A/v=1/", ParsedAddress("s3://my.models-1/Team_A/v=1", "s3")),
        ("az://models/x", ParsedAddress("az://models/x", "az")),
        ("abfs://models", ParsedAddress("az://models", "az")),
        (
            "abfss://models@acct1.dfs.core.windows.net/x/y",
            ParsedAddress("az://models/x/y", "az", "acct1"),
        ),
        ("az://models@acct1.blob.core.windows.net", ParsedAddress("az://models", "az", "acct1")),
        ("/mnt/store", ParsedAddress("/mnt/store", "file")),
        ("/mnt//my store/./x/", ParsedAddress("/mnt/my store/x", "file")),
        ("store", ParsedAddress("store", "file")),
        ("./store", ParsedAddress("store", "file")),
        ("../../my store", ParsedAddress("../../my store", "file")),
        ("..", ParsedAddress("..", "file")),
        ("/mnt/größe/模型#1?", ParsedAddress("/mnt/größe/模型#1?", "file")),
        ("/mnt/100%25", ParsedAddress("/mnt/100%25", "file")),
        ("file:///mnt/store/", ParsedAddress("/mnt/store", "file")),
        ("file:///mnt/my store", ParsedAddress("/mnt/my store", "file")),
        ("file:///mnt/my%20store/gr%C3%B6%C3%9Fe", ParsedAddress("/mnt/my store/größe", "file")),
        ("file:///mnt/100%", ParsedAddress("/mnt/100%", "file")),
        ("file://localhost/mnt/x", ParsedAddress("/mnt/x", "file")),
        ("file:///c:/store", ParsedAddress("C:/store", "file")),
        ("C:\\my store\\x", ParsedAddress("C:/my store/x", "file")),
        ("d:/store", ParsedAddress("D:/store", "file")),
        ("//server/share/x", ParsedAddress("//server/share/x", "file")),
        ("/dev/shm/store", ParsedAddress("/dev/shm/store", "file")),  # noqa: S108 -- nothing is created
        ("/usr/local/store", ParsedAddress("/usr/local/store", "file")),
        ("/etcetera", ParsedAddress("/etcetera", "file")),
        ("...", ParsedAddress("...", "file")),
    ],
)
def test_three_kinds_of_address_in_one_spelling_each(text: str, place: ParsedAddress) -> None:
    assert parse(text, where="x") == place
    assert parse(place.url, where="x").url == place.url


@pytest.mark.parametrize(
    "text",
    [
        # Other protocols, and what fsspec makes of them.
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/",
        "http://localhost:9000/models",
        "https://models.s3.amazonaws.com",
        "https://acct.blob.core.windows.net/models",
        "github://org:repo@main/x",
        "git://example.org/x",
        "ssh://example.org/x",
        "sftp://example.org/x",
        "ftp://example.org/x",
        "smb://server/share",
        "hdfs://node/x",
        "webhdfs://user:pw@node/x",
        "gs://models",
        "gcs://models",
        "hf://datasets/x",
        "memory://x",
        "local:///mnt/x",
        "data:text/plain,x",
        "data://x",
        "reference://x",
        "zip://x",
        "dask://x",
        "jupyter://x",
        "s3a://models",
        "adl://models",
        "wasb://models",
        "ext::sh -c id",
        "file:/etc/passwd",
        "localhost:9000",
        "host:path",
        "C:store",
        # Chains.
        "simplecache::s3://models",
        "zip://x.zip::s3://models",
        "s3://models::x",
        "a::b",
        # Scheme spelled otherwise.
        "S3://models",
        "File:///mnt/x",
        "AZ://models",
        " s3://models",
        "s3://models ",
        "s3 ://models",
        "s3:/models",
        "s3:models",
        "s3//:models",
        "://models",
        "s3:///models",
        "\ufb01le:///mnt/x",
        # User information, query, fragment.
        "s3://ana@models",
        "s3://ana:pw@models",
        "s3://@models",
        "s3://models?versionId=1",
        "s3://models/x?a=b",
        "s3://models/x#y",
        "az://models?sv=1",
        "az://models@evil.example/x",
        "abfs://models@acct.dfs.core.windows.net.evil.example",
        "abfs://models@acct.evil.example",
        "abfs://a:b@acct1.dfs.core.windows.net",
        "abfs://models@ACCT.dfs.core.windows.net",
        "file:///mnt/x?y",
        "file:///mnt/x#y",
        # Buckets outside the grammar.
        "s3://",
        "s3://ab",
        "s3://" + "a" * 64,
        "s3://Models",
        "s3://my_models",
        "s3://models.",
        "s3://-models",
        "s3://my..models",
        "s3://169.254.169.254",
        "s3://127.0.0.1/x",
        "s3://models:9000",
        "s3://localhost:9000/x",
        "s3://arn:aws:s3:eu-1:1:accesspoint/x",
        "s3://m\u00f6dels",
        "az://my--models",
        "az://models-",
        "az://my.models",
        "az://$root",
        # Prefixes.
        "s3://b01/../x",
        "s3://models/x/..",
        "s3://models/./x",
        "s3://models//x",
        "s3://models/%2e%2e/x",
        "s3://models/a b",
        "s3://models/a\\b",
        "s3://models/*",
        "s3://models/[a]",
        "s3://models/{a}",
        "s3://models/$(id)",
        "s3://models/m\u00f6del",
        "s3://models/" + "x" * 513,
        # Control characters and what cannot be seen.
        "s3://models/x\n",
        "s3://models\r\nHost: evil",
        "s3://models/x\x00y",
        "s3://models/\u202ex",
        "s3://models/x\u200b",
        "/mnt/x\x1b[2J",
        "/mnt/x\n",
        "/mnt/\udc80",
        "file:///mnt/%00",
        "file:///mnt/%0ax",
        "file:///mnt/%1b[2J",
        "file:///mnt/%ff",
        "file:///mnt/%e2%80%ae",
        # Folders.
        "",
        " ",
        ".",
        "./",
        "/",
        "//",
        "///",
        "file://",
        "file:///",
        "file:///.",
        "file://server/share",
        "file://../x",
        "file://C:/x",
        "/etc",
        "/etc/",
        "/./etc/x",
        "//etc/x",
        "file:///etc",
        "file:///%65tc/x",
        "file:////etc",
        "/proc/self/mem",
        "/sys",
        "/dev/sda",
        "/dev/shm",  # noqa: S108 -- nothing is created
        "/usr/bin",
        "/bin",
        "/lib64/x",
        "/sbin",
        "/boot",
        "/var/run/docker.sock",
        "C:\\",
        "C:/Windows/System32",
        "C:\\Program Files\\x",
        "/mnt/../etc",
        "/mnt/..",
        "store/../../x",
        "../x/../y",
        "file:///mnt/../etc",
        "file:///mnt/%2e%2e/etc",
        "file:///mnt/%2E./etc",
        "C:/store/../Windows",
        "\\\\server\\share",
        "..\\store",
        "a\\b",
        "~/store",
        "~root/store",
        "$HOME/store",
        "%APPDATA%/store",
        "-rf",
        "--upload-pack=x",
        "x" * 1025,
        pytest.param("x" * 5_000_000, id="5 MB"),
        # Secrets.
        "s3://models/AKIA" + "IOSFODNN7EXAMPLE",
        "/mnt/AccountKey=abc",
        f"/mnt/{ACCOUNT_KEY}",
    ],
)
def test_everything_else_is_refused_on_one_short_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, where=".gitmodel.yaml: remote")

    message = str(caught.value)
    assert message.startswith(".gitmodel.yaml: remote: ")
    assert message.isprintable()
    assert len(message) < 250


@pytest.mark.parametrize("value", [None, 7, True, 1.5, [], {}, ["s3://models"], b"s3://models"])
def test_an_address_is_text(value: object) -> None:
    with pytest.raises(ConfigError, match="the address is missing"):
        parse(value, where="x")


@pytest.mark.parametrize(
    "text",
    [
        "s3://ana:hunter2@models",
        "s3://hunter2@models",
        "https://x.example/y?token=hunter2",
        "s3://models/x?key=hunter2",
        "/mnt/x?sig=hunter2",
        "memory://x#hunter2",
        "hunter2@host:path",
    ],
)
def test_parts_of_an_address_that_can_be_secret_are_never_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, where="x")

    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_the_whole_answer_to_a_web_address() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("https://minio.example/models", where=".gitmodel.yaml: remote")

    assert (str(caught.value), caught.value.hint) == (
        '.gitmodel.yaml: remote: "https://minio.example/models" is refused: a web address is not a store',
        "for a store that speaks S3 write url: s3://BUCKET and endpoint: https://HOST",
    )


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://minio.example", "https://minio.example"),
        ("https://MinIO.example/", "https://minio.example"),
        ("https://minio.example:443", "https://minio.example"),
        ("http://minio.example:80/", "http://minio.example"),
        ("http://minio.example:443", "http://minio.example:443"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://localhost:8333/", "http://localhost:8333"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://[::ffff:10.0.0.1]", "http://10.0.0.1"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("http://127.0.0.1:10000/devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1"),
        ("https://x.example/storage/v1/s3", "https://x.example/storage/v1/s3"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
    ],
)
def test_endpoints_in_one_spelling(text: str, endpoint: str) -> None:
    assert parse_endpoint(text, where="x") == endpoint
    assert parse_endpoint(endpoint, where="x") == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "minio.example",
        "//minio.example",
        "ftp://minio.example",
        "HTTPS://minio.example",
        "https://",
        "https:///x",
        "https://ana@minio.example",
        "https://ana:pw@minio.example",
        "https://minio.example?x",
        "https://minio.example#x",
        "https://minio.example:0",
        "https://minio.example:65536",
        "https://minio.example:99999",
        "https://minio.example:",
        "https://minio.example:9000:1",
        "https://minio.example/../x",
        "https://minio.example/./x",
        "https://minio.example//x",
        "https://minio.example/%2e%2e",
        "https://minio.example\\@evil.example",
        "https://minio.example ",
        "https://minio .example",
        "https://minio.example\r\nX: y",
        "https://minio.example\x00",
        "https://m\u00fcnchen.example",
        "https://minio\u3002example",
        "https://-x.example",
        "https://x-.example",
        "https://.example",
        "https://x..example",
        "https://example.org.",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 130 + "example",
        "https://[minio.example]",
        "https://[::1",
        "https://::1",
        "https://[::1%25eth0]",
        "https://[fe80::1]",
        "http://169.254.169.254",
        "http://169.254.170.2",
        "http://[::ffff:169.254.169.254]",
        "http://[::ffff:a9fe:a9fe]",
        "http://[fd00:ec2::254]",
        "http://[fd00:0ec2:0:0::254]",
        "http://100.100.100.200",
        "http://168.63.129.16",
        "http://metadata.google.internal",
        "http://Metadata.Google.Internal",
        "http://metadata",
        "http://0.0.0.0",
        "http://[::]",
        "http://224.0.0.1",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://0xa9.0xfe.0xa9.0xfe",
        "http://0251.0376.0251.0376",
        "http://169.254.43518",
        "http://127.1",
        "http://127.0.0.01",
        "http://1.2.3.4.5",
    ],
)
def test_endpoints_spelled_to_deceive_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_endpoint(text, where="x")

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("endpoint", "scheme", "own"),
    [
        ("https://s3.amazonaws.com", "s3", True),
        ("https://s3.eu-central-1.amazonaws.com", "s3", True),
        ("https://s3-fips.us-gov-west-1.amazonaws.com", "s3", True),
        ("https://s3.dualstack.us-east-1.amazonaws.com", "s3", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", "s3", True),
        ("https://acct1.blob.core.windows.net", "az", True),
        ("https://acct1.blob.core.windows.net", "s3", False),
        ("https://s3.amazonaws.com", "az", False),
        ("http://s3.amazonaws.com", "s3", False),
        ("https://s3.amazonaws.com:8443", "s3", False),
        ("https://s3.amazonaws.com/x", "s3", False),
        ("https://evil.s3.amazonaws.com", "s3", False),
        ("https://s3.evil.amazonaws.com", "s3", False),
        ("https://abc.execute-api.eu-central-1.amazonaws.com", "s3", False),
        ("https://ec2-1-2-3-4.compute-1.amazonaws.com", "s3", False),
        ("https://s3.amazonaws.com.evil.example", "s3", False),
        ("https://s3xamazonaws.com", "s3", False),
        ("https://a.b.blob.core.windows.net", "az", False),
        ("https://acct1.web.core.windows.net", "az", False),
        ("https://minio.example", "s3", False),
        ("https://s3.amazonaws.com", "file", False),
    ],
)
def test_only_names_that_nobody_else_can_get_are_the_providers_own(
    endpoint: str, scheme: str, own: bool
) -> None:
    assert is_provider(endpoint, scheme) is own


def test_absolute_paths_of_both_worlds() -> None:
    assert [is_absolute(path) for path in ("/x", "C:/x", "//s/x", "x", "../x")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_system_folders_can_be_asked_for_again_after_joining() -> None:
    assert is_system_folder("/etc/x")
    assert is_system_folder("//ETC")
    assert not is_system_folder("/home/ana/etc")


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40), st.from_regex(r"(s3|az|file)://[a-z./@:%?]{0,20}", fullmatch=True)
    )
)
def test_reading_an_address_is_idempotent_or_an_error(text: str) -> None:
    try:
        place = parse(text, where="x")
    except ConfigError:
        return
    assert parse(place.url, where="x").url == place.url
    assert place.url.isprintable()
    assert "/../" not in place.url.lstrip("./")


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30), st.from_regex(r"https?://[a-z0-9.:\[\]/]{0,24}", fullmatch=True)
    )
)
def test_reading_an_endpoint_is_idempotent_or_an_error(text: str) -> None:
    try:
        endpoint = parse_endpoint(text, where="x")
    except ConfigError:
        return
    assert parse_endpoint(endpoint, where="x") == endpoint
