"""What the history of a branch does not explain: traces that Git does not own.

Git alone cannot show that history was rewritten. Two witnesses remain: the claims on the primary remote, one for each
version that was ever pushed, and the reflog of the remote-tracking branch in this clone.

A version whose claim no ref of this clone explains is *probably squashed* if the pointer of a later version names it as
the version before, or if it was claimed from the same branch, which is not the one that is looked at, as such a version
and the numbers between them are missing too. That is what a squash merge of a branch with several versions leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitmodel.domain.instant import instant_text
from gitmodel.errors import DamagedObjectError, GitmodelError, RemoteError, RepositoryError
from gitmodel.git.ref_updates import forced_updates
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.model_history import histories_of, history_of
from gitmodel.project.history.version_owners import claims_seen, read_owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.project.history.audited_branch import AuditedBranch
    from gitmodel.project.history.model_history import ModelHistory
    from gitmodel.project.project import Project
    from gitmodel.store.claims import Claim

UnexplainedKind = Literal["claim", "probably-squashed", "forced-update", "damaged-claim"]
_SHORT = 10  # hex digits of a commit in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """One thing that the history of the branch does not explain."""

    kind: UnexplainedKind
    name: str | None = None  # of the model
    version: int | None = None
    commit: str | None = None  # that is missing
    detail: str  # what was looked at, and what it says

    @property
    def is_alarm(self) -> bool:
        """Whether the check fails for it."""
        return self.kind != "probably-squashed"


class Witnesses(NamedTuple):
    """What was compared with the history."""

    unexplained: tuple[Unexplained, ...]
    claims: int  # how many were compared
    updates_known: bool  # whether this clone has a reflog of the branch
    notes: tuple[str, ...]


def find_unexplained(project: Project, branch: AuditedBranch, name: str | None = None) -> Witnesses:
    """Compare claims and reflog with the history of this clone.

    Raises RepositoryError if this clone lacks old commits: what it lacks cannot be told from what was
    removed.
    """
    lack = find_missing_history(project)
    if lack is not None:
        raise RepositoryError(
            f"{lack.reason}, so what history does not explain is not known", hint=lack.command
        )
    claimed, notes = _claimed(project, name)
    found = _without_commit(project, claimed, branch.name.rpartition("/")[2])
    ref = _tracking_ref(project, branch)
    updates = None if ref is None else forced_updates(project.repository, ref)
    where = "" if ref is None else ref.removeprefix("refs/remotes/")
    for update in updates or ():
        at = instant_text(update.when)
        found.append(
            Unexplained(
                kind="forced-update",
                commit=update.old,
                detail=f"{where} was moved from {update.old[:_SHORT]} to {update.new[:_SHORT]}, which "
                f"does not contain it; this clone saw that at {at}",
            )
        )
    if updates is None:
        what = where or f"the remote branch of {branch.name}"
        notes.append(f"this clone has not seen {what} move, so it knows of no forced update")
    count = sum(len(numbers) for numbers in claimed.values())
    return Witnesses(tuple(found), count, updates is not None, tuple(notes))


def _tracking_ref(project: Project, branch: AuditedBranch) -> str | None:
    """The remote-tracking branch that is the branch, or that it follows."""
    if branch.ref is not None and branch.ref.startswith("refs/remotes/"):
        return branch.ref
    local = (branch.ref or "").removeprefix("refs/heads/")
    if not local or local == branch.ref:
        return None
    code, output = project.repository.attempt(
        *("rev-parse", "--verify", "--quiet", "--symbolic-full-name", f"{local}@{{upstream}}"),
        accept=(0, 1, 128),
    )
    ref = output.decode("utf-8", "surrogateescape").strip()
    return ref if not code and ref.startswith("refs/remotes/") else None


def _claimed(
    project: Project, name: str | None
) -> tuple[dict[str, dict[int, str | None]], list[str]]:
    """The claimed numbers by model, with the digest where this clone has read the claim; and notes."""
    seen = claims_seen(project)
    found: dict[str, dict[int, str | None]] = {
        model: dict(seen.owners(model)) for model in seen.names()
    }
    notes = []
    try:
        from gitmodel.store.claims import list_claims

        for model, number in list_claims(project.store(), project.config.project):
            found.setdefault(model, {}).setdefault(number, None)
    except RemoteError as error:
        notes.append(f"{error.message}; only claims that this clone has read before were compared")
    if name is not None:
        found = {model: numbers for model, numbers in found.items() if model == name}
    return found, notes


def _without_commit(
    project: Project, claimed: Mapping[str, Mapping[int, str | None]], main: str
) -> list[Unexplained]:
    """The claims of contents that no ref of this clone names under their number."""
    found: list[Unexplained] = []
    for name, history in _heads_of(project, claimed).items():
        missing = {}
        for number, digest in sorted(claimed[name].items()):
            contents = history.naming.contents(number)
            if (digest is None and not contents) or (digest is not None and digest not in contents):
                missing[number] = digest
        if missing:
            found += _described(project, name, missing, main)
    return found


def _heads_of(project: Project, names: Iterable[str]) -> dict[str, ModelHistory]:
    """The numbers and contents of models, without parsing their pointers."""
    names = list(names)
    if len(names) == 1:
        return {names[0]: history_of(project, names[0], only=lambda _head: False)}
    return histories_of(project, names, only=lambda _head: False)


def _described(
    project: Project, name: str, missing: Mapping[int, str | None], main: str
) -> list[Unexplained]:
    claims: dict[int, Claim] = {}
    found: list[Unexplained] = []
    for number in missing:
        try:
            claim = read_owner(project, name, number)
        except DamagedObjectError as error:
            found.append(
                Unexplained(kind="damaged-claim", name=name, version=number, detail=error.message)
            )
        except GitmodelError:
            claim = None
        else:
            if claim is not None:
                claims[number] = claim
    squashed = _squashed(project, name, missing, claims, main)
    broken = {one.version for one in found}
    return found + [
        _one(name, number, missing[number], claims.get(number), is_squashed=number in squashed)
        for number in missing
        if number not in broken
    ]


def _one(
    name: str, number: int, digest: str | None, claim: Claim | None, *, is_squashed: bool
) -> Unexplained:
    if claim is None:
        known = "" if digest is None else f" ({digest[:12]})"
        words = f"{name}@{number}{known} was registered, by a claim that this clone has read before"
    else:
        who = claim.by.partition(" <")[0]
        by = f" by {who}" if who else ""
        where = f" of {claim.ref}" if claim.ref else ""
        at = f" in commit {claim.commit[:_SHORT]}{where}" if claim.commit else ""
        words = f"{name}@{number} ({claim.digest.hex[:12]}) was registered on {claim.at}{by}{at}"
    return Unexplained(
        kind="probably-squashed" if is_squashed else "claim",
        name=name,
        version=number,
        commit=(claim.commit or None) if claim is not None else None,
        detail=f"{words}; no ref of this clone has it",
    )


def _squashed(
    project: Project,
    name: str,
    missing: Mapping[int, str | None],
    claims: Mapping[int, Claim],
    main: str,
) -> set[int]:
    """The numbers that a squash merge explains."""
    before = {
        (one.model.pointer.previous.version, one.model.pointer.previous.digest.hex)
        for one in history_of(project, name).seen
        if one.model.pointer.previous is not None
    }
    digests = {
        number: claims[number].digest.hex if number in claims else digest
        for number, digest in missing.items()
    }
    found = {number for number, digest in digests.items() if (number, digest) in before}
    for number in sorted(missing, reverse=True):
        above = number + 1
        if above in found and _same_ref(claims.get(number), claims.get(above), main):
            found.add(number)
    return found


def _same_ref(one: Claim | None, other: Claim | None, main: str) -> bool:
    if one is None or other is None:
        return False
    return one.ref == other.ref and one.ref not in ("", main)
