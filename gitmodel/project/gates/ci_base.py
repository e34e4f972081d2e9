"""The base that a request is judged against: `--base`, or what the environment of CI says.

Forges check out a merge of a request with its target branch. The first parent of that merge is the target branch,
but only the forge's own merge has that order: in any other merge the first parent can be a commit of the request.
So HEAD is taken for the forge's merge only if the environment names its id.

Guarantee: the base is a commit of this clone, or an error names the Git command that brings it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import RepositoryError, UnknownReferenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project

# The target branch of a request: GitHub (also Gitea and Forgejo), GitLab, Azure Pipelines.
_TARGETS = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
)
_CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD")
# The variables with the ref that was checked out and with its commit: GitHub, Azure Pipelines.
_MERGE_REFS = (("GITHUB_REF", "GITHUB_SHA"), ("BUILD_SOURCEBRANCH", "BUILD_SOURCEVERSION"))
_MERGE_REF = re.compile(r"refs/pull/[0-9]+/merge")
_MERGED_RESULTS = ("merged_result", "merge_train")


@dataclass(frozen=True, slots=True)
class Base:
    """What a request is compared with.

    Attributes:
        reference: How it is called: `origin/main`, `HEAD^1`.
        commit: Its id.
        origin: Where that came from: `--base`, `$GITHUB_BASE_REF`.
        merge_bases: The last common commits of the base and HEAD.
    """

    reference: str
    commit: str
    origin: str
    merge_bases: tuple[str, ...]


def is_ci(environment: Mapping[str, str]) -> bool:
    """Whether a job of a CI system runs this process."""
    if any(environment.get(name) for name in _TARGETS):
        return True
    return any(environment.get(name, "").lower() not in ("", "0", "false") for name in _CI)


def base_of_request(
    project: Project,
    given: str | None,
    head: str,
    *,
    hint: str = "gitmodel gate --base REV",
) -> Base:
    """The base of the request whose tip is `head`; `given` is what `--base` says, and `hint` how to say it.

    Raises:
        UsageError: Neither `--base` nor the environment names a base.
        UnknownReferenceError: The base is not in this clone.
        RepositoryError: The base and the tip have no common commit in this clone.
    """
    environment = project.context.environment
    if given is not None:
        return _joined(project, given, _given(project, given), "--base", head)
    merge = _forges_merge(project, environment, head)
    if merge is not None:
        return _joined(project, "HEAD^1", *merge, head)
    for name in _TARGETS:
        if target := environment.get(name, "").removeprefix("refs/heads/"):
            reference = f"origin/{target}"
            commit = _target(project, target, reference)
            return _joined(project, reference, commit, f"${name}", head)
    raise UsageError(
        f"{hint.removesuffix(' --base REV')}: nothing says which branch this request is for",
        hint=hint,
    )


def _joined(project: Project, reference: str, commit: str, origin: str, head: str) -> Base:
    """The base with what it has in common with the tip. One process."""
    code, output = project.repository.attempt("merge-base", "--all", commit, head, accept=(0, 1))
    if code == 0:
        return Base(reference, commit, origin, tuple(output.decode("ascii").split()))
    name = quote_text(reference)[1:-1]
    if project.repository.is_shallow():
        raise RepositoryError(
            f"{name} and HEAD have no common commit in this clone, whose history is cut off",
            hint="git fetch --unshallow",
        )
    raise RepositoryError(
        f"{name} and HEAD have no common commit", hint=f"git rebase {shlex.quote(reference)}"
    )


def _given(project: Project, text: str) -> str:
    commit = project.reader.resolve(text)
    if commit is not None:
        return commit
    hint = "git fetch origin"
    if project.repository.is_shallow():
        is_id = re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text)
        hint = f"git fetch --depth=1 origin {text}" if is_id else "git fetch --unshallow"
    raise UnknownReferenceError(f"{quote_text(text)} is not in this clone", hint=hint)


def _forges_merge(
    project: Project, environment: Mapping[str, str], head: str
) -> tuple[str, str] | None:
    """The first parent of the forge's merge and the variable that names the merge; None if HEAD is none."""
    name = _names_merge(environment, head)
    if name is None:
        return None
    parents = _parents(project, head)
    target = environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "")
    if len(parents) != 2 or (name == "CI_COMMIT_SHA" and target not in ("", parents[0])):
        return None
    if project.reader.resolve(parents[0]) is None:
        command = f"git fetch --depth=2 origin {head}"
        raise UnknownReferenceError(
            f"HEAD^1 ({parents[0][:10]}), the base of this request, is not in this clone",
            hint=command,
        )
    return parents[0], f"the merge of ${name}"


def _names_merge(environment: Mapping[str, str], head: str) -> str | None:
    """The variable with which the forge names HEAD as its own merge."""
    for ref, commit in _MERGE_REFS:
        if _MERGE_REF.fullmatch(environment.get(ref, "")) and environment.get(commit) == head:
            return commit
    is_result = environment.get("CI_MERGE_REQUEST_EVENT_TYPE") in _MERGED_RESULTS
    return "CI_COMMIT_SHA" if is_result and environment.get("CI_COMMIT_SHA") == head else None


def _parents(project: Project, commit: str) -> list[str]:
    """The parents that a commit names, also those that a shallow clone lacks. One process."""
    header = project.repository.run("cat-file", "commit", commit).partition(b"\n\n")[0]
    lines = header.decode("utf-8", "replace").splitlines()
    return [line.removeprefix("parent ") for line in lines if line.startswith("parent ")]


def _target(project: Project, target: str, reference: str) -> str:
    commit = project.reader.resolve(f"refs/remotes/{reference}")
    if commit is None:
        raise UnknownReferenceError(
            f"{quote_text(reference)[1:-1]}, the base of this request, is not in this clone",
            hint="git fetch origin "
            + shlex.quote(f"+refs/heads/{target}:refs/remotes/{reference}"),
        )
    return commit
