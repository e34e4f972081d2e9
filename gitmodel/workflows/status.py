"""`gitmodel status`: compare weights on disk, have, pointer and remote for each model.

No network. Weights whose stat data has not changed are not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX, POINTER_SUFFIX
from gitmodel.domain.versions import Verdict
from gitmodel.errors import ConfigError, GitmodelError, MixedPointerError
from gitmodel.project.git_files.weights_out_of_git import Exposed, exposed
from gitmodel.project.models import Model, Models, read_models, read_pointer_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights

_SUFFIXES = (POINTER_SUFFIX, ALIAS_SUFFIX, DEPRECATED_SUFFIX, EARLY_SUFFIX)


class State(StrEnum):
    """How the weights on disk compare with the pointer."""

    CLEAN = "clean"
    NEW_WEIGHTS = "new weights"  # the next commit registers them
    REFUSED = "refused"  # new weights that a gate refused
    EARLIER = "earlier version"  # the next commit returns to it
    STALE = "stale"  # older weights than the pointer's
    CHOOSE = "choose"  # new weights, and the pointer changed too
    MISSING = "missing"  # no weights on disk
    CHANGING = "changing"  # being written
    DAMAGED = "damaged"  # the machine crashed before they were written
    LINK = "link"  # a symbolic link


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model."""

    name: str
    version: int  # of its pointer
    path: str  # of the weights
    size: int  # in bytes, as the pointer states
    state: State  # how the weights on disk compare with the pointer
    committed: bool  # whether the pointer is the same as at HEAD
    published: bool  # whether this clone knows that the primary remote has the version
    next_command: str = ""  # to run, "" if none
    refused: tuple[str, ...] = ()  # what the gate refuses, a text each


@dataclass(slots=True)
class StatusReport:
    """All models, pointers and aliases with errors, and weights that Git tracks or would stage."""

    models: list[ModelStatus] = field(default_factory=list)
    broken: list[GitmodelError] = field(default_factory=list)
    remote: str = ""
    exposed: list[Exposed] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there is nothing to do."""
        fine = all(
            model.state is State.CLEAN and model.committed and model.published
            for model in self.models
        )
        return fine and not self.broken and not self.exposed


def status(project: Project, *, rehash: bool = False) -> StatusReport:
    """Compare weights on disk, have, pointer and ledger for every model.

    `rehash` reads all weights, including those whose stat data has not changed.
    """
    project.require_set_up()
    if rehash:
        project.worktree.rehash()
    indexed = project.index.entries(*(f"*{suffix}" for suffix in _SUFFIXES))
    in_conflict = {entry.path for entry in indexed if entry.stage}
    merged = [entry for entry in indexed if not entry.stage]
    entries = {entry.path: entry for entry in merged if entry.path.endswith(POINTER_SUFFIX)}
    models = read_models(project, sorted(entries))
    report = StatusReport(remote=project.address().url)
    models = _with_edited(project, models)
    report.broken = [error for _, error in models.broken]
    if len(entries) < len(merged):
        from gitmodel.project.version_marks import marks_in_work_tree

        broken = marks_in_work_tree(project).broken
        report.broken += [error for path, error in broken if path not in in_conflict]
    if in_conflict:
        from gitmodel.project.conflicts import conflict_errors

        report.broken += conflict_errors(project)
    staged = project.index.changed_since_head() if models.models else frozenset()
    published_blobs = _published(project, models.models)
    for model in models.models:
        blob = project.repository.blob_id(model.raw)
        is_staged = blob == entries[model.path].oid
        published = blob in published_blobs
        try:
            committed = is_staged and model.path not in staged
            row = _status_of(project, model, committed=committed, published=published)
            if row.next_command == "git commit" and not is_staged:
                row = replace(
                    row, next_command=f"git add {project.typed(model.path)}, then git commit"
                )
        except GitmodelError as error:  # a link in a folder, say: the other models are fine
            report.broken.append(error.about(model.name))
        else:
            report.models.append(row)
    for name in {n for n in models.names() if models.names().count(n) > 1}:
        try:
            models.require(name)
        except GitmodelError as error:
            report.broken.append(error)
    report.exposed = exposed(project, models.models)
    return report


def _with_edited(project: Project, models: Models) -> Models:
    """The models, including pointers edited by hand, whose check the next commit renews."""
    mixed = {path for path, error in models.broken if isinstance(error, MixedPointerError)}
    if not mixed:
        return models
    from gitmodel.project.committing.edited_pointers import edited_by_hand, with_restore_hint

    found = list(models.models)
    broken = []
    for path, error in models.broken:
        raw = read_pointer_file(project.root, path) if path in mixed else None
        pointer = None if raw is None else edited_by_hand(project, path, raw)
        if raw is not None and pointer is not None:
            found.append(Model(path, pointer, raw))
        else:
            broken.append(
                (path, with_restore_hint(project, path, error) if path in mixed else error)
            )
    return Models(tuple(sorted(found, key=lambda model: model.path)), tuple(broken))


def _published(project: Project, models: Sequence[Model]) -> set[str]:
    """The pointer blobs whose version is on the primary remote, as far as this clone knows.

    This clone pushed them; or it fetched their weights, and the upstream or default branch has the pointer.
    A pointer on a branch alone is no proof: it may have been pushed without the hooks.
    """
    ledger = project.ledger()
    blobs = {project.repository.blob_id(model.raw): model for model in models}
    known = {blob for blob in blobs if ledger.knows(blob)}
    fetched = {
        blob: model
        for blob, model in blobs.items()
        if blob not in known and ledger.has_stored(model.pointer.digest)
    }
    if fetched:
        from gitmodel.git.remote_tracking import upstream

        default = project.reader.resolve("refs/remotes/origin/HEAD")
        for commit in {upstream(project.repository), default} - {None}:
            there = {entry.oid for entry in project.reader.tree(str(commit), POINTER_SUFFIX)}
            known |= fetched.keys() & there
    return known


def _status_of(project: Project, model: Model, *, committed: bool, published: bool) -> ModelStatus:
    weights = _look(project, model)
    state = _state(project, model, weights)
    refused: tuple[str, ...] = ()
    if state is State.NEW_WEIGHTS and weights.digest is not None:
        refused = _refusals(project, model, weights.digest)
        state = State.REFUSED if refused else state
    return ModelStatus(
        name=model.name,
        version=model.pointer.version,
        path=model.weights,
        size=model.pointer.size,
        state=state,
        committed=committed,
        published=published,
        next_command=_next(project, model, state, committed=committed, published=published),
        refused=refused,
    )


def _refusals(project: Project, model: Model, digest: Digest) -> tuple[str, ...]:
    """What keeps `git commit` from registering weights that were refused before."""
    from gitmodel.project.gates.rejected import last_refusal

    run = last_refusal(project, model.name, digest)
    if run is None:
        return ()
    from gitmodel.project.gates.new_weights import RegistrationGate

    is_judged = bool(run.asked) or RegistrationGate(project).holds_for(model.name)
    return run.rules if is_judged or _has_policy(project) else ()


def _has_policy(project: Project) -> bool:
    from gitmodel.project.adding.policy import PolicyCheck

    try:
        return not PolicyCheck(project).allows_all
    except ConfigError:  # a commit tells it, and applies no policy
        return False


def _look(project: Project, model: Model) -> Weights:
    progress = project.context.progress
    progress.start(
        f"hashing {model.name}", project.worktree.size_to_read(model.name, model.weights)
    )
    try:
        return project.worktree.hash_weights(model.name, model.weights)
    except GitmodelError as error:
        raise error.about(model.name) from error
    finally:
        progress.finish()


def _state(project: Project, model: Model, weights: Weights) -> State:
    if weights.digest is None:
        return _state_without_digest(weights)
    if weights.digest == model.pointer.digest:
        return State.CLEAN
    from gitmodel.project.committing.version_decisions import decide_commit

    verdict = decide_commit(project, model, weights).verdict
    return {
        Verdict.STALE: State.STALE,
        Verdict.CHOOSE: State.CHOOSE,
        Verdict.KNOWN: State.EARLIER,
    }.get(verdict, State.NEW_WEIGHTS)


def _state_without_digest(weights: Weights) -> State:
    if weights.changing:
        return State.CHANGING
    if weights.damaged:
        return State.DAMAGED
    return State.LINK if weights.kind.value == "link" else State.MISSING


def _next(project: Project, model: Model, state: State, *, committed: bool, published: bool) -> str:
    if state is State.CLEAN:
        if not committed:
            return "git commit"
        if published:
            return ""
        return (
            f"gitmodel renumber {model.name} --commit" if _is_taken(project, model) else "git push"
        )
    typed = project.typed(model.weights)
    commands = {
        State.NEW_WEIGHTS: f"git commit -am MESSAGE, or gitmodel add {typed}",
        State.REFUSED: f"gitmodel add {typed} --force WHY",
        State.EARLIER: f"git commit -am MESSAGE, or gitmodel checkout {model.name}",
        State.STALE: f"gitmodel checkout {model.name}",
        State.MISSING: f"gitmodel checkout {model.name}",
        State.CHOOSE: f"gitmodel add {typed}, or gitmodel checkout --force {model.name}",
        State.LINK: f"gitmodel add --follow {typed}",
        State.CHANGING: "wait until training has finished writing",
        State.DAMAGED: f"gitmodel checkout --force {model.name}",
    }
    return commands[state]


def _is_taken(project: Project, model: Model) -> bool:
    """Whether a claim that this clone has read gives the number to other content."""
    from gitmodel.project.history.version_owners import claims_seen

    owner = claims_seen(project).owners(model.name).get(model.pointer.version)
    return owner not in (None, model.pointer.digest.hex)
