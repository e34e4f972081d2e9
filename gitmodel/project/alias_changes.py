"""A changed alias: staged in the work tree, committed, or proposed for review on a branch of its own.

`promote` and `rollback` decide what an alias is to mean. The change is the same for both: one file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.aliases import Alias, alias_path_for
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.aliases import alias_at, find_alias
from gitmodel.project.committed_models import find_in_tree
from gitmodel.project.models import delete_file, require_model, write_text_file

if TYPE_CHECKING:
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.project.project import Project

Delivery = Literal["stage", "commit", "pr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasTarget:
    """An alias that is to be changed, on a branch.

    Attributes:
        name: Of the model.
        alias: The alias.
        path: Of its file.
        tip: The commit on which the change is made: HEAD, or the remote's default branch as this clone knows it.
            None before the first commit.
        branch: The name of that branch, for messages.
        committed: What the alias means at the tip; None if it does not exist there.
        present: What the alias means now, also if that is not committed.
        delivery: How the change is made.
    """

    name: str
    alias: str
    path: str
    tip: str | None
    branch: str
    committed: Alias | None
    present: Alias | None
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
    """What an alias meant, and what it means now.

    Attributes:
        name: Of the model.
        alias: The alias.
        path: Of its file.
        before: What it meant before, on the branch that is changed; None if it did not exist.
        after: What it means now; None if it is removed.
        is_new: Whether anything changes; otherwise the alias had this value already.
        is_committed: Whether the branch has the alias like this, so that there is nothing to commit.
        staged: Whether the file was written and staged.
        commit: The id of the commit that was made.
        branch: The branch that was pushed for review.
        base: The branch that it is to be merged into.
        compare_url: Where a pull request for that branch is opened.
        notes: What the user should know besides.
        subject: The subject of a commit with this change.
        gate: How the version stands to the gate of this promotion; None if there is none.
    """

    name: str
    alias: str
    path: str
    before: Alias | None
    after: Alias | None
    is_new: bool
    is_committed: bool = False
    staged: bool = False
    commit: str | None = None
    branch: str | None = None
    base: str | None = None
    compare_url: str | None = None
    notes: tuple[str, ...] = ()
    subject: str = ""
    gate: GateReport | None = None

    @property
    def texts(self) -> dict[str, str | None]:
        """The content of each changed file; None for a removed one."""
        return {self.path: None if self.after is None else self.after.to_text()}


def alias_target(project: Project, name: str, alias: str, delivery: Delivery) -> AliasTarget:
    """The alias of a model, to be changed on HEAD's branch or, for `pr`, on the remote's default branch.

    Raises:
        UnknownReferenceError: There is no such model there.
        RepositoryError: For `pr`, the default branch of the remote is unknown.
        AliasError: The present file of the alias does not parse.
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

    Args:
        project: The project.
        change: The change.
        delivery: `stage` writes and stages the file; `commit` also commits that path alone; `pr` pushes a commit
            on the remote's default branch as a branch of its own, and touches neither index nor work tree.
        subject: Of the commit. The reason follows as its body.
        branch: The name of the branch for `pr`.
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
