"""The page that opens a pull request: for each forge, from each form of a remote's URL, without secrets."""

from __future__ import annotations

import pytest

from gitmodel.git.compare_url import compare_url

HEAD = "promote/fraud-production-v7"
GITHUB = "https://github.com/acme/models/compare/main...promote/fraud-production-v7?expand=1"
GITLAB = (
    "/-/merge_requests/new?merge_request%5Bsource_branch%5D=promote%2Ffraud-production-v7"
    "&merge_request%5Btarget_branch%5D=main"
)
CLOUD = "/pull-requests/new?source=promote%2Ffraud-production-v7&dest=main"
SERVER = (
    "/pull-requests?create&sourceBranch=refs%2Fheads%2Fpromote%2Ffraud-production-v7"
    "&targetBranch=refs%2Fheads%2Fmain"
)
AZURE = "/pullrequestcreate?sourceRef=promote%2Ffraud-production-v7&targetRef=main"
GITEA = "/compare/main...promote/fraud-production-v7"

PAGES = [
    # GitHub
    ("https://github.com/acme/models.git", GITHUB),
    ("https://github.com/acme/models", GITHUB),
    ("https://github.com/acme/models/", GITHUB),
    ("https://github.com/acme/models.git/", GITHUB),
    ("https://github.com:443/acme/models.git", GITHUB),
    ("https://GitHub.com/acme/models.git", GITHUB),
    ("https://ana:hunter2@github.com/acme/models.git", GITHUB),
    ("https://hunter2@github.com/acme/models.git", GITHUB),
    ("https://x-access-token:hunter2@github.com/acme/models?token=hunter2#x", GITHUB),
    ("git@github.com:acme/models.git", GITHUB),
    ("git@github.com:/acme/models.git", GITHUB),
    ("github.com:acme/models", GITHUB),
    ("ssh://git@github.com/acme/models.git", GITHUB),
    ("ssh://git@github.com:22/acme/models.git", GITHUB),
    ("ssh://git@ssh.github.com:443/acme/models.git", GITHUB),
    ("git@github.com-work:acme/models.git", GITHUB),
    ("git://github.com/acme/models.git", GITHUB),
    ("git@github.acme.example:acme/models.git", GITHUB.replace("com", "acme.example", 1)),
    (
        "https://github.acme.example:8443/acme/models.git",
        GITHUB.replace("com", "acme.example:8443", 1),
    ),
    ("https://acme.ghe.com/acme/models.git", GITHUB.replace("github.com", "acme.ghe.com")),
    # GitLab
    ("https://gitlab.com/acme/models.git", f"https://gitlab.com/acme/models{GITLAB}"),
    ("git@gitlab.com:acme/risk/eu/models.git", f"https://gitlab.com/acme/risk/eu/models{GITLAB}"),
    ("ssh://git@altssh.gitlab.com:443/acme/m.git", f"https://gitlab.com/acme/m{GITLAB}"),
    (
        "ssh://git@gitlab.acme.example:2222/risk/models.git",
        f"https://gitlab.acme.example/risk/models{GITLAB}",
    ),
    (
        "https://oauth2:hunter2@gitlab.acme.example:8443/risk/models.git",
        f"https://gitlab.acme.example:8443/risk/models{GITLAB}",
    ),
    ("http://gitlab.local:80/risk/models", f"http://gitlab.local/risk/models{GITLAB}"),
    (
        "https://gitlab.acme.example/tools/gitlab/risk/models.git",
        f"https://gitlab.acme.example/tools/gitlab/risk/models{GITLAB}",
    ),
    # Bitbucket Cloud
    ("https://ana@bitbucket.org/acme/models.git", f"https://bitbucket.org/acme/models{CLOUD}"),
    ("git@bitbucket.org:acme/models.git", f"https://bitbucket.org/acme/models{CLOUD}"),
    ("ssh://git@altssh.bitbucket.org:443/a/m.git", f"https://bitbucket.org/a/m{CLOUD}"),
    # Bitbucket Server
    (
        "https://bitbucket.acme.example/scm/RISK/models.git",
        f"https://bitbucket.acme.example/projects/RISK/repos/models{SERVER}",
    ),
    (
        "https://bitbucket.acme.example:8443/tools/scm/RISK/models.git",
        f"https://bitbucket.acme.example:8443/tools/projects/RISK/repos/models{SERVER}",
    ),
    (
        "ssh://git@bitbucket.acme.example:7999/RISK/models.git",
        f"https://bitbucket.acme.example/projects/RISK/repos/models{SERVER}",
    ),
    (
        "ssh://git@bitbucket.acme.example:7999/~ana/models.git",
        f"https://bitbucket.acme.example/users/ana/repos/models{SERVER}",
    ),
    (
        "https://ana:hunter2@bitbucket.acme.example/scm/~ana/models.git",
        f"https://bitbucket.acme.example/users/ana/repos/models{SERVER}",
    ),
    (
        "ssh://git@stash.acme.example:7999/RISK/models.git",
        f"https://stash.acme.example/projects/RISK/repos/models{SERVER}",
    ),
    # Azure DevOps
    (
        "https://acme@dev.azure.com/acme/risk/_git/models",
        f"https://dev.azure.com/acme/risk/_git/models{AZURE}",
    ),
    (
        "https://dev.azure.com/acme/Risk%20Models/_git/models",
        f"https://dev.azure.com/acme/Risk%20Models/_git/models{AZURE}",
    ),
    ("https://dev.azure.com/acme/_git/models", f"https://dev.azure.com/acme/_git/models{AZURE}"),
    (
        "git@ssh.dev.azure.com:v3/acme/risk/models",
        f"https://dev.azure.com/acme/risk/_git/models{AZURE}",
    ),
    (
        "git@ssh.dev.azure.com:v3/acme/Risk%20Models/models",
        f"https://dev.azure.com/acme/Risk%20Models/_git/models{AZURE}",
    ),
    (
        "ssh://git@ssh.dev.azure.com:22/v3/acme/risk/models",
        f"https://dev.azure.com/acme/risk/_git/models{AZURE}",
    ),
    (
        "https://acme.visualstudio.com/risk/_git/models",
        f"https://acme.visualstudio.com/risk/_git/models{AZURE}",
    ),
    (
        "https://acme.visualstudio.com/DefaultCollection/risk/_git/models",
        f"https://acme.visualstudio.com/DefaultCollection/risk/_git/models{AZURE}",
    ),
    (
        "acme@vs-ssh.visualstudio.com:v3/acme/risk/models",
        f"https://acme.visualstudio.com/risk/_git/models{AZURE}",
    ),
    (
        "https://tfs.acme.example:8443/tfs/DefaultCollection/risk/_git/models",
        f"https://tfs.acme.example:8443/tfs/DefaultCollection/risk/_git/models{AZURE}",
    ),
    # Gitea and Forgejo
    ("https://codeberg.org/acme/models.git", f"https://codeberg.org/acme/models{GITEA}"),
    ("git@codeberg.org:acme/models.git", f"https://codeberg.org/acme/models{GITEA}"),
    ("http://gitea.local:3000/acme/models.git", f"http://gitea.local:3000/acme/models{GITEA}"),
    ("ssh://git@gitea.local:2222/acme/models.git", f"https://gitea.local/acme/models{GITEA}"),
    (
        "https://forgejo.acme.example/git/acme/models.git",
        f"https://forgejo.acme.example/git/acme/models{GITEA}",
    ),
]

NO_PAGES = [
    *("", "   ", "/srv/git/models.git", "../models.git", "models", "file:///srv/git/models.git"),
    *("./github.com:acme/models", "C:\\models", "--upload-pack=x", "ext::sh -c x"),
    *("https://example.org/acme/models.git", "git@example.org:acme/models.git"),
    *("https://github.com/acme", "https://github.com/acme/models/extra", "https://github.com"),
    *("https://gist.github.com/ana/abc", "https://notgithub.com/acme/models"),
    *("https://github.com/acme/..", "https://github.com/acme/a%2Fb", "https://github.com/a//b"),
    *("https://gitlab.com/acme", "https://bitbucket.org/acme", "https://dev.azure.com/acme/models"),
    *("https://bitbucket.acme.example/a/b/c", "git@ssh.dev.azure.com:acme/risk/models"),
    *("ssh://git@[::1]/acme/models.git", "[::1]:acme/models.git", "ftp://github.com/acme/models"),
    "https://example.org/github.com/acme/models.git",
]


@pytest.mark.parametrize(("remote", "page"), PAGES)
def test_the_page_of_a_remote(remote: str, page: str) -> None:
    found = compare_url(remote, base="main", head=HEAD)

    assert found == page
    assert "hunter2" not in found


@pytest.mark.parametrize("remote", NO_PAGES)
def test_what_is_on_no_known_forge_has_no_page(remote: str) -> None:
    assert compare_url(remote, base="main", head=HEAD) is None


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        (
            "git@github.com:acme/models.git",
            "https://github.com/acme/models/compare/release/1%252...%C3%BC%23%26%3F%20x?expand=1",
        ),
        (
            "git@gitlab.com:acme/models.git",
            (
                "https://gitlab.com/acme/models/-/merge_requests/new"
                "?merge_request%5Bsource_branch%5D=%C3%BC%23%26%3F%20x"
                "&merge_request%5Btarget_branch%5D=release%2F1%252"
            ),
        ),
    ],
)
def test_branches_are_percent_encoded(remote: str, page: str) -> None:
    assert compare_url(remote, base="release/1%2", head="ü#&? x") == page


def test_a_branch_that_is_not_utf8_is_encoded_by_its_bytes() -> None:
    page = compare_url("https://codeberg.org/acme/models", base="main", head="caf\udce9{base}")

    assert page == "https://codeberg.org/acme/models/compare/main...caf%E9%7Bbase%7D"
