"""What git, its hooks and a server said while a command failed, as one message and a hint.

`git.program.first_words` gives one line, for commands that say what is wrong in one. Here the reason may be in any
line, since hooks and servers print as they like, and in any language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import printable, without_user_info

if TYPE_CHECKING:
    from subprocess import CompletedProcess

_HINT = "hint: "
_MESSAGE_LIMIT = 1000  # characters
# Git says this as well, whatever the reason.
_SAYS_NOTHING = ("hint:", "error: failed to push some refs", "Everything up-to-date")
# What `git push --porcelain` prints on stdout beside the words of the hook pre-push.
_PORCELAIN = ("To ", "Done", "!\t", "*\t", "=\t", "-\t", "+\t", " \t")


def said_by(done: CompletedProcess[bytes], *, url: str = "") -> str:
    """The lines of stderr as one, else those of stdout, without prefixes; then why a push was refused.

    User, password and query of `url`, the URL that the command was about, are left out.
    """
    said = _reasons(_decoded(done.stderr)) or _reasons(_on_stdout(done))
    said += refused_refs(done)
    text = "; ".join(dict.fromkeys(said)) or f"exit code {done.returncode}"
    if url:
        text = text.replace(url, without_user_info(url))
        query = url.partition("?")[2]
        text = text.replace(query, "…") if query else text
    text = re.sub(r"(://)[^/@\s']*@", r"\1", text)
    return printable(text[:_MESSAGE_LIMIT])


def refused_refs(done: CompletedProcess[bytes]) -> tuple[str, ...]:
    """Why refs of a `git push --porcelain` were refused, in Git's words."""
    lines = _decoded(done.stdout)
    return tuple(printable(line.rpartition("\t")[2]) for line in lines if line.startswith("!\t"))


def hint_by(done: CompletedProcess[bytes]) -> str | None:
    """The hint in stderr, as gitmodel's hooks and Git print it; Git breaks its own into lines."""
    hints = [line.removeprefix(_HINT) for line in _decoded(done.stderr) if line.startswith(_HINT)]
    return printable(" ".join(hints)[:_MESSAGE_LIMIT]) or None


def server_lines(done: CompletedProcess[bytes]) -> tuple[str, ...]:
    """What the server of a push said, line by line."""
    return tuple(
        line.removeprefix("remote:").strip()
        for line in _decoded(done.stderr)
        if line.startswith("remote:")
    )


def _reasons(lines: list[str]) -> list[str]:
    said = [line.removeprefix("remote:").strip() for line in lines]
    return [
        re.sub(r"^(?:fatal|error|gitmodel): ", "", words)
        for words in said
        if words and not words.startswith(_SAYS_NOTHING)
    ]


def _on_stdout(done: CompletedProcess[bytes]) -> list[str]:
    return [line for line in _decoded(done.stdout) if not line.startswith(_PORCELAIN)]


def _decoded(output: bytes) -> list[str]:
    return output.decode("utf-8", "replace").splitlines()
