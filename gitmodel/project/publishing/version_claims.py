"""Check the version numbers of a push before anything is uploaded, and claim them at the end.

A damaged claim does not block a push forever. If history proves which content owns the number, the claim is
written again: the Git remote has the pointer, and no other content has had that number.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import DamagedObjectError, GitmodelError, VersionTakenError
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.version_owners import claims_seen, remember
from gitmodel.store.claims import Claim, claim_version, read_claim, replace_claim
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore

_CLAIM_TEXT = 1000  # characters of a name in a claim; readers accept 64 KiB in all


class _Me(NamedTuple):
    by: str
    at: str
    ref: str


class PushClaims:
    """The claims of one push; `problems` has the errors of pointers that are not required, by blob."""

    def __init__(self, project: Project, store: ObjectStore, outgoing: Sequence[Outgoing]) -> None:
        self._project = project
        self._store = store
        self._outgoing = outgoing
        self._found: dict[str, Claim | None] = {}  # claims read, by blob of the pointer
        self._damaged: dict[str, DamagedObjectError] = {}  # by blob of the pointer
        self.problems: dict[str, GitmodelError] = {}

    def check(self) -> None:
        """Read the claims, and refuse the push if another content owns a required number.

        A number introduced below the tips is not read; it is claimed only if it is free. Raises
        VersionTakenError if another content owns the number, or this push uses it twice, DamagedObjectError
        if the owner of a number cannot be read.
        """
        self._refuse_two_contents()
        for_each(self._read, [item for item in self._outgoing if item.tip or not item.required])
        self._remember()
        self._judge_owners(self._outgoing)
        for item in self._outgoing:
            damage = self._damaged.get(item.blob)
            if damage is not None and not self._is_owner(item):
                if item.required and item.tip:
                    raise _unknown_owner(item, damage)
                self.problems[item.blob] = _unknown_owner(item, damage)

    def _read(self, item: Outgoing) -> None:
        pointer = item.pointer
        try:
            self._found[item.blob] = read_claim(
                self._store, self._project.config.project, pointer.name, pointer.version
            )
        except DamagedObjectError as error:
            self._damaged[item.blob] = error

    def _refuse_two_contents(self) -> None:
        mine: dict[tuple[str, int], Outgoing] = {}
        for item in self._outgoing:
            if not item.tip or not item.required:
                continue
            other = mine.setdefault((item.pointer.name, item.pointer.version), item)
            if other.pointer.digest != item.pointer.digest:
                raise VersionTakenError(
                    f"version {item.pointer.version} names two contents in this push: "
                    f"{other.pointer.digest.short} in {other.commit[:10]}, "
                    f"{item.pointer.digest.short} in {item.commit[:10]}",
                    hint=f"gitmodel renumber {item.pointer.name}, on one of the branches",
                    model=item.pointer.name,
                )

    def _judge_owners(self, outgoing: Iterable[Outgoing]) -> None:
        """Refuse required tips whose numbers other content owns; record a problem for other tips."""
        taken: list[tuple[Outgoing, Claim]] = []
        for item in outgoing:
            claim = self._found.get(item.blob)
            if claim is None or claim.digest == item.pointer.digest or not item.tip:
                continue
            if item.required:
                taken.append((item, claim))
            else:
                self.problems[item.blob] = _taken([(item, claim)])
        if taken:
            raise _taken(taken)

    def claim_all(self, *, but: Collection[str]) -> None:
        """Claim the numbers. Required tips must succeed; other numbers are claimed only if they are free.

        `but` are blobs of pointers whose weights are missing: their numbers are not claimed. Raises
        VersionTakenError if another push claimed a required number first.
        """
        unique: dict[tuple[str, int], Outgoing] = {}
        for item in sorted(self._outgoing, key=lambda entry: (not entry.required, not entry.tip)):
            if item.blob in self.problems or item.blob in but:
                continue
            if self._found.get(item.blob) is None:
                unique.setdefault((item.pointer.name, item.pointer.version), item)
        if unique:
            _ = self._me  # compute it once, before the threads start
        for_each(self._take, list(unique.values()))
        self._remember()
        self._judge_owners(unique.values())

    def _take(self, item: Outgoing) -> None:
        mine = self._claim_of(item)
        if item.blob in self._damaged:
            replace_claim(self._store, self._project.config.project, mine)
            self._found[item.blob] = mine
            return
        try:
            self._found[item.blob] = claim_version(self._store, self._project.config.project, mine)
        except DamagedObjectError as error:
            self._found[item.blob] = None
            if item.required and item.tip:
                raise
            self.problems[item.blob] = error

    @cached_property
    def _me(self) -> _Me:
        """Author, time and branch for new claims, read from Git once."""
        repository = self._project.repository
        return _Me(
            repository.identity()[:_CLAIM_TEXT],
            self._project.context.timestamp(),
            (repository.branch() or "")[:_CLAIM_TEXT],
        )

    def _claim_of(self, item: Outgoing) -> Claim:
        return Claim(
            name=item.pointer.name,
            version=item.pointer.version,
            digest=item.pointer.digest,
            by=self._me.by,
            at=self._me.at,
            commit=item.commit,
            ref=self._me.ref,
            run_id=(item.pointer.run_id or "")[:_CLAIM_TEXT],
        )

    def _remember(self) -> None:
        remember(self._project, (claim for claim in self._found.values() if claim is not None))

    def _is_owner(self, item: Outgoing) -> bool:
        """Whether this content certainly owns a number whose claim is damaged.

        It does if this clone has read the claim before. Otherwise no other content may have the number in
        history, and the Git remote must already have this pointer: someone else may have claimed a number that
        was never pushed.
        """
        from gitmodel.project.history.model_history import history_of

        project, pointer = self._project, item.pointer
        seen_owner = claims_seen(project).owners(pointer.name).get(pointer.version)
        if seen_owner is not None:
            return seen_owner == pointer.digest.hex
        if find_missing_history(project) is not None or project.repository.is_partial_clone():
            return False
        same = [
            seen
            for seen in history_of(project, pointer.name).seen
            if seen.model.pointer.version == pointer.version
        ]
        if {seen.model.pointer.digest for seen in same} != {pointer.digest}:
            return False
        return any(project.history.is_on_a_remote(seen.change.commit) for seen in same)


def _taken(found: Sequence[tuple[Outgoing, Claim]]) -> VersionTakenError:
    item, claim = min(found, key=lambda pair: pair[0].pointer.name)
    name = item.pointer.name
    who = f", pushed by {claim.by}" if claim.by else ""
    when = f" on {claim.at}" if claim.at else ""
    run = f", run {claim.run_id}" if claim.run_id else ""
    further = sorted(i.version for i, _ in found if i is not item)
    also = f"; the same applies to {', '.join(further)}" if further else ""
    which = "" if further else f" {name}"  # without a name the command renumbers all of them
    nothing = ". Nothing was pushed" if item.required else ""
    return VersionTakenError(
        f"version {claim.version} is already taken by other content: "
        f"{claim.digest.short}{who}{when}{run}; yours is {item.pointer.digest.short}{also}{nothing}",
        hint=f"gitmodel renumber{which} --commit, then git push",
        model=name,
    )


def _unknown_owner(item: Outgoing, damage: DamagedObjectError) -> DamagedObjectError:
    name = item.pointer.name
    return DamagedObjectError(
        f"{damage.message}, so the owner of version {item.pointer.version} is unknown",
        hint="gitmodel push, in a clone with the whole history that has pushed it; or use another "
        f"number: gitmodel renumber {name} --commit, then git push",
        model=name,
    )
