"""`gitmodel promote`: let an alias of a model mean another version, or remove the alias."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.reference import check_alias
from gitmodel.errors import GitmodelError, UnknownReferenceError, UsageError
from gitmodel.project.alias_changes import alias_target, make_change
from gitmodel.project.aliases import deprecations_of
from gitmodel.project.gates.promotion import Promotion, judge_promotion
from gitmodel.project.history.alias_history import promoted_value
from gitmodel.project.merged_versions import require_merged
from gitmodel.project.publishing.on_primary import require_on_primary
from gitmodel.project.references import resolve

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.reference import Reference
    from gitmodel.project.alias_changes import AliasChange, AliasTarget, Delivery
    from gitmodel.project.project import Project

NONE = "none"  # the reference NAME@none removes an alias


def promote(
    project: Project,
    reference: Reference,
    alias: str,
    *,
    why: str | None = None,
    delivery: Delivery = "stage",
    unmerged: bool = False,
    force: str | None = None,
) -> AliasChange:
    """Let an alias mean a version; NAME@none removes the alias.

    The reasons `why` and `force`, to override the gate, are kept in the file of the alias. A version that
    the gate refuses is not promoted without `force`; `gate` of the result says so. `unmerged` also takes a
    version that the branch of the change does not have.

    Raises UnknownReferenceError if there is no such version or model, no such alias to remove, or the
    version is on other branches only; GitmodelError if the version is deprecated; ObjectMissingError or
    VersionTakenError if the primary lacks the version, or has another one of that number; ModelNameError if
    the alias is not valid; AliasError if its present file does not parse; RemoteError if the primary cannot
    be asked and the ledger does not know the version; UsageError if the reason for overriding is empty;
    ConfigError if the configuration of the branch, or its gates, are not valid.
    """
    if force is not None and not force.strip():
        raise UsageError(
            "the reason for overriding the gate is empty",
            hint=f"gitmodel promote {reference} {alias} --force WHY",
        )
    check_alias(alias)
    removes = reference.kind == "word" and reference.value == NONE
    pointer = None if removes else resolve(project, reference).pointer
    target = alias_target(project, reference.name, alias, delivery)
    if pointer is None:
        return _remove(project, target)
    next_ = f"gitmodel promote {pointer.name}@{pointer.version} {alias}"
    refuse_deprecated(project, pointer, alias)
    require_on_primary(project, pointer.name, pointer.version, pointer.digest, next_)
    if not unmerged and target.tip is not None:
        require_merged(
            project,
            pointer,
            target.tip,
            target.branch,
            f"{next_} --pr" if delivery == "pr" else next_,
            is_proposal=delivery == "pr",
        )
    move = Promotion(target.name, alias, target.path, target.tip, target.committed)
    gate = judge_promotion(project, move, pointer)
    if gate is not None and gate.is_refused:
        gate = gate._replace(forced=force)
    after = Alias.of(alias, pointer, why=why, forced=None if gate is None else gate.forced)
    change = target.change_to(promoted_value(project, target.path, target.tip, after))
    if change.is_new and gate is not None:
        change = replace(change, gate=gate)
        if gate.is_refused:
            return change
    name = pointer.name.replace("/", "-")
    return make_change(
        project,
        change,
        delivery,
        subject=f"Promote {pointer.name} v{pointer.version} to {alias}",
        branch=f"promote/{name}-{alias}-v{pointer.version}",
    )


def refuse_deprecated(project: Project, pointer: Pointer, alias: str) -> None:
    """Refuse to let an alias mean a deprecated version.

    Raises GitmodelError, whose hint names the version to use instead.
    """
    found = deprecations_of(project, pointer.name).versions
    deprecation = found.get(pointer.version)
    if deprecation is None:
        return
    instead = deprecation.instead
    raise GitmodelError(
        f"{pointer.name}@{pointer.version} is {deprecation.words()}",
        hint=f"gitmodel log {pointer.name}"
        if instead is None
        else f"gitmodel promote {pointer.name}@{instead} {alias}",
        model=pointer.name,
    )


def _remove(project: Project, target: AliasTarget) -> AliasChange:
    if target.present is None and target.committed is None:
        raise UnknownReferenceError(
            f"there is no {target.name}@{target.alias}",
            hint=f"gitmodel log {target.name}",
            model=target.name,
        )
    name = target.name.replace("/", "-")
    return make_change(
        project,
        target.change_to(None),
        target.delivery,
        subject=f"Remove {target.name}@{target.alias}",
        branch=f"promote/{name}-{target.alias}-none",
    )
