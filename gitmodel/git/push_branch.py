"""Push a commit as a new branch of a Git remote, and what has to be known before.

The git program does it, as the user would type it: with the hook pre-push, with the user's credentials, and never
with force. Words: the *base* is the default branch of the remote, as this clone knows it.

Guarantee: a branch that exists on the remote is not moved, and after a failure no ref of this clone has changed.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.objects import is_oid
from gitmodel.git.remote_tracking import tracking_tips
from gitmodel.git.said import hint_by, refused_refs, said_by, server_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import CompletedProcess

    from gitmodel.git.repository import Repository

_DEFAULT_REMOTE = "origin"
_HEADS = "refs/heads/"
_BEFORE_ANY_HOOK = 128  # exit code of `git push` if it cannot begin
# What a push is refused with if the branch has appeared since it was looked for.
_EXISTS_BY_NOW = ("[rejected] (stale info)", "reference already exists")


class Base(NamedTuple):
    """The default branch of a remote, as this clone knows it."""

    branch: str
    commit: str


class PushRemote(NamedTuple):
    """The remote that the current branch is pushed to."""

    name: str
    url: str  # where it is pushed to; may contain a password
    is_elsewhere: bool  # whether it is fetched from another URL

    @property
    def word(self) -> str:
        """What names the pushed repository to commands that would read from the other URL."""
        return self.url if self.is_elsewhere else self.name


def push_remote(repository: Repository) -> PushRemote:
    """The remote that the current branch is pushed to, as git-push finds it.

    Raises RepositoryError if there is no such remote.
    """
    names = repository.remotes()
    branch = repository.branch()
    keys = ["remote.pushDefault"]
    if branch is not None:
        keys = [f"branch.{branch}.pushRemote", *keys, f"branch.{branch}.remote"]
    chosen = (_config(repository, key)[-1:] for key in keys)
    name = next((name for values in chosen for name in values if name in names), None)
    if name is None:
        name = names[0] if len(names) == 1 else _DEFAULT_REMOTE
    if name not in names:
        raise RepositoryError(
            f"this repository has no Git remote called {name}", hint=f"git remote add {name} URL"
        )
    fetched, pushed = (
        os.fsdecode(repository.run("remote", "get-url", *how, "--", name)).splitlines()[0]
        for how in ((), ("--push",))
    )
    return PushRemote(name, pushed, fetched != pushed)


def base_of(repository: Repository, remote: str) -> Base:
    """The default branch of a remote, as last fetched. Two processes.

    Raises RepositoryError if this clone does not know it.
    """
    above = f"refs/remotes/{remote}/"
    code, output = repository.attempt("symbolic-ref", "--quiet", f"{above}HEAD", accept=(0, 1, 128))
    ref = "" if code else os.fsdecode(output).strip()
    commit = repository.oid_of(f"{ref}^{{commit}}")
    if commit is None or not ref.startswith(above):
        raise RepositoryError(
            f"this clone does not know the default branch of {remote}",
            hint=_base_hint(repository, remote),
        )
    return Base(ref.removeprefix(above), commit)


def _base_hint(repository: Repository, remote: str) -> str:
    name = shlex.quote(remote)
    ask = f"git remote set-head {name} --auto"
    fetched = _config(repository, f"remote.{remote}.fetch")
    if not any(spec.endswith(f":refs/remotes/{remote}/*") for spec in fetched):  # of one branch
        return f"git remote set-branches {name} '*', then git fetch {name}, then {ask}"
    return ask if tracking_tips(repository, remote) else f"git fetch {name}, then {ask}"


def branches_on(
    repository: Repository, remote: PushRemote, branches: Sequence[str]
) -> dict[str, str]:
    """The commits of branches on the remote now; those that do not exist are omitted. One process.

    Raises GitCommandError if the remote cannot be reached, or refuses.
    """
    refs = {f"{_HEADS}{branch}": branch for branch in branches}
    done = repository.call_as_typed("ls-remote", "--", remote.word, *refs)
    if done.returncode:
        raise GitCommandError(
            f"{remote.name} cannot be read: {said_by(done, url=remote.url)}",
            hint=_reach_hint(remote),
        )
    found = {}
    for line in os.fsdecode(done.stdout).splitlines():
        oid, _, ref = line.partition("\t")
        if ref in refs and is_oid(oid):  # `ls-remote` matches the end of other names too
            found[refs[ref]] = oid
    return found


def fetch_without_ref(repository: Repository, remote: PushRemote, branch: str) -> bool:
    """Fetch a branch of the remote without any ref; whether that succeeded. One process.

    In a shallow clone its history is cut, since that of an older commit would be fetched as a whole.
    """
    depth = ("--depth=1",) if repository.is_shallow() else ()
    done = repository.call_as_typed(
        *("fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--refmap="),
        *("--recurse-submodules=no", *depth, "--", remote.word, f"{_HEADS}{branch}"),
    )
    return done.returncode == 0


def push_new_branch(
    repository: Repository, remote: PushRemote, commit: str, branch: str
) -> tuple[str, ...]:
    """Push a commit as a branch that does not exist on the remote; returns what the server said.

    Raises GitCommandError if a hook, Git or the server refuses, or the branch exists by now.
    """
    ref = f"{_HEADS}{branch}"
    done = repository.call_as_typed(
        *("push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no"),
        # Forces nothing: the branch must not exist, not even at a commit before this one.
        f"--force-with-lease={ref}:",
        *("--", remote.name, f"{commit}:{ref}"),
    )
    if not done.returncode:
        return server_lines(done)
    raise GitCommandError(
        f"{branch} was not pushed to {remote.name}: {said_by(done, url=remote.url)}",
        hint=_push_hint(done, remote),
    )


def _push_hint(done: CompletedProcess[bytes], remote: PushRemote) -> str:
    reasons = refused_refs(done)
    if any(words in said_by(done) for words in _EXISTS_BY_NOW):
        return "the branch appeared meanwhile: run the same command again"
    if reasons:
        return "use --commit instead of --pr, and push that to a branch that you may push to"
    if done.returncode == _BEFORE_ANY_HOOK:
        return _reach_hint(remote)
    return hint_by(done) or "the hook pre-push refused; it is in: git rev-parse --git-path hooks"


def _reach_hint(remote: PushRemote) -> str:
    return f"git ls-remote {shlex.quote(remote.name)}, to see whether Git reaches it"


def _config(repository: Repository, key: str) -> list[str]:
    """The values of a key, weakest first. One process."""
    _, output = repository.attempt("config", "-z", "--get-all", key, accept=(0, 1))
    return os.fsdecode(output).split("\0")[:-1]
