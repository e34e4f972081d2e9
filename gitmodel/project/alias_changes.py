"""A changed alias: staged in the work tree, committed, or proposed for review on a branch of its own.

`promote` and `rollback` decide what an alias is to mean. The change is the same for both: one file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.pointer import alias_path_for
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.aliases import alias_at, find_alias
from gitmodel.project.committed_models import find_in_tree
from gitmodel.project.models import delete_file, require_model, write_text_file

if TYPE_CHECKING:
    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.project.project import Project

Delivery = Literal["stage", "commit", "pr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasTarget:
    """An alias that is to be changed, on a branch."""

    name: str
    alias: str
    path: str  # of its file
    tip: str | None  # HEAD, or the remote's default branch; None before the first commit
    branch: str  # the name of that branch, for messages
    committed: Alias | None  # at the tip; None if it does not exist there
    present: Alias | None  # now, also if that is not committed
    delivery: Delivery

    def change_to(self, after: Alias | None) -> AliasChange:
        """Return the change to a value, None to remove the alias. It is not made yet."""
        if after is not None and self.committed is not None and self.committed.means(after):
            after = self.committed
        start = self.present if self.delivery == "stage" else self.committed
        is_new = (after is None) != (start is None) or (
            after is not None and start is not None and not start.means(after)
        )
        return AliasChange(
            name=self.name,
            alias=self.alias,
            path=self.path,
            before=self.committed,
            after=after,
            is_new=is_new,
            is_committed=after == self.committed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasChange:
    """What an alias meant, and what it means now."""

    name: str
    alias: str
    path: str  # of its file
    before: Alias | None  # on the branch that is changed; None if it did not exist
    after: Alias | None  # None if it is removed
    is_new: bool  # whether anything changes; else the alias had this value already
    is_committed: bool = False  # the branch has the alias like this: nothing to commit
    staged: bool = False  # whether the file was written and staged
    commit: str | None = None  # the id of the commit that was made
    branch: str | None = None  # that was pushed for review
    base: str | None = None  # the branch that it is to be merged into
    compare_url: str | None = None  # where a pull request for that branch is opened
    notes: tuple[str, ...] = ()  # what the user should know besides
    subject: str = ""  # of a commit with this change
    gate: GateReport | None = None  # of this promotion; None if there is none

    @property
    def texts(self) -> dict[str, str | None]:
        """The content of each changed file; None for a removed one."""
        return {self.path: None if self.after is None else self.after.to_text()}


def alias_target(project: Project, name: str, alias: str, delivery: Delivery) -> AliasTarget:
    """The alias of a model, to be changed on HEAD's branch or, for `pr`, on the remote's default branch.

    Raises UnknownReferenceError if there is no such model there, AliasError if the present file of the
    alias does not parse, and for `pr` RepositoryError if the default branch of the remote is unknown.
    """
    if delivery == "pr":
        return _on_default_branch(project, name, alias)
    model = require_model(project, name)
    file = find_alias(project, name, alias)
    tip = project.reader.resolve("HEAD")
    return AliasTarget(
        name=name,
        alias=alias,
        path=alias_path_for(model.path, alias),
        tip=tip,
        branch=project.repository.branch() or "HEAD",
        committed=alias_at(project, tip, alias_path_for(model.path, alias)),
        present=None if file is None else file.alias,
        delivery=delivery,
    )


def _on_default_branch(project: Project, name: str, alias: str) -> AliasTarget:
    from gitmodel.git.push_branch import base_of, push_remote

    repository = project.repository
    remote = push_remote(repository).name
    base = base_of(repository, remote)
    model = find_in_tree(project, base.commit, name)
    if model is None:
        raise UnknownReferenceError(
            f"no model is called {name!r} on {base.branch} of the remote",
            hint=f"git push, and let {base.branch} have it first",
            model=name,
        )
    path = alias_path_for(model.path, alias)
    committed = alias_at(project, base.commit, path)
    return AliasTarget(
        name=name,
        alias=alias,
        path=path,
        tip=base.commit,
        branch=f"{remote}/{base.branch}",
        committed=committed,
        present=committed,
        delivery="pr",
    )


def make_change(
    project: Project, change: AliasChange, delivery: Delivery, *, subject: str, branch: str
) -> AliasChange:
    """Make a change, if it is new.

    `stage` writes and stages the file; `commit` also commits that path alone; `pr` pushes a commit on the
    remote's default branch as a branch of its own, named `branch`, and touches neither index nor work tree.
    The reason follows the subject of the commit as its body.
    """
    change = replace(change, subject=subject)
    if not change.is_new:
        return change
    why = None if change.after is None else change.after.why
    message = f"{subject}\n\n{why}\n" if why else f"{subject}\n"
    if delivery == "pr":
        from gitmodel.project.pull_request import open_pull_request

        done = open_pull_request(project, change.texts, message, branch)
        notes = []
        if not done.is_new:
            notes.append(f"{done.remote} had {done.branch} already, with this change")
        if not done.is_base_current:
            notes.append(
                f"{done.base} on {done.remote} has moved since this clone fetched it "
                f"({done.short_base}); to see what came: git fetch {done.remote}"
            )
        return replace(
            change,
            commit=done.commit,
            branch=done.branch,
            base=done.base,
            compare_url=done.compare_url,
            notes=tuple(notes),
        )
    from gitmodel.project.committing.commit_paths import commit_paths, require_no_operation

    if delivery == "commit":
        require_no_operation(project)
    for path, text in change.texts.items():
        if text is None:
            delete_file(project.root, path)
        else:
            write_text_file(project.root, path, text)
        project.index.stage([path])
    if delivery == "stage":
        return replace(change, staged=True)
    return replace(change, staged=True, commit=commit_paths(project, list(change.texts), message))
