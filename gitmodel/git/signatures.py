"""Whether commits are signed, as Git says with the user's keys: `%G?` of git-log(1) as words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gitmodel.git.cat_file import present_objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.repository import Repository

Signature = Literal["good", "unknown-key", "none", "bad", "unchecked"]

# X, Y: the signature or its key has expired. E: it cannot be checked, for example because the key is missing.
_WORDS: dict[str, Signature] = {
    "G": "good",
    "U": "unknown-key",
    "N": "none",
    "B": "bad",
    "R": "bad",  # the key was revoked
    "X": "unchecked",
    "Y": "unchecked",
    "E": "unchecked",
}


def signatures_of(repository: Repository, commits: Iterable[str]) -> dict[str, Signature]:
    """The word for each commit that this clone has. Two processes, and Git starts one for each signed commit."""
    wanted = present_objects(repository, dict.fromkeys(commits), commits=True)
    if not wanted:
        return {}
    output = repository.run(
        *("log", "--no-walk=unsorted", "--stdin", "--no-show-signature", "--format=%H %G?"),
        input_bytes="".join(f"{commit}\n" for commit in sorted(wanted)).encode("ascii"),
    )
    lines = (line.split(" ") for line in output.decode("ascii").splitlines())
    return {commit: _WORDS.get(letter, "unchecked") for commit, letter in lines}
