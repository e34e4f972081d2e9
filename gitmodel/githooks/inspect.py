"""Inspect a hooks folder: which hooks are ours, and which tools own the others.

A *hook* is a file in the hooks folder that Git runs. Our *script* is that file, or the file `<hook>.legacy`, which
the hook of the pre-commit tool runs. A hook of another tool is *delegated* if its configuration runs `gitmodel hook`.
The *earlier* hook is the one that we renamed to `<hook>.before-gitmodel`. Inspecting changes nothing, and no file in
the folder makes it fail or wait.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.githooks.scripts import HOOK_NAMES, HookText, interpreter_in, maker_of, recognise
from gitmodel.githooks.third_party import is_told, read_hook

if TYPE_CHECKING:
    from collections.abc import Mapping

EARLIER_SUFFIX: Final = ".before-gitmodel"

# `pre-commit install` gives an existing hook this suffix, and runs it before its own checks.
LEGACY_SUFFIX: Final = ".legacy"


class HookState(StrEnum):
    """The state of one hook."""

    ABSENT = "absent"
    OURS = "ours"  # the script of this gitmodel
    OUTDATED = "outdated"  # the script of an earlier or later gitmodel
    EDITED = "edited"  # our script, edited by a user
    NOT_EXECUTABLE = "not executable"  # our script, but Git ignores it
    BEHIND_PRE_COMMIT = "behind"  # the hook of pre-commit, which runs our script as `<hook>.legacy`
    DELEGATED = "told"  # of another tool, which runs gitmodel
    OTHER = "other"  # of another tool or the user


_STATES = {
    HookText.CURRENT: HookState.OURS,
    HookText.OTHER_VERSION: HookState.OUTDATED,
    HookText.EDITED: HookState.EDITED,
    HookText.FOREIGN: HookState.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is in a hooks folder."""

    folder: str  # as given
    states: Mapping[str, HookState]  # of each of `HOOK_NAMES`
    scripts: Mapping[str, str]  # for our hooks, the path of our script
    interpreters: Mapping[str, str]  # for our hooks, the Python that they start ("" if none is set)
    makers: Mapping[str, str]  # for other hooks, the tool that wrote them, if it is known
    outdated: tuple[str, ...]  # our hooks of another gitmodel version
    edited: tuple[str, ...]  # our hooks that a user has edited
    earlier: tuple[str, ...]  # hooks that have a `<hook>.before-gitmodel`
    in_work_tree: bool  # whether installing changes files in the work tree
    manager: str | None  # the tool that owns and rewrites the whole folder (husky), if any
    writable: bool  # whether this process may write to the folder, or create it


class FoundHook(NamedTuple):
    """One hook: the file that is, or would become, our script, and its text."""

    name: str
    path: str
    state: HookState
    kind: HookText
    text: bytes


def inspect(folder: str, *, work_tree: str | None = None) -> Inspection:
    """Inspect a hooks folder, an absolute path as in `install`. A missing folder is no error.

    The absolute path of the work tree tells whether the folder is part of it.
    """
    hooks = [find(folder, name, work_tree=work_tree) for name in HOOK_NAMES]
    ours = [hook for hook in hooks if hook.kind is not HookText.FOREIGN]
    others = {HookState.OTHER, HookState.BEHIND_PRE_COMMIT, HookState.DELEGATED}
    theirs = [hook.name for hook in hooks if hook.state in others]
    makers = {name: maker_of(read_hook(os.path.join(folder, name))) for name in theirs}
    return Inspection(
        folder=folder,
        states={hook.name: hook.state for hook in hooks},
        scripts={hook.name: hook.path for hook in ours},
        interpreters={hook.name: interpreter_in(hook.text) for hook in ours},
        makers={name: maker for name, maker in makers.items() if maker is not None},
        outdated=tuple(hook.name for hook in hooks if hook.kind is HookText.OTHER_VERSION),
        edited=tuple(hook.name for hook in hooks if hook.kind is HookText.EDITED),
        earlier=earlier_hooks(folder),
        in_work_tree=work_tree is not None and _among_files(folder, work_tree),
        manager=_manager(folder),
        writable=_may_write(folder),
    )


def find(folder: str, name: str, *, work_tree: str | None = None) -> FoundHook:
    """Inspect one hook. Without a work tree, delegated hooks are not recognised."""
    place = os.path.join(folder, name)
    text = read_hook(place)
    kind = recognise(name, text)
    if not os.path.lexists(place):
        return FoundHook(name, place, HookState.ABSENT, kind, text)
    if kind is HookText.FOREIGN and maker_of(text) == "pre-commit":
        legacy = place + LEGACY_SUFFIX
        behind = read_hook(legacy)
        if recognise(name, behind) is not HookText.FOREIGN:
            return FoundHook(
                name, legacy, HookState.BEHIND_PRE_COMMIT, recognise(name, behind), behind
            )
    if kind is HookText.FOREIGN and is_told(name, text, folder=folder, work_tree=work_tree):
        return FoundHook(name, place, HookState.DELEGATED, kind, text)
    if kind is not HookText.FOREIGN and not os.access(place, os.X_OK):
        return FoundHook(name, place, HookState.NOT_EXECUTABLE, kind, text)
    return FoundHook(name, place, _STATES[kind], kind, text)


def earlier_hooks(folder: str) -> tuple[str, ...]:
    """The hooks that have an earlier hook."""
    places = {name: os.path.join(folder, name) + EARLIER_SUFFIX for name in HOOK_NAMES}
    return tuple(name for name, path in places.items() if os.path.lexists(path))


def _may_write(folder: str) -> bool:
    nearest = os.path.abspath(folder)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)


def _among_files(folder: str, work_tree: str) -> bool:
    inside = os.path.join(os.path.realpath(work_tree), "")
    real = os.path.join(os.path.realpath(folder), "")
    return real.startswith(inside) and ".git" not in real[len(inside) :].split(os.sep)


def _manager(folder: str) -> str | None:
    # husky sets core.hooksPath to a folder with `h` (husky 9) or `husky.sh` (earlier).
    own = os.path.join(".husky", "_")
    husky = os.path.abspath(folder).endswith(own) or os.path.exists(f"{folder}/husky.sh")
    return "husky" if husky else None
