"""The policy for new versions: code that loading may run, and the license of the base.

As gates, it is HEAD's, so a commit cannot lower its own bar; before the first commit it is that of the work tree.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.config.policy import Policy, code_problem, license_problem, policy_of
from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError
from gitmodel.project.gates.configured import settings_at
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.project import Project

_MAX_BASES = 10  # versions that were fine-tuned from each other


class Findings(NamedTuple):
    """What a policy finds, a text each."""

    refused: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()


class PolicyCheck:
    """Checks new content. Methods raise ConfigError if the configuration is not valid."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def policy(self) -> Policy:
        """The policy of HEAD."""
        head = self._project.reader.resolve("HEAD")
        if head is None:
            return policy_of(self._project.config.unknown, what=CONFIG_NAME)
        where = f"{CONFIG_NAME} in commit {head[:10]}"
        return policy_of(settings_at(self._project, head), what=where)

    @property
    def allows_all(self) -> bool:
        """Whether nothing is checked."""
        return self.policy == Policy()

    def findings(
        self,
        description: Mapping[str, Value] | None,
        old: Pointer | None,
        base: str | None = None,
    ) -> Findings:
        """What is to be said about new weights with this `format`.

        License and base are those of the pointer before; `base` replaces its base.
        """
        found: dict[str, list[str]] = {"refuse": [], "warn": []}
        problems = []
        if self.policy.code != "allow":
            problems.append((self.policy.code, code_problem(description)))
        if self.policy.license != "allow":
            own = None if old is None else old.license
            base = base or (None if old is None else old.base)
            problems.append((self.policy.license, license_problem(own, self._license_of(base))))
        for action, problem in problems:
            if problem is not None:
                found[action].append(problem)
        return Findings(tuple(found["refuse"]), tuple(found["warn"]))

    def _license_of(self, base: str | None) -> str | None:
        """The license of the nearest base that has one, in this repository."""
        from gitmodel.project.references import resolve

        seen: set[str] = set()
        while base is not None and base not in seen and len(seen) < _MAX_BASES:
            seen.add(base)
            try:
                pointer = resolve(self._project, Reference.parse(base)).pointer
            except GitmodelError:  # in another repository, or gone
                return None
            if pointer.license is not None:
                return pointer.license
            base = pointer.base
        return None
