"""`gitmodel add`: register files and folders as models, or as their next versions.

What can be seen beforehand is refused before anything is stored. Then the weights are stored in groups, and
the pointers of a group are written and staged when its weights are durable: whatever ends the command,
each model is registered whole or is as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitmodel.errors import GateError, UsageError
from gitmodel.project.adding.batch import Adding
from gitmodel.project.adding.items import Excluding, Refused
from gitmodel.project.adding.judging import Judging
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.project.adding.path_selection import select_paths
from gitmodel.project.adding.policy import PolicyCheck
from gitmodel.project.adding.report import AddReport, Moved
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.gates.if_better import IfBetter
from gitmodel.project.gates.new_weights import RegistrationGate
from gitmodel.project.gates.rejected import refused_words
from gitmodel.project.models import read_models
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gitmodel.errors import GitmodelError
    from gitmodel.project.project import Project

__all__ = ["AddReport", "AddedMany", "Excluding", "IfBetter", "Refused", "add", "add_many"]


@dataclass(slots=True)
class AddedMany:
    """What `add` did with several paths."""

    added: list[AddReport]  # in the order of their paths
    # paths that could not be registered, and why; the others were
    failed: list[tuple[str, GitmodelError]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # what was passed over, in words
    refused: list[Refused] = field(default_factory=list)  # by a gate
    committed: str | None = None  # commit made by `-m`


def add(
    project: Project,
    path: str,
    *,
    given: MetadataInput | None = None,
    name: str | None = None,
    message: str | None = None,
    follow: bool = False,
    base: str | None = None,
    excluding: Excluding | None = None,
    if_better: IfBetter | None = None,
    force: str | None = None,
) -> AddReport:
    """Store weights, write and stage their pointer; arguments are those of `add_many`.

    Raises NotSetUpError if `gitmodel init` has not been run, WeightsError if there is nothing at the
    path, ModelNameError if the name is taken by another pointer, or not a name, ChangedWhileReadError if
    the weights changed while they were read, GateError if the gate refuses them; then nothing was
    registered.
    """
    done = add_many(
        project,
        [path],
        given=given,
        name=name,
        message=message,
        follow=follow,
        base=base,
        excluding=excluding,
        if_better=if_better,
        force=force,
    )
    if done.failed:
        raise done.failed[0][1]
    if done.refused:
        raise refusal(project, done.refused[0])
    return replace(done.added[0], committed=done.committed)


def add_many(
    project: Project,
    paths: Sequence[str],
    *,
    given: MetadataInput | None = None,
    name: str | None = None,
    message: str | None = None,
    follow: bool = False,
    base: str | None = None,
    excluding: Excluding | None = None,
    rehash: bool = False,
    if_better: IfBetter | None = None,
    force: str | None = None,
) -> AddedMany:
    """Store weights, write and stage their pointers, a version of a model for each path.

    Paths are files and folders, as typed. Of several, those that a shell's pattern catches by accident
    are passed over, such as pointers. `given` is recorded for each path.

    The name is by default from the path, or as it is called already. A model that has the given name
    (only with one path) goes on at the path. `message` commits the pointers if all paths were added.
    `follow` stores what symbolic links point to. `base` refers to the model that these were fine-tuned
    from: only what differs from it is stored, and the pointers name it; its weights are fetched if they
    are not here. The pointers keep what is `excluding` from folders. `rehash` reads all weights, also
    those whose size and times have not changed.

    New weights are judged by HEAD's gate for the model, and by `if_better`. What is refused is neither
    stored nor numbered, unless `force` gives a reason; the pointer keeps it.

    Raises GitmodelError if a path cannot be added, as far as can be seen beforehand: nothing was. Or if
    the cache cannot be written: the message says how many paths were added before.
    """
    project.require_set_up()
    if name is not None and len(paths) != 1:
        raise UsageError("--name is for one path", hint="gitmodel add PATH --name NAME")
    if force is not None and not force.strip():
        raise UsageError(
            "the reason for overriding the gate is empty",
            hint="gitmodel add PATH --force WHY",
        )
    if rehash:
        project.worktree.rehash()
    judging = Judging(
        project,
        RegistrationGate(project, if_better, force),
        PolicyCheck(project),
        force=force,
        follow=follow,
        base=base,
    )
    adding = Adding(
        project,
        given or MetadataInput(),
        follow=follow,
        base=base,
        excluding=excluding or Excluding(),
        several=len(paths) > 1,
        judging=judging,
    )
    models = read_models(project)
    chosen = select_paths(project, models, paths, name, adding.prepare)
    adding.run(chosen.items, Moved(project, models.models, named=name is not None))
    note_seen(project)
    places = [item.target.weights for item in chosen.items]
    added = [adding.added[place] for place in places if place in adding.added]
    failed = [*judging.failed, *adding.failed]
    done = AddedMany(added, failed, chosen.left_out, judging.refused)
    if message is not None and added and not done.failed:
        done.committed = _commit(project, message, done.added, adding.touched)
    return done


def refusal(project: Project, refused: Refused) -> GateError:
    """The error about weights that a gate refused."""
    command = f"gitmodel add {project.typed(refused.path)}"
    if refused.is_new:
        command += f" --name {refused.run.name}"
    return GateError(
        refused_words(refused.run.rules),
        hint=f"they stay on disk; to register them all the same: {command} --force WHY",
        model=refused.run.name,
    )


def _commit(
    project: Project, message: str, added: Sequence[AddReport], touched: Collection[str]
) -> str | None:
    """Commit these paths, and the files of `gitmodel init` if they were never committed.

    Nothing is committed where HEAD has the pointers already.
    """
    pointers = {report.pointer_path for report in added}
    changed = project.index.changed_since_head()
    if not changed & (pointers | set(touched)):
        return None
    # The ignore rule may be staged since an `add` without a message.
    ours = {CONFIG_NAME, ".gitattributes"} | {_beside(path) for path in pointers}
    own = (changed & (ours | pointers)) | set(touched)
    project.repository.run(
        *("commit", "--quiet", "-m", message, "--pathspec-from-file=-", "--pathspec-file-nul"),
        input_bytes="".join(f":(literal){path}\0" for path in sorted(own)).encode(
            "utf-8", "surrogateescape"
        ),
    )
    return project.repository.head() or ""


def _beside(pointer_path: str) -> str:
    folder, slash, _ = pointer_path.rpartition("/")
    return f"{folder}{slash}.gitignore"
