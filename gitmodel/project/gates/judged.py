"""What `gitmodel gate` found: each changed version or alias, with its rules, and whether all may go in.

Guarantee: the verdict is `pass` only if every change was judged and none is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.domain.metrics import Metric
    from gitmodel.errors import GitmodelError
    from gitmodel.project.gates.ci_base import Base
    from gitmodel.project.gates.registration import BaselineVersion

ChangeKind = Literal["register", "promote"]
Evidence = Literal["declared", "confirmed", "measured"]
Verdict = Literal["pass", "refuse", "unjudged"]

REFUSED = 3  # exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedChange:
    """A new version, or an alias that means another version, and how it stands to its gate.

    Attributes:
        model: The name of the model.
        kind: Whether a version was registered, or an alias promoted.
        alias: The alias that was promoted.
        path: Of the pointer or alias file; "" if the version was named by a reference.
        version: Number of the version.
        digest: Of its weights.
        commit: The commit that has it; None for the work tree.
        metrics: What was judged.
        baseline: The version that it was compared with.
        gate: How it stands to the rules; None if no rule holds.
        forced: The reason that was given for overriding the gate.
        allow_force: Whether the gate lets such a reason count.
        notes: What a reader should know besides.
    """

    model: str
    kind: ChangeKind
    alias: str | None = None
    path: str = ""
    version: int
    digest: Digest
    commit: str | None
    metrics: Mapping[str, Metric]
    baseline: BaselineVersion | None
    gate: GateReport | None
    forced: str | None = None
    allow_force: bool = False
    notes: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether a rule refuses it, and no reason for overriding counts."""
        is_overridden = self.allow_force and bool((self.forced or "").strip())
        return self.verdict == "refuse" and not is_overridden

    @property
    def verdict(self) -> Verdict:
        """What the rules say, also if the gate was overridden."""
        return "pass" if self.gate is None else self.gate.verdict

    @property
    def title(self) -> str:
        """What was changed: `fraud v6`, `fraud@production v6`."""
        at = "" if self.alias is None else f"@{self.alias}"
        return f"{self.model}{at} v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """All changes that were judged.

    Attributes:
        base: What a request was compared with; None if two versions were named.
        against: What the changes were compared with, in words.
        config: The file with the rules.
        config_commit: The commit that has it; None for a file of the work tree.
        changes: The changes.
        problems: Errors because of which something is not judged, or must not go in whatever its metrics are.
        notes: What a reader should know besides.
        evidence: Whether the metrics are those that the files declare, that the tracker has of the run, or that were
            measured just now.
    """

    base: Base | None = None
    against: str
    config: str
    config_commit: str | None
    changes: tuple[JudgedChange, ...]
    problems: tuple[GitmodelError, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: Evidence = "declared"

    @property
    def verdict(self) -> Verdict:
        """`refuse` if anything is refused or has a problem, else `unjudged` if a rule could not be judged."""
        if self.problems or any(change.is_refused for change in self.changes):
            return "refuse"
        is_unjudged = any(change.verdict == "unjudged" for change in self.changes)
        return "unjudged" if is_unjudged else "pass"

    @property
    def exit_code(self) -> int:
        """0 if everything may go in, 1 for a problem, 3 if a rule refuses."""
        if self.problems:
            return 1
        return REFUSED if self.verdict == "refuse" else 0
