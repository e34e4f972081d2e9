"""Run one hook: parse what Git passes, run a workflow, return an exit code.

Hooks print to standard error only. `pre-commit`, `pre-merge-commit` and `pre-push` may refuse; the other hooks never
change the exit status of Git. A refusal has its own exit code, so that the scripts can tell it from a crash, which
does not stop a commit.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import ConfigError, GitmodelError, MixedAliasError, MixedPointerError
from gitmodel.githooks.scripts import BEGUN_ENDED, BEGUN_VARIABLE, LINE_BY_LINE, MERGED, REFUSED
from gitmodel.project.clone import work_tree_of
from gitmodel.project.context import Context
from gitmodel.project.project import Project

if TYPE_CHECKING:
    from gitmodel.project.committing.commit_notes import CommitReport

_CHECK = "GITMODEL_HOOK_CHECK"  # `probe.VARIABLE`, without importing it in every commit

Say = Callable[[str], None]
_MOST_NAMED = 50  # new versions listed by name; the rest is counted


def run_hook(
    name: str,
    arguments: Sequence[str],
    *,
    stdin: Callable[[], bytes],
    context: Context,
    say: Say,
) -> int:
    """Run one hook of githooks(5) with the arguments from Git. `stdin` reads standard input to its end.

    Returns 0, or `REFUSED` if the hook refuses. For the merge driver `MERGED`, `REFUSED` for a conflict,
    or `LINE_BY_LINE` if Git must merge the file.
    """
    if name == "merge-driver":
        return _merge_driver(arguments, context, say)
    hook = _HOOKS.get(name)
    if hook is None:
        say(f"gitmodel has no hook called {name!r}; gitmodel install brings the hooks up to date")
        return 0
    if _CHECK in context.environment:  # `gitmodel doctor` asks which gitmodel runs
        from gitmodel.githooks.probe import answer

        say(answer(name))
        return 0
    try:
        hook(arguments, stdin, context, say)
    except GitmodelError as error:
        _tell(error, say)
        return REFUSED if name in _REFUSING else 0
    return 0


def _tell(error: GitmodelError, say: Say) -> None:
    say(f"gitmodel: {error}")
    if error.hint is not None:
        say(f"hint: {error.hint}")


def _pre_commit(
    _arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    _report_commit(_update(context, say), say)


def _update(context: Context, say: Say) -> CommitReport:
    from gitmodel.project.committing.commit_notes import CommitReport
    from gitmodel.project.committing.index_after_commit import remove_note, write_note
    from gitmodel.project.fsmonitor.seen_weights import note_seen
    from gitmodel.project.git_files.weights_out_of_git import refuse_remembered_weights
    from gitmodel.workflows.register_changes import register_changes

    try:
        opened = Project.open(context)
        ready = work_tree_of(opened) is not None and opened.is_set_up()
    except GitmodelError as error:
        _say_left_alone(error, say)
        return CommitReport()
    with opened as project:
        if not ready:
            if work_tree_of(project) is not None:
                refuse_remembered_weights(project)
            return CommitReport()
        remove_note(project)
        script = _Script(context)
        try:
            report = register_changes(project, begun=script.begun)
        except ConfigError as error:
            _say_left_alone(error, say)
            report = CommitReport()
        else:
            note_seen(project, {model.weights for model in report.models})
            if report.otherwise_empty or report.unnamed:
                from gitmodel.project.committing.empty_commit import advice

                report.advice = advice(project, report)
        write_note(project, report.replaced)
        script.begun(None)
    return report


class _Script:
    """The pipe to the hook script, which refuses the commit if this process dies while it reads weights."""

    def __init__(self, context: Context) -> None:
        number = context.environment.get(BEGUN_VARIABLE, "")
        self._descriptor = int(number) if number.isdecimal() else None

    def begun(self, name: str | None) -> None:
        """Report the model whose changed weights are read next; None if none are read any more."""
        # Child processes inherit the variable, but not the pipe.
        with suppress(OSError):
            if self._descriptor and stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
                os.write(self._descriptor, f"{BEGUN_ENDED if name is None else name}\n".encode())


def _say_left_alone(error: GitmodelError, say: Say) -> None:
    """Report a broken configuration. It does not stop the commit."""
    say(f"gitmodel: {error}; this commit registers no weights")
    if error.hint is not None:
        say(f"hint: {error.hint}")


def _pre_merge_commit(
    _arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    """Refuse the merge if weights have changed: Git has already written the tree of the merge commit.

    The new version stays staged (measured with Git 2.39), and `git commit` then completes the merge with it.
    Stale weights are left to post-merge, which runs next and may check them out.
    """
    report = _update(context, say)
    report.notes = [note for note in report.notes if note not in report.stale]
    _report_commit(report, say)
    if report.bumped:
        raise GitmodelError(
            "the new version is staged, but git merge has already written its tree",
            hint="git commit, which completes the merge with the new version",
        )


def _report_commit(report: CommitReport, say: Say) -> None:
    for name, was, version in report.bumped[:_MOST_NAMED]:
        before = f" (was v{was})" if was is not None else ""
        say(f"gitmodel: {name} is v{version}{before} in this commit")
    more = len(report.bumped) - _MOST_NAMED
    if more > 0:
        say(f"gitmodel: {more:,} more models have a new version in this commit")
    for note in report.notes:
        say(f"gitmodel: {note}")
    for line in report.advice:
        say(line)


def _post_commit(
    _arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, _say: Say
) -> None:
    from gitmodel.project.committing.index_after_commit import sync_index

    with Project.open(context) as project:
        sync_index(project)


def _pre_push(
    arguments: Sequence[str], stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    from gitmodel.workflows.push import is_concerned, push_unlisted, push_updates, read_updates

    unlisted = not arguments and _by_pre_commit(context)
    updates = () if unlisted else read_updates(stdin())
    git_remote, git_url = (*arguments, "", "")[:2]
    with Project.open(context) as project:
        if not is_concerned(project, updates):
            return
        if unlisted:
            said = context.environment
            report = push_unlisted(
                project,
                revision=said.get("PRE_COMMIT_TO_REF") or said.get("PRE_COMMIT_LOCAL_BRANCH", ""),
                git_remote=said.get("PRE_COMMIT_REMOTE_NAME", ""),
                git_url=said.get("PRE_COMMIT_REMOTE_URL", ""),
            )
        else:
            report = push_updates(project, updates, git_remote=git_remote, git_url=git_url)
    if report.versions:
        names = ", ".join(f"{name}@{version}" for name, version in report.versions)
        say(f"gitmodel: {names} on {report.remote}")


def _post_checkout(
    arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    from gitmodel.project.git_files.weights_out_of_git import ignore_removed_models
    from gitmodel.workflows.sync_worktree import comes_later

    with Project.open(context) as project:
        match arguments:
            case [previous, new, _] if previous != new and previous.strip("0"):
                ignore_removed_models(project, previous, new)
        if not comes_later(project):
            _sync_worktree(project, say)


def _by_pre_commit(context: Context) -> bool:
    """Whether the pre-commit framework runs this hook; it passes no arguments and no standard input."""
    return context.environment.get("PRE_COMMIT") == "1"


def _post_merge(
    _arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    with Project.open(context) as project:
        _sync_worktree(project, say)


def _sync_worktree(project: Project, say: Say) -> None:
    from gitmodel.project.git_files.weights_out_of_git import ignore_leftovers
    from gitmodel.workflows.sync_worktree import sync_worktree

    if work_tree_of(project) is None:
        return
    if not project.is_set_up():  # a branch from before gitmodel
        ignore_leftovers(project, ())
        return
    report = sync_worktree(project)
    for name, version in report.placed:
        say(f"gitmodel: {name} is v{version}")
    for note in report.notes:
        say(f"gitmodel: {note}")
    if report.to_fetch:
        say(f"gitmodel: weights to fetch: {', '.join(report.to_fetch)}; run: gitmodel checkout")


def _post_rewrite(
    arguments: Sequence[str], stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    command = arguments[0] if arguments else context.environment.get("PRE_COMMIT_REWRITE_COMMAND")
    if command != "amend":  # an amended commit has the pointers of the work tree
        _post_merge(arguments, stdin, context, say)


def _merge_driver(arguments: Sequence[str], context: Context, say: Say) -> int:
    """Merge one file. Git passes %O %A %B %L %P."""
    from gitmodel.workflows.merge_driver import MergeRequest, is_merged_here, merge_file

    if len(arguments) != 5 or not arguments[3].isdecimal():
        say("gitmodel: the merge driver was called in another way than Git's: run gitmodel install")
        return LINE_BY_LINE
    base, ours, theirs, size, path = arguments
    request = MergeRequest(base, ours, theirs, int(size), path)
    if not is_merged_here(path):
        return LINE_BY_LINE
    try:
        note = merge_file(context, request)
    except (MixedPointerError, MixedAliasError) as error:
        _tell(error, say)
        return REFUSED
    if note is not None:
        say(f"gitmodel: {note}")
    return MERGED


def _fsmonitor(
    arguments: Sequence[str], _stdin: Callable[[], bytes], context: Context, say: Say
) -> None:
    from gitmodel.githooks.fsmonitor_query import register_before

    register_before(arguments, context, say)


_Hook = Callable[[Sequence[str], Callable[[], bytes], Context, Say], object]
_HOOKS: Mapping[str, _Hook] = {
    "pre-commit": _pre_commit,
    "pre-merge-commit": _pre_merge_commit,
    "post-commit": _post_commit,
    "pre-push": _pre_push,
    "post-checkout": _post_checkout,
    "post-merge": _post_merge,
    "post-rewrite": _post_rewrite,
    "fsmonitor": _fsmonitor,
}
_REFUSING = frozenset({"pre-commit", "pre-merge-commit", "pre-push"})
