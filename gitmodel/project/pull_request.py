"""Propose a change of a few text files: a commit on the default branch, pushed as a branch of its own.

The commit is made without index and work tree, on the default branch as this clone last fetched it. `git push`
sends it, so the hook pre-push looks at it as at any other. No interface of a forge is used: the result names the
page on which a person opens the pull request.

Guarantee: index, HEAD, work tree and local branches stay as they are. A branch that exists on the remote is never
moved; the same change there already counts as done.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.errors import RepositoryError, UsageError
from gitmodel.git.cat_file import present_objects
from gitmodel.git.commit_files import commit_tree, tree_of, write_tree
from gitmodel.git.compare_url import compare_url
from gitmodel.git.push_branch import (
    base_of,
    branches_on,
    fetch_without_ref,
    push_new_branch,
    push_remote,
)
from gitmodel.git.same_change import is_merged, makes_same_change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.git.push_branch import Base, PushRemote
    from gitmodel.project.project import Project

_SHORT = 10  # hex digits of a commit in messages


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pushed branch for which a pull request can be opened."""

    commit: str  # at its tip
    branch: str
    remote: str  # Git remote that has it
    base: str  # default branch of the remote, which it is to be merged into
    # page that opens the pull request; None if neither the remote's URL nor its server says
    compare_url: str | None
    base_commit: str  # commit of the base that it was made on, as this clone knows it
    is_new: bool  # whether this call pushed it; otherwise the same change was there already
    is_base_current: bool  # whether the base is still at that commit on the remote

    @property
    def short_base(self) -> str:
        """The id of the base's commit, as in messages."""
        return self.base_commit[:_SHORT]


class _Proposal(NamedTuple):
    """What is proposed, and where."""

    remote: PushRemote
    base: Base
    branch: str
    changes: Mapping[str, str | None]
    message: str


def open_pull_request(
    project: Project, changes: Mapping[str, str | None], message: str, branch: str
) -> PullRequest:
    """Commit changes on the default branch of the remote, and push that as a new branch.

    `changes` has the text by path, with `/`, from the top of the repository; None removes a file.

    Raises UsageError if the branch has a name that Git refuses, or that of the default branch,
    RepositoryError if there is no remote, this clone does not know its default branch, that has these
    files like this already, or the branch exists there with another change, GitCommandError if the commit
    cannot be signed, the remote cannot be reached, or pre-push or the server refuses.
    """
    repository = project.repository
    remote = push_remote(repository)
    base = base_of(repository, remote.name)
    if not repository.succeeded("check-ref-format", f"refs/heads/{branch}"):
        raise UsageError(
            f"{quote_text(branch)} is not a name for a branch", hint="git help check-ref-format"
        )
    if branch == base.branch:
        raise UsageError(
            f"{branch} is the default branch of {remote.name}", hint="name a branch of its own"
        )
    tree = write_tree(repository, base.commit, changes)
    if tree == tree_of(repository, base.commit):
        raise RepositoryError(
            f"{base.branch} on {remote.name} has {_named(changes)} like this already",
            hint=f"git merge {shlex.quote(f'{remote.name}/{base.branch}')}",
        )
    there = branches_on(repository, remote, (branch, base.branch))
    page = compare_url(remote.url, base=base.branch, head=branch)
    commit = there.get(branch)
    is_new = commit is None
    if commit is None:
        commit = commit_tree(repository, tree, base.commit, message)
        said = push_new_branch(repository, remote, commit, branch)
        page = page or _page_in(said, branch)
    else:
        proposal = _Proposal(remote, base, branch, changes, message)
        _require_same(project, proposal, commit)
    return PullRequest(
        commit=commit,
        branch=branch,
        remote=remote.name,
        base=base.branch,
        compare_url=page,
        base_commit=base.commit,
        is_new=is_new,
        is_base_current=there.get(base.branch) == base.commit,
    )


def _require_same(project: Project, proposal: _Proposal, commit: str) -> None:
    """Raise unless the commit that the branch has on the remote proposes the same change."""
    repository = project.repository
    remote, base, branch, changes, message = proposal
    present = bool(present_objects(repository, [commit], commits=True))
    if not present and not fetch_without_ref(repository, remote, branch):
        what = f"at a commit that cannot be fetched ({commit[:_SHORT]})"
    elif is_merged(repository, commit, base.commit):
        what = f"merged into {base.branch}"
    elif makes_same_change(repository, commit, base=base.commit, changes=changes, message=message):
        return
    else:
        what = f"with another change ({commit[:_SHORT]})"
    delete = f"git push {shlex.quote(remote.name)} --delete {shlex.quote(branch)}"
    raise RepositoryError(
        f"{remote.name} has a branch {branch} already, {what}", hint=f"{delete}, then again"
    )


def _named(changes: Mapping[str, str | None]) -> str:
    first, *others = changes
    return f"{first} and {len(others)} more" if others else first


def _page_in(said: Sequence[str], branch: str) -> str | None:
    """The page in the server's answer to the push that names the branch, as forges print it."""
    for line in said:
        for url in re.findall(r"https?://\S+", line):
            if branch in unquote(url):
                return without_user_info(url)
    return None
