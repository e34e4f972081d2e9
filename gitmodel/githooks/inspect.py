"""See what is in a hooks folder: which hooks are ours, which are other people's, and whose.

Words: a *hook* is a file in the hooks folder that Git runs; our *script* may be that file, or stand
behind the hook of the pre-commit tool, which renames what it finds to `<hook>.legacy` and runs it;
another tool may be *told* by its own configuration to run `gitmodel hook`;
the *earlier* hook is the one that we moved to `<hook>.before-gitmodel`.

What holds: nothing here changes anything, and no file in a hooks folder makes it fail or wait.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gitmodel.githooks.scripts import HOOK_NAMES, HookText, interpreter_in, maker_of, recognise
from gitmodel.githooks.third_party import is_told, read_hook

if TYPE_CHECKING:
    from collections.abc import Mapping

EARLIER_SUFFIX: Final = ".before-gitmodel"

# `pre-commit install` renames the hook that it finds so, and runs it before its own checks.
LEGACY_SUFFIX: Final = ".legacy"


class HookState(StrEnum):
    """What stands at the name of one hook."""

    ABSENT = "absent"
    OURS = "ours"  # the script of this gitmodel
    OUTDATED = "outdated"  # the script of an earlier or later gitmodel
    EDITED = "edited"  # our script, changed by a person
    NOT_EXECUTABLE = "not executable"  # our script, but Git ignores it
    BEHIND_PRE_COMMIT = "behind"  # the hook of pre-commit, which runs our script as `<hook>.legacy`
    DELEGATED = "told"  # of another tool, which is told to run gitmodel
    OTHER = "other"  # somebody else's


_STATES = {
    HookText.CURRENT: HookState.OURS,
    HookText.OTHER_VERSION: HookState.OUTDATED,
    HookText.EDITED: HookState.EDITED,
    HookText.FOREIGN: HookState.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is in a hooks folder.

    Attributes:
        folder: The folder as it was given.
        states: The state of each of `HOOK_NAMES`.
        scripts: For hooks that are ours, where our script is.
        interpreters: For hooks that are ours, the Python that they start ("": none filled in).
        makers: For hooks that are not ours, the tool that wrote them, where it is a known one.
        outdated: Hooks that are ours, of another gitmodel, wherever our script is.
        edited: Hooks that are ours and that a person changed.
        earlier: Hooks that have a `<hook>.before-gitmodel` beside them.
        in_work_tree: The folder lies among the files that people commit, so installing there
            changes or adds such files.
        manager: The tool that owns and rewrites the whole folder (husky), if there is one.
        writable: This process may write there, or create the folder.
    """

    folder: str
    states: Mapping[str, HookState]
    scripts: Mapping[str, str]
    interpreters: Mapping[str, str]
    makers: Mapping[str, str]
    outdated: tuple[str, ...]
    edited: tuple[str, ...]
    earlier: tuple[str, ...]
    in_work_tree: bool
    manager: str | None
    writable: bool


@dataclass(frozen=True, slots=True)
class FoundHook:
    """One hook as found: the file that is, or would be, our script, and what is in it."""

    name: str
    path: str
    state: HookState
    kind: HookText
    text: bytes


def inspect(folder: str, *, work_tree: str | None = None) -> Inspection:
    """Look at a hooks folder; changes nothing, and a missing folder is no error.

    Args:
        folder: Absolute path from `git rev-parse --git-path hooks`.
        work_tree: Absolute path of the work tree, to tell whether the folder is part of it.
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
    """Look at one hook; nothing there is `ABSENT`.

    Without a work tree it is not known what other tools are told.
    """
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
    """Names of the hooks that have an earlier one beside them."""
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
    # husky 9 keeps `h`, earlier ones `husky.sh`, in the folder to which it sets core.hooksPath.
    own = os.path.join(".husky", "_")
    husky = os.path.abspath(folder).endswith(own) or os.path.exists(f"{folder}/husky.sh")
    return "husky" if husky else None
