"""`gitmodel rollback`: let an alias mean an earlier value again.

The values of the alias on the branch are a stack; see `domain.alias_stack`. What is in the work tree counts as one
more move, so that each of several roll-backs before a commit goes one further, and the roll-back of a promotion
that is not committed restores what is committed. Gates do not apply.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import Digest
from gitmodel.domain.pointer import ALIAS_SUFFIX, Previous
from gitmodel.domain.reference import Reference, check_alias
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import (
    GitmodelError,
    ObjectMissingError,
    RemoteError,
    RepositoryError,
    UnknownReferenceError,
    UsageError,
)
from gitmodel.project.alias_changes import alias_target, make_change
from gitmodel.project.aliases import deprecations_of
from gitmodel.project.history.alias_history import alias_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.version_owners import known_owner
from gitmodel.project.publishing.on_primary import require_on_primary
from gitmodel.project.references import resolve

if TYPE_CHECKING:
    from gitmodel.domain.alias_stack import AliasStack
    from gitmodel.project.alias_changes import AliasChange, AliasTarget, Delivery
    from gitmodel.project.history.alias_history import AliasHistory
    from gitmodel.project.project import Project


def rollback(
    project: Project,
    name: str,
    alias: str,
    *,
    to: str | None = None,
    why: str | None = None,
    delivery: Delivery = "stage",
) -> AliasChange:
    """Let an alias mean its value before, or an earlier one.

    `to` is the number of the version, such as `5` or `v5`, None for the value before. `why` is kept in the
    file of the alias.

    Raises UnknownReferenceError if there is no such model or alias, no earlier value as far as this clone
    knows, or the alias never meant that version; GitmodelError if the version is deprecated;
    ObjectMissingError or VersionTakenError if the primary lacks the version, or has another one of that
    number; for `commit`, RepositoryError if the alias has a change that is not committed; ModelNameError or
    UsageError if the alias or the number is not valid; AliasError if the present file of the alias does not
    parse.
    """
    check_alias(alias)
    number = None if to is None else _number(name, to)
    target = alias_target(project, name, alias, delivery)
    if delivery == "commit":
        _refuse_uncommitted(target)
    history = alias_history(project, _path_at_tip(project, target), alias, target.tip)
    stack = history.stack(name)
    if delivery == "stage":
        stack = stack.moved(target.present)
    before = None if stack.is_removed else stack.top
    if number is None:
        wanted = _value_before(target, history, stack)
    else:
        wanted = _earlier_value(project, target, history, stack, number)
    if before is not None and before.version == wanted.version and before.digest == wanted.digest:
        return replace(target.change_to(before), before=before)
    _refuse_deprecated(project, target, stack, wanted)
    notes = _check_primary(project, target, wanted, to)
    if isinstance(wanted, Alias):
        after = stack.moved(wanted).top or wanted
    else:
        after, more = _described(project, target, wanted)
        notes += more
    change = target.change_to(replace(after, why=why, forced=None, imported=None))
    change = make_change(
        project,
        replace(change, before=before),
        delivery,
        subject=f"Roll back {name}@{alias} to v{after.version}",
        branch=f"rollback/{name.replace('/', '-')}-{alias}-v{after.version}",
    )
    return replace(change, notes=(*notes, *change.notes))


def _number(name: str, to: str) -> int:
    try:
        return Reference.parse(f"{name}@{to}").number
    except (UnknownReferenceError, ValueError) as error:
        raise UsageError(
            f"--to takes the number of a version, not {quote_text(to, limit=80)}",
            hint=f"gitmodel log {name}",
        ) from error


def _refuse_uncommitted(target: AliasTarget) -> None:
    """Refuse to commit a roll-back of what is committed over a change that is not."""
    present, committed = target.present, target.committed
    if present == committed:
        return
    path = shlex.quote(target.path)
    raise RepositoryError(
        f"{target.name}@{target.alias} is {_words(present)} in the work tree, but {_words(committed)} "
        "is committed",
        hint=f"git commit {path}, or git restore --staged --worktree {path}, then again",
        model=target.name,
    )


def _words(alias: Alias | None) -> str:
    return "removed" if alias is None else f"v{alias.version}"


def _path_at_tip(project: Project, target: AliasTarget) -> str:
    """The path of the alias file at the tip: another one if `gitmodel mv` moved it since."""
    present = target.present
    if target.committed is not None or present is None or target.tip is None:
        return target.path
    suffix = f".{target.alias}{ALIAS_SUFFIX}"
    staged = {entry.path for entry in project.index.entries(f"*{suffix}")}
    gone = [e for e in project.reader.tree(target.tip, suffix) if e.path not in staged]
    blobs = project.reader.blobs([entry.oid for entry in gone])
    for entry in gone:
        with suppress(GitmodelError):
            if Alias.from_text(blobs.get(entry.oid, b""), entry.path).means(present):
                return entry.path
    return target.path


def _value_before(
    target: AliasTarget, history: AliasHistory, stack: AliasStack
) -> Alias | Previous:
    name, alias = target.name, target.alias
    wanted, top = stack.back(), stack.top
    if wanted is not None:
        return wanted
    missing = history.missing
    if top is None:
        raise UnknownReferenceError(
            f"there is no {name}@{alias}" + (f", {missing.reason}" if missing else ""),
            hint=missing.command if missing else f"gitmodel log {name}",
            model=name,
        )
    if missing is not None:
        raise UnknownReferenceError(
            f"what {name}@{alias} meant before v{top.version} is not known: {missing.reason}",
            hint=f"{missing.command}, or --to VERSION",
            model=name,
        )
    raise UnknownReferenceError(
        f"{name}@{alias} meant nothing before v{top.version}",
        hint=f"gitmodel promote {name}@VERSION {alias}; to remove the alias: "
        f"gitmodel promote {name}@none {alias}",
        model=name,
    )


def _earlier_value(
    project: Project, target: AliasTarget, history: AliasHistory, stack: AliasStack, number: int
) -> Alias | Previous:
    """The value with a number: of the stack, else the newest one, else any version if values may be missing."""
    name = target.name
    found = stack.find(number)
    if found is not None:
        return found
    before = stack.entries[0].previous if stack.entries else None
    if before is not None and before.version == number:
        return before
    for value in history.values:
        if value.alias is not None and value.alias.version == number:
            return replace(value.alias, name=name)
    if history.missing is not None:
        return Previous(number, _digest_of(project, name, number))
    raise UnknownReferenceError(
        f"{name}@{target.alias} never meant v{number}",
        hint=f"gitmodel promote {name}@{number} {target.alias}",
        model=name,
    )


def _digest_of(project: Project, name: str, number: int) -> Digest:
    """The content of a number in a clone without the whole history: by a pointer, else by its claim."""
    try:
        return resolve(project, Reference(name, "version", str(number))).pointer.digest
    except UnknownReferenceError:
        with suppress(RemoteError):
            owner = known_owner(project, name, number)
            if owner is not None:
                return Digest.parse(f"blake3:{owner}")
        raise


def _refuse_deprecated(
    project: Project, target: AliasTarget, stack: AliasStack, wanted: Alias | Previous
) -> None:
    """Refuse a deprecated version; the hint names the next value beneath it that is not deprecated."""
    name = target.name
    deprecated = deprecations_of(project, name).versions
    if wanted.version not in deprecated:
        return
    lower = [one for one in stack.beneath(wanted) if one.version not in deprecated]
    hint = f"gitmodel rollback {name} {target.alias} --to {lower[0].version}" if lower else None
    raise GitmodelError(
        f"{name}@{wanted.version} is {deprecated[wanted.version].words()}",
        hint=hint or f"gitmodel log {name}",
        model=name,
    )


def _check_primary(
    project: Project, target: AliasTarget, wanted: Alias | Previous, to: str | None
) -> tuple[str, ...]:
    """Make sure that the primary has the weights; a note if it cannot be asked."""
    option = "" if to is None else f" --to {wanted.version}"
    next_ = f"gitmodel rollback {target.name} {target.alias}{option}"
    try:
        require_on_primary(project, target.name, wanted.version, wanted.digest, next_)
    except RemoteError as error:
        version = f"{target.name}@{wanted.version}"
        return (f"{error.message}; whether it has {version} is checked by git push",)
    return ()


def _described(
    project: Project, target: AliasTarget, wanted: Previous
) -> tuple[Alias, tuple[str, ...]]:
    """The alias of a version of which only number and digest are known, and notes.

    Its pointer describes it. If this clone lacks the pointer, the manifest does, without metrics.
    """
    name, digest = target.name, wanted.digest
    history = history_of(project, name, only=lambda head: head.digest == digest.hex)
    found = history.entries_of(digest)
    if found:
        pointer = replace(found[0].model.pointer, version=wanted.version)
        return Alias.of(target.alias, pointer), ()
    manifest = project.cache.manifest(digest) or project.store().manifest(digest)
    if manifest is None:
        raise ObjectMissingError(
            f"{name}@{wanted.version} is not on {project.store().url}",
            hint=f"gitmodel log {name}",
            model=name,
        )
    after = Alias(
        name=name,
        alias=target.alias,
        version=wanted.version,
        digest=digest,
        size=manifest.total_size,
        chunks=manifest.chunk_list(),
    )
    note = f"this clone lacks the pointer of {name}@{wanted.version}, so the alias has no metrics"
    return after, (note,)
