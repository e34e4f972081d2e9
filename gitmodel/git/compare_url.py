"""The page on which a person opens a pull request, from the URL of a Git remote.

Each row of the table is a kind of forge: its hosts, the paths of its repositories, and the address of its page.
Nothing is asked of a server, so a host is known by its name only.

Guarantee: the result contains no user name and no password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import UsageError
from gitmodel.git.url import GitUrl

if TYPE_CHECKING:
    from re import Pattern


class _Forge(NamedTuple):
    """A kind of forge.

    `page` is below the host; it has groups of `path`, which itself lacks `.git`, and the branches `{base}`
    and `{head}`.
    """

    host: Pattern[str]  # in lower case
    path: Pattern[str]
    page: str
    site: str = ""  # if another than that of the URL, with groups of `path`
    slashes: bool = False  # slashes in a branch's name stay, since it is in the page's path


_TWO_NAMES = lazy_compile(r"[^/]+/[^/]+")
_NAMES = lazy_compile(r"[^/]+(?:/[^/]+)+")
_AZURE_SSH = lazy_compile(r"v3/(?P<owner>[^/]+)/(?P<project>[^/]+)/(?P<name>[^/]+)")
_AZURE_QUERY = "pullrequestcreate?sourceRef={head}&targetRef={base}"
_BITBUCKET_SERVER = lazy_compile(r"bitbucket\.(?!org\Z).+|stash\..+")  # its earlier name
_BITBUCKET_QUERY = (
    "pull-requests?create&sourceBranch=refs%2Fheads%2F{head}&targetBranch=refs%2Fheads%2F{base}"
)

_FORGES = (
    _Forge(  # GitHub and GitHub Enterprise
        lazy_compile(r"github\..+|[^.]+\.ghe\.com"),
        _TWO_NAMES,
        "{path}/compare/{base}...{head}?expand=1",
        slashes=True,
    ),
    _Forge(
        lazy_compile(r"gitlab\..+"),
        _NAMES,
        "{path}/-/merge_requests/new"
        "?merge_request%5Bsource_branch%5D={head}&merge_request%5Btarget_branch%5D={base}",
    ),
    _Forge(  # Bitbucket Cloud
        lazy_compile(r"bitbucket\.org"),
        _TWO_NAMES,
        "{path}/pull-requests/new?source={head}&dest={base}",
    ),
    _Forge(  # Bitbucket Server, the repository of a person
        _BITBUCKET_SERVER,
        lazy_compile(r"(?:(?P<folder>.+/)?scm/)?~(?P<owner>[^/]+)/(?P<name>[^/]+)"),
        f"{{folder}}users/{{owner}}/repos/{{name}}/{_BITBUCKET_QUERY}",
    ),
    _Forge(  # Bitbucket Server, the repository of a project
        _BITBUCKET_SERVER,
        lazy_compile(r"(?:(?P<folder>.+/)?scm/)?(?P<owner>[^/]+)/(?P<name>[^/]+)"),
        f"{{folder}}projects/{{owner}}/repos/{{name}}/{_BITBUCKET_QUERY}",
    ),
    _Forge(  # Azure DevOps
        lazy_compile(r"dev\.azure\.com"),
        lazy_compile(r"[^/]+/(?:[^/]+/)?_git/[^/]+"),
        f"{{path}}/{_AZURE_QUERY}",
    ),
    _Forge(
        lazy_compile(r"ssh\.dev\.azure\.com"),
        _AZURE_SSH,
        f"{{owner}}/{{project}}/_git/{{name}}/{_AZURE_QUERY}",
        site="https://dev.azure.com",
    ),
    _Forge(  # Azure DevOps under its earlier name
        lazy_compile(r"(?:vs-)?ssh\.visualstudio\.com"),
        _AZURE_SSH,
        f"{{project}}/_git/{{name}}/{_AZURE_QUERY}",
        site="https://{owner}.visualstudio.com",
    ),
    _Forge(
        lazy_compile(r"[^.]+\.visualstudio\.com"),
        lazy_compile(r"(?:[^/]+/){0,2}_git/[^/]+"),
        f"{{path}}/{_AZURE_QUERY}",
    ),
    _Forge(  # Azure DevOps Server, on any host: nobody else has such a path
        lazy_compile(r".+"),
        lazy_compile(r"(?:[^/]+/)+_git/[^/]+"),
        f"{{path}}/{_AZURE_QUERY}",
    ),
    _Forge(  # Gitea and Forgejo
        lazy_compile(r"codeberg\.org|gitea\..+|forgejo\..+"),
        _NAMES,
        "{path}/compare/{base}...{head}",
        slashes=True,
    ),
)

# Hosts for ssh through port 443, and those that people make up in ~/.ssh/config for a second key.
_SSH_HOSTS = (
    (lazy_compile(r"ssh\.github\.com|github\.com-.+"), "github.com"),
    (lazy_compile(r"altssh\.gitlab\.com|gitlab\.com-.+"), "gitlab.com"),
    (lazy_compile(r"altssh\.bitbucket\.org|bitbucket\.org-.+"), "bitbucket.org"),
)
_WEB_PORTS = {"https": "443", "http": "80"}


class _Repository(NamedTuple):
    """A repository on a server: its host, the site that a browser opens, and its path."""

    host: str
    site: str
    path: str


def compare_url(remote_url: str, *, base: str, head: str) -> str | None:
    """The page that opens a pull request of `head` into `base`; None if the remote is on no known forge."""
    found = _repository(remote_url)
    if found is None:
        return None
    for forge in _FORGES:
        parts = forge.path.fullmatch(found.path) if forge.host.fullmatch(found.host) else None
        if parts is not None:
            words = {name: value or "" for name, value in parts.groupdict().items()}
            branches = {
                "base": _encoded(base, slashes=forge.slashes),
                "head": _encoded(head, slashes=forge.slashes),
            }
            site = forge.site.format(**words) or found.site
            return f"{site}/{forge.page.format(path=found.path, **words, **branches)}"
    return None


def _repository(remote_url: str) -> _Repository | None:
    """Where a browser finds the repository of a URL; None for a folder, or what is no URL."""
    try:
        url = GitUrl.parse(remote_url, start="/")
    except UsageError:
        return None
    if url.folder is not None:
        return None
    scheme, separator, rest = url.shown.partition("://")
    if not separator:  # HOST:PATH
        scheme, rest = "ssh", url.shown.replace(":", "/", 1)
    authority, _, written = rest.partition("/")
    path = _plain_path(written)
    host, _, port = authority.lower().partition(":")
    if path is None:
        return None
    if scheme not in _WEB_PORTS:
        host = next((name for pattern, name in _SSH_HOSTS if pattern.fullmatch(host)), host)
        return _Repository(host, f"https://{host}", path)
    shown_port = "" if port in ("", _WEB_PORTS[scheme]) else f":{port}"
    return _Repository(host, f"{scheme}://{host}{shown_port}", path)


def _plain_path(path: str) -> str | None:
    """The path without outer slashes and `.git`, each name percent-encoded; None if it has odd parts."""
    names = [unquote(name) for name in path.strip("/").removesuffix(".git").split("/")]
    if any(name in ("", ".", "..") or "/" in name for name in names):
        return None
    return "/".join(quote(name, safe="") for name in names)


def _encoded(branch: str, *, slashes: bool) -> str:
    return quote(branch.encode("utf-8", "surrogateescape"), safe="/" if slashes else "")
