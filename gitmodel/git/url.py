"""Git URLs given by users: which are accepted, how they are shown, and which are the same.

The git program runs other programs for some URLs (`ext::`), takes options from some, and repeats passwords in
its messages, so URLs are checked here first. Guarantees: an accepted URL has one of five schemes, or the form
HOST:PATH, or is a local folder; `shown` and `identity` contain no password.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Self

from gitmodel.domain.digest import digest_of
from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import UsageError

_SCHEME = lazy_compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HELPER = lazy_compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
# HOST:PATH or USER@HOST:PATH, as for scp; a slash before the colon makes it a path (git-fetch).
_SCP = lazy_compile(r"(?:([^@:/\s]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@:/\s\[\]]+):(.+)", re.DOTALL)
_AUTHORITY = lazy_compile(
    r"(?:[^@/\s]*@)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::[0-9]+)?"
)
_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
_LONGEST = 2048  # characters; servers accept no more
_HINT = "use https://HOST/PATH, ssh://HOST/PATH, HOST:PATH or the path of a folder"


@dataclass(frozen=True, slots=True)
class GitUrl:
    """The URL of a repository: the one passed to git, which may contain a password, and others without.

    `shown`, for messages, has no user name, password and query. `identity` identifies the repository, for
    ssh with the user, because a path may be relative to the user's home. `folder` is the absolute path of a
    repository on this machine; its work tree, if `url` names one.
    """

    url: str
    shown: str
    identity: str
    folder: str | None = None

    @classmethod
    def parse(cls, text: str, *, start: str) -> Self:
        """Parse a URL, HOST:PATH, or a path relative to the absolute folder `start`.

        Raises UsageError, without a password in it, if the text is none of these or the folder does not
        exist.
        """
        if not text or len(text) > _LONGEST or not text.isprintable() or text != text.strip():
            raise UsageError("that is not a Git URL", hint=_HINT)
        if text.startswith("-"):
            raise UsageError(f"{quote_text(text)} is an option, not a Git URL", hint=_HINT)
        if _HELPER.match(text):
            raise UsageError(
                f"{quote_text(text.partition('::')[0])}:: is refused, because it lets Git run a program",
                hint=_HINT,
            )
        if found := _SCHEME.fullmatch(text):
            return cls._of_scheme(found[1], found[2], text)
        colon, slash = text.find(":"), text.find("/")
        if colon > 0 and (slash < 0 or colon < slash):
            return cls._of_scp(text)
        return cls._of_folder(os.path.normpath(os.path.join(start, text)))

    @classmethod
    def _of_scheme(cls, scheme: str, rest: str, text: str) -> Self:
        authority, _, path = rest.partition("/")
        if scheme not in _SCHEMES:
            raise UsageError(f"Git cannot fetch from {quote_text(scheme)} URLs", hint=_HINT)
        if scheme == "file":
            if authority not in ("", "localhost"):
                raise UsageError("a file URL has three slashes: file:///PATH", hint=_HINT)
            return cls._of_folder(os.path.normpath("/" + _decoded(path)))
        if not _AUTHORITY.fullmatch(authority) or not path:
            raise UsageError("that is not the URL of a repository on a server", hint=_HINT)
        plain = without_user_info(text).partition("?")[0].partition("#")[0]
        user = authority.rpartition("@")[0].partition(":")[0] if scheme == "ssh" else ""
        return cls(text, plain, f"{user}@{plain}" if user else plain)

    @classmethod
    def _of_scp(cls, text: str) -> Self:
        found = _SCP.fullmatch(text)
        if found is None or found[2].startswith("-") or found[3].startswith("-"):
            raise UsageError("that is not of the form HOST:PATH", hint=_HINT)
        return cls(text, f"{found[2]}:{found[3]}", text)

    @classmethod
    def _of_folder(cls, folder: str) -> Self:
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder {quote_text(folder, limit=300)}", hint=_HINT)
        # As a file URL; for a plain path Git uses hard links and other shortcuts.
        url = "file://" + folder.replace("%", "%25")
        top = os.path.dirname(folder) if os.path.basename(folder) == ".git" else folder
        return cls(url, folder, url, top)

    @property
    def key(self) -> str:
        """A folder name that is unique to this repository: 32 hex digits."""
        return digest_of(os.fsencode(self.identity)).hex[:32]

    def without_secrets(self, text: str) -> str:
        """Git's message without the user names, passwords and query of this URL."""
        plain = text.replace(self.url, self.shown)
        plain = re.sub(r"(://)[^/@\s']*@", r"\1", plain)
        query = self.url.partition("?")[2] if self.folder is None else ""
        return plain.replace(query, "…") if query else plain


def is_git_url(text: str) -> bool:
    """Whether a text, which may also be a folder path, is the URL of a repository."""
    if _SCHEME.fullmatch(text):
        return True
    return _SCP.fullmatch(text) is not None and not os.path.isdir(text)


def _decoded(path: str) -> str:
    """Decode percent codes as Git does in a file URL; keeps bytes that are not UTF-8."""
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda code: bytes([int(code[1], 16)]), os.fsencode(path))
    return os.fsdecode(raw.replace(b"\0", b""))
