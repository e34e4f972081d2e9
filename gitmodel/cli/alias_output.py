"""What `promote` and `rollback` print."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.cli.output import Output
    from gitmodel.domain.aliases import Alias
    from gitmodel.project.alias_changes import AliasChange


def say_change(output: Output, change: AliasChange) -> None:
    """Say what an alias meant, what it means now, and what to run next."""
    name = f"{change.name}@{change.alias}"
    if not change.staged and change.after is not None:
        output.say(f"{name} is v{change.after.version} already")
        return
    output.say(f"{name}: {_version(change.before)} -> {_version(change.after)}")
    output.say(f"staged {change.path}")
    output.say(f"next: git commit -m {shlex.quote(change.subject)}")


def _version(alias: Alias | None) -> str:
    return "none" if alias is None else f"v{alias.version}"
