"""Git URLs: what is taken, what is shown, when two are one repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import UsageError
from gitmodel.git.url import GitUrl, is_git_url

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = [
    ("https://example.org/team/models.git", "https://example.org/team/models.git"),
    ("https://ana:hunter2@example.org/m.git", "https://example.org/m.git"),
    ("https://example.org:8443/m.git?token=hunter2", "https://example.org:8443/m.git"),
    ("ssh://git@example.org:22/~ana/m.git", "ssh://example.org:22/~ana/m.git"),
    ("git@example.org:team/models.git", "example.org:team/models.git"),
    ("[::1]:team/models.git", "[::1]:team/models.git"),
    ("http://[::1]:8080/m.git", "http://[::1]:8080/m.git"),
    ("git://example.org/m.git", "git://example.org/m.git"),
]


@pytest.mark.parametrize(("text", "plain"), TAKEN)
def test_what_is_taken_goes_to_git_as_it_is_and_is_shown_without_secrets(
    text: str, plain: str
) -> None:
    url = GitUrl.parse(text, start="/")

    assert (url.url, url.shown, url.folder) == (text, plain, None)
    assert "hunter2" not in url.shown + url.identity


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-u",
            "--upload-pack=touch x",
            "ext::sh -c touch% x",
            "fd::7",
            "s3::x",
            "persistent::",
        ),
        *("s3://bucket/x", "ftp://h/x", "javascript://h/x", "HTTPS://h/x", "https://", "https://h"),
        *("https:///x", "ssh://-oProxyCommand=touch x/y", "ssh://u@-oProxyCommand=x/y", "-h:x"),
        *("host:-x", "u@-h:x", "a b:c", "https://h/x\n", "https://h/\x1b[2J", " https://h/x"),
        *("file://server/share", "https://h:99x/y", "no/such/folder", "u@v@h:x"),
        "https://h/" + "x" * 3000,
    ],
)
def test_what_could_be_an_option_or_run_a_program_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        GitUrl.parse(text, start=str(tmp_path))

    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("form", ["{0}", "file://{0}", "file://localhost{0}", "../{1}", "{1}/.."])
def test_a_folder_of_this_machine_is_asked_by_its_protocol(form: str, tmp_path: Path) -> None:
    folder = tmp_path / "a%41 b.git"
    (folder / "a%41 b.git").mkdir(parents=True)
    written = str(folder).replace("%", "%25") if form.startswith("file") else str(folder)

    url = GitUrl.parse(form.format(written, folder.name), start=str(folder))

    assert url == GitUrl(
        "file://" + str(folder).replace("%", "%25"),
        str(folder),
        "file://" + str(folder).replace("%", "%25"),
        str(folder),
    )


def test_the_git_folder_of_a_work_tree_stands_for_the_work_tree(tmp_path: Path) -> None:
    (tmp_path / "w/.git").mkdir(parents=True)

    assert GitUrl.parse("w/.git", start=str(tmp_path)).folder == str(tmp_path / "w")


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("https://ana:old@h/m.git", "https://ana:new@h/m.git", True),
        ("https://ana:old@h/m.git", "https://h/m.git", True),
        ("ssh://ana@h/~/m.git", "ssh://ben@h/~/m.git", False),
        ("ssh://ana:x@h/~/m.git", "ssh://ana@h/~/m.git", True),
        ("ana@h:m.git", "ben@h:m.git", False),
        ("https://h/m.git", "https://h/n.git", False),
        ("https://h/m.git", "http://h/m.git", False),
    ],
)
def test_two_urls_of_one_repository_share_a_key(one: str, two: str, *, same: bool) -> None:
    keys = [GitUrl.parse(text, start="/").key for text in (one, two)]

    assert (keys[0] == keys[1]) is same
    assert all(len(key) == 32 and key.isalnum() for key in keys)


def test_words_of_git_lose_what_the_url_holds() -> None:
    url = GitUrl.parse("https://ana:hunter2@h/m.git?key=s3cret", start="/")

    said = url.without_secrets(
        f"unable to access '{url.url}': no; see https://ana:hunter2@h/m.git/info, key=s3cret"
    )

    assert said == "unable to access 'https://h/m.git': no; see https://h/m.git/info, …"


def test_a_folder_is_told_from_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("odd:name")

    assert not is_git_url("odd:name")
    assert not is_git_url("models")
    assert is_git_url("host:models")
    assert is_git_url("https://h/m")
